"""Synthetic source pictures: kinds of content that photographs do not have, made from a seed at any size.

They keep "smooth", "flat", "saturated" or "noisy" from coming to mean "compressed". Text is drawn with the default font
of Pillow itself, so nothing is read from the machine's font folders.
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


def _paper_and_ink(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two colours far apart, mostly dark on light."""
    light, dark = generator.uniform(190, 255, 3), generator.uniform(0, 80, 3)
    return (light, dark) if generator.random() < 0.75 else (dark, light)


def _coverage(height: int, width: int, generator: np.random.Generator, across: int = 1) -> np.ndarray:
    """Lines of text as the share of each pixel (each third of one where `across` is 3) that ink covers, 0..1."""
    picture = Image.new("L", (across * width, height), 0)
    row, size = 2, int(generator.integers(9, 20))
    while row < height:
        text = "".join(generator.choice(list(_LETTERS + " " * 12), max(4, 2 * width // size)))
        glyphs = Image.new("L", (2 * width, 2 * size + 4), 0)
        ImageDraw.Draw(glyphs).text((2, 0), text, fill=255, font=ImageFont.load_default(size))
        wide = (
            glyphs.resize((across * glyphs.width, glyphs.height), Image.Resampling.BILINEAR) if across > 1 else glyphs
        )
        picture.paste(wide, (0, row))
        row += round(size * generator.uniform(1.3, 1.8))
    return np.asarray(picture, np.float64) / 255


def _subpixel_text(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    paper, ink = _paper_and_ink(generator)
    thirds = ndimage.uniform_filter1d(_coverage(height, width, generator, 3), 3, axis=1)
    share = thirds.reshape(height, width, 3)
    return (1 - share) * paper + share * ink


def _one_bit_text(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    share = (_coverage(height, width, generator) > 0.5)[:, :, None].astype(np.float64)
    if generator.random() < 0.6:
        return 255 * (1 - share) * np.ones(3)
    paper, ink = _paper_and_ink(generator)
    return (1 - share) * paper + share * ink


def _pixel_art(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    scale = int(generator.choice([1, 1, 2, 3, 4, 6, 8]))
    tall, wide = -(-height // scale), -(-width // scale)
    colours = generator.uniform(0, 255, (int(generator.integers(4, 33)), 3))
    field = _field(tall, wide, generator.uniform(0.8, 1.8), generator)
    index = np.digitize(field, np.quantile(field, np.linspace(0, 1, len(colours) + 1)[1:-1]))
    dots = generator.random((tall, wide)) < 0.05
    index[dots] = generator.integers(0, len(colours), int(dots.sum()))
    half = index[:, : wide // 2]
    index[:, wide - half.shape[1] :] = half[:, ::-1]  # sprites are mostly symmetric
    return np.repeat(np.repeat(colours[index], scale, axis=0), scale, axis=1)[:height, :width]


def _codes(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    """Bar codes and matrix codes."""
    picture = np.full((height, width, 3), 255.0)
    scale = int(generator.integers(1, 9))
    if generator.random() < 0.4:
        bars = np.repeat(generator.random(-(-width // scale)) < 0.5, scale)[:width]
        picture[height // 8 : height * 7 // 8, bars] = 0
        return picture
    modules = generator.random((-(-height // scale), -(-width // scale))) < 0.5
    dark = np.repeat(np.repeat(modules, scale, axis=0), scale, axis=1)[:height, :width]
    picture[dark] = 0
    edge = min(height, width) // 10
    picture[:edge] = picture[-edge:] = 255
    picture[:, :edge] = picture[:, -edge:] = 255
    return picture


def _chart(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    scale = int(generator.choice([1, 2, 3]))
    picture = Image.new("RGB", (scale * width, scale * height), (255, 255, 255))
    draw = ImageDraw.Draw(picture)
    for k in range(8):
        at = scale * height * k // 8
        draw.line((0, at, scale * width, at), fill=(220, 220, 220), width=scale)
    for _ in range(int(generator.integers(1, 5))):
        fill = tuple(int(v) for v in _colour(generator))
        values = np.cumsum(generator.normal(0, 1, 60))
        values = (values - values.min()) / max(float(np.ptp(values)), 1e-9) * 0.8 + 0.1
        xs = np.linspace(0.05, 0.95, 60) * scale * width
        if generator.random() < 0.5:
            draw.line(
                [(float(x), float(v * scale * height)) for x, v in zip(xs, values, strict=True)],
                fill=fill,
                width=2 * scale,
            )
        else:
            for x, v in zip(xs[::3], values[::3], strict=True):
                draw.rectangle(
                    (float(x), float((1 - v) * scale * height), float(x) + 6 * scale, scale * height), fill=fill
                )
    draw.text(
        (10 * scale, 4 * scale), "Figure 1: result by year", fill=(0, 0, 0), font=ImageFont.load_default(14 * scale)
    )
    return np.asarray(picture.resize((width, height), Image.Resampling.LANCZOS), np.float64)


def _heat_map(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    """A field through a colour map of 256 colours, as plots of scientific data show it."""
    field = _field(height, width, generator.uniform(0.9, 2.4), generator)
    if generator.random() < 0.4:
        scale = int(generator.integers(2, 12))
        field = np.repeat(np.repeat(field[::scale, ::scale], scale, axis=0), scale, axis=1)[:height, :width]
    knots = np.sort(generator.uniform(0, 255, (3, 6)), axis=1)
    for row in knots:
        if generator.random() < 0.4:
            generator.shuffle(row)
    table = np.stack([np.interp(np.arange(256), np.linspace(0, 255, 6), row) for row in knots], axis=1)
    index = np.clip(127.5 + 55 * field, 0, 255).astype(int)
    return np.rint(table)[index]


def _render(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    """Shaded spheres on a gradient, by Lambert's law with a highlight, without noise."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float64)
    picture = _gradient(height, width, generator)
    light = generator.normal(0, 1, 3)
    light /= np.linalg.norm(light)
    for _ in range(int(generator.integers(3, 9))):
        centre, radius = (
            generator.uniform(0, 1, 2) * (height, width),
            generator.uniform(0.08, 0.35) * min(height, width),
        )
        y, x = (rows - centre[0]) / radius, (columns - centre[1]) / radius
        depth = 1 - x**2 - y**2
        inside = depth > 0
        z = np.sqrt(np.maximum(depth, 0))
        shade = np.maximum(x * light[0] + y * light[1] + z * abs(light[2]), 0)
        colour = _colour(generator) * (0.2 + 0.8 * shade[:, :, None]) + 200 * (shade**30)[:, :, None]
        edge = np.clip(radius * depth / 2, 0, 1)[:, :, None]
        picture = np.where(inside[:, :, None], edge * colour + (1 - edge) * picture, picture)
    return picture


def _fractal(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    scale, centre = 10 ** generator.uniform(-1.6, 0.3), generator.uniform((-0.8, -0.2), (-0.1, 0.4))
    rows, columns = np.mgrid[0:height, 0:width] / max(height, width) - 0.5
    c = centre[0] + scale * columns + 1j * (centre[1] + scale * rows)
    z, count = np.zeros_like(c), np.zeros(c.shape)
    for _ in range(60):
        alive = np.abs(z) < 2
        z[alive] = z[alive] ** 2 + c[alive]
        count += alive
    table = np.stack(
        [127.5 + 127.5 * np.sin(np.arange(61) * f + p) for f, p in generator.uniform(0.05, 1.2, (3, 2))], axis=1
    )
    return table[count.astype(int)]


def _nearly_flat(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    picture = np.empty((height, width, 3))
    picture[:] = np.rint(_colour(generator))
    field = ndimage.gaussian_filter(generator.standard_normal((height, width)), generator.uniform(0.3, 6))
    field *= generator.uniform(0.3, 1.5) / max(float(field.std()), 1e-9)
    return picture + field[:, :, None] * generator.choice([0.0, 1.0], 3, p=[0.2, 0.8])


def _interface(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    """Windows, buttons and text as desktop programs draw them."""
    picture = Image.new("RGB", (width, height), tuple(int(v) for v in generator.uniform(200, 250, 3)))
    draw = ImageDraw.Draw(picture)
    accent = tuple(int(v) for v in _colour(generator))
    draw.rectangle((0, 0, width, 26), fill=accent)
    draw.text((8, 5), "Untitled document", fill=(255, 255, 255), font=ImageFont.load_default(13))
    for _ in range(int(generator.integers(4, 16))):
        left, top = (int(v) for v in generator.integers(0, (max(width - 90, 1), max(height - 30, 1))))
        radius = int(generator.choice([0, 4, 8]))
        draw.rounded_rectangle((left, top, left + 86, top + 24), radius, fill=(250, 250, 250), outline=(150, 150, 150))
        draw.text(
            (left + 8, top + 5),
            str(generator.choice(["Open", "Save as", "Cancel", "Options", "1024 x 768"])),
            fill=(20, 20, 20),
            font=ImageFont.load_default(12),
        )
    return np.asarray(picture, np.float64)


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
    "subpixel-text": _subpixel_text,
    "one-bit-text": _one_bit_text,
    "pixel-art": _pixel_art,
    "codes": _codes,
    "chart": _chart,
    "heat-map": _heat_map,
    "render": _render,
    "fractal": _fractal,
    "nearly-flat": _nearly_flat,
    "interface": _interface,
}
"""Kinds of synthetic pictures: 1/f textures, gradients, white and filtered noise, text, flat areas, shapes, stripes and
checkers, areas of a few colours, areas clipped at black and white; text with sub-pixel and with hard edges, pixel art,
bar and matrix codes, charts, heat maps, renders, fractals, nearly flat areas, and user interfaces."""


def synthetic_names(count: int, seed: int) -> list[str]:
    """Source names of `count` synthetic pictures, kinds in turn: `synthetic/KIND-SEED-NUMBER`."""
    kinds = list(KINDS)
    return [f"synthetic/{kinds[i % len(kinds)]}-{seed}-{i:04d}" for i in range(count)]


def load_synthetic(name: str) -> np.ndarray:
    """The picture of a name that `synthetic_names` gave: 256 to 512 pixels a side, drawn from its seed and number."""
    kind, seed, number = name.removeprefix("synthetic/").rsplit("-", 2)
    sides = np.random.default_rng([int(seed), int(number)]).integers(256, 513, 2)
    return synthesise(kind, int(sides[0]), int(sides[1]), int(seed) * 1_000_003 + int(number))
