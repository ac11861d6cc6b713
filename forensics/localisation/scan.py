"""A map of a picture: the same measurement and judgement as a verdict's, on windows that stand on a regular lattice.

Windows of 64 pixels, 32 apart, are the finest. Cost is bounded: where that would take more than `limit` windows, the
step grows until it does not, and the windows grow with it to twice the step, up to 256 pixels, so that every pixel is
still seen. `CodecMap.step` and `CodecMap.side` say to what. A step beyond the side leaves stripes that nobody looked
at; `CodecMap.notes` says so in words. Windows reach to the last row and column, so the spacing along an axis is the
step or a little less.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from forensics_models.classes import CLASSES, FINE_CLASSES
from forensics_models.judgement import WindowJudgement, merge_fine

from forensics.errors import PictureError, UsageError
from forensics.executors import Executor
from forensics.former_paths import former_names
from forensics.localisation.agreeing import judged_where_needed
from forensics.localisation.grids import MOST_PIXELS, window_votes
from forensics.pixels import eight_bit
from forensics.results.analysis import Window
from forensics.windows.choice import MINIMUM_SIDE
from forensics.windows.judges import Extractor, Judge, check_match, shipped_extractor, shipped_judge
from forensics.windows.reading import cores, measure_windows

SIDES = (64, 128, 256)
"""Widths and heights of a window, in pixels, of which the smallest is taken that is at least twice the step."""
STEP = 32
"""Pixels between neighbouring windows, where the limit allows; the finest there is: closer ones are all but copies of
each other.
"""
LIMIT = 1024
"""Most windows of one map."""
_FLAT_LEVELS = 0.35
"""Mean absolute difference of neighbours, in 8-bit levels, at which a window counts half as evidence."""


@dataclass(frozen=True, eq=False)
class CodecMap:
    """Judgements of the windows of a lattice.

    Attributes
    ----------
    width, height : int
        Of the picture, in pixels.
    side : int
        Largest width and height of a window, in pixels; a picture narrower or lower than that has narrower or lower
        windows.
    step : int
        Pixels between neighbouring windows, at most.
    tops : np.ndarray [shape=(rows,), dtype=int64]
    lefts : np.ndarray [shape=(columns,), dtype=int64]
        First row and column of the windows, in pixels.
    fine_probabilities : np.ndarray [shape=(rows, columns, 11), dtype=float64]
        Calibrated probabilities over `FINE_CLASSES`.
    log2_ratio : np.ndarray [shape=(rows, columns, 3), dtype=float64]
        Base-2 logarithm of the compression ratio if the window was compressed: lower end, median, upper end of a 90 %
        interval.
    ssim : np.ndarray [shape=(rows, columns, 3), dtype=float64]
        SSIM against the picture before compression, likewise.
    evidence : np.ndarray [shape=(rows, columns), dtype=float64]
        0..1: how much a window can tell. Nothing where every pixel is flat or clipped.
    grid_votes : np.ndarray [shape=(rows, columns, 64), dtype=int64] or None
        The windows' votes for the origins of JPEG's grid (`forensics.localisation.grids`); None where no window is
        JPEG.
    looked_at : np.ndarray [shape=(rows, columns), dtype=bool] or None
        Windows that were judged; the others are as their neighbours, which agree. None where all were.
    notes : tuple of str
        What was left out.
    """

    width: int
    height: int
    side: int
    step: int
    tops: np.ndarray
    lefts: np.ndarray
    fine_probabilities: np.ndarray
    log2_ratio: np.ndarray
    ssim: np.ndarray
    evidence: np.ndarray
    grid_votes: np.ndarray | None = None
    looked_at: np.ndarray | None = None
    notes: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of windows."""
        return len(self.tops), len(self.lefts)

    @property
    def window_height(self) -> int:
        """Height of every window, in pixels."""
        return min(self.side, self.height)

    @property
    def window_width(self) -> int:
        """Width of every window, in pixels."""
        return min(self.side, self.width)

    @cached_property
    def probabilities(self) -> np.ndarray:
        """Probabilities over `CLASSES`, `np.ndarray [shape=(rows, columns, 9), dtype=float64]`."""
        return merge_fine(self.fine_probabilities.reshape(-1, len(FINE_CLASSES))).reshape(*self.shape, -1)

    @cached_property
    def best(self) -> np.ndarray:
        """Index in `CLASSES` of the best class of each window, `np.ndarray [shape=(rows, columns), dtype=int64]`."""
        return self.probabilities.argmax(axis=2)

    @cached_property
    def confidence(self) -> np.ndarray:
        """Evidence times certainty (1 - entropy / log 9), `np.ndarray [shape=(rows, columns), dtype=float64]`, 0..1."""
        p = np.maximum(self.probabilities, 1e-12)
        entropy = -(p * np.log(p)).sum(axis=2) / np.log(len(CLASSES))
        return self.evidence * np.clip(1.0 - entropy, 0.0, 1.0)

    def judgement(self, cells: np.ndarray) -> WindowJudgement:
        """The judgement of some windows; `cells` is `np.ndarray [shape=(rows, columns), dtype=bool]`."""
        return WindowJudgement(self.fine_probabilities[cells], self.log2_ratio[cells], self.ssim[cells])

    def window(self, row: int, column: int) -> Window:
        """The pixels' rectangle of one window."""
        return Window(int(self.tops[row]), int(self.lefts[column]), self.window_height, self.window_width)

    def row_edges(self) -> np.ndarray:
        """Borders of the cells along the rows, `np.ndarray [shape=(rows + 1,), dtype=int64]`, in pixels, from 0 to the
        height.

        A cell holds the pixels that lie nearest to its window's centre; the outer cells reach to the picture's border.
        """
        return _edges(self.tops, self.window_height, self.height)

    def column_edges(self) -> np.ndarray:
        """Borders of the cells along the columns, from 0 to the width; see `row_edges`."""
        return _edges(self.lefts, self.window_width, self.width)

    def to_pixels(self, cells: np.ndarray) -> np.ndarray:
        """Spread an array of cells, `np.ndarray [shape=(rows, columns, ...)]`, over the pixels: `[shape=(height, width,
        ...)]`.
        """
        tall, wide = np.diff(self.row_edges()), np.diff(self.column_edges())
        return np.repeat(np.repeat(cells, tall, axis=0), wide, axis=1)


