"""Steps after decoding that were found and undone, as plain data: what happened to the picture between its last codec
and the file.

A step knows its name, its sentence, how to undo itself on 8-bit pixels and how it is written as JSON; `ToneChange` is
one as well. An `Analysis` keeps those its verdict rests on in the order in which they are undone, the last one first.
To add one: a class with these four, and a finder in `forensics.verdict.steps`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from forensics.pixels import eight_bit
from forensics.results.chance import chance, reported
from forensics.results.wording import percentage

if TYPE_CHECKING:
    from forensics_features.enlargement import Axis, Enlargement
    from forensics_features.inset import Inset
    from forensics_features.repetition import Repetition
    from forensics_features.rotation import Rotation
    from forensics_features.sharpening import Sharpening


class Step(Protocol):
    """What every step that was undone can do."""

    @property
    def name(self) -> str:
        """In snake case: `enlargement`, `inset`, `reduction`, `repetition`, `rotation`, `sharpening`, `tone_curve`."""

    @property
    def text(self) -> str:
        """One sentence with the numbers in it."""

    def undo(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels (uint8, (height, width) or (height, width, channels)) from before the step."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: `step`, `text` and the step's own parameters."""


@dataclass(frozen=True)
class _Found:
    """A step as the features found it."""

    found: Any

    @property
    def log10_nfa(self) -> float:
        """Decimal logarithm of the number of false alarms."""
        return self.found.log10_nfa


@dataclass(frozen=True)
class _Resized(_Found):
    """A step that changed the size: before it, and after it, in pixels."""

    width: int
    height: int
    new_width: int
    new_height: int

    @property
    def _sizes(self) -> str:
        return f"enlarged from {self.width}x{self.height} to {self.new_width}x{self.new_height} pixels"


@dataclass(frozen=True)
class EnlargementStep(_Resized):
    """Enlargement by interpolation.

    Attributes
    ----------
    found : forensics_features.enlargement.Enlargement
    width, height : int
        Before it, in pixels.
    new_width, new_height : int
        After it.
    linear : bool
        Whether it took place in linear light.
    """

    found: Enlargement
    linear: bool = False

    name = "enlargement"

    @property
    def kernel(self) -> str:
        """Of the axis that tells it best."""
        return max(self.found.axes, key=lambda axis: axis.missing).kernel.name

    @property
    def text(self) -> str:
        """What was found, for reading."""
        axis = max(self.found.axes, key=lambda one: one.missing)
        corners = ", ends of the picture on its outermost samples" if axis.alignment == "corners" else ""
        light = " in linear light" if self.linear else ""
        return (
            f"{self._sizes} by a "
            f"{axis.kernel.name} kernel{light}{corners}: lines lie within the range "
            f"of that enlargement up to {axis.residual:.2f} levels squared (rounding alone: 0.08), "
            f"{np.exp(axis.contrast):.0f} times closer than for lengths nearby "
            f"(chance gives this in {chance(self.log10_nfa)}){self._repeated}. "
            "The verdict is that on the native pixels"
        )

    def undo(self, pixels: np.ndarray) -> np.ndarray:
        """The native pixels."""
        from forensics_features import enlargement

        return enlargement.undo(pixels, self.found, self.linear)

    @property
    def _repeated(self) -> str:
        """How many samples come out the same when undone and enlarged again; not counted in linear light."""
        if self.linear:
            return ""
        return f"; undone and enlarged again {percentage(self.found.repeated)} of the samples come out the same"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "step": self.name,
            "text": self.text,
            "width": self.width,
            "height": self.height,
            "kernel": self.kernel,
            "linear_light": self.linear,
            "log10_nfa": reported(self.log10_nfa),
            "rows": _axis(self.found.rows),
            "columns": _axis(self.found.columns),
            "rounded_between": self.found.rounded_between,
            "repeated": round(self.found.repeated, 4),
        }


def _at_least(share: float) -> str:
    return "all" if share == 1 else f"at least {percentage(share)} of the"


def _axis(axis: Axis | None) -> dict[str, Any] | None:
    if axis is None:
        return None
    return {
        "old": axis.old,
        "new": axis.new,
        "factor": round(1 / axis.slope, 5),
        "kernel": axis.kernel.name,
        "alignment": axis.alignment,
        "residual": round(axis.residual, 4),
        "contrast": round(axis.contrast, 3),
    }


