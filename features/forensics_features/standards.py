"""Constants of standards that several modules need: each stands here once, with its clause."""

from __future__ import annotations

LUMA_WEIGHTS: dict[str, tuple[float, float, float]] = {
    "bt601": (0.299, 0.587, 0.114),
    "bt709": (0.2126, 0.7152, 0.0722),
    "bt2020": (0.2627, 0.6780, 0.0593),
}
"""Weights of red, green and blue in luma: ITU-R BT.601-7 clause 2.5.1, BT.709-6 item 3.2, BT.2020-2 table 4."""

YCBCR_BT601 = (LUMA_WEIGHTS["bt601"], (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
"""Rows of Y, Cb and Cr over red, green and blue, to six digits: ITU-T T.871 (JFIF) clause 7; T.800 equations G-9 to
G-11 round the last digits.
"""

ZIGZAG: tuple[int, ...] = tuple(
    8 * row + column
    for row, column in sorted(
        ((row, column) for row in range(8) for column in range(8)),
        key=lambda place: (sum(place), place[0] if sum(place) % 2 else place[1]),
    )
)
"""Index in raster order of each coefficient of an 8x8 block in zigzag order: ITU-T T.81 figure A.6."""