def window_map(
    pixels: np.ndarray,
    *,
    side: int | None = None,
    step: int = STEP,
    limit: int = LIMIT,
    judge: Judge | None = None,
    extractor: Extractor | None = None,
    threads: int | None = None,
    all_windows: bool = False,
    helper: Executor | None = None,
) -> CodecMap:
    """Judge the windows of a lattice.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width) or (height, width, 3), dtype=uint8 or uint16]
    side : int, optional
        Width and height of a window, in pixels, at least 64; one of `SIDES`, by the step, when left out.
    step : int
        Pixels between neighbouring windows, at least 32.
    limit : int
        Most windows; the step grows to keep it.
    judge, extractor : optional
        Other models and extractors than those shipped.
    threads : int, optional
        Threads that share the windows; by default as many as the process may use cores.
    all_windows : bool
        Whether windows between others that agree are judged too (`forensics.localisation.agreeing`).
    helper : Executor, optional
        Another process that shares the windows with this one (`forensics.windows.helper`), instead of threads.

    Raises
    ------
    PictureError
        A side of the picture is under 64 pixels.
    UsageError
        `side`, `step` or `limit` is too small, or the model was trained on other features than the extractor gives.
    """
    height, width = pixels.shape[:2]
    if min(height, width) < MINIMUM_SIDE:
        raise PictureError(f"{width}x{height} pixels are too few: a map needs {MINIMUM_SIDE} a side")
    _check(side, step, limit)
    judge = shipped_judge("baseline") if judge is None else judge
    extractor = shipped_extractor() if extractor is None else extractor
    check_match(judge, extractor)
    side, used = fitting(height, width, side, step, limit)
    tops, lefts = places(height, min(side, height), used), places(width, min(side, width), used)
    windows = [Window(top, left, min(side, height), min(side, width)) for top in tops for left in lefts]
    pieces = [eight_bit(window.cut(pixels)) for window in windows]
    shape = (len(tops), len(lefts))

    def judged_of(numbers: Sequence[int]) -> WindowJudgement:
        return judge.judge(measure_windows(extractor, [pieces[at] for at in numbers], threads, helper))

    seen_twice = min(side, height) >= min(2 * used, height) and min(side, width) >= min(2 * used, width)
    if all_windows or not seen_twice:
        judged, looked = judged_of(range(len(pieces))), np.ones(shape, bool)
    else:
        judged, looked = judged_where_needed(judged_of, shape)
    jpeg = bool((judged.probabilities[:, CLASSES.index("jpeg")] > 0.5).any())
    votes = None
    if jpeg and height * width <= MOST_PIXELS:
        votes = window_votes(eight_bit(pixels), tops, lefts, min(side, height), min(side, width), cores(threads))
    return CodecMap(
        width=width,
        height=height,
        side=side,
        step=used,
        tops=np.array(tops),
        lefts=np.array(lefts),
        fine_probabilities=judged.fine_probabilities.reshape(*shape, len(FINE_CLASSES)),
        log2_ratio=judged.log2_ratio.reshape(*shape, 3),
        ssim=judged.ssim.reshape(*shape, 3),
        evidence=np.array([evidence_weight(piece) for piece in pieces]).reshape(shape),
        grid_votes=votes,
        looked_at=looked,
        notes=_notes(side, step, used, limit, jpeg and votes is None),
    )


