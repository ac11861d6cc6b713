"""The judge of restored pictures: which codec came last before a picture was resized, rotated or cropped, from what the
open judge holds of the picture as it is and what the judge of block phases says of it with that undone.

Restored, blocks stand where a decoder left them, if blurred by the way there and back: the judge of block phases, which
has seen no such picture, tells their codec nearly as well as of any other. But what is restored is a guess, the surest
of several. So one softmax for each kind, fitted on pictures restored by such guesses, weighs both judges' logarithms
and how far the guess stands out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np

from forensics_models.open_judge import NEVER
from forensics_models.recompression import (
    BEYOND_BELOW,
    FAMILIES,
    OF_EIGHT,
    OTHER,
    OTHERS_OF_PHASES_BELOW,
    WITHOUT_BLOCKS,
    Softmax,
    beyond,
    logarithms_of,
)
from forensics_models.storage import read_card

CARD_FILE = "restored.json"
KINDS = ("resized", "rotated", "cropped")
"""What is undone; each has a softmax of its own."""
LIKELY = 0.6
"""Probability of the judge of block phases from which the family that it holds likeliest may be named. Of some 240
validation pictures that were never coded and moved since two would be HEVC with 0.5 (0.54 and 0.55, chroma by the
nearest sample and by libheif); of 169 right names of resized pictures 149 are left, of 133 of rotated ones 128.
"""
UNCODED_BELOW = 0.5
"""Probability of no codec by the judge of block phases, of luma alone, under which a codec is named that is sure. Of 31
right names of open validation pictures, reduced and rotated, 30 have less; a picture with chroma by the nearest sample,
never coded and rotated, which was HEVC (0.97), has 0.52."""
_OF_STRENGTH = 0.1
"""Weight of how far it stands out beside the logarithm of a probability. Of 477 open validation pictures, resized
and the like, 125 are named rightly for one wrongly with it, 120 by block phases alone and 92 by strength alone; 160,
133 and 125 for three."""


class RestoredJudge:
    """The judge of restored pictures in a folder; `card` has its figures and what they rest on.

    Attributes
    ----------
    said_from : dict of str to float
        By kind, the probability from which a family is named where luma alone looks coded more than not coded;
        `open_judge.NEVER` where none is.
    sure_from : dict of str to float
        That from which it is enough that luma does not look uncoded (`UNCODED_BELOW`).
    """

    def __init__(self, folder: Path | Traversable) -> None:
        stored = read_card(folder / CARD_FILE)
        if tuple(stored["families"]) != FAMILIES or tuple(stored["kinds"]) != KINDS:
            raise ValueError(f"{CARD_FILE} was made for other families or kinds")
        try:
            self.card: dict[str, Any] = stored["card"]
            self.said_from: dict[str, float] = dict(stored["said_from"])
            self.sure_from: dict[str, float] = dict(stored["sure_from"])
            self._softmax = {kind: Softmax(**stored["softmax"][kind]) for kind in KINDS}
        except (KeyError, TypeError) as error:
            raise ValueError(f"{CARD_FILE} is of another version, train it again: {error}") from None

    def answer(
        self, kind: str, families: Mapping[str, float], phases: np.ndarray, strength: float
    ) -> tuple[str, dict[str, float]]:
        """The family that may be named where luma bears it out (`borne_out`), or an empty string, and the probabilities
        by family of `FAMILIES`.

        Parameters
        ----------
        kind : str
            One of `KINDS`.
        families : mapping of str to float
            The open judge's probabilities of the picture as it is, by `open_judge.FAMILY_NAMES`.
        phases : np.ndarray [shape=(len(FAMILIES),)]
            Logarithms of the judge of block phases, of the restored picture.
        strength : float
            How far the guess stands out, in logarithms of power.
        """
        logs = logarithms_of(families)
        found = np.exp(self._softmax[kind].logarithms(logs, phases, values_of(strength)))
        best = FAMILIES[int(found.argmax())]
        named = found.max() >= self.said_from.get(kind, NEVER) and may_be_named(kind, best, families, phases)
        return (best if named else ""), dict(zip(FAMILIES, found.tolist(), strict=True))

    def borne_out(self, kind: str, probability: float, luma: np.ndarray) -> bool:
        """Whether luma alone bears a family of `answer` out, the more clearly the less probable it is.

        Parameters
        ----------
        kind : str
        probability : float
            Of the family.
        luma : np.ndarray [shape=(len(FAMILIES),)]
            Logarithms of the judge of block phases, of the luma of the restored picture.
        """
        return borne_out(luma, probability >= self.sure_from.get(kind, NEVER))


def borne_out(luma: np.ndarray, sure: bool) -> bool:
    """Whether luma alone, by logarithms as of `RestoredJudge.borne_out`, bears a codec out that is sure or not."""
    if sure:
        return bool(luma[0] < np.log(UNCODED_BELOW))
    return bool(luma.argmax() != 0)


def values_of(strength: float) -> np.ndarray:
    """The softmax's value of a guess, `np.ndarray [shape=(1,)]`."""
    return np.array([np.log1p(max(strength, 0.0))])


def surest(phases: Sequence[np.ndarray], strengths: Sequence[float]) -> int:
    """Which of several guesses is kept: that whose blocks are surest of a codec, the surer the farther it stands out.

    Parameters
    ----------
    phases : sequence of np.ndarray [shape=(len(FAMILIES),)]
        Logarithms of the judge of block phases.
    strengths : sequence of float
        As of `RestoredJudge.answer`.
    """
    codecs = slice(1, FAMILIES.index(OTHER))
    return max(range(len(phases)), key=lambda at: float(np.max(phases[at][codecs])) + _OF_STRENGTH * strengths[at])


def may_be_named(kind: str, family: str, families: Mapping[str, float], phases: np.ndarray) -> bool:
    """Whether the judge of block phases bears a codec's family out, and no other process is likely.

    Neither JPEG nor JPEG XL is named of a cropped picture: of 42 names with 0.8 and more on 168 open validation
    pictures nine are, two of the three wrong ones among them. Nor is VP8, whose blocks are those of thinned JPEGs: two
    of 264 moved validation pictures were WebP so.

    Parameters
    ----------
    kind, families, phases : as of `RestoredJudge.answer`
    family : str
    """
    if family in (FAMILIES[0], OTHER, *WITHOUT_BLOCKS) or beyond(families) >= BEYOND_BELOW:
        return False
    others = phases[FAMILIES.index(OTHER)] >= np.log(OTHERS_OF_PHASES_BELOW)
    if (family in OF_EIGHT and others) or (kind == "cropped" and family in (*OF_EIGHT, "vp8")):
        return False
    at = FAMILIES.index(family)
    return bool(phases.argmax() == at and phases[at] >= np.log(LIKELY))


def stored(
    softmaxes: Mapping[str, Softmax],
    said_from: Mapping[str, float],
    sure_from: Mapping[str, float],
    card: Mapping[str, Any],
) -> dict[str, Any]:
    """What `CARD_FILE` holds."""
    return {
        "families": list(FAMILIES),
        "kinds": list(KINDS),
        "softmax": {kind: asdict(softmaxes[kind]) for kind in KINDS},
        "said_from": dict(said_from),
        "sure_from": dict(sure_from),
        "card": dict(card),
    }
