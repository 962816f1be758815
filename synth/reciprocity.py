"""Receiver gathers as shot gathers."""

from __future__ import annotations

import xarray as xr

from seisgeo import conventions
from seisgeo.errors import SurveyMismatchError

__all__ = ["reciprocal_shots"]


def reciprocal_shots(gathers: xr.Dataset) -> xr.Dataset:
    """Receiver gathers with sources and receivers exchanged, as gathers of shots.

    A wave takes the same time back, and pressure from an explosive source is the same: each
    receiver of ocean-bottom nodes, say, stands for a shot, and its shots for receivers. (Signatures
    that differ from shot to shot, and other components than pressure, do not follow.)

    Parameters
    ----------
    gathers : xarray.Dataset
        Receiver gathers, ``amplitude (receiver, trace, time)`` or ``(receiver, shot, time)``, as
        SEG-Y opens with ``layout="receivers"``.

    Returns
    -------
    xarray.Dataset
        ``amplitude (shot, receiver, time)``, as :meth:`seisgeo.synth.Survey.from_gathers` and
        :func:`seisgeo.match_to_survey` take them; ``offset`` changes its sign.

    Raises
    ------
    SurveyMismatchError
        If they are no receiver gathers.

    Examples
    --------
    >>> nodes = xr.open_dataset("nodes.sgy", layout="receivers")     # doctest: +SKIP
    >>> survey = Survey.from_gathers(reciprocal_shots(nodes))        # doctest: +SKIP
    """
    conventions.validate(gathers, "gathers")
    dims = gathers["amplitude"].dims
    other = next((d for d in ("trace", "shot") if d in dims), None)
    if other is None or set(dims) != {"receiver", other, "time"}:
        raise SurveyMismatchError(
            f"expected receiver gathers (receiver, trace, time), found dimensions {dims}: open the "
            "file with layout='receivers'"
        )
    names = {"receiver": "shot", other: "receiver"}
    for axis in ("x", "y", "depth"):
        names |= {f"source_{axis}": f"receiver_{axis}", f"receiver_{axis}": f"source_{axis}"}
    here = {*gathers.dims, *gathers.variables}
    swapped = gathers.rename({a: b for a, b in names.items() if a in here})
    if "offset" in swapped.coords:
        swapped = swapped.assign_coords(offset=-swapped["offset"])
    return conventions.describe(swapped.transpose("shot", "receiver", ...))
