"""What an installation holds: every folder of modules is in the list of packages, and its version is the package's."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def configuration() -> ConfigParser:
    parser = ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def test_every_folder_of_modules_is_installed():
    homes = dict(line.split(" = ") for line in configuration()["options"]["package_dir"].split("\n") if line)
    folders = {
        ".".join((name, *module.parent.relative_to(ROOT / home).parts))
        for name, home in homes.items()
        for module in (ROOT / home).rglob("*.py")
    }
    assert set(configuration()["options"]["packages"].split()) == folders


def test_the_version_is_written_once():
    assert configuration()["metadata"]["version"] == "attr: forensics.version.__version__"
