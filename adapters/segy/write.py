"""Cubes to SEG-Y and Seismic Unix."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xarray as xr

from seisgeo import conventions
from seisgeo.adapters.segy.bare import BARE_SUFFIXES
from seisgeo.adapters.segy.binary import binary_header, with_binary
from seisgeo.adapters.segy.cards import text_headers
from seisgeo.adapters.segy.content import QUANTITIES, find_content
from seisgeo.adapters.segy.cube import CUBE_KEY, Cube, read_cube
from seisgeo.adapters.segy.file import SegyFile
from seisgeo.adapters.segy.fresh import write_traces
from seisgeo.adapters.segy.original import Original, fit, of_file
from seisgeo.adapters.segy.original_zarr import read_original
from seisgeo.adapters.segy.outgoing import Outgoing, plan
from seisgeo.adapters.segy.recast import recast
from seisgeo.adapters.segy.rewrite import rewrite
from seisgeo.adapters.segy.target import Asked, Target, choose_target
from seisgeo.adapters.segy.text import TEXT_BYTES
from seisgeo.errors import ConventionError, FormatError, HeaderWarning
from seisgeo.files import whole_output

__all__ = ["write_segy"]

# Samples held in memory at a time (bytes, as float64).
_BLOCK_BYTES = 32 << 20
# Bytes swapped in pairs at a time.
_SWAP_BYTES = 16 << 20
# Where revision 2 keeps the number of traces (bytes 3513-3520).
_TOTAL_TRACES = 3512


def write_segy(
    ds: xr.Dataset,
    path: str | os.PathLike[str],
    *,
    variable: str | None = None,
    revision: str | float | None = None,
    sample_format: int | None = None,
    byte_order: str | None = None,
    overwrite: bool = False,
    original: bool | str | os.PathLike[str] = True,
) -> Path:
    """Write a cube as SEG-Y of any revision, sample format and byte order, or as Seismic Unix.

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
        File to write. A name that ends in ``.su`` makes it Seismic Unix: traces without file
        headers, IEEE floats, in the byte order of this machine or of the SU file that the cube
        came from.
    variable : str, optional
        What to write; by default ``amplitude``, else ``velocity``, else the only variable.
    revision : {1, 0, 2.0, 2.1}, optional
        Revision of SEG-Y, as a number or as text. By default that of the original. Else 1, which
        every program reads; or 2.0 where the cube came from revision 2 or needs it: more than
        32 767 samples a trace (revision 1 can be asked for up to 65 535), an interval that is no
        whole number of microseconds (millimetres of depth) up to 32 767, a sample format or a byte
        order that revision 1 does not have, coordinates or numbers beyond 32 bits.
    sample_format : {5, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 15, 16}, optional
        Sample format code: 5 is IEEE float32, 1 IBM float32, 3 int16, 6 IEEE float64. By default
        that of the original; where headers are written anew that of the file that the cube came
        from, if it is 1, 5 or 6; else 5. Revision 0 has 1 to 4, revision 1 also 5 and 8. Integers
        take whole numbers in their range and nothing else: scale and round first.
    byte_order : {"big-endian", "little-endian", "pair-swapped"}, optional
        By default that of the original, else big-endian. The others are of revision 2, where a
        constant tells them.
    overwrite : bool, default False
        Replace a file that is there.
    original : bool or path-like, default True
        Keep the headers of the original (see Notes). True: where xarray still knows that the cube
        was opened from a SEG-Y or SU file, or from a Zarr store that has its headers
        (``ds.encoding["source"]``, which selections keep and some computations lose). A path: those
        of this Zarr store, or of this SEG-Y file. False writes all headers anew from the cube.

    Returns
    -------
    pathlib.Path
        `path`.

    Raises
    ------
    ConventionError
        If `original` names a store or a file of which the cube is no part, with the reason. If the
        cube does not fit into SEG-Y, or into the revision that is asked for: dimensions, the start
        of the samples, values beyond the sample format.
    FormatError
        If `original` names a store that keeps no headers.
    ParameterError
        If `revision`, `sample_format` or `byte_order` is unknown, or not of Seismic Unix.
    OutputExistsError
        If `path` exists and `overwrite` is False.
    OSError
        If the disk is full, naming the file; nothing is left under its name.

    Warns
    -----
    HeaderWarning
        If headers of an original cannot be kept: why. If headers round coordinates by more than a
        millimetre, or offsets that nothing else tells, which revision 2 holds in full.

    Notes
    -----
    *With an original.* :func:`seisgeo.adapters.write_zarr` keeps, beside a cube that was opened
    from SEG-Y or SU, all headers and whatever else the file held. A cube that is opened from such a
    store, or straight from the file, becomes the same file again, byte for byte, where nothing was
    changed. Where samples were changed, they are encoded in the file's own format and byte order
    under the headers as they were (a trace that is now NaN throughout is written as zeros and
    marked as dead). A selection of shots, receivers, lines or traces, and a window of the sample
    axis, keep the headers of what is left, with its sample count and delay; traces stay in the
    order of the file. Traces of different lengths keep their lengths, and a window cuts each of
    them; one that ends before it is left out. Another revision or byte order changes the binary
    header and the order of bytes in the standard headers, and nothing else. Where coordinates were
    changed, or samples were resampled, and between SEG-Y and SU, the headers are written anew as
    described below.

    *Without.* A trace that is NaN throughout is missing, and left out of the file. In a cube with
    ``sample_count``, which was read from traces of different lengths, each trace ends with its last
    sample that is not NaN. A trace that
    ``live`` marks as dead but holds samples is written with trace identification code 2.
    Coordinates are written to the centimetre or better, under the scalar that keeps them exactly
    where one does; depths of sources in their own field, those of receivers as elevations below
    zero, elevations and water depths where the cube has them. Offsets, computed from the positions
    where the cube has none, are rounded to the whole metre that SEG-Y has room for. Traces of a
    grid have line numbers in bytes 189-196 and CDP numbers counted from 1. Revision 2's own fields
    are filled: extended counts and interval, the constant of the byte order, the number of traces
    and the place of the first; where the standard trace header would round coordinates or offsets,
    or has no room for them or for numbers, each trace has a second header, SEG00001, with them in
    float64. Programs older than revision 2 do not read such files.

    The text header is ``attrs["text_header"]``, which SEG-Y is opened with, word for word but for
    the revision that it states; where a stack or a model would open as something else with it, a
    card is added that says what the samples are. Without such a text, or where it does not fit into
    40 cards of 80 characters, it says which header stands where, and how the cube was made
    (``attrs``: source, engine, scheme, seed, history, …).

    SU has no text header and no field that tells velocities from amplitudes or depth from time:
    open such files with ``quantity="velocity"``, ``vertical="depth"``. Bytes 181-196 hold CDP
    coordinates and line numbers as in SEG-Y where the cube has lines.

    Examples
    --------
    >>> import numpy as np, tempfile, xarray as xr
    >>> from seisgeo.adapters import write_segy
    >>> ds = xr.Dataset({"amplitude": (("shot", "receiver", "time"), np.ones((2, 3, 4), "f4"))},
    ...                 coords={"time": ("time", np.arange(4) * 0.004, {"units": "s"})})
    >>> folder = tempfile.mkdtemp()
    >>> write_segy(ds, folder + "/line.sgy").stat().st_size == 3600 + 6 * (240 + 4 * 4)
    True
    >>> path = write_segy(ds, folder + "/new.sgy", revision=2.1, byte_order="little-endian")
    >>> xr.open_dataset(path).attrs["byte_order"]
    'little-endian'
    """
    asked = Asked.of(revision, sample_format, byte_order)
    name = _main_variable(ds) if variable is None else variable
    if name not in ds.data_vars:
        raise ConventionError(f"no variable {name!r} to write; found {', '.join(map(str, ds))}")
    final = Path(path)
    bare = final.suffix.lower() in BARE_SUFFIXES
    known = _original(ds, name, original, final, bare=bare) if original is not False else None
    if known is not None:
        conventions.validate(ds[[name]])
        known = recast(known, asked)
        with _writing(final, overwrite) as part:
            with open(part, "wb") as stream:
                rewrite(ds, known, stream, asked.format or known.format, _BLOCK_BYTES)
            if known.in_pairs:
                _swap_pairs(part)
        return final
    out = plan(ds, name)
    if name in conventions.MAIN_VARIABLE.values():
        conventions.validate(ds[[name]])
    target = choose_target(out, ds.attrs, asked, bare=bare)
    if out.lost.rounded and not target.extended:
        more = "" if bare else "; revision=2.0 keeps them in full"
        said = "; ".join(out.lost.rounded)
        warnings.warn(f"{final}: {said}{more}", HeaderWarning, stacklevel=2)
    with _writing(final, overwrite) as part:
        _write_anew(ds, out, target, part)
    return final


def _write_anew(ds: xr.Dataset, out: Outgoing, target: Target, part: Path) -> None:
    texts = [] if target.bare else text_headers(out, target, ds)
    with open(part, "wb") as stream:
        if texts:
            stream.write(texts[0] + binary_header(out, target))
        written = write_traces(out, target, stream, _BLOCK_BYTES)
    if written == 0:
        raise ConventionError(f"variable {out.data.name!r} holds no trace: all samples are NaN")
    if target.revision >= (2, 0):
        _patch(part, _TOTAL_TRACES, np.array(written, f"{target.order}u8").tobytes())
    if texts:
        _settle_text(part, texts, out)
    if target.in_pairs:
        _swap_pairs(part)


def _patch(part: Path, at: int, raw: bytes) -> None:
    with open(part, "r+b") as stream:
        stream.seek(at)
        stream.write(raw)


def _swap_pairs(part: Path) -> None:
    """Swap the bytes of each pair behind the text header; a last odd byte stays."""
    with open(part, "r+b") as stream:
        at = TEXT_BYTES
        while True:
            stream.seek(at)
            pairs = np.frombuffer(stream.read(_SWAP_BYTES), np.uint8)
            pairs = pairs[: len(pairs) // 2 * 2]
            if not len(pairs):
                return
            stream.seek(at)
            stream.write(pairs.view(np.uint16).byteswap().data)
            at += len(pairs)


@contextlib.contextmanager
def _writing(final: Path, overwrite: bool) -> Iterator[Path]:
    """Where to write so that the file appears whole; a full disk is told with the file's name."""
    with whole_output(final, overwrite=overwrite) as part:
        try:
            yield part
        except OSError as error:
            reason = f"{error.strerror or error} while writing; nothing was kept"
            raise OSError(error.errno, reason, str(final)) from error


