"""Steps after decoding that move samples: resizing by the arithmetic of several programs, repetition, rotation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from PIL import Image
from scipy import ndimage

from forensics.dataset.step_arithmetic import from_linear, opencv, to_levels, to_linear
from forensics.errors import UsageError

PILLOW = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "area": Image.Resampling.BOX,
    "hamming": Image.Resampling.HAMMING,
}
"""Kernels of Pillow, which widen when a picture shrinks."""


OPENCV = ("bilinear", "bicubic", "lanczos", "area")
"""Kernels of OpenCV: fixed-point weights, half-pixel centres, no anti-aliasing save by `area`."""


SWSCALE = ("bilinear", "bicubic", "lanczos", "area", "spline")
"""Kernels of FFmpeg's swscale, on R, G, B."""


SPLINES = {"bilinear": 1, "cubic-spline": 3}
"""Kernels of SciPy by the order of the spline; samples at the ends are aligned."""


PROGRAMS = {
    "pillow": tuple(PILLOW),
    "opencv": OPENCV,
    "swscale": SWSCALE,
    "scipy": tuple(SPLINES),
    "linear-light": tuple(PILLOW),
}
"""Programs that resample for training, each with its kernels; `linear-light` is Pillow's arithmetic on linear
intensities.
"""


HELD_OUT_PROGRAMS = ("libvips", "imagemagick", "graphicsmagick", "scikit-image", "netpbm")
"""Programs that training never draws: what benchmarks do after decoding goes through them, so that they measure
generalisation.
"""


@dataclass(frozen=True)
class Resample:
    """Resize by `vertical` and `horizontal` factors with a kernel of one of `PROGRAMS`; at least 8 pixels a side are
    left.
    """

    kind: ClassVar[str] = "resample"
    vertical: float
    horizontal: float
    program: str = "pillow"
    kernel: str = "bicubic"

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The resized picture."""
        if self.kernel not in PROGRAMS.get(self.program, ()):
            raise UsageError(f"there is no kernel {self.kernel!r} of {self.program!r}")
        size = tuple(
            max(8, round(n * f)) for n, f in zip(pixels.shape[:2], (self.vertical, self.horizontal), strict=True)
        )
        return _RESIZERS[self.program](pixels, size, self.kernel)


def _by_pillow(pixels: np.ndarray, size: tuple[int, ...], kernel: str) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).resize((size[1], size[0]), PILLOW[kernel]))


def _by_opencv(pixels: np.ndarray, size: tuple[int, ...], kernel: str) -> np.ndarray:
    cv2 = opencv()
    flags = {
        "bilinear": cv2.INTER_LINEAR,
        "bicubic": cv2.INTER_CUBIC,
        "lanczos": cv2.INTER_LANCZOS4,
        "area": cv2.INTER_AREA,
    }
    return np.ascontiguousarray(cv2.resize(pixels, (size[1], size[0]), interpolation=flags[kernel]))


def _by_swscale(pixels: np.ndarray, size: tuple[int, ...], kernel: str) -> np.ndarray:
    import av

    form = "gray" if pixels.ndim == 2 else "rgb24"
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=form)
    # Planes of G, B, R: packed RGB would be taken through YCbCr on the way.
    planar = frame if form == "gray" else frame.reformat(format="gbrp", threads=1)
    made = planar.reformat(width=size[1], height=size[0], interpolation=kernel.upper(), threads=1)
    return np.ascontiguousarray((made if form == "gray" else made.reformat(format="rgb24", threads=1)).to_ndarray())


def _by_scipy(pixels: np.ndarray, size: tuple[int, ...], kernel: str) -> np.ndarray:
    zoom = [new / old for new, old in zip(size, pixels.shape[:2], strict=True)] + [1.0] * (pixels.ndim - 2)
    made = ndimage.zoom(pixels.astype(np.float32), zoom, order=SPLINES[kernel], mode="nearest")
    return to_levels(made)


def _by_linear_light(pixels: np.ndarray, size: tuple[int, ...], kernel: str) -> np.ndarray:
    linear = to_linear(pixels.reshape(*pixels.shape[:2], -1)).astype(np.float32)
    made = [
        np.asarray(Image.fromarray(np.ascontiguousarray(linear[:, :, c])).resize((size[1], size[0]), PILLOW[kernel]))
        for c in range(linear.shape[2])
    ]
    return to_levels(from_linear(np.stack(made, axis=-1))).reshape(*size, *pixels.shape[2:])


_RESIZERS = {
    "pillow": _by_pillow,
    "opencv": _by_opencv,
    "swscale": _by_swscale,
    "scipy": _by_scipy,
    "linear-light": _by_linear_light,
}


@dataclass(frozen=True)
class Repeat:
    """Every sample `vertical` times down and `horizontal` times across: nearest-neighbour enlargement, exactly."""

    kind: ClassVar[str] = "repeat"
    vertical: int
    horizontal: int

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The enlarged picture."""
        return np.ascontiguousarray(np.repeat(np.repeat(pixels, self.vertical, axis=0), self.horizontal, axis=1))


@dataclass(frozen=True)
class Rotate:
    """Rotation by some degrees counter-clockwise, with optional shear, cut to the largest part without empty
    corners.
    """

    kind: ClassVar[str] = "rotate"
    degrees: float
    program: str = "pillow"
    kernel: str = "bicubic"
    shear: float = 0.0

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The inner part of the turned picture."""
        if self.program not in ("pillow", "opencv") or self.kernel not in ("bilinear", "bicubic"):
            raise UsageError(f"rotation is by pillow or opencv, bilinear or bicubic, not {self.program} {self.kernel}")
        height, width = pixels.shape[:2]
        angle = math.radians(self.degrees)
        cosine, sine = math.cos(angle), math.sin(angle)
        # Output to input coordinates about the centre.
        matrix = np.array([[cosine, -sine + self.shear * cosine], [sine, cosine + self.shear * sine]])
        offset = np.array([width / 2, height / 2]) - matrix @ np.array([width / 2, height / 2])
        coefficients = (matrix[0, 0], matrix[0, 1], offset[0], matrix[1, 0], matrix[1, 1], offset[1])
        if self.program == "pillow":
            how = PILLOW[self.kernel]
            turned = np.asarray(
                Image.fromarray(pixels).transform((width, height), Image.Transform.AFFINE, coefficients, resample=how)
            )
        else:
            cv2 = opencv()
            flag = cv2.INTER_LINEAR if self.kernel == "bilinear" else cv2.INTER_CUBIC
            grid = np.array([coefficients[:3], coefficients[3:]])
            turned = cv2.warpAffine(pixels, grid, (width, height), flags=flag | cv2.WARP_INVERSE_MAP)
        lost = abs(sine) + abs(self.shear)
        down, across = math.ceil(lost * width / 2) + 2, math.ceil(lost * height / 2) + 2
        if 2 * max(down / height, across / width) > 0.7:
            raise UsageError(f"nothing is left of {width}x{height} pixels turned by {self.degrees} degrees")
        return np.ascontiguousarray(turned[down : height - down, across : width - across])
