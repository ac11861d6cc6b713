"""The judge of recompression: which codec came last, from what the open judge holds of a picture and how nearly each of
several encoders repeats it.

One softmax over families of codecs: the open judge's logarithms with one weight, and every encoder's gain, itself and
as a share of all gains, with those that validation pictures gave. It says nothing where no encoder gains enough:
pictures that were never coded, or whose grid is not where they begin, gain about nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np

from forensics_models.classes import CLASSES, HEVC_FAMILY, family_of
from forensics_models.open_judge import NEVER
from forensics_models.storage import read_card

CARD_FILE = "recompression.json"

ENCODERS = ("aom", "x265", "libwebp", "libjpeg")
"""Encoders whose gains are taken, in this order (`forensics.history.recoding.identification`)."""
OWN = {"av1": "aom", HEVC_FAMILY: "x265", "vp8": "libwebp", "jpeg": "libjpeg"}
"""Families that may be named, with the encoder that has to gain."""
FAMILIES = (*dict.fromkeys(family_of(name) for name in CLASSES), "other")
"""What is told apart: uncompressed, the families of the eight codecs, and all other processes together."""
ASKED_FROM = 0.1
"""Probability of AV1, HEVC and VP8 together from which an open picture is coded again: the judge was fitted on such
pictures alone, for what is less likely is hardly ever lifted to a name."""
_ASKED = ("av1", HEVC_FAMILY, "vp8")
BEYOND_BELOW = 0.5
"""Probability of all processes beyond the codecs from which nothing is said: their encoders are not asked. Of 1,108
open validation pictures, 79 of them by such processes, 153 are named rightly from a probability of 0.9 on, and none
wrongly, with or without it."""
_LEAST = 1e-4
"""Added to the open judge's probabilities before their logarithms: it is not surer than one in ten thousand."""
_ALONE = 5.0
"""A gain of aom counts up to so many times that of x265, whose trees repeat AV1's blocks too, if less well: of 40
validation pictures by AV1 that aom gains 0.9 dB and more on, it is four times as much at most, on two that were never
coded 17 times (aom's tools for screens come and go between one part of a drawing and the next).
"""
_GAINS = (-0.5, 6.0)
"""Gains are clipped to these, in dB: beyond them a picture is repeated as surely as can be."""
_SHARED = 0.4
"""Added to the sum of gains before shares are taken, in dB: about what chance leaves in the largest of four."""


def asked(families: Mapping[str, float]) -> bool:
    """Whether an open picture with these probabilities by family is worth coding again."""
    return sum(families[name] for name in _ASKED) >= ASKED_FROM


def counted(gains: Sequence[float] | np.ndarray) -> np.ndarray:
    """Gains as they count, within limits and aom's by x265's, `np.ndarray [shape=(len(ENCODERS),), dtype=float64]`."""
    clipped = np.clip(np.asarray(gains, np.float64), *_GAINS)
    aom, x265 = (ENCODERS.index(name) for name in ("aom", "x265"))
    clipped[aom] = min(clipped[aom], _ALONE * max(clipped[x265], 0.0))
    return clipped


