"""Windows measured and judged: features by the extractors, classes by a judge, in threads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from forensics.windows.judges import Extractor, Judge


def judge_windows(
    judge: Judge, extractor: Extractor, pieces: Sequence[np.ndarray], threads: int | None
) -> tuple[np.ndarray, Any]:
    """Features of windows, given as 8-bit pixels, and the judge's `WindowJudgement` of them.

    A judge that can `look` at the pixels does so while the features are measured, unless one thread is asked for.
    """
    look, answer = getattr(judge, "look", None), judge.judge  # type: Any, Any
    if look is None or threads == 1:
        features = measure_windows(extractor, pieces, threads)
        return features, answer(features, pieces) if getattr(judge, "needs_patches", False) else answer(features)
    with ThreadPoolExecutor(1) as aside:
        seen = aside.submit(look, pieces)
        features = measure_windows(extractor, pieces, threads)
    return features, answer(features, pieces, seen.result())


def measure_windows(extractor: Extractor, pieces: Sequence[np.ndarray], threads: int | None) -> np.ndarray:
    """Features of the windows, measured side by side: the extractors' kernels run without the interpreter's lock.

    The first window is measured alone, so that one thread only loads the kernels.
    """
    threads = len(os.sched_getaffinity(0)) if threads is None else threads
    if threads <= 1 or len(pieces) <= 1:
        return extractor.transform(pieces)
    rows = [extractor.transform(pieces[:1])]
    with ThreadPoolExecutor(threads) as pool:
        rows += pool.map(lambda piece: extractor.transform([piece]), pieces[1:])
    return np.concatenate(rows)
