"""The network on pixels is asked where its answer is stated: for ratio and SSIM of a codec that is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from forensics_models.cnn import Cnn, NetworkOutputs
from PIL import Image

import forensics
from forensics.windows.choice import choose_windows
from forensics.windows.judges import shipped_extractor, shipped_judge
from forensics.windows.reading import look

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def asked(monkeypatch):
    """Patches that the network is given, counted."""
    shapes, outputs = [], Cnn.outputs

    def counted(self, patches):
        shapes.extend(patch.shape for patch in patches)
        return outputs(self, patches)

    monkeypatch.setattr(Cnn, "outputs", counted)
    return shapes


def test_an_untouched_picture_does_not_ask_it(asked):
    assert forensics.analyze(EXAMPLES / "uncompressed.png").verdict == "uncompressed"
    assert not asked


def test_a_codec_is_named_without_it_and_its_strength_is_stated_with_it(asked):
    pixels = np.asarray(Image.open(EXAMPLES / "jpeg.png").convert("RGB"))
    found = forensics.analyze(pixels, undo_tone=False)
    windows = choose_windows(pixels)
    assert found.verdict == "jpeg"
    assert len(asked) == len(windows) == len(found.windows)
    pieces = [window.cut(pixels) for window in windows]
    judge = shipped_judge()
    whole = judge.combine(judge.judge(shipped_extractor().transform(pieces), pieces))
    assert found.ratio is not None
    assert found.ratio.estimate == pytest.approx(whole.ratio[1], rel=1e-6)
    assert found.ssim is not None
    assert found.ssim.estimate == pytest.approx(whole.ssim[1], rel=1e-6)


@pytest.mark.parametrize("threads", [1, 2, 3, 9])
def test_threads_keep_the_order_of_windows(threads):
    rng = np.random.default_rng(1)
    pieces = [rng.integers(0, 256, (64 + 8 * k, 72, 3), np.uint8) for k in range(4)]
    judge = shipped_judge()
    seen = look(judge, pieces, threads)
    assert isinstance(seen, NetworkOutputs)
    assert seen.log2_pixels.tolist() == [np.log2((64 + 8 * k) * 72) for k in range(4)]
    alone = judge.look(pieces)
    assert np.allclose(seen.margins, alone.margins, atol=1e-4)


def test_the_part_of_features_shares_the_trees_and_is_its_own_part():
    judge = shipped_judge()
    part = judge.of_features
    assert not part.needs_patches
    assert part.of_features is part
    assert part.look([np.zeros((64, 64, 3), np.uint8)]) is None
