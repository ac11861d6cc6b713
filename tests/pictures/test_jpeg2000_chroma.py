"""JPEG 2000 with smaller colour components."""

from __future__ import annotations

import shutil
import subprocess

import imagecodecs
import numpy as np
import pytest

from forensics.pictures.opened import open_picture
from forensics.pictures.samples import ycbcr_to_rgb

from .conftest import make_photo, refusal

compress = pytest.mark.skipif(shutil.which("opj_compress") is None, reason="opj_compress is not installed")


def coded(tmp_path, planes: list[np.ndarray], steps: str, suffix: str, *options: str) -> bytes:
    """What OpenJPEG's command writes of components of different sizes."""
    raw, out = tmp_path / "in.raw", tmp_path / f"out.{suffix}"
    raw.write_bytes(b"".join(np.ascontiguousarray(plane).tobytes() for plane in planes))
    height, width = planes[0].shape
    layout = f"{width},{height},{len(planes)},8,u@{steps}"
    command = ["opj_compress", "-i", str(raw), "-o", str(out), "-F", layout, "-mct", "0", *options]
    subprocess.run(command, check=True, capture_output=True)
    return out.read_bytes()


@compress
@pytest.mark.parametrize(("down", "across", "name"), [(2, 2, "4:2:0"), (1, 2, "4:2:2")])
@pytest.mark.parametrize("suffix", ["j2k", "jp2"])
@pytest.mark.parametrize("options", [(), ("-t", "64,64")])
def test_the_planes_are_those_that_were_coded(tmp_path, down, across, name, suffix, options):
    y, cb, cr = np.moveaxis(make_photo(98, 132), 2, 0)
    planes = [y, cb[::down, ::across], cr[::down, ::across]]
    opened = open_picture(coded(tmp_path, planes, f"1x1:{across}x{down}:{across}x{down}", suffix, *options))
    full = [y, *(plane.repeat(down, 0).repeat(across, 1)[:98, :132] for plane in planes[1:])]
    assert np.array_equal(opened.pixels, ycbcr_to_rgb(np.stack(full, 2), 8))
    assert any(name in note for note in opened.notes)
    assert opened.container["chroma_subsampling"] == f"1x1/{across}x{down}/{across}x{down}"


@compress
def test_other_layouts_name_what_is_not_read(tmp_path):
    y, cb, cr = np.moveaxis(make_photo(96, 128), 2, 0)
    said = refusal(coded(tmp_path, [y, cb[::2, ::2], cr], "1x1:2x2:1x1", "j2k"))
    assert "1x1, 2x2, 1x1" in said
    assert "damaged" not in said


@compress
def test_a_file_cut_short_is_refused(tmp_path):
    y, cb, cr = np.moveaxis(make_photo(96, 128), 2, 0)
    data = coded(tmp_path, [y, cb[::2, ::2], cr[::2, ::2]], "1x1:2x2:2x2", "j2k")
    assert "truncated" in refusal(data[: len(data) // 2])


def test_what_the_header_calls_grey_or_rgb_decides_which_components_are_judged():
    photo = make_photo(64, 64)
    file = bytes(imagecodecs.jpeg2k_encode(photo, level=0, reversible=True, mct=False, codecformat="jp2"))
    place = file.index(b"colr") + 7
    assert file[place : place + 4] == (16).to_bytes(4, "big")
    opened = open_picture(file[:place] + (17).to_bytes(4, "big") + file[place + 4 :])
    np.testing.assert_array_equal(opened.pixels, photo[:, :, 0])
    assert opened.container["colour"] == "grey"
    assert "2 further components were left out" in opened.notes
