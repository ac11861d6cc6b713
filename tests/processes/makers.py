"""Pictures that went through a process beyond the eight codecs, made by the packages and commands that `forensics
codecs` names for it.

For tests, data sets and benchmarks; judging never imports it. Every maker takes pixels, `np.ndarray [shape=(height,
width, 3), dtype=uint8]`, and a generator that draws encoder, decoder and settings, and returns the decoded pixels with
what was drawn. Block textures are cut to whole blocks first.
"""

from __future__ import annotations

import io
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from forensics.errors import CodecUnavailable

Made = tuple[np.ndarray, dict[str, Any]]
Maker = Callable[[np.ndarray, np.random.Generator], Made]

BLOCK = 4
BC1_DECODERS = ("texture2ddecoder", "pillow", "exact", "rounded-up", "in-565")
"""How the levels between two ends are made: by two packages; (2a + b) / 3 of 8-bit ends rounded or with 1 added; in 5
and 6 bits, then widened.
"""


def available(name: str) -> bool:
    """Whether a process has a maker and what it needs is installed."""
    if name not in MAKERS:
        return False
    try:
        MAKERS[name](np.zeros((64, 64, 3), np.uint8), np.random.default_rng(0))
    except (ImportError, FileNotFoundError, CodecUnavailable):
        return False
    return True


def _cut(pixels: np.ndarray) -> np.ndarray:
    height, width = (side // BLOCK * BLOCK for side in pixels.shape[:2])
    return np.ascontiguousarray(pixels[:height, :width])


def _with_alpha(pixels: np.ndarray, alpha: np.ndarray | None = None) -> np.ndarray:
    opaque = np.full(pixels.shape[:2], 255, np.uint8) if alpha is None else alpha
    return np.ascontiguousarray(np.dstack([pixels, opaque]))


def bc1_blocks(pixels: np.ndarray, encoder: str, level: int = 5) -> bytes:
    """BC1 data by `etcpak`, `etcpak-dither`, `quicktex` (at a level of 0 to 18) or `pillow`."""
    height, width = pixels.shape[:2]
    if encoder.startswith("etcpak"):
        import etcpak

        compress = etcpak.compress_bc1_dither if encoder.endswith("dither") else etcpak.compress_bc1
        return bytes(compress(_with_alpha(pixels).tobytes(), width, height))
    if encoder == "quicktex":
        from quicktex import RawTexture
        from quicktex.s3tc.bc1 import BC1Encoder

        return bytes(BC1Encoder(level).encode(RawTexture.frombytes(_with_alpha(pixels).tobytes(), width, height)))
    return _dds(pixels, "DXT1")[128:]


def _dds(pixels: np.ndarray, kind: str) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "DDS", pixel_format=kind)
    return stream.getvalue()


def _open(data: bytes) -> np.ndarray:
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGBA"))


