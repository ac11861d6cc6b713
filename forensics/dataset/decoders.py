"""Variety of decoders as a choice of the reader: the encoded files stay, and some are decoded in another way than
usual.

A user's picture came from whichever decoder a program had. The choice for a file depends on the reader's seed and the
row's id alone, so it is the same in any order of work; the weights, and what is held out, are in
`forensics.dataset.readings`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from forensics.codecs.decoders import alternatives
from forensics.codecs.decoders.alternatives import Decoder
from forensics.dataset import patches
from forensics.dataset.manifest import Row
from forensics.dataset.readings import DECODERS, VARIED_SHARES
from forensics.errors import CodecError, CodecUnavailable

USUAL, VARIED = "usual", "varied"


@dataclass(frozen=True)
class DecodedRow:
    """A row's picture and how it was had.

    `pixels` are uint8 RGB or grey, after the after-steps. `decoder` is `usual` or the name of the one that was used;
    `refused` names one that was drawn and did not read the file, so that the usual one did, and is empty otherwise.
    """

    pixels: np.ndarray
    decoder: str
    refused: str = ""


def load_varied(folder: Path, row: Row, seed: int, mode: str = VARIED) -> DecodedRow:
    """The picture of a row by a decoder of the reader's choice, with the row's after-steps applied.

    Parameters
    ----------
    folder : Path
        The data set.
    row : Row
    seed : int
        Decides, together with the row's id, which decoder is drawn.
    mode : str
        `usual`; `varied`, which draws another decoder for a share of the files; or the name of a decoder, which then
        reads every file of the classes it knows.

    Raises
    ------
    UsageError
        There is no such decoder, or the row has no file.
    CodecError
        The file is damaged: no decoder reads it.
    CodecUnavailable
        The decoder that was asked for by name does not run here.
    """
    decoder = choose(row, seed, mode)
    if decoder is None:
        return DecodedRow(patches.load_pixels(folder, row), USUAL)
    try:
        return DecodedRow(patches.load_pixels(folder, row, decoder), decoder.name)
    except CodecUnavailable:
        raise
    except CodecError:
        return DecodedRow(patches.load_pixels(folder, row), USUAL, refused=decoder.name)


def check_mode(mode: str) -> None:
    """Raise `UsageError` unless `mode` is one of `load_varied`, `CodecUnavailable` where the decoder it names runs for
    no class here.
    """
    if mode in (USUAL, VARIED):
        return
    reasons = [decoder.missing() for decoder in alternatives.by_name(mode)]
    if all(reasons):
        raise CodecUnavailable(f"{mode}: {reasons[0]}")


def choose(row: Row, seed: int, mode: str) -> Decoder | None:
    """The decoder that `load_varied` reads a row with, None for the usual one."""
    if mode == USUAL:
        return None
    if mode == VARIED:
        return draw_decoder(row, seed)
    return alternatives.get(row.class_name, mode)


def draw_decoder(row: Row, seed: int) -> Decoder | None:
    """A further decoder of the row's class for the class's share of `VARIED_SHARES`, None for the other files."""
    digest = hashlib.sha256(f"decoder/{seed}/{row.id}".encode()).digest()
    numbers = np.random.default_rng(int.from_bytes(digest[:16], "big"))
    if numbers.random() >= VARIED_SHARES.get(row.class_name, 0.0):
        return None
    usable = _usable(row.class_name)
    if not usable:
        return None
    weights = np.array([DECODERS[row.class_name][decoder.name] for decoder in usable])
    return usable[int(numbers.choice(len(usable), p=weights / weights.sum()))]


@cache
def _usable(codec: str) -> tuple[Decoder, ...]:
    weights = DECODERS.get(codec, {})
    decoders = alternatives.of_class(codec)
    return tuple(decoder for decoder in decoders if weights.get(decoder.name, 0) > 0 and not decoder.missing())


def drawing() -> list[dict[str, Any]]:
    """Everything that decides a varied reading besides seed and rows, JSON-ready: shares by class, and the weights of
    `drawn`.
    """
    return [dict(VARIED_SHARES), drawn()]


def drawn() -> dict[str, dict[str, float]]:
    """Weights of what a varied reading draws on this machine, by class; what is missing here is left out."""
    return {codec: {decoder.name: DECODERS[codec][decoder.name] for decoder in _usable(codec)} for codec in DECODERS}
