"""Preparation steps: what happens to a source before it is compressed, and to a decoded picture after.

Every step is a small frozen dataclass that holds all it needs, drawn numbers included, so a list of steps written to
JSON and read back gives the same pixels. Pixels are `np.ndarray [shape=(height, width, 3) or (height, width),
dtype=uint8]`, RGB or grey, in and out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from forensics_features.standards import LUMA_WEIGHTS
from PIL import Image

from forensics.codecs.base import Value, check_pixels
from forensics.dataset import afterwards
from forensics.dataset.camera import Camera
from forensics.errors import CodecError, UsageError

INTERPOLATIONS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "area": Image.Resampling.BOX,
}
"""Interpolations of `Resize`; all but `nearest` widen their kernel when they shrink a picture."""

COLOUR_SPACES = ("ycbcr", "ycbcr-limited", "hsv", "lab")
"""Colour spaces that `ColourSpace` goes through and back, each stored in 8 bits."""

TURNS = ("mirror", "flip", "rotate90", "rotate180", "rotate270", "transpose")
"""Values of `Turn`: left-right, upside down, counter-clockwise rotations, and exchange of rows and columns."""


class Step(Protocol):
    """One recorded operation on a picture."""

    kind: ClassVar[str]

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The picture after this step, uint8."""
        ...


@dataclass(frozen=True)
class Crop:
    """The rectangle of `height` x `width` whose upper left corner is at row `top`, column `left`."""

    kind: ClassVar[str] = "crop"
    top: int
    left: int
    height: int
    width: int

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The rectangle; raises `UsageError` where it leaves the picture."""
        bottom, right = self.top + self.height, self.left + self.width
        if min(self.top, self.left) < 0 or bottom > pixels.shape[0] or right > pixels.shape[1]:
            raise UsageError(f"{self} leaves a picture of {pixels.shape[1]}x{pixels.shape[0]}")
        return np.ascontiguousarray(pixels[self.top : bottom, self.left : right])


@dataclass(frozen=True)
class Trim:
    """What is left without the upper `top` rows and the left `left` columns: blocks of a codec get another phase."""

    kind: ClassVar[str] = "trim"
    top: int
    left: int

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The rest; raises `UsageError` where nothing would be left."""
        if not (0 <= self.top < pixels.shape[0] and 0 <= self.left < pixels.shape[1]):
            raise UsageError(f"{self} leaves nothing of a picture of {pixels.shape[1]}x{pixels.shape[0]}")
        return np.ascontiguousarray(pixels[self.top :, self.left :])


@dataclass(frozen=True)
class Resize:
    """Resize to `height` x `width` by one of `INTERPOLATIONS`.

    With `antialias=False` bilinear and bicubic sample at points even when the picture shrinks, as graphics hardware and
    many libraries do; the others have no such form.
    """

    kind: ClassVar[str] = "resize"
    height: int
    width: int
    interpolation: str = "bicubic"
    antialias: bool = True

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The resized picture."""
        if self.interpolation not in INTERPOLATIONS:
            raise UsageError(f"interpolation is one of {', '.join(INTERPOLATIONS)}, not {self.interpolation!r}")
        picture = Image.fromarray(pixels)
        size, resample = (self.width, self.height), INTERPOLATIONS[self.interpolation]
        if self.antialias or self.interpolation not in ("bilinear", "bicubic"):
            return np.asarray(picture.resize(size, resample))
        scale_x, scale_y = pixels.shape[1] / self.width, pixels.shape[0] / self.height
        # Affine resampling leaves black where its kernel passes the border, so the picture gets a mirrored one.
        margin = 4
        padding = ((margin, margin), (margin, margin)) + ((0, 0),) * (pixels.ndim - 2)
        padded = Image.fromarray(np.pad(pixels, padding, mode="symmetric"))
        matrix = (scale_x, 0.0, float(margin), 0.0, scale_y, float(margin))
        transformed = padded.transform(size, Image.Transform.AFFINE, matrix, resample=Image.Resampling(int(resample)))
        return np.asarray(transformed)


@dataclass(frozen=True)
class ColourSpace:
    """Through one of `COLOUR_SPACES`, rounded to 8 bits there, and back; grey pictures pass unchanged."""

    kind: ClassVar[str] = "colour-space"
    space: str

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The picture after the round trip."""
        if self.space not in COLOUR_SPACES:
            raise UsageError(f"colour space is one of {', '.join(COLOUR_SPACES)}, not {self.space!r}")
        if pixels.ndim == 2:
            return pixels
        if self.space == "hsv":
            return np.asarray(Image.fromarray(pixels).convert("HSV").convert("RGB"))
        return _through_lab(pixels) if self.space == "lab" else _through_ycbcr(pixels, self.space == "ycbcr-limited")


