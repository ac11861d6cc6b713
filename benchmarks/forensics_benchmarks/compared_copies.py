"""How often `forensics compare` puts two copies of one picture in the right order, on pairs whose order is known.

Every pair is made here: a source (or the source coded once as JPEG), and what one more step makes of it. Which of the
two is given first takes turns. Pairs of two JPEG files are also given to `jpegjudge` (Debian), which scores each file
by itself: the higher score is its answer, equal scores are none.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forensics.codecs import registry
from forensics.comparison.compare import FIRST, SAME, SECOND, UNTOLD, compare
from forensics.errors import ForensicsError
from forensics.pictures.opened import open_picture
from forensics.pixels import eight_bit

STRENGTHS: dict[str, tuple[str, float, float]] = {
    "webp": ("quality", 50, 92),
    "avif": ("quality", 40, 85),
    "heic": ("quality", 35, 85),
    "jpegxl": ("distance", 0.8, 4),
    "bpg": ("qp", 20, 36),
    "jpeg2000": ("ratio", 8, 40),
    "jpegxr": ("level", 0.5, 0.95),
}
"""Codecs other than JPEG: their strength parameter and the range it is drawn from."""
JUDGE = "jpegjudge"
"""The program with which judgements of pairs of JPEG files are compared."""


@dataclass(frozen=True)
class Pair:
    """What came first, what was made of it, and the two files where both are JPEG.

    `how` tells the step; `same` that no sample changed.
    """

    kind: str
    source: str
    how: str
    before: np.ndarray
    after: np.ndarray
    files: tuple[bytes, bytes] | None = None
    same: bool = False


@dataclass(frozen=True)
class Answer:
    """One pair judged: `truth` and `stated` are "first", "second", "same" or "cannot be told"; `judge` what jpegjudge
    said, "" where it was not asked.
    """

    kind: str
    source: str
    how: str
    truth: str
    stated: str
    why: str
    judge: str
    seconds: float


def _jpeg(pixels: np.ndarray, quality: int, *, subsampling: str = "4:2:0") -> tuple[bytes, np.ndarray]:
    from PIL import Image

    out = io.BytesIO()
    options = {} if pixels.ndim == 2 else {"subsampling": subsampling}
    Image.fromarray(pixels).save(out, "JPEG", quality=quality, **options)
    with Image.open(out) as image:
        return out.getvalue(), np.array(image)


def _coded(pixels: np.ndarray, name: str, rng: np.random.Generator) -> tuple[np.ndarray, str]:
    option, low, high = STRENGTHS[name]
    codec = registry.get(name)
    value: float = float(rng.uniform(low, high))
    value = round(value) if codec.strength.integer else round(value, 2)
    return codec.decode(codec.encode(pixels, **{option: value})), f"{name} {option} {value:g}"


def _resized(pixels: np.ndarray, factor: float, rng: np.random.Generator) -> tuple[np.ndarray, str]:
    from PIL import Image

    kernel = ("BILINEAR", "BICUBIC", "LANCZOS")[int(rng.integers(3))]
    size = tuple(max(64, round(side * factor)) for side in pixels.shape[1::-1])
    picture = Image.fromarray(pixels).resize((size[0], size[1]), getattr(Image.Resampling, kernel))
    return np.asarray(picture), f"{factor:.2f} times, {kernel.lower()}"


def _cropped(pixels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, str]:
    height, width = pixels.shape[:2]
    top, left = (int(rng.integers(1, side // 4)) for side in (height, width))
    bottom, right = (side - int(rng.integers(0, side // 4)) for side in (height, width))
    return np.ascontiguousarray(pixels[top:bottom, left:right]), f"cropped from {top}, {left}"


def _toned(pixels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, str]:
    """Gamma, contrast about the middle, or more light, one curve for all channels."""
    levels = np.arange(256) / 255
    turn = int(rng.integers(3))
    if turn == 0:
        value = float(rng.choice([rng.uniform(0.6, 0.9), rng.uniform(1.15, 1.6)]))
        curve, how = levels**value, f"gamma {value:.2f}"
    elif turn == 1:
        value = float(rng.uniform(1.1, 1.4))
        curve, how = 0.5 + value * (levels - 0.5), f"contrast {value:.2f}"
    else:
        value = float(rng.uniform(0.04, 0.15))
        curve, how = levels + value, f"lighter by {255 * value:.0f}"
    return np.clip(np.rint(255 * curve), 0, 255).astype(np.uint8)[pixels], how


def _grey(pixels: np.ndarray) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.fromarray(pixels).convert("L"))


def _quality(rng: np.random.Generator, low: int = 50, high: int = 95) -> int:
    return int(rng.integers(low, high + 1))


def _of_codec(name: str, *, once: bool) -> Callable[[str, np.ndarray, np.random.Generator], Pair]:
    """Coded by a codec other than JPEG, from the source or from the source coded once as JPEG."""
    kind = f"{name} of a JPEG" if once else name

    def make(source: str, pixels: np.ndarray, rng: np.random.Generator) -> Pair:
        start, said = pixels, ""
        if once:
            quality = _quality(rng, 75)
            start, said = _jpeg(pixels, quality)[1], f"JPEG {quality}, then "
        after, how = _coded(start, name, rng)
        return Pair(kind, source, said + how, start, after)

    return make


def _jpeg_of_source(source: str, pixels: np.ndarray, rng: np.random.Generator) -> Pair:
    quality, subsampling = _quality(rng), str(rng.choice(["4:2:0", "4:4:4"]))
    return Pair(
        "JPEG", source, f"JPEG {quality} {subsampling}", pixels, _jpeg(pixels, quality, subsampling=subsampling)[1]
    )


def _jpeg_twice(source: str, pixels: np.ndarray, rng: np.random.Generator) -> Pair:
    one, two = _quality(rng, 60), _quality(rng)
    if one == two:
        two -= 5
    first, before = _jpeg(pixels, one)
    second, after = _jpeg(before, two)
    return Pair("JPEG of a JPEG", source, f"JPEG {one}, then {two}", before, after, (first, second))


def _jpeg_cropped(source: str, pixels: np.ndarray, rng: np.random.Generator) -> Pair:
    one, two = _quality(rng, 60), _quality(rng)
    first, before = _jpeg(pixels, one)
    part, how = _cropped(before, rng)
    second, after = _jpeg(part, two)
    return Pair("JPEG of a cropped JPEG", source, f"JPEG {one}, {how}, JPEG {two}", before, after, (first, second))


def _jpeg_toned(source: str, pixels: np.ndarray, rng: np.random.Generator) -> Pair:
    one, two = _quality(rng, 60), _quality(rng, 70)
    first, before = _jpeg(pixels, one)
    toned, how = _toned(before, rng)
    second, after = _jpeg(toned, two)
    return Pair("JPEG of a toned JPEG", source, f"JPEG {one}, {how}, JPEG {two}", before, after, (first, second))


def _resize(
    kind: str, low: float, high: float, *, once: bool
) -> Callable[[str, np.ndarray, np.random.Generator], Pair]:
    def make(source: str, pixels: np.ndarray, rng: np.random.Generator) -> Pair:
        before, said = pixels, ""
        if once:
            quality = _quality(rng, 60)
            before, said = _jpeg(pixels, quality)[1], f"JPEG {quality}, "
        after, how = _resized(before, float(rng.uniform(low, high)), rng)
        return Pair(kind, source, said + how, before, after)

    return make


def _crop(source: str, pixels: np.ndarray, rng: np.random.Generator) -> Pair:
    after, how = _cropped(pixels, rng)
    return Pair("cropped", source, how, pixels, after)


def _tone(source: str, pixels: np.ndarray, rng: np.random.Generator) -> Pair:
    after, how = _toned(pixels, rng)
    return Pair("toned", source, how, pixels, after)


def _tone_of_jpeg(source: str, pixels: np.ndarray, rng: np.random.Generator) -> Pair:
    quality = _quality(rng, 60)
    before = _jpeg(pixels, quality)[1]
    after, how = _toned(before, rng)
    return Pair("toned JPEG", source, f"JPEG {quality}, {how}", before, after)


def _made_grey(source: str, pixels: np.ndarray, rng: np.random.Generator) -> Pair:
    return Pair("made grey", source, "grey", pixels, _grey(pixels))


def _grey_jpeg(source: str, pixels: np.ndarray, rng: np.random.Generator) -> Pair:
    quality = _quality(rng)
    return Pair("grey JPEG", source, f"grey, JPEG {quality}", pixels, _jpeg(_grey(pixels), quality)[1])


def _unchanged(source: str, pixels: np.ndarray, rng: np.random.Generator) -> Pair:
    return Pair("the same", source, "nothing", pixels, pixels.copy(), same=True)


def _other_format(source: str, pixels: np.ndarray, rng: np.random.Generator) -> Pair:
    """Written in another lossless format and read again."""
    from PIL import Image

    form = str(rng.choice(["TIFF", "BMP", "WEBP"]))
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, form, **({"lossless": True} if form == "WEBP" else {}))
    with Image.open(out) as image:
        return Pair("another format", source, form, pixels, np.array(image.convert("RGB")), same=True)


MAKERS: tuple[Callable[[str, np.ndarray, np.random.Generator], Pair], ...] = (
    _jpeg_of_source, _jpeg_twice, *(_of_codec(name, once=False) for name in STRENGTHS),
    *(_of_codec(name, once=True) for name in ("webp", "avif", "jpeg2000")), _jpeg_cropped, _jpeg_toned,
    _resize("enlarged", 1.15, 2.5, once=False), _resize("reduced", 0.35, 0.9, once=False),
    _resize("enlarged JPEG", 1.15, 2.5, once=True), _resize("reduced JPEG", 0.35, 0.9, once=True), _crop, _tone,
    _tone_of_jpeg, _made_grey, _grey_jpeg, _unchanged, _other_format,
)  # fmt: skip
"""What pairs are made of, a kind each; they take turns."""


def pairs(paths: Sequence[Path], count: int, *, side: int, seed: int = 0) -> Iterator[Pair]:
    """So many pairs, pictures cut to `side`; kinds and sources take turns, parameters are drawn from the seed."""
    for number in range(count):
        path = paths[number % len(paths)]
        pixels = eight_bit(open_picture(path).pixels)
        pixels = np.stack([pixels] * 3, axis=2) if pixels.ndim == 2 else pixels[..., :3]
        rng = np.random.default_rng([seed, number])
        yield MAKERS[number % len(MAKERS)](path.name, np.ascontiguousarray(pixels[:side, :side]), rng)


def judge_available() -> bool:
    """Whether jpegjudge is installed."""
    return shutil.which(JUDGE) is not None


def _judged(files: tuple[bytes, bytes]) -> str:
    """Of two JPEG files, the one that jpegjudge scores higher: "first", "second" or "cannot be told"."""
    with tempfile.TemporaryDirectory() as folder:
        names = [Path(folder) / name for name in ("a.jpg", "b.jpg")]
        for name, data in zip(names, files, strict=True):
            name.write_bytes(data)
        said = subprocess.run([JUDGE, "-b", *map(str, names)], capture_output=True, text=True, timeout=60, check=False)
    scores = [int(line) for line in said.stdout.split()]
    if len(scores) != 2 or scores[0] == scores[1]:
        return UNTOLD
    return FIRST if scores[0] > scores[1] else SECOND


def answered(made: Iterator[Pair], *, judge: bool) -> Iterator[Answer]:
    """Every pair compared; every second one the other way round."""
    for number, pair in enumerate(made):
        turned = number % 2 == 1
        copies = (pair.after, pair.before) if turned else (pair.before, pair.after)
        truth = SAME if pair.same else (SECOND if turned else FIRST)
        start = time.process_time()
        try:
            found = compare(*copies, histories=False)
            stated, why = found.nearer, found.why
        except ForensicsError as error:
            stated, why = UNTOLD, str(error)
        spent = time.process_time() - start
        said = ""
        if judge and pair.files is not None:
            said = _judged(pair.files[::-1] if turned else pair.files)
        yield Answer(pair.kind, pair.source, pair.how, truth, stated, why, said, spent)


def table(answers: Sequence[Answer]) -> str:
    """Markdown: a line for each kind of pair, then all; with jpegjudge's answers where it was asked."""
    lines = [
        "| made by | pairs | answered | right of those answered | jpegjudge answered | right of those answered |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for kind in dict.fromkeys(answer.kind for answer in answers):
        lines.append(_line(kind, [answer for answer in answers if answer.kind == kind]))
    lines.append(_line("all", answers))
    return "\n".join(lines)


def _line(name: str, own: Sequence[Answer]) -> str:
    answered = [answer for answer in own if answer.stated != UNTOLD]
    right = sum(answer.stated == answer.truth for answer in answered)
    asked = [answer for answer in own if answer.judge]
    theirs = [answer for answer in asked if answer.judge != UNTOLD]
    judged = "- | -"
    if asked:
        judged = f"{len(theirs)} of {len(asked)} | {_of(sum(a.judge == a.truth for a in theirs), len(theirs))}"
    return f"| {name} | {len(own)} | {_of(len(answered), len(own))} | {_of(right, len(answered))} | {judged} |"


def _of(part: int, whole: int) -> str:
    return f"{part} of {whole}, {part / whole:.1%}" if whole else "-"
