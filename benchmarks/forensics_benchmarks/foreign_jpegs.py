"""JPEG files by other encoders than libjpeg-turbo, made here or found in a folder: decoded, turned back, decoded again.

A file counts when every pixel comes out the same; the share of its blocks is reported with it. Encoders whose package
is not installed are left out and named. Files in a folder are taken as they are: those of cameras, of programs.
"""

from __future__ import annotations

import io
import math
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forensics.errors import ForensicsError
from forensics.pictures.opened import open_picture
from forensics.pixels import eight_bit
from forensics.reconstruction.reconstruct import reconstruct

QUALITIES = (70, 80, 90)
"""Qualities that are encoded, on each encoder's own scale."""
GUETZLI_QUALITIES = (84, 90, 95)
"""The same of Guetzli, which takes 84 at least."""
_SMALLEST = 64
"""Shortest side that can be turned back, in pixels."""
_GIVEN_UP = 2
"""How many times the time that it is given one file may take: a bound on work."""


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
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        source, coded = Path(folder) / "x.png", Path(folder) / "x.jpg"
        Image.fromarray(pixels).save(source)
        command = ["guetzli", "--quality", str(quality), str(source), str(coded)]
        subprocess.run(command, capture_output=True, timeout=600, check=True)
        return coded.read_bytes()


ENCODERS: dict[str, Callable[[np.ndarray, int], bytes]] = {
    "mozjpeg": _mozjpeg,
    "jpegli": _jpegli,
    "guetzli": _guetzli,
}
"""By name: jpeglib's MozJPEG 4.0.3, pyjpegli, the program `guetzli`."""


@dataclass(frozen=True)
class Returned:
    """One file: how many whole blocks it shows and how many come out the same, whether all pixels do, what was
    said, and the processor time.
    """

    encoder: str
    name: str
    blocks: int
    same: int
    exact: bool
    said: str
    seconds: float = 0.0


def made(paths: Sequence[Path], encoders: Sequence[str], *, side: int, seconds: float = math.inf) -> Iterator[Returned]:
    """Every source by every encoder and quality, cut to `side`."""
    for path in paths:
        pixels = eight_bit(open_picture(path).pixels)
        pixels = np.stack([pixels] * 3, axis=2) if pixels.ndim == 2 else pixels[..., :3]
        pixels = np.ascontiguousarray(pixels[:side, :side])
        for name in encoders:
            for quality in QUALITIES if name != "guetzli" else GUETZLI_QUALITIES:
                data = ENCODERS[name](pixels, quality)
                yield _returned(name, f"{path.name} at {quality}", data, side, seconds)


def found(
    paths: Sequence[Path], *, side: int, seconds: float = math.inf, each_table_once: bool = False
) -> Iterator[Returned]:
    """JPEG files as they are.

    Parameters
    ----------
    paths : sequence of Path
    side : int
        Larger files are cut to it from the top left corner, by `jpegtran` where it is installed: after decoding chroma
        would show blocks that the cut picture does not hold.
    seconds : float
        Processor time a file that `reconstruct` is given; after twice as much a file is given up, and told.
    each_table_once : bool
        Whether files with tables and sampling factors of another before them are left out.
    """
    seen: set[object] = set()
    for path in paths:
        data = path.read_bytes()
        kind = _tables_and_factors(data) if each_table_once else None
        if kind is None or kind not in seen:
            seen.add(kind)
            yield _returned("file", path.name, _cut(data, side), side, seconds)


def _tables_and_factors(data: bytes) -> object:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            tables = getattr(image, "quantization", {})
            return str(tables), str([layer[1:3] for layer in getattr(image, "layer", [])])
    except (OSError, SyntaxError):
        return None


def _cut(data: bytes, side: int) -> bytes:
    """The file cut without decoding, where it is larger and the program is there."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            width, height = image.size
    except (OSError, SyntaxError):
        return data
    if max(width, height) <= side or shutil.which("jpegtran") is None:
        return data
    size = f"{min(width, side)}x{min(height, side)}+0+0"
    made = subprocess.run(["jpegtran", "-crop", size], input=data, capture_output=True, timeout=60, check=False)
    return made.stdout if made.returncode == 0 else data


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise `TimeoutError` when so much processor time is spent within."""

    def stop(number: int, frame: object) -> None:
        raise TimeoutError

    if not math.isfinite(seconds):
        yield
        return
    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _returned(encoder: str, name: str, data: bytes, side: int, seconds: float = math.inf) -> Returned:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.mode not in ("L", "RGB") or min(image.size) < _SMALLEST:
                return Returned(encoder, name, 0, 0, False, f"left out: {image.mode}, {image.size}")
            pixels = np.ascontiguousarray(np.array(image)[:side, :side])
    except (OSError, SyntaxError) as error:
        return Returned(encoder, name, 0, 0, False, f"left out: {error}")
    start = time.process_time()
    try:
        with _at_most(_GIVEN_UP * seconds):
            back = reconstruct(pixels, seconds=seconds)
    except (ForensicsError, TimeoutError) as error:
        blocks = (pixels.shape[0] // 8) * (pixels.shape[1] // 8)
        said = str(error) if isinstance(error, ForensicsError) else f"given up after {_GIVEN_UP * seconds:g} s"
        return Returned(encoder, name, blocks, 0, False, said, time.process_time() - start)
    spent = time.process_time() - start
    said = f"{back.decoder}, stopped" if back.stopped else back.decoder
    return Returned(encoder, name, back.blocks, back.blocks_same, back.exact, said, spent)


def installed() -> list[str]:
    """Encoders whose package can be imported, with all that it needs itself, or whose program is there."""
    packages = {"mozjpeg": "jpeglib", "jpegli": "pyjpegli"}
    found = [name for name, package in packages.items() if _imports(package)]
    return [*found, "guetzli"] if shutil.which("guetzli") else found


def _imports(package: str) -> bool:
    from importlib import import_module

    try:
        import_module(package)
    except ImportError:
        return False
    return True


def table(rows: Sequence[Returned]) -> str:
    """Markdown: a line for each encoder."""
    lines = [
        "| encoder | files | exact | 99 % of blocks | blocks the same | slowest, s |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for encoder in dict.fromkeys(row.encoder for row in rows):
        own = [row for row in rows if row.encoder == encoder and row.blocks]
        if not own:
            continue
        nearly = sum(row.same >= 0.99 * row.blocks for row in own)
        share = sum(row.same for row in own) / sum(row.blocks for row in own)
        lines.append(
            f"| {encoder} | {len(own)} | {sum(row.exact for row in own)} | {nearly} | {share:.2%} | "
            f"{max(row.seconds for row in own):.0f} |"
        )
    return "\n".join(lines)
