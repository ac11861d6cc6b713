"""Many pictures, analysed in one or several processes, in order.

Every input gives exactly one result, an `Analysis` or a `Failure`; nothing that is wrong with one input stops the
others. With several processes, one that dies (killed for memory, crashed in a decoder) costs the input it worked on and
no other.
"""

from __future__ import annotations

import hashlib
import io
import json
import multiprocessing
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from forensics.dataset.workers import Event, Workers
from forensics.errors import ForensicsError
from forensics.examination import Examination, examine
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

_AHEAD = 2

Result = Analysis | Failure


def analyze_all(
    inputs: Sequence[str],
    *,
    jobs: int = 1,
    max_pixels: int = MAX_PIXELS,
    model_dir: Path | None = None,
    model: str | None = None,
    history: bool = False,
    localise: bool = False,
    frame: str = "",
    after_each: Callable[[Picture, Examination], None] | None = None,
    work: Callable[[str, int], Result] | None = None,
    progress: bool = False,
) -> Iterator[Result]:
    """Analyse inputs one after another and give the results in their order.

    Parameters
    ----------
    inputs : sequence of str
        Paths; `-` is standard input.
    jobs : int
        Processes; 1 works in this one.
    max_pixels : int
        Larger pictures are refused.
    model_dir : Path, optional
        Folder of the model that judges; the shipped one by default.
    model : str, optional
        Which of its judges, one of `forensics_models.fused.MODES`; the best it has by default.
    history, localise : bool
        Whether the history is recovered, and a map made for `after_each`.
    frame : str
        Which picture of files with several; see `open_picture`.
    after_each : callable, optional
        Gets each open picture and its examination, where it was opened, to write what it will; picklable for several
        processes.
    work : callable, optional
        What turns an input into a result; `analyze_one` with these options by default.
    progress : bool
        Whether to show a progress line, where standard error is a terminal.

    Yields
    ------
    Analysis or Failure
        One for each input.

    Raises
    ------
    UsageError
        The model is missing or does not fit the extractors.
    """
    if work is None:
        check_model(model_dir, model)
        announce_compilation()
        work = partial(
            analyze_one,
            model_dir=model_dir,
            model=model,
            history=history,
            localise=localise,
            after_each=after_each,
            frame=frame,
        )
    with Progress("analyze", len(inputs), stream=None if progress else io.StringIO()) as line:
        ordered = (
            _alone(inputs, max_pixels, work)
            if jobs == 1 or len(inputs) == 1
            else _shared(inputs, jobs, max_pixels, work)
        )
        for name, result in zip(inputs, ordered, strict=True):
            line.advance(note=printable(name))
            yield result


def depends_on(
    model_dir: Path | None, model: str | None, max_pixels: int | None, history: bool | None
) -> dict[str, object]:
    """What a result of `analyze_all` depends on beside its picture, JSON-ready: versions, the model's card, and
    options.
    """
    opened = shipped_open_judge(model) if model_dir is None else trained_open_judge(model_dir, model)
    cards = [chosen_judge(model_dir, model).card, getattr(opened, "card", None)]
    return {
        "forensics": __version__,
        "features": getattr(shipped_extractor(), "version", None),
        "cards": hashlib.sha256(json.dumps(cards, sort_keys=True, default=str).encode()).hexdigest(),
        "model": model,
        "max_pixels": max_pixels,
        "history": bool(history),
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
) -> Result:
    """One input to its result: whatever goes wrong is in the `Failure`. Worker processes use one thread each.

    The examination goes to `after_each`; what comes back is the analysis, without the series that only figures need.
    """
    threads = None if multiprocessing.parent_process() is None else 1
    source = sys.stdin.buffer if name == STANDARD_INPUT else name
    try:
        picture = open_quietly(source, max_pixels, printable(name), frame)
        found = examine(picture, history=history, map=localise, model=model, model_dir=model_dir, threads=threads)
        if after_each is not None:
            after_each(picture, found)
        return found.analysis.without_series()
    except ForensicsError as error:
        return Failure(printable(name), printable(" ".join(str(error).split())))
    except MemoryError:
        return Failure(printable(name), "there is not enough memory for it")
    except Exception as error:  # one input must not end the batch
        return Failure(printable(name), printable(f"internal error, please report it: {type(error).__name__}: {error}"))


