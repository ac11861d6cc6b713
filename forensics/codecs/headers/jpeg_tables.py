"""Quantisation tables of JPEG encoders, their scaling by quality, and the way back from a table to its quality.

The scaling is that of the Independent JPEG Group's library: quality 50 is the table itself, 100 all ones [1]_. It is
defined here for any real quality from 1 to 100; whole ones give the library's own tables.

References
----------
.. [1] libjpeg, jcparam.c, `jpeg_quality_scaling` and `jpeg_add_quant_table`.
.. [2] ITU-T T.81 (1992), Annex K.1, tables K.1 and K.2.
.. [3] mozjpeg, jcparam.c, which collects the further tables and names their papers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def _table(text: str) -> np.ndarray:
    return np.array(text.split(), dtype=np.uint16).reshape(8, 8)


_FLAT = np.full((8, 8), 16, dtype=np.uint16)

_STANDARD_LUMA = _table("""
    16 11 10 16  24  40  51  61   12 12 14 19  26  58  60  55   14 13 16 24  40  57  69  56   14 17 22 29  51  87  80  62
    18 22 37 56  68 109 103  77   24 35 55 64  81 104 113  92   49 64 78 87 103 121 120 101   72 92 95 98 112 100 103  99
""")  # noqa: E501
_STANDARD_CHROMA = _table("""
    17 18 24 47 99 99 99 99   18 21 26 66 99 99 99 99   24 26 56 99 99 99 99 99   47 66 99 99 99 99 99 99
    99 99 99 99 99 99 99 99   99 99 99 99 99 99 99 99   99 99 99 99 99 99 99 99   99 99 99 99 99 99 99 99
""")
_MSSSIM_LUMA = _table("""
    12 17 20 21 30 34  56  63   18 20 20 26  28  51  61  55   19 20 21 26  33  58  69  55   26 26 26 30  46  87  86  66
    31 33 36 40 46 96 100  73   40 35 46 62  81 100 111  91   46 66 76 86 102 121 120 101   68 90 90 96 113 102 105 103
""")
_MSSSIM_CHROMA = _table("""
     8 12 15 15 86 96 96 98   13 13 15 26 90 96 99 98   12 15 18 96 99 99 99 99   17 16 90 96 99 99 99 99
    96 96 99 99 99 99 99 99   99 99 99 99 99 99 99 99   99 99 99 99 99 99 99 99   99 99 99 99 99 99 99 99
""")
_ROBIDOUX = _table("""
    16 16 16  18  25  37  56  85   16 17  20  27  34  40  53  75   16 20 24  31  43  62  91 135
    18 27 31  40  53  74 106 156   25 34  43  53  69  94 131 189   37 40 62  74  94 124 169 238
    56 53 91 106 131 169 226 311   85 75 135 156 189 238 311 418
""")
_PSNRHVS_LUMA = _table("""
     9 10 12 14 27  32  51  62   11 12 14 19  27  44  59 73   12 14 18  25  42  59  79 78   17 18  25  42  61  92  87 92
    23 28 42 75 79 112 112  99   40 42 59 84  88 124 132 111  42 64 78  95 105 126 125 99   70 75 100 102 116 100 107 98
""")
_PSNRHVS_CHROMA = _table("""
     9  10 17 19 62 89 91 97   12 13 18 29 84 91 88 98   14 19 29 93 95 95 98 97   20 26 84 88 95 95 98 94
    26  86 91 93 97 99 98 99   99 100 98 99 99 99 99 99  99 99 99 99 99 99 99 99   97 97 99 99 99 99 97 99
""")
_KLEIN = _table("""
    10 12 14  19  26  38  57  86   12 18  21  28  35  41  54  76   14 21 25  32  44  63  92 136
    19 28 32  41  54  75 107 157   26 35  44  54  70  95 132 190   38 41 63  75  95 125 170 239
    57 54 92 107 132 170 227 312   86 76 136 157 190 239 312 419
""")
_PETERSON = _table("""
    14 10 11 14 19 25 34 45   10 11 11 12 15 20 26 33   11 11 15 18 21 25 31 38   14 12 18 24 28 33 39  47
    19 15 21 28 36 43 51 59   25 20 25 33 43 54 64 74   34 26 31 39 51 64 77 91   45 33 38 47 59 74 91 108
