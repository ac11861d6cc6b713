"""Decoding in a process of its own, for decoders that crash on damaged files and would take the whole run with them.

jxrlib divides by zero and writes out of bounds on some damaged JPEG XR files, which no `except` can catch. Such a codec
decodes in a child of this interpreter that is given the file on standard input and answers with the samples; a crash or
a hang of the child becomes a `CodecError`. It costs a quarter of a second a file.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys

import numpy as np

from forensics.codecs import registry
from forensics.errors import CodecError

GUARDED = frozenset({"jpegxr"})
"""Registry names of the codecs that decode in a process of their own."""
TIMEOUT = 300.0
"""Seconds after which a child is given up."""
_HEAD = struct.Struct("<III")


def decode(name: str, data: bytes) -> np.ndarray:
    """Decode a file by the codec of that registry name, in a child process where the codec is in `GUARDED`.

    Returns and raises as `Codec.decode`; a child that crashes or hangs is a `CodecError`.
    """
    if name not in GUARDED or not sys.executable:
        return registry.get(name).decode(data)
    command = [sys.executable, "-m", "forensics.pictures.guarded", name]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        raise CodecError(f"the {name} decoder did not finish within {TIMEOUT:.0f} s") from None
    if done.returncode == 3:
        raise CodecError(done.stderr.decode("utf-8", "replace").rpartition("\0")[2].strip())
    if done.returncode or len(done.stdout) < _HEAD.size:
        raise CodecError(f"the {name} decoder crashed on it: the file is damaged")
    height, width, channels = _HEAD.unpack_from(done.stdout)
    samples = np.frombuffer(done.stdout, np.uint8, offset=_HEAD.size)
    return samples.reshape((height, width, channels) if channels else (height, width)).copy()


def decode_raw(name: str, data: bytes) -> np.ndarray:
    """As `decode`, with the samples as deep as the file holds them; for strips of other containers."""
    return decode(name, data)


def _answer(name: str) -> int:
    """The child: decode standard input, write shape and samples to standard output; 3 and a message when the codec
    refuses.
    """
    answer = os.dup(1)
    os.dup2(2, 1)
    try:
        array = registry.get(name).decode(sys.stdin.buffer.read())
    except CodecError as error:
        sys.stderr.write(f"\0{error}")
        return 3
    channels = array.shape[2] if array.ndim == 3 else 0
    with os.fdopen(answer, "wb") as stream:
        stream.write(_HEAD.pack(array.shape[0], array.shape[1], channels))
        stream.write(np.ascontiguousarray(array, np.uint8).tobytes())
    return 0


if __name__ == "__main__":
    raise SystemExit(_answer(sys.argv[1]))
