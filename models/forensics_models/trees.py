"""XGBoost boosters as ONNX tree ensembles: no XGBoost and no pickle where a model is only used."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

_OPSET = 3
"""Version of the operator set `ai.onnx.ml` in which tree ensembles are written."""


def _base_scores(learner: dict[str, Any], outputs: int) -> list[float]:
    text = learner["learner_model_param"]["base_score"].strip("[]")
    scores = [float(part) for part in text.split(",")]
    return scores * outputs if len(scores) == 1 else scores


def to_onnx(booster: Any, outputs: int) -> bytes:
    """The raw margins of a tree booster as a serialised ONNX model.

    Parameters
    ----------
    booster : xgboost.Booster
        A `gbtree` booster with numeric splits only.
    outputs : int
        Classes, or quantiles, that it predicts.

    Returns
    -------
    bytes
        ONNX model: input `features` float32 (n, d), output `margins` float32 (n, outputs). NaN follows each split's
        default direction, as in XGBoost.
    """
    import onnx
    from onnx import TensorProto, helper

    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    model = learner["gradient_booster"]["model"]
    attributes: dict[str, Any] = {
        "n_targets": outputs,
        "aggregate_function": "SUM",
        "post_transform": "NONE",
        "base_values": _base_scores(learner, outputs),
        **_attributes(model["trees"], model["tree_info"]),
    }
    node = helper.make_node("TreeEnsembleRegressor", ["features"], ["margins"], domain="ai.onnx.ml", **attributes)
    graph = helper.make_graph(
        [node],
        "trees",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, booster.num_features()])],
        [helper.make_tensor_value_info("margins", TensorProto.FLOAT, [None, outputs])],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", _OPSET)]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=9, producer_name="forensics_models")
    onnx.checker.check_model(made)
    return made.SerializeToString()


def stacked(boosters: Sequence[Any], outputs: Sequence[int], name: str) -> bytes:
    """Several boosters on the same features as one ONNX model, their outputs side by side.

    Parameters
    ----------
    boosters : sequence of xgboost.Booster
    outputs : sequence of int
        Outputs of each.
    name : str
        Of the graph and of its one output of shape (n, sum of outputs), float32.
    """
    import onnx
    from onnx import compose, helper

    models = [
        compose.add_prefix(onnx.load_from_string(to_onnx(booster, count)), f"t{index}_", rename_inputs=False)
        for index, (booster, count) in enumerate(zip(boosters, outputs, strict=True))
    ]
    nodes = [node for model in models for node in model.graph.node]
    nodes.append(helper.make_node("Concat", [model.graph.output[0].name for model in models], [name], axis=1))
    result = helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None, sum(outputs)])
    graph = helper.make_graph(nodes, f"{name} trees", [models[0].graph.input[0]], [result])
    made = helper.make_model(
        graph, opset_imports=models[0].opset_import, ir_version=9, producer_name="forensics_models"
    )
    onnx.checker.check_model(made)
    return made.SerializeToString()


def _attributes(trees: list[dict[str, Any]], targets: list[int]) -> dict[str, list[Any]]:
    nodes: dict[str, list[Any]] = {
        name: []
        for name in (
            "treeids",
            "nodeids",
            "featureids",
            "values",
            "modes",
            "truenodeids",
            "falsenodeids",
            "missing_value_tracks_true",
        )
    }
    leaves: dict[str, list[Any]] = {name: [] for name in ("treeids", "nodeids", "ids", "weights")}
    for number, (tree, target) in enumerate(zip(trees, targets, strict=True)):
        left = np.asarray(tree["left_children"])
        count = len(left)
        leaf = left < 0
        values = np.asarray(tree["split_conditions"], np.float32)
        nodes["treeids"] += [number] * count
        nodes["nodeids"] += range(count)
        nodes["featureids"] += np.where(leaf, 0, tree["split_indices"]).tolist()
        nodes["values"] += np.where(leaf, 0, values).tolist()
        nodes["modes"] += np.where(leaf, "LEAF", "BRANCH_LT").tolist()
        nodes["truenodeids"] += np.where(leaf, 0, left).tolist()
        nodes["falsenodeids"] += np.where(leaf, 0, tree["right_children"]).tolist()
        nodes["missing_value_tracks_true"] += np.where(leaf, 0, tree["default_left"]).astype(int).tolist()
        at = np.flatnonzero(leaf)
        leaves["treeids"] += [number] * len(at)
        leaves["nodeids"] += at.tolist()
        leaves["ids"] += [target] * len(at)
        leaves["weights"] += values[at].tolist()
    return {**{f"nodes_{k}": v for k, v in nodes.items()}, **{f"target_{k}": v for k, v in leaves.items()}}
