"""What share of a picture the arithmetic of WebP, JPEG XR and JPEG 2000 explains to the bit, of their own pictures and
of others.

    python -m forensics_benchmarks.exact_shares SOURCES [--limit N] [--side PIXELS]

Sources, evenly chosen, are cut to their middle, coded, decoded and cropped by `OFFSET`, so that no grid begins with the
picture. Each of the three tests is then asked as `--history` asks it, WebP's with its grid given: of what its own codec
made (`MADE`), and of the same sources untouched and by the others (`CONTROLS`). A table goes to standard output.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from forensics.codecs import registry
from forensics.codecs.base import Value
from forensics.history.jpeg2000 import explained as jpeg2000
from forensics.history.jpeg2000 import recovery as jpeg2000_recovery
from forensics.history.jpegxr import explained as jpegxr
from forensics.history.jpegxr import recovery as jpegxr_recovery
from forensics.history.recoding import vp8_lattice

OFFSET = (3, 6)
"""Rows and columns that are cut off after decoding."""
MADE: dict[str, tuple[tuple[str, dict[str, Value]], ...]] = {
    "webp": (
        ("webp", {"quality": 50}),
        ("webp", {"quality": 75}),
        ("webp", {"quality": 90}),
        ("webp", {"quality": 95}),
        ("webp", {"quality": 75, "preset": "icon"}),
    ),
    "jpegxr": (
        ("jpegxr", {"level": 0.85}),
        ("jpegxr", {"level": 0.45}),
        ("jpegxr-jxrlib", {"quantizer": 30, "overlap": 0}),
        ("jpegxr-jxrlib", {"quantizer": 30, "overlap": 1}),
        ("jpegxr-jxrlib", {"quantizer": 30, "overlap": 2}),
    ),
    "jpeg2000": (
        ("jpeg2000", {"ratio": 8, "wavelet": "9/7"}),
        ("jpeg2000", {"ratio": 20, "wavelet": "9/7"}),
        ("jpeg2000", {"ratio": 8, "wavelet": "5/3"}),
        ("jpeg2000", {"ratio": 20, "wavelet": "5/3"}),
    ),
}
"""Encoder and switches, by the test that their pictures are given to. libwebp's preset for icons has no loop filter."""
CONTROLS = ("untouched", "jpeg", "webp", "jpegxr", "jpeg2000", "avif", "heic", "jpegxl")
"""What every test is asked of, but of its own codec; at each codec's usual strength."""


class Share(NamedTuple):
    """What one test said of one picture: the test, who made the picture, and the shares on the grid and one pixel off
    it, None where none is stated.
    """

    test: str
    made: str
    share: float | None
    shifted: float | None


def asked(test: str, pixels: np.ndarray) -> tuple[float, float] | None:
    """The shares on the grid and off it, None where the test states none.

    Parameters
    ----------
    test : str
        A key of `MADE`.
    pixels : np.ndarray [shape=(height, width, 3), dtype=uint8]
        Cropped by `OFFSET`.
    """
    if test == "webp":
        blocks = vp8_lattice.explained(pixels, (-OFFSET[0] % 4, -OFFSET[1] % 4))
        return None if blocks is None or not blocks.indices else (blocks.share, blocks.shifted)
    samples: jpegxr.Explained | jpeg2000.Explained | None
    if test == "jpegxr":
        samples = jpegxr.explained(pixels, jpegxr_recovery.recover(pixels))
    else:
        samples = jpeg2000.explained(pixels, jpeg2000_recovery.recover(pixels))
    return None if samples is None else (samples.share, samples.shifted)


def measure(sources: Sequence[np.ndarray]) -> Iterator[Share]:
    """Every test on every picture that it is to be asked of.

    Parameters
    ----------
    sources : sequence of np.ndarray [shape=(height, width, 3), dtype=uint8]
    """
    for source in sources:
        for test, encoders in MADE.items():
            for name, switches in encoders:
                if registry.get(name).availability().encode:
                    yield _share(test, _title(name, switches), _made(source, name, switches))
        for control in CONTROLS:
            if control == "untouched" or registry.get(control).availability().encode:
                pixels = _made(source, control, {})
                yield from (_share(test, control, pixels) for test in MADE if test != control)


def _made(source: np.ndarray, name: str, switches: dict[str, Value]) -> np.ndarray:
    decoded = source
    if name != "untouched":
        encoder = registry.get(name)
        decoded = encoder.decode(encoder.encode(source, **switches))
    return np.ascontiguousarray(decoded[OFFSET[0] :, OFFSET[1] :])


def _title(name: str, switches: dict[str, Value]) -> str:
    return " ".join([name, *(f"{switch} {value}" for switch, value in switches.items())])


def _share(test: str, made: str, pixels: np.ndarray) -> Share:
    return Share(test, made, *(asked(test, pixels) or (None, None)))


def report(found: Sequence[Share]) -> str:
    """A Markdown table: by test and maker how many pictures have a share, its median and range, and those off the
    grid.
    """
    lines = ["| test | made by | stated | median | range | one pixel off |", "| --- | --- | --- | --- | --- | --- |"]
    for test, made in dict.fromkeys((one.test, one.made) for one in found):
        those = [one for one in found if (one.test, one.made) == (test, made)]
        shares = [100 * one.share for one in those if one.share is not None]
        off = [100 * one.shifted for one in those if one.shifted is not None]
        cells = ["-"] * 3
        if shares:
            cells = [f"{np.median(shares):.1f} %", *(f"{min(ends):.1f} to {max(ends):.1f} %" for ends in (shares, off))]
        lines.append(f"| {test} | {made} | {len(shares)} of {len(those)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command above."""
    from PIL import Image

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("sources", type=Path)
    parser.add_argument("--limit", type=int, default=6)
    parser.add_argument("--side", type=int, default=384)
    options = parser.parse_args(arguments)
    paths = sorted(options.sources.glob("*.png"))
    pictures = []
    for path in paths[:: max(1, len(paths) // options.limit)][: options.limit]:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
        top, left = (max(0, length - options.side) // 2 for length in pixels.shape[:2])
        pictures.append(np.ascontiguousarray(pixels[top : top + options.side, left : left + options.side]))
    print(report(list(measure(pictures))), end="")


if __name__ == "__main__":
    main()
