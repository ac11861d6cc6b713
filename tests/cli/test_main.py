"""The command line's frame: lazy commands, one line an error, exit codes."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import click
import pytest

from forensics.cli import main as frame
from forensics.errors import UsageError
from forensics.version import __version__

HEAVY = (
    "numba",
    "imagecodecs",
    "PIL",
    "scipy",
    "onnxruntime",
    "xgboost",
    "sklearn",
    "skimage",
    "av",
    "pillow_heif",
)


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


def test_help_shows_every_command_and_imports_nothing_heavy():
    code = (
        "import sys\nfrom forensics.cli.main import run\n"
        "try:\n    run(['--help'])\nexcept SystemExit as stop:\n    code = stop.code\n"
        f"heavy = [name for name in {HEAVY!r} + ('numpy',) if name in sys.modules]\n"
        "print('HEAVY', heavy, 'CODE', code)\n"
    )
    done = python(code)
    assert "HEAVY [] CODE 0" in done.stdout, done.stdout + done.stderr
    plain = re.sub(r"\s+", " ", done.stdout)
    for name, line in frame.COMMANDS.items():
        assert f" {name} {line}" in plain


def run_with(monkeypatch, error: BaseException | None, capsys) -> tuple[int, str]:
    def command():
        if error is not None:
            raise error
        return 2

    monkeypatch.setattr(frame.LazyGroup, "get_command", lambda *_: click.Command("analyze", callback=command))
    with pytest.raises(SystemExit) as stop:
        frame.run(["analyze"])
    return stop.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (
            UsageError("sides are at least 64 px,\nnot 3"),
            1,
            "forensics: error: sides are at least 64 px, not 3\n",
        ),
        (
            click.BadParameter("no"),
            1,
            "forensics: error: Invalid value: no (see `forensics analyze --help`)\n",
        ),
        (KeyboardInterrupt(), 130, "forensics: interrupted\n"),
        (None, 2, ""),
    ],
)
def test_every_way_out_is_one_line_and_its_exit_code(monkeypatch, capsys, error, code, message):
    given, err = run_with(monkeypatch, error, capsys)
    assert given == code
    assert err.lstrip("\n") == message


@pytest.mark.parametrize("arguments", [["nonsense"], ["--nonsense"]])
def test_wrong_usage_is_one_line_and_exit_code_1(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        frame.run(arguments)
    err = capsys.readouterr().err
    assert stop.value.code == 1
    assert err.startswith("forensics: error: No such ")
    assert err.count("\n") == 1


def test_no_arguments_shows_the_help(capsys):
    with pytest.raises(SystemExit) as stop:
        frame.run([])
    assert stop.value.code == 1
    assert "Usage: forensics" in capsys.readouterr().err


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        frame.run(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out.strip() == f"forensics, version {__version__}"


def test_closed_pipe_is_quiet():
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-c", "from forensics.cli.main import run; run(['--help'])"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writer)
    assert done.stderr == ""


def test_the_package_runs_as_a_module():
    done = subprocess.run([sys.executable, "-m", "forensics", "--version"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.split()) == (0, ["forensics,", "version", __version__])


@pytest.mark.parametrize(
    ("typed", "meant"), [("analyse", "analyze"), ("reconstuct", "reconstruct"), ("feature", "features")]
)
def test_a_name_that_is_nearly_a_command_is_answered_with_it(capsys, typed, meant):
    with pytest.raises(SystemExit) as stop:
        frame.run([typed])
    assert stop.value.code == 1
    assert f"there is no command {typed!r}; did you mean `{meant}`?" in capsys.readouterr().err


def hidden_interruption() -> RuntimeError:
    error = RuntimeError("Error calling __set_name__")
    error.__cause__ = KeyboardInterrupt()
    return error


def test_an_interruption_that_another_error_hides_is_one_line_too(monkeypatch, capsys):
    """Python 3.11 makes a RuntimeError of what interrupts it while a class is made."""
    given, err = run_with(monkeypatch, hidden_interruption(), capsys)
    assert (given, err.lstrip("\n")) == (130, "forensics: interrupted\n")
    with pytest.raises(RuntimeError, match="a fault of ours"):
        run_with(monkeypatch, RuntimeError("a fault of ours"), capsys)
