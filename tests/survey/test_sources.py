"""Sources: what is found under which name, label and stamp, and that a long listing holds nothing."""

from __future__ import annotations

import io
import os
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from forensics.errors import UsageError
from forensics.survey.sources import Item, Passed, estimated, is_address, listed
from tests.survey.working import pictures


def found(*sources: object, every: bool = False, without: str = "") -> tuple[list[Item], Passed]:
    passed = Passed()
    return list(listed([str(source) for source in sources], passed, every=every, without=without)), passed


def content(*sources: object) -> dict[str, object]:
    """Payloads by name, each asked for at its turn."""
    return {item.name: item.payload() for item in listed([str(source) for source in sources], Passed())}


PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def shard(tmp_path):
    path = tmp_path / "shard.tar"
    with tarfile.open(path, "w") as archive:
        for name, data in (("a/1.png", PNG + b"1"), ("a/1.cls", b"3"), ("2.jpg", b"two"), ("b/no-suffix", PNG + b"3")):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "2.jpg"
        archive.addfile(link)
    return path


def test_a_folder_gives_its_pictures_with_labels(tmp_path):
    pictures(tmp_path / "in" / "cats", 2)
    pictures(tmp_path / "in" / "cats" / "deep", 1)
    pictures(tmp_path / "in", 1, "top")
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    (tmp_path / "in" / "again").symlink_to(tmp_path / "in" / "cats")
    items, passed = found(tmp_path / "in")
    labels = {os.path.relpath(item.name, tmp_path): item.label for item in items}
    cats = {"in/cats/00000.png": "cats", "in/cats/00001.png": "cats", "in/cats/deep/00000.png": "cats"}
    assert labels == {**cats, "in/top00000.png": None}
    assert dict(passed.counts) == {"no picture by name or content": 1, "a link to a folder": 1}
    assert "passed over 2" in passed.text()
    assert {item.source for item in items} == {str(tmp_path / "in")}
    assert len(found(tmp_path / "in", every=True)[0]) == 5
    assert found(tmp_path / "in", without=str(tmp_path / "in" / "cats"))[0][0].label is None


def test_a_tar_archive_gives_its_members_as_bytes(shard, tmp_path):
    assert content(shard) == {
        f"{shard}!/a/1.png": PNG + b"1",
        f"{shard}!/2.jpg": b"two",
        f"{shard}!/b/no-suffix": PNG + b"3",
    }
    items, passed = found(shard)
    assert [item.label for item in items] == ["a", None, "b"]
    assert passed.counts == {"no picture by name or content": 1, "a pipe, socket or device": 1}
    packed = tmp_path / "packed.tar.gz"
    with tarfile.open(packed, "w:gz") as archive, tarfile.open(shard) as plain:
        for member in plain:
            archive.addfile(member, plain.extractfile(member) if member.isreg() else None)
    assert list(content(packed).values()) == [PNG + b"1", b"two", PNG + b"3"]


