"""Cubes to SEG-Y."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.adapters.segy.cards import text_headers
from seisgeo.adapters.segy.content import QUANTITIES, find_content
from seisgeo.adapters.segy.cube import read_cube
from seisgeo.adapters.segy.exact import encode
from seisgeo.adapters.segy.fields import TRACE_FIELDS, TRACE_HEADER_BYTES, header_dtype
from seisgeo.adapters.segy.file import SegyFile
from seisgeo.adapters.segy.original import Original, fit, of_file
from seisgeo.adapters.segy.original_zarr import read_original
from seisgeo.adapters.segy.outgoing import Outgoing, binary_header, plan
from seisgeo.adapters.segy.rewrite import blocks, rewrite
from seisgeo.adapters.segy.samples import FORMATS, SampleFormat, raw_dtype
from seisgeo.errors import ConventionError, FormatError, HeaderWarning
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
    sample_format: int | None = None,
    overwrite: bool = False,
    original: bool | str | os.PathLike[str] = True,
) -> Path:
    """Write a cube as SEG-Y: revision 1, big-endian, or as the file was that it came from.

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
    sample_format : {5, 1, 2, 3, 6, 8, 9, 10, 11, 12, 16}, optional
        Sample format code: 5 is IEEE float32, 1 IBM float32, 3 int16, 6 IEEE float64. By default
        that of the original, else 5.
    overwrite : bool, default False
        Replace a file that is there.
    original : bool or path-like, default True
        Keep the headers of the original (see Notes). True: where xarray still knows that the cube
        was opened from a Zarr store that has them (``ds.encoding["source"]``, which selections
        keep and some computations lose). A path: those of this Zarr store, or of this SEG-Y file.
        False writes all headers anew from the cube.

    Returns
    -------
    pathlib.Path
        `path`.

    Raises
    ------
    ConventionError
        If `original` names a store or a file of which the cube is no part, with the reason. If the
        cube does not fit into SEG-Y: dimensions, more than 65 535 samples, an interval that
        is no whole number of microseconds (millimetres of depth) up to 32 767, values beyond the
        sample format.
    FormatError
        If `sample_format` is unknown, or `original` names a store that keeps no headers.
    OutputExistsError
        If `path` exists and `overwrite` is False.
    OSError
        If the disk is full, naming the file; nothing is left under its name.

    Warns
    -----
    HeaderWarning
        If headers of an original are there and cannot be kept: why.

    Notes
    -----
    *With an original.* :func:`seisgeo.adapters.write_zarr` keeps, beside a cube that was opened
    from SEG-Y, all headers and whatever else the file held. A cube that is opened from such a store
    becomes the same file again, byte for byte, where nothing was changed. Where samples were
    changed, they are encoded in the file's own format and byte order under the headers as they were
    (a trace that is now NaN throughout is written as zeros and marked as dead). A selection of
    shots, receivers, lines or traces, and a window of the sample axis, keep the headers of what is
    left, with its sample count and delay; traces stay in the order of the file. Where coordinates
    were changed, or samples were resampled, the headers are written anew as described below.

    *Without.* A trace that is NaN throughout is missing, and left out of the file. A trace that
    ``live`` marks as dead but holds samples is written with trace identification code 2.
    Coordinates are written to the centimetre or better, under the scalar that keeps them exactly
    where one does; depths of
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
    if sample_format is not None and sample_format not in _WRITABLE:
        raise FormatError(
            f"sample_format={sample_format!r} is not written; expected one of "
            f"{', '.join(map(str, _WRITABLE))} (5: IEEE float32, 1: IBM float32)"
        )
    name = _main_variable(ds) if variable is None else variable
    if name not in ds.data_vars:
        raise ConventionError(f"no variable {name!r} to write; found {', '.join(map(str, ds))}")
    final = Path(path)
    known = _original(ds, name, original, final) if original is not False else None
    if known is not None:
        conventions.validate(ds[[name]])
        fmt = known.format if sample_format is None else FORMATS[sample_format]
        with (
            whole_output(final, overwrite=overwrite) as part,
            _naming(final),
            open(part, "wb") as stream,
        ):
            rewrite(ds, known, stream, fmt, _BLOCK_BYTES)
        return final
    fmt = FORMATS[5 if sample_format is None else sample_format]
    out = plan(ds, name)
    if name in conventions.MAIN_VARIABLE.values():
        conventions.validate(ds[[name]])
    texts = text_headers(out, fmt, ds)
    with whole_output(final, overwrite=overwrite) as part, _naming(final):
        with open(part, "wb") as stream:
            stream.write(texts[0] + binary_header(out, fmt))
            written = _write_traces(out, fmt, stream)
        if written == 0:
            raise ConventionError(f"variable {name!r} holds no trace: all samples are NaN")
        _settle_text(part, texts, out)
    return final


@contextlib.contextmanager
def _naming(final: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = f"{error.strerror or error} while writing; nothing was kept"
        raise OSError(error.errno, reason, str(final)) from error


def _original(
    ds: xr.Dataset, name: str, wanted: bool | str | os.PathLike[str], final: Path
) -> Original | None:
    """What a Zarr store or a file holds beside the cube, where it fits the cube."""
    source = ds.encoding.get("source") if isinstance(wanted, bool) else os.fspath(wanted)
    known = None
    if not isinstance(source, str):
        return None
    if os.path.isdir(source):
        known = read_original(source)
    elif wanted is not True:
        known = of_file(read_cube(source))
    if known is None and wanted is not True:
        raise FormatError(
            f"original={source}: keeps no headers of a SEG-Y file; expected a Zarr store made from "
            "one by seisgeo convert, or a SEG-Y file"
        )
    if known is None or known.variable != name:
        return None
    fitting, reason = fit(known, ds)
    if fitting is None and wanted is not True:
        raise ConventionError(
            f"the headers of {source} are not those of the cube ({reason}); "
            "original=False writes them anew from the cube"
        )
    if fitting is None:
        warnings.warn(
            f"{final}: the headers that {source} keeps of the original SEG-Y file cannot be used "
            f"({reason}); all headers are written anew from the cube. "
            "original=False does so without this warning",
            HeaderWarning,
            stacklevel=3,
        )
    return fitting


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
    for block in blocks(shape, _BLOCK_BYTES // (8 * out.axis.n)):
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
            traces["samples"] = encode(values[kept], fmt, ">").view(samples)
        except ConventionError as error:
            place = ", ".join(
                f"{dim} {s.start} to {s.stop - 1}"
                for dim, s in zip(out.data.dims, block, strict=False)
            )
            raise ConventionError(f"variable {out.data.name!r}, {place}: {error}") from None
        stream.write(traces.data)
        written += len(traces)
    return written


def _part(values: np.ndarray, block: tuple[slice, ...], sizes: tuple[int, ...]) -> np.ndarray:
    """One block of header values, spread over the dimensions that they do not depend on."""
    if values.ndim == 0:
        return np.broadcast_to(values, sizes)
    own = tuple(s if n > 1 else slice(None) for s, n in zip(block, values.shape, strict=True))
    return np.broadcast_to(values[own], sizes)
