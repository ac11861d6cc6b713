"""The model that ships: its samples, fresh files of real codecs, pictures without a history, and its card."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from forensics_features import FEATURES_VERSION, FeatureExtractor
from forensics_models.baseline import Baseline
from forensics_models.classes import CLASSES
from PIL import Image

import forensics
from forensics.codecs import registry

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


@pytest.mark.parametrize("name", CLASSES)
def test_each_sample_is_named(name: str):
    result = forensics.analyze(EXAMPLES / f"{name}.png")
    assert result.verdict == name
    assert result.probability > 0.8
    assert (result.ratio is None) == (name == "uncompressed")


@pytest.mark.parametrize(
    ("encoder", "parameters"),
    [
        ("jpeg", {"quality": 70, "subsampling": "4:4:4"}),
        ("jpeg", {"quality": 93, "progressive": True}),
        ("jpeg2000", {"ratio": 20.0, "wavelet": "5/3"}),
        ("jpegxr", {"level": 0.4}),
        ("webp", {"quality": 40}),
        ("avif", {"quality": 50, "subsampling": "4:4:4"}),
        ("bpg", {"qp": 33}),
        ("heic", {"quality": 35}),
        ("jpegxl", {"distance": 3.0}),
    ],
)
def test_other_strengths_and_crops_are_named(encoder: str, parameters: dict):
    with Image.open(EXAMPLES / "uncompressed.png") as picture:
        source = np.asarray(picture)[::-1]
    codec = registry.get(encoder)
    if not codec.availability().encode:
        pytest.skip(codec.availability().reason)
    decoded = codec.decode(codec.encode(source, **parameters))
    result = forensics.analyze(decoded[9:, 14:])
    named = result.hevc_intra if codec.codec in ("bpg", "heic") else dict(result.ranking)[codec.codec]
    assert named > 0.5
    assert result.compressed > 0.9


def test_a_flipped_original_stays_uncompressed():
    with Image.open(EXAMPLES / "uncompressed.png") as picture:
        result = forensics.analyze(np.asarray(picture)[11:, ::-1])
    assert result.verdict == "uncompressed"


@pytest.mark.parametrize(
    ("encoder", "parameters"),
    [("jpeg", {"quality": 75}), ("jpeg2000", {"ratio": 12.0, "wavelet": "9/7"}), ("webp", {"quality": 60})],
)
@pytest.mark.parametrize("change", ["gamma", "brightness"])
def test_a_change_of_tone_is_undone_before_the_codec_is_named(encoder: str, parameters: dict, change: str):
    with Image.open(EXAMPLES / "uncompressed.png") as picture:
        source = np.asarray(picture)
    codec = registry.get(encoder)
    if not codec.availability().encode:
        pytest.skip(codec.availability().reason)
    decoded = codec.decode(codec.encode(source, **parameters)) / 255
    changed = decoded**0.8 if change == "gamma" else 1.12 * decoded
    result = forensics.analyze(np.clip(np.rint(255 * changed), 0, 255).astype(np.uint8))
    assert result.verdict == encoder
    assert result.tone is not None
    # These may show so clearly that the picture as stored says it with certainty; a JPEG needs the change undone.
    assert result.tone.undone or encoder in ("jpeg2000", "webp")


def test_parameters_are_read_from_the_picture_with_its_tone_undone():
    from forensics.history.recover import recover_history

    with Image.open(EXAMPLES / "uncompressed.png") as picture:
        source = np.asarray(picture)
    codec = registry.get("jpeg")
    decoded = codec.decode(codec.encode(source, quality=75))
    changed = np.rint(255 * (decoded / 255) ** 0.8).astype(np.uint8)
    result = forensics.analyze(changed)
    quality = next(p for p in recover_history(changed, result).parameters if p.name == "quality_factor")
    assert quality.value == pytest.approx(75, abs=1)


def test_the_card_states_what_the_model_was_made_from():
    baseline = Baseline.shipped()
    assert baseline.features_version == FEATURES_VERSION
    assert baseline.feature_names == FeatureExtractor().feature_names
    assert {"manifest_sha256", "recipe", "packages", "validation", "limits", "windows", "sources"} <= set(baseline.card)
    assert baseline.card["recipe"]["seed"] == 2026
    size = sum(file.stat().st_size for file in Path(str(baseline._folder)).iterdir())
    assert size < 17_000_000
