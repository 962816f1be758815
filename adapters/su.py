"""Seismic Unix (SU) files through :func:`xarray.open_dataset`.

SU is SEG-Y's traces without its file headers, so the same code finds gathers, stacks and lines in
it; what differs is in :mod:`seisgeo.adapters.segy.bare`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import xarray as xr

from seisgeo.adapters.segy.backend import SegyBackend
from seisgeo.adapters.segy.bare import BARE_SUFFIXES
from seisgeo.adapters.segy.contradictions import warn
from seisgeo.adapters.segy.cube import read_cube
from seisgeo.adapters.segy.mapping import Headers
from seisgeo.adapters.segy.source import require_path, suffix_of
from seisgeo.errors import FormatError

__all__ = ["SuBackend"]


class SuBackend(SegyBackend):
    """Seismic Unix files as lazy, labelled cubes (engine ``seisgeo-su``).

    The byte order is found from the sample counts of the trace headers and the file's size. Options
    and cubes are those of SEG-Y: see :class:`seisgeo.adapters.segy.backend.SegyBackend`.

    Examples
    --------
    >>> import xarray as xr
    >>> shots = xr.open_dataset("shots.su")                          # doctest: +SKIP
    >>> stack = xr.open_dataset("stack.su", layout="line")           # doctest: +SKIP
    >>> section = xr.open_dataset("model.su", sample_interval=5.0)   # doctest: +SKIP
    """

    description = "Seismic Unix: gathers, stacks and velocity models (seisgeo)"
    url = "https://wiki.seismic-unix.org"

    def open_dataset(  # type: ignore[override]
        self,
        filename_or_obj: str | os.PathLike[str],
        *,
        drop_variables: str | Iterable[str] | None = None,
        layout: str | None = None,
        keys: str | Sequence[str] | None = None,
        headers: Headers | None = None,
        coordinate_scale: float | None = None,
        sample_interval: float | None = None,
        sample_format: int | None = None,
        quantity: str | None = None,
        vertical: str | None = None,
        storage_options: Mapping[str, Any] | None = None,
    ) -> xr.Dataset:
        """Open a file; :func:`xarray.open_dataset` calls this.

        Parameters
        ----------
        filename_or_obj : path-like or str
            The file, or a URL that fsspec knows (``https://…``, ``s3://…``).
        drop_variables : str or iterable of str, optional
            Variables to leave out.
        layout, keys, headers, coordinate_scale, sample_interval, sample_format, quantity, \
        vertical, storage_options
            As for SEG-Y. Fields of SU's own (``d1``, ``f1``, ``d2``, ``f2``, ``ntr``) can be named
            in `headers` with byte and type: ``{"d2": (189, "float32")}``.

        Returns
        -------
        xarray.Dataset
            As of SEG-Y.

        Raises
        ------
        MissingFileError
            If there is no such file.
        FormatError
            If it is no SU file or an option does not fit; the message says what was found.

        Warns
        -----
        HeaderWarning
            If headers contradict each other: which one was used, and why.
        """
        require_path(filename_or_obj, "SU")
        cube = read_cube(
            filename_or_obj,
            layout=layout,
            keys=keys,
            headers=headers,
            coordinate_scale=coordinate_scale,
            sample_interval=sample_interval,
            sample_format=sample_format,
            quantity=quantity,
            vertical=vertical,
            storage_options=storage_options,
        )
        if cube.file.form != "SU":
            raise FormatError(
                f"{cube.file.path}: this is SEG-Y: it has file headers; open it with "
                "engine='seisgeo-segy'"
            )
        ds = cube.dataset()
        ds.attrs["source_format"] = "SU"
        for name in ("revision", "text_header"):  # SU has none
            ds.attrs.pop(name, None)
        # Counted from here: this method, xarray.open_dataset, the user.
        warn(cube.file.path, cube.findings, stacklevel=3)
        names = [drop_variables] if isinstance(drop_variables, str) else drop_variables or []
        return ds.drop_vars(names, errors="ignore")

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Whether a file's name ends in ``.su``, in whatever case."""
        return suffix_of(filename_or_obj) in BARE_SUFFIXES
