"""Files that appear when they are complete."""

import io
import os
import zipfile

import numpy as np
import pytest
from forensics_models.storage import (
    packed,
    partial_path,
    read_card,
    remove_remnants,
    replacing,
    unpacked,
    write_atomically,
)


def test_a_file_is_replaced_at_the_end(tmp_path):
    path = tmp_path / "card.json"
    path.write_bytes(b"old")
    with replacing(path) as partial:
        assert partial == partial_path(path)
        assert partial.parent == path.parent
        assert partial.suffix == path.suffix
        partial.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert [found.name for found in tmp_path.iterdir()] == ["card.json"]
    assert path.read_bytes() == b"new"


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "card.json"
    path.write_bytes(b"old")

    def halfway():
        with replacing(path) as partial:
            partial.write_bytes(b"ne")
            raise ValueError("half way")

    with pytest.raises(ValueError, match="half"):
        halfway()
    assert [found.name for found in tmp_path.iterdir()] == ["card.json"]
    assert path.read_bytes() == b"old"


def test_what_a_dead_process_left_is_removed(tmp_path):
    own, dead = (
        partial_path(tmp_path / "a.npz"),
        tmp_path / f".part-{2**22 + 1}-a.npz",
    )  # above the largest number of a process
    for path in (own, dead, tmp_path / ".part-x-a.npz"):
        path.touch()
    remove_remnants(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([own.name, ".part-x-a.npz"])


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="there is no /proc here")
def test_what_a_process_left_that_nobody_fetched_yet_is_removed(tmp_path):
    ended = os.fork()
    if ended == 0:
        os._exit(0)
    os.waitid(os.P_PID, ended, os.WEXITED | os.WNOWAIT)  # it has ended, and keeps its number
    try:
        left = tmp_path / f".part-{ended}-a.npz"
        left.touch()
        remove_remnants(tmp_path)
        assert not left.exists()
    finally:
        os.waitpid(ended, 0)


def test_a_place_that_cannot_be_written_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "missing" / "card.json", b"")
    write_atomically(tmp_path / "card.json", b"whole")
    assert (tmp_path / "card.json").read_bytes() == b"whole"


@pytest.mark.parametrize("number", ["1e999", "-1E+400", "9" * 400 + ".0", "NaN", "-Infinity"])
def test_a_card_with_what_is_no_number_is_refused(tmp_path, number):
    card = tmp_path / "card.json"
    card.write_text(f'{{"a": [1.5, {number}]}}')
    with pytest.raises(ValueError, match="in the place of a number"):
        read_card(card)
    card.write_text('{"a": [1.5, 1e-300, 1e10]}')
    assert read_card(card) == {"a": [1.5, 1e-300, 1e10]}


def test_arrays_are_compressed_where_that_is_worth_it(tmp_path):
    noise = np.random.default_rng(0).normal(size=500).astype(np.float16)
    arrays = {"noise": noise, "zeros": np.zeros((3, 200), np.int16), "one": np.int64(7)}
    data = packed(arrays)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        kinds = {found.filename: found.compress_type for found in archive.infolist()}
    assert kinds["noise.npy"] == zipfile.ZIP_STORED
    assert kinds["zeros.npy"] == zipfile.ZIP_DEFLATED
    (tmp_path / "a.npz").write_bytes(data)
    found = unpacked(tmp_path / "a.npz", "arrays")
    assert list(found) == list(arrays)
    assert all(np.array_equal(found[name], value) for name, value in arrays.items())
    assert packed(found) == data
