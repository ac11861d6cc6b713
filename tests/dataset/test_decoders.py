"""Decoders as the reader's choice: who is drawn, what is held out, what a refusal leaves behind, and where it is
recorded.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from forensics_models.classes import CLASSES

from forensics.codecs.decoders import alternatives
from forensics.dataset import decoders, features, manifest, patches, readings
from forensics.dataset.decoders import check_mode, choose, draw_decoder, drawn, load_varied
from forensics.dataset.features import WindowPlan, build_table, table_key
from forensics.errors import CodecError, CodecUnavailable, UsageError
from forensics.executors import tasks

PLAN = WindowPlan(groups=((64,),), seed=4, decoders="varied")
FAST = ("rounding",)


@pytest.fixture
def rows(tiny_dataset) -> list[manifest.Row]:
    return [row for row in manifest.read(tiny_dataset) if row.status == "ok"]


def row_of(rows: list[manifest.Row], codec: str) -> manifest.Row:
    """A row of that class; where the tiny data set has none, one without a file."""
    return next(
        (row for row in rows if row.class_name == codec), replace(rows[0], class_name=codec, fine_class=codec, file="")
    )


class Refusing(alternatives.Decoder):
    def missing(self) -> str:
        return ""

    def _read(self, data: bytes, usual: np.ndarray) -> np.ndarray:
        raise CodecError("not of my taste")


def test_readings_name_decoders_that_there_are_and_none_held_out():
    for codec, weights in readings.DECODERS.items():
        known = {decoder.name for decoder in alternatives.of_class(codec)}
        assert set(weights) <= known
        assert all(weight > 0 for weight in weights.values())
        assert not set(weights) & set(readings.HELD_OUT_DECODERS)
        # What is not drawn is held out on purpose, but for a command that nothing tells from the usual decoder.
        assert known - set(weights) == known & set(readings.HELD_OUT_DECODERS)
    assert set(readings.HELD_OUT_DECODERS) <= set(alternatives.names())
    assert set(CLASSES) - set(readings.DECODERS) == {"uncompressed", "jpegxr"}
    assert set(readings.VARIED_SHARES) == set(readings.DECODERS)


@pytest.mark.parametrize("codec", ["jpeg", "bpg"])
def test_shares_and_weights_are_those_of_the_readings(rows, codec):
    row, count = row_of(rows, codec), 6000
    names = Counter(
        decoder.name if (decoder := draw_decoder(replace(row, id=str(k)), 7)) else "usual" for k in range(count)
    )
    assert names.pop("usual") / count == pytest.approx(1 - readings.VARIED_SHARES[codec], abs=0.025)
    weights = drawn()[codec]
    assert set(names) == set(weights)
    for name, weight in weights.items():
        assert names[name] / names.total() == pytest.approx(weight / sum(weights.values()), abs=0.05)


def test_the_draw_depends_on_seed_and_id_alone(rows):
    row = row_of(rows, "jpeg")
    ids = [str(k) for k in range(200)]
    first = [draw_decoder(replace(row, id=name), 1) for name in ids]
    assert (
        first == [draw_decoder(replace(row, id=name, file="elsewhere", ratio=3.0), 1) for name in reversed(ids)][::-1]
    )
    assert first != [draw_decoder(replace(row, id=name), 2) for name in ids]


def test_what_is_missing_is_not_drawn(rows, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda program: None)
    decoders._usable.cache_clear()
    try:
        row = row_of(rows, "jpegxl")
        assert {draw_decoder(replace(row, id=str(k)), 1) for k in range(100)} == {None}
        assert drawn()["jpegxl"] == {}
        assert not any(name.startswith("djpeg") for name in drawn()["jpeg"])
        with pytest.raises(CodecUnavailable, match="djpeg-fast: djpeg is not on PATH"):
            check_mode("djpeg-fast")
    finally:
        decoders._usable.cache_clear()


def test_modes(rows, tiny_dataset):
    row = row_of(rows, "jpeg")
    usual = load_varied(tiny_dataset, row, 1, "usual")
    assert (usual.decoder, usual.refused) == ("usual", "")
    np.testing.assert_array_equal(usual.pixels, patches.load_pixels(tiny_dataset, row))
    other = load_varied(tiny_dataset, row, 1, "swscale-fast")
    assert other.decoder == "swscale-fast"
    assert other.pixels.shape == usual.pixels.shape
    assert not np.array_equal(other.pixels, usual.pixels)
    assert choose(row_of(rows, "jpegxl"), 1, "swscale-fast") is None
    assert choose(row_of(rows, "uncompressed"), 1, "swscale-fast") is None
    for check in (lambda: check_mode("paint"), lambda: load_varied(tiny_dataset, row, 1, "paint")):
        with pytest.raises(UsageError, match="no decoder 'paint'"):
            check()
    check_mode("usual")
    check_mode("swscale-bicubic")


def test_after_steps_follow_the_decoder(rows, tiny_dataset):
    row = row_of(rows, "jpeg")
    plain = load_varied(tiny_dataset, replace(row, after="[]"), 1, "swscale-fast").pixels
    turned = load_varied(tiny_dataset, replace(row, after='[{"step":"turn","how":"mirror"}]'), 1, "swscale-fast").pixels
    np.testing.assert_array_equal(turned, plain[:, ::-1])


def test_a_refusal_leaves_the_usual_picture_and_is_told(rows, tiny_dataset, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(
        decoders, "draw_decoder", lambda row, seed: Refusing("picky", "jpeg") if row.class_name == "jpeg" else None
    )
    row = row_of(rows, "jpeg")
    picture = load_varied(tiny_dataset, row, 1)
    assert (picture.decoder, picture.refused) == ("usual", "picky")
    np.testing.assert_array_equal(picture.pixels, patches.load_pixels(tiny_dataset, row))

    with caplog.at_level(logging.WARNING):
        features_of(tiny_dataset, tmp_path, monkeypatch)
    used = [file for file in rows if file.split == "val" and features.carries_its_label(file)]
    count = sum(file.class_name == "jpeg" for file in used)
    assert count
    assert f"{count} windows come from the usual decoder, for another refused: picky {count}" in caplog.text
    with np.load(next(tmp_path.rglob("part-00000.npz"))) as part:
        assert (part["refused"] == "picky").sum() == count
        assert set(part["decoders"].tolist()) == {"usual"}


def features_of(dataset, cache, monkeypatch):
    """A table measured in this process, so that what is patched here holds there."""

    class Here:
        def __init__(self, work, jobs, **options):
            self.work, self.tasks = work, []

        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

        def submit(self, task):
            self.tasks.append(task)

        def events(self):
            from types import SimpleNamespace

            for task in self.tasks:
                list(self.work(task))
                yield SimpleNamespace(kind="done", task=task, content=None)

    monkeypatch.setattr(tasks, "Workers", Here)
    return build_table(dataset, "val", plan=PLAN, jobs=1, cache=cache, families=FAST)


def test_a_damaged_file_is_an_error_whoever_reads_it(rows, tiny_dataset, tmp_path):
    row = row_of(rows, "jpeg")
    path = tmp_path / row.file
    path.parent.mkdir(parents=True)
    path.write_bytes((tiny_dataset / row.file).read_bytes()[:200])
    for mode in ("usual", "swscale-fast"):
        with pytest.raises(CodecError):
            load_varied(tmp_path, row, 1, mode)


def test_parts_say_which_decoder_read_each_window(rows, tiny_dataset, tmp_path, monkeypatch):
    features_of(tiny_dataset, tmp_path, monkeypatch)
    by_id = {row.id: row for row in rows}
    with np.load(next(tmp_path.rglob("part-00000.npz"))) as part:
        for file, name in zip(part["files"].tolist(), part["decoders"].tolist(), strict=True):
            expected = draw_decoder(by_id[file], PLAN.seed)
            assert name == (expected.name if expected else "usual")


def test_the_key_tells_ways_of_decoding_apart(rows, monkeypatch):
    keys = [
        table_key(rows, replace(PLAN, decoders=mode), FAST)
        for mode in ("usual", "varied", "swscale-fast", "swscale-bicubic")
    ]
    assert len(set(keys)) == 4
    monkeypatch.setitem(readings.DECODERS, "jpegxl", {"djxl": 2})
    assert table_key(rows, PLAN, FAST) != keys[1] or not drawn()["jpegxl"]
