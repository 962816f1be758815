"""What a SEG-Y file holds beside its cube: file header, trace headers, and what follows the traces.

With it a cube becomes the same file again, byte for byte. A cube may be a part of the file's, or in
another order: its cells are found again by their labels.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from seisgeo.adapters.segy.exact import inexact
from seisgeo.adapters.segy.fields import (
    BINARY_FIELDS,
    ELEVATIONS,
    TRACE_FIELDS,
    Order,
    header_dtype,
)
from seisgeo.adapters.segy.layout import FILE_HEADER_BYTES, PAIRS_SWAPPED
from seisgeo.adapters.segy.samples import SampleFormat
from seisgeo.adapters.segy.text import TEXT_BYTES
from seisgeo.errors import ConventionError

if TYPE_CHECKING:
    from seisgeo.adapters.segy.cube import Cube

__all__ = ["Original", "binary_header_of", "fit", "of_file", "with_binary"]

#: Bytes of samples or headers looked at together.
BLOCK_BYTES = 16 << 20

_VERTICALS = ("time", "depth")
_INT16_MAX = 32_767
# Coordinates that stand in trace headers.
_IN_HEADERS = {
    *("field_record", "source_point", "channel", "cdp", "cdp_trace", "inline", "crossline"),
    *("source_x", "source_y", "receiver_x", "receiver_y", "cdp_x", "cdp_y", "offset", "live"),
    *("source_depth", "receiver_depth", "x"),
    *ELEVATIONS,
}

#: Rows of a table by their numbers (ascending): uint8, shape (row, byte).
Rows = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Original:
    """A SEG-Y file without the samples that its cube holds.

    Attributes
    ----------
    variable : str
        Variable of the cube that its samples are.
    dims : tuple of str
        Dimensions of the cube's traces.
    labels : xarray.Dataset
        Coordinates of the cube.
    lookup : numpy.ndarray of int
        Trace of each cell, -1 where there is none, shape of `dims`.
    order : {">", "<"}
        Byte order.
    format : SampleFormat
        How samples are stored.
    scale : float
        Samples of the cube are those of the file times this.
    n_traces, n_samples, header_bytes : int
        Traces, samples of each, and bytes of each trace's headers.
    head, tail : bytes
        What stands before the first and after the last whole trace.
    headers : callable
        Trace numbers -> their headers.
    kept : numpy.ndarray of int
        Numbers of the traces whose samples the cube does not give back: those that are in no cell,
        and those that would be encoded otherwise than they were.
    kept_samples : callable
        Places in `kept` -> the bytes of their samples.
    changed : tuple of str
        Coordinates that are not what the file gave any more.
    """

    variable: str
    dims: tuple[str, ...]
    labels: xr.Dataset
    lookup: np.ndarray
    order: Order
    format: SampleFormat
    scale: float
    n_traces: int
    n_samples: int
    header_bytes: int
    head: bytes
    tail: bytes
    headers: Rows
    kept: np.ndarray
    kept_samples: Rows
    changed: tuple[str, ...] = ()


def of_file(cube: Cube, *, scan: bool = True) -> Original | None:
    """What a file that is open holds beside its cube.

    Parameters
    ----------
    cube : Cube
        The file and its cube.
    scan : bool, default True
        Read all samples to know which the cube does not give back. Without, every trace is taken
        for such a one: for those who read the samples anyway, and look at them then.

    Returns
    -------
    Original or None
        None where the file is not there any more, has no file header (SU), or is swapped in pairs.
    """
    file = cube.file
    length = file.n_samples * file.format.itemsize
    if file.data_start < FILE_HEADER_BYTES or file.trace_bytes != file.header_bytes + length:
        return None
    path, first, end = file.path, file.data_start, file.n_traces * file.trace_bytes
    try:
        with open(path, "rb") as stream:
            head = stream.read(first)
            stream.seek(first + end)
            tail = stream.read()
    except OSError:
        return None
    if first + end + len(tail) != file.size or head[3296:3300] == PAIRS_SWAPPED:
        return None
    scale = cube.content.scale
    lost = np.ones(file.n_traces, bool)
    if scan:
        lost[cube.geometry.lookup[cube.geometry.lookup >= 0]] = False
    block = max(1, BLOCK_BYTES // file.trace_bytes)
    for a in range(0, file.n_traces if scan else 0, block):
        b = a + block
        traces = _mapped(path, first, file.trace_bytes, a, min(b, file.n_traces))
        lost[a:b] |= inexact(traces[:, file.header_bytes :], file.format, file.order, scale)
    kept = np.flatnonzero(lost)
    return Original(
        variable=cube.content.quantity,
        dims=cube.geometry.dims if cube.along is None else ("x",),
        labels=_labels(cube.dataset()),
        lookup=cube.geometry.lookup,
        order=file.order,
        format=file.format,
        scale=scale,
        n_traces=file.n_traces,
        n_samples=file.n_samples,
        header_bytes=file.header_bytes,
        head=head,
        tail=tail,
        headers=lambda n: _headers(path, first, file.trace_bytes, n, file.header_bytes),
        kept=kept,
        kept_samples=lambda places: _of_traces(path, first, file.trace_bytes, kept[places])[
            :, file.header_bytes :
        ],
    )


def _of_traces(path: Path, start: int, length: int, numbers: np.ndarray) -> np.ndarray:
    if not len(numbers):
        return np.empty((0, length), np.uint8)
    first = int(numbers[0])
    traces = _mapped(path, start, length, first, int(numbers[-1]) + 1)
    return traces if len(traces) == len(numbers) else traces[numbers - first]


def _headers(path: Path, start: int, length: int, numbers: np.ndarray, width: int) -> np.ndarray:
    """Headers of traces, copied piece by piece: they would map the samples between them as well."""
    table = np.empty((len(numbers), width), np.uint8)
    step = max(1, BLOCK_BYTES // length)
    for a in range(0, len(numbers), step):
        table[a : a + step] = _of_traces(path, start, length, numbers[a : a + step])[:, :width]
    return table


def _mapped(path: Path, start: int, length: int, a: int, b: int) -> np.ndarray:
    """Traces a to b, mapped only as long as the result lives: so memory stays bounded."""
    part = np.memmap(path, np.uint8, mode="r", offset=start + a * length, shape=(b - a, length))
    return np.asarray(part)


def fit(original: Original, ds: xr.Dataset) -> tuple[Original | None, str]:
    """The original of a cube that is a whole file's, a part of it, or it in another order.

    Parameters
    ----------
    original : Original
        That of the whole file.
    ds : xarray.Dataset
        The cube. Its cells are found by their labels (field record and channel, inline, CDP, time,
        …); samples are not looked at.

    Returns
    -------
    original : Original or None
        With the traces of the cube only, in the order of the file, with their headers; sample
        counts and delays are those of the cube. None where the headers would not be true of it.
    reason : str
        Why there is none.
    """
    if original.variable not in ds.data_vars:
        return None, f"there is no variable {original.variable!r}"
    data = ds[original.variable]
    vertical = next((v for v in _VERTICALS if v in data.dims), "")
    if original.changed:
        return None, f"changed: {', '.join(original.changed)}"
    if set(data.dims) != {*original.dims, vertical}:
        return None, f"dimensions are {', '.join(map(str, data.dims))}"
    places = {}
    for dim in (*original.dims, vertical):
        found = _find(original.labels, ds, dim)
        if found is None:
            return None, f"the labels along {dim} are not those of the file, each once"
        places[dim] = found
    if changed := _changed(original.labels.isel(places), ds, {*original.dims, vertical}):
        return None, f"changed: {', '.join(changed)}"
    return _part(original, places, vertical)


def _labels(ds: xr.Dataset) -> xr.Dataset:
    return ds.drop_vars(list(ds.data_vars))


def _find(labels: xr.Dataset, ds: xr.Dataset, dim: str) -> np.ndarray | None:
    """Place of each of the cube's labels among those of the file; None where one is not there."""
    import pandas as pd

    names = [n for n, v in labels.variables.items() if v.dims == (dim,)]
    names = [n for n in names if n in ds.variables and ds[n].dims == (dim,)]
    n, known = ds.sizes[dim], labels.sizes[dim]
    if n == known and all(_same(labels[name], ds[name]) for name in names):
        return np.arange(n)
    if not names:
        return None
    # A name that is enough by itself leaves the others free to have changed, which is said then.
    for name in (dim, "field_record", "channel"):
        if name in names and pd.Index(labels[name].values).is_unique:
            names = [name]
    whole, part = (
        pd.MultiIndex.from_arrays([d[name].values for name in names]) for d in (labels, ds)
    )
    if not whole.is_unique or not part.is_unique:
        return None
    found = whole.get_indexer(part)
    return found if (found >= 0).all() else None