""")

TABLE_FAMILIES: dict[str, tuple[np.ndarray, np.ndarray]] = {
    "standard": (_STANDARD_LUMA, _STANDARD_CHROMA),
    "flat": (_FLAT, _FLAT),
    "ms-ssim": (_MSSSIM_LUMA, _MSSSIM_CHROMA),
    "robidoux": (_ROBIDOUX, _ROBIDOUX),
    "psnr-hvs": (_PSNRHVS_LUMA, _PSNRHVS_CHROMA),
    "klein": (_KLEIN, _KLEIN),
    "peterson": (_PETERSON, _PETERSON),
}
"""Luma and chroma table at quality 50 of each family, in natural (row by row) order.

`standard` is T.81 Annex K [2]_; the others are mozjpeg's [3]_: `flat`, `ms-ssim` and `psnr-hvs` (tuned for these
measures), `robidoux` (ImageMagick's, mozjpeg's default), `klein` (Klein, Silverstein and Carney 1992) and `peterson`
(Peterson, Ahumada and Watson 1993).
"""


_QUALITIES = np.arange(1, 101, dtype=np.float64)
_SCALES = np.array([5000 // q if q < 50 else 200 - 2 * q for q in range(1, 101)], dtype=np.float64)


def scale_of_quality(quality: float) -> float:
    """Percentage by which a table is scaled at a quality in [1, 100]; between whole qualities it runs straight."""
    return float(np.interp(quality, _QUALITIES, _SCALES))


def quality_of_scale(scale: float) -> float:
    """Quality at which tables are scaled by a percentage in [0, 5000]; the inverse of `scale_of_quality`."""
    return float(np.interp(scale, _SCALES[::-1], _QUALITIES[::-1]))


def scaled_table(base: np.ndarray, quality: float) -> np.ndarray:
    """A table at a quality, limited to baseline JPEG's 1 to 255.

    Parameters
    ----------
    base : np.ndarray [shape=(8, 8), dtype=uint16]
        The table at quality 50.
    quality : float
        In [1, 100].

    Returns
    -------
    np.ndarray [shape=(8, 8), dtype=uint16]
    """
    scaled = np.floor((base * scale_of_quality(quality) + 50.0) / 100.0)
    return np.clip(scaled, 1, 255).astype(np.uint16)


def estimate_quality(tables: Sequence[np.ndarray], family: str = "standard") -> tuple[float, bool]:
    """Quality of a file from its luma table and, if it has one, its chroma table.

    Each entry of a scaled table pins the scale to an interval; when the intervals of all entries meet, the tables are
    scaled ones of the family and the quality is exact (a whole one where one fits). Otherwise the quality is the one
    whose scale is the median ratio to the family's tables.

    Parameters
    ----------
    tables : sequence of np.ndarray [shape=(8, 8), dtype=uint16]
        Luma first, in natural order.
    family : str
        The family of `TABLE_FAMILIES` whose scale is sought.

    Returns
    -------
    quality : float
        In [1, 100].
    exact : bool
        Whether the tables are exactly the family's at that quality.
    """
    bases = TABLE_FAMILIES[family]
    base = np.concatenate([bases[min(i, 1)].ravel() for i in range(len(tables))]).astype(np.float64)
    entries = np.concatenate([np.asarray(table).ravel() for table in tables]).astype(np.float64)
    lowest = np.where(entries <= 1, 0.0, (100.0 * entries - 50.0) / base).max()
    highest = np.where(entries == 255, np.inf, (100.0 * entries + 50.0) / base).min()
    if lowest < highest:
        return _exact_quality(float(lowest), float(highest)), True
    scale = float(np.clip(np.median(100.0 * entries / base), 0.0, 5000.0))
    return round(quality_of_scale(scale), 2), False


def recognise_tables(tables: Sequence[np.ndarray]) -> tuple[str, float] | None:
    """The first family, and the quality, of which these tables (luma first) are exactly the scaled ones.

    All-ones and all-255 tables fit several families; the standard one is then named.
    """
    for family in TABLE_FAMILIES:
        quality, exact = estimate_quality(tables, family)
        if exact:
            return family, quality
    return None


def _exact_quality(lowest: float, highest: float) -> float:
    """The whole quality whose scale lies in [lowest, highest), nearest the middle; else the middle's own quality."""
    middle = quality_of_scale((lowest + min(highest, _SCALES[0])) / 2)
    inside = np.logical_and(np.greater_equal(_SCALES, lowest), np.less(_SCALES, highest))
    whole = _QUALITIES[inside]
    return float(whole[np.argmin(np.abs(whole - middle))]) if whole.size else round(middle, 2)
