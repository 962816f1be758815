"""Records of events as one lazy cube, whatever they are stored in."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from seisgeo import conventions
from seisgeo.errors import DataWarning, FormatError

__all__ = [
    "DIMS",
    "LazyRecords",
    "RecordSource",
    "cube_of",
    "listed",
    "order_components",
    "pick_rate",
    "say",
    "texts_of",
]

DIMS = ("event", "component", "time")
#: Usual order of components; others follow by letter.
_COMPONENTS = "ZNE123UVWXYRTQ"
#: Bytes of a dask chunk, and of what is read at once where samples are skipped.
_CHUNK_BYTES = 4 * 2**20
#: Lines of a warning, and examples in a line.
_MOST_LINES, _MOST_NAMED = 10, 3


class RecordSource(Protocol):
    """What a lazy cube is read from; it can be pickled and used from threads."""

    def read(self, row: int, start: int, stop: int) -> np.ndarray:
        """Samples ``start`` to ``stop`` of a record, (component, time); NaN where there are none.

        They may be of any type that becomes the cube's without loss.
        """
        ...


class LazyRecords(BackendArray):
    """An array (event, component, time) of which only what is asked for is read.

    Parameters
    ----------
    source : RecordSource
        Reads one record.
    shape : tuple of int
        Events, components, samples of the longest record.
    dtype : numpy.dtype
        Type of the samples that it gives.
    """

    def __init__(self, source: RecordSource, shape: tuple[int, int, int], dtype: Any) -> None:
        self.source = source
        self.shape = shape
        self.dtype = np.dtype(dtype)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._read
        )

    def _read(self, key: tuple[Any, ...]) -> np.ndarray:
        # Whole numbers become lists of one, and are taken out again at the end.
        rows, components, times = (
            slice(k, k + 1) if isinstance(k, int | np.integer) else k
            for k in (_from_start(k, n) for k, n in zip(key, self.shape, strict=True))
        )
        numbers = np.arange(self.shape[0])[rows]
        n_components = len(np.arange(self.shape[1])[components])
        n_times = len(range(*times.indices(self.shape[2]))) if isinstance(times, slice) else 0
        n_times = n_times or (0 if isinstance(times, slice) else len(times))
        out = np.empty((len(numbers), n_components, n_times), self.dtype)
        if n_times:
            for place, row in zip(out, numbers.tolist(), strict=True):
                self._fill(place, row, components, times)
        whole = tuple(0 if isinstance(k, int | np.integer) else slice(None) for k in key)
        return out[whole]

    def _fill(self, place: np.ndarray, row: int, components: Any, times: Any) -> None:
        if not isinstance(times, slice):
            first, last = int(np.min(times)), int(np.max(times))
            block = self.source.read(row, first, last + 1)
            place[:] = block[components][:, np.asarray(times) - first]
            return
        start, stop, step = times.indices(self.shape[2])
        # A picture of a day skips most samples: whole pieces are read, a few samples kept.
        piece = max(1, _CHUNK_BYTES // (8 * self.shape[1]) // step) * step
        if step == 1:
            piece = max(1, stop - start)
        for begin in range(start, stop, piece):
            end = min(begin + piece, stop)
            block = self.source.read(row, begin, end)[components, ::step]
            at = (begin - start) // step
            place[:, at : at + block.shape[1]] = block


def _from_start(key: Any, size: int) -> Any:
    """The same index, counted from the start."""
    if isinstance(key, slice):
        return key
    found = np.where(np.asarray(key) < 0, np.asarray(key) + size, key)
    if found.size and not (found.min() >= 0 and found.max() < size):
        raise IndexError(f"index out of range: there are {size}")
    return int(found) if found.ndim == 0 else found


def cube_of(
    source: RecordSource,
    components: Sequence[str],
    lengths: np.ndarray,
    sampling_rate: float,
    dtype: Any,
    coords: Mapping[str, Any],
    attrs: Mapping[str, Any],
) -> xr.Dataset:
    """Make the waveforms cube of some records.

    Parameters
    ----------
    source : RecordSource
        Where the samples are.
    components : sequence of str
        Labels, in the order in which `source` gives them.
    lengths : ndarray, shape (event,)
        Samples of each record.
    sampling_rate : float
        Of all of them (Hz).
    dtype : numpy.dtype
        Type of the samples in the file: whole numbers become floats that hold them exactly.
    coords : mapping
        Further coordinates.
    attrs : mapping
        Attributes of the dataset.

    Returns
    -------
    xarray.Dataset
        Lazy; described by the conventions.
    """
    longest = int(lengths.max())
    shape = (len(lengths), len(components), longest)
    exact = np.result_type(dtype, np.float32)
    record = exact.itemsize * shape[1] * shape[2]
    chunks = {
        "event": max(1, _CHUNK_BYTES // record),
        "component": shape[1],
        "time": math.ceil(longest / max(1, math.ceil(record / _CHUNK_BYTES))),
    }
    lazy = indexing.LazilyIndexedArray(LazyRecords(source, shape, exact))
    amplitude = xr.Variable(DIMS, lazy, None, {"preferred_chunks": chunks})
    # Whole picoseconds: sample 3 of 1 ms is .003, not .003 and a bit.
    time = np.round(np.arange(longest) / sampling_rate, 12)
    known = {"time": time, "component": np.array(components, str), **coords}
    if len(np.unique(lengths)) > 1:
        known["sample_count"] = ("event", np.asarray(lengths, np.int64))
    return conventions.describe(xr.Dataset({"amplitude": amplitude}, known, dict(attrs)))


def order_components(labels: Sequence[str] | set[str]) -> list[str]:
    """Distinct labels in their usual order: Z, N, E, then 1, 2, 3, then others.

    Examples
    --------
    >>> order_components(["E", "1", "Z"])
    ['Z', 'E', '1']
    """
    places = {label: place for place, label in enumerate(_COMPONENTS)}
    return sorted(set(labels), key=lambda label: (places.get(label, len(places)), label))


def pick_rate(
    path: object, rates: np.ndarray, samples: np.ndarray, asked: float | None
) -> tuple[float, np.ndarray]:
    """The sampling rate of a cube, which has one time axis, and which pieces have it.

    Parameters
    ----------
    path : object
        Whose records they are, for the message.
    rates, samples : ndarray
        Sampling rate (Hz) and number of samples of each piece. A rate counts as the same where the
        piece ends within half a sample of where it would.
    asked : float or None
        Rate to take; by default that of most samples.

    Returns
    -------
    rate : float
    same : ndarray of bool
        Pieces of that rate.

    Raises
    ------
    FormatError
        If nothing has the rate that is asked for, or no rate is positive.
    """
    rates, samples = np.asarray(rates, float), np.asarray(samples, float)
    found = np.unique(rates[rates > 0])
    if not found.size:
        raise FormatError(f"{path}: no record has a positive sampling rate; found {rates[:3]}")
    rate = max(found, key=lambda r: samples[rates == r].sum()) if asked is None else float(asked)
    with np.errstate(invalid="ignore"):
        same = np.abs(rates / rate - 1) * np.maximum(samples, 1) < 0.5
    if not same.any():
        raise FormatError(
            f"{path}: nothing is sampled at {rate:g} Hz; sampling rates found: "
            f"{', '.join(f'{r:g}' for r in found)} Hz"
        )
    return float(rate), same


def texts_of(ds: xr.Dataset, name: str) -> list[str]:
    """Texts along the events, one each; empty where the cube has no such coordinate.

    Zarr gives texts of a type that numpy does not cast.
    """
    if name not in ds.coords:
        return [""] * ds.sizes["event"]
    return [str(value) for value in ds[name].values.tolist()]


def listed(names: Sequence[str]) -> str:
    """Some names, and how many more there are.

    Examples
    --------
    >>> listed(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    more = len(names) - _MOST_NAMED
    return ", ".join(map(str, names[:_MOST_NAMED])) + (f" and {more} more" if more > 0 else "")


def say(path: object, remarks: Sequence[str], *, stacklevel: int = 2) -> None:
    """Say in one :class:`~seisgeo.errors.DataWarning` what a cube leaves out or fills.

    Parameters
    ----------
    path : object
        The file.
    remarks : sequence of str
        A sentence each; nothing is said when there are none.
    stacklevel : int, default 2
        As for :func:`warnings.warn`, counted from the caller.
    """
    if not remarks:
        return
    lines = [*remarks[:_MOST_LINES]]
    if len(remarks) > _MOST_LINES:
        lines.append(f"… and {len(remarks) - _MOST_LINES} more remarks")
    text = "".join(f"\n  - {line}" for line in lines)
    warnings.warn(f"{path}:{text}", DataWarning, stacklevel=stacklevel + 1)
