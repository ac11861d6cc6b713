"""How often what is drawn for training: encoders of a class, their switches, and strengths.

Weights follow what is met in practice, with rare settings kept in so that a model has seen them; slow settings are rare
because a data set needs many files, save AV1's, which common programs default to. What a table leaves out is never
drawn, and serves to measure generalisation: the AV1 encoder rav1e, libaom at speed 3, cjpeg's floating-point DCT, and
some of the quantisation-table families.

What is drawn when a data set is read, the decoders, stands in `forensics.dataset.readings`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from forensics.codecs.base import Codec, Value
from forensics.dataset.encoders import encoder as encoder_named
from forensics.dataset.encoders import encoder_for, encoders_of, forced_switches

RANDOM_SIDES = (192, 384)
"""Smallest and largest side of a prepared picture of the suite `random`, in pixels."""

PROCESSED_SIDES = (224, 512)
"""The same for pictures that are changed after decoding, and for processes beyond the codecs."""

QUICK_SIDES = (128, 256)
"""The same for the suite `quick`."""

UNCOMPRESSED_ALONE = 2
"""Preparations that are kept uncompressed alone in addition to each one with every class, in the suite `random`: a
false alarm costs most.
"""

RATIOS = (3.0, 130.0)
"""Range of the compression ratios aimed at."""

RATIO_EXPONENT = 1.25
"""Of the uniform position on the logarithmic range: above 1 makes weak compression, which is harder to judge, more
frequent.
"""

PARAMETER_SHARE = 0.25
"""Share of files whose own strength parameter is drawn instead of a ratio, so that very high quality occurs."""

EARLIER_RANGE = (0.05, 0.8)
"""Stretch of the strength parameter, 0 the finest, that an earlier codec of a chain is drawn from: what people use, and
what may leave a trace.
"""

PARAMETER_ONLY = ("jpegxr",)
"""Encoders whose parameter is always drawn: a fine class has but a stretch of it, and few ratios lie there."""

Choices = Sequence[tuple[Value, float]]


@dataclass(frozen=True)
class Recipe:
    """The weight of an encoder within its class, and the weights of its switches' values.

    A switch that is not named stays at its default.
    """

    weight: float
    switches: Mapping[str, Choices] = field(default_factory=dict)


_CHROMA: Choices = (("4:2:0", 0.5), ("4:4:4", 0.3), ("4:2:2", 0.15), ("grey", 0.05))
_CHROMA_COLOUR: Choices = (("4:2:0", 0.55), ("4:4:4", 0.3), ("4:2:2", 0.15))
_OFTEN: Choices = ((True, 0.85), (False, 0.15))
_SELDOM: Choices = ((False, 0.7), (True, 0.3))
_TILES: Choices = ((0, 0.92), (256, 0.05), (128, 0.03))
"""Tile sizes in pixels (0 for one tile) with their shares: a design of the training data, not counts of files in
use."""
_LEVELS: Choices = ((5, 0.7), (6, 0.1), (4, 0.1), (3, 0.07), (2, 0.03))
"""Wavelet levels with their shares, OpenJPEG's and Kakadu's default of 5 most: a design of the training data."""
_WAVELETS: Choices = (("9/7", 0.65), ("5/3", 0.35))
_SPEEDS: Choices = ((6, 0.22), (5, 0.16), (4, 0.14), (8, 0.14), (2, 0.1), (1, 0.05), (10, 0.07), (7, 0.06), (9, 0.06))
"""Speeds of libavif's encoders with their shares, its default of 6 most: a design of the training data."""
_SPEEDS_TO_9: Choices = ((6, 0.3), (5, 0.28), (4, 0.16), (8, 0.08), (2, 0.08), (7, 0.05), (9, 0.05))
"""The same where an encoder has no speed 10: a design of the training data."""
_METHODS: Choices = ((4, 0.5), (6, 0.15), (5, 0.05), (3, 0.1), (2, 0.1), (0, 0.1))
"""Efforts of libwebp with their shares, its default of 4 most: a design of the training data."""
_EFFORTS: Choices = ((7, 0.4), (3, 0.2), (5, 0.2), (4, 0.15), (6, 0.05))
"""Efforts of libjxl with their shares, its default of 7 most: a design of the training data."""
_PRESETS: Choices = (
    ("medium", 0.3), ("fast", 0.25), ("slow", 0.2), ("superfast", 0.15), ("ultrafast", 0.1),
)  # fmt: skip

