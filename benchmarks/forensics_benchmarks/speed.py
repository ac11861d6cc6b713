"""Speed of the extractors compared with public equivalents, in the same run, on one core.

A figure is a ratio against a named peer; absolute megapixels per second are shown for orientation and hold for one
machine only.
"""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from forensics_features import FAMILIES, FeatureExtractor, as_planes, family


@dataclass(frozen=True)
class Timing:
    """Median seconds of one subject and its spread (half the interquartile range), and the peer's where there is
    one.
    """

    name: str
    seconds: float
    spread: float
    peer: str = ""
    peer_seconds: float = float("nan")
    peer_spread: float = 0.0


def made_picture(side: int) -> np.ndarray:
    """A textured picture that went through a JPEG once, `np.ndarray [shape=(side, side, 3), dtype=uint8]`."""
    from PIL import Image

    rng = np.random.default_rng(0)
    noise = np.fft.rfft2(rng.normal(size=(side, side, 3)), axes=(0, 1))
    radius = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None])[..., None]
    texture = np.fft.irfft2(noise / (radius + 0.01), s=(side, side), axes=(0, 1))
    pixels = np.clip(128 + 40 * texture / texture.std(), 0, 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=85)
    with Image.open(stream) as picture:
        return np.asarray(picture)


def timed(call: Callable[[], object], repeat: int) -> tuple[float, float]:
    """Median seconds of a call and half the interquartile range, after one call that warms up."""
    call()
    runs = []
    for _ in range(repeat):
        start = time.perf_counter()
        call()
        runs.append(time.perf_counter() - start)
    if len(runs) < 3:
        return statistics.median(runs), 0.0
    low, _, high = statistics.quantiles(runs, n=4)
    return statistics.median(runs), 0.5 * (high - low)


def peers(pixels: np.ndarray) -> dict[str, tuple[str, Callable[[], object]]]:
    """For each family the nearest public equivalent that is installed: its name and the call."""
    planes = as_planes(pixels)
    found: dict[str, tuple[str, Callable[[], object]]] = {}

    import scipy.fft

    def dct_64_phases() -> None:
        height, width = planes.y.shape
        for phase in range(64):
            top, left = divmod(phase, 8)
            part = planes.y[top : top + (height - top) // 8 * 8, left : left + (width - left) // 8 * 8]
            blocks = part.reshape(part.shape[0] // 8, 8, part.shape[1] // 8, 8).transpose(0, 2, 1, 3)
            scipy.fft.dctn(blocks, axes=(2, 3), norm="ortho")

    found["block_dct"] = ("SciPy dctn of 8x8 blocks at 64 phases", dct_64_phases)
    found["lapped"] = ("SciPy dctn of 8x8 blocks at 64 phases", dct_64_phases)
    try:
        import pywt

        levels = min(5, pywt.dwt_max_level(min(planes.y.shape) - 1, "bior4.4"))
        found["wavelet"] = (
            f"PyWavelets wavedec2 bior4.4, {levels} levels, 4 parities",
            lambda: [pywt.wavedec2(planes.y[a:, b:], "bior4.4", level=levels) for a in (0, 1) for b in (0, 1)],
        )
    except ImportError:
        pass
    try:
        import skimage.color
        import skimage.feature
        import skimage.measure

        found["lattice"] = ("scikit-image rgb2ycbcr", lambda: skimage.color.rgb2ycbcr(pixels))
        found["chroma"] = found["lattice"]
        found["blockiness"] = ("scikit-image blur_effect", lambda: skimage.measure.blur_effect(planes.y))
        grey = np.rint(planes.y).astype(np.uint8)
        found["cooccurrence"] = (
            "scikit-image graycomatrix, 4 angles",
            lambda: skimage.feature.graycomatrix(grey, [1], [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]),
        )
    except ImportError:
        pass
    try:
        import sealwatch

        found["cooccurrence"] = ("sealwatch SPAM", lambda: sealwatch.spam.extract(np.rint(planes.y).astype(np.uint8)))
        found["blockiness"] = ("sealwatch DCTR", lambda: sealwatch.dctr.extract(planes.y - 128.0, 4.0))
    except ImportError:
        pass
    return found


def measure(side: int = 512, repeat: int = 7) -> list[Timing]:
    """Time PNG decoding, every family with its peer, and the full vector on a made picture of `side` pixels."""
    from PIL import Image

    pixels = made_picture(side)
    planes = as_planes(pixels)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    rows = [
        Timing("PNG decoding (Pillow)", *timed(lambda: np.asarray(Image.open(io.BytesIO(stream.getvalue()))), repeat))
    ]
    equivalents = peers(pixels)
    for name in FAMILIES:
        compute = family(name).compute
        own = timed(partial(compute, planes), repeat)
        if name in equivalents:
            peer, call = equivalents[name]
            rows.append(Timing(name, *own, peer, *timed(call, repeat)))
        else:
            rows.append(Timing(name, *own))
    extractor = FeatureExtractor()
    rows.append(
        Timing(
            "full vector",
            *timed(lambda: extractor.vector(pixels), repeat),
            rows[0].name,
            rows[0].seconds,
            rows[0].spread,
        )
    )
    return rows


def ratio(value: float, around: float, yardstick: float, yardstick_around: float) -> str:
    """A ratio with its spread, the two spreads taken as independent."""
    quotient = value / yardstick
    error = quotient * ((around / value) ** 2 + (yardstick_around / yardstick) ** 2) ** 0.5
    return f"{quotient:.2f} ± {error:.2f}"


def report_markdown(rows: list[Timing], side: int = 512) -> str:
    """Timings as a Markdown table."""
    from forensics_benchmarks.markdown import table

    cells = []
    for row in rows:
        faster = ratio(row.peer_seconds, row.peer_spread, row.seconds, row.spread) if row.peer else "-"
        cells.append(
            (
                row.name,
                f"{1e3 * row.seconds:.2f} ± {1e3 * row.spread:.2f}",
                f"{side * side / 1e6 / row.seconds:.1f}",
                row.peer or "-",
                faster,
            )
        )
    return table(["subject", "ms", "MP/s", "peer", "times as fast as the peer"], cells)
