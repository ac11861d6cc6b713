"""What is drawn for training of the steps after decoding, and of the kinds of untouched pictures; every parameter
continuous and wide.

A step after decoding gets a kind of `forensics_models.classes.AFTERWARDS`, which `kind_of` reads off the steps again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from forensics.dataset import afterwards
from forensics.dataset.afterwards import (
    COMPOSITIONS,
    ChromaPath,
    Compose,
    Filter,
    FilterPlanes,
    GreyBy,
    Halftone,
    Noise,
    PaletteBy,
    Recolour,
    Repeat,
    Resample,
    Rotate,
    Shrink,
)
from forensics.dataset.plane_steps import CHROMA_SIZES, PLANE_FILTERS, RESIZERS, SWSCALE_WAYS
from forensics.dataset.preparation import Crop, Step, Turn
from forensics.dataset.random_preparation import draw_camera
from forensics.dataset.shrinkage_steps import draw_shrink, draw_sliding

AFTERWARDS_SHARES: Mapping[str, float] = {
    "enlarged": 0.15,
    "reduced": 0.17,
    "rotated": 0.11,
    "blurred": 0.08,
    "sharpened": 0.08,
    "median": 0.06,
    "recoloured": 0.11,
    "grey": 0.06,
    "palette": 0.07,
    "noise": 0.07,
    "composited": 0.04,
}
"""Shares of single steps after decoding; those that are hardest to see through are frequent."""

SEVERAL_SHARE = 0.18
"""Share of processed files with two steps in a row."""

_RESIZERS = (("pillow", 0.4), ("opencv", 0.25), ("swscale", 0.15), ("scipy", 0.08), ("linear-light", 0.12))


def programs() -> tuple[str, ...]:
    """Programs of `afterwards.PROGRAMS` that run here."""
    return tuple(name for name in afterwards.PROGRAMS if not afterwards.missing(name))


def draw_afterwards(kind: str, numbers: np.random.Generator) -> tuple[Step, ...]:
    """Random steps of one kind of `AFTERWARDS_SHARES`, of `nothing`, or two in a row for `several`."""
    if kind == "nothing":
        return ()
    if kind == "several":
        names, shares = list(AFTERWARDS_SHARES), np.array(list(AFTERWARDS_SHARES.values()))
        first, second = numbers.choice(names, 2, replace=False, p=shares / shares.sum())
        return (*_DRAWN[str(first)](numbers), *_DRAWN[str(second)](numbers))
    return _DRAWN[kind](numbers)


def draw_kind(numbers: np.random.Generator) -> str:
    """A random kind: `several` or a single step."""
    if numbers.random() < SEVERAL_SHARE:
        return "several"
    names, shares = list(AFTERWARDS_SHARES), np.array(list(AFTERWARDS_SHARES.values()))
    return str(numbers.choice(names, p=shares / shares.sum()))


def kind_of(steps: Sequence[Step]) -> str:
    """The kind of `AFTERWARDS` that steps after decoding amount to; crops and turns by right angles are none."""
    kinds = [kind for kind in map(_kind, steps) if kind]
    return "nothing" if not kinds else kinds[0] if len(kinds) == 1 else "several"


def _kind(step: Step) -> str:
    if isinstance(step, Resample):
        return "enlarged" if step.vertical * step.horizontal > 1 else "reduced"
    if isinstance(step, Filter):
        if step.how in ("unsharp", "sharpen"):
            return "sharpened"
        return "median" if step.how.endswith("median") else "blurred"
    if isinstance(step, FilterPlanes):
        if step.how == "scale":
            return "enlarged" if step.amount > 1 else "reduced"
        return {"none": "recoloured", "median": "median", "mirror": "composited"}.get(step.how, "blurred")
    names = {
        Repeat: "enlarged",
        Rotate: "rotated",
        Noise: "noise",
        Recolour: "recoloured",
        GreyBy: "grey",
        PaletteBy: "palette",
        Compose: "composited",
        Halftone: "recoloured",
        Shrink: "blurred",
        ChromaPath: "recoloured",
    }
    return names.get(type(step), "")


def _resizer(numbers: np.random.Generator) -> tuple[str, str]:
    usable = [(name, share) for name, share in _RESIZERS if name in programs()]
    shares = np.array([share for _, share in usable])
    program = usable[int(numbers.choice(len(usable), p=shares / shares.sum()))][0]
    kernels = afterwards.PROGRAMS[program]
    return program, str(numbers.choice(kernels))


def _factors(low: float, high: float, numbers: np.random.Generator) -> tuple[float, float]:
    """A log-uniform factor, in a fifth of the cases a little different for the two axes."""
    factor = float(np.exp(numbers.uniform(np.log(low), np.log(high))))
    other = factor * float(np.exp(numbers.normal(0, 0.04))) if numbers.random() < 0.2 else factor
    return round(factor, 4), round(float(np.clip(other, low, high)), 4)


def _enlarged(numbers: np.random.Generator) -> tuple[Step, ...]:
    if numbers.random() < 0.15:
        exact = float(numbers.choice([1.25, 1.5, 2.0, 3.0]))
        return (Resample(exact, exact, *_resizer(numbers)),)
    return (Resample(*_factors(1.02, 2.5, numbers), *_resizer(numbers)),)


def _reduced(numbers: np.random.Generator) -> tuple[Step, ...]:
    if numbers.random() < 0.12:
        return (Resample(0.5, 0.5, *_resizer(numbers)),)
    return (Resample(*_factors(0.4, 0.985, numbers), *_resizer(numbers)),)


def _rotated(numbers: np.random.Generator) -> tuple[Step, ...]:
    usable = [name for name in ("pillow", "opencv") if name in programs()]
    degrees = float(numbers.uniform(0.3, 7)) * (1 if numbers.random() < 0.5 else -1)
    shear = float(numbers.normal(0, 0.02)) if numbers.random() < 0.2 else 0.0
    return (
        Rotate(
            round(degrees, 3),
            str(numbers.choice(usable)),
            str(numbers.choice(["bilinear", "bicubic"])),
            round(shear, 4),
        ),
    )


def _blurred(numbers: np.random.Generator) -> tuple[Step, ...]:
    how = str(
        numbers.choice(
            ["gaussian", "pillow-gaussian", "box", "bilateral", "wavelet", "non-local"],
            p=[0.4, 0.2, 0.1, 0.08, 0.17, 0.05],
        )
    )
    if how == "box":
        return (Filter(how, float(numbers.choice([2, 3]))),)
    if how in ("bilateral", "wavelet", "non-local"):
        if how != "wavelet" and "opencv" not in programs():
            how = "wavelet"
        return (Filter(how, round(float(numbers.uniform(2, 12)), 2)),)
    return (Filter(how, round(float(numbers.uniform(0.3, 1.6)), 3)),)


def _sharpened(numbers: np.random.Generator) -> tuple[Step, ...]:
    how = str(numbers.choice(["unsharp", "sharpen"]))
    return (Filter(how, round(float(numbers.uniform(0.5, 2.5)), 2), round(float(numbers.uniform(0.2, 1.8)), 2)),)


def _median(numbers: np.random.Generator) -> tuple[Step, ...]:
    return (Filter(str(numbers.choice(["median", "pillow-median"])), float(numbers.choice([3, 3, 3, 5]))),)


_RECOLOUR_SHARES = {
    "saturation": 0.17, "hue": 0.05, "matrix": 0.09, "gains": 0.09, "gamma": 0.07, "linear-gain": 0.08,
    "contrast": 0.07, "equalise": 0.05, "posterise": 0.04, "p3-to-srgb": 0.08, "srgb-to-p3": 0.05, "curve": 0.07,
    "six-bit": 0.02, "levels": 0.07,
}  # fmt: skip
"""How often each of `afterwards.RECOLOURS` is drawn; a negative never."""


def _recoloured(numbers: np.random.Generator) -> tuple[Step, ...]:
    how = str(numbers.choice(list(_RECOLOUR_SHARES), p=list(_RECOLOUR_SHARES.values())))
    low, high = {
        "saturation": (0.4, 1.7),
        "hue": (0.1, 2.0),
        "matrix": (0.4, 1.5),
        "gains": (0.3, 1.2),
        "gamma": (0.6, 1.6),
        "linear-gain": (0.6, 1.6),
        "contrast": (0.7, 1.4),
        "equalise": (0.3, 1.0),
        "posterise": (16, 64),
        "curve": (0.4, 1.2),
    }.get(how, (1.0, 1.0))
    return (Recolour(how, round(float(numbers.uniform(low, high)), 3), int(numbers.integers(2**31))),)


def _grey(numbers: np.random.Generator) -> tuple[Step, ...]:
    weights = str(numbers.choice(list(afterwards.GREYS), p=[0.55, 0.18, 0.1, 0.12, 0.05]))
    return (GreyBy(weights, bool(numbers.random() < 0.8), int(numbers.choice([1, 3]))),)


def _palette(numbers: np.random.Generator) -> tuple[Step, ...]:
    method = str(numbers.choice(afterwards.PALETTES, p=[0.3, 0.2, 0.1, 0.1, 0.15, 0.15]))
    colours = 256 if numbers.random() < 0.6 else int(2 ** numbers.uniform(4, 8))
    return (PaletteBy(method, colours, bool(numbers.random() < 0.5)),)


def _noise(numbers: np.random.Generator) -> tuple[Step, ...]:
    how = str(numbers.choice(afterwards.NOISES, p=[0.45, 0.2, 0.15, 0.05, 0.15]))
    return (Noise(how, round(float(np.exp(numbers.uniform(np.log(0.6), np.log(9)))), 3), int(numbers.integers(2**31))),)


def _composited(numbers: np.random.Generator) -> tuple[Step, ...]:
    return (Compose(str(numbers.choice(COMPOSITIONS)), int(numbers.integers(2**31))),)


_DRAWN: Mapping[str, Callable[[np.random.Generator], tuple[Step, ...]]] = {
    "enlarged": _enlarged,
    "reduced": _reduced,
    "rotated": _rotated,
    "blurred": _blurred,
    "sharpened": _sharpened,
    "median": _median,
    "recoloured": _recoloured,
    "grey": _grey,
    "palette": _palette,
    "noise": _noise,
    "composited": _composited,
}


def _chroma(way: str) -> Callable[[np.random.Generator], tuple[Step, ...]]:
    def draw(numbers: np.random.Generator) -> tuple[Step, ...]:
        libheif = way == "planes-libheif"
        return (
            ChromaPath(
                way,
                str(numbers.choice(["4:2:0", "4:2:2", "4:4:4"], p=[0.6, 0.25, 0.15])),
                str(numbers.choice(["mean", "drop", "cosited"], p=[0.5, 0.2, 0.3])),
                "ycbcr" if libheif else str(numbers.choice(["ycbcr", "bt709", "bt2020"], p=[0.6, 0.33, 0.07])),
                bool(numbers.random() < 0.5),
                int(numbers.integers(2**31)),
            ),
        )

    return draw


def _repeated(numbers: np.random.Generator) -> tuple[Step, ...]:
    n = int(numbers.choice([2, 2, 3, 4, 4, 5, 6, 8, 8, 10, 12, 16]))
    m = n if numbers.random() < 0.8 else int(numbers.integers(1, 9))
    return (Repeat(n, m), *((Turn("rotate90"),) if numbers.random() < 0.2 else ()))


def _screen(numbers: np.random.Generator) -> tuple[Step, ...]:
    """Zoomed and HiDPI screenshots: factors of browsers and systems by their kernels."""
    factor = float(numbers.choice([1.1, 1.25, 1.5, 1.75, 2.0, 2.0, 3.0]))
    program = "opencv" if "opencv" in programs() and numbers.random() < 0.5 else "pillow"
    kernel = str(numbers.choice(["bilinear", "bicubic", "lanczos"], p=[0.6, 0.25, 0.15]))
    return (Resample(factor, factor, program, kernel),)


def _one(make: Callable[[np.random.Generator], Step]) -> Callable[[np.random.Generator], tuple[Step, ...]]:
    return lambda numbers: (make(numbers),)


def _camera_and(*filters: tuple[str, float, float]) -> Callable[[np.random.Generator], tuple[Step, ...]]:
    def draw(numbers: np.random.Generator) -> tuple[Step, ...]:
        how, low, high = filters[int(numbers.integers(len(filters)))]
        usable = how != "non-local" or "opencv" in programs()
        return (
            draw_camera(1, numbers),
            Filter(how if usable else "wavelet", round(float(numbers.uniform(low, high)), 2)),
        )

    return draw


_UNTOUCHED: Mapping[str, Callable[[np.random.Generator], tuple[Step, ...]]] = {
    **{f"chroma-{way}": _chroma(way) for way in afterwards.CHROMA_PATHS if way != "planes-bicubic"},
    "repeated": _repeated,
    "screen-zoomed": _screen,
    "enlarged": _enlarged,
    "reduced": _reduced,
    "rotated": _rotated,
    "camera-denoised-wavelet": _camera_and(("wavelet", 3, 14)),
    "camera-denoised": _camera_and(("non-local", 3, 9), ("bilateral", 2, 9), ("median", 3, 3)),
    "blurred": _blurred,
    "sharpened": _sharpened,
    "noise": _noise,
    "half-tone": _one(
        lambda numbers: Halftone(
            int(numbers.integers(2, 9)),
            int(numbers.choice([2, 2, 4, 8])),
            round(float(numbers.choice([0.0, numbers.uniform(0.3, 1.2)])), 2),
        )
    ),
    "six-bit": _one(lambda numbers: Recolour("six-bit", 1.0)),
    "posterised": _one(lambda numbers: Recolour("posterise", float(numbers.integers(4, 64)))),
    "equalised": _one(lambda numbers: Recolour("equalise", round(float(numbers.uniform(0.4, 1)), 2))),
    "gamma": _one(lambda numbers: Recolour("gamma", round(float(numbers.uniform(0.45, 2.2)), 3))),
    "linear-light": _one(lambda numbers: Recolour("linear-gain", round(float(numbers.uniform(0.5, 2)), 3))),
    "recoloured": _recoloured,
    "palette": _palette,
    "grey": _grey,
    "composited": _composited,
    "plain": lambda numbers: (),
    "denoised": lambda numbers: (*_noise(numbers), draw_shrink(numbers)),
    "denoised-sliding": lambda numbers: (*_noise(numbers), draw_sliding(numbers)),
}
"""What each kind of `UNTOUCHED` draws; new ones last, so that what is drawn of the others stays the same."""

UNTOUCHED = tuple(_UNTOUCHED)
"""Kinds of untouched pictures made from a source by steps without a codec; drawn kinds come from
`forensics.dataset.synthetic`.
"""

UNTOUCHED_SIDES = (128, 448)
"""Smallest and largest side of the part of a source that an untouched kind is made from, in pixels."""


def draw_chroma(numbers: np.random.Generator) -> tuple[Step, ...]:
    """A way to planes of luma and chroma and back, of those of `UNTOUCHED`."""
    kinds = [kind for kind in UNTOUCHED if kind.startswith("chroma-")]
    return _UNTOUCHED[str(numbers.choice(kinds))](numbers)


def draw_planes(numbers: np.random.Generator) -> FilterPlanes:
    """A filter of planes of luma and chroma, as video is filtered."""
    how = str(numbers.choice(PLANE_FILTERS, p=[0.2, 0.11, 0.11, 0.06, 0.1, 0.06, 0.14, 0.22]))
    shrink = draw_shrink(numbers)
    amount = {
        "box": float(numbers.integers(1, 4)),
        "median": float(numbers.integers(1, 3)),
        "gaussian": float(numbers.uniform(0.4, 2.5)),
        "low-pass": float(numbers.uniform(0.15, 0.8)),
        "scale": float(np.exp(numbers.uniform(np.log(0.6), np.log(1.8)))),
        "shrink": shrink.threshold,
    }.get(how, 1.0)
    small, large = (str(numbers.choice(list(RESIZERS))) for _ in range(2))
    bits = 8 if numbers.random() < 0.8 else 10
    if numbers.random() < 0.5 and "swscale" in programs():
        large, bits = str(numbers.choice(SWSCALE_WAYS, p=[0.2, 0.1, 0.2, 0.25, 0.25])), 8
    return FilterPlanes(
        how,
        round(amount, 3),
        str(numbers.choice(list(CHROMA_SIZES), p=[0.06, 0.14, 0.04, 0.4, 0.18, 0.18])),
        small,
        large,
        str(numbers.choice(["bt601", "bt709", "bt2020"], p=[0.65, 0.3, 0.05])),
        bool(numbers.random() < 0.75),
        bits,
        *((shrink.transform, shrink.size, shrink.shifts, shrink.rule) if how == "shrink" else ()),
    )


def draw_untouched(kind: str, height: int, width: int, numbers: np.random.Generator) -> list[Step]:
    """Steps of an untouched picture of a kind of `UNTOUCHED`, from a random crop of a source of `height` x `width`.

    What is enlarged starts from a smaller crop, so that the result is no larger than others.
    """
    steps = list(_UNTOUCHED[kind](numbers))
    growth = 1.0
    for step in steps:
        if isinstance(step, Resample):
            growth *= max(step.vertical, step.horizontal, 1.0)
        elif isinstance(step, Repeat):
            growth *= max(step.vertical, step.horizontal)
    most = max(32, int(UNTOUCHED_SIDES[1] / growth))
    least = min(most, max(32, int(UNTOUCHED_SIDES[0] / growth)))
    tall, wide = (min(int(numbers.integers(least, most + 1, 2).max()), n) for n in (height, width))
    top, left = int(numbers.integers(height - tall + 1)), int(numbers.integers(width - wide + 1))
    return [Crop(top, left, tall, wide), *steps]
