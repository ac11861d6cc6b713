"""AVIF files whose items' properties stand in several boxes."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from forensics.pictures import avif_associations
from forensics.pictures.iso_boxes import boxes
from forensics.pictures.opened import open_picture

MORE = 16
"""Bytes that one more box of associations takes: its own header, version and flags, and a count."""


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def entries(table: bytes) -> list[bytes]:
    """Entries of a box of associations with items of 2 bytes and indices of 1."""
    found, place = [], 8
    for _ in range(struct.unpack_from(">I", table, 4)[0]):
        stop = place + 3 + table[place + 2]
        found.append(table[place:stop])
        place = stop
    return found


def moved(places: bytes, by: int) -> bytes:
    """Content of a box of places (version 0, offsets and lengths of 4 bytes) with all offsets moved."""
    assert places[:6] == b"\0\0\0\0\x44\0"
    out, place = bytearray(places), 8
    for _ in range(struct.unpack_from(">H", places, 6)[0]):
        extents = struct.unpack_from(">H", places, place + 4)[0]
        place += 6
        for _ in range(extents):
            struct.pack_into(">I", out, place, struct.unpack_from(">I", places, place)[0] + by)
            place += 8
    return bytes(out)


def apart(data: bytes, *, backwards: bool) -> bytes:
    """The file with a box of associations for each item, as early encoders wrote it."""

    def properties(content: bytes) -> bytes:
        made = b""
        for kind, start, stop in boxes(content, 0, len(content)):
            listed = entries(content[start:stop]) if kind == b"ipma" else []
            pieces = [bytes(4) + struct.pack(">I", 1) + entry for entry in listed] or [content[start:stop]]
            made += b"".join(box(kind, piece) for piece in (pieces[::-1] if backwards else pieces))
        return made

    out = b""
    for kind, start, stop in boxes(data, 0, len(data)):
        content = data[start:stop]
        if kind == b"meta":
            parts = {k: content[s:e] for k, s, e in boxes(content, 4, len(content))}
            grown = len(properties(parts[b"iprp"])) - len(parts[b"iprp"])
            parts[b"iprp"], parts[b"iloc"] = properties(parts[b"iprp"]), moved(parts[b"iloc"], grown)
            content = content[:4] + b"".join(box(k, part) for k, part in parts.items())
        out += box(kind, content)
    return out


@pytest.fixture
def with_alpha(photo: np.ndarray) -> bytes:
    stream = io.BytesIO()
    alpha = np.arange(photo.shape[0] * photo.shape[1]).reshape(photo.shape[:2]) % 251
    Image.fromarray(np.dstack([photo, alpha.astype(np.uint8)])).save(stream, "AVIF", quality=70)
    return stream.getvalue()


@pytest.mark.parametrize("backwards", [False, True])
def test_associations_in_several_boxes_are_read_as_one(with_alpha, backwards):
    split = apart(with_alpha, backwards=backwards)
    assert len(split) == len(with_alpha) + MORE
    opened, whole = open_picture(split), open_picture(with_alpha)
    np.testing.assert_array_equal(opened.pixels, whole.pixels)
    assert any("in several boxes" in note for note in opened.notes)
    assert not any("in several boxes" in note for note in whole.notes)


def test_the_length_stays_and_one_box_is_left(with_alpha):
    split = apart(with_alpha, backwards=True)
    joined = avif_associations.joined(split)
    assert len(joined) == len(split)
    assert split.count(b"ipma") == 2
    assert joined.count(b"ipma") == 1
    assert [joined[s:e] for k, s, e in boxes(joined, 0, len(joined)) if k == b"mdat"] == [
        with_alpha[s:e] for k, s, e in boxes(with_alpha, 0, len(with_alpha)) if k == b"mdat"
    ]


def test_a_file_with_one_box_or_damaged_boxes_is_left_alone(with_alpha):
    assert avif_associations.joined(with_alpha) is with_alpha
    split = apart(with_alpha, backwards=False)
    place = split.index(b"ipma") + 8
    for wrong in (split[:200], split[:place] + b"\xff\xff\xff\xff" + split[place + 4 :], b""):
        assert avif_associations.joined(wrong) is wrong


def test_groups_with_data_of_their_own_do_not_matter(with_alpha):
    """A `pymd` group states tiles and layers behind its items (ISO/IEC 23008-12); libavif 1.4.0 refuses it."""
    group = box(b"pymd", struct.pack(">IIII", 0, 9, 1, 1) + struct.pack(">HHHHH", 256, 256, 1, 0, 0))
    grouped = b""
    for kind, start, stop in boxes(with_alpha, 0, len(with_alpha)):
        content = with_alpha[start:stop]
        if kind == b"meta":
            parts = {k: content[s:e] for k, s, e in boxes(content, 4, len(content))}
            parts[b"iloc"] = moved(parts[b"iloc"], 8 + len(group))
            content = content[:4] + b"".join(box(k, part) for k, part in parts.items()) + box(b"grpl", group)
        grouped += box(kind, content)
    opened = open_picture(grouped)
    np.testing.assert_array_equal(opened.pixels, open_picture(with_alpha).pixels)
    assert len(avif_associations.without_groups(grouped)) == len(grouped)
    assert avif_associations.without_groups(with_alpha) is with_alpha
