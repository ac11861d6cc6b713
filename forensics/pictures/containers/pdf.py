"""PDF by pikepdf, an extra: the pictures that lie in the file, one by one, as they are stored; pages are never drawn.

A drawn page resamples its pictures by a pixel and makes other traces of them; the embedded stream is the evidence.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from forensics.errors import PictureError
from forensics.pictures import coded_headers, jpeg2000_file, jpeg_file
from forensics.pictures.format import Format, chosen_number
from forensics.pictures.samples import Samples, damaged, decoding
from forensics.pictures.stated import Stated

_CODECS = {"/DCTDecode": "jpeg", "/JPXDecode": "jpeg2000"}
_LOSSLESS = {"/FlateDecode", "/LZWDecode", "/RunLengthDecode", "/CCITTFaxDecode", "/ASCII85Decode", "/ASCIIHexDecode"}


def _pictures(data: bytes) -> tuple[list[Any], Any]:
    """The picture objects of a file in the order of their numbers, masks left out, and the document that must outlive
    them.
    """
    try:
        import pikepdf
    except ImportError:
        raise PictureError("PDF files cannot be read here: the package pikepdf is not installed (extra pdf)") from None
    try:
        document = pikepdf.open(io.BytesIO(data))
        found = [
            thing
            for thing in document.objects
            if isinstance(thing, pikepdf.Stream) and thing.get("/Subtype") == "/Image"
        ]
        masks = {
            mask.objgen
            for thing in found
            for mask in (thing.get("/SMask"), thing.get("/Mask"))
            if isinstance(mask, pikepdf.Stream)
        }
    except pikepdf.PasswordError:
        raise PictureError("the PDF is locked with a password") from None
    except Exception:  # qpdf raises many kinds on damaged files
        raise damaged("its PDF structure cannot be read") from None
    plain = [thing for thing in found if not thing.get("/ImageMask") and thing.objgen not in masks]
    if not plain:
        raise PictureError("the PDF holds no picture")
    return plain, document


def _filters(picture: Any) -> list[str]:
    named = picture.get("/Filter")
    if named is None:
        return []
    return [str(name) for name in named] if getattr(named, "_type_name", "") == "array" else [str(named)]


def _chosen(data: bytes, which: str) -> tuple[Any, int, int, Any]:
    """The picture asked for, the largest by default, its number, how many there are, and the document."""
    pictures, document = _pictures(data)
    areas = [int(thing.get("/Width", 0)) * int(thing.get("/Height", 0)) for thing in pictures]
    number = chosen_number(which, len(pictures), int(np.argmax(areas)))
    return pictures[number], number, len(pictures), document


def _stated(data: bytes, which: str) -> Stated:
    picture, number, count, _document = _chosen(data, which)
    filters = _filters(picture)
    last = filters[-1] if filters else ""
    facts: dict[str, Any] = {"picture": number, "compression": " ".join(name[1:] for name in filters) or "none"}
    if last in _CODECS:
        inner = coded_headers.READERS[_CODECS[last]](_raw(picture, filters))
        inner.facts = {**inner.facts, **facts, "codec": _CODECS[last]}
        inner.pages = count
        return inner
    if last and last not in _LOSSLESS:
        raise PictureError(f"picture {number} of the PDF is coded as {last[1:]}, which is not read")
    depth, width, height = (int(picture.get(name, 8)) for name in ("/BitsPerComponent", "/Width", "/Height"))
    return Stated(width, height, depth, _space(picture), bool(picture.get("/SMask")), count, False, facts=facts)


def _space(picture: Any) -> str:
    named = picture.get("/ColorSpace")
    name = str(named[0] if getattr(named, "_type_name", "") == "array" else named)
    if name == "/ICCBased":
        return {1: "grey", 3: "rgb", 4: "cmyk"}.get(int(named[1].get("/N", 0)), name)
    return {
        "/DeviceGray": "grey",
        "/CalGray": "grey",
        "/DeviceRGB": "rgb",
        "/CalRGB": "rgb",
        "/DeviceCMYK": "cmyk",
        "/Indexed": "palette",
    }.get(name, name.strip("/").lower())


def _raw(picture: Any, filters: list[str]) -> bytes:
    """The coded stream, with the filters around the picture's own coding undone."""
    if len(filters) == 1:
        return bytes(picture.read_raw_bytes())
    raise PictureError(f"its picture lies in {len(filters)} PDF filters, which is not read")


def _decode(data: bytes, which: str) -> Samples:
    picture, number, count, _document = _chosen(data, which)
    filters = _filters(picture)
    last = filters[-1] if filters else ""
    note = f"picture {number} of the {count} in the PDF was read, as it is stored"
    if last in _CODECS:
        raw = _raw(picture, filters)
        samples = jpeg_file.decode(raw) if last == "/DCTDecode" else jpeg2000_file.decode(raw)
        samples.notes.append(note)
        return samples
    with decoding("a picture of the PDF"):
        import pikepdf

        image = pikepdf.PdfImage(picture).as_pil_image()
        if image.mode not in ("1", "L", "RGB", "P"):
            raise PictureError(f"picture {number} of the PDF holds {image.mode} samples, which are not analysed")
        grey = image.mode in ("1", "L")
        return Samples(np.array(image.convert("L" if grey else "RGB")), [note])


FORMAT = Format("pdf", (".pdf",), lambda data: b"%PDF-" in data[:1024], _stated, _decode)
