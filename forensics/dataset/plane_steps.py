"""Filters of video: planes of luma and chroma are smoothed, mixed or scaled, chroma a half or a quarter of the size.

What comes back has a decoder's colours over a luma that is smooth or merely natural; nothing was ever compressed.

References
----------
.. [1] ITU-R BT.601-7 clause 2.5 and BT.709-6 item 3: weights of luma, limited range.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from forensics_features.standards import LUMA_WEIGHTS
from PIL import Image
from scipy import ndimage

from forensics.codecs.decoders import swscale
from forensics.codecs.decoders.planes import CodedPlanes
from forensics.dataset.shrinkage_steps import Shrink
from forensics.dataset.step_arithmetic import to_levels
from forensics.errors import UsageError

CHROMA_SIZES: Mapping[str, tuple[int, int]] = {
    "4:4:4": (1, 1), "4:2:2": (1, 2), "4:4:0": (2, 1), "4:2:0": (2, 2), "4:1:1": (1, 4), "4:1:0": (4, 4),
}  # fmt: skip
"""By how much chroma is smaller along columns and along rows."""
PLANE_FILTERS = ("none", "box", "gaussian", "median", "low-pass", "mirror", "scale", "shrink")
"""What is done to each plane: nothing, a mean or median of 2 n + 1 samples a side, a Gaussian, a low pass of the
spectrum, the mean with the mirror image, another size, noise reduced by shrinking coefficients."""
RESIZERS = {
    "box": Image.Resampling.BOX,
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
"""Kernels that make chroma small and large again, and that planes are scaled by."""
SWSCALE_WAYS = tuple(f"swscale-{method}" for method in (*swscale.METHODS, *swscale.PLAIN))
"""FFmpeg's ways back to RGB, which decoders of video have too."""
_SPACES = {"bt601": "ycbcr", "bt709": "bt709", "bt2020": "bt2020"}


