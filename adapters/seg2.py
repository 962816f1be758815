"""SEG-2 field files through :func:`xarray.open_dataset`, read by obspy.

SEG-2 (Pullan, 1990, Geophysics 55, 1260-1271) is what engineering seismographs write: one shot a
file, a few dozen channels, headers of keywords. The file is read when it is opened.
"""

from __future__ import annotations

import os
import struct
import warnings
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Any, ClassVar

import numpy as np
import xarray as xr
from xarray.backends import BackendEntrypoint

from seisgeo import conventions
from seisgeo.adapters.segy.content import FOOT
from seisgeo.adapters.segy.contradictions import Finding, warn
from seisgeo.adapters.segy.offsets import signed_distance
from seisgeo.adapters.segy.source import require_path
from seisgeo.errors import FormatError, MissingFileError

__all__ = ["SEG2_SUFFIXES", "Seg2Backend", "is_seg2", "require_whole"]

#: Ends of the names of SEG-2 files, in lower case. Others use .dat, too: the first bytes decide.
SEG2_SUFFIXES = (".dat", ".sg2", ".seg2")

# File descriptor block, little- and big-endian.
_MAGIC = (b"\x55\x3a", b"\x3a\x55")
# Metres for each unit that the header UNITS may name.
_UNITS = {"METERS": 1.0, "FEET": FOOT, "CENTIMETERS": 0.01, "INCHES": 0.0254}
# Numbers of headers that are believed are below this.
_LARGEST = 1e12
# Headers that are numbers of each trace and stand in coordinates.
_IN_COORDS = {
    *("CHANNEL_NUMBER", "RECEIVER_LOCATION", "SOURCE_LOCATION", "SHOT_SEQUENCE_NUMBER"),
    *("SAMPLE_INTERVAL", "DELAY", "DESCALING_FACTOR"),
}

Headers = list[dict[str, Any]]


class Seg2Backend(BackendEntrypoint):
    """SEG-2 files as gathers of one shot (engine ``seisgeo-seg2``).

    Examples
    --------
    >>> import xarray as xr
    >>> shot = xr.open_dataset("7.dat")              # doctest: +SKIP
    >>> shot["amplitude"].sizes                      # doctest: +SKIP
    Frozen({'shot': 1, 'receiver': 24, 'time': 1500})
    """

    description = "SEG-2: field gathers (seisgeo, through obspy)"
    url = "https://library.seg.org/seg-technical-standards"
    open_dataset_parameters: ClassVar[tuple[str, ...]] = ("filename_or_obj", "drop_variables")

    def open_dataset(  # type: ignore[override]
        self,
        filename_or_obj: str | os.PathLike[str],
        *,
        drop_variables: str | Iterable[str] | None = None,
    ) -> xr.Dataset:
        """Open a file; :func:`xarray.open_dataset` calls this.

        Parameters
        ----------
        filename_or_obj : path-like
            The file.
        drop_variables : str or iterable of str, optional
            Variables to leave out.

        Returns
        -------
        xarray.Dataset
            ``amplitude`` (shot 1, receiver, time) as recorded; ``descaling_factor`` (receiver) is
            what turns it into millivolts. Times (s) count from the trigger: a negative delay is a
            pre-trigger. Positions are in metres; the third number of a location is taken as an
            elevation.

        Raises
        ------
        MissingFileError
            If there is no such file.
        FormatError
            If it is no SEG-2 file, is cut short, or its traces differ in sample interval.

        Warns
        -----
        HeaderWarning
            If headers contradict each other: which one was used, and why.
        """
        require_path(filename_or_obj, "SEG-2")
        path = Path(filename_or_obj)
        findings: list[Finding] = []
        ds = _gather(path, *_read(path), findings)
        if findings:
            ds.attrs["contradictions"] = "\n".join(map(str, findings))
        # Counted from here: this method, xarray.open_dataset, the user.
        warn(path, findings, stacklevel=3)
        names = [drop_variables] if isinstance(drop_variables, str) else drop_variables or []
        return ds.drop_vars(names, errors="ignore")

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Whether a file's name ends as in :data:`SEG2_SUFFIXES` and it begins as SEG-2 does."""
        if not isinstance(filename_or_obj, str | os.PathLike):
            return False
        if PurePath(filename_or_obj).suffix.lower() not in SEG2_SUFFIXES:
            return False
        try:
            return is_seg2(Path(filename_or_obj))
        except OSError:
            return False


def is_seg2(path: Path) -> bool:
    """Whether a file begins as SEG-2 does."""
    return _first_bytes(path) in _MAGIC


