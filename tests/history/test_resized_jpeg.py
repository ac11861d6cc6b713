"""A JPEG that was resized is read back to its size, sampling and quality from the lattices of all planes."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from scipy.fft import dctn

import forensics
from forensics.codecs.headers.mpeg_matrix import INTRA_MATRIX
from forensics.history.jpeg import before_reduction, resized
from forensics.history.jpeg.resampling_kernels import KERNELS, taps
from tests.history.test_near_lattice import in_steps

RESAMPLING = Image.Resampling
BY_PILLOW = {"cubic": RESAMPLING.BICUBIC, "triangle": RESAMPLING.BILINEAR, "Lanczos": RESAMPLING.LANCZOS}


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    """Two by two times the sample that was never compressed, so that its blocks differ by their place."""
    sample = Image.open("examples/uncompressed.png").convert("RGB")
    large = Image.new("RGB", (2 * sample.width - 37, 2 * sample.height - 5))
    for left, top in ((0, 0), (sample.width - 37, 0), (0, sample.height - 5), (sample.width - 37, sample.height - 5)):
        large.paste(sample, (left, top))
    return large


def jpeg(picture: Image.Image, quality: int, subsampling: str) -> Image.Image:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality, subsampling=subsampling)
    return Image.open(stream).convert("RGB")


def smaller(picture: Image.Image, scale: float, kernel: Image.Resampling) -> np.ndarray:
    return np.asarray(picture.resize((round(picture.width * scale), round(picture.height * scale)), kernel))


@pytest.mark.parametrize("name", BY_PILLOW)
@pytest.mark.parametrize(("old", "new"), [(96, 71), (100, 50), (90, 101)])
def test_taps_are_those_of_pillow(name: str, old: int, new: int) -> None:
    samples = np.random.default_rng(1).normal(0, 50, old).astype(np.float32)
    at, weights = taps(old, new, new, next(kernel for kernel in KERNELS if kernel.name == name))
    by_pillow = np.asarray(Image.fromarray(samples[None]).resize((new, 1), BY_PILLOW[name]))[0]
    assert np.allclose((weights * samples[at]).sum(axis=1), by_pillow, atol=1e-3)


@pytest.mark.parametrize("half", [False, True])
def test_operators_are_coefficients_of_the_likeliest_samples(half: bool) -> None:
    old, new = 160, 117
    at, weights = taps(old, new, new, KERNELS[0])
    matrix = np.zeros((new, old))
    np.add.at(matrix, (np.arange(new)[:, None], at), weights)
    if half:
        upsampled = np.zeros((old, old // 2))
        for row in range(old):
            upsampled[row, row // 2] += 0.75
            upsampled[row, np.clip(row // 2 + (1 if row % 2 else -1), 0, old // 2 - 1)] += 0.25
        matrix = matrix @ upsampled
    count = matrix.shape[1]
    prior = 400.0 * 0.95 ** np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
    gain = prior @ matrix.T @ np.linalg.inv(matrix @ prior @ matrix.T + 0.1 * np.eye(new))
    seen = matrix @ np.cumsum(np.random.default_rng(2).normal(0, 9, count))
    restored = gain @ seen
    for start, operator in resized._operators(old, new, new, KERNELS[0], half).items():
        for block, (first, read) in enumerate(zip(operator.first, operator.weights, strict=True)):
            samples = restored[start + 8 * block : start + 8 * block + 8]
            expected = dctn(samples, norm="ortho")[:4]
            assert np.allclose(read @ seen[first : first + read.shape[1]], expected, atol=0.5)


@pytest.mark.parametrize(
    ("quality", "subsampling", "scale", "kernel"),
    [
        (92, "4:2:0", 0.75, "Lanczos"),
        (90, "4:2:0", 0.5, "cubic"),
        (85, "4:4:4", 0.62, "triangle"),
        (75, "4:2:2", 0.9, "cubic"),
    ],
)
def test_size_sampling_and_quality_are_read_back(
    picture: Image.Image, quality: int, subsampling: str, scale: float, kernel: str
) -> None:
    reading = resized.read(smaller(jpeg(picture, quality, subsampling), scale, BY_PILLOW[kernel]))
    assert reading is not None
    assert reading.named
    assert (reading.width, reading.height) == picture.size
    assert (reading.quality, reading.sampling, reading.family) == (quality, subsampling, "standard")


def test_tables_of_others_are_read_too(picture: Image.Image) -> None:
    from forensics.codecs.headers.jpeg_tables import TABLE_FAMILIES, scaled_table

    tables = [scaled_table(table, 80).ravel().tolist() for table in TABLE_FAMILIES["robidoux"]]
    stream = io.BytesIO()
    picture.save(stream, "JPEG", qtables=tables, subsampling="4:2:0")
    reading = resized.read(smaller(Image.open(stream).convert("RGB"), 0.8, RESAMPLING.BICUBIC))
    assert reading is not None
    assert reading.named
    assert (reading.family, reading.quality) == ("robidoux", 80)


@pytest.mark.parametrize(("scale", "scan"), [(1.0, False), (0.75, True)])
def test_nothing_is_found_in_what_was_never_compressed(picture: Image.Image, scale: float, scan: bool) -> None:
    reading = resized.read(smaller(picture, scale, RESAMPLING.BICUBIC), scan=scan)
    assert reading is not None
    assert reading.contrast < 6


@pytest.mark.parametrize("steps", [INTRA_MATRIX / 4, np.full((8, 8), 8.0)])
def test_a_resized_frame_of_video_is_no_jpeg(picture: Image.Image, steps: np.ndarray) -> None:
    luma = np.float32(picture.convert("L"))[:464, :464]
    frame = Image.fromarray(np.uint8(in_steps(luma, steps * 255 / 219).clip(0, 255)))
    found = resized.read(smaller(frame, 0.75, RESAMPLING.BICUBIC), scan=False, sizes=[frame.size])
    assert found is not None
    assert found.weight >= resized.FOUND_FROM
    limit = resized.RIVALLED_FLAT if found.family == "flat" else resized.RIVALLED
    assert found.rival > limit * found.contrast
    assert not found.found


def test_a_jpeg_as_it_is_was_not_resized(picture: Image.Image) -> None:
    reading = resized.read(np.asarray(jpeg(picture, 75, "4:2:0")))
    assert reading is None or not reading.found


def test_cells_that_are_alike_are_no_lattice() -> None:
    y, x = np.mgrid[:64, :64] - 31.5
    distance = np.hypot(x, y)
    ball = np.where(distance < 30, 230 - 4 * distance + 25 * np.sin(x / 3) * np.cos(y / 5), 255)
    cells = np.stack([np.tile(ball, (7, 7)) for _ in range(3)], axis=2)
    cells[:, :, 1:] -= 40 * (cells[:, :, 1:] < 255)
    reading = resized.read(cells.clip(0, 255).astype(np.uint8), scan=False)
    assert reading is None or not reading.found


def test_too_small_pictures_are_not_read(picture: Image.Image) -> None:
    assert resized.read(np.asarray(picture)[:90]) is None


def test_grey_pictures_are_read_by_luma(picture: Image.Image) -> None:
    grey = jpeg(picture.convert("L"), 70, "4:4:4").convert("L")
    reading = resized.read(smaller(grey, 0.75, RESAMPLING.BICUBIC))
    assert reading is not None
    assert reading.named
    assert (reading.width, reading.quality, reading.sampling) == (picture.width, 70, "")


def test_the_jpeg_before_the_last_is_read(picture: Image.Image) -> None:
    small = Image.fromarray(smaller(jpeg(picture, 60, "4:2:0"), 0.7, RESAMPLING.LANCZOS))
    found = before_reduction.before_last(np.asarray(jpeg(small, 90, "4:2:0")))
    assert found is not None
    values = {parameter.name: parameter.value for parameter in found.parameters}
    assert abs(values["quality"] - 60) <= 2
    assert values["scale"] == pytest.approx(small.width / picture.width, rel=0.003)


@pytest.mark.parametrize("scale", [0.6, 0.66])
def test_the_last_jpegs_own_chroma_does_not_hide_the_first(picture: Image.Image, scale: float) -> None:
    first = jpeg(picture, 56, "4:2:0")
    last = jpeg(Image.fromarray(smaller(first, scale, RESAMPLING.BILINEAR)), 84, "4:4:4")
    reading = resized.read(np.asarray(last), coded=True)
    assert reading is not None
    assert reading.found
    assert (reading.width, reading.quality) == (picture.width, 56)
    once = jpeg(Image.fromarray(smaller(picture, scale, RESAMPLING.BILINEAR)), 84, "4:4:4")
    assert before_reduction.before_last(np.asarray(once)) is None


def test_the_chain_says_how_far_it_was_reduced_between(picture: Image.Image) -> None:
    small = Image.fromarray(smaller(jpeg(picture, 60, "4:2:0"), 0.7, RESAMPLING.LANCZOS))
    history = forensics.examine(np.asarray(jpeg(small, 90, "4:2:0")), map=False).history
    assert history is not None
    assert [one.codec for one in history.generations] == ["jpeg", "jpeg"]
    (note,) = [one for one in history.notes if "reduced to" in one]
    told = float(note.split("reduced to ")[1].split()[0])
    assert told == pytest.approx(0.7, rel=0.005)


def test_the_verdict_says_from_what_a_fine_jpeg_was_reduced(picture: Image.Image) -> None:
    analysis = forensics.analyze(smaller(jpeg(picture, 92, "4:2:0"), 0.75, RESAMPLING.LANCZOS))
    assert analysis.verdict == "jpeg"
    (statement,) = [one for one in analysis.evidence if one.trace == before_reduction.NAME]
    assert f"a JPEG of quality about 92 (4:2:0) and {picture.width}x{picture.height} pixels" in statement.text
