"""`forensics map`: where in a picture which compression shows; a map, an overlay and polygons."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import click

from forensics.options import FORCE, MAX_PIXELS, MODEL_DIR

if TYPE_CHECKING:
    from forensics.errors import ForensicsError
    from forensics.pictures.opened import Picture


@click.command()
@click.argument("image", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the files into this folder.",
)
@click.option(
    "--side", type=click.IntRange(min=64), help="Width and height of a window in pixels.  [default: by the step]"
)
@click.option("--step", type=click.IntRange(min=32), default=32, show_default=True, help="Pixels between windows.")
@click.option("--limit", type=click.IntRange(min=1), help="Most windows; the step grows to keep it.  [default: 1024]")
@click.option("-f", "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@MAX_PIXELS
@MODEL_DIR
@click.option(
    "--exact",
    type=click.Choice(["jpeg"]),
    help="Block by block instead: which 8x8 blocks of a former JPEG can have come out of its decoder, and which were "
    "changed since.",
)
@FORCE
def command(
    image: Path,
    out: Path,
    side: int | None,
    step: int,
    limit: int | None,
    form: str,
    max_pixels: int | None,
    model_dir: Path | None,
    exact: str | None,
    force: bool,
) -> None:
    """Show where in a picture which compression left its traces, and find regions whose history differs.

    Writes map.png, overlay.png and regions.json (polygons in pixels) into the folder; with --exact exact.png and
    exact.json. Exit code: 0 done, 1 wrong usage, 2 the picture cannot be analysed.
    """
    from forensics.errors import ForensicsError, PictureError
    from forensics.windows.helper import helper

    other = None
    if exact is None:
        other = click.get_current_context().with_resource(helper([image]))
        if other is not None:
            other.prepare("forensics.batch", "make_ready_to_measure")  # while this process imports and reads
    from forensics.localisation import outputs
    from forensics.pictures.opened import MAX_PIXELS

    drawn = (image, out, form, max_pixels or MAX_PIXELS, force)

    def localised(picture: Picture) -> object:
        from forensics.examination import localise

        return localise(picture, model_dir=model_dir, side=side, step=step, limit=limit, helper=other)

    def exactly(picture: Picture) -> object:
        from forensics.localisation.exact_map import exact_map

        return exact_map(picture)

    if exact is None:
        _draw(*drawn, "map", localised, outputs, PictureError)
    else:
        from forensics.localisation import exact_outputs  # with all that reads JPEG

        _draw(*drawn, "exact map", exactly, exact_outputs, ForensicsError)


def _draw(
    image: Path,
    out: Path,
    form: str,
    max_pixels: int,
    force: bool,
    what: str,
    find: Callable[[Picture], object],
    outputs: ModuleType,
    refused: type[ForensicsError],
) -> None:
    """Open the picture, find what is drawn, write the files of `outputs` and print it."""
    import json

    from forensics.destinations import Destinations
    from forensics.pictures.opened import open_picture
    from forensics.progress import SignOfLife

    Destinations([image], force=force).folder(out, outputs.FILES)
    try:
        picture = open_picture(image, max_pixels=max_pixels)
        with SignOfLife(what, 10.0) as alive:
            alive.begin(picture.name)
            found = find(picture)
    except refused as error:
        click.echo(f"forensics: error: {image}: {error}", err=True)
        raise SystemExit(2) from None
    outputs.save(found, picture.pixels, out, name=picture.name, sha256=picture.sha256)
    if form == "json":
        document = outputs.to_dict(found, name=picture.name, sha256=picture.sha256)
        click.echo(json.dumps(document, allow_nan=False))
    else:
        click.echo(outputs.text(found, picture.name))
        click.echo(f"  files       {', '.join(str(out / file) for file in outputs.FILES)}")
