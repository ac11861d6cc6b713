"""`forensics bench`: judge a grid by models and peers, report the figures, measure speed."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import click


@click.group("bench")
def command() -> None:
    """Measure accuracy and speed on the grids."""


_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_JOBS = click.option("--jobs", type=click.IntRange(1), default=os.cpu_count() or 1, show_default="all cores", help="Processes.")
_SUITES = ("full", "kib", "quick", "generalization", "robustness")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _sizes(text: str) -> tuple[int, ...]:
    """Sides of patches from numbers with commas between them."""
    from forensics.errors import UsageError

    try:
        sizes = tuple(int(part) for part in _names(text))
    except ValueError:
        raise UsageError(f"--sizes takes sides in pixels with commas between them, not {text!r}") from None
    if sizes and min(sizes) < 64:
        raise UsageError(f"{min(sizes)} is not in the range of sides: the smallest patch has 64 pixels a side")
    return sizes


def _command_line() -> str:
    """What the user typed, the program by its plain name."""
    return shlex.join(["forensics", *sys.argv[1:]])


@command.command("run")
@click.argument("path", metavar="SOURCES|DATASET", required=False, type=_FOLDER)
@click.option("--data", type=_FOLDER, help="A built data set; the same as giving it as the argument.")
@click.option("--suite", type=click.Choice(_SUITES), help="What is encoded from SOURCES and how it is judged.")
@click.option("--models", default="baseline,cnn,fused", show_default=True, help="Models, separated by commas; one that is missing is skipped.")
@click.option("--peers", default="", help="Public peers on the same patches, separated by commas, or all.")
@click.option("--sizes", default="", help="Sides of the patches in pixels, separated by commas.  [default: the suite's; 256 for a data set]")
@click.option("--size", "more_sizes", type=click.IntRange(64), multiple=True, help="One side in pixels; may be repeated.")
@click.option("--split", help="Only sources of this split.  [default: all but train; of a data set val]")
@click.option("--limit", type=click.IntRange(0), help="At most so many sources, 0 for all.  [default: the suite's]")
@click.option("--per-source", type=click.IntRange(1), help="Draws, or prepared variants, a source.  [default: the suite's]")
@click.option("--codecs", default="", help="Only these encoders or classes, separated by commas.")
@click.option("--centred", is_flag=True, help="Take patches from the centre instead of random offsets.")
@click.option("--decoder", default="usual", show_default=True, metavar="NAME|usual|varied", help="Decoder of the files, where their class has it.")
@click.option("--model-dir", type=_FOLDER, help="Judge with the models in this folder instead of the shipped ones.")
@click.option("--train-data", type=_FOLDER, multiple=True, help="Data set that learning peers train on; may be repeated.")
@click.option("--train-windows", type=click.IntRange(100), default=4000, show_default=True, help="Patches that they train on.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Decides files and offsets.")
@_JOBS
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder for the table; what was made is kept there.")
def run(
    path: Path | None, data: Path | None, suite: str | None, models: str, peers: str, sizes: str, more_sizes: tuple[int, ...], split: str | None,
    limit: int | None, per_source: int | None, codecs: str, centred: bool, decoder: str, model_dir: Path | None, train_data: tuple[Path, ...],
    train_windows: int, seed: int, jobs: int, out: Path,
) -> None:  # fmt: skip
    """Judge patches by models and peers, and write one table, a row a patch and model, into OUT.

    SOURCES is any folder of lossless pictures, encoded by a suite's grid; DATASET one made by `forensics dataset build`. Every model gets
    the very same patches. Nothing is encoded or judged twice: run again, it goes on where it stopped. `forensics bench report OUT` shows
    the figures.
    """
    from forensics.dataset.progress import Counter
    from forensics.errors import UsageError
    from forensics_benchmarks.peers import ONLY_JPEG
    from forensics_benchmarks.pipeline import Request
    from forensics_benchmarks.pipeline import run as do
    from forensics_benchmarks.summaries import accuracy, by_model

    if (path is None) == (data is None):
        raise UsageError("give SOURCES, or a data set as argument or with --data, and one of them alone")
    request = Request(
        path=path or data,  # type: ignore[arg-type]
        out=out, suite=suite, models=_names(models), peers=_names(peers), sizes=tuple(dict.fromkeys((*_sizes(sizes), *more_sizes))), split=split,
        seed=seed, jobs=jobs, centred=centred, decoder=decoder, limit=limit, per_source=per_source, codecs=_names(codecs), model_dir=model_dir,
        train_data=train_data, train_windows=train_windows, command=_command_line(),
    )  # fmt: skip
    with Counter() as counter:
        outcome = do(request, progress=counter.show, report=counter.say)
    for name, records in by_model(outcome.records).items():
        if name not in ONLY_JPEG:
            click.echo(f"{name:<14} accuracy over nine classes {accuracy(records)} patches")
    for note in outcome.notes:
        click.echo(f"note: {note}")
    click.echo(f"table: {outcome.table}")


@command.command("report")
@click.argument("folder", type=_FOLDER)
@click.option("--kind", type=click.Choice(["grid", "kib"]), help="Only the tables of the full grid or of the file-size grid (KiB), model by model.")
@click.option("--html", "html_path", type=click.Path(dir_okay=False, path_type=Path), help="Write one self-contained page with all figures.")
@click.option("--markdown", "markdown_path", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures as Markdown instead of printing them.")
@click.option("--against", type=_FOLDER, help="Another run's folder: compare the two.")
def report(folder: Path, kind: str | None, html_path: Path | None, markdown_path: Path | None, against: Path | None) -> None:
    """Show the figures of a table that `forensics bench run` wrote into FOLDER, as Markdown and as an HTML page."""
    from forensics_benchmarks import reporting

    loaded = reporting.load(folder, against)
    text = reporting.markdown_report(loaded, kind)
    if html_path is not None:
        reporting.write_text(html_path, reporting.html_report(loaded))
        click.echo(f"page: {html_path}")
    if markdown_path is not None:
        reporting.write_text(markdown_path, text + "\n")
        click.echo(f"figures: {markdown_path}")
    elif html_path is None:
        click.echo(text)


@command.command("speed")
@click.option("--side", type=click.IntRange(64), default=512, show_default=True, help="Side of the measured picture, in pixels.")
@click.option("--repeat", type=click.IntRange(1), default=7, show_default=True, help="Runs of each; the median is shown.")
def speed(side: int, repeat: int) -> None:
    """Measure every feature family on one core beside public peers and PNG decoding, warm.

    Times are medians in milliseconds a picture, with half the interquartile range; MP/s are megapixels a second.
    """
    from forensics_benchmarks.speed import measure, report_markdown

    click.echo(report_markdown(measure(side, repeat), side))
