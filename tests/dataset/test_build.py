"""Building a data set: complete, the same in any order, and the same after being killed."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from forensics.cli.dataset import command
from forensics.codecs import registry
from forensics.dataset import build, encode, encoders, manifest, patches
from forensics.dataset.plan import Settings
from forensics.dataset.show import summarise, summary_text
from forensics.dataset.sources import pixels_sha256
from forensics.dataset.synthetic import synthesise
from forensics.errors import UsageError

CODECS = ("jpeg", "webp", "jpegxr", "jpegxl")


def settings(**changes) -> Settings:
    versions = {name: registry.get(name).version() for name in CODECS}
    return replace(Settings("quick", 5, 1, versions), **changes)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Three small sources in two splits."""
    root = tmp_path_factory.mktemp("sources")
    for name, kind in (("train/here__a.png", "texture"), ("train/there__b.png", "shapes"), ("val/here__c.png", "text")):
        (root / name).parent.mkdir(exist_ok=True)
        Image.fromarray(synthesise(kind, 150, 140, 9)).save(root / name)
    return root


@pytest.fixture(scope="module")
def built(folder, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("built")
    build.build(folder, out, settings())
    return out


def files(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in (out / "files").rglob("*") if p.is_file()}


def assert_same(first: Path, second: Path) -> None:
    assert (first / "manifest.csv").read_bytes() == (second / "manifest.csv").read_bytes()
    assert (first / "sources.csv").read_bytes() == (second / "sources.csv").read_bytes()
    assert files(first) == files(second)


def command_line(folder: Path, out: Path) -> list[str]:
    program = (
        "import sys; from pathlib import Path; from test_build import settings; from forensics.dataset.build import "
        "build\n"
        "if __name__ == '__main__': build(Path(sys.argv[1]), Path(sys.argv[2]), settings(), jobs=2)"
    )
    script = out.parent / "run.py"
    script.write_text(program)
    return [sys.executable, str(script), str(folder), str(out)]


def start(folder: Path, out: Path) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    return subprocess.Popen(command_line(folder, out), env=environment, stderr=subprocess.PIPE, text=True)


def wait_for_rows(process: subprocess.Popen, out: Path, count: int) -> None:
    journal, deadline = out / build.JOURNAL, time.monotonic() + 60
    while not journal.exists() or journal.read_bytes().count(b"\n") < count:
        assert process.poll() is None or journal.read_bytes().count(b"\n") >= count, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_every_job_is_a_file_or_has_a_reason(built):
    rows = manifest.read(built)
    assert len(rows) == 3 * (1 + 3 + 2)
    assert {row.status for row in rows} <= {"ok", "unreachable"}
    made = [row for row in rows if row.status == "ok"]
    assert {row.file for row in made} == set(files(built))
    assert all(row.reason for row in rows if row.status != "ok")
    assert {(row.split, row.origin) for row in rows} == {("train", "here"), ("train", "there"), ("val", "here")}


def test_rows_agree_with_their_files(built):
    for row in manifest.read(built):
        if row.status != "ok":
            continue
        data = (built / row.file).read_bytes()
        assert row.bytes == len(data)
        assert row.ratio == pytest.approx(row.width * row.height * row.channels / len(data), rel=1e-5)
        assert row.bits_per_pixel == pytest.approx(8 * len(data) / (row.width * row.height), rel=1e-5)
        decoded = patches.load_pixels(built, replace(row, after="[]"))
        assert pixels_sha256(decoded) == row.pixels_sha256
        if row.fine_class == "uncompressed":
            assert row.pixels_sha256 == row.reference_sha256
            continue
        parameters = json.loads(row.parameters)
        assert parameters[row.strength_parameter] == row.strength
        assert row.library == registry.get(row.encoder).version()
        reference = next(r for r in manifest.read(built) if r.file.endswith(".png") and r.source == row.source)
        again = registry.get(row.encoder).encode(patches.load_pixels(built, reference), **parameters)
        assert again == data


def test_the_manifest_holds_nothing_of_the_machine(built, folder):
    text = (built / "manifest.csv").read_text() + (built / "sources.csv").read_text()
    assert str(folder) not in text
    assert str(built) not in text
    assert time.strftime("%Y-%m-%d") not in text


def test_csv_and_parquet_hold_the_same(built):
    parquet = pytest.importorskip("pyarrow.parquet")
    records = parquet.read_table(built / "manifest.parquet").to_pylist()
    from_parquet = [manifest.from_record(record) for record in records]
    assert [repr(row) for row in from_parquet] == [repr(row) for row in manifest.read(built)]
    with (built / "manifest.csv").open(newline="") as stream:
        assert tuple(next(csv.reader(stream))) == manifest.COLUMNS


def test_a_finished_build_does_nothing_again(built, folder):
    before = (built / "manifest.csv").read_bytes()
    outcome = build.build(folder, built, settings())
    assert outcome.made == 0
    assert outcome.resumed == 18
    assert (built / "manifest.csv").read_bytes() == before


def test_killed_builds_continue_to_the_same_data_set(built, folder, tmp_path):
    out = tmp_path / "killed"
    rows = 0
    for count in (2, 9):
        process = start(folder, out)
        wait_for_rows(process, out, count)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        whole = (out / build.JOURNAL).read_bytes().count(b"\n")
        assert whole >= max(count, rows)
        rows = whole
    with (out / build.JOURNAL).open("ab") as stream:
        stream.write(b'{"row": {"id": "half a li')
    assert not (out / "manifest.csv").exists() or rows == 18
    outcome = build.build(folder, out, settings())
    assert outcome.resumed == rows
    assert outcome.made + rows == 18
    ids = [json.loads(line)["row"]["id"] for line in (out / build.JOURNAL).read_bytes().splitlines()]
    assert len(ids) == len(set(ids)) == 18
    assert_same(built, out)
    assert list((out / build.PARTS).iterdir()) == []


def test_an_interrupt_leaves_a_manifest_and_no_false_failures(built, folder, tmp_path):
    out = tmp_path / "interrupted"
    process = start(folder, out)
    wait_for_rows(process, out, 3)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    if process.returncode != 0:
        assert "KeyboardInterrupt" in said
    rows = manifest.read(out)
    assert len(rows) >= 3
    assert {row.status for row in rows} <= {"ok", "unreachable"}
    build.build(folder, out, settings())
    assert_same(built, out)


def test_lost_files_are_made_again(built, folder, tmp_path):
    out = tmp_path / "lost"
    build.build(folder, out, settings())
    made = sorted((out / "files").rglob("*.webp"))
    made[0].unlink()
    made[1].write_bytes(b"short")
    assert build.build(folder, out, settings()).made == 2
    assert_same(built, out)


def test_other_settings_are_refused(built, folder):
    with pytest.raises(UsageError, match="seed"):
        build.build(folder, built, settings(seed=6))


def test_a_second_build_at_the_same_time_is_refused(built, folder):
    with build._locked(built), pytest.raises(UsageError, match="another build"):
        build.build(folder, built, settings())


def test_bad_sources_are_named_and_skipped(folder, tmp_path):
    root = tmp_path / "mixed"
    (root / "train").mkdir(parents=True)
    picture = synthesise("texture", 140, 140, 1)
    Image.fromarray(picture).save(root / "train" / "a.png")
    Image.fromarray(picture).save(root / "train" / "b.bmp")
    Image.fromarray(picture[:50]).save(root / "train" / "small.png")
    (root / "train" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n no more")
    outcome = build.build(root, tmp_path / "out", settings(encoders={"jpeg": "x"}))
    assert outcome.used == 1
    assert set(outcome.bad) == {"train/b.bmp", "train/small.png", "train/broken.png"}
    assert "same pixels" in outcome.bad["train/b.bmp"]
    assert "too small" in outcome.bad["train/small.png"]
    assert {row.source for row in manifest.read(tmp_path / "out")} == {"train/a.png"}
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="no source"):
        build.build(tmp_path / "empty", tmp_path / "nothing", settings())


def test_failed_cells_are_recorded_and_tried_again_on_demand(folder, tmp_path, monkeypatch):
    out = tmp_path / "failing"

    def fail(*arguments: object, **options: object) -> None:
        raise ValueError("no\nway")

    only = settings(encoders={"jpeg": "x", "webp": "y"})
    with monkeypatch.context() as patch:
        patch.setattr(encode.aim, "to_ratio", fail)
        outcome = build.build(folder, out, only)
    assert outcome.statuses == {"ok": 3, "failed": 6}
    assert {row.reason for row in manifest.read(out) if row.status == "failed"} == {"no way"}
    assert build.build(folder, out, only).made == 0
    assert build.build(folder, out, only, retry=True).statuses.get("failed", 0) == 0


def test_summary_counts_what_the_manifest_holds(built):
    rows = manifest.read(built)
    summary = summarise(rows, list(manifest.read_sources(built)))
    assert sum(entry[-1] for entry in summary["files"]) == sum(row.status == "ok" for row in rows)
    assert sum(entry[-1] for entry in summary["unreachable"]) == sum(row.status == "unreachable" for row in rows)
    assert [entry[:3] for entry in summary["sources"]["counts"]] == [
        ["train", "here", 1], ["train", "there", 1], ["val", "here", 1],
    ]  # fmt: skip
    assert json.loads(json.dumps(summary)) == summary
    text = summary_text(summary)
    assert "jpegxr-0" in text
    assert "uncompressed" in text


def test_patches_are_windows_of_the_decoded_files(built):
    found = list(patches.patches(built, 96, seed=3, per_file=2))
    made = [row for row in manifest.read(built) if row.status == "ok"]
    assert len(found) == 2 * len(made)
    for patch in found[:6]:
        whole = patches.load_pixels(built, patch.row)
        window = whole[patch.top : patch.top + 96, patch.left : patch.left + 96]
        assert np.array_equal(patch.pixels, window if whole.ndim == 3 else np.repeat(window[:, :, None], 3, 2))
        assert patch.pixels.shape == (96, 96, 3)
    again = list(patches.patches(built, 96, seed=3, per_file=2, rows=made[5:7]))
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(again, found[10:14]))
    (centre,) = patches.patches(built, 96, seed=3, position="centre", rows=made[:1])
    assert (centre.top, centre.left) == ((made[0].height - 96) // 2, (made[0].width - 96) // 2)
    assert list(patches.patches(built, 4096, seed=3)) == []


def test_after_steps_are_applied_when_a_file_is_read(built):
    row = next(row for row in manifest.read(built) if row.status == "ok")
    plain = patches.load_pixels(built, replace(row, after="[]"))
    turned = patches.load_pixels(built, replace(row, after='[{"step":"turn","how":"mirror"}]'))
    assert np.array_equal(turned, plain[:, ::-1])


def test_the_command_builds_and_shows(folder, tmp_path):
    runner, out = CliRunner(), str(tmp_path / "out")
    arguments = ["build", str(folder), out, "--suite", "kib", "--codecs", "jpeg", "--jobs", "1", "--only", "val"]
    done = runner.invoke(command, arguments, standalone_mode=False)
    assert done.exception is None, done.output
    assert "1 sources" in done.output
    shown = runner.invoke(command, ["show", out, "--format", "json"], standalone_mode=False)
    assert json.loads(shown.stdout)["sources"]["counts"] == [["val", "here", 1, 0]]
    for row in manifest.read(Path(out)):
        assert row.status != "ok" or row.bytes <= row.target_bytes == int(row.target * 1024) * 140 * 150 // 512**2


def test_what_a_build_writes_below_its_sources_is_no_source(tmp_path):
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (192, 192, 3), np.uint8)).save(tmp_path / "a.png")
    settings = Settings("random", 1, 1, encoders.available(("jpeg",)), {"train": 1.0}, 0)
    first = build.build(tmp_path, tmp_path / "data", settings)
    again = build.build(tmp_path, tmp_path / "data", settings)
    assert (first.used, again.used, again.made) == (1, 1, 0)


def test_sources_are_not_written_into(tmp_path):
    settings = Settings("random", 1, 1, encoders.available(("jpeg",)), {"train": 1.0}, 0)
    with pytest.raises(UsageError, match="is the folder of the sources"):
        build.build(tmp_path, tmp_path, settings)
    (tmp_path / "data" / "files").mkdir(parents=True)
    with pytest.raises(UsageError, match="which a build writes"):
        build.build(tmp_path / "data" / "files", tmp_path / "data", settings)
