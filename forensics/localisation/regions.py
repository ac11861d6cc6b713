"""Splices without supervision: connected regions whose compression history differs from the rest of the picture.

The most probable smooth labelling of the map's lattice (`labelling`, `histories`) divides the picture; the history of
the largest share of it and of its frame is the *host*, and each connected rest is a candidate: of another codec
(`codec`), or of another JPEG file (`grid`). Two strengths of one codec are not distinguished: the estimate of the ratio
follows a picture's content as much as the quantiser.

A candidate counts by its *score*: how much more likely its windows are under its own history than under the host's, in
nats beyond `MARGIN` a window, for windows of one picture share its content and so their errors, divided by how often
overlapping windows see each pixel. How large a score chance brings in pictures with one history was measured on
untouched validation pictures: the number of candidates above a score falls exponentially, and `log10_nfa` is that fall,
times the number of independent windows. It is the number of false alarms expected in a picture of this size; a region
is reported from `NFA_LIMIT` on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from forensics_models.classes import CLASSES
from scipy import ndimage

from forensics.localisation.histories import History, likelihoods
from forensics.localisation.labelling import smooth_labels
from forensics.localisation.scan import CodecMap
from forensics.windows.judges import Judge, shipped_judge

if TYPE_CHECKING:
    from forensics_features.inset import Inset

NFA_LIMIT = 1e-2
"""Regions are reported from this expected number of false alarms a picture on."""
SMOOTHNESS = 0.5
"""Cost, in nats, of two neighbouring windows with different histories."""
MARGIN = 1.5
"""Log-likelihood ratio of a window, in nats, that counts for nothing."""


class Tail(NamedTuple):
    """How often untouched pictures have candidates: 10 ** (`start` - `fall` * score) an independent window have at
    least a score.
    """

    start: float
    fall: float


TAILS = {"codec": Tail(-2.5, 0.6), "grid": Tail(-2.5, 0.434)}
"""Tails by kind of candidate.

Laid above what 240 untouched validation pictures gave (7,600 independent windows, `SMOOTHNESS` 0.5: 15 candidates
`codec` above 0, the highest at 0.6; no candidate `grid`), for pictures unlike those. 308 others, with every
preparation, codec and many decoders (8,100 independent windows), gave 24 above 0 and two above 1, at 4.5 and 6.1, fine
files whose traces fade in part of the picture: the slow fall keeps the promise there too, with 2 pictures of 308
reported at a limit of 0.01 a picture.
"""


@dataclass(frozen=True, eq=False)
class Region:
    """A region that departs from its host.

    Attributes
    ----------
    cells : np.ndarray [shape=(rows, columns), dtype=bool]
        The windows of the map that make it up.
    kind : str
        `codec`, or `grid` where the host is JPEG too, on another grid.
    history : History
        Its codec, BPG and HEIC as one, and the JPEG grid.
    codec : str
        The most probable class of `history`, from its windows together.
    probability : float
        Calibrated probability of the history's codec.
    ratio : tuple of float
        Compression ratio with its 90 % interval: low, estimate, high; NaN for `uncompressed`.
    score : float
        Log-likelihood ratio against the host beyond `MARGIN`, in nats, for independent windows.
    log10_nfa : float
        Decimal logarithm of the number of false alarms expected in a picture of this size.

    Examples
    --------
    A square that was never compressed, in a JPEG:

    >>> import numpy as np
    >>> import forensics
    >>> jpeg = forensics.open_picture("examples/jpeg.png").pixels
    >>> host = np.vstack([np.hstack([jpeg[:240, 3:251]] * 2)] * 2)  # its grid goes on: both are multiples of 8
    >>> host[160:320, 160:320] = forensics.open_picture("examples/uncompressed.png").pixels[:160, :160]
    >>> (region,) = forensics.examine(host, history=False).localisation.regions
    >>> region.kind, region.codec, region.log10_nfa < -2
    ('codec', 'uncompressed', True)
    """

    cells: np.ndarray
    kind: str
    history: History
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
    host : History
        History of the largest share.
    regions : tuple of Region
        Regions that depart from the host, most significant first.
    candidates : tuple of Region
        All that the labelling cut out, the reported ones among them.
    inset : Inset or None
        The part of the stored picture that was mapped, where it is set into flat surroundings.

    Examples
    --------
    >>> import forensics
    >>> found = forensics.examine("examples/jpeg.png", history=False).localisation
    >>> found.regions, found.mask.any().item()
    ((), False)
    """

    map: CodecMap
    host: History
    regions: tuple[Region, ...]
    candidates: tuple[Region, ...]
    inset: Inset | None = None

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
    judge = shipped_judge("baseline") if judge is None else judge
    histories, values = likelihoods(scanned)
    labels = smooth_labels(-values, SMOOTHNESS)
    host = _host(labels, scanned.evidence, len(histories))
    parts = [
        _region(scanned, cells, histories[label], histories[host], values[:, :, label] - values[:, :, host], judge)
        for label in np.unique(labels)
        if label != host
        for cells in _connected(labels == label)
    ]
    candidates = _absorbed(scanned, sorted(parts, key=lambda region: region.log10_nfa))
    limit = math.log10(nfa_limit)
    reported = tuple(region for region in candidates if region.log10_nfa <= limit)
    return Localisation(scanned, histories[host], reported, tuple(candidates))


