"""Blocks of luma that VP8's own arithmetic gives to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from forensics.codecs import registry
from forensics.codecs.headers.vp8 import read_header
from forensics.history.recoding import _vp8_kernels as kernels
from forensics.history.recoding import vp8
from forensics.history.recoding import vp8_lattice as lattice
from forensics.results.history import Parameter
from tests.history.test_jpegxr import textured


def decoded(quality: float, preset: str = "default", side: int = 288) -> tuple[np.ndarray, float]:
    """A WebP's pixels from row 5 and column 11 on, and the mean quantiser index that its header states."""
    encoder = registry.get("webp")
    data = encoder.encode(textured(side), quality=quality, preset=preset)
    return np.ascontiguousarray(encoder.decode(data)[5:, 11:]), read_header(data).quantizer


@pytest.mark.parametrize("quality", [60, 90])
def test_without_a_loop_filter_nearly_all_blocks_are_explained(quality):
    pixels, index = decoded(quality, "icon")
    found = lattice.explained(pixels, (3, 1))
    assert found.share > 0.9
    assert found.shifted < 0.01
    assert found.indices == (index,)


def test_with_one_those_blocks_are_that_it_leaves_alone():
    pixels, index = decoded(40)
    found = lattice.explained(pixels, (3, 1))
    assert 0.05 < found.share < 0.95
    assert found.shifted < 0.01
    assert found.indices[0] < index < found.indices[-1]


@pytest.mark.parametrize("codec", ["jpeg", "jpeg2000", "jpegxr", "jpegxl", None])
def test_other_pictures_have_no_such_blocks(codec):
    pixels = textured(288)
    if codec:
        encoder = registry.get(codec)
        pixels = encoder.decode(encoder.encode(pixels))
    assert lattice.explained(pixels, (0, 0)).indices == ()


def test_the_history_says_it():
    pixels, index = decoded(90, "icon")
    history = vp8.Vp8History(vp8.Grid((3, 1), 9.0, 9.0, (11, 5), 4))
    (said,) = lattice.confirmation(pixels, history)
    assert (said.name, said.unit) == ("explained_blocks", "")
    assert said.value > 0.9
    assert f"index {index:.0f} to the bit" in said.basis
    (none,) = lattice.confirmation(textured(288), history)
    assert none.value is None
    assert "no quantiser index" in none.reason
    (nothing,) = lattice.confirmation(pixels, vp8.Vp8History(reason="no grid"))
    assert nothing.reason == "no grid"
    flat = np.full((288, 288, 3), 99, np.uint8)
    assert "too few" in lattice.confirmation(flat, history)[0].reason


def test_the_history_finds_the_grid():
    pixels, _ = decoded(75, side=384)
    history = vp8.recover(pixels, [Parameter("quantizer_index", 26.0, low=10.0, high=42.0)])
    assert history.grid.phase == (3, 1)
    assert lattice.confirmation(pixels, history)[0].value > 0.05


def naive_prediction(mode: int, edge: list[int]) -> list[list[int]]:
    """Prediction of a block as RFC 6386 clause 12.3 lists it, `B[row][column]`; E: from the left below to the right."""
    left, corner, above = edge[3::-1], edge[4], edge[5:]
    out = [[0] * 4 for _ in range(4)]
    if mode == 0:
        return [[(sum(above[:4]) + sum(left) + 4) >> 3] * 4 for _ in range(4)]
    if mode == 1:
        return [[min(max(left[r] + above[c] - corner, 0), 255) for c in range(4)] for r in range(4)]
    row = [corner, *above]
    if mode == 2:
        return [[(row[c] + 2 * row[c + 1] + row[c + 2] + 2) >> 2 for c in range(4)] for _ in range(4)]
    column = [corner, *left, left[3]]
    if mode == 3:
        return [[(column[r] + 2 * column[r + 1] + column[r + 2] + 2) >> 2] * 4 for r in range(4)]

    def two(i: int) -> int:
        return (edge[i] + edge[i + 1] + 1) >> 1

    def three(i: int) -> int:
        return (edge[i - 1] + 2 * edge[i] + edge[i + 1] + 2) >> 2

    end = (above[6] + 3 * above[7] + 2) >> 2
    low = (edge[1] + 3 * edge[0] + 2) >> 2
    places = {
        4: ["4567", "3456", "2345", "1234"],
        5: ["6789", "789a", "89ab", "9abE"],
    }
    if mode in places:
        return [[end if c == "E" else three(int(c, 16)) for c in line] for line in places[mode]]
    named = {
        6: ["u4 u5 u6 u7", "t4 t5 t6 t7", "t3 u4 u5 u6", "t2 t4 t5 t6"],
        7: ["u5 u6 u7 u8", "t6 t7 t8 t9", "u6 u7 u8 ta", "t7 t8 t9 tb"],
        8: ["u2 t2 u1 t1", "u1 t1 u0 lo", "u0 lo e0 e0", "e0 e0 e0 e0"],
        9: ["u3 t4 t5 t6", "u2 t3 u3 t4", "u1 t2 u2 t3", "u0 t1 u1 t2"],
    }
    for r, line in enumerate(named[mode]):
        for c, name in enumerate(line.split()):
            if name == "lo":
                out[r][c] = low
            elif name == "e0":
                out[r][c] = edge[0]
            else:
                at = int(name[1], 16)
                out[r][c] = two(at) if name[0] == "u" else three(at)
    return out


@pytest.mark.parametrize("mode", range(10))
@pytest.mark.parametrize("compiled", [True, False])
def test_prediction_against_the_list_of_the_standard(mode, compiled):
    predict = kernels.predict_block if compiled else kernels.predict_block.py_func
    rng = np.random.default_rng(mode)
    for edge in (*rng.integers(0, 256, (20, 13)), np.zeros(13, np.int64), np.full(13, 255)):
        out = np.empty(16, np.int64)
        predict(mode, edge, out)
        assert out.reshape(4, 4).tolist() == naive_prediction(mode, edge.tolist())


@pytest.mark.parametrize("compiled", [True, False])
def test_the_inverse_transform_is_the_ideal_one_but_for_rounding(compiled):
    inverse = kernels.inverse_transform if compiled else kernels.inverse_transform.py_func
    matrix = np.linalg.inv(lattice.forward_matrix())
    rng = np.random.default_rng(0)
    for _ in range(50):
        coefficients = rng.integers(-300, 301, 16) * (rng.random(16) < 0.4)
        work, out = np.empty(16, np.int64), np.empty(16, np.int64)
        inverse(coefficients, work, out)
        assert np.abs(out - matrix @ coefficients).max() < 1.5
        assert np.abs(out - matrix @ coefficients).mean() < 0.5
    one = np.zeros(16, np.int64)
    one[0] = 80
    inverse(one, work, out)
    assert out.tolist() == [10] * 16


@pytest.mark.parametrize("mode", range(4))
def test_prediction_of_macroblocks_against_loops(mode):
    plane = np.random.default_rng(mode).integers(0, 256, (40, 40))
    out = np.empty(16, np.int64)
    kernels.predict_macroblock(mode, plane, 8, 12, 16, 20, out)
    for i in range(4):
        for j in range(4):
            above, beside = plane[7, 20 + j], plane[16 + i, 11]
            mean = (plane[7, 12:28].sum() + plane[8:24, 11].sum() + 16) >> 5
            wanted = (mean, np.clip(above + beside - plane[7, 11], 0, 255), above, beside)[mode]
            assert out[4 * i + j] == wanted
