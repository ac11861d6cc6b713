"""Reach a compression ratio, an SSIM or a file size with a codec's own strength parameter, in few encodes.

Each segment of the strength parameter (`Codec.segments`) is searched on a scale where the curve is nearly straight: the
logarithm of the ratio, or that of 1 - SSIM, over the position in the segment. The first guess is a line that suits
common pictures, the second goes along its slope, further ones along the curve through the points seen, always inside the
bracket those points leave; a bracket that shrinks badly is halved. An encoder that is not quite monotone cannot make
this loop, for every encode shrinks the bracket, and what is returned is the closest of all files made.

Where the parameter is an integer, or the encoder has steps of its own, the nearest file there is counts as reached.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from forensics import quality
from forensics.codecs.base import Codec, Strength, Value, check_pixels
from forensics.errors import UnreachableTarget, UsageError

_RESOLUTION = 1e-3
"""Width of a bracket, as a share of its segment, at which a step is the encoder's own and there is nothing to halve."""

_DISSIMILARITY_FLOOR = 1e-6
"""Least 1 - SSIM that is told apart, so that a lossless file has a logarithm."""


@dataclass(eq=False)
class Reached:
    """A file made for a target, and what it turned out to be.

    Attributes
    ----------
    codec : Codec
    source : np.ndarray [shape=(height, width, 3) or (height, width), dtype=uint8]
        The pixels that were encoded.
    data : bytes
        The file.
    parameters : dict
        Complete parameters; `codec.encode(source, **parameters)` gives `data` again.
    kind : str
        `ratio`, `ssim` or `max_bytes`.
    target : float
        What was asked for.
    encodes : int
        How many files were made to get here, this one included.
    """

    codec: Codec
    source: np.ndarray = field(repr=False)
    data: bytes = field(repr=False)
    parameters: dict[str, Value]
    kind: str
    target: float
    encodes: int = 1

    @property
    def ratio(self) -> float:
        """Raw bytes of the source over bytes of the file."""
        return quality.compression_ratio(self.source, len(self.data))

    @property
    def bits_per_pixel(self) -> float:
        """Bits of the file for each pixel."""
        return quality.bits_per_pixel(self.source, len(self.data))

    @cached_property
    def pixels(self) -> np.ndarray:
        """The decoded file, decoded when first asked for."""
        return self.codec.decode(self.data)

    @cached_property
    def ssim(self) -> float:
        """SSIM against the source, NaN where the picture is too small to have one."""
        if min(self.source.shape[:2]) < quality.SSIM_MINIMUM_SIDE:
            return math.nan
        return quality.ssim(self.source, self.pixels)

    @cached_property
    def psnr(self) -> float:
        """PSNR against the source in decibels, over all channels."""
        return quality.psnr(self.source, self.pixels)


def to_ratio(
    codec: Codec,
    pixels: np.ndarray,
    ratio: float,
    *,
    tolerance: float = 0.02,
    max_encodes: int = 12,
    parameters: Mapping[str, Value] | None = None,
    strict: bool = True,
) -> Reached:
    """Compress to a ratio: raw bytes (height x width x channels) over file bytes.

    Parameters
    ----------
    codec : Codec
    pixels : np.ndarray [shape=(height, width, 3) or (height, width), dtype=uint8]
    ratio : float
        Above 0.
    tolerance : float
        Relative error of the ratio at which the search ends.
    max_encodes : int
        Files made at most, 1 or more; up to two further ones may be made to state the reachable range in an error.
    parameters : mapping, optional
        The codec's switches. The strength parameter is this function's to set.
    strict : bool
        True: a target missed because `max_encodes` ran out, or because it lies in the jump between two segments, is an
        error. False: the closest file is returned, and only a target outside the codec's range is an error.

    Raises
    ------
    UnreachableTarget
        The message gives the ratios this codec reaches on this picture.
    UsageError
        The target or a parameter makes no sense.
    """
    if not (math.isfinite(ratio) and ratio > 0):
        raise UsageError(f"a compression ratio is a positive number, not {ratio}")
    return _Search(codec, pixels, _Ratio(ratio, tolerance, strict), max_encodes, parameters).run()


