"""The classes of a verdict, in the one order used everywhere."""

from __future__ import annotations

CLASSES = ("uncompressed", "jpeg", "jpeg2000", "jpegxr", "bpg", "webp", "avif", "heic", "jpegxl")
"""The nine classes a verdict is given over."""

FINE_CLASSES = (
    "uncompressed", "jpeg", "jpeg2000", "jpegxr-0", "jpegxr-1", "jpegxr-2", "bpg", "webp", "avif", "heic", "jpegxl",
)  # fmt: skip
"""What the classifiers are trained on: JPEG XR's overlap modes leave traces of their own and are told apart."""

HEVC_INTRA = ("bpg", "heic")
"""Classes that share HEVC intra coding; their merged probability is reported as `hevc-intra`."""

FINE_TO_CLASS = tuple(CLASSES.index(name.split("-")[0]) for name in FINE_CLASSES)
"""For each fine class the index of its class in `CLASSES`."""

HEVC_FAMILY = "hevc-intra"
"""The verdict that stands for BPG or HEIC where the two cannot be told apart."""

INCONCLUSIVE = "inconclusive"
"""The verdict where no class, and not the HEVC family, reaches the model's threshold."""


def family(name: str) -> str:
    """A class, or `HEVC_FAMILY` for the two that share HEVC intra coding."""
    return HEVC_FAMILY if name in HEVC_INTRA else name
