"""XGBoost boosters as `ensembles`, and ensembles as ONNX models for other programs: no XGBoost and no pickle where a
model is only used.

`python -m forensics_models.trees FOLDER` turns gzipped ONNX models of trees, as earlier versions wrote them, into
ensembles.
"""

from __future__ import annotations

import gzip
import json
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from forensics_models.ensembles import LEAF, Ensemble
from forensics_models.storage import write_atomically

_OPSET = 3
"""Version of the operator set `ai.onnx.ml` in which tree ensembles are written."""


class _Tree(NamedTuple):
    """One tree by node number, 0 its root; `value` is a leaf's weight too."""

    output: int
    left: np.ndarray
    right: np.ndarray
    feature: np.ndarray
    value: np.ndarray
    missing_left: np.ndarray


def from_boosters(boosters: Sequence[Any], outputs: Sequence[int]) -> Ensemble:
    """The raw margins of tree boosters on the same features, side by side.

    Parameters
    ----------
    boosters : sequence of xgboost.Booster
        `gbtree` boosters with numeric splits only.
    outputs : sequence of int
        Classes, or quantiles, that each predicts.

    Returns
    -------
    Ensemble
        NaN follows each split's default direction, as in XGBoost.
    """
    trees: list[_Tree] = []
    base: list[float] = []
    for booster, count in zip(boosters, outputs, strict=True):
        learner = json.loads(bytes(booster.save_raw("json")))["learner"]
        trees += _of_booster(learner["gradient_booster"]["model"], len(base))
        base += _base_scores(learner, count)
    return _laid_out(trees, base, boosters[0].num_features())


def _base_scores(learner: dict[str, Any], outputs: int) -> list[float]:
    """What XGBoost adds to all margins; of two classes it stores a probability."""
    text = learner["learner_model_param"]["base_score"].strip("[]")
    scores = [float(part) for part in text.split(",")]
    if learner["objective"]["name"] == "binary:logistic":
        scores = [math.log(score) - math.log1p(-score) for score in scores]
    return scores * outputs if len(scores) == 1 else scores


def _of_booster(model: dict[str, Any], before: int) -> Iterator[_Tree]:
    for tree, target in zip(model["trees"], model["tree_info"], strict=True):
        yield _Tree(
            before + target,
            np.asarray(tree["left_children"]),
            np.asarray(tree["right_children"]),
            np.asarray(tree["split_indices"]),
            np.asarray(tree["split_conditions"], np.float32),
            np.asarray(tree["default_left"], bool),
        )


def _laid_out(trees: Sequence[_Tree], base: Sequence[float], columns: int) -> Ensemble:
    """Trees one after another, nodes in the order of `Ensemble`; raises `ValueError` where numbers do not fit."""
    first, parts = [], []
    nodes = 0
    for tree in trees:
        order, steps = _downwards(tree.left, tree.right)
        leaf = tree.left[order] < 0
        parts.append((np.where(leaf, LEAF, tree.feature[order]), tree.value[order], steps, tree.missing_left[order]))
        first.append(nodes)
        nodes += len(order)
    feature, value, right, missing_left = (np.concatenate(column) for column in zip(*parts, strict=True))
    if columns > np.iinfo(np.int16).max or right.max() > np.iinfo(np.uint16).max:
        raise ValueError("too many features, or too large a tree")
    return Ensemble(
        columns=columns,
        base=np.asarray(base, np.float32),
        first=np.asarray(first, np.int32),
        output=np.asarray([tree.output for tree in trees], np.int16),
        feature=feature.astype(np.int16),
        value=value.astype(np.float32),
        right=right.astype(np.uint16),
        missing_left=missing_left & (feature != LEAF),
    )


