"""A cube back into the SEG-Y file that it came from: with its headers, and its way of samples."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import xarray as xr

from seisgeo.adapters.segy.binary import with_binary
from seisgeo.adapters.segy.exact import decode, encode
from seisgeo.adapters.segy.fields import TRACE_FIELDS, header_dtype
from seisgeo.adapters.segy.original import Original
from seisgeo.adapters.segy.samples import SampleFormat
from seisgeo.errors import ConventionError

__all__ = ["blocks", "progress", "rewrite"]

_DEAD = 2


def rewrite(
    ds: xr.Dataset, original: Original, stream: BinaryIO, fmt: SampleFormat, block_bytes: int
) -> None:
    """Write a cube with the headers that its file had.

    Parameters
    ----------
    ds : xarray.Dataset
        The cube; the variable and the traces are those of `original`.
    original : Original
        Headers, and where each trace stands in the file.
    stream : binary file
        Where to write; it is sought in.
    fmt : SampleFormat
        Format to encode to.
    block_bytes : int
        Samples held in memory at a time (as float64).

    Raises
    ------
    ConventionError
        If a value does not fit into the sample format, or there are samples where the file had no
        trace, or behind the end of a shorter one.
    """
    head = original.head
    if fmt != original.format and not original.bare:
        head = with_binary(head, original.order, {"format": fmt.code})
    stream.write(head)
    bar = progress(stream, original.lookup.size)
    starts = original.places(fmt)
    verticals = [d for d in ds[original.variable].dims if d not in original.dims]
    data = ds[original.variable].transpose(*original.dims, *verticals)
    most = max(1, block_bytes // (8 * original.n_samples))
    chunks = ds[original.variable].encoding.get("preferred_chunks", {})
    for block in blocks(data.shape[:-1], most, [chunks.get(d, 1) for d in original.dims]):
        traces = original.lookup[block]
        values = np.asarray(data[block].values)
        live = traces >= 0
        place = ", ".join(
            f"{dim} {s.start} to {s.stop - 1}" for dim, s in zip(original.dims, block, strict=True)
        )
        if not np.isnan(values[~live]).all():
            raise ConventionError(
                f"variable {original.variable!r}, {place}: there are samples where the original "
                "has no trace and so no headers; write all headers anew with original=False"
            )
        chosen = np.argsort(traces[live], kind="stable")
        numbers = traces[live][chosen]
        try:
            records = _records(original, fmt, numbers, values[live][chosen])
        except ConventionError as error:
            kept = fmt == original.format  # nobody asked for it
            why = ". The format is that of the original; IEEE floats (5 or 6) take any value"
            raise ConventionError(
                f"variable {original.variable!r}, {place}: {error}{why if kept else ''}"
            ) from None
        _put(stream, starts, numbers, records)
        bar.update(live.size)
    bar.close()
    apart = ~np.isin(original.kept, original.lookup)
    places = np.flatnonzero(apart)
    for a in range(0, len(places), most):
        chosen = places[a : a + most]
        samples = original.kept_samples(chosen)
        if fmt != original.format:
            samples = encode(decode(samples, original.format, original.order), fmt, original.order)
        numbers = original.kept[chosen]
        records = np.concatenate([original.headers(numbers), samples], axis=1)
        _put(stream, starts, numbers, records)
    stream.seek(int(starts(np.array(original.n_traces))))
    stream.write(original.tail)


def _records(
    original: Original, fmt: SampleFormat, numbers: np.ndarray, values: np.ndarray
) -> np.ndarray:
    """Bytes of whole traces."""
    headers = original.headers(numbers)
    beyond = None
    if original.counts is not None:
        beyond = np.arange(original.n_samples) >= original.counts[numbers][:, None]
        if not np.isnan(values[beyond]).all():
            raise ConventionError(
                "there are samples behind the end of traces that are shorter than others; set them "
                "to NaN, or write all headers anew with original=False"
            )
        values = np.where(beyond, 0, values)
    samples = np.empty((len(numbers), original.n_samples * fmt.itemsize), np.uint8)
    todo = np.ones(len(numbers), bool)
    if fmt == original.format:
        at = np.flatnonzero(np.isin(numbers, original.kept))
        if len(at):
            raw = original.kept_samples(np.searchsorted(original.kept, numbers[at]))
            before = decode(raw, fmt, original.order)
            if original.scale != 1:
                before *= before.dtype.type(original.scale)
            same = ((before == values[at]) | (np.isnan(before) & np.isnan(values[at]))).all(axis=1)
            samples[at[same]] = raw[same]
            todo[at[same]] = False
    new = values[todo]
    if new.dtype.kind == "f":
        gone = np.isnan(new)
        if beyond is not None:
            # A trace without samples has none to lose.
            gone |= beyond[todo] & ~beyond[todo].all(axis=1, keepdims=True)
        gone = gone.all(axis=1)
        if gone.any():
            new[gone] = 0
            headers = np.array(headers)
            dtype = header_dtype(
                TRACE_FIELDS,
                order=original.order,
                itemsize=original.header_bytes,
            )
            codes = headers.view(dtype)["trace_identification_code"][:, 0]
            codes[np.flatnonzero(todo)[gone]] = _DEAD
    if original.scale != 1:
        new = new.astype(np.float64) / original.scale
    samples[todo] = encode(new, fmt, original.order)
    return np.concatenate([headers, samples], axis=1)


def _put(
    stream: BinaryIO,
    starts: Callable[[np.ndarray], np.ndarray],
    numbers: np.ndarray,
    records: np.ndarray,
) -> None:
    """Write traces to the bytes where they begin, runs of them at once."""
    first, end = starts(numbers), starts(numbers + 1)
    width = records.shape[1]
    breaks = np.flatnonzero(first[1:] != end[:-1]) + 1
    for a, b in itertools.pairwise([0, *breaks.tolist(), len(numbers)]):
        if b > a:
            run, lengths = records[a:b], end[a:b] - first[a:b]
            if (lengths < width).any():
                run = run[np.arange(width) < lengths[:, None]]
            stream.seek(int(first[a]))
            stream.write(np.ascontiguousarray(run).data)


def progress(stream: BinaryIO, n_traces: int) -> Any:
    """A bar that counts traces, for what takes longer than two seconds."""
    from tqdm.auto import tqdm

    name = Path(str(getattr(stream, "name", ""))).name.removeprefix(".").removesuffix(".partial")
    return tqdm(total=n_traces, desc=f"writing {name}", unit=" traces", delay=2)


def blocks(
    shape: tuple[int, ...], most: int, chunks: Sequence[int] = ()
) -> Iterator[tuple[slice, ...]]:
    """Cut trace dimensions into blocks of at most `most` traces, in the order of the cube.

    Blocks hold whole chunks, where one is small enough, so that each is read once.
    """
    lengths = [min(n, c) for n, c in zip(shape, chunks or shape, strict=True)]
    if not chunks or math.prod(lengths) > most:
        lengths = [1] * len(shape)
    for i in reversed(range(len(shape))):
        lengths[i] = min(shape[i], lengths[i] * max(1, most // math.prod(lengths)))
        if lengths[i] < shape[i]:
            break
    starts = (range(0, n, step) for n, step in zip(shape, lengths, strict=True))
    for corner in itertools.product(*starts):
        yield tuple(
            slice(a, min(a + step, n)) for a, step, n in zip(corner, lengths, shape, strict=True)
        )
