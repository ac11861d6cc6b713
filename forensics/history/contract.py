"""What a codec's recovery gives back: the contract between `recover.py` and the modules of the codecs."""

from __future__ import annotations

from typing import Protocol

from forensics.results.history import Parameter


class Recovered(Protocol):
    """What was read of one codec. `forensics.history.jpeg.findings.JpegHistory` is one,
    `forensics.history.recoding.coder.Recoded` another.

    Every parameter that the codec has is among `parameters`, with a value or with the reason why there is none.
    """

    @property
    def found(self) -> bool:
        """Whether the codec's own grid or lattice was found at all."""

    def parameters(self) -> tuple[Parameter, ...]:
        """Parameters in a fixed order, whatever was found."""
