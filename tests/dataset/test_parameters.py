"""The true parameters of a data set's files."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from forensics.codecs import registry
from forensics.dataset import manifest
from forensics.dataset.parameters import earlier_codec, truth, truths
from forensics.dataset.patches import load_pixels
from forensics.dataset.preparation import Coded, Crop, Trim, to_json


def test_every_coded_file_has_the_parameters_of_its_class(tiny_dataset):
    rows = {row.id: row for row in manifest.read(tiny_dataset)}
    found = truths(tiny_dataset, rows.values())
    assert set(found) == {row.id for row in rows.values() if row.status == "ok" and row.class_name != "uncompressed"}
    wanted = {
        "jpeg": "quality_factor",
        "jpeg2000": "wavelet",
        "jpegxl": "distance",
        "jpegxr": "chroma_subsampling",
        "webp": "quantizer",
    }
    for number, facts in found.items():
        assert facts["class"] == rows[number].class_name
        assert wanted[facts["class"]] in facts
    assert len({facts["class"] for facts in found.values()}) >= 3


@pytest.mark.parametrize(
    ("name", "asked", "wanted"),
    [
        (
            "bpg",
            {"qp": 31, "subsampling": "4:2:2"},
            {"quantizer": 31, "chroma_subsampling": "4:2:2", "colour_coding": "bt601 full"},
        ),
        ("bpg", {"qp": 20, "subsampling": "grey"}, {"quantizer": 20, "chroma_subsampling": "grey"}),
        (
            "avif",
            {"quality": 50, "range": "limited"},
            {"chroma_subsampling": "4:2:0", "colour_coding": "bt601 limited"},
        ),
        (
            "heic",
            {"quality": 50, "subsampling": "4:4:4"},
            {"chroma_subsampling": "4:4:4", "colour_coding": "bt601 full"},
        ),
    ],
)
def test_bit_streams_state_what_was_asked_of_the_encoder(tiny_dataset, tmp_path, name, asked, wanted):
    codec = registry.get(name)
    if not codec.availability().encode:
        pytest.skip(codec.availability().reason)
    template = next(row for row in manifest.read(tiny_dataset) if row.class_name == "webp" and row.status == "ok")
    pixels = load_pixels(tiny_dataset, template)
    (tmp_path / "made").write_bytes(codec.encode(pixels, **asked))
    row = replace(template, class_name=name, fine_class=name, encoder=name, file="made", parameters=json.dumps(asked))
    facts = truth(tmp_path, row)
    assert facts.pop("class") == name
    assert facts.pop("earlier_codec") == "none"
    if name in ("avif", "heic"):
        assert 0 < facts.pop("quantizer") < 255
    assert facts == wanted


def test_a_damaged_file_states_only_what_was_asked(tiny_dataset, tmp_path):
    row = next(row for row in manifest.read(tiny_dataset) if row.class_name == "webp" and row.status == "ok")
    place = tmp_path / row.file
    place.parent.mkdir(parents=True)
    place.write_bytes(b"RIFF")
    assert truth(tmp_path, row) == {"class": "webp", "earlier_codec": "none"}


@pytest.mark.parametrize(
    ("fine_class", "wanted"), [("jpegxr-2", "jpegxr"), ("bpg", "hevc-intra"), ("heic", "hevc-intra"), ("jpeg", "jpeg")]
)
def test_the_earlier_codec_is_the_one_in_the_preparation(tiny_dataset, fine_class, wanted):
    row = manifest.read(tiny_dataset)[0]
    steps = [Crop(0, 0, 80, 80), Coded(fine_class, "some", {"level": 1}), Trim(1, 2)]
    assert earlier_codec(replace(row, preparation=json.dumps(to_json(steps)))) == wanted
