"""What each part of the toolkit is worth, by strength: the baseline retrained without a kind of traces, and our models
side by side.

Every variant is trained by the baseline's own recipe on the same windows of a data set's `train` split, with rounds
chosen and calibration fitted on `val`, and judged on `val`: the differences count, not the levels, which are those of
fewer windows and rounds than the shipped model's and of sources that chose the rounds. CNN and fusion are not
retrained: the shipped ones judge the same patches in `forensics bench run`, whose table gives their rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from forensics_models.baseline_training import (
    FeatureTable,
    Recipe,
    class_weights,
    margins_of,
    train_classifier,
)
from forensics_models.calibration import fit_scaling
from forensics_models.classes import CLASSES, FINE_TO_CLASS
from forensics_models.judgement import merge_fine

from forensics.dataset.features import WindowPlan
from forensics.training.trees import split_table
from forensics_benchmarks import summaries
from forensics_benchmarks.evaluation import Record
from forensics_benchmarks.report_parts import Table
from forensics_benchmarks.summaries import RATIO_BANDS, Share, band, band_name

LATTICE = ("lattice", "rounding")
COMBS = ("block_dct", "wavelet", "lapped")

VARIANTS: Mapping[str, tuple[str, ...]] = {
    "all features": (),
    "without lattice features": LATTICE,
    "without combs": COMBS,
    "without lattice and combs": (*LATTICE, *COMBS),
    "without chroma": ("chroma",),
    "without blockiness": ("blockiness",),
    "without co-occurrences": ("cooccurrence",),
}
"""Families that each variant of the baseline does without; families go by the part of a feature's name before the dot.
"""

BANDS = ("all", "uncompressed", *(f"ratio {band_name(edge, RATIO_BANDS)}" for edge in RATIO_BANDS))


@dataclass(frozen=True)
class Variant:
    """One variant's accuracy over nine classes in each of `BANDS`, None where there is no window."""

    name: str
    features: int
    rounds: int
    accuracy: Mapping[str, Share | None]


def run(
    datasets: Sequence[Path],
    *,
    windows: int,
    rounds: int,
    seed: int,
    jobs: int,
    variants: Sequence[str] = tuple(VARIANTS),
    progress: Callable[[str, int, int], None] = lambda label, done, total: None,
) -> list[Variant]:
    """Train and judge every variant.

    Parameters
    ----------
    datasets : sequence of Path
        Built data sets; `train` and `val` are among their splits.
    windows : int
        Training windows at most; all `val` windows are judged.
    rounds : int
        Boosting rounds at most.
    seed, jobs : int
    variants : sequence of str
        Keys of `VARIANTS`.
    progress : callable
        Gets (label, done, total).

    Raises
    ------
    UsageError
        The data sets lack a split.
    """
    from forensics_features import FeatureExtractor

    plan = WindowPlan(seed=seed, decoders="varied")
    tables: dict[str, FeatureTable] = {
        split: split_table(
            datasets,
            split,
            plan=plan,
            jobs=jobs,
            progress=lambda done, total, split=split: progress(f"measuring {split}", done, total),
        )
        for split in ("train", "val")
    }
    train = tables["train"]
    if windows < len(train.labels):
        keep = np.zeros(len(train.labels), bool)
        keep[np.random.default_rng(seed).permutation(len(keep))[:windows]] = True
        train = train.where(keep)
    names = FeatureExtractor().feature_names
    found = []
    for done, variant in enumerate(variants):
        progress("training variants", done, len(variants))
        found.append(_variant(variant, train, tables["val"], names, Recipe(rounds=rounds, seed=seed, threads=jobs)))
    progress("training variants", len(variants), len(variants))
    return found


def columns_of(names: Sequence[str], without: Sequence[str]) -> np.ndarray:
    """Which features are left without some families, `np.ndarray [shape=(len(names),), dtype=bool]`."""
    return np.array([name.partition(".")[0] not in without for name in names])


def _variant(name: str, train: FeatureTable, val: FeatureTable, names: Sequence[str], recipe: Recipe) -> Variant:
    keep = columns_of(names, VARIANTS[name])
    part, check = (FeatureTable(**{**table.__dict__, "features": table.features[:, keep]}) for table in (train, val))
    booster = train_classifier(part, check, recipe, lambda line: None)
    margins = margins_of(booster, check.features)
    sizes = val.features[:, list(names).index("picture.log2_pixels")]
    scaling = fit_scaling(margins, val.labels, sizes, class_weights(val.labels, recipe))
    verdicts = merge_fine(scaling.probabilities(margins, sizes)).argmax(axis=1)
    right = verdicts == np.asarray(FINE_TO_CLASS)[val.labels]
    return Variant(name, int(keep.sum()), booster.num_boosted_rounds(), _by_band(right, val))


def _by_band(right: np.ndarray, table: FeatureTable) -> dict[str, Share | None]:
    where = np.array(
        [
            "uncompressed"
            if CLASSES[FINE_TO_CLASS[label]] == "uncompressed"
            else f"ratio {band_name(band(2.0**ratio, RATIO_BANDS), RATIO_BANDS)}"
            for label, ratio in zip(table.labels.tolist(), table.log2_ratio.tolist(), strict=True)
        ]
    )
    found: dict[str, Share | None] = {}
    for name in BANDS:
        inside = np.ones(len(where), bool) if name == "all" else where == name
        found[name] = summaries.share(right[inside].tolist(), table.sources[inside].tolist()) if inside.any() else None
    return found


def of_models(models: Mapping[str, Sequence[Record]]) -> list[Variant]:
    """The shipped models of a run as rows of the same table: what is left without fusion, and without the CNN."""
    titles = {
        "fused": "fused: baseline and CNN",
        "baseline": "without CNN (baseline alone)",
        "cnn": "without baseline (CNN alone)",
    }
    found = []
    for name, title in titles.items():
        if name in models:
            records = models[name]
            groups = {band_: [r for r in records if band_ in ("all", _band_of(r))] for band_ in BANDS}
            found.append(
                Variant(
                    title,
                    0,
                    0,
                    {band_: summaries.accuracy(members) if members else None for band_, members in groups.items()},
                )
            )
    return found


def _band_of(record: Record) -> str:
    return (
        "uncompressed"
        if record.class_name == "uncompressed"
        else f"ratio {band_name(band(record.ratio, RATIO_BANDS), RATIO_BANDS)}"
    )


def table(variants: Sequence[Variant], title: str) -> Table:
    """A row a variant: accuracy in per cent by band with intervals by source."""
    rows = [
        [
            v.name,
            v.features or "-",
            v.rounds or "-",
            *("-" if v.accuracy[name] is None else str(v.accuracy[name]) for name in BANDS),
        ]
        for v in variants
    ]
    return Table(["variant", "features", "rounds", *BANDS], rows, title)
