"""Writing a report for a command: what cannot be written is an error of its own, and loses nothing else."""

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
    """Return the files of a report that are written, and one error for each reason why others are not.

    Args:
        analysis: that of the run.
        findings: what the checks find in it; ``None`` where they failed.
        folder: where to.
        formats: some of ``convstudy.report.FORMATS``.
        hint: what to do where the system refuses to write.
    """
    reasons: dict[str, tuple[Exception, list[Path]]] = {}

    def failed(path: Path, error: Exception) -> None:
        reason = str(error.errno) if isinstance(error, OSError) else repr(error)
        reasons.setdefault(reason, (error, []))[1].append(path)

    files: tuple[Path, ...] = ()
    try:
        from convstudy.report import write_report

        files = write_report(analysis, findings, folder, formats, failed)
    except Exception as error:  # before the first file
        failed(folder, error)
    return files, tuple(_error(error, paths, hint) for error, paths in reasons.values())


def _error(error: Exception, paths: list[Path], hint: str) -> ConvstudyError:
    """Return one error for all files that failed for one reason."""
    n_more = len(paths) - 1
    more = f" and {counted(n_more, 'more file')}" if n_more else ""
    path = paths[0]
    if isinstance(error, OSError) and error.filename in map(str, (path, *path.parents)):
        reason = (error.strerror or str(error)).lower()
        what = f"the report cannot be written: {reason}"
        return UsageError(Problem(what, where=Location(f"{error.filename}{more}"), hint=hint))
    return as_convstudy_error(error, f"{path}{more}")
