"""JPEG XR: overlap mode, macroblock phase, quantiser indices, chroma, confirmation by recompression."""

from forensics.former_paths import former_names

__getattr__ = former_names(__name__)
