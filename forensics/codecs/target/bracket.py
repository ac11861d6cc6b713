"""The search of one segment of a strength parameter for the setting whose value meets an aim.

The value is some measure that rises with strength. The first setting is where the typical curve meets the aim, the
second goes along that curve, further ones along the curve through the points seen, always inside the bracket those
points leave; a bracket that shrinks badly is halved. So the search ends whatever the encoder does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from forensics.codecs.base import Value
from forensics.codecs.target.typical import Scale

_RESOLUTION = 1e-3
"""Width of a bracket, as a share of its segment, at which a step is the encoder's own and there is nothing to halve."""

_FLAT_RESOLUTION = (0.01, 0.005)
"""The same where the typical curve hardly rises: share of the segment, and rise of the value."""

_HALVINGS = 3
"""How many halvings follow two steps along the curve that shrank the bracket badly."""


@dataclass
class _Point:
    place: float
    """On the scale of the typical curve."""
    value: float
    setting: Value


class Bracket:
    """The settings of one segment tried so far, and the one to try next.

    Parameters
    ----------
    scale : Scale
    aim : float
        The value to meet.
    offset : float
        By how much values are expected to exceed the typical ones.
    """

    def __init__(self, scale: Scale, aim: float, offset: float = 0.0) -> None:
        self.scale = scale
        self.aim = aim
        self.offset = offset
        self._points: list[_Point] = []
        self._finer: _Point | None = None
        self._coarser: _Point | None = None
        self._reluctant = 0  # times in a row that the bracket failed to shrink to half
        self._halvings = 0  # still owed

    def add(self, setting: Value, value: float) -> None:
        """Take in the value that a setting gave."""
        width = self._width()
        point = _Point(self.scale.place(float(setting)), value, setting)
        self._points.append(point)
        self.offset = value - point.place
        if value < self.aim:
            self._finer = point
        else:
            self._coarser = point
        if self._halvings:
            self._halvings -= 1
        elif self._finer is not None and self._coarser is not None:
            self._reluctant = self._reluctant + 1 if self._width() > 0.5 * width else 0
            if self._reluctant == 2:
                self._reluctant, self._halvings = 1, _HALVINGS

    def side(self) -> str:
        """`finer` or `coarser` when the aim lies beyond that end of the segment, `inside` when it may be in it."""
        if self._finer is not None and self._finer.place >= self.scale.coarsest:
            return "coarser"
        if self._coarser is not None and self._coarser.place <= self.scale.finest:
            return "finer"
        return "inside"

    def next_setting(self) -> Value | None:
        """The setting to try next, None when no setting is left between the two ends of the bracket."""
        strength = self.scale.strength
        if not strength.integer:
            if self._finer is not None and self._coarser is not None and self._is_narrow():
                return None
            return strength.at(self.scale.position_at(self._next_place()))
        step = 1 if strength.coarsest >= strength.finest else -1
        low = round(strength.finest) if self._finer is None else int(self._finer.setting) + step
        high = round(strength.coarsest) if self._coarser is None else int(self._coarser.setting) - step
        if (high - low) * step < 0:
            return None
        wanted = int(strength.at(self.scale.position_at(self._next_place())))
        return min(max(wanted, min(low, high)), max(low, high))

    def _low(self) -> float:
        return self.scale.finest if self._finer is None else self._finer.place

    def _high(self) -> float:
        return self.scale.coarsest if self._coarser is None else self._coarser.place

    def _width(self) -> float:
        return self._high() - self._low()

    def _is_narrow(self) -> bool:
        share = self.scale.position_at(self._high()) - self.scale.position_at(self._low())
        return share < _RESOLUTION or (share < _FLAT_RESOLUTION[0] and self._width() < _FLAT_RESOLUTION[1])

    def _next_place(self) -> float:
        if not self._points:
            return self._clipped(self.aim - self.offset)
        if self._finer is None or self._coarser is None:
            return self._outward()
        if self._halvings:
            return 0.5 * (self._low() + self._high())
        margin = 0.03 * self._width()
        place = self._inverse(self._finer, self._coarser)
        return min(max(place, self._low() + margin), self._high() - margin)

    def _clipped(self, place: float) -> float:
        return min(max(place, self.scale.finest), self.scale.coarsest)

    def _outward(self) -> float:
        """Beyond the points seen, all on one side: along the last two, or along the typical curve."""
        last, slope, count = self._points[-1], 1.0, len(self._points)
        if count > 1:
            before = self._points[-2]
            slope = min(max((last.value - before.value) / (last.place - before.place), 0.3), 3.0)
        stride = (self.aim - last.value) / slope
        # Longer at every repetition, lest a curve that flattens be followed in ever shorter steps.
        least = 0.01 * self._width() * 4.0 ** (count - 1)
        return self._clipped(last.place + math.copysign(max(abs(stride), least), stride))

    def _inverse(self, low: _Point, high: _Point) -> float:
        """Where the curve through the bracket's ends, and the nearest third point, meets the aim."""
        share = (self.aim - low.value) / (high.value - low.value)
        linear = low.place + share * (high.place - low.place)
        others = [point for point in self._points if point is not low and point is not high]
        if not others:
            return linear
        third = min(others, key=lambda point: abs(point.value - self.aim))
        nodes, place = (low, high, third), 0.0
        for a in nodes:
            b, c = (node for node in nodes if node is not a)
            scale = (a.value - b.value) * (a.value - c.value)
            if scale == 0:
                return linear
            place += a.place * (self.aim - b.value) * (self.aim - c.value) / scale
        return place if low.place < place < high.place else linear
