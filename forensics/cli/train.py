"""`forensics train`: train a model from a data set."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from forensics.options import ON_CLUSTER

_Command = TypeVar("_Command", bound=Callable[..., Any])
Option = Callable[[_Command], _Command]

_DATASETS = click.argument(
    "datasets",
    nargs=-1,
    required=True,
    metavar="DATASET...",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)


def _out(text: str) -> Option:
    """`--out`, the folder that receives what is trained."""
    return click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help=text)


def _jobs(text: str) -> Option:
    """`--jobs`, all cores where it is not given."""
    cores = os.cpu_count() or 1
    return click.option("--jobs", type=click.IntRange(1), default=cores, show_default="all cores", help=text)


def _seed(text: str) -> Option:
    """`--seed`, one for all trainings, so that the windows are measured once."""
    return click.option("--seed", type=click.IntRange(0), default=2026, show_default=True, help=text)


def _draws(what: str) -> Option:
    """`--draws`, how many of `what` are drawn of each source."""
    return click.option(
        "--draws", type=click.IntRange(1), help=f"{what} drawn of every source.  [default: the recipe's]"
    )


def _echo_open(card: Mapping[str, Any]) -> None:
    """How many open pictures of each family a judge of whole pictures names rightly and wrongly."""
    for name, row in card["validation"].items():
        click.echo(f"{name:28} {row['open']:5d} open pictures: {row['right']} right, {row['wrong']} wrong")


_OUT, _JOBS, _SEED = (
    _out("Folder for the artefacts."),
    _jobs("Processes and threads."),
    _seed("Decides windows and trees."),
)


@click.group("train")
def command() -> None:
    """Train a model from a data set."""


@command.command("baseline")
@_DATASETS
@_OUT
@_JOBS
@ON_CLUSTER
@_SEED
@click.option("--rounds", type=click.IntRange(1), help="Largest number of boosting rounds.  [default: the recipe's]")
def baseline(datasets: tuple[Path, ...], out: Path, jobs: int, seed: int, rounds: int | None) -> None:
    """Train the gradient-boosted baseline on every DATASET together.

    DATASET is a folder made by `forensics dataset build`; the splits train and val must be among them. Windows are
    measured once and kept with their data set, so an interrupted run goes on where it stopped. Prints the validation
    figures; the artefacts in OUT are what `forensics analyze --model-dir OUT` takes.
    """
    from forensics.progress import Counter
    from forensics.training.trees import train_baseline

    with Counter() as counter:
        card = train_baseline(
            datasets, out, jobs=jobs, seed=seed, rounds=rounds, progress=counter.show, report=counter.say
        )
    figures = card["validation"]
    click.echo(f"windows           {card['windows']['train']} for training, {card['windows']['val']} for validation")
    click.echo(f"rounds            {card['rounds']}")
    click.echo(
        f"accuracy          {figures['accuracy']:.4f} over nine classes, {figures['fine_accuracy']:.4f} over eleven"
    )
    _show_errors(figures)


@command.command("open")
@_DATASETS
@click.option(
    "--models", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True,
    help="Folder with the judge of codecs (`forensics train fusion`), which it is combined with.",
)  # fmt: skip
@_OUT
@_JOBS
@ON_CLUSTER
@_SEED
@click.option("--epochs", type=click.IntRange(1), help="Epochs of the training.  [default: the recipe's]")
def open_judge(datasets: tuple[Path, ...], models: Path, out: Path, jobs: int, seed: int, epochs: int | None) -> None:
    """Train the open judge: which process was the last lossy step, and what happened since.

    DATASET is a folder of `forensics dataset build` with one of the suites processed, processes, untouched, random and
    chains. Prints, by what happened since, the shares of validation windows that are answered rightly, left open,
    called uncompressed, and given a wrong name.
    """
    from forensics.progress import Counter
    from forensics.training.open_set import train_open

    with Counter() as counter:
        card = train_open(
            datasets, models, out, jobs=jobs, seed=seed, epochs=epochs, progress=counter.show, report=counter.say
        )
    click.echo(f"{'':28} windows  right  open  uncompressed  wrong")
    for name, row in card["validation"].items():
        click.echo(
            f"{name:28} {row['windows']:7d} {row['right']:6.3f} {row['inconclusive']:5.3f} {row['uncompressed']:13.3f} "
            f"{row['wrong']:6.4f}"
        )


@command.command("grid")
@click.argument("kind", type=click.Choice(["scaled", "turned"]))
@click.argument("sources", type=click.Path(exists=True, file_okay=False, path_type=Path))
@_OUT
@_JOBS
@_SEED
@_draws("Pictures")
def grid(kind: str, sources: Path, out: Path, jobs: int, seed: int, draws: int | None) -> None:
    """Train a judge of block grids: compressed, then reduced (scaled) or rotated (turned).

    SOURCES holds lossless pictures in the folders train and val. Pictures are drawn, coded, changed and read in memory.
    """
    from forensics.progress import Counter
    from forensics.training.block_grids import train_block_grid

    with Counter() as counter:
        card = train_block_grid(kind, sources, out, seed=seed, jobs=jobs, draws=draws, progress=counter.show)
    for name, row in card["validation"].items():
        figures = ", ".join(f"{key} {value:.3f}" for key, value in row.items() if key != "pictures")
        click.echo(f"{name:28} {row['pictures']:5d} pictures: {figures}")


@command.command("doubt")
@click.argument("sources", type=click.Path(exists=True, file_okay=False, path_type=Path))
@_OUT
@_JOBS
@_SEED
@_draws("Windows")
def doubt(sources: Path, out: Path, jobs: int, seed: int, draws: int | None) -> None:
    """Train the judge of doubt: whether the likeliest codec is one, or noise was reduced.

    SOURCES holds lossless pictures in the folders train and val. Windows are drawn, their noise reduced or not,
    coded or not, and judged in memory by the shipped models.
    """
    from forensics.progress import Counter
    from forensics.training.shrinkage import train_doubt

    with Counter() as counter:
        card = train_doubt(sources, out, seed=seed, jobs=jobs, draws=draws, progress=counter.show)
    for name, row in card["validation"].items():
        click.echo(f"{name:28} {row['windows']:5d} windows keep their name: {row['kept']:.3f}")


@command.command("pictures")
@click.argument("sources", type=click.Path(exists=True, file_okay=False, path_type=Path))
@_OUT
@_JOBS
@_SEED
@_draws("Pictures")
def pictures(sources: Path, out: Path, jobs: int, seed: int, draws: int | None) -> None:
    """Train the judge of open pictures: when the likeliest answer may be given although windows leave it open.

    SOURCES holds lossless pictures in a folder val; those of training are known to the other judges too well. Pictures
    are drawn, coded or not, changed or not, and judged in memory by the shipped models. Prints how many of the open
    ones are answered rightly and wrongly, each by regressions of other sources.
    """
    from forensics.progress import Counter
    from forensics.training.open_pictures import train_open_pictures

    with Counter() as counter:
        card = train_open_pictures(
            sources, out, seed=seed, jobs=jobs, draws=draws, progress=partial(counter.show, "drawing val")
        )
    _echo_open(card)


@command.command("phases")
@click.argument("sources", type=click.Path(exists=True, file_okay=False, path_type=Path))
@_OUT
@_JOBS
@_SEED
@_draws("Codings")
def phases(sources: Path, out: Path, jobs: int, seed: int, draws: int | None) -> None:
    """Train the judge of block phases: which codec's blocks start at the first sample.

    SOURCES holds lossless pictures in the folders train and val. Parts of them are coded, each changed in several ways
    and measured in memory. Prints, by what happened since, how many validation pictures are answered rightly.
    """
    from forensics.progress import Counter
    from forensics.training.block_phases import train_block_phases

    with Counter() as counter:
        card = train_block_phases(sources, out, seed=seed, jobs=jobs, draws=draws, progress=counter.show)
    for name, row in card["validation"].items():
        click.echo(f"{name:28} {row['pictures']:5d} pictures: {row['right']:.3f} right")


@command.command("recompression")
@click.argument("sources", type=click.Path(exists=True, file_okay=False, path_type=Path))
@_OUT
@_JOBS
@_SEED
@_draws("Pictures")
@click.option(
    "--rows",
    "kept",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File (.npz) of what was drawn: fitted on where it is there, else stored there.",
)
def recompression(sources: Path, out: Path, jobs: int, seed: int, draws: int | None, kept: Path | None) -> None:
    """Train the judge of recompression: which codec an open picture repeats best.

    SOURCES holds lossless pictures in a folder val. Pictures are drawn, coded or not, changed or not, and judged in
    memory by the shipped models, that of block phases among them; those left open are coded again. Prints how many of
    these are named rightly and wrongly, each by weights of other sources.
    """
    from forensics.destinations import Destinations
    from forensics.progress import Counter
    from forensics.training.recompression import train_recompression

    Destinations().file(kept)
    with Counter() as counter:
        card = train_recompression(
            sources, out, seed=seed, jobs=jobs, draws=draws, kept=kept, progress=partial(counter.show, "drawing val")
        )
    _echo_open(card)


@command.command("restored")
@click.argument("sources", type=click.Path(exists=True, file_okay=False, path_type=Path))
@_OUT
@_JOBS
@_SEED
@_draws("Pictures")
def restored(sources: Path, out: Path, jobs: int, seed: int, draws: int | None) -> None:
    """Train the judge of restored pictures: which codec's blocks show once a resized or rotated picture is restored.

    SOURCES holds lossless pictures in a folder val. Pictures are drawn, coded or not, resized or rotated, and judged in
    memory by the shipped models, that of block phases among them; those left open are restored by guesses. Prints, by
    what is undone, how many of these are named rightly and wrongly, each by weights of other sources.
    """
    from forensics.progress import Counter
    from forensics.training.restored import train_restored

    with Counter() as counter:
        card = train_restored(
            sources, out, seed=seed, jobs=jobs, draws=draws, progress=partial(counter.show, "drawing val")
        )
    _echo_open(card)


@command.command("innocence")
@click.argument("sources", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--art",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of one folder a collection of drawn art (SVG, PNG).  [default: generated drawings alone]",
)
@_OUT
@_JOBS
@_SEED
@_draws("Pictures")
def innocence(sources: Path, art: Path | None, out: Path, jobs: int, seed: int, draws: int | None) -> None:
    """Train the judge of innocence: when a picture that all else leaves open may be called uncompressed.

    SOURCES holds lossless pictures in a folder val. Pictures of these and of drawings are made, coded or not, changed
    or not, and judged in memory by the shipped models, that of block phases among them. Prints how many of the open
    ones are answered rightly and wrongly, each by pictures of other sources and other collections.
    """
    from forensics.progress import Counter
    from forensics.training.innocence import train_innocence

    with Counter() as counter:
        card = train_innocence(
            sources, out, art=art, seed=seed, jobs=jobs, draws=draws, progress=partial(counter.show, "drawing val")
        )
    _echo_open(card)


@command.command("exact")
@click.argument("sources", type=click.Path(exists=True, file_okay=False, path_type=Path))
@_OUT
@_SEED
@click.option(
    "--crops", type=click.IntRange(10), default=60, show_default=True, help="Crops, each coded by every codec."
)
@click.option(
    "--test",
    "tests",
    multiple=True,
    type=click.Choice(("jpegxr", "jpeg2000", "jpeg", "vp8")),
    help="A test that is fitted; may be repeated. Tables of the others stay as shipped.  [default: all]",
)
def exact(sources: Path, out: Path, seed: int, crops: int, tests: tuple[str, ...]) -> None:
    """Fit the judge of exact readings on the pictures of SOURCES/val.

    Each codec's own test is read on crops coded by it and by every other; how often each outcome comes gives its
    likelihood ratio. Takes a few
    minutes. Prints, by test, the share of its codec's pictures and of all others in the highest bins.
    """
    from forensics.destinations import Destinations
    from forensics.history.readings import READINGS
    from forensics.progress import Counter
    from forensics.training.exact import fit_exact

    Destinations().folder(out)
    with Counter() as counter:
        card = fit_exact(sources, out, count=crops, seed=seed, tests=tests or tuple(READINGS), progress=counter.show)
    click.echo(f"{'test':10} edges, then pictures by bin: small with the codec, large; small without it, large")
    for name, table in card["tables"].items():
        click.echo(f"{name:10} {table.edges}  {table.own}  {table.others}")


@command.command("parameters")
@_DATASETS
@_OUT
@_JOBS
@ON_CLUSTER
@_SEED
@click.option("--rounds", type=click.IntRange(1), help="Boosting rounds.  [default: the recipe's]")
def parameters(datasets: tuple[Path, ...], out: Path, jobs: int, seed: int, rounds: int | None) -> None:
    """Train the estimators of codec parameters on every DATASET together.

    They estimate what no comb shows: quantiser indices of HEVC, AV1 and VP8, JPEG XL's distance, chroma subsampling,
    colour coding. The windows are those of `train baseline`, measured once for both.
    """
    from forensics.progress import Counter
    from forensics.training.trees import train_parameters

    with Counter() as counter:
        card = train_parameters(
            datasets, out, jobs=jobs, seed=seed, rounds=rounds, progress=counter.show, report=counter.say
        )
    for name, figures in card["validation"].items():
        click.echo(f"{name:<32} validation error {figures['error']:.3f} on {figures['windows']} windows")


@command.command("cnn")
@_DATASETS
@_out("Folder for artefacts and checkpoints.")
@_JOBS
@ON_CLUSTER
@_seed("Decides patches, batches and first weights.")
@click.option(
    "--max-minutes",
    type=click.FloatRange(0, min_open=True),
    default=60.0,
    show_default=True,
    help="Training time, all runs together.",
)
@click.option("--epochs", type=click.IntRange(1), help="Largest number of epochs.  [default: the recipe's]")
@click.option("--steps", type=click.IntRange(1), help="Batches in an epoch.  [default: the recipe's]")
@click.option(
    "--precision",
    type=click.Choice(["float32", "mixed_bfloat16"]),
    default="float32",
    show_default=True,
    help="Of the convolutions.",
)
@click.option(
    "--from",
    "start",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="MODEL.keras",
    help="Trained network whose weights training starts from.  [default: random weights]",
)
@click.option(
    "--search",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    metavar="N",
    help="Trials of a search for a recipe before training.",
)
@click.option(
    "--search-minutes",
    type=click.FloatRange(0, min_open=True),
    default=5.0,
    show_default=True,
    help="Training time of a trial.",
)
def cnn(
    datasets: tuple[Path, ...],
    out: Path,
    jobs: int,
    seed: int,
    max_minutes: float,
    epochs: int | None,
    steps: int | None,
    precision: str,
    start: Path | None,
    search: int,
    search_minutes: float,
) -> None:
    """Train the convolutional network on every DATASET together.

    Files are decoded once and patches kept with their data set. The learning rate is planned over --max-minutes or --epochs, whichever
    ends first. Every epoch leaves a checkpoint: the same command goes on where a killed run stopped. OUT gets the model with its
    card, curves and confusion matrix on validation, and with --search the table of trials.
    """  # noqa: E501
    from forensics.progress import Counter
    from forensics.training.cnn import train_cnn

    options = {"minutes": max_minutes, "precision": precision}
    options |= {name: value for name, value in (("epochs", epochs), ("steps", steps)) if value}
    with Counter() as counter:
        card = train_cnn(
            datasets,
            out,
            jobs=jobs,
            seed=seed,
            options=options,
            trials=search,
            trial_minutes=search_minutes,
            start=start,
            progress=counter.show,
            report=counter.say,
        )
    figures = card["validation"]
    click.echo(f"patches           {card['patches']['train']} for training, {card['patches']['val']} for validation")
    click.echo(
        f"network           {card['parameters']} parameters, {card['multiply_adds_224'] / 1e6:.0f} million "
        f"multiply-adds at 224x224"
    )
    click.echo(f"epochs            {card['epochs']}, best {card['best_epoch']}, {card['minutes']} minutes")
    for side, values in figures["by_side"].items():
        click.echo(
            f"accuracy at {side:<6}{values['accuracy']:.4f} over nine classes, {values['fine_accuracy']:.4f} over "
            f"eleven"
        )
    _show_errors(figures)


@command.command("fusion")
@_DATASETS
@click.option(
    "--models",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="Folder with the artefacts of both judges.",
)
@_out("Folder for the fusion and copies of both judges.")
@_jobs("Processes.")
@ON_CLUSTER
@_seed("Decides windows; take that of the judges' training.")
def fusion(datasets: tuple[Path, ...], models: Path, out: Path, jobs: int, seed: int) -> None:
    """Fit the verdict of `forensics analyze` on the validation split of every DATASET.

    Baseline and CNN are combined on log-odds and calibrated by size and strength; so is each alone. The figures printed
    are cross-fitted over sources.
    """
    from forensics.destinations import Destinations
    from forensics.progress import Counter
    from forensics.training.fusion import train_fusion

    Destinations().folder(out)
    with Counter() as counter:
        stored = train_fusion(datasets, models, out, jobs=jobs, seed=seed, progress=counter.show, report=counter.say)
    click.echo(
        f"{'mode':<10} {'accuracy':>8} {'false positives':>16} {'calibration':>12} {'ratio':>7} {'SSIM':>7} "
        f"{'answers':>8} {'of those right':>15}"
    )
    for mode, fitted in stored["modes"].items():
        figures, answers = fitted["card"]["validation"], fitted["card"]["answers"]
        rate = figures["false_positive_rate"]
        click.echo(
            f"{mode:<10} {figures['accuracy']:8.4f} {'not known' if rate is None else format(rate, '.4f'):>16} "
            f"{figures['expected_calibration_error']:12.4f} "
            f"{figures['ratio_mean_relative_error']:7.3f} {figures['ssim_mean_absolute_error']:7.4f} "
            f"{answers['share']:8.3f} {answers['right']:15.3f}"
        )


def _false_positives(rate: float | None) -> str:
    return "not known: no uncompressed window to judge" if rate is None else f"{rate:.4f} of uncompressed windows"


def _show_errors(figures: Mapping[str, Any]) -> None:
    """The lines that every judge's validation ends with."""
    click.echo(f"false positives   {_false_positives(figures['false_positive_rate'])}")
    click.echo(f"calibration error {figures['expected_calibration_error']:.4f}")
    click.echo(f"ratio error       {figures['ratio_mean_relative_error']:.3f} mean relative")
    click.echo(f"SSIM error        {figures['ssim_mean_absolute_error']:.4f} mean absolute")
    for name, value in figures["accuracy_by_class"].items():
        click.echo(f"  {name:<15} {value:.4f}")
