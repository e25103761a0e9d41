"""The notebook's six runs beside ours, epoch by epoch: from a runs folder to docs/notebook-replay.md.

Run the study, then collect it, then write the page (each step can be done alone)::

    CONVSTUDY_DATA=<folder that holds mnist/> convstudy run mnist --seeds 1 --set recipe.precision=bfloat16 \
        --set search.kernel-size.subset=10000 --set 'search.kernel-size.recipe={epochs = 6}'
    python benchmarks/notebook_replay.py collect --runs runs --run mnist
    python benchmarks/notebook_replay.py write

``collect`` writes docs/notebook-replay/replay.json; ``write`` makes the page and its charts from that file and
notebook_history.csv, which holds the 120 epochs that the notebook printed.
"""

from __future__ import annotations

import argparse
import csv
import json
import textwrap
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

DOCS = Path(__file__).parents[1] / "docs"
FOLDER = DOCS / "notebook-replay"
# Our stage and candidate -> the notebook's name of the run.
RUNS = {
    ("compare.architectures", "two-conv"): "two-conv",
    ("compare.architectures", "five-conv"): "five-conv",
    ("compare.architectures", "six-conv"): "six-conv",
    ("ablate.five-conv", "plain"): "five-conv-plain",
    ("ablate.five-conv", "tanh-glorot"): "five-conv-tanh-glorot",
    ("ablate.five-conv", "rmsprop"): "five-conv-rmsprop",
    ("ablate.five-conv", "augmented"): "",
}
TITLES = {
    "two-conv": "two-conv",
    "five-conv": "five-conv",
    "six-conv": "six-conv",
    "five-conv-plain": "five-conv, no batch-norm, no dropout",
    "five-conv-tanh-glorot": "five-conv, tanh + Glorot-normal",
    "five-conv-rmsprop": "five-conv, RMSprop",
}
N_TEST = 10_000
ALLOWED_POINTS = 0.25


def collect(runs: Path, run: str) -> None:
    """Write everything that the page needs, with the digests it was measured on, to replay.json."""
    from convstudy.spec import study_document
    from convstudy.store import Store

    store = Store.open(runs)
    results = store.results(run)
    environments = {}
    candidates = []
    for stage in results.plan.stages:
        for candidate in stage.candidates:
            fits = []
            for fit in candidate.fits:
                record = results.records.get(fit.id)
                if record is None or not record.done:
                    continue
                if record.environment:
                    environments[json.dumps(asdict(record.environment), sort_keys=True)] = asdict(
                        record.environment
                    )
                opening = results.openings.get(fit.id)
                fits.append(
                    {
                        "fit": fit.as_json(),
                        "fit_id": fit.id,
                        "weights_digest": record.weights_digest,
                        "n_train": record.n_train,
                        "n_validation": record.n_validation,
                        "counted_epoch": record.counted_epoch,
                        "best_epoch": record.best_epoch,
                        "history": [asdict(epoch) for epoch in record.history],
                        "test_loss": opening.loss if opening else None,
                        "test_accuracy": opening.accuracy if opening else None,
                    }
                )
            candidates.append({"stage": stage.key, "name": candidate.name, "fits": fits})
    content = {
        "run_id": results.run_id,
        "study": study_document(results.study),
        "choices": [{"stage": choice.stage, "chosen": choice.chosen} for choice in results.choices],
        "n_openings": results.n_openings,
        "environments": list(environments.values()),
        "candidates": candidates,
    }
    store.close()
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "replay.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def write() -> None:
    """Write docs/notebook-replay.md and its charts from replay.json and notebook_history.csv."""
    replay = json.loads((FOLDER / "replay.json").read_text(encoding="utf-8"))
    notebook = _notebook()
    ours = {
        RUNS[candidate["stage"], candidate["name"]]: candidate["fits"]
        for candidate in replay["candidates"]
        if RUNS.get((candidate["stage"], candidate["name"])) and candidate["fits"]
    }
    augmented = next((c["fits"] for c in replay["candidates"] if c["name"] == "augmented"), [])
    searched = [c for c in replay["candidates"] if c["stage"].startswith("search.") and c["fits"]]
    text = "\n".join(
        [
            *_head(replay),
            *_table(notebook, ours, augmented),
            *_sentences(notebook, ours),
            *_search(searched, replay),
            *_epochs(notebook, ours),
        ]
    )
    (DOCS / "notebook-replay.md").write_text(text + "\n", encoding="utf-8")
    _charts(notebook, ours)


