"""From a run's folder to its report: what is read, and the two forms it takes."""

from __future__ import annotations

from pathlib import Path

from forensics_models.storage import write_atomically

from forensics.errors import UsageError, install_extra
from forensics_benchmarks import markdown
from forensics_benchmarks.sections import sections
from forensics_benchmarks.stored_run import Run


def markdown_report(run: Run, kind: str | None = None) -> str:
    """The figures of a run as Markdown; `kind` `grid` or `kib` gives those tables of every model alone, None the whole
    report.

    Raises `UsageError` for `kib` where no patch was encoded to a file size.
    """
    if kind is None:
        return markdown.sections_text(sections(run))
    figures = markdown.grid_report if kind == "grid" else markdown.kib_report
    several = len(run.judges) > 1
    return "\n\n".join(
        f"# {name}\n\n{figures(records)}" if several else figures(records) for name, records in run.judges.items()
    )


def html_report(run: Run) -> str:
    """The figures of a run as one self-contained page; raises `UsageError` without matplotlib."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise UsageError(
            f"the page needs the extra `bench`: {install_extra('bench')} ({error.name} is missing)"
        ) from None
    from forensics_benchmarks.html_report import page

    return page(run)


def write_text(path: Path, text: str) -> None:
    """Write a file atomically; raises `UsageError` where that fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text.encode())
    except OSError as error:
        raise UsageError(f"cannot write {str(path)!r}: {error.strerror}") from None
