"""JPEG 2000: wavelet, levels, colour transform, steps, tiles, parity, confirmation by recompression."""

from forensics.former_paths import former_names

__getattr__ = former_names(__name__)
