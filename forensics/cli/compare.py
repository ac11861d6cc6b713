"""`forensics compare`: two copies of one picture, or the near-duplicates of a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from forensics.options import FORCE


@click.command()
@click.argument("first", type=click.Path(path_type=Path), metavar="PICTURE|FOLDER")
@click.argument("second", type=click.Path(path_type=Path), required=False, metavar="[PICTURE]")
@click.option("-r", "--recursive", is_flag=True, help="Go through the folders below FOLDER too.")
@click.option("-f", "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a page with both copies and their difference.",
)
@FORCE
def command(first: Path, second: Path | None, recursive: bool, form: str, report: Path | None, force: bool) -> None:
    """Say whether two copies of a picture are the same, and which is nearer to the source, and why.

    Given one FOLDER, its near-duplicates are grouped. Exit code: 0 done, whatever the answer, 1 wrong usage, 2 a
    picture cannot be opened.
    """
    from forensics.errors import UsageError

    if second is None:
        if not first.is_dir():
            raise UsageError("give two pictures, or one folder")
        _folder(first, recursive, form)
        return
    _pair(first, second, form, report, force)


def _pair(first: Path, second: Path, form: str, report: Path | None, force: bool) -> None:
    import json

    from forensics.comparison.compare import compare, text
    from forensics.comparison.page import write_page
    from forensics.destinations import Destinations
    from forensics.errors import PictureError
    from forensics.pictures.opened import open_picture
    from forensics.progress import SignOfLife
    from forensics.results.wording import printable

    Destinations([first, second], force=force).file(report)
    pictures: list[Any] = []
    for path in (first, second):
        try:
            pictures.append(open_picture(path))
        except PictureError as error:
            click.echo(f"forensics: error: {path}: {error}", err=True)
            raise SystemExit(2) from None
    with SignOfLife("comparison", 10.0) as alive:
        alive.begin(printable(f"{first} and {second}"))
        found = compare(*pictures)
    if report is not None:
        write_page(report, found, pictures[0].pixels, pictures[1].pixels)
    click.echo(json.dumps(found.to_dict(), allow_nan=False) if form == "json" else text(found))


def _folder(folder: Path, recursive: bool, form: str) -> None:
    import json

    from forensics.comparison.groups import near_duplicates
    from forensics.inputs import expand

    groups, failed = near_duplicates(expand([str(folder)], recursive=recursive), progress=True)
    if form == "json":
        click.echo(json.dumps({"groups": groups, "failed": [list(pair) for pair in failed]}))
    else:
        for number, group in enumerate(groups, 1):
            click.echo(f"{number}: " + ", ".join(group))
        if not groups:
            click.echo("no near-duplicates")
    for name, reason in failed:
        click.echo(f"forensics: error: {name}: {reason}", err=True)
    if failed:
        raise SystemExit(2)
