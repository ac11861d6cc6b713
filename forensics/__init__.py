"""Compression forensics for still images, from the pixels alone."""

from __future__ import annotations

__version__ = "0.1.0"
