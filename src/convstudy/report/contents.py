"""Everything that a report says, gathered once from results and statistics, for all its formats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from convstudy.analysis import Analysis, Contest, Protocol
from convstudy.checks import Findings
from convstudy.data import Dataset
from convstudy.history.results import Results
from convstudy.plan import Candidate, Stage
from convstudy.record import Environment, Record
from convstudy.report import (
    background_tables,
    curve_charts,
    interactions,
    protocol_tables,
    score_charts,
    search_charts,
    search_tables,
    tables,
    verdict_charts,
    verdict_tables,
)
from convstudy.report.beside import Beside, gather_beside
from convstudy.report.figure import Figure
from convstudy.report.table import Table
from convstudy.report.words import Conclusion, conclusions


@dataclass(frozen=True)
class Section:
    """One question of the study: its table, its figures, and the curves of its candidates."""

    contest: Contest
    table: Table
    figures: tuple[Figure, ...]
    curves: tuple[tuple[str, tuple[Figure, ...]], ...]
    rungs: Table | None = None
    nested: Table | None = None
    interactions: Table | None = None

    @property
    def order(self) -> int:
        """The section's place on the page: what the study comes down to first, the search that led there last."""
        return ("compare", "final", "ablate", "search").index(self.contest.question)

    @property
    def tables(self) -> tuple[Table | None, ...]:
        """Its tables, the scores first."""
        return (self.table, self.rungs, self.nested, self.interactions)

    @property
    def figure_titles(self) -> tuple[str, ...]:
        """The titles of the figures below the section's own title."""
        return tuple(figure.title.partition(": ")[2].capitalize() or "Scores" for figure in self.figures)


@dataclass(frozen=True)
class Contents:
    """A whole report, before it takes a format."""

    results: Results
    info: Dataset
    conclusions: tuple[Conclusion, ...]
    sections: tuple[Section, ...]
    verdicts: Table
    more_verdicts: tuple[Table, ...]
    every_fit: Table
    costs: Table
    rates: Figure | None
    beside: Beside
    layers: tuple[Table, ...]
    protocol: Protocol
    protocol_tables: tuple[Table, ...]
    checked: Findings
    optimism: Table
    findings: Table
    silenced: Table
    environments: tuple[Environment, ...]
    environment: Table
    failures: Table

    @property
    def answer(self) -> tuple[str, ...]:
        """The conclusions' sentences, one for each question."""
        return tuple(said.text for said in self.conclusions)

    @property
    def n_trained(self) -> int:
        """How many of the plan's fits are done; failed ones are not."""
        records = self.results.records
        return sum(fit.id in records and records[fit.id].done for fit in self.results.plan.fits)

    @property
    def constant_rate(self) -> float | None:
        """The learning rate of all epochs of all fits, if it is one and the same."""
        records = self.results.records
        rates = {
            epoch.learning_rate
            for fit in self.results.plan.fits
            if fit.id in records
            for epoch in records[fit.id].history
        }
        return rates.pop() if len(rates) == 1 else None

    @property
    def tables(self) -> tuple[Table, ...]:
        """Every table, in the order of the report."""
        found: list[Table | None] = [
            self.verdicts,
            *self.more_verdicts,
            *(table for section in self.sections for table in section.tables),
            self.beside.confusion_table,
            self.beside.class_accuracy_table,
            self.beside.mistakes_table,
            self.beside.calibration_table,
            self.beside.calibration_bins,
            self.beside.classes,
            *self.beside.image_tables,
            *self.layers,
            *self.protocol_tables,
            self.optimism,
            self.findings,
            self.silenced,
            self.environment,
            self.failures,
            self.every_fit,
            self.costs,
        ]
        return tuple(table for table in found if table is not None and table.rows)

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Every figure, in the order of the report."""
        found: list[Figure | None] = []
        for section in self.sections:
            found += section.figures
            found += [figure for _, figures in section.curves for figure in figures]
        beside = self.beside
        found += [
            self.rates,
            beside.confusion_figure,
            beside.class_accuracy_figure,
            beside.calibration_figure,
        ]
        found += [beside.classes_figure]
        return tuple(figure for figure in found if figure is not None)


def gather(analysis: Analysis, checked: Findings | None) -> Contents:
    """Return the contents of a run's report; whatever is missing leaves a gap or a note, never an error."""
    from altair.utils.schemapi import debug_mode

    # Checking each part of each chart against the schema takes most of a report's time; a test does it instead.
    with debug_mode(False):
        return _gather(analysis, checked)


