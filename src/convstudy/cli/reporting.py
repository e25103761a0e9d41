"""Write the files of a report; an error in one file does not stop the others."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from convstudy.cli.failures import as_convstudy_error
from convstudy.errors import ConvstudyError, Location, Problem, UsageError
from convstudy.numbers import counted

if TYPE_CHECKING:
    from convstudy.analysis import Analysis
    from convstudy.checks import Findings


def write_files(
    analysis: Analysis,
    findings: Findings | None,
    folder: Path,
    formats: Collection[str],
    hint: str,
) -> tuple[tuple[Path, ...], tuple[ConvstudyError, ...]]:
    """Write a report.

    Args:
        analysis: the analysis of the run.
        findings: the findings of the checks; ``None`` if the checks failed.
        folder: the folder of the files.
        formats: some of ``convstudy.report.FORMATS``.
        hint: printed if the system cannot write a file.

    Returns:
        The written files, and one error for each reason why other files are not written.
    """
    reasons: dict[str, tuple[Exception, list[Path]]] = {}

    def failed(path: Path, error: Exception) -> None:
        reason = str(error.errno) if isinstance(error, OSError) else repr(error)
        reasons.setdefault(reason, (error, []))[1].append(path)

    files: tuple[Path, ...] = ()
    try:
        from convstudy.report import write_report

        files = write_report(analysis, findings, folder, formats, failed)
    except Exception as error:  # raised before the first file
        failed(folder, error)
    return files, tuple(_error(error, paths, hint) for error, paths in reasons.values())


def _error(error: Exception, paths: list[Path], hint: str) -> ConvstudyError:
    n_more = len(paths) - 1
    more = f" and {counted(n_more, 'more file')}" if n_more else ""
    path = paths[0]
    if isinstance(error, OSError) and error.filename in map(str, (path, *path.parents)):
        reason = (error.strerror or str(error)).lower()
        what = f"the report cannot be written: {reason}"
        return UsageError(Problem(what, where=Location(f"{error.filename}{more}"), hint=hint))
    return as_convstudy_error(error, f"{path}{more}")