@dataclass(frozen=True)
class RepetitionStep(_Resized):
    """Samples repeated: nearest-neighbour enlargement, pixel art, mosaics over a whole picture.

    Attributes
    ----------
    found : forensics_features.repetition.Repetition
    width, height : int
        Before it, in pixels.
    new_width, new_height : int
        After it.
    """

    found: Repetition

    name = "repetition"

    @property
    def text(self) -> str:
        """What was found, for reading."""
        return (
            f"{self._sizes} by repetition of samples: rows and columns equal the one before, "
            f"without one exception where that enlargement repeats them (chance gives this in "
            f"{chance(self.log10_nfa)}). The verdict is that on the native pixels"
        )

    def undo(self, pixels: np.ndarray) -> np.ndarray:
        """Every repeated line once."""
        from forensics_features import repetition

        return repetition.undo(pixels, self.found)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "step": self.name,
            "text": self.text,
            "width": self.width,
            "height": self.height,
            "log10_nfa": reported(self.log10_nfa),
            "factor_x": round(self.new_width / self.width, 5),
            "factor_y": round(self.new_height / self.height, 5),
        }


@dataclass(frozen=True)
class InsetStep:
    """Set into flat surroundings: a photograph on a page, in a screenshot, between bars.

    Attributes
    ----------
    found : forensics_features.inset.Inset
    """

    found: Inset

    name = "inset"

    @property
    def text(self) -> str:
        """What was found, for reading."""
        one = self.found
        return (
            f"{one.width}x{one.height} pixels are set into flat surroundings at row {one.top}, column {one.left}: just "
            f"outside each of their sides {_at_least(one.flat)} samples equal the next along it, and "
            f"{_at_least(one.across)} differ from those inside. The verdict is that on these pixels alone, "
            "whose rows and columns count from their own upper left corner; the surroundings, "
            f"{percentage(one.surroundings)} of the area, were not judged"
        )

    def undo(self, pixels: np.ndarray) -> np.ndarray:
        """The inset alone."""
        return self.found.cut(pixels)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "step": self.name,
            "text": self.text,
            **{name: getattr(self.found, name) for name in ("top", "left", "height", "width")},
            **{name: round(getattr(self.found, name), 4) for name in ("flat", "across", "surroundings")},
        }


def stored_inset(steps: Sequence[Step]) -> Inset | None:
    """The inset among steps, in pixels of the picture as stored: before it enlargements may have been undone."""
    for k, step in enumerate(steps):
        if isinstance(step, InsetStep):
            box = as_stored(steps[:k], step.found[:4])
            top, left, bottom, right = (round(at) for at in (box[0], box[1], box[0] + box[2], box[1] + box[3]))
            return step.found._replace(top=top, left=left, height=bottom - top, width=right - left)
    return None


def undone(pixels: np.ndarray, steps: Sequence[Step]) -> np.ndarray:
    """Pixels with steps undone (8-bit), the same array where there is none."""
    for step in steps:
        pixels = step.undo(eight_bit(pixels))
    return pixels


def for_a_map(steps: Sequence[Step], area: int) -> tuple[Step, ...]:
    """The steps to undo before a picture of so many pixels is mapped: all, or those before one that is undone in the
    middle alone where that leaves less than half of the picture.
    """
    for k, step in enumerate(steps):
        if isinstance(step, RotationStep | ReductionStep):
            _, _, height, width = as_stored(steps[: k + 1], (0, 0, step.height, step.width))
            if height * width < area / 2:
                return tuple(steps[:k])
    return tuple(steps)


