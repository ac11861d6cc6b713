"""BPG: the reference decoder's pixels, the colour arithmetic against plain loops, round trips, damage."""

import hashlib
import json
import subprocess
import sys
import time
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from forensics.codecs.bpg import colour as bpg_colour
from forensics.codecs.bpg.codec import Bpg, read_header
from forensics.codecs.bpg.container import read_file
from forensics.codecs.hevc import libheif as hevc_libheif
from forensics.codecs.hevc import pyav as hevc_pyav
from forensics.codecs.hevc.headers import RangeExtension, write_coding_tools, write_sps, write_vps
from forensics.errors import CodecError, CodecUnavailable, ForensicsError, UsageError

DATA = Path(__file__).parent / "data" / "bpg"
REFERENCE = json.loads((DATA / "reference.json").read_text())["files"]
REFUSED = "jctvc_420_q30_11bit.bpg"
SPACES = ("ycbcr", "rgb", "ycgco", "bt709", "bt2020")

pytestmark = pytest.mark.skipif(bool(hevc_pyav.missing()), reason=hevc_pyav.missing() or "HEVC works here")


def load(name):
    return (DATA / name).read_bytes()


@pytest.fixture(scope="module")
def picture():
    """A photograph, 256x256 RGB."""
    return Bpg().decode(load("x265_444_q20.bpg"))


def luma(rgb):
    return rgb @ np.array([0.299, 0.587, 0.114])


def psnr(one, other):
    """Peak signal-to-noise ratio in dB; 100 stands for equal and nearly equal pictures."""
    return 10 * np.log10(255**2 / max(np.mean((one.astype(float) - other) ** 2), 255**2 * 1e-10))


@pytest.mark.parametrize(
    "entry", [entry for entry in REFERENCE if entry["file"] != REFUSED], ids=lambda entry: entry["file"]
)
def test_pixels_of_the_reference_decoder(entry):
    """Recipe: tests/codecs/data/bpg/README.md. Equal to the last bit, 10 and 12 bits too."""
    data = load(entry["file"])
    assert hashlib.sha256(data).hexdigest() == entry["sha256"]
    height, width, channels = entry["shape"]
    pixels = Bpg().decode(data)
    assert pixels.ndim == (2 if entry["pixel_format"] == "400" else 3)
    rgba = Bpg().decode_with_alpha(data)
    assert rgba.shape == (height, width, 4)
    expected = np.ascontiguousarray(rgba[:, :, :channels])
    assert hashlib.sha256(expected.tobytes()).hexdigest() == entry["pixels_sha256"]
    if entry["alpha_kind"] != 3:
        np.testing.assert_array_equal(pixels, rgba[:, :, :3] if pixels.ndim == 3 else rgba[:, :, 0])


def test_without_an_alpha_plane_alpha_is_255():
    assert (Bpg().decode_with_alpha(load("x265_gray_q30_odd.bpg"))[:, :, 3] == 255).all()


def test_premultiplied_colours_are_given_as_stored():
    data = load("jctvc_alpha_premul_q28.bpg")
    stored = Bpg().decode(data).astype(float)
    rgba = Bpg().decode_with_alpha(data).astype(float)
    alpha = rgba[:, :, 3:]
    clipped = (stored > alpha) | (alpha == 0)
    assert np.abs(rgba[:, :, :3] * alpha / 255 - stored)[~clipped].max() <= 0.51


def test_eleven_bits_are_refused():
    with pytest.raises(CodecError, match="not of 11"):
        Bpg().decode(load(REFUSED))


def test_tools_that_no_decoder_has_are_refused():
    data = load("jctvc_lossless_rgb.bpg")
    header = read_header(data)
    assert header.tools.range_extension.implicit_rdpcm
    with pytest.raises(CodecError, match="4:2:0"):
        Bpg().decode(data[:4] + b"\x20\x00" + data[6:])
    for tool in ("extended_precision", "cabac_bypass_alignment"):
        tools = replace(header.tools, range_extension=RangeExtension(**{tool: True}))
        with pytest.raises(CodecError, match=tool):
            Bpg().decode(data.replace(write_coding_tools(header.tools), write_coding_tools(tools)))


