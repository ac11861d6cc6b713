"""Steps after decoding that can be undone exactly: found in the pixels, last one first, and reported as evidence.

Flat surroundings are cut off first. Repetition and enlargement are looked for in turn in what is left, at most `MOST`
of them: a browser's zoom of an enlarged picture is two. Changes of tone are found by `forensics.verdict.tone` in what
is left after them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from forensics.pixels import eight_bit
from forensics.results.analysis import Statement
from forensics.results.chance import reported
from forensics.results.steps import (
    EnlargementStep,
    InsetStep,
    ReductionStep,
    RepetitionStep,
    RotationStep,
    SharpeningStep,
    Step,
)
from forensics.windows.choice import MINIMUM_SIDE

if TYPE_CHECKING:
    from forensics_features.enlargement_axes import Enlargement

MOST = 2
"""Enlargements that are undone, one after the other."""
EXACT = 0.3
"""Residual variance, levels squared, up to which an enlargement was the last step: two roundings leave 0.15 to 0.2, and
any codec after it more.
"""
UNDONE = {
    "tone_curve": "brightness or contrast was changed after decoding; windows were judged with that undone",
    "enlargement": "the picture was enlarged after decoding; windows lie in the native pixels",
    "inset": "the picture is set into flat surroundings; windows lie in the inset alone",
    "repetition": "the picture was enlarged by repetition; windows lie in the native pixels",
    "reduction": "the picture was probably reduced after decoding; windows lie in its middle, enlarged back",
    "rotation": "the picture was rotated after decoding; windows lie in its middle, turned back",
    "sharpening": "the picture was sharpened after decoding; windows were judged with that undone",
}
"""Notes of a map."""
SPITE_OF_ENLARGEMENT = 0.995
"""Certainty from which a codec in the picture as stored stands although an enlargement was found that is not `EXACT`:
the enlargement came before it.
"""


def find_insets(pixels: np.ndarray, *, rounded: bool = False) -> tuple[InsetStep, ...]:
    """The insets of a picture with flat surroundings, the largest first; `rounded` where an enlargement was undone, so
    that flat samples may differ by one level.
    """
    from forensics_features import inset

    return tuple(map(InsetStep, inset.find(pixels, int(rounded))))


def find_enlargements(pixels: np.ndarray) -> tuple[tuple[Step, ...], np.ndarray]:
    """Enlargements of a picture, the last one first, and the native pixels; no steps and the very same array where none
    is found.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8 or uint16]
    """
    steps: list[Step] = []
    while len(steps) < MOST and min(pixels.shape[:2]) >= MINIMUM_SIDE:
        step = find_enlargement(pixels)
        if step is None:
            break
        pixels = step.undo(eight_bit(pixels))
        steps.append(step)
    return tuple(steps), pixels


def find_enlargement(pixels: np.ndarray) -> EnlargementStep | RepetitionStep | None:
    """The last enlargement of a picture, None where there is none."""
    from forensics_features import enlargement, repetition

    height, width = pixels.shape[:2]
    repeated = repetition.find(pixels)
    if repeated is not None:
        old = [side if axis is None else axis.old for axis, side in zip(repeated, (height, width), strict=True)]
        return RepetitionStep(repeated, old[1], old[0], width, height)
    found = enlargement.find(pixels)
    return None if found is None else _enlargement_step(found, height, width)


def _enlargement_step(found: Enlargement, height: int, width: int, *, linear: bool = False) -> EnlargementStep:
    old = [side if axis is None else axis.old for axis, side in zip(found[:2], (height, width), strict=True)]
    return EnlargementStep(found, old[1], old[0], width, height, linear=linear)


def find_enlargement_of_light(pixels: np.ndarray) -> EnlargementStep | None:
    """The enlargement in linear light that was the last step, None where none was: what is not `EXACT` may be another
    step's trace.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 1..4), dtype=uint8 or uint16]
    """
    from forensics_features import enlargement, linear_light

    light = linear_light.decoded(enlargement.judged_plane(pixels))
    found = enlargement.find(np.rint(light).astype(np.uint8))
    if found is None or max(axis.residual for axis in found.axes) > EXACT:
        return None
    return _enlargement_step(found, *pixels.shape[:2], linear=True)


def find_sharpening(pixels: np.ndarray) -> SharpeningStep | None:
    """The sharpening that the picture ended with, None where none is clear."""
    from forensics_features import sharpening

    found = sharpening.find(eight_bit(pixels))
    return SharpeningStep(found) if found is not None and found.clear else None


def find_rotation(pixels: np.ndarray) -> tuple[RotationStep, np.ndarray] | None:
    """The rotation that the picture ended with, and upright pixels; None where none is clear, or these are too few."""
    from forensics_features import rotation

    found = rotation.find(pixels)
    if found is None or not found.clear:
        return None
    upright = rotation.undo(eight_bit(pixels), found)
    if min(upright.shape[:2]) < MINIMUM_SIDE:
        return None
    height, width = pixels.shape[:2]
    return RotationStep(found, upright.shape[1], upright.shape[0], width, height), upright


def possible_reductions(pixels: np.ndarray, count: int) -> Iterator[tuple[ReductionStep, np.ndarray]]:
    """Reductions that a picture may have ended with, the likeliest first, each with the middle enlarged back."""
    from forensics_features import reduction
    from forensics_features.planes import central

    _, (top, left) = central(pixels, reduction.MOST_SIDE)
    for scale in reduction.candidates(pixels, count):
        before = reduction.undo(eight_bit(pixels), scale)
        if min(before.shape[:2]) >= MINIMUM_SIDE:
            yield ReductionStep(scale, count, top, left, before.shape[1], before.shape[0]), before


def exact(steps: Sequence[Step]) -> bool:
    """Whether nothing can have come after the steps: repetition without exception, enlargement up to rounding."""
    return all(
        max(axis.residual for axis in step.found.axes) <= EXACT for step in steps if isinstance(step, EnlargementStep)
    )


def statements(steps: Sequence[Step]) -> list[Statement]:
    """The steps as evidence, the last one first."""
    measured = [(step, *of) for step in steps if (of := _measured(step)) is not None]
    return [
        Statement(step.name, step.name, value, 0.0, 0.0, high, 1.0, (), True, step.text)
        for step, value, high in measured
    ]


def _measured(step: Step) -> tuple[float, float] | None:
    """The value of a step as evidence, and from which it counts; None of a change of tone, which `evidence` tells."""
    if isinstance(step, InsetStep):
        return step.found.flat, 1.0
    if isinstance(step, ReductionStep):
        return 1 / step.scale, 1.0
    if isinstance(step, RotationStep):
        from forensics_features.rotation import CLEAR_LEAD

        return step.found.lead, CLEAR_LEAD
    if isinstance(step, EnlargementStep | RepetitionStep | SharpeningStep):
        return -reported(step.log10_nfa), 2.0
    return None
