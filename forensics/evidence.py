"""Evidence in words: which measurements stand outside what uncompressed pictures show, and which codec each speaks for.

Every `Trace` names the features it reads, the codecs that leave it, and one sentence. A trace is found when its measured value, the median
over the picture's windows, lies above the range of uncompressed validation windows that came with the model (0.5 % of them
lie above it, and that figure is what the sentence's false-alarm rate rests on). The verdict does not come from this table: the classifier
weighs all features; the table explains it with the few that a person can check.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

FALSE_ALARM_RATE = 0.005
"""Share of uncompressed windows beyond the upper end of a feature's range, by the range's definition."""
HEVC = ("bpg", "heic")


@dataclass(frozen=True)
class Trace:
    """One kind of evidence.

    Attributes
    ----------
    name : str
        Short name, unique in `TRACES`.
    features : tuple of str
        Features that show it; the one furthest outside its range is quoted.
    speaks_for : tuple of str
        Classes of `forensics_models.classes.CLASSES` that leave it.
    title : str
        What is looked for, as it reads after "no sign of".
    sentence : str
        What it means, with `{value}` for the measured value and `{step}` for the companion.
    percent : bool
        Whether values are shares, shown in per cent.
    steps : tuple of str
        For each of `features` the one that holds the base-2 logarithm of the step; empty when there is none.
    """

    name: str
    features: tuple[str, ...]
    speaks_for: tuple[str, ...]
    title: str
    sentence: str
    percent: bool = False
    steps: tuple[str, ...] = ()


@dataclass(frozen=True)
class Statement:
    """A trace that was found, or looked for and not found.

    Attributes
    ----------
    trace, feature : str
        Names of the trace and of the feature quoted.
    value : float
        Median over the picture's windows.
    low, median, high : float
        The feature's 0.5 %, 50 % and 99.5 % quantiles on uncompressed validation windows.
    excess : float
        (value - high) / (high - low); positive when found.
    speaks_for : tuple of str
        Classes that leave this trace.
    supports : bool or None
        Whether it speaks for the verdict (True), for another codec (False), or neither (None: not found).
    text : str
        The sentence.
    """

    trace: str
    feature: str
    value: float
    low: float
    median: float
    high: float
    excess: float
    speaks_for: tuple[str, ...]
    supports: bool | None
    text: str


def _lattice(key: str, title: str, speaks_for: tuple[str, ...]) -> Trace:
    sentence = f"{{value}} of the coloured pixels are exact results of {title}"
    return Trace(
        f"lattice-{key}",
        (f"lattice.lattice_{key}_share",),
        speaks_for,
        f"colours of {title}",
        sentence,
        percent=True,
    )


def _plane_combs(key: str, title: str, speaks_for: tuple[str, ...]) -> Trace:
    names = tuple(f"lattice.lattice_{key}_{plane}_comb" for plane in ("luma", "cb", "cr"))
    sentence = (
        f"converted back to {title}, the pixels gather at whole numbers (strength {{value}} of about 0.45)"
    )
    return Trace(f"integers-{key}", names, speaks_for, f"whole numbers in {title}", sentence)


def _wavelet(key: str, title: str) -> Trace:
    bands = tuple(f"{band}{level}" for level in (1, 2, 3) for band in ("hl", "lh", "hh"))
    return Trace(
        f"wavelet-{key}",
        tuple(f"wavelet.{key}_y_{band}_comb" for band in bands),
        ("jpeg2000",),
        f"steps in the {title} wavelet coefficients",
        f"the {title} wavelet coefficients gather at multiples of {{step}} (contrast {{value}}), as its quantiser leaves them",
        steps=tuple(f"wavelet.{key}_y_{band}_step" for band in bands),
    )


def _lapped(mode: str, bands: tuple[str, ...], title: str) -> Trace:
    return Trace(
        f"lapped-{mode}",
        tuple(f"lapped.{band}_contrast" for band in bands),
        ("jpegxr",),
        f"steps in JPEG XR's transform {title}",
        f"the coefficients of JPEG XR's transform {title} gather at multiples of {{step}} (contrast {{value}})",
        steps=tuple(f"lapped.{band}_log2_step" for band in bands),
    )


def _upsampling(key: str, title: str, speaks_for: tuple[str, ...]) -> Trace:
    return Trace(
        f"chroma-{key}",
        tuple(f"chroma.chroma_{key}_{axis}_contrast" for axis in "xy"),
        speaks_for,
        f"chroma upsampled by {title}",
        f"chroma was stored at half resolution and brought back by {title} (contrast {{value}})",
    )


TRACES: tuple[Trace, ...] = (
    _lattice("bt601_full", "8-bit full-range BT.601 YCbCr, rounded as JPEG decoders do", ("jpeg", "bpg")),
    _lattice(
        "bt601_full_8bit",
        "8-bit full-range BT.601 YCbCr in 8-bit fixed point, as HEIC decoders do",
        ("heic",),
    ),
    _lattice(
        "bt601_full_6bit",
        "8-bit full-range BT.601 YCbCr in 6-bit fixed point, as AVIF decoders do",
        ("avif",),
    ),
    _lattice(
        "bt601_limited_truncated",
        "8-bit limited-range BT.601 YCbCr, truncated as WebP's decoder does",
        ("webp",),
    ),
    _lattice("bt601_limited", "8-bit limited-range BT.601 YCbCr", ("webp", "avif", *HEVC)),
    _lattice("bt709_full", "8-bit full-range BT.709 YCbCr", ("avif", *HEVC)),
    _lattice("bt709_limited", "8-bit limited-range BT.709 YCbCr", ("avif", *HEVC)),
    _lattice("bt2020_full", "8-bit full-range BT.2020 YCbCr", ("avif", *HEVC)),
    _plane_combs("bt601_full", "full-range BT.601 YCbCr", ("jpeg", "avif", *HEVC)),
    _plane_combs("bt601_limited", "limited-range BT.601 YCbCr", ("webp", "avif", *HEVC)),
    Trace(
        "jpeg-comb",
        ("block_dct.comb_best", "block_dct.comb_mean", "block_dct.grid_comb_excess"),
        ("jpeg",),
        "JPEG's 8x8 DCT steps",
        "the 8x8 DCT coefficients gather at multiples of quantisation steps (contrast {value}), as in a decoded JPEG",
    ),
    Trace(
        "jpeg-zeros",
        ("block_dct.grid_zero_excess",),
        ("jpeg",),
        "one preferred 8x8 grid",
        "one 8x8 grid has {value} more near-zero DCT coefficients than the others",
        percent=True,
    ),
    Trace(
        "jpeg-chroma-comb",
        ("block_dct.chroma_420_comb", "block_dct.chroma_422_comb", "block_dct.chroma_444_comb"),
        ("jpeg",),
        "JPEG's steps in chroma",
        "the chroma's 8x8 DCT coefficients gather at multiples of {step} (contrast {value})",
        steps=(
            "block_dct.chroma_420_log2_step",
            "block_dct.chroma_422_log2_step",
            "block_dct.chroma_444_log2_step",
        ),
    ),
    Trace(
        "residual-comb",
        ("block_dct.four_comb", "block_dct.eight_pooled_comb", "block_dct.sixteen_pooled_comb"),
        ("webp", "avif", *HEVC),
        "one step for all DCT coefficients",
        "DCT coefficients of several block sizes share one step of {step} (contrast {value}), as intra-predicting codecs leave them",
        steps=(
            "block_dct.four_log2_step",
            "block_dct.eight_pooled_log2_step",
            "block_dct.sixteen_pooled_log2_step",
        ),
    ),
    _wavelet("97", "CDF 9/7"),
    _wavelet("53", "CDF 5/3"),
    Trace(
        "wavelet-steps-97",
        ("wavelet.97_coherence",),
        ("jpeg2000",),
        "JPEG 2000's family of steps",
        "the steps of the CDF 9/7 subbands agree with one another as in JPEG 2000 (agreement {value})",
    ),
    _lapped("0", ("high_plain", "low_plain_plain"), "without overlap (mode 0)"),
    _lapped("1", ("high_lapped", "low_lapped_plain"), "with the first overlap (mode 1 or 2)"),
    _lapped("2", ("low_lapped_lapped",), "with both overlaps (mode 2)"),
    Trace(
        "rounding-dct",
        ("rounding.rounding_dct_luma_cosine", "rounding.rounding_dct_luma_contrast"),
        ("jpeg",),
        "8x8 DCT coefficients near whole numbers",
        "the 8x8 DCT coefficients lie near whole numbers on one grid (strength {value}), as after a JPEG of highest quality",
    ),
    _upsampling(
        "triangle", "the (3, 1)/4 triangle of JPEG, WebP and AVIF decoders", ("jpeg", "webp", "avif", "heic")
    ),
    _upsampling("repeat", "repetition", ("jpeg", "webp", "avif", *HEVC)),
    _upsampling("linear", "co-sited interpolation", ("jpegxr", "avif", *HEVC)),
    _upsampling("cubic", "cubic interpolation", ("avif", *HEVC)),
    _upsampling("seven_tap", "BPG's 7-tap filter", ("bpg",)),
    _upsampling("eight_tap", "BPG's 8-tap filter", ("bpg",)),
    Trace(
        "blocks-8",
        ("blockiness.step_period_8", "blockiness.step_eight_over_rest", "blockiness.jump_period_8"),
        ("jpeg", "jpegxl"),
        "block edges every 8 pixels",
        "pixel differences change every 8 pixels (strength {value}), as at block edges",
    ),
    Trace(
        "blocks-4",
        ("blockiness.step_period_4", "blockiness.jump_period_4", "blockiness.equal_period_4"),
        ("jpegxr", "webp", "avif"),
        "block edges every 4 pixels",
        "pixel differences change every 4 pixels (strength {value}), as at small blocks' edges",
    ),
    Trace(
        "blocks-16",
        ("blockiness.jump_period_16", "blockiness.deep_16", "blockiness.curvature_period_16"),
        ("webp", "jpegxr"),
        "macroblock edges every 16 pixels",
        "pixel differences change every 16 pixels (strength {value}), as at macroblock edges",
    ),
)
"""The traces that are put into words, most telling first."""


def _shown(value: float, percent: bool) -> str:
    return f"{100 * value:.1f} %" if percent else f"{value:.2f}"


def _statement(
    trace: Trace,
    values: Mapping[str, float],
    ranges: Mapping[str, Mapping[str, float]],
    verdict: Sequence[str],
) -> Statement | None:
    best: tuple[float, int] | None = None
    for index, feature in enumerate(trace.features):
        if feature not in ranges or not np.isfinite(values.get(feature, np.nan)):
            continue
        low, high = ranges[feature]["low"], ranges[feature]["high"]
        excess = (values[feature] - high) / max(high - low, 1e-6)
        if np.isfinite(excess) and (best is None or excess > best[0]):
            best = (float(excess), index)
    if best is None:
        return None
    excess, index = best
    feature = trace.features[index]
    value, known = float(values[feature]), ranges[feature]
    step = 2.0 ** values.get(trace.steps[index], np.nan) if trace.steps else np.nan
    span = f"{_shown(known['low'], trace.percent)} to {_shown(known['high'], trace.percent)}"
    shown = _shown(value, trace.percent)
    if excess > 0:
        sentence = (
            trace.sentence
            if np.isfinite(step)
            else trace.sentence.replace("multiples of {step}", "regular steps")
        )
        text = f"{sentence.format(value=shown, step=f'{step:.2f}')} (uncompressed pictures: {span})"
        supports: bool | None = bool(set(trace.speaks_for) & set(verdict))
    else:
        text, supports = f"no sign of {trace.title}: {shown} (uncompressed pictures: {span})", None
    return Statement(
        trace.name, feature, value, known["low"], known["median"], known["high"], excess, trace.speaks_for, supports, text
    )  # fmt: skip


def statements(
    feature_names: Sequence[str],
    features: np.ndarray,
    ranges: Mapping[str, Mapping[str, float]],
    verdict: Iterable[str],
    *,
    limit: int = 6,
) -> tuple[Statement, ...]:
    """The evidence of a picture.

    Parameters
    ----------
    feature_names : sequence of str
        Names of the columns of `features`.
    features : np.ndarray [shape=(n, len(feature_names)), dtype=float32]
        One row a window; NaN where a feature could not be measured.
    ranges : mapping of str to mapping
        `Baseline.evidence`: `low`, `median` and `high` of each feature on uncompressed windows.
    verdict : iterable of str
        The classes that the verdict names; empty, or `uncompressed`, for no codec.
    limit : int
        Most statements.

    Returns
    -------
    tuple of Statement
        For a compressed verdict the traces found: those that support it first, then others, each by excess. Without a
        compressed verdict the traces found, if any, then those looked for and not found, nearest first.
    """
    classes = tuple(verdict)
    finite = np.isfinite(features)
    medians = [
        float(np.median(column[ok])) if ok.any() else np.nan
        for column, ok in zip(features.T, finite.T, strict=True)
    ]
    values = dict(zip(feature_names, medians, strict=True))
    told = [s for s in (_statement(trace, values, ranges, classes) for trace in TRACES) if s is not None]
    found = sorted((s for s in told if s.excess > 0), key=lambda s: (not s.supports, -s.excess))
    if any(name != "uncompressed" for name in classes):
        return tuple(found[:limit])
    absent = sorted((s for s in told if s.excess <= 0), key=lambda s: -s.excess)
    return tuple([*found, *absent][:limit])
