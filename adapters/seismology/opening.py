"""Any file, folder or list of files that holds seismograms, as one waveforms cube."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

import xarray as xr
from xarray.backends import BackendEntrypoint

from seisgeo.adapters.seismology.records import listed
from seisgeo.errors import FormatError, MissingFileError

__all__ = ["WAVEFORM_SUFFIXES", "EventsBackend", "open_waveforms", "waveform_files"]

#: Ends of the names of waveform files, in lower case. Others are known by their first bytes.
WAVEFORM_SUFFIXES = (
    *(".mseed", ".miniseed", ".msd", ".ms", ".seed", ".sac", ".gse", ".gse2", ".gcf"),
    *(".bhz", ".bhn", ".bhe", ".hhz", ".hhn", ".hhe"),
)
_HDF5_SUFFIXES = (".hdf5", ".h5")
# A data record of miniSEED 2 (SEED manual, chapter 8), or a record of a full SEED volume.
_MINISEED = re.compile(rb"[0-9]{6}[DRQMVAST][ \x00]")
_GSE2 = (b"WID2", b"BEGIN GSE")
#: Files of a folder whose first bytes are looked at.
_LOOKED_AT = 50

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


class EventsBackend(BackendEntrypoint):
    """Seismograms as a lazy waveforms cube (engine ``seisgeo-events``).

    Examples
    --------
    >>> import xarray as xr
    >>> day = xr.open_dataset("station.mseed")                # doctest: +SKIP
    >>> stead = xr.open_dataset("chunk2.hdf5", engine="seisgeo-events")  # doctest: +SKIP
    >>> ethz = xr.open_dataset("ethz/")                       # doctest: +SKIP
    """

    description = "miniSEED, SAC, GSE2, …; STEAD, SeisBench, PhaseNet (seisgeo, obspy, h5py)"
    url = "https://docs.obspy.org/packages/autogen/obspy.core.stream.read.html"
    open_dataset_parameters: ClassVar[tuple[str, ...]] = (
        *("filename_or_obj", "drop_variables"),
        *("sampling_rate", "longest_gap", "table", "split"),
    )

    def open_dataset(  # type: ignore[override]
        self,
        filename_or_obj: str | os.PathLike[str],
        *,
        drop_variables: str | Iterable[str] | None = None,
        sampling_rate: float | None = None,
        longest_gap: float | None = None,
        table: str | os.PathLike[str] | None = None,
        split: str | None = None,
    ) -> xr.Dataset:
        """Open a file or a folder; :func:`xarray.open_dataset` calls this.

        Parameters
        ----------
        filename_or_obj : path-like
            The file or folder.
        drop_variables : str or iterable of str, optional
            Variables to leave out.
        sampling_rate, longest_gap, table, split
            As of :func:`open_waveforms`.

        Returns
        -------
        xarray.Dataset
            As of :func:`open_waveforms`.
        """
        ds = _open(
            filename_or_obj,
            sampling_rate=sampling_rate,
            longest_gap=longest_gap,
            table=table,
            split=split,
            stacklevel=4,
        )
        names = [drop_variables] if isinstance(drop_variables, str) else drop_variables or []
        return ds.drop_vars(names, errors="ignore")

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Whether a file or a folder is one of these, by its name, first bytes or contents."""
        if not isinstance(filename_or_obj, str | os.PathLike):
            return False
        path = Path(filename_or_obj)
        try:
            return _kind(path) is not None
        except OSError:
            return False


def open_waveforms(
    paths: Paths,
    *,
    sampling_rate: float | None = None,
    longest_gap: float | None = None,
    table: str | os.PathLike[str] | None = None,
    split: str | None = None,
) -> xr.Dataset:
    """Open seismograms as one lazy cube, ``amplitude (event, component, time)``.

    Waveform files of any format that obspy reads (miniSEED, SAC, GSE2, …): channels of one
    instrument become the components of a record, and stations the events. SEG-2 has no codes: each
    of its channels is a ``station`` by its number, a geophone's place on the ground
    (``xarray.open_dataset`` opens SEG-2 as gathers, with its geometry). STEAD's HDF5 with or
    without its CSV; SeisBench's folders or HDF5 files, in chunks and blocks, too; PhaseNet's
    ``.npz`` files with or without their CSV. ``xarray.open_dataset`` does the same for one path;
    for a file in HDF5 it wants to be told ``engine="seisgeo-events"``, as it holds every such file
    for NetCDF.

    Parameters
    ----------
    paths : path-like or iterable of path-like
        A file, a folder, or several waveform files.
    sampling_rate : float, optional
        What is opened (Hz), where files hold several rates: a cube has one time axis. By default
        the rate of most samples. PhaseNet's and STEAD's files, which do not say it, have 100 Hz.
    longest_gap : float, optional
        In waveform files a new record begins where an instrument pauses for longer (s); by default
        for longer than its longest segment lasts: a day with a gap stays one record, and windows
        cut around events become one each.
    table : path-like, optional
        CSV file of the labels of a STEAD or PhaseNet data set; by default that which is named as
        the HDF5 file is, or the only one among PhaseNet's files.
    split : str, optional
        Records of this split of a SeisBench data set alone: ``"train"``, ``"dev"``, ``"test"``.

    Returns
    -------
    xarray.Dataset
        As in :mod:`seisgeo.conventions`; amplitudes as recorded, exact: 16-bit and float32 samples
        as float32, 32-bit integers as float64. NaN in gaps, beyond the end of a record
        (``sample_count``) and where a component is missing (``live``). Columns of a data set that
        the conventions have no name for are coordinates under their own.

    Raises
    ------
    MissingFileError
        If there is no such file or folder.
    FormatError
        If it is of no format that is known, is broken, or holds nothing of the sampling rate or
        the split.

    Warns
    -----
    DataWarning
        If there are gaps, missing components or other sampling rates; labels without a record, or
        arrivals outside of their record.
    HeaderWarning
        If segments overlap, or components are not sampled at the same times.

    Examples
    --------
    >>> import tempfile, obspy
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "event.mseed"
    >>> obspy.read().write(path, format="MSEED")
    >>> open_waveforms(path)["starttime"].values
    array(['2009-08-24T00:20:03.000000000'], dtype='datetime64[ns]')
    """
    return _open(
        paths,
        sampling_rate=sampling_rate,
        longest_gap=longest_gap,
        table=table,
        split=split,
        stacklevel=3,
    )


