"""Which windows of a lattice need not be judged: those that lie between others which agree.

Every second window of every second row is judged first. Where a window is at least two steps wide, those see all of the
picture already, and a window between them overlaps each of its neighbours by half. Where the neighbours are all certain
of one class (BPG and HEIC count as one), it is taken to be as they are; else it is judged too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from forensics_models.classes import CLASSES, HEVC_INTRA
from forensics_models.judgement import WindowJudgement

CERTAIN_FROM = 0.6
"""Probability of its best class from which a window is certain. Pictures of validation sources: 45 spliced and 15 plain
ones of 1.2 megapixels (parts of 96 to 384 pixels, windows of 128), 36 and 12 of 0.4 (48 to 192, windows of 64), and as
many as the first again, most of them coded as HEIC or AVIF. From 0.8, 0.9, 0.95 and 0.98 on in the first two sets, from
0.5, 0.6, 0.7 and 0.8 on in the third, the regions that are reported are the same, to the cell, as where all windows are
judged; at 0.8 46 to 52 % of the windows of spliced pictures are judged and 37 to 41 % of plain ones, at 0.7 47 and 36 %
in the third set."""


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
    numbers = np.flatnonzero(first)
    judged = judge(numbers.tolist())
    classes, sure = np.full(shape, -1), np.zeros(shape, bool)
    merged = _with_one_hevc(judged.probabilities)
    classes[first], sure[first] = merged.argmax(axis=1), merged.max(axis=1) >= CERTAIN_FROM
    needed = ~first & ~_between(first, classes, sure)
    looked = first | needed
    parts = [(numbers, judged)]
    if needed.any():
        rest = np.flatnonzero(needed)
        parts.append((rest, judge(rest.tolist())))
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
