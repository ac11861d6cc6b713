"""Whole pictures that are drawn of sources in memory, coded or not, changed or not, and what the shipped models say of
them: what the judges of open pictures and of recompression are fitted on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from forensics_models.classes import family_of, process_of

from forensics.errors import CodecError, CodecUnavailable, UsageError
from forensics.training.drawing import by_some_process, coded, drawn

if TYPE_CHECKING:
    from forensics_models.judgement import WindowJudgement
    from forensics_models.open_judge import OpenJudge

    from forensics.windows.judges import Extractor, Judge
    from forensics.windows.picture_reading import PictureReading

R = TypeVar("R")

SHARES = {"changed": 0.52, "straight": 0.06, "beyond": 0.08, "clean": 0.14, "untouched": 0.2}
"""Coded and changed since, as decoded, by a process beyond the codecs, not coded and changed, and of the kinds of
untouched pictures."""
CODECS = {
    "jpeg": 0.14, "jpeg2000": 0.13, "jpegxr-0": 0.03, "jpegxr-1": 0.03, "jpegxr-2": 0.03, "bpg": 0.11, "webp": 0.13,
    "avif": 0.14, "heic": 0.13, "jpegxl": 0.13,
}  # fmt: skip
_SIDES = (224, 720)
"""Sides of pictures before any step, drawn between them on a logarithmic scale: of one window to a dozen."""
DRAWINGS = ("interface", "text", "subpixel-text", "chart", "pixel-art", "shapes", "render", "few-colours")
"""Kinds of `forensics.dataset.synthetic` that are drawn as sources."""
UNSEEN = 1.0
"""Mean squared error in levels under which a lossy step does not count, as of `open_set.SEEN_BELOW_DB`."""
_USUAL, _UNUSUAL_KEPT = (1.6, 41.0), 0.3
"""Mean squared errors of codings that are kept always, a PSNR of 46 to 32 dB, and the share of all others that is kept.
Of 66 validation sources JPEGs of quality 50, 75 and 95 have 41, 27 and 8 (medians); 72 % of all lie between."""
READ_BY_FFMPEG = 0.35
"""Share of the pictures of steps that leave the grid that FFmpeg reads, where it can: what it makes of AVIF, whose
chroma it enlarges by repetition, the models take for VP9."""
_CHANGED_BEYOND = 0.3
"""Share of the pictures by processes beyond the codecs that are changed since."""
_LEAVING_BLOCKS = ("grey", "recoloured", "noise", "sharpened", "median")
"""What changes these: steps that leave blocks where they were."""
TRIES = 4
"""How often a picture is drawn again whose coding does not run or is not kept."""
FOLDS = 11
"""Parts of the sources in cross-fitting: a tenth of the pictures is held back each time."""


def draw(
    source: np.ndarray, done: str, encoders: Sequence[str], numbers: np.random.Generator
) -> tuple[np.ndarray, str] | None:
    """A picture and the family of its last lossy process; None where an encoder does not run or changed nothing that
    could be seen.
    """
    from forensics.dataset import preparation, random_afterwards

    pixels = cut(source, numbers)
    truth = "uncompressed"
    if done == "untouched":
        kind = str(numbers.choice(random_afterwards.UNTOUCHED))
        height, width = pixels.shape[:2]
        return preparation.apply(random_afterwards.draw_untouched(kind, height, width, numbers), pixels), truth
    if done != "clean":
        made = by_some_process(pixels, numbers) if done == "beyond" else by_codec(pixels, encoders, numbers)
        if made is None:
            return None
        pixels, truth = made
    if numbers.random() < 0.4:
        pixels = trimmed(pixels, numbers)
    if done in ("changed", "clean"):
        pixels = changed(pixels, random_afterwards.draw_kind(numbers), numbers)
    return np.ascontiguousarray(pixels), truth


def changed(pixels: np.ndarray, kind: str, numbers: np.random.Generator) -> np.ndarray:
    """A picture after random steps of one kind of `random_afterwards.draw_afterwards`; C-ordered."""
    from forensics.dataset import preparation, random_afterwards

    return preparation.apply(random_afterwards.draw_afterwards(kind, numbers), pixels)


def drawn_source(numbers: np.random.Generator) -> np.ndarray:
    """A drawing in the place of a source, 640 pixels a side."""
    from forensics.dataset.synthetic import synthesise

    return synthesise(str(numbers.choice(DRAWINGS)), 640, 640, int(numbers.integers(2**31)))


def drawn_or(source: np.ndarray, share: float, numbers: np.random.Generator) -> np.ndarray:
    """The source, or in a share of the cases a drawing in its place."""
    return drawn_source(numbers) if numbers.random() < share else source


def cut(source: np.ndarray, numbers: np.random.Generator) -> np.ndarray:
    """A random part of a source."""
    side = round(float(np.exp(numbers.uniform(*np.log(_SIDES)))))
    tall, wide = (min(n, max(64, int(side * numbers.uniform(0.7, 1.4)))) for n in source.shape[:2])
    return part_of(source, tall, wide, numbers)


def part_of(source: np.ndarray, tall: int, wide: int, numbers: np.random.Generator) -> np.ndarray:
    """A part of a source of that size from a random place; C-ordered."""
    top, left = (int(numbers.integers(n - m + 1)) for n, m in zip(source.shape[:2], (tall, wide), strict=True))
    return np.ascontiguousarray(source[top : top + tall, left : left + wide])


def trimmed(pixels: np.ndarray, numbers: np.random.Generator, least: int = 0) -> np.ndarray:
    """A picture without its first `least` to 15 rows and as many columns: off the grid of its blocks."""
    from forensics.dataset.preparation import Trim

    return Trim(*(int(n) for n in numbers.integers(least, 16, 2))).apply(pixels)


def by_codec(
    pixels: np.ndarray, encoders: Sequence[str], numbers: np.random.Generator
) -> tuple[np.ndarray, str] | None:
    """Pixels after a random coding by one of `CODECS`, and its family; None where none is kept."""
    fine = str(numbers.choice(list(CODECS), p=list(CODECS.values())))
    made = _kept(pixels, fine, encoders, numbers)
    return None if made is None else (made, family_of(process_of(fine)))


def _kept(
    pixels: np.ndarray,
    fine: str,
    encoders: Sequence[str],
    numbers: np.random.Generator,
    reading: Callable[[bytes], np.ndarray] | None = None,
) -> np.ndarray | None:
    """Pixels after a random coding by a fine class that is kept."""
    made = coded(pixels, fine, encoders, numbers, reading)
    if made is None:
        return None
    lost = error(pixels[: made.shape[0], : made.shape[1]], made)
    if lost <= UNSEEN or not (_USUAL[0] <= lost <= _USUAL[1] or numbers.random() < _UNUSUAL_KEPT):
        return None
    return made


def error(before: np.ndarray, made: np.ndarray) -> float:
    """Mean squared error of a coding; of one that made a picture grey, that of its luma."""
    before = before.astype(np.float64)
    if made.ndim < before.ndim:
        before = before @ (0.299, 0.587, 0.114)
    return float(np.mean((before - made) ** 2))


def draw_since(
    source: np.ndarray, fine: str, kind: str, encoders: Sequence[str], numbers: np.random.Generator
) -> tuple[np.ndarray, str] | None:
    """As `draw`, coded by one fine class or by none (`uncompressed`), then changed by a step of one kind of
    `random_afterwards.draw_afterwards`; one in seven cropped before that, and of the codecs whose files hold planes
    `READ_BY_FFMPEG` read by FFmpeg.
    """
    part = coded_part(source, fine, encoders, numbers)
    if part is None:
        return None
    pixels, truth = part
    if numbers.random() < 1 / 7:
        pixels = trimmed(pixels, numbers)
    return changed(pixels, kind, numbers), truth


def coded_part(
    source: np.ndarray, fine: str, encoders: Sequence[str], numbers: np.random.Generator
) -> tuple[np.ndarray, str] | None:
    """A random part of a source, coded by one fine class or process or by none (`uncompressed`), and the family of
    that; of the codecs whose files hold planes `READ_BY_FFMPEG` read by FFmpeg. None where no coding is kept.
    """
    pixels = cut(source, numbers)
    if fine == "uncompressed":
        return pixels, fine
    made = _kept(pixels, fine, encoders, numbers, _drawn_reading(fine, numbers))
    return None if made is None else (made, family_of(process_of(fine)))


def _drawn_reading(fine: str, numbers: np.random.Generator) -> Callable[[bytes], np.ndarray] | None:
    """FFmpeg's reading with one of swscale's scalers that training may draw, at times; else None."""
    from forensics.codecs.decoders import alternatives
    from forensics.dataset.readings import DECODERS

    read_so = numbers.random() < READ_BY_FFMPEG
    names = [name for name in DECODERS.get(fine, {}) if name.startswith("swscale")]
    if not read_so or not names:
        return None
    decoder = alternatives.get(fine, str(numbers.choice(names)))
    return None if decoder is None else decoder.decode


def draw_beyond(
    source: np.ndarray, numbers: np.random.Generator, process: str = "", kind: str | None = None
) -> tuple[np.ndarray, str] | None:
    """As `draw`, by a process beyond the codecs, a random one where none is given; changed by a step of one kind
    since, three in ten where none is given.
    """
    from forensics.codecs import process_encoders

    pixels = cut(source, numbers)
    if process:
        coding = _kept(pixels, process, process_encoders.names(), numbers)
        made = None if coding is None else (coding, family_of(process))
    else:
        made = by_some_process(pixels, numbers)
    if made is None:
        return None
    pixels, truth = made
    if kind is None:
        kind = str(numbers.choice(_LEAVING_BLOCKS)) if numbers.random() < _CHANGED_BEYOND else "nothing"
    return changed(pixels, kind, numbers), truth


def tried(drawing: Callable[[], tuple[np.ndarray, str] | None], least: int) -> tuple[np.ndarray, str] | None:
    """What `drawing` gives, asked up to `TRIES` times; None where an encoder failed each time or the picture is under
    `least` pixels a side.
    """
    made = None
    for _ in range(TRIES):
        with suppress(CodecError, CodecUnavailable, UsageError):
            made = drawing()
        if made is not None:
            break
    return None if made is None or min(made[0].shape[:2]) < least else made


@dataclass(frozen=True)
class ShippedModels:
    """The judges of windows that are shipped, and the extractors of what they take."""

    judge: Judge
    open_judge: OpenJudge
    extractor: Extractor
    further: Extractor

    @classmethod
    def loaded(cls) -> ShippedModels:
        """Those of this process."""
        from forensics.windows.judges import open_extractor, shipped_extractor, shipped_judge, shipped_open_judge

        extractor, open_judge = shipped_extractor(), shipped_open_judge(None)
        assert open_judge is not None
        return cls(shipped_judge(None).of_features, open_judge, extractor, open_extractor(extractor))

    def read(self, pixels: np.ndarray) -> tuple[PictureReading, WindowJudgement]:
        """What they say of a picture, and of its windows."""
        from forensics.pixels import eight_bit
        from forensics.windows.choice import choose_windows
        from forensics.windows.picture_reading import read_picture
        from forensics.windows.reading import judge_windows

        pieces = [eight_bit(window.cut(pixels)) for window in choose_windows(pixels)]
        measured, judged = judge_windows(self.judge, self.extractor, pieces, 1, self.further)
        return read_picture(self.judge, len(self.extractor.feature_names), self.open_judge, measured, judged), judged


@dataclass(frozen=True)
class Task:
    """What is drawn of one source: the seed, how many pictures, and the encoders that run here."""

    seed: int
    draws: int
    encoders: tuple[str, ...]
    path: Path


def of_split(
    rows: Callable[[Task], Iterator[list[R]]],
    sources: Path,
    split: str,
    *,
    seed: int,
    jobs: int,
    draws: int,
    progress: Callable[[int, int], None],
) -> list[R]:
    """What `rows` yields of the sources of a split; as `drawing.drawn`."""
    from forensics.dataset.encoders import available

    return drawn(rows, partial(Task, seed, draws, tuple(available())), sources, split, jobs=jobs, progress=progress)


def loaded(path: Path, seed: int) -> tuple[np.ndarray, np.random.Generator]:
    """A source, and the random numbers of what is drawn of it."""
    from forensics.dataset.sources import load, pixels_sha256

    source = load(path)
    return source, np.random.default_rng([seed, int(pixels_sha256(source)[:8], 16)])


def folds(sources: Sequence[str]) -> np.ndarray:
    """The part in cross-fitting of each row, `np.ndarray [shape=(n,)]`: pictures of one source are in one."""
    names = sorted(set(sources))
    return np.array([names.index(name) % FOLDS for name in sources])
