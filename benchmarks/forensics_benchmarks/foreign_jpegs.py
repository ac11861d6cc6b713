"""JPEG files by other encoders than libjpeg-turbo, made here or found in a folder: decoded, turned back, decoded again.

A file counts when every pixel comes out the same; the share of its blocks is reported with it. Encoders whose package
is not installed are left out and named. Files in a folder are taken as they are: those of cameras, of programs.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forensics.errors import ForensicsError
from forensics.pictures.opened import open_picture
from forensics.pixels import eight_bit
from forensics.reconstruction.reconstruct import reconstruct

QUALITIES = (70, 80, 90)
"""Qualities that are encoded, on each encoder's own scale; Guetzli takes 84 at least."""
_SMALLEST = 64
"""Shortest side that can be turned back, in pixels."""


def _mozjpeg(pixels: np.ndarray, quality: int) -> bytes:
    import jpeglib

    with tempfile.TemporaryDirectory() as folder, jpeglib.version("mozjpeg403"):
        path = str(Path(folder) / "x.jpg")
        picture = jpeglib.from_spatial(pixels)
        picture.samp_factor = "4:2:0"
        picture.write_spatial(path, qt=quality)
        return Path(path).read_bytes()


def _jpegli(pixels: np.ndarray, quality: int) -> bytes:
    import pyjpegli

    height, width = pixels.shape[:2]
    return bytes(pyjpegli.encode(pixels.tobytes(), width, height, quality))


def _guetzli(pixels: np.ndarray, quality: int) -> bytes:
    import pyguetzli
    from PIL import Image

    return bytes(pyguetzli.process_pil_image(Image.fromarray(pixels), quality=max(quality, 84)))


ENCODERS: dict[str, Callable[[np.ndarray, int], bytes]] = {
    "mozjpeg": _mozjpeg,
    "jpegli": _jpegli,
    "guetzli": _guetzli,
}
"""By name: jpeglib's MozJPEG 4.0.3, pyjpegli, pyguetzli."""


@dataclass(frozen=True)
class Returned:
    """One file: how many whole blocks it shows and how many come out the same, whether all pixels do, and what was
    said.
    """

    encoder: str
    name: str
    blocks: int
    same: int
    exact: bool
    said: str


def made(paths: Sequence[Path], encoders: Sequence[str], *, side: int) -> Iterator[Returned]:
    """Every source by every encoder and quality, cut to `side`."""
    for path in paths:
        pixels = eight_bit(open_picture(path).pixels)
        pixels = np.stack([pixels] * 3, axis=2) if pixels.ndim == 2 else pixels[..., :3]
        pixels = np.ascontiguousarray(pixels[:side, :side])
        for name in encoders:
            for quality in QUALITIES:
                yield _returned(name, f"{path.name} at {quality}", ENCODERS[name](pixels, quality), side)


def found(paths: Sequence[Path], *, side: int) -> Iterator[Returned]:
    """JPEG files as they are, cut to `side` from the top left corner after decoding."""
    for path in paths:
        yield _returned("file", path.name, path.read_bytes(), side)


def _returned(encoder: str, name: str, data: bytes, side: int) -> Returned:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.mode not in ("L", "RGB") or min(image.size) < _SMALLEST:
                return Returned(encoder, name, 0, 0, False, f"left out: {image.mode}, {image.size}")
            pixels = np.ascontiguousarray(np.array(image)[:side, :side])
    except (OSError, SyntaxError) as error:
        return Returned(encoder, name, 0, 0, False, f"left out: {error}")
    try:
        back = reconstruct(pixels)
    except ForensicsError as error:
        blocks = (pixels.shape[0] // 8) * (pixels.shape[1] // 8)
        return Returned(encoder, name, blocks, 0, False, str(error))
    return Returned(encoder, name, back.blocks, back.blocks_same, back.exact, back.decoder)


def installed() -> list[str]:
    """Encoders whose package can be imported, with all that it needs itself."""
    packages = {"mozjpeg": "jpeglib", "jpegli": "pyjpegli", "guetzli": "pyguetzli"}
    return [name for name, package in packages.items() if _imports(package)]


def _imports(package: str) -> bool:
    from importlib import import_module

    try:
        import_module(package)
    except ImportError:
        return False
    return True


def table(rows: Sequence[Returned]) -> str:
    """Markdown: a line for each encoder."""
    lines = ["| encoder | files | exact | 99 % of blocks | blocks the same |", "| --- | --- | --- | --- | --- |"]
    for encoder in dict.fromkeys(row.encoder for row in rows):
        own = [row for row in rows if row.encoder == encoder and row.blocks]
        if not own:
            continue
        nearly = sum(row.same >= 0.99 * row.blocks for row in own)
        share = sum(row.same for row in own) / sum(row.blocks for row in own)
        lines.append(f"| {encoder} | {len(own)} | {sum(row.exact for row in own)} | {nearly} | {share:.2%} |")
    return "\n".join(lines)
