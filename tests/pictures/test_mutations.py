"""Files with bytes changed, taken out, put in or cut off: an answer or one line, never another exception, whatever the
format.
"""

from __future__ import annotations

import io
import re
import time

import imagecodecs
import numpy as np
import pytest
import tifffile

from .conftest import make_photo, refusal, saved
from .test_containers import LOSSLESS

SMALL = make_photo(72, 88)
SECONDS = 10.0
"""Processor time that no file of this size may take."""


def heic() -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    pillow_heif.from_bytes("RGB", (88, 72), SMALL.tobytes()).save(buffer, quality=60)
    return buffer.getvalue()


def tiff_of(compression: str) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, SMALL, photometric="rgb", compression=compression)
    return buffer.getvalue()


def bpg() -> bytes:
    from forensics.codecs import registry

    return registry.get("bpg").encode(SMALL)


FILES = {
    **{kind: (lambda make=make: make(SMALL)) for kind, make in LOSSLESS.items()},
    "jpeg": lambda: saved(SMALL, "JPEG", quality=85),
    "jpeg-progressive": lambda: saved(SMALL, "JPEG", quality=85, progressive=True),
    "gif": lambda: saved(SMALL, "GIF"),
    "webp-lossy": lambda: saved(SMALL, "WEBP", quality=80),
    "avif-lossy": lambda: saved(SMALL, "AVIF", quality=60),
    "jpegxl-lossy": lambda: bytes(imagecodecs.jpegxl_encode(SMALL, distance=1.0)),
    "jpeg2000-lossy": lambda: bytes(imagecodecs.jpeg2k_encode(SMALL, level=30)),
    "tiff-jpeg": lambda: saved(SMALL, "TIFF", compression="jpeg"),
    "tiff-g4": lambda: saved(SMALL[:, :, 0] > 120, "TIFF", compression="group4"),
    "tiff-deflate": lambda: saved(SMALL, "TIFF", compression="tiff_adobe_deflate"),
    "tiff-jpeg2000": lambda: tiff_of("jpeg2000"),
    "tiff-jpegxr": lambda: tiff_of("jpegxr"),
    "dib": lambda: saved(SMALL, "BMP")[14:],
    "heic": heic,
    "bpg": bpg,
    "jpegxr": lambda: bytes(imagecodecs.jpegxr_encode(SMALL, level=0.8)),
}


def mutant(data: bytes, rng: np.random.Generator) -> bytes:
    """The file after one to four changes of random kinds; the head is hit as often as all the rest."""
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        if not changed:
            break
        reach = min(len(changed), 600) if rng.random() < 0.5 else len(changed)
        place, count = int(rng.integers(0, reach)), int(rng.integers(1, 24))
        kind = int(rng.integers(0, 6))
        if kind == 0:
            changed[place] ^= 1 << int(rng.integers(0, 8))
        elif kind == 1:
            changed[place : place + count] = rng.integers(0, 256, count, dtype=np.uint8).tobytes()
        elif kind == 2:
            changed[place : place + count] = bytes([int(rng.choice([0, 255]))]) * count
        elif kind == 3:
            del changed[place : place + count]
        elif kind == 4:
            changed[place:place] = changed[place : place + count]
        else:
            del changed[int(rng.integers(0, len(changed))) :]
    return bytes(changed)


def try_mutants(kind: str, count: int, seed: int) -> dict[str, int]:
    data = FILES[kind]()
    rng = np.random.default_rng([seed, *kind.encode()])
    tally = {"opened": 0, "refused": 0}
    for number in range(count):
        changed = mutant(data, rng)
        before = time.process_time()
        said = refusal(changed)
        assert time.process_time() - before < SECONDS, (kind, number)
        assert not re.search(r"\n|0x[0-9a-f]{6}|object at|returned -?\d", said), (kind, number, said)
        tally["refused" if said else "opened"] += 1
    return tally


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", [k for k in FILES if k not in ("bpg",)])
def test_a_few_mutants_of_every_format(kind):
    count = 6 if kind.endswith("jpegxr") else 25  # that decoder runs in a process of its own
    assert sum(try_mutants(kind, count, 1).values()) == count


@pytest.mark.heavy
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", FILES)
def test_many_mutants_of_every_format(kind):
    tally = try_mutants(kind, 300, 2)
    assert tally["refused"] > 0
