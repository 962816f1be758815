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
from seisgeo.plotting._canvas import axis_values
from seisgeo.plotting.clusters import plot_clusters
from seisgeo.plotting.embedding import plot_embedding
from seisgeo.plotting.gathers import plot_gather
from seisgeo.plotting.hits import is_hits, plot_hits
from seisgeo.plotting.reliability import plot_reliability
from seisgeo.plotting.sections import plot_section, plot_velocity
from seisgeo.plotting.spectrum import plot_spectrum
from seisgeo.plotting.survey_map import plot_survey_map
from seisgeo.plotting.training import plot_training
from seisgeo.plotting.waveforms import plot_record_section, plot_waveforms

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "kinds_of_picture",
    "plot",
    "plot_clusters",
    "plot_embedding",
    "plot_gather",
    "plot_hits",
    "plot_record_section",
    "plot_reliability",
    "plot_section",
    "plot_spectrum",
    "plot_survey_map",
    "plot_training",
    "plot_velocity",
    "plot_waveforms",
]


def plot(ds: xr.Dataset, *, kind: str | None = None, **options: Any) -> Axes | Figure:
    """Draw a cube the way its kind is usually looked at.

    Only what the picture shows is read, so that a file of any size is drawn in seconds; amplitude
    colours saturate at a percentile of what is shown.

    Parameters
    ----------
    ds : xarray.Dataset
        Gathers, a stack, velocity, waveforms, what ``retrieve`` returned, or positions alone.
    kind : {"hits", "gather", "section", "velocity", "waveforms", "record_section", "slice", \
"map", "fold", "spectrum"}, optional
        The picture; by default the first of these that fits: the retrieval sheet, the first (or
        middle) gather, the middle inline, the first velocity model, the first record; a map where
        there are positions and nothing else. ``"slice"`` is that in the middle of the time or
        depth axis, ``"record_section"`` all records by distance.
    **options
        Passed on to :func:`plot_hits`, :func:`plot_gather`, :func:`plot_section`,
        :func:`plot_velocity`, :func:`plot_waveforms`, :func:`plot_record_section`,
        :func:`plot_survey_map` or :func:`plot_spectrum`.

    Returns
    -------
    matplotlib.axes.Axes or matplotlib.figure.Figure
        The figure for a retrieval sheet, else the axes.

    Raises
    ------
    ConventionError
        If there is no such picture of this cube.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> ds = xr.Dataset({"velocity": (("depth", "x"), 1500 + np.random.rand(4, 6))},
    ...                 coords={"depth": np.arange(4) * 10.0, "x": np.arange(6) * 10.0})
    >>> plot(ds).get_ylabel()
    'depth (m)'
    """
    possible = _possible(ds)
    if kind is None:
        kind = next(iter(possible), None)
    if kind not in possible:
        variables = {str(n): v.dims for n, v in ds.data_vars.items()}
        raise ConventionError(
            f"no picture {f'of kind {kind!r} ' if kind else ''}for this cube: it holds "
            f"{', '.join(conventions.kinds(ds)) or 'no known kind'} (variables "
            f"{variables or 'none'}); pictures of it: {', '.join(possible) or 'none'}"
        )
    return possible[kind](ds, **options)


def kinds_of_picture(ds: xr.Dataset) -> tuple[str, ...]:
    """Pictures that :func:`plot` can draw of a cube, the usual one first."""
    return tuple(_possible(ds))


def _possible(ds: xr.Dataset) -> dict[str, Callable[..., Any]]:
    """Pictures of a cube by name, the usual one first."""
    kinds, names = conventions.kinds(ds), set(ds.variables)
    stack = next((n for n in ("amplitude", "velocity") if n in ds and "inline" in ds[n].dims), None)
    cube = stack is not None and ds[stack].ndim == 3
    shots, bins = {"source_x", "receiver_x"} <= names, {"cdp_x", "cdp_y"} <= names
    fits: dict[str, tuple[bool, Callable[..., Any]]] = {
        "hits": (is_hits(ds), plot_hits),
        "gather": ("gathers" in kinds, plot_gather),
        "section": ("stack" in kinds, plot_section),
        "velocity": ("velocity" in kinds, plot_velocity),
        "waveforms": ("waveforms" in kinds, plot_waveforms),
        "record_section": ("waveforms" in kinds, plot_record_section),
        "slice": (cube, _plot_slice),
        "map": (shots or bins, plot_survey_map),
        "fold": (shots or (bins and "offset" in ds.dims), _plot_fold),
        "spectrum": ("amplitude" in ds and "time" in ds["amplitude"].dims, plot_spectrum),
    }
    return {name: draw for name, (fit, draw) in fits.items() if fit}


def _plot_slice(ds: xr.Dataset, **options: Any) -> Axes:
    axis = next(d for d in ("time", "depth") if d in ds.dims)
    if not {"time", "depth"} & set(options):
        values = axis_values(ds, axis)
        options[axis] = float(values[len(values) // 2])
    return plot_section(ds, **options)


def _plot_fold(ds: xr.Dataset, **options: Any) -> Axes:
    return plot_survey_map(ds, fold=True, **options)
