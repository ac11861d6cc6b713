"""Outputs of a network on the windows of a feature table: the same windows, in parts that are kept."""

from __future__ import annotations

import numpy as np
import pytest
from forensics_models.cnn import NETWORK_FILE, NetworkOutputs

from forensics.dataset import network_outputs
from forensics.dataset.features import WindowPlan, cut_windows, labelled_rows
from forensics.dataset.network_outputs import build_outputs
from forensics.dataset.patches import load_pixels
from forensics.errors import UsageError

PLAN = WindowPlan(((64,), (80, 96)))


class Means:
    """A network that says the mean of a patch; counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def outputs(self, patches):
        self.calls += 1
        mean = np.array([patch.mean() for patch in patches], np.float32)[:, None]
        return NetworkOutputs(*(np.repeat(mean, width, axis=1) for width in (11, 3, 3, 4)), mean[:, 0])


@pytest.fixture
def linked(tiny_dataset, tmp_path):
    """The tiny data set under another folder, so that outputs are not kept with the shared one."""
    for path in tiny_dataset.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / NETWORK_FILE).write_bytes(b"weights")
    return tmp_path


def test_outputs_stand_in_the_order_of_the_windows_and_are_kept(linked, monkeypatch):
    network = Means()
    monkeypatch.setattr(network_outputs, "_network", lambda folder: network)
    monkeypatch.setattr(network_outputs, "PART_FILES", 5)
    rows = labelled_rows(linked, "train")
    outputs, files = build_outputs(linked, "train", linked, plan=PLAN, jobs=1)
    windows = [window for row in rows for window in cut_windows(load_pixels(linked, row), row, PLAN)]
    np.testing.assert_allclose(outputs.margins[:, 0], [window.mean() for window in windows], rtol=1e-5)
    assert files.tolist() == [row.id for row in rows for _ in PLAN.groups]
    calls = network.calls
    assert calls == -(-len(rows) // 5)
    (first, *_) = sorted((linked / "outputs").rglob("part-*.npz"))
    first.unlink()
    again, _ = build_outputs(linked, "train", linked, plan=PLAN, jobs=1)
    assert network.calls == calls + 1
    np.testing.assert_array_equal(again.margins, outputs.margins)
    (linked / NETWORK_FILE).write_bytes(b"other weights")
    build_outputs(linked, "train", linked, plan=PLAN, jobs=1)
    assert network.calls == 2 * calls + 1


def test_a_split_that_is_not_there_is_one_line(linked):
    with pytest.raises(UsageError, match="holds no file of the split 'nowhere'"):
        build_outputs(linked, "nowhere", linked, plan=PLAN, jobs=1)
