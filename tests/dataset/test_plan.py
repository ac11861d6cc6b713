"""Plans: complete, deterministic, independent of everything but the source, the suite, the seed and the encoders."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from forensics_models.classes import FINE_CLASSES

from forensics.codecs import process_encoders, registry
from forensics.dataset import encoders, grids, plan, random_preparation, recipes
from forensics.dataset.preparation import Coded, Crop, Trim, apply, from_json, to_json
from forensics.dataset.sources import Source
from forensics.errors import UsageError

ALL = dict.fromkeys(registry.names(), "some version")
BEYOND = {name: "1" for name in process_encoders.names()}


def source(number: int = 0, width: int = 500, height: int = 400) -> Source:
    digest = f"{number:02x}" * 32
    return Source(f"train/{number}.png", digest, "train", "here", width, height, 3, "")


def settings(suite: str = "random", **changes) -> plan.Settings:
    return replace(plan.Settings(suite, 7, 2, BEYOND if suite == "processes" else ALL), **changes)


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_recipes_name_switches_and_values_that_exist(name):
    assert recipes.check(name) == []


def test_grid_variants_name_parameters_that_exist():
    for fine_class, variants in grids.VARIANTS.items():
        for _, name, switches in variants:
            assert registry.get(name).codec == encoders.class_of(fine_class)
            registry.get(name).complete(switches)


@pytest.mark.parametrize("suite", plan.SUITES)
def test_same_settings_same_plan_and_ids_are_unique(suite):
    first, again = plan.plan(source(), settings(suite)), plan.plan(source(), settings(suite))
    assert first == again
    ids = [job.id for draw in first for job in draw.jobs]
    assert len(set(ids)) == len(ids) > 0
    other = [job.id for number in (1, 2) for draw in plan.plan(source(number), settings(suite)) for job in draw.jobs]
    reseeded = [job.id for draw in plan.plan(source(), settings(suite, seed=8)) for job in draw.jobs]
    assert not set(ids) & set(other + reseeded)


def test_a_random_draw_holds_every_fine_class_on_one_preparation():
    draws = plan.plan(source(), settings())
    alone = [1] * recipes.UNCOMPRESSED_ALONE
    assert [len(draw.jobs) for draw in draws] == [len(FINE_CLASSES), *alone] * 2
    for draw in draws:
        wanted = FINE_CLASSES if len(draw.jobs) > 1 else ("uncompressed",)
        assert tuple(job.fine_class for job in draw.jobs) == wanted
    assert len({draw.number for draw in draws}) == len(draws)
    assert len({repr(draw.preparation) for draw in draws}) == len(draws)


def test_drawn_switches_fit_together():
    jobs = [job for n in range(120) for draw in plan.plan(source(n), settings()) for job in draw.jobs]
    for job in jobs:
        if job.encoder != "png":
            registry.get(job.encoder).complete(job.switches)
    rgb = [job for job in jobs if job.switches.get("colour_space") == "rgb"]
    assert rgb
    assert {job.switches["subsampling"] for job in rgb} == {"4:4:4"}


def test_jpegxr_classes_come_from_encoders_that_can_make_them():
    jobs = [job for n in range(60) for draw in plan.plan(source(n), settings()) for job in draw.jobs]
    used = {(job.fine_class, job.encoder) for job in jobs if job.fine_class.startswith("jpegxr")}
    assert used == {
        ("jpegxr-0", "jpegxr-jxrlib"), ("jpegxr-1", "jpegxr-jxrlib"), ("jpegxr-2", "jpegxr-jxrlib"),
        ("jpegxr-0", "jpegxr"), ("jpegxr-2", "jpegxr"),
    }  # fmt: skip
    for job in jobs:
        if job.encoder == "jpegxr-jxrlib":
            assert job.switches["overlap"] == int(job.fine_class[-1])
        if job.encoder == "jpegxr":
            assert (job.target >= 0.5) == (job.fine_class == "jpegxr-0")


def test_random_shares_are_those_of_the_tables():
    draws = [draw for n in range(250) for draw in plan.plan(source(n), settings())]
    kinds = Counter(draw.kind for draw in draws)
    for kind, share in random_preparation.KINDS.items():
        assert kinds[kind] / len(draws) == pytest.approx(share, abs=0.05)
    jobs = [job for draw in draws for job in draw.jobs if job.encoder == "jpeg"]
    chroma = Counter(job.switches["subsampling"] for job in jobs)
    assert chroma["4:2:0"] / len(jobs) == pytest.approx(0.5, abs=0.08)
    compressed = [job for draw in draws for job in draw.jobs if job.fine_class != "uncompressed"]
    assert np.mean([bool(job.after) for job in compressed]) == pytest.approx(0.12, abs=0.02)
    ratios = [job.target for job in compressed if job.target_kind == "ratio"]
    assert recipes.RATIOS[0] <= min(ratios) < 1.1 * recipes.RATIOS[0]
    assert 0.9 * recipes.RATIOS[1] < max(ratios) <= recipes.RATIOS[1]


@pytest.mark.parametrize(("width", "height"), [(192, 192), (200, 900), (431, 433), (5000, 4000)])
def test_random_preparations_fit_their_source_and_the_sizes(width, height):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    numbers = np.random.default_rng(width)
    for _ in range(25):
        kind, steps = random_preparation.draw_preparation(source(0, width, height), (192, 384), numbers)
        assert from_json(json.loads(json.dumps(to_json(steps)))) == steps
        prepared = apply(steps, pixels)
        assert min(prepared.shape[:2]) >= 192
        assert max(prepared.shape[:2]) <= 384
        assert kind in random_preparation.KINDS


def test_small_sources_have_an_empty_plan():
    assert plan.plan(source(0, 191, 400), settings()) == []
    assert plan.plan(source(0, 191, 400), settings("grid")) == []
    assert plan.plan(source(0, 191, 400), settings("kib")) != []


def test_byte_targets_go_with_the_area_and_nothing_is_enlarged():
    (draw,) = plan.plan(source(0, 256, 512), settings("kib"))
    assert draw.preparation == (Crop(0, 0, 512, 256),)
    targets = {(job.target, job.target_bytes) for job in draw.jobs}
    assert targets == {(float(kib), kib * 512) for kib in grids.KIB}
    assert Counter(job.fine_class for job in draw.jobs) == dict.fromkeys(FINE_CLASSES[1:], 12)
    (draw,) = plan.plan(source(0, 1025, 600), settings("kib"))
    assert draw.preparation == (Crop(44, 256, 512, 512),)


def test_the_grid_crosses_ratios_with_variants_and_ssims_with_defaults():
    draws = plan.plan(source(0, 700, 600), settings("grid", per_source=3))
    assert draws[0].kind == "as-is"
    assert len(draws) == 4
    cells = Counter((job.fine_class, job.variant, job.target_kind) for job in draws[0].jobs)
    for (_, variant, kind), count in cells.items():
        assert count == {"ratio": 10, "ssim": 6, "stored": 1}[kind]
        assert kind != "ssim" or variant == "default"
    assert {variant for fine, variant, _ in cells if fine == "avif"} >= {"4:4:4", "svt", "then-turned", "default"}
    assert all(job.variant == "default" for draw in draws[1:] for job in draw.jobs)


def test_encoders_that_are_absent_are_left_out():
    few = {"jpeg": "1", "jpegxr": "1"}
    classes = {job.fine_class for draw in plan.plan(source(), settings(encoders=few)) for job in draw.jobs}
    assert classes == {"uncompressed", "jpeg", "jpegxr-0", "jpegxr-2"}
    assert set(encoders.available(["jpeg", "webp-cwebp"])) <= {"jpeg", "jpeg-cjpeg", "webp-cwebp"}
    with pytest.raises(UsageError):
        encoders.available(["gif"])


def test_wrong_settings_are_refused():
    for changes in ({"suite": "all"}, {"per_source": 0}, {"seed": -1}):
        with pytest.raises(UsageError):
            settings(**changes)


@pytest.mark.parametrize(
    ("module", "changed"),
    [(recipes, ("random", "quick", "chains", "processed", "processes", "untouched")), (grids, ("grid", "kib"))],
)
def test_the_fingerprint_follows_what_a_suite_is_made_from(module, changed, monkeypatch):
    before = {suite: plan.fingerprint(suite) for suite in plan.SUITES}
    assert before == {suite: settings(suite=suite).recipe for suite in plan.SUITES}
    monkeypatch.setattr(module, "RATIOS", (2.0, 3.0))
    assert tuple(suite for suite in plan.SUITES if plan.fingerprint(suite) != before[suite]) == changed


@pytest.mark.parametrize("fine_class", ["jpegxr-0", "jpegxr-2"])
def test_the_files_header_states_the_overlap_mode_of_the_class(fine_class: str) -> None:
    """ITU-T T.832, 8.3: OVERLAP_MODE is the last two bits of the second byte behind the signature `WMPHOTO\\0` and the
    version byte.
    """
    from forensics.dataset.encoders import encoder_for

    codec = encoder_for("jpegxr", fine_class)
    pixels = np.random.default_rng(0).integers(0, 256, (64, 80, 3), np.uint8)
    for segment in codec.segments({}):
        for position in (0.05, 0.95):
            data = codec.encode(pixels, **{segment.parameter: segment.at(position)})
            assert data[data.index(b"WMPHOTO\0") + 9] & 3 == int(fine_class[-1])


def test_a_chain_is_an_earlier_codec_in_the_preparation_and_one_job():
    draws = [draw for number in range(30) for draw in plan.plan(source(number), settings("chains", per_source=4))]
    pairs, shifted = set(), 0
    for draw in draws:
        assert len(draw.jobs) == 1
        assert draw.jobs[0].target_kind != "stored"
        coded = [step for step in draw.preparation if isinstance(step, Coded)]
        assert len(coded) == 1
        codec = registry.get(coded[0].encoder)
        assert codec.codec == encoders.class_of(coded[0].fine_class)
        codec.complete(coded[0].parameters)
        assert from_json(to_json(draw.preparation)) == list(draw.preparation)
        shifted += isinstance(draw.preparation[-1], Trim)
        pairs.add((coded[0].fine_class, draw.jobs[0].fine_class))
    assert len(pairs) > 50
    assert 0.25 < shifted / len(draws) < 0.55


def test_pictures_for_an_encoder_that_takes_even_sides_alone_get_even_ones():
    from forensics.dataset import plan as module
    from forensics.dataset.preparation import Crop, Trim, Turn, apply

    steps = [Crop(1, 2, 41, 60), Turn("rotate90"), Trim(3, 1)]
    pixels = np.zeros((90, 80, 3), np.uint8)
    assert module._size_after(steps) == apply(steps, pixels).shape[:2] == (57, 40)
    svt, aom = ([{"switches": {"encoder": name}}] for name in ("svt", "aom"))
    assert apply(module._fitting(steps, svt), pixels).shape[:2] == (56, 40)
    assert module._fitting(steps, aom) == steps
    assert module._fitting([*steps, Trim(1, 0)], svt) == [*steps, Trim(1, 0)]
