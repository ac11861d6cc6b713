"""Training of the network: balance, views, schedule, resuming, search, and the files that come out."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from forensics_models.classes import FINE_CLASSES
from forensics_models.cnn_data import (
    Balance,
    Parts,
    PatchTable,
    corners,
    draw,
    draw_weights,
    join,
    random_view,
)


def table(count=60, side=72, tag="t", seed=0):
    """Patches of two kinds that are easy to tell apart: horizontal stripes (jpeg) and noise (uncompressed)."""
    numbers = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    pixels = numbers.integers(0, 256, (count, side, side, 3)).astype(np.uint8)
    pixels[labels == 1, ::2] = 128
    pixels[labels == 1, 1::2] = 120
    ratio = np.where(labels == 1, numbers.uniform(2, 6, count), np.nan).astype(np.float32)
    ssim = np.where(labels == 1, numbers.uniform(0.8, 0.99, count), np.nan).astype(np.float32)
    names = np.array([f"{tag}{place}" for place in range(count)])
    return PatchTable(
        Parts([pixels[: count // 3], pixels[count // 3 :]]), labels.astype(np.int64), ratio, ssim, names, names
    )


def test_parts_and_joined_tables_keep_their_order():
    first, second = table(9, tag="a"), table(6, tag="b", seed=1)
    joined = join([first, second]).take(np.array([14, 0, 8]))
    assert joined.files.tolist() == ["b5", "a0", "a8"]
    assert np.array_equal(joined.pixels[0], second.pixels[5])
    assert np.array_equal(joined.pixels[2], first.pixels[8])
    with pytest.raises(IndexError):
        first.pixels[9]


def test_draws_balance_classes_and_strengths():
    labels = np.repeat([0, 1, 3, 4, 5], [40, 10, 30, 30, 200])
    strengths = np.where(labels == 0, np.nan, np.tile([2.0, 6.0], 155)[: len(labels)]).astype(np.float32)
    few = PatchTable(
        [np.zeros((64, 64, 3), np.uint8)] * len(labels),
        labels,
        strengths,
        strengths,
        labels.astype(str),
        labels.astype(str),
    )
    weights = draw_weights(few, Balance(uncompressed=2.0, weak=0.25, weak_range=2.0))
    shares = np.bincount(labels, weights)
    assert shares[0] == pytest.approx(2 * shares[1])
    assert shares[3] == pytest.approx(shares[1] / 3**0.5)
    assert shares[3] == pytest.approx(shares[5])
    rows = labels == 5
    weak, strong = (weights[rows & (strengths == value)].mean() for value in (2.0, 6.0))
    assert weak / strong == pytest.approx(2.0)


def test_systematic_draws_follow_their_weights_to_within_one():
    numbers = np.random.default_rng(0)
    weights = numbers.dirichlet(np.ones(50))
    counts = np.bincount(draw(weights, 1000, numbers), minlength=50)
    assert counts.sum() == 1000
    assert (np.abs(counts - 1000 * weights) < 1 + 1e-9).all()


def test_views_are_turned_and_mirrored_cuts_of_any_phase():
    y, x = np.mgrid[:20, :24]
    pixels = np.stack([y, x, 0 * x], axis=2).astype(np.uint8)
    numbers = np.random.default_rng(0)
    seen, phases = set(), set()
    for _ in range(400):
        view = random_view(pixels, 9, numbers)
        assert view.shape == (9, 9, 3)
        corner, right, below = (view[place].astype(int) for place in ((0, 0), (0, 1), (1, 0)))
        seen.add((*(right - corner)[:2], *(below - corner)[:2]))
        phases.add((int(view[..., 0].min()) % 4, int(view[..., 1].min()) % 4))
    assert len(seen) == 8
    assert len(phases) == 16


def test_corners_do_not_overlap():
    pixels = np.arange(8 * 8).reshape(8, 8, 1)
    assert sorted(np.concatenate([corner.ravel() for corner in corners(pixels, 4)])) == list(range(64))


keras = pytest.importorskip("keras", reason="the network is trained with Keras, which is not installed")
tensorflow = pytest.importorskip("tensorflow", reason="these tests run Keras on TensorFlow, which is not installed")
pytest.importorskip("onnx", reason="the export needs the package onnx, which is not installed")
pytest.importorskip("optuna", reason="the search needs Optuna, which is not installed")


pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)
"""Keras saves its variables through a conversion that NumPy 2 deprecates."""


@pytest.fixture(scope="module", autouse=True)
def eagerly():
    """A dozen steps of a tiny network take less time than compiling it once."""
    tensorflow.config.run_functions_eagerly(True)
    yield
    tensorflow.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def recipe():
    from forensics_models.cnn_network import Architecture
    from forensics_models.cnn_training import CnnRecipe

    return CnnRecipe(
        epochs=3,
        minutes=60,
        steps=4,
        batch=8,
        sides=((64, 1.0), (72, 1.0)),
        learning_rate=5e-3,
        validation_side=64,
        seed=1,
        architecture=Architecture(
            channels=4, layers=1, trunk=(4, 8), phase_channels=2, hidden=16, embedding=8, dropout=0.0
        ),
    )


@pytest.fixture(scope="module")
def whole_run(recipe, tmp_path_factory):
    """A run of three epochs without interruption: folder, network, progress."""
    from forensics_models.cnn_training import fit

    folder = tmp_path_factory.mktemp("whole")
    return folder, *fit(table(), table(20, tag="v", seed=9), folder, recipe=recipe)


def test_training_learns_and_keeps_only_the_checkpoints_it_needs(whole_run, recipe):
    folder, _, progress = whole_run
    assert progress.curves[-1]["train_loss"] < progress.curves[0]["train_loss"]
    assert [row["epoch"] for row in progress.curves] == [1, 2, 3]
    kept = {path.name for path in folder.glob("*.keras")}
    assert kept == {f"epoch-{epoch:04d}.keras" for epoch in (3, progress.best_epoch)}


def test_a_killed_run_goes_on_to_the_same_network(whole_run, recipe, tmp_path):
    """Killed in the second epoch after a checkpoint of the first: the end has the same losses as a run in one go."""
    from forensics_models import cnn_training

    _, _, progress = whole_run
    lines = []

    def kill(line):
        lines.append(line)
        if len(lines) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cnn_training.fit(table(), table(20, tag="v", seed=9), tmp_path, recipe=recipe, report=kill)
    _, again = cnn_training.fit(table(), table(20, tag="v", seed=9), tmp_path, recipe=recipe)
    assert [row["epoch"] for row in again.curves] == [1, 2, 3]
    np.testing.assert_allclose(
        [row["val_loss"] for row in again.curves], [row["val_loss"] for row in progress.curves], rtol=1e-3
    )


def test_a_run_with_another_recipe_is_not_continued(whole_run, recipe):
    from forensics_models.cnn_training import fit

    with pytest.raises(ValueError, match="another recipe"):
        fit(table(), table(20, tag="v"), whole_run[0], recipe=replace(recipe, batch=9))


def test_a_finished_run_gives_its_best_network_again(whole_run, recipe):
    from forensics_models.cnn_training import fit, measure

    folder, first, progress = whole_run
    validation = table(20, tag="v", seed=9)
    again, same = fit(table(), validation, folder, recipe=recipe)
    assert same == progress
    assert measure(again, validation, 64) == pytest.approx(measure(first, validation, 64))


def test_training_starts_from_a_saved_network_of_the_same_shape_only(whole_run, recipe, tmp_path):
    from forensics_models.cnn_training import resume

    folder, _, progress = whole_run
    saved = folder / f"epoch-{progress.best_epoch:04d}.keras"
    model, fresh = resume(tmp_path, recipe, saved)
    assert fresh.epoch == 0
    for weight, wanted in zip(model.get_weights(), keras.saving.load_model(saved).get_weights(), strict=True):
        np.testing.assert_array_equal(weight, wanted)
    wider = replace(recipe, architecture=replace(recipe.architecture, channels=5))
    with pytest.raises(ValueError, match="another architecture"):
        resume(tmp_path, wider, saved)
    (tmp_path / "none.keras").write_bytes(b"no network")
    with pytest.raises(ValueError, match="no network that can be read"):
        resume(tmp_path, recipe, tmp_path / "none.keras")


def test_shared_sources_are_refused(recipe, tmp_path):
    from forensics_models.cnn_training import fit

    with pytest.raises(ValueError, match="both training and validation"):
        fit(table(), table(), tmp_path, recipe=recipe)


def test_rate_rises_then_falls_over_the_budget(recipe):
    from forensics_models.cnn_training import learning_rate

    rates = [learning_rate(recipe, share) for share in np.linspace(0, 1, 101)]
    top = int(np.argmax(rates))
    assert top == pytest.approx(100 * recipe.warm_up, abs=1)
    assert rates[top] == pytest.approx(recipe.learning_rate, rel=0.01)
    assert (np.diff(rates[top:]) < 0).all()
    assert rates[-1] == pytest.approx(0.01 * recipe.learning_rate)


def test_time_ends_a_run(recipe, tmp_path):
    from forensics_models.cnn_training import fit

    _, progress = fit(table(), table(20, tag="v"), tmp_path, recipe=replace(recipe, epochs=10_000, minutes=1e-6))
    assert progress.epoch == 1


def test_pinball_loss_and_masking(recipe):
    from forensics_models.cnn_batches import TrainingBatches
    from forensics_models.cnn_training import PinballLoss

    loss = PinballLoss()(np.array([[2.0]], np.float32), np.array([[1.0, 2.0, 4.0]], np.float32))
    assert float(loss) == pytest.approx((0.05 * 1 + 0 + 0.05 * 2) / 3, abs=1e-6)
    batches = TrainingBatches(table(), sides=recipe.sides, batch=8, steps=2, balance=Balance(), seed=1, epoch=0)
    pixels, targets, weights = batches[0]
    assert pixels.shape[1] in (64, 72)
    np.testing.assert_array_equal(weights["log2_ratio"], targets["margins"] > 0)
    assert np.isfinite(targets["ssim_score"]).all()
    np.testing.assert_array_equal(batches[0][0], pixels)


def test_artefacts_are_written_and_load(whole_run, recipe, tmp_path):
    from forensics_models.cnn import Cnn
    from forensics_models.cnn_evaluation import write_artefacts

    _, model, progress = whole_run
    validation = table(24, tag="v", seed=9)
    card = write_artefacts(model, progress, validation, tmp_path, recipe=recipe, facts={"data": "toy"})
    assert card["export_difference"] < 1e-4
    assert json.loads((tmp_path / "cnn.json").read_text())["card"] == json.loads(json.dumps(card))
    patches = [validation.pixels[place] for place in range(4)]
    ours = Cnn(tmp_path).margins(patches)
    loaded = keras.saving.load_model(tmp_path / "cnn.keras")
    theirs = np.asarray(loaded.predict_on_batch(np.stack(patches).astype(np.float32))["margins"])
    np.testing.assert_allclose(ours, theirs, atol=1e-4)
    with (tmp_path / "cnn_confusion.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["true"] for row in rows] == list(FINE_CLASSES)
    assert sum(int(row[name]) for row in rows for name in FINE_CLASSES) == len(validation)
    assert (tmp_path / "cnn_curves.csv").read_text().count("\n") == 4


def test_search_goes_on_and_lists_its_trials(recipe, tmp_path):
    from forensics_models.cnn_search import search

    short = replace(recipe, epochs=1, steps=1, validation_patches=8)
    options = {"recipe": short, "folder": tmp_path}
    search(table(), table(16, tag="v"), trials=1, **options)
    first = (tmp_path / "journal.jsonl").read_bytes()
    best = search(table(), table(16, tag="v"), trials=2, **options)
    assert (tmp_path / "journal.jsonl").read_bytes().startswith(first)
    with (tmp_path / "search.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["trial"] for row in rows} == {"0", "1"}
    assert float(rows[0]["val_loss"]) <= float(rows[1]["val_loss"])
    assert best.architecture.channels == int(rows[0]["channels"])
    assert (best.epochs, best.steps) == (1, 1)


def test_command_trains_from_a_data_set(tiny_dataset, recipe, tmp_path, monkeypatch):
    from click.testing import CliRunner
    from forensics_models import cnn_training

    from forensics.cli.main import main
    from forensics.dataset import patch_cache

    monkeypatch.setattr(patch_cache.PatchPlan, "__init__", _small_plan(patch_cache.PatchPlan.__init__))
    monkeypatch.setattr(cnn_training, "CnnRecipe", lambda **given: replace(recipe, **given))
    out = tmp_path / "model"
    done = CliRunner().invoke(
        main,
        ["train", "cnn", str(tiny_dataset), "--out", str(out), "--jobs", "1", "--epochs", "1", "--steps", "2"],
        catch_exceptions=False,
    )
    assert done.exit_code == 0, done.output
    assert "accuracy at 64" in done.output
    assert {path.name for path in out.glob("cnn*")} >= {
        "cnn.json",
        "cnn.onnx.gz",
        "cnn.keras",
        "cnn_curves.csv",
        "cnn_confusion.csv",
    }


def _small_plan(original):
    def init(self, side=96, **given):
        original(self, side=side, **given)

    return init
