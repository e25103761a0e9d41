"""The layers of every network: shapes, parameters and MACs."""

from __future__ import annotations

from collections.abc import Iterator

from convstudy.data import Dataset
from convstudy.history.results import Results
from convstudy.networks import Network, layer_table, shape_text
from convstudy.plan.stages import UNCHANGED
from convstudy.report.section import Details, Material, Section, Topic
from convstudy.report.table import Column, Table, Value


def sections(material: Material) -> Iterator[Section]:
    """Yield the section; only the table of the first network is open."""
    info = material.results.dataset
    tables = [
        layers_table(name, network, info, number)
        for number, (name, network) in enumerate(networks_of(material.results).items(), start=1)
    ]
    blocks = tuple(Details(table.title, (table,), is_open=table is tables[0]) for table in tables)
    yield Section("layers", "Layers", blocks)


def networks_of(results: Results) -> dict[str, Network]:
    """Return the different networks of the plan, each with the name of the first candidate that uses it."""
    found: dict[Network, str] = {}
    networks: dict[str, Network] = {}
    # The stages of a nested search train the same networks under other names.
    without_nested = [stage for stage in results.plan.stages if stage.tested or stage.question == "search"]
    stages = sorted(without_nested, key=lambda stage: stage.question == "search")
    for stage in stages:
        for candidate in stage.candidates:
            key = candidate.network
            if key in found:
                continue
            is_unchanged = candidate.name in (UNCHANGED, candidate.network_name)
            name = candidate.network_name if is_unchanged else f"{candidate.network_name}, {candidate.name}"
            found[key] = name
            networks[name] = candidate.network
    return networks


def layers_table(name: str, network: Network, info: Dataset, number: int) -> Table:
    """Return a network's table of layers; ``number`` makes its file name unique."""
    layers = layer_table(network, info.image_shape, info.n_classes)
    columns = (
        Column("number", "No."),
        Column("layer", "Layer"),
        Column("output", "Output shape"),
        Column("trainable", "Trainable", "count"),
        Column("not_trainable", "Non-trainable", "count"),
        Column("macs", "MACs", "count"),
        Column("note", "Note", "prose"),
    )
    rows: list[tuple[Value, ...]] = [
        (
            row.number,
            row.text,
            shape_text(row.output_shape),
            row.n_trainable,
            row.n_not_trainable,
            row.macs,
            f"does nothing: {row.no_op_reason}" if row.no_op_reason else "",
        )
        for row in layers.rows
    ]
    rows.append(("", "total", "", layers.n_trainable, layers.n_not_trainable, layers.macs, ""))
    caption = (
        f"Input {shape_text(layers.input_shape)}; {layers.n_parameters:,} parameters, {layers.n_trainable:,} of them "
        "trainable. MACs: multiply-accumulate operations per image."
    )
    n_shown = len(columns) if any(row[-1] for row in rows) else len(columns) - 1
    shown = tuple(row[:n_shown] for row in rows)
    return Table(f"layers-{number:02d}", name, caption, columns[:n_shown], shown, frozenset({len(rows) - 1}))


SECTION = Topic(72, sections)
