"""Residual spectrum: was the picture resized? The test is `forensics_features.resampling`; here it is reported as a
trace.
"""

from __future__ import annotations

from forensics_features.resampling import factors, strongest_line

from forensics.history.traces.sample import Sample
from forensics.results.chance import chance
from forensics.results.history import FOUND_BELOW, Trace

NAME = "residual_spectrum"


def residual_spectrum(sample: Sample) -> Trace:
    """Test all frequencies of both axes for a line.

    Returns
    -------
    Trace
        `statistic`: power of the strongest line over the level around it. `parameters`: `resized`, `axis` (`x`, `y` or
        `both`), `frequency` in cycles a pixel, `factors`: enlargements and reductions that make this line, nearest to 1
        first. `series`: `frequency_x`, `power_x`, `frequency_y`, `power_y`: power over its surroundings, NaN where left
        out.
    """
    line = strongest_line(sample.centre.y)
    found = line.log10_nfa <= FOUND_BELOW
    resized_by = factors(line.frequency) if found else []
    along_rows, along_columns = line.spectra
    return Trace(
        name=NAME,
        statistic=line.power,
        log10_nfa=line.log10_nfa,
        speaks_for=(),
        parameters={
            "resized": found,
            "axis": line.axis if found else None,
            "frequency": round(line.frequency, 4) if found else None,
            "factors": resized_by,
        },
        sentence=_sentence(line.axis, line.frequency, line.power, resized_by, line.log10_nfa, found),
        series={
            "frequency_x": along_rows[0],
            "power_x": along_rows[1],
            "frequency_y": along_columns[0],
            "power_y": along_columns[1],
        },
    )


def _sentence(axis: str, line: float, ratio: float, factors: list[float], nfa: float, found: bool) -> str:
    if not found:
        return (
            "The second difference of luma has no periodic line that resizing would leave (strongest "
            f"{ratio:.1f} times its surroundings, expected by chance in {chance(nfa)}); factors such as 2 and 4/3, and "
            f"reductions, often leave none."
        )
    where = {"x": "along rows", "y": "along columns", "both": "along rows and columns"}[axis]
    listed = ", ".join(f"{factor:g}" for factor in factors)
    return (
        f"The second difference of luma varies with {line:.3f} cycles a pixel {where}, {ratio:.0f} times its "
        f"surroundings, as after resizing by one of the factors "
        f"{listed}; chance gives this in {chance(nfa)}. A regular pattern in the scene can do the same."
    )
