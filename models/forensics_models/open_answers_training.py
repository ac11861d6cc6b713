"""Thresholds of the open judge's answers: as many right ones as limits on wrong ones allow, and the figures of a card.

All from probabilities of validation windows that were fitted on other sources (`open_training.cross_fitted`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from forensics_models.classes import AFTERWARDS, CLASSES, family_of
from forensics_models.open_judge import (
    APART,
    FAMILY_NAMES,
    GROUPS,
    NEVER,
    OTHER,
    Answers,
    beyond,
    families_of,
    merged_families,
)

WRONG_NAMES = 0.003
"""Largest share of validation windows that something seems to have happened to which may be given the name of a process
that never was.
"""
WRONG_IN_GROUP = {"nothing": 0.001}
"""The same of the windows of one group: fewer where nothing seems to have happened, since that is most of what people
hold."""
WRONG_IN_OTHERS = 0.004
"""The same of every other group: a third more than of all together, since most groups are small. With 0.01 the groups
that resizing and rotation fall into give way to easier ones.
"""
ACCUSED = 0.001
"""Largest share of untouched validation windows, all groups together, for which a process may be named."""
ACCUSE_FROM = 0.9
"""Probability of any lossy process under which none is named, whatever the most probable one: nine to one."""
WRONG_BEYOND = 0.0003
"""Largest share of validation windows that may be called `other-lossy` although a codec made them, or nothing did, of
those that something seems to have happened to and of the others apart: a tenth of the wrong names that are allowed,
since a process beyond the codecs is rare.
"""
CALLED_UNCOMPRESSED = {"nothing": 0.005, "several": 0.02}
"""Largest shares of compressed validation windows that may be called uncompressed, by what happened since: fewer where
nothing did, since those are most of what people hold; after several steps twice the share of any other kind.
"""
CALLED_OTHERWISE = 0.01
"""The same after every other kind of step."""
FEWEST = 60
"""Compressed validation windows after a kind of step from which on it counts."""


def fit_answers(
    processes: np.ndarray, truth: np.ndarray, groups: np.ndarray, afterwards: np.ndarray, visible: np.ndarray
) -> Answers:
    """Thresholds of answers by group of what happened since.

    Parameters
    ----------
    processes : np.ndarray [shape=(n, p)]
        Cross-fitted probabilities over `PROCESS_NAMES`, the first `uncompressed`.
    truth : np.ndarray [shape=(n,), dtype=int]
    groups : np.ndarray [shape=(n,), dtype=int]
        Index in `GROUPS` of what the network says, never of what is true.
    afterwards : np.ndarray [shape=(n,), dtype=int]
        Index in `AFTERWARDS` of what is true, -1 where it is not known.
    visible : np.ndarray [shape=(n,), dtype=bool]
        As of `Asked`.
    """
    families, truth = merged_families(processes), families_of(truth)
    best, top = families.argmax(axis=1), families.max(axis=1)
    sure = np.where((best > 0) & (1.0 - processes[:, 0] >= ACCUSE_FROM), top, 0.0)
    counted = (truth == 0) | visible
    clean = np.where(best == 0, top, 0.0)
    uncompressed = fit_uncompressed(clean[counted], truth[counted], groups[counted], afterwards[counted])
    answers = Answers(*fit_named(sure, best, truth, groups), uncompressed, ACCUSE_FROM)
    still_open = answers.named_family(processes, groups) < 0
    return replace(answers, beyond=fit_beyond(np.where(still_open, beyond(processes), 0.0), truth, groups))


def fit_beyond(probabilities: np.ndarray, truth: np.ndarray, groups: np.ndarray) -> tuple[float, ...]:
    """Thresholds of `other-lossy` by group, `ACCUSE_FROM` at least: as many processes beyond the codecs as
    `WRONG_BEYOND` allows.

    Parameters
    ----------
    probabilities : np.ndarray [shape=(n,)]
        Of all processes beyond the codecs together, 0 where something is named.
    truth, groups : np.ndarray [shape=(n,), dtype=int]
        As of `fit_answers`, the truth by family.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_models.open_answers_training import fit_beyond
    >>> from forensics_models.open_judge import OTHER
    >>> likely, truth = np.array([0.95] * 50 + [0.7] * 50), np.array([OTHER] * 50 + [1] * 50)
    >>> fit_beyond(likely, truth, np.zeros(100, int))[0]
    0.95
    """
    tried = np.concatenate([[NEVER], np.arange(0.99, ACCUSE_FROM - 0.005, -0.01).round(2)])
    above, shape = np.searchsorted(-tried, -probabilities), (len(GROUPS), len(tried))
    ours = _EIGHT[truth] | (truth == 0)
    lost, won = (_reached(rows, groups, above, shape) for rows in (ours, ~ours))
    changed = np.array([name != "nothing" for name, _ in GROUPS])
    used = [lost * own[:, None] / max(WRONG_BEYOND * own[groups].sum(), 1.0) for own in (changed, ~changed)]
    # Names have used up what untouched windows allow: of fewer than some thousand none.
    used.append(_reached(truth == 0, groups, above, shape) / max(WRONG_BEYOND * (truth == 0).sum(), 0.5))
    return tuple(tried[lowered(won, np.stack(used))].tolist())


def fit_named(
    sure: np.ndarray, best: np.ndarray, truth: np.ndarray, groups: np.ndarray
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Thresholds of names by group, and those of the families of `APART`: as many right ones as `WRONG_NAMES`,
    `WRONG_IN_GROUP` and `ACCUSED` allow.

    Parameters
    ----------
    sure : np.ndarray [shape=(n,)]
        Probability of the most probable family, 0 where that is `uncompressed` or a lossy step is not sure.
    best, truth : np.ndarray [shape=(n,), dtype=int]
        That family and the true one, indices in `FAMILY_NAMES`.
    groups : np.ndarray [shape=(n,), dtype=int]
        As of `fit_answers`.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_models.open_answers_training import fit_named
    >>> sure, best = np.array([0.95] * 500 + [0.75] * 500), np.ones(1000, int)
    >>> truth = np.where(np.arange(1000) < 990, 1, 2)
    >>> fit_named(sure, best, truth, np.zeros(1000, int))[0][0]
    0.95
    """
    tried = np.concatenate([[NEVER, 0.998, 0.995, 0.99], np.arange(0.98, 0.49, -0.01).round(2)])
    above = np.searchsorted(-tried, -sure)
    cells = groups + len(GROUPS) * np.isin(best, [FAMILY_NAMES.index(name) for name in APART])
    shape, at_once = (2 * len(GROUPS), len(tried)), np.tile(np.arange(len(GROUPS)), 2)
    wrong = wrongly_named(best, truth) & (sure > 0)
    won = _reached((best == truth) & (sure > 0), cells, above, shape)
    lost = _reached(wrong, cells, above, shape)
    sizes = np.bincount(groups, minlength=len(GROUPS))
    changed = np.array([name != "nothing" for name, _ in GROUPS])
    used = [
        lost * changed[at_once][:, None] / max(WRONG_NAMES * sizes[changed].sum(), 1.0),
        _reached(wrong & (truth == 0), cells, above, shape) / max(ACCUSED * (truth == 0).sum(), 1.0),
    ]
    for group, (name, _) in enumerate(GROUPS):
        most = max(WRONG_IN_GROUP.get(name, WRONG_IN_OTHERS) * sizes[group], 1.0)
        used.append(lost * (at_once == group)[:, None] / most)
    usual, apart = tried[lowered(won, np.stack(used))].reshape(2, -1).tolist()
    return tuple(usual), tuple(apart)


