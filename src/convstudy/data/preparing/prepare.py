"""Prepare the images of a user: list, check, decode, group and divide them, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convstudy.data.audit.fingerprints import file_keys
from convstudy.data.dataset import Dataset
from convstudy.data.decoded import (
    DecodedImages,
    PartRows,
    WrittenParts,
    decode_images,
    probe_images,
    write_parts,
)
from convstudy.data.decoding import DecodeOptions, ImageHeader
from convstudy.data.detect import check_options, detect
from convstudy.data.grouping.assignment_file import write_assignment
from convstudy.data.images import Part
from convstudy.data.listing import ListedSource, Listing, SourceOptions
from convstudy.data.parts import checked_weights, numbered
from convstudy.data.preparing.answers import answer_key, read_answer, write_answer
from convstudy.data.preparing.defaults import default_channels, default_size
from convstudy.data.preparing.division import Division, divide, given_parts
from convstudy.data.preparing.groups import declared_groups
from convstudy.data.preparing.labels import Labels, labels_of
from convstudy.data.preparing.oddities import warning_on_dark_images, warnings_on_files
from convstudy.data.preparing.request import DatasetRequest
from convstudy.data.preparing.summary import (
    MAX_SHOWN,
    PreparedSummary,
    originals_of,
    part_summary,
    sentence,
)
from convstudy.data.preparing.used import UsedImages
from convstudy.data.progress import report_progress
from convstudy.data.source import Found, exists
from convstudy.data.sources.joined import JoinedReader, joined
from convstudy.data.sources.npy import NpySource
from convstudy.data.sources.prepared import FILE_KEYS, PreparedSource
from convstudy.data.times import checked_times
from convstudy.data.value_range import natural_range, range_text
from convstudy.errors import DataError, Location, Problem

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Rows = npt.NDArray[np.int64]


def prepare(request: DatasetRequest) -> Dataset:
    """Return the dataset of a request. Decoded images are kept in the cache, so a second call is fast.

    Raises:
        DataError: with all images, labels, groups or parts that cannot be used.
    """
    kind, listing = list_images(request)
    key = answer_key(request, kind, listing)
    dataset = read_answer(key, request)
    if dataset is None:
        dataset = _prepared(request, kind, listing)
        write_answer(key, request, dataset)
    return dataset


def list_images(request: DatasetRequest) -> tuple[str, Listing]:
    """Return the kind of a request's source, and its images; none of them is decoded.

    Raises:
        DataError: if there is nothing at the path, or the source cannot be listed.
    """
    report_progress("list", 0, 0)
    kind, options = detect(request.path, request.source), request.options
    test_path = request.test_path
    if test_path is not None and not exists(test_path):
        if "part" not in kind.options or options.part is not None:
            expected = "a fraction, the path of the test images, or the column of parts in a table"
            key = Location(key=("dataset", "test"))
            raise DataError(Problem(where=key, expected=expected, got=f'"{test_path.name}"'))
        options, test_path = replace(options, part=test_path.name), None
    listing = _listing(kind, request.path, options)
    if test_path is None:
        return kind.name, listing
    _check_apart(kind.name, request.path, test_path)
    test_kind = detect(test_path)
    test = _listing(test_kind, test_path, options)
    with _located(request.path):
        return "joined", joined(listing, kind.name, test, test_kind.name, test_path.name)


def _check_apart(kind: str, path: Path, test_path: Path) -> None:
    """Check that the test images are not among the other images.

    Raises:
        DataError: if they are.
    """
    whole, test = path.resolve(), test_path.resolve()
    if test == whole or (kind == "folder" and test.is_relative_to(whole)):
        where, hint = Location(key=("dataset", "test")), "move the test images to a folder of their own"
        what = "the test images must not be among the images of path"
        raise DataError(Problem(what, where, str(test_path), hint=hint))


def _listing(kind: ListedSource, path: Path, options: SourceOptions) -> Listing:
    check_options(kind, options)
    with _located(path):
        return kind.listing(path, options)


@contextmanager
def _located(path: Path) -> Iterator[None]:
    """Give problems without a place the path of the images."""
    try:
        yield
    except DataError as error:
        where = Location(str(path))
        raise DataError(
            *(problem if str(problem.where) else replace(problem, where=where) for problem in error.problems)
        ) from None


@dataclass(frozen=True, eq=False)
class _Listed:
    """The images of a request: their kind, listing and labels, and those that can be used."""

    kind: str
    listing: Listing
    labels: Labels
    used: UsedImages
    headers: Sequence[ImageHeader | None]


def _prepared(request: DatasetRequest, kind: str, listing: Listing) -> Dataset:
    """Return the dataset of a listing whose answer is not in the cache."""
    where = Location(str(request.path))
    labels = labels_of(listing, request.classes, where)
    used = UsedImages(listing, request.on_error, where)
    used.drop(labels.failures)
    declared = declared_groups(request, listing, Location(key=("dataset", "group")))
    probed = probe_images(listing, kind, request.path, request.options, on_progress=_reporting("probe"))
    used.drop(probed.failures)
    images = _Listed(kind, listing, labels, used, probed.headers)
    # Without a test part, near-duplicates decide on the groups, the groups on the parts, and the training images on the
    # size: so the images are decoded before the size is known. The size hardly matters for near-duplicates; all images
    # choose it until then.
    options = _options(request, images, _first_rows(images, where))
    decoded = _decode(request, images, options)
    used.check_classes(labels)
    used.check()  # only now are all images known that cannot be used: one list has them
    division = divide(request, listing, labels, declared, used.rows, decoded, where)
    final = _options(request, images, division.train)
    if final != options:
        decoded = _decode(request, images, final)
        used.check()
        division = division.within(used.rows)
    notes = [
        *listing.notes,
        *used.notes,
        *division.notes,
        *_option_notes(request, images, final, division.train),
    ]
    return _written(request, images, division, decoded, tuple(sentence(note) for note in notes))


def _first_rows(images: _Listed, where: Location) -> Rows:
    """Return the rows of the training images, or of all images if the parts are not known yet.

    Raises:
        DataError: if the parts cannot be used, although no image has been left out.
    """
    try:
        return given_parts(images.listing, images.used.rows, where).train
    except DataError:
        if not images.used.failures:
            raise
        return images.used.rows  # the images that cannot be used are reported first, all in one list


def _headers(images: _Listed, rows: Rows) -> tuple[list[ImageHeader], list[int]]:
    """Return the headers of the images at these rows, and their class numbers."""
    found = [(header, row) for row in rows.tolist() if (header := images.headers[row]) is not None]
    return [header for header, _ in found], images.labels.numbers[[row for _, row in found]].tolist()


def _warning_on_values(images: _Listed, train: Rows, decoded: DecodedImages) -> str:
    """Return a warning about 16-bit training images that use a small part of their range."""
    import numpy as np

    options = decoded.options
    deep = [row for row in train.tolist() if (header := images.headers[row]) is not None and header.is_deep]
    if not deep or options.value_range is not None or options.invert or images.listing.bounds is not None:
        return ""
    pieces = decoded.pieces(np.array(deep, dtype=np.int64))
    return warning_on_dark_images(max(int(piece.max()) for piece in pieces))


def _decode(request: DatasetRequest, images: _Listed, options: DecodeOptions) -> DecodedImages:
    """Return the decoded images; leave out those that cannot be decoded."""
    decoded = decode_images(
        images.listing, images.kind, request.path, options, request.options, on_progress=_reporting("decode")
    )
    images.used.drop(decoded.failures)
    return decoded


def _reporting(step: str) -> Callable[[int, int], None]:
    return lambda done, total: report_progress(step, done, total)


def _options(request: DatasetRequest, images: _Listed, rows: Rows) -> DecodeOptions:
    """Return how images are decoded; what the request leaves open follows from the images at these rows."""
    headers, _ = _headers(images, rows)
    size = default_size([(header.height, header.width) for header in headers])
    value_range, bounds = None, images.listing.bounds
    if bounds is not None and request.value_range is None:
        value_range = natural_range(bounds(rows.tolist()))
    return request.decode_options(
        size, default_channels([header.channels for header in headers]), value_range
    )


def _option_notes(
    request: DatasetRequest, images: _Listed, options: DecodeOptions, train: Rows
) -> tuple[str, ...]:
    """Return what was decided from the training images."""
    notes = []
    if request.size is None:
        notes.append(
            f"the images become {options.size[0]} × {options.size[1]} pixels, from the training images"
        )
    if request.channels is None:
        colours = {1: "grey", 3: "in colour"}.get(options.channels, f"of {options.channels} channels")
        notes.append(f"the images are {colours}, from the training images")
    bounds = images.listing.bounds
    if bounds is not None and request.value_range is None:
        notes += filter(None, [range_text(bounds(train.tolist()))])
    return tuple(notes)


def _written(
    request: DatasetRequest,
    images: _Listed,
    division: Division,
    decoded: DecodedImages,
    notes: tuple[str, ...],
) -> Dataset:
    """Write the arrays and the summary; return their dataset."""
    listing, labels, used = images.listing, images.labels, images.used
    n_classes = len(labels.class_names)
    parts: dict[Part, PartRows] = {
        "train": PartRows(
            division.train,
            {
                **_columns(images, division.train, division),
                **_weights(images, division.train),
                **_times(division),
            },
        ),
        "test": PartRows(
            division.test,
            {
                **_columns(images, division.test, division),
                FILE_KEYS: file_keys(decoded.digests[division.test]),
            },
        ),
    }
    source = PreparedSource(request.text(), _arrays(write_parts(decoded, parts), decoded, parts))
    headers, numbers = _headers(images, division.train)
    warnings = [
        *warnings_on_files(headers, numbers, labels.class_names, decoded.options),
        _warning_on_values(images, division.train, decoded),
    ]
    failures = [(listing.names[row], reason) for row, reason in sorted(used.failures.items())]
    reader = listing.reader
    kinds = dict.fromkeys(reader.kinds if isinstance(reader, JoinedReader) else (images.kind,))
    PreparedSummary(
        kind=" and ".join(kinds),
        notes=notes,
        class_names=labels.class_names,
        parts={
            part: part_summary(labels.numbers[rows.rows], division.groups_of(rows.rows), n_classes)
            for part, rows in parts.items()
        },
        originals=originals_of(headers),
        failures=tuple(failures[:MAX_SHOWN]),
        n_failures=len(failures),
        warnings=tuple(sentence(warning) for warning in warnings if warning),
        alerts=tuple(sentence(note) for note in (*used.notes, *division.changes)),
    ).write(source.summary_path)
    if division.assignment is not None:
        write_assignment(source.assignment_copy, division.assignment)
    found = Found(source, decoded.image_shape, len(division.train), len(division.test), n_classes)
    return Dataset.of(found, request.name, labels.class_names)


def _columns(images: _Listed, rows: Rows, division: Division) -> dict[str, npt.NDArray[Any]]:
    """Return the labels of one part, its positions in the listing, and its groups, if there are any."""
    columns: dict[str, npt.NDArray[Any]] = {"labels": images.labels.numbers[rows], "positions": rows}
    if division.groups is not None:
        columns["groups"] = numbered(division.groups[rows])
    return columns


def _times(division: Division) -> dict[str, npt.NDArray[Any]]:
    """Return the ranks of the training images in time, if they have times."""
    if division.times is None:
        return {}
    where = Location(key=("dataset", "time"))
    return {"times": checked_times(division.times[division.train], len(division.train), where)}


def _weights(images: _Listed, train: Rows) -> dict[str, npt.NDArray[Any]]:
    """Return the weights of the training images, if there are any; no score of test images is weighted."""
    import numpy as np

    if images.listing.weights is None:
        return {}
    weights = np.array(images.listing.weights, dtype=np.float64)
    return {"weights": checked_weights(weights, len(weights), Location(key=("dataset", "weight")))[train]}


def _arrays(written: WrittenParts, decoded: DecodedImages, parts: Mapping[Part, PartRows]) -> NpySource:
    """Return the source of the arrays that were written.

    Their groups and times have the form in which they are read again, so the digests are those of the files.
    """
    train, test = parts["train"], parts["test"]
    return NpySource(
        str(written.folder.absolute()),
        decoded.image_shape,
        len(train.rows),
        len(test.rows),
        written.digests["train"],
        written.digests["test"],
        len(set(train.columns["groups"].tolist())) if "groups" in train.columns else 0,
        "times" in train.columns,
    )
