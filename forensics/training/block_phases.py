"""Training of the judge of block phases: parts of sources are coded from their first sample on, changed by steps that
leave blocks where they are, and measured, all in memory.

What is coded once is changed several times: coding takes ten times as long as the rest, and what a step leaves of
blocks differs more than what a codec makes of one part.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from forensics_features.block_phases import LEAST_SIDE, block_phases, values_of
from forensics_features.block_spectra import block_spectra
from forensics_models.block_phases import CARD_FILE, NETWORKS_FILE, Network, logarithms, parts_of, to_bytes
from forensics_models.classes import FINE_CLASSES
from forensics_models.recompression import FAMILIES, known_as
from forensics_models.storage import write_atomically

from forensics.errors import CodecError, CodecUnavailable, UsageError
from forensics.training.drawing import dealt
from forensics.training.whole_pictures import (
    Task,
    changed,
    coded_part,
    draw,
    drawn_source,
    loaded,
    of_split,
    tried,
    trimmed,
)

DRAWS = 12
"""Codings drawn of every source."""
CHANGES = 6
"""Pictures made of every coding."""
NEVER_CODED = 2
"""Untouched kinds made of every source, and as many drawings, beside those: what no codec has seen may have a grid of
its own."""
UNTOUCHED = "untouched"
"""Kind of those, in figures."""
_CODECS = {
    "avif": 0.17, "heic": 0.11, "bpg": 0.1, "webp": 0.12, "jpegxl": 0.1, "jpeg": 0.1, "jpeg2000": 0.04,
    "jpegxr-1": 0.02, "uncompressed": 0.06, "video-vp9": 0.05, "video-h264": 0.03, "video-hevc": 0.02,
    "video-av1": 0.01, "video-mpeg2": 0.035, "video-mpeg4": 0.035,
}  # fmt: skip
"""What codes them: more of those that the other judges take for each other."""
_DRAWN = {"uncompressed": 0.5} | {name: share / 2 / 0.94 for name, share in _CODECS.items() if name != "uncompressed"}
"""What codes the drawing that is measured beside every source: half of them nothing, for parts that lie at multiples of
some pixels look like blocks, and the sources have few of them. Of 160 other drawings that were never coded nine were
surely (0.8) AV1, HEVC, VP8 or VP9 without these, five with them."""
OTHERS = 2
"""Codings by other processes of training made of every source."""
_OTHERS = {"other-lossy": 0.72, "video-mpeg2": 0.1, "video-mpeg4": 0.1, "video-mjpeg": 0.08}
"""What codes those: blocks of 8 samples that are not JPEG's, block textures, WSQ and the like."""
_KINDS = {
    "nothing": 0.06, "recoloured": 0.1, "grey": 0.08, "noise": 0.26, "sharpened": 0.1, "median": 0.16, "blurred": 0.2,
    "several": 0.04,
}  # fmt: skip
"""What happens since."""
_MOVES = {"cropped": 0.2, "thinned": 0.15, "enlarged": 0.3, "reduced": 0.25, "rotated": 0.1}
"""What happens to one picture of every coding beside those (`MOVED`), so that blocks of another size are not taken for
another codec's: a JPEG enlarged by a half looked like WebP."""
MOVED = "moved"
"""Kind of those, in figures."""
HIDDEN, MEMBERS, EPOCHS = (256, 128), {"phases": 1, "spectra": 1, "both": 2}, 20
"""Units of a network's layers, networks of each part, and times that all rows are seen. Of 1,799 validation pictures
one network of both, learned from 25,879, has 76.9 % right with one layer of 96 (log-loss 0.721), 78.3 % with 256 and
128 (0.650), 78.9 % with 384 and 128 (0.632; 30 rounds 0.659), 78.0 % with 512 and 256 (0.650), 78.4 % with three layers
(0.677).
"""
_PHASE = 0.1
"""From which size on logarithms of phases are bent; spectra are from two standard deviations on."""
_LEAST_SCALE = 2e-3
"""Added to those: what never changes in the rows does not count."""
_DROPOUT, _DECAY, _SMOOTHING, _RATE, _BATCH = 0.45, 0.02, 0.03, 2e-3, 256
"""Share of the units, and half of that of the values, that a step leaves out, decay of AdamW's weights, share of the
mass spread over all families, learning rate, which falls as half a cosine, and rows of a step. With 0.35 for 0.45 the
log-loss of one network is 0.667 instead of 0.632."""


