"""Cubes to files: Zarr and NetCDF, and one call that converts between all formats."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import math
import os
import warnings
from collections.abc import Callable, Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from seisgeo.adapters.opening import open_cube
from seisgeo.adapters.segy import SUFFIXES
from seisgeo.adapters.segy.bare import BARE_SUFFIXES
from seisgeo.adapters.segy.cube import CUBE_KEY
from seisgeo.errors import FormatError, OutputExistsError, ParameterError
from seisgeo.files import whole_output

__all__ = ["convert", "write_netcdf", "write_zarr"]

#: Dimensions along a trace or across a model: never split, so that one read gives it whole.
_WHOLE = {"time", "depth", "x", "y"}
#: Dimensions whose every element is one training sample or one gather.
_RECORDS = {"sample", "shot", "event"}
#: Bytes of a chunk of traces, where the cube has no records.
_CHUNK_BYTES = 2**20
#: Variables below this size are written in one go.
_SMALL_BYTES = 2**20
#: Blocks that are in memory at the same time.
_WORKERS = 2


def write_zarr(
    ds: xr.Dataset,
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    shard_bytes: int = 64 * 2**20,
    headers: bool = True,
) -> Path:
    """Write a cube as Zarr, ready for random access.

    Zarr format 3: a chunk is one sample or one gather (in stacks, about 1 MiB of whole traces),
    many chunks share a shard, which is a file; lz4 after bitshuffle.

    Parameters
    ----------
    ds : xarray.Dataset
        Any cube, also one larger than memory: it is read shard by shard.
    path : path-like
        Folder to make, usually ``*.zarr``.
    overwrite : bool, default False
        Replace what stands under `path`.
    shard_bytes : int, default 64 MiB
        Size of a shard before compression. A few are in memory at a time.
    headers : bool, default True
        Of a cube that was opened from SEG-Y, or from a Zarr store made from it, also keep what the
        cube does not hold: text, binary and trace headers, and the traces that are in no gather.
        They lie in a group ``segy`` below the cube (:mod:`seisgeo.adapters.segy.original_zarr`)
        and make the file again: see :func:`write_segy`. They are left out where they are not true
        any more, as the coordinates were changed.

    Returns
    -------
    pathlib.Path
        `path`; it appears only when it is whole.

    Raises
    ------
    OutputExistsError
        If `path` exists and `overwrite` is False.

    Examples
    --------
    >>> import tempfile, numpy as np, xarray as xr
    >>> from pathlib import Path
    >>> maps = xr.Dataset({"velocity": (("sample", "depth", "x"), np.full((4, 70, 70), 2000.0))})
    >>> out = write_zarr(maps, Path(tempfile.mkdtemp()) / "maps.zarr")
    >>> xr.open_dataset(out)["velocity"].encoding["chunks"]
    (1, 70, 70)
    """
    import zarr
    from zarr.codecs import BloscCodec

    final = Path(path)
    known = _original(ds) if headers else None
    if known is not None:
        from seisgeo.adapters.segy.original_zarr import store_original
    ds = _with_portable_strings(ds)
    encoding: dict[Hashable, dict[str, Any]] = {}
    blocks: dict[Hashable, tuple[int, ...]] = {}
    for name, variable in ds.variables.items():
        if variable.dtype.kind not in "fiub" or variable.size == 0 or variable.ndim == 0:
            continue
        chunks = _chunks(variable)
        shards = _grow(chunks, variable, shard_bytes)
        compressors = (BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle"),)
        encoding[name] = {"chunks": chunks, "compressors": compressors}
        if shards != chunks:
            encoding[name]["shards"] = shards
        blocks[name] = shards
    with whole_output(final, overwrite=overwrite) as stage, warnings.catch_warnings():
        # Zarr readers without consolidated metadata ignore it; xarray warns where it is missing.
        warnings.filterwarnings("ignore", "Consolidated metadata is currently not part")
        with _streaming(ds, blocks, f"writing {final.name}") as lazy:
            lazy.to_zarr(stage, mode="w", zarr_format=3, consolidated=True, encoding=encoding)
        if known is not None:
            store_original(known, stage)
            zarr.consolidate_metadata(stage)
    return final


def _original(ds: xr.Dataset) -> Any:
    """What the SEG-Y file of a cube holds beside it, where it fits the cube as it is now."""
    cube, source = ds.encoding.get(CUBE_KEY), ds.encoding.get("source")
    if cube is None and not (isinstance(source, str) and os.path.isdir(source)):
        return None
    from seisgeo.adapters.segy.original import fit, of_file
    from seisgeo.adapters.segy.original_zarr import read_original

    known = read_original(str(source)) if cube is None else of_file(cube)
    return fit(known, ds)[0] if known is not None else None


def write_netcdf(ds: xr.Dataset, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a cube as one compressed NetCDF-4 file.

    Parameters
    ----------
    ds : xarray.Dataset
        Any cube, also one larger than memory: it is read in blocks of 64 MiB.
    path : path-like
        File to make, usually ``*.nc``.
    overwrite : bool, default False
        Replace what stands under `path`.

    Returns
    -------
    pathlib.Path
        `path`; it appears only when it is whole.

    Raises
    ------
    OutputExistsError
        If `path` exists and `overwrite` is False.

    Notes
    -----
    NetCDF keeps no headers of a SEG-Y file: what is written as SEG-Y from it has new ones, made of
    the cube's coordinates, and :func:`write_segy` says so. Zarr keeps them.

    NetCDF attributes are numbers and text: True is written as 1, a dict or a nested list as JSON,
    and None is left out.

    Examples
    --------
    >>> import tempfile, numpy as np, xarray as xr
    >>> from pathlib import Path
    >>> maps = xr.Dataset({"velocity": (("sample", "depth", "x"), np.full((4, 70, 70), 2000.0))})
    >>> out = write_netcdf(maps, Path(tempfile.mkdtemp()) / "maps.nc")
    >>> float(xr.open_dataset(out)["velocity"].mean())
    2000.0
    """
    from dask.callbacks import Callback

    final = Path(path)
    ds = _with_portable_strings(ds)
    ds.attrs = _netcdf_attrs(ds.attrs)
    encoding: dict[Hashable, dict[str, Any]] = {}
    blocks: dict[Hashable, tuple[int, ...]] = {}
    for name, variable in ds.variables.items():
        variable.attrs = _netcdf_attrs(variable.attrs)
        if variable.dtype.kind not in "fiub" or variable.size == 0 or variable.ndim == 0:
            continue
        chunks = _chunks(variable)
        encoding[name] = {"zlib": True, "complevel": 4, "shuffle": True, "chunksizes": chunks}
        blocks[name] = _grow(chunks, variable, 64 * 2**20)
    with (
        whole_output(final, overwrite=overwrite) as stage,
        _RememberingFile(stage) as file,
        _streaming(ds, blocks, f"writing {final.name}") as lazy,
        Callback(posttask=lambda *_: file.check()),
    ):
        try:
            lazy.to_netcdf(file, engine="h5netcdf", format="NETCDF4", encoding=encoding)
        finally:
            file.check()
    return final


