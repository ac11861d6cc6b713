"""From built data sets to a trained network: keeps their patches, searches if asked to, trains, and writes the
artefacts with their card.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from forensics_models.cnn import CARD_FILE, KERAS_FILE
from forensics_models.cnn_data import PatchTable, join

from forensics.dataset.decoders import drawn
from forensics.dataset.patch_cache import PatchPlan, build_patches
from forensics.destinations import Destinations
from forensics.errors import UsageError, install_extra
from forensics.training.trees import LIMITS, PACKAGES, having_split, make_folder, manifest_hash, package_versions

KERAS_PACKAGES = ("keras", "tensorflow", "tensorflow-cpu", "torch", "jax", "optuna", "onnx", "onnxruntime")
"""Packages whose versions a card records besides those of `forensics.training.trees`."""

CHECKPOINTS, SEARCH = "checkpoints", "search"
"""Folders in the folder of artefacts that an interrupted run and an interrupted search go on from."""


def split_patches(datasets: Sequence[Path], split: str, **options: Any) -> PatchTable:
    """The patches of one split over all data sets that have it; options as for `build_patches`.

    Raises `UsageError` where no data set has a compressed file in that split.
    """
    joined = join([build_patches(dataset, split, **options) for dataset in having_split(datasets, split)])
    if not np.isfinite(joined.log2_ratio).any():
        named = ", ".join(dataset.name for dataset in datasets)
        raise UsageError(f"{named} holds no compressed file in the split {split!r}: the network cannot be trained")
    return joined


def train_cnn(
    datasets: Sequence[Path],
    out: Path,
    *,
    jobs: int,
    seed: int,
    plan: PatchPlan | None = None,
    options: dict[str, Any] | None = None,
    trials: int = 0,
    trial_minutes: float = 5.0,
    start: Path | None = None,
    progress: Callable[[str, int, int], None] = lambda label, done, total: None,
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Train the network on the `train` split of data sets, calibrated on their `val` split.

    Parameters
    ----------
    datasets : sequence of Path
        Folders made by `forensics dataset build`; at least one has the split `val`.
    out : Path
        Folder for the artefacts; checkpoints are kept below it, so an interrupted run goes on.
    jobs : int
        Processes that decode, and threads of the training.
    seed : int
        Decides patches, batches and first weights.
    plan : PatchPlan, optional
        The default plan with `seed` when not given.
    options : dict, optional
        Fields of `CnnRecipe` that differ from its defaults.
    trials : int
        Trials of the search for a recipe that comes first; none when 0.
    trial_minutes : float
        Training time of a trial.
    start : Path, optional
        A trained `.keras` file whose weights training starts from; the card names it by its SHA-256.
    progress, report : callable
        Get progress as (label, done, total) and lines of text.

    Returns
    -------
    dict
        The model card.

    Raises
    ------
    UsageError
        The extra `train` is not installed, the data sets lack one of the two splits or compressed files in it, the
        folder holds checkpoints of another recipe, `start` holds no network of this architecture, or both `start` and
        `trials` are given.
    """
    if start is not None and trials:
        raise UsageError(
            "a search looks for an architecture, and a trained network has one: leave out --search or --from"
        )
    _prepare(jobs)
    try:
        import onnx  # noqa: F401
        import optuna  # noqa: F401
        from forensics_models import cnn_evaluation, cnn_search, cnn_training
    except ImportError as error:
        raise UsageError(
            f"training needs the extra `train`: {install_extra('train')} ({error.name} is missing)"
        ) from None
    make_folder(out)
    artefacts = (KERAS_FILE, cnn_evaluation.CURVES_PICTURE, cnn_evaluation.CONFUSION_PICTURE)
    begun = (out / CHECKPOINTS).is_dir() or (out / CARD_FILE).is_file()
    Destinations([start] if start else [], force=begun).folder(out, artefacts)
    plan = plan or PatchPlan(seed=seed)
    tables = {
        split: split_patches(datasets, split, plan=plan, jobs=jobs, progress=partial(progress, f"decoding {split}"))
        for split in ("train", "val")
    }
    first = {"started_from": hashlib.sha256(start.read_bytes()).hexdigest()} if start else {}
    recipe = cnn_training.CnnRecipe(**{"seed": seed, **first, **(options or {})})
    _check_sides(plan, recipe)
    try:
        if trials:
            short = replace(recipe, minutes=trial_minutes)
            found = cnn_search.search(
                tables["train"], tables["val"], out / SEARCH, trials=trials, recipe=short, report=report
            )
            recipe = replace(found, minutes=recipe.minutes)
        model, reached = cnn_training.fit(
            tables["train"], tables["val"], out / CHECKPOINTS, recipe=recipe, start=start, report=report
        )
        return cnn_evaluation.write_artefacts(
            model, reached, tables["val"], out, recipe=recipe, facts=_facts(datasets, plan, tables), report=report
        )
    except ValueError as error:
        raise UsageError(str(error)) from None


def _prepare(jobs: int) -> None:
    """Tell the backend, before it is imported, how many threads it has and to be quiet."""
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        os.environ.setdefault(name, str(jobs))
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def _check_sides(plan: PatchPlan, recipe: Any) -> None:
    largest = max(recipe.validation_side, *(side for side, _ in recipe.sides))
    if largest > plan.side:
        raise UsageError(f"patches of {largest} pixels cannot be cut from kept ones of {plan.side}")


def _facts(datasets: Sequence[Path], plan: PatchPlan, tables: dict[str, PatchTable]) -> dict[str, Any]:
    """What the card says of the data."""
    return {
        "manifest_sha256": manifest_hash(datasets),
        "patches": {split: len(table) for split, table in tables.items()},
        "sources": {split: len(set(table.sources.tolist())) for split, table in tables.items()},
        "patch_plan": asdict(plan),
        "decoders": drawn(),
        "packages": package_versions((*PACKAGES, *KERAS_PACKAGES)),
        "limits": list(LIMITS),
    }
