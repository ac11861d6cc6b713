"""Encoders of other makers: round trips with the programs that are here, the mechanics with programs made up for it."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from forensics.codecs import commands, registry
from forensics.codecs.base import Value
from forensics.errors import CodecError, CodecUnavailable, UsageError
from forensics.quality import ssim

CODECS = {codec.name: codec for codec in commands.command_codecs()}
QUICK: dict[str, dict[str, Value]] = {
    "avif-avifenc": {"speed": 9},
    "avif-heif-enc": {"speed": 9},
    "heic-heif-enc": {"preset": "ultrafast"},
    "jpegxl-cjxl": {"effort": 3},
}
TRIED: dict[tuple[str, str], tuple[Value, ...]] = {
    ("avif-avifenc", "speed"): (6, 10),  # the slow ones take seconds
    ("avif-heif-enc", "speed"): (6, 9),
    ("jpegxl-cjxl", "effort"): (3, 7),
    ("jpeg2000-openjpeg", "tile_size"): (0, 64),  # the scene is smaller than common tiles
}
SWITCHES = [(name, switch) for name, codec in CODECS.items() for switch in codec.switches]
SAME_PIXELS = {("jpeg-cjpeg", "progressive")}


def scene(height: int = 96, width: int = 112) -> np.ndarray:
    y, x = np.mgrid[:height, :width].astype(np.float64)
    waves = [128 + 90 * np.sin(x * (y + 9) / 400 + phase) * np.cos(y / (7 + 4 * phase)) for phase in range(3)]
    pixels = np.stack(waves, axis=2) + np.random.default_rng(7).normal(0, 3, (height, width, 3))
    pixels[height // 4 : height // 2, width // 3 : width // 2] = (200, 40, 90)
    return np.clip(np.round(pixels), 0, 255).astype(np.uint8)


def usable(name: str) -> commands.CommandCodec:
    codec = CODECS[name]
    state = codec.availability()
    if not (state.encode and state.decode):
        pytest.skip(state.reason)
    assert isinstance(codec, commands.CommandCodec)
    return codec


def program(folder: Path, name: str, body: str) -> None:
    """An executable of that name which runs Python code."""
    path = folder / name
    path.write_text(f"#!{sys.executable}\nimport sys\n{body}\n")
    path.chmod(0o755)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all there is on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", CODECS)
def test_stronger_is_smaller_and_worse(name: str) -> None:
    codec, picture = usable(name), scene()
    for pixels in (picture, np.ascontiguousarray(picture[:, :, 1])):
        files = [
            codec.encode(pixels, **{codec.strength.parameter: codec.strength.at(p)}, **QUICK.get(name, {}))
            for p in (0.05, 0.4, 0.75)
        ]
        sizes = [len(data) for data in files]
        likeness = [ssim(pixels, codec.decode(data)) for data in files]
        assert sizes == sorted(sizes, reverse=True)
        assert likeness == sorted(likeness, reverse=True)
        assert likeness[0] > 0.95
        assert codec.decode(files[0]).shape[:2] == pixels.shape[:2]
        assert registry.sniff(files[0]) == codec.codec


@pytest.mark.parametrize("name", CODECS)
def test_same_pixels_same_bytes(name: str) -> None:
    codec, picture = usable(name), scene()
    assert codec.encode(picture, **QUICK.get(name, {})) == codec.encode(picture, **QUICK.get(name, {}))


@pytest.mark.parametrize(("name", "switch"), SWITCHES)
def test_every_switch_value_encodes_and_leaves_a_trace(name: str, switch: str) -> None:
    codec, picture = usable(name), scene()
    values = TRIED.get((name, switch), codec.switches[switch].values)
    strength = {codec.strength.parameter: codec.strength.at(0.5)}
    files = [codec.encode(picture, **{**QUICK.get(name, {}), **strength, switch: v}) for v in values]
    assert len(set(files)) > 1
    decoded = [codec.decode(data) for data in files]
    assert min(ssim(picture, pixels) for pixels in decoded) > 0.3
    pixels = {p.tobytes() for p in decoded}
    assert (len(pixels) == 1) == ((name, switch) in SAME_PIXELS)


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("size", [(1, 1), (7, 5), (33, 17)])
def test_small_and_odd_pictures_encode_or_say_why_not(name: str, size: tuple[int, int]) -> None:
    codec, picture = usable(name), scene()[: size[0], : size[1]]
    try:
        data = codec.encode(picture)
    except CodecError as error:
        outcome = str(error)
    else:
        outcome = f"{name}: {codec.decode(data).shape[:2]}"
        assert outcome.endswith(str(size))
    assert outcome.startswith(f"{name}: ")
    assert "\n" not in outcome


@pytest.mark.parametrize("name", CODECS)
def test_version_names_the_program_and_a_number(name: str) -> None:
    version = usable(name).version()
    assert CODECS[name].program in version  # type: ignore[attr-defined]
    assert any(character.isdigit() for character in version)
    assert "unknown" not in version


def test_openjpeg_writes_what_was_asked_for() -> None:
    codec = usable("jpeg2000-openjpeg")
    for wavelet, code in (("9/7", 0), ("5/3", 1)):
        data = codec.encode(scene(), wavelet=wavelet, levels=3, codeblock="32x32", colour_transform=False)
        cod = data.index(b"\xff\x52")  # ITU-T T.800, A.6.1
        assert data[cod + 8 : cod + 12] == bytes([0, 3, 3, 3])
        assert data[cod + 13] == code
    small = codec.encode(scene()[:12, :12], ratio=2)
    assert small[small.index(b"\xff\x52") + 9] == 3
    assert abs(scene().size / len(codec.encode(scene(), ratio=20.0)) / 20 - 1) < 0.1


def test_cjpeg_writes_what_was_asked_for() -> None:
    codec = usable("jpeg-cjpeg")
    for subsampling, factors in (("4:2:0", 0x22), ("4:2:2", 0x21), ("4:4:4", 0x11)):
        data = codec.encode(scene(), subsampling=subsampling)
        assert data[data.index(b"\xff\xc0\x00\x11") + 11] == factors  # ITU-T T.81, B.2.2
    assert b"\xff\xc2" in codec.encode(scene(), progressive=True)
    assert codec.decode(codec.encode(scene(), subsampling="grey")).ndim == 2


def test_missing_programs_are_named_with_their_package(path: Path) -> None:
    codec = commands.JpegXrJxrlib()
    state = codec.availability()
    assert not state.encode
    assert state.reason == "JxrEncApp is not on PATH (Debian package libjxr-tools)"
    assert codec.version() == "jxrlib (JxrEncApp, absent)"
    with pytest.raises(CodecUnavailable, match="JxrEncApp is not on PATH"):
        codec.encode(scene())


def test_a_failing_program_is_quoted(path: Path) -> None:
    program(
        path,
        "cjpeg",
        "print('warming up'); sys.stderr.write('Error: no more paper\\nusage: ...\\n'); sys.exit(3)",
    )
    with pytest.raises(CodecError, match=r"^jpeg-cjpeg: Error: no more paper$"):
        commands.JpegCjpeg().encode(scene())


def test_a_silent_failure_and_a_missing_file_are_errors(path: Path) -> None:
    program(path, "cjpeg", "sys.exit(7)")
    with pytest.raises(CodecError, match="exit code 7"):
        commands.JpegCjpeg().encode(scene())
    program(path, "cjpeg", "")
    with pytest.raises(CodecError, match="exit code 0"):
        commands.JpegCjpeg().encode(scene())


def test_a_program_that_hangs_is_given_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "TIMEOUT", 0.3)
    program(path, "cjpeg", "import time; time.sleep(30)")
    start = time.monotonic()
    with pytest.raises(CodecError, match=r"given up after 0\.3 seconds"):
        commands.JpegCjpeg().encode(scene())
    assert time.monotonic() - start < 10


def test_programs_get_no_input_and_leave_no_files(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    body = "import os; target = sys.argv[sys.argv.index('-outfile') + 1]\n"
    body += "open(target, 'w').write(repr((sys.stdin.read(), os.getcwd())))"
    program(path, "cjpeg", body)
    said, folder = eval(commands.JpegCjpeg().encode(scene()))
    assert said == ""
    assert Path(folder).parent == scratch
    assert not Path(folder).exists()
    assert os.listdir(scratch) == []


def test_the_bpg_encoder_is_called_as_its_manual_says(path: Path) -> None:
    body = "target = sys.argv[sys.argv.index('-o') + 1]\nopen(target, 'w').write(' '.join(sys.argv[1:]))"
    program(path, "bpgenc", body)
    codec = commands.BpgBpgenc()
    said = codec.encode(scene(), qp=33, subsampling="4:4:4", bit_depth=10, colour_space="ycgco", encoder="jctvc")
    assert said == b"-q 33 -f 444 -b 10 -c ycgco -e jctvc -o target.bpg source.png"
    assert b"-e" not in codec.encode(scene())


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("webp-cwebp", {"filter": "strong"}, "filter is a whole number, not 'strong'"),
        ("jpeg-cjpeg", {"quality": 101}, "quality is from 1 to 100, not 101"),
        ("jpegxr-jxrlib", {"overlap": 3}, "overlap is one of 0, 1, 2"),
        ("jpegxr-jxrlib", {"level": 3}, "no parameter 'level'"),
    ],
)
def test_wrong_parameters(name: str, parameters: dict[str, Value], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        CODECS[name].encode(scene(), **parameters)


def test_the_names_are_those_of_the_registry() -> None:
    assert set(CODECS) <= set(registry.names())
    for name, codec in CODECS.items():
        assert name == f"{codec.codec}-{name.split('-', 1)[1]}"
