"""The table of traces: which measurements a person can check, what they mean in words, and which codecs leave them.

Every `Indication` names the features it reads (`<family>.<name>` of `forensics_features`), the classes it speaks for,
and two wordings: one for when it is there and one for when it was looked for and is not. To add one, add an entry;
nothing else knows the table's content.
"""

from __future__ import annotations

from dataclasses import dataclass

HEVC = ("bpg", "heic")


@dataclass(frozen=True)
class Indication:
    """One kind of evidence.

    Attributes
    ----------
    name : str
        Short name, unique in `INDICATIONS`.
    group : str
        Only the clearest trace of a group is reported.
    features : tuple of str
        Features that show it by large values; the one furthest outside its range is quoted.
    speaks_for : tuple of str
        Classes of `forensics_models.classes.CLASSES` that leave it.
    absent : str
        What is looked for, as it reads after "no sign of".
    sentence : str
        What it means, with `{value}` for the measured value and `{step}` for the step.
    clear : float
        The value of a clear case, up to which strength grows. How many windows of a random suite of validation sources
        reach each, and how many uncompressed ones (5 of 36 at most): benchmarks/results/2026-11-29-thresholds.md.
    percent : bool
        Whether values are shares, shown in per cent.
    steps : tuple of str
        For each of `features` the one that holds the base-2 logarithm of the step; empty when there is none.
    """

    name: str
    group: str
    features: tuple[str, ...]
    speaks_for: tuple[str, ...]
    absent: str
    sentence: str
    clear: float
    percent: bool = False
    steps: tuple[str, ...] = ()


def _lattice(key: str, title: str, speaks_for: tuple[str, ...]) -> Indication:
    return Indication(
        name=f"lattice-{key}",
        group="lattice",
        features=(f"lattice.{key}_share",),
        speaks_for=speaks_for,
        absent=f"the colours of {title}",
        sentence=f"{{value}} of the coloured pixels have colours that come out of {title}",
        clear=1.0,
        percent=True,
    )


def _integers(key: str, title: str, speaks_for: tuple[str, ...]) -> Indication:
    return Indication(
        name=f"integers-{key}",
        group="integers",
        features=tuple(f"lattice.{key}_{plane}_comb" for plane in ("luma", "cb", "cr")),
        speaks_for=speaks_for,
        absent=f"whole numbers in {title}",
        sentence=f"converted back to {title}, the samples gather at whole numbers (strength {{value}}; about 0.45 "
        f"where all do)",
        clear=0.45,
    )


def _wavelet(key: str, title: str) -> Indication:
    bands = tuple(f"{band}{level}" for level in (1, 2, 3) for band in ("hl", "lh", "hh"))
    return Indication(
        name=f"wavelet-{key}",
        group="wavelet",
        features=tuple(f"wavelet.{key}_y_{band}_comb" for band in bands),
        speaks_for=("jpeg2000",),
        absent=f"JPEG 2000's steps in {title} wavelet coefficients",
        sentence=f"the {title} wavelet coefficients gather at multiples of {{step}} (contrast {{value}}), as JPEG 2000 "
        f"quantises them",
        clear=0.4,
        steps=tuple(f"wavelet.{key}_y_{band}_step" for band in bands),
    )


def _lapped(mode: str, bands: tuple[str, ...], title: str) -> Indication:
    return Indication(
        name=f"lapped-{mode}",
        group="lapped",
        features=tuple(f"lapped.{band}_contrast" for band in bands),
        speaks_for=("jpegxr",),
        absent=f"steps in JPEG XR's transform {title}",
        sentence=f"the coefficients of JPEG XR's transform {title} gather at multiples of {{step}} (contrast "
        f"{{value}})",
        clear=0.5,
        steps=tuple(f"lapped.{band}_log2_step" for band in bands),
    )


_FULL, _LIMITED = "8-bit full-range", "8-bit limited-range"

