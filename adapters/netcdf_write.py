"""Cubes to NetCDF."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from seisgeo.adapters.blocks import block_bytes, chunks_of, grow, is_large
from seisgeo.adapters.zarr_write import portable, releaser
from seisgeo.files import whole_output

__all__ = ["write_netcdf"]


def write_netcdf(
    ds: xr.Dataset,
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    memory: str | int = "300 MB",
) -> Path:
    """Write a cube as one compressed NetCDF-4 file.

    Parameters
    ----------
    ds : xarray.Dataset
        Any cube, also one larger than memory: it is read block by block.
    path : path-like
        File to make, usually ``*.nc``.
    overwrite : bool, default False
        Replace what stands under `path`.
    memory : str or int, default "300 MB"
        All that the process may take, Python and its libraries (150 MB) included.

    Returns
    -------
    pathlib.Path
        `path`; it appears only when it is whole.

    Raises
    ------
    OutputExistsError
        If `path` exists and `overwrite` is False.
    ParameterError
        If `memory` is no size or too little.

    Notes
    -----
    NetCDF attributes are numbers and text: True is written as 1, a dict or a nested list as JSON,
    and None is left out. Of SEG-Y, the text header and all coordinates are kept; binary and trace
    headers only go to Zarr. One file is written by one process, and a run that was stopped begins
    anew.

    Examples
    --------
    >>> import tempfile, numpy as np, xarray as xr
    >>> from pathlib import Path
    >>> maps = xr.Dataset({"velocity": (("sample", "depth", "x"), np.full((4, 70, 70), 2000.0))})
    >>> out = write_netcdf(maps, Path(tempfile.mkdtemp()) / "maps.nc")
    >>> float(xr.open_dataset(out)["velocity"].mean())
    2000.0
    """
    import dask
    from dask.callbacks import Callback
    from tqdm.dask import TqdmCallback

    final = Path(path)
    limit = block_bytes(memory)
    release = releaser(ds)
    ds = portable(ds)
    ds.attrs = _netcdf_attrs(ds.attrs)
    encoding: dict[Hashable, dict[str, Any]] = {}
    for name, variable in list(ds.variables.items()):
        variable.attrs = _netcdf_attrs(variable.attrs)
        if variable.dtype.kind not in "fiub" or variable.size == 0 or variable.ndim == 0:
            continue
        chunks = chunks_of(variable)
        encoding[name] = {"zlib": True, "complevel": 4, "shuffle": True, "chunksizes": chunks}
        if is_large(variable):
            block = dict(zip(variable.dims, grow(chunks, variable, limit), strict=True))
            # A copy of the variable, not DataArray.chunk: that one would chunk its coordinates too.
            ds[name] = variable.chunk(block)

    def after_block(*_: Any) -> None:
        if release is not None:
            release()
        file.check()

    with (
        whole_output(final, overwrite=overwrite) as stage,
        _RememberingFile(stage) as file,
        dask.config.set(scheduler="synchronous"),  # HDF5 does one thing at a time
        TqdmCallback(desc=f"writing {final.name}", delay=2),
        Callback(posttask=after_block),
    ):
        try:
            ds.to_netcdf(file, engine="h5netcdf", format="NETCDF4", encoding=encoding)
        finally:
            file.check()
    return final


class _RememberingFile(io.FileIO):
    """A new file that keeps the first error of writing for :meth:`check`, and lets writing go on.

    The HDF5 library crashes the interpreter when it cannot write (a full disk) and is closed.
    """

    failure: OSError | None = None

    def __init__(self, path: Path):
        super().__init__(path, "w+")

    def check(self) -> None:
        if self.failure is not None:
            raise self.failure

    def write(self, data: Any) -> int:
        rest = memoryview(data).cast("B")
        size = len(rest)
        try:
            while self.failure is None and len(rest):  # a nearly full disk takes a part
                rest = rest[super().write(rest) :]
        except OSError as error:
            self.failure = error
        return size

    def truncate(self, size: int | None = None) -> int:
        try:
            return super().truncate(size)
        except OSError as error:
            self.failure = self.failure or error
            return size or 0

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        read = super().readinto(view) or 0
        view[read:] = bytes(len(view) - read)  # what could not be written
        return len(view)


def _netcdf_attrs(attrs: Mapping[Any, Any]) -> dict[Any, Any]:
    return {k: _netcdf_attr(v) for k, v in attrs.items() if v is not None}


def _netcdf_attr(value: Any) -> Any:
    if isinstance(value, (bool, np.bool_)):
        return int(value)
    if isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, (list, tuple)) and any(isinstance(v, (list, tuple, dict)) for v in value):
        return json.dumps(value)
    return value
