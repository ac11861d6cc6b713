"""General forensic features of the public library sealwatch with the baseline's own XGBoost recipe, on luma.

- `spam`: second-order subtractive pixel adjacency (Pevny et al. 2010), 686 values;
- `dctr`: undecimated DCT residuals (Holub and Fridrich 2015), 8000 values, at the quantisation step of quality 75;
- `jrm`: the JPEG rich model (Kodovsky and Fridrich 2012), 11255 values, on the rounded DCT of 8x8 blocks from the
  patch's first pixel.

What it knows it learns on a sample of training patches, far fewer than the baseline's: read its row as what general
features give at that cost.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from forensics_features import as_planes
from forensics_models.classes import FINE_CLASSES
from forensics_models.storage import replacing, write_atomically

from forensics.dataset.manifest import Row
from forensics.errors import ForensicsError
from forensics.executors.tasks import Workers
from forensics_benchmarks.models import Judged, PatchBatch, Workplace, digest, only_classes
from forensics_benchmarks.peers.training_patches import chosen_rows, cut

ROUNDS = 200
"""Rounds of boosting of a peer's trees."""
_CHUNK = 50
"""Pictures handed to a worker at a time: a bound on work lost."""


@dataclass(frozen=True)
class GeneralFeatures:
    """One feature set of sealwatch and the trees on it; `home` holds them once it is prepared."""

    name: str
    home: Path | None = None

    def prepare(self, place: Workplace) -> GeneralFeatures:
        import xgboost  # noqa: F401

        extractor(self.name)
        rows = chosen_rows(place.train_data, "train", place.windows, place.seed)
        held = chosen_rows(place.train_data, "val", max(200, place.windows // 5), place.seed)
        key = digest(self.name, ROUNDS, place.seed, [row.id for _, row in rows + held])
        home = place.folder / f"{self.name}-{key}"
        if not (home / "scaling.json").exists():
            home.mkdir(parents=True, exist_ok=True)
            _train(self.name, home, place, {"train": rows, "val": held})
        return replace(self, home=home)

    def key(self) -> str:
        return self.home.name.rpartition("-")[2] if self.home else ""

    def judge(self, batch: PatchBatch) -> Judged:
        import xgboost

        assert self.home is not None
        booster, scaling = _loaded(self.home)
        start = time.perf_counter()
        features = measured(self.name, list(batch))
        margins = booster.predict(xgboost.DMatrix(features), output_margin=True)
        sizes = np.array([np.log2(patch.shape[0] * patch.shape[1]) for patch in batch])
        probabilities = scaling.probabilities(margins, sizes)
        return only_classes(probabilities, time.perf_counter() - start)


def extractor(name: str) -> Callable[[np.ndarray], Mapping[str, np.ndarray]]:
    """The feature set of that name as a function of luma; raises `ImportError` where sealwatch cannot be imported."""
    import scipy.fft
    import sealwatch

    def jrm(luma: np.ndarray) -> Mapping[str, np.ndarray]:
        height, width = (extent // 8 * 8 for extent in luma.shape)
        blocks = (luma[:height, :width] - 128.0).reshape(height // 8, 8, width // 8, 8).transpose(0, 2, 1, 3)
        return sealwatch.jrm.extract(np.rint(scipy.fft.dctn(blocks, axes=(2, 3), norm="ortho")).astype(np.int16))

    return {
        "spam": lambda luma: sealwatch.spam.extract(luma.astype(np.uint8)),
        "dctr": lambda luma: sealwatch.dctr.extract(luma - 128.0, 4.0),
        "jrm": jrm,
    }[name]


def measured(name: str, patches: Sequence[np.ndarray]) -> np.ndarray:
    """One row of features a patch, `np.ndarray [shape=(n, d), dtype=float32]`."""
    compute = extractor(name)
    rows = []
    for patch in patches:
        found = compute(np.rint(as_planes(patch).y).astype(np.float64))
        rows.append(np.concatenate([np.ravel(values) for values in found.values()]))
    return np.array(rows, np.float32)


@dataclass(frozen=True)
class _Task:
    name: str
    rows: tuple[tuple[Path, Row], ...]
    seed: int
    out: Path


def _measure(task: _Task) -> Iterator[int]:
    patches = list(cut(task.rows, task.seed))
    columns: dict[str, Any] = {
        "features": measured(task.name, [patch.pixels for patch in patches]),
        "labels": np.array([patch.label for patch in patches]),
        "log2_pixels": np.array(
            [np.log2(patch.pixels.shape[0] * patch.pixels.shape[1]) for patch in patches], np.float32
        ),
    }
    with replacing(task.out) as part, part.open("wb") as stream:
        np.savez(stream, **columns)
    yield len(patches)


def _tables(
    name: str, home: Path, place: Workplace, rows: Mapping[str, Sequence[tuple[Path, Row]]]
) -> dict[str, dict[str, np.ndarray]]:
    """Features, labels and sizes by split, measured in parallel and kept in parts."""
    parts: dict[str, list[Path]] = {}
    with Workers(_measure, place.jobs) as workers:
        for split, pairs in rows.items():
            parts[split] = []
            for start in range(0, len(pairs), _CHUNK):
                out = home / f"{split}-{start:06d}.npz"
                parts[split].append(out)
                if not out.exists():
                    workers.submit(_Task(name, tuple(pairs[start : start + _CHUNK]), place.seed, out))
        for event in workers.events():
            if event.kind in ("error", "died"):
                raise ForensicsError(f"{name} could not be measured: {event.content}")
    tables = {}
    for split, paths in parts.items():
        loaded = [dict(np.load(path, allow_pickle=False)) for path in paths]
        tables[split] = {column: np.concatenate([part[column] for part in loaded]) for column in loaded[0]}
    return tables


def _train(name: str, home: Path, place: Workplace, rows: Mapping[str, Sequence[tuple[Path, Row]]]) -> None:
    """The baseline's classifier recipe with fewer rounds, and its calibration; the calibration is written last."""
    from forensics_models.baseline_training import (
        FeatureTable,
        Recipe,
        class_weights,
        margins_of,
        train_classifier,
    )
    from forensics_models.calibration import fit_scaling

    place.report(f"{name}: training on {len(rows['train'])} patches")
    tables = _tables(name, home, place, rows)
    recipe = Recipe(rounds=ROUNDS, seed=place.seed, threads=place.jobs)
    made = {}
    for split, columns in tables.items():
        count = len(columns["labels"])
        blank, names = np.full(count, np.nan, np.float32), np.zeros(count, "U1")
        made[split] = FeatureTable(columns["features"], columns["labels"], blank, blank, names, names)
    booster = train_classifier(made["train"], made["val"], recipe, place.report)
    margins = margins_of(booster, made["val"].features)
    labels = made["val"].labels
    scaling = fit_scaling(margins, labels, tables["val"]["log2_pixels"], class_weights(labels, recipe))
    booster.save_model(home / "trees.ubj")
    write_atomically(home / "scaling.json", json.dumps(scaling.as_dict()).encode())


@cache
def _loaded(home: Path) -> tuple[Any, Any]:
    import xgboost
    from forensics_models.calibration import SizedScaling

    booster = xgboost.Booster({"nthread": 1})
    booster.load_model(home / "trees.ubj")
    stored = json.loads((home / "scaling.json").read_text(encoding="utf-8"))
    assert len(stored["bias"]) == len(FINE_CLASSES)
    return booster, SizedScaling(**{**stored, "bias": tuple(stored["bias"])})
