"""Many pictures, analysed in one or several processes, in order.

Every input gives exactly one result, an `Analysis` or a `Failure`; nothing that is wrong with one input stops the
others. With several processes, one that dies (killed for memory, crashed in a decoder) costs the input it worked on and
no other.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

from forensics import kernels
from forensics.errors import ForensicsError, UsageError
from forensics.examination import Examination, examine
from forensics.executors import Died, Executor, Here, Raised, executor, noted
from forensics.former_paths import former_names
from forensics.inputs import STANDARD_INPUT
from forensics.pictures.opened import MAX_PIXELS, Picture, open_quietly
from forensics.progress import Progress
from forensics.results.analysis import Analysis
from forensics.results.failure import Failure
from forensics.results.wording import printable
from forensics.version import __version__
from forensics.windows.judges import (
    check_model,
    chosen_judge,
    shipped_extractor,
    shipped_open_judge,
    trained_open_judge,
)
from forensics.windows.reading import usual_threads

Result = Analysis | Failure


class Unwritten(NamedTuple):
    """What comes back for an input whose page or figures cannot be written, as on a full disk: those of the next
    cannot either, so that the batch ends with this line.
    """

    error: str


def analyze_all(
    inputs: Sequence[str],
    *,
    jobs: int = 1,
    scheduler: str | None = None,
    max_pixels: int = MAX_PIXELS,
    model_dir: Path | None = None,
    model: str | None = None,
    history: bool = False,
    localise: bool = False,
    frame: str = "",
    all_windows: bool = False,
    after_each: Callable[[Picture, Examination], None] | None = None,
    work: Callable[[str, int], Result | Unwritten] | None = None,
    progress: bool = False,
    shared: Executor | None = None,
    helper: Executor | None = None,
) -> Iterator[Result]:
    """Analyse inputs one after another and give the results in their order.

    Parameters
    ----------
    inputs : sequence of str
        Paths; `-` is standard input.
    jobs : int
        Processes; 1 works in this one.
    scheduler : str, optional
        Address of a Dask scheduler, whose workers do the work; they open the inputs themselves.
    max_pixels : int
        Larger pictures are refused.
    model_dir : Path, optional
        Folder of the model that judges; the shipped one by default.
    model : str, optional
        Which of its judges, one of `forensics_models.fused.MODES`; the best it has by default.
    history, localise : bool
        Whether the history is recovered, and a map made, for it and for `after_each`.
    frame : str
        Which picture of files with several; see `open_picture`.
    all_windows : bool
        Whether all windows are judged, or as many as settle the answer; see `forensics.verdict.analysis.analyze`.
    after_each : callable, optional
        Gets each open picture and its examination, where it was opened, to write what it will; picklable for several
        processes.
    work : callable, optional
        What turns an input into a result; `analyze_one` with these options by default.
    progress : bool
        Whether to show a progress line, where standard error is a terminal.
    shared : Executor, optional
        What runs several processes; one of its own, of `jobs` or of `scheduler`, by default.
    helper : Executor, optional
        Another process that shares the work on each map with this one, where that works alone.

    Yields
    ------
    Analysis or Failure
        One for each input.

    Raises
    ------
    UsageError
        The model is missing or does not fit the extractors, or what `after_each` writes cannot be written.
    """
    alone = scheduler is None and (jobs == 1 or len(inputs) == 1)
    if work is None:
        check_model(model_dir, model)
        if any(name == STANDARD_INPUT or os.path.exists(name) for name in inputs):  # a misspelt name ends at once
            kernels.announce_compilation()
        work = partial(
            analyze_one,
            model_dir=model_dir,
            model=model,
            history=history,
            localise=localise,
            after_each=after_each,
            frame=frame,
            all_windows=all_windows,
            helper=helper if alone else None,
        )
    with ExitStack() as stack:
        line = stack.enter_context(Progress("analyze", len(inputs), stream=None if progress else io.StringIO()))
        if alone:
            ordered = _alone(inputs, max_pixels, work)
        else:
            shared = stack.enter_context(executor(jobs, scheduler, note=noted)) if shared is None else shared
            ordered = _shared(inputs, shared, max_pixels, work)
        for name, result in zip(inputs, ordered, strict=True):
            if isinstance(result, Unwritten):
                raise UsageError(result.error)
            line.advance(note=printable(name))
            yield result


def make_ready(model_dir: Path | None = None, model: str | None = None) -> None:
    """What a process can do before it has a picture: this module is imported, and the judges that decide are read."""
    judge = chosen_judge(model_dir, model)
    opened = shipped_open_judge(model) if model_dir is None else trained_open_judge(model_dir, model)
    if opened is not None:
        judge.of_features.look([])
        opened.prepare()
    shipped_extractor()


def make_ready_to_measure() -> None:
    """What a process that measures windows can do before it has one: the extractors' modules and kernels are loaded.

    Kernels that are yet to be compiled are left to the process that starts this one, which says so.
    """
    extractor = shipped_extractor()
    _ = extractor.feature_names  # imports every family
    if kernels.kernels_compiled():
        extractor.transform([kernels.noise()])


def depends_on(
    model_dir: Path | None,
    model: str | None,
    max_pixels: int | None,
    history: bool | None,
    all_windows: bool = False,
    localise: bool = False,
) -> dict[str, object]:
    """What a result of `analyze_all` depends on besides its picture, JSON-ready: versions, the model's card, and
    options.
    """
    opened = shipped_open_judge(model) if model_dir is None else trained_open_judge(model_dir, model)
    cards = [chosen_judge(model_dir, model).card, None if opened is None else opened.card]
    return {
        "forensics": __version__,
        "features": shipped_extractor().version,
        "cards": hashlib.sha256(json.dumps(cards, sort_keys=True, default=str).encode()).hexdigest(),
        "model": model,
        "max_pixels": max_pixels,
        "history": bool(history),
        "all_windows": all_windows or bool(history) or localise,
        **({"map": True} if localise else {}),
    }


def analyze_one(
    name: str,
    max_pixels: int,
    model_dir: Path | None = None,
    model: str | None = None,
    history: bool = False,
    localise: bool = False,
    after_each: Callable[[Picture, Examination], None] | None = None,
    frame: str = "",
    all_windows: bool = False,
    helper: Executor | None = None,
) -> Result | Unwritten:
    """One input to its result: whatever is wrong with it is in the `Failure`. Worker processes use one thread each.

    The examination goes to `after_each`; what comes back is the analysis, without the series that only figures need.
    """
    threads = usual_threads()
    source = sys.stdin.buffer if name == STANDARD_INPUT else name
    try:
        picture = open_quietly(source, max_pixels, printable(name), frame)
        found = examine(
            picture,
            history=history,
            map=localise,
            model=model,
            model_dir=model_dir,
            threads=threads,
            all_windows=all_windows,
            helper=helper,
        )
        if after_each is not None:
            try:
                after_each(picture, found)
            except UsageError as error:
                return Unwritten(str(error))
        return found.analysis.without_series()
    except ForensicsError as error:
        return Failure(printable(name), printable(" ".join(str(error).split())))
    except MemoryError:
        return Failure(printable(name), "there is not enough memory for it")
    except Exception as error:  # one input must not end the batch
        return Failure(printable(name), printable(f"internal error, please report it: {type(error).__name__}: {error}"))


def _alone(
    inputs: Sequence[str], max_pixels: int, work: Callable[[str, int], Result | Unwritten]
) -> Iterator[Result | Unwritten]:
    return (work(name, max_pixels) for name in inputs)


def _shared(
    inputs: Sequence[str], executor: Executor, max_pixels: int, work: Callable[[str, int], Result | Unwritten]
) -> Iterator[Result | Unwritten]:
    """Results in order from other processes; few inputs are under way or wait for an earlier one."""
    under_way: deque[tuple[str, Future[Result | Unwritten]]] = deque()
    rest = iter(inputs)
    while True:
        while len(under_way) < executor.ahead and (name := next(rest, None)) is not None:
            apart = Here() if name == STANDARD_INPUT else executor
            under_way.append((name, apart.submit(work, name, max_pixels, name=printable(name))))
        if not under_way:
            return
        yield _received(*under_way.popleft())


def _received(name: str, future: Future[Result | Unwritten]) -> Result | Unwritten:
    """One result; what killed a process may have been another's hunger for memory, so it was tried more than once."""
    try:
        return future.result()
    except Died as error:
        reason = f"the process that analysed it died at every try ({error}): out of memory, or a crash in a decoder"
        return Failure(printable(name), printable(reason))
    except Raised as error:
        return Failure(printable(name), printable(f"internal error, please report it: {error}"))


__getattr__ = former_names(__name__)
