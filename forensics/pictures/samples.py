"""What a decoder of this package gives back, and the rules that all of them share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forensics.errors import CodecUnavailable, ForensicsError, PictureError


@dataclass
class Samples:
    """Decoded samples.

    Attributes
    ----------
    array : np.ndarray [shape=(height, width[, 1 to 4]), dtype=uint8 or uint16]
        Two and four channels end in alpha.
    notes : list of str
        What was done or left out that a reader of the result must know.
    facts : dict
        Facts that only decoding tells.
    """

    array: np.ndarray
    notes: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


def beyond_palette(index: np.ndarray, entries: int, notes: list[str]) -> None:
    """Note the share of samples that name colours behind the last of a palette; decoders make them black or what they
    will.
    """
    past = float((index >= entries).mean()) if index.size else 0.0
    if past:
        share = f"{100 * past:.1f} %" if past >= 0.0005 else "under 0.1 %"
        notes.append(
            f"{share} of the samples name colours that the palette of {entries} lacks: they were read as black, and "
            "the file is damaged"
        )


def damaged(what: str) -> PictureError:
    """The error for a file whose data are not whole."""
    return PictureError(f"the file is truncated or damaged: {what}")


@contextmanager
def decoding(what: str) -> Iterator[None]:
    """Turn whatever a library raises into one line that says what could not be decoded, free of addresses and of the
    library's own numbers.

    What says nothing of the file is not called damage: a full disk is named, what goes wrong while a kernel is compiled
    is raised as it is.
    """
    try:
        yield
    except ForensicsError:
        raise
    except ImportError:
        raise CodecUnavailable(f"{what} cannot be decoded here") from None
    except MemoryError:
        raise
    except NotImplementedError as error:  # what the decoder lacks is no damage
        raise PictureError(f"{what} cannot be read: {_feature(error)}") from None
    except Exception as error:
        if type(error).__module__ == "builtins" and isinstance(error, OSError) and error.errno is not None:
            raise PictureError(f"{what} cannot be decoded here: {error.strerror}") from None
        if _while_compiling(error):
            raise
        raise damaged(f"{what} cannot be decoded{reason(error)}") from None


def _feature(error: NotImplementedError) -> str:
    """The feature that a decoder says it lacks, or that it lacks one."""
    text = " ".join(str(error).split())
    plain = text and len(text) < 80 and not any(mark in text for mark in ("0x", "<", "_", "::"))
    return text if plain else "they use a feature that the decoder does not have"


def _while_compiling(error: BaseException) -> bool:
    trace = error.__traceback__
    while trace is not None:
        if str(trace.tb_frame.f_globals.get("__name__")).startswith("numba."):
            return True
        trace = trace.tb_next
    return False


_PLAIN_WORDS = frozenset(
    [
        "truncated",
        "corrupt",
        "corrupted",
        "damaged",
        "incomplete",
        "checksum",
        "crc",
        "unexpected",
        "end",
        "eof",
        "broken",
        "missing",
        "premature",
        "invalid",
    ]
)


def reason(error: BaseException) -> str:
    """The part of a library's message that means something to a user, with a separator in front; empty where there is
    none.

    Messages with object addresses, names of C functions or return codes are left out.
    """
    text = " ".join(str(error).split())
    if (
        not text
        or len(text) > 120
        or any(mark in text for mark in ("0x", "<", "returned", "_", "::", "error -", "Error -"))
    ):
        return ""
    words = {word.strip(".,:;").lower() for word in text.split()}
    return f": {text}" if words & _PLAIN_WORDS else ""


def scale_to_sixteen(samples: np.ndarray, maximum: int) -> np.ndarray:
    """Samples of 0 to `maximum` as uint16 of the full range, rounded."""
    return _scaled(samples, maximum, 65535).astype(np.uint16)


def scale_to_eight(samples: np.ndarray, maximum: int) -> np.ndarray:
    """Samples of 0 to `maximum` as uint8 of the full range, rounded."""
    return _scaled(samples, maximum, 255).astype(np.uint8)


def _scaled(samples: np.ndarray, maximum: int, full: int) -> np.ndarray:
    kind = np.uint32 if maximum * full < 1 << 31 else np.uint64
    wide = np.minimum(samples.astype(kind), kind(maximum))
    return (wide * kind(full) + kind(maximum // 2)) // kind(maximum)


def ycbcr_to_rgb(samples: np.ndarray, bits: int, weights: tuple[float, ...] = ()) -> np.ndarray:
    """Full-range YCbCr of 8 bits to RGB by the luma weights of red, green and blue (TIFF 6.0 section 21), BT.601 by
    default.
    """
    if bits != 8:
        raise PictureError(f"it holds YCbCr samples of {bits} bits; 8 bits are read")
    usable = len(weights) == 3 and min(weights) > 0 and abs(sum(weights) - 1) < 0.01
    from forensics_features.standards import LUMA_WEIGHTS  # compiles nothing, but its package brings numba along

    red, green, blue = weights if usable else LUMA_WEIGHTS["bt601"]
    y, cb, cr = (samples[:, :, k].astype(np.float32) for k in range(3))
    cb, cr = (cb - 128) * (2 - 2 * blue), (cr - 128) * (2 - 2 * red)
    rgb = np.stack([y + cr, y - (blue * cb + red * cr) / green, y + cb], axis=2)
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8)


LENGTHS_ONLY = "lengths were checked; damage inside the coded data could not be detected"
"""Said of formats and coding processes that carry nothing by which damaged data could be recognised."""

ENDS_CHECKED = (
    "lengths and the ends of the coded data were checked; nothing in this format could tell damage that keeps both"
)
"""Said of formats without checksums whose decoders end where whole data do."""
