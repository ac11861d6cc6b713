"""Aiming at a ratio, an SSIM or a size: made-up encoders with known curves, then real ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from forensics import quality
from forensics.codecs import registry
from forensics.codecs.base import Availability, Codec, Strength, Switch, Value
from forensics.codecs.target.bracket import Bracket
from forensics.codecs.target.search import Reached, to_max_bytes, to_ratio, to_ssim
from forensics.codecs.target.typical import DISSIMILARITY, RATIO, Scale
from forensics.errors import UnreachableTarget, UsageError

PICTURE = np.random.default_rng(3).integers(40, 216, (64, 64, 3), dtype=np.uint8)
RAW = PICTURE.size
FINE = Strength("level", finest=10.0, coarsest=0.0, default=5.0)
WHOLE = Strength("level", finest=0, coarsest=40, default=20, integer=True)


class Curve(Codec):
    """An encoder whose file has the ratio `curve(level)`; decoding adds noise of amplitude `curve(level) / 4`."""

    name = "curve"
    codec = "jpeg"
    suffix = ".bin"
    strength = FINE
    switches: Mapping[str, Switch] = {"speed": Switch(1, (1, 2), "nothing")}

    def __init__(self, curve: Callable[[float], float], *parts: Strength) -> None:
        self.curve = curve
        self.parts = parts or (FINE,)
        self.tried: list[float] = []

    def availability(self) -> Availability:
        return Availability(True, True)

    def version(self) -> str:
        return "curve 1"

    def segments(self, parameters: Mapping[str, Value]) -> tuple[Strength, ...]:
        assert parameters["speed"] in (1, 2)
        return self.parts

    def _encode(self, pixels: np.ndarray, parameters: Mapping[str, Value]) -> bytes:
        level = float(parameters["level"])
        assert any(min(p.finest, p.coarsest) <= level <= max(p.finest, p.coarsest) for p in self.parts)
        self.tried.append(level)
        ratio = self.curve(level)
        return np.float64(ratio).tobytes() + bytes(max(round(pixels.size / ratio) - 8, 0))

    def decode(self, data: bytes) -> np.ndarray:
        amplitude = float(np.frombuffer(data[:8])[0]) / 4
        noise = np.random.default_rng(0).normal(0, amplitude, PICTURE.shape)
        return np.clip(np.round(PICTURE + noise), 0, 255).astype(np.uint8)


def steady(level: float) -> float:
    return 2 * 100 ** ((10 - level) / 10)


CURVES: dict[str, Callable[[float], float]] = {
    "straight": steady,
    "steep at the fine end": lambda level: 2 + 200 * (1 - level / 10) ** 4,
    "steep at the coarse end": lambda level: 2 * 100 ** ((1 - level / 10) ** 3),
    "like a quality": lambda level: 2 + 3 * (10 - level) / (level + 0.1),
    "flat in the middle": lambda level: 20 * math.exp(3 * ((5 - level) / 5) ** 3),
    "wobbling": lambda level: steady(level) * (1 + 0.01 * math.sin(40 * level)),
}


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("target", [5.0, 13.0, 40.0, 110.0])
def test_a_ratio_is_reached_in_few_encodes(name: str, target: float) -> None:
    codec = Curve(CURVES[name])
    reached = to_ratio(codec, PICTURE, target)
    assert reached.ratio == pytest.approx(target, rel=0.02)
    assert reached.encodes == len(codec.tried) <= 9
    assert len(set(codec.tried)) == len(codec.tried)
    assert codec.encode(PICTURE, **reached.parameters) == reached.data
    assert (reached.kind, reached.target) == ("ratio", target)


def test_what_was_reached_is_what_is_in_the_file() -> None:
    codec = Curve(steady)
    reached = to_ratio(codec, PICTURE, 20)
    assert reached.ratio == RAW / len(reached.data)
    assert reached.bits_per_pixel == pytest.approx(24 / reached.ratio)
    assert np.array_equal(reached.pixels, codec.decode(reached.data))
    assert reached.ssim == quality.ssim(PICTURE, reached.pixels)
    assert reached.psnr == quality.psnr(PICTURE, reached.pixels)
    tiny = Reached(codec, PICTURE[:8, :8], b"1", {}, "ratio", 1.0)
    assert math.isnan(tiny.ssim)


@pytest.mark.parametrize("target", [0.99, 0.95, 0.9, 0.8])
def test_an_ssim_is_reached(target: float) -> None:
    codec = Curve(lambda level: 2 * 200 ** ((10 - level) / 10))
    reached = to_ssim(codec, PICTURE, target)
    assert reached.ssim == pytest.approx(target, abs=0.003)
    assert reached.encodes == len(codec.tried) <= 8
    assert reached.kind == "ssim"


@pytest.mark.parametrize("target", [3.0, 17.0, 90.0])
def test_an_integer_parameter_takes_the_nearest_value(target: float) -> None:
    def curve(level: float) -> float:
        return 2 * 1.13**level

    codec = Curve(curve, WHOLE)
    reached = to_ratio(codec, PICTURE, target, tolerance=0.001)
    nearest = min(range(41), key=lambda level: abs(RAW / round(RAW / curve(level)) / target - 1))
    assert reached.parameters["level"] == nearest
    assert isinstance(reached.parameters["level"], int)
    assert len(codec.tried) <= 7


def test_a_file_limit_takes_the_finest_integer_that_fits() -> None:
    for limit in (RAW // 100, 1000, 2345, 4096):
        codec = Curve(lambda level: 2 * 1.13**level, WHOLE)
        reached = to_max_bytes(codec, PICTURE, limit)
        level = int(reached.parameters["level"])
        assert len(reached.data) <= limit < len(codec.encode(PICTURE, level=level - 1))


def test_a_file_limit_takes_a_real_parameter_close_to_it() -> None:
    for limit in (200, 999, 3000):
        reached = to_max_bytes(Curve(steady), PICTURE, limit)
        assert 0.99 * limit <= len(reached.data) <= limit
    everything_fits = Curve(steady)
    reached = to_max_bytes(everything_fits, PICTURE, RAW)
    assert reached.parameters["level"] == 10.0
    with pytest.raises(UnreachableTarget, match=r"reaches file sizes from 6144 to 61 on this picture, not 50"):
        to_max_bytes(Curve(steady), PICTURE, 50)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("target", [1.5, 900.0])
def test_an_unreachable_ratio_tells_the_range(target: float, strict: bool) -> None:
    codec = Curve(steady)
    with pytest.raises(UnreachableTarget, match=r"curve reaches ratios from 2 to 201\.4 on this picture, not"):
        to_ratio(codec, PICTURE, target, strict=strict)
    assert len(codec.tried) <= 5


def test_an_unreachable_ssim_tells_the_range() -> None:
    with pytest.raises(UnreachableTarget, match=r"reaches SSIMs from 0\.99\d+ to 0\.\d+ on this picture, not 0\.05"):
        to_ssim(Curve(lambda level: 2 + (10 - level)), PICTURE, 0.05)


def test_a_search_cut_short() -> None:
    with pytest.raises(UnreachableTarget, match=r"the closest of \d files is \d"):
        to_ratio(Curve(CURVES["flat in the middle"]), PICTURE, 77, tolerance=1e-4, max_encodes=3)
    codec = Curve(CURVES["flat in the middle"])
    reached = to_ratio(codec, PICTURE, 77, tolerance=1e-4, max_encodes=3, strict=False)
    errors = [abs(RAW / round(RAW / codec.curve(level)) / 77 - 1) for level in codec.tried]
    assert reached.encodes == len(errors) == 3
    assert abs(reached.ratio / 77 - 1) == pytest.approx(min(errors), abs=1e-9)


@pytest.mark.parametrize("tolerance", [0.0, 1e-9])
def test_encoders_with_steps_and_noise_end(tolerance: float) -> None:
    rng = np.random.default_rng(1)
    unruly: list[Callable[[float], float]] = [
        lambda level: steady(round(level)),
        lambda level: steady(level) * rng.uniform(0.8, 1.25),
        lambda level: 20.0,
        lambda level: 5.0 if level > 3 else 90.0,
    ]
    for curve in unruly:
        for target in (4.0, 20.5, 80.0):
            codec = Curve(curve)
            try:
                to_ratio(codec, PICTURE, target, tolerance=tolerance, strict=False)
            except UnreachableTarget:
                assert curve(9.9) > target or curve(0.1) < target
            assert len(codec.tried) <= 14


def test_steps_of_the_encoder_give_the_nearest_file() -> None:
    codec = Curve(lambda level: 5.0 if level > 3 else 90.0)
    reached = to_ratio(codec, PICTURE, 6.0, max_encodes=20)
    assert reached.ratio == pytest.approx(5.0, rel=1e-3)


FINER = Strength("level", finest=10.0, coarsest=5.0, default=8.0)
COARSER = Strength("level", finest=4.99, coarsest=0.0, default=2.0)


def jumping(level: float) -> float:
    """2 to 20 above level 5, 40 to 200 below."""
    return 2 * 10 ** ((10 - level) / 5) if level >= 5 else 40 * 5 ** ((5 - level) / 5)


def overlapping(level: float) -> float:
    """2 to 20 above level 5, 10 to 100 below."""
    return 2 * 10 ** ((10 - level) / 5) if level >= 5 else 10 * 10 ** ((5 - level) / 5)


@pytest.mark.parametrize("curve", [jumping, overlapping])
@pytest.mark.parametrize("target", [2.0, 4.0, 12.0, 18.0, 42.0, 90.0])
def test_every_segment_is_found(curve: Callable[[float], float], target: float) -> None:
    codec = Curve(curve, FINER, COARSER)
    assert to_ratio(codec, PICTURE, target).ratio == pytest.approx(target, rel=0.02)
    assert len(codec.tried) <= 9


def test_a_jump_between_segments_cannot_be_hit() -> None:
    with pytest.raises(UnreachableTarget, match=r"from 2 to 201\.4 .* the closest of \d+ files is (20|40)"):
        to_ratio(Curve(jumping, FINER, COARSER), PICTURE, 28)
    reached = to_ratio(Curve(jumping, FINER, COARSER), PICTURE, 36, strict=False)
    assert reached.ratio == pytest.approx(40, rel=0.02)
    largest = to_max_bytes(Curve(jumping, FINER, COARSER), PICTURE, RAW // 28)
    assert largest.ratio == pytest.approx(40, rel=0.02)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: to_ratio(c, PICTURE, 0), "positive number, not 0"),
        (lambda c: to_ratio(c, PICTURE, math.nan), "positive number, not nan"),
        (lambda c: to_ratio(c, PICTURE, 8, tolerance=-1), "tolerance is 0 or more"),
        (lambda c: to_ratio(c, PICTURE, 8, max_encodes=0), "at least 1 encode"),
        (lambda c: to_ratio(c, PICTURE, 8, parameters={"level": 3.0}), "level is what is searched for"),
        (lambda c: to_ratio(c, PICTURE, 8, parameters={"tempo": 3}), "no parameter 'tempo'"),
        (lambda c: to_ratio(c, PICTURE.astype(float), 8), "uint8"),
        (lambda c: to_ssim(c, PICTURE, 1.0), "between 0 and 1"),
        (lambda c: to_ssim(c, PICTURE[:10], 0.9), "11 pixels a side"),
        (lambda c: to_max_bytes(c, PICTURE, 0), "at least 1 byte"),
    ],
)
def test_targets_that_make_no_sense(call: Callable[[Codec], Reached], message: str) -> None:
    codec = Curve(steady)
    with pytest.raises(UsageError, match=message):
        call(codec)
    assert codec.tried == []


def test_switches_are_kept() -> None:
    assert to_ratio(Curve(steady), PICTURE, 9, parameters={"speed": 2}).parameters["speed"] == 2


def test_a_scale_and_its_inverse() -> None:
    for name in ("jpeg", "jpeg2000", "jpegxr", "jpegxl", "avif", "bpg"):
        for segment in registry.get(name).segments({}):
            for curve in (RATIO, DISSIMILARITY):
                scale = Scale(registry.get(name).codec, segment, curve)
                places = np.linspace(scale.finest, scale.coarsest, 23)
                positions = [scale.position_at(place) for place in places]
                assert positions[0] == 0
                assert positions[-1] == 1
                assert np.all(np.diff(positions) > 0)
                if not segment.integer:
                    again = [scale.place(float(segment.at(p))) for p in positions]
                    assert again == pytest.approx(places, abs=1e-9)


def test_a_bracket_never_repeats_a_setting_and_halves() -> None:
    bracket = Bracket(Scale("none", WHOLE, RATIO), math.log(30))
    seen: list[int] = []
    while (setting := bracket.next_setting()) is not None and bracket.side() == "inside":
        seen.append(int(setting))
        bracket.add(setting, 0.0 if setting < 33 else 9.0)
    assert len(set(seen)) == len(seen) <= 9
    assert {32, 33} <= set(seen)


def scene(size: int = 160) -> np.ndarray:
    y, x = np.mgrid[:size, :size].astype(np.float64)
    waves = [128 + 80 * np.sin(x * (y + 9) / 500 + phase) * np.cos(y / (9 + 4 * phase)) for phase in range(3)]
    pixels = np.stack(waves, axis=2) + np.random.default_rng(5).normal(0, 4, (size, size, 1))
    return np.clip(np.round(pixels), 0, 255).astype(np.uint8)


REAL: dict[str, dict[str, Value]] = {
    "jpeg": {},
    "jpeg2000": {},
    "jpegxr": {},
    "bpg": {"preset": "ultrafast"},
    "webp": {},
    "avif": {"speed": 9},
    "heic": {"preset": "ultrafast"},
    "jpegxl": {"effort": 3},
    "jpegxr-jxrlib": {},
}


@pytest.mark.parametrize("name", REAL)
def test_real_encoders_reach_ratios_ssims_and_sizes(name: str) -> None:
    codec, picture = registry.get(name), scene()
    if not codec.availability().encode:
        pytest.skip(codec.availability().reason)
    encodes = []
    for target in (12.0, 20.0, 30.0):
        # Not strict: JPEG XR has a jump between its segments.
        reached = to_ratio(codec, picture, target, parameters=REAL[name], tolerance=0.05, strict=False)
        assert reached.ratio == pytest.approx(target, rel=0.12)
        encodes.append(reached.encodes)
    for target in (0.97, 0.93):
        reached = to_ssim(codec, picture, target, parameters=REAL[name])
        assert reached.ssim == pytest.approx(target, abs=0.02)
        encodes.append(reached.encodes)
    reached = to_max_bytes(codec, picture, 4000, parameters=REAL[name])
    assert 2800 < len(reached.data) <= 4000
    assert np.mean(encodes) <= 5


def test_jpeg_2000_asks_for_the_ratio_itself() -> None:
    for target in (12.0, 33.3, 64.0):
        reached = to_ratio(registry.get("jpeg2000"), scene(320), target)
        assert reached.encodes == 1
        assert reached.parameters["ratio"] == pytest.approx(target)
