"""Drawings of art: which pieces are taken, that sets stay in one split, and that known art gives known pixels."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from forensics.cli.main import main
from forensics.dataset import drawings, sources
from forensics.errors import UsageError

SQUARE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><rect width="10" height="10" fill="#ff0000"/>'
    '<rect width="5" height="5" fill="#00ff00"/><rect y="5" width="5" height="5" fill="#0000ff"/></svg>'
)


@pytest.fixture
def art(tmp_path) -> Path:
    """Two collections of sixty sets with two sprites each, a photograph among them."""
    numbers = np.random.default_rng(3)
    for collection in ("first", "second"):
        for name in range(60):
            folder = tmp_path / "art" / collection / ("set-" + chr(97 + name % 26) * (1 + name // 26))
            folder.mkdir(parents=True)
            for number in range(2):
                sprite = numbers.integers(0, 256, (24, 20, 4), dtype=np.uint8)
                sprite[..., 3] = 255 * (numbers.random((24, 20)) < 0.7)
                Image.fromarray(sprite).save(folder / f"sprite{number}.png")
    photograph = numbers.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(photograph).save(tmp_path / "art" / "first" / "set-a" / "photograph.png")
    return tmp_path / "art"


def test_a_set_lies_in_one_split_in_all_its_sizes(art):
    splits = [drawings.of_split(drawings.find_art(art), split) for split in ("train", "val", "test")]
    names = [{path for own in split for pieces in own for path in pieces} for split in splits]
    assert sum(map(len, names)) == len(set.union(*names)) == 241
    assert len(names[0]) > 5 * len(names[1]) > 0 < len(names[2])
    sizes = [Path("/somewhere") / "icons" / size / "apps" for size in ("48x48", "scalable", "16")]
    here = {drawings._split("icons", folder) for folder in sizes}
    assert len(here | {drawings._split("icons", Path("/elsewhere/icons/apps"))}) == 1


def test_what_may_have_been_a_photograph_is_passed_over(art):
    assert drawings._read(art / "first" / "set-a" / "photograph.png", 64, True) is None
    sprite = drawings._read(art / "first" / "set-a" / "sprite0.png", 64, True)
    assert sprite is not None
    assert sprite.shape == (24, 20, 4)
    enlarged = drawings._read(art / "first" / "set-a" / "sprite0.png", 64, False)
    assert np.array_equal(enlarged, sprite.repeat(2, axis=0).repeat(2, axis=1))


def test_drawings_are_sources_that_a_seed_decides_and_that_stay(art, tmp_path):
    found = drawings.find_art(art)
    assert drawings.write(found, tmp_path / "a", "train", 6, 1) == 6
    assert drawings.write(found, tmp_path / "a", "train", 8, 1) == 2
    assert drawings.write(found, tmp_path / "b", "train", 8, 1) == 8
    names = sources.find(tmp_path / "a")
    assert names == sources.find(tmp_path / "b")
    assert len(names) == 8
    for name in names:
        pixels = sources.load(tmp_path / "a" / name)
        assert np.array_equal(pixels, sources.load(tmp_path / "b" / name))
        assert sources.describe(name, pixels, sources.SHARES).split == "train"
        assert all(drawings.SIDES[0] <= side <= drawings.SIDES[1] for side in pixels.shape[:2])


def test_pieces_are_blended_in_whole_samples():
    picture = np.full((4, 4, 3), 10.0)
    piece = np.zeros((2, 2, 4))
    piece[..., 0], piece[..., 3] = 255.0, 51.0
    drawings._place(picture, piece, 3, -1)
    assert picture[3, 0].tolist() == [59.0, 8.0, 8.0]
    assert (picture[:3] == 10).all()
    assert (picture[:, 1:] == 10).all()


def test_vector_art_is_rendered_at_the_size_that_is_needed(tmp_path):
    (tmp_path / "icons").mkdir()
    (tmp_path / "icons" / "square.svg").write_text(SQUARE)
    try:
        found = drawings.find_art(tmp_path)
    except UsageError as error:
        pytest.skip(str(error))
    piece = drawings._read(found["icons"][0], 40, True)
    assert piece is not None
    assert piece.shape == (40, 40, 4)
    assert piece[10, 10].tolist() == [0, 255, 0, 255]
    assert piece[30, 10].tolist() == [0, 0, 255, 255]


def test_the_command_says_what_it_wrote_and_what_it_lacks(art, tmp_path):
    run = CliRunner().invoke(main, ["dataset", "drawings", str(art), str(tmp_path / "out"), "--number", "2"])
    assert run.exit_code == 0
    assert run.output == f"2 drawings written to {tmp_path / 'out' / 'train'}\n"
    (tmp_path / "empty").mkdir()
    run = CliRunner().invoke(main, ["dataset", "drawings", str(tmp_path / "empty"), str(tmp_path / "out")])
    assert isinstance(run.exception, UsageError)
    assert "no SVG or PNG file below" in str(run.exception)


def test_a_piece_alone_is_its_files_samples_or_lies_on_a_flat_ground(tmp_path):
    numbers = np.random.default_rng(8)
    sprite = numbers.integers(0, 256, (70, 90, 4), dtype=np.uint8)
    sprite[..., 3] = 255 * (numbers.random((70, 90)) < 0.5)
    Image.fromarray(sprite).save(tmp_path / "large.png")
    Image.fromarray(sprite[:40]).save(tmp_path / "small.png")
    art = [tmp_path / "large.png", tmp_path / "small.png"]
    made = [drawings.alone(art, numbers) for _ in range(12)]
    assert {(pixels.shape, name) for pixels, name in made} == {((70, 90, 3), "alone")}
    seen = sprite[..., 3] == 255
    assert all(np.array_equal(pixels[seen], sprite[seen][:, :3]) for pixels, _ in made)
    assert 0 < sum(np.array_equal(pixels, sprite[..., :3]) for pixels, _ in made) < 12
    with pytest.raises(UsageError, match="64 pixels a side"):
        drawings.alone(art[1:], numbers)


def test_pieces_alone_are_written_by_the_command(art, tmp_path):
    for sprite in art.glob("*/*/sprite0.png"):
        with Image.open(sprite) as opened:
            opened.resize((80, 96), Image.Resampling.NEAREST).save(sprite)
    arguments = ["dataset", "drawings", str(art), str(tmp_path / "out"), "--number", "3", "--alone"]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    assert len(list((tmp_path / "out" / "train").glob("drawing_alone__*.png"))) == 3
