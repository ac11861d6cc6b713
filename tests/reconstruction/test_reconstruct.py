"""Whole pictures: the file rebuilt from pixels, what is claimed of it, and the command."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from forensics import reconstruct
from forensics.cli.reconstruct import command
from forensics.codecs.headers.jpeg_tables import TABLE_FAMILIES, scaled_table
from forensics.history.jpeg.planes import DCT_8
from forensics.reconstruction.coded import CodedPicture, Component
from forensics.reconstruction.jpeg_writer import write_jpeg
from forensics.reconstruction.reconstruct import NotReconstructible
from forensics.reconstruction.texts import text
from tests.reconstruction.scenes import jpeg_file, real_decoding, scene, tables_of


@pytest.fixture(scope="module")
def decoded() -> np.ndarray:
    return real_decoding(jpeg_file(scene(0, 160, 192), 80))


@pytest.mark.parametrize(
    ("subsampling", "quality", "least"),
    [
        ("4:2:0", 75, 0.97),
        ("4:2:0", 92, 0.95),
        ("4:2:2", 85, 0.97),
        ("4:4:4", 80, 0.99),
        ("4:4:4", 96, 0.95),
    ],
)
def test_the_file_gives_the_pixels_again(subsampling, quality, least):
    data = jpeg_file(scene(1, 160, 192), quality, subsampling)
    pixels = real_decoding(data)
    found = reconstruct(pixels)
    assert found.decoder == "libjpeg-turbo"
    assert found.to_dict()["subsampling"] == subsampling
    assert found.blocks == 20 * 24
    assert found.blocks_same >= least * found.blocks
    again = real_decoding(found.data)
    same = (again == pixels).all(axis=2).reshape(20, 8, 24, 8).all(axis=(1, 3))
    np.testing.assert_array_equal(same, found.same[:20, :24])
    assert abs(len(found.data) / len(data) - 1) < 0.1


def test_steps_of_one_with_chroma_at_half_the_width():
    pixels = real_decoding(jpeg_file(scene(1, 80, 96), 100, "4:2:2"))
    found = reconstruct(pixels)
    assert found.to_dict()["subsampling"] == "4:2:2"
    assert found.exact
    np.testing.assert_array_equal(real_decoding(found.data), pixels)


@pytest.mark.parametrize("quality", [50, 75, 95, 98])
def test_grey(quality):
    data = jpeg_file(scene(2, 128, 128)[..., 1], quality)
    pixels = real_decoding(data)
    found = reconstruct(pixels)
    assert found.layout.colour == "grey"
    assert found.blocks_same >= 0.97 * found.blocks
    assert (real_decoding(found.data) == pixels).mean() > 0.97
    assert reconstruct(np.repeat(pixels[..., None], 3, axis=2)).data == found.data


@pytest.mark.parametrize(("quality", "seed"), [(85, 1), (85, 8), (90, 0), (90, 1)])
def test_chroma_under_clipped_channels_agrees_with_luma(quality, seed):
    pixels = real_decoding(jpeg_file(scene(seed, 150, 186, bright=60), quality))
    # Cb and Cr within their bounds, found apart, need not give the pixels with luma: two or three blocks were wrong.
    assert reconstruct(pixels).exact


def quantised(plane: np.ndarray, table: np.ndarray) -> Component:
    """A plane, sides multiples of 8, as an encoder quantises it by a table, raster order."""
    shape = plane.shape[0] // 8, plane.shape[1] // 8
    blocks = (plane.astype(np.float64) - 128).reshape(shape[0], 8, shape[1], 8).swapaxes(1, 2)
    return Component(np.rint((DCT_8 @ blocks @ DCT_8.T).reshape(*shape, 64) / table).astype(np.int16), table)


def quartered_picture(seed: int, height: int, width: int) -> np.ndarray:
    """A scene with chroma at a quarter of the width, quality 80, decoded by the real library; sides are multiples of
    32.
    """
    planes = [np.asarray(plane) for plane in Image.fromarray(scene(seed, height, width)).convert("YCbCr").split()]
    tables = [scaled_table(base, 80.0).ravel().astype(np.int64) for base in TABLE_FAMILIES["standard"]]
    stored = quantised(planes[0], tables[0]), *(quantised(plane[:, ::4], tables[1]) for plane in planes[1:])
    return real_decoding(write_jpeg(CodedPicture(height, width, stored, (1, 4))))


@pytest.mark.parametrize("corner", [(0, 0), (3, 5), (8, 16)])
def test_chroma_at_a_quarter_of_the_width(corner):
    found = reconstruct(np.ascontiguousarray(quartered_picture(1, 128, 256)[corner[0] :, corner[1] :]))
    # Taken for 4:4:4 or 4:2:2 before, chroma came back in some blocks only.
    assert (found.to_dict()["subsampling"], found.layout.factors) == ("4:1:1", (1, 4))
    assert (found.layout.top, found.layout.left) == (corner[0] % 8, corner[1])
    assert found.blocks == found.blocks_same > 0


def test_the_search_ends_with_the_time_that_is_given_and_says_so():
    pixels = real_decoding(jpeg_file(scene(3, 96, 128), 75))
    pixels[40:56, 40:72] ^= 5
    found = reconstruct(pixels, seconds=1e-9)
    assert found.stopped
    assert found.to_dict()["stopped"]
    assert 0 < found.blocks_same < found.blocks
    assert "stopped" in text(found, "a.png")
    assert not reconstruct(real_decoding(jpeg_file(scene(3, 96, 128), 75))).stopped


def test_sides_that_are_no_multiples_of_eight():
    pixels = real_decoding(jpeg_file(scene(3, 123, 171), 85, "4:4:4"))
    found = reconstruct(pixels)
    assert found.blocks == 15 * 21
    assert found.same.shape == (16, 22)
    assert real_decoding(found.data).shape == pixels.shape
    assert found.blocks_same >= 0.99 * found.blocks


def test_chroma_that_reaches_beyond_the_picture():
    pixels = real_decoding(jpeg_file(scene(37, 160, 152), 75))
    found = reconstruct(pixels)
    # Chroma of the last MCUs is half unseen: before those halves were searched no block of the last columns came back.
    assert found.exact


def test_a_crop_is_told_where_it_lies():
    pixels = real_decoding(jpeg_file(scene(4, 176, 192), 75, "4:4:4"))[3:, 5:]
    found = reconstruct(np.ascontiguousarray(pixels))
    assert (found.layout.top, found.layout.left) == (3, 5)
    assert found.blocks == 21 * 23
    assert found.blocks_same >= 0.99 * found.blocks
    again = real_decoding(found.data)[3:, 5:]
    inner = found.same[1:, 1:] & found.whole[1:, 1:]
    equal = (again == pixels).all(axis=2)[5:, 3:].reshape(21, 8, 23, 8).all(axis=(1, 3))
    np.testing.assert_array_equal(inner[:21, :23], equal)


def test_a_changed_block_is_listed(decoded):
    changed = decoded.copy()
    changed[40:48, 64:72] = changed[40:48, 64:72][::-1] ^ 1
    found = reconstruct(changed)
    assert {"x": 64, "y": 40, "reason": "changed"} in found.unmatched()
    assert not found.exact


def test_tables_are_the_files(decoded):
    found = reconstruct(decoded)
    luma, chroma = tables_of(jpeg_file(scene(0, 160, 192), 80))
    np.testing.assert_array_equal(found.tables[0], luma)
    np.testing.assert_array_equal(found.tables[1], chroma)


def test_a_picture_that_was_never_a_jpeg_is_refused():
    with pytest.raises(NotReconstructible, match="no grid"):
        reconstruct(scene(5))
    with pytest.raises(NotReconstructible, match="8-bit"):
        reconstruct(scene(5).astype(np.uint16))
    with pytest.raises(NotReconstructible, match="at least 64"):
        reconstruct(scene(5)[:32])


def write(path, pixels):
    Image.fromarray(pixels).save(path)
    return str(path)


def test_the_command_writes_the_file_and_says_how_much_is_exact(decoded, tmp_path):
    source, out = write(tmp_path / "a.png", decoded), tmp_path / "a.jpg"
    before = (tmp_path / "a.png").read_bytes()
    result = CliRunner().invoke(command, [source, "--out", str(out), "-f", "json"])
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert printed["blocks"] == 480
    again = real_decoding(out.read_bytes())
    same = (again == decoded).all(axis=2).reshape(20, 8, 24, 8).all(axis=(1, 3))
    assert printed["blocks_same"] == int(same.sum())
    assert (tmp_path / "a.png").read_bytes() == before
    text = CliRunner().invoke(command, [source]).output
    assert f"{printed['blocks_same']} of 480 bit for bit" in text


def test_existing_pictures_stay_without_force(decoded, tmp_path):
    source, out = write(tmp_path / "a.png", decoded), tmp_path / "a.jpg"
    write(out, scene(6))
    before = out.read_bytes()
    refused = CliRunner().invoke(command, [source, "--out", str(out)])
    assert refused.exit_code != 0
    assert out.read_bytes() == before
    assert CliRunner().invoke(command, [source, "--out", str(out), "--force"]).exit_code == 0
    assert out.read_bytes() != before
    assert CliRunner().invoke(command, [source, "--out", source, "--force"]).exit_code != 0


def test_an_archive(decoded, tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    grey = real_decoding(jpeg_file(scene(7, 96, 96)[..., 0], 75))
    write(tmp_path / "in" / "a.png", grey)
    write(tmp_path / "in" / "deep" / "a.png", decoded)
    write(tmp_path / "in" / "never.png", scene(8))
    arguments = ["-r", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "-f", "csv", "--verify"]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 2
    rows = {row["name"]: row for row in csv.DictReader(io.StringIO(result.stdout))}
    assert rows[str(tmp_path / "in" / "a.png")]["exact"] == "True"
    assert "no grid" in rows[str(tmp_path / "in" / "never.png")]["error"]
    np.testing.assert_array_equal(real_decoding((tmp_path / "out" / "a.jpg").read_bytes()), grey)
    deep = tmp_path / "out" / "deep" / "a.jpg"
    assert deep.exists() == (rows[str(tmp_path / "in" / "deep" / "a.png")]["exact"] == "True")
    assert not (tmp_path / "out" / "never.jpg").exists()


def test_pictures_that_differ_in_the_suffix_alone_get_files_of_their_own(tmp_path):
    grey = real_decoding(jpeg_file(scene(7, 96, 96)[..., 0], 75))
    (tmp_path / "in").mkdir()
    for name in ("a.png", "a.bmp", "b.png"):
        write(tmp_path / "in" / name, grey)
    result = CliRunner().invoke(command, [str(tmp_path / "in"), "-o", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.bmp.jpg", "a.png.jpg", "b.jpg"]


def test_several_pictures_do_not_go_into_one_file(decoded, tmp_path):
    one, two = write(tmp_path / "a.png", decoded), write(tmp_path / "b.png", decoded)
    result = CliRunner().invoke(command, [one, two, "-o", str(tmp_path / "all.jpg")])
    assert result.exit_code == 1
    assert "several pictures go into a folder" in result.output + str(result.exception)
    assert not (tmp_path / "all.jpg").exists()


def test_verify_names_the_blocks_at_the_edge(monkeypatch, decoded, tmp_path):
    found = reconstruct(decoded)
    same = found.same.copy()
    whole = found.whole.copy()
    same[-1], whole[-1] = False, False
    monkeypatch.setattr(
        "forensics.reconstruction.archive.reconstruct", lambda _, **options: replace(found, same=same, whole=whole)
    )
    result = CliRunner().invoke(command, [write(tmp_path / "a.png", decoded), "--verify"])
    assert result.exit_code == 2
    assert "24 of the partial blocks at the edge do not come out the same" in result.output


def test_a_jpeg_in_a_screenshot_comes_back_whole():
    """The very coefficients of the file, of a picture that is no multiple of a block, set at an odd place."""
    data = jpeg_file(scene(31, 203, 261), 80)
    shown = np.full((420, 500, 3), 247, np.uint8)
    shown[101:304, 67:328] = real_decoding(data)
    found = reconstruct(shown)
    assert found.inset is not None
    assert found.to_dict()["inset"] == [101, 67, 203, 261]
    assert "261x203 pixels at row 101, column 67" in text(found, "screenshot.png")
    assert (found.coded.height, found.coded.width) == (203, 261)
    np.testing.assert_array_equal(real_decoding(found.data), real_decoding(data))
