"""The judge of restored pictures: what it is given, when it names, and what its training keeps to."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from forensics_models.open_judge import FAMILY_NAMES, NEVER
from forensics_models.recompression import FAMILIES, OTHER, UNKNOWN, Softmax
from forensics_models.restored import CARD_FILE, KINDS, RestoredJudge, may_be_named, stored, surest, values_of

from forensics.training.restored import Row, _drawn, fit, untouched

PLAIN = Softmax(1.0, 1.0, np.zeros(len(FAMILIES)).tolist(), np.zeros((len(FAMILIES), 1)).tolist())


def families(**given: float) -> dict[str, float]:
    named = {name.replace("_", "-"): p for name, p in given.items()}
    others = [name for name in FAMILY_NAMES if name not in named]
    return {name: named.get(name, (1 - sum(named.values())) / len(others)) for name in FAMILY_NAMES}


def blocks(family: str, probability: float = 0.9, **given: float) -> np.ndarray:
    """Logarithms of block phases that are so sure of a family, the rest even."""
    known = {family: probability, **given}
    left = (1 - sum(known.values())) / (len(FAMILIES) - len(known))
    return np.log([known.get(name, left) for name in FAMILIES])


def judge(folder: Path, said_from: dict[str, float], sure_from: dict[str, float] | None = None) -> RestoredJudge:
    folder.mkdir(exist_ok=True)
    made = stored(dict.fromkeys(KINDS, PLAIN), said_from, sure_from or said_from, {"seed": 1})
    (folder / CARD_FILE).write_text(json.dumps(made))
    return RestoredJudge(folder)


def test_what_both_hold_is_named_from_the_threshold_of_its_kind_on(tmp_path: Path) -> None:
    found = judge(tmp_path, {"resized": 0.9, "rotated": NEVER})
    family, probabilities = found.answer("resized", families(av1=0.4, hevc_intra=0.4), blocks("av1"), 5.0)
    assert family == "av1"
    assert sum(probabilities.values()) == pytest.approx(1)
    assert found.answer("rotated", families(av1=0.4, hevc_intra=0.4), blocks("av1"), 5.0)[0] == ""
    assert found.answer("resized", families(av1=0.4, hevc_intra=0.4), blocks("av1", 0.55), 5.0)[0] == ""
    assert found.card == {"seed": 1}


def test_luma_bears_out_what_is_less_sure_by_more(tmp_path: Path) -> None:
    found = judge(tmp_path, {"resized": 0.7, "rotated": 0.8}, {"resized": 0.9})
    uncoded, coded = blocks("uncompressed", 0.3), blocks("av1", 0.3, uncompressed=0.28)
    assert found.borne_out("resized", 0.93, uncoded)
    assert not found.borne_out("resized", 0.93, blocks("uncompressed", 0.55))
    assert not found.borne_out("resized", 0.85, uncoded)
    assert found.borne_out("resized", 0.85, coded)
    assert not found.borne_out("rotated", 0.99, uncoded)  # never sure
    assert found.borne_out("rotated", 0.85, coded)


def test_blocks_have_to_bear_a_name_out() -> None:
    seen = families(jpeg=0.6, av1=0.3)
    assert may_be_named("resized", "jpeg", seen, blocks("jpeg", 0.65))
    assert not may_be_named("resized", "jpeg", seen, blocks("jpeg", 0.55))
    assert not may_be_named("resized", "jpeg", seen, blocks("av1", 0.65))
    assert not may_be_named("resized", "jpeg", seen, UNKNOWN)
    assert not may_be_named("resized", "jpeg2000", families(jpeg2000=0.9), blocks("jpeg2000", 0.9))
    assert not may_be_named("cropped", "jpeg", seen, blocks("jpeg", 0.9))
    assert not may_be_named("cropped", "vp8", families(vp8=0.9), blocks("vp8", 0.9))
    assert may_be_named("rotated", "vp8", families(vp8=0.9), blocks("vp8", 0.9))
    assert not may_be_named("resized", "jpeg", seen, blocks("jpeg", 0.65, **{OTHER: 0.25}))
    assert may_be_named("resized", "av1", seen, blocks("av1", 0.65, **{OTHER: 0.25}))
    assert not may_be_named("resized", "uncompressed", families(uncompressed=0.9), blocks("uncompressed"))
    assert not may_be_named("resized", "av1", families(av1=0.4, wsq=0.55), blocks("av1"))


def test_the_surest_of_a_codec_is_taken() -> None:
    tried = [blocks("uncompressed", 0.99), blocks("av1", 0.4), blocks("jpeg", 0.5), blocks(OTHER, 0.98)]
    assert surest(tried, [3.0, 3.0, 3.0, 3.0]) == 2
    assert surest(tried, [3.0, 9.0, 3.0, 3.0]) == 1


def test_a_card_of_another_version_is_refused(tmp_path: Path) -> None:
    judge(tmp_path, {})
    made = json.loads((tmp_path / CARD_FILE).read_text())
    (tmp_path / CARD_FILE).write_text(json.dumps({**made, "kinds": ["resized"]}))
    with pytest.raises(ValueError, match="other families or kinds"):
        RestoredJudge(tmp_path)
    del made["softmax"]
    (tmp_path / CARD_FILE).write_text(json.dumps(made))
    with pytest.raises(ValueError, match="train it again"):
        RestoredJudge(tmp_path)


def test_a_stronger_guess_has_a_larger_value() -> None:
    assert values_of(-3.0) == values_of(0.0) == 0
    assert values_of(2.0) < values_of(20.0)


SOURCE = np.random.default_rng(3).integers(0, 256, (300, 320, 3), np.uint8)


def test_untouched_pictures_are_drawn_beside_the_coded_ones() -> None:
    for seed in range(6):
        pixels, truth = untouched(SOURCE, np.random.default_rng(seed))
        assert truth == "uncompressed"
        assert pixels.dtype == np.uint8


def test_what_is_drawn_as_cropped_loses_part_of_its_first_block() -> None:
    whole, cropped = (
        _drawn(SOURCE, "uncompressed", "nothing", kind, [], np.random.default_rng(1)) for kind in ("resized", "cropped")
    )
    assert whole is not None
    assert cropped is not None
    top, left = np.subtract(whole[0].shape, cropped[0].shape)[:2]
    assert 1 <= top <= 15
    assert 1 <= left <= 15
    assert np.array_equal(cropped[0], whole[0][top:, left:])


def rows(sure: float, right: float, seed: int = 1, luma: np.ndarray | None = None) -> list[Row]:
    """Pictures by AV1 and HEVC to which block phases are so sure, and so often right; those of HEVC have that luma."""
    numbers, made = np.random.default_rng(seed), []
    for k in range(594):
        truth = ("av1", "hevc-intra", "uncompressed")[k % 3]
        said = truth if numbers.random() < right else ("hevc-intra" if truth == "av1" else "av1")
        seen = families(av1=0.4, hevc_intra=0.4, uncompressed=0.1)
        made.append(
            Row(
                f"{k % 22}.png",
                "",
                truth,
                seen,
                KINDS[k // 3 % 3],
                blocks(said, sure),
                5.0,
                luma if said == "hevc-intra" else None,
            )
        )
    return made


def test_thresholds_keep_to_what_may_be_wrong(tmp_path: Path) -> None:
    card = fit(rows(0.95, 1.0), tmp_path, seed=3)
    for kind in KINDS:
        its = card["validation"][kind]
        assert its["wrong"] == 0
        assert its["right"] > 100
    assert RestoredJudge(tmp_path).answer("rotated", families(av1=0.4, hevc_intra=0.4), blocks("av1", 0.95), 5.0)[0]
    fit(rows(0.95, 0.8), tmp_path, seed=3)
    assert RestoredJudge(tmp_path).said_from == dict.fromkeys(KINDS, NEVER)


def test_luma_is_heard_in_training(tmp_path: Path) -> None:
    named = {}
    for name, luma in (("uncoded", blocks("uncompressed", 0.6)), ("coded", blocks("hevc-intra", 0.6))):
        named[name] = fit(rows(0.95, 1.0, luma=luma), tmp_path, seed=3)["validation"]["resized"]["right"]
    assert named["uncoded"] <= 66 < named["coded"]  # half of the 132 that were coded
    judge = RestoredJudge(tmp_path)
    assert all(judge.said_from[kind] <= judge.sure_from[kind] for kind in KINDS)
