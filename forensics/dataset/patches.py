"""Patches of a built data set: decode a file, apply its recorded after-steps, cut a window at a random offset.

Readers that want more than windows use `load_pixels`. Patches are drawn from a seed and the file's id, so a patch does
not depend on which other files are read or in what order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from forensics_models.classes import FINE_CLASSES
from PIL import Image

from forensics.codecs.decoders.alternatives import Decoder
from forensics.dataset import manifest
from forensics.dataset.encoders import encoder
from forensics.dataset.manifest import Row
from forensics.dataset.preparation import apply, from_json
from forensics.errors import UsageError


@dataclass(frozen=True)
class Patch:
    """One window: `pixels` of shape (size, size, 3), uint8; `label` is the index in `FINE_CLASSES`.

    `ratio` and `ssim` are those of the whole file; `top` and `left` the window's offset in the picture.
    """

    pixels: np.ndarray
    label: int
    fine_class: str
    ratio: float
    ssim: float
    top: int
    left: int
    row: Row


def load_pixels(folder: Path, row: Row, decoder: Decoder | None = None) -> np.ndarray:
    """The picture of a row, decoded and with its after-steps applied: uint8 RGB or grey.

    `decoder` stands in for the usual one of the row's class; an uncompressed row has no other. Raises `UsageError` for
    a row without a file, `CodecError` where the file is damaged or that decoder does not read it.
    """
    if row.status != "ok":
        raise UsageError(f"job {row.id} has no file: it is {row.status}")
    path = Path(folder) / row.file
    if row.encoder == "png":
        with Image.open(path, formats=("PNG",)) as picture:
            pixels = np.asarray(picture)
    else:
        pixels = (decoder or encoder(row.encoder)).decode(path.read_bytes())
    return apply(from_json(json.loads(row.after)), pixels)


def patches(
    folder: Path,
    size: int,
    *,
    seed: int,
    split: str | None = None,
    per_file: int = 1,
    position: str = "random",
    rows: Iterable[Row] | None = None,
) -> Iterator[Patch]:
    """Windows of a data set, file by file in manifest order; grey pictures come as three equal channels.

    Parameters
    ----------
    folder : Path
        The data set.
    size : int
        Side of the square windows in pixels; pictures smaller than that are left out.
    seed : int
        Of the random offsets.
    split : str, optional
        Only files of this split.
    per_file : int
        Windows from each file.
    position : str
        `random` or `centre`.
    rows : iterable of Row, optional
        These rows instead of the whole manifest.
    """
    if position not in ("random", "centre") or size < 1 or per_file < 1:
        raise UsageError("patches need a position random or centre, and a size and a number of at least 1")
    for row in manifest.read(folder) if rows is None else rows:
        if row.status != "ok" or (split is not None and row.split != split):
            continue
        pixels = load_pixels(folder, row)
        if min(pixels.shape[:2]) < size:
            continue
        if pixels.ndim == 2:
            pixels = np.repeat(pixels[:, :, None], 3, axis=2)
        label, numbers = FINE_CLASSES.index(row.fine_class), patch_generator(seed, row)
        for _ in range(per_file):
            top, left = random_offset(pixels, size, numbers)
            if position == "centre":
                top, left = (pixels.shape[0] - size) // 2, (pixels.shape[1] - size) // 2
            window = np.ascontiguousarray(pixels[top : top + size, left : left + size])
            yield Patch(window, label, row.fine_class, row.ratio, row.ssim, top, left, row)


def random_offset(pixels: np.ndarray, size: int, numbers: np.random.Generator) -> tuple[int, int]:
    """Row and column of a random window of `size` x `size` inside a picture that is at least that large."""
    height, width = pixels.shape[:2]
    return int(numbers.integers(height - size + 1)), int(numbers.integers(width - size + 1))


def random_crop(pixels: np.ndarray, size: int, numbers: np.random.Generator) -> np.ndarray:
    """A view of a random window of `size` x `size`; raises `UsageError` where the picture is smaller."""
    if min(pixels.shape[:2]) < size:
        raise UsageError(f"a window of {size} pixels does not fit a picture of {pixels.shape[1]}x{pixels.shape[0]}")
    top, left = random_offset(pixels, size, numbers)
    return pixels[top : top + size, left : left + size]


def patch_generator(seed: int, row: Row) -> np.random.Generator:
    """The random numbers for one file's windows."""
    digest = hashlib.sha256(f"{seed}/{row.id}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))
