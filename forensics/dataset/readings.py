"""How often which decoder reads a file of a data set; drawn by `forensics.dataset.decoders`, and no part of what a
build plans.

djpeg's floating-point DCT, and FFmpeg's bicubic chroma with the cubic of `forensics.codecs.decoders.planes` as well,
are never drawn.
"""

from __future__ import annotations

from collections.abc import Mapping

VARIED_SHARES: Mapping[str, float] = {
    "jpeg": 0.5,
    "webp": 0.5,
    "avif": 0.6,
    "heic": 0.5,
    "bpg": 0.12,
    "jpegxl": 0.5,
    "jpeg2000": 0.5,
}
"""Share of files, by class, that a varied reading has decoded by another decoder than the usual one.

Nearly all software reads BPG by its reference decoder. Read otherwise, its pixels are those of HEIC from the same
decoder: a large share would only teach that HEIC read otherwise may as well be BPG. AVIF and HEIC are read by libraries
of many makers.
"""

HELD_OUT_DECODERS = ("djpeg-float", "swscale-bicubic", "planes-bicubic")
"""Decoders that are never drawn, so that accuracy on their pictures measures generalisation."""

DECODERS: Mapping[str, Mapping[str, float]] = {
    "jpeg": {
        "djpeg-nosmooth": 1,
        "djpeg-fast": 1,
        "planes-nearest": 0.5,
        "planes-bilinear": 0.7,
        "planes-drawn": 2,
        "swscale-fast": 1,
        "swscale-bilinear": 1,
    },
    "webp": {
        "dwebp-nofancy": 1,
        "dwebp-dither": 1,
        "planes-nearest": 0.4,
        "planes-bilinear": 0.5,
        "planes-drawn": 2,
        "swscale-fast": 1,
        "swscale-bilinear": 1,
    },
    "avif": {
        "heif-convert": 3,
        "avifdec-nearest": 0.7,
        "avifdec-bilinear": 0.2,
        "planes-nearest": 0.5,
        "planes-bilinear": 0.7,
        "planes-drawn": 2.5,
        "planes-libheif": 3,
        "swscale-fast": 1,
        "swscale-bilinear": 1,
    },
    "heic": {
        "heif-convert": 2.5,
        "planes-nearest": 0.4,
        "planes-bilinear": 1,
        "planes-drawn": 2.5,
        "swscale-fast": 1,
        "swscale-bilinear": 1,
    },
    "bpg": {"planes-nearest": 0.7, "planes-bilinear": 1, "planes-drawn": 2.5, "swscale-fast": 1, "swscale-bilinear": 1},
    "jpegxl": {"djxl": 1},
    "jpeg2000": {"ffmpeg": 1, "opj_decompress": 0.15},
}
"""Weights of the further decoders by class; commands that mostly agree with the usual decoder are slow and rare.

JPEG XR has none: the one further decoder, JxrDecApp, gives the usual decoder's pixels.
"""
