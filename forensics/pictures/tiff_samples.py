"""Samples of a TIFF picture, strip by strip or tile by tile, each checked against the size that the directory gives it.

Every strip is decoded on its own (`tiff_codings`), to no more than its own raw size, so that a small file cannot ask
for endless work and one damaged strip is known by its number. What a strip lacks is damage; libtiff would fill it up.
References: TIFF 6.0 sections 8, 14, 15, 21; TIFF Technical Notes 1 and 2; Adobe Photoshop TIFF.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np

from forensics.errors import PictureError
from forensics.pictures import tiff_codings, tiff_file, tiff_header
from forensics.pictures.depth_in_use import spread
from forensics.pictures.samples import Samples, damaged, decoding, scale_to_eight, ycbcr_to_rgb
from forensics.pictures.tiff_file import Grid, TiffPicture

_MOST_SHARED = 16
"""Times the file's own length that its strips may take up together, for those that share their bytes."""
_LEAST_TILE = 1 << 24
"""Samples that a tile may hold whatever the picture's size; beyond, four times the picture."""


def decode(data: bytes, picture: TiffPicture) -> Samples:
    """Colour and alpha samples of a TIFF's picture.

    Returns
    -------
    Samples
        `array` of shape (height, width[, 2 to 4]), uint8, or uint16 for 9 to 16 bits, scaled to the full range.

    Raises
    ------
    PictureError
        Strips are missing, damaged or of a coding that is not read, or samples are of a kind that is not analysed.
    """
    grid = layout(picture)
    photometric = picture.photometric
    coding = tiff_codings.Coding.of(data, picture)
    if coding.name in tiff_codings.BY_LIBTIFF:
        return _by_libtiff(data, picture, grid, coding.name)
    subsampling = _subsampling(picture, photometric) if coding.keeps_subsampling else (1, 1)
    raw = _assemble(data, picture, grid, coding, subsampling)
    samples = _colours(data, raw, grid, picture, photometric, coding)
    if coding.predictor == 2 and not coding.predicts:
        samples.notes.append(
            f"the file names a predictor, which its coding ({coding.name}) does not use: it was passed over, as "
            f"libtiff does"
        )
    if coding.seen:
        samples.facts.update(coding.seen)
    samples.facts["integrity"] = coding.integrity
    return samples


def _by_libtiff(data: bytes, picture: TiffPicture, grid: Grid, name: str) -> Samples:
    """8-bit samples of a coding that only libtiff reads, by Pillow; the orientation is taken off first."""
    from forensics.pictures.pillow_samples import decode_file

    if picture.offset != picture.at.first or grid.bits > 8:
        raise PictureError(f"its TIFF compression {name} is read in the first directory and 8 bits only")
    with decoding(f"its TIFF data ({name})"):
        array = decode_file(tiff_header.without_orientation(data), "TIFF")
    facts = {
        "integrity": "lengths were checked by libtiff; damage inside the coded data could not be detected",
        "lossy": name == "old-style JPEG",
    }
    return Samples(array, [f"its coding, {name}, was decoded by libtiff, which fills up what is missing"], facts)


def layout(picture: TiffPicture) -> Grid:
    """The grid of strips or tiles; raises `PictureError` where its numbers do not fit together."""
    tags = picture.tags
    width, height = tags.value(tiff_header.WIDTH), tags.value(tiff_header.HEIGHT)
    samples, bits = tags.value(tiff_header.SAMPLES, 1), tags.value(tiff_header.BITS, 1)
    depths = set(tags.tags.get(tiff_header.BITS, (1,)))
    if len(depths) > 1:
        raise PictureError(
            f"its samples have different depths ({', '.join(map(str, sorted(depths)))} bits); that is not read"
        )
    if not 1 <= samples <= 64:
        raise PictureError(f"it holds {samples} samples a pixel; up to 64 are read")
    tiled = tiff_header.TILE_OFFSETS in tags.tags or tiff_file.TILE_WIDTH in tags.tags
    across = tags.value(tiff_file.TILE_WIDTH) if tiled else width
    rows = tags.value(tiff_file.ROWS, height) or height
    down = tags.value(tiff_file.TILE_LENGTH) if tiled else min(rows, height)
    if min(across, down) < 1:
        raise damaged(f"its tiles are stated as {across}x{down}")
    depth = max(tags.value(tiff_file.TILE_DEPTH, 1), 1) if tiled else 1
    if tiled and across * down * depth * samples > max(_LEAST_TILE, 4 * width * height * samples):
        raise PictureError(f"its tiles of {across}x{down} samples are more than 4 times the picture: refused")
    planar = tags.value(tiff_header.PLANAR, 1) == 2 and samples > 1
    deep = max(tags.value(tiff_file.DEPTH, 1), 1)
    return Grid(width, height, across, down, samples, bits, planar, tiled, depth, deep)