def decode_bc1(data: bytes, height: int, width: int, decoder: str) -> np.ndarray:
    """RGB of BC1 data by one of `BC1_DECODERS` other than `pillow`."""
    if decoder == "texture2ddecoder":
        import texture2ddecoder

        decoded = np.frombuffer(texture2ddecoder.decode_bc1(data, width, height), np.uint8)
        return decoded.reshape(height, width, 4)[..., [2, 1, 0]].copy()
    blocks = np.frombuffer(data, np.dtype([("ends", "<u2", 2), ("indices", "<u4")]))
    small = np.stack([blocks["ends"] >> 11, blocks["ends"] >> 5 & 63, blocks["ends"] & 31], axis=2).astype(np.int64)
    bits = np.array([5, 6, 5])
    ends = small if decoder == "in-565" else _widened(small, bits)
    rounding = {"exact": (1, 1), "rounded-up": (2, 1), "in-565": (1, 1)}[decoder]
    a, b = ends[:, 0], ends[:, 1]
    thirds = [(2 * a + b + rounding[0]) // 3, (a + 2 * b + rounding[0]) // 3]
    halves = [(a + b) // 2, np.zeros_like(a)]
    four = (blocks["ends"][:, 0] > blocks["ends"][:, 1])[:, None]
    colours = np.stack([a, b, *(np.where(four, third, half) for third, half in zip(thirds, halves, strict=True))], 1)
    colours = _widened(colours, bits) if decoder == "in-565" else colours
    index = blocks["indices"][:, None] >> (2 * np.arange(16, dtype=np.uint32)) & 3
    decoded = colours[np.arange(len(blocks))[:, None], index].astype(np.uint8)
    tiled = decoded.reshape(height // BLOCK, width // BLOCK, BLOCK, BLOCK, 3).transpose(0, 2, 1, 3, 4)
    return np.ascontiguousarray(tiled.reshape(height, width, 3))


def _widened(values: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """Values of few bits as 8 bits, the first bits repeated."""
    return values << (8 - bits) | values >> (2 * bits - 8)


def texture_bc(pixels: np.ndarray, numbers: np.random.Generator) -> Made:
    """BC1, BC2, BC3, BC4 (a grey channel) or BC5 (two channels)."""
    kind = str(numbers.choice(["BC1", "BC1", "BC1", "BC2", "BC3", "BC4", "BC5"]))
    return MAKERS_BC[kind](_cut(pixels), numbers)


def _bc1(pixels: np.ndarray, numbers: np.random.Generator) -> Made:
    encoder = str(numbers.choice(["etcpak", "etcpak-dither", "quicktex", "pillow"]))
    decoder, level = str(numbers.choice(BC1_DECODERS)), int(numbers.integers(0, 19))
    drawn = {"kind": "BC1", "encoder": encoder, "decoder": decoder} | (
        {"level": level} if encoder == "quicktex" else {}
    )
    if decoder == "pillow":
        drawn["encoder"] = "pillow"
        return _open(_dds(pixels, "DXT1"))[..., :3].copy(), drawn
    return decode_bc1(bc1_blocks(pixels, encoder, level), *pixels.shape[:2], decoder), drawn


def _alpha_of(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(pixels[..., 1].astype(np.int64) + 40, 0, 255), np.uint8)


def _bc2(pixels: np.ndarray, numbers: np.random.Generator) -> Made:
    decoded = _open(_dds(_with_alpha(pixels, _alpha_of(pixels)), "DXT3"))
    return _kept_or_dropped(decoded, numbers, {"kind": "BC2", "encoder": "pillow", "decoder": "pillow"})


def _bc3(pixels: np.ndarray, numbers: np.random.Generator) -> Made:
    height, width = pixels.shape[:2]
    rgba = _with_alpha(pixels, _alpha_of(pixels))
    if numbers.random() < 0.5:
        drawn = {"kind": "BC3", "encoder": "pillow", "decoder": "pillow"}
        return _kept_or_dropped(_open(_dds(rgba, "DXT5")), numbers, drawn)
    import etcpak
    import texture2ddecoder

    data = bytes(etcpak.compress_bc3(rgba.tobytes(), width, height))
    decoded = np.frombuffer(texture2ddecoder.decode_bc3(data, width, height), np.uint8).reshape(height, width, 4)
    drawn = {"kind": "BC3", "encoder": "etcpak", "decoder": "texture2ddecoder"}
    return _kept_or_dropped(decoded[..., [2, 1, 0, 3]], numbers, drawn)


def _kept_or_dropped(rgba: np.ndarray, numbers: np.random.Generator, drawn: dict[str, Any]) -> Made:
    alpha = bool(numbers.random() < 0.5)
    return np.ascontiguousarray(rgba if alpha else rgba[..., :3]), {**drawn, "alpha": alpha}


def _bc4(pixels: np.ndarray, numbers: np.random.Generator) -> Made:
    import etcpak
    import texture2ddecoder

    height, width = pixels.shape[:2]
    grey = np.repeat(pixels[..., 1:2], 3, axis=2)
    data = bytes(etcpak.compress_bc4(_with_alpha(grey).tobytes(), width, height))
    decoded = np.frombuffer(texture2ddecoder.decode_bc4(data, width, height), np.uint8).reshape(height, width, 4)
    return decoded[..., 2].copy(), {"kind": "BC4", "encoder": "etcpak", "decoder": "texture2ddecoder"}


def _bc5(pixels: np.ndarray, numbers: np.random.Generator) -> Made:
    import etcpak
    import texture2ddecoder

    height, width = pixels.shape[:2]
    data = bytes(etcpak.compress_bc5(_with_alpha(pixels).tobytes(), width, height))
    decoded = np.frombuffer(texture2ddecoder.decode_bc5(data, width, height), np.uint8).reshape(height, width, 4)
    return decoded[..., [2, 1, 0]].copy(), {"kind": "BC5", "encoder": "etcpak", "decoder": "texture2ddecoder"}


MAKERS_BC: dict[str, Maker] = {"BC1": _bc1, "BC2": _bc2, "BC3": _bc3, "BC4": _bc4, "BC5": _bc5}


def texture_etc(pixels: np.ndarray, numbers: np.random.Generator) -> Made:
    """ETC1, plain or dithered, or ETC2, by etcpak."""
    import etcpak
    import texture2ddecoder

    pixels = _cut(pixels)
    height, width = pixels.shape[:2]
    kind = str(numbers.choice(["etc1", "etc1-dither", "etc2"]))
    compress = {
        "etc1": etcpak.compress_etc1_rgb,
        "etc1-dither": etcpak.compress_etc1_rgb_dither,
        "etc2": etcpak.compress_etc2_rgb,
    }[kind]
    data = bytes(compress(_with_alpha(pixels).tobytes(), width, height))
    decode = texture2ddecoder.decode_etc2 if kind == "etc2" else texture2ddecoder.decode_etc1
    decoded = np.frombuffer(decode(data, width, height), np.uint8).reshape(height, width, 4)
    return decoded[..., [2, 1, 0]].copy(), {"kind": kind}


def palette(pixels: np.ndarray, numbers: np.random.Generator) -> Made:
    """64 to 256 colours by Pillow (three ways of choosing them, dithered or not), pngquant, or gifsicle."""
    maker = str(numbers.choice(["pillow", "pillow", "pngquant", "gifsicle"]))
    colours, dithered = int(numbers.choice([64, 128, 256, 256])), bool(numbers.random() < 0.6)
    drawn: dict[str, Any] = {"maker": maker, "colours": colours, "dithered": dithered}
    if maker == "pillow":
        from PIL import Image

        method = str(numbers.choice(["MEDIANCUT", "MAXCOVERAGE", "FASTOCTREE"]))
        image = Image.fromarray(pixels)
        chosen = image.quantize(colours, method=Image.Quantize[method], dither=Image.Dither.NONE)
        if dithered:
            chosen = image.quantize(palette=chosen, dither=Image.Dither.FLOYDSTEINBERG)
        return np.asarray(chosen.convert("RGB")), {**drawn, "method": method}
    return (_pngquant if maker == "pngquant" else _gifsicle)(pixels, colours, dithered), drawn


def _pngquant(pixels: np.ndarray, colours: int, dithered: bool) -> np.ndarray:
    options = [] if dithered else ["--nofs"]
    return _through(["pngquant", str(colours), *options, "--output", "OUT", "IN"], pixels, ".png")


def _gifsicle(pixels: np.ndarray, colours: int, dithered: bool) -> np.ndarray:
    from PIL import Image

    options = ["--dither"] if dithered else []
    with tempfile.TemporaryDirectory() as folder:
        plain, out = Path(folder, "in.gif"), Path(folder, "out.gif")
        Image.fromarray(pixels).quantize(256, dither=Image.Dither.NONE).save(plain)
        command = ["gifsicle", "--colors", str(colours), *options, "-o", str(out), str(plain)]
        subprocess.run(command, check=True, capture_output=True)
        return _open(out.read_bytes())[..., :3].copy()


def _through(command: list[str], pixels: np.ndarray, suffix: str) -> np.ndarray:
    """What a command makes of a PNG; `IN` and `OUT` stand for the files."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        names = {"IN": str(Path(folder, "in.png")), "OUT": str(Path(folder, f"out{suffix}"))}
        Image.fromarray(pixels).save(names["IN"])
        subprocess.run([names.get(word, word) for word in command], check=True, capture_output=True)
        return _open(Path(names["OUT"]).read_bytes())[..., :3].copy()


def webp_near_lossless(pixels: np.ndarray, numbers: np.random.Generator) -> Made:
    """Near-lossless WebP by cwebp at one of its five levels."""
    level, method = int(numbers.choice([0, 20, 40, 60, 80])), int(numbers.integers(1, 7))
    command = ["cwebp", "-quiet", "-near_lossless", str(level), "-m", str(method), "IN", "-o", "OUT"]
    return _through(command, pixels, ".webp"), {"level": level, "method": method}


def jpeg_ls_near(pixels: np.ndarray, numbers: np.random.Generator) -> Made:
    """JPEG-LS of RGB or of the green channel as grey, by imagecodecs."""
    import imagecodecs

    near, grey = int(numbers.integers(1, 6)), bool(numbers.random() < 0.3)
    taken = np.ascontiguousarray(pixels[..., 1] if grey else pixels)
    return imagecodecs.jpegls_decode(imagecodecs.jpegls_encode(taken, level=near)), {"near": near, "grey": grey}


def lerc(pixels: np.ndarray, numbers: np.random.Generator) -> Made:
    """LERC of RGB or of the green channel as grey, by imagecodecs."""
    import imagecodecs

    error, grey = int(numbers.integers(1, 5)), bool(numbers.random() < 0.3)
    taken = np.ascontiguousarray(pixels[..., 1] if grey else pixels)
    return imagecodecs.lerc_decode(imagecodecs.lerc_encode(taken, level=error)), {"error": error, "grey": grey}


def wsq(pixels: np.ndarray, numbers: np.random.Generator) -> Made:
    """WSQ of luma by the package wsq, at a ratio of 5 to 20."""
    import _wsq
    import wsq as plugin  # noqa: F401  brings the library with it

    luma = np.asarray(np.rint(pixels @ np.array([0.299, 0.587, 0.114])), np.uint8)
    ratio = float(numbers.uniform(5, 20))
    decoded, width, height, _ = _wsq.decompress(_wsq.compress(luma.tobytes(), *luma.shape, ratio))
    return np.frombuffer(bytes(decoded), np.uint8).reshape(height, width).copy(), {"ratio": round(ratio, 2)}


MAKERS: dict[str, Maker] = {
    "texture-bc": texture_bc,
    "texture-etc": texture_etc,
    "palette": palette,
    "wsq": wsq,
    "jpeg-ls-near": jpeg_ls_near,
    "webp-near-lossless": webp_near_lossless,
    "lerc": lerc,
}
"""Makers by the name of their process; those of video frames are with the data sets."""
