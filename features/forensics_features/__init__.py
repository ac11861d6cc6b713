"""Extractors of compression traces from pixel arrays: numpy, scipy and numba only, no file access, no models.

`FeatureExtractor` gives all families as one vector. Each family is a function too, `<family>_features`, from one
picture to its numbers by name; they are imported when they are first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from forensics_features.extractor import FAMILIES, FEATURES_VERSION, FURTHER_FAMILIES, FeatureExtractor, family
from forensics_features.planes import MINIMUM_SIDE, Planes, as_planes, to_rgb8

if TYPE_CHECKING:
    from forensics_features.block_dct import block_dct_features
    from forensics_features.blockiness import blockiness_features
    from forensics_features.chroma import chroma_features
    from forensics_features.cooccurrence import cooccurrence_features
    from forensics_features.lapped import lapped_features
    from forensics_features.lattice import lattice_features
    from forensics_features.processing import processing_features
    from forensics_features.rounding import rounding_features
    from forensics_features.wavelet import wavelet_features

__all__ = [
    "FAMILIES",
    "FEATURES_VERSION",
    "FURTHER_FAMILIES",
    "MINIMUM_SIDE",
    "FeatureExtractor",
    "Planes",
    "as_planes",
    "block_dct_features",
    "blockiness_features",
    "chroma_features",
    "cooccurrence_features",
    "family",
    "lapped_features",
    "lattice_features",
    "processing_features",
    "rounding_features",
    "to_rgb8",
    "wavelet_features",
]

_SUFFIX = "_features"


def __getattr__(name: str) -> Any:
    home = name.removesuffix(_SUFFIX)
    if name == home or home not in (*FAMILIES, *FURTHER_FAMILIES):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
