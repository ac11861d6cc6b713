"""Records, their table on disk, the figures made from them and the Markdown they end in."""

from __future__ import annotations

import math
import struct
from dataclasses import fields, replace

import numpy as np
import pytest
from forensics_benchmarks import markdown, summaries
from forensics_benchmarks.evaluation import Record, read_records, write_records
from forensics_benchmarks.summaries import Share, share
from forensics_models.classes import CLASSES, FINE_CLASSES

from forensics.errors import UsageError

NAN = float("nan")
PLAIN = Record(
    "baseline",
    "f0",
    'val/a, "b".png',
    "div2k",
    "val",
    "jpeg",
    "jpeg-cjpeg",
    "random",
    "crop",
    "ratio",
    12.0,
    11.875,
    0.9371,
    256,
    tuple(np.eye(11)[1].tolist()),
    8.0,
    12.5,
    20.0,
    0.9,
    0.95,
    0.99,
)


def made(count: int = 60, seed: int = 0, **changes: object) -> list[Record]:
    """Random records of five sources, some uncompressed."""
    rng = np.random.default_rng(seed)
    records = []
    for index in range(count):
        fine = FINE_CLASSES[int(rng.integers(11))] if rng.random() < 0.7 else "uncompressed"
        clean = fine == "uncompressed"
        ratio, ssim = np.sort(rng.uniform(2, 90, 3)), np.sort(rng.uniform(0.5, 1, 3))
        kind = "stored" if clean else str(rng.choice(["ratio", "ssim"]))
        record = Record(
            "baseline",
            f"f{index}",
            f"s{rng.integers(5)}",
            str(rng.choice(["div2k", "made"])),
            "val",
            fine,
            fine.split("-")[0],
            "random",
            "crop",
            kind,
            float(rng.choice([8.0, 24.0])),
            NAN if clean else float(rng.uniform(2, 90)),
            NAN if clean else float(rng.uniform(0.5, 1)),
            256,
            tuple(rng.dirichlet(np.full(11, 0.3)).tolist()),
            *ratio.tolist(),
            *ssim.tolist(),
        )
        records.append(replace(record, **changes))
    return records


def bits(record: Record) -> tuple[object, ...]:
    """Every value of a record, floats as their eight bytes."""
    values: list[object] = []
    for field in fields(Record):
        value = getattr(record, field.name)
        parts = value if isinstance(value, tuple) else (value,)
        values += [struct.pack("<d", part) if isinstance(part, float) else part for part in parts]
    return tuple(values)


def test_records_come_back_bit_by_bit(tmp_path):
    odd = replace(PLAIN, ratio=NAN, ssim=0.1 + 0.2, target=1e-300, ratio_high=math.inf, file="a\nb", source="é,;")
    records = [PLAIN, odd, *made()]
    write_records(tmp_path / "windows.csv", records)
    again = read_records(tmp_path / "windows.csv")
    assert [bits(record) for record in again] == [bits(record) for record in records]
    assert [type(getattr(again[0], field.name)) for field in fields(Record)] == [
        type(getattr(PLAIN, field.name)) for field in fields(Record)
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["windows.csv"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "no judged window"), ("a,b\n1,2\n", "no table of judged windows: KeyError"), ("model,file\nx\n", "no table")],
)
def test_another_table_is_one_clear_line(tmp_path, text, message):
    (tmp_path / "windows.csv").write_text(text)
    with pytest.raises(UsageError, match=message):
        read_records(tmp_path / "windows.csv")


def test_verdicts_sum_the_overlap_modes():
    spread = np.zeros(11)
    spread[[1, 3, 4, 5]] = 0.4, 0.25, 0.2, 0.15
    record = replace(PLAIN, fine_class="jpegxr-1", probabilities=tuple(spread.tolist()))
    assert (record.class_name, record.verdict, record.fine_verdict) == ("jpegxr", "jpegxr", "jpeg")
    assert record.merged()[CLASSES.index("jpegxr")] == pytest.approx(0.6)
    assert summaries.is_right(record)
    assert not summaries.is_right(record, fine=True)


def test_intervals_equal_a_bootstrap_in_plain_loops():
    rng = np.random.default_rng(7)
    sources = [f"s{k}" for k in rng.integers(0, 9, 70)]
    hits = [bool(h) for h in rng.random(70) < 0.8]
    names = sorted(set(sources))
    drawn = np.random.default_rng(3).integers(0, len(names), (summaries.BOOTSTRAP, len(names)))
    values = []
    for draw in drawn:
        right = windows = 0
        for k in draw:
            for hit, source in zip(hits, sources):
                if source == names[k]:
                    right, windows = right + hit, windows + 1
        values.append(right / windows)
    values.sort()

    def quantile(q):
        place = q * (len(values) - 1)
        low = math.floor(place)
        return values[low] + (place - low) * (values[low + 1] - values[low])

    found = share(hits, sources, seed=3)
    assert found.value == sum(hits) / 70
    assert found.low == pytest.approx(quantile(0.025), abs=1e-12)
    assert found.high == pytest.approx(quantile(0.975), abs=1e-12)
    assert found.count == 70


