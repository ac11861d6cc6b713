"""The judge of block phases: its networks, what is stored, its training in small, and the shipped one on samples."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from forensics_features.block_phases import block_phases, values_of
from forensics_features.block_spectra import block_spectra
from forensics_models.block_phases import (
    CARD_FILE,
    NETWORKS_FILE,
    BlockPhaseJudge,
    Network,
    logarithms,
    parts_of,
    to_bytes,
)
from forensics_models.recompression import FAMILIES
from PIL import Image

from forensics.errors import UsageError
from forensics.training import block_phases as training
from tests.features.test_scaled_grid import photograph


def network(seed: int, values: int = 5, units: int = 4) -> Network:
    numbers = np.random.default_rng(seed)
    kinds = len(FAMILIES)
    shapes = ((values,), (values,), (values, units), (units, 3), (3, kinds), (units,), (3,), (kinds,))
    mean, scale, *layers = (numbers.normal(size=shape).astype(np.float16).astype(np.float32) for shape in shapes)
    return Network(mean, np.abs(scale) + 0.5, layers[:3], layers[3:])


def of_both(seed: int) -> dict[str, list[Network]]:
    return {
        "phases": [network(seed), network(seed + 1)],
        "spectra": [network(seed + 2, values=3)],
        "both": [network(seed + 3, values=8)],
    }


def test_a_network_equals_plain_loops() -> None:
    one, values = network(1), np.random.default_rng(2).normal(size=5)
    bent = [np.tanh((values[i] - one.mean[i]) / one.scale[i]) for i in range(5)]
    seen = bent
    for number, (weights, bias) in enumerate(zip(one.weights, one.biases, strict=True)):
        sums = [sum(seen[i] * weights[i, j] for i in range(len(seen))) + bias[j] for j in range(len(bias))]
        seen = sums if number == 2 else [max(0.0, value) for value in sums]
    expected = np.exp(seen) / np.exp(seen).sum()
    np.testing.assert_allclose(one.probabilities(values)[0], expected, rtol=1e-5)


def test_probabilities_are_averaged_and_never_none() -> None:
    networks, numbers = of_both(1), np.random.default_rng(3)
    values = parts_of(numbers.normal(size=(7, 5)) * 9, numbers.normal(size=(7, 3)))
    each = [one.probabilities(values[part]) for part, several in networks.items() for one in several]
    np.testing.assert_allclose(np.exp(logarithms(networks, values)), sum(each) / 4 + 1e-4, rtol=1e-9)


def test_what_is_stored_is_read_again(tmp_path: Path) -> None:
    networks = of_both(1)
    (tmp_path / NETWORKS_FILE).write_bytes(to_bytes(networks))
    (tmp_path / CARD_FILE).write_text(json.dumps({"families": list(FAMILIES), "card": {"seed": 4}}))
    judge, values = BlockPhaseJudge(tmp_path), (np.ones(5), np.ones(3))
    assert judge.card["seed"] == 4
    np.testing.assert_allclose(judge.logarithms(*values), logarithms(networks, parts_of(*values))[0], atol=1e-6)
    (tmp_path / NETWORKS_FILE).write_bytes(to_bytes(networks | {"spectra": []}))
    with pytest.raises(ValueError, match="no networks: 'spectra'"):
        BlockPhaseJudge(tmp_path)
    (tmp_path / CARD_FILE).write_text(json.dumps({"families": ["jpeg"], "card": {}}))
    with pytest.raises(ValueError, match="other families"):
        BlockPhaseJudge(tmp_path)


@pytest.mark.parametrize(
    ("codec", "family"), [("avif", "av1"), ("webp", "vp8"), ("jpeg", "jpeg"), ("heic", "hevc-intra")]
)
def test_the_shipped_judge_knows_what_blocks_left(codec: str, family: str, coded_sample: Any) -> None:
    judge = BlockPhaseJudge(files("forensics_models") / "artefacts")
    pixels = coded_sample(codec, 50)
    said = judge.logarithms(*seen_in(pixels))
    assert FAMILIES[int(said.argmax())] == family
    moved = judge.logarithms(*seen_in(pixels[5:, 3:]))  # cropped: blocks start elsewhere
    assert moved[FAMILIES.index(family)] < said[FAMILIES.index(family)]


def seen_in(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return values_of(block_phases(pixels)), block_spectra(pixels)


def test_pictures_are_drawn_changed_and_measured(tmp_path: Path) -> None:
    (tmp_path / "val").mkdir()
    Image.fromarray(photograph(360)).save(tmp_path / "val" / "one.png")
    made = training.measure(tmp_path, "val", seed=3, jobs=1, draws=3)
    assert len(made) > training.CHANGES
    assert {row.phases.shape for row in made} == {(3, 2, 3, 64)}
    assert all(np.isfinite(row.phases).all() and np.isfinite(row.spectra).all() for row in made)
    assert [row.truth for row in made if row.kind == training.UNTOUCHED] == ["uncompressed"] * 2 * training.NEVER_CODED
    assert len({(row.fine, row.kind) for row in made}) > 1


def test_a_picture_is_moved_in_every_way() -> None:
    numbers, pixels = np.random.default_rng(8), photograph(200)
    sizes = {training.move(pixels, numbers).shape[:2] for _ in range(40)}
    assert any(max(size) > 200 for size in sizes)  # enlarged
    assert (100, 100) in sizes  # thinned out
    assert any(185 <= min(size) < 200 for size in sizes)  # cropped
    assert any(100 < max(size) < 185 for size in sizes)  # reduced


def test_what_differs_is_learned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("keras")
    monkeypatch.setattr(training, "MEMBERS", dict.fromkeys(training.MEMBERS, 1))
    card = training.fit(rows(300, 1), rows(60, 2), tmp_path, seed=1)
    assert card["right"] > 0.9
    assert card["pictures"] == {"training": 300, "validation": 60}
    judge = BlockPhaseJudge(tmp_path)
    assert judge.card == card
    said = [judge.logarithms(values_of(row.phases), row.spectra) for row in rows(6, 3)]
    assert [FAMILIES[int(one.argmax())] for one in said] == [row.truth for row in rows(6, 3)]


def rows(count: int, seed: int) -> list[training.Row]:
    """AV1 with edges every eighth sample, HEVC with edges every sixteenth, and none; spectra say nothing."""
    numbers = np.random.default_rng(seed)
    made = []
    for k in range(count):
        truth = ("uncompressed", "av1", "hevc-intra")[k % 3]
        phases = np.exp(numbers.normal(0, 0.02, (3, 2, 3, 64)))
        if truth != "uncompressed":
            phases[..., :: 8 if truth == "av1" else 16] *= 1.2
        made.append(training.Row("one.png", "avif", "noise", truth, phases.astype(np.float32), np.ones(4, np.float32)))
    return made


def test_too_few_pictures_are_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="draw more"):
        training.fit([], rows(3, 1), tmp_path, seed=1)


def test_a_missing_engine_is_said_before_anything_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "keras", None)
    monkeypatch.setattr(training, "measure", lambda *given, **named: pytest.fail("drawn"))
    with pytest.raises(UsageError, match="extra `train`"):
        training.train_block_phases(tmp_path, tmp_path / "out", seed=1, jobs=1)
