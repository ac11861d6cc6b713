"""Trace tests: each looks for one physical trace of compression or resizing and says how often chance would give it.

`run_traces` runs them all on a bounded sample of the picture (`regions`): all of a picture up to about 0.7 megapixels,
else four regions of 384x384 pixels, and for the two tests of long rows a central part of at most 1536x1536.
"""

from __future__ import annotations

import numpy as np

from forensics.results.history import Trace, in_order


def run_traces(pixels: np.ndarray, *, seed: int = 0) -> tuple[Trace, ...]:
    """Every trace test on one picture.

    Parameters
    ----------
    pixels : np.ndarray [shape=(height, width[, channels]), dtype=uint8 or uint16]
        At least 64 pixels a side, grey or RGB; alpha is dropped.
    seed : int
        Of the sampled regions and pixels; the same seed gives the same traces.

    Returns
    -------
    tuple of Trace
        Found or not, most significant first; tests that do not apply (NaN rate) last.

    Raises
    ------
    TypeError, ValueError
        The picture is not one the extractors accept; see `forensics_features.planes.as_planes`.
    """
    from forensics.history.traces.boundary_profile import boundary_profile
    from forensics.history.traces.chroma_spectrum import chroma_spectrum
    from forensics.history.traces.colour_lattice import colour_lattice
    from forensics.history.traces.dct_comb import dct_comb
    from forensics.history.traces.grid_phase import grid_phase
    from forensics.history.traces.jpeg_table import jpeg_table
    from forensics.history.traces.lapped_comb import lapped_comb
    from forensics.history.traces.residual_spectrum import residual_spectrum
    from forensics.history.traces.sample import draw_sample
    from forensics.history.traces.wavelet_comb import wavelet_comb

    sample = draw_sample(pixels, seed=seed)
    tests = (
        dct_comb,
        jpeg_table,
        wavelet_comb,
        lapped_comb,
        grid_phase,
        boundary_profile,
        chroma_spectrum,
        residual_spectrum,
    )
    traces = [colour_lattice(sample, seed=seed), *(test(sample) for test in tests)]
    return in_order(traces)
