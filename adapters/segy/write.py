"""Cubes to SEG-Y."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.adapters.segy.cards import text_headers
from seisgeo.adapters.segy.content import QUANTITIES, find_content
from seisgeo.adapters.segy.fields import TRACE_FIELDS, TRACE_HEADER_BYTES, header_dtype
from seisgeo.adapters.segy.file import SegyFile
from seisgeo.adapters.segy.outgoing import Outgoing, binary_header, plan
from seisgeo.adapters.segy.samples import FORMATS, SampleFormat, encode, raw_dtype
from seisgeo.errors import ConventionError, FormatError
from seisgeo.files import whole_output

__all__ = ["write_segy"]

# Samples held in memory at a time (bytes, as float64).
_BLOCK_BYTES = 32 << 20
_WRITABLE = (1, 2, 3, 5, 6, 8, 9, 10, 11, 12, 16)
_LIVE, _DEAD = 1, 2


def write_segy(
    ds: xr.Dataset,
    path: str | os.PathLike[str],
    *,
    variable: str | None = None,
    sample_format: int = 5,
    overwrite: bool = False,
) -> Path:
    """Write a cube as SEG-Y, revision 1, big-endian.

    Traces are streamed block by block: a lazy cube of any size is written in bounded memory.

    Parameters
    ----------
    ds : xarray.Dataset
        Gathers (shot, receiver, time), (sample, source, time, receiver) or
        (inline, crossline, offset, time); a stack (inline, crossline, time|depth) or
        (cdp, time|depth); or a velocity model (depth, x), (depth, y, x) or (sample, depth, x).
        In a training set each source of each sample becomes a field record; in (sample, depth, x)
        each sample becomes an inline.
    path : path-like
        File to write.
    variable : str, optional
        What to write; by default ``amplitude``, else ``velocity``, else the only variable.
    sample_format : {5, 1, 2, 3, 6, 8, 9, 10, 11, 12, 16}
        Sample format code: 5 is IEEE float32, 1 IBM float32, 3 int16, 6 IEEE float64.
    overwrite : bool, default False
        Replace a file that is there.

    Returns
    -------
    pathlib.Path
        `path`.

    Raises
    ------
    ConventionError
        If the cube does not fit into SEG-Y: dimensions, more than 65 535 samples, an interval that
        is no whole number of microseconds (millimetres of depth) up to 32 767, values beyond the
        sample format.
    FormatError
        If `sample_format` is unknown.
    OutputExistsError
        If `path` exists and `overwrite` is False.
    OSError
        If the disk is full, naming the file; nothing is left under its name.

    Notes
    -----
    A trace that is NaN throughout is missing, and left out of the file. A trace that ``live`` marks
    as dead but holds samples is written with trace identification code 2. Coordinates are written
    to the centimetre or better, under the scalar that keeps them exactly where one does; depths of
    sources in their own field, those of receivers as elevations below zero, elevations and water
    depths where the cube has them. Offsets are rounded to the whole metre that SEG-Y has room for.

    The text header is ``attrs["text_header"]``, which SEG-Y is opened with, word for word; where a
    stack or a model would open as something else with it, a card is added that says what the
    samples are. Without such a text, or where it does not fit into 40 cards of 80 characters, it
    describes the file.

    Examples
    --------
    >>> import numpy as np, tempfile, xarray as xr
    >>> from seisgeo.adapters import write_segy
    >>> ds = xr.Dataset({"amplitude": (("shot", "receiver", "time"), np.ones((2, 3, 4), "f4"))},
    ...                 coords={"time": ("time", np.arange(4) * 0.004, {"units": "s"})})
    >>> write_segy(ds, tempfile.mkdtemp() + "/line.sgy").stat().st_size == 3600 + 6 * (240 + 4 * 4)
    True
    """
    if sample_format not in _WRITABLE:
        raise FormatError(
            f"sample_format={sample_format!r} is not written; expected one of "
            f"{', '.join(map(str, _WRITABLE))} (5: IEEE float32, 1: IBM float32)"
        )
    fmt = FORMATS[sample_format]
    name = _main_variable(ds) if variable is None else variable
    if name not in ds.data_vars:
        raise ConventionError(f"no variable {name!r} to write; found {', '.join(map(str, ds))}")
    out = plan(ds, name)
    if name in conventions.MAIN_VARIABLE.values():
        conventions.validate(ds[[name]])
    texts = text_headers(out, fmt, ds)
    final = Path(path)
    with whole_output(final, overwrite=overwrite) as part:
        try:
            with open(part, "wb") as stream:
                stream.write(texts[0] + binary_header(out, fmt))
                written = _write_traces(out, fmt, stream)
            if written == 0:
                raise ConventionError(f"variable {name!r} holds no trace: all samples are NaN")
            _settle_text(part, texts, out)
        except OSError as error:
            reason = f"{error.strerror or error} while writing; nothing was kept"
            raise OSError(error.errno, reason, str(final)) from error
    return final


def _settle_text(part: Path, texts: list[bytes], out: Outgoing) -> None:
    """Put the most faithful text header there with which the file opens as what it is."""
    for number, text in enumerate(texts):
        if number:
            with open(part, "r+b") as stream:
                stream.write(text)
        if text is texts[-1] or out.kind not in ("stack", "line"):  # gathers need no telling
            return
        content = find_content(SegyFile(part), out.kind)
        known = out.data.name in QUANTITIES
        quantity_told = content.quantity == out.data.name or not known
        if quantity_told and content.vertical == out.axis.name and not content.findings:
            return


def _main_variable(ds: xr.Dataset) -> str:
    for name in ("amplitude", "velocity"):
        if name in ds.data_vars:
            return name
    names = [str(n) for n in ds.data_vars]
    if len(names) == 1:
        return names[0]
    raise ConventionError(f"say which variable to write: variable= one of {', '.join(names)}")


def _write_traces(out: Outgoing, fmt: SampleFormat, stream: BinaryIO) -> int:
    shape = out.data.shape[:-1]
    samples = raw_dtype(fmt, ">")
    record = np.dtype(
        [
            ("header", header_dtype(TRACE_FIELDS, order=">", itemsize=TRACE_HEADER_BYTES)),
            ("samples", samples, (out.axis.n,)),
        ]
    )
    written = 0
    for block in _blocks(shape, _BLOCK_BYTES // (8 * out.axis.n)):
        values = np.asarray(out.data[block].values)
        there = ~np.isnan(values).all(axis=-1) if values.dtype.kind == "f" else None
        sizes = values.shape[:-1]
        kept = np.ones(sizes, bool) if there is None else there
        traces = np.zeros(int(kept.sum()), record)
        headers = traces["header"]
        for field, numbers in out.fields.items():
            headers[field] = _part(numbers, block, sizes)[kept]
        live = True if out.live is None else _part(out.live, block, sizes)[kept]
        headers["trace_identification_code"] = np.where(live, _LIVE, _DEAD)
        running = np.arange(written + 1, written + 1 + len(traces))
        headers["trace_sequence_line"] = headers["trace_sequence_file"] = running
        headers["trace_sample_count"] = out.axis.n
        headers["trace_sample_interval"] = out.axis.interval
        headers["delay_recording_time"] = out.axis.delay
        headers["scalar_trace_header"] = out.axis.delay_scalar
        headers["coordinate_units"] = 1
        headers["n_summed_traces"] = headers["n_stacked_traces"] = 1
        headers["data_use"] = 1
        try:
            traces["samples"] = encode(values[kept], fmt)
        except ConventionError as error:
            place = ", ".join(
                f"{dim} {s.start} to {s.stop - 1}"
                for dim, s in zip(out.data.dims, block, strict=False)
            )
            raise ConventionError(f"variable {out.data.name!r}, {place}: {error}") from None
        stream.write(traces.data)
        written += len(traces)
    return written


def _blocks(shape: tuple[int, ...], most: int) -> Iterator[tuple[slice, ...]]:
    """Cut trace dimensions into blocks of at most `most` traces, in the order of the file."""
    lengths = [1] * len(shape)
    room = max(most, 1)
    for i in reversed(range(len(shape))):
        lengths[i] = min(shape[i], room)
        room //= lengths[i]
        if lengths[i] < shape[i]:
            break
    starts = (range(0, n, step) for n, step in zip(shape, lengths, strict=True))
    for corner in itertools.product(*starts):
        yield tuple(
            slice(a, min(a + step, n)) for a, step, n in zip(corner, lengths, shape, strict=True)
        )


def _part(values: np.ndarray, block: tuple[slice, ...], sizes: tuple[int, ...]) -> np.ndarray:
    """One block of header values, spread over the dimensions that they do not depend on."""
    if values.ndim == 0:
        return np.broadcast_to(values, sizes)
    own = tuple(s if n > 1 else slice(None) for s, n in zip(block, values.shape, strict=True))
    return np.broadcast_to(values[own], sizes)
