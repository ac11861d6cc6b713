"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from forensics.pixels import MAX_PIXELS as _MOST

_Command = TypeVar("_Command", bound=Callable[..., object])


def split_names(text: str) -> tuple[str, ...]:
    """The names in a text that separates them by commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _standard_output(context: click.Context, option: click.Parameter, path: Path | None) -> Path | None:
    return None if path == Path("-") else path


def report_option(text: str) -> Callable[[_Command], _Command]:
    """`--out` of a command that writes one report, on standard output by default; `-` is that too."""
    kind = click.Path(dir_okay=False, path_type=Path)
    return click.option("-o", "--out", type=kind, callback=_standard_output, help=text)


EVERYTHING = click.option(
    "--all", "everything", is_flag=True, help="Try everything that a folder holds, and follow links to folders."
)
ALL_WINDOWS = click.option(
    "--all-windows/--until-agreed",
    default=False,
    show_default=True,
    help="Judge all windows, as histories, maps and pages always do, or one after another until those judged agree: "
    "faster, and in less than one picture of 500 another answer.",
)
FORCE = click.option("--force", is_flag=True, help="Replace pictures that exist; never an input.")
JOBS = click.option(
    "-j", "--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes that share the work."
)
MAX_PIXELS = click.option(
    "--max-pixels", type=click.IntRange(min=1), help=f"Refuse larger pictures.  [default: {_MOST}]"
)
MODEL_DIR = click.option(
    "--model-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Judge with the model that `forensics train` wrote into this folder.  [default: the shipped model]",
)
RECURSIVE = click.option("-r", "--recursive", is_flag=True, help="Go through the folders below a folder too.")
FAIL_IF = click.option(
    "--fail-if",
    "fail_if",
    multiple=True,
    metavar="RULE",
    help="Exit with 3 if a picture is so, such as 'lossy'; repeatable.",
)
POLICY = click.option(
    "--policy", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="TOML file with rules."
)
OFFENDERS = click.option(
    "--offenders", type=click.Path(dir_okay=False, path_type=Path), help="Write all pictures that break a rule as CSV."
)
SCHEDULER = click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Have the workers of the Dask scheduler at this address do the work, such as tcp://127.0.0.1:8786.",
)


def _work_there(context: click.Context, option: click.Parameter, address: str | None) -> None:
    if address is not None:
        from forensics.executors.tasks import on_cluster

        context.with_resource(on_cluster(address))


ON_CLUSTER = click.option(
    "--scheduler",
    metavar="ADDRESS",
    expose_value=False,
    callback=_work_there,
    help="Have the workers of the Dask scheduler at this address do the work; they must see the same folders.",
)
"""As `SCHEDULER`, for commands whose work is given to `forensics.executors.tasks`: it holds until the command ends."""
