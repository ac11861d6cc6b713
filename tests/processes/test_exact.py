"""Exact tests of processes beyond the eight: found on real files at any crop and turn, silent on other pictures,
kernels as naive twins count.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from forensics_features.block_texture import bc1_counts, bc4_counts, etc_counts, widened
from forensics_features.content import bent_pixels
from forensics_features.palette_colours import palette_colours
from forensics_features.residual_lattice import block_lattice
from PIL import Image

from forensics.processes.registry import get, processes
from forensics.processes.run import found_in, run_exact
from forensics.processes.sampling import ORIENTATIONS, best_grid, oriented
from forensics.report.plots import plot_trace

EXACT = [name for name, one in processes().items() if one.exact]


def textured(seed: int = 5, side: int = 200) -> np.ndarray:
    """A coloured texture with smooth and rough parts, uint8 RGB."""
    numbers = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side]
    waves = sum(
        np.sin(rows * numbers.uniform(-0.2, 0.2) + columns * numbers.uniform(-0.2, 0.2) + k)[..., None]
        * numbers.uniform(5, 22, 3)
        for k in range(12)
    )
    rough = numbers.normal(0, 9, (side, side, 1)) + numbers.normal(0, 4, (side, side, 3))
    return np.asarray(np.clip(127 + waves + rough * (columns > side // 3)[..., None], 1, 254), np.uint8)


def cut(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(pixels[3:195, 6:190])


def bc1_decoded(pixels: np.ndarray, seed: int = 1) -> np.ndarray:
    """Blocks of 4x4 as BC1 holds them, by an encoder of our own: ends at a block's extremes on the 5:6:5 lattice, four
    levels.
    """
    height, width = (side // 4 * 4 for side in pixels.shape[:2])
    blocks = pixels[:height, :width].reshape(height // 4, 4, width // 4, 4, 3).transpose(0, 2, 1, 3, 4)
    blocks = blocks.reshape(-1, 16, 3).astype(np.int64)
    luma = blocks.sum(axis=2)
    index = np.arange(len(blocks))
    lattices = (widened(5), widened(6), widened(5))
    ends = [
        np.stack(
            [lattice[np.abs(c[:, None] - lattice).argmin(axis=1)] for c, lattice in zip(e.T, lattices, strict=True)], 1
        )
        for e in (blocks[index, luma.argmin(axis=1)], blocks[index, luma.argmax(axis=1)])
    ]
    levels = np.stack([ends[0], (2 * ends[0] + ends[1]) // 3, (ends[0] + 2 * ends[1]) // 3, ends[1]], axis=1)
    nearest = ((blocks[:, :, None] - levels[:, None]) ** 2).sum(axis=3).argmin(axis=2)
    decoded = levels[index[:, None], nearest].reshape(height // 4, width // 4, 4, 4, 3).transpose(0, 2, 1, 3, 4)
    return decoded.reshape(height, width, 3).astype(np.uint8)


def test_a_bc1_texture_is_found_at_its_phase_and_in_every_turn() -> None:
    decoded = bc1_decoded(textured())
    for orientation in range(ORIENTATIONS):
        trace = get("texture-bc").exact(cut(oriented(decoded, orientation)))  # type: ignore[misc]
        assert trace.found
        assert trace.speaks_for == ("texture-bc",)
        assert trace.statistic == 1.0
    assert get("texture-bc").exact(decoded[3:, 1:]).parameters["phase"] == [1, 3]  # type: ignore[misc]


def test_lerc_blocks_and_jpeg_ls_contexts_are_found_with_their_errors() -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    for error in (1, 3):
        decoded = imagecodecs.lerc_decode(imagecodecs.lerc_encode(textured(), level=error))
        trace = get("lerc").exact(cut(decoded))  # type: ignore[misc]
        assert trace.found
        assert trace.parameters["error"] == error
        assert trace.parameters["phase"] == [5, 2]
        assert found_in(run_exact(cut(decoded))) == "lerc"
    for near, grey in ((1, True), (4, False)):
        taken = np.ascontiguousarray(textured()[..., 1] if grey else textured())
        decoded = imagecodecs.jpegls_decode(imagecodecs.jpegls_encode(taken, level=near))
        trace = get("jpeg-ls-near").exact(cut(np.ascontiguousarray(np.rot90(decoded))))  # type: ignore[misc]
        assert trace.found
        assert trace.parameters["near"] == near
        assert "270" in trace.parameters["scan"]


@pytest.mark.parametrize("name", ["texture-etc", "wsq", "webp-near-lossless", "palette"])
def test_files_of_real_encoders_are_found(name: str) -> None:
    makers = _makers(name)
    pixels = textured(side=260)
    for seed in range(3):
        decoded, drawn = makers(pixels, np.random.default_rng(seed))
        if drawn.get("level") == 80:  # the finest step: noise as rough as this one leaves it too little to stand on
            continue
        trace = get(name).exact(np.ascontiguousarray(decoded[3:251, 6:250]))  # type: ignore[misc]
        assert trace.found, drawn
        assert name in trace.speaks_for


def _makers(name: str) -> Callable[..., tuple[np.ndarray, dict[str, object]]]:
    import importlib.util
    from pathlib import Path

    spec = importlib.util.spec_from_file_location("makers", Path(__file__).with_name("makers.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not module.available(name):
        pytest.skip(f"what makes {name} here is not installed")
    return module.MAKERS[name]  # type: ignore[no-any-return]


def drawn_pictures() -> dict[str, np.ndarray]:
    numbers = np.random.default_rng(3)
    sprite = numbers.integers(0, 256, (16, 3)).astype(np.uint8)[numbers.integers(0, 16, (48, 48))]
    ramp = np.linspace(0, 255, 192).astype(np.uint8)
    noise = numbers.integers(0, 256, (128, 128, 3)).astype(np.uint8)
    table = np.stack([np.arange(256), np.arange(256)[::-1], (np.arange(256) * 2) % 256], axis=1).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(textured()).save(stream, "JPEG", quality=70)
    return {
        "texture": textured(),
        "noise": noise,
        "grey": np.repeat(textured()[..., 1:2], 3, axis=2),
        "sprite, repeated": sprite.repeat(4, 0).repeat(4, 1),
        "sprite": np.tile(sprite, (4, 4, 1)),
        "posterised": textured() // 43 * 51,
        "six bits": textured() // 4 * 4 + 1,
        "ramp": np.repeat(np.tile(ramp, (192, 1))[..., None], 3, axis=2),
        "colour map": table[textured()[..., 0]],
        "JPEG": np.asarray(Image.open(stream)),
        "flat": np.full((96, 96, 3), 77, np.uint8),
    }


@pytest.mark.parametrize("name", sorted(drawn_pictures()))
def test_other_pictures_trip_nothing(name: str) -> None:
    traces = run_exact(drawn_pictures()[name])
    assert found_in(traces) is None, traces
    assert set(traces) == set(EXACT)
    assert all(not trace.speaks_for for trace in traces.values())


@pytest.mark.parametrize("name", EXACT)
def test_every_trace_has_a_name_a_sentence_and_a_figure(name: str) -> None:
    pytest.importorskip("matplotlib")
    for pixels in (textured(side=96), np.full((80, 64), 9, np.uint8)):
        trace = get(name).exact(pixels)  # type: ignore[misc]
        assert trace.name == get(name).trace
        assert trace.sentence.endswith(".")
        assert not trace.found
        assert plot_trace(trace).figure is not None


def test_sixteen_bits_and_alpha_are_taken() -> None:
    deep = textured(side=96).astype(np.uint16) * 257
    assert found_in(run_exact(deep)) is None
    assert found_in(run_exact(np.dstack([textured(side=96), np.full((96, 96), 255, np.uint8)]))) is None


def test_bends_are_those_of_a_plain_count() -> None:
    pixels = textured(side=40)
    wide = pixels.astype(int)
    count = 0
    for i in range(1, 39):
        for j in range(1, 39):
            across = abs(wide[i, j - 1] + wide[i, j + 1] - 2 * wide[i, j]).max()
            down = abs(wide[i - 1, j] + wide[i + 1, j] - 2 * wide[i, j]).max()
            count += max(across, down) >= 3
    assert bent_pixels(pixels) == count > 0
    assert bent_pixels(drawn_pictures()["ramp"]) == bent_pixels(drawn_pictures()["flat"]) == 0


def test_blocks_of_one_lattice_are_those_of_a_plain_count() -> None:
    plane = textured(side=36)[..., 1] // 2 * 2 + np.arange(36)[:, None].astype(np.uint8) // 12
    counts = np.zeros((8, 8, 3), int)
    for i in range(36 - 7):
        for j in range(36 - 7):
            block = plane[i : i + 8, j : j + 8].astype(int)
            low, high = block.min(), block.max()
            fits = ((block - low) % 2 == 0) | (block == high)
            counts[i % 8, j % 8, 0 if high - low < 6 else 1 if fits.all() else 2] += 1
    assert np.array_equal(block_lattice(plane, 2), counts)
    assert counts[..., 1].sum() > 0


def test_bc1_blocks_are_those_of_a_plain_count() -> None:
    """Blocks of three or four colours whose ends are both used: the plain rule; others are left to the kernel."""
    decoded = bc1_decoded(textured(side=60))
    counts = bc1_counts(decoded)
    assert counts[0, 0, 2] == 0
    colours = [
        len(np.unique(decoded[i : i + 4, j : j + 4].reshape(-1, 3), axis=0))
        for i in range(0, 60, 4)
        for j in range(0, 60, 4)
    ]
    assert counts[0, 0, 0] == sum(k <= 2 for k in colours)
    assert counts[0, 0, 1] == sum(k > 2 for k in colours)
    noise = np.random.default_rng(1).integers(0, 256, (60, 60, 3)).astype(np.uint8)
    assert bc1_counts(noise)[..., 1].sum() == 0
    assert bc4_counts(noise[..., 0])[..., 1].sum() == 0
    assert etc_counts(noise)[..., 1].sum() == 0
    assert bc1_counts(noise[:3, :3]).sum() == 0


def test_a_grid_that_is_no_better_than_its_neighbours_is_no_evidence() -> None:
    even = np.zeros((4, 4, 3), np.int64)
    even[..., 1] = 400
    assert best_grid(even).log10_nfa > 0
    even[1:, :, 1], even[1:, :, 2] = 20, 380
    even[0, 1:, 1], even[0, 1:, 2] = 20, 380
    assert best_grid(even).log10_nfa < -100
    assert best_grid(even).phase == (0, 0)


def test_a_colour_map_lies_on_one_line_and_a_palette_does_not() -> None:
    mapped = palette_colours(drawn_pictures()["colour map"])
    assert mapped is not None
    assert mapped.ends < 0.05
    reduced = Image.fromarray(textured()).quantize(96, dither=Image.Dither.NONE).convert("RGB")
    chosen = palette_colours(np.asarray(reduced))
    assert chosen is not None
    assert chosen.ends > 0.1
    assert palette_colours(textured()) is None
    assert palette_colours(np.concatenate([np.zeros((70, 80, 3), np.uint8), textured()[:, :80]])) is None


def test_other_directions_count_in_small_pictures_too() -> None:
    """A lattice of the drawing itself shows along every scan: it is no coder's, however few pairs the others have."""
    from forensics.processes.jpeg_ls_near import _outcome

    alike = [(632, 496, 400), *([(520, 410, 320)] * 7)]
    assert _outcome(2, 0, alike).log10_nfa > -2
    lone = [(632, 496, 400), *([(200, 700, 320)] * 7)]
    assert _outcome(2, 0, lone).log10_nfa < -2


def test_few_errors_need_a_larger_share_for_near_lossless_webp(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small drawing of which most steps along rows are multiples of four, and a quarter is not."""
    from forensics.processes import webp_near_lossless

    numbers = np.random.default_rng(1)
    drawn = np.full((64, 64), 120)
    for i in range(64):
        for j in range(20, 44):
            step = 4 * int(numbers.integers(-6, 7))
            if numbers.random() > 0.75:
                step += int(numbers.integers(1, 4))
            drawn[i, j] = min(max(drawn[i, j - 1] + step, 1), 254)
    pixels = np.repeat(drawn[::2].astype(np.uint8)[..., None], 3, axis=2)
    trace = webp_near_lossless.test(pixels)
    assert trace.statistic > 0.7
    assert not trace.found
    assert not trace.speaks_for
    monkeypatch.setattr(webp_near_lossless, "_SCATTER", 0.0)
    assert webp_near_lossless.test(pixels).found
