"""The true codec parameters of a data set's files: what was asked of the encoder, and what the bit stream says came of
it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from forensics_models.classes import family
from forensics_models.parameters import EARLIER, NO_EARLIER

from forensics.codecs.headers import coded_strength
from forensics.dataset.encoders import class_of
from forensics.dataset.manifest import Row
from forensics.dataset.preparation import Coded, from_json
from forensics.errors import CodecError


def truths(folder: Path, rows: Iterable[Row]) -> dict[str, dict[str, Any]]:
    """True parameters by row id, `class` among them; uncompressed rows and rows without a file are left out.

    Parameters
    ----------
    folder : Path
        The data set.
    rows : iterable of Row
    """
    return {row.id: truth(folder, row) for row in rows if row.status == "ok" and row.fine_class != "uncompressed"}


def truth(folder: Path, row: Row) -> dict[str, Any]:
    """True parameters of one file.

    Returns
    -------
    dict
        `class`; from the bit stream `quantizer`, `filter_level`, `chroma_subsampling` and `colour_coding` (matrix and
        range) where they can be read; `earlier_codec` from the preparation; from the encoder's parameters `distance`
        (JPEG XL), `wavelet` (JPEG 2000), `quality_factor` (JPEG) and the subsampling of JPEG XR. A picture that was
        grey to begin with has no colour coding.
    """
    asked = json.loads(row.parameters)
    found: dict[str, Any] = {"class": row.class_name, EARLIER: earlier_codec(row)}
    try:
        stated = coded_strength.read(row.class_name, (Path(folder) / row.file).read_bytes())
    except CodecError:
        stated = {}
    found.update({name: stated[name] for name in ("quantizer", "filter_level", "chroma_subsampling") if name in stated})
    if "colour_matrix" in stated and stated.get("chroma_subsampling") != "grey":
        found["colour_coding"] = f"{stated['colour_matrix']} {'full' if stated['full_range'] else 'limited'}"
    if row.class_name == "jpegxl":
        found["distance"] = row.strength
    elif row.class_name == "jpeg":
        found["quality_factor"] = row.strength
    elif row.class_name == "jpeg2000":
        # The high-throughput encoder offers the irreversible wavelet alone.
        found["wavelet"] = asked.get("wavelet", "9/7")
    elif row.class_name == "jpegxr":
        found.update(_jpegxr(row, asked))
    return found


def earlier_codec(row: Row) -> str:
    """The class that a picture went through before its last codec, BPG and HEIC as their family; `none` where there was
    none.
    """
    coded = [step for step in from_json(json.loads(row.preparation)) if isinstance(step, Coded)]
    if not coded:
        return NO_EARLIER
    return family(class_of(coded[-1].fine_class))


def _jpegxr(row: Row, asked: dict[str, Any]) -> dict[str, Any]:
    if row.channels == 1:
        return {"chroma_subsampling": "grey"}
    if "subsampling" in asked:
        return {"chroma_subsampling": asked["subsampling"]}
    # jxrlib's encoder in the library keeps full chroma where it does not overlap blocks, and halves it where it
    # overlaps twice.
    return {"chroma_subsampling": "4:4:4" if row.fine_class == "jpegxr-0" else "4:2:0"}
