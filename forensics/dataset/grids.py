"""The grids that models are judged on: ratios, SSIMs, file sizes, and the variants of encoders and preparations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from forensics_models.classes import FINE_CLASSES

from forensics.codecs.base import Value
from forensics.dataset.encoders import encoders_of, forced_switches
from forensics.dataset.preparation import ColourSpace, Crop, Grey, Palette, Requantise, Resize, Step, Turn
from forensics.dataset.random_preparation import draw_camera, random_crop
from forensics.dataset.sources import Source

RATIOS = (4.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0, 96.0, 128.0)
"""Compression ratios of the full grid."""

SSIMS = (0.99, 0.98, 0.95, 0.90, 0.85, 0.80)
"""SSIMs of the full grid."""

KIB = (5, 10, 17, 25, 32, 40, 50, 60, 75, 100, 150, 200)
"""File sizes in KiB at 512x512 pixels: the published experiment's, and two beyond."""

PREPARATIONS = (
    "as-is", "nearest", "bilinear", "bicubic", "lanczos", "area", "ycbcr", "hsv", "lab", "grey",
    "palette-256", "palette-32-dithered", "camera",
)  # fmt: skip
"""Variants of what happened before; every source has the first, and some of the others."""

SIDES = (192, 512)
"""Smallest and largest side of a prepared picture of the grid in pixels."""

RESIZED_AFTER = "then-resized"
"""The variant whose pictures are resized after decoding: their traces are mostly gone."""


@dataclass(frozen=True)
class Cell:
    """One way to encode: variant, fine class, encoder, switches that differ from the defaults, and steps after."""

    variant: str
    fine_class: str
    encoder: str
    switches: Mapping[str, Value] = field(default_factory=dict)
    after: tuple[Step, ...] = ()


_Variants = tuple[tuple[str, str, dict[str, Value]], ...]

_JPEGXR: _Variants = (
    ("4:2:2", "jpegxr-jxrlib", {"subsampling": "4:2:2"}), ("4:2:0", "jpegxr-jxrlib", {"subsampling": "4:2:0"}),
    ("4:4:4", "jpegxr-jxrlib", {"subsampling": "4:4:4"}), ("grey", "jpegxr-jxrlib", {"subsampling": "grey"}),
    ("imagecodecs", "jpegxr", {}),
)  # fmt: skip

VARIANTS: Mapping[str, _Variants] = {
    "jpeg": (
        ("4:4:4", "jpeg", {"subsampling": "4:4:4"}), ("4:2:2", "jpeg", {"subsampling": "4:2:2"}),
        ("grey", "jpeg", {"subsampling": "grey"}), ("progressive", "jpeg", {"progressive": True}),
        ("cjpeg", "jpeg-cjpeg", {}),
    ),
    "jpeg2000": (
        ("5/3", "jpeg2000", {"wavelet": "5/3"}), ("no-colour-transform", "jpeg2000", {"colour_transform": False}),
        ("tiles-128", "jpeg2000", {"tile_size": 128}), ("ht", "jpeg2000-ht", {}), ("openjpeg", "jpeg2000-openjpeg", {}),
    ),
    "jpegxr-0": _JPEGXR, "jpegxr-1": _JPEGXR, "jpegxr-2": _JPEGXR,
    "bpg": (
        ("4:4:4", "bpg", {"subsampling": "4:4:4"}), ("4:2:2", "bpg", {"subsampling": "4:2:2"}),
        ("grey", "bpg", {"subsampling": "grey"}), ("10-bit", "bpg", {"bit_depth": 10}), ("bpgenc", "bpg-bpgenc", {}),
    ),
    "webp": (
        ("method-0", "webp", {"method": 0}), ("method-6", "webp", {"method": 6}),
        ("cwebp", "webp-cwebp", {}), ("sharp-yuv", "webp-cwebp", {"sharp_yuv": True}),
    ),
    "avif": (
        ("4:4:4", "avif", {"subsampling": "4:4:4"}), ("4:2:2", "avif", {"subsampling": "4:2:2"}),
        ("grey", "avif", {"subsampling": "grey"}), ("speed-9", "avif", {"speed": 9}), ("avifenc", "avif-avifenc", {}),
        ("svt", "avif-avifenc", {"encoder": "svt"}), ("rav1e", "avif-avifenc", {"encoder": "rav1e"}),
    ),
    "heic": (
        ("4:4:4", "heic", {"subsampling": "4:4:4"}), ("4:2:2", "heic", {"subsampling": "4:2:2"}),
        ("grey", "heic", {"subsampling": "grey"}), ("tune-psnr", "heic", {"tune": "psnr"}),
        ("heif-enc", "heic-heif-enc", {}),
    ),
    "jpegxl": (
        ("effort-3", "jpegxl", {"effort": 3}), ("cjxl", "jpegxl-cjxl", {}), ("no-epf", "jpegxl-cjxl", {"epf": 0}),
    ),
}  # fmt: skip
"""For each fine class its variants: name, encoder and switches."""


