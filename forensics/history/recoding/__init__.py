"""Codecs with filters in the coding loop: block grid and quantiser index by coding the picture again."""

from forensics.former_paths import former_names

__getattr__ = former_names(__name__)
