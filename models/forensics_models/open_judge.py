"""The open judge: which lossy process was the last, of the codecs or of any other, and what happened to the picture
since.

A network on the features of codecs and of processing (`open_network`) gives margins over `classes.OPEN_CLASSES`, and
says what happened since (`classes.AFTERWARDS`); the judge of codecs (its mode `baseline`), which knows pictures
straight from a decoder better, gives probabilities over its own classes. `Combination` weighs both: the less likely
that nothing happened since, the less the judge of codecs counts. `Answers` are the thresholds under which nothing is
named, by what happened since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np

from forensics_models.calibration import REFERENCE_LOG2_PIXELS, SizedScaling, softmax
from forensics_models.classes import (
    AFTERWARDS,
    BEYOND,
    FINE_CLASSES,
    OPEN_CLASSES,
    OTHER_LOSSY,
    family_of,
    process_of,
)
from forensics_models.open_network import OpenNetwork
from forensics_models.storage import read_card

NETWORK_FILE = "open_network.npz"
CARD_FILE = "open.json"

PROCESS_NAMES = tuple(dict.fromkeys(process_of(name) for name in OPEN_CLASSES))
"""Processes of a verdict: the classes of `OPEN_CLASSES` with JPEG XR's overlap modes as one, `uncompressed` first."""

FAMILY_NAMES = tuple(dict.fromkeys(map(family_of, PROCESS_NAMES)))
"""Processes with those that share one art of coding as one (`classes.FAMILIES`), `uncompressed` first: what an answer
is certain of.
"""

_TO_FAMILY = np.array([FAMILY_NAMES.index(family_of(name)) for name in PROCESS_NAMES])

MEMBER_SHARE = 0.75
"""Share of its family's probability from which a member is named instead of the family: three to one."""

TESTED_EXACTLY = ("jpeg-ls-near", "webp-near-lossless", "lerc")
"""Processes that bound the error of every sample. An exact test finds them where they are, so that what resembles them
without passing it counts little.
"""
MISSED = 0.02
"""Share of their probability that is left to them: an exact test of `forensics.processes` is to find 98 of 100."""

APART = ("jpegxr",)
"""Families with thresholds of their own: what was resized or filtered resembles JPEG XR's overlapped blocks of 4x4
pixels more than any other codec (7 of the 8 untouched validation windows that were named)."""

_APART = np.isin(FAMILY_NAMES, APART)

OTHER = FAMILY_NAMES.index(OTHER_LOSSY)

_BEYOND = np.isin(PROCESS_NAMES, BEYOND)

_TO_PROCESS = np.array([PROCESS_NAMES.index(process_of(name)) for name in OPEN_CLASSES])

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("nothing", ("nothing",)),
    ("resampled", ("enlarged", "reduced", "rotated")),
    ("filtered", ("blurred", "sharpened", "median")),
    ("recoloured", ("recoloured",)),
    ("grey", ("grey",)),
    ("palette", ("palette",)),
    ("noise", ("noise",)),
    ("composited", ("composited",)),
    ("several", ("several",)),
)
"""The third question's answers, each with the members of `AFTERWARDS` that it sums."""

_TO_GROUP = np.array([next(g for g, (_, members) in enumerate(GROUPS) if name in members) for name in AFTERWARDS])

NEVER = 1.01
"""A threshold that no probability reaches."""

_LONGEST_LOG_ODDS = 6.0
"""Log-odds that nothing happened since are clipped to this before they weigh anything."""