@pytest.mark.parametrize("agreed", [True, False])
def test_where_all_agree_the_rule_of_three_goes_by_sources(agreed):
    sources = [f"s{k % 20}" for k in range(100)]
    found = share([agreed] * 100, sources)
    assert (found.value, found.count) == (float(agreed), 100)
    assert (found.low, found.high) == pytest.approx((0.85, 1.0) if agreed else (0.0, 0.15))


def test_intervals_of_windows_that_share_sources_are_wider():
    rng = np.random.default_rng(0)
    hits = np.repeat(rng.random(20) < 0.7, 10)
    clustered = share(hits.tolist(), [f"s{k // 10}" for k in range(200)])
    independent = share(hits.tolist(), [f"s{k}" for k in range(200)])
    assert clustered.value == independent.value
    assert clustered.high - clustered.low > 2 * (independent.high - independent.low)
    assert clustered.low <= independent.low <= independent.high <= clustered.high


@pytest.mark.parametrize("hits", [[True, False], [True, True], [False, False]])
def test_one_source_says_nothing_about_others(hits):
    found = share(hits, ["s", "s"])
    assert (found.low, found.high) == (0.0, 1.0)


def test_a_share_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one window"):
        share([], [])


def test_shares_read_in_per_cent():
    assert str(Share(0.98765, 0.95, 1.0, 81)) == "98.77 % [95.0, 100.0] of 81"


def test_accuracy_by_group_is_in_order_and_counts_all():
    records = made(200)
    by_target = summaries.accuracy_by(records, lambda r: r.target)
    assert list(by_target) == [8.0, 24.0]
    by_pair = summaries.accuracy_by(records, lambda r: (r.class_name, r.target), fine=True)
    assert list(by_pair) == sorted(by_pair)
    for (name, target), found in by_pair.items():
        group = [r for r in records if (r.class_name, r.target) == (name, target)]
        assert found.count == len(group)
        assert found.value == pytest.approx(sum(r.fine_verdict == r.fine_class for r in group) / len(group))


def test_without_uncompressed_renormalises():
    records = made(100)
    sure = replace(PLAIN, probabilities=tuple(np.eye(11)[0].tolist()))
    forced = summaries.without_uncompressed([*records, sure])
    kept = [record for record in records if record.fine_class != "uncompressed"]
    assert [record.file for record in forced] == [*(record.file for record in kept), "f0"]
    for record, before in zip(forced, kept):
        rest = sum(before.probabilities[1:])
        assert record.probabilities[0] == 0
        assert record.probabilities[1:] == pytest.approx([p / rest for p in before.probabilities[1:]])
        assert replace(record, probabilities=()) == replace(before, probabilities=())
    assert forced[-1].probabilities == pytest.approx([0, *[0.1] * 10])


@pytest.mark.parametrize("fine", [False, True])
def test_confusion_counts_truth_by_verdict(fine):
    records = made(150)
    counts = summaries.confusion(records, fine=fine)
    names = FINE_CLASSES if fine else CLASSES
    for i, truth in enumerate(names):
        for j, said in enumerate(names):
            pairs = [(r.fine_class, r.fine_verdict) if fine else (r.class_name, r.verdict) for r in records]
            assert counts[i, j] == pairs.count((truth, said))
    assert np.trace(counts) == sum(summaries.is_right(record, fine=fine) for record in records)


def test_false_positives_by_origin():
    records = made(200)
    shares = summaries.false_positives_by(records, lambda r: r.origin)
    clean = [r for r in records if r.fine_class == "uncompressed"]
    assert set(shares) == {"all", "div2k", "made"}
    for origin, found in shares.items():
        group = [r for r in clean if origin in ("all", r.origin)]
        assert found.count == len(group)
        assert found.value == pytest.approx(sum(r.verdict != "uncompressed" for r in group) / len(group))
    assert summaries.false_positives_by([PLAIN], lambda r: r.origin) == {}


def test_calibration_error_is_the_mean_gap_of_fifteen_bins():
    records = made(300)
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(15)]
    for record in records:
        top = max(record.merged())
        bins[min(int(top * 15), 14)].append((top, summaries.is_right(record)))
    gaps = [abs(sum(top - right for top, right in members)) for members in bins]
    assert summaries.calibration_error(records) == pytest.approx(sum(gaps) / 300)
    assert summaries.calibration_error([PLAIN]) == 0
    assert summaries.calibration_error([replace(PLAIN, fine_class="webp")]) == 1


