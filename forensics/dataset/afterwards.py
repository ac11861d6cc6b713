"""Steps after decoding, by the arithmetic of several programs: resampling, rotation, filters, noise, colour, palettes,
composition.

Each is a frozen dataclass as in `forensics.dataset.preparation`, which lists them among its `STEPS`; numbers that
depend on a seed are drawn from the seed the step holds. `forensics.dataset.random_afterwards` draws them. A program
that is missing here raises `CodecUnavailable`.

References
----------
.. [1] D. L. Donoho, I. M. Johnstone, "Adapting to unknown smoothness via wavelet shrinkage", JASA 1995,
       doi:10.1080/01621459.1995.10476626.
.. [2] SMPTE EG 432-1 (Display P3 primaries), IEC 61966-2-1 (sRGB transfer function).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from scipy import ndimage

from forensics.errors import CodecUnavailable, UsageError

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


def missing(program: str) -> str:
    """Why a program of `PROGRAMS` does not run here; empty where it does."""
    try:
        if program == "opencv":
            import cv2  # noqa: F401
        if program == "swscale":
            import av  # noqa: F401
    except ImportError as error:
        return f"{error.name} is not installed"
    return ""


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


def _cv2() -> Any:
    reason = missing("opencv")
    if reason:
        raise CodecUnavailable(f"opencv: {reason}")
    import cv2

    cv2.setNumThreads(1)
    return cv2


def _by_opencv(pixels: np.ndarray, size: tuple[int, ...], kernel: str) -> np.ndarray:
    cv2 = _cv2()
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
    return _whole(made)


def _by_linear_light(pixels: np.ndarray, size: tuple[int, ...], kernel: str) -> np.ndarray:
    linear = _to_linear(pixels.reshape(*pixels.shape[:2], -1)).astype(np.float32)
    made = [
        np.asarray(Image.fromarray(np.ascontiguousarray(linear[:, :, c])).resize((size[1], size[0]), PILLOW[kernel]))
        for c in range(linear.shape[2])
    ]
    return _whole(_from_linear(np.stack(made, axis=-1))).reshape(*size, *pixels.shape[2:])


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
            cv2 = _cv2()
            flag = cv2.INTER_LINEAR if self.kernel == "bilinear" else cv2.INTER_CUBIC
            grid = np.array([coefficients[:3], coefficients[3:]])
            turned = cv2.warpAffine(pixels, grid, (width, height), flags=flag | cv2.WARP_INVERSE_MAP)
        lost = abs(sine) + abs(self.shear)
        down, across = math.ceil(lost * width / 2) + 2, math.ceil(lost * height / 2) + 2
        if 2 * max(down / height, across / width) > 0.7:
            raise UsageError(f"nothing is left of {width}x{height} pixels turned by {self.degrees} degrees")
        return np.ascontiguousarray(turned[down : height - down, across : width - across])


FILTERS = (
    "gaussian",
    "box",
    "pillow-gaussian",
    "unsharp",
    "sharpen",
    "median",
    "pillow-median",
    "bilateral",
    "wavelet",
    "non-local",
)
"""Values of `Filter.how`."""


@dataclass(frozen=True)
class Filter:
    """A local filter of one of `FILTERS`; `amount` is a radius in pixels, a window's side for medians, or a noise
    level.

    `strength` is the gain of sharpening.
    """

    kind: ClassVar[str] = "filter"
    how: str
    amount: float
    strength: float = 0.8

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The filtered picture."""
        if self.how not in FILTERS:
            raise UsageError(f"a filter is one of {', '.join(FILTERS)}, not {self.how!r}")
        sigma = (self.amount, self.amount) + (0.0,) * (pixels.ndim - 2)
        if self.how == "gaussian":
            return _whole(ndimage.gaussian_filter(pixels.astype(np.float32), sigma))
        if self.how == "box":
            side = (round(self.amount),) * 2 + (1,) * (pixels.ndim - 2)
            return _whole(ndimage.uniform_filter(pixels.astype(np.float32), side))
        if self.how == "sharpen":
            whole = pixels.astype(np.float32)
            return _whole(whole + self.strength * (whole - ndimage.gaussian_filter(whole, sigma)))
        if self.how == "median":
            side = (round(self.amount),) * 2 + (1,) * (pixels.ndim - 2)
            return ndimage.median_filter(pixels, side)
        if self.how == "wavelet":
            return _shrunken(pixels, self.amount)
        if self.how in ("bilateral", "non-local"):
            return self._edge_preserving(pixels)
        made = {
            "pillow-gaussian": ImageFilter.GaussianBlur(self.amount),
            "unsharp": ImageFilter.UnsharpMask(self.amount, round(100 * self.strength), 0),
            "pillow-median": ImageFilter.MedianFilter(round(self.amount) | 1),
        }
        return np.asarray(Image.fromarray(pixels).filter(made[self.how]))

    def _edge_preserving(self, pixels: np.ndarray) -> np.ndarray:
        cv2 = _cv2()
        if self.how == "bilateral":
            return cv2.bilateralFilter(pixels, 5, 4 * self.amount, 2.0)
        if pixels.ndim == 2:
            return cv2.fastNlMeansDenoising(pixels, None, self.amount, 5, 11)
        return cv2.fastNlMeansDenoisingColored(pixels, None, self.amount, self.amount, 5, 11)


