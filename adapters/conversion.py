"""Any format to any other, by one call."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from seisgeo._version import __version__
from seisgeo.adapters.checksums import write_checksums
from seisgeo.adapters.netcdf_write import write_netcdf
from seisgeo.adapters.opening import open_cube
from seisgeo.adapters.resampling import resample as resample_cube
from seisgeo.adapters.segy import SUFFIXES
from seisgeo.adapters.segy.bare import BARE_SUFFIXES
from seisgeo.adapters.segy.sparing import sparing_memory
from seisgeo.adapters.selection import select as select_windows
from seisgeo.adapters.zarr_write import write_zarr
from seisgeo.errors import FormatError, OutputExistsError, ParameterError
from seisgeo.files import whole_output

__all__ = ["convert"]


def convert(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    engine: str | None = None,
    select: str | Mapping[Hashable, Any] | None = None,
    resample: float | str | Mapping[str, float] | None = None,
    memory: str | int = "300 MB",
    original: bool = True,
    revision: str | float | None = None,
    output_format: int | None = None,
    byte_order: str | None = None,
    scheduler: str | None = None,
    checksum: bool = False,
    **open_options: Any,
) -> Path:
    """Convert a file or a folder to another format.

    Zarr that is made from SEG-Y keeps its headers, and becomes the same file again, byte for byte,
    where nothing was changed: see :func:`seisgeo.adapters.write_segy`. A conversion to Zarr that
    was killed goes on where it was when the same call is made again, and gives the same bytes;
    other formats begin anew.

    Parameters
    ----------
    source : path-like
        Anything that xarray opens: SEG-Y, OpenFWI, Zarr, NetCDF, …
    target : path-like
        What to make. The suffix says the format: ``.zarr``, ``.nc``, ``.sgy``, ``.segy``, ``.seg``,
        ``.su`` (Seismic Unix), ``.mseed`` (miniSEED); ``.npy`` is a single OpenFWI file, a name
        without a suffix a folder of them.
    overwrite : bool, default False
        Replace what stands under `target`.
    engine : str, optional
        xarray engine to open `source` with, for instance ``"seisgeo-segy"``; found by itself.
    select : str or mapping, optional
        Windows to keep, ``"inline=100:200,offset=0:3000,time=0.5:2.0"``: see
        :func:`seisgeo.adapters.select`.
    resample : float, str or mapping, optional
        Another sample interval (s; m for depth), before windows are cut: see
        :func:`seisgeo.adapters.resample`.
    memory : str or int, default "300 MB"
        All that the process may take, for Zarr and NetCDF; other writers need less.
    original : bool, default True
        Keep the headers of a SEG-Y file, in Zarr and from there in SEG-Y again. False leaves them
        out of Zarr, and writes those of SEG-Y anew from the cube.
    revision, output_format, byte_order
        Of SEG-Y that is written: ``revision``, ``sample_format`` and ``byte_order`` of
        :func:`seisgeo.adapters.write_segy`. (``sample_format`` is an option of the reader.)
    scheduler : str, optional
        Address of a Dask scheduler whose workers write the blocks of a Zarr store.
    checksum : bool, default False
        Write the SHA-256 of each file of the target beside it, as ``target.sha256``: see
        :func:`seisgeo.adapters.write_checksums`.
    **open_options
        Options of the reader, see :func:`seisgeo.adapters.open_cube`.

    Returns
    -------
    pathlib.Path
        `target`; it appears only when it is whole.

    Raises
    ------
    MissingFileError
        If there is no `source`.
    FormatError
        If the suffix of `target` is not known, or nothing can open `source`.
    OutputExistsError
        If `target` exists and `overwrite` is False, or is `source` itself.
    ParameterError
        If `select`, `resample`, `memory` or `scheduler` cannot be followed, or an option of SEG-Y
        is given and `target` is none.

    Warns
    -----
    DataWarning
        If a conversion of other settings was stopped under this name: it is begun anew.

    Examples
    --------
    >>> import tempfile, numpy as np, xarray as xr
    >>> from pathlib import Path
    >>> folder = Path(tempfile.mkdtemp())
    >>> np.save(folder / "model1.npy", np.full((4, 1, 70, 70), 2000, np.float32))
    >>> convert(folder / "model1.npy", folder / "maps.nc", select="depth=:200").name
    'maps.nc'
    """
    final = Path(target)
    write = _writer(final)
    if final.exists():
        if os.path.exists(source) and os.path.samefile(source, final):
            raise OutputExistsError(f"{final} is the source itself; choose another name")
        if not overwrite:
            raise OutputExistsError(
                f"{final} already exists; choose another name or pass overwrite=True"
            )
    if scheduler is not None and write is not write_zarr:
        raise ParameterError(
            f"{final}: scheduler={scheduler} writes Zarr only, whose shards are files of their own"
        )
    asked = {"revision": revision, "sample_format": output_format, "byte_order": byte_order}
    asked = {name: value for name, value in asked.items() if value is not None}
    outgoing = final.suffix.lower() in (*SUFFIXES, *BARE_SUFFIXES)
    if asked and not outgoing:
        raise ParameterError(
            f"{final}: revision, sample format and byte order are of SEG-Y; expected a name that "
            f"ends in {', '.join(SUFFIXES)}"
        )
    if write in (write_zarr, write_netcdf):
        write = functools.partial(write, memory=memory)
    if outgoing or final.suffix.lower() == ".zarr":
        write = functools.partial(write, original=original, **asked)
    if final.suffix.lower() == ".zarr":
        settings = {
            "source": _identity(source),
            "options": {"engine": engine, **open_options},
            "select": select,
            "resample": resample,
            "seisgeo": __version__,
        }
        resume = json.loads(json.dumps(settings, default=str))
        write = functools.partial(write, scheduler=scheduler, resume=resume)
    with sparing_memory(), open_cube(source, engine=engine, **open_options) as ds:
        if resample is not None:
            ds = resample_cube(ds, resample)
        if select is not None:
            ds = select_windows(ds, select)
        write(ds, final, overwrite=overwrite)
    if checksum:
        write_checksums(final, overwrite=overwrite)
    return final


def _identity(source: str | os.PathLike[str]) -> list[Any]:
    """What tells whether a source is still the same: name, sizes and times of its files."""
    path = Path(source)
    if not path.exists():  # an address
        return [os.fspath(source)]
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    stats = [file.stat() for file in files if file.is_file()]
    size, latest = sum(s.st_size for s in stats), max((s.st_mtime_ns for s in stats), default=0)
    return [str(path.resolve()), len(stats), size, latest]


def _writer(target: Path) -> Callable[..., Any]:
    suffix = target.suffix.lower()
    if suffix == ".zarr":
        return write_zarr
    if suffix == ".nc":
        return write_netcdf
    if suffix in (*SUFFIXES, *BARE_SUFFIXES):
        from seisgeo.adapters.segy import write_segy

        return write_segy
    if suffix == ".npy":
        return _write_single_npy
    if suffix == ".mseed":
        from seisgeo.adapters.seismology.export import write_mseed

        return write_mseed
    if not suffix or target.is_dir():
        from seisgeo.adapters.openfwi_write import write_openfwi

        return write_openfwi
    raise FormatError(
        f"{target}: no writer for the suffix {target.suffix!r}; known: .zarr, .nc (NetCDF), "
        f"{', '.join(SUFFIXES)} (SEG-Y), {', '.join(BARE_SUFFIXES)} (Seismic Unix), "
        ".mseed (miniSEED), .npy (OpenFWI, one file), no suffix (OpenFWI, a folder)"
    )


def _write_single_npy(ds: xr.Dataset, path: Path, *, overwrite: bool) -> None:
    from seisgeo.adapters.openfwi_write import check_npy_name, check_openfwi, write_npy

    names = check_openfwi(ds)
    if len(names) > 1:
        raise FormatError(
            f"{path}: a .npy file holds amplitudes or velocities, this cube has both; name a "
            "folder (without a suffix), or drop one with drop_variables='velocity' or 'amplitude'"
        )
    check_npy_name(ds[names[0]], path)
    with whole_output(path, overwrite=overwrite) as stage:
        write_npy(ds[names[0]], stage)
