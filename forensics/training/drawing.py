"""Training data that is drawn, changed and measured in memory: one task a source, shared by worker processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from forensics.errors import ForensicsError, UsageError
from forensics.executors import TRIES
from forensics.executors.tasks import Workers

if TYPE_CHECKING:
    from forensics.codecs.base import Codec


class FromSource(Protocol):
    """What is drawn of one source."""

    @property
    def path(self) -> Path:
        """The source's file."""


T = TypeVar("T", bound=FromSource)
R = TypeVar("R")


def drawn(
    rows: Callable[[T], Iterator[list[R]]],
    task: Callable[[Path], T],
    sources: Path,
    split: str,
    *,
    jobs: int,
    progress: Callable[[int, int], None],
) -> list[R]:
    """What `rows` yields of every source of a split, in the sources' order.

    Parameters
    ----------
    rows : callable
        Run in worker processes; yields once, all rows of a task.
    task : callable
        Makes the task of a source's file; its `path` is that file.
    sources : Path
        Folder with a folder for each split.
    split : str
    jobs : int
        Processes.
    progress : callable
        Gets how many of how many sources are done.

    Raises
    ------
    UsageError
        The folder holds no sources of the split.
    ForensicsError
        A task failed.
    """
    from forensics.dataset import sources as found

    names = found.of_split(sources, split)
    if not names:
        raise UsageError(f"{str(sources)!r} holds no pictures in a folder {split!r}")
    read: dict[Path, list[R]] = {}
    progress(0, len(names))
    with Workers(rows, jobs, tries=TRIES) as workers:
        for name in names:
            workers.submit(task(sources / name))
        for event in workers.events():
            if event.kind in ("error", "died"):
                raise ForensicsError(f"{event.task.path}: {event.content}")
            if event.kind == "message":
                read[event.task.path] = event.content
                progress(len(read), len(names))
    return [row for name in names for row in read[sources / name]]


def dealt(shares: Mapping[str, float], count: int, numbers: np.random.Generator) -> list[str]:
    """`count` kinds in random order, each as often as its share says, but for what rounding leaves to chance.

    Drawn one by one, a kind could be missing among the few pictures of a source.

    Parameters
    ----------
    shares : mapping of str to float
        Kinds with their shares, which sum to 1.
    count : int
    numbers : np.random.Generator

    Examples
    --------
    >>> import numpy as np
    >>> from forensics.training.drawing import dealt
    >>> sorted(dealt({"jpeg": 0.5, "webp": 0.25, "avif": 0.25}, 4, np.random.default_rng(1)))
    ['avif', 'jpeg', 'jpeg', 'webp']
    """
    places = (np.arange(count) + numbers.random()) / count
    kinds = np.searchsorted(np.cumsum(list(shares.values())), places, side="right").clip(max=len(shares) - 1)
    return [list(shares)[kind] for kind in numbers.permutation(kinds)]


def coded(
    pixels: np.ndarray,
    fine: str,
    encoders: Sequence[str],
    numbers: np.random.Generator,
    reading: Callable[[bytes], np.ndarray] | None = None,
) -> np.ndarray | None:
    """Pixels after a random coding by a fine class, cut to even sides where that needs them; None where no encoder of
    it runs.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width, 3), dtype=uint8]
    fine : str
        One of `forensics_models.classes.FINE_CLASSES`, or a process beyond the codecs.
    encoders : sequence of str
        Those that run here.
    numbers : np.random.Generator
    reading : callable, optional
        Decodes the file; the codec's usual decoder does where it is not given.
    """
    from forensics.dataset import recipes
    from forensics.dataset.encoders import encoder
    from forensics.dataset.preparation import Coded

    coding = recipes.draw_coding(fine, encoders, numbers)
    if coding is None:
        return None
    if recipes.only_even(coding[1]):
        pixels = pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2]
    pixels = np.ascontiguousarray(pixels)
    if reading is None:
        return Coded(fine, *coding).apply(pixels)
    return reading(encoder(coding[0]).encode(pixels, **coding[1]))


def by_process(codec: Codec, pixels: np.ndarray, numbers: np.random.Generator) -> np.ndarray:
    """Pixels after a lossy process beyond the codecs, at a random strength; of video a random frame and motion.

    Parameters
    ----------
    codec : Codec
        One of `forensics.codecs.process_encoders` that runs here.
    pixels : np.ndarray [shape=(height, width, 3), dtype=uint8]
    numbers : np.random.Generator

    Raises
    ------
    CodecError, UsageError
        It does not take these pixels.
    """
    switches: dict[str, Any] = (
        {"frame": int(numbers.integers(0, 5)), "motion": int(numbers.integers(64))} if "frame" in codec.switches else {}
    )
    drawn_strength = codec.strength.at(float(numbers.uniform(0.05, 0.75)))
    if codec.strength.parameter != "nothing":
        switches[codec.strength.parameter] = drawn_strength
    return codec.decode(codec.encode(pixels, **switches))


def by_some_process(pixels: np.ndarray, numbers: np.random.Generator) -> tuple[np.ndarray, str] | None:
    """Pixels after a random process beyond the codecs, none of those held out of training, and its family; None where
    it does not run.
    """
    from forensics_models.classes import family_of, process_of

    from forensics.codecs import process_encoders
    from forensics.dataset.encoders import encoder

    codec = encoder(str(numbers.choice([n for n in process_encoders.names() if n not in process_encoders.HELD_OUT])))
    if not codec.availability().encode:
        return None
    return by_process(codec, pixels, numbers), family_of(process_of(codec.codec))
