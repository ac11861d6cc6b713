"""Regions in maps of known content, and in pictures pasted from real files with the shipped model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from forensics_models.classes import FINE_CLASSES
from PIL import Image

from forensics.localisation import regions
from forensics.localisation.histories import CODECS, History, likelihoods
from forensics.localisation.regions import independence, locate
from forensics.localisation.scan import window_map

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_a_planted_region_is_found_cell_by_cell(codec_map, planted, fake_judge):
    names, mask = planted
    found = locate(codec_map(names), judge=fake_judge(webp=0.9))
    assert found.host == History("jpegxr")
    assert len(found.regions) == 1
    region = found.regions[0]
    assert (region.cells == mask).all()
    assert (region.kind, region.history.codec, region.codec) == ("codec", "webp", "webp")
    assert region.probability == pytest.approx(0.99)
    assert region.log10_nfa < -2
    assert (found.mask == found.map.to_pixels(mask)).all()


def test_the_host_is_who_holds_the_frame_where_areas_are_alike(codec_map, fake_judge):
    names = np.full((10, 10), "avif", dtype="<U12")
    names[1:9, 1:9] = "webp"
    found = locate(codec_map(names), judge=fake_judge(webp=0.9))
    assert found.host.codec == "avif"
    assert [region.codec for region in found.regions] == ["webp"]


def test_the_score_written_out(codec_map, planted, fake_judge):
    names, mask = planted
    scanned = codec_map(names, evidence=0.8)
    region = locate(scanned, judge=fake_judge(webp=0.9)).regions[0]
    floor = 0.02 / 8
    mine = 0.98 * 0.99 + floor
    host = 0.98 * 0.001 + floor
    three = 0.98 * 0.003 + floor
    assert np.log(mine / three) < np.log(mine / host)
    expected = (0.8 * np.log(mine / three) - regions.MARGIN) * mask.sum() * independence(scanned)
    assert region.score == pytest.approx(expected)


def test_a_transposed_map_has_transposed_regions(codec_map, planted, fake_judge):
    names, mask = planted
    region = locate(codec_map(names.T), judge=fake_judge(webp=0.9)).regions[0]
    assert (region.cells == mask.T).all()


def test_more_certainty_is_more_significant(codec_map, planted, fake_judge):
    nfas = [
        locate(codec_map(planted[0], sure=sure), judge=fake_judge(webp=0.9)).candidates[0].log10_nfa
        for sure in (0.7, 0.9, 0.99)
    ]
    assert nfas == sorted(nfas, reverse=True)
    assert nfas[-1] < nfas[0]


def test_one_history_has_no_region_whatever_the_strength_of_the_evidence(codec_map, fake_judge):
    for name in ("uncompressed", "jpeg", "bpg"):
        for sure in (0.3, 0.99):
            found = locate(codec_map(np.full((8, 9), name, dtype="<U12"), sure=sure), judge=fake_judge(jpeg=0.9))
            assert found.regions == ()
            assert not found.mask.any()


def test_windows_without_evidence_argue_for_nothing(codec_map, planted, fake_judge):
    assert locate(codec_map(planted[0], evidence=0.0), judge=fake_judge(webp=0.9)).candidates == ()
    assert locate(codec_map(planted[0], evidence=0.1), judge=fake_judge(webp=0.9)).regions == ()


def test_a_wide_weak_disagreement_is_no_region(codec_map, planted, fake_judge):
    found = locate(codec_map(planted[0], sure=0.35), judge=fake_judge(webp=0.9))
    assert found.regions == ()


def test_bpg_and_heic_are_one_history(codec_map, fake_judge):
    names = np.full((8, 8), "bpg", dtype="<U12")
    names[2:6, 2:6] = "heic"
    found = locate(codec_map(names), judge=fake_judge(bpg=0.5, heic=0.4))
    assert found.host.codec == "hevc-intra"
    assert found.candidates == ()
    names[:, 5:] = "webp"
    found = locate(codec_map(names), judge=fake_judge(webp=0.9))
    assert [region.codec for region in found.regions] == ["webp"]


def test_windows_across_a_border_join_their_region(codec_map, planted, fake_judge):
    names, mask = planted
    names[7, 5:10] = "avif"
    found = locate(codec_map(names), judge=fake_judge(webp=0.9))
    assert len(found.regions) == 1
    mask[7, 5:10] = True
    assert (found.regions[0].cells == mask).all()


def test_a_region_apart_does_not_join(codec_map, planted, fake_judge):
    names, _ = planted
    names[9:12, 0:4] = "avif"
    found = locate(codec_map(names), judge=fake_judge(webp=0.9))
    assert len(found.regions) == 2
    nfas = [region.log10_nfa for region in found.regions]
    assert nfas == sorted(nfas)


def test_jpeg_on_another_grid_is_another_history(codec_map, fake_judge):
    votes = np.full((9, 9, 64), 5)
    votes[:, :, 8 * 2 + 1] = 2500
    votes[3:6, 4:8, 8 * 2 + 1] = 5
    votes[3:6, 4:8, 8 * 7 + 4] = 2500
    found = locate(codec_map(np.full((9, 9), "jpeg", dtype="<U12"), votes=votes), judge=fake_judge(jpeg=0.95))
    assert found.host == History("jpeg", (2, 1))
    assert [(region.kind, region.history) for region in found.regions] == [("grid", History("jpeg", (7, 4)))]
    assert np.argwhere(found.regions[0].cells).min(axis=0).tolist() == [3, 4]
    assert found.regions[0].cells.sum() == 12


def test_grids_of_other_codecs_do_not_count(codec_map, fake_judge):
    votes = np.full((9, 9, 64), 5)
    votes[:, :, 0] = 2500
    votes[3:6, 4:8] = 5
    votes[3:6, 4:8, 60] = 2500
    found = locate(codec_map(np.full((9, 9), "heic", dtype="<U12"), votes=votes), judge=fake_judge(heic=0.95))
    assert found.candidates == ()


def test_likelihoods_of_all_codecs(codec_map):
    scanned = codec_map(np.array([["jpegxr-0", "heic"]]), sure=0.9)
    histories, values = likelihoods(scanned)
    assert [history.codec for history in histories] == list(CODECS)
    p = np.exp(values)
    assert p.sum(axis=2) == pytest.approx(1)
    assert p[0, 1, CODECS.index("hevc-intra")] == pytest.approx(0.98 * (0.9 + 0.1 / (len(FINE_CLASSES) - 1)) + 0.02 / 8)


def example(name: str) -> np.ndarray:
    return np.asarray(Image.open(EXAMPLES / f"{name}.png").convert("RGB"))


def test_a_real_region_in_a_real_host():
    host, donor = example("webp").copy(), example("jpeg")
    host[60:188, 90:218] = donor[31:159, 17:145]
    truth = np.zeros(host.shape[:2], bool)
    truth[60:188, 90:218] = True
    found = locate(window_map(host))
    assert found.host.codec == "webp"
    assert [region.codec for region in found.regions] == ["jpeg"]
    assert 2 * (truth & found.mask).sum() > 0.7 * (truth.sum() + found.mask.sum())


@pytest.mark.parametrize("name", ["uncompressed", "jpeg", "jpeg2000", "avif"])
def test_real_untouched_pictures_have_none(name):
    assert locate(window_map(example(name))).regions == ()