def _downwards(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A tree's nodes from the root down, left branches first, and how much further each one's right branch begins."""
    order: list[int] = []
    steps: list[int] = []
    waiting = [(0, -1)]
    while waiting:
        node, parent = waiting.pop()
        if parent >= 0:
            steps[parent] = len(order) - parent
        place = len(order)
        order.append(node)
        steps.append(0)
        if left[node] >= 0:
            waiting += [(int(right[node]), place), (int(left[node]), -1)]
    return np.asarray(order), np.asarray(steps)


def to_onnx(ensemble: Ensemble) -> bytes:
    """An ensemble as a serialised ONNX model: input `features` float32 (n, d), output `margins` float32 (n, k)."""
    import onnx
    from onnx import TensorProto, helper

    outputs = len(ensemble.base)
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["features"],
        ["margins"],
        domain="ai.onnx.ml",
        n_targets=outputs,
        aggregate_function="SUM",
        post_transform="NONE",
        base_values=ensemble.base.tolist(),
        **_attributes(ensemble),
    )
    graph = helper.make_graph(
        [node],
        "trees",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, ensemble.columns])],
        [helper.make_tensor_value_info("margins", TensorProto.FLOAT, [None, outputs])],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", _OPSET)]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=9, producer_name="forensics_models")
    onnx.checker.check_model(made)
    return made.SerializeToString()


def _attributes(ensemble: Ensemble) -> dict[str, Any]:
    sizes = np.diff(ensemble.first, append=len(ensemble.feature))
    tree = np.repeat(np.arange(len(sizes)), sizes)
    number = np.arange(len(tree)) - np.repeat(ensemble.first, sizes)
    leaf = ensemble.feature == LEAF
    return {
        "nodes_treeids": tree.tolist(),
        "nodes_nodeids": number.tolist(),
        "nodes_featureids": np.where(leaf, 0, ensemble.feature).tolist(),
        "nodes_values": np.where(leaf, 0, ensemble.value).tolist(),
        "nodes_modes": np.where(leaf, "LEAF", "BRANCH_LT").tolist(),
        "nodes_truenodeids": np.where(leaf, 0, number + 1).tolist(),
        "nodes_falsenodeids": np.where(leaf, 0, number + ensemble.right).tolist(),
        "nodes_missing_value_tracks_true": ensemble.missing_left.astype(int).tolist(),
        "target_treeids": tree[leaf].tolist(),
        "target_nodeids": number[leaf].tolist(),
        "target_ids": np.repeat(ensemble.output, sizes)[leaf].tolist(),
        "target_weights": ensemble.value[leaf].tolist(),
    }


def from_onnx(data: bytes) -> Ensemble:
    """The ensemble of an ONNX model that consists of regressors of trees on one input, as `to_onnx` writes it.

    Raises `ValueError` where a model holds anything else.
    """
    import onnx

    graph = onnx.load_from_string(data).graph
    trees: list[_Tree] = []
    base: list[float] = []
    for node in graph.node:
        if node.op_type == "Concat":
            continue
        if node.op_type != "TreeEnsembleRegressor":
            raise ValueError(f"a model of trees has no {node.op_type}")
        stated = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
        trees += _of_onnx(stated, len(base))
        base += list(stated["base_values"])
    return _laid_out(trees, base, graph.input[0].type.tensor_type.shape.dim[1].dim_value)


def _of_onnx(stated: dict[str, Any], before: int) -> Iterator[_Tree]:
    tree = np.asarray(stated["nodes_treeids"])
    leaf = np.array([mode == b"LEAF" for mode in stated["nodes_modes"]])
    if any(mode not in (b"LEAF", b"BRANCH_LT") for mode in set(stated["nodes_modes"])):
        raise ValueError("trees split by `<` alone")
    value = np.array(stated["nodes_values"], np.float32)
    value[leaf] = stated["target_weights"]  # leaves are listed in the order of nodes
    nodes = [np.asarray(stated[f"nodes_{name}"]) for name in ("truenodeids", "falsenodeids", "featureids")]
    left, right, feature = (np.where(leaf, -1, column) for column in nodes)
    missing = np.asarray(stated["nodes_missing_value_tracks_true"], bool)
    targets = np.zeros(len(tree), int)
    targets[leaf] = stated["target_ids"]
    for start, end in zip(*_bounds(tree), strict=True):
        piece = slice(start, end)
        output = before + int(targets[piece][leaf[piece]][0])
        yield _Tree(output, left[piece], right[piece], feature[piece], value[piece], missing[piece])


def _bounds(tree: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    starts = np.flatnonzero(np.diff(tree, prepend=-1))
    return starts, np.append(starts[1:], len(tree))


def convert(folder: Path) -> list[Path]:
    """Write the ensemble of every gzipped ONNX model of trees in a folder next to it; returns the files written."""
    written = []
    for path in sorted(folder.glob("*.onnx.gz")):
        try:
            ensemble = from_onnx(gzip.decompress(path.read_bytes()))
        except ValueError:
            continue
        written.append(path.with_name(path.name.removesuffix(".onnx.gz") + ".npz"))
        write_atomically(written[-1], ensemble.to_bytes())
    return written


if __name__ == "__main__":
    for made in (made for name in sys.argv[1:] for made in convert(Path(name))):
        print(made)