def test_a_zip_archive_gives_names_that_a_worker_opens(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cats/1.png", PNG)
        archive.writestr("other", PNG + b"2")
        archive.writestr("text.txt", "no")
    assert content(path) == {
        f"{path}!/cats/1.png": (str(path), "cats/1.png"),
        f"{path}!/other": (str(path), "other"),
    }
    stamps = {item.name: item.stamp for item in found(path)[0]}
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("cats/2.png", PNG)
    again = {item.name: item.stamp for item in found(path)[0]}
    assert {name: again[name] for name in stamps} == stamps, "members that did not change keep their stamps"


def test_archives_within_folders_patterns_and_lists(shard, tmp_path):
    pictures(tmp_path / "more", 3)
    (tmp_path / "list").write_text(f"{shard}\n\n{tmp_path}/more/0000[01].png\n")
    names = [Path(item.name).name for item in found(f"@{tmp_path}/list")[0]]
    assert sorted(names) == ["00000.png", "00001.png", "1.png", "2.jpg", "no-suffix"]
    assert len(found(tmp_path)[0]) == 6
    with pytest.raises(UsageError):
        found(f"@{tmp_path}/nothing")
    assert found(f"{tmp_path}/*.bmp")[1].barren == [f"{tmp_path}/*.bmp"]


def test_what_is_damaged_is_an_item_with_an_error(shard, tmp_path):
    half = tmp_path / "half.tar"
    half.write_bytes(shard.read_bytes()[:1100])
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK nothing of the kind")
    packed = tmp_path / "packed.tgz"
    packed.write_bytes(b"\x1f\x8b\x08\0nothing of the kind")
    cut = tmp_path / "cut.tar"
    cut.write_bytes(shard.read_bytes()[:1024])  # behind the first member, as its download stopped
    for source in (half, broken, packed, cut, tmp_path / "missing.png"):
        last = found(source)[0][-1]
        assert last.error, source
        assert "\n" not in last.error


def test_a_stamp_changes_with_the_content(tmp_path):
    folder = pictures(tmp_path / "in", 1)
    before = found(folder)[0][0].stamp
    assert found(folder)[0][0].stamp == before
    (folder / "00000.png").write_bytes(b"other bytes")
    assert found(folder)[0][0].stamp != before


def test_addresses_are_opened_by_fsspec(shard, tmp_path):
    fsspec = pytest.importorskip("fsspec", reason="fsspec (the extra remote) is not installed")
    memory = fsspec.filesystem("memory")
    memory.pipe({"/bucket/cats/1.png": b"one", "/bucket/2.jpg": b"two", "/bucket/notes.txt": b"no"})
    memory.pipe("/bucket/shard.tar", shard.read_bytes())
    assert is_address("memory://bucket")
    assert not is_address("C:/pictures")
    assert content("memory://bucket") == {
        "memory:///bucket/cats/1.png": b"one",
        "memory:///bucket/2.jpg": b"two",
        "memory:///bucket/shard.tar!/a/1.png": PNG + b"1",
        "memory:///bucket/shard.tar!/2.jpg": b"two",
        "memory:///bucket/shard.tar!/b/no-suffix": PNG + b"3",
    }
    assert list(content("memory://bucket/*.jpg")) == ["memory:///bucket/2.jpg"]
    before = {item.name: item.stamp for item in found("memory://bucket")[0]}
    assert all(before.values())
    memory.pipe("/bucket/2.jpg", b"another")
    after = {item.name: item.stamp for item in found("memory://bucket")[0]}
    assert {name for name in before if before[name] != after[name]} == {"memory:///bucket/2.jpg"}
    files = {name: payload for name, payload in content(f"file://{tmp_path}").items() if ".tar" not in name}
    assert files == {}
    with pytest.raises(UsageError):
        found("nothing-known://x/y.png")
    assert found("memory://nowhere/*.png")[1].barren == ["memory://nowhere/*.png"]


def test_a_long_listing_is_not_held(tmp_path):
    pictures(tmp_path / "in", 4000)
    for index in range(40):
        pictures(tmp_path / "in" / f"{index}", 50)
    tracemalloc.start()
    count = sum(1 for _ in listed([str(tmp_path / "in")], Passed()))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 6000
    assert most < 200_000, "bytes at most, where 6,000 names alone take 500,000"


def test_the_number_is_estimated_by_name(shard, tmp_path):
    pictures(tmp_path / "in", 3)
    assert sum(filter(None, estimated([str(tmp_path / "in"), str(tmp_path / "in" / "00000.png")]))) == 4
    assert None in list(estimated([str(shard)]))


def test_a_source_without_pictures_is_counted_and_the_others_are_taken(tmp_path):
    pictures(tmp_path / "in", 1)
    (tmp_path / "barren").mkdir()
    items, passed = found(tmp_path / "barren", tmp_path / "*.tif", tmp_path / "in")
    assert len(items) == 1
    assert passed.barren == [str(tmp_path / "barren"), str(tmp_path / "*.tif")]
    assert passed.text() == ""
