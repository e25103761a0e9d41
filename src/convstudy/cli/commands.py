"""A group of commands."""

from __future__ import annotations

import click

from convstudy.errors import Location, UsageError, unknown


class Commands(click.Group):
    """A group that lists its commands in their order of use and suggests the nearest command for an unknown name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command by its name.

        Raises:
            UsageError: if there is no such command.
        """
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            raise UsageError(unknown("command", args[0], self.commands, Location(subject=ctx.command_path)))
        return super().resolve_command(ctx, args)
