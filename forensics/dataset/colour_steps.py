"""Steps after decoding that change colours: curves, saturation, colour spaces, grey, palettes, chroma of half size,
screens.

References
----------
.. [1] SMPTE EG 432-1 (Display P3 primaries), IEC 61966-2-1 (sRGB transfer function).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from forensics_features.standards import LUMA_WEIGHTS
from PIL import Image
from scipy import ndimage

from forensics.dataset.step_arithmetic import from_linear, to_levels, to_linear
from forensics.errors import CodecUnavailable, UsageError

_LUMA = np.array(LUMA_WEIGHTS["bt601"])


_P3_TO_SRGB = np.array(
    [[1.2249401, -0.2249402, 0.0], [-0.0420569, 1.0420571, 0.0], [-0.0196376, -0.0786361, 1.0982735]]
)
"""Linear Display P3 to linear sRGB, both D65 [1]."""


RECOLOURS = (
    "saturation",
    "hue",
    "matrix",
    "gains",
    "gamma",
    "linear-gain",
    "contrast",
    "equalise",
    "posterise",
    "p3-to-srgb",
    "srgb-to-p3",
    "curve",
    "six-bit",
    "levels",
    "negative",
)
"""Values of `Recolour.how`."""


@dataclass(frozen=True)
class Recolour:
    """A change of values alone, of one of `RECOLOURS`; `amount` is its strength, `seed` draws what one number does not
    say.
    """

    kind: ClassVar[str] = "recolour"
    how: str
    amount: float
    seed: int = 0

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The recoloured picture; what needs colour leaves a grey picture as it is."""
        if self.how not in RECOLOURS:
            raise UsageError(f"a change of colour is one of {', '.join(RECOLOURS)}, not {self.how!r}")
        table = self._table()
        if table is not None:
            return to_levels(table)[pixels]
        if self.how == "equalise":
            made = np.empty_like(pixels)
            for place in np.ndindex(pixels.shape[2:]):
                made[(..., *place)] = _equalised(pixels[(..., *place)], self.amount)
            return made
        return pixels if pixels.ndim == 2 else self._colours(pixels)

    def _table(self) -> np.ndarray | None:
        """What becomes of each of the 256 values, where all channels change alike."""
        value, numbers = np.arange(256) / 255, np.random.default_rng(self.seed)
        if self.how == "gamma":
            return 255 * value**self.amount
        if self.how == "linear-gain":
            return from_linear(np.minimum(to_linear(np.arange(256, dtype=np.uint8)) * self.amount, 1.0))
        if self.how == "contrast":
            return 127.5 + (np.arange(256) - 127.5) * self.amount
        if self.how == "posterise":
            levels = max(2, round(self.amount))
            return np.rint(value * (levels - 1)) * 255 / (levels - 1)
        if self.how == "six-bit":
            kept = np.arange(256) >> 2
            return (kept << 2 | kept >> 4).astype(float)
        if self.how == "levels":
            low, high = numbers.uniform(0, 30), numbers.uniform(215, 255)
            return (np.arange(256) - low) * 255 / (high - low)
        if self.how == "curve":
            knots = np.linspace(0, 255, 5) + np.concatenate([[0], numbers.normal(0, 12 * self.amount, 3), [0]])
            return np.interp(np.arange(256), np.linspace(0, 255, 5), np.sort(knots))
        return 255.0 - np.arange(256) if self.how == "negative" else None

    def _colours(self, pixels: np.ndarray) -> np.ndarray:
        numbers, whole = np.random.default_rng(self.seed), pixels.astype(np.float64)
        if self.how == "saturation":
            from PIL import ImageEnhance

            if self.seed % 2:
                return np.asarray(ImageEnhance.Color(Image.fromarray(pixels)).enhance(self.amount))
            luma = whole @ _LUMA
            return to_levels(luma[:, :, None] + self.amount * (whole - luma[:, :, None]))
        if self.how == "hue":
            hsv = np.array(Image.fromarray(pixels).convert("HSV"))
            hsv[:, :, 0] += np.uint8(int(self.amount * 40) % 256)
            return _from_hsv(hsv)
        if self.how == "gains":
            return to_levels(whole * (1 + self.amount * numbers.uniform(-0.15, 0.15, 3)))
        if self.how == "matrix":
            matrix = np.eye(3) + self.amount * numbers.uniform(-0.15, 0.15, (3, 3))
            return to_levels(whole @ (matrix / matrix.sum(axis=1, keepdims=True)).T)
        linear = to_linear(pixels) @ (_P3_TO_SRGB if self.how == "p3-to-srgb" else np.linalg.inv(_P3_TO_SRGB)).T
        return to_levels(from_linear(np.clip(linear, 0, 1)))