def to_ssim(
    codec: Codec,
    pixels: np.ndarray,
    target: float,
    *,
    tolerance: float = 0.003,
    max_encodes: int = 12,
    parameters: Mapping[str, Value] | None = None,
    strict: bool = True,
) -> Reached:
    """Compress to an SSIM against the source, as `forensics.quality.ssim` defines it.

    `target` is between 0 and 1, `tolerance` is the absolute error at which the search ends; everything else is as in
    `to_ratio`. Pictures under 11 pixels a side have no SSIM and are a `UsageError`.
    """
    if not 0 < target < 1:
        raise UsageError(f"an SSIM to aim at lies between 0 and 1, not at {target}")
    if min(check_pixels(pixels).shape[:2]) < quality.SSIM_MINIMUM_SIDE:
        raise UsageError(f"an SSIM needs a picture of {quality.SSIM_MINIMUM_SIDE} pixels a side")
    return _Search(codec, pixels, _Ssim(target, tolerance, strict), max_encodes, parameters).run()


def to_max_bytes(
    codec: Codec,
    pixels: np.ndarray,
    limit: int,
    *,
    tolerance: float = 0.01,
    max_encodes: int = 12,
    parameters: Mapping[str, Value] | None = None,
) -> Reached:
    """Compress to the largest file that is not above `limit` bytes, which is the finest strength that fits.

    With a real-valued strength parameter the search ends at a file within `tolerance` below the limit; an integer one is
    searched to the finest value that fits. Where all files fit, the finest strength is the answer.

    Raises
    ------
    UnreachableTarget
        Even the strongest compression is above the limit; the message gives the sizes that can be reached.
    UsageError
        The limit or a parameter makes no sense.
    """
    if limit < 1:
        raise UsageError(f"a file has at least 1 byte, not {limit}")
    return _Search(codec, pixels, _MaxBytes(limit, tolerance), max_encodes, parameters).run()


class _Goal(ABC):
    """What is aimed at: a value that rises with strength, and what is good enough."""

    kind: str
    unit: str
    prior: tuple[float, float]
    """Value at the finest and the coarsest strength of a common codec on a common picture."""

    def __init__(self, target: float, tolerance: float, strict: bool = True) -> None:
        if not tolerance >= 0:
            raise UsageError(f"a tolerance is 0 or more, not {tolerance}")
        self.target = target
        self.tolerance = tolerance
        self.strict = strict

    @abstractmethod
    def value(self, trial: Reached) -> float:
        """The trial on the scale of the search."""

    @abstractmethod
    def aim(self, source: np.ndarray, integer: bool) -> float:
        """The target on the scale of the search."""

    @abstractmethod
    def miss(self, trial: Reached) -> float:
        """How far the trial is from the target; the least is the best."""

    def accepts(self, trial: Reached, integer: bool) -> bool:
        """Whether the search may end with this trial."""
        return self.miss(trial) <= self.tolerance

    def suffices(self, trial: Reached) -> bool:
        """Whether the trial may be returned though the search was cut short."""
        return not self.strict

    def past_finest(self, trial: Reached) -> bool:
        """Whether the trial will do when even the finest strength compresses more than was asked for."""
        return False

    @abstractmethod
    def show(self, trial: Reached) -> str:
        """The trial in the unit of the target, for messages."""

    def guess(self, segments: tuple[Strength, ...], aim: float) -> tuple[int, float]:
        """Segment and position of the first trial."""
        finest, coarsest = self.prior
        place = min(max((aim - finest) / (coarsest - finest), 0.0), 1.0) * len(segments)
        segment = min(int(place), len(segments) - 1)
        return segment, place - segment


class _Ratio(_Goal):
    kind = "ratio"
    unit = "ratios"
    prior = (math.log(3), math.log(300))

    def value(self, trial: Reached) -> float:
        return math.log(trial.ratio)

    def aim(self, source: np.ndarray, integer: bool) -> float:
        return math.log(self.target)

    def miss(self, trial: Reached) -> float:
        return abs(trial.ratio / self.target - 1)

    def show(self, trial: Reached) -> str:
        return f"{trial.ratio:.4g}"

    def guess(self, segments: tuple[Strength, ...], aim: float) -> tuple[int, float]:
        if segments[0].parameter == "ratio":
            return 0, _position(segments[0], math.exp(aim))
        return super().guess(segments, aim)


class _MaxBytes(_Ratio):
    kind = "max_bytes"
    unit = "file sizes"

    def aim(self, source: np.ndarray, integer: bool) -> float:
        middle = 0.0 if integer else 0.5 * math.log1p(self.tolerance)
        return math.log(quality.raw_bytes(source) / self.target) + middle

    def miss(self, trial: Reached) -> float:
        excess = len(trial.data) / self.target - 1
        return -excess if excess <= 0 else math.inf

    def accepts(self, trial: Reached, integer: bool) -> bool:
        return self.miss(trial) <= (0.0 if integer else self.tolerance)

    def suffices(self, trial: Reached) -> bool:
        return len(trial.data) <= self.target

    def past_finest(self, trial: Reached) -> bool:
        return True

    def show(self, trial: Reached) -> str:
        return f"{len(trial.data)}"


