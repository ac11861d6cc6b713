"""Figures that others published, to stand next to ours."""

from __future__ import annotations

from collections.abc import Mapping

PUBLISHED: Mapping[object, float] = {
    5: 98.2, 10: 98.2, 17: 98.9, 25: 98.3, 32: 98.1, 40: 97.2, 50: 96.3, 60: 94.3, 75: 91.0, 100: 84.0,
}  # fmt: skip
"""Accuracy in per cent by file size in KiB of the strongest published experiment on the file-size grid (IH&MMSec 2024):
ten classes, DIV2K pictures, 512x512, ImageNet ResNet-18 on the central 224x224."""

PUBLISHED_MEAN = 95.45
"""The experiment's accuracy over all sizes, in per cent."""
