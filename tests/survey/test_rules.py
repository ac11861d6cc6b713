"""The language of rules: examples, every error one line, and random rules against a naive reading of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from forensics.errors import UsageError
from forensics.gate import Offenders, applied, read_policy, stated
from forensics.survey.rules import NUMBERS, TEXTS, parse

JPEG = {
    "name": "in/a.png", "verdict": "jpeg", "probability": 0.97, "quality": 80.0, "agreement": "finding", "width": 300,
    "height": 200, "container_lossy": False, "error_kind": None, "format": "png",
}  # fmt: skip
FAILED = {"name": "in/b.png", "error_kind": "damaged", "error": "is damaged"}
OPEN = {**JPEG, "verdict": "inconclusive", "quality": None}


@pytest.mark.parametrize(
    ("rule", "broken"),
    [
        ("jpeg", (True, False, False)),
        ("lossy", (True, False, False)),
        ("not lossy", (False, False, False)),
        ("uncompressed", (False, False, False)),
        ("not uncompressed", (True, False, False)),
        ("not jpeg", (False, False, False)),
        ("webp or jpeg2000", (False, False, False)),
        ("unreadable", (False, True, False)),
        ("not unreadable", (True, False, True)),
        ("inconclusive", (False, False, True)),
        ("inconclusive or unreadable or lossy", (True, True, True)),
        ("quality < 90", (True, False, False)),
        ("not quality < 90", (False, False, False)),
        ("lossy and container lossless", (True, False, False)),
        ("container disagrees", (False, False, False)),
        ("probability >= 97%", (True, False, True)),
        ("probability > .97", (False, False, False)),
        ("pixels = 60000 and format = png", (True, False, True)),
        ("verdict in (jpeg, 'webp')", (True, False, False)),
        ("width in (1, 300)", (True, False, True)),
        ("name like 'in/*.png' and not (jpeg or inconclusive)", (False, False, False)),
        ("error_kind = damaged", (False, True, False)),
    ],
)
def test_rules_mean_what_they_say(rule, broken):
    assert tuple(parse(rule).broken(row) for row in (JPEG, FAILED, OPEN)) == broken


def test_families_hold_for_their_members_and_leave_members_open():
    def verdict(word: str, found: str) -> bool | None:
        return parse(word).condition({"verdict": found})

    assert verdict("hevc-intra", "bpg") is True
    assert verdict("bpg", "hevc-intra") is None
    assert verdict("bpg", "heic") is False
    assert verdict("jpeg", "video-mjpeg") is True
    assert verdict("av1", "avif") is True
    assert verdict("video-mpeg4", "other-lossy") is None
    assert verdict("other-lossy", "video-mpeg4") is False
    assert verdict("jpeg", "other-lossy") is False


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("", "a condition is missing"),
        ("jpeg and", "a condition is missing"),
        ("jepg", "'jpeg' is one"),
        ("quality", "'quality' is followed by"),
        ("quality < high", "compared with a number"),
        ("verdict < jpeg", "does not compare"),
        ("verdict = 3", "compared with a text"),
        ("width like 'x'", "is a number"),
        ("(jpeg", "a '\\)' is missing"),
        ("width in (1", "a '\\)' is missing"),
        ("width in 1", "within parentheses"),
        ("jpeg)", "is missing before"),
        ("jpeg jpeg", "is missing before"),
        ("container", "is followed by"),
        ("jpeg; lossy", "nothing here begins with ';'"),
        ("()", "cannot begin with"),
        ("not", "a condition is missing"),
        ("__import__('os')", "is no field"),
        ("(" * 5000 + "jpeg" + ")" * 5000, "nested more than"),
        ("not " * 5000 + "jpeg", "nested more than"),
        ("'", "nothing here begins"),
    ],
)
def test_what_is_wrong_with_a_rule_is_one_line(rule, said):
    with pytest.raises(UsageError, match=said) as error:
        parse(rule)
    assert "\n" not in str(error.value)


class Drawn:
    """Random rules, each as text and as a naive function over (True, False, None)."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def row(self) -> dict[str, object]:
        row: dict[str, object] = {name: self._maybe(float(self.rng.integers(0, 4))) for name in NUMBERS}
        row |= {name: self._maybe(str(self.rng.choice(["jpeg", "webp", "png"]))) for name in TEXTS}
        return row

    def _maybe(self, value: object) -> object:
        return None if self.rng.random() < 0.2 else value

    def rule(self, depth: int):
        kind = self.rng.choice(["and", "or", "not", "compare", "text"] if depth else ["compare", "text"])
        if kind in ("and", "or"):
            (left, a), (right, b) = self.rule(depth - 1), self.rule(depth - 1)
            order = (False, None, True)  # Kleene: "and" is the least, "or" the greatest in this order
            pick = min if kind == "and" else max
            return f"({left}) {kind} ({right})", lambda row: pick(a(row), b(row), key=order.index)
        if kind == "not":
            text, inner = self.rule(depth - 1)
            return f"not ({text})", lambda row: {True: False, False: True, None: None}[inner(row)]
        if kind == "text":
            field, value = str(self.rng.choice(TEXTS)), str(self.rng.choice(["jpeg", "webp"]))
            sign = str(self.rng.choice(["=", "!="]))
            return f"{field} {sign} {value}", self._naive(field, sign, value)
        field = str(self.rng.choice([name for name in NUMBERS if name != "pixels"]))
        sign, value = str(self.rng.choice(["<", "<=", ">", ">=", "=", "!="])), int(self.rng.integers(0, 4))
        return f"{field}{sign}{value}", self._naive(field, sign, value)

    @staticmethod
    def _naive(field: str, sign: str, value: object):
        def condition(row):
            held = row[field]
            if held is None:
                return None
            below, same = held < value, held == value
            return {
                "<": below,
                "<=": below or same,
                ">": not below and not same,
                ">=": not below,
                "=": same,
                "!=": not same,
            }[sign]

        return condition


