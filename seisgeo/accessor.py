"""``ds.seis``: pictures, checks, geometry and export of a cube, from the cube itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import xarray as xr

if TYPE_CHECKING:
    import os

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from seisgeo.synth import Survey

__all__ = ["SeisAccessor"]


class SeisAccessor:
    """What seisgeo can do with a dataset that follows its conventions, as ``ds.seis``.

    Parameters
    ----------
    ds : xarray.Dataset
        The cube.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> import seisgeo.accessor
    >>> ds = xr.Dataset({"velocity": (("depth", "x"), np.full((3, 4), 1500.0))})
    >>> ds.seis.kinds
    ('velocity',)
    """

    def __init__(self, ds: xr.Dataset) -> None:
        self._ds = ds

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of cube held: see :func:`seisgeo.conventions.kinds`."""
        from seisgeo import conventions

        return conventions.kinds(self._ds)

    @property
    def survey(self) -> Survey:
        """The survey that the attributes tell of: see :meth:`seisgeo.synth.Survey.from_attrs`."""
        from seisgeo.synth import Survey

        return Survey.from_attrs(self._ds)

    def validate(self, kind: str | None = None, *, values: bool = False) -> xr.Dataset:
        """Check the cube against the conventions: see :func:`seisgeo.conventions.validate`."""
        from seisgeo import conventions

        return conventions.validate(self._ds, kind, values=values)

    def plot(self, **options: Any) -> Axes | Figure:
        """Draw it the way its kind is usually looked at: see :func:`seisgeo.plotting.plot`."""
        from seisgeo import plotting

        return plotting.plot(self._ds, **options)

    def plot_gather(self, shot: int = 0, **options: Any) -> Axes:
        """Draw one gather: see :func:`seisgeo.plotting.plot_gather`."""
        from seisgeo import plotting

        return plotting.plot_gather(self._ds, shot, **options)

    def plot_velocity(self, sample: int = 0, **options: Any) -> Axes:
        """Draw one velocity model: see :func:`seisgeo.plotting.plot_velocity`."""
        from seisgeo import plotting

        return plotting.plot_velocity(self._ds, sample, **options)

    def plot_section(self, **options: Any) -> Axes:
        """Draw a line or a slice of a stack: see :func:`seisgeo.plotting.plot_section`."""
        from seisgeo import plotting

        return plotting.plot_section(self._ds, **options)

    def plot_survey_map(self, **options: Any) -> Axes:
        """Draw sources and receivers: see :func:`seisgeo.plotting.plot_survey_map`."""
        from seisgeo import plotting

        return plotting.plot_survey_map(self._ds, **options)

    def plot_spectrum(self, **options: Any) -> Axes:
        """Draw the mean amplitude spectrum: see :func:`seisgeo.plotting.plot_spectrum`."""
        from seisgeo import plotting

        return plotting.plot_spectrum(self._ds, **options)

    def to_segy(self, path: str | os.PathLike[str], **options: Any) -> Any:
        """Write a SEG-Y file: see :func:`seisgeo.adapters.write_segy`."""
        from seisgeo import adapters

        return adapters.write_segy(self._ds, path, **options)

    def to_openfwi(self, path: str | os.PathLike[str], **options: Any) -> Any:
        """Write OpenFWI's ``.npy`` files: see :func:`seisgeo.adapters.write_openfwi`."""
        from seisgeo import adapters

        return adapters.write_openfwi(self._ds, path, **options)

    def to_zarr(self, path: str | os.PathLike[str], **options: Any) -> Any:
        """Write a Zarr store: see :func:`seisgeo.adapters.write_zarr`."""
        from seisgeo import adapters

        return adapters.write_zarr(self._ds, path, **options)

    def to_netcdf(self, path: str | os.PathLike[str], **options: Any) -> Any:
        """Write a NetCDF file: see :func:`seisgeo.adapters.write_netcdf`."""
        from seisgeo import adapters

        return adapters.write_netcdf(self._ds, path, **options)


# Registering twice (a reload) would warn; an accessor of that name from elsewhere should.
_registered = getattr(xr.Dataset, "seis", None)
if getattr(_registered, "__module__", None) != __name__:
    xr.register_dataset_accessor("seis")(SeisAccessor)
