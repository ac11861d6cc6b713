"""JPEG 2000 files: the samples of their components, brought to one size and to grey or RGB as the JP2 header says."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from forensics.errors import PictureError
from forensics.pictures import jpeg2000_chroma, jpeg2000_stream
from forensics.pictures.depth_in_use import spread
from forensics.pictures.jpeg2000_stream import Boxes, Codestream
from forensics.pictures.samples import ENDS_CHECKED, LENGTHS_ONLY, Samples, damaged, decoding, scale_to_eight

_SRGB, _GREY, _SYCC, _CMYK, _ESYCC = 16, 17, 18, 12, 24
"""Values of `EnumCS` (ITU-T T.800 I.5.3.3 and T.801 M.11.7.3)."""


def colour(stream: Codestream, boxes: Boxes) -> str:
    """Colour space of the samples as stored: `grey`, `rgb`, `ycbcr`, `palette`, `cmyk`, or the number of components."""
    colours = len(stream.depths) - len(boxes.alpha)
    if boxes.palette is not None:
        return "palette"
    if boxes.space == _CMYK:
        return "cmyk"
    if boxes.space in (14, 15):
        return "lab"
    if boxes.space == _ESYCC:
        return "e-sycc"
    if boxes.space == _SYCC and colours >= 3:
        return "ycbcr"
    if boxes.space == _SRGB and len(stream.depths) >= 3:
        return "rgb"
    if boxes.space == _GREY and not stream.colour_transform:
        return "grey"
    if colours in (1, 2):
        return "grey"
    return "rgb" if colours in (3, 4) else f"{colours} components"


def decode(data: bytes) -> Samples:
    """Samples of a JPEG 2000 file at 8 bits, or 16 where it has more, with alpha as the last channel where the header
    names one.

    Raises
    ------
    PictureError
        Tiles are missing, code-blocks are spoilt, or the components are of a kind that is not read.
    """
    stream = jpeg2000_stream.checked(data)
    boxes = jpeg2000_stream.read_boxes(data)
    if len(set(stream.depths)) > 1:
        raise PictureError("its JPEG 2000 components have different depths; that is not read")
    if jpeg2000_chroma.applies(stream):
        array, note = jpeg2000_chroma.decode(stream)
        return Samples(array, [*stream.notes, note], {"integrity": LENGTHS_ONLY})
    with decoding("its JPEG 2000 data"):
        import imagecodecs

        # The whole file: OpenJPEG follows the header's palette and turns sYCC to RGB.
        whole = jpeg2000_stream.rebuilt(data, stream)
        with _warnings() as said:
            samples = np.asarray(imagecodecs.jpeg2k_decode(whole, numthreads=1, verbose=2))
    ends = (found for line in said if (found := _ENDS_ELSEWHERE.search(line)))
    if spoilt := sum(int(found[1]) > _MOST_BESIDE[found[2]] for found in ends):
        blocks = f"{spoilt} of its code-blocks end" if spoilt > 1 else "one of its code-blocks ends"
        raise damaged(f"{blocks} elsewhere than {'their' if spoilt > 1 else 'its'} decoder does")
    count = boxes.palette.shape[1] if boxes.palette is not None else len(stream.depths)
    if samples.ndim == 3 and samples.shape[0] == count and samples.shape[2] != count:
        samples = np.moveaxis(samples, 0, 2)
    samples = samples[:, :, None] if samples.ndim == 2 else samples
    if stream.depths[0] < 0:
        samples = (samples.astype(np.int32) + (1 << (-stream.depths[0] - 1))).astype(
            np.uint8 if -stream.depths[0] <= 8 else np.uint16
        )
    detectable = logging.getLogger(_LOGGER).isEnabledFor(logging.WARNING) and not stream.high_throughput
    facts: dict[str, object] = {"integrity": ENDS_CHECKED if detectable else LENGTHS_ONLY}
    if stream.wavelet == "5/3" and (untruncated := keeps_all_bits(samples, stream)) is not None:
        facts["lossy"] = not untruncated
    notes = list(stream.notes)
    array = _colours(samples, 1 if colour(stream, boxes) == "grey" else 3, boxes, notes)
    bits = abs(stream.depths[0])
    if stream.depths[0] < 0:
        notes.append("signed samples were moved up by half their range")
    if boxes.palette is None and bits != 8 * array.dtype.itemsize:
        array = scale_to_eight(array, (1 << bits) - 1) if bits < 8 else spread(array, bits)
    return Samples(array[:, :, 0] if array.shape[2] == 1 else array, notes, facts)


_ENDS_ELSEWHERE = re.compile(r"PTERM check failure: (\d+) (remaining|synthesized)")
"""How OpenJPEG says how many bytes of a code-block its decoder leaves, or takes beyond its end."""
_MOST_BESIDE = {"remaining": 4, "synthesized": 14}
"""Bytes by which they may differ, as coders need not end where a decoder predicts it and may leave out what the decoder
makes up (T.800 C.2.9). In 287 whole files of OpenJPEG and Kakadu it is 2 at most, but in three of the conformance suite
and of OpenJPEG's tests 8 to 14 are made up. Of 95 files with six spoilt bytes (33 validation sources, lossless and
lossy) 84 are seen with 4 for both, 81 with 14, and 77 with 20."""
_LOGGER = "imagecodecs"
"""Where imagecodecs passes on what OpenJPEG warns of."""


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """What OpenJPEG warns of in this thread, kept from standard error."""
    said: list[str] = []
    here = threading.get_ident()

    def kept(record: logging.LogRecord) -> bool:
        if record.thread != here:
            return True
        said.append(record.getMessage())
        return False

    logger = logging.getLogger(_LOGGER)
    logger.addFilter(kept)
    try:
        yield said
    finally:
        logger.removeFilter(kept)


_MOST_RECODED = 16_000_000
"""Pixels up to which the reversible coding is repeated: a bound on work."""
_TRUNCATED_FROM = 1.02
"""Pixels up to which the reversible coding is repeated, and the growth from which bits were cut off. On 512 x 512 crops
of validation pictures an untruncated file never grows (ratio 1.0000 at most); one cut to half its lossless size grows
by 9 % or more, one that lost a per cent by 0.01 % or more."""


def keeps_all_bits(samples: np.ndarray, stream: Codestream) -> bool | None:
    """Whether a 5/3 codestream was cut off before its last bit: re-encoded without loss, an uncut one takes no more
    bytes.

    Its wavelet and colour transforms are integer ones, so the decoded samples give the very same coefficients. Only
    codestreams of default layout and 8 bits are answered; None for others, and where the sizes leave it open.
    """
    count = samples.shape[2]
    known = stream.plain and not stream.high_throughput and set(stream.steps) == {(1, 1)} and set(stream.depths) == {8}
    if (
        not known
        or count not in (1, 3)
        or count != len(stream.depths)
        or samples.shape[0] * samples.shape[1] > _MOST_RECODED
    ):
        return None
    from forensics.codecs.exchange import save_with_pillow

    options: dict[str, object] = {"tile_size": stream.tile} if stream.tile[0] else {}
    try:
        again = save_with_pillow(
            np.ascontiguousarray(samples if count == 3 else samples[:, :, 0]),
            "JPEG2000",
            no_jp2=True,
            irreversible=False,
            num_resolutions=stream.levels + 1,
            codeblock_size=stream.code_block,
            mct=int(stream.colour_transform),
            **options,
        )
    except Exception:  # layouts that the encoder does not take
        return None
    growth = jpeg2000_stream.coded_bytes(again) / max(jpeg2000_stream.coded_bytes(stream.data), 1)
    if 0.99 < growth <= 1.0:
        return True
    return False if growth >= _TRUNCATED_FROM else None


def _colours(samples: np.ndarray, colours: int, boxes: Boxes, notes: list[str]) -> np.ndarray:
    colours = min(colours, 3 if samples.shape[2] >= 3 else 1)
    alpha = colours in boxes.alpha or (not boxes.alpha and samples.shape[2] == colours + 1)
    left_out = samples.shape[2] - colours - alpha
    if left_out > 0:
        notes.append(f"{left_out} further component{'s' * (left_out > 1)} were left out")
    return samples[:, :, : colours + alpha]