def _check(side: int | None, step: int, limit: int) -> None:
    if side is not None and side < MINIMUM_SIDE:
        raise UsageError(f"windows of a map have at least {MINIMUM_SIDE} pixels a side, not {side}")
    if step < STEP:
        raise UsageError(f"windows of a map stand at least {STEP} pixels apart, not {step}")
    if limit < 1:
        raise UsageError(f"a map has at least one window, not {limit}")


def _count(length: int, side: int, step: int) -> int:
    return math.ceil(max(0, length - side) / step) + 1


def fitting(height: int, width: int, side: int | None, step: int, limit: int) -> tuple[int, int]:
    """The windows' side and the smallest step, not under `step`, at which at most `limit` windows cover a picture.

    Raises `UsageError` where no step is large enough.
    """
    candidate = step
    while True:
        used = _side_for(candidate) if side is None else side
        windows = _count(height, min(used, height), candidate) * _count(width, min(used, width), candidate)
        if windows <= limit:
            return used, candidate
        if candidate > max(height, width):
            raise UsageError(f"{limit} windows are too few for a map: it has at least {windows}")
        candidate += max(1, candidate // 64)


def _side_for(step: int) -> int:
    return next((side for side in SIDES if side >= 2 * step), SIDES[-1])


def places(length: int, side: int, step: int) -> list[int]:
    """First positions of windows along an axis: from 0 to `length - side`, evenly spread, at most `step` apart."""
    count = _count(length, side, step)
    return [int(place) for place in np.rint(np.linspace(0, length - side, count))]


def _edges(firsts: np.ndarray, side: int, length: int) -> np.ndarray:
    middles = (firsts[:-1] + firsts[1:] + side + 1) // 2
    return np.concatenate([[0], middles, [length]]).astype(np.int64)


def evidence_weight(pixels: np.ndarray) -> float:
    """How much a window's pixels can tell, 0..1: their texture on a saturating scale, times their unclipped share
    squared.

    Texture is the mean absolute difference of neighbours of the green or grey channel. A flat window, where every codec
    gives the same pixels, is 0; one with a difference of 0.35 levels is 0.5.
    """
    plane = pixels[:, :, 1] if pixels.ndim == 3 else pixels
    unclipped = float(((plane > 0) & (plane < 255)).mean())
    levels = plane.astype(np.int16)
    texture = float(np.abs(np.diff(levels, axis=1)).mean() + np.abs(np.diff(levels, axis=0)).mean()) / 2
    return texture / (texture + _FLAT_LEVELS) * unclipped**2


def _notes(side: int, requested: int, used: int, limit: int, unvoted: bool) -> tuple[str, ...]:
    notes = []
    if used > requested:
        notes.append(
            f"windows stand {used} pixels apart instead of {requested}, so that no more than {limit} are judged"
        )
    if used > side:
        notes.append(f"between windows, stripes of up to {used - side} pixels were not looked at")
    if unvoted:
        notes.append(f"JPEG grids were not compared: the picture has more than {MOST_PIXELS // 1_000_000} megapixels")
    return tuple(notes)


__getattr__ = former_names(__name__)
