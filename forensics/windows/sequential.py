"""Windows judged one after another, until the answer cannot be expected to change any more.

The windows come in an order in which each lies as far as possible from those before (`spread`), so that a part of the
picture with another history is met early. The test is one of agreement: the answer stands once so many windows are
judged and each of them by itself gives it such a probability (`Settling`); else further windows are judged, all of them
in the end. An answer that is `inconclusive` never stops the test. How often it departs from the answer of all windows
is measured by `python -m forensics_benchmarks.early_stopping`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from forensics_models.classes import allowed_by
from forensics_models.judgement import WindowJudgement
from forensics_models.open_judge import PROCESS_NAMES

from forensics.results.analysis import Window


class Settling(NamedTuple):
    """When the windows judged so far settle the answer.

    Attributes
    ----------
    first : int
        Fewest windows that are judged.
    least : float
        Least probability of the answer in each of them.
    first_uncompressed, least_uncompressed : optional
        The same where the answer is `uncompressed`, of which windows are less sure one by one.
    """

    first: int
    least: float
    first_uncompressed: int | None = None
    least_uncompressed: float | None = None

    def settles(self, answer: str, windows: np.ndarray) -> bool:
        """Whether every window by itself gives the answer, a process or a family of them.

        `windows` is `np.ndarray [shape=(n, len(PROCESS_NAMES))]`, probabilities by process; an answer that is neither
        settles nothing.
        """
        first, least = self.first, self.least
        if answer == "uncompressed":
            first = first if self.first_uncompressed is None else self.first_uncompressed
            least = least if self.least_uncompressed is None else self.least_uncompressed
        members = [name in allowed_by(answer) for name in PROCESS_NAMES]
        return len(windows) >= first and any(members) and bool((windows[:, members].sum(axis=1) >= least).all())


def spread(windows: Sequence[Window]) -> list[int]:
    """An order of windows in which each lies farthest from the nearest of those before.

    The first is the one nearest to the picture's upper left corner, ties go to the earlier one. Returns indices.
    """
    centres = np.array([[w.top + w.height / 2, w.left + w.width / 2] for w in windows])
    apart = np.linalg.norm(centres[:, None] - centres[None], axis=2)
    order = [int(np.argmin(np.linalg.norm(centres, axis=1)))]
    nearest = apart[order[0]].copy()
    while len(order) < len(windows):
        nearest[order] = -1.0
        order.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, apart[order[-1]])
    return order


def chosen(judged: WindowJudgement, rows: Sequence[int]) -> WindowJudgement:
    """The judgements of some windows, given by their rows."""
    picked = list(rows)
    return WindowJudgement(
        judged.fine_probabilities[picked],
        judged.log2_ratio[picked],
        judged.ssim[picked],
        None if judged.strangeness is None else judged.strangeness[picked],
        None if judged.trees is None else judged.trees[picked],
    )


def joined(parts: Sequence[WindowJudgement]) -> WindowJudgement:
    """Judgements of several batches of windows as one; what one of them lacks, the whole lacks."""
    strangeness, trees = [part.strangeness for part in parts], [part.trees for part in parts]
    return WindowJudgement(
        np.concatenate([part.fine_probabilities for part in parts]),
        np.concatenate([part.log2_ratio for part in parts]),
        np.concatenate([part.ssim for part in parts]),
        _all(strangeness),
        _all(trees),
    )


def _all(values: Sequence[np.ndarray | None]) -> np.ndarray | None:
    known = [value for value in values if value is not None]
    return np.concatenate(known) if len(known) == len(values) else None
