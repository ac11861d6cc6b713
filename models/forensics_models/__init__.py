"""Trained judges of compression history: they take arrays, never paths of data sets or codecs.

Importing this package switches off the telemetry of ONNX Runtime for the process and its children, see
`forensics_models.runtime`.
"""

from __future__ import annotations

from forensics_models import runtime

__all__ = ["runtime"]
