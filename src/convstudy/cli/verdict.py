"""``convstudy verdict``: the small calculator, for figures that come without records."""

from __future__ import annotations

from dataclasses import asdict

import click

from convstudy.cli.options import json_option
from convstudy.cli.output import print_json


@click.command()
@click.option(
    "--successes",
    nargs=2,
    type=int,
    required=True,
    metavar="A B",
    help="How many test images each of two models got right.",
)
@click.option("--n", "n", type=int, required=True, metavar="N", help="How many test images there were.")
@click.option(
    "--both-right", type=int, metavar="K", help="How many both got right, if they saw the same images."
)
@click.option(
    "--discordant",
    nargs=2,
    type=int,
    default=None,
    metavar="B C",
    help="Or: how many only the first, and only the second got right.",
)
@click.option(
    "--margin",
    type=click.FloatRange(0, 100),
    default=0.1,
    show_default=True,
    metavar="POINTS",
    help="Differences of accuracy up to this many points count as none.",
)
@json_option
def verdict(
    successes: tuple[int, int],
    n: int,
    both_right: int | None,
    discordant: tuple[int, int] | None,
    margin: float,
    as_json: bool,
) -> None:
    """Say what two models' counts of right answers allow to be said.

    For figures out of a notebook or a paper: convstudy verdict --successes 9951 9937 --n 10000. A run's own verdicts
    stand in its report.
    """
    from convstudy.stats import verdict_on_counts

    found = verdict_on_counts(
        *successes, n, both_right=both_right, discordant=discordant, margin=margin / 100
    )
    from convstudy.report import counts_answer

    if as_json:
        exact = found.pairs.exact_p if found.pairs else None
        print_json({**asdict(found), "mcnemar_exact_p": exact, "answer": list(counts_answer(found))})
    else:
        click.echo("\n".join(counts_answer(found)))
