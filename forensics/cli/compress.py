"""`forensics compress`: one picture through one real encoder, at a strength or to a target."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--codec", "name", metavar="NAME", help="Codec, from `forensics codecs`.  [default: by OUT's suffix]")
@click.option("--quality", type=float, metavar="Q", help="The codec's own strength parameter, whatever its name.")
@click.option(
    "--ratio", type=float, metavar="R", help="Raw bytes over file bytes, reached within 2 %; a miss is reported."
)
@click.option(
    "--ssim", type=float, metavar="S", help="SSIM of luma against IN, reached within 0.003; a miss is reported."
)
@click.option("--max-bytes", type=int, metavar="N", help="The largest file that is not above N bytes.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="One of the codec's switches; repeatable.")
@click.option(
    "--decoded",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Save the decoded pixels too, as PNG, TIFF or BMP.",
)
@click.option("--force", is_flag=True, help="Overwrite files that exist.")
def command(
    source: Path,
    out: Path,
    name: str | None,
    quality: float | None,
    ratio: float | None,
    ssim: float | None,
    max_bytes: int | None,
    settings: tuple[str, ...],
    decoded: Path | None,
    force: bool,
) -> None:
    """Compress a picture with a real encoder, by parameter, ratio, SSIM or size.

    IN is any picture file that can be analysed, lossless or not; OUT's suffix names the codec. Prints what was reached.
    Without a target the codec's default strength is taken.
    """
    from forensics import compression
    from forensics.destinations import Destinations

    destinations = Destinations([source], force=force)
    for target in (out, decoded):
        destinations.file(target)
    codec = compression.codec_for(out, name)
    switches = compression.parse_switches(codec, settings)
    compression.check_absent(out, force)
    if decoded is not None:
        compression.check_lossless(decoded)
        compression.check_absent(decoded, force)
    pixels, notes = compression.read_source(source)
    for note in notes:
        click.echo(f"forensics: note: {note}", err=True)
    reached = compression.compress(
        codec, pixels, switches, strength=quality, ratio=ratio, ssim=ssim, max_bytes=max_bytes
    )
    lines = compression.report(reached)
    compression.write(out, reached.data)
    if decoded is not None:
        compression.write(decoded, compression.lossless_file(decoded, reached.pixels))
    if compression.missed(reached):
        click.echo(f"forensics: note: {compression.missed(reached)}", err=True)
    for title, value in lines:
        click.echo(f"{title:<15} {value}")
