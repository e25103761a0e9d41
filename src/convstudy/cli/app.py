"""The command ``convstudy``: its subcommands, its errors and its exit statuses."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

import convstudy
from convstudy.cli import check, data, files, layers, networks, plan, run, runs, verdict
from convstudy.cli.commands import Commands
from convstudy.cli.failures import INTERRUPTED, PIPE_CLOSED, as_convstudy_error
from convstudy.cli.options import examples
from convstudy.cli.output import print_json, print_messages
from convstudy.cli.streams import NotPrinted, ReaderGone, safe_streams
from convstudy.errors import ConvstudyError


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples(
        "convstudy run digits               a small study; nothing is downloaded",
        "convstudy run photos/              a first study of your own images",
        "convstudy init study.toml          a study file to edit",
        "convstudy plan study.toml          what it would train, and for how long",
        "convstudy run study.toml           train and report; the same command resumes",
    ),
)
@click.version_option(convstudy.__version__, prog_name="convstudy", message="%(prog)s %(version)s")
def app() -> None:
    """Compare image classifiers, with statistics that account for seeds and test images.

    STUDY is a study file (.toml), a built-in study (digits, mnist, mnist-speedrun, mnist-accuracy) or a path of images:
    a folder, a table, an archive or an array file. Trained models are kept in a runs folder; running a study again
    trains only the missing ones.
    """


for command in (
    run.run,
    plan.plan,
    check.check,
    runs.status,
    runs.runs,
    runs.report,
    verdict.verdict,
    networks.networks,
    layers.layers,
    files.init,
    files.schema,
    files.datasets,
    data.data,
):
    app.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status; errors are printed, not raised.

    Args:
        arguments: the arguments after ``convstudy``; those of the process if ``None``.

    Returns:
        0 success; 1 a fit failed, a check warns (with ``--strict``), or a bug; 2 wrong usage or a result that cannot be
        written; 130 interrupted; 141 the reader of the output has ended. Errors go to stderr and, with ``--json``, also
        to stdout as ``{"errors": [...]}``.

    >>> from convstudy.cli import main
    >>> main(["run", "no-such-study.toml"])
    2
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    with safe_streams():
        try:
            return _status(given)
        except ReaderGone:
            return PIPE_CLOSED
        except NotPrinted as error:
            print_messages(str(error))
            return error.exit_status


def _status(arguments: list[str]) -> int:
    try:
        status = app.main(arguments, prog_name="convstudy", standalone_mode=False, obj=arguments)
    except (click.Abort, KeyboardInterrupt):
        print_messages("Interrupted.")
        return INTERRUPTED
    except SystemExit as end:  # raised by click's shell completion
        return end.code if isinstance(end.code, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    except (ReaderGone, NotPrinted):
        raise
    except Exception as error:
        return _fail(as_convstudy_error(error), as_json="--json" in arguments)
    return status if isinstance(status, int) else 0


def _fail(error: ConvstudyError, as_json: bool) -> int:
    print_messages(str(error))
    if as_json:
        try:
            print_json({"errors": error.as_json()})
        except NotPrinted as unprinted:
            print_messages(str(unprinted))
    return error.exit_status