@dataclass(frozen=True)
class Row:
    """A picture that was measured: its source's file name, what coded and changed it, the family that codec is of, and
    its block phases and spectra.
    """

    source: str
    fine: str
    kind: str
    truth: str
    phases: np.ndarray
    spectra: np.ndarray


def _rows(task: Task) -> Iterator[list[Row]]:
    source, numbers = loaded(task.path, task.seed)
    other, third, fourth = numbers.spawn(3)
    rows = [row for fine in dealt(_CODECS, task.draws, numbers) for row in _of(source, fine, task, numbers)]
    rows += [row for fine in dealt(_DRAWN, 1, other) for row in _of(drawn_source(other), fine, task, other)]
    rows += [row for fine in dealt(_OTHERS, OTHERS, fourth) for row in _of(source, fine, task, fourth)]
    yield rows + list(_never_coded(source, task, third))


def _never_coded(source: np.ndarray, task: Task, numbers: np.random.Generator) -> Iterator[Row]:
    """Rows of untouched pictures: kinds made of a source, and drawings of every kind, changed once."""
    from forensics.dataset import synthetic

    def drawn(kind: str, change: str) -> tuple[np.ndarray, str] | None:
        height, width = (int(n) for n in numbers.integers(192, 641, 2))
        pixels = synthetic.synthesise(kind, height, width, int(numbers.integers(2**31)))
        return changed(pixels, change, numbers), "uncompressed"

    drawings = [partial(draw, source, UNTOUCHED, task.encoders, numbers)] * NEVER_CODED
    kinds = numbers.choice(list(synthetic.KINDS), NEVER_CODED)
    drawings += [partial(drawn, *pair) for pair in zip(kinds, dealt(_KINDS, NEVER_CODED, numbers), strict=True)]
    for made in (tried(drawing, LEAST_SIDE) for drawing in drawings):
        if made is not None:
            pixels, truth = made
            yield Row(task.path.name, truth, UNTOUCHED, truth, *_measured(pixels))