INDICATIONS: tuple[Indication, ...] = (
    _lattice("bt601_full", f"{_FULL} BT.601 YCbCr as JPEG and BPG decoders round it", ("jpeg", "bpg")),
    _lattice("bt601_full_8bit", f"{_FULL} BT.601 YCbCr in the 8-bit arithmetic of HEIC decoders", ("heic",)),
    _lattice("bt601_full_6bit", f"{_FULL} BT.601 YCbCr in the 6-bit arithmetic of AVIF decoders", ("avif",)),
    _lattice("bt601_limited_truncated", f"{_LIMITED} BT.601 YCbCr as WebP's decoder truncates it", ("webp",)),
    _lattice("bt601_limited", f"{_LIMITED} BT.601 YCbCr", ("avif", *HEVC)),
    _lattice("bt709_full", f"{_FULL} BT.709 YCbCr", ("avif", *HEVC)),
    _lattice("bt709_limited", f"{_LIMITED} BT.709 YCbCr", ("avif", *HEVC)),
    _lattice("bt2020_full", f"{_FULL} BT.2020 YCbCr", ("avif", *HEVC)),
    Indication(
        name="dct-comb",
        group="dct",
        features=("block_dct.comb_best", "block_dct.comb_mean", "block_dct.grid_comb_excess"),
        speaks_for=("jpeg",),
        absent="JPEG's quantisation steps in 8x8 DCT coefficients",
        sentence="on one 8x8 grid the DCT coefficients gather at multiples of quantisation steps (contrast {value}), "
        "as JPEG's do",
        clear=0.5,
    ),
    Indication(
        name="dct-integers",
        group="dct-integers",
        features=("rounding.dct_luma_cosine", "rounding.dct_luma_cosine_contrast"),
        speaks_for=("jpeg",),
        absent="whole numbers in 8x8 DCT coefficients",
        sentence="on one 8x8 grid the DCT coefficients lie near whole numbers (strength {value}), as integer "
        "quantisation steps leave them",
        clear=0.19,
    ),
    Indication(
        name="dct-chroma-comb",
        group="dct",
        features=("block_dct.chroma_420_comb", "block_dct.chroma_422_comb", "block_dct.chroma_444_comb"),
        speaks_for=("jpeg",),
        absent="JPEG's quantisation steps in chroma",
        sentence="the 8x8 DCT coefficients of chroma gather at multiples of {step} (contrast {value})",
        clear=0.5,
        steps=tuple(f"block_dct.chroma_{sampling}_log2_step" for sampling in ("420", "422", "444")),
    ),
    Indication(
        name="dct-zeros",
        group="dct-zeros",
        features=("block_dct.grid_zero_excess",),
        speaks_for=("jpeg", "jpegxl"),
        absent="a preferred 8x8 grid",
        sentence="one 8x8 grid has {value} more DCT coefficients near zero than the others",
        clear=0.3,
        percent=True,
    ),
    _wavelet("97", "CDF 9/7"),
    _wavelet("53", "CDF 5/3"),
    _lapped("plain", ("high_plain", "low_plain_plain"), "without overlap (mode 0)"),
    _lapped("one", ("high_lapped", "low_lapped_plain"), "with overlap (mode 1 or 2)"),
    _lapped("two", ("low_lapped_lapped",), "with both overlaps (mode 2)"),
    Indication(
        name="residual-comb",
        group="residual",
        features=("block_dct.four_comb", "block_dct.eight_pooled_comb", "block_dct.sixteen_pooled_comb"),
        speaks_for=("webp", "avif", *HEVC),
        absent="one step for all DCT coefficients",
        sentence="DCT coefficients of all frequencies gather at multiples of {step} (contrast {value}), as after intra "
        "prediction",
        clear=0.3,
        steps=(
            "block_dct.four_log2_step",
            "block_dct.eight_pooled_log2_step",
            "block_dct.sixteen_pooled_log2_step",
        ),
    ),
    _integers("bt601_full", "full-range BT.601 YCbCr", ("jpeg", "avif", *HEVC)),
    _integers("bt601_limited", "limited-range BT.601 YCbCr", ("webp", "avif", *HEVC)),
    Indication(
        name="chroma-half",
        group="chroma",
        features=tuple(
            f"chroma.{kernel}_{axis}_contrast"
            for kernel in ("repeat", "linear", "triangle", "cubic", "seven_tap", "eight_tap")
            for axis in "xy"
        ),
        speaks_for=("jpeg", "jpegxr", "webp", "avif", *HEVC),
        absent="chroma stored at half resolution",
        sentence="chroma repeats every second pixel as it does when stored at half resolution (contrast {value})",
        clear=0.4,
    ),
    Indication(
        name="blocks-8",
        group="blocks",
        features=("blockiness.step_period_8", "blockiness.jump_period_8"),
        speaks_for=("jpeg", "jpegxl"),
        absent="block edges every 8 pixels",
        sentence="pixel differences change every 8 pixels (strength {value}), as at block edges",
        clear=0.15,
    ),
    Indication(
        name="blocks-4",
        group="blocks",
        features=("blockiness.step_period_4", "blockiness.jump_period_4", "blockiness.equal_period_4"),
        speaks_for=("jpegxr", "webp", "avif"),
        absent="block edges every 4 pixels",
        sentence="pixel differences change every 4 pixels (strength {value}), as at the edges of small blocks",
        clear=0.15,
    ),
    Indication(
        name="blocks-16",
        group="blocks",
        features=("blockiness.step_period_16", "blockiness.jump_period_16", "blockiness.curvature_period_16"),
        speaks_for=("jpegxr", "webp"),
        absent="block edges every 16 pixels",
        sentence="pixel differences change every 16 pixels (strength {value}), as at the edges of macroblocks",
        clear=0.15,
    ),
)
"""The traces that are put into words, most telling first."""
