"""``convstudy verdict``: compare two models from counts, without records of a run."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from convstudy.cli.options import examples, json_option
from convstudy.cli.output import print_json
from convstudy.errors import Location, Problem, UsageError

if TYPE_CHECKING:
    from convstudy.stats import Share


class Margin(click.ParamType):  # type: ignore[type-arg]  # generic in some versions of click only
    """An equivalence margin of accuracy: percentage points, or a share of the errors."""

    name = "margin"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float | Share:
        """Return a fraction or a share; raise :class:`UsageError` for any other text."""
        from convstudy.studyfile.margins import EXPECTED, share_of

        text = str(value)
        share = share_of(text)
        if share is not None:
            return share
        with suppress(ValueError):
            number = float(text)
            if 0 <= number <= 100:
                return number / 100
        raise UsageError(Problem(where=Location(subject="--margin"), got=text, expected=EXPECTED))


@click.command(
    epilog=examples(
        "convstudy verdict --successes 9951 9937 --n 10000",
        "convstudy verdict --successes 9951 9937 --n 10000 --discordant 21 7 --margin 0.2",
        "convstudy verdict --successes 9951 9937 --n 10000 --discordant 21 7 --margin '10 %'",
        "convstudy verdict --groups patients.csv",
    )
)
@click.option(
    "--successes",
    nargs=2,
    type=int,
    default=None,
    metavar="A B",
    help="The numbers of correct predictions of the two models.",
)
@click.option("--n", "n", type=int, metavar="N", help="The number of test images.")
@click.option(
    "--groups",
    "group_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Instead of all of these, for images in groups such as patients: a CSV file with the columns group, n, first, "
    "second and, if known, both (or first_only and second_only), one line per group; or the columns group, first and "
    "second (1: correct, 0: wrong), one line per image.",
)
@click.option(
    "--both-right",
    type=int,
    metavar="K",
    help="The number of images that both models predict correctly, if the test images are the same.",
)
@click.option(
    "--discordant",
    nargs=2,
    type=int,
    default=None,
    metavar="B C",
    help="Instead of --both-right: the number of images that only the first model predicts correctly, and the number "
    "that only the second model predicts correctly.",
)
@click.option(
    "--margin",
    type=Margin(),
    default="0.1",
    show_default=True,
    metavar="PP",
    help='The equivalence margin: percentage points of accuracy, or a share of the errors such as "10 %".',
)
@json_option
def verdict(
    successes: tuple[int, int] | None,
    n: int | None,
    group_file: Path | None,
    both_right: int | None,
    discordant: tuple[int, int] | None,
    margin: float | Share,
    as_json: bool,
) -> None:
    """Compare two models by their numbers of correct predictions.

    Use it for results of a notebook or a paper. The report of a run has the verdicts of that run.

    Exit status: 0 success, 2 wrong usage.
    """
    if group_file is not None:
        counts = {"--successes": successes, "--n": n, "--both-right": both_right, "--discordant": discordant}
        given = [name for name, value in counts.items() if value is not None]
        if given:
            raise click.UsageError(
                f"--groups and {given[0]} must not be given together: the file has all counts."
            )
        if not isinstance(margin, float):
            raise click.UsageError(
                "--margin must be in percentage points with --groups, not a share of the errors."
            )
        _on_groups(group_file, margin, as_json)
        return
    if successes is None or n is None:
        context = click.get_current_context()
        missing = "n" if n is None else "successes"
        parameter = next(each for each in context.command.params if each.name == missing)
        raise click.MissingParameter(ctx=context, param=parameter)
    from convstudy.stats import verdict_on_counts

    found = verdict_on_counts(*successes, n, both_right=both_right, discordant=discordant, margin=margin)
    from convstudy.report import counts_answer

    if as_json:
        exact = found.pairs.exact_p if found.pairs else None
        mcnemar = {
            "mcnemar_exact_p": exact,
            "mcnemar_hypothesis": "both models are equally accurate" if found.pairs else None,
        }
        print_json({**asdict(found), **mcnemar, "answer": list(counts_answer(found))})
    else:
        click.echo("\n".join(counts_answer(found)))


def _on_groups(path: Path, margin: float, as_json: bool) -> None:
    """Print the verdict on a file of groups."""
    from convstudy.cli.group_file import read_groups
    from convstudy.report import groups_answer
    from convstudy.stats.grouped_counts import verdict_on_groups

    found = verdict_on_groups(read_groups(path), margin)
    if as_json:
        print_json({**asdict(found), "answer": list(groups_answer(found))})
    else:
        click.echo("\n".join(groups_answer(found)))
