"""Compare the time of the fits of notebook_replay.py with that of the same number of images in Keras."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import fsum
from pathlib import Path
from statistics import median
from typing import Any

FITS_AT_ONCE = 2


def time_table(runs: list[Any], keras: Path) -> list[str]:
    """Return the lines of a table with a row for each network.

    Args:
        runs: the runs, from replay.json.
        keras: the file of ``throughput.py --json`` with Keras' images per second.
    """
    rates = _rates(keras)
    fits = {fit["fit_id"]: fit for run in runs for c in run["candidates"] for fit in c["fits"]}
    by_network: dict[str, list[Any]] = defaultdict(list)
    for fit in fits.values():
        by_network[_network(fit["fit"]["layers"])].append(fit)
    rows = {}
    for network, found in by_network.items():
        n_images = sum(fit["n_train"] * len(fit["history"]) for fit in found)
        training = seconds(found, "train_seconds") / FITS_AT_ONCE
        whole = seconds(found, "train_seconds", "evaluation_seconds") / FITS_AT_ONCE
        rows[network] = (len(found), n_images, training, whole, n_images / rates[network])
    sums = [sum(column) for column in zip(*rows.values(), strict=True)]
    return [
        "| network | fits | images | training here, s | with evaluation, s | Keras' training, s | × |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *(_row(network, values) for network, values in rows.items()),
        _row("all", sums),
    ]


def seconds(fits: Iterable[Any], *keys: str) -> float:
    """Return the sum of these times over all epochs of the fits."""
    return fsum(epoch[key] for fit in fits for epoch in fit["history"] for key in keys)


def _row(network: str, values: Sequence[float]) -> str:
    n_fits, n_images, training, whole, keras = values
    return (
        f"| {network} | {n_fits} | {n_images:,} | {training:,.0f} | {whole:,.0f} | {keras:,.0f} |"
        f" {keras / training:.2f} |"
    )


def _network(layers: list[str]) -> str:
    """Return the name that benchmarks/throughput/throughput.py uses for the network with these layers."""
    _, filters, kernel, *_ = layers[0].split()
    return {"64": f"two-conv-{kernel}", "32": "five-conv", "16": "six-conv"}[filters]


def _rates(keras: Path) -> dict[str, float]:
    """Return Keras' images per second by network, in its faster layout."""
    rates: dict[str, float] = {}
    for row in json.loads(keras.read_text(encoding="utf-8"))["rows"]:
        rates[row["network"]] = max(median(row["images_per_second"]), rates.get(row["network"], 0))
    return rates