def _notebook() -> dict[str, list[dict[str, float]]]:
    """Return the notebook's epochs by run."""
    runs: dict[str, list[dict[str, float]]] = defaultdict(list)
    with (FOLDER / "notebook_history.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            runs[row.pop("run")].append({key: float(value) for key, value in row.items()})
    return dict(runs)


def _head(replay: dict[str, Any]) -> list[str]:
    study, machine = replay["study"], replay["environments"][0]
    recipe, seeds = study["recipe"], study["study"]["seeds"]
    first = next(fit for c in replay["candidates"] if c["stage"].startswith("compare.") for fit in c["fits"])
    return [
        "# The notebook, replayed",
        "",
        *_paragraph(
            "convstudy grew from a Keras notebook on MNIST. Its study is built in as `mnist`; this page sets what it",
            "came to beside what the notebook printed. `python benchmarks/notebook_replay.py write` makes it from",
            "[`replay.json`](notebook-replay/replay.json) and the notebook's 120 printed epochs,",
            "[`notebook_history.csv`](notebook-replay/notebook_history.csv); the head of that script has the commands.",
        ),
        *_paragraph(
            f"- **What was run:** {seeds} seed{'s' if seeds > 1 else ''} of each network, {recipe['epochs']} epochs,",
            f"batch {recipe['batch_size']}, precision {recipe['precision']}, {first['n_train']:,} training and",
            f"{first['n_validation']:,} validation images; the epoch that counts is the last, as in the notebook.",
        )[:-1],
        *_paragraph(
            f"- **Where:** {machine['processor']}, {machine['n_cores']} cores, {machine['threads']} thread a fit,",
            f"torch {machine['torch']}, convstudy {machine['convstudy']}, run `{replay['run_id']}`.",
        )[:-1],
        *_paragraph(
            f"- **The test set** was opened {replay['n_openings']} times in this runs folder, once for each model,",
            "after every choice was made. The notebook looked at it after each of its 120 epochs.",
        ),
        *_paragraph(
            "Two things differ by intent. 6,000 of the 60,000 training images are held back for validation.",
            "And training loss and accuracy are measured in evaluation mode on the finished epoch; the",
            "notebook's were averaged over a moving epoch with dropout on, which is why its training columns cannot be",
            'compared with ours (its own text wondered why "test is better than training").',
        ),
    ]


def _paragraph(*parts: str) -> list[str]:
    """Return a paragraph, wrapped, and the empty line after it."""
    text = " ".join(parts)
    indent = "  " if text.startswith("- ") else ""
    return [*textwrap.wrap(text, 118, subsequent_indent=indent, break_on_hyphens=False), ""]


def _table(
    notebook: dict[str, list[dict[str, float]]], ours: dict[str, Any], augmented: list[Any]
) -> list[str]:
    lines = [
        "## The six runs",
        "",
        "| run | test accuracy, notebook | test accuracy, here | difference | test loss, notebook | test loss, here |"
        " train accuracy, here | µs an image, notebook (GPU) | here (1 thread) | weights measured |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, fits in ours.items():
        then = notebook[name][-1]
        accuracy, loss = fmean(f["test_accuracy"] for f in fits), fmean(f["test_loss"] for f in fits)
        points = 100 * (accuracy - then["test_accuracy"])
        inside = "" if abs(points) <= ALLOWED_POINTS else " (!)"
        lines.append(
            f"| {TITLES[name]} | {100 * then['test_accuracy']:.2f} % | {_percent(fits, 'test_accuracy')} |"
            f" {points:+.2f} points{inside} | {then['test_loss']:.4f} | {loss:.4f} |"
            f" {100 * fmean(_counted(f)['train_accuracy'] for f in fits):.2f} % | {then['us_per_image']:.0f} |"
            f" {_pace(fits):.0f} | `{fits[0]['weights_digest'][:12]}` |"
        )
    if augmented and augmented[0]["test_accuracy"] is not None:
        lines.append(
            "| five-conv, augmented (announced by the notebook, never run) | |"
            f" {_percent(augmented, 'test_accuracy')} | | | {fmean(f['test_loss'] for f in augmented):.4f} |"
            f" {100 * fmean(_counted(f)['train_accuracy'] for f in augmented):.2f} % | |"
            f" {_pace(augmented):.0f} | `{augmented[0]['weights_digest'][:12]}` |"
        )
    worst = max(
        abs(100 * (fmean(f["test_accuracy"] for f in fits) - notebook[name][-1]["test_accuracy"]))
        for name, fits in ours.items()
    )
    return [
        *lines,
        "",
        *_paragraph(
            f"The largest difference is {worst:.2f} points; {ALLOWED_POINTS} was expected at most. The times here were",
            "taken while other work shared the two cores: they say how long it took, not how fast it could be.",
        ),
        *_paragraph(
            "The notebook's table gave six-conv 0.9951, which was two-conv's score: the wrong model object had been",
            "evaluated. The figure above is from its training log. Here each row names the digest of the weights",
            "that it was measured on.",
        ),
        "![Test accuracy, notebook and here](notebook-replay/accuracy.svg)",
        "",
    ]


def _sentences(notebook: dict[str, list[dict[str, float]]], ours: dict[str, Any]) -> list[str]:
    lines = ["## Each difference, honestly", ""]
    for name, fits in ours.items():
        then = notebook[name][-1]
        n_then = round(then["test_accuracy"] * N_TEST)
        n_here = round(fmean(f["test_accuracy"] for f in fits) * N_TEST)
        # Two independent runs that each have about this accuracy: binomial noise of the images alone.
        share = (n_then + n_here) / (2 * N_TEST)
        noise = 100 * 1.96 * (2 * share * (1 - share) / N_TEST) ** 0.5
        points = 100 * (n_here - n_then) / N_TEST
        chance = f"{noise:.2f} points that two single runs on these images differ by in 95 of 100 cases by chance alone"
        verdict = (
            f"within the {chance}, so nothing follows from it"
            if abs(points) <= noise
            else f"more than the {chance}; the spread of seeds, which one run cannot show, comes on top"
        )
        lines += _paragraph(
            f"- **{TITLES[name]}:** {n_here:,} of {N_TEST:,} test images right, the notebook {n_then:,}",
            f"({points:+.2f} points): {verdict}. {_swing(notebook[name], fits)}",
        )[:-1]
    return [*lines, ""]


def _swing(then: list[dict[str, float]], fits: list[Any]) -> str:
    """Tell how much single epochs move, there and here: the scale on which the difference has to be seen."""
    last_then = [100 * epoch["test_accuracy"] for epoch in then[-5:]]
    last_here = [100 * epoch["validation_accuracy"] for epoch in fits[0]["history"][-5:]]
    return (
        f"Over the last five epochs the notebook's test accuracy moved between {min(last_then):.2f} and"
        f" {max(last_then):.2f} %, our validation accuracy between {min(last_here):.2f} and {max(last_here):.2f} %."
    )


def _search(searched: list[Any], replay: dict[str, Any]) -> list[str]:
    if not searched:
        return []
    section = replay["study"]["search"]["kernel-size"]
    chosen = next(c["chosen"] for c in replay["choices"] if c["stage"] == "search.kernel-size")
    changes = section.get("recipe", {})
    lines = [
        "## The kernel-size search",
        "",
        *_paragraph(
            "The notebook searched two-conv's kernel size over 5 folds of all 60,000 images for 20 epochs (25 fits,",
            "folds neither shuffled nor stratified) and named 7; its figures were not kept. Here it was scaled down to",
            f"{section.get('subset') or 60_000:,} images and {changes.get('epochs', 20)} epochs to fit the machine:",
            "25 fits, folds shuffled and stratified.",
        ),
        "| kernel | mean validation accuracy ± sd | folds | seconds for its fits |",
        "|---|---|---|---|",
    ]
    for candidate in searched:
        scores = [_counted(fit)["validation_accuracy"] for fit in candidate["fits"]]
        seconds = sum(
            e["train_seconds"] + e["evaluation_seconds"] for f in candidate["fits"] for e in f["history"]
        )
        folds = ", ".join(f"{100 * score:.2f}" for score in scores)
        mark = " **chosen**" if candidate["name"] == chosen else ""
        lines.append(
            f"| {candidate['name'].removeprefix('kernel=')}{mark} |"
            f" {100 * fmean(scores):.2f} ± {100 * stdev(scores):.2f} % | {folds} | {seconds:.0f} |"
        )
    same = "the same as the notebook's" if chosen == "kernel=7" else "not the notebook's"
    return [*lines, "", f"Chosen by validation accuracy: **{chosen}**, {same}.", ""]


def _epochs(notebook: dict[str, list[dict[str, float]]], ours: dict[str, Any]) -> list[str]:
    lines = [
        "## Epoch by epoch",
        "",
        *_paragraph(
            "Held-out accuracy in percent: the notebook's on the test images, ours on the validation images (mean over",
            "the seeds).",
        ),
        "![Held-out accuracy by epoch](notebook-replay/epochs.svg)",
        "",
        "| epoch | " + " | ".join(f"{TITLES[name]}: notebook, here" for name in ours) + " |",
        "|---|" + "---|" * len(ours),
    ]
    for number in range(1, 1 + max(len(epochs) for epochs in notebook.values())):
        cells = []
        for name, fits in ours.items():
            then = 100 * notebook[name][number - 1]["test_accuracy"]
            here = 100 * fmean(f["history"][number - 1]["validation_accuracy"] for f in fits)
            cells.append(f"{then:.2f}, {here:.2f}")
        lines.append(f"| {number} | " + " | ".join(cells) + " |")
    return lines


def _counted(fit: dict[str, Any]) -> dict[str, float]:
    epoch: dict[str, float] = fit["history"][fit["counted_epoch"] - 1]
    return epoch


def _pace(fits: list[Any]) -> float:
    """Return microseconds of training an image."""
    return 1e6 * fmean(e["train_seconds"] / f["n_train"] for f in fits for e in f["history"])


def _percent(fits: list[Any], key: str) -> str:
    values = [100 * fit[key] for fit in fits]
    spread = f" ± {stdev(values):.2f}" if len(values) > 1 else ""
    return f"{fmean(values):.2f}{spread} %"


def _charts(notebook: dict[str, list[dict[str, float]]], ours: dict[str, Any]) -> None:
    import altair as alt

    colours = alt.Scale(domain=["notebook", "here"], range=["#D55E00", "#0072B2"])
    epochs = [
        {"run": TITLES[name], "epoch": number, "who": who, "accuracy": 100 * accuracy}
        for name, fits in ours.items()
        for number in range(1, len(notebook[name]) + 1)
        for who, accuracy in (
            ("notebook", notebook[name][number - 1]["test_accuracy"]),
            ("here", fmean(fit["history"][number - 1]["validation_accuracy"] for fit in fits)),
        )
    ]
    lines = (
        alt.Chart(alt.Data(values=epochs), width=250, height=150)
        .mark_line(clip=True)
        .encode(
            x=alt.X("epoch:Q", title="epoch"),
            y=alt.Y("accuracy:Q", title="held-out accuracy, %", scale=alt.Scale(domain=[98, 100])),
            color=alt.Color("who:N", title=None, scale=colours),
            strokeDash=alt.StrokeDash("who:N", title=None),
            facet=alt.Facet("run:N", columns=3, title=None, sort=list(TITLES.values())),
        )
    )
    lines.save(FOLDER / "epochs.svg")
    scores = [
        {"run": TITLES[name], "who": who, "accuracy": 100 * accuracy}
        for name, fits in ours.items()
        for who, accuracy in (
            ("notebook", notebook[name][-1]["test_accuracy"]),
            *(("here", fit["test_accuracy"]) for fit in fits),
        )
    ]
    dots = (
        alt.Chart(alt.Data(values=scores), width=480, height=190)
        .mark_point(size=90, filled=True)
        .encode(
            x=alt.X("accuracy:Q", title="test accuracy, %", scale=alt.Scale(zero=False, nice=True)),
            y=alt.Y("run:N", title=None, sort=list(TITLES.values()), axis=alt.Axis(labelLimit=260)),
            color=alt.Color("who:N", title=None, scale=colours),
            shape=alt.Shape("who:N", title=None),
        )
    )
    dots.save(FOLDER / "accuracy.svg")


def main() -> None:
    """Collect, or write, or both."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("step", choices=["collect", "write"])
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--run", default="mnist")
    arguments = parser.parse_args()
    if arguments.step == "collect":
        collect(arguments.runs, arguments.run)
    else:
        write()


if __name__ == "__main__":
    main()