def convert(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    engine: str | None = None,
    revision: str | float | None = None,
    output_format: int | None = None,
    byte_order: str | None = None,
    **open_options: Any,
) -> Path:
    """Convert a file or a folder to another format.

    Zarr that is made from SEG-Y keeps its headers, and becomes the same file again, byte for byte,
    where nothing was changed: see :func:`seisgeo.adapters.write_segy`.

    Parameters
    ----------
    source : path-like
        Anything that xarray opens: SEG-Y, OpenFWI, Zarr, NetCDF, …
    target : path-like
        What to make. The suffix says the format: ``.zarr``, ``.nc``, ``.sgy``, ``.segy``, ``.seg``,
        ``.su`` (Seismic Unix); ``.npy`` is a single OpenFWI file, a name without a suffix a folder
        of them.
    overwrite : bool, default False
        Replace what stands under `target`.
    engine : str, optional
        xarray engine to open `source` with, for instance ``"seisgeo-segy"``; found by itself.
    revision, output_format, byte_order
        Of SEG-Y that is written: ``revision``, ``sample_format`` and ``byte_order`` of
        :func:`seisgeo.adapters.write_segy`. (``sample_format`` is an option of the reader.)
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
        If an option of SEG-Y is given and `target` is none, or it is unknown.

    Examples
    --------
    >>> import tempfile, numpy as np, xarray as xr
    >>> from pathlib import Path
    >>> folder = Path(tempfile.mkdtemp())
    >>> np.save(folder / "model1.npy", np.full((4, 1, 70, 70), 2000, np.float32))
    >>> convert(folder / "model1.npy", folder / "maps.nc").name
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
    asked = {"revision": revision, "sample_format": output_format, "byte_order": byte_order}
    asked = {name: value for name, value in asked.items() if value is not None}
    if asked and final.suffix.lower() not in (*SUFFIXES, *BARE_SUFFIXES):
        raise ParameterError(
            f"{final}: revision, sample format and byte order are of SEG-Y; expected a name that "
            f"ends in {', '.join(SUFFIXES)}"
        )
    with open_cube(source, engine=engine, **open_options) as ds:
        write = functools.partial(write, **asked)
        write(ds, final, overwrite=overwrite)
    return final


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
    if not suffix or target.is_dir():
        from seisgeo.adapters.openfwi_write import write_openfwi

        return write_openfwi
    raise FormatError(
        f"{target}: no writer for the suffix {target.suffix!r}; known: .zarr, .nc (NetCDF), "
        f"{', '.join(SUFFIXES)} (SEG-Y), {', '.join(BARE_SUFFIXES)} (Seismic Unix), "
        ".npy (OpenFWI, one file), no suffix (OpenFWI, a folder)"
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


def _chunks(variable: xr.Variable) -> tuple[int, ...]:
    """Chunk of a variable: one record, or where there are none about 1 MiB of whole traces."""
    sizes = variable.sizes
    if not any(dim in _WHOLE for dim in sizes):  # a number for each record or trace
        return _grow((1,) * variable.ndim, variable, _CHUNK_BYTES)
    if any(dim in _RECORDS for dim in sizes):
        return tuple(1 if dim in _RECORDS else size for dim, size in sizes.items())
    split = [dim for dim in sizes if dim not in _WHOLE]
    if not split or variable.nbytes <= _CHUNK_BYTES:
        return variable.shape
    trace = _nbytes(variable, (size for dim, size in sizes.items() if dim in _WHOLE))
    # The same number along each line direction, so that no direction reads much more than another.
    side = max(1, int((_CHUNK_BYTES / trace) ** (1 / len(split))))
    return tuple(min(size, side) if dim in split else size for dim, size in sizes.items())


def _grow(chunks: tuple[int, ...], variable: xr.Variable, limit: int) -> tuple[int, ...]:
    """Block of whole chunks of about `limit` bytes, grown from the last dimension to the first."""
    block = list(chunks)
    for axis in reversed(range(variable.ndim)):
        room = max(1, int(limit // _nbytes(variable, block)))
        whole = math.ceil(variable.shape[axis] / chunks[axis])
        block[axis] = chunks[axis] * min(room, whole)
    return tuple(block)


def _nbytes(variable: xr.Variable, sizes: Any) -> int:
    return variable.dtype.itemsize * math.prod(sizes)


@contextlib.contextmanager
def _streaming(
    ds: xr.Dataset, blocks: Mapping[Hashable, tuple[int, ...]], title: str
) -> Iterator[xr.Dataset]:
    """`ds` cut in blocks, to be written in the ``with`` block: few at a time, with a bar."""
    import dask
    from tqdm.dask import TqdmCallback

    lazy = ds.copy()
    for name, block in blocks.items():
        variable = ds.variables[name]
        if variable.nbytes > _SMALL_BYTES:
            sizes = dict(zip(variable.dims, block, strict=True))
            # A copy of the variable, not DataArray.chunk: that one would chunk its coordinates too.
            lazy[name] = variable.chunk(sizes)
    with (
        dask.config.set(scheduler="threads", num_workers=_WORKERS),
        TqdmCallback(desc=title, delay=2),
    ):
        yield lazy


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


def _with_portable_strings(ds: xr.Dataset) -> xr.Dataset:
    """A copy without the encoding of the source, and with text as variable-length strings.

    Zarr 3 has no specification for numpy's fixed-length text.
    """
    ds = ds.drop_encoding()
    for name, variable in ds.variables.items():
        if variable.dtype.kind in "UT":
            ds[name] = (variable.dims, np.asarray(variable.values, object), variable.attrs)
    return ds


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