def _alone(inputs: Sequence[str], max_pixels: int, work: Callable[[str, int], Result]) -> Iterator[Result]:
    return (work(name, max_pixels) for name in inputs)


def _shared(inputs: Sequence[str], jobs: int, max_pixels: int, work: Callable[[str, int], Result]) -> Iterator[Result]:
    """Results in order from worker processes; at most `_AHEAD` inputs a process are under way or wait for an earlier
    one.
    """
    done: dict[int, Result] = {}
    given = shown = 0
    again: set[int] = set()
    with Workers(_serve, jobs) as workers:
        while shown < len(inputs):
            while given < min(len(inputs), shown + _AHEAD * jobs):
                if inputs[given] == STANDARD_INPUT:
                    done[given] = work(STANDARD_INPUT, max_pixels)
                else:
                    workers.submit(_Task(given, inputs[given], max_pixels, work))
                given += 1
            if shown not in done:
                _receive(next(workers.events()), done, again, workers)
            while shown in done:
                yield done.pop(shown)
                shown += 1


@dataclass(frozen=True)
class _Task:
    index: int
    name: str
    max_pixels: int
    work: Callable[[str, int], Result]


def _serve(task: _Task) -> Iterator[Result]:
    yield task.work(task.name, task.max_pixels)


def _receive(event: Event, done: dict[int, Result], again: set[int], workers: Workers) -> None:
    """Take one event in. An input whose process died is tried once more: what killed it may have been another's hunger
    for memory.
    """
    task, name = event.task, printable(event.task.name)
    if event.kind == "message":
        done[task.index] = event.content
    elif event.kind == "error":
        done[task.index] = Failure(name, printable(f"internal error, please report it: {event.content}"))
    elif event.kind == "died" and task.index not in again:
        again.add(task.index)
        sys.stderr.write(
            f"forensics: note: {name}: the process that analysed it died ({event.content}); it is tried again\n"
        )
        workers.submit(task, first=True)
    elif event.kind == "died":
        reason = f"the process that analysed it died twice ({event.content}): out of memory, or a crash in a decoder"
        done[task.index] = Failure(name, reason)


def announce_compilation() -> None:
    """Say once on standard error that the extractors' kernels are about to be compiled, where no compiled ones are
    found.
    """
    shipped_extractor()
    if not kernels_compiled():
        sys.stderr.write(f"forensics: compiling the extractors, {_kept()}\n")
        sys.stderr.flush()


def _kept() -> str:
    """For how long compiled kernels are kept, and where, if not at the usual place."""
    from forensics_features._kernel import cache_folder, preferred_cache_folder

    folder, preferred = cache_folder(), preferred_cache_folder()
    if not folder:
        return (
            f"about 20 s in every run: {preferred!r} cannot be written, and NUMBA_CACHE_DIR names no other folder "
            f"to keep them"
        )
    other = f"; kept in {folder!r}, as {preferred!r} cannot be written (NUMBA_CACHE_DIR names another place)"
    return "on the first run only (about 20 s)" + (other if folder != preferred else "")


def kernels_compiled() -> bool:
    """Whether the cache holds compiled code for every extractor module that has kernels."""
    modules = [m for n, m in sys.modules.items() if n.startswith("forensics_features.") and m is not None]
    for module in modules:
        kernels = [
            v for v in vars(module).values() if hasattr(v, "stats") and getattr(v, "__module__", "") == module.__name__
        ]
        if not kernels:
            continue
        folder = kernels[0].stats.cache_path
        stem = module.__name__.rpartition(".")[2]
        if folder is None or not any(Path(folder).glob(f"{stem}.*.nbi")):
            return False
    return True


__getattr__ = former_names(__name__)