def _shrunken(pixels: np.ndarray, level: float) -> np.ndarray:
    """Soft thresholds on three levels of an undecimated Haar transform [1]: no codec's wavelet, and no quantisation."""
    whole = pixels.astype(np.float32)
    details, low = [], whole
    for scale in (1, 2, 4):
        taps = np.zeros(2 * scale + 1, np.float32)
        taps[0] = taps[-1] = 0.25
        taps[scale] = 0.5
        next_low = ndimage.convolve1d(ndimage.convolve1d(low, taps, axis=0, mode="mirror"), taps, axis=1, mode="mirror")
        details.append(low - next_low)
        low = next_low
    for number, detail in enumerate(details):
        threshold = level * (0.8, 0.3, 0.12)[number]
        low = low + np.sign(detail) * np.maximum(np.abs(detail) - threshold, 0)
    return _whole(low)


NOISES = ("gaussian", "poisson", "uniform", "salt", "grain")
"""Values of `Noise.how`; `grain` is blurred noise of luma, as film has it."""


@dataclass(frozen=True)
class Noise:
    """Added noise of one of `NOISES` with a standard deviation of `amount` levels (share of pixels in 10^-3 for
    `salt`).
    """

    kind: ClassVar[str] = "noise"
    how: str
    amount: float
    seed: int

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The noisy picture."""
        numbers, whole = np.random.default_rng(self.seed), pixels.astype(np.float32)
        if self.how == "gaussian":
            return _whole(whole + numbers.normal(0, self.amount, pixels.shape))
        if self.how == "poisson":
            gain = (self.amount / 8) ** 2 * 2 + 1e-3
            return _whole(numbers.poisson(whole / gain) * gain)
        if self.how == "uniform":
            return _whole(whole + numbers.uniform(-1.7, 1.7, pixels.shape) * self.amount)
        if self.how == "salt":
            changed, made = numbers.random(pixels.shape[:2]) < self.amount / 1000, pixels.copy()
            made[changed] = numbers.choice(np.array([0, 255], np.uint8), int(changed.sum())).reshape(
                -1, *(1,) * (pixels.ndim - 2)
            )
            return made
        if self.how == "grain":
            field = ndimage.gaussian_filter(numbers.normal(0, 1, pixels.shape[:2]), 0.8)
            field *= self.amount / max(float(field.std()), 1e-9)
            return _whole(whole + (field if pixels.ndim == 2 else field[:, :, None]))
        raise UsageError(f"noise is one of {', '.join(NOISES)}, not {self.how!r}")


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
            return _whole(table)[pixels]
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
            return _from_linear(np.minimum(_to_linear(np.arange(256, dtype=np.uint8)) * self.amount, 1.0))
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
            return _whole(luma[:, :, None] + self.amount * (whole - luma[:, :, None]))
        if self.how == "hue":
            hsv = np.array(Image.fromarray(pixels).convert("HSV"))
            hsv[:, :, 0] += np.uint8(int(self.amount * 40) % 256)
            return _from_hsv(hsv)
        if self.how == "gains":
            return _whole(whole * (1 + self.amount * numbers.uniform(-0.15, 0.15, 3)))
        if self.how == "matrix":
            matrix = np.eye(3) + self.amount * numbers.uniform(-0.15, 0.15, (3, 3))
            return _whole(whole @ (matrix / matrix.sum(axis=1, keepdims=True)).T)
        linear = _to_linear(pixels) @ (_P3_TO_SRGB if self.how == "p3-to-srgb" else np.linalg.inv(_P3_TO_SRGB)).T
        return _whole(_from_linear(np.clip(linear, 0, 1)))


def _from_hsv(hsv: np.ndarray) -> np.ndarray:
    picture = Image.frombytes("HSV", (hsv.shape[1], hsv.shape[0]), np.ascontiguousarray(hsv).tobytes())
    return np.asarray(picture.convert("RGB"))


def _equalised(plane: np.ndarray, amount: float) -> np.ndarray:
    """Histogram equalisation, mixed with the identity by `amount` in 0..1."""
    counts = np.bincount(plane.reshape(-1), minlength=256)
    cumulative = np.cumsum(counts)
    table = 255.0 * (cumulative - counts[plane.min()]) / max(int(cumulative[-1] - counts[plane.min()]), 1)
    return _whole(amount * table + (1 - amount) * np.arange(256))[plane]


GREYS = {
    "bt601": (0.299, 0.587, 0.114),
    "bt709": (0.2126, 0.7152, 0.0722),
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


COMPOSITIONS = ("border", "text", "interface", "alpha", "watermark", "corners")
"""Values of `Compose.how`."""


@dataclass(frozen=True)
class Compose:
    """Something put on or around the picture, of one of `COMPOSITIONS`; what and where comes from the seed."""

    kind: ClassVar[str] = "compose"
    how: str
    seed: int

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The composed picture, of the same size."""
        if self.how not in COMPOSITIONS:
            raise UsageError(f"a composition is one of {', '.join(COMPOSITIONS)}, not {self.how!r}")
        numbers = np.random.default_rng(self.seed)
        height, width = pixels.shape[:2]
        picture = Image.fromarray(pixels)
        ink: Any = tuple(int(v) for v in numbers.integers(0, 256, 3))
        fill: Any = ink if pixels.ndim == 3 else ink[0]
        if self.how in ("alpha", "watermark"):
            over = Image.new(picture.mode, picture.size, fill)
            mask = Image.new("L", picture.size, 0)
            draw = ImageDraw.Draw(mask)
            opacity = int(numbers.integers(40, 200))
            if self.how == "alpha":
                left, top = int(numbers.integers(0, width // 2)), int(numbers.integers(0, height // 2))
                draw.rectangle((left, top, left + width // 2, top + height // 2), fill=opacity)
            else:
                for row in range(0, height, 60):
                    draw.text((row % 120, row), "sample preview " * 4, fill=opacity, font=ImageFont.load_default(22))
            return np.asarray(Image.composite(over, picture, mask))
        draw = ImageDraw.Draw(picture)
        if self.how == "border":
            edge = int(numbers.integers(4, 24))
            draw.rectangle((0, 0, width - 1, height - 1), outline=fill, width=edge)
        elif self.how == "text":
            for _ in range(int(numbers.integers(1, 6))):
                place = int(numbers.integers(0, width * 3 // 4)), int(numbers.integers(0, height * 7 // 8))
                draw.text(
                    place, "The quick brown fox", fill=fill, font=ImageFont.load_default(int(numbers.integers(10, 34)))
                )
        elif self.how == "interface":
            tall = int(numbers.integers(16, 40))
            draw.rectangle((0, 0, width, tall), fill=fill)
            draw.text(
                (6, 2),
                "File   Edit   View",
                fill=255 if pixels.ndim == 2 else (255, 255, 255),
                font=ImageFont.load_default(13),
            )
            draw.rectangle((width - 14, tall, width, height), fill=fill)
        else:
            radius = int(numbers.integers(8, 40))
            mask = Image.new("L", picture.size, 0)
            ImageDraw.Draw(mask).rounded_rectangle((0, 0, width - 1, height - 1), radius, fill=255)
            return np.asarray(Image.composite(picture, Image.new(picture.mode, picture.size, fill), mask))
        return np.asarray(picture)


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
        held = planes.Planes(samples, self.subsampling, self.matrix, 8, self.limited)
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
        return _whole(made)


STEPS = (Resample, Repeat, Rotate, Filter, Noise, Recolour, GreyBy, PaletteBy, Compose, ChromaPath, Halftone)
"""All steps of this module, which `preparation.STEPS` lists with its own."""

_LUMA = np.array([0.299, 0.587, 0.114])
_P3_TO_SRGB = np.array(
    [[1.2249401, -0.2249402, 0.0], [-0.0420569, 1.0420571, 0.0], [-0.0196376, -0.0786361, 1.0982735]]
)
"""Linear Display P3 to linear sRGB, both D65 [2]."""


def _to_linear(pixels: np.ndarray) -> np.ndarray:
    unit = pixels / 255.0
    return np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)


def _from_linear(linear: np.ndarray) -> np.ndarray:
    linear = np.clip(linear, 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def _whole(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