def _from_hsv(hsv: np.ndarray) -> np.ndarray:
    picture = Image.frombytes("HSV", (hsv.shape[1], hsv.shape[0]), np.ascontiguousarray(hsv).tobytes())
    return np.asarray(picture.convert("RGB"))


def _equalised(plane: np.ndarray, amount: float) -> np.ndarray:
    """Histogram equalisation, mixed with the identity by `amount` in 0..1."""
    counts = np.bincount(plane.reshape(-1), minlength=256)
    cumulative = np.cumsum(counts)
    table = 255.0 * (cumulative - counts[plane.min()]) / max(int(cumulative[-1] - counts[plane.min()]), 1)
    return to_levels(amount * table + (1 - amount) * np.arange(256))[plane]


GREYS = {
    "bt601": LUMA_WEIGHTS["bt601"],
    "bt709": LUMA_WEIGHTS["bt709"],
    "average": (1 / 3, 1 / 3, 1 / 3),
    "green": (0.0, 1.0, 0.0),
    "red": (1.0, 0.0, 0.0),
}
"""Weights of R, G, B that make grey, by name."""


@dataclass(frozen=True)
class GreyBy:
    """Made grey by the weights of one of `GREYS`, rounded or cut off, as one channel or three equal ones."""

    kind: ClassVar[str] = "grey-by"
    weights: str = "bt601"
    rounded: bool = True
    channels: int = 1

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The grey picture."""
        if self.weights not in GREYS:
            raise UsageError(f"grey is made by one of {', '.join(GREYS)}, not {self.weights!r}")
        grey = pixels
        if pixels.ndim == 3:
            mean = pixels @ np.array(GREYS[self.weights])
            grey = np.clip(np.floor(mean + (0.5 if self.rounded else 1e-9)), 0, 255).astype(np.uint8)
        return grey if self.channels == 1 else np.repeat(grey[:, :, None], 3, axis=2)


PALETTES = ("median-cut", "octree", "coverage", "web", "libimagequant", "k-means")
"""Ways to choose a palette."""


@dataclass(frozen=True)
class PaletteBy:
    """At most `colours` colours chosen by one of `PALETTES`, with or without error diffusion (Floyd and Steinberg)."""

    kind: ClassVar[str] = "palette-by"
    method: str
    colours: int
    dither: bool = False

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The picture in its palette's colours."""
        if self.method not in PALETTES or not 2 <= self.colours <= 256:
            raise UsageError(f"no palette of {self.colours} colours by {self.method!r}")
        colour = np.repeat(pixels[:, :, None], 3, axis=2) if pixels.ndim == 2 else pixels
        picture = Image.fromarray(colour)
        diffusion = Image.Dither.FLOYDSTEINBERG if self.dither else Image.Dither.NONE
        if self.method == "web":
            indexed = picture.convert("P", palette=Image.Palette.WEB, dither=diffusion)
        elif self.method == "libimagequant":
            indexed = self._by_libimagequant(picture)
        else:
            how = {
                "median-cut": Image.Quantize.MEDIANCUT,
                "octree": Image.Quantize.FASTOCTREE,
                "coverage": Image.Quantize.MAXCOVERAGE,
                "k-means": Image.Quantize.MEDIANCUT,
            }[self.method]
            indexed = picture.quantize(
                self.colours, method=how, kmeans=2 if self.method == "k-means" else 0, dither=Image.Dither.NONE
            )
            if self.dither:
                indexed = picture.quantize(palette=indexed, dither=diffusion)
        result = np.asarray(indexed.convert("RGB"))
        return result[:, :, 0].copy() if pixels.ndim == 2 else result

    def _by_libimagequant(self, picture: Image.Image) -> Image.Image:
        import shutil
        import subprocess
        from io import BytesIO

        if shutil.which("pngquant") is None:
            raise CodecUnavailable("pngquant is not on PATH (Debian package pngquant)")
        buffer = BytesIO()
        picture.save(buffer, "PNG", compress_level=1)
        words = ["pngquant", "--speed", "4", *([] if self.dither else ["--nofs"]), str(self.colours), "-"]
        done = subprocess.run(words, input=buffer.getvalue(), capture_output=True, check=False)
        if done.returncode != 0:
            raise UsageError(f"pngquant: {done.stderr.decode(errors='replace').strip()}")
        return Image.open(BytesIO(done.stdout), formats=("PNG",))


