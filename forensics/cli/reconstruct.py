"""`forensics reconstruct`: from pictures that were JPEGs, the JPEG files again."""

from __future__ import annotations

from pathlib import Path

import click

from forensics.options import FORCE, MAX_PIXELS, RECURSIVE


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@RECURSIVE
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE_OR_DIR",
    help="Write the JPEG file here; for several pictures or a folder, a folder.  [default: tell only]",
)
@click.option("--verify", is_flag=True, help="Keep only files that give every pixel again; the others count as failed.")
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    default=float("inf"),
    help="Processor time a picture after which no further way is begun of finding what is left; the answer says so.  "
    "[default: no limit]",
)
@click.option("-f", "--format", "form", type=click.Choice(["text", "json", "csv"]), default="text", show_default=True)
@MAX_PIXELS
@FORCE
def command(
    paths: tuple[str, ...],
    recursive: bool,
    out: Path | None,
    verify: bool,
    seconds: float,
    form: str,
    max_pixels: int | None,
    force: bool,
) -> None:
    """Rebuild the JPEG file that a picture was decoded from, block by block, and say how much of it is exact.

    The file is decoded again before anything is said. Originals are never touched. Exit code: 0 all done, 1 wrong
    usage, 2 some pictures failed: no JPEG shows in them, or, with --verify, not every pixel comes out the same.
    """
    from forensics.inputs import expand
    from forensics.pictures.opened import MAX_PIXELS
    from forensics.reconstruction.archive import planned, rebuild

    inputs = expand(paths, recursive=recursive)
    folder = len(inputs) > 1 or any(Path(path).is_dir() for path in paths)
    jobs = planned(inputs, paths, out, folder=folder, force=force)
    failed = 0
    with rebuild(jobs, form, verify=verify, max_pixels=max_pixels or MAX_PIXELS, seconds=seconds) as results:
        for error in results:
            failed += error is not None
            if error is not None:
                click.echo(f"forensics: error: {error}", err=True)
    if failed:
        raise SystemExit(2)
