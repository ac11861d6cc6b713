"""`forensics dataset`: build a data set of encoded pictures, or show what one holds."""

from __future__ import annotations

import os
from pathlib import Path

import click

from forensics.errors import UsageError
from forensics.options import ON_CLUSTER, split_names

_SUITES = ("random", "grid", "kib", "quick", "chains", "processed", "processes", "untouched")
_WITH_SYNTHETIC = ("random", "chains", "processed", "processes", "untouched")


def _shares(text: str) -> dict[str, float]:
    """Shares of splits from `NAME=SHARE,...`."""
    try:
        pairs = (part.split("=") for part in text.split(","))
        return {name.strip(): float(share) for name, share in pairs}
    except ValueError:
        raise UsageError(f"--split takes NAME=SHARE,..., for instance train=0.8,val=0.2, not {text!r}") from None


@click.group()
def command() -> None:
    """Build or show a data set of encoded pictures."""


@command.command()
@click.argument("sources", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--suite", type=click.Choice(_SUITES), default="random", show_default=True,
    help="random strengths for training, the full grid, the file-size grid, a small sample, two codecs one after the "
         "other, "
    "steps after decoding, lossy processes beyond the codecs, or kinds of untouched pictures",
)  # fmt: skip
@click.option("--seed", type=click.IntRange(0), default=2026, show_default=True, help="of all that is random")
@click.option("--jobs", type=click.IntRange(1), default=None, help="worker processes  [default: one a CPU]")
@ON_CLUSTER
@click.option(
    "--per-source", type=click.IntRange(1), default=3, show_default=True,
    help="draws a source; grid: preparations in addition to the plain one",
)  # fmt: skip
@click.option("--codecs", default="", help="only these encoders or classes, separated by commas")
@click.option(
    "--split", "shares", default="train=0.8,val=0.1,test=0.1", show_default=True,
    help="shares of the splits for sources whose folder names none",
)  # fmt: skip
@click.option("--only", default="", help="only sources of these splits, separated by commas")
@click.option(
    "--synthetic",
    type=click.IntRange(0),
    default=None,
    help="synthetic sources to add  [default: 60 where strengths are random, else 0]",
)
@click.option("--retry-failed", is_flag=True, help="try jobs again that are recorded as failed")
def build(
    sources: Path, out: Path, suite: str, seed: int, jobs: int | None, per_source: int, codecs: str, shares: str,
    only: str, synthetic: int | None, retry_failed: bool,
) -> int:  # fmt: skip
    """Encode the pictures below SOURCES into the data set OUT; run again, it continues where it stopped.

    Sources are PNG, TIFF, PPM, BMP, and lossless WebP and JPEG XL. A sub-folder train, val or test... gives the split.
    """
    from forensics.dataset import encoders
    from forensics.dataset.build import build as run
    from forensics.dataset.plan import Settings
    from forensics.dataset.show import outcome_text

    count = synthetic if synthetic is not None else 60 if suite in _WITH_SYNTHETIC else 0
    named = split_names(codecs) or (encoders.PROCESSES if suite == "processes" else ())
    settings = Settings(suite, seed, per_source, encoders.available(named), _shares(shares), count)
    outcome = run(
        sources, out, settings, jobs=jobs or os.cpu_count() or 1, splits=split_names(only), retry=retry_failed
    )
    click.echo(outcome_text(outcome))
    return 2 if outcome.bad or outcome.statuses.get("failed") else 0


@command.command()
@click.argument("art", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--split", type=click.Choice(["train", "val", "test"]), default="train", show_default=True)
@click.option("--number", type=click.IntRange(1), default=200, show_default=True, help="of drawings")
@click.option("--seed", type=click.IntRange(0), default=2026, show_default=True, help="of all that is random")
@click.option("--alone", is_flag=True, help="each piece a picture of its own, of 64 pixels a side at least")
def drawings(art: Path, out: Path, split: str, number: int, seed: int, alone: bool) -> None:
    """Compose source pictures of drawn art and write them to OUT/SPLIT.

    ART holds a sub-folder for each collection, with SVG files, and PNG files that no lossy codec left behind: icon
    themes, clip art, sprites, tiles. A folder of pieces is in one split in all its sizes. SVG files are rendered by
    rsvg-convert. Drawings that are there already stay.
    """
    from forensics.dataset import drawings
    from forensics.destinations import Destinations
    from forensics.progress import Progress

    Destinations().folder(out)
    with Progress("drawings", number) as progress:
        written = drawings.write(
            drawings.find_art(art),
            out,
            split,
            number,
            seed,
            progress.advance,
            make=drawings.alone if alone else drawings.compose,
        )
    click.echo(f"{written} drawings written to {out / split}")


@command.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def show(out: Path, form: str) -> None:
    """Print what the data set OUT holds: counts, reached strengths against targets, unreachable cells."""
    import json

    from forensics.dataset import manifest
    from forensics.dataset.show import summarise, summary_text

    summary = summarise(manifest.read(out), list(manifest.read_sources(out)))
    click.echo(json.dumps(summary, indent=1) if form == "json" else summary_text(summary))
