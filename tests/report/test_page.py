"""The HTML page: self-contained, accessible, escaped, and complete."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser

import pytest

from convstudy.history.access_log import Entry
from convstudy.history.results import Results
from convstudy.report.page import page
from tests.report.synthetic import failed_record, gathered, synthetic_results

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>'\"&"


class Reader(HTMLParser):
    """Collects the elements of a page and the text of its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._in_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")
            self._in_script = True

    def handle_endtag(self, tag: str) -> None:
        self._in_script = self._in_script and tag != "script"

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.scripts[-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@cache
def digits() -> str:
    return page(gathered(synthetic_results()))


def with_evil_error(results: Results) -> Results:
    fit = results.plan.fits[0]
    return replace(results, records={**results.records, fit.id: replace(failed_record(fit), error=EVIL)})


def test_two_fits_with_the_same_weights_are_both_listed() -> None:
    # A variant with a patience that never stops a fit has the weights of its base.
    results = synthetic_results()
    ablate = results.plan.stage("ablate.best")
    base, variant = (ablate.candidate(name).fits[0].id for name in ("unmodified network", "rmsprop"))
    shared = results.records[base].weights_digest
    results = replace(
        results,
        records={**results.records, variant: replace(results.records[variant], weights_digest=shared)},
        test_evaluations={
            **results.test_evaluations,
            variant: replace(results.test_evaluations[variant], weights_digest=shared),
        },
    )
    text = page(gathered(results))
    for fit_id in (base, variant):
        assert f"{fit_id}\u00a0→\u00a0{shared[:8]}" in text


def test_page_loads_no_resources() -> None:
    reader = Reader(digits())
    sources = [
        value for _, a in reader.elements for key, value in a.items() if key in ("src", "href", "action")
    ]
    assert len(sources) > 30
    assert [value for value in sources if not str(value).startswith(("#", "data:"))] == []
    policies = [m["content"] for m in reader.all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert policies and str(policies[0]).startswith("default-src 'none'")
    style = digits().split("<style>")[1].split("</style>")[0]
    assert "url(" not in style and "@import" not in style


def test_page_is_smaller_than_two_megabytes() -> None:
    assert len(digits().encode()) < 2_000_000


def test_every_chart_has_an_element_with_alt_text() -> None:
    reader = Reader(digits())
    specs = json.loads(reader.scripts[0])["specs"]
    places = [a for a in reader.all("div") if "data-chart" in a]
    assert sorted(str(a["data-chart"]) for a in places) == sorted(specs)
    assert len(places) == len(specs) == 37
    assert all(len(str(a["aria-label"])) > 20 and a["role"] == "img" for a in places)
    assert "http" not in reader.scripts[0]


def test_page_is_accessible() -> None:
    reader = Reader(digits())
    assert reader.all("html")[0]["lang"] == "en"
    assert len(reader.all("h1")) == 1
    levels = [int(tag[1]) for tag, _ in reader.elements if re.fullmatch(r"h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    images = reader.all("img")
    assert len(images) > 25 and all(image.get("alt") for image in images)
    assert len(reader.all("caption")) == len(reader.all("table")) >= 15
    identifiers = [a["id"] for _, a in reader.elements if "id" in a]
    assert len(identifiers) == len(set(identifiers))
    links = [str(a["href"])[1:] for a in reader.all("a")]
    assert len(links) > 10 and set(links) <= set(identifiers)


def test_confusion_matrix_is_also_a_table() -> None:
    assert digits().count('id="table-confusion"') == 1


def test_answer_is_the_first_section() -> None:
    text = digits()
    order = [
        text.index(f'id="{name}"') for name in ("answer", "verdicts", "compare-architectures", "ablate-best")
    ]
    assert order == sorted(order)
    head = text.split('<section id="answer"')[1].split("</section>")[0]
    assert head.count("<p") == 3


def test_html_in_names_and_errors_is_escaped() -> None:
    results = synthetic_results()
    study = results.study.model_copy(update={"name": EVIL})
    text = page(gathered(with_evil_error(replace(results, study=study, run_id=EVIL))))
    reader = Reader(text)
    assert len(reader.scripts) == 3
    assert "alert(1)" not in reader.scripts[0]
    assert [a for a in reader.all("img") if a.get("src") == "x"] == []
    assert text.count("&lt;script&gt;alert(1)") >= 3


def test_html_in_candidate_names_is_escaped_in_charts() -> None:
    results = synthetic_results()
    study = results.study
    search = study.search["kernel-size"].model_copy(update={"parameters": {"kernel": (3, 5)}})
    plan = results.plan
    stage = plan.stages[1]
    renamed = replace(stage, candidates=(replace(stage.candidates[0], name=EVIL), *stage.candidates[1:]))
    evil = replace(
        results,
        study=study.model_copy(update={"search": {"kernel-size": search}}),
        plan=replace(plan, stages=(plan.stages[0], renamed, plan.stages[2])),
    )
    reader = Reader(page(gathered(evil)))
    assert len(reader.scripts) == 3
    assert EVIL in json.dumps(json.loads(reader.scripts[0]), ensure_ascii=False).replace('\\"', '"')
    assert [a for a in reader.all("img") if a.get("src") == "x"] == []


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("2 fits of 27 failed", {"fails": ["plain", "kernel=3"]}),
        ("5 of 27", {"stop_after": 5}),
        ("No fit is trained yet", {"stop_after": 0}),
        ("Not evaluated on the test set yet", {"tested": False}),
        ("could not be read", {"with_arrays": False}),
        ("4 of them before this run", {"n_test_evaluations_before": 4}),
    ],
)
def test_page_states_what_is_missing(text: str, arguments: dict[str, object]) -> None:
    html = page(gathered(synthetic_results(**arguments)))  # type: ignore[arg-type]
    assert text in html.replace("\u00a0", " ")


def test_failed_fits_are_listed_with_their_errors() -> None:
    text = page(gathered(synthetic_results(fails=["plain"])))
    assert "the loss was not finite &lt;after&gt; epoch 2" in text
    assert 'id="table-failures"' in text
    assert 'id="table-failures"' not in digits()


def test_failed_fits_do_not_count_as_done() -> None:
    # Regression: the page showed "Fits 27 of 27" next to "Failed 1".
    text = page(gathered(with_evil_error(synthetic_results())))
    assert "<dt>Fits</dt><dd>26 of 27</dd>" in text
    assert "<dt>Failed</dt><dd>1</dd>" in text


def test_several_environments_raise_a_warning() -> None:
    results = synthetic_results()
    fit_id, record = next(iter(results.records.items()))
    assert record.environment
    moved = replace(record, environment=replace(record.environment, machine="elsewhere"))
    text = page(gathered(replace(results, records={**results.records, fit_id: moved})))
    assert "ran in 2 environments" in text
    assert "environments. Times" not in digits()


def test_sentences_are_separated_by_spaces() -> None:
    made = synthetic_results()
    access_log = [
        Entry(test_evaluation, made.run_id, fit_id)
        for fit_id, test_evaluation in made.test_evaluations.items()
    ]
    results = replace(made, access_log=tuple(access_log))
    text = re.sub(r"<(script|style)\b.*?</\1>|<pre\b.*?</pre>", "", page(gathered(results)), flags=re.DOTALL)
    shown = re.sub(r"<[^>]*>", "\n", text).replace("\u00a0", " ")
    assert "After the choices, the test images were also searched for duplicates" in shown
    assert "all seeds of a candidate count as one." in shown
    assert re.findall(r"\w{3,}[.:;][A-Z]\w+", shown) == []


def test_protocol_states_that_test_labels_are_read_before_training() -> None:
    text = page(gathered(synthetic_results(stop_after=3)))
    assert "Only its labels are read before training" in text
