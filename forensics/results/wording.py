"""How classes, verdicts and probabilities are written for people, in every report alike."""

from __future__ import annotations

from forensics_models.classes import HEVC_FAMILY, INCONCLUSIVE

TITLES = {
    "uncompressed": "uncompressed",
    "jpeg": "JPEG",
    "jpeg2000": "JPEG 2000",
    "jpegxr": "JPEG XR",
    "bpg": "BPG",
    "webp": "WebP",
    "avif": "AVIF",
    "heic": "HEIC",
    "jpegxl": "JPEG XL",
    HEVC_FAMILY: "HEVC intra (BPG or HEIC)",
    INCONCLUSIVE: "inconclusive",
}
"""Title of every class of `forensics_models.classes.CLASSES` and of the two further verdicts."""


def percent(probability: float) -> str:
    """A probability in per cent, never rounded to certainty."""
    if probability > 0.999:
        return "> 99.9 %"
    return "< 0.1 %" if probability < 0.001 else f"{100 * probability:.1f} %"
