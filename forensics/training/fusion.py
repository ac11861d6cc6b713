"""From trained judges and a data set's validation split to the fused judge: gathers outputs, fits every mode, writes
all artefacts.

Three sets of windows are looked at, all of validation sources: windows of all sizes, as the baseline's table has them;
several windows of one size from each file, for their dependence; and strange ones, resized after decoding, for which an
honest answer is a wide one.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from forensics_models.baseline import CARD_FILE as BASELINE_CARD
from forensics_models.baseline import Baseline
from forensics_models.baseline_training import FeatureTable
from forensics_models.classes import FINE_CLASSES
from forensics_models.cnn import CARD_FILE as CNN_CARD
from forensics_models.cnn import Cnn, NetworkOutputs
from forensics_models.fused import CARD_FILE, MODES, Outputs, as_rgb, judges_outputs
from forensics_models.storage import write_atomically

from forensics.dataset.features import WindowPlan, labelled_rows, window_rng
from forensics.dataset.patches import load_pixels, random_crop
from forensics.dataset.preparation import INTERPOLATIONS, Resize
from forensics.errors import UsageError

ACCURACY = 0.97
"""Share of right answers under which a verdict is not given."""
COVERAGE = 0.95
"""Of the sets of classes that cannot be excluded."""
FALSE_ALARMS = {"baseline": 0.001, "cnn": 0.005, "fused": 0.001}
"""Share of uncompressed windows for which a codec may be named, by mode. The network alone has so long a tail that at
0.1 % it would answer a third.
"""
STRANGE_FILES = 600
"""Files that are resized after decoding."""
STRANGE_FACTORS = (0.45, 1.7)
"""Range of the factors by which validation files are resized to see what the judges have not been trained on."""
_SEED_OF_STRANGE = 77
"""Keeps this draw apart from others of the same seed."""


def train_fusion(
    datasets: Sequence[Path],
    models: Path,
    out: Path,
    *,
    jobs: int,
    seed: int,
    progress: Callable[[str, int, int], None] = lambda label, done, total: None,
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Fit the fused judge on the `val` split of data sets.

    Parameters
    ----------
    datasets : sequence of Path
        Those that the judges were trained on.
    models : Path
        Folder with the artefacts of `forensics train baseline` and `train cnn`.
    out : Path
        Folder that receives the fusion next to copies of those artefacts.
    jobs : int
        Processes.
    seed : int
        Of the windows; that of the judges' training, so that their tables are used again.
    progress, report : callable
        Get progress as (label, done, total) and lines of text.

    Returns
    -------
    dict
        What was written: the card and the modes.

    Raises
    ------
    UsageError
        A judge is missing, or the data sets have no validation split.
    """
    for name in (BASELINE_CARD, CNN_CARD):
        if not (models / name).is_file():
            raise UsageError(f"{str(models)!r} holds no {name}: train both judges into it first")
    from forensics_models import fusion_training

    from forensics.training.trees import SEVERAL, manifest_hash

    baseline, network = Baseline(models), Cnn(models)
    gather = partial(judged, datasets=datasets, models=models, baseline=baseline, jobs=jobs, progress=progress)
    windows = gather(WindowPlan(seed=seed, decoders="varied"), label="windows")
    together = gather(WindowPlan(SEVERAL, seed, decoders="varied"), label="several windows")
    half = np.isin(windows.sources, np.unique(windows.sources)[::2])
    assert windows.outputs.embedding is not None
    ordinary = fusion_training.fit_ordinary(
        windows.outputs.embedding[half], windows.labels[half], windows.outputs.embedding[~half]
    )
    strange = strange_windows(
        datasets, baseline, network, seed=seed, files=STRANGE_FILES, progress=partial(progress, "strange windows")
    )
    modes = {}
    for mode in MODES:
        modes[mode] = fusion_training.fit_mode(
            mode,
            windows,
            together,
            strange,
            ordinary,
            accuracy=ACCURACY,
            coverage=COVERAGE,
            false_alarms=FALSE_ALARMS[mode],
        )
        figures = modes[mode]["card"]["validation"]
        report(
            f"{mode}: accuracy {figures['accuracy']:.4f}, false positives {figures['false_positive_rate']}, log-loss "
            f"{figures['log_loss']:.4f}"
        )
    stored = {
        "card": {
            "manifest_sha256": manifest_hash(datasets),
            "fitted_on": {
                "windows": len(windows.labels),
                "sources": len(set(windows.sources.tolist())),
                "strange": len(strange.labels),
            },
            "coverage": COVERAGE,
        },
        "modes": modes,
        "ordinary": ordinary.as_dict(),
    }
    out.mkdir(parents=True, exist_ok=True)
    if out.resolve() != models.resolve():
        for path in models.iterdir():
            if path.name.startswith(("baseline", "cnn")):
                shutil.copy(path, out / path.name)
    write_atomically(out / CARD_FILE, json.dumps(stored, indent=1, allow_nan=False).encode())
    return stored