def fit_uncompressed(
    probabilities: np.ndarray, truth: np.ndarray, groups: np.ndarray, afterwards: np.ndarray
) -> tuple[float, ...]:
    """Thresholds of `uncompressed` by group, so that most uncompressed windows are called that and hardly any other.

    What happened since is guessed for untouched windows too; where the guess is a step that hides little, less is
    needed. From none called, always the threshold is lowered next that wins most windows for the part of
    `CALLED_UNCOMPRESSED` that it uses up of any kind of step.

    Parameters
    ----------
    probabilities : np.ndarray [shape=(n,)]
        Of `uncompressed`, 0 where something else is likelier.
    truth, groups, afterwards : np.ndarray [shape=(n,), dtype=int]
        As of `fit_answers`, the truth by family.

    Examples
    --------
    >>> import numpy as np
    >>> from forensics_models.open_answers_training import fit_uncompressed
    >>> sure = np.array([0.9] * 100 + [0.6] * 100)
    >>> truth, nothing = np.repeat([0, 1], 100), np.zeros(200, int)
    >>> [round(t, 2) for t in fit_uncompressed(sure, truth, nothing, nothing)[:2]]
    [0.88, 1.01]
    """
    tried = np.append(np.arange(0.3, 0.99, 0.02), NEVER)[::-1]
    above = np.searchsorted(-tried, -probabilities)  # the first threshold that a window reaches
    shape = (len(GROUPS), len(tried))
    lossy = [(afterwards == kind) & (truth > 0) for kind in range(len(AFTERWARDS))]
    kinds = [kind for kind, rows in enumerate(lossy) if rows.sum() >= FEWEST]
    if not kinds:
        return (NEVER,) * len(GROUPS)  # of nothing it is known that it would be seen
    limits = np.array([CALLED_UNCOMPRESSED.get(AFTERWARDS[kind], CALLED_OTHERWISE) for kind in kinds])
    used = np.stack([_reached(lossy[kind], groups, above, shape) for kind in kinds])
    used = used / (limits * [lossy[kind].sum() for kind in kinds])[:, None, None]
    won = _reached(truth == 0, groups, above, shape)
    return tuple(tried[lowered(won, used)].tolist())