def values_of(families: Mapping[str, float], gains: Sequence[float] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of the open judge's probabilities by `FAMILIES`, `np.ndarray [shape=(len(FAMILIES),)]`, and the values
    of the gains, `np.ndarray [shape=(2 * len(ENCODERS),)]`.

    Parameters
    ----------
    families : mapping of str to float
        Probabilities by family, as of `open_judge.by_family`.
    gains : sequence of float
        In dB, by `ENCODERS`.
    """
    known = np.array([families[name] for name in FAMILIES[:-1]])
    logs = np.log(np.append(known, max(1.0 - known.sum(), 0.0)) + _LEAST)
    those = counted(gains)
    positive = np.maximum(those, 0.0)
    return logs, np.concatenate([those, positive / (positive.sum() + _SHARED)])


@dataclass(frozen=True)
class Softmax:
    """Logits are `prior` times the logarithms, plus `bias`, plus `weights` times the values of the gains.

    Attributes
    ----------
    prior : float
    bias : sequence of float [len(FAMILIES)]
    weights : sequence of sequence of float [len(FAMILIES) x (2 * len(ENCODERS))]
    """

    prior: float
    bias: Sequence[float] | np.ndarray
    weights: Sequence[Sequence[float]] | np.ndarray

    def logarithms(self, logs: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Logarithms of probabilities of n pictures, `np.ndarray [shape=(n, len(FAMILIES)), dtype=float64]`."""
        from scipy.special import log_softmax  # 0.08 s, of use where a picture is coded again alone

        logits = self.prior * logs + np.asarray(self.bias) + values @ np.asarray(self.weights).T
        return np.asarray(log_softmax(logits, axis=-1))


class RecompressionJudge:
    """The judge of recompression in a folder; `card` has its figures and what they rest on.

    Attributes
    ----------
    said_from : dict of str to float
        Probability from which a family is named; what is not in it never is.
    gain_from : float
        Gain of a family's own encoder as it counts (`counted`), in dB, under which it is not named.
    """

    def __init__(self, folder: Path | Traversable) -> None:
        stored = read_card(folder / CARD_FILE)
        if tuple(stored["encoders"]) != ENCODERS or tuple(stored["families"]) != FAMILIES:
            raise ValueError(f"{CARD_FILE} was made for other encoders or families")
        self.card: dict[str, Any] = stored["card"]
        self.said_from: dict[str, float] = dict(stored["said_from"])
        self.gain_from = float(stored["gain_from"])
        self._softmax = Softmax(**stored["softmax"])

    def probabilities(self, families: Mapping[str, float], gains: Sequence[float] | np.ndarray) -> dict[str, float]:
        """By family of `FAMILIES`; arguments as of `values_of`."""
        return dict(zip(FAMILIES, np.exp(self._softmax.logarithms(*values_of(families, gains))).tolist(), strict=True))

    def answer(
        self, families: Mapping[str, float], gains: Sequence[float] | np.ndarray
    ) -> tuple[str, dict[str, float]]:
        """The family that may be named, or an empty string, and the probabilities by family.

        HEVC is named where the open judge, too, holds it likelier than AV1: x265 repeats pictures of an encoder of AV1
        that no judge knows (rav1e) better than aom does, 4 of 22 of validation sources.
        """
        found = self.probabilities(families, gains)
        best = max(found, key=lambda name: found[name])
        sure = found[best] >= self.said_from.get(best, NEVER) and may_be_named(best, families, gains, self.gain_from)
        return (best if sure else ""), found


def may_be_named(family: str, families: Mapping[str, float], gains: Sequence[float] | np.ndarray, least: float) -> bool:
    """Whether a family's own encoder gains the `least` in dB, and no other rule keeps it from being named."""
    beyond = 1.0 - sum(families[name] for name in FAMILIES[:-1])
    known = family != HEVC_FAMILY or families[family] > families["av1"]
    return known and beyond < BEYOND_BELOW and own_gain(family, gains) >= least


def own_gain(family: str, gains: Sequence[float] | np.ndarray) -> float:
    """By how much more than the encoder that gains least a family's own gains, as they count, in dB; 0 for a family of
    which none is asked.

    In drawings with parts at multiples of some pixels all encoders gain alike, whatever coded them.
    """
    if family not in OWN:
        return 0.0
    those = counted(gains)
    return float(those[ENCODERS.index(OWN[family])] - max(those.min(), 0.0))


def stored(
    softmax: Softmax, said_from: Mapping[str, float], gain_from: float, card: Mapping[str, Any]
) -> dict[str, Any]:
    """What `CARD_FILE` holds."""
    return {
        "encoders": list(ENCODERS),
        "families": list(FAMILIES),
        "softmax": asdict(softmax),
        "said_from": dict(said_from),
        "gain_from": gain_from,
        "card": dict(card),
    }