def judged(
    plan: WindowPlan,
    *,
    label: str,
    datasets: Sequence[Path],
    models: Path,
    baseline: Baseline,
    jobs: int,
    progress: Callable[[str, int, int], None],
) -> Any:
    """The validation windows of a plan with both judges' outputs, as `forensics_models.fusion_training.Judged`."""
    from forensics_models.fusion_training import Judged

    from forensics.dataset.network_outputs import build_outputs
    from forensics.training.trees import having_split, split_table

    table: FeatureTable = split_table(
        datasets, "val", plan=plan, jobs=jobs, progress=partial(progress, f"measuring {label}")
    )
    seen, files = [], []
    for dataset in having_split(datasets, "val"):
        outputs, names = build_outputs(
            dataset, "val", models, plan=plan, jobs=jobs, progress=partial(progress, f"judging {label}")
        )
        seen.append(outputs)
        files.append(names)
    if not np.array_equal(np.concatenate(files), table.files):
        raise UsageError("the windows of the feature table are not those that the network judged")
    network = NetworkOutputs.joined(seen)
    trees = judges_outputs(baseline, None, table.features)
    both = Outputs(
        {**trees.margins, "cnn": network.margins},
        {**trees.strengths, "cnn": network.strengths()},
        trees.log2_pixels,
        network.embedding,
    )
    return Judged(both, table.labels, table.log2_ratio, table.ssim, table.sources, table.files)


def strange_windows(
    datasets: Sequence[Path],
    baseline: Baseline,
    network: Cnn,
    *,
    seed: int,
    files: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Any:
    """Windows of validation files that were resized after decoding, labelled with the class before, as `Judged`."""
    from forensics_features.extractor import FeatureExtractor
    from forensics_models.fusion_training import Judged

    from forensics.training.trees import having_split

    rows = [(dataset, row) for dataset in having_split(datasets, "val") for row in labelled_rows(dataset, "val")]
    numbers = np.random.default_rng([seed, _SEED_OF_STRANGE])
    picked = [rows[place] for place in sorted(numbers.permutation(len(rows))[:files])]
    extractor, features, patches, facts = FeatureExtractor(), [], [], []
    for count, (dataset, row) in enumerate(picked):
        progress(count, len(picked))
        window = _resized(load_pixels(dataset, row), window_rng(WindowPlan(seed=seed + 1), row))
        features.append(extractor.vector(window))
        patches.append(as_rgb(window))
        facts.append((FINE_CLASSES.index(row.fine_class), row.source, row.id))
    outputs = judges_outputs(baseline, network.outputs(patches), np.stack(features))
    labels, sources, names = (np.array(column) for column in zip(*facts, strict=True))
    unknown = np.full(len(labels), np.nan)
    return Judged(outputs, labels, unknown, unknown, sources, names)


def _resized(pixels: np.ndarray, numbers: np.random.Generator) -> np.ndarray:
    """A window of at most 256 px a side of a decoded picture after resizing by a random factor that is not near 1."""
    low, high = np.log(STRANGE_FACTORS)
    factor = 1.0
    while 0.95 < factor < 1.05:
        factor = float(np.exp(numbers.uniform(max(low, np.log(70 / min(pixels.shape[:2]))), high)))
    height, width = (round(side * factor) for side in pixels.shape[:2])
    step = Resize(height, width, str(numbers.choice(list(INTERPOLATIONS))), bool(numbers.random() < 0.7))
    resized = step.apply(pixels)
    return np.ascontiguousarray(random_crop(resized, min(256, height, width), numbers))
