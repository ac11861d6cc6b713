"""The fit of the judge of exact readings, on a handful of small sources."""

import numpy as np
import pytest
from forensics_models.exact_judge import ExactJudge
from PIL import Image

from forensics.dataset.synthetic import synthesise
from forensics.errors import UsageError
from forensics.training import exact


def test_pictures_are_those_of_the_validation_sources_and_the_same_for_the_same_seed(tmp_path):
    for split in ("val", "train"):
        (tmp_path / split).mkdir()
        Image.fromarray(synthesise("texture", 400, 400, 5)).save(tmp_path / split / "one.png")
    files = exact._sources(tmp_path)
    assert [path.parent.name for path in files] == ["val"]
    first, again = (list(exact._pictures(files, 1, 3)) for _ in range(2))
    assert [name for name, _ in first][:2] == ["uncompressed", "jpeg"]
    assert len({pixels.shape for _, pixels in first}) == 1
    assert all(np.array_equal(one, other) for (_, one), (_, other) in zip(first, again, strict=True))


def test_sources_without_the_split_val_are_refused(tmp_path):
    (tmp_path / "train").mkdir()
    Image.fromarray(synthesise("texture", 96, 96, 5)).save(tmp_path / "train" / "one.png")
    with pytest.raises(UsageError, match="split val"):
        exact.fit_exact(tmp_path, tmp_path / "out", count=1, seed=1)


@pytest.mark.heavy
def test_a_fit_ends_in_tables_that_are_read(tmp_path):
    (tmp_path / "val").mkdir()
    Image.fromarray(synthesise("texture", 400, 400, 5)).save(tmp_path / "val" / "one.png")
    exact.fit_exact(tmp_path, tmp_path / "out", count=2, seed=1)
    assert ExactJudge(tmp_path / "out").card["crops"] == 2


def test_one_test_is_fitted_and_the_tables_of_the_others_stay(tmp_path, monkeypatch):
    (tmp_path / "val").mkdir()
    Image.fromarray(synthesise("texture", 200, 200, 5)).save(tmp_path / "val" / "one.png")
    monkeypatch.setattr(exact, "_CODECS", ("jpeg", "jpeg2000"))
    monkeypatch.setattr(exact, "SIDES", (96,))
    card = exact.fit_exact(tmp_path, tmp_path / "out", count=2, seed=1, tests=("jpeg",))
    fitted, shipped = ExactJudge(tmp_path / "out"), ExactJudge.shipped()
    assert sum(map(sum, fitted.tables["jpeg"].own)) == 2
    assert sum(map(sum, fitted.tables["jpeg"].others)) == 4
    assert fitted.tables["jpegxr"] == shipped.tables["jpegxr"]
    assert card["refitted"]["jpeg"]["command"].endswith("--test jpeg")


def test_samples_of_a_stretched_picture_are_cut():
    numbers = np.random.default_rng(4)
    pixels = synthesise("texture", 64, 64, 5)
    cut = exact._cut(pixels, numbers)
    assert cut.dtype == np.uint8
    assert ((cut == 0) | (cut == 255)).mean() > 0.05 > ((pixels == 0) | (pixels == 255)).mean()
