"""Lossy processes beyond the eight codecs: one file each, and the registry that finds them."""

from forensics.processes.base import Process

__all__ = ["Process"]