class _Ssim(_Goal):
    kind = "ssim"
    unit = "SSIMs"
    prior = (math.log(0.002), math.log(0.5))

    def value(self, trial: Reached) -> float:
        return math.log(max(1 - trial.ssim, _DISSIMILARITY_FLOOR))

    def aim(self, source: np.ndarray, integer: bool) -> float:
        return math.log(max(1 - self.target, _DISSIMILARITY_FLOOR))

    def miss(self, trial: Reached) -> float:
        return abs(trial.ssim - self.target)

    def show(self, trial: Reached) -> str:
        return f"{trial.ssim:.4f}"


def _position(strength: Strength, value: float) -> float:
    """Where in [0, 1] a value of the parameter lies; the inverse of `Strength.at`, clipped."""
    if strength.logarithmic:
        place = math.log(value / strength.finest) / math.log(strength.coarsest / strength.finest)
    else:
        place = (value - strength.finest) / (strength.coarsest - strength.finest)
    return min(max(place, 0.0), 1.0)


@dataclass
class _Point:
    position: float
    value: float
    """On the goal's scale."""
    setting: Value
    """The strength parameter."""


class _Bracket:
    """The trials of one segment, and where the next one should be."""

    def __init__(self, strength: Strength, aim: float, slope: float, start: float) -> None:
        self.strength = strength
        self.aim = aim
        self.slope = slope
        self.start = start
        self.points: list[_Point] = []
        self.finer: _Point | None = None
        self.coarser: _Point | None = None
        self.reluctant = 0
        """How many times in a row the bracket failed to shrink to half."""

    def add(self, point: _Point) -> None:
        width = self._width()
        self.points.append(point)
        if point.value < self.aim:
            self.finer = point
        else:
            self.coarser = point
        bad = self.finer is not None and self.coarser is not None and self._width() > 0.5 * width
        self.reluctant = self.reluctant + 1 if bad else 0

    def side(self) -> str:
        """`finer` or `coarser` when the aim lies beyond that end of the segment, `inside` otherwise or not yet known."""
        if self.finer is not None and self.finer.position >= 1:
            return "coarser"
        if self.coarser is not None and self.coarser.position <= 0:
            return "finer"
        return "inside"

    def next_setting(self) -> Value | None:
        """The parameter to try next, None when no value is left between the two ends of the bracket."""
        position = self._next_position()
        if not self.strength.integer:
            narrow = self.finer and self.coarser and self._width() < _RESOLUTION
            return None if narrow else self.strength.at(position)
        step = 1 if self.strength.coarsest >= self.strength.finest else -1
        low = round(self.strength.finest) if self.finer is None else int(self.finer.setting) + step
        high = round(self.strength.coarsest) if self.coarser is None else int(self.coarser.setting) - step
        if (high - low) * step < 0:
            return None
        wanted = int(self.strength.at(position))
        return min(max(wanted, low), high) if step > 0 else max(min(wanted, low), high)

    def _width(self) -> float:
        low = 0.0 if self.finer is None else self.finer.position
        high = 1.0 if self.coarser is None else self.coarser.position
        return high - low

    def _next_position(self) -> float:
        if not self.points:
            return self.start
        if self.finer is None or self.coarser is None:
            return self._outward()
        low, high = self.finer, self.coarser
        if self.reluctant >= 2:
            return 0.5 * (low.position + high.position)
        margin = 0.03 * self._width()
        return min(max(self._inverse(low, high), low.position + margin), high.position - margin)

    def _outward(self) -> float:
        """Beyond the points seen, all on one side: along the last two, or along the slope of common pictures."""
        last, slope = self.points[-1], self.slope
        if len(self.points) > 1:
            before = self.points[-2]
            rise = (last.value - before.value) / (last.position - before.position)
            slope = min(max(rise, 0.25 * self.slope), 4 * self.slope)
        # Twice as far at every repetition, lest a curve that flattens be followed in ever shorter steps.
        stride = (self.aim - last.value) / slope * 2.0 ** (len(self.points) - 1)
        least = 1e-3 if len(self.points) == 1 else 0.02 * 2.0 ** len(self.points)
        if abs(stride) < least:
            stride = math.copysign(least, self.aim - last.value)
        return min(max(last.position + stride, 0.0), 1.0)

    def _inverse(self, low: _Point, high: _Point) -> float:
        """Where the curve through the bracket, and the nearest third point, meets the aim."""
        linear = low.position + (high.position - low.position) * (self.aim - low.value) / (
            high.value - low.value
        )
        others = [p for p in self.points if p is not low and p is not high]
        if not others:
            return linear
        third = min(others, key=lambda p: abs(p.value - self.aim))
        nodes = (low, high, third)
        position = 0.0
        for a in nodes:
            b, c = (p for p in nodes if p is not a)
            scale = (a.value - b.value) * (a.value - c.value)
            if scale == 0:
                return linear
            position += a.position * (self.aim - b.value) * (self.aim - c.value) / scale
        return position if low.position < position < high.position else linear