def _original(
    ds: xr.Dataset,
    name: str,
    wanted: bool | str | os.PathLike[str],
    final: Path,
    *,
    bare: bool,
) -> Original | None:
    """What a Zarr store or a file holds beside the cube, where it fits the cube."""
    source = ds.encoding.get("source") if isinstance(wanted, bool) else os.fspath(wanted)
    known = None
    if isinstance(source, str) and os.path.isdir(source):
        known = read_original(source)
    elif isinstance(source, str) and wanted is not True:
        known = of_file(read_cube(source))
    elif CUBE_KEY in ds.encoding:
        known = _reopened(ds.encoding[CUBE_KEY])
    if known is None and wanted is not True:
        raise FormatError(
            f"original={source}: keeps no headers of a SEG-Y file; expected a Zarr store made from "
            "one by seisgeo convert, or a SEG-Y file"
        )
    reason = ""
    if known is None and ds.attrs.get("source_format") in ("SEG-Y", "SU"):
        reason = "the cube does not know any more where they are: original=FILE names them"
    elif known is None:
        return None
    elif known.variable != name:
        if wanted is True:
            return None
        reason = f"they are of {known.variable!r}, and {name!r} is written"
    elif known.bare != bare:
        reason = "they are of SEG-Y" if bare else "they are of Seismic Unix"
    fitting = None
    if known is not None and not reason:
        fitting, reason = fit(known, ds)
    if fitting is None and wanted is not True:
        raise ConventionError(
            f"the headers of {source} are not those of the cube ({reason}); "
            "original=False writes them anew from the cube"
        )
    if fitting is None:
        at = f" that {source} keeps" if known is not None else ""
        warnings.warn(
            f"{final}: the headers{at} of the original file cannot be used "
            f"({reason}); all headers are written anew from the cube, what it does not hold as 0. "
            "original=False does so without this warning",
            HeaderWarning,
            stacklevel=3,
        )
    return fitting


def _reopened(cube: Cube) -> Original | None:
    """The original of a cube that was opened from a file, as its headers alone give it.

    So that what the user decided otherwise (a unit of coordinates) is seen as changed.
    """
    file = cube.file
    given = file.options
    try:
        plain = read_cube(
            file.path,
            layout=cube.geometry.layout,
            headers=file.mapping,
            sample_format=given["sample_format"],
            quantity=cube.content.quantity,
            vertical=cube.content.vertical,
            storage_options=given["storage_options"],
        )
        known = of_file(plain)
    except FormatError:
        return None
    if known is not None and given["sample_format"] is not None and not known.bare:
        head = with_binary(known.head, known.order, {"format": known.format.code})
        known = dataclasses.replace(known, head=head)
    return known


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