def _measured(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return block_phases(pixels).astype(np.float32), block_spectra(pixels).astype(np.float32)


def _of(source: np.ndarray, fine: str, task: Task, numbers: np.random.Generator) -> Iterator[Row]:
    """Rows of one coding of a part of a source."""
    from forensics.codecs import process_encoders

    encoders = task.encoders
    if fine not in FINE_CLASSES and fine != "uncompressed":
        encoders = tuple(name for name in process_encoders.names() if name not in process_encoders.HELD_OUT)
    made = tried(partial(coded_part, source, fine, encoders, numbers), LEAST_SIDE)
    if made is None:
        return
    part, truth = made
    pictures = []
    for kind in dealt(_KINDS, CHANGES, numbers):
        with suppress(CodecError, CodecUnavailable, UsageError):
            pictures.append((kind, changed(part, kind, numbers)))
    if pictures:
        with suppress(UsageError):
            pictures.append((MOVED, move(pictures[int(numbers.integers(len(pictures)))][1], numbers)))
    for kind, pixels in pictures:
        if min(pixels.shape[:2]) >= LEAST_SIDE:
            yield Row(task.path.name, fine, kind, truth, *_measured(pixels))


def move(pixels: np.ndarray, numbers: np.random.Generator) -> np.ndarray:
    """A picture whose blocks do not start at its first sample any more, or have another size: cropped, thinned out,
    resized or rotated.
    """
    how = str(numbers.choice(list(_MOVES), p=list(_MOVES.values())))
    if how == "cropped":
        return trimmed(pixels, numbers, 1)
    if how == "thinned":
        every = int(numbers.integers(2, 4))
        return np.ascontiguousarray(pixels[::every, ::every])
    return changed(pixels, how, numbers)


def measure(
    sources: Path,
    split: str,
    *,
    seed: int,
    jobs: int,
    draws: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Row]:
    """Pictures drawn of the sources of a split, measured.

    Raises
    ------
    UsageError
        The folder holds no sources of the split.
    """
    return of_split(_rows, sources, split, seed=seed, jobs=jobs, draws=draws or DRAWS, progress=progress)


def train_block_phases(
    sources: Path,
    out: Path,
    *,
    seed: int,
    jobs: int,
    draws: int | None = None,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> dict[str, Any]:
    """Train the judge of block phases; writes its card and networks into `out`.

    Parameters
    ----------
    sources : Path
        Folder of lossless pictures with the folders `train` and `val`.
    out : Path
    seed : int
        Decides what is drawn.
    jobs : int
        Processes that draw.
    draws : int, optional
        Codings drawn of every source; `DRAWS` when not given.
    progress : callable
        Gets what is done, and sources done and in all.

    Returns
    -------
    dict
        The card: figures on validation sources, and what they rest on.

    Raises
    ------
    UsageError
        A split has no sources, Keras is missing, or `out` cannot be made.
    """
    from forensics.training.trees import _check_ready

    _check_ready(out, "keras")
    known, held_back = (
        measure(sources, split, seed=seed, jobs=jobs, draws=draws, progress=partial(progress, f"drawing {split}"))
        for split in ("train", "val")
    )
    return fit(known, held_back, out, seed=seed)


def fit(known: Sequence[Row], held_back: Sequence[Row], out: Path, *, seed: int) -> dict[str, Any]:
    """Networks of rows of training sources, and figures on those of validation sources; as `train_block_phases`."""
    if not known or not held_back:
        raise UsageError("too few pictures were drawn to learn from: draw more, or of more sources")
    values, shown = _values(known), _values(held_back)
    bends = _bends(values["phases"], values["spectra"])
    networks = {part: _networks(values[part], *bends[part], _truth(known), seed, MEMBERS[part]) for part in values}
    logs, truth = logarithms(networks, shown), _truth(held_back)
    right, kinds = logs.argmax(axis=1) == truth, np.array([row.kind for row in held_back])
    card = {
        "pictures": {"training": len(known), "validation": len(held_back)},
        "seed": seed,
        "log_loss": round(float(-logs[np.arange(len(truth)), truth].mean()), 4),
        "right": round(float(right.mean()), 4),
        "validation": {
            kind: {"pictures": int((kinds == kind).sum()), "right": round(float(right[kinds == kind].mean()), 4)}
            for kind in (*_KINDS, MOVED, UNTOUCHED)
            if (kinds == kind).any()
        },
    }
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / NETWORKS_FILE, to_bytes(networks))
    stored = {"families": list(FAMILIES), "card": card}
    write_atomically(out / CARD_FILE, json.dumps(stored, indent=1, allow_nan=False).encode())
    return card


def _values(rows: Sequence[Row]) -> dict[str, np.ndarray]:
    phases = np.stack([values_of(row.phases) for row in rows]).astype(np.float32)
    return parts_of(phases, np.stack([row.spectra for row in rows]))


def _bends(phases: np.ndarray, spectra: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Where values of each part are bent: means, and the sizes from which on they are."""
    means = parts_of(np.zeros(phases.shape[1], np.float32), spectra.mean(axis=0))
    scales = parts_of(np.full(phases.shape[1], _PHASE, np.float32), 2 * spectra.std(axis=0) + _LEAST_SCALE)
    return {part: (means[part], scales[part]) for part in means}


def _truth(rows: Sequence[Row]) -> np.ndarray:
    return np.array([FAMILIES.index(known_as(row.truth)) for row in rows])


def _networks(
    values: np.ndarray, mean: np.ndarray, scale: np.ndarray, truth: np.ndarray, seed: int, count: int
) -> list[Network]:
    """So many networks of n rows, `values` of shape (n, d)."""
    import keras

    values = np.tanh((values - mean) / scale)
    wanted = np.eye(len(FAMILIES), dtype=np.float32)[truth]
    made = []
    for k in range(count):
        keras.utils.set_random_seed(seed + k)
        dense = [*(keras.layers.Dense(n, activation="relu") for n in HIDDEN), keras.layers.Dense(len(FAMILIES))]
        model = keras.Sequential([keras.Input((values.shape[1],)), keras.layers.Dropout(_DROPOUT / 2), dense[0]])
        for layer in dense[1:]:
            model.add(keras.layers.Dropout(_DROPOUT))
            model.add(layer)
        rate = keras.optimizers.schedules.CosineDecay(_RATE, max(len(values) // _BATCH, 1) * EPOCHS)
        model.compile(
            optimizer=keras.optimizers.AdamW(rate, weight_decay=_DECAY),
            loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=_SMOOTHING),
        )
        model.fit(values, wanted, batch_size=_BATCH, epochs=EPOCHS, verbose=0)
        weights, biases = zip(*(layer.get_weights() for layer in dense), strict=True)
        made.append(Network(mean, scale, weights, biases))
    return made
