"""The parts of `forensics bench reconstruct`: what each measures, told line by line, and its table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from forensics_benchmarks import foreign_jpegs, other_decoders, patched_blocks, reconstruction

_USUAL = 75
"""Quality at which decoders are tried by default: Pillow's and cjpeg's."""


@dataclass(frozen=True)
class Chosen:
    """What is measured: pictures or files, qualities and subsamplings (none for those of the part), and the options of
    the command.
    """

    paths: Sequence[Path]
    qualities: tuple[int, ...]
    subsamplings: tuple[str, ...]
    tell: Callable[[str], None]
    side: int
    crop: tuple[int, int]
    together: int
    contrast: float
    decoder: str
    seconds: float
    each_table_once: bool


def blocks(chosen: Chosen) -> str:
    """Blocks of JPEGs by libjpeg-turbo, by quality and subsampling."""
    pictures = reconstruction.cut_pictures(
        chosen.paths, side=chosen.side, together=chosen.together, contrast=chosen.contrast
    )
    rows = reconstruction.run(
        pictures,
        chosen.qualities or reconstruction.QUALITIES,
        chosen.subsamplings or reconstruction.SUBSAMPLINGS,
        offset=chosen.crop,
        report=chosen.tell,
    )
    return reconstruction.table(rows)


def decoders(chosen: Chosen) -> str:
    """Pictures as other decoders give them."""
    rows = []
    for row in other_decoders.measured(
        chosen.paths,
        chosen.qualities or (_USUAL,),
        chosen.subsamplings or ("4:2:0",),
        side=chosen.side,
        offset=chosen.crop,
        only=chosen.decoder,
    ):
        chosen.tell(
            f"{row.decoder} {row.subsampling} {row.quality} {row.source}: {row.same} of {row.blocks} blocks, "
            f"{row.seconds:.1f} s, {row.named}"
        )
        rows.append(row)
    return other_decoders.table(rows)


def encoders(chosen: Chosen) -> str:
    """Files of other encoders, made here."""
    there = foreign_jpegs.installed()
    missing = [name for name in foreign_jpegs.ENCODERS if name not in there]
    if missing:
        chosen.tell(f"forensics: not installed, left out: {', '.join(missing)}")
    return _of_files(chosen, foreign_jpegs.made(chosen.paths, there, side=chosen.side, seconds=chosen.seconds))


def files(chosen: Chosen) -> str:
    """JPEG files as they are."""
    found = foreign_jpegs.found(
        chosen.paths, side=chosen.side, seconds=chosen.seconds, each_table_once=chosen.each_table_once
    )
    return _of_files(chosen, found)


def _of_files(chosen: Chosen, run: Iterator[foreign_jpegs.Returned]) -> str:
    rows = []
    for row in run:
        exact = ", exact" if row.exact else ""
        chosen.tell(
            f"{row.encoder} {row.name}: {row.same} of {row.blocks} blocks{exact}, {row.seconds:.1f} s, {row.said}"
        )
        rows.append(row)
    return foreign_jpegs.table(rows)


def patches(chosen: Chosen) -> str:
    """Retouched patches by the block-exact map."""
    return _of_patches(chosen, patched_blocks.measured(chosen.paths, side=chosen.side))


def unretouched(chosen: Chosen) -> str:
    """Blocks that the map calls changed where nobody touched any."""
    return _of_patches(chosen, patched_blocks.unretouched(chosen.paths, side=chosen.side))


def _of_patches(chosen: Chosen, run: Iterator[patched_blocks.Found]) -> str:
    rows = []
    for patch in run:
        chosen.tell(f"{patch.quality} {patch.side} {patch.kind}: {patch.blocks} {patch.pixels} {patch.said}")
        rows.append(patch)
    return patched_blocks.table(rows)


PARTS: dict[str, Callable[[Chosen], str]] = {
    "blocks": blocks,
    "decoders": decoders,
    "encoders": encoders,
    "files": files,
    "patches": patches,
    "unretouched": unretouched,
}
"""Each part by the name that `--part` takes."""