def _open(
    paths: Paths,
    *,
    sampling_rate: float | None,
    longest_gap: float | None,
    table: str | os.PathLike[str] | None,
    split: str | None,
    stacklevel: int,
) -> xr.Dataset:
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    if not given:
        raise FormatError("no file given; expected at least one")
    files = [Path(path) for path in given]
    for path in files:
        if not path.exists():
            raise MissingFileError(f"{path}: no such file or folder")
    kind = _kind(files[0]) if len(files) == 1 else "streams"
    if kind not in ("stead", "phasenet") and table is not None:
        raise FormatError(f"{files[0]}: table= is for data sets of STEAD and PhaseNet")
    if kind != "seisbench" and split is not None:
        raise FormatError(f"{files[0]}: split= is for data sets in SeisBench's format")
    labels = None if table is None else Path(table)
    if labels is not None and not labels.exists():
        raise MissingFileError(f"{labels}: no such file")
    deeper = stacklevel + 1
    if kind == "stead":
        from seisgeo.adapters.seismology.stead import open_stead

        return open_stead(files[0], labels, stacklevel=deeper)
    if kind == "seisbench":
        from seisgeo.adapters.seismology.seisbench import open_seisbench

        return open_seisbench(files[0], sampling_rate, split, stacklevel=deeper)
    if kind == "phasenet":
        from seisgeo.adapters.seismology.phasenet import open_phasenet

        return open_phasenet(files[0], labels, sampling_rate, stacklevel=deeper)
    if kind is None and len(files) == 1 and files[0].suffix.lower() in _HDF5_SUFFIXES:
        from seisgeo.adapters.seismology.hdf5 import open_hdf5

        with open_hdf5(files[0]) as file:
            raise FormatError(
                f"{files[0]}: this HDF5 file holds no seismograms as STEAD or SeisBench store "
                f"them; it has {listed(list(file)) or 'nothing'}"
            )
    from seisgeo.adapters.seismology.streams import open_streams

    found = waveform_files(files)
    name = files[0] if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"
    return open_streams(
        found,
        name=name,
        sampling_rate=sampling_rate,
        longest_gap=longest_gap,
        stacklevel=deeper,
    )


def waveform_files(paths: Iterable[Path]) -> list[Path]:
    """Files as they are given, and of folders the waveform files in the order of their names."""
    found = []
    for path in paths:
        if not path.exists():
            raise MissingFileError(f"{path}: no such file or folder")
        inside = [path]
        if path.is_dir():
            inside = [p for p in sorted(path.iterdir()) if _is_stream(p) or _is_seg2(p)]
        if not inside:
            raise FormatError(f"{path}: this folder holds no waveform files")
        found += inside
    return found


def _kind(path: Path) -> str | None:
    """What kind of seismograms a path holds: streams, stead, seisbench, phasenet, or none."""
    if path.is_dir():
        names = {p.name for p in path.iterdir()}
        if any(re.fullmatch(r"waveforms.*\.hdf5", n) for n in names):
            return "seisbench"
        if any(n.endswith(".npz") for n in names):
            return "phasenet"
        some = sorted(names, key=lambda n: (not n.lower().endswith(WAVEFORM_SUFFIXES), n))
        return "streams" if any(_is_stream(path / n) for n in some[:_LOOKED_AT]) else None
    suffix = path.suffix.lower()
    if suffix in _HDF5_SUFFIXES:
        return _hdf5_kind(path)
    if suffix == ".csv":
        head = path.open("rb").readline(4096).decode("utf-8", "replace").strip().split(",")
        if "fname" in head:
            return "phasenet"
        return "seisbench" if path.name.startswith("metadata") and "trace_name" in head else None
    if suffix == ".npz":
        return "phasenet" if _is_phasenet(path) else None
    return "streams" if _is_stream(path) else None


def _is_stream(path: Path) -> bool:
    if not path.is_file() or path.name.startswith("."):
        return False
    with path.open("rb") as stream:
        head = stream.read(16)
    if path.suffix.lower() in WAVEFORM_SUFFIXES:
        return True
    return bool(_MINISEED.match(head)) or head.startswith(_GSE2)


def _is_seg2(path: Path) -> bool:
    """Whether it is SEG-2, which xarray alone opens as gathers: they know its geometry."""
    from seisgeo.adapters.seg2 import SEG2_SUFFIXES, is_seg2

    return path.is_file() and path.suffix.lower() in SEG2_SUFFIXES and is_seg2(path)


def _is_phasenet(path: Path) -> bool:
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            return "data.npy" in archive.namelist()
    except zipfile.BadZipFile:
        return False


def _hdf5_kind(path: Path) -> str | None:
    """SeisBench's HDF5 has a group that says its format; STEAD's data sets have attributes."""
    import h5py

    try:
        file = h5py.File(path, "r")
    except OSError:  # broken: whoever opens it says so
        return None
    with file:
        if "data_format" in file and "data" in file:
            return "seisbench"
        from seisgeo.adapters.seismology.stead import first_trace

        return None if first_trace(file) is None else "stead"
