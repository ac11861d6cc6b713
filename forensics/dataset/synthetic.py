"""Synthetic source pictures: kinds of content that photographs do not have, made from a seed at any size.

They keep "smooth", "flat", "saturated" or "noisy" from coming to mean "compressed". Text is drawn with the default font of
Pillow itself, so nothing is read from the machine's font folders.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from forensics.errors import UsageError

_Maker = Callable[[int, int, np.random.Generator], np.ndarray]
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:;()"


def synthesise(kind: str, height: int, width: int, seed: int) -> np.ndarray:
    """One synthetic picture, shape (height, width, 3), uint8; the same arguments give the same pixels.

    Raises `UsageError` for a kind that is not in `KINDS` or a side below 8 pixels.
    """
    if kind not in KINDS:
        raise UsageError(f"a synthetic picture is one of {', '.join(KINDS)}, not {kind!r}")
    if min(height, width) < 8:
        raise UsageError(f"a synthetic picture has at least 8x8 pixels, not {width}x{height}")
    generator = np.random.default_rng([seed, list(KINDS).index(kind)])
    picture = KINDS[kind](height, width, generator)
    return np.ascontiguousarray(np.clip(np.rint(picture), 0, 255).astype(np.uint8))


def _colour(generator: np.random.Generator) -> np.ndarray:
    return generator.uniform(0, 255, 3)


def _field(height: int, width: int, exponent: float, generator: np.random.Generator) -> np.ndarray:
    """Gaussian noise with an amplitude spectrum of 1/f**exponent: mean 0, standard deviation 1."""
    spectrum = np.fft.rfft2(generator.standard_normal((height, width)))
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
    frequency[0, 0] = np.inf
    field = np.fft.irfft2(spectrum / frequency**exponent, s=(height, width))
    return field / max(float(field.std()), 1e-12)


def _texture(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    exponent, contrast = generator.uniform(0.6, 1.8), generator.uniform(15, 60)
    shared = _field(height, width, exponent, generator)[:, :, None]
    own = np.stack([_field(height, width, exponent, generator) for _ in range(3)], axis=2)
    colourfulness = generator.uniform(0, 0.6)
    return generator.uniform(80, 175, 3) + contrast * ((1 - colourfulness) * shared + colourfulness * own)


def _gradient(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    rows, columns = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None, :]
    angle = generator.uniform(0, 2 * np.pi)
    position = (np.cos(angle) * columns + np.sin(angle) * rows + 1.42) / 2.84
    if generator.random() < 0.4:
        centre = generator.uniform(-0.7, 0.7, 2)
        position = np.hypot(rows - centre[0], columns - centre[1]) / 2.5
    position = position[:, :, None] ** generator.uniform(0.6, 1.6)
    picture = (1 - position) * _colour(generator) + position * _colour(generator)
    # Half the gradients are dithered, as good rendering software does; the others show bands.
    noise = generator.uniform(-0.5, 0.5, picture.shape) if generator.random() < 0.5 else 0.0
    return picture + noise


def _white_noise(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    deviation = generator.choice([2.0, 6.0, 15.0, 40.0])
    noise = generator.standard_normal((height, width, 3))
    if generator.random() < 0.4:
        noise[:] = noise[:, :, :1]
    return generator.uniform(60, 195, 3) + deviation * noise


def _coloured_noise(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    noise = generator.standard_normal((height, width, 3))
    blur = generator.uniform(0.4, 3.0, 2)
    low = ndimage.gaussian_filter(noise, (blur[0], blur[1], 0))
    field = noise - low if generator.random() < 0.4 else low
    field = field @ generator.uniform(-1, 1, (3, 3))
    return generator.uniform(60, 195, 3) + generator.uniform(5, 40) * field / max(float(field.std()), 1e-12)


def _text(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    light = generator.random() < 0.7
    paper = generator.uniform(200, 255, 3) if light else generator.uniform(0, 60, 3)
    picture = Image.new("RGB", (width, height), tuple(int(v) for v in paper))
    draw, row = ImageDraw.Draw(picture), 2
    while row < height:
        size = int(generator.integers(9, 30))
        ink = generator.uniform(0, 90, 3) if light else generator.uniform(150, 255, 3)
        text = "".join(generator.choice(list(_LETTERS + " " * 12), max(4, 2 * width // size)))
        fill = (int(ink[0]), int(ink[1]), int(ink[2]))
        draw.text((2, row), text, fill=fill, font=ImageFont.load_default(size))
        row += round(size * generator.uniform(1.2, 1.9))
    return np.asarray(picture, np.float64)


def _flat(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    picture = np.empty((height, width, 3))
    picture[:] = _colour(generator)
    for _ in range(int(generator.integers(0, 5))):
        top, left = generator.integers(0, height - 4), generator.integers(0, width - 4)
        picture[top : top + height // 2, left : left + width // 2] = _colour(generator)
    return picture


def _shapes(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    # Drawn at twice the size and averaged for smooth edges, or drawn at size for hard ones.
    scale = int(generator.integers(1, 3))
    colours = [tuple(int(v) for v in _colour(generator)) for _ in range(24)]
    picture = Image.new("RGB", (scale * width, scale * height), colours[0])
    draw = ImageDraw.Draw(picture)
    for fill in colours[1:]:
        corners = generator.integers(-20, scale * max(height, width), 6).tolist()
        shape = generator.integers(0, 3)
        if shape == 0:
            draw.polygon(corners, fill=fill)
        elif shape == 1:
            draw.line(corners[:4], fill=fill, width=int(generator.integers(1, 12)))
        else:
            radius = int(generator.integers(4, max(5, scale * min(height, width) // 4)))
            left, top = corners[0] - radius, corners[1] - radius
            draw.ellipse((left, top, left + 2 * radius, top + 2 * radius), fill=fill)
    return np.asarray(picture.resize((width, height), Image.Resampling.BOX), np.float64)


def _stripes(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    rows, columns = np.mgrid[0:height, 0:width]
    period = generator.uniform(2.0, 40.0) if generator.random() < 0.6 else float(generator.integers(2, 33))
    how = generator.integers(0, 3)
    if how == 0:
        weight = ((rows // period).astype(int) + (columns // period).astype(int)) % 2
    else:
        angle = generator.choice([0.0, np.pi / 2, generator.uniform(0, np.pi)])
        wave = np.sin(2 * np.pi * (np.cos(angle) * columns + np.sin(angle) * rows) / period)
        weight = wave > 0 if how == 1 else (wave + 1) / 2
    weight = np.asarray(weight, np.float64)[:, :, None]
    return weight * _colour(generator) + (1 - weight) * _colour(generator)


def _few_colours(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    levels = int(generator.integers(2, 17))
    field = _field(height, width, generator.uniform(1.0, 2.2), generator)
    bins = np.quantile(field, np.linspace(0, 1, levels + 1)[1:-1])
    return generator.uniform(0, 255, (levels, 3))[np.digitize(field, bins)]


def _saturated(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    fields = np.stack([_field(height, width, generator.uniform(1.0, 1.8), generator) for _ in range(3)], axis=2)
    return generator.uniform(60, 195, 3) + generator.uniform(150, 400) * fields


KINDS: dict[str, _Maker] = {
    "texture": _texture,
    "gradient": _gradient,
    "white-noise": _white_noise,
    "coloured-noise": _coloured_noise,
    "text": _text,
    "flat": _flat,
    "shapes": _shapes,
    "stripes": _stripes,
    "few-colours": _few_colours,
    "saturated": _saturated,
}
"""Kinds of synthetic pictures: 1/f textures, gradients, white and filtered noise, text, flat areas, shapes, stripes and
checkers, areas of a few colours, and areas clipped at black and white."""


def synthetic_names(count: int, seed: int) -> list[str]:
    """Source names of `count` synthetic pictures, kinds in turn: `synthetic/KIND-SEED-NUMBER`."""
    kinds = list(KINDS)
    return [f"synthetic/{kinds[i % len(kinds)]}-{seed}-{i:04d}" for i in range(count)]


def load_synthetic(name: str) -> np.ndarray:
    """The picture of a name that `synthetic_names` gave: 256 to 512 pixels a side, drawn from its seed and number."""
    kind, seed, number = name.removeprefix("synthetic/").rsplit("-", 2)
    sides = np.random.default_rng([int(seed), int(number)]).integers(256, 513, 2)
    return synthesise(kind, int(sides[0]), int(sides[1]), int(seed) * 1_000_003 + int(number))