def lowered(won: np.ndarray, used: np.ndarray) -> np.ndarray:
    """The place of each cell's threshold: from the highest on, always the one is lowered next that wins most windows
    for the part of the limits that it uses up.

    Parameters
    ----------
    won : np.ndarray [shape=(cells, t)]
        Right answers from each threshold on.
    used : np.ndarray [shape=(limits, cells, t)]
        Shares of each limit that wrong answers from each threshold on use up; all cells together use 1 at most.
    """
    at, each = np.zeros(len(won), int), np.arange(len(won))
    while True:
        spent = used[:, each, at].sum(axis=1)
        more = spent[:, None, None] + used - used[:, each, at][:, :, None]
        gain = won - won[each, at][:, None]
        allowed = (more <= 1.0).all(axis=0) & (gain > 0) & (np.arange(won.shape[1]) > at[:, None])
        if not allowed.any():
            return at
        rate = np.where(allowed, gain / ((more - spent[:, None, None]).max(axis=0) + 1e-3), 0.0)
        cell, place = np.unravel_index(int(rate.argmax()), rate.shape)
        at[cell] = place


def _reached(rows: np.ndarray, cells: np.ndarray, above: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Windows among `rows` that reach each threshold, by cell, `np.ndarray [shape=(cells, thresholds)]`."""
    table = np.zeros((shape[0], shape[1] + 1))
    np.add.at(table, (cells[rows], above[rows]), 1)
    return table[:, : shape[1]].cumsum(axis=1)


_EIGHT = np.isin(FAMILY_NAMES, [family_of(name) for name in CLASSES[1:]])
"""Which families hold one of the eight codecs."""


def wrongly_named(said: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Whether a family of `FAMILY_NAMES` is named that never was; one process beyond the codecs for another does not
    count as that.

    Parameters
    ----------
    said, truth : np.ndarray [shape=(n,), dtype=int64]
        Indices in `FAMILY_NAMES`; what is said may be -1 for nothing.
    """
    both_beyond = ~_EIGHT[said] & ~_EIGHT[truth] & (truth > 0)
    return (said > 0) & (said != truth) & ~both_beyond


def figures(
    processes: np.ndarray, truth: np.ndarray, groups: np.ndarray, afterwards: np.ndarray, answers: Answers
) -> dict[str, Any]:
    """Shares of right, wrong and open answers on a table, by what really happened since (`untouched` for -1)."""
    said, truth = answers.answer(processes, groups), families_of(truth)
    best = merged_families(processes).argmax(axis=1)
    found: dict[str, Any] = {}
    for number in range(-1, len(AFTERWARDS)):
        for lossy in (False, True):
            here = (afterwards == number) & ((truth > 0) == lossy)
            if not here.any():
                continue
            name = ("untouched" if number < 0 else AFTERWARDS[number]) + (" compressed" if lossy else " uncompressed")
            found[name] = {
                "windows": int(here.sum()),
                "right": float((said[here] == truth[here]).mean()),
                "uncompressed": float((said[here] == 0).mean()),
                "inconclusive": float((said[here] < 0).mean()),
                "other_lossy": float(((said[here] == OTHER) & (truth[here] != OTHER)).mean()),
                "wrong": float(wrongly_named(said[here], truth[here]).mean()),
                "best_right": float((best[here] == truth[here]).mean()),
                "yes_no": float(((processes[here, 0] < 0.5) == lossy).mean()),
            }
    return found
