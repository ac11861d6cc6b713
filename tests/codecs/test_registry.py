"""The list of codecs, and containers recognised by their first bytes."""

from __future__ import annotations

import subprocess
import sys

import pytest
from forensics_models.classes import CLASSES

from forensics.codecs import registry
from forensics.errors import UsageError


def test_the_classes_come_first_and_in_their_order() -> None:
    names = registry.names()
    assert names[:8] == ("jpeg", "jpeg2000", "jpegxr", "bpg", "webp", "avif", "heic", "jpegxl")
    assert len(set(names)) == len(names)


def test_every_codec_belongs_to_a_class_and_keeps_its_name() -> None:
    for name in registry.names():
        codec = registry.get(name)
        assert codec.name == name
        assert codec.codec in CLASSES
        assert codec.suffix.startswith(".")
        for switch in codec.switches.values():
            assert switch.open or switch.default in switch.values


@pytest.mark.parametrize("codec_class", CLASSES[1:])
def test_codecs_of_a_class(codec_class: str) -> None:
    found = registry.codecs_of(codec_class)
    assert found[0].name == codec_class
    assert [codec.name for codec in found] == [n for n in registry.names() if registry.get(n).codec == codec_class]


def test_an_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(UsageError, match=r"no codec 'gif'; there are jpeg, jpeg2000, .*jpegxl"):
        registry.get("gif")
    with pytest.raises(UsageError, match=r"class 'uncompressed'; the classes are jpeg, jpeg2000"):
        registry.codecs_of("uncompressed")


def file_type(major: bytes, *compatible: bytes) -> bytes:
    brands = b"".join(compatible)
    return (16 + len(brands)).to_bytes(4, "big") + b"ftyp" + major + bytes(4) + brands


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "jpeg"),
        (b"\xff\x4f\xff\x51\x00\x2f\x00\x00", "jpeg2000"),
        (b"\x00\x00\x00\x0cjP  \r\n\x87\n\x00\x00\x00\x14ftypjp2 ", "jpeg2000"),
        (b"II\xbc\x01\x20\x00\x00\x00", "jpegxr"),
        (b"BPG\xfb\x20\x00", "bpg"),
        (b"RIFF\x24\x00\x00\x00WEBPVP8 ", "webp"),
        (file_type(b"avif", b"avif", b"mif1", b"miaf"), "avif"),
        (file_type(b"mif1", b"mif1", b"avif"), "avif"),
        (file_type(b"heic", b"mif1", b"heic"), "heic"),
        (file_type(b"mif1", b"mif1", b"heix"), "heic"),
        (b"\xff\x0a\x00\x10", "jpegxl"),
        (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "jpegxl"),
        (file_type(b"isom", b"mp42"), None),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", None),
        (b"\x89PNG\r\n\x1a\n", None),
        (b"II*\x00\x08\x00\x00\x00", None),
        (b"\xff\xd8", None),
        (b"", None),
    ],
)
def test_sniff(head: bytes, name: str | None) -> None:
    assert registry.sniff(head) == name


def test_asking_for_the_registry_loads_no_codec_library() -> None:
    heavy = "{'imagecodecs', 'av', 'pillow_heif', 'numba', 'PIL'}"
    code = f"import sys, forensics.codecs; print(sorted({heavy} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
