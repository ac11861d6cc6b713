"""`forensics survey` and the gate, from files to exit codes."""

from __future__ import annotations

import csv
import io
import zipfile

import pytest
from PIL import Image

from forensics.dataset.synthetic import synthesise
from tests.calling import call
from tests.survey.working import rows


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """A picture that was JPEG as PNG, one never compressed in a ZIP archive, one that is none."""
    root = tmp_path_factory.mktemp("archive")
    pixels = synthesise("texture", 128, 144, 5)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=60)
    (root / "cats").mkdir()
    Image.open(buffer).save(root / "cats" / "was-jpeg.png")
    with zipfile.ZipFile(root / "clean.zip", "w") as packed:
        Image.fromarray(synthesise("texture", 128, 144, 6)).save(stored := io.BytesIO(), "PNG")
        packed.writestr("clean.png", stored.getvalue())
        packed.writestr("bad.png", b"nothing")
    return root


@pytest.fixture(scope="module")
def table(archive, tmp_path_factory):
    out = tmp_path_factory.mktemp("survey") / "table"
    assert call("survey", archive, "--out", out) == 2
    return out


def test_rows_hold_verdict_container_and_error(archive, table):
    held = {name.rpartition("/")[2]: row for name, row in rows(table).items()}
    assert set(held) == {"was-jpeg.png", "clean.png", "bad.png"}
    jpeg = held["was-jpeg.png"]
    assert (jpeg["verdict"], jpeg["label"], jpeg["agreement"], jpeg["format"]) == ("jpeg", "cats", "finding", "png")
    assert jpeg["probability"] == dict(jpeg["probabilities"])["jpeg"]
    assert (jpeg["width"], jpeg["height"], jpeg["container_lossy"]) == (144, 128, False)
    assert held["clean.png"]["verdict"] in ("uncompressed", "inconclusive")
    assert held["bad.png"]["error_kind"] == "not-a-picture"
    assert str(archive) in held["clean.png"]["name"]
    assert "clean.zip!/" in held["clean.png"]["name"]


@pytest.mark.parametrize(
    ("rule", "code"),
    [("lossy", 3), ("webp", 2), ("unreadable", 3), ("lossy and container lossless", 3), ("palette", 2), ("jepg", 1),
     ("quality < 90", 1)],
)  # fmt: skip
def test_a_table_is_audited_without_its_pictures(table, tmp_path, capsys, rule, code):
    offenders = tmp_path / "offenders.csv"
    assert call("audit", table, "--fail-if", rule, "--offenders", offenders) == code
    out, err = capsys.readouterr()
    if code == 1:
        assert err.count("\n") == 1
        return
    assert "3 files, 2 analysed, 1 failed" in out
    listed = list(csv.DictReader(io.StringIO(offenders.read_text())))
    assert len(listed) == (code == 3)
    assert (f"rule {rule!r}: broken by 1 of 3 pictures" in out) == (code == 3)


def test_a_survey_is_a_gate_without_a_table_too(archive, tmp_path, capsys):
    policy = tmp_path / "policy.toml"
    policy.write_text('[[rule]]\nname = "no JPEG among masters"\nfail-if = "jpeg"\n')
    assert call("survey", archive / "cats", "--policy", policy) == 3
    out, err = capsys.readouterr()
    assert "rule 'no JPEG among masters': broken by 1 of 1 pictures" in out
    assert err.splitlines() == [line for line in err.splitlines() if line.startswith("forensics: survey: ")]


@pytest.mark.parametrize(
    "arguments",
    [(), (".",), (".", "--out", "file"), ("nothing/*.png", "--out", "t"), ("@nothing", "--out", "t"),
     (".", "--fail-if", "jepg"), (".", "--out", "t", "--scheduler", "nonsense://x"), (".", "--policy", "nowhere")],
)  # fmt: skip
def test_wrong_usage_is_one_line(arguments, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("x")
    monkeypatch.chdir(tmp_path)
    assert call("survey", *arguments) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_table_is_not_written_out_again(table, tmp_path, capsys):
    assert call("audit", table, "--out", tmp_path / "x.csv") == 1
    assert "holds already" in capsys.readouterr().err
