"""Windows measured and judged: features by the extractors, classes by a judge, in threads."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING

import numpy as np
from forensics_models.judgement import WindowJudgement

from forensics.executors import Executor
from forensics.windows.helper import share
from forensics.windows.judges import Extractor, Judge

_KERNELS_LOADED = Event()
"""Whether windows were measured in this process."""

if TYPE_CHECKING:
    from forensics_models.cnn import NetworkOutputs
    from forensics_models.open_judge import OpenJudge


def judge_windows(
    judge: Judge,
    extractor: Extractor,
    pieces: Sequence[np.ndarray],
    threads: int | None,
    further: Extractor | None = None,
) -> tuple[np.ndarray, WindowJudgement]:
    """Features of windows, given as 8-bit pixels, and the judge's `WindowJudgement` of them.

    The judge looks at the pixels while the features are measured, unless one thread is asked for. `further` is an
    extractor that gives the columns of `extractor` and more behind them: all of them are returned, the judge takes the
    first.
    """
    measured = extractor if further is None else further
    count = None if further is None else len(extractor.feature_names)
    if threads == 1:
        features = measure_windows(measured, pieces, threads)
        return features, judge.judge(features[:, :count], pieces)
    with ThreadPoolExecutor(1) as aside:
        seen = aside.submit(judge.look, pieces)
        features = measure_windows(measured, pieces, threads)
    return features, judge.judge(features[:, :count], pieces, seen.result())


def look(judge: Judge, pieces: Sequence[np.ndarray], threads: int | None) -> NetworkOutputs | None:
    """What the judge makes of the pixels of windows, in threads; None where it needs none."""
    from forensics_models.cnn import NetworkOutputs

    count = min(cores(threads), len(pieces))
    if count <= 1 or not judge.needs_patches:
        return judge.look(pieces)
    shares = [list(pieces)[one[0] : one[-1] + 1] for one in np.array_split(np.arange(len(pieces)), count)]
    with ThreadPoolExecutor(count) as pool:
        seen = list(pool.map(judge.look, shares))
    return NetworkOutputs.joined([one for one in seen if one is not None])


@dataclass(frozen=True)
class OpenReading:
    """What the open judge says of a picture.

    Attributes
    ----------
    processes, afterwards : dict of str to float
        Probabilities by process (`forensics_models.open_judge.PROCESS_NAMES`) and by what happened since (`GROUPS`).
    answer : str
        The process or family that is certain enough to be named, `uncompressed`, or empty.
    windows : np.ndarray [shape=(n, len(PROCESS_NAMES)), dtype=float64]
        Probabilities of the windows.
    model : str
        The open judge and the data that it was trained on.
    limits : tuple of str
        What the open judge's card says it cannot do, which stands for what the judge of codecs says of itself.
    """

    processes: dict[str, float]
    afterwards: dict[str, float]
    answer: str
    windows: np.ndarray
    model: str
    limits: tuple[str, ...]


def read_open(judge: OpenJudge, features: np.ndarray, codecs: WindowJudgement) -> OpenReading:
    """The open judge's reading of windows whose features and whose codec probabilities are known.

    Parameters
    ----------
    judge : OpenJudge
    features : np.ndarray [shape=(n, d), dtype=float32]
        As `judges.open_extractor` gives them.
    codecs : WindowJudgement
        What the judge of codecs says, its trees among it.
    """
    from forensics_models.open_judge import merged_processes

    assert codecs.trees is not None
    judged = judge.judge(features, codecs.trees, codecs.fine_probabilities)
    processes, afterwards = judge.combine(judged)
    answer = judge.answer(processes, afterwards)
    model = f"{judge.card['model']} trained on {str(judge.card.get('manifest_sha256', ''))[:12]}"
    stated = tuple(judge.card.get("limits", ()))
    return OpenReading(processes, afterwards, answer, merged_processes(judged.probabilities), model, stated)


def measure_windows(
    extractor: Extractor, pieces: Sequence[np.ndarray], threads: int | None, other: Executor | None = None
) -> np.ndarray:
    """Features of the windows, measured side by side: the extractors' kernels run without the interpreter's lock.

    The first window of a process is measured alone, so that one thread only loads the kernels. With another process
    (`forensics.windows.helper`) that one and this share the windows, one thread each.
    """
    if other is not None and len(pieces) > 1:
        return share(extractor, pieces, other)
    threads = cores(threads)
    if threads <= 1 or len(pieces) <= 1:
        return np.asarray(extractor.transform(pieces))
    alone = 0 if _KERNELS_LOADED.is_set() else 1
    rows = [extractor.transform(pieces[:alone])] if alone else []
    _KERNELS_LOADED.set()
    with ThreadPoolExecutor(threads) as pool:
        rows += pool.map(lambda piece: extractor.transform([piece]), pieces[alone:])
    return np.concatenate(rows)


def usual_threads() -> int | None:
    """The threads asked for where nobody asks: 1 in a process of `--jobs`, which shares the cores with others."""
    return None if multiprocessing.parent_process() is None else 1


def cores(threads: int | None) -> int:
    """The threads that share windows: those asked for, by default as many as the process may use cores."""
    return len(os.sched_getaffinity(0)) if threads is None else threads