CHROMA_PATHS = (
    "planes-nearest",
    "planes-bilinear",
    "planes-bicubic",
    "planes-drawn",
    "planes-libheif",
    "swscale-fast",
    "swscale-bilinear",
)
"""Ways back from planes to RGB, under the names that decoders of codecs have (`forensics.dataset.readings`)."""


@dataclass(frozen=True)
class ChromaPath:
    """Through 8-bit planes with decimated chroma and back, without a codec: the untouched twin of a decoder.

    `way` is one of `CHROMA_PATHS`; `decimation` is `mean`, `drop`, `cosited` (1 2 1) or `swscale`; `matrix` is `ycbcr`
    (BT.601), `bt709` or `bt2020`; the seed picks the conversion of `planes-drawn`.
    """

    kind: ClassVar[str] = "chroma-path"
    way: str
    subsampling: str = "4:2:0"
    decimation: str = "mean"
    matrix: str = "ycbcr"
    limited: bool = False
    seed: int = 0

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The picture after the way there and back; a grey picture keeps its luma alone."""
        from forensics.codecs.bpg import colour as bpg_colour
        from forensics.codecs.decoders import conversions, planes, swscale

        if self.way not in CHROMA_PATHS:
            raise UsageError(f"a chroma path is one of {', '.join(CHROMA_PATHS)}, not {self.way!r}")
        if pixels.ndim == 2:
            return pixels
        height, width = (n // 2 * 2 for n in pixels.shape[:2])
        pixels = np.ascontiguousarray(pixels[:height, :width])
        whole = bpg_colour.to_planes(pixels, self.matrix, 8, self.limited)
        rows, columns = {"4:4:4": (1, 1), "4:2:2": (1, 2), "4:2:0": (2, 2)}[self.subsampling]
        chroma = [self._decimated(plane, rows, columns) for plane in whole[1:]]
        samples = tuple(np.ascontiguousarray(plane, np.uint8) for plane in (whole[0], *chroma))
        held = planes.CodedPlanes(samples, self.subsampling, self.matrix, 8, self.limited)
        if self.way == "planes-drawn":
            return conversions.to_picture(held, conversions.draw(np.random.default_rng(self.seed)))
        if self.way == "planes-libheif":
            return conversions.as_libheif(held)
        kind, _, method = self.way.partition("-")
        return planes.to_picture(held, method) if kind == "planes" else swscale.to_picture(held, method)

    def _decimated(self, plane: np.ndarray, rows: int, columns: int) -> np.ndarray:
        whole = plane.astype(np.float64)
        for axis, step in ((0, rows), (1, columns)):
            if step == 1:
                continue
            across = np.moveaxis(whole, axis, 0)
            if self.decimation == "mean":
                across = (across[0::2] + across[1::2]) / 2
            elif self.decimation == "cosited":
                padded = np.pad(across, ((1, 1), (0, 0)), mode="edge")
                across = (padded[0:-2:2] + 2 * padded[1:-1:2] + padded[2::2]) / 4
            else:
                across = across[0::2]
            whole = np.moveaxis(across, 0, axis)
        return np.clip(np.floor(whole + 0.5), 0, 255)


@dataclass(frozen=True)
class Halftone:
    """An ordered dither to `levels` levels by a clustered or a dispersed screen of `cell` pixels, as scans of print
    show it.
    """

    kind: ClassVar[str] = "halftone"
    cell: int
    levels: int
    softened: float = 0.0

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The screened picture, softened by a Gaussian of `softened` pixels where that is above 0."""
        place = np.arange(self.cell) - (self.cell - 1) / 2
        order = np.argsort(np.argsort((place[:, None] ** 2 + place[None] ** 2 + 0.01 * place[None]).reshape(-1)))
        screen = (order.reshape(self.cell, self.cell) + 0.5) / self.cell**2
        height, width = pixels.shape[:2]
        tiled = np.tile(screen, (height // self.cell + 1, width // self.cell + 1))[:height, :width]
        tiled = tiled if pixels.ndim == 2 else tiled[:, :, None]
        scaled = pixels / 255 * (self.levels - 1)
        made = np.floor(scaled + tiled) / (self.levels - 1) * 255
        if self.softened > 0:
            made = ndimage.gaussian_filter(made, (self.softened, self.softened) + (0.0,) * (pixels.ndim - 2))
        return to_levels(made)
