"""Windows between others that agree are not judged, and are as those; all others are."""

from __future__ import annotations

import numpy as np
import pytest
from forensics_models.classes import CLASSES, FINE_CLASSES
from forensics_models.judgement import WindowJudgement

from forensics.localisation.agreeing import judged_where_needed
from forensics.localisation.scan import window_map

WEBP, JPEG = FINE_CLASSES.index("webp"), FINE_CLASSES.index("jpeg")


class _Judge:
    """Gives each window of a lattice a class and a certainty, and remembers which were asked."""

    def __init__(self, classes, certainty):
        self.classes, self.certainty, self.asked = np.asarray(classes), np.asarray(certainty), []

    def __call__(self, numbers):
        self.asked += numbers
        fine = np.empty((len(numbers), len(FINE_CLASSES)))
        for row, number in enumerate(numbers):
            p = self.certainty.flat[number]
            fine[row] = (1 - p) / (len(FINE_CLASSES) - 1)
            fine[row, self.classes.flat[number]] = p
        strength = np.array(numbers, float)[:, None] + np.array([0.0, 1.0, 2.0])
        return WindowJudgement(fine, strength, strength / 1000)


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (1, 5), (2, 2), (5, 7), (6, 8)])
def test_agreeing_windows_are_a_quarter_about(shape):
    judge = _Judge(np.full(shape, WEBP), np.full(shape, 0.95))
    judged, looked = judged_where_needed(judge, shape)
    assert sorted(judge.asked) == np.flatnonzero(looked).tolist()
    rows, columns = (n // 2 + 1 if n > 1 else 1 for n in shape)
    assert looked.sum() == rows * columns
    assert np.allclose(judged.fine_probabilities[:, WEBP], 0.95)
    assert np.allclose(judged.fine_probabilities.sum(axis=1), 1)


def test_windows_next_to_another_class_or_an_uncertain_one_are_judged():
    classes, certainty = np.full((9, 9), WEBP), np.full((9, 9), 0.95)
    classes[2, 2], certainty[6, 6] = JPEG, 0.45
    judge = _Judge(classes, certainty)
    judged, looked = judged_where_needed(judge, (9, 9))
    assert looked[1:4, 1:4].all()
    assert looked[5:8, 5:8].all()
    assert looked.sum() == 25 + 8 + 8
    assert (judged.fine_probabilities.argmax(axis=1) == classes.ravel()).all()


def test_windows_next_to_one_that_was_taken_for_another_class_are_judged_until_none_is_left():
    """A part that reaches a window of the first look at one end alone is followed from there."""
    classes, certainty = np.full((13, 13), WEBP), np.full((13, 13), 0.95)
    classes[4, 4:10], classes[5, 5:10] = JPEG, JPEG
    classes[4, 6], classes[4, 8] = WEBP, WEBP
    judge = _Judge(classes, certainty)
    judged, looked = judged_where_needed(judge, (13, 13))
    assert (judged.fine_probabilities.argmax(axis=1) == classes.ravel()).all()
    assert looked[5, 9]
    assert sorted(judge.asked) == np.flatnonzero(looked).tolist()  # none twice
    assert looked.sum() < 0.6 * looked.size


def test_what_is_not_judged_is_the_mean_of_its_judged_neighbours():
    judged, looked = judged_where_needed(_Judge(np.full((3, 3), WEBP), np.full((3, 3), 0.95)), (3, 3))
    assert looked.tolist() == [[True, False, True], [False, False, False], [True, False, True]]
    assert judged.log2_ratio[:, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert judged.ssim[4].tolist() == pytest.approx([0.004, 0.005, 0.006])


def test_every_pixel_lies_in_a_window_that_is_judged(fake_extractor, fake_judge):
    picture = np.zeros((500, 700), np.uint8)
    scanned = window_map(picture, judge=fake_judge(webp=0.95), extractor=fake_extractor, threads=1)
    assert 0 < scanned.looked_at.sum() < 0.35 * scanned.looked_at.size
    seen = np.zeros(picture.shape, bool)
    for row, column in np.argwhere(scanned.looked_at).tolist():
        top, left, height, width = scanned.window(row, column)
        seen[top : top + height, left : left + width] = True
    assert seen.all()
    assert (scanned.best == CLASSES.index("webp")).all()


def test_windows_too_small_to_see_all_of_the_picture_are_all_judged(fake_extractor, fake_judge):
    picture = np.zeros((500, 700), np.uint8)
    scanned = window_map(picture, side=64, step=48, judge=fake_judge(webp=0.95), extractor=fake_extractor, threads=1)
    assert scanned.looked_at.all()
