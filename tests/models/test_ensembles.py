"""Ensembles of trees: against a walk in plain Python, against ONNX Runtime to the last bit, and what is refused."""

from __future__ import annotations

import dataclasses
import io
import subprocess
import sys
from importlib.resources import files

import numpy as np
import pytest
from forensics_models._ensemble_kernel import add_leaves
from forensics_models.ensembles import LEAF, Ensemble, load
from forensics_models.runtime import onnx_runtime
from forensics_models.trees import convert, from_boosters, from_onnx, to_onnx

ARTEFACTS = files("forensics_models") / "artefacts"
SHIPPED = tuple(
    f"{name}.npz"
    for name in (
        "baseline_classes",
        "baseline_strength",
        "parameters",
        "scaled_grid",
        "turned_grid",
    )
)


def grown(rng: np.random.Generator, columns: int, outputs: int, trees: int, depth: int) -> Ensemble:
    """Random trees, some of a single leaf."""
    first, output, nodes = [], [], []

    def grow(left_over: int) -> None:
        place = len(nodes)
        if left_over == 0 or rng.random() < 0.2:
            nodes.append((LEAF, rng.normal(), 0, False))
            return
        nodes.append(None)
        grow(left_over - 1)
        step = len(nodes) - place
        nodes[place] = (int(rng.integers(columns)), rng.normal(), step, bool(rng.integers(2)))
        grow(left_over - 1)

    for _ in range(trees):
        first.append(len(nodes))
        output.append(int(rng.integers(outputs)))
        grow(depth)
    feature, value, right, missing = zip(*nodes, strict=True)
    return Ensemble(
        columns,
        rng.normal(size=outputs).astype(np.float32),
        np.asarray(first, np.int32),
        np.asarray(output, np.int16),
        np.asarray(feature, np.int16),
        np.asarray(value, np.float32),
        np.asarray(right, np.uint16),
        np.asarray(missing, bool),
    )


def rows_near_thresholds(ensemble: Ensemble, count: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of the trees' own thresholds, a little less, a little more, and missing values."""
    rows = rng.normal(size=(count, ensemble.columns)).astype(np.float32)
    for column in np.unique(ensemble.feature[ensemble.feature != LEAF]):
        rows[:, column] = rng.choice(ensemble.value[ensemble.feature == column], count)
    rows += rng.choice(np.float32([0, 0, 1e-3, -1e-3]), rows.shape)
    rows[rng.random(rows.shape) < 0.03] = np.nan
    return rows


def naive(ensemble: Ensemble, row: np.ndarray) -> np.ndarray:
    sums = np.zeros(len(ensemble.base), np.float32)
    for root, output in zip(ensemble.first, ensemble.output, strict=True):
        node = int(root)
        while ensemble.feature[node] != LEAF:
            x = row[ensemble.feature[node]]
            left = ensemble.missing_left[node] if np.isnan(x) else x < ensemble.value[node]
            node += 1 if left else int(ensemble.right[node])
        sums[output] += ensemble.value[node]
    return sums + ensemble.base


@pytest.fixture
def small() -> Ensemble:
    return grown(np.random.default_rng(4), columns=6, outputs=3, trees=30, depth=5)


def test_rows_walk_down_trees(small):
    rows = rows_near_thresholds(small, 40, np.random.default_rng(5))
    expected = np.array([naive(small, row) for row in rows])
    np.testing.assert_array_equal(small.margins(rows), expected)
    sums = np.zeros((40, 3), np.float32)
    add_leaves.py_func(
        rows, small.first, small.output, small.feature, small.value, small.right, small.missing_left, sums
    )
    np.testing.assert_array_equal(sums + small.base, expected)
    assert small.margins(rows[:0]).shape == (0, 3)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_trees_equal_onnx_runtime_to_the_last_bit(name):
    pytest.importorskip("onnx", reason="writing an ONNX model needs the package onnx, which is not installed")
    ensemble = load(ARTEFACTS / name)
    rows = rows_near_thresholds(ensemble, 60, np.random.default_rng(6))
    options = onnx_runtime().SessionOptions()
    options.intra_op_num_threads = 1  # several add in another order
    session = onnx_runtime().InferenceSession(to_onnx(ensemble), options, providers=["CPUExecutionProvider"])
    np.testing.assert_array_equal(ensemble.margins(rows), session.run(None, {"features": rows})[0])


def same(one: Ensemble, other: Ensemble) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(dataclasses.astuple(one), dataclasses.astuple(other), strict=True))


