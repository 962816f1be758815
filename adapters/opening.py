"""One way to open any file: the reader is chosen by the file, and every error names it."""

from __future__ import annotations

import difflib
import inspect
import os
from pathlib import Path
from typing import Any

import xarray as xr
from xarray.backends import BackendEntrypoint, list_engines

from seisgeo.adapters.seg2 import SEG2_SUFFIXES
from seisgeo.adapters.segy import SUFFIXES
from seisgeo.adapters.segy.bare import BARE_SUFFIXES
from seisgeo.errors import FormatError, MissingFileError, ParameterError, SeisgeoError

__all__ = ["find_engine", "open_cube"]

# Files that say nothing by their first bytes, when they are broken: then their name has to.
_HDF5_SUFFIXES = (".nc", ".nc4", ".cdf", ".h5", ".hdf5")
_ZARR_FILES = ("zarr.json", ".zgroup", ".zarray", ".zmetadata")
# Engine of xarray's for objects in memory.
_NOT_FOR_FILES = {"store"}
_KINDS = (
    f"SEG-Y ({', '.join(SUFFIXES)}), OpenFWI (.npy files or a folder of them), Zarr (.zarr), "
    f"NetCDF or HDF5 (.nc, .h5), SU ({', '.join(BARE_SUFFIXES)}), "
    f"SEG-2 ({', '.join(SEG2_SUFFIXES)}), seismograms (miniSEED, SAC, GSE2, STEAD and SeisBench "
    "HDF5, PhaseNet .npz, or a folder of them)"
)


def open_cube(
    path: str | os.PathLike[str], *, engine: str | None = None, **options: Any
) -> xr.Dataset:
    """Open a file or a folder lazily, whatever its format, with errors that name it.

    Parameters
    ----------
    path : path-like
        SEG-Y, SU, SEG-2, miniSEED, SAC, STEAD, OpenFWI, Zarr, NetCDF, or whatever else an
        installed xarray engine reads; also the address (``https://…``, ``s3://…``) of SEG-Y, SU or
        a Zarr store.
    engine : str, optional
        Reader to use, for instance ``"seisgeo-segy"``; by default the one that recognises the file.
    **options
        Options of that reader, or of :func:`xarray.open_dataset` (``chunks``,
        ``drop_variables``, …).

    Returns
    -------
    xarray.Dataset
        The cube; samples are read when they are asked for.

    Raises
    ------
    MissingFileError
        If there is no such file or folder.
    FormatError
        If nothing can read it, if it is broken, or if the reader does not know an option.
    ParameterError
        If there is no such engine.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "model1.npy"
    >>> np.save(path, np.full((4, 1, 70, 70), 2000, np.float32))
    >>> dict(open_cube(path, spacing=5.0).sizes)
    {'sample': 4, 'depth': 70, 'x': 70}
    """
    name = os.fspath(path)
    if "://" not in name and not os.path.exists(name):
        raise MissingFileError(f"{name}: no such file or folder")
    engine = find_engine(name, engine)
    _check_options(name, engine, options)
    try:
        return xr.open_dataset(path, engine=engine, **options)
    except (SeisgeoError, PermissionError, MemoryError):
        raise
    except Exception as error:  # each library has its own for a broken file
        why = " ".join(str(error).split()) or type(error).__name__
        raise FormatError(f"{name}: cannot be opened with engine {engine!r}: {why}") from error


def find_engine(path: str | os.PathLike[str], engine: str | None = None) -> str:
    """Name of the xarray engine that opens a file.

    Parameters
    ----------
    path : path-like
        The file or folder.
    engine : str, optional
        One that is asked for: it is only checked that it is there.

    Returns
    -------
    str
        For instance ``"seisgeo-segy"`` or ``"zarr"``. seisgeo's own come before others.

    Raises
    ------
    FormatError
        If no engine recognises the file; the message lists the formats that are known.
    ParameterError
        If `engine` is not known.

    Examples
    --------
    >>> find_engine("line.SGY")
    'seisgeo-segy'
    """
    engines = {n: e for n, e in list_engines().items() if n not in _NOT_FOR_FILES}
    ranked = sorted(engines, key=lambda n: (not n.startswith("seisgeo-"), n != "h5netcdf"))
    if engine is not None:
        if engine not in engines:
            raise ParameterError(f"engine={engine!r}: no such reader; known: {', '.join(ranked)}")
        return engine
    file = Path(path)
    for name in ranked:
        if _guesses(engines[name], path):
            return name
    if any((file / inner).exists() for inner in _ZARR_FILES):
        return "zarr"
    if file.suffix.lower() in _HDF5_SUFFIXES:
        return "h5netcdf"
    raise FormatError(
        f"{path}: nothing here can open it; expected {_KINDS}; if it is one of these, name the "
        f"reader with engine=: {', '.join(ranked)}"
    )


def _guesses(backend: BackendEntrypoint, path: str | os.PathLike[str]) -> bool:
    try:
        return bool(backend.guess_can_open(path))
    except Exception:  # a broken plugin must not keep the others from trying
        return False


def _check_options(name: str, engine: str, options: dict[str, Any]) -> None:
    """Refuse an option that neither the reader nor xarray takes."""
    of_reader = set(list_engines()[engine].open_dataset_parameters or ())
    of_reader -= {"filename_or_obj", "store", "engine"}
    general = set(inspect.signature(xr.open_dataset).parameters)
    general -= {"filename_or_obj", "kwargs", "engine"}
    decoders = {n for n in general if n.startswith("decode_")} | {
        *("mask_and_scale", "use_cftime", "concat_characters")
    }
    known = of_reader | general - (decoders - {"decode_cf"})
    for option in options:
        if option not in known:
            close = difflib.get_close_matches(option, known, n=1)
            hint = f"did you mean {close[0]}=? " if close else ""
            raise FormatError(
                f"{name}: engine {engine!r} takes no option {option}=; {hint}"
                f"It takes {', '.join(f'{n}=' for n in sorted(of_reader)) or 'none'}"
            )
