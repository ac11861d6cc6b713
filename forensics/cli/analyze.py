"""`forensics analyze`: pictures in, reports out, in the order given; a bad input is one line and the batch goes on."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from forensics.options import (
    ALL_WINDOWS,
    EVERYTHING,
    FORCE,
    JOBS,
    MAX_PIXELS,
    MODEL_DIR,
    RECURSIVE,
    SCHEDULER,
    report_option,
)

COST = "several times as long as the verdict alone"
"""What is said before a history, a map or a report."""
LESS = "; --no-history and --no-map leave parts out"
"""What is said with it where a report takes them along."""


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@RECURSIVE
@click.option("-f", "--format", "form", type=click.Choice(["text", "json", "csv"]), default="text", show_default=True)
@report_option("Write the report to this file.  [default: standard output]")
@JOBS
@SCHEDULER
@MAX_PIXELS
@click.option(
    "--frame",
    default="",
    metavar="N|TIME",
    help="Which picture of files with several, from 0; of videos also a time (2.5s).  [default: the first; of videos "
    "the first key frame]",
)
@click.option(
    "--model",
    type=click.Choice(["baseline", "cnn", "fused"]),
    help="Who judges: trees on features, a network on pixels, or both.  [default: fused]",
)
@MODEL_DIR
@ALL_WINDOWS
@click.option(
    "--history/--no-history",
    default=None,
    help="Recover parameters and test traces too.  [default: with --report and --plots]",
)
@click.option(
    "--map/--no-map",
    "localise",
    default=None,
    help="Put a map of the codecs into the report and the figures; with --history, parameters are read outside regions "
    "that depart.  [default: with --report and --plots]",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    metavar="FILE_OR_DIR",
    help="Write a page for people: a .html file for one picture, a folder with an index for several.",
)
@click.option(
    "--exact",
    type=click.Choice(["jpeg"]),
    help="Show in the report which 8x8 blocks of a former JPEG can have come out of its decoder.",
)
@click.option(
    "--plots",
    type=click.Path(file_okay=False, path_type=Path),
    help="Save the figures of traces and map in this folder.",
)
@EVERYTHING
@FORCE
def command(
    paths: tuple[str, ...],
    recursive: bool,
    form: str,
    out: Path | None,
    jobs: int,
    scheduler: str | None,
    max_pixels: int | None,
    frame: str,
    model: str | None,
    model_dir: Path | None,
    all_windows: bool,
    history: bool | None,
    localise: bool | None,
    report: Path | None,
    exact: str | None,
    plots: Path | None,
    everything: bool,
    force: bool,
) -> None:
    """Say whether pictures were ever lossily compressed, by which codec and how strongly.

    PATH is a picture file, a folder (its pictures, by suffix or content), a pattern such as 'scans/*.tif', or - for
    standard input. Exit code: 0 all done, 1 wrong usage, 2 some inputs failed.
    """
    from forensics.errors import UsageError
    from forensics.executors import executor, noted
    from forensics.windows.helper import helper

    if exact is not None and report is None:
        raise UsageError("--exact is part of the page: give --report too, or use 'forensics map --exact'")
    workers = None
    if jobs > 1 and scheduler is None and (len(paths) > 1 or Path(paths[0]).is_dir()):
        workers = click.get_current_context().with_resource(executor(jobs, note=noted))
        workers.prepare("forensics.ready", "make_ready", model_dir, model)  # while this process imports as much
    other = None
    written = report is not None or plots is not None
    history, localise = (written if asked is None else asked for asked in (history, localise))
    if workers is None and scheduler is None and localise:
        other = click.get_current_context().with_resource(helper(paths))
        if other is not None:
            other.prepare("forensics.batch", "make_ready_to_measure")
            if written:
                other.prepare("forensics.report.figures", "make_ready")
    from forensics.batch import analyze_all, depends_on
    from forensics.destinations import Destinations
    from forensics.inputs import Skipped, expand
    from forensics.pictures.opened import MAX_PIXELS
    from forensics.progress import SignOfLife
    from forensics.report.writer import Writer
    from forensics.windows.judges import check_model

    skipped = Skipped()
    inputs = expand(paths, recursive=recursive, every=everything, skipped=skipped)
    destinations = Destinations(inputs, force=force)
    destinations.file(out)
    check_model(model_dir, model)
    if localise and not (written or history):
        raise UsageError(
            "--map is part of the page, the figures and the history: give --report too, or 'forensics map'"
        )
    pages = None
    if written:
        from forensics.report.figures import NEEDS
        from forensics.report.pages import page_writer, write_index

        pages = page_writer(
            inputs,
            report,
            plots,
            destinations=destinations,
            history=history,
            localise=localise,
            model_dir=model_dir,
            model=model,
            max_pixels=max_pixels,
            exact=exact is not None,
        )
        if not pages.has_figures:
            click.echo(f"forensics: the report is without figures and map picture: {NEEDS}", err=True)
    if len(inputs) > 1 and jobs > 1:
        other = None  # the processes of --jobs share the cores
    kept = []
    settings = None if written or frame else depends_on(model_dir, model, max_pixels, history, all_windows, localise)
    costly = _announced(len(inputs), history, localise, written)
    doing = (costly, 5.0) if costly else ("verdict", 60.0)
    with Writer(form, out, settings) as writer, SignOfLife(*doing) as alive:
        rest = inputs[writer.go_on(inputs) :]
        results = analyze_all(
            rest,
            jobs=jobs,
            scheduler=scheduler,
            max_pixels=max_pixels or MAX_PIXELS,
            frame=frame,
            all_windows=all_windows,
            model_dir=model_dir,
            model=model,
            history=history,
            localise=localise,
            after_each=pages if pages is None or other is None else partial(pages, helper=other),
            progress=len(inputs) > 1 and not writer.on_terminal,
            shared=workers,
            helper=other,
        )
        for name, result in zip(alive.over(rest), results, strict=True):
            writer.write(result, name)
            kept += [result] if pages is not None and pages.folder else []
    if pages is not None and pages.folder and report is not None:
        write_index(report, kept)
    if skipped.text():
        click.echo(f"forensics: {skipped.text()}", err=True)
    if writer.failures or skipped.unread_folders:
        raise SystemExit(2)


def _announced(count: int, history: bool, localise: bool, written: bool) -> str:
    """What takes long, as it was said before the work; empty, and silence, for verdicts alone."""
    parts = [part for part, asked in (("history", history), ("map", localise), ("report", written)) if asked]
    costly = " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
    if costly:
        of = f" of {count} pictures" if count > 1 else ""
        click.echo(f"forensics: {costly}{of}: {COST}{LESS if written else ''}", err=True)
    return costly
