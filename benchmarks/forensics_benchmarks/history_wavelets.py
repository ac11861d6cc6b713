"""How often the parameters of JPEG 2000 and JPEG XR are recovered: by encoder, ratio, size and at random crop phases.

Every case is a crop of a source, encoded with random switches by a random one of the class's encoders, decoded, and
cropped again at a random offset; of JPEG 2000 the decoded picture itself is a further case, under its own side,
wherever the crop is of the largest size. A parameter counts as declared where the method gives a value; accuracy is
among the declared, coverage the share of cases that are. What was aimed at is met when both are read together.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np

from forensics.codecs import registry
from forensics.codecs.base import Codec, Value
from forensics.history.jpeg2000 import recovery as jpeg2000
from forensics.history.jpegxr import recovery as jpegxr

SIZES = (128, 256, 512)
"""Width and height of what is read, in pixels."""
RATIOS = (4.0, 8.0, 16.0, 32.0, 64.0)
"""Compression ratios that are aimed at."""
_SOURCE_SIDE = 576
"""Side of the part of a source that is used, in pixels: a bound on work."""
SHALLOW = 3
"""Levels up to which a crop of 256 pixels holds enough of the last band; counted apart."""
_TRANSFORMS = {"9/7": "ict", "5/3": "rct"}
_BIN_EDGES = (0.0, 3.0, 6.0, 12.0, 24.0, 48.0, 96.0)
"""Edges of the bands of compression ratios in the tables."""


@dataclass(frozen=True)
class Outcome:
    """One parameter of one case: what it was, what was declared (None where nothing was), at which ratio and size."""

    codec: str
    encoder: str
    size: int
    ratio: float
    parameter: str
    truth: str
    declared: str | None

    @property
    def right(self) -> bool:
        """Whether the declared value is the true one."""
        return self.declared == self.truth


@dataclass(frozen=True)
class Row:
    """Cases of one codec, parameter, size and range of ratios: how many, the share declared, and the share right among
    those.
    """

    codec: str
    parameter: str
    size: int
    ratios: str
    cases: int
    coverage: float
    accuracy: float


def measure(
    sources: Sequence[np.ndarray], *, cases: int = 100, sizes: Sequence[int] = SIZES, seed: int = 0
) -> list[Outcome]:
    """Run `cases` cases of each of the two codecs on RGB sources of at least the largest size; deterministic for a
    seed.
    """
    rng = np.random.default_rng(seed)
    outcomes: list[Outcome] = []
    for number in range(cases):
        size = int(sizes[number % len(sizes)])
        outcomes += jpeg2000_case(_piece(sources, rng, max(sizes)), size, rng, uncropped=size == max(sizes))
        outcomes += jpegxr_case(_piece(sources, rng, max(sizes)), size, rng)
    return outcomes


def _piece(sources: Sequence[np.ndarray], rng: np.random.Generator, least: int) -> np.ndarray:
    source = sources[int(rng.integers(len(sources)))]
    return _crop(source, max(least, min(_SOURCE_SIDE, *source.shape[:2])), rng)[0]


def _crop(pixels: np.ndarray, side: int, rng: np.random.Generator) -> tuple[np.ndarray, tuple[int, int]]:
    top, left = (int(rng.integers(length - side + 1)) for length in pixels.shape[:2])
    return np.ascontiguousarray(pixels[top : top + side, left : left + side]), (top, left)


def _available(names: Iterable[str]) -> list[Codec]:
    return [codec for codec in map(registry.get, names) if codec.availability().encode]


def _phase(declared: tuple[int, int], offset: tuple[int, int], period: int) -> tuple[str, str]:
    """True and declared phase as text: a grid with its origin at the picture's shows at minus the crop's offset."""
    return str(tuple(-place % period for place in offset)), str(tuple(int(place) for place in declared))


def jpeg2000_case(source: np.ndarray, size: int, rng: np.random.Generator, *, uncropped: bool) -> list[Outcome]:
    """A crop of `size`, and with `uncropped` the decoded picture itself too, under its own side."""
    encoders = _available(("jpeg2000", "jpeg2000-psnr", "jpeg2000-openjpeg", "jpeg2000-ht"))
    encoder = encoders[int(rng.integers(len(encoders)))]
    wavelet = "9/7" if encoder.name == "jpeg2000-ht" else str(rng.choice(["9/7", "5/3"]))
    switches: dict[str, Value] = {"levels": int(rng.integers(1, 7)), "colour_transform": bool(rng.random() < 0.7)}
    if "wavelet" in encoder.switches:
        switches["wavelet"] = wavelet
    strengths = {
        "ratio": float(rng.choice(RATIOS)),
        "psnr": float(rng.uniform(27, 48)),
        "step": float(math.exp(rng.uniform(-5.5, -1.6))),
    }
    data = encoder.encode(source, **{encoder.strength.parameter: strengths[encoder.strength.parameter]}, **switches)
    decoded = encoder.decode(data)
    pieces = [_crop(decoded, size, rng), *([(decoded, (0, 0))] if uncropped else [])]
    transform = _TRANSFORMS[wavelet] if switches["colour_transform"] else "none"
    outcomes: list[Outcome] = []
    for piece, offset in pieces:
        recovered = _jpeg2000_recovered(jpeg2000.recover(piece), wavelet, transform, int(switches["levels"]), offset)
        outcomes += _outcomes("jpeg2000", encoder.name, len(piece), source.size / len(data), recovered)
    return outcomes


def _jpeg2000_recovered(
    found: jpeg2000.Jpeg2000History, wavelet: str, transform: str, levels: int, offset: tuple[int, int]
) -> list[tuple[str, object, object]]:
    """Names, true values and declared ones."""
    phase = _phase(found.phase, offset, 1 << found.levels_at_least)
    bound = None if not found.found else "yes" if found.levels_at_least <= levels else "no"
    depth = f"levels, where there are {'up to' if levels <= SHALLOW else 'more than'} {SHALLOW}"
    return [
        ("wavelet", wavelet, found.wavelet),
        ("colour transform", transform, found.colour_transform),
        ("levels", levels, found.levels),
        (depth, levels, found.levels),
        *([(f"{depth}, {wavelet}", levels, found.levels)] if levels > SHALLOW else []),
        ("levels no fewer than said", "yes", bound),
        ("grid phase", phase[0], phase[1] if found.found else None),
    ]


def jpegxr_case(source: np.ndarray, size: int, rng: np.random.Generator) -> list[Outcome]:
    encoders = _available(("jpegxr", "jpegxr-jxrlib", "jpegxr-jxrlib"))
    encoder = encoders[int(rng.integers(len(encoders)))]
    index: int | None = None
    if encoder.name == "jpegxr":
        level = float(rng.uniform(0.05, 0.95))
        data, overlap, subsampling = (
            encoder.encode(source, level=level),
            0 if level >= 0.5 else 2,
            "4:4:4" if level >= 0.5 else "4:2:0",
        )
    else:
        index, overlap = round(math.exp(rng.uniform(math.log(6), math.log(90)))), int(rng.integers(3))
        subsampling = str(rng.choice(["4:4:4", "4:2:2", "4:2:0"]))
        data = encoder.encode(source, quantizer=index, overlap=overlap, subsampling=subsampling)
    crop, offset = _crop(encoder.decode(data), size, rng)
    found = jpegxr.recover(crop)
    phase = _phase(found.phase or (0, 0), offset, found.period)
    recovered: list[tuple[str, object, object]] = [
        ("overlap mode", overlap, found.overlap),
        ("macroblock phase", phase[0], phase[1] if found.phase is not None else None),
    ]
    if (crop[:, :, :1] != crop).any():
        recovered.append(("chroma subsampling", subsampling, found.chroma_subsampling))
    if index is not None:
        recovered += [
            ("quantiser index, high-pass", index, None if found.high_pass is None else found.high_pass.quantizer),
            ("quantiser index, low-pass", index, None if found.low_pass is None else found.low_pass.quantizer),
            ("quantiser index, DC", index, found.dc),
        ]
    return _outcomes("jpegxr", encoder.name, size, source.size / len(data), recovered)


def _outcomes(
    codec: str, encoder: str, size: int, ratio: float, recovered: list[tuple[str, object, object]]
) -> list[Outcome]:
    return [
        Outcome(codec, encoder, size, ratio, name, str(truth), None if declared is None else str(declared))
        for name, truth, declared in recovered
    ]


def summarise(outcomes: Iterable[Outcome], *, by_ratio: bool = True) -> list[Row]:
    """Coverage and accuracy by codec, parameter, size and, where asked for, reached ratio; accuracy is NaN where
    nothing was declared.
    """
    groups: dict[tuple[str, str, int, str], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(
            (outcome.codec, outcome.parameter, outcome.size, _bin(outcome.ratio) if by_ratio else "all"), []
        ).append(outcome)
    rows = [_row(key, group) for key, group in groups.items()]
    return sorted(
        rows, key=lambda row: (row.codec, row.size, row.parameter, float(row.ratios.split()[0]) if by_ratio else 0.0)
    )


def _bin(ratio: float) -> str:
    upper = next((edge for edge in _BIN_EDGES[1:] if ratio < edge), math.inf)
    lower = max(edge for edge in _BIN_EDGES if edge <= ratio)
    return f"{lower:g} to {upper:g}"


def _row(key: tuple[str, str, int, str], group: list[Outcome]) -> Row:
    declared = [outcome for outcome in group if outcome.declared is not None]
    accuracy = sum(outcome.right for outcome in declared) / len(declared) if declared else math.nan
    return Row(*key, cases=len(group), coverage=len(declared) / len(group), accuracy=accuracy)


def report_markdown(rows: Iterable[Row]) -> str:
    """Rows as a Markdown table."""
    from forensics_benchmarks.markdown import table

    return table([field.name for field in fields(Row)], [tuple(_cells(row)) for row in rows])


def _cells(row: Row) -> Iterator[str]:
    for field in fields(Row):
        value = getattr(row, field.name)
        yield (
            f"{100 * value:.1f} %"
            if isinstance(value, float) and not math.isnan(value)
            else "-"
            if isinstance(value, float)
            else str(value)
        )
