"""Pictures besides the one that is read, and bits that rounding does not cost."""

from __future__ import annotations

import io

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from forensics.pictures.opened import open_picture


@pytest.mark.parametrize("more", [1, 2])
@pytest.mark.parametrize("apart", [True, False])
def test_the_still_picture_of_an_animated_png_counts(photo, more, apart):
    stream, still = io.BytesIO(), Image.fromarray(photo)
    others = [Image.fromarray(255 - photo), still.rotate(180)][:more]
    still.save(stream, "PNG", save_all=True, append_images=others, default_image=apart)
    opened = open_picture(stream.getvalue())
    assert opened.container["pages"] == 1 + more
    assert f"the first of {1 + more} pictures in the file was read" in opened.notes
    np.testing.assert_array_equal(opened.pixels, photo)


def test_eight_bits_in_sixteen_are_not_called_rounded(photo):
    deep = photo.astype(np.uint16) * 257
    opened = open_picture(imagecodecs.png_encode(deep))
    assert opened.notes == ("16-bit samples are analysed at the 8 bits that they hold",)
    deep[5, 7, 1] ^= 1
    assert open_picture(imagecodecs.png_encode(deep)).notes == ("16-bit samples are analysed rounded to 8 bits",)
