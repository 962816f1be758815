"""The group ``segy`` of a Zarr store: what the SEG-Y file held beside the cube.

It stands below the cube, so that the cube opens as ever; ``xarray.open_datatree`` shows both.

====================  ======================  ====================================================
array                 dimensions              holds
====================  ======================  ====================================================
``file_header``       head_byte               all bytes before the first trace (none in SU)
``trace_header``      trace, header_byte      headers of each trace, in the order of the file
``trace``             those of the traces     trace of each cell of the cube, -1 where none is
``kept_trace``        kept                    traces whose samples the cube does not give back:
                                              those in no cell, and those of other bit patterns
                                              than encoding gives
``kept_samples``      kept, sample_byte       their samples; 0 beyond the end of a shorter trace
``sample_count``      trace                   samples of each trace, where they differ
``trailer``           tail_byte               all bytes after the last whole trace
====================  ======================  ====================================================

All bytes are as they stood in the file (pairs that were swapped are in order). The attributes say
how it stored samples, and hold a checksum (SHA-256) of each of the cube's coordinates, to tell
whether they were changed since.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

import numpy as np
import xarray as xr

from seisgeo.adapters.segy.extents import ORDERS
from seisgeo.adapters.segy.original import BLOCK_BYTES, Original
from seisgeo.adapters.segy.samples import FORMATS
from seisgeo.errors import FormatError

__all__ = ["GROUP", "read_original", "store_original"]

#: Name of the group.
GROUP = "segy"
_VERSION = 1
# Traces of a chunk of headers: 4 MB, of which constant columns take next to nothing.
_CHUNK_TRACES = 16_384


def store_original(original: Original, store: str | os.PathLike[str]) -> None:
    """Add the group to a Zarr store that holds the cube.

    Parameters
    ----------
    original : Original
        What to keep.
    store : path-like
        The store.
    """
    import zarr

    group = zarr.open_group(store, mode="a").create_group(GROUP, overwrite=True)
    group.attrs.update(
        version=_VERSION,
        variable=original.variable,
        trace_dimensions=list(original.dims),
        byte_order=ORDERS[original.order],
        pair_swapped=original.in_pairs,
        sample_format=original.format.code,
        scale=original.scale,
        n_traces=original.n_traces,
        n_samples=original.n_samples,
        header_bytes=original.header_bytes,
        checksums=_checksums(original.labels),
    )
    for name, raw in (("file_header", original.head), ("trailer", original.tail)):
        if raw:
            dim = "head_byte" if name == "file_header" else "tail_byte"
            data = np.frombuffer(raw, np.uint8)
            _array(group, name, data.shape, (dim,), data.shape)[:] = data
    _array(group, "trace", original.lookup.shape, original.dims, dtype="i8")[...] = original.lookup
    n, width = original.n_traces, original.header_bytes
    chunk = min(n, _CHUNK_TRACES)
    table = _array(group, "trace_header", (n, width), ("trace", "header_byte"), (chunk, width))
    for a in range(0, n, chunk):
        b = min(a + chunk, n)
        table[a:b] = original.headers(np.arange(a, b))
    if original.counts is not None:
        counts = _array(group, "sample_count", (n,), ("trace",), dtype="u4")
        counts[:] = original.counts
    if n_kept := len(original.kept):
        kept = _array(group, "kept_trace", (n_kept,), ("kept",), dtype="i8")
        kept[:] = original.kept
        size = original.n_samples * original.format.itemsize
        chunk = min(n_kept, max(1, BLOCK_BYTES // 4 // size))
        samples = _array(
            group, "kept_samples", (n_kept, size), ("kept", "sample_byte"), (chunk, size)
        )
        for a in range(0, n_kept, chunk):
            b = min(a + chunk, n_kept)
            samples[a:b] = original.kept_samples(np.arange(a, b))


def read_original(store: str | os.PathLike[str]) -> Original | None:
    """Read the group of a Zarr store.

    Parameters
    ----------
    store : path-like
        The store.

    Returns
    -------
    Original or None
        None where it has no such group. Headers are read when they are asked for.

    Raises
    ------
    FormatError
        If the group is of a later version, or broken.
    """
    import zarr

    if not os.path.isdir(os.path.join(store, GROUP)):
        return None
    try:
        group: Any = zarr.open_group(store, mode="r", path=GROUP)
        attrs = dict(group.attrs)
        if attrs["version"] > _VERSION:
            raise FormatError(
                f"{store}: its group {GROUP!r} has version {attrs['version']}; this seisgeo reads "
                f"{_VERSION}. Update seisgeo, or write without it: original=False"
            )
        labels = xr.open_dataset(store, engine="zarr")
        labels = labels.drop_vars(list(labels.data_vars))
        changed = tuple(
            name
            for name, checksum in attrs["checksums"].items()
            if name not in labels.variables or _checksum(labels[name]) != checksum
        )
        return Original(
            variable=attrs["variable"],
            dims=tuple(attrs["trace_dimensions"]),
            labels=labels,
            lookup=group["trace"][...],
            order=next(o for o, name in ORDERS.items() if name == attrs["byte_order"]),
            format=FORMATS[attrs["sample_format"]],
            scale=attrs["scale"],
            n_traces=attrs["n_traces"],
            n_samples=attrs["n_samples"],
            header_bytes=attrs["header_bytes"],
            head=group["file_header"][:].tobytes() if "file_header" in group else b"",
            tail=group["trailer"][:].tobytes() if "trailer" in group else b"",
            headers=lambda numbers: _rows(group["trace_header"], numbers),
            kept=group["kept_trace"][:] if "kept_trace" in group else np.empty(0, np.int64),
            kept_samples=lambda places: _rows(group["kept_samples"], places),
            counts=group["sample_count"][:] if "sample_count" in group else None,
            in_pairs=attrs.get("pair_swapped", False),
            changed=changed,
        )
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(
            f"{store}: its group {GROUP!r} is broken ({error!r}); write without it: original=False"
        ) from error


def _rows(table: Any, numbers: np.ndarray) -> np.ndarray:
    """Rows of a Zarr array by ascending numbers; a run of them in one read."""
    if not len(numbers):
        return np.empty((0, *table.shape[1:]), table.dtype)
    first, last = int(numbers[0]), int(numbers[-1])
    if last - first < 2 * len(numbers):
        run = np.asarray(table[first : last + 1])
        return run if len(run) == len(numbers) else run[numbers - first]
    return np.asarray(table.oindex[numbers])


def _array(
    group: Any,
    name: str,
    shape: tuple[int, ...],
    dims: tuple[str, ...],
    chunks: tuple[int, ...] | None = None,
    dtype: str = "u1",
) -> Any:
    from zarr.codecs import TransposeCodec, ZstdCodec

    # Stored column by column: the same byte of all headers, which hardly changes.
    filters = [TransposeCodec(order=(1, 0))] if name == "trace_header" else None
    return group.create_array(
        name,
        shape=shape,
        dtype=dtype,
        chunks=chunks or "auto",
        filters=filters,
        compressors=[ZstdCodec(level=3)],
        dimension_names=dims,
    )


def _checksums(labels: xr.Dataset) -> dict[str, str]:
    return {str(name): _checksum(labels[name]) for name in labels.variables}


def _checksum(values: xr.DataArray) -> str:
    array = np.asarray(values.values)
    if array.dtype.kind == "f":
        array = array.astype("<f8") + 0.0  # -0 is 0
    elif array.dtype.kind in "iub":
        array = array.astype("<i8")
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
