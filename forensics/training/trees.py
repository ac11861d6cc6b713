"""From a built data set to a trained model: measures its windows, trains, and writes the artefacts with their card."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from forensics_models.baseline_training import FeatureTable

from forensics.dataset import manifest
from forensics.dataset.decoders import drawn
from forensics.dataset.features import Table, WindowPlan, build_table, labelled_rows
from forensics.destinations import Destinations
from forensics.errors import UsageError, install_extra

PACKAGES = ("xgboost-cpu", "xgboost", "numpy", "scipy", "numba", "imagecodecs", "pillow", "pillow-heif", "av")
"""Packages whose versions a card records."""

LIMITS = (
    "A chain of codecs is named after its last one, as far as that left traces; a much finer last step may go unseen.",
    "A picture resized, filtered or re-coloured after decoding may have lost its traces and is then called "
    "uncompressed.",
    "BPG and HEIC share HEVC intra coding; read their merged probability where the two are close.",
    "Compression ratios under 3 and over 130 lie outside the training range.",
)
"""What the baseline's card says it cannot do."""

SEVERAL = ((128,),) * 4
"""Windows of validation files that tell how much several windows of one picture depend on each other."""


def package_versions(names: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Installed versions of packages, those that are not installed left out."""
    versions = {}
    for name in names:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def manifest_hash(datasets: Sequence[Path]) -> str:
    """SHA-256 of a data set's manifest, or of several manifests one after the other."""
    digest = hashlib.sha256()
    for dataset in datasets:
        digest.update((dataset / manifest.MANIFEST).read_bytes())
    return digest.hexdigest()


def having_split(datasets: Sequence[Path], split: str) -> Sequence[Path]:
    """The data sets with a file in a split; the first of all, for its error, where none has."""
    having = [
        dataset
        for dataset in datasets
        if any(row.split == split and row.status == "ok" for row in manifest.read(dataset))
    ]
    return having or datasets[:1]


def split_table(
    datasets: Sequence[Path],
    split: str,
    *,
    table: type[Table] = FeatureTable,  # type: ignore[assignment]
    **options: Any,
) -> Table:
    """The feature tables of one split over all data sets that have it, one below the other; options as for
    `build_table`.

    Raises `UsageError` where no data set has a compressed file in that split.
    """
    tables = [build_table(dataset, split, table=table, **options) for dataset in having_split(datasets, split)]
    joined = table(
        **{name: np.concatenate([getattr(part, name) for part in tables]) for name in table.__dataclass_fields__}
    )
    if not (joined.labels > 0).any():
        named = ", ".join(dataset.name for dataset in datasets)
        raise UsageError(f"{named} holds no compressed file in the split {split!r}: strength cannot be learned")
    return joined


def train_baseline(
    datasets: Sequence[Path],
    out: Path,
    *,
    jobs: int,
    seed: int,
    rounds: int | None = None,
    progress: Callable[[str, int, int], None] = lambda label, done, total: None,
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Train the gradient-boosted baseline on the `train` split of data sets, calibrated on their `val` split.

    Parameters
    ----------
    datasets : sequence of Path
        Folders made by `forensics dataset build`; at least one has the split `val`.
    out : Path
        Folder for the artefacts.
    jobs : int
        Processes that measure features, and threads of the training.
    seed : int
        Decides the windows and the trees.
    rounds : int, optional
        Largest number of boosting rounds; the recipe's own when not given.
    progress, report : callable
        Get progress as (label, done, total) and lines of text.

    Returns
    -------
    dict
        The model card.

    Raises
    ------
    UsageError
        The extra `train` is not installed, or the data sets lack one of the two splits or compressed files in it.
    """
    _check_ready(out)
    from forensics_features import FEATURES_VERSION, FeatureExtractor
    from forensics_models import baseline_training

    plan = WindowPlan(seed=seed, decoders="varied")
    tables = _tables(datasets, plan, jobs, progress)
    options = {"seed": seed, "threads": jobs, **({"rounds": rounds, "strength_rounds": rounds} if rounds else {})}
    several = WindowPlan(SEVERAL, seed, decoders="varied")
    together: FeatureTable = split_table(
        datasets, "val", plan=several, jobs=jobs, progress=partial(progress, "measuring several windows a picture")
    )
    facts = {**_facts(datasets, plan, tables), "limits": list(LIMITS)}
    return baseline_training.train_baseline(
        tables["train"],
        tables["val"],
        together,
        FeatureExtractor().feature_names,
        FEATURES_VERSION,
        out,
        recipe=baseline_training.Recipe(**options),
        facts=facts,
        report=report,
    )


def train_parameters(
    datasets: Sequence[Path],
    out: Path,
    *,
    jobs: int,
    seed: int,
    rounds: int | None = None,
    progress: Callable[[str, int, int], None] = lambda label, done, total: None,
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Train the estimators of codec parameters on the windows that `train_baseline` measures; arguments and errors as
    there.
    """
    _check_ready(out)
    from forensics_features import FEATURES_VERSION, FeatureExtractor
    from forensics_models import parameters_training

    from forensics.dataset.parameters import truths

    plan = WindowPlan(seed=seed, decoders="varied")
    tables = _tables(datasets, plan, jobs, progress)
    known: dict[str, dict[str, Any]] = {}
    for number, dataset in enumerate(datasets):
        progress("reading bit streams", number, len(datasets))
        known.update(truths(dataset, manifest.read(dataset)))
    options = {
        "seed": seed,
        "threads": jobs,
        **({"rounds": rounds, "name_rounds": rounds, "earlier_rounds": rounds} if rounds else {}),
    }
    try:
        return parameters_training.train_parameters(
            tables["train"],
            tables["val"],
            known,
            FeatureExtractor().feature_names,
            FEATURES_VERSION,
            out,
            recipe=parameters_training.Recipe(**options),
            facts=_facts(datasets, plan, tables),
            report=report,
        )
    except ValueError as error:
        raise UsageError(str(error)) from None


def _check_ready(out: Path, engine: str = "xgboost") -> None:
    """Raise `UsageError` where the package that trains is missing or the folder cannot be made."""
    try:
        import_module(engine)
    except ImportError as error:
        raise UsageError(
            f"training needs the extra `train`: {install_extra('train')} ({error.name} is missing)"
        ) from None
    make_folder(out)


def make_folder(out: Path) -> None:
    """Make the folder of artefacts where it is absent; raises `UsageError` where that fails."""
    Destinations().folder(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write {str(out)!r}: {error.strerror}") from None


def check_splits(datasets: Sequence[Path], plan: WindowPlan) -> None:
    """Raise `UsageError` where one of the splits of training is missing: before the other is measured."""
    for split in ("train", "val"):
        for dataset in having_split(datasets, split):
            labelled_rows(dataset, split, plan)


def _tables(
    datasets: Sequence[Path], plan: WindowPlan, jobs: int, progress: Callable[[str, int, int], None]
) -> dict[str, FeatureTable]:
    """The windows of a plan of both splits of training."""
    check_splits(datasets, plan)
    return {
        split: split_table(datasets, split, plan=plan, jobs=jobs, progress=partial(progress, f"measuring {split}"))
        for split in ("train", "val")
    }


def _facts(datasets: Sequence[Path], plan: WindowPlan, tables: Mapping[str, FeatureTable]) -> dict[str, Any]:
    """What a card says of the data."""
    return {
        "manifest_sha256": manifest_hash(datasets),
        "windows": {split: len(table.labels) for split, table in tables.items()},
        "sources": {split: len(set(table.sources.tolist())) for split, table in tables.items()},
        "window_sizes": [list(group) for group in plan.groups],
        "decoders": drawn(),
        "packages": package_versions(),
    }