def _subsampling(picture: TiffPicture, photometric: int) -> tuple[int, int]:
    if photometric != 6:
        return 1, 1
    found = (*picture.tags.tags.get(tiff_file.SUBSAMPLING, (2, 2)), 2, 2)[:2]
    if not set(found) <= {1, 2, 4}:
        raise damaged(f"its chroma subsampling is stated as {found[0]}x{found[1]}")
    return found[0], found[1]


def extents(data: bytes, picture: TiffPicture, grid: Grid) -> list[tuple[int, int]]:
    """Offset and length of every strip or tile of the first plane in depth, all of them there and within the file."""
    tags = picture.tags.tags
    tiled = tiff_header.TILE_OFFSETS in tags
    offsets = tags.get(tiff_header.TILE_OFFSETS if tiled else tiff_header.OFFSETS, ())
    counts = tags.get(tiff_header.TILE_COUNTS if tiled else tiff_header.COUNTS, ())
    need = grid.columns * grid.rows * grid.planes
    kind = "tiles" if grid.tiled else "strips"
    if len(offsets) == need and all(offsets) and not any(counts):
        counts = _guessed_counts(data, picture, grid, offsets)
    if min(len(offsets), len(counts)) < need:
        raise damaged(f"{min(len(offsets), len(counts))} of {need} {kind} are there")
    found = list(zip(offsets[:need], counts[:need], strict=True))
    empty = sum(1 for offset, count in found if not offset or not count)
    if empty:
        raise damaged(f"{empty} of {need} {kind} hold no data")
    tiff_header.check_extents(data, [o for o, _ in found], [c for _, c in found])
    total = sum(count for _, count in found)
    if total > _MOST_SHARED * len(data):
        raise PictureError(
            f"its {kind} share their bytes {total // len(data)} times over; more than {_MOST_SHARED} times is refused"
        )
    return found