@dataclass(frozen=True)
class Combination:
    """The weights of both judges: `weights` are (level, size) of the network, (level, size, nothing) of the judge of
    codecs, and its reach.

    The network counts exp(a + b s), the judge of codecs exp(c + d s + e n) with s = log2 pixels - 16 and n the clipped
    log-odds that nothing happened since. To processes that the judge of codecs does not know it gives the logarithm of
    its best class, less `weights[5]`: what it cannot see it does not rule out.
    """

    weights: tuple[float, ...]
    bias: tuple[float, ...]

    def logits(self, margins: np.ndarray, codec_logs: np.ndarray, nothing: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """Logits over `OPEN_CLASSES`, `np.ndarray [shape=(n, k), dtype=float64]`; arguments as of
        `open_training.fit_combination`.
        """
        a, b, c, d, e, reach = self.weights
        size = sizes - REFERENCE_LOG2_PIXELS
        odds = np.clip(nothing, -_LONGEST_LOG_ODDS, _LONGEST_LOG_ODDS)
        network = np.exp(np.clip(a + b * size, -8, 3))[:, None] * margins
        codecs = np.exp(np.clip(c + d * size + e * odds, -8, 3))[:, None]
        wide = np.empty((len(margins), len(OPEN_CLASSES)))
        wide[:, : len(FINE_CLASSES)] = codec_logs
        wide[:, len(FINE_CLASSES) :] = codec_logs.max(axis=1, keepdims=True) - reach
        return network + codecs * wide + np.asarray(self.bias)

    def as_dict(self) -> dict[str, list[float]]:
        """Plain values for a model card."""
        return {"weights": list(self.weights), "bias": list(self.bias)}


@dataclass(frozen=True)
class Answers:
    """Thresholds of answers, by group of `GROUPS`.

    Attributes
    ----------
    named, named_apart : tuple of float
        Probability of a family from which on it, or a member of it, is named; the second of those of `APART`.
    uncompressed : tuple of float
        Probability from which on a picture is called uncompressed: of an untouched picture the group has no truth, but
        says what compressed pictures it could be taken for.
    accuse : float
        Probability of any lossy process under which none is named.
    beyond : tuple of float
        Probability of all processes beyond the codecs (`classes.BEYOND`) from which on the answer is `other-lossy`
        where none of them can be named.
    """

    named: tuple[float, ...]
    named_apart: tuple[float, ...]
    uncompressed: tuple[float, ...]
    accuse: float
    beyond: tuple[float, ...] = (NEVER,) * len(GROUPS)

    def answer(self, processes: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """Index in `FAMILY_NAMES` of the family that is named in each row, 0 for uncompressed, -1 for inconclusive."""
        named = self.named_family(processes, groups)
        other = (named < 0) & (beyond(processes) >= np.asarray(self.beyond)[groups])
        return np.where(other, OTHER, named)

    def named_family(self, processes: np.ndarray, groups: np.ndarray) -> np.ndarray:
        """As `answer`, with no more than a family's own probability."""
        families = merged_families(processes)
        best, top = families.argmax(axis=1), families.max(axis=1)
        named = np.where(_APART[best], np.asarray(self.named_apart)[groups], np.asarray(self.named)[groups])
        clean = np.asarray(self.uncompressed)[groups]
        sure = np.where(best == 0, top >= clean, (top >= named) & (1 - processes[:, 0] >= self.accuse))
        return np.where(sure, best, -1)


@dataclass(frozen=True)
class OpenJudgement:
    """What the open judge says of n windows.

    Attributes
    ----------
    probabilities : np.ndarray [shape=(n, len(OPEN_CLASSES)), dtype=float64]
    afterwards : np.ndarray [shape=(n, len(AFTERWARDS)), dtype=float64]
    """

    probabilities: np.ndarray
    afterwards: np.ndarray


def merged_processes(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities over `OPEN_CLASSES` summed to `PROCESS_NAMES`, `np.ndarray [shape=(n, p)]`."""
    merged = np.zeros((len(probabilities), len(PROCESS_NAMES)))
    for index, target in enumerate(_TO_PROCESS):
        merged[:, target] += probabilities[:, index]
    return merged


def left_to_models(processes: np.ndarray) -> np.ndarray:
    """Probabilities over `PROCESS_NAMES` with those of `TESTED_EXACTLY` cut to `MISSED` of themselves; rows sum to 1
    again.
    """
    left = processes * np.where(np.isin(PROCESS_NAMES, TESTED_EXACTLY), MISSED, 1.0)
    return left / left.sum(axis=1, keepdims=True)


def merged_families(processes: np.ndarray) -> np.ndarray:
    """Probabilities over `PROCESS_NAMES` summed to `FAMILY_NAMES`, `np.ndarray [shape=(n, f)]`."""
    merged = np.zeros((len(processes), len(FAMILY_NAMES)))
    for index, target in enumerate(_TO_FAMILY):
        merged[:, target] += processes[:, index]
    return merged


def beyond(processes: np.ndarray) -> np.ndarray:
    """Probability of all processes of `classes.BEYOND` together, `np.ndarray [shape=(n,)]`."""
    return np.asarray(processes[:, _BEYOND].sum(axis=1))


def families_of(processes: np.ndarray) -> np.ndarray:
    """Index in `FAMILY_NAMES` of indices in `PROCESS_NAMES`."""
    return _TO_FAMILY[processes]


def together(probabilities: np.ndarray, pictures: np.ndarray, dependence: float) -> np.ndarray:
    """Probabilities of pictures from their windows', `np.ndarray [shape=(pictures.max() + 1, k)]`.

    Windows of one picture share content and history: n of them count as n to the power of `dependence`.

    Parameters
    ----------
    probabilities : np.ndarray [shape=(n, k)]
    pictures : np.ndarray [shape=(n,), dtype=int]
        The number of each window's picture, from 0.
    dependence : float
        0 for windows that all say the same, 1 for independent ones.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_models.open_judge import together
    >>> two = np.array([[0.8, 0.2], [0.8, 0.2]])
    >>> [together(two, np.zeros(2, int), d).round(3).tolist() for d in (0.0, 1.0)]
    [[[0.8, 0.2]], [[0.941, 0.059]]]
    """
    count = np.bincount(pictures)
    logs = np.zeros((len(count), probabilities.shape[1]))
    np.add.at(logs, pictures, np.log(np.maximum(probabilities, 1e-9)))
    return softmax(logs * (count ** (dependence - 1.0))[:, None])


def merged_afterwards(afterwards: np.ndarray) -> np.ndarray:
    """Probabilities over `AFTERWARDS` summed to `GROUPS`, `np.ndarray [shape=(n, g)]`."""
    merged = np.zeros((len(afterwards), len(GROUPS)))
    for index, target in enumerate(_TO_GROUP):
        merged[:, target] += afterwards[:, index]
    return merged


def group_of(afterwards: np.ndarray) -> np.ndarray:
    """Index in `GROUPS` of the most probable group, `np.ndarray [shape=(n,), dtype=int64]`."""
    return merged_afterwards(afterwards).argmax(axis=1)


class OpenJudge:
    """The open judge in a folder; `card` as of the other judges."""

    def __init__(self, folder: Path | Traversable) -> None:
        stored = read_card(folder / CARD_FILE)
        self.folder: Any = folder
        self.card: dict[str, Any] = stored["card"]
        self.feature_names: tuple[str, ...] = tuple(stored["feature_names"])
        self.features_version: int = stored["features_version"]
        scaling = stored["after_scaling"]
        self._scaling = SizedScaling(**{**scaling, "bias": tuple(scaling["bias"])})
        self._combination = Combination(*(tuple(stored["combination"][name]) for name in ("weights", "bias")))
        answers = stored["answers"]
        self.answers = Answers(
            tuple(answers["named"]),
            tuple(answers.get("named_apart", answers["named"])),
            tuple(answers["uncompressed"]),
            float(answers["accuse"]),
            tuple(answers.get("beyond", (NEVER,) * len(GROUPS))),
        )
        self._dependence: tuple[float, float] = tuple(stored["window_dependence"])
        self._size = self.feature_names.index("picture.log2_pixels")

    @cached_property
    def _network(self) -> OpenNetwork:
        return OpenNetwork.read(self.folder / NETWORK_FILE)

    def prepare(self) -> None:
        """Load the network now; otherwise the first judgement does."""
        _ = self._network

    def judge(self, features: np.ndarray, codec_trees: np.ndarray, codec_probabilities: np.ndarray) -> OpenJudgement:
        """Judge windows.

        Parameters
        ----------
        features : np.ndarray [shape=(n, len(feature_names)), dtype=float32]
        codec_trees, codec_probabilities : np.ndarray [shape=(n, len(FINE_CLASSES))]
            What the trees of the judge of codecs, and what that judge as a whole, say of the same windows.

        Raises
        ------
        ValueError
            Shapes do not fit.
        """
        features = np.ascontiguousarray(features, np.float32)
        if features.ndim != 2 or features.shape[1] != len(self.feature_names):
            raise ValueError(f"features have shape (n, {len(self.feature_names)}), not {features.shape}")
        for given in (codec_trees, codec_probabilities):
            if given.shape != (len(features), len(FINE_CLASSES)):
                raise ValueError(f"the codec judge's probabilities have shape {given.shape}")
        features = with_codecs(features, codec_trees)
        margins, after_margins = self._network.margins(features)
        sizes = features[:, self._size].astype(np.float64)
        after = self._scaling.probabilities(after_margins, sizes)
        nothing = np.log(after[:, 0] + 1e-6) - np.log(1 - after[:, 0] + 1e-6)
        logits = self._combination.logits(margins, log_probabilities(codec_probabilities), nothing, sizes)
        return OpenJudgement(softmax(logits), after)

    def combine(self, windows: OpenJudgement) -> tuple[dict[str, float], dict[str, float]]:
        """Probabilities of a picture by process and by what happened since, from its windows'."""
        whole = np.zeros(len(windows.probabilities), int)
        process, after = (
            together(part, whole, dependence)
            for part, dependence in zip((windows.probabilities, windows.afterwards), self._dependence, strict=True)
        )
        return (
            dict(zip(PROCESS_NAMES, left_to_models(merged_processes(process))[0].tolist(), strict=True)),
            dict(zip((name for name, _ in GROUPS), merged_afterwards(after)[0].tolist(), strict=True)),
        )

    def answer(self, processes: Mapping[str, float], afterwards: Mapping[str, float]) -> str:
        """What is named: `uncompressed`, a process, a family whose members cannot be distinguished, `other-lossy` for
        one of several beyond the codecs, or an empty string where nothing is certain enough.
        """
        row = np.array([[processes[name] for name in PROCESS_NAMES]])
        group = np.array([int(np.argmax([afterwards[name] for name, _ in GROUPS]))])
        said = int(self.answers.answer(row, group)[0])
        if said < 0:
            return ""
        return member_or_family(FAMILY_NAMES[said], processes)


def by_family(processes: Mapping[str, float]) -> dict[str, float]:
    """Probabilities of processes summed to families."""
    families: dict[str, float] = {}
    for name, p in processes.items():
        families[family_of(name)] = families.get(family_of(name), 0.0) + p
    return families


def member_or_family(family: str, processes: Mapping[str, float]) -> str:
    """The most probable member of a family where it holds `MEMBER_SHARE` of the family's probability, else the
    family.
    """
    members = {name: p for name, p in processes.items() if family_of(name) == family}
    best = max(members, key=lambda name: members[name])
    return best if members[best] >= MEMBER_SHARE * sum(members.values()) else family


def with_codecs(features: np.ndarray, codec_trees: np.ndarray) -> np.ndarray:
    """The columns that the open judge's network takes: features, then the logarithms of what the trees of the judge of
    codecs say.

    On pictures straight from a decoder those trees, trained on many times the files, know better; where they can be
    trusted is learned.
    """
    return np.concatenate([features, log_probabilities(codec_trees).astype(np.float32)], axis=1)


def log_probabilities(probabilities: np.ndarray) -> np.ndarray:
    """Natural logarithms of probabilities, not under that of 10^-6."""
    return np.log(np.maximum(probabilities, 1e-6))
