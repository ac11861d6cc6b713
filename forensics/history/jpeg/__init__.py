"""JPEG: grid, steps, quality, chroma, confirmation by recompression, and an earlier JPEG."""

from forensics.former_paths import former_names

__getattr__ = former_names(__name__)
