"""The command line, called within this process."""

from __future__ import annotations

import pytest

from forensics.cli.main import run


def call(*arguments: object) -> int:
    """Exit code of `forensics ARGUMENTS`."""
    with pytest.raises(SystemExit) as stop:
        run([str(argument) for argument in arguments])
    return stop.value.code
