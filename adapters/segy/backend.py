"""SEG-Y through :func:`xarray.open_dataset`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import xarray as xr
from xarray.backends import BackendEntrypoint

from seisgeo.adapters.segy.contradictions import warn
from seisgeo.adapters.segy.cube import read_cube
from seisgeo.adapters.segy.mapping import Headers
from seisgeo.adapters.segy.source import require_path, suffix_of

__all__ = ["SUFFIXES", "SegyBackend"]

#: Ends of the names of SEG-Y files, in lower case.
SUFFIXES = (".sgy", ".segy", ".seg")


class SegyBackend(BackendEntrypoint):
    """SEG-Y files as lazy, labelled cubes (engine ``seisgeo-segy``).

    xarray finds it by the file's name. Headers are read when a file is opened, samples when they
    are asked for. What the headers contradict is said in one
    :class:`~seisgeo.errors.HeaderWarning`, and stands in ``attrs["contradictions"]``.

    Examples
    --------
    >>> import xarray as xr
    >>> shots = xr.open_dataset("line.sgy")                                      # doctest: +SKIP
    >>> shots = xr.open_dataset("line.sgy", headers={"channel": (25, "int32")})  # doctest: +SKIP
    """

    description = "SEG-Y: gathers, stacks and velocity models (seisgeo)"
    url = "https://library.seg.org/seg-technical-standards"
    open_dataset_parameters: ClassVar[tuple[str, ...]] = (
        "filename_or_obj",
        "drop_variables",
        "layout",
        "keys",
        "headers",
        "coordinate_scale",
        "sample_interval",
        "sample_format",
        "quantity",
        "vertical",
        "storage_options",
    )

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
        layout : {"shots", "receivers", "cdp", "stack", "offset", "line"}, optional
            What the traces make: shot gathers (shot, receiver), receiver gathers
            (receiver, shot), CDP gathers (cdp, offset), a 3-D stack (inline, crossline), 3-D
            gathers (inline, crossline, offset), a 2-D line (cdp). Found from the headers.
        keys : str or sequence of str, optional
            Header fields that name the gathers, instead of those found: ``"source_point"``,
            ``["source_x", "source_y"]``. For ``layout="stack"`` and ``"offset"`` two, which number
            inlines and crosslines; for ``layout="line"`` those that number its traces.
        headers : mapping or path-like, optional
            Where header fields stand, if not where the file has them: name -> byte, or
            (byte, type), as ``{"inline": (9, "int32")}``, or a YAML file of this. Other names
            become coordinates.
        coordinate_scale : float, optional
            Metres for each unit of the coordinates in the headers, instead of their own scalar
            and unit.
        sample_interval : float, optional
            Sample interval (s, or m for depth) instead of the file's.
        sample_format : int, optional
            Sample format code instead of the file's.
        quantity : {"amplitude", "velocity"}, optional
            What the samples are. Found from the text header and a few traces.
        vertical : {"time", "depth"}, optional
            Axis of the samples. Found from the text header.
        storage_options : mapping, optional
            How fsspec gets at a remote file: keys, endpoint, headers of requests.

        Returns
        -------
        xarray.Dataset
            ``amplitude`` or ``velocity``, lazy, with one of these shapes: (shot, receiver, time),
            (receiver, shot, time), (cdp, offset, time), (inline, crossline, time or depth),
            (inline, crossline, offset, time), (cdp, time or depth), and (depth, x) for a 2-D
            velocity model; receiver and CDP gathers whose traces have nothing in common from one
            gather to the next have ``trace`` as their second dimension. Missing traces are NaN.
            Where traces differ in length, shorter ones end in NaN and a coordinate
            ``sample_count`` holds the samples of each.
            Gathers carry the positions, depths, elevations, water depths and CDP numbers that their
            headers fill, in metres; ``distance`` runs along a 2-D line. ``attrs`` tell the
            ``layout``, with what ``confidence`` (high, medium, low) and why (``interpretation``),
            the ``sort_order`` of the file, and of a 3-D survey ``grid_affine``: a, b, c, d, e, f of
            x = a + b inline + c crossline, y = d + e inline + f crossline, with
            ``grid_residual`` (m), ``grid_bin_size`` (m, between inlines and between crosslines) and
            ``grid_azimuth`` (of an inline, degrees from north).

        Raises
        ------
        MissingFileError
            If there is no such file.
        FormatError
            If it is no SEG-Y file or an option does not fit; the message says what was found.
        RemoteFileError
            If a remote file cannot be reached, or gives no ranges of bytes.

        Warns
        -----
        HeaderWarning
            If headers contradict each other: which one was used, and why.
        """
        require_path(filename_or_obj, "SEG-Y")
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
        ds = cube.dataset()
        # Counted from here: this method, xarray.open_dataset, the user.
        warn(cube.file.path, cube.findings, stacklevel=3)
        names = [drop_variables] if isinstance(drop_variables, str) else drop_variables or []
        return ds.drop_vars(names, errors="ignore")

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Whether a file's name ends as in :data:`SUFFIXES`, in whatever case; a URL's, too."""
        return suffix_of(filename_or_obj) in SUFFIXES