@pytest.mark.parametrize("name", ["x265_gray_q30_odd.bpg", "x265_444_q20.bpg", "x265_rgb444_lossless.bpg"])
def test_two_independent_decoders_agree(name):
    pytest.importorskip("pillow_heif")
    file = read_file(load(name))
    header = file.header
    size = (header.width, header.height)
    planes = hevc_pyav.decode_planes(file.colour_units, header.tools, header.subsampling, size, 8)
    units = [write_vps(), write_sps(header.tools, header.subsampling, *size, 8), *file.colour_units]
    others = hevc_libheif.decode_planes(units, header.tools.coded_size(*size), header.subsampling)
    assert len(planes) == len(others)
    for plane, other in zip(planes, others, strict=True):
        np.testing.assert_array_equal(plane, other[: header.height, : header.width])


def test_a_white_plane_darkens_the_colours():
    """The same file with its alpha plane declared to be the W plane of a CMYK picture: R = R' W."""
    data = bytearray(load("x265_alpha_q28.bpg"))
    rgba = Bpg().decode_with_alpha(bytes(data)).astype(int)
    data[4] &= ~0x10
    data[5] |= 0x04
    assert read_header(bytes(data)).alpha == "white"
    expected = (rgba[:, :, :3] * rgba[:, :, 3:] + 128) >> 8
    np.testing.assert_array_equal(Bpg().decode(bytes(data)), expected)
    assert (Bpg().decode_with_alpha(bytes(data))[:, :, 3] == 255).all()


def test_the_header_decides_how_the_same_planes_are_shown():
    data = load("x265_420_q40_odd.bpg")
    file = read_file(data)
    shape = (file.header.height, file.header.width)
    planes = hevc_pyav.decode_planes(file.colour_units, file.header.tools, "4:2:0", shape[::-1], 8)
    for cosited, space, limited in product((False, True), range(5), (False, True)):
        flags = bytes([(4 if cosited else 1) << 5, space << 4 | limited << 1])
        shown = Bpg().decode(data[:4] + flags + data[6:])
        up = [twin_chroma(plane, shape, "4:2:0", cosited, 8) for plane in planes[1:]]
        twin = np.clip(twin_rgb(planes[0].astype(int), *up, SPACES[space], 8, limited), 0, 255)
        assert np.abs(shown - twin).max() <= 0.5 + 1e-3