@dataclass(frozen=True)
class SubsampledChroma:
    """Chroma once halved along the axes where its factor is 2 and interpolated back, as PhotoCD scans, video frames and
    many cameras have it.

    `cosited` chroma lies on every other pixel, is low-passed by (1, 2, 1)/4 and comes back by linear or cubic
    interpolation; otherwise it lies between pixels, is the mean of two, and comes back by one of `INTERPOLATIONS`.
    `rounded` keeps luma and chroma as 8-bit values on the way. No lossy codec is involved. Grey pictures pass
    unchanged.
    """

    kind: ClassVar[str] = "subsampled-chroma"
    horizontal: int = 2
    vertical: int = 2
    interpolation: str = "bilinear"
    cosited: bool = False
    rounded: bool = False

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The picture with the softer chroma."""
        if self.interpolation not in INTERPOLATIONS:
            raise UsageError(f"interpolation is one of {', '.join(INTERPOLATIONS)}, not {self.interpolation!r}")
        if {self.horizontal, self.vertical} - {1, 2}:
            raise UsageError(f"chroma factors are 1 or 2, not {self.horizontal} and {self.vertical}")
        if pixels.ndim == 2:
            return pixels
        planes: list[np.ndarray] = [np.ascontiguousarray(plane) for plane in np.moveaxis(pixels @ _YCBCR.T, -1, 0)]
        for index in (1, 2):
            if self.horizontal == 2:
                planes[index] = self._soften(planes[index])
            if self.vertical == 2:
                planes[index] = self._soften(planes[index].T).T
        stored = np.stack(planes, axis=-1)
        if self.rounded:
            stored = np.rint(stored)
        return np.clip(np.rint(stored @ np.linalg.inv(_YCBCR).T), 0, 255).astype(np.uint8)

    def _soften(self, plane: np.ndarray) -> np.ndarray:
        """Halve a plane's rows in length and bring them back."""
        width = plane.shape[1]
        padded = np.pad(plane, ((0, 0), (2, 3)), mode="symmetric")
        if not self.cosited:
            half = 0.5 * (plane[:, 0 : width - width % 2 : 2] + plane[:, 1::2]) if width > 1 else plane
            picture = Image.fromarray(half.astype(np.float32))
            larger = picture.resize((2 * half.shape[1], len(plane)), INTERPOLATIONS[self.interpolation])
            return np.pad(np.asarray(larger, np.float64), ((0, 0), (0, 1)), mode="edge")[:, :width]
        low = 0.25 * (padded[:, 1:-1] + padded[:, 1:-1]) + 0.25 * (padded[:, :-2] + padded[:, 2:])
        kept = np.pad(low[:, 1 : width + 1 : 2], ((0, 0), (1, 2)), mode="edge")
        back = np.empty((len(plane), 2 * (kept.shape[1] - 3)))
        back[:, 0::2] = kept[:, 1:-2]
        if self.interpolation == "bilinear":
            back[:, 1::2] = 0.5 * (kept[:, 1:-2] + kept[:, 2:-1])
        elif self.interpolation == "nearest":
            back[:, 1::2] = kept[:, 1:-2]
        else:
            back[:, 1::2] = (9 * (kept[:, 1:-2] + kept[:, 2:-1]) - kept[:, :-3] - kept[:, 3:]) / 16
        return back[:, :width]


