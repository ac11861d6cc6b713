"""What goes wrong here is not called damage of the file."""

from __future__ import annotations

import errno

import numpy as np
import pytest
from forensics_features._kernel import kernel

from forensics.errors import PictureError
from forensics.pictures.samples import decoding


@kernel
def _untyped(values):
    return values.no_such_thing


def test_a_kernel_that_does_not_compile_is_no_damage():
    with pytest.raises(Exception, match="no_such_thing") as raised, decoding("its data"):
        _untyped(np.zeros(3))
    assert not isinstance(raised.value, PictureError)


def test_a_full_disk_is_named():
    with pytest.raises(PictureError, match="its data cannot be decoded here: No space left") as raised:
        raise_in(OSError(errno.ENOSPC, "No space left on device"))
    assert "damaged" not in str(raised.value)


@pytest.mark.parametrize(
    ("said", "reported"),
    [("subsampling not supported", "subsampling not supported"), ("<Tag 0x1>", "they use a feature that the decoder")],
)
def test_what_a_decoder_lacks_is_named(said, reported):
    with pytest.raises(PictureError, match=f"its data cannot be read: {reported}") as raised:
        raise_in(NotImplementedError(said))
    assert "damaged" not in str(raised.value)


@pytest.mark.parametrize("error", [OSError("broken data stream"), ValueError("bad"), RuntimeError("returned -3")])
def test_what_a_decoder_says_of_the_data_is_damage(error):
    with pytest.raises(PictureError, match="damaged"):
        raise_in(error)


def raise_in(error: Exception) -> None:
    with decoding("its data"):
        raise error
