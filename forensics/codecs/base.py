"""What every codec offers: encode, decode, its own strength parameter and switches, and whether it runs here.

Pixels are `np.ndarray [shape=(height, width, 3) or (height, width), dtype=uint8]`, RGB or grey, C order.
A codec takes keyword parameters only; what it does not know is a `UsageError`, what it cannot do here a
`CodecUnavailable`. Encoders are deterministic: the same pixels and parameters give the same bytes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from forensics.errors import UsageError

Value = str | int | float | bool


@dataclass(frozen=True)
class Strength:
    """The parameter that sets how strongly a codec compresses, and the range in which it is lossy.

    `finest` and `coarsest` are the ends for the least and the most compression, so `finest` may be the larger number.
    """

    parameter: str
    finest: float
    coarsest: float
    default: float
    integer: bool = False
    logarithmic: bool = False

    def at(self, position: float) -> Value:
        """The parameter's value at `position` in [0, 1], 0 the finest and 1 the coarsest."""
        if self.logarithmic:
            value = self.finest * (self.coarsest / self.finest) ** position
        else:
            value = self.finest + (self.coarsest - self.finest) * position
        return round(value) if self.integer else float(value)


@dataclass(frozen=True)
class Switch:
    """One of a codec's own switches: its default, the values worth using, and what it does.

    `values` lists every legal value for an enumerated switch; for an open one (`open=True`) it lists typical values.
    """

    default: Value
    values: tuple[Value, ...]
    help: str
    open: bool = False


RANGE = Switch("full", ("full", "limited"), "range of the stored YCbCr samples")
MATRIX = Switch(6, (6, 1, 9), "matrix coefficients of H.273: 6 BT.601, 1 BT.709, 9 BT.2020")
"""Switches that AVIF and HEIC have in common, whoever encodes them."""


@dataclass(frozen=True)
class Availability:
    """Whether a codec can encode and decode on this machine; `reason` is empty when both work."""

    encode: bool
    decode: bool
    reason: str = ""


class Codec(ABC):
    """One encoder with the decoder that reads its files."""

    name: ClassVar[str]
    """Registry name, for instance `jpeg` or `jpegxr-jxrlib`."""
    codec: ClassVar[str]
    """The class of `forensics_models.classes.CLASSES` that its pictures belong to."""
    suffix: ClassVar[str]
    """File suffix with the dot."""
    strength: ClassVar[Strength]
    switches: ClassVar[Mapping[str, Switch]] = {}

    @abstractmethod
    def availability(self) -> Availability:
        """Whether this codec runs here, and if not, why."""

    @abstractmethod
    def version(self) -> str:
        """Library or command and its version, for instance `OpenJPEG 2.5.3 (Pillow 13.0.0)`."""

    @abstractmethod
    def _encode(self, pixels: np.ndarray, parameters: Mapping[str, Value]) -> bytes:
        """Encode checked pixels with complete, checked parameters."""

    @abstractmethod
    def decode(self, data: bytes) -> np.ndarray:
        """Decode a file of this codec to uint8 RGB or grey pixels; raises `CodecError` on damaged data."""

    def segments(self, parameters: Mapping[str, Value]) -> tuple[Strength, ...]:
        """The stretches of the strength parameter on which file size falls steadily, finest first."""
        return (self.strength,)

    def complete(self, parameters: Mapping[str, Value]) -> dict[str, Value]:
        """`parameters` with every default filled in; raises `UsageError` on an unknown name or value."""
        known = {self.strength.parameter, *self.switches}
        for name, value in parameters.items():
            if name not in known:
                raise UsageError(f"{self.name} has no parameter {name!r}; it has {', '.join(sorted(known))}")
            switch = self.switches.get(name)
            if switch is not None and not switch.open and value not in switch.values:
                allowed = ", ".join(str(v) for v in switch.values)
                raise UsageError(f"{self.name}: {name} is one of {allowed}, not {value!r}")
        defaults = {name: switch.default for name, switch in self.switches.items()}
        strength = self.strength
        default = round(strength.default) if strength.integer else float(strength.default)
        return {strength.parameter: default, **defaults, **parameters}

    def encode(self, pixels: np.ndarray, **parameters: Value) -> bytes:
        """Encode uint8 RGB or grey pixels; parameters are the strength parameter and any switches."""
        return self._encode(check_pixels(pixels), self.complete(parameters))


def check_pixels(pixels: np.ndarray) -> np.ndarray:
    """Pixels as C-ordered uint8 of shape (height, width, 3) or (height, width); raises `UsageError` otherwise."""
    array = np.asarray(pixels)
    if array.dtype != np.uint8:
        raise UsageError(f"codecs take uint8 pixels, not {array.dtype}")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim != 2 and not (array.ndim == 3 and array.shape[2] == 3):
        raise UsageError(f"codecs take pixels of shape (height, width[, 3]), not {array.shape}")
    if 0 in array.shape:
        raise UsageError("codecs take pictures of at least one pixel, not an empty one")
    return np.ascontiguousarray(array)
