"""Extractors of compression traces from pixel arrays: numpy, scipy and numba only, no file access, no models."""

from __future__ import annotations

from forensics_features.extractor import FAMILIES, FEATURES_VERSION, FURTHER_FAMILIES, FeatureExtractor, family
from forensics_features.planes import MINIMUM_SIDE, Planes, as_planes, to_rgb8

__all__ = [
    "FAMILIES",
    "FEATURES_VERSION",
    "FURTHER_FAMILIES",
    "MINIMUM_SIDE",
    "FeatureExtractor",
    "Planes",
    "as_planes",
    "family",
    "to_rgb8",
]