@pytest.mark.parametrize("base", [0.5, 0.2])
@pytest.mark.parametrize("objective", ["binary:logistic", "reg:squarederror"])
def test_margins_are_those_of_xgboost(objective, base):
    """Of two classes XGBoost stores the base score as a probability, else as a margin."""
    xgboost = pytest.importorskip("xgboost", reason="the extra `train` is not installed")
    numbers = np.random.default_rng(4)
    features = numbers.normal(0, 1, (300, 4)).astype(np.float32)
    features[numbers.random((300, 4)) < 0.1] = np.nan
    wanted = (np.nan_to_num(features[:, 0]) + numbers.normal(0, 0.3, 300) > 0).astype(np.float32)
    options = {"objective": objective, "base_score": base, "max_depth": 3, "nthread": 1}
    booster = xgboost.train(options, xgboost.DMatrix(features, wanted), 12)
    margins = booster.predict(xgboost.DMatrix(features), output_margin=True)
    made = from_boosters([booster], [1]).margins(features)[:, 0]
    assert np.allclose(made, margins, atol=1e-5)


def test_what_is_written_is_read(small, tmp_path):
    (tmp_path / "trees.npz").write_bytes(small.to_bytes())
    assert same(load(tmp_path / "trees.npz"), small)
    assert small.to_bytes() == small.to_bytes()


def test_models_of_earlier_versions_are_converted(small, tmp_path):
    gzip = pytest.importorskip("gzip")
    pytest.importorskip("onnx", reason="reading an ONNX model needs the package onnx, which is not installed")
    assert same(from_onnx(to_onnx(small)), small)
    (tmp_path / "open_processes.onnx.gz").write_bytes(gzip.compress(to_onnx(small)))
    (tmp_path / "cnn.onnx.gz").write_bytes((ARTEFACTS / "cnn.onnx.gz").read_bytes())
    assert convert(tmp_path) == [tmp_path / "open_processes.npz"]
    assert same(load(tmp_path / "open_processes.npz"), small)


@pytest.mark.parametrize(
    "change",
    [
        {"right": np.full(1, 9)},
        {"feature": np.full(1, 99)},
        {"output": np.full(1, 7)},
        {"first": np.full(1, 3)},
        {"right": np.full(1, 1)},
    ],
)
def test_a_row_cannot_leave_its_tree(small, change):
    [(name, place)] = change.items()
    inner = int(np.flatnonzero(small.feature != LEAF)[-1])
    damaged = getattr(small, name).copy()
    damaged[inner if name in ("right", "feature") else 0] = place[0]
    if name == "right" and place[0] == 9:
        damaged[inner] = len(small.feature)
    with pytest.raises(ValueError, match="tree"):
        dataclasses.replace(small, **{name: damaged})


def test_other_files_are_refused(small, tmp_path):
    path = tmp_path / "trees.npz"
    with pytest.raises(OSError):
        load(path)
    objects = io.BytesIO()
    np.savez(objects, columns=np.array([{}], object), first=np.zeros(1))
    for data in (b"no trees", b"", small.to_bytes()[:200], objects.getvalue()):
        path.write_bytes(data)
        with pytest.raises(ValueError):
            load(path)
    with pytest.raises(ValueError, match="6"):
        small.margins(np.zeros((2, 5), np.float32))


MEMORY = """
import resource
from importlib.resources import files
from forensics_models import ensembles
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
kept = [ensembles.load(files("forensics_models") / "artefacts" / name) for name in NAMES]
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_all_shipped_trees_take_little_memory():
    code = MEMORY.replace("NAMES", repr(SHIPPED))
    grown_by = int(subprocess.check_output([sys.executable, "-c", code], text=True))
    assert grown_by < 60 * 1024