def default_cells(encoders: Iterable[str]) -> list[Cell]:
    """One cell a compressed fine class: the class's own encoder at its defaults, jxrlib's command for JPEG XR."""
    names, cells = list(encoders), []
    for fine_class in FINE_CLASSES[1:]:
        usable = encoders_of(fine_class, names)
        usable.sort(key=lambda name: name != "jpegxr-jxrlib")
        if usable:
            cells.append(Cell("default", fine_class, usable[0], forced_switches(usable[0], fine_class)))
    return cells


def cells(preparation: str, encoders: Iterable[str], height: int, width: int) -> list[Cell]:
    """Cells on a prepared picture of that size: the default ones, and on the plain preparation all variants."""
    names = list(encoders)
    found = default_cells(names)
    if preparation != PREPARATIONS[0]:
        return found
    after: dict[str, tuple[Step, ...]] = {
        "then-turned": (Turn("rotate90"),),
        RESIZED_AFTER: (Resize(round(height * 0.95), round(width * 0.95), "bicubic"),),
        "then-rounded-twice": (Requantise(0.9),),
    }
    found += [Cell(name, c.fine_class, c.encoder, c.switches, steps) for c in found for name, steps in after.items()]
    for fine_class, variants in VARIANTS.items():
        usable = encoders_of(fine_class, names)
        for name, encoder, switches in variants:
            if encoder in usable:
                found.append(Cell(name, fine_class, encoder, {**switches, **forced_switches(encoder, fine_class)}))
    return found


def chosen_preparations(count: int, numbers: np.random.Generator) -> list[str]:
    """The plain preparation and `count` others, in the order of `PREPARATIONS`."""
    others = numbers.permutation(np.arange(1, len(PREPARATIONS)))[:count]
    return [PREPARATIONS[index] for index in (0, *sorted(others.tolist()))]


def prepare(variant: str, source: Source, numbers: np.random.Generator) -> list[Step]:
    """Steps of a preparation: a crop at a random offset first, then what the variant names."""
    crop = random_crop(source.height, source.width, (SIDES[1], SIDES[1]), numbers)
    steps: list[Step] = [crop]
    if variant in ("nearest", "bilinear", "bicubic", "lanczos", "area"):
        factor = float(np.exp(numbers.uniform(np.log(0.5), np.log(1.4))))
        factor = max(factor, min(1.0, SIDES[0] / min(crop.height, crop.width)))
        steps.append(Resize(round(crop.height * factor), round(crop.width * factor), variant))
    elif variant in ("ycbcr", "hsv", "lab"):
        steps.append(ColourSpace(variant))
    elif variant == "grey":
        steps.append(Grey())
    elif variant.startswith("palette"):
        steps.append(Palette(int(variant.split("-")[1]), variant.endswith("dithered")))
    elif variant == "camera":
        steps.append(draw_camera(1, numbers))
    return steps


def centre_crop(source: Source, side: int) -> Crop:
    """The central `side` x `side` pixels, or all there are in a direction that is shorter."""
    height, width = min(source.height, side), min(source.width, side)
    return Crop((source.height - height) // 2, (source.width - width) // 2, height, width)
