"""`forensics codecs`: every codec of the registry, in both formats, on a machine with and without the programs."""

from __future__ import annotations

import json
import sys

import pytest

from forensics.cli.main import run
from forensics.codecs import registry
from forensics.processes.registry import processes


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as stop:
        run(["codecs", *arguments])
    assert stop.value.code == 0
    return capsys.readouterr().out


def test_json_says_all_there_is_to_say(capsys: pytest.CaptureFixture[str]) -> None:
    report = json.loads(output(capsys, "--format", "json"))
    assert report["schema"] == "forensics-codecs/1"
    listed = {codec["name"]: codec for codec in report["codecs"]}
    assert tuple(listed) == registry.names()
    for name, said in listed.items():
        codec = registry.get(name)
        state = codec.availability()
        assert (said["encode"], said["decode"], said["reason"]) == (state.encode, state.decode, state.reason)
        assert said["encode"] or said["reason"]
        assert (said["class"], said["suffix"], said["version"]) == (
            codec.codec,
            codec.suffix,
            codec.version(),
        )
        assert said["strength"]["parameter"] == codec.strength.parameter
        assert said["strength"]["finest"] != said["strength"]["coarsest"]
        assert {switch: what["default"] for switch, what in said["switches"].items()} == {
            switch: what.default for switch, what in codec.switches.items()
        }


def test_text_names_codecs_strengths_and_switches(capsys: pytest.CaptureFixture[str]) -> None:
    text = output(capsys)
    paragraphs = text.strip().split("\n\n")
    assert [paragraph.split()[0] for paragraph in paragraphs] == [*registry.names(), *processes()]
    for paragraph, name in zip(paragraphs, registry.names(), strict=False):
        codec = registry.get(name)
        assert codec.version() in paragraph
        assert f"\n    {codec.strength.parameter}: " in paragraph
        for switch in codec.switches:
            assert f"\n    {switch}: " in paragraph
    assert "subsampling: [4:2:0] 4:2:2 4:4:4" in text
    assert "progressive: [false] true" in text


def test_what_is_missing_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    text = output(capsys)
    assert "decodes only: JxrEncApp is not on PATH (Debian package libjxr-tools)" in text
    assert "jxrlib (JxrEncApp, absent)" in text


def test_the_module_itself_loads_no_codec_library(capsys: pytest.CaptureFixture[str]) -> None:
    import subprocess

    code = "import sys, forensics.cli.codecs, forensics.cli.compress\n"
    code += "print([name for name in ('numba', 'imagecodecs', 'PIL', 'av', 'numpy') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


def test_the_processes_beyond_the_codecs_are_listed_with_what_makes_them(capsys: pytest.CaptureFixture[str]) -> None:
    listed = json.loads(output(capsys, "--format", "json"))["processes"]
    assert [one["name"] for one in listed] == list(processes())
    text = " ".join(output(capsys).split())
    for one in processes().values():
        assert " ".join(one.what.split()) in text
        assert one.made_by in text
