"""The true parameters of a data set's files."""

from __future__ import annotations

import json

import pytest

from forensics.dataset import manifest
from forensics.dataset.parameters import truth, truths


def test_every_coded_file_states_what_was_asked_of_its_encoder(tiny_dataset):
    rows = {row.id: row for row in manifest.read(tiny_dataset)}
    found = truths(tiny_dataset, rows.values())
    assert set(found) == {row.id for row in rows.values() if row.status == "ok" and row.class_name != "uncompressed"}
    for number, facts in found.items():
        row, asked = rows[number], json.loads(rows[number].parameters)
        assert facts["class"] == row.class_name
        if row.encoder == "bpg":
            assert facts["quantizer"] == pytest.approx(row.strength, abs=1)
        if row.class_name in ("bpg", "avif", "heic") and row.channels == 3 and "subsampling" in asked:
            assert facts["chroma_subsampling"] in (asked["subsampling"], "grey")
        if row.class_name in ("bpg", "avif", "webp", "heic"):
            assert 0 <= facts["quantizer"] <= 255
        wanted = {"jpeg": "quality_factor", "jpeg2000": "wavelet", "jpegxl": "distance", "jpegxr": "chroma_subsampling"}
        assert wanted.get(row.class_name, "class") in facts
    assert {facts["class"] for facts in found.values()} >= {"bpg", "webp", "avif", "jpegxr"}


def test_a_damaged_file_states_only_what_was_asked(tiny_dataset, tmp_path):
    row = next(row for row in manifest.read(tiny_dataset) if row.class_name == "webp" and row.status == "ok")
    place = tmp_path / row.file
    place.parent.mkdir(parents=True)
    place.write_bytes(b"RIFF")
    assert truth(tmp_path, row) == {"class": "webp"}
