"""From built data sets to the open judge: measures windows with the features of processing too, trains, and writes the
artefacts.

The data sets are those of the suites `processed`, `processes`, `untouched`, `random` and `chains`; the judge of codecs
must be there already (`--models`), since both are combined on validation windows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from forensics_features import FAMILIES, FEATURES_VERSION, FURTHER_FAMILIES, FeatureExtractor

from forensics.dataset import manifest
from forensics.dataset.features import WindowPlan
from forensics.training.trees import _check_ready, _facts, check_splits, having_split, split_table

FAMILIES_OF_OPEN = (*FAMILIES, *FURTHER_FAMILIES)
"""What the open judge is trained on: the codecs' families first, so that the judge of codecs takes the leading columns.
"""

GROUPS_OF_SIDES = ((256, 256, 256, 224, 192, 160, 128, 96, 64),)
"""One window a file: most of the usual size of a verdict, some smaller."""

PICTURES_SHARE = 0.2
"""Share of the validation files of which all windows of a verdict are measured."""


SEEN_BELOW_DB = 20 * np.log10(255)
"""PSNR of an error of one level squared: whole samples are off by one level on average."""

LIMITS = (
    "A chain of codecs is named after its last one, as far as that left traces; a much finer last step may go unseen.",
    "Steps after decoding that leave no trace of the codec (strong reduction, rotation, several steps) end in "
    "`inconclusive`.",
    "BPG, HEIC and HEVC key frames share one art of coding, as WebP and VP8, AVIF and AV1 do; read their merged "
    "probability where they are close.",
    "A codec whose error is one level or less on average (a PSNR of 48 dB or more) is often called uncompressed.",
    "Compression ratios under 3 and over 130 lie outside the training range.",
    "Processes that training never saw are answered `other-lossy`, `inconclusive` or, rarely, by a process that "
    "resembles them.",
)
"""What the open judge's card says it cannot do."""


def plan_of(seed: int) -> WindowPlan:
    """The windows that the open judge is trained on."""
    return WindowPlan(GROUPS_OF_SIDES, seed, decoders="varied")


def pictures_of(seed: int) -> WindowPlan:
    """The windows of whole validation pictures, as verdicts see them, of `PICTURES_SHARE` of the files."""
    return WindowPlan(seed=seed, decoders="varied", as_judged=True, share=PICTURES_SHARE)


def measure(
    datasets: Sequence[Path],
    split: str,
    *,
    plan: WindowPlan,
    jobs: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Any:
    """The windows of one split of all data sets as one `forensics_models.open_training.OpenTable`."""
    from forensics_models.open_training import OpenTable

    return split_table(
        datasets, split, plan=plan, jobs=jobs, families=FAMILIES_OF_OPEN, progress=progress, table=OpenTable
    )


def codec_trees(models: Path, table: Any) -> np.ndarray:
    """What the trees of the judge of codecs say of a table's windows, `np.ndarray [shape=(n, 11)]`."""
    from forensics_models.baseline import Baseline

    trees = Baseline(models)
    count, said = len(trees.feature_names), []
    for start in range(0, len(table.labels), 4096):  # a copy of the columns of all rows would double the memory
        features = np.ascontiguousarray(table.features[start : start + 4096, :count])
        said.append(trees.scaling.probabilities(trees.margins(features), trees.log2_pixels(features)))
    return np.concatenate(said)


def visible(datasets: Sequence[Path], files: np.ndarray) -> np.ndarray:
    """Whether the lossy step of each file shows at all, `np.ndarray [shape=(n,), dtype=bool]`: its error is one level
    squared or more, a PSNR under 48.13 dB; True for files without one.
    """
    fine = {
        row.id
        for dataset in having_split(datasets, "val")
        for row in manifest.read(dataset)
        if row.split == "val" and row.fine_class != "uncompressed" and row.psnr >= SEEN_BELOW_DB
    }
    return np.array([file not in fine for file in files.tolist()])


def codec_logs(models: Path, table: Any) -> np.ndarray:
    """Logarithms of the probabilities of the windows by the judge of codecs, as far as it judges features, `np.ndarray
    [shape=(n, 11)]`: with the network on pixels the open judge came to the same answers (RUNS.csv, open 6).
    """
    from forensics_models.fused import FusedJudge
    from forensics_models.open_judge import log_probabilities

    judge = FusedJudge(models, "baseline")
    count = len(judge.feature_names)
    return log_probabilities(judge.judge(table.features[:, :count]).fine_probabilities)


def train_open(
    datasets: Sequence[Path],
    models: Path,
    out: Path,
    *,
    jobs: int,
    seed: int,
    epochs: int | None = None,
    progress: Callable[[str, int, int], None] = lambda label, done, total: None,
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Train the open judge on the `train` split of data sets, calibrated and combined on their `val` split.

    Parameters
    ----------
    datasets : sequence of Path
        Folders made by `forensics dataset build`.
    models : Path
        Folder with the judge of codecs.
    out : Path
        Folder for the artefacts.
    jobs : int
        Processes that measure features.
    seed : int
        Decides the windows and the network.
    epochs : int, optional
        Of the training; the recipe's own when not given.
    progress, report : callable
        Get progress as (label, done, total) and lines of text.

    Returns
    -------
    dict
        The model card.

    Raises
    ------
    UsageError
        The extra `train` is not installed, or the data sets lack one of the two splits.
    """
    _check_ready(out, "keras")
    from forensics_models import open_training

    check_splits(datasets, plan_of(seed))
    train = measure(datasets, "train", plan=plan_of(seed), jobs=jobs, progress=partial(progress, "measuring train"))
    asked = []
    for plan, what in ((plan_of(seed), "val"), (pictures_of(seed), "whole pictures of val")):
        table = measure(datasets, "val", plan=plan, jobs=jobs, progress=partial(progress, f"measuring {what}"))
        judged = (codec_trees(models, table), codec_logs(models, table))
        asked.append(open_training.Asked(table, *judged, visible(datasets, table.files)))
    options: dict[str, Any] = {"seed": seed, **({"epochs": epochs} if epochs else {})}
    return open_training.train_open(
        (train, codec_trees(models, train)),
        asked[0],
        asked[1],
        FeatureExtractor(FAMILIES_OF_OPEN).feature_names,
        FEATURES_VERSION,
        out,
        recipe=open_training.NetworkRecipe(**options),
        facts={**_facts(datasets, plan_of(seed), {"train": train, "val": asked[0].table}), "limits": list(LIMITS)},
        report=report,
    )
