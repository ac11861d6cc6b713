"""Pictures made for the tests of reconstruction, and what real decoders make of them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image, ImageDraw


def scene(seed: int = 0, height: int = 96, width: int = 128, *, bright: float = 0.0) -> np.ndarray:
    """Smooth colours with texture, `np.ndarray [shape=(height, width, 3), dtype=uint8]`; `bright` pushes parts of it
    into clipping.
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    spectrum = rng.normal(size=(height, width, 3)) + 1j * rng.normal(size=(height, width, 3))
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None]) + 1 / max(height, width)
    texture = np.fft.ifft2(spectrum / radius[..., None] ** 1.3, axes=(0, 1)).real
    texture *= 28 / texture.std()
    base = np.stack([120 + 40 * np.sin(x / 31), 110 + 30 * np.cos(y / 23), 100 + 20 * np.sin((x + y) / 41)], axis=2)
    return np.clip(base + texture + bright, 0, 255).astype(np.uint8)


def drawing(seed: int = 0, height: int = 160, width: int = 208) -> np.ndarray:
    """Dark smoothed lines on white ground, `np.ndarray [shape=(height, width), dtype=uint8]`."""
    rng = np.random.default_rng(seed)
    large = Image.new("L", (4 * width, 4 * height), 255)
    pen = ImageDraw.Draw(large)
    for _ in range(24):
        ends = rng.integers(0, [4 * width, 4 * height] * 2).tolist()
        pen.line(ends, fill=int(rng.integers(0, 120)), width=int(rng.integers(4, 12)))
    return np.asarray(large.resize((width, height), Image.Resampling.BOX))


def jpeg_file(pixels: np.ndarray, quality: int, subsampling: str = "4:2:0", **options: Any) -> bytes:
    """The picture as libjpeg-turbo codes it through Pillow."""
    out = io.BytesIO()
    if pixels.ndim == 3:
        options = {"subsampling": subsampling, **options}
    Image.fromarray(pixels).save(out, "JPEG", quality=quality, **options)
    return out.getvalue()


def real_decoding(data: bytes) -> np.ndarray:
    """What libjpeg-turbo gives through Pillow."""
    with Image.open(io.BytesIO(data)) as image:
        return np.array(image)


def tables_of(data: bytes) -> list[np.ndarray]:
    """Quantisation tables in raster order, luma first."""
    with Image.open(io.BytesIO(data)) as image:
        return [np.array(table, np.int64) for table in image.quantization.values()]