def _gather(analysis: Analysis, checked: Findings | None) -> Contents:
    """Return the contents."""
    results, found, told = analysis.results, analysis.contests, analysis.protocol
    environments = Counter(
        record.environment
        for record in (results.records.get(fit.id) for fit in results.plan.fits)
        if record is not None and record.environment is not None
    )
    return Contents(
        results=results,
        info=results.study.dataset,
        conclusions=conclusions(analysis),
        sections=tuple(_section(results, contest) for contest in analysis.asked),
        verdicts=verdict_tables.verdict_table(found, results.study.region),
        more_verdicts=(
            verdict_tables.loss_table(found),
            verdict_tables.probability_table(found, results.study.region),
            verdict_tables.models_table(found),
        ),
        every_fit=tables.results_table(found),
        costs=tables.costs_table(results),
        rates=_rates(results),
        beside=gather_beside(analysis),
        layers=tuple(
            background_tables.layers_table(name, network, results.study.dataset, number)
            for number, (name, network) in enumerate(background_tables.networks_of(results).items(), start=1)
        ),
        protocol=told,
        protocol_tables=(
            protocol_tables.images_table(told),
            protocol_tables.choices_table(results),
            protocol_tables.acceptances_table(told),
            protocol_tables.openings_table(told),
            protocol_tables.ledger_table(told),
        ),
        optimism=protocol_tables.optimism_table(analysis.keepsakes),
        checked=checked or Findings(),
        findings=background_tables.findings_table(checked or Findings()),
        silenced=background_tables.silenced_table(checked or Findings()),
        environments=tuple(environments),
        environment=background_tables.environment_table(environments),
        failures=background_tables.failures_table(found),
    )


def _section(results: Results, contest: Contest) -> Section:
    title = tables.stage_title(contest)
    stage = results.plan.stage(contest.stage)
    trained = list(_trained(results, stage))
    figures: list[Figure] = []
    if contest.course and contest.course.rungs:
        # Scores on other folds and epochs are not to be set beside each other on one axis.
        rungs = search_charts.rungs_chart(contest, f"{title}: from rung to rung")
        figures += [rungs] if rungs else []
    elif any(row.scores(contest.measure) for row in contest.rows):
        figures.append(score_charts.scores_chart(contest, title))
    judged = any(v.difference.mean is not None for v in contest.verdicts)
    if contest.question == "ablate" and judged:
        figures.insert(0, verdict_charts.effects_chart(contest, f"{title}: effects"))
    if contest.question == "compare" and judged:
        figures.insert(0, verdict_charts.differences_chart(contest, f"{title}: differences"))
        figures.insert(0, verdict_charts.ranking_chart(contest, f"{title}: ranking"))
    if contest.course and results.study.search[contest.name].draws:
        figures += _value_figures(results, stage, contest, title)
    if len(trained) > 1:
        figures.append(
            curve_charts.overview_chart(f"{contest.question}-{contest.name}", f"{title}: by epoch", trained)
        )
    curves = tuple(
        (
            candidate.name,
            tuple(
                curve_charts.curves_chart(
                    f"{contest.question}-{contest.name}-{number:02d}",
                    f"{title}, {candidate.name}",
                    records,
                    measure,
                )
                for measure in ("loss", "accuracy")
            ),
        )
        for number, (candidate, records) in enumerate(trained, start=1)
    )
    return Section(
        contest,
        search_tables.search_table(contest) if contest.question == "search" else tables.scores_table(contest),
        tuple(figures),
        curves,
        search_tables.rungs_table(contest),
        search_tables.nested_table(contest),
        interactions.interactions_table(contest),
    )


def _value_figures(results: Results, stage: Stage, contest: Contest, title: str) -> list[Figure]:
    """Return a figure for each key that a search drew values of."""
    figures = [
        search_charts.values_chart(
            contest,
            number,
            f"{title}: over {key}",
            key,
            tried,
            {candidate.name: candidate.values[key] for candidate in stage.candidates},
        )
        for number, (key, tried) in enumerate(results.study.search[contest.name].vary.items(), start=1)
    ]
    return [figure for figure in figures if figure is not None]


def _trained(results: Results, stage: Stage) -> Iterator[tuple[Candidate, list[Record]]]:
    """Yield the settled candidates of a stage that have a fit with a history, with the records of these."""
    for candidate in stage.candidates:
        records = [record for record in results.records_of(candidate) if record.done and record.history]
        if records and not candidate.waits_for:
            yield candidate, records


def _rates(results: Results) -> Figure | None:
    """Return the learning rates by epoch, one line for all candidates that share them."""
    shared: dict[tuple[float, ...], list[str]] = {}
    for stage in results.plan.stages:
        for candidate, records in _trained(results, stage):
            longest = max(records, key=lambda record: len(record.history))
            key = tuple(epoch.learning_rate for epoch in longest.history)
            shared.setdefault(key, []).append(f"{stage.key}: {candidate.name}")
    if len({rate for rates in shared for rate in rates}) < 2:
        return None  # a flat line says nothing that the recipe does not
    named = [
        (names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more", rates)
        for rates, names in shared.items()
    ]
    return curve_charts.rates_chart(named, "Learning rate by epoch")
