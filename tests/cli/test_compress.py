"""`forensics compress`: real encoders, targets, files that must stay, and mistakes in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from forensics import compression, quality
from forensics.cli.main import run
from forensics.codecs import registry
from forensics.codecs.target import search as aim
from forensics.errors import UsageError


def scene(height: int = 120, width: int = 136) -> np.ndarray:
    y, x = np.mgrid[:height, :width].astype(np.float64)
    waves = [128 + 80 * np.sin(x * (y + 9) / 500 + phase) * np.cos(y / (9 + 4 * phase)) for phase in range(3)]
    pixels = np.stack(waves, axis=2) + np.random.default_rng(5).normal(0, 4, (height, width, 1))
    return np.clip(np.round(pixels), 0, 255).astype(np.uint8)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.png"
    Image.fromarray(scene()).save(path)
    return path


def compress(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        run(["compress", *map(str, arguments)])
    assert isinstance(stop.value.code, int)
    return stop.value.code


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    lines = capsys.readouterr().out.splitlines()
    return {line[:15].strip(): line[16:] for line in lines}


@pytest.mark.parametrize("suffix", [".jpg", ".jp2", ".jxr", ".bpg", ".webp", ".avif", ".heic", ".jxl"])
def test_the_suffix_names_the_codec(
    source: Path, tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out, decoded = tmp_path / f"out{suffix}", tmp_path / "decoded.png"
    codec = compression.codec_for(out)
    if not codec.availability().encode:
        pytest.skip(codec.availability().reason)
    assert compress(source, out, "--decoded", decoded) == 0
    data, report = out.read_bytes(), said(capsys)
    assert registry.sniff(data) == codec.codec == codec.name
    pixels = np.asarray(Image.open(decoded))
    assert np.array_equal(pixels, codec.decode(data))
    assert report["codec"] == f"{codec.name}, {codec.version()}"
    assert report["strength"] == f"{codec.strength.parameter}={codec.strength.default:g}"
    assert report["bytes"] == str(len(data))
    assert report["ratio"] == f"{scene().size / len(data):.2f}"
    assert report["bits per pixel"] == f"{8 * len(data) / scene()[..., 0].size:.3f}"
    assert report["SSIM"] == f"{quality.ssim(scene(), pixels):.4f}"
    assert report["PSNR"] == f"{quality.psnr(scene(), pixels):.2f} dB"
    assert report["encodes"] == "1"
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["decoded.png", f"out{suffix}", "source.png"])


def test_targets(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.jpg"
    assert compress(source, out, "--ratio", 16) == 0
    assert float(said(capsys)["ratio"]) == pytest.approx(16, rel=0.021)
    assert compress(source, out, "--ssim", 0.95, "--force") == 0
    assert float(said(capsys)["SSIM"]) == pytest.approx(0.95, abs=0.0031)
    assert compress(source, out, "--max-bytes", 3000, "--force") == 0
    assert 2900 < int(said(capsys)["bytes"]) == out.stat().st_size <= 3000
    assert compress(source, out, "--quality", 31.5, "--force") == 0
    assert said(capsys)["strength"] == "quality=31.5"


def test_switches_reach_the_encoder(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.jpeg"
    assert compress(source, out, "--set", "subsampling=4:4:4", "--set", "progressive=true", "--quality", 60) == 0
    report = said(capsys)
    assert "subsampling=4:4:4" in report["switches"]
    assert "progressive=True" in report["switches"]
    expected = registry.get("jpeg").encode(scene(), quality=60.0, subsampling="4:4:4", progressive=True)
    assert out.read_bytes() == expected


def test_deep_and_transparent_pictures_are_reduced_with_a_note(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels = np.dstack([scene(), np.full((120, 136), 128, np.uint8)])
    Image.fromarray(pixels).save(tmp_path / "rgba.png")
    assert compress(tmp_path / "rgba.png", tmp_path / "out.jpg") == 0
    assert capsys.readouterr().err == "forensics: note: the alpha channel is left out\n"
    deep = scene()[..., 0].astype(np.uint16) * 257 + 100
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert compress(tmp_path / "deep.png", tmp_path / "out.jxl") == 0
    assert capsys.readouterr().err == "forensics: note: 16-bit samples are rounded to 8 bits\n"
    read, _ = compression.read_source(tmp_path / "deep.png")
    assert np.array_equal(read, scene()[..., 0])


def test_a_picture_too_small_for_an_ssim(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(scene(8, 9)).save(tmp_path / "small.png")
    assert compress(tmp_path / "small.png", tmp_path / "out.jpg") == 0
    assert said(capsys)["SSIM"] == "none, the picture is too small"


def test_files_that_exist_stay(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.jpg"
    out.write_bytes(b"precious")
    assert compress(source, out) == 1
    assert "exists; --force replaces it" in capsys.readouterr().err
    assert out.read_bytes() == b"precious"
    assert compress(source, tmp_path / "new.jpg", "--decoded", source, "--force") == 1
    assert "is an input" in capsys.readouterr().err
    assert not (tmp_path / "new.jpg").exists()
    assert compress(source, out, "--ratio", 9999, "--force") == 1
    assert out.read_bytes() == b"precious"
    assert compress(source, out, "--force") == 0
    assert out.read_bytes() != b"precious"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["IN", "out.xyz"], "the suffix of out.xyz names no codec"),
        (["IN", "out.jpg", "--codec", "webp"], "webp writes .webp files, not out.jpg"),
        (["IN", "out.jpg", "--codec", "nonsense"], "there is no codec 'nonsense'"),
        (["IN", "out.jpg", "--ratio", "8", "--ssim", "0.9"], "give one of --quality"),
        (["IN", "out.jpg", "--ratio", "100000"], "jpeg reaches ratios from "),
        (["IN", "out.jpg", "--ssim", "2"], "lies between 0 and 1"),
        (["IN", "out.jpg", "--max-bytes", "5"], "jpeg reaches file sizes from "),
        (["IN", "out.jpg", "--quality", "101"], "quality is from 1 to 100, not 101"),
        (["IN", "out.heic", "--quality", "50.5"], "quality is a whole number, not 50.5"),
        (["IN", "out.jpg", "--set", "subsampling"], "NAME=VALUE, not as 'subsampling'"),
        (["IN", "out.jpg", "--set", "subsampling=5:5:5"], "subsampling is one of 4:2:0"),
        (["IN", "out.jpg", "--set", "speed=3"], "jpeg has no parameter 'speed'"),
        (["IN", "out.jpg", "--set", "quality=3"], "set it with --quality"),
        (["IN", "nowhere/out.jpg"], "there is no folder"),
        (["IN", "out.jpg", "--decoded", "out.gif"], "saved as .png"),
        (["nothing.png", "out.jpg"], "forensics: error: "),
        (["IN", "out.jpg", "--ratio", "many"], "Invalid value for '--ratio'"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert compress(*[source if argument == "IN" else argument for argument in arguments]) == 1
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["source.png"]


def test_switch_words_become_values_of_the_switches() -> None:
    def parse(name: str, *settings: str) -> dict[str, object]:
        return dict(compression.parse_switches(registry.get(name), settings))

    assert parse("jpeg", "progressive=Yes", "tables=Robidoux") == {"progressive": True, "tables": "robidoux"}
    assert parse("webp-cwebp", "filter=33", "method=6") == {"filter": 33, "method": 6}
    assert parse("webp-cwebp", "sharp_yuv=0") == {"sharp_yuv": False}
    with pytest.raises(UsageError, match="progressive is one of False, True, not 'maybe'"):
        parse("jpeg", "progressive=maybe")
    with pytest.raises(UsageError, match="whole number"):
        parse("webp-cwebp", "filter=strong")


@pytest.mark.parametrize(
    ("kind", "target", "message"), [("ratio", 24.0, "missed by"), ("ratio", 16.2, ""), ("strength", 24.0, "")]
)
def test_a_ratio_that_the_steps_cannot_reach_is_reported(kind: str, target: float, message: str) -> None:
    pixels = np.zeros((64, 64, 3), np.uint8)
    reached = aim.Reached(registry.get("jpeg"), pixels, bytes(64 * 64 * 3 // 16), {"quality": 50}, kind, target)
    assert message in compression.missed(reached)
    assert bool(compression.missed(reached)) is bool(message)
