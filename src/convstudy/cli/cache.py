"""``convstudy data verify`` and ``convstudy data cache``: compare files with the cache; list and clear the cache."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from convstudy.cli.commands import Commands
from convstudy.cli.options import examples, json_option
from convstudy.cli.output import print_json, table
from convstudy.cli.reading import show_reading
from convstudy.numbers import bytes_text, counted, moment

if TYPE_CHECKING:
    from convstudy.data import Dataset
    from convstudy.data.preparing.verify import VerifiedDataset

MAX_SHOWN = 20
"""The maximum number of differences that are printed; ``--json`` has all."""
WHAT = {
    "content": "the file has other content, with the same size and time",
    "unreadable": "the file cannot be read any more",
    "pixels": "the decoded pixels in the cache are damaged",
}


@click.command(epilog=examples("convstudy data verify photos", "convstudy data verify photos.toml --json"))
@click.argument("source", metavar="PATH|STUDY")
@json_option
def verify(source: str, as_json: bool) -> int:
    """Read all files of a dataset again and compare them with the cache.

    A start trusts a file whose size, modification time and inode are unchanged. This command reads every file, and
    compares its SHA-256, the decoded pixels and the arrays with those that were recorded. The next command that uses
    the dataset prepares again what differs. Test images are read for their digests only.

    Exit status: 0 nothing differs, 1 something differs, 2 wrong usage or images that cannot be read.
    """
    from convstudy.cli.data import dataset_at
    from convstudy.data.sources.prepared import PreparedSource

    with show_reading():
        dataset = dataset_at(source, ())
        if not isinstance(dataset.source, PreparedSource):
            return _verify_arrays(dataset, as_json)
        from convstudy.data.preparing.verify import verify_prepared

        found = verify_prepared(dataset, dataset.source)
    if as_json:
        differences = [asdict(each) for each in found.images.differences]
        print_json(
            {
                "digest": dataset.digest,
                "n_compared": found.images.n_compared,
                "differences": differences,
                "damaged_parts": list(found.damaged_parts),
            }
        )
    else:
        click.echo("\n".join(_text(found)))
    return 0 if found.is_right else 1


def _verify_arrays(dataset: Dataset, as_json: bool) -> int:
    """Read both parts of a dataset without decoded images; a wrong digest is an error."""
    from convstudy.data.loaded import read_part

    for part in ("train", "test"):
        read_part(dataset, part)
    n_images = dataset.n_train + dataset.n_test
    if as_json:
        print_json({"digest": dataset.digest, "n_compared": n_images, "differences": [], "damaged_parts": []})
    else:
        click.echo(f"{counted(n_images, 'image')}: the digests are right")
    return 0


def _text(found: VerifiedDataset) -> list[str]:
    images = found.images
    if found.is_right:
        return [
            f"{counted(images.n_compared, 'image')}: files, decoded pixels and arrays are those that were recorded"
        ]
    lines = [f"{counted(len(images.differences), 'difference')} in {counted(images.n_compared, 'image')}:"]
    lines += [f"  {each.name}: {WHAT[each.what]}" for each in images.differences[:MAX_SHOWN]]
    if len(images.differences) > MAX_SHOWN:
        lines.append(f"  and {len(images.differences) - MAX_SHOWN:,} more")
    lines += [f"  the {part} arrays in the cache are damaged" for part in found.damaged_parts]
    return [*lines, "The next command that uses these images prepares them again."]


@click.group(
    cls=Commands,
    invoke_without_command=True,
    epilog=examples(
        "convstudy data cache", "convstudy data cache clear", "convstudy data cache clear photos"
    ),
)
@json_option
@click.pass_context
def cache(context: click.Context, as_json: bool) -> None:
    """List the decoded images in the cache, or clear it.

    Everything in the cache can be made again from the files. $CONVSTUDY_CACHE is its folder, and $CONVSTUDY_CACHE_LIMIT
    its size, such as "20 GB"; what was not used for the longest time is removed first.

    Exit status: 0 success, 2 wrong usage.
    """
    if context.invoked_subcommand is not None:
        return
    from convstudy.data.decoded import cache_root, limit_bytes, list_cache

    folder, entries = cache_root(), list_cache()
    total, limit = sum(entry.n_bytes for entry in entries), limit_bytes(folder)
    if as_json:
        rows = [{**asdict(entry), "folder": str(entry.folder)} for entry in entries]
        print_json({"folder": str(folder), "n_bytes": total, "limit_bytes": limit, "entries": rows})
        return
    if entries:
        cells = [
            (
                entry.kind,
                entry.root or "unknown",
                entry.n_images,
                bytes_text(entry.n_bytes),
                f"{moment(datetime.fromtimestamp(entry.used, UTC).isoformat())} UTC",
                "in use" if entry.in_use else "",
            )
            for entry in entries
        ]
        click.echo(table(("content", "path", "images", "size", "last use", ""), cells, right=(2, 3)))
    click.echo(f"{bytes_text(total)} of at most {bytes_text(limit)} in {folder}")


@cache.command(epilog=examples("convstudy data cache clear", "convstudy data cache clear photos"))
@click.argument("path", required=False, type=click.Path(path_type=Path))
@json_option
def clear(path: Path | None, as_json: bool) -> None:
    """Remove what the cache has, or what it has of PATH.

    Content that a process uses stays.

    Exit status: 0 success, 2 wrong usage.
    """
    from convstudy.data.decoded import clear_cache

    n_removed, n_bytes = clear_cache(root=path)
    if as_json:
        print_json({"n_removed": n_removed, "n_bytes": n_bytes})
    else:
        click.echo(f"removed {counted(n_removed, 'entry', 'entries')}, {bytes_text(n_bytes)}")
