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