RECIPES: Mapping[str, Recipe] = {
    "jpeg": Recipe(
        3,
        {
            "subsampling": (("4:2:0", 0.5), ("4:4:4", 0.3), ("4:2:2", 0.15), ("grey", 0.03), ("rgb", 0.02)),
            "tables": (("standard", 0.75), ("flat", 0.05), ("ms-ssim", 0.05), ("psnr-hvs", 0.05), ("robidoux", 0.1)),
            "progressive": _SELDOM,
        },
    ),
    "jpeg-cjpeg": Recipe(
        1,
        {
            "subsampling": _CHROMA,
            "progressive": _SELDOM,
            "smooth": ((0, 0.95), (10, 0.05)),
            "dct": (("int", 0.85), ("fast", 0.15)),
        },
    ),
    "jpeg2000": Recipe(
        3,
        {
            "wavelet": _WAVELETS,
            "levels": _LEVELS,
            "tile_size": _TILES,
            "colour_transform": _OFTEN,
        },
    ),
    "jpeg2000-psnr": Recipe(
        1,
        {
            "wavelet": _WAVELETS,
            "levels": _LEVELS,
            "tile_size": _TILES,
            "colour_transform": _OFTEN,
        },
    ),
    "jpeg2000-ht": Recipe(0.5, {"levels": _LEVELS, "tile_size": _TILES, "colour_transform": _OFTEN}),
    "jpeg2000-openjpeg": Recipe(
        1.5,
        {
            "wavelet": _WAVELETS,
            "levels": _LEVELS,
            "tile_size": _TILES,
            "colour_transform": _OFTEN,
            "codeblock": (("64x64", 0.85), ("32x32", 0.15)),
        },
    ),
    "jpegxr": Recipe(1),
    "jpegxr-jxrlib": Recipe(2, {"subsampling": _CHROMA}),
    "bpg": Recipe(
        3,
        {
            "subsampling": _CHROMA,
            "preset": _PRESETS,
            "bit_depth": ((8, 0.65), (10, 0.35)),
            "colour_space": (("ycbcr", 0.85), ("bt709", 0.07), ("ycgco", 0.05), ("rgb", 0.03)),
            "limited_range": ((False, 0.95), (True, 0.05)),
            "psychovisual": _SELDOM,
            "sao": ((True, 0.9), (False, 0.1)),
            "deblock": ((True, 0.95), (False, 0.05)),
        },
    ),
    "bpg-bpgenc": Recipe(1, {"subsampling": _CHROMA_COLOUR, "bit_depth": ((8, 0.8), (10, 0.2))}),
    "webp": Recipe(
        3,
        {
            "method": _METHODS,
            "preset": (("default", 0.75), ("photo", 0.1), ("picture", 0.08), ("drawing", 0.05), ("icon", 0.02)),
        },
    ),
    "webp-cwebp": Recipe(
        1.5,
        {
            "method": _METHODS,
            "preset": (("default", 0.6), ("photo", 0.2), ("picture", 0.1), ("drawing", 0.1)),
            "filter": ((-1, 0.8), (0, 0.08), (20, 0.06), (60, 0.06)),
            "noise_shaping": ((-1, 0.85), (0, 0.08), (100, 0.07)),
            "sharp_yuv": ((False, 0.8), (True, 0.2)),
        },
    ),
    "avif": Recipe(
        3,
        {
            "subsampling": _CHROMA,
            "speed": _SPEEDS,
            "range": (("full", 0.9), ("limited", 0.1)),
            "tune": (("default", 0.8), ("psnr", 0.1), ("ssim", 0.1)),
            "film_grain": ((False, 0.98), (True, 0.02)),
        },
    ),
    "avif-avifenc": Recipe(
        2,
        {
            "encoder": (("aom", 0.6), ("svt", 0.4)),
            "subsampling": _CHROMA,
            "speed": _SPEEDS,
            "bit_depth": ((8, 0.7), (10, 0.3)),
            "range": (("full", 0.75), ("limited", 0.25)),
            "matrix": ((6, 0.6), (1, 0.35), (9, 0.05)),
        },
    ),
    "avif-heif-enc": Recipe(
        1.5,
        {
            "subsampling": _CHROMA_COLOUR,
            "speed": _SPEEDS_TO_9,
            "tune": (("ssim", 0.75), ("psnr", 0.25)),
        },
    ),
    "heic": Recipe(
        3,
        {
            "subsampling": _CHROMA,
            "preset": _PRESETS,
            "tune": (("ssim", 0.6), ("psnr", 0.3), ("grain", 0.05), ("fastdecode", 0.05)),
            "sao": ((True, 0.9), (False, 0.1)),
            "range": (("full", 0.85), ("limited", 0.15)),
            "matrix": ((6, 0.75), (1, 0.2), (9, 0.05)),
        },
    ),
    "heic-heif-enc": Recipe(
        1,
        {
            "subsampling": _CHROMA_COLOUR,
            "preset": _PRESETS,
            "tune": (("ssim", 0.6), ("psnr", 0.35), ("fastdecode", 0.05)),
        },
    ),
    "jpegxl": Recipe(3, {"effort": _EFFORTS, "decoding_speed": ((0, 0.85), (1, 0.05), (2, 0.05), (4, 0.05))}),
    "jpegxl-cjxl": Recipe(
        1,
        {
            "effort": _EFFORTS,
            "epf": ((-1, 0.8), (0, 0.1), (1, 0.05), (3, 0.05)),
            "gaborish": ((-1, 0.85), (0, 0.15)),
            "modular": ((-1, 0.96), (1, 0.04)),
        },
    ),
    **{
        name: Recipe(
            weight,
            {
                "frame": ((0, 0.35), (1, 0.2), (2, 0.2), (3, 0.15), (5, 0.1)),
                "motion": tuple((value, 1.0) for value in range(64)),
                "matrix": (("bt601", 0.5), ("bt709", 0.5)),
                "conversion": (("fast", 0.55), ("bilinear", 0.3), ("bicubic", 0.15)),
                "preset": (("medium", 0.4), ("veryfast", 0.3), ("ultrafast", 0.1), ("slow", 0.2)),
                "interlaced": ((False, 0.85), (True, 0.15)),
            },
        )
        for name, weight in {
            "h264": 1,
            "hevc": 1,
            "mpeg2": 1,
            "mpeg4": 1,
            "vp8": 1,
            "vp9": 1,
            "av1": 1,
            "mjpeg": 1,
            "mpeg1": 0.7,
            "h263p": 1,
            "msmpeg4": 1,
            "wmv1": 1,
            "asv1": 1,
            "svq1": 1,
            "speedhq": 1,
            "cineform": 1.5,
        }.items()
    },
    "bc1-etcpak": Recipe(1, {"dither": _SELDOM}),
    "etc1-etcpak": Recipe(1, {"dither": _SELDOM}),
    "bc7-etcpak": Recipe(1),
    "astc": Recipe(2),
}
"""Recipes by registry name; an encoder without one has weight 1 and keeps its defaults."""


