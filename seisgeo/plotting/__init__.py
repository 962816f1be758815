"""What a geophysicist would rather look at than read.

Each function draws a cube of :mod:`seisgeo.conventions` with matplotlib and returns the ``Axes``
(a sheet returns its ``Figure``); it draws into ``ax`` where one is given. Only what is shown is
read from a lazy cube. Works headless and in notebooks; matplotlib loads on the first picture.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import xarray as xr

from seisgeo import conventions
from seisgeo.errors import ConventionError
from seisgeo.plotting.gathers import plot_gather, plot_spectrum
from seisgeo.plotting.hits import is_hits, plot_hits
from seisgeo.plotting.sections import plot_section, plot_velocity
from seisgeo.plotting.survey_map import plot_survey_map
from seisgeo.plotting.training import plot_training

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "plot",
    "plot_gather",
    "plot_hits",
    "plot_section",
    "plot_spectrum",
    "plot_survey_map",
    "plot_training",
    "plot_velocity",
]

#: What `plot` draws of a cube that holds several kinds: the first of these.
_PICTURES: dict[str, Callable[..., Any]] = {
    "hits": plot_hits,
    "gathers": plot_gather,
    "stack": plot_section,
    "velocity": plot_velocity,
}


def plot(ds: xr.Dataset, *, kind: str | None = None, **options: Any) -> Axes | Figure:
    """Draw a cube the way its kind is usually looked at.

    Parameters
    ----------
    ds : xarray.Dataset
        Gathers, a stack, velocity, or what ``retrieve`` returned.
    kind : {"hits", "gathers", "stack", "velocity"}, optional
        What to draw of a cube that holds several, such as a training set; by default the first
        of these that is there.
    **options
        Passed on to :func:`plot_hits`, :func:`plot_gather`, :func:`plot_section` or
        :func:`plot_velocity`.

    Returns
    -------
    matplotlib.axes.Axes or matplotlib.figure.Figure
        The figure for a retrieval sheet, else the axes.

    Raises
    ------
    ConventionError
        If there is no picture for this cube.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> ds = xr.Dataset({"velocity": (("depth", "x"), 1500 + np.random.rand(4, 6))},
    ...                 coords={"depth": np.arange(4) * 10.0, "x": np.arange(6) * 10.0})
    >>> plot(ds).get_ylabel()
    'depth (m)'
    """
    found = (("hits",) if is_hits(ds) else ()) + conventions.kinds(ds)
    if kind is None:
        kind = next((k for k in _PICTURES if k in found), None)
    if kind not in _PICTURES or kind not in found:
        variables = {str(n): v.dims for n, v in ds.data_vars.items()}
        raise ConventionError(
            f"no picture {f'of kind {kind!r} ' if kind else ''}for this cube: it holds "
            f"{', '.join(found) or 'no known kind'} (variables {variables or 'none'}); pictures: "
            f"{', '.join(_PICTURES)}"
        )
    return _PICTURES[kind](ds, **options)
