"""Public methods on the very same patches: each an adapter of few lines (`forensics_benchmarks.models.Adapter`),
skipped with its reason where what it needs is not installed.

To add one: a module here with an adapter, and an entry in `PEERS`. A peer that learns trains on `Workplace.train_data`,
on patches drawn as training draws them, and keeps what it learned in `Workplace.folder`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from forensics_benchmarks.models import Adapter


def _from(module: str, kind: str, *arguments: object) -> Callable[[], Adapter]:
    return lambda: getattr(import_module(f"forensics_benchmarks.peers.{module}"), kind)(*arguments)


PEERS: Mapping[str, Callable[[], Adapter]] = {
    "zero": _from("zero_grid", "ZeroGrid"),
    "jpeg-ghost": _from("ghosts", "Ghosts"),
    "spam": _from("general_features", "GeneralFeatures", "spam"),
    "dctr": _from("general_features", "GeneralFeatures", "dctr"),
    "jrm": _from("general_features", "GeneralFeatures", "jrm"),
    "plain-network": _from("networks", "PlainNetwork", "plain-network"),
    "lenet-grey": _from("networks", "PlainNetwork", "lenet-grey"),
}
"""Peers by name; a module is imported when its peer is asked for."""

ONLY_JPEG = ("zero", "jpeg-ghost")
"""Peers that know JPEG alone: they enter the figures on JPEG, not those on nine classes."""
