"""Splices without supervision: connected regions whose compression history differs from the rest of the picture.

Every window of the map has a likelihood for every history: its calibrated probability over the codecs, with a floor that stands for the
windows on which the model errs with confidence, and weighed by how much the window can tell, so that flat sky argues for nothing. The
most probable smooth labelling of the lattice (`labelling`) divides the picture; the history of the largest share is the *host*,
and each connected rest is a candidate.

A candidate counts by its *score*: how much more likely its windows are under its own history than under the host's, in nats, divided by
how often overlapping windows see each pixel. How large a score chance brings in pictures with one history was measured on untouched
validation pictures: the number of candidates above a score falls exponentially, and `log10_nfa` is that fall, times the number of
independent windows. It is the number of false alarms expected in a picture of this size; a region is reported from `NFA_LIMIT` on.
BPG and HEIC share HEVC intra coding and are one history here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from forensics_models.classes import CLASSES, HEVC_INTRA
from scipy import ndimage

from forensics.analysis import Judge, shipped_judge
from forensics.localisation.labelling import smooth_labels
from forensics.localisation.scan import CodecMap
from forensics.wording import HEVC_FAMILY

NFA_LIMIT = 1e-2
"""Regions are reported from this expected number of false alarms a picture on."""
SMOOTHNESS = 2.0
"""Cost, in nats, of two neighbouring windows with different histories."""
FLOOR = 0.02
"""Share of windows on which the model may err with confidence: probabilities are mixed with this much of the uniform distribution."""
_TAIL_START = 0.0
_TAIL_FALL = 1.0

HISTORIES = (HEVC_FAMILY, *(name for name in CLASSES if name not in HEVC_INTRA))
"""Histories told apart: the classes, with BPG and HEIC as one."""
_HISTORY_OF = [HISTORIES.index(HEVC_FAMILY if name in HEVC_INTRA else name) for name in CLASSES]
_MEMBERS = np.eye(len(HISTORIES))[_HISTORY_OF]


@dataclass(frozen=True, eq=False)
class Region:
    """A region that departs from its host.

    Attributes
    ----------
    cells : np.ndarray [shape=(rows, columns), dtype=bool]
        The windows of the map that make it up.
    history : str
        Its history, one of `HISTORIES`.
    codec : str
        The most probable class of its windows together.
    probability : float
        Calibrated probability of `codec` (of the whole history for `hevc-intra`).
    ratio : tuple of float
        Compression ratio with its 90 % interval: low, estimate, high; NaN for `uncompressed`.
    score : float
        Log-likelihood ratio against the host, in nats, for independent windows.
    log10_nfa : float
        Decimal logarithm of the number of false alarms expected in a picture of this size.
    """

    cells: np.ndarray
    history: str
    codec: str
    probability: float
    ratio: tuple[float, float, float]
    score: float
    log10_nfa: float


@dataclass(frozen=True, eq=False)
class Localisation:
    """What was found in a map.

    Attributes
    ----------
    map : CodecMap
    host : str
        History of the largest share.
    regions : tuple of Region
        Regions that depart from the host, most significant first.
    candidates : tuple of Region
        All that the labelling cut out, the reported ones among them.
    """

    map: CodecMap
    host: str
    regions: tuple[Region, ...]
    candidates: tuple[Region, ...]

    @property
    def mask(self) -> np.ndarray:
        """Pixels inside any region, `np.ndarray [shape=(height, width), dtype=bool]`."""
        cells = np.zeros(self.map.shape, bool)
        for region in self.regions:
            cells |= region.cells
        return self.map.to_pixels(cells)


def locate(scanned: CodecMap, *, judge: Judge | None = None, nfa_limit: float = NFA_LIMIT) -> Localisation:
    """Find the regions of a map whose history differs from the host's.

    Parameters
    ----------
    scanned : CodecMap
    judge : optional
        The judge that made the map; the shipped one when left out. It combines a region's windows.
    nfa_limit : float
        Regions with fewer expected false alarms a picture are reported.
    """
    judge = shipped_judge() if judge is None else judge
    likelihoods = log_likelihoods(scanned)
    labels = smooth_labels(-likelihoods, SMOOTHNESS)
    host = _host(labels, scanned)
    candidates = []
    for label in sorted(set(labels.ravel().tolist()) - {host}):
        parts, count = ndimage.label(labels == label)
        for part in range(1, count + 1):
            candidates.append(_region(scanned, likelihoods, parts == part, label, host, judge))
    candidates = _absorbed(scanned, sorted(candidates, key=lambda region: -region.score))
    limit = math.log10(nfa_limit)
    return Localisation(scanned, HISTORIES[host], tuple(r for r in candidates if r.log10_nfa <= limit), tuple(candidates))


def _absorbed(scanned: CodecMap, candidates: list[Region]) -> list[Region]:
    """Candidates, strongest first; what only windows across the border of a stronger one make up joins that one.

    A window with pixels of two histories may look like a third. Such windows make up a strip no wider than a window reaches.
    """
    reach = max(1, math.ceil(scanned.window_width / scanned.step) - 1)
    kept: list[Region] = []
    for region in candidates:
        for index, stronger in enumerate(kept):
            near = ndimage.binary_dilation(stronger.cells, np.ones((3, 3), bool), iterations=reach)
            touching = ndimage.binary_dilation(stronger.cells) & region.cells
            if touching.any() and not (region.cells & ~near).any():
                kept[index] = replace(stronger, cells=stronger.cells | region.cells)
                break
        else:
            kept.append(region)
    return kept


def log_likelihoods(scanned: CodecMap) -> np.ndarray:
    """Weighed log-likelihood of each history, `np.ndarray [shape=(rows, columns, len(HISTORIES)), dtype=float64]`."""
    histories = scanned.probabilities @ _MEMBERS
    floored = (1 - FLOOR) * histories + FLOOR / len(HISTORIES)
    return scanned.evidence[:, :, None] * np.log(floored)


def _host(labels: np.ndarray, scanned: CodecMap) -> int:
    share = np.bincount(labels.ravel(), scanned.evidence.ravel() + 1e-6, len(HISTORIES))
    return int(share.argmax())


def independence(scanned: CodecMap) -> float:
    """Share of a window's pixels that no other window counts: 1 where windows do not overlap."""
    tall = scanned.height / scanned.shape[0] / scanned.window_height
    wide = scanned.width / scanned.shape[1] / scanned.window_width
    return min(1.0, tall) * min(1.0, wide)


def log10_false_alarms(score: float, scanned: CodecMap) -> float:
    """Decimal logarithm of how many candidates of at least this score an untouched picture of this size is expected to have."""
    independent = scanned.probabilities[:, :, 0].size * independence(scanned)
    return math.log10(independent) + _TAIL_START - _TAIL_FALL * score


def _region(
    scanned: CodecMap, likelihoods: np.ndarray, cells: np.ndarray, label: int, host: int, judge: Judge
) -> Region:
    gains = (likelihoods[:, :, label] - likelihoods[:, :, host])[cells]
    score = float(gains.sum()) * independence(scanned)
    whole = judge.combine(scanned.judgement(cells))
    history = HISTORIES[label]
    members = [k for k, history in enumerate(_HISTORY_OF) if history == label]
    codec = CLASSES[max(members, key=lambda k: whole.probabilities[k])]
    low, estimate, high = whole.ratio if history != "uncompressed" else (math.nan, math.nan, math.nan)
    return Region(
        cells=cells,
        history=history,
        codec=codec,
        probability=float(sum(whole.probabilities[k] for k in members)),
        ratio=(float(low), float(estimate), float(high)),
        score=score,
        log10_nfa=log10_false_alarms(score, scanned),
    )
