"""Enlarged pictures: native size, kernel and factor as they are read, by program, and what is found in pictures that
were not enlarged.

Every source is enlarged once by every program and kernel that is there, by a factor drawn from `FACTORS` (different
ones along x and y in a quarter of the cases, one axis alone in an eighth), whole and as a crop of `CROP` pixels at a
random place. Sources as they are, their crops, and both as JPEG of quality 40 to 95 count as not enlarged. Programs:
Pillow, OpenCV (where `cv2` can be imported), and the commands of ImageMagick, GraphicsMagick, libvips and FFmpeg, where
they are at hand.
"""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from forensics_features import enlargement, repetition
from PIL import Image

from forensics.scratch import scratch_folder
from forensics_benchmarks.draws import log_uniform, mean

FACTORS = (1.05, 3.0)
"""Range of the factors of enlargement, drawn evenly on a logarithmic scale."""
CROP = 256
"""Width and height of the crops, in pixels."""
NONE = "none"
Resize = Callable[[np.ndarray, int, int], np.ndarray]


def _pillow(kernel: Image.Resampling, pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).resize((width, height), kernel))


def _opencv(kernel: str, pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    import cv2

    return np.asarray(cv2.resize(pixels, (width, height), interpolation=getattr(cv2, kernel)))


def _command(arguments: Sequence[str], pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """A program that reads and writes PNG; `{}` in its arguments are filled."""
    with scratch_folder() as folder:
        before, after = Path(folder) / "before.png", Path(folder) / "after.png"
        Image.fromarray(pixels).save(before)
        words = {
            "before": before, "after": after, "w": width, "h": height,
            "fx": repr(width / pixels.shape[1]), "fy": repr(height / pixels.shape[0]),
        }  # fmt: skip
        subprocess.run([a.format(**words) for a in arguments], check=True, capture_output=True, timeout=60)
        return np.asarray(Image.open(after).convert("RGB"))


_MAGICK = ("convert", "{before}", "-filter", "Lanczos", "-resize", "{w}x{h}!", "{after}")
_PROGRAMS: dict[tuple[str, str], Resize] = {
    ("Pillow", "bilinear"): partial(_pillow, Image.Resampling.BILINEAR),
    ("Pillow", "cubic -0.5"): partial(_pillow, Image.Resampling.BICUBIC),
    ("Pillow", "Lanczos 3"): partial(_pillow, Image.Resampling.LANCZOS),
    ("Pillow", "repetition"): partial(_pillow, Image.Resampling.NEAREST),
    ("OpenCV", "bilinear"): partial(_opencv, "INTER_LINEAR"),
    ("OpenCV", "cubic -0.75"): partial(_opencv, "INTER_CUBIC"),
    ("OpenCV", "Lanczos 4"): partial(_opencv, "INTER_LANCZOS4"),
    ("ImageMagick", "Lanczos 3"): partial(_command, _MAGICK),
    ("ImageMagick", "Mitchell"): partial(_command, [*_MAGICK[:3], "Mitchell", *_MAGICK[4:]]),
    ("GraphicsMagick", "Mitchell"): partial(_command, ["gm", *_MAGICK[:3], "Mitchell", *_MAGICK[4:]]),
    ("libvips", "cubic -0.5"): partial(_command, ["vips", "resize", "{before}", "{after}", "{fx}", "--vscale", "{fy}"]),
    ("libvips", "bilinear"): partial(
        _command, ["vips", "resize", "{before}", "{after}", "{fx}", "--vscale", "{fy}", "--kernel", "linear"]
    ),
    ("FFmpeg, planes", "cubic -0.6"): partial(
        _command,
        ["ffmpeg", "-v", "error", "-i", "{before}", "-vf", "format=gbrp,scale={w}:{h}:flags=bicubic", "{after}"],
    ),
    ("FFmpeg", "cubic -0.6"): partial(
        _command, ["ffmpeg", "-v", "error", "-i", "{before}", "-vf", "scale={w}:{h}:flags=bicubic", "{after}"]
    ),
}
_NEEDS = {
    "ImageMagick": "convert",
    "GraphicsMagick": "gm",
    "libvips": "vips",
    "FFmpeg": "ffmpeg",
    "FFmpeg, planes": "ffmpeg",
}


def programs() -> dict[tuple[str, str], Resize]:
    """The programs and kernels that are at hand."""
    there = {"Pillow": True, "OpenCV": find_spec("cv2") is not None}
    there.update({name: shutil.which(command) is not None for name, command in _NEEDS.items()})
    return {key: resize for key, resize in _PROGRAMS.items() if there[key[0]]}


@dataclass(frozen=True)
class Case:
    """One picture: how it was enlarged, whether whole, and what was read."""

    program: str
    kernel: str
    whole: bool
    factors: tuple[float, float]
    found: bool
    size_right: bool
    kernel_right: bool
    factor_error: float


def measure(pictures: Sequence[np.ndarray], *, seed: int = 61) -> Iterator[Case]:
    """Every picture by every program, whole and cropped, and not enlarged; deterministic for a seed."""
    rng = np.random.default_rng(seed)
    for picture in pictures:
        yield from _not_enlarged(picture, rng)
        for (program, kernel), resize in programs().items():
            height, width = picture.shape[:2]
            across, down = _factors(rng)
            enlarged = resize(picture, round(width * across), round(height * down))
            if program == "libvips":  # it rounds its own sizes
                across, down = enlarged.shape[1] / width, enlarged.shape[0] / height
            for whole in (True, False):
                seen = enlarged if whole else _crop(enlarged, rng)
                yield _case(seen, picture.shape, enlarged.shape, program, kernel, whole)


def _factors(rng: np.random.Generator) -> tuple[float, float]:
    across, down = log_uniform(FACTORS, rng), log_uniform(FACTORS, rng)
    kind = rng.integers(8)
    if kind == 0:
        return (across, 1.0) if rng.integers(2) else (1.0, across)
    return (across, down) if kind <= 2 else (across, across)


def _crop(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    top, left = (int(rng.integers(max(1, side - CROP + 1))) for side in pixels.shape[:2])
    return np.ascontiguousarray(pixels[top : top + CROP, left : left + CROP])


def _not_enlarged(picture: np.ndarray, rng: np.random.Generator) -> Iterator[Case]:
    coded = io.BytesIO()
    Image.fromarray(picture).save(coded, "JPEG", quality=int(rng.integers(40, 96)))
    for kind, pixels in ((NONE, picture), ("JPEG", np.asarray(Image.open(coded)))):
        for whole in (True, False):
            seen = pixels if whole else _crop(pixels, rng)
            found = enlargement.find(seen) is not None or repetition.find(seen) is not None
            yield Case(kind, NONE, whole, (1.0, 1.0), found, not found, not found, 0.0)


def _case(
    seen: np.ndarray, native: tuple[int, ...], enlarged: tuple[int, ...], program: str, kernel: str, whole: bool
) -> Case:
    truth = (enlarged[1] / native[1], enlarged[0] / native[0])
    repeated = repetition.find(seen)
    if repeated is not None or kernel == "repetition":
        axes: list[Any] = [None, None] if repeated is None else [repeated.columns, repeated.rows]
        read, kernels = [1.0 if axis is None else axis.new / axis.old for axis in axes], {"repetition"}
        found = repeated is not None
    else:
        result = enlargement.find(seen)
        found = result is not None
        axes = [None, None] if result is None else [result.columns, result.rows]
        read = [1.0 if axis is None else 1 / axis.slope for axis in axes]
        kernels = {axis.kernel.name for axis in axes if axis is not None}
    sizes = [
        side if axis is None else axis.old for axis, side in zip(axes, (seen.shape[1], seen.shape[0]), strict=True)
    ]
    error = max(abs(one / other - 1) for one, other in zip(read, truth, strict=True))
    right = whole and tuple(sizes) == (native[1], native[0])
    return Case(program, kernel, whole, truth, found, right, kernels == {kernel}, error)


def summary(cases: Sequence[Case], *, whole: bool) -> list[dict[str, object]]:
    """One row a program and kernel, and one of all: shares of exact native sizes, of factors within 0.1 %, and of
    kernels.
    """
    chosen = [case for case in cases if case.whole is whole and case.kernel != NONE]
    keys = list(dict.fromkeys((case.program, case.kernel) for case in chosen))
    groups = [(*key, [c for c in chosen if (c.program, c.kernel) == key]) for key in keys]
    return [_row(*group, whole) for group in [*groups, ("all", "", chosen)] if group[2]]


def _row(program: str, kernel: str, cases: Sequence[Case], whole: bool) -> dict[str, object]:
    row: dict[str, object] = {"program": program, "kernel": kernel, "pictures": len(cases)}
    row["found"] = mean([case.found for case in cases])
    if whole:
        row["native size exact"] = mean([case.size_right for case in cases])
    row["factor within 0.1 %"] = mean([case.factor_error <= 1e-3 for case in cases])
    row["kernel right"] = mean([case.kernel_right for case in cases])
    return row


def false_alarms(cases: Sequence[Case]) -> list[dict[str, object]]:
    """Pictures that were not enlarged, and the share in which an enlargement is found."""
    kinds = [(kind, whole) for kind in (NONE, "JPEG") for whole in (True, False)]
    rows = []
    for kind, whole in kinds:
        found = [case.found for case in cases if (case.program, case.kernel, case.whole) == (kind, NONE, whole)]
        rows.append(
            {
                "not enlarged": "as it is" if kind == NONE else kind,
                "seen": "whole" if whole else f"{CROP} px",
                "pictures": len(found),
                "found": mean(found),
            }
        )
    return rows
