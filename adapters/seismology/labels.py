"""Tables of labels (a row a record) as coordinates of the conventions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seisgeo import conventions
from seisgeo.adapters.seismology.records import listed
from seisgeo.errors import FormatError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "coords_of_table", "read_table"]

#: Columns of STEAD (Mousavi et al., 2019, doi 10.1109/ACCESS.2019.2947848, table 1) and of
#: SeisBench's naming schema, the coordinate that each is, and what it is multiplied with.
COLUMNS: dict[str, tuple[str, float]] = {
    # STEAD
    "network_code": ("network", 1),
    "receiver_code": ("station", 1),
    "receiver_type": ("instrument", 1),
    "receiver_latitude": ("station_latitude", 1),
    "receiver_longitude": ("station_longitude", 1),
    "receiver_elevation_m": ("station_elevation", 1),
    "p_weight": ("p_weight", 1),
    "s_weight": ("s_weight", 1),
    "p_travel_sec": ("p_travel_time", 1),
    "source_latitude": ("source_latitude", 1),
    "source_longitude": ("source_longitude", 1),
    "source_distance_km": ("epicentral_distance", 1e3),
    "back_azimuth_deg": ("back_azimuth", 1),
    # both
    "trace_start_time": ("starttime", 1),
    "trace_category": ("source_type", 1),
    "source_id": ("event_id", 1),
    "source_origin_time": ("origin_time", 1),
    "source_depth_km": ("source_depth", 1e3),
    "source_magnitude": ("magnitude", 1),
    "source_magnitude_type": ("magnitude_type", 1),
    # SeisBench
    "station_network_code": ("network", 1),
    "station_code": ("station", 1),
    "station_location_code": ("location", 1),
    "trace_channel": ("instrument", 1),
    "station_latitude_deg": ("station_latitude", 1),
    "station_longitude_deg": ("station_longitude", 1),
    "station_elevation_m": ("station_elevation", 1),
    "trace_p_weight": ("p_weight", 1),
    "trace_s_weight": ("s_weight", 1),
    "path_p_travel_s": ("p_travel_time", 1),
    "path_s_travel_s": ("s_travel_time", 1),
    "source_type": ("source_type", 1),
    "source_latitude_deg": ("source_latitude", 1),
    "source_longitude_deg": ("source_longitude", 1),
    "path_ep_distance_km": ("epicentral_distance", 1e3),
    "path_back_azimuth_deg": ("back_azimuth", 1),
}
#: Samples of arrivals; SeisBench has one for each phase (``trace_Pg_arrival_sample``).
_ARRIVAL = re.compile(r"(?:trace_)?([PpSs]\w{0,4})_arrival_sample")
_CODA = ("coda_end_sample", "trace_coda_end_sample")
#: Signal-to-noise ratios: of all components in a list (STEAD), or a column each (SeisBench).
_SNR = ("snr_db", "trace_snr_db")
_SNR_OF_ONE = re.compile(r"trace_(\w)_snr_db")
_MECHANISM = "source_mechanism_strike_dip_rake"
_TIMES = {"starttime", "origin_time"}
_TEXTS = {"network", "station", "location", "instrument", "source_type", "event_id"}
_TEXTS |= {"magnitude_type"}
#: End of a time that says its zone; a date ends in a hyphen and two digits, too.
_ZONE = re.compile(r"(?:[Zz]|UTC|:\d\d(?:[.,]\d+)? *[+-]\d\d(?::?\d\d)?)$")
#: What tables write where there is nothing.
_NOTHING = ["", "None", "none", "nan", "NaN", "NA", "null"]


def read_table(path: Path, needed: str) -> pd.DataFrame:
    """Read a CSV file of labels; every value as text, so that codes such as ``01`` stay.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    needed : str
        Column that names the record.

    Returns
    -------
    pandas.DataFrame
        Text, NaN where there is nothing.

    Raises
    ------
    FormatError
        If it is no table, or lacks that column.
    """
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, na_values=_NOTHING)
    except (ValueError, OSError) as error:  # also ParserError and UnicodeDecodeError
        raise FormatError(f"{path}: no CSV file of labels: {error}") from error
    table.columns = table.columns.str.strip()
    if needed not in table:
        raise FormatError(
            f"{path}: expected a column {needed!r} that names each record; found "
            f"{listed(list(table.columns)) or 'no column'}"
        )
    return table


def coords_of_table(
    table: pd.DataFrame,
    components: list[str],
    rates: np.ndarray,
    lengths: np.ndarray,
    remarks: list[str],
    *,
    names: str,
    columns: Mapping[str, tuple[str, float]] = COLUMNS,
    in_utc: bool = False,
) -> dict[str, Any]:
    """Coordinates of records from the table of their labels.

    Parameters
    ----------
    table : pandas.DataFrame
        A row for each record, text or values as HDF5 gives them.
    components : list of str
        Order in which lists name components.
    rates, lengths : ndarray, shape (event,)
        Sampling rate (Hz) and number of samples of each record.
    remarks : list of str
        Gets a line for arrivals outside of their records, which become NaN, for times that are
        none, and for a column of times without a time zone.
    names : str
        Column that names the records, in messages.
    columns : mapping
        Columns, the coordinates that they are, and factors.
    in_utc : bool, default False
        Whether the format says that times without a time zone are UTC.

    Returns
    -------
    dict
        Ready for :class:`xarray.Dataset`; units of the conventions.
    """
    ids = table[names].astype(str).tolist()
    coords: dict[str, Any] = {}
    phases: dict[str, list[np.ndarray]] = {}
    for column in map(str, table.columns):
        values = table[column]
        if (arrival := _ARRIVAL.fullmatch(column)) is not None:
            phase = arrival[1][0].lower()
            phases.setdefault(phase, []).append(_numbers(values) / rates)
        elif column in _CODA:
            coords["coda_end"] = ("event", _numbers(values) / rates)
        elif column in _SNR:
            _add_snr(coords, values, components)
        elif (one := _SNR_OF_ONE.fullmatch(column)) is not None and one[1] in components:
            place = components.index(one[1])
            _snr(coords, len(table), components)[:, place] = _numbers(values)
        elif column == _MECHANISM:
            planes = _lists(values, 3)
            if np.isfinite(planes).any():
                for name, angles in zip(("strike", "dip", "rake"), planes.T, strict=True):
                    coords[name] = ("event", angles)
        elif column in columns:
            name, scale = columns[column]
            if name in _TIMES:
                coords[name] = ("event", _times(values, column, ids, remarks, in_utc))
            elif name in _TEXTS:
                coords[name] = ("event", _texts(values))
            else:
                coords[name] = ("event", _numbers(values) * scale)
        else:
            own = column if column not in conventions.ATTRS else f"{column}_of_file"
            coords[own] = ("event", _plain(values))
    for phase, found in phases.items():
        with np.errstate(all="ignore"):
            first = np.fmin.reduce(found)
        coords[f"{phase}_arrival"] = ("event", first)
        _drop_outside(first, phase.upper(), lengths / rates, ids, remarks)
    return coords


def _drop_outside(
    arrival: np.ndarray, phase: str, ends: np.ndarray, ids: list[str], remarks: list[str]
) -> None:
    outside = np.flatnonzero((arrival < 0) | (arrival >= ends))
    if len(outside):
        some = [f"{ids[i]} ({arrival[i]:g} s of {ends[i]:g} s)" for i in outside[:3].tolist()]
        more = f" and {len(outside) - 3} more" if len(outside) > 3 else ""
        remarks.append(f"{phase} arrivals outside of their records, NaN: {', '.join(some)}{more}")
        arrival[outside] = np.nan


def _scalar(value: Any) -> Any:
    """The one value of what may be text in brackets or an array of one."""
    if isinstance(value, np.ndarray):
        value = value.ravel()[0] if value.size else np.nan
    if isinstance(value, np.float32):  # 0.45, not 0.449999988
        return float(str(value))
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value.strip(" []") if isinstance(value, str) else value


def _numbers(values: pd.Series) -> np.ndarray:
    import pandas as pd

    plain = values.map(_scalar) if values.dtype == object or len(values) else values
    return pd.to_numeric(plain, errors="coerce").to_numpy(float, copy=True)


def _texts(values: pd.Series) -> np.ndarray:
    plain = values.map(_scalar)
    plain = plain.where(~plain.isna() & ~plain.isin(_NOTHING), "")
    # Codes that a table took for numbers.
    return np.array([f"{v:g}" if isinstance(v, float) else str(v) for v in plain], str)


def _plain(values: pd.Series) -> np.ndarray:
    """Numbers where all that is there are numbers, else text."""
    texts = _texts(values)
    numbers = _numbers(values)
    return numbers if np.isfinite(numbers[texts != ""]).all() and (texts != "").any() else texts


def _times(
    values: pd.Series, column: str, ids: list[str], remarks: list[str], in_utc: bool
) -> np.ndarray:
    """Times as UTC: a time zone that is stated counts, none is UTC."""
    import pandas as pd

    texts = pd.Series(_texts(values))
    times = pd.to_datetime(texts, utc=True, errors="coerce", format="ISO8601")
    bad = np.flatnonzero(times.isna().to_numpy() & (texts != "").to_numpy())
    if len(bad):
        some = [f"{ids[i]} ({texts[i]!r})" for i in bad.tolist()]
        remarks.append(f"{column} is no time, NaT: {listed(some)}")
    zoned = texts.str.contains(_ZONE).to_numpy(bool)
    if not in_utc and len(naive := np.flatnonzero(times.notna().to_numpy() & ~zoned)):
        some = [f"{ids[i]} ({texts[i]!r})" for i in naive.tolist()]
        remarks.append(f"{column} names no time zone, taken as UTC: {listed(some)}")
    return times.dt.tz_localize(None).to_numpy("M8[ns]")


def _lists(values: pd.Series, size: int) -> np.ndarray:
    """Rows of `size` numbers, of arrays or of text such as ``[56.8 55.4 47.4]``."""
    out = np.full((len(values), size), np.nan)
    for row, value in zip(out, values, strict=True):
        if isinstance(value, str):
            words = re.split(r"[\s,;]+", value.strip(" []()"))
            try:
                value = np.array(words, float)
            except ValueError:
                continue
        numbers = np.ravel(value)
        if numbers.size == size and numbers.dtype.kind in "fiu":
            row[:] = numbers
    return out


def _snr(coords: dict[str, Any], n: int, components: list[str]) -> np.ndarray:
    """The table of ratios among the coordinates, made where it is not there."""
    empty = (("event", "component"), np.full((n, len(components)), np.nan))
    return coords.setdefault("snr", empty)[1]


def _add_snr(coords: dict[str, Any], values: pd.Series, components: list[str]) -> None:
    of_all = _lists(values, len(components))
    if np.isfinite(of_all).any():
        _snr(coords, len(values), components)[:] = of_all
    elif np.isfinite(numbers := _numbers(values)).any():
        coords["trace_snr_db"] = ("event", numbers)
