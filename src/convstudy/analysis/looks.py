"""How often a comparison was tested on the test set, with which seeds, and which other questions were asked of it.

Both follow from the test-set access log, so evaluations of earlier versions of convstudy count too, and another study,
run or name does not start a new count.

A *look* is a set of seeds with which a comparison could be tested: all candidates have test scores for these seeds. The
log has the evaluations in order. When a run has made its evaluations, the seeds that all candidates have by then are
one look. A run that adds seeds adds a look; a run that only uses existing scores adds none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from convstudy.analysis.candidates import CandidateRow
from convstudy.history.access_log import Entry
from convstudy.history.results import Results
from convstudy.stats.verdicts import Verdict, at_look, for_questions

MIN_SEEDS = 2
"""A verdict with fewer seeds makes no claim, so it does not count as a look."""

Seeds = frozenset[tuple[object, ...]]
"""Seeds with the weights of each candidate, as scored on one form of the test set."""


@dataclass(frozen=True)
class Looks:
    """The looks at one comparison.

    Attributes:
        seeds: the numbers of seeds, in order of time; the last one is that of the current run.
        number: the number of the current look, from 1.
        later: the numbers of seeds of looks after the current one, by other runs.
    """

    seeds: tuple[int, ...] = ()
    number: int = 1
    later: tuple[int, ...] = ()


@dataclass(frozen=True)
class LookReader:
    """The looks of a run's comparisons.

    Attributes:
        entries: the access log; only scored evaluations count.
        digest: the digest of the run's dataset.
    """

    entries: tuple[Entry, ...] = ()
    digest: str = ""
    _by_fit: dict[str, Entry] = field(default_factory=dict, compare=False, repr=False)
    _places: dict[str, list[int]] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, results: Results) -> LookReader:
        """Return the looks of the comparisons of a run."""
        scored = tuple(entry for entry in results.access_log if entry.is_scored)
        by_fit = {entry.test_evaluation.fit_id: entry for entry in scored}
        # A log can have thousands of entries, and a comparison thousands of pairs.
        places: dict[str, list[int]] = {}
        for place, entry in enumerate(scored):
            places.setdefault(entry.hypothesis, []).append(place)
        return cls(scored, results.dataset.digest, by_fit, places)

    def at_look(self, verdict: Verdict, *rows: CandidateRow) -> Verdict:
        """Return a verdict on these candidates, before the correction for its family, with the level of its look."""
        looks = self.looks(rows)
        return at_look(verdict, looks.seeds, looks.number, looks.later)

    def looks(self, rows: Sequence[CandidateRow]) -> Looks:
        """Return the looks at a comparison of these candidates."""
        found = self._sets(rows)
        current = self._current(rows)
        if not found or not current:
            return Looks()
        sizes = [len(each) for each in found]
        if current in found:
            place = found.index(current)
            number = sum(size >= MIN_SEEDS for size in sizes[: place + 1])
            return Looks(tuple(sizes[: place + 1]), max(1, number), tuple(sizes[place + 1 :]))
        # Fewer seeds than were scored: each seed that is left out counts as a look.
        number = sum(size >= MIN_SEEDS for size in sizes) + max(1, sizes[-1] - len(current))
        return Looks((*sizes, len(current)), number)

    @property
    def n_hypotheses(self) -> int:
        """The number of hypotheses in the log: each is a question to the test set."""
        return len(self._places)

    def n_others(self, rows: Sequence[CandidateRow]) -> int:
        """Return the number of hypotheses in the log that are not those of these candidates."""
        own = set().union(*(self._hypotheses(row) for row in rows))
        return len(self._places.keys() - own)

    def for_questions(
        self, verdicts: tuple[Verdict, ...], rows: Sequence[CandidateRow]
    ) -> tuple[Verdict, ...]:
        """Return the verdicts of a family on these candidates, corrected for all questions to the test set."""
        return for_questions(verdicts, self.n_others(rows))

    def _hypotheses(self, row: CandidateRow) -> set[str]:
        return {self._by_fit[fit.fit_id].hypothesis for fit in row.fits if fit.fit_id in self._by_fit}

    def _current(self, rows: Sequence[CandidateRow]) -> Seeds:
        """Return the seeds with which this run compares the candidates."""
        models = [
            {
                _seed(self._by_fit[fit.fit_id]): fit.weights_digest
                for fit in row.fits
                if fit.test is not None and fit.fit_id in self._by_fit
            }
            for row in rows
        ]
        return _common(models, self.digest)

    def _sets(self, rows: Sequence[CandidateRow]) -> list[Seeds]:
        """Return the seeds of each look, in order of time."""
        own = [self._hypotheses(row) for row in rows]
        places = {place for hypothesis in set().union(*own) for place in self._places[hypothesis]}
        entries = [self.entries[place] for place in sorted(places)]
        models: list[dict[tuple[str, object], str]] = [{} for _ in rows]
        found: list[Seeds] = []
        for (_, digest), group in groupby(entries, lambda entry: (entry.run_id, entry.dataset_digest)):
            for entry in group:
                for scored, hypotheses in zip(models, own, strict=True):
                    if entry.hypothesis in hypotheses:
                        scored[digest, _seed(entry)] = entry.test_evaluation.weights_digest
            of_form = [
                {seed: weights for (form, seed), weights in scored.items() if form == digest}
                for scored in models
            ]
            common = _common(of_form, digest)
            if common and common not in found:
                found.append(common)
        return found


NO_LOOKS = LookReader()
"""For comparisons without a test-set access log: each is tested for the first time."""


def _common(models: Sequence[dict[object, str]], digest: str) -> Seeds:
    """Return the seeds that all candidates have, with their weights; ``models`` maps each seed to weights."""
    shared = set(models[0]).intersection(*models[1:])
    return frozenset((digest, seed, *(each[seed] for each in models)) for seed in shared)


def _seed(entry: Entry) -> object:
    """Return the seed of an evaluated fit; the id of the fit if its record is lost."""
    return entry.test_evaluation.fit_id if entry.seed is None else entry.seed