def test_strength_errors_equal_plain_loops():
    records = [*made(100), replace(PLAIN, ssim=NAN)]
    used = [r for r in records if r.fine_class != "uncompressed" and not math.isnan(r.ssim)]
    relative = [abs(r.ratio_median - r.ratio) / r.ratio for r in used]
    found = summaries.strength_error(records)
    assert found.count == len(used) < len(records)
    assert found.ratio_mean_relative == pytest.approx(sum(relative) / len(used))
    ordered, middle = sorted(relative), len(used) // 2
    median = ordered[middle] if len(used) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    assert found.ratio_median_relative == pytest.approx(median)
    assert found.ssim_mean_absolute == pytest.approx(sum(abs(r.ssim_median - r.ssim) for r in used) / len(used))
    assert found.ratio_coverage == pytest.approx(sum(r.ratio_low <= r.ratio <= r.ratio_high for r in used) / len(used))
    assert found.ssim_coverage == pytest.approx(sum(r.ssim_low <= r.ssim <= r.ssim_high for r in used) / len(used))


def test_strength_of_nothing_compressed_is_not_known():
    found = summaries.strength_error([replace(PLAIN, fine_class="uncompressed", ratio=NAN, ssim=NAN)])
    assert found.count == 0
    assert math.isnan(found.ratio_mean_relative)


def tables(text: str) -> list[list[list[str]]]:
    """The Markdown tables of a text, as rows of cells."""
    found: list[list[list[str]]] = []
    before = ""
    for line in text.splitlines():
        if line.startswith("|"):
            assert line.endswith("|")
            if not before.startswith("|"):
                found.append([])
            found[-1].append([cell.strip() for cell in line[1:-1].split("|")])
        before = line
    return found


def assert_whole(text: str) -> list[list[list[str]]]:
    found = tables(text)
    for table in found:
        assert {len(row) for row in table} == {len(table[0])}
        assert set(table[1]) == {"---"}
        assert len(table) > 2
        assert all(cell for row in table for cell in row)
    assert "nan" not in text
    return found


def test_the_grid_report_has_whole_tables():
    records = made(150)
    text = markdown.grid_report(records)
    found = assert_whole(text)
    first = text.splitlines()[0]
    assert (
        first == f"Accuracy over nine classes: "
        f"{share([r.verdict == r.class_name for r in records], [r.source for r in records])}"
    )
    classes = next(table for table in found if table[0][0] == "class")
    assert [row[0] for row in classes[2:]] == sorted({r.class_name for r in records})
    confusion = next(table for table in found if table[0][0] == "truth \\ verdict")
    assert sum(int(cell) for row in confusion[2:] for cell in row[1:]) == len(records)
    bands = next(table for table in found if table[0][0] == "reached ratio")
    counted = sum(int(row[1].partition(" of ")[2].split()[0]) for row in bands[2:])
    assert counted == sum(math.isfinite(r.ratio) for r in records)


@pytest.mark.parametrize(
    "records",
    [
        [PLAIN],
        [replace(PLAIN, fine_class="uncompressed", target_kind="stored", ratio=NAN, ssim=NAN)],
        [replace(PLAIN, ratio=500.0)],
    ],
)
def test_a_grid_report_of_one_kind_says_what_it_lacks(records):
    text = markdown.grid_report(records)
    tables_there = assert_whole(text)
    clean = records[0].fine_class == "uncompressed"
    assert ("no compressed window" in text) == clean
    assert ("False positives" in text) == clean
    assert any(table[0][0] == "reached ratio" for table in tables_there) != clean


def test_the_file_size_report_stands_beside_the_published_row():
    records = [
        replace(record, target_kind="max-kib", target=kib, size=size)
        for size in (224, 512)
        for kib in (5.0, 40.0, 100.0, 200.0)
        for record in made(30, seed=int(kib) + size)
    ]
    text = markdown.kib_report(records)
    found = assert_whole(text)
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## Windows of 224x224",
        "## Windows of 512x512",
    ]
    sizes = [table for table in found if table[0][0] == "KiB at 512x512"]
    assert [[row[0], row[2]] for row in sizes[0][2:]] == [["5", "98.2"], ["40", "97.2"], ["100", "84.0"], ["200", "-"]]
    judged = [r for r in records if r.size == 224 and r.target <= 100 and r.fine_class != "uncompressed"]
    right = [FINE_CLASSES[1 + int(np.argmax(r.probabilities[1:]))] == r.fine_class for r in judged]
    assert f"All sizes to 100 KiB: {share(right, [r.source for r in judged])} (published 95.45 %)" in text


def test_the_file_size_report_of_large_files_alone():
    text = markdown.kib_report([replace(PLAIN, target_kind="max-kib", target=150.0)])
    assert_whole(text)
    assert "to 100 KiB" not in text
    with pytest.raises(UsageError, match="--kind grid"):
        markdown.kib_report([PLAIN])


def test_few_sources_have_no_interval():
    few = share([True] * 24 + [False], ["a"] * 12 + ["b"] * 13)
    assert str(few) == "96.00 % (2 sources: too few for an interval) of 25"
    assert (few.low, few.high) == (0.0, 1.0)
    enough = share([True] * 24 + [False], [f"source {k % 5}" for k in range(25)])
    assert "[" in str(enough)