class _Search:
    """One search over all segments of a codec's strength parameter."""

    best: Reached
    """The trial that misses the target least, from the first trial on."""

    def __init__(
        self,
        codec: Codec,
        pixels: np.ndarray,
        goal: _Goal,
        max_encodes: int,
        parameters: Mapping[str, Value] | None,
    ) -> None:
        name = codec.strength.parameter
        if parameters and name in parameters:
            raise UsageError(f"{codec.name}: {name} is what is searched for and cannot be given as well")
        if max_encodes < 1:
            raise UsageError(f"a search makes at least 1 encode, not {max_encodes}")
        self.codec = codec
        self.pixels = check_pixels(pixels)
        self.goal = goal
        self.max_encodes = max_encodes
        self.parameters = codec.complete(parameters or {})
        self.segments = codec.segments(self.parameters)
        self.integer = all(segment.integer for segment in self.segments)
        self.aim = goal.aim(self.pixels, self.integer)
        self.shown: dict[tuple[int, Value], str] = {}
        """Each trial as the goal shows it."""

    def run(self) -> Reached:
        """Search segment after segment, from the likeliest one on, in the direction each one points to."""
        index, start = self.goal.guess(self.segments, self.aim)
        visited: set[int] = set()
        while True:
            visited.add(index)
            side = self._search(index, start)
            if side in ("accepted", "resolved"):
                return self.best
            if side == "spent":
                return self._cut_short()
            index += 1 if side == "coarser" else -1
            start = 0.0 if side == "coarser" else 1.0
            if index < 0 and self.goal.past_finest(self.best):
                return self.best
            if not 0 <= index < len(self.segments):
                raise UnreachableTarget(self._range())
            if index in visited:
                return self._cut_short()

    def _search(self, index: int, start: float) -> str:
        """How the search of one segment ended: accepted, resolved, spent, or the side on which the aim must lie."""
        finest, coarsest = self.goal.prior
        bracket = _Bracket(self.segments[index], self.aim, (coarsest - finest) / len(self.segments), start)
        while bracket.side() == "inside":
            setting = bracket.next_setting()
            if setting is None:
                return "resolved"
            if len(self.shown) >= self.max_encodes:
                return "spent"
            trial = self._encode(index, setting)
            if self.goal.accepts(trial, self.integer):
                return "accepted"
            position = _position(self.segments[index], float(setting))
            bracket.add(_Point(position, self.goal.value(trial), setting))
        return bracket.side()

    def _encode(self, index: int, setting: Value) -> Reached:
        parameters = {**self.parameters, self.codec.strength.parameter: setting}
        data = self.codec.encode(self.pixels, **parameters)
        trial = Reached(self.codec, self.pixels, data, parameters, self.goal.kind, self.goal.target)
        if not self.shown or self.goal.miss(trial) < self.goal.miss(self.best):
            self.best = trial
        self.shown[index, setting] = self.goal.show(trial)
        self.best.encodes = len(self.shown)
        return trial

    def _cut_short(self) -> Reached:
        """The best trial of a search that could not finish, if the goal allows that."""
        if self.goal.suffices(self.best):
            return self.best
        files, closest = len(self.shown), self.goal.show(self.best)
        raise UnreachableTarget(f"{self._range()}; the closest of {files} files is {closest}")

    def _range(self) -> str:
        """What this codec reaches on this picture, as a message; encodes the ends that were not tried."""
        ends = []
        for index, position in ((0, 0.0), (len(self.segments) - 1, 1.0)):
            setting = self.segments[index].at(position)
            if (index, setting) not in self.shown:
                self._encode(index, setting)
            ends.append(self.shown[index, setting])
        return (
            f"{self.codec.name} reaches {self.goal.unit} from {ends[0]} to {ends[1]} on this picture,"
            f" not {self.goal.target:.6g}"
        )
