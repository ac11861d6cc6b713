"""`forensics bench`: judge a built data set, print the figures, measure speed."""

from __future__ import annotations

import os
from pathlib import Path

import click


@click.group("bench")
def command() -> None:
    """Measure accuracy and speed on the grids."""


_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@command.command("run")
@click.argument("dataset", type=_FOLDER)
@click.option("--split", default="val", show_default=True, help="Split of the data set that is judged.")
@click.option("--size", "sizes", type=click.IntRange(64), multiple=True, default=(256,), show_default=True, help="Window side in pixels; may be repeated.")
@click.option("--centred", is_flag=True, help="Take windows from the centre instead of random offsets.")
@click.option("--decoder", default="usual", show_default=True, metavar="NAME|usual|varied", help="Decoder of the files, where their class has it.")
@click.option("--model-dir", type=_FOLDER, help="Judge with the model in this folder instead of the shipped one.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Decides window offsets.")
@click.option("--jobs", type=click.IntRange(1), default=os.cpu_count() or 1, show_default="all cores", help="Processes.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder for the table; features are kept there.")
def run(
    dataset: Path, split: str, sizes: tuple[int, ...], centred: bool, decoder: str, model_dir: Path | None, seed: int, jobs: int, out: Path
) -> None:
    """Judge every file of DATASET, a window of each size, and write OUT/windows.csv.

    Sides are in pixels. `forensics bench report OUT` prints the figures; an interrupted run goes on where it stopped.
    """
    from forensics.analysis import check_match, shipped_extractor, shipped_judge, trained_judge
    from forensics.dataset.features import WindowPlan
    from forensics.dataset.progress import Counter
    from forensics.errors import UsageError
    from forensics_benchmarks.evaluation import evaluate, write_records
    from forensics_benchmarks.summaries import is_right, share

    baseline = trained_judge(model_dir) if model_dir else shipped_judge()
    check_match(baseline, shipped_extractor())
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}") from None
    plan = WindowPlan(groups=tuple((size,) for size in sizes), seed=seed, centred=centred, decoders=decoder)
    with Counter() as counter:
        records = evaluate(
            dataset, split, {"baseline": baseline.judge}, plan=plan, jobs=jobs, cache=out / "features",
            progress=lambda done, total: counter.show("measuring", done, total),
        )  # fmt: skip
    write_records(out / "windows.csv", records)
    accuracy = share([is_right(record) for record in records], [record.source for record in records])
    click.echo(f"accuracy over nine classes {accuracy} windows: {out / 'windows.csv'}")


@command.command("report")
@click.argument("folder", type=_FOLDER)
@click.option("--kind", type=click.Choice(["grid", "kib"]), default="grid", show_default=True, help="Which figures: full grid or file-size grid (KiB).")
def report(folder: Path, kind: str) -> None:
    """Print the figures of FOLDER/windows.csv as Markdown."""
    from forensics.errors import UsageError
    from forensics_benchmarks import markdown
    from forensics_benchmarks.evaluation import read_records

    path = folder / "windows.csv"
    if not path.is_file():
        raise UsageError(f"{folder} holds no windows.csv; make it with `forensics bench run`")
    records = read_records(path)
    click.echo(markdown.grid_report(records) if kind == "grid" else markdown.kib_report(records))


@command.command("speed")
@click.option("--side", type=click.IntRange(64), default=512, show_default=True, help="Side of the measured picture, in pixels.")
@click.option("--repeat", type=click.IntRange(1), default=7, show_default=True, help="Runs of each; the median is shown.")
def speed(side: int, repeat: int) -> None:
    """Measure every feature family on one core beside public peers and PNG decoding, warm.

    Times are medians in milliseconds a picture, with half the interquartile range; MP/s are megapixels a second.
    """
    from forensics_benchmarks.speed import measure, report_markdown

    click.echo(report_markdown(measure(side, repeat), side))