def twin_upsampled(samples, length, cosited):
    """Samples at twice the resolution along the last axis, in 1/64."""
    centred = [[2, -6, 18, 57, -10, 4, -1, 0], [-1, 4, -10, 57, 18, -6, 2, 0]]
    even, odd = [[0, 0, 0, 64, 0, 0, 0, 0], [-1, 4, -11, 40, 40, -11, 4, -1]] if cosited else centred
    padded = np.pad(samples.astype(int), [(0, 0), (3, 4)], mode="edge")
    columns = [padded[:, j // 2 : j // 2 + 8] @ np.array(odd if j % 2 else even) for j in range(length)]
    return np.stack(columns, axis=1)


def twin_chroma(chroma, shape, subsampling, cosited, depth):
    if subsampling == "4:4:4":
        return chroma.astype(int)
    top = (1 << depth) - 1
    if subsampling == "4:2:2":
        return np.clip((twin_upsampled(chroma, shape[1], cosited) + 32) >> 6, 0, top)
    tall = (twin_upsampled(chroma.T, shape[0], False).T + ((1 << depth - 8) >> 1)) >> (depth - 8)
    wide = twin_upsampled(tall, shape[1], cosited)
    return np.clip((wide + (1 << 19 - depth)) >> (20 - depth), 0, top)


def twin_rgb(y, first, second, space, depth, limited):
    """The inverse colour transform in floating point."""
    scale = 1 << (depth - 8)
    centre = 128 * scale
    span = (219 * scale, (219 if space in ("rgb", "ycgco") else 224) * scale) if limited else ((1 << depth) - 1,) * 2
    black = 16 * scale if limited else 0
    y = (y - black) / span[0]
    if space == "rgb":
        return 255 * np.stack([(second - black) / span[0], y, (first - black) / span[0]], axis=-1)
    cb, cr = (first - centre) / span[1], (second - centre) / span[1]
    if space == "ycgco":
        return 255 * np.stack([y - cb + cr, y + cb, y - cb - cr], axis=-1)
    red, blue = {"ycbcr": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}[space]
    r, b = y + 2 * (1 - red) * cr, y + 2 * (1 - blue) * cb
    return 255 * np.stack([r, (y - red * r - blue * b) / (1 - red - blue), b], axis=-1)


def halves(side, step):
    return -(-side // step)


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:2:2", "4:4:4"])
@pytest.mark.parametrize("cosited", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (13, 9), (16, 24)])
def test_restored_rgb_is_that_of_plain_loops(subsampling, cosited, shape):
    rng = np.random.default_rng(sum(shape))
    rows, columns = {"4:2:0": (2, 2), "4:2:2": (1, 2), "4:4:4": (1, 1)}[subsampling]
    for space, depth, limited in product(SPACES, (8, 10, 12), (False, True)):
        top = (1 << depth) - 1
        # extremes, so that filters overshoot and colours clip
        y = rng.integers(0, 2, shape) * top
        first, second = rng.integers(0, 3, (2, halves(shape[0], rows), halves(shape[1], columns))) * top // 2
        rgb = bpg_colour.to_rgb(y, (first, second), subsampling, space, depth, limited, cosited)
        up = [twin_chroma(plane, shape, subsampling, cosited, depth) for plane in (first, second)]
        twin = np.clip(twin_rgb(y, *up, space, depth, limited), 0, 255)
        assert rgb.dtype == np.uint8
        assert np.abs(rgb - twin).max() <= 0.5 + 1e-3


@pytest.mark.parametrize("phase", ["centred", "cosited"])
def test_decimation_is_that_of_plain_loops(phase):
    taps = {"centred": {0: 57, 1: 57, -1: 17, 2: 17, -2: -8, 3: -8, -3: -4, 4: -4, -4: 2, 5: 2}}
    taps["cosited"] = {0: 64, -1: 40, 1: 40, -3: -11, 3: -11, -5: 4, 5: 4, -7: -1, 7: -1}
    rng = np.random.default_rng(5)
    for (height, width), depth in product([(1, 1), (7, 10), (16, 9)], (8, 10)):
        top = (1 << depth) - 1
        plane = (rng.integers(0, 2, (height, width)) * top).astype(np.uint16)

        def across(array, weights):
            padded = np.pad(array.astype(int), [(0, 0), (7, 7)], mode="edge")
            columns = range(7, array.shape[1] + 7, 2)
            return np.stack([sum(w * padded[:, c + k] for k, w in weights.items()) for c in columns], axis=1)

        half = across(plane, taps[phase])
        expected = np.clip((half + 64) >> 7, 0, top)
        given = bpg_colour.decimate(plane, "4:2:2", depth, phase == "cosited")
        np.testing.assert_array_equal(given, expected)
        middle = (half + (1 << depth - 8)) >> (depth - 7)
        expected = np.clip((across(middle.T, taps["centred"]).T + (1 << 20 - depth)) >> (21 - depth), 0, top)
        given = bpg_colour.decimate(plane, "4:2:0", depth, phase == "cosited")
        np.testing.assert_array_equal(given, expected)


@pytest.mark.parametrize("space", SPACES)
def test_colour_transform_returns(space):
    rng = np.random.default_rng(3)
    rgb = rng.integers(0, 256, (40, 30, 3), dtype=np.uint8)
    rgb[:2] = [[[0, 0, 0]], [[255, 255, 255]]]
    for depth, limited, tolerance in [(8, False, 2), (8, True, 3), (10, False, 1), (12, False, 0)]:
        y, *chroma = bpg_colour.to_planes(rgb, space, depth, limited)
        twin = twin_rgb(y.astype(float), *(plane.astype(float) for plane in chroma), space, depth, limited)
        assert np.abs(np.clip(twin, 0, 255) - rgb).max() <= tolerance + 0.5
        back = bpg_colour.to_rgb(y, tuple(chroma), "4:4:4", space, depth, limited)
        assert np.abs(back.astype(int) - rgb).max() <= tolerance
    np.testing.assert_array_equal(bpg_colour.to_planes(rgb, "rgb", 8, False), np.moveaxis(rgb[:, :, [1, 2, 0]], 2, 0))


def test_grey_returns_in_every_depth_and_range():
    ramp = np.arange(256, dtype=np.uint8).reshape(8, 32)
    for depth, limited in product((8, 10, 12), (False, True)):
        plane = bpg_colour.grey_to_plane(ramp, depth, limited)
        back = bpg_colour.plane_to_grey(plane, depth, limited)
        assert np.abs(back.astype(int) - ramp).max() <= (1 if depth == 8 and limited else 0)
        rgb = np.repeat(ramp[:, :, None], 3, axis=2)
        np.testing.assert_array_equal(bpg_colour.to_planes(rgb, "ycbcr", depth, limited)[0], plane)


def test_flat_colour_passes_decimation_and_upsampling():
    flat = np.full((9, 7), 200, np.uint16)
    for subsampling in ("4:2:0", "4:2:2"):
        chroma = bpg_colour.decimate(flat, subsampling, 8)
        assert (chroma == 200).all()
        rgb = bpg_colour.to_rgb(flat, (chroma, chroma), subsampling, "rgb", 8, False)
        assert (rgb == 200).all()


@pytest.mark.parametrize("kernel", ["_decimate_rows", "_interpolate_across", "_interpolate_vertically", "_convert"])
def test_kernels_are_the_same_compiled_and_not(kernel):
    rng = np.random.default_rng(4)
    plane = rng.integers(0, 256, (9, 11)).astype(np.uint16)
    arguments = {
        "_decimate_rows": (plane, bpg_colour._DECIMATE_CENTRED, 64, 7, np.zeros((9, 6), np.int64)),
        "_interpolate_across": (
            plane[0].astype(np.int64),
            bpg_colour._CENTRED,
            6,
            255,
            np.zeros(22, np.int64),
        ),
        "_interpolate_vertically": (plane, 5, bpg_colour._CENTRED, 0, np.zeros(11, np.int64)),
        "_convert": (
            rng.integers(0, 256, (4, 5, 3), dtype=np.uint8),
            rng.integers(-1000, 1000, (3, 3)),
            np.array([512, 0, -7]),
            10,
            255,
            np.zeros((3, 4, 5), np.uint16),
        ),
    }[kernel]
    function = getattr(bpg_colour, kernel)
    function(*arguments)
    compiled = arguments[-1].copy()
    arguments[-1][:] = 0
    function.py_func(*arguments)
    np.testing.assert_array_equal(arguments[-1], compiled)
    assert compiled.any()


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:2:2", "4:4:4", "grey"])
@pytest.mark.parametrize("bit_depth", [8, 10])
@pytest.mark.parametrize("colour_space", ["ycbcr", "rgb", "ycgco", "bt709"])
def test_round_trip_over_the_switches(picture, subsampling, bit_depth, colour_space):
    if colour_space == "rgb" and subsampling in ("4:2:0", "4:2:2"):
        with pytest.raises(UsageError, match="4:4:4"):
            Bpg().encode(picture, subsampling=subsampling, colour_space=colour_space)
        return
    crop = picture[:131, :93]
    for limited in (False, True):
        data = Bpg().encode(
            crop,
            qp=10,
            subsampling=subsampling,
            bit_depth=bit_depth,
            colour_space=colour_space,
            limited_range=limited,
        )
        header = read_header(data)
        assert (header.subsampling, header.bit_depth, header.limited_range) == (
            subsampling,
            bit_depth,
            limited,
        )
        assert header.colour_space == ("ycbcr" if subsampling == "grey" else colour_space)
        assert header.slice_qp == 10
        assert header.data_length > 0
        back = Bpg().decode(data)
        if subsampling == "grey":
            assert psnr(back, luma(crop)) > 44
        else:
            assert psnr(luma(back), luma(crop)) > 44
            assert psnr(back, crop) > {"4:2:0": 36, "4:2:2": 37, "4:4:4": 42}[subsampling]


def test_grey_pixels_give_a_grey_picture(picture):
    data = Bpg().encode(picture[:, :, 1], qp=20)
    assert read_header(data).subsampling == "grey"
    assert Bpg().decode(data).shape == picture.shape[:2]


@pytest.mark.parametrize(
    ("switch", "value"), [("sao", False), ("deblock", False), ("psychovisual", True), ("preset", "slower")]
)
def test_switches_reach_the_stream(picture, switch, value):
    plain = Bpg().encode(picture, qp=34)
    changed = Bpg().encode(picture, qp=34, **{switch: value})
    assert plain != changed
    assert not np.array_equal(Bpg().decode(plain), Bpg().decode(changed))
    assert psnr(Bpg().decode(plain), Bpg().decode(changed)) > 30
    tools = read_header(changed).tools
    assert tools.sample_adaptive_offset == (switch != "sao")


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4", "grey"])
def test_size_falls_and_error_grows_with_qp(picture, subsampling):
    files = [Bpg().encode(picture, qp=qp, subsampling=subsampling) for qp in range(0, 52, 3)]
    sizes = [len(file) for file in files]
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == len(sizes)
    target = luma(picture) if subsampling == "grey" else picture
    quality = [psnr(Bpg().decode(file), target) for file in files[::3]]
    assert quality == sorted(quality, reverse=True)
    assert [read_header(file).slice_qp for file in files] == list(range(0, 52, 3))


def test_fraction_of_qp_raises_the_qp_of_chroma(picture):
    for subsampling, offsets in (("4:2:0", [0, 1, 2, 3, 4, 5]), ("4:4:4", [0, 0, 1, 1, 2, 2])):
        files = [Bpg().encode(picture, qp=24 + step / 6, subsampling=subsampling) for step in range(6)]
        headers = [read_header(file) for file in files]
        assert [header.chroma_qp_offsets for header in headers] == [(offset, offset) for offset in offsets]
        assert {header.slice_qp for header in headers} == {24}
        assert len(files[0]) > len(files[3]) > len(Bpg().encode(picture, qp=26, subsampling=subsampling))


@pytest.mark.parametrize("shape", [(1, 1), (1, 70), (3, 5), (8, 8), (8, 33), (9, 9), (17, 31), (65, 63)])
def test_every_size_comes_back(picture, shape):
    crop = picture[60 : 60 + shape[0], 90 : 90 + shape[1]]
    for subsampling in ("4:2:0", "4:2:2", "4:4:4", "grey"):
        data = Bpg().encode(crop, qp=6, subsampling=subsampling)
        header = read_header(data)
        assert (header.height, header.width) == shape
        # x265 takes sides of 16 samples and more, and only a coding block's worth can be cropped
        assert min(header.tools.coded_size(*shape)) >= 16
        back = Bpg().decode(data)
        assert back.shape[:2] == shape
        given = back if subsampling == "grey" else luma(back)
        assert psnr(given, luma(crop)) > 40


def test_encoding_is_deterministic(picture):
    assert len({Bpg().encode(picture, qp=30, subsampling="4:4:4") for _ in range(3)}) == 1


@pytest.mark.parametrize("qp", [-1, 51.5, "28"])
def test_qp_out_of_range_is_refused(picture, qp):
    with pytest.raises(UsageError, match="qp"):
        Bpg().encode(picture, qp=qp)


@pytest.mark.parametrize("name", ["x265_420_q40_odd.bpg", "jctvc_420_q36_odd_m9.bpg", "x265_alpha_q28.bpg"])
def test_a_file_cut_short_is_never_taken_for_whole(name):
    """These files state no length; the loss of a last byte may be harmless, but then the pixels are right."""
    data = load(name)
    whole = Bpg().decode(data)
    for length in [*range(20, len(data) - 20, 23), *range(len(data) - 20, len(data))]:
        try:
            pixels = Bpg().decode(data[:length])
        except CodecError:
            continue
        assert length == len(data) - 1
        np.testing.assert_array_equal(pixels, whole)


def test_damage_raises_nothing_but_codec_errors():
    rng = np.random.default_rng(0)
    data = load("jctvc_alpha_premul_q28.bpg")
    outcomes = []
    for trial in range(300):
        damaged = bytearray(data[: rng.integers(len(data))] if trial % 3 == 0 else data)
        reach = min(len(damaged), 60 if trial % 3 == 1 else len(damaged))
        for _ in range(rng.integers(1, 5) if reach else 0):
            damaged[rng.integers(reach)] ^= 1 << rng.integers(8)
        start = time.perf_counter()
        try:
            Bpg().decode_with_alpha(bytes(damaged))
            outcomes.append(True)
        except CodecError:
            outcomes.append(False)
        assert time.perf_counter() - start < 5
    assert outcomes.count(False) > 200


@pytest.mark.parametrize("data", [b"", b"BPG", b"BPG\xfb", b"\xff\xd8\xff\xe0", bytes(100)])
def test_other_data_are_refused(data):
    with pytest.raises(CodecError):
        Bpg().decode(data)


def test_without_pyav_the_codec_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    hevc_pyav.missing.cache_clear()
    try:
        availability = Bpg().availability()
        assert not availability.encode
        assert not availability.decode
        assert "PyAV is not installed" in availability.reason
        with pytest.raises(CodecUnavailable, match="PyAV"):
            Bpg().decode(load("x265_gray_q30_odd.bpg"))
    finally:
        hevc_pyav.missing.cache_clear()
    assert issubclass(CodecUnavailable, ForensicsError)


def test_importing_the_codec_loads_neither_pyav_nor_numba():
    code = "import sys, forensics.codecs.bpg.codec; print({'av', 'numba'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_version_names_the_libraries():
    assert Bpg().availability().reason == ""
    version = Bpg().version()
    assert version.startswith("x265 ")
    assert "PyAV" in version
    assert "unknown" not in version
