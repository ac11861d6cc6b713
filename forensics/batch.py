"""Many pictures: which files a command's arguments name, and analysing them in one or several processes, in order.

Every input gives exactly one result, an `Analysis` or a `Failure`; nothing that is wrong with one input stops the others. With several
processes, one that dies (killed for memory, crashed in a decoder) costs the input it worked on and no other.
"""

from __future__ import annotations

import glob
import io
import multiprocessing
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path

from forensics.errors import ForensicsError, UsageError
from forensics.examination import Examination, examine
from forensics.former_paths import former_names
from forensics.pictures.container import SUFFIXES
from forensics.pictures.opened import MAX_PIXELS, Picture, open_quietly
from forensics.progress import Progress
from forensics.results.analysis import Analysis
from forensics.results.failure import Failure
from forensics.windows.judges import check_model, shipped_extractor

STANDARD_INPUT = "-"
_SUFFIXES = frozenset(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)
_AHEAD = 2

Result = Analysis | Failure


def expand(paths: Sequence[str], *, recursive: bool = False) -> list[str]:
    """The inputs that arguments name, in the order given.

    Folders become their pictures by suffix, sorted by name (with `recursive`, those of the folders below as well); patterns
    become the files that match, sorted; `-` and other paths stay, even where no such file exists, so that the failure is reported.

    Raises
    ------
    UsageError
        A pattern or folder names no picture, or `-` stands there twice.
    """
    inputs: list[str] = []
    for given in paths:
        path = Path(given)
        if given == STANDARD_INPUT:
            inputs.append(given)
        elif path.is_dir():
            inputs += _in_folder(path, recursive)
        elif glob.has_magic(given) and not path.exists():
            found = sorted(name for name in glob.glob(given, recursive=True) if not Path(name).is_dir())
            if not found:
                raise UsageError(f"no file matches {given!r}")
            inputs += found
        else:
            inputs.append(given)
    if inputs.count(STANDARD_INPUT) > 1:
        raise UsageError("standard input (-) can be read once")
    return inputs


def _in_folder(folder: Path, recursive: bool) -> list[str]:
    walk = folder.rglob("*") if recursive else folder.glob("*")
    found = sorted(str(path) for path in walk if path.suffix.lower() in _SUFFIXES and path.is_file())
    if not found:
        hint = "" if recursive else " (--recursive looks in the folders below it)"
        raise UsageError(f"the folder {str(folder)!r} holds no picture file{hint}")
    return found


def analyze_all(
    inputs: Sequence[str],
    *,
    jobs: int = 1,
    max_pixels: int = MAX_PIXELS,
    model_dir: Path | None = None,
    model: str | None = None,
    history: bool = False,
    localise: bool = False,
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
    after_each : callable, optional
        Gets each open picture and its examination, where it was opened, to write what it will; picklable for several processes.
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
            analyze_one, model_dir=model_dir, model=model, history=history, localise=localise, after_each=after_each
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


def analyze_one(
    name: str,
    max_pixels: int,
    model_dir: Path | None = None,
    model: str | None = None,
    history: bool = False,
    localise: bool = False,
    after_each: Callable[[Picture, Examination], None] | None = None,
) -> Result:
    """One input to its result: whatever goes wrong is in the `Failure`. Worker processes use one thread each.

    The examination goes to `after_each`; what comes back is the analysis, without the series that only figures need.
    """
    threads = None if multiprocessing.parent_process() is None else 1
    source = sys.stdin.buffer if name == STANDARD_INPUT else name
    try:
        picture = open_quietly(source, max_pixels, printable(name))
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
    """Results in order from worker processes; at most `_AHEAD` inputs a process are under way."""
    waiting = deque(inputs)
    running: deque[tuple[str, Future[Result]]] = deque()
    pool = _pool(jobs)
    try:
        while waiting or running:
            while waiting and len(running) < _AHEAD * jobs:
                name = waiting.popleft()
                running.append((name, _submit(pool, work, name, max_pixels)))
            name, future = running.popleft()
            try:
                yield future.result()
            except BrokenProcessPool:
                pool.shutdown(wait=False, cancel_futures=True)
                yield _retry(work, name, max_pixels)
                unfinished = [later for later, _ in running]
                waiting.extendleft(reversed(unfinished))
                running.clear()
                pool = _pool(jobs)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _pool(jobs: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"))


def _submit(
    pool: ProcessPoolExecutor, work: Callable[[str, int], Result], name: str, max_pixels: int
) -> Future[Result]:
    """Submit; a pool that is already broken gives a future that says so."""
    if name == STANDARD_INPUT:
        done: Future[Result] = Future()
        done.set_result(work(name, max_pixels))
        return done
    try:
        return pool.submit(work, name, max_pixels)
    except BrokenProcessPool as error:
        broken: Future[Result] = Future()
        broken.set_exception(error)
        return broken


def _retry(work: Callable[[str, int], Result], name: str, max_pixels: int) -> Result:
    """The input once more in a process of its own: which of those under way broke the pool is not known."""
    with _pool(1) as pool:
        try:
            return pool.submit(work, name, max_pixels).result()
        except BrokenProcessPool:
            return Failure(
                printable(name), "the process that analysed it died (out of memory, or a crash in a decoder)"
            )


def printable(text: str) -> str:
    """Text without control characters and undecodable bytes: they are shown as escapes, so a file name cannot steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in text)


def announce_compilation() -> None:
    """Say once on standard error that the extractors' kernels are about to be compiled, where no compiled ones are found."""
    shipped_extractor()
    if not kernels_compiled():
        sys.stderr.write("forensics: compiling the extractors, on the first run only (about 20 s)\n")
        sys.stderr.flush()


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
