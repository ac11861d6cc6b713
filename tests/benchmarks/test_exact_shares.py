"""Shares that the arithmetic of WebP, JPEG XR and JPEG 2000 explains, measured."""

from __future__ import annotations

from forensics_benchmarks import exact_shares
from forensics_benchmarks.exact_shares import Share

from tests.history.test_jpegxr import textured


def test_own_pictures_have_a_share_and_others_none(monkeypatch):
    made = {
        "webp": (("webp", {"quality": 90, "preset": "icon"}),),
        "jpegxr": (("jpegxr", {"level": 0.85}),),
        "jpeg2000": (("jpeg2000", {"ratio": 12, "wavelet": "9/7"}),),
    }
    monkeypatch.setattr(exact_shares, "MADE", made)
    monkeypatch.setattr(exact_shares, "CONTROLS", ("untouched", "webp"))
    found = list(exact_shares.measure([textured(288)]))
    own = {one.test: one for one in found if one.made.startswith(f"{one.test} ")}
    assert set(own) == set(made)
    assert all(one.share > 0.7 and one.shifted < one.share - 0.2 for one in own.values())
    others = [one for one in found if one.made in exact_shares.CONTROLS]
    assert len(others) == 5
    assert all(one.share is None for one in others)


def test_the_table_has_a_row_for_each_test_and_maker():
    found = [
        Share("webp", "webp quality 75", 0.2, 0.0),
        Share("webp", "webp quality 75", 0.4, 0.01),
        Share("webp", "untouched", None, None),
    ]
    rows = exact_shares.report(found).splitlines()
    assert rows[2] == "| webp | webp quality 75 | 2 of 2 | 30.0 % | 20.0 to 40.0 % | 0.0 to 1.0 % |"
    assert rows[3] == "| webp | untouched | 0 of 1 | - | - | - |"
