"""Pictures pasted together from two histories: their truth, and the scores of what is found in them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from forensics_benchmarks import splices
from forensics_benchmarks.canvases import SIDE, canvas
from PIL import Image

from forensics.dataset.synthetic import synthesise
from forensics.errors import UsageError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("sources")
    (root / "val").mkdir()
    for index, kind in enumerate(("texture", "gradient")):
        Image.fromarray(synthesise(kind, 420, 420, index)).save(root / "val" / f"made_{index}.png")
    return root


@pytest.fixture(scope="module")
def cases(folder):
    return list(splices.splices(folder, per_size=4, sizes=(96,), seed=3))


def test_the_truth_of_a_pasted_picture(cases):
    assert [case.kind for case in cases] == list(splices.KINDS)
    for case in cases:
        assert case.pixels.shape == (SIDE, SIDE, 3)
        assert case.pixels.dtype == np.uint8
        rows, columns = np.nonzero(case.mask)
        assert case.mask.sum() == 96 * 96
        assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (96, 96)
    by_kind = {case.kind: case for case in cases}
    assert by_kind["uncompressed-region"].region == "uncompressed"
    assert by_kind["uncompressed-host"].host == "uncompressed"
    same = by_kind[splices.SAME_CODEC]
    assert same.host == same.region
    assert max(same.host_ratio, same.region_ratio) > 2 * min(same.host_ratio, same.region_ratio)


def test_a_seed_gives_the_same_pictures(folder, cases):
    again = next(splices.splices(folder, per_size=1, sizes=(96,), seed=3))
    assert (again.pixels == cases[0].pixels).all()


def test_untouched_pictures_have_no_region(folder):
    for case in splices.untouched(folder, count=3):
        assert not case.mask.any()
        assert case.region == ""


def test_scores_of_masks():
    truth, found = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    assert splices.score(truth, found)["f1"] == 1.0
    truth[:2] = True
    assert splices.score(truth, found) == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "iou": 0.0}
    found[1:3] = True
    assert splices.score(truth, found) == {"precision": 0.5, "recall": 0.5, "f1": 0.5, "iou": pytest.approx(1 / 3)}


def test_rows_score_what_a_finder_says(cases):
    perfect = {id(case.pixels): case.mask for case in cases}
    table = splices.rows(iter(cases), lambda pixels: SimpleNamespace(regions=(1,), mask=perfect[id(pixels)]))
    assert {row["f1"] for row in table} == {1.0}
    blind = splices.rows(iter(cases), lambda pixels: SimpleNamespace(regions=(), mask=np.zeros(pixels.shape[:2], bool)))
    assert splices.summary(blind, "size") == [
        {"size": 96, "cases": 4, "any_region": 0.0, "f1": 0.0, "precision": 0.0, "recall": 0.0}
    ]


def test_regions_of_the_hosts_own_codec_are_counted_apart():
    table = [
        {"kind": "two-codecs", "host": "bpg", "region": "heic"},
        {"kind": "two-codecs", "host": "bpg", "region": "webp"},
        {"kind": splices.SAME_CODEC, "host": "jpeg", "region": "jpeg"},
        {"kind": "uncompressed-region", "host": "avif", "region": "uncompressed"},
    ]
    assert splices.of_two_histories(table) == [table[1], table[3]]


def test_sources_too_small_for_a_canvas_are_said_to_be(tmp_path):
    Image.fromarray(synthesise("texture", 100, 90, 1)).save(tmp_path / "small.png")
    with pytest.raises(UsageError, match="canvases need sources of 384 pixels"):
        canvas([tmp_path / "small.png"], np.random.default_rng(0))