def draw_encoder(
    fine_class: str, names: Iterable[str], numbers: np.random.Generator
) -> tuple[str, dict[str, Value]] | None:
    """A random encoder of a fine class out of `names`, and random switches; None where there is no encoder."""
    usable = encoders_of(fine_class, names)
    if not usable:
        return None
    weights = np.array([RECIPES.get(name, Recipe(1)).weight for name in usable])
    name = usable[_choose(weights, numbers)]
    switches = {}
    for switch, choices in RECIPES.get(name, Recipe(1)).switches.items():
        switches[switch] = choices[_choose(np.array([weight for _, weight in choices]), numbers)][0]
    if switches.get("colour_space") == "rgb":
        switches["subsampling"] = "4:4:4"
    if only_even(switches):
        switches["subsampling"] = "4:2:0"  # SVT-AV1 codes nothing else
    return name, {**switches, **forced_switches(name, fine_class)}


def only_even(switches: Mapping[str, Value]) -> bool:
    """Whether an encoder with these switches refuses odd sides, as SVT-AV1 does."""
    return switches.get("encoder") == "svt"


def draw_target(
    fine_class: str, encoder: str, switches: Mapping[str, Value], numbers: np.random.Generator
) -> tuple[str, float]:
    """Kind and value of a random target: a ratio, or in `PARAMETER_SHARE` of the cases the codec's own parameter."""
    by_parameter = numbers.random() < PARAMETER_SHARE or encoder in PARAMETER_ONLY
    position = numbers.random()
    if by_parameter:
        # The exponent moves the median from the middle of the range towards fine settings, as people choose them.
        return "parameter", _parameter_at(encoder_for(encoder, fine_class), switches, position**1.5)
    low, high = np.log(RATIOS)
    return "ratio", float(f"{np.exp(low + (high - low) * position**RATIO_EXPONENT):.4g}")


def draw_coding(
    fine_class: str, names: Iterable[str], numbers: np.random.Generator
) -> tuple[str, dict[str, Value]] | None:
    """An encoder of a fine class with all parameters drawn, its strength too; None where there is no encoder."""
    chosen = draw_encoder(fine_class, names, numbers)
    if chosen is None:
        return None
    encoder, switches = chosen
    codec = encoder_for(encoder, fine_class)
    strength = _parameter_at(
        codec, switches, EARLIER_RANGE[0] + (EARLIER_RANGE[1] - EARLIER_RANGE[0]) * numbers.random()
    )
    return encoder, {**switches, codec.strength.parameter: round(strength) if codec.strength.integer else strength}


def _parameter_at(codec: Codec, switches: Mapping[str, Value], position: float) -> float:
    """The strength parameter at a share of all segments together."""
    segments = codec.segments(switches)
    place = position * len(segments)
    index = min(int(place), len(segments) - 1)
    return float(f"{float(segments[index].at(place - index)):.4g}")


def _choose(weights: np.ndarray, numbers: np.random.Generator) -> int:
    return int(np.searchsorted(np.cumsum(weights), numbers.random() * weights.sum(), side="right"))


def check(name: str) -> list[str]:
    """What a recipe says that its codec does not know, for tests: empty when they agree."""
    codec = encoder_named(name)
    wrong = []
    for switch, choices in RECIPES[name].switches.items():
        if switch not in codec.switches:
            wrong.append(f"{name} has no switch {switch}")
            continue
        known = codec.switches[switch]
        wrong += [f"{name}: {switch} {value}" for value, _ in choices if not known.open and value not in known.values]
    return wrong