def _first_bytes(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(2)


def _read(path: Path) -> tuple[list[np.ndarray], Headers]:
    """Samples and headers of each trace."""
    if not path.exists():
        raise MissingFileError(f"{path}: no such file")
    if path.is_dir():
        raise FormatError(f"{path}: is a folder; expected a SEG-2 file")
    if (first := _first_bytes(path)) not in _MAGIC:
        raise FormatError(
            f"{path}: no SEG-2 file: it begins with {first.hex(' ') or 'nothing'}; expected 55 3a"
        )
    require_whole(path)
    import obspy

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a delay, which is read here, and custom headers
            stream = obspy.read(str(path), format="SEG2")
    except Exception as error:  # obspy passes on whatever a broken file runs into
        why = " ".join(str(error).split()) or type(error).__name__
        raise FormatError(
            f"{path}: this SEG-2 file is broken or cut short: {why} (while obspy read it)"
        ) from error
    if not len(stream) or not any(trace.stats.npts for trace in stream):
        raise FormatError(f"{path}: the SEG-2 file holds no samples")
    return [trace.data for trace in stream], [dict(trace.stats.seg2) for trace in stream]


def require_whole(path: Path) -> None:
    """Refuse a file that ends before its last trace does: obspy would shorten that one silently."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(32)
        order = "<" if head[:2] == _MAGIC[0] else ">"
        try:
            (n,) = struct.unpack_from(f"{order}H", head, 6)
            pointers = struct.unpack(f"{order}{n}I", stream.read(4 * n))
            for i, pointer in enumerate(pointers, start=1):
                stream.seek(pointer)
                _, block, data = struct.unpack(f"{order}HHI", stream.read(8))
                if pointer + block + data > size:
                    raise FormatError(
                        f"{path}: this SEG-2 file is broken or cut short: trace {i} of {n} ends at "
                        f"byte {pointer + block + data}, and the file at byte {size}"
                    )
        except struct.error:
            raise FormatError(
                f"{path}: this SEG-2 file is broken or cut short: its {size} bytes end before "
                "the headers of all traces"
            ) from None


def _gather(
    path: Path, samples: list[np.ndarray], headers: Headers, findings: list[Finding]
) -> xr.Dataset:
    n = len(samples)
    amplitude = _table(samples, findings)
    coords: dict[str, Any] = {"time": _times(path, headers, amplitude.shape[1], findings)}
    shots = _numbers(headers, "SHOT_SEQUENCE_NUMBER")
    coords["field_record"] = ("shot", [int(_one(shots, "shot number", findings))])
    channels = _numbers(headers, "CHANNEL_NUMBER")
    if np.isnan(channels).any() or len(np.unique(channels)) < n:
        channels = np.arange(1, n + 1)
    coords["channel"] = ("receiver", channels.astype(np.int64))
    coords.update(_positions(headers, findings))
    scaling = _numbers(headers, "DESCALING_FACTOR")
    if np.isfinite(scaling).any():
        about = {"units": "mV", "long_name": "factor from amplitude to millivolts"}
        coords["descaling_factor"] = ("receiver", scaling, about)
    live = np.array([s.size > 0 for s in samples])
    coords["live"] = (("shot", "receiver"), live[None])
    attrs = conventions.provenance(
        source=str(path), source_format="SEG-2", text_header=_text(headers) or None
    )
    dims = ("shot", "receiver", "time")
    return conventions.describe(xr.Dataset({"amplitude": (dims, amplitude[None])}, coords, attrs))


def _table(samples: list[np.ndarray], findings: list[Finding]) -> np.ndarray:
    """Samples (receiver, time); traces that are shorter end in NaN."""
    lengths = [len(s) for s in samples]
    # 32-bit integers do not fit into float32.
    wide = any(s.dtype.itemsize > 2 and s.dtype != np.float32 for s in samples)
    out = np.full((len(samples), max(lengths)), np.nan, np.float64 if wide else np.float32)
    for row, values in zip(out, samples, strict=True):
        row[: len(values)] = values
    if min(lengths) < max(lengths):
        findings.append(
            Finding(
                "samples a trace",
                {"traces": f"{min(lengths)} to {max(lengths)}"},
                f"{max(lengths)}, shorter traces end in NaN",
                "the traces of a gather share one axis",
            )
        )
    return out


def _times(path: Path, headers: Headers, n: int, findings: list[Finding]) -> np.ndarray:
    intervals = _numbers(headers, "SAMPLE_INTERVAL")
    if not (intervals == intervals[0]).all() or not intervals[0] > 0:
        found = sorted({str(h.get("SAMPLE_INTERVAL", "none")) for h in headers})
        raise FormatError(
            f"{path}: header SAMPLE_INTERVAL is {', '.join(found)}; expected one positive number "
            "of seconds for all traces"
        )
    delays = np.nan_to_num(_numbers(headers, "DELAY"))
    delay = _one(delays, "delay", findings)
    # Whole picoseconds: sample 3 of 1 ms is .003, not .003 and a bit.
    return np.round(delay + intervals[0] * np.arange(n), 12)


def _positions(headers: Headers, findings: list[Finding]) -> dict[str, Any]:
    unit = _unit(headers, findings)
    source, receiver = (_places(headers, f"{k}_LOCATION") * unit for k in ("SOURCE", "RECEIVER"))
    coords: dict[str, Any] = {}
    if not np.isnan(source[0, 0]):
        if (source != source[0]).any():
            moved = float(np.abs(source - source[0]).max())
            findings.append(
                Finding(
                    "source location",
                    {"traces": f"up to {moved:g} m apart"},
                    "that of the first trace used",
                    "a shot has one position",
                )
            )
        coords |= _point("source", source[:1], findings)
    if not np.isnan(receiver).any():
        coords |= _point("receiver", receiver, findings)
        if "source_x" in coords:
            at = np.broadcast_to(source[0], receiver.shape)
            offset = signed_distance((at[:, 0], at[:, 1]), (receiver[:, 0], receiver[:, 1]))
            coords["offset"] = (("shot", "receiver"), offset[None])
    return coords


def _point(what: str, places: np.ndarray, findings: list[Finding]) -> dict[str, Any]:
    """Coordinates of the source (shot,) or of the receivers (shot, receiver)."""
    dims, columns = ("shot",), places.T
    if what == "receiver":
        dims, columns = ("shot", "receiver"), columns[:, None]  # type: ignore[assignment]
    x, y, z = columns
    coords = {f"{what}_x": (dims, x), f"{what}_y": (dims, y)}
    coords[f"{what}_depth"] = (dims, np.maximum(-z, 0.0) + 0.0)  # + 0.0: no negative zero
    if z.any():
        coords[f"{what}_elevation"] = (dims, z)
        findings.append(
            Finding(
                f"{what} location",
                {"third number": f"{z.min():g} to {z.max():g} m"},
                "taken as elevation, positive up",
                "SEG-2 leaves its meaning to the observer",
            )
        )
    return coords


def _unit(headers: Headers, findings: list[Finding]) -> float:
    stated = str(headers[0].get("UNITS", "")).strip().upper()
    if stated in _UNITS:
        return _UNITS[stated]
    why = "the header names no unit that is known"
    findings.append(Finding("units", {"header UNITS": stated or "none"}, "metres used", why))
    return 1.0


def _places(headers: Headers, name: str) -> np.ndarray:
    """X, y and z of each trace: NaN where there is no location, 0 where it has fewer numbers."""
    out = np.zeros((len(headers), 3))
    for row, header in zip(out, headers, strict=True):
        try:
            numbers = [float(word) for word in str(header.get(name, "")).split()][:3]
        except ValueError:
            numbers = []
        row[: len(numbers)] = numbers
        if not numbers or not all(abs(number) < _LARGEST for number in numbers):
            row[:] = np.nan
    return out


def _numbers(headers: Headers, name: str) -> np.ndarray:
    """The first number of a header in each trace; NaN where there is none."""
    out = np.full(len(headers), np.nan)
    for i, header in enumerate(headers):
        words = str(header.get(name, "")).split()
        try:
            number = float(words[0]) if words else np.nan
        except ValueError:
            continue
        out[i] = number if abs(number) < _LARGEST else np.nan
    return out


def _one(values: np.ndarray, name: str, findings: list[Finding]) -> float:
    """The value of all traces; 0 where there is none."""
    filled = values[np.isfinite(values)]
    if not filled.size:
        return 0.0
    if (filled != filled[0]).any():
        findings.append(
            Finding(
                name,
                {"traces": f"{filled.min():g} to {filled.max():g}"},
                f"{filled[0]:g} (first trace) used for all",
                "the traces of a gather share it",
            )
        )
    return float(filled[0])


def _text(headers: Headers) -> str:
    """Headers that all traces share, a line each, apart from those that are coordinates."""
    lines = []
    for name, value in headers[0].items():
        if name not in _IN_COORDS and all(h.get(name) == value for h in headers):
            many = value if isinstance(value, list) else [value]
            lines += [f"{name} {v}".strip() for v in many]
    return "\n".join(lines)
