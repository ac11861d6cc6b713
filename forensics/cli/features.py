"""`forensics features`: pictures in, a table of measurements out."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from forensics.options import FORCE


@click.command()
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A .csv or .parquet file.  [default: CSV on standard output]",
)
@click.option(
    "-w",
    "--window",
    type=click.IntRange(min=64),
    help="Measure tiles of this many pixels a side, a row each.",
)
@click.option("-r", "--recursive", is_flag=True, help="Go through the folders below a folder too.")
@click.option("--max-pixels", type=click.IntRange(min=1), help="Refuse larger pictures.  [default: 250000000]")
@FORCE
def command(
    images: tuple[str, ...], out: Path | None, window: int | None, recursive: bool, max_pixels: int | None, force: bool
) -> None:
    """Measure pictures with all extractors and write a table, a row a picture.

    IMAGE is a picture file, a folder, a pattern, or - for standard input. Exit code: 0 all done, 1 wrong usage, 2 some inputs failed.
    """
    from forensics.batch import announce_compilation, expand, printable
    from forensics.destinations import Destinations
    from forensics.errors import PictureError
    from forensics.measure import TableWriter, measure
    from forensics.pictures.opened import MAX_PIXELS

    inputs = expand(images, recursive=recursive)
    Destinations(inputs, force=force).file(out)
    announce_compilation()
    failed = 0
    with TableWriter(out) as table:
        for name in inputs:
            try:
                table.write(
                    list(measure(name, window=window, max_pixels=max_pixels or MAX_PIXELS, name=printable(name)))
                )
            except PictureError as error:
                failed += 1
                sys.stderr.write(f"forensics: error: {printable(name)}: {error}\n")
    if failed:
        raise SystemExit(2)