def _changed(labels: xr.Dataset, ds: xr.Dataset, dims: set[str]) -> list[str]:
    """Coordinates that differ from those of the file, or that its headers do not know."""
    changed = []
    for name, variable in ds.variables.items():
        if not variable.dims or not set(variable.dims) <= dims:
            continue
        if name in labels.variables:
            reference = labels[name]
            if set(reference.dims) != set(variable.dims) or not _same(
                reference, ds[name].transpose(*reference.dims)
            ):
                changed.append(str(name))
        elif name in _IN_HEADERS:
            changed.append(str(name))
    return changed


def _same(a: xr.DataArray, b: xr.DataArray) -> bool:
    x, y = np.asarray(a.values), np.asarray(b.values)
    return x.shape == y.shape and np.array_equal(x, y, equal_nan=x.dtype.kind in "fc")


def _part(
    original: Original, places: dict[str, np.ndarray], vertical: str
) -> tuple[Original | None, str]:
    window = places[vertical]
    lookup = original.lookup[np.ix_(*(places[d] for d in original.dims))]
    known = original.lookup.size == lookup.size
    cut = len(window) < original.n_samples or not (np.diff(window) == 1).all()
    labels = original.labels.isel(places)
    if known and not cut:
        return dataclasses.replace(original, lookup=lookup, labels=labels), ""
    if cut and (len(window) == 0 or (np.diff(window) != 1).any()):
        return None, f"{vertical} is no window of the file's"
    traces = np.arange(original.n_traces) if known else np.unique(lookup[lookup >= 0])
    if not len(traces):
        return None, "no trace of the file is left"
    first = int(window[0])
    shift = _shift(original, vertical, first)
    if shift is None:
        return None, f"the start of {vertical} is no whole number of units of the delay field"

    def headers(numbers: np.ndarray) -> np.ndarray:
        table = original.headers(traces[numbers])
        return _cut(table, original, len(window), shift) if cut else table

    size = original.format.itemsize
    here = np.flatnonzero(np.isin(original.kept, traces))

    def kept_samples(numbers: np.ndarray) -> np.ndarray:
        return original.kept_samples(here[numbers])[:, first * size : (first + len(window)) * size]

    binary = binary_header_of(original.head, original.order)
    changes = {}
    if cut:
        changes["samples"] = len(window)
        if binary["segy_revision"] >= 2 and binary["ext_samples"] > 0:
            changes["ext_samples"] = len(window)
    if binary["segy_revision"] >= 2 and binary["total_traces"] > 0:
        changes["total_traces"] = len(traces)
    trailers = int(binary["data_trailers"]) if binary["segy_revision"] >= 2 else 0
    tail = original.tail
    if not known:  # what is left of a trace that was cut off goes, trailers stay
        tail = tail[len(tail) - trailers * TEXT_BYTES :] if trailers > 0 else b""
    return (
        dataclasses.replace(
            original,
            labels=labels,
            lookup=np.where(lookup >= 0, np.searchsorted(traces, lookup), -1),
            n_traces=len(traces),
            n_samples=len(window),
            head=with_binary(original.head, original.order, changes),
            tail=tail,
            headers=headers,
            kept=np.searchsorted(traces, original.kept[here]),
            kept_samples=kept_samples,
        ),
        "",
    )