@dataclass(frozen=True)
class FilterPlanes:
    """Through planes of whole samples, filtered one by one, and back.

    Attributes
    ----------
    how : str
        One of `PLANE_FILTERS`.
    amount : float
        Radius, standard deviation or factor of the size, in samples of each plane; share of the spectrum that stays;
        threshold of coefficients, in levels.
    chroma : str
        One of `CHROMA_SIZES`.
    down, up : str
        Kernels of `RESIZERS` for chroma; the way back may be one of `SWSCALE_WAYS`.
    matrix : str
        One of `LUMA_WEIGHTS`.
    limited : bool
        Luma 16 to 235 and chroma 16 to 240 (of 8 bits) in the place of the full range.
    bits : int
        Of the planes' samples.
    transform, size, shifts, rule :
        Of noise reduction, as of `forensics.dataset.shrinkage_steps.Shrink`.
    """

    kind: ClassVar[str] = "filter-planes"
    how: str
    amount: float = 1.0
    chroma: str = "4:2:0"
    down: str = "bicubic"
    up: str = "bicubic"
    matrix: str = "bt601"
    limited: bool = True
    bits: int = 8
    transform: str = "dct"
    size: int = 8
    shifts: int = 2
    rule: str = "soft"

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The filtered picture, of whole units of chroma; a grey picture stays as it is."""
        if self.how not in PLANE_FILTERS or self.chroma not in CHROMA_SIZES or self.matrix not in LUMA_WEIGHTS:
            raise UsageError(f"no filter {self.how!r} of planes of {self.chroma!r} and {self.matrix!r}")
        if self.down not in RESIZERS or self.up not in (*RESIZERS, *SWSCALE_WAYS):
            raise UsageError(f"chroma is resized by one of {', '.join(RESIZERS)}, not {self.down!r} or {self.up!r}")
        if pixels.ndim == 2:
            return pixels
        rows, columns = CHROMA_SIZES[self.chroma]
        height, width = pixels.shape[0] // rows * rows, pixels.shape[1] // columns * columns
        red, green, blue = LUMA_WEIGHTS[self.matrix]
        whole = pixels[:height, :width].astype(np.float64)
        luma = whole @ (red, green, blue)
        scale, offset, chroma_scale = (219 / 255, 16, 224 / 255) if self.limited else (1.0, 0, 1.0)
        differences = ((whole[..., 2] - luma) / (2 - 2 * blue), (whole[..., 0] - luma) / (2 - 2 * red))
        small = (width // columns, height // rows)
        planes = [
            self._filtered(self._samples(luma * scale + offset)),
            *(
                self._filtered(self._samples(_resized(plane * chroma_scale, small, self.down) + 128))
                for plane in differences
            ),
        ]
        if self.up in SWSCALE_WAYS:
            return self._by_swscale(planes)
        size = planes[0].shape[::-1]
        luma = (planes[0] - offset) / scale
        blue_less, red_less = (_resized((plane - 128) / chroma_scale, size, self.up) for plane in planes[1:])
        made_red, made_blue = luma + (2 - 2 * red) * red_less, luma + (2 - 2 * blue) * blue_less
        made_green = (luma - red * made_red - blue * made_blue) / green
        return to_levels(np.stack([made_red, made_green, made_blue], axis=2))

    def _by_swscale(self, planes: list[np.ndarray]) -> np.ndarray:
        """RGB of planes; raises `CodecUnavailable` without PyAV, `CodecError` for planes that FFmpeg has no format for
        (chroma of a quarter beyond 8 bits).
        """
        rows, columns = CHROMA_SIZES[self.chroma]
        height, width = planes[1].shape[0] * rows, planes[1].shape[1] * columns
        luma = np.pad(
            planes[0], ((0, max(0, height - planes[0].shape[0])), (0, max(0, width - planes[0].shape[1]))), "edge"
        )
        kind, unit = (np.uint8, 1.0) if self.bits == 8 else (np.uint16, 2.0 ** (8 - self.bits))
        samples = tuple(np.rint(plane / unit).astype(kind) for plane in (luma[:height, :width], *planes[1:]))
        held = CodedPlanes(samples, self.chroma, _SPACES[self.matrix], self.bits, self.limited)
        return swscale.to_picture(held, self.up.removeprefix("swscale-"))[: planes[0].shape[0], : planes[0].shape[1]]

    def _samples(self, plane: np.ndarray) -> np.ndarray:
        """Whole samples of so many bits, in units of 8 bits."""
        unit = 2.0 ** (8 - self.bits)
        return np.clip(np.rint(plane / unit), 0, 2**self.bits - 1) * unit

    def _filtered(self, plane: np.ndarray) -> np.ndarray:
        made = plane
        if self.how == "box":
            made = ndimage.uniform_filter(plane, 2 * max(1, round(self.amount)) + 1, mode="nearest")
        elif self.how == "median":
            made = ndimage.median_filter(plane, 2 * max(1, round(self.amount)) + 1, mode="nearest")
        elif self.how == "gaussian":
            made = ndimage.gaussian_filter(plane, self.amount, mode="nearest")
        elif self.how == "mirror":
            made = (plane + plane[:, ::-1]) / 2
        elif self.how == "low-pass":
            spectrum = np.fft.rfft2(plane)
            high = np.hypot(np.fft.fftfreq(plane.shape[0])[:, None], np.fft.rfftfreq(plane.shape[1])[None])
            made = np.fft.irfft2(spectrum * (high <= self.amount / 2), s=plane.shape)
        elif self.how == "shrink":
            made = Shrink(self.transform, self.size, self.shifts, self.rule, self.amount).of_plane(plane)
        elif self.how == "scale":
            size = tuple(max(8, round(n * self.amount)) for n in plane.shape[::-1])
            made = _resized(plane, (size[0], size[1]), self.up if self.up in ("bilinear", "lanczos") else "bicubic")
        return self._samples(made)


def _resized(plane: np.ndarray, size: tuple[int, int], kernel: str) -> np.ndarray:
    """A plane of the size (width, height)."""
    if plane.shape[::-1] == size:
        return plane
    picture = Image.fromarray(plane.astype(np.float32), "F")
    return np.asarray(picture.resize(size, RESIZERS[kernel]), np.float64)
