"""Verdicts on pictures that are set into flat surroundings: the insets are judged one by one, each as a picture.

Windows of a screenshot lie half on a photograph and half on the page, where nothing was ever coded as the photograph
was; and an enlargement of the photograph alone is none of the whole. So the insets are cut out first. The picture's
verdict is that of the largest inset with a lossy one, else of the largest; what is said of the others is evidence.
Where no inset gives a verdict, the picture is judged as it is: a screenshot may have been enlarged, or compressed, as a
whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from forensics_models.classes import OPEN_VERDICTS, says_lossy

from forensics.pictures.opened import Picture
from forensics.results.analysis import Analysis, Statement
from forensics.results.steps import InsetStep, Step
from forensics.results.wording import TITLES, percent
from forensics.verdict import steps as after

MOST = 4
"""Insets that are judged, the largest: a bound on work."""

Judged = Callable[[Picture], Analysis]
"""Judges a picture as one whole."""


def with_insets(picture: Picture, judged: Judged) -> Analysis:
    """The analysis of a picture that may be set into flat surroundings.

    Parameters
    ----------
    picture : Picture
    judged : callable
        Gets the picture, or one with the pixels of an inset in the place of its own.
    """
    insets = after.find_insets(picture.pixels)
    best = _best(picture, insets, (), judged) if insets else None
    if best is not None and best.verdict not in OPEN_VERDICTS:
        return best
    whole = judged(picture)
    if whole.verdict in OPEN_VERDICTS and whole.steps:
        native = replace(picture, pixels=whole.as_judged(picture.pixels))
        inner = after.find_insets(native.pixels, rounded=True)
        found = _best(native, inner, whole.steps, judged) if inner else whole
        if found.verdict not in OPEN_VERDICTS:
            return replace(found, width=picture.width, height=picture.height)
    # Windows on flat surroundings say nothing against a codec inside.
    return whole if best is None or says_lossy(whole.verdict) else best


def _best(picture: Picture, insets: Sequence[InsetStep], steps: tuple[Step, ...], judged: Judged) -> Analysis:
    """The analysis of the inset that speaks for the picture, which is left when `steps` are undone."""
    others = [(inset, judged(replace(picture, pixels=inset.undo(picture.pixels)))) for inset in insets[:MOST]]
    not_judged = len(insets) - len(others)
    inset, own = others.pop(next((k for k, (_, one) in enumerate(others) if says_lossy(one.verdict)), 0))
    return replace(
        own,
        width=picture.width,
        height=picture.height,
        evidence=(*after.statements((*steps, inset)), *_of_others(others, not_judged), *own.evidence),
        steps=(*steps, inset, *own.steps),
    )


def _of_others(others: Sequence[tuple[InsetStep, Analysis]], not_judged: int) -> tuple[Statement, ...]:
    """What is said of the insets that do not speak for the picture."""
    if not others:
        return ()
    said = [
        f"{inset.found.width}x{inset.found.height} pixels at row {inset.found.top}, column {inset.found.left}: "
        f"{TITLES[one.verdict]} ({percent(one.probability)})"
        for inset, one in others
    ]
    more = f"; {not_judged} smaller ones were not judged" if not_judged else ""
    text = f"other pictures are set into the same surroundings: {'; '.join(said)}{more}"
    return (Statement("insets", "insets", float(len(others)), 0.0, 0.0, 0.0, 1.0, (), True, text),)