def _shift(original: Original, vertical: str, first: int) -> int | None:
    """What is added to the delay recording time (ms, or m) of traces that start later."""
    if first == 0:
        return 0
    header = original.headers(np.arange(1)).reshape(-1)
    fields = _trace_fields(header, original)
    feet = (
        vertical == "depth"
        and binary_header_of(original.head, original.order)["measurement_system"] == 2
    )
    if feet or int(fields["scalar_trace_header"]) not in (0, 1):
        return None
    axis = np.asarray(original.labels[vertical].values, np.float64)
    later = (axis[first] - axis[0]) * (1e3 if vertical == "time" else 1.0)
    if abs(later - round(later)) > 1e-6 or abs(later) > _INT16_MAX:
        return None
    return round(later)


def _cut(table: np.ndarray, original: Original, n_samples: int, shift: int) -> np.ndarray:
    table = np.array(table)
    fields = _trace_fields(table, original)
    fields["trace_sample_count"][fields["trace_sample_count"] != 0] = n_samples
    later = fields["delay_recording_time"].astype(np.int64) + shift
    if np.abs(later).max(initial=0) > _INT16_MAX:
        raise ConventionError(
            f"a delay recording time of {later.max()} does not fit into its 16 bits; shift the "
            "axis, or write with original=False"
        )
    fields["delay_recording_time"] = later
    return table


def _trace_fields(table: np.ndarray, original: Original) -> np.ndarray:
    dtype = header_dtype(TRACE_FIELDS, order=original.order, itemsize=original.header_bytes)
    return np.ascontiguousarray(table).view(dtype)[..., 0]


def binary_header_of(head: bytes | bytearray, order: Order) -> np.ndarray:
    """Binary header of a file, as a structured view on its bytes."""
    dtype = header_dtype(BINARY_FIELDS, order=order, itemsize=400, first=TEXT_BYTES + 1)
    return np.ndarray((), dtype, buffer=head, offset=TEXT_BYTES)


def with_binary(head: bytes, order: Order, values: dict[str, int]) -> bytes:
    """A file's header with other values in fields of its binary header."""
    changed = bytearray(head)
    binary = binary_header_of(changed, order)
    for name, value in values.items():
        binary[name] = value
    return bytes(changed)
