"""`forensics bench`: judge a grid by models and peers, report the figures, measure speed."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Any

import click

from forensics.options import FORCE, ON_CLUSTER, split_names


@click.group("bench")
def command() -> None:
    """Measure accuracy and speed on the grids."""


_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_JOBS = click.option(
    "--jobs", type=click.IntRange(1), default=os.cpu_count() or 1, show_default="all cores", help="Processes."
)
_SUITES = ("full", "kib", "quick", "generalization", "robustness")


def _sizes(text: str) -> tuple[int, ...]:
    """Sides of patches from numbers with commas between them."""
    from forensics.errors import UsageError

    try:
        sizes = tuple(int(part) for part in split_names(text))
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
@click.option(
    "--models",
    default="baseline,cnn,fused",
    show_default=True,
    help="Models, separated by commas; one that is missing is skipped.",
)
@click.option("--peers", default="", help="Public peers on the same patches, separated by commas, or all.")
@click.option(
    "--sizes",
    default="",
    help="Sides of the patches in pixels, separated by commas.  [default: the suite's; 256 for a data set]",
)
@click.option(
    "--size", "more_sizes", type=click.IntRange(64), multiple=True, help="One side in pixels; may be repeated."
)
@click.option("--split", help="Only sources of this split.  [default: all but train; of a data set val]")
@click.option("--limit", type=click.IntRange(0), help="At most so many sources, 0 for all.  [default: the suite's]")
@click.option(
    "--per-source", type=click.IntRange(1), help="Draws, or prepared variants, a source.  [default: the suite's]"
)
@click.option("--codecs", default="", help="Only these encoders or classes, separated by commas.")
@click.option("--centred", is_flag=True, help="Take patches from the centre instead of random offsets.")
@click.option(
    "--decoder",
    default="usual",
    show_default=True,
    metavar="NAME|usual|varied",
    help="Decoder of the files, where their class has it.",
)
@click.option("--model-dir", type=_FOLDER, help="Judge with the models in this folder instead of the shipped ones.")
@click.option(
    "--train-data", type=_FOLDER, multiple=True, help="Data set that learning peers train on; may be repeated."
)
@click.option(
    "--train-windows", type=click.IntRange(100), default=4000, show_default=True, help="Patches that they train on."
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Decides files and offsets.")
@_JOBS
@ON_CLUSTER
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder for the table; what was made is kept there.",
)
def run(
    path: Path | None,
    data: Path | None,
    suite: str | None,
    models: str,
    peers: str,
    sizes: str,
    more_sizes: tuple[int, ...],
    split: str | None,
    limit: int | None,
    per_source: int | None,
    codecs: str,
    centred: bool,
    decoder: str,
    model_dir: Path | None,
    train_data: tuple[Path, ...],
    train_windows: int,
    seed: int,
    jobs: int,
    out: Path,
) -> None:
    """Judge patches by models and peers, and write one table, a row a patch and model, into OUT.

    SOURCES is any folder of lossless pictures, encoded by a suite's grid; DATASET one made by `forensics dataset
    build`. Every model gets the very same patches. Nothing is encoded or judged twice: run again, it goes on where it
    stopped. `forensics bench report OUT` shows the figures.
    """
    from forensics.errors import UsageError
    from forensics.progress import Counter
    from forensics_benchmarks.peers import ONLY_JPEG
    from forensics_benchmarks.pipeline import Request
    from forensics_benchmarks.pipeline import run as do
    from forensics_benchmarks.section_records import plain
    from forensics_benchmarks.summaries import accuracy, by_model

    if (path is None) == (data is None):
        raise UsageError("give SOURCES, or a data set as argument or with --data, and one of them alone")
    request = Request(
        path=path or data,  # type: ignore[arg-type]
        out=out,
        suite=suite,
        models=split_names(models),
        peers=split_names(peers),
        sizes=tuple(dict.fromkeys((*_sizes(sizes), *more_sizes))),
        split=split,
        seed=seed,
        jobs=jobs,
        centred=centred,
        decoder=decoder,
        limit=limit,
        per_source=per_source,
        codecs=split_names(codecs),
        model_dir=model_dir,
        train_data=train_data,
        train_windows=train_windows,
        command=_command_line(),
    )
    with Counter() as counter:
        outcome = do(request, progress=counter.show, report=counter.say)
    for name, records in by_model(outcome.records).items():
        untouched = plain(records)
        if name not in ONLY_JPEG and untouched:
            click.echo(f"{name:<14} accuracy over nine classes {accuracy(untouched)} patches")
    for note in outcome.notes:
        click.echo(f"note: {note}")
    click.echo(f"table: {outcome.table}")


@command.command("report")
@click.argument("folder", type=_FOLDER)
@click.option(
    "--kind",
    type=click.Choice(["grid", "kib"]),
    help="Only the tables of the full grid or of the file-size grid (KiB), model by model.",
)
@click.option(
    "--html",
    "html_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write one self-contained page with all figures.",
)
@click.option(
    "--markdown",
    "markdown_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the figures as Markdown instead of printing them.",
)
@click.option("--against", type=_FOLDER, help="Another run's folder: compare the two.")
@FORCE
def report(
    folder: Path,
    kind: str | None,
    html_path: Path | None,
    markdown_path: Path | None,
    against: Path | None,
    force: bool,
) -> None:
    """Show the figures of a table that `forensics bench run` wrote into FOLDER, as Markdown and as an HTML page."""
    from forensics.destinations import Destinations
    from forensics_benchmarks import reporting, stored_run

    destinations = Destinations(stored_run.inputs(folder, against), force=force)
    destinations.file(html_path, make_folder=True)
    destinations.file(markdown_path, make_folder=True)
    loaded = stored_run.load(folder, against)
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
@click.option(
    "--side", type=click.IntRange(64), default=512, show_default=True, help="Side of the measured picture, in pixels."
)
@click.option(
    "--repeat", type=click.IntRange(1), default=7, show_default=True, help="Runs of each; the median is shown."
)
@click.option(
    "--parts",
    default="families",
    show_default=True,
    help="What is measured: families, models, sizes, processes, imports, files, or all.",
)
@click.option(
    "--largest",
    type=click.FloatRange(0.0625),
    default=12.0,
    show_default=True,
    help="Largest picture of the part sizes, in megapixels (up to 100).",
)
@click.option(
    "--pictures", type=click.IntRange(1), default=8, show_default=True, help="Pictures of the part processes."
)
@click.option(
    "--most-files", type=click.IntRange(1001), default=10_000, show_default=True, help="Most files of the part files."
)
def speed(side: int, repeat: int, parts: str, largest: float, pictures: int, most_files: int) -> None:
    """Measure feature families and models on one core, next to public peers and PNG decoding, and whole commands by
    size and processes.

    Times are medians, with half the interquartile range; MP/s are megapixels a second. Ratios compare within one run
    and carry its spread.
    """
    from forensics.errors import UsageError
    from forensics.progress import Counter
    from forensics_benchmarks import archives, markdown, scaling
    from forensics_benchmarks.speed import measure, report_markdown

    known = ("families", "models", "sizes", "processes", "imports", "files")
    wanted = known if parts == "all" else split_names(parts)
    if not wanted or not set(wanted) <= set(known):
        raise UsageError(f"--parts takes {', '.join(known)} or all, not {parts!r}")
    jobs = sorted({1, 2, os.cpu_count() or 1})
    with Counter() as counter:
        makers = {
            "models": lambda: scaling.models((64, 224, side), repeat),
            "imports": lambda: scaling.imports(repeat),
            "sizes": lambda: scaling.by_size(largest, repeat, counter.say),
            "files": lambda: archives.by_files([100, 1000, most_files], report=counter.say),
            "processes": lambda: scaling.by_processes(pictures, jobs, repeat, counter.say),
        }
        for part in known:
            if part in wanted:
                click.echo(
                    report_markdown(measure(side, repeat), side)
                    if part == "families"
                    else markdown.table_text(makers[part]())
                )


@command.command("history")
@click.argument("folder", metavar="SOURCES", type=_FOLDER)
@click.option(
    "--parts",
    default="jpeg,wavelets,recoding,splices,chains,buried,tones,enlarged,reduced,saved",
    show_default=True,
    help="What is measured, separated by commas.",
)
@click.option("--split", help="Only sources of this split.  [default: all but train]")
@click.option("--limit", type=click.IntRange(1), default=24, show_default=True, help="At most so many sources.")
def history(folder: Path, parts: str, split: str | None, limit: int) -> None:
    """Measure how right recovered histories are, on pictures encoded here: parameters by codec and strength, and pasted
    regions.
    """
    from forensics.progress import Counter
    from forensics_benchmarks import markdown, suites
    from forensics_benchmarks.history import sections

    names = suites.chosen_sources(folder, split, limit)
    with Counter() as counter:
        found = sections(folder, names, split_names(parts), counter.say)
    click.echo(markdown.sections_text(found))


@command.command("ablation")
@click.argument("datasets", nargs=-1, required=True, metavar="DATASET...", type=_FOLDER)
@click.option(
    "--run",
    "run_folder",
    type=_FOLDER,
    help="A run's folder whose models stand in the table too: what CNN and fusion are worth.",
)
@click.option("--windows", type=click.IntRange(100), default=8000, show_default=True, help="Training windows at most.")
@click.option("--rounds", type=click.IntRange(1), default=200, show_default=True, help="Boosting rounds at most.")
@click.option("--variants", default="", help="Only these variants, separated by commas.  [default: all]")
@click.option("--seed", type=click.IntRange(0), default=2026, show_default=True, help="Decides windows and trees.")
@_JOBS
def ablation(
    datasets: tuple[Path, ...], run_folder: Path | None, windows: int, rounds: int, variants: str, seed: int, jobs: int
) -> None:
    """Train the baseline without kinds of traces on every DATASET together, and show what each is worth by strength.

    DATASET holds the splits train and val. With --run, what CNN and fusion add stands below, from the models of that
    run.
    """
    from forensics.errors import UsageError
    from forensics.progress import Counter
    from forensics_benchmarks import ablation as work
    from forensics_benchmarks import markdown, stored_run
    from forensics_benchmarks.section_records import plain

    chosen = split_names(variants) or tuple(work.VARIANTS)
    if not set(chosen) <= set(work.VARIANTS):
        raise UsageError(
            f"there is no variant {', '.join(sorted(set(chosen) - set(work.VARIANTS)))}; there are "
            f"{', '.join(work.VARIANTS)}"
        )
    shipped = (
        {name: plain(records) for name, records in stored_run.load(run_folder).judges.items()} if run_folder else {}
    )
    with Counter() as counter:
        found = work.run(
            datasets, windows=windows, rounds=rounds, seed=seed, jobs=jobs, variants=chosen, progress=counter.show
        )
    click.echo(
        markdown.table_text(work.table(found, "The baseline retrained without kinds of traces: accuracy on val, %"))
    )
    if shipped:
        click.echo(
            markdown.table_text(
                work.table(work.of_models(shipped), "The shipped models: accuracy on the patches of the run, %")
            )
        )


@command.command("verdicts")
@click.argument("sources", type=_FOLDER)
@click.option(
    "--parts",
    default="processed,untouched,processes,insets",
    show_default=True,
    help="What is made, separated by commas.",
)
@click.option("--split", default="test_public", show_default=True, help="Split of the sources.")
@click.option(
    "--limit", type=click.IntRange(0), default=24, show_default=True, help="Most sources, spread evenly; 0 for all."
)
@click.option(
    "--seed", type=click.IntRange(0), default=5, show_default=True, help="Decides makers, strengths, steps and places."
)
@click.option("--model-dir", type=_FOLDER, help="Judge with the models in this folder instead of the shipped ones.")
@click.option(
    "--against", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Verdicts of another build on OUT/pictures (`forensics analyze --format csv`), reported next to these.",
)  # fmt: skip
@click.option("--only-make", is_flag=True, help="Write the pictures and what is known of them, and judge nothing.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Folder of the run; it goes on where it stopped.",
)
def verdicts(
    sources: Path,
    parts: str,
    split: str,
    limit: int,
    seed: int,
    model_dir: Path | None,
    against: Path | None,
    only_make: bool,
    out: Path,
) -> None:
    """Judge whole pictures: after steps of processing, of untouched kinds, by other lossy processes, set into others,
    and (`--parts fixed`) by six makers and after twelve steps at fixed strengths.

    Writes OUT/pictures, OUT/truth.csv, OUT/verdicts.csv and OUT/report.md. Programs that training never draws (libvips,
    ImageMagick, GraphicsMagick, Netpbm, scikit-image) do half of the steps, as far as they are installed.
    """
    from functools import partial

    from forensics_models.storage import write_atomically

    from forensics.destinations import Destinations
    from forensics.errors import UsageError
    from forensics.progress import Counter
    from forensics_benchmarks import verdicts as part_of

    chosen = split_names(parts)
    if not chosen or set(chosen) - set(part_of.PARTS):
        raise UsageError(f"--parts takes {', '.join(part_of.PARTS)}, not {parts!r}")
    Destinations().folder(out)
    out.mkdir(parents=True, exist_ok=True)
    with Counter() as counter:
        cases = part_of.make(
            sources, out, chosen, split=split, limit=limit, seed=seed, tell=partial(counter.show, "making")
        )
        if not cases:
            raise UsageError(f"no source of the split {split!r} in {str(sources)!r}")
        if only_make:
            return
        rows = part_of.judge(out, cases, partial(counter.show, "judging"), model_dir)
    text = part_of.markdown(cases, rows, "This build")
    if against is not None:
        text += "\n" + part_of.markdown(cases, part_of.read_verdicts(against, out), f"Another build: {against.name}")
    write_atomically(out / "report.md", text.encode())
    click.echo(text, nl=False)


@command.command("reconstruct")
@click.argument("sources", type=_FOLDER)
@click.option(
    "--limit",
    type=click.IntRange(0),
    default=12,
    show_default=True,
    help="At most so many pictures, evenly chosen, 0 for all.",
)
@click.option("--qualities", default="", help="Qualities separated by commas.  [default: 50 to 100 in nine steps]")
@click.option(
    "--subsamplings",
    default="",
    help="Of 4:2:0, 4:2:2, 4:4:4, grey, of decoders also 4:4:0 and 4:1:1, separated by commas.  [default: the first "
    "four; of decoders 4:2:0]",
)
@click.option("--side", type=click.IntRange(64), default=512, show_default=True, help="Pictures are cut to this side.")
@click.option(
    "--crop", type=(int, int), default=(0, 0), show_default=True, help="Rows and columns cut off after decoding."
)
@click.option(
    "--together", type=click.IntRange(1), default=1, show_default=True, help="Blocks: pictures put together of so many."
)
@click.option(
    "--contrast",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="Blocks: contrast about the middle of the scale.",
)
@click.option("--decoder", default="", help="Decoders: only those whose names begin so.")
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    default=float("inf"),
    help="Encoders, files: processor time that each is given; after twice as much it is given up.  [default: no limit]",
)
@click.option("--each-table-once", is_flag=True, help="Files: one for each set of tables and sampling factors.")
@click.option(
    "--part",
    type=click.Choice(["blocks", "decoders", "encoders", "files", "patches", "unretouched"]),
    default="blocks",
    show_default=True,
    help="Blocks by quality and subsampling; the same as other decoders give them; files by other encoders, made from "
    "SOURCES; JPEG files in SOURCES as they are; retouched patches; blocks falsely called changed.",
)
def reconstruct(sources: Path, limit: int, qualities: str, subsamplings: str, part: str, **options: Any) -> None:
    """Measure how many blocks of JPEGs made from SOURCES come back bit for bit, and how well changed ones are found."""
    from forensics.inputs import expand
    from forensics_benchmarks import reconstruction_parts as parts

    paths = [Path(path) for path in expand([str(sources)])]
    number = limit * options["together"]
    paths = paths[:: max(1, len(paths) // number)][:number] if limit else paths
    chosen = parts.Chosen(
        paths,
        tuple(int(quality) for quality in split_names(qualities)),
        tuple(split_names(subsamplings)),
        tell=lambda line: click.echo(line, err=True),
        **options,
    )
    click.echo(parts.PARTS[part](chosen))


@command.command("compare")
@click.argument("sources", type=_FOLDER)
@click.option("--pairs", "count", type=click.IntRange(1), default=200, show_default=True, help="Pairs that are made.")
@click.option("--side", type=click.IntRange(64), default=384, show_default=True, help="Pictures are cut to this side.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Decides strengths, places and curves."
)
def compare(sources: Path, count: int, side: int, seed: int) -> None:
    """Measure how often `forensics compare` puts two copies in the right order, on pairs made from SOURCES."""
    from forensics.inputs import expand
    from forensics_benchmarks import compared_copies as copies

    paths = [Path(path) for path in expand([str(sources)])]
    paths = paths[:: max(1, len(paths) // count)][:count]
    judge = copies.judge_available()
    if not judge:
        click.echo(
            f"forensics: {copies.JUDGE} is not installed (Debian: apt-get install jpegjudge), left out", err=True
        )
    answers = []
    for answer in copies.answered(copies.pairs(paths, count, side=side, seed=seed), judge=judge):
        mark = "ok" if answer.stated == answer.truth else "OPEN" if answer.stated == copies.UNTOLD else "WRONG"
        click.echo(
            f"{mark} {answer.kind} | {answer.how} | {answer.source} | {answer.truth}, answer {answer.stated}: "
            f"{answer.why} ({answer.seconds:.1f} s)",
            err=True,
        )
        answers.append(answer)
    click.echo(copies.table(answers))