def _guessed_counts(data: bytes, picture: TiffPicture, grid: Grid, offsets: tuple[int, ...]) -> tuple[int, ...]:
    """Lengths of strips where the file states none, or 0 for all: their raw size if nothing is compressed, else up to
    the next one, the directory or its values.
    """
    if picture.tags.value(tiff_header.COMPRESSION, 1) == 1:
        return tuple(
            min(grid.down, grid.height - (i // grid.columns % grid.rows) * grid.down) * row_bytes(grid, grid.across)
            for i in range(len(offsets))
        )
    starts = sorted({*offsets, *tiff_header.occupied(data, picture.at, picture.offset), len(data)})
    following = dict(itertools.pairwise(starts))
    return tuple(following.get(offset, len(data)) - offset for offset in offsets)


def row_bytes(grid: Grid, width: int) -> int:
    """Bytes of a row of packed samples."""
    return -(-width * grid.channels * grid.bits // 8)


def _assemble(
    data: bytes, picture: TiffPicture, grid: Grid, coding: tiff_codings.Coding, subsampling: tuple[int, int]
) -> np.ndarray:
    """All samples, `np.ndarray [shape=(height, width, samples), dtype=uint8 or uint16]`, unscaled."""
    places = extents(data, picture, grid)
    out = np.empty((grid.height, grid.width, grid.samples), np.uint8 if grid.bits <= 8 else np.uint16)
    view = memoryview(data)
    for index, (offset, count) in enumerate(places):
        plane, place = divmod(index, grid.columns * grid.rows)
        row, column = divmod(place, grid.columns)
        top, left = row * grid.down, column * grid.across
        height = grid.down if grid.tiled else min(grid.down, grid.height - top)
        label = f"{'tile' if grid.tiled else 'strip'} {index + 1} of {len(places)}"
        strip = bytes(view[offset : offset + count])
        if grid.planar and subsampling != (1, 1):
            piece = _plane_of_its_size(coding, strip, height, grid, subsampling if plane in (1, 2) else (1, 1), label)
        else:
            piece = coding.decode(strip, height, grid, subsampling, label)
        shown = piece[: grid.height - top, : grid.width - left]
        target = out[top : top + shown.shape[0], left : left + shown.shape[1]]
        if grid.planar:
            target[:, :, plane] = shown[:, :, 0]
        else:
            target[:] = shown
    return out


def _plane_of_its_size(
    coding: tiff_codings.Coding, strip: bytes, height: int, grid: Grid, steps: tuple[int, int], label: str
) -> np.ndarray:
    """A strip of one plane whose samples stand for `steps` columns and rows each, repeated to the others' size."""
    across, rows = -(-grid.across // steps[0]), -(-height // steps[1])
    own = replace(grid, width=-(-grid.width // steps[0]), across=across, down=rows)
    piece = coding.decode(strip, rows, own, (1, 1), label)
    return piece.repeat(steps[1], axis=0).repeat(steps[0], axis=1)


def _colours(
    data: bytes, raw: np.ndarray, grid: Grid, picture: TiffPicture, photometric: int, coding: tiff_codings.Coding
) -> Samples:
    notes: list[str] = []
    tags = picture.tags
    wanted = 3 if photometric in (2, 6) else 1
    if grid.samples < wanted:
        raise damaged(f"a picture in {tiff_file.COLOURS[photometric]} has {grid.samples} samples a pixel")
    extra = tags.tags.get(tiff_header.EXTRA_SAMPLES, ())
    alpha = grid.samples > wanted and bool(extra) and extra[0] in (1, 2)
    left_out = grid.samples - wanted - alpha
    if left_out:
        notes.append(f"{left_out} further sample{'s' * (left_out > 1)} a pixel were left out")
    if alpha and extra[0] == 1:
        notes.append("the colours are stored multiplied by alpha")
    if grid.deep > 1:
        notes.append(f"the first of {grid.deep} planes in depth was read")
    colour = raw[:, :, :wanted]
    if photometric == 6 and not coding.converts_colour:
        weights = tiff_header.rationals(data, picture.at, picture.offset, tiff_file.COEFFICIENTS)
        colour = ycbcr_to_rgb(colour, grid.bits, weights)
    elif photometric == 3:
        colour = _palette(colour[:, :, 0], picture, grid, notes)
    else:
        colour = _full_range(colour, grid.bits, coding)
        if photometric == 0:
            colour = np.iinfo(colour.dtype).max - colour
    if alpha:
        more = _full_range(raw[:, :, wanted : wanted + 1], grid.bits, coding)
        if more.dtype == colour.dtype:
            colour = np.dstack([colour, more])
        else:
            notes.append("the alpha channel was left out of the analysis")
    elif colour.shape[2] == 1:
        colour = colour[:, :, 0]
    return Samples(np.ascontiguousarray(colour), notes)


def _full_range(samples: np.ndarray, bits: int, coding: tiff_codings.Coding) -> np.ndarray:
    """Samples of any depth scaled to 8 bits (up to 8) or 16."""
    if bits in (8, 16) or coding.full_range:
        return samples
    if bits < 8:
        return scale_to_eight(samples, (1 << bits) - 1)
    return spread(samples, bits)


def _palette(index: np.ndarray, picture: TiffPicture, grid: Grid, notes: list[str]) -> np.ndarray:
    """Colours of a palette picture at 8 bits; grey where all its colours are."""
    values = picture.tags.tags.get(tiff_file.COLOUR_MAP, ())
    size = 1 << grid.bits
    if len(values) < 3 * size:
        raise damaged(f"its colour map has {len(values)} entries and {3 * size} are needed")
    table = np.array(values[: 3 * size], np.uint16).reshape(3, size).T
    if table.max() <= 255 and table.max() > 0:
        notes.append("the colour map holds 8-bit values where 16 bits belong; they were read as 8 bits")
        table = table.astype(np.uint8)
    else:
        table = (table >> 8).astype(np.uint8)
    used = table[np.unique(index)]
    if (used == used[:, :1]).all():
        table = table[:, :1]
    return table[index]
