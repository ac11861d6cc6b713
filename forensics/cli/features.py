"""`forensics features`: pictures in, a table of measurements out."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from forensics.options import EVERYTHING, FORCE, MAX_PIXELS, RECURSIVE, report_option


@click.command()
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@report_option("A .csv or .parquet file.  [default: CSV on standard output]")
@click.option(
    "-w",
    "--window",
    type=click.IntRange(min=64),
    help="Measure tiles of this many pixels a side, a row each.",
)
@RECURSIVE
@MAX_PIXELS
@EVERYTHING
@FORCE
def command(
    images: tuple[str, ...],
    out: Path | None,
    window: int | None,
    recursive: bool,
    max_pixels: int | None,
    everything: bool,
    force: bool,
) -> None:
    """Measure pictures with all extractors and write a table, a row a picture.

    IMAGE is a picture file, a folder, a pattern, or - for standard input. Exit code: 0 all done, 1 wrong usage, 2 some
    inputs failed.
    """
    from forensics.destinations import Destinations
    from forensics.errors import PictureError
    from forensics.inputs import Skipped, expand
    from forensics.kernels import announce_compilation
    from forensics.measure import TableWriter, columns, measure
    from forensics.pictures.opened import MAX_PIXELS
    from forensics.results.wording import printable

    skipped = Skipped()
    inputs = expand(images, recursive=recursive, every=everything, skipped=skipped)
    Destinations(inputs, force=force).file(out)
    announce_compilation()
    settings = {"window": window, "max_pixels": max_pixels, "columns": columns()}
    with TableWriter(out, settings) as table:
        rest = inputs[table.go_on(inputs) :]
        failed = table.failures
        for name in rest:
            try:
                rows = list(measure(name, window=window, max_pixels=max_pixels or MAX_PIXELS, name=printable(name)))
            except PictureError as error:
                failed += 1
                table.skip(name)
                sys.stderr.write(f"forensics: error: {printable(name)}: {error}\n")
            else:
                table.write(rows, name)
    if skipped.text():
        click.echo(f"forensics: {skipped.text()}", err=True)
    if failed or skipped.unread_folders:
        raise SystemExit(2)