def as_stored(steps: Sequence[Step], box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """A box (top, left, height, width) in the pixels that are left when steps are undone, in those of the picture as
    stored.
    """
    top, left, height, width = box
    for step in reversed(steps):
        if isinstance(step, InsetStep):
            top, left = top + step.found.top, left + step.found.left
        elif isinstance(step, _Resized):
            across, down = step.new_width / step.width, step.new_height / step.height
            top, left, height, width = top * down, left * across, height * down, width * across
        elif isinstance(step, ReductionStep):
            top, left, height, width = (step.scale * at for at in (top, left, height, width))
            top, left = top + step.top, left + step.left
        elif isinstance(step, RotationStep):
            top, left = step.turned(top + height / 2, left + width / 2)
            top, left = top - height / 2, left - width / 2
    return top, left, height, width


@dataclass(frozen=True)
class SharpeningStep(_Found):
    """Sharpening by a linear filter: an unsharp mask or a small kernel.

    Attributes
    ----------
    found : forensics_features.sharpening.Sharpening
    """

    found: Sharpening

    name = "sharpening"

    @property
    def text(self) -> str:
        """What was found, for reading."""
        one = self.found
        kernel = f"{one.kernel} of standard deviation {one.sigma:.2f} pixels" if one.sigma else f"{one.kernel} kernel"
        return (
            f"sharpened by {one.amount:.2f} times what a {kernel} takes away: divided by that filter, the samples that "
            f"it changed lie near whole numbers (mean phase {one.fit:.2f}; chance gives this in "
            f"{chance(self.log10_nfa)}); undone and sharpened again {percentage(one.repeated)} of the samples come out "
            "the same. The verdict is that on the samples before"
        )

    def undo(self, pixels: np.ndarray) -> np.ndarray:
        """The samples before it, rounded."""
        from forensics_features import sharpening

        return sharpening.undo(pixels, self.found)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "step": self.name,
            "text": self.text,
            "kernel": self.found.kernel,
            "sigma": round(self.found.sigma, 4),
            "amount": round(self.found.amount, 4),
            "fit": round(self.found.fit, 4),
            "log10_nfa": reported(self.log10_nfa),
            "repeated": round(self.found.repeated, 4),
        }


@dataclass(frozen=True)
class RotationStep:
    """Rotation by some degrees, by interpolation.

    Attributes
    ----------
    found : forensics_features.rotation.Rotation
    width, height : int
        Of the upright part that it was undone in, in pixels.
    new_width, new_height : int
        Of the rotated picture.
    """

    found: Rotation
    width: int
    height: int
    new_width: int
    new_height: int

    name = "rotation"

    @property
    def text(self) -> str:
        """What was found, for reading."""
        from forensics_features.rotation import HIGHEST_UPRIGHT, UPRIGHT

        one = self.found
        way = "counter-clockwise" if one.degrees > 0 else "clockwise"
        return (
            f"rotated by {abs(one.degrees):.2f} degrees {way}: differences between neighbours are periodic in the rows "
            f"and columns of before, more clearly than at any other angle (lead {one.lead:.1f}; {UPRIGHT} validation "
            f"pictures that were not rotated have {HIGHEST_UPRIGHT} at most). The verdict is that on "
            f"{self.width}x{self.height} pixels of the middle, turned back"
        )

    def undo(self, pixels: np.ndarray) -> np.ndarray:
        """The middle's samples before it, rounded."""
        from forensics_features import rotation

        return rotation.undo(pixels, self.found)

    def turned(self, row: float, column: float) -> tuple[float, float]:
        """Where a place of the upright part lies in the rotated picture; both have one middle."""
        angle = np.deg2rad(self.found.degrees)
        down, across = row - self.height / 2, column - self.width / 2
        return (
            self.new_height / 2 + float(np.cos(angle) * down - np.sin(angle) * across),
            self.new_width / 2 + float(np.sin(angle) * down + np.cos(angle) * across),
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "step": self.name,
            "text": self.text,
            "width": self.width,
            "height": self.height,
            "degrees": round(self.found.degrees, 3),
            "lead": round(self.found.lead, 2),
        }


@dataclass(frozen=True)
class ReductionStep:
    """Reduction to a share of the size: one of several that the picture's lines make likely.

    Attributes
    ----------
    scale : float
        Share of the size before.
    tried : int
        Scales that were tried.
    top, left : int
        Where the part lies in the picture that was enlarged back, in its pixels.
    width, height : int
        Of that part at the size before.
    """

    scale: float
    tried: int
    top: int
    left: int
    width: int
    height: int

    name = "reduction"

    @property
    def text(self) -> str:
        """What was found, for reading."""
        return (
            f"probably reduced, to about {percentage(self.scale)} of its size: enlarged back by that, one of "
            f"{self.tried} scales that lines of interpolation and of blocks make likely, it shows what it does not as "
            f"it is. The verdict is that on {self.width}x{self.height} pixels of the middle at that size"
        )

    def undo(self, pixels: np.ndarray) -> np.ndarray:
        """The middle at the size before it, rounded."""
        from forensics_features import reduction

        return reduction.undo(pixels, self.scale)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "step": self.name,
            "text": self.text,
            "width": self.width,
            "height": self.height,
            "scale": round(self.scale, 4),
            "tried": self.tried,
        }
