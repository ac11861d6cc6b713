"""Which windows of a lattice need not be judged: those that lie between others which agree.

Every second window of every second row is judged first. Where a window is at least two steps wide, those see all of the
picture already, and a window between them overlaps each of its neighbours by half. Where the neighbours are all certain
of one class (BPG and HEIC count as one), it is taken to be as they are; else it is judged too. So is, until there is
none left, a window next to one that was judged to be of another class than it is taken to be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from forensics_models.classes import CLASSES, HEVC_INTRA
from forensics_models.judgement import WindowJudgement

CERTAIN_FROM = 0.5
"""Probability of its best class from which a window is certain. 60 pictures of validation sources, 1280x960, 45 of them
spliced (parts of 96 to 384 pixels, windows of 128): from 0.5, 0.6 and 0.7 on the regions that are reported are the
same, to the cell, as where all windows are judged, in 59; in one a part that lies at the limit is reported as well,
which was spliced in. At 0.4 a region is lost. At 0.5 37 % of the windows of spliced pictures are judged and 29 % of
plain ones, at 0.7 41 and 32 %. Without the windows next to those that disagree a region differed by one to three cells
in 5 of 60 at 0.6, in 3 at 0.7."""


def judged_where_needed(
    judge: Callable[[Sequence[int]], WindowJudgement], shape: tuple[int, int]
) -> tuple[WindowJudgement, np.ndarray]:
    """The judgement of all windows of a lattice, and which of them were looked at.

    Parameters
    ----------
    judge : callable
        Judges windows, given by their numbers row by row.
    shape : tuple of int
        Rows and columns.

    Returns
    -------
    WindowJudgement
        Row by row. Of a window that was not looked at: the mean of its judged neighbours', of probabilities in
        logarithms.
    np.ndarray [shape=shape, dtype=bool]
    """
    first = np.logical_and.outer(*(_every_other(count) for count in shape))
    classes, sure, looked = np.full(shape, -1), np.zeros(shape, bool), np.zeros(shape, bool)
    parts = []
    needed = first
    while needed.any():
        numbers = np.flatnonzero(needed)
        judged = judge(numbers.tolist())
        parts.append((numbers, judged))
        merged = _with_one_hevc(judged.probabilities)
        classes[needed], sure[needed] = merged.argmax(axis=1), merged.max(axis=1) >= CERTAIN_FROM
        further = _beside_others(first, looked | needed, classes) if looked.any() else ~_between(first, classes, sure)
        looked = looked | needed
        needed = further & ~looked
    return _filled(parts, first, looked), looked


def _with_one_hevc(probabilities: np.ndarray) -> np.ndarray:
    """Probabilities over `CLASSES` with BPG and HEIC as one, as histories have them."""
    one, *others = (CLASSES.index(name) for name in HEVC_INTRA)
    merged = probabilities.copy()
    for other in others:
        merged[:, one] += merged[:, other]
        merged[:, other] = 0.0
    return merged


def _every_other(count: int) -> np.ndarray:
    chosen = np.arange(count) % 2 == 0
    chosen[-1] = True
    return chosen


def _around(row: int, column: int, first: np.ndarray) -> np.ndarray:
    """Numbers of the cells of `first` that touch a cell."""
    near = np.zeros_like(first)
    near[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2] = True
    return np.flatnonzero(near & first)


def _between(first: np.ndarray, classes: np.ndarray, sure: np.ndarray) -> np.ndarray:
    """Which of the other cells lie between cells of `first` that are sure of one class."""
    found = np.zeros_like(first)
    for row, column in np.argwhere(~first).tolist():
        near = _around(row, column, first)
        found[row, column] = sure.flat[near].all() and len(set(classes.flat[near].tolist())) == 1
    return found


def _beside_others(first: np.ndarray, looked: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Which cells that were not looked at touch one that was and is of another class than those of `first` around."""
    found = np.zeros_like(first)
    for row, column in np.argwhere(~looked).tolist():
        taken = classes.flat[_around(row, column, first)[0]]
        found[row, column] = bool((classes.flat[_around(row, column, looked)] != taken).any())
    return found


def _filled(
    parts: Sequence[tuple[np.ndarray, WindowJudgement]], first: np.ndarray, looked: np.ndarray
) -> WindowJudgement:
    logs, ratio, ssim = (
        _placed([(at, values(one)) for at, one in parts], first.size)
        for values in (
            lambda one: np.log(np.maximum(one.fine_probabilities, 1e-9)),
            lambda one: one.log2_ratio,
            lambda one: one.ssim,
        )
    )
    for row, column in np.argwhere(~looked).tolist():
        at, near = row * first.shape[1] + column, _around(row, column, first)
        for values in (logs, ratio, ssim):
            values[at] = values[near].mean(axis=0)
    fine = np.exp(logs)
    return WindowJudgement(fine / fine.sum(axis=1, keepdims=True), ratio, ssim)


def _placed(parts: Sequence[tuple[np.ndarray, np.ndarray]], count: int) -> np.ndarray:
    whole = np.zeros((count, *parts[0][1].shape[1:]))
    for at, values in parts:
        whole[at] = values
    return whole
