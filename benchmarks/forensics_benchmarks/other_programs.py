"""Steps after decoding by programs that training never draws: libvips, ImageMagick, GraphicsMagick, Netpbm and
scikit-image.

Each is a command of PATH (scikit-image a package) that reads and writes a picture file; what is not here is left out,
and `missing` says why.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from forensics.errors import CodecUnavailable, ForensicsError
from forensics.scratch import scratch_folder

_COMMANDS = {
    "libvips": ("vips",),
    "imagemagick": ("convert-im6.q16", "magick", "convert"),
    "graphicsmagick": ("gm",),
    "netpbm": ("pamscale",),
}
TIMEOUT = 120
"""Seconds that a program may take for one picture."""

Words = Callable[[np.random.Generator], list[str]]


def missing(program: str) -> str:
    """Why a program does not run here; empty where it does."""
    if program == "scikit-image":
        try:
            import skimage  # noqa: F401
        except ImportError:
            return "scikit-image is not installed"
        return ""
    return "" if _found(program) else f"{_COMMANDS[program][0]} is not on PATH"


def _found(program: str) -> str | None:
    return next((path for name in _COMMANDS[program] if (path := shutil.which(name))), None)


def _between(low: float, high: float) -> Callable[[np.random.Generator], float]:
    return lambda numbers: float(np.exp(numbers.uniform(np.log(low), np.log(high))))


_LARGER, _SMALLER = _between(1.05, 2.0), _between(0.45, 0.95)
_NOISE = _between(0.6, 9.0)
"""Standard deviations of noise in levels, as training draws them (`forensics.dataset.random_afterwards`)."""
_SIGMA_OF_MAGICK = 20.0
"""Standard deviation in levels of ImageMagick's Gaussian noise at an attenuation of 1: ImageMagick 6.9.11 gives flat
grey of 40, 128 and 200 levels 0.66 at 0.03, 2.01 at 0.1, 5.97 at 0.3 and 9.95 at 0.5."""


def _degrees(numbers: np.random.Generator) -> float:
    return float(numbers.uniform(0.5, 5)) * (1 if numbers.random() < 0.5 else -1)


def _magick(*parts: str) -> Words:
    return lambda numbers: ["{in}", *_filled(parts, numbers), "+repage", "png24:{out}"]


def _filled(parts: tuple[str, ...], numbers: np.random.Generator) -> list[str]:
    """Words with numbers drawn for what stands in braces."""
    drawn = {
        "larger": f"{100 * _LARGER(numbers):.2f}%",
        "smaller": f"{100 * _SMALLER(numbers):.2f}%",
        "degrees": f"{_degrees(numbers):.2f}",
        "blur": f"{numbers.uniform(0.4, 1.2):.2f}",
        "gain": f"{numbers.uniform(0.4, 1.5):.2f}",
        "saturation": f"{numbers.uniform(60, 160):.0f}",
        "factor_up": f"{_LARGER(numbers):.4f}",
        "factor_down": f"{_SMALLER(numbers):.4f}",
        "noise": f"{_NOISE(numbers) / _SIGMA_OF_MAGICK:.4f}",
        "seed": f"{numbers.integers(1, 10**6)}",
    }
    return [part.format(**drawn) if "{" in part else part for part in parts]


def _vips(operation: str, *parts: str) -> Words:
    return lambda numbers: [operation, "{in}", "{out}", *_filled(parts, numbers)]


STEPS: Mapping[str, Mapping[str, Words]] = {
    "libvips": {
        "enlarged": _vips("resize", "{factor_up}"),
        "reduced": _vips("resize", "{factor_down}"),
        "rotated": _vips("similarity", "--angle", "{degrees}"),
        "blurred": _vips("gaussblur", "{blur}", "--min-ampl", "0.01"),
        "sharpened": _vips("sharpen", "--sigma", "{blur}", "--m1", "{gain}", "--m2", "3"),
        "median": _vips("rank", "3", "3", "4"),
        "grey": _vips("colourspace", "b-w"),
    },
    "imagemagick": {
        "enlarged": _magick("-resize", "{larger}"),
        "reduced": _magick("-resize", "{smaller}"),
        "rotated": _magick("-rotate", "{degrees}"),
        "blurred": _magick("-gaussian-blur", "0x{blur}"),
        "sharpened": _magick("-unsharp", "0x1+{gain}+0"),
        "median": _magick("-statistic", "Median", "3x3"),
        "recoloured": _magick("-modulate", "100,{saturation}"),
        "grey": _magick("-colorspace", "Gray"),
        "palette": _magick("-colors", "256"),
        "noise": _magick("-seed", "{seed}", "-attenuate", "{noise}", "+noise", "Gaussian"),
    },
    "graphicsmagick": {
        "enlarged": _magick("-resize", "{larger}"),
        "reduced": _magick("-resize", "{smaller}"),
        "rotated": _magick("-rotate", "{degrees}"),
        "blurred": _magick("-gaussian", "0x{blur}"),
        "sharpened": _magick("-unsharp", "0x1+{gain}+0"),
        "median": _magick("-median", "1"),
        "recoloured": _magick("-modulate", "100,{saturation}"),
        "grey": _magick("-colorspace", "Gray"),
        "palette": _magick("-colors", "256"),
    },
    "netpbm": {
        "enlarged": lambda numbers: ["{factor_up}"],
        "reduced": lambda numbers: ["{factor_down}"],
    },
    "scikit-image": {
        "enlarged": lambda numbers: [],
        "reduced": lambda numbers: [],
        "rotated": lambda numbers: [],
        "blurred": lambda numbers: [],
        "sharpened": lambda numbers: [],
    },
}
"""Kinds of steps by program, with the words of the command; numbers are drawn over the ranges of the training."""


def apply(program: str, kind: str, pixels: np.ndarray, numbers: np.random.Generator) -> np.ndarray:
    """The picture after one step of a kind by a program, uint8; black corners of a rotation are cut off.

    Raises `CodecUnavailable` where the program is missing, `ForensicsError` where it fails.
    """
    reason = missing(program)
    if reason:
        raise CodecUnavailable(f"{program}: {reason}")
    if program == "scikit-image":
        return _by_scikit_image(kind, pixels, numbers)
    with scratch_folder() as folder:
        suffix = ".pnm" if program == "netpbm" else ".png"
        source, target = Path(folder, "in" + suffix), Path(folder, "out" + suffix)
        Image.fromarray(pixels).save(source, compress_level=1)  # of PNG; the other format takes no notice
        words = STEPS[program][kind](numbers)
        names = {"{in}": str(source), "{out}": str(target), "png24:{out}": f"png24:{target}"}
        filled = [names.get(word, word) for word in words]
        if program == "netpbm":
            filled = [*_filled(tuple(filled), numbers), str(source)]
        start = ["gm", "convert"] if program == "graphicsmagick" else [str(_found(program))]
        done = subprocess.run([*start, *filled], capture_output=True, check=False, timeout=TIMEOUT)
        if program == "netpbm" and done.returncode == 0:
            target.write_bytes(done.stdout)
        if done.returncode != 0 or not target.is_file():
            raise ForensicsError(f"{program} {kind}: {done.stderr.decode(errors='replace').strip()[:200]}")
        with Image.open(target) as picture:
            made = np.asarray(picture.convert("L" if picture.mode in ("L", "1", "I;16", "I") else "RGB"))
    return _inner(made, pixels) if kind == "rotated" else made


def _inner(turned: np.ndarray, before: np.ndarray) -> np.ndarray:
    """The middle of a rotated picture, without the corners that were filled."""
    height, width = (int(0.78 * n) for n in before.shape[:2])
    top, left = (turned.shape[0] - height) // 2, (turned.shape[1] - width) // 2
    return np.ascontiguousarray(turned[top : top + height, left : left + width])


def _by_scikit_image(kind: str, pixels: np.ndarray, numbers: np.random.Generator) -> np.ndarray:
    from skimage import filters, transform

    whole = pixels / 255.0
    channel = 2 if pixels.ndim == 3 else None
    if kind in ("enlarged", "reduced"):
        factor = _LARGER(numbers) if kind == "enlarged" else _SMALLER(numbers)
        size = tuple(max(8, round(n * factor)) for n in pixels.shape[:2])
        made = transform.resize(
            whole, (*size, *pixels.shape[2:]), order=int(numbers.choice([1, 3])), anti_aliasing=kind == "reduced"
        )
    elif kind == "rotated":
        return _inner(_whole(transform.rotate(whole, _degrees(numbers), order=1)), pixels)
    elif kind == "blurred":
        made = filters.gaussian(whole, float(numbers.uniform(0.4, 1.2)), channel_axis=channel)
    else:
        made = filters.unsharp_mask(whole, 1.0, float(numbers.uniform(0.4, 1.5)), channel_axis=channel)
    return _whole(made)


def _whole(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(255 * values), 0, 255).astype(np.uint8)
