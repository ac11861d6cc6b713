"""Source pictures composed of drawn art: icons, clip art, sprites and tiles, as screens, games and documents show them.

Art is any folder of SVG files (rendered by librsvg's `rsvg-convert` at the size that is needed) and of PNG files of at
most 256 colours or with transparency, which no lossy codec left behind. A drawing holds one piece, a sheet of a set's
pieces side by side, or pieces scattered over a ground; or a piece is a picture of its own, as a game's folder holds it.
So drawn content gets as many kinds as photographs have, and the history of every sample is known.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from forensics.dataset.sources import SHARES, split_of_hash
from forensics.errors import UsageError

SIDES = (240, 560)
"""Smallest and largest side of a drawing, in pixels."""

PIECE_SIDES = (16, 24, 32, 48, 64, 96, 128, 192)
"""Sides at which pieces of a sheet are rendered: sizes of icon themes."""

LAYOUTS = (("single", 0.3), ("sheet", 0.35), ("scene", 0.35))
"""How pieces are laid out, with the share of each."""

SMALLEST_ALONE = 64
"""Least side of a piece that is a picture of its own: what an analysis needs."""

_TRIES = 30
"""Pieces, and choices of sets, that are tried before art counts as unreadable."""
_RENDER_SECONDS = 10
"""Bound on work: seconds a vector file may take."""
_LARGEST_FILE, _LARGEST_SIDE = 2_000_000, 2048
"""Bound on work: bytes of a file, pixels a side of a PNG."""
_FEWEST_COLOURS = 3
"""Pieces of fewer colours are blank, or a mask."""
_SUFFIXES = (".svg", ".png")


def find_art(folder: Path) -> dict[str, list[Path]]:
    """SVG and PNG files below a folder by collection, its direct sub-folders; symbolic links and files over 2 MB are
    left out.

    Raises
    ------
    UsageError
        The folder is none, there is no art, or SVG files cannot be rendered because `rsvg-convert` is not installed.
    """
    if not folder.is_dir():
        raise UsageError(f"art is a folder of SVG and PNG files, and {str(folder)!r} is none")
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        usable = path.suffix.lower() in _SUFFIXES and not path.is_symlink() and path.is_file()
        if usable and path.stat().st_size <= _LARGEST_FILE:
            found.setdefault(path.relative_to(folder).parts[0], []).append(path)
    if not found:
        raise UsageError(f"no SVG or PNG file below {str(folder)!r}")
    if shutil.which("rsvg-convert") is None and any(p.suffix.lower() == ".svg" for own in found.values() for p in own):
        raise UsageError("SVG files are rendered by rsvg-convert (package librsvg2-bin), which is not installed")
    return found


def of_split(art: Mapping[str, Sequence[Path]], split: str) -> list[list[list[Path]]]:
    """The sets of a split by collection: the pieces of one folder. A set is in one split in all sizes that it has."""
    collections = []
    for collection, pieces in art.items():
        sets: dict[Path, list[Path]] = {}
        for path in pieces:
            sets.setdefault(path.parent, []).append(path)
        own = [pieces for folder, pieces in sets.items() if _split(collection, folder) == split]
        if own:
            collections.append(own)
    return collections


def _split(collection: str, folder: Path) -> str:
    # Sizes of one set lie in folders of their own (48x48/apps, scalable/apps): the set decides, not the size.
    inner = folder.parts[folder.parts.index(collection) :] if collection in folder.parts else folder.parts
    names = [part for part in inner if not any(letter.isdigit() for letter in part) and part != "scalable"]
    return split_of_hash(hashlib.sha256("/".join(names).encode()).hexdigest(), SHARES)


def compose(art: Sequence[Path], numbers: np.random.Generator) -> tuple[np.ndarray, str]:
    """One drawing and the name of its layout.

    Parameters
    ----------
    art : sequence of Path
        Pieces to choose from; what cannot be read is passed over.
    numbers : np.random.Generator

    Returns
    -------
    np.ndarray [shape=(height, width, 3), dtype=uint8]
    str

    Raises
    ------
    UsageError
        Hardly any of the pieces can be read.
    """
    layout = str(numbers.choice([name for name, _ in LAYOUTS], p=[share for _, share in LAYOUTS]))
    height, width = (int(numbers.integers(SIDES[0], SIDES[1] + 1)) for _ in range(2))
    picture = _ground(height, width, numbers)
    if numbers.random() < 0.15:
        _tile(picture, art, numbers)
    _LAY[layout](picture, art, numbers)
    # Renderers store whole samples; half of them round to the nearest, others cut.
    return np.clip(np.floor(picture + (0.5 if numbers.random() < 0.8 else 0.0)), 0, 255).astype(np.uint8), layout


Make = Callable[[Sequence[Path], np.random.Generator], tuple[np.ndarray, str]]
"""What makes a picture of pieces to choose from, and the name of its layout: `compose` or `alone`."""


def alone(art: Sequence[Path], numbers: np.random.Generator) -> tuple[np.ndarray, str]:
    """One piece as a picture of its own, on what its file holds under its transparent parts or on a ground; pieces with
    fewer than `SMALLEST_ALONE` pixels a side are passed over. Otherwise as `compose`.
    """
    for _ in range(_TRIES):
        side = int(np.exp(numbers.uniform(np.log(SMALLEST_ALONE), np.log(2 * 192))))
        piece = _read(art[int(numbers.integers(len(art)))], side, False, larger=False)
        if piece is None or min(piece.shape[:2]) < SMALLEST_ALONE:
            continue
        piece = piece[: SIDES[1], : SIDES[1]]
        stored = numbers.random() < 0.6
        picture = piece[..., :3].copy() if stored else _ground(piece.shape[0], piece.shape[1], numbers)
        _place(picture, piece, 0, 0)
        return picture.astype(np.uint8), "alone"
    raise UsageError(f"hardly any piece of this art has {SMALLEST_ALONE} pixels a side and can be read")


def _tile(picture: np.ndarray, art: Sequence[Path], numbers: np.random.Generator) -> None:
    """One piece over the whole ground, edge to edge."""
    piece = _piece(art, int(numbers.integers(32, 160)), numbers)
    for top in range(0, picture.shape[0], piece.shape[0]):
        for left in range(0, picture.shape[1], piece.shape[1]):
            _place(picture, piece, top, left)


def _single(picture: np.ndarray, art: Sequence[Path], numbers: np.random.Generator) -> None:
    side = int(min(picture.shape[:2]) * numbers.uniform(0.6, 1.3))
    _paste(picture, _piece(art, side, numbers), numbers)


def _sheet(picture: np.ndarray, art: Sequence[Path], numbers: np.random.Generator) -> None:
    side = int(numbers.choice(PIECE_SIDES))
    pitch = side + int(numbers.integers(0, max(2, side // 2)))
    first = art[int(numbers.integers(len(art)))]
    own = [path for path in art if path.parent == first.parent]
    kept: list[np.ndarray] = []
    for top in range(int(numbers.integers(pitch)) - side, picture.shape[0], pitch):
        for left in range(int(numbers.integers(1, pitch)) - side, picture.shape[1], pitch):
            if len(kept) < _MOST_PIECES:
                kept.append(_piece(own, side, numbers, whole=True))
            _place(picture, kept[int(numbers.integers(len(kept)))], top, left)


def _scene(picture: np.ndarray, art: Sequence[Path], numbers: np.random.Generator) -> None:
    for _ in range(int(numbers.integers(4, 20))):
        side = int(np.exp(numbers.uniform(np.log(16), np.log(260))))
        _paste(picture, _piece(art, side, numbers), numbers)


_MOST_PIECES = 12
"""Pieces rendered for one sheet, which repeats them."""

_LAY: dict[str, Callable[[np.ndarray, Sequence[Path], np.random.Generator], None]] = {
    "single": _single,
    "sheet": _sheet,
    "scene": _scene,
}


def _ground(height: int, width: int, numbers: np.random.Generator) -> np.ndarray:
    """White, a flat colour, a gradient with or without dither, or a checkerboard, `np.ndarray [shape=(h, w, 3)]`."""
    kind = numbers.choice(["white", "black", "flat", "gradient", "checks"], p=[0.3, 0.08, 0.27, 0.28, 0.07])
    if kind in ("white", "black"):
        return np.full((height, width, 3), 255.0 if kind == "white" else 0.0)
    first, second = numbers.integers(0, 256, (2, 3)).astype(np.float64)
    if kind == "flat":
        return np.broadcast_to(first, (height, width, 3)).copy()
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float64)
    if kind == "checks":
        side = int(numbers.integers(4, 33))
        return np.where((((rows // side) + (columns // side)) % 2 > 0)[..., None], first, second)
    angle = numbers.choice([0.0, np.pi / 2, numbers.uniform(0, np.pi)])
    place = np.cos(angle) * columns / width + np.sin(angle) * rows / height
    place = (place - place.min()) / max(float(np.ptp(place)), 1e-9)
    ground = first + place[..., None] * (second - first)
    if numbers.random() < 0.4:
        ground += numbers.uniform(-0.5, 0.5, (height, width, 1))
    return np.rint(ground)


def _piece(art: Sequence[Path], side: int, numbers: np.random.Generator, *, whole: bool = False) -> np.ndarray:
    """A piece that can be read, about `side` pixels a side, `np.ndarray [shape=(h, w, 4), dtype=float64]`, 0..255."""
    for _ in range(_TRIES):
        piece = _read(art[int(numbers.integers(len(art)))], side, whole)
        if piece is not None:
            return piece
    raise UsageError("hardly any piece of this art can be read")


def _read(path: Path, side: int, whole: bool, *, larger: bool = True) -> np.ndarray | None:
    """One piece, pixel art of less than half a side repeated where `larger`; None for a picture that is empty, too
    large, or may have been a photograph.
    """
    svg = path.suffix.lower() == ".svg"
    try:
        data = _rendered(path, side) if svg else path.read_bytes()
        with Image.open(io.BytesIO(data), formats=["PNG"]) as opened:
            if max(opened.size) > _LARGEST_SIDE:
                return None
            drawn = opened.mode == "P" or "A" in opened.getbands() or "transparency" in opened.info
            picture = opened.convert("RGBA")
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError, subprocess.SubprocessError):
        return None
    if not svg and not drawn and picture.getcolors(256) is None:
        return None
    colours = picture.getcolors(_FEWEST_COLOURS)
    if colours is not None and len(colours) < _FEWEST_COLOURS:
        return None
    pixels = np.asarray(picture, np.float64)
    if svg:
        return pixels
    times = max(1, side // max(pixels.shape[:2]))
    if times > 1 and larger and not whole:  # pixel art is shown enlarged by whole numbers
        times = min(times, 4)
        pixels = pixels.repeat(times, axis=0).repeat(times, axis=1)
    return pixels[:side, :side] if whole else pixels


def _rendered(path: Path, side: int) -> bytes:
    arguments = ["rsvg-convert", "-w", str(side), "-h", str(side), "--keep-aspect-ratio", str(path)]
    return subprocess.run(arguments, capture_output=True, check=True, timeout=_RENDER_SECONDS).stdout


def _paste(picture: np.ndarray, piece: np.ndarray, numbers: np.random.Generator) -> None:
    """Place a piece at random, a third of it outside at most."""
    top, left = (
        int(numbers.integers(min(-own // 3, 0), max(full - own + own // 3, 1)))
        for full, own in zip(picture.shape[:2], piece.shape[:2], strict=True)
    )
    _place(picture, piece, top, left)


def _place(picture: np.ndarray, piece: np.ndarray, top: int, left: int) -> None:
    """Blend a piece over the picture, in whole samples as programs do."""
    rows = slice(max(top, 0), min(top + piece.shape[0], picture.shape[0]))
    columns = slice(max(left, 0), min(left + piece.shape[1], picture.shape[1]))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    cut = piece[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    opacity = cut[..., 3:] / 255.0
    picture[rows, columns] = np.rint(picture[rows, columns] * (1 - opacity) + cut[..., :3] * opacity)


def write(
    art: Mapping[str, Sequence[Path]],
    out: Path,
    split: str,
    count: int,
    seed: int,
    progress: Callable[[], None] = lambda: None,
    *,
    make: Make = compose,
) -> int:
    """Make `count` drawings of a split's pieces (by `compose`, or `alone`) and write them as
    OUT/SPLIT/drawing_LAYOUT__NUMBER.png; those there already stay.

    Returns the number of drawings written. Raises `UsageError` where the split has no art.
    """
    collections = of_split(art, split)
    if not collections:
        raise UsageError(f"no folder of this art falls into the split {split}")
    folder = out / split
    folder.mkdir(parents=True, exist_ok=True)
    there, written = {path.stem.rpartition("__")[2] for path in folder.glob("drawing_*.png")}, 0
    for number in range(count):
        if f"{number:05d}" not in there:
            numbers = np.random.default_rng([seed, number, *split.encode()])
            pixels, layout = _made(make, collections, numbers)
            part = folder / f"{number:05d}.part"
            Image.fromarray(pixels).save(part, format="PNG")
            part.replace(folder / f"drawing_{layout}__{number:05d}.png")
            written += 1
        progress()
    return written


def _made(
    make: Make, collections: Sequence[Sequence[Sequence[Path]]], numbers: np.random.Generator
) -> tuple[np.ndarray, str]:
    """A drawing of some sets; others are tried where nearly all pieces are empty or cannot be read."""
    for _ in range(_TRIES):
        try:
            return make(_some_sets(collections, numbers), numbers)
        except UsageError:
            continue
    raise UsageError(f"no drawing came of {_TRIES} choices of sets: hardly any piece of this art can be read")


def _some_sets(collections: Sequence[Sequence[Sequence[Path]]], numbers: np.random.Generator) -> list[Path]:
    """Pieces of up to three sets of one collection: collections differ in their number of pieces by a factor of a
    hundred, and so do sets.
    """
    sets = collections[int(numbers.integers(len(collections)))]
    chosen = {int(place) for place in numbers.integers(len(sets), size=3)}
    return [path for place in sorted(chosen) for path in sets[place]]