def _host(labels: np.ndarray, evidence: np.ndarray, count: int) -> int:
    """The label with the largest share of the picture and of its frame together: what was pasted in rarely holds the
    frame.
    """
    weights = evidence + 1e-6
    frame = np.ones(labels.shape, bool)
    frame[1:-1, 1:-1] = False
    area = np.bincount(labels.ravel(), weights.ravel(), count) / weights.sum()
    border = np.bincount(labels[frame], weights[frame], count) / weights[frame].sum()
    return int((area + border).argmax())


def _connected(cells: np.ndarray) -> list[np.ndarray]:
    parts, count = ndimage.label(cells)
    return [parts == part for part in range(1, count + 1)]


def _reach(scanned: CodecMap) -> int:
    """How many windows further a window still shares pixels with the first."""
    return max(1, math.ceil(scanned.window_width / scanned.step) - 1)


def _absorbed(scanned: CodecMap, candidates: list[Region]) -> list[Region]:
    """Candidates, the most significant first; what windows across the border of one make up joins that one.

    A window with pixels of two histories may look like a third. Such windows make up a strip no wider than a window
    reaches.
    """
    kept: list[Region] = []
    for region in candidates:
        for index, stronger in enumerate(kept):
            near = ndimage.binary_dilation(stronger.cells, np.ones((3, 3), bool), iterations=_reach(scanned))
            touching = ndimage.binary_dilation(stronger.cells) & region.cells
            if touching.any() and not (region.cells & ~near).any():
                kept[index] = replace(stronger, cells=stronger.cells | region.cells)
                break
        else:
            kept.append(region)
    return kept


def independence(scanned: CodecMap) -> float:
    """Share of a window's pixels that no other window counts: 1 where windows do not overlap."""
    tall = scanned.height / scanned.shape[0] / scanned.window_height
    wide = scanned.width / scanned.shape[1] / scanned.window_width
    return min(1.0, tall) * min(1.0, wide)


def log10_false_alarms(score: float, kind: str, scanned: CodecMap) -> float:
    """Decimal logarithm of how many candidates of at least this score an untouched picture of this size is expected to
    have.
    """
    tail = TAILS[kind]
    windows = scanned.shape[0] * scanned.shape[1] * independence(scanned)
    return math.log10(windows) + tail.start - tail.fall * score


def _region(
    scanned: CodecMap,
    cells: np.ndarray,
    history: History,
    host: History,
    gains: np.ndarray,
    judge: Judge,
) -> Region:
    kind = "grid" if history.codec == host.codec else "codec"
    score = float((gains[cells] - MARGIN).sum()) * independence(scanned)
    whole = judge.combine(scanned.judgement(cells))
    members = history.members()
    low, estimate, high = whole.ratio if history.codec != "uncompressed" else (math.nan, math.nan, math.nan)
    return Region(
        cells=cells,
        kind=kind,
        history=history,
        codec=CLASSES[max(members, key=lambda k: whole.probabilities[k])],
        probability=float(sum(whole.probabilities[k] for k in members)),
        ratio=(float(low), float(estimate), float(high)),
        score=score,
        log10_nfa=log10_false_alarms(score, kind, scanned),
    )