@dataclass(frozen=True)
class Grey:
    """BT.601 luma, as one channel or as three equal ones."""

    kind: ClassVar[str] = "grey"
    channels: int = 1

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The grey picture, shape (height, width) or (height, width, 3)."""
        grey = pixels if pixels.ndim == 2 else np.asarray(Image.fromarray(pixels).convert("L"))
        return grey if self.channels == 1 else np.repeat(grey[:, :, None], 3, axis=2)


@dataclass(frozen=True)
class Palette:
    """At most `colours` colours (2 to 256) chosen by median cut, with or without Floyd-Steinberg dithering."""

    kind: ClassVar[str] = "palette"
    colours: int
    dither: bool = False

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The picture in its palette's colours."""
        if not 2 <= self.colours <= 256:
            raise UsageError(f"a palette has 2 to 256 colours, not {self.colours}")
        colour = Grey(channels=3).apply(pixels) if pixels.ndim == 2 else pixels
        picture = Image.fromarray(colour)
        indexed = picture.quantize(self.colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        if self.dither:
            indexed = picture.quantize(palette=indexed, dither=Image.Dither.FLOYDSTEINBERG)
        result = np.asarray(indexed.convert("RGB"))
        return result[:, :, 0].copy() if pixels.ndim == 2 else result


@dataclass(frozen=True)
class Turn:
    """A flip or a rotation by a multiple of 90 degrees: one of `TURNS`."""

    kind: ClassVar[str] = "turn"
    how: str

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The turned picture."""
        if self.how not in TURNS:
            raise UsageError(f"turn is one of {', '.join(TURNS)}, not {self.how!r}")
        if self.how == "mirror":
            turned = pixels[:, ::-1]
        elif self.how == "flip":
            turned = pixels[::-1]
        elif self.how == "transpose":
            turned = pixels.swapaxes(0, 1)
        else:
            turned = np.rot90(pixels, int(self.how.removeprefix("rotate")) // 90)
        return np.ascontiguousarray(turned)


@dataclass(frozen=True)
class Requantise:
    """8-bit rounding twice: scaled by `gain` (0 to 1), rounded to whole levels, scaled back and rounded again."""

    kind: ClassVar[str] = "requantise"
    gain: float

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The picture after both roundings."""
        if not 0 < self.gain <= 1:
            raise UsageError(f"the gain of a requantisation lies in (0, 1], not {self.gain}")
        levels = np.rint(np.arange(256) * self.gain)
        return np.clip(np.rint(levels / self.gain), 0, 255).astype(np.uint8)[pixels]


@dataclass(frozen=True)
class Coded:
    """Through a lossy codec and back: encoded by the registry's `encoder` with `parameters`, decoded by its usual
    decoder.

    `fine_class` says what that made of the picture, as in `forensics_models.classes.FINE_CLASSES`.
    """

    kind: ClassVar[str] = "coded"
    fine_class: str
    encoder: str
    parameters: Mapping[str, Value]

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """The decoded picture; raises `CodecError` where the codec does not run or does not take the picture."""
        from forensics.dataset.encoders import encoder

        codec = encoder(self.encoder)
        decoded = codec.decode(codec.encode(pixels, **self.parameters))
        if decoded.shape[:2] != pixels.shape[:2]:
            raise CodecError(f"{self.encoder} gave a picture of {decoded.shape[1]}x{decoded.shape[0]} pixels")
        return Grey().apply(decoded) if decoded.ndim > pixels.ndim else decoded


STEPS: dict[str, type] = {
    step.kind: step
    for step in (
        Crop,
        Trim,
        Resize,
        ColourSpace,
        SubsampledChroma,
        Grey,
        Palette,
        Turn,
        Requantise,
        Camera,
        Coded,
        *afterwards.STEPS,
    )
}
"""Every kind of step by the name it has in JSON."""


def apply(steps: Iterable[Step], pixels: np.ndarray) -> np.ndarray:
    """The picture after all steps, in order; C-ordered uint8."""
    result = check_pixels(pixels)
    for step in steps:
        result = step.apply(result)
    return check_pixels(result)


def to_json(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """Steps as JSON-ready dictionaries: the kind under `step`, then the step's own fields."""
    return [{"step": step.kind, **asdict(step)} for step in steps]  # type: ignore[call-overload]


def from_json(records: Iterable[Mapping[str, Any]]) -> list[Step]:
    """The steps that `to_json` wrote; raises `UsageError` on a kind or field that does not exist."""
    steps: list[Step] = []
    for record in records:
        fields = dict(record)
        kind = fields.pop("step", None)
        if kind not in STEPS:
            raise UsageError(f"a preparation step is one of {', '.join(STEPS)}, not {kind!r}")
        try:
            steps.append(STEPS[kind](**fields))
        except TypeError as error:
            raise UsageError(f"step {kind!r} does not take these fields: {error}") from None
    return steps


_LUMA = np.array(LUMA_WEIGHTS["bt601"])
_YCBCR = np.stack([_LUMA, (np.eye(3)[2] - _LUMA) / 1.772, (np.eye(3)[0] - _LUMA) / 1.402])
"""ITU-T T.871 clause 7: BT.601 luma and colour differences, full range."""


def _through_ycbcr(pixels: np.ndarray, limited: bool) -> np.ndarray:
    """Round trip through 8-bit BT.601 YCbCr, full range (T.871) or limited (luma 16-235, chroma 16-240)."""
    scale = np.array([219.0, 224.0, 224.0]) / 255.0 if limited else np.ones(3)
    offset = np.array([16.0 if limited else 0.0, 128.0, 128.0])
    stored = np.clip(np.rint(pixels @ (_YCBCR.T * scale) + offset), 0, 255)
    back = ((stored - offset) / scale) @ np.linalg.inv(_YCBCR).T
    return np.clip(np.rint(back), 0, 255).astype(np.uint8)


_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
"""IEC 61966-2-1 (sRGB) primaries to CIE XYZ, D65."""


def _through_lab(pixels: np.ndarray) -> np.ndarray:
    """Round trip through CIE L*a*b* (D65) stored in 8 bits: L* scaled by 2.55, a* and b* offset by 128."""
    unit = pixels / 255.0
    linear = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
    white = _XYZ.sum(axis=1)
    ratio = linear @ (_XYZ / white[:, None]).T
    epsilon, kappa = (6 / 29) ** 3, (29 / 6) ** 2 / 3
    f = np.where(ratio > epsilon, np.cbrt(ratio), kappa * ratio + 4 / 29)
    lab = np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)
    scale, offset = np.array([2.55, 1.0, 1.0]), np.array([0.0, 128.0, 128.0])
    stored = (np.clip(np.rint(lab * scale + offset), 0, 255) - offset) / scale
    fy = (stored[..., 0] + 16) / 116
    f = np.stack([fy + stored[..., 1] / 500, fy, fy - stored[..., 2] / 200], axis=-1)
    ratio = np.where(f > 6 / 29, f**3, (f - 4 / 29) / kappa)
    linear = np.clip((ratio * white) @ np.linalg.inv(_XYZ).T, 0, 1)
    unit = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.clip(np.rint(unit * 255), 0, 255).astype(np.uint8)