@pytest.mark.parametrize("seed", range(40))
def test_random_rules_are_their_naive_reading(seed):
    drawn = Drawn(seed)
    text, naive = drawn.rule(5)
    rule = parse(text)
    assert parse(f"({text})").columns == rule.columns
    for _ in range(50):
        row = drawn.row()
        assert rule.condition(row) is naive(row), (text, row)


def test_random_characters_are_read_or_refused_in_one_line():
    rng = np.random.default_rng(1)
    words = [
        "jpeg",
        "and",
        "or",
        "not",
        "(",
        ")",
        "<",
        "=",
        "quality",
        "3",
        "'x'",
        "in",
        "container",
        ",",
        "%",
        "$",
        " ",
    ]
    refused = []
    for _ in range(2000):
        text = " ".join(rng.choice(words, rng.integers(0, 8)))
        try:
            parse(text).condition({})
        except UsageError as error:
            refused.append(str(error))
    assert 1000 < len(refused) < 2000
    assert not [line for line in refused if "\n" in line]


def test_a_policy_states_rules_for_patterns_of_names(tmp_path):
    policy = tmp_path / "policy.toml"
    policy.write_text(
        '[[rule]]\nname = "masters are lossless"\nfail-if = "lossy"\nonly = ["in/*"]\nexcept = ["in/old/*"]\n'
        '[[rule]]\nfail-if = "unreadable"\n'
    )
    rules = stated(["inconclusive"], policy)
    assert [rule.name for rule in rules] == ["inconclusive", "masters are lossless", "unreadable"]
    rows = [JPEG, FAILED, OPEN, {**JPEG, "name": "in/old/a.png"}, {**JPEG, "name": "elsewhere.png"}]
    found = applied(rules, rows, tmp_path / "offenders.csv")
    assert found.counts == {"masters are lossless": 1, "unreadable": 1, "inconclusive": 1}
    assert (tmp_path / "offenders.csv").read_text().count("\n") == 4
    assert "in/a.png: jpeg, probability 97.0 %, quality 80 [masters are lossless]" in found.text()
    assert not applied((), rows, None).broken


@pytest.mark.parametrize(
    "text",
    ["", "rule = 3", "[[rule]]\n", '[[rule]]\nfail-if = 3\n', '[[rule]]\nfail-if = "jepg"\n', "[[rule", "x = 1",
     '[[rule]]\nfail-if = "jpeg"\nonly = "x"\n', '[[rule]]\nfail-if = "jpeg"\nunless = "x"\n'],
)  # fmt: skip
def test_a_wrong_policy_is_one_line(tmp_path, text):
    (tmp_path / "p.toml").write_text(text)
    with pytest.raises(UsageError) as error:
        read_policy(tmp_path / "p.toml")
    assert "\n" not in str(error.value)
    with pytest.raises(UsageError):
        read_policy(Path(tmp_path / "missing.toml"))


def test_only_the_first_offenders_are_told():
    found = Offenders(stated(["jpeg"], None))
    found.take([{**JPEG, "name": f"{index}.png"} for index in range(50)])
    assert found.counts == {"jpeg": 50}
    assert "and 30 more" in found.text()
    assert "0.png" in found.text()


def test_the_readme_states_every_column_and_the_hooks_rules_can_be_read():
    import re

    from forensics.survey.schema import COLUMNS

    root = Path(__file__).resolve().parents[2]
    text = (root / "forensics" / "survey" / "README.md").read_text()
    assert re.findall(r"^\| (\w+) \| [\w<>, ]+ \| ", text, re.M)[2:] == [*COLUMNS]
    hooks = re.findall(r'--fail-if "([^"]+)"', (root / ".pre-commit-hooks.yaml").read_text())
    for rule in (*hooks, *re.findall(r'fail-if "([^"]+)"', text)):
        parse(rule)
    assert len(hooks) == 2
