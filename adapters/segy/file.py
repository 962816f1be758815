"""A SEG-Y file as arrays over one memory mapping: headers, and samples by trace number."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from seisgeo.adapters.segy import samples as samples_
from seisgeo.adapters.segy.bare import BARE_SUFFIXES, bare_fields, find_form
from seisgeo.adapters.segy.contradictions import Finding
from seisgeo.adapters.segy.fields import TRACE_FIELDS, header_dtype, scaled, with_mapping
from seisgeo.adapters.segy.layout import FILE_HEADER_BYTES, ORDERS, PAIRS_SWAPPED
from seisgeo.adapters.segy.samples import FORMATS
from seisgeo.adapters.segy.sparing import is_sparing
from seisgeo.adapters.segy.text import TEXT_BYTES, decode_text, swap_pairs
from seisgeo.errors import FormatError, MissingFileError, ParameterError

__all__ = ["SegyFile"]

# Bytes of samples decoded at a time when traces are gathered from all over the file.
_GATHER_BYTES = 4 << 20
# Bytes swapped back at a time.
_SWAP_BYTES = 16 << 20
# Bytes of the file that a sparing scan of headers leaves mapped.
_SCAN_BYTES = 32 << 20


class SegyFile:
    """A SEG-Y file, memory-mapped: opening reads the file header and a few trace headers.

    It can be used by several threads at once, and pickled: the copy maps the file anew. Bare traces
    without file headers (SU) are read as well. A file whose bytes are swapped in pairs is first
    copied to a temporary file with the bytes in order.

    Parameters
    ----------
    path : path-like
        The file.
    headers : mapping, optional
        Where fields stand, if not where the standard has them: ``{"inline": (189, "int32")}``.
    sample_format : int, optional
        Sample format code, if the file's own is wrong.
    sample_interval : float, optional
        Sample interval, if the file's own is wrong (s; m for depth).

    Attributes
    ----------
    order : str
        Byte order, ">" or "<".
    form : {"SEG-Y", "SU"}
        With file headers, or bare traces.
    revision : tuple of int
        Major and minor revision.
    format : SampleFormat
        How samples are stored.
    n_traces, n_samples : int
        Whole traces in the file, and samples in each.
    interval : float
        Sample interval in the file's unit: microseconds, or millimetres of depth.
    binary : dict
        Fields of the binary header.
    findings : list of Finding
        What the headers contradict so far.

    Raises
    ------
    MissingFileError
        If there is no such file.
    FormatError
        If it is no SEG-Y file; the message says what was found where.

    Examples
    --------
    >>> from seisgeo.adapters.segy import SegyFile  # doctest: +SKIP
    >>> file = SegyFile("line.sgy")                 # doctest: +SKIP
    >>> file.headers["field_record"][:3]            # doctest: +SKIP
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        headers: Mapping[str, int | tuple[int, str]] | None = None,
        sample_format: int | None = None,
        sample_interval: float | None = None,
    ) -> None:
        self.path = Path(path)
        self.mapping = dict(headers or {})
        self._sample_format = sample_format
        self._sample_interval = sample_interval
        if sample_interval is not None and not sample_interval > 0:
            raise FormatError(f"sample_interval must be positive, got {sample_interval}")
        self._bytes = _map(self.path)
        self.size = len(self._bytes)
        self.pairs_swapped = self._bytes[3296:3300].tobytes() == PAIRS_SWAPPED
        if self.pairs_swapped:
            self._bytes = _in_order(self._bytes)
        try:
            layout, self.findings = find_form(self._bytes, self.path, sample_format)
        except FormatError as error:
            if not self.pairs_swapped:
                raise
            raise FormatError(
                f"{error} (bytes 3297-3300 say that bytes are swapped in pairs: this is what they "
                "give once swapped back)"
            ) from None
        if self.pairs_swapped:
            self.findings.insert(0, _PAIRS_FINDING)
        self.form = layout.form
        self.order, self.format = layout.order, layout.format
        self.binary, self.revision = layout.binary, layout.revision
        self.data_start, self.header_bytes = layout.start, layout.header_bytes
        self.n_traces, self.n_samples = layout.n_traces, layout.n_samples
        self.trace_bytes = layout.trace_bytes
        self._trailer_bytes = layout.trailer_bytes

        standard = TRACE_FIELDS
        if self.form == "SU":
            standard = bare_fields(self._bytes, layout, self.findings)
        self.fields = with_mapping(headers, size=self.header_bytes, standard=standard)
        # All trace headers as one strided view on the mapping: nothing is read until asked for.
        self.headers = np.ndarray(
            self.n_traces,
            header_dtype(self.fields, order=self.order, itemsize=self.trace_bytes),
            buffer=self._bytes,
            offset=self.data_start,
        )
        self._check_format()
        self.interval = self._find_interval()

    @property
    def byte_order(self) -> str:
        """Byte order of the file, for a person."""
        return "pair-swapped" if self.pairs_swapped else ORDERS[self.order]

    def __repr__(self) -> str:
        """File, size, format."""
        return (
            f"<SegyFile {self.path}: {self.n_traces} traces of {self.n_samples} samples, "
            f"{self.format}, {self.byte_order}>"
        )

    def __getstate__(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "headers": self.mapping,
            "sample_format": self._sample_format,
            "sample_interval": self._sample_interval,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    @cached_property
    def text(self) -> str:
        """All text headers, decoded, without empty lines; "" where there are none."""
        if self.form == "SU":
            return ""
        extended = range(FILE_HEADER_BYTES, self.data_start - TEXT_BYTES + 1, TEXT_BYTES)
        return self._decode([0, *extended])

    @cached_property
    def trailers(self) -> str:
        """Data trailers after the last trace (revision 2), decoded; "" where there are none."""
        return self._decode(range(self.size - self._trailer_bytes, self.size, TEXT_BYTES))

    def _decode(self, starts: Iterable[int]) -> str:
        blocks = (self._bytes[a : a + TEXT_BYTES].tobytes() for a in starts)
        texts = (decode_text(block, in_pairs=self.pairs_swapped) for block in blocks)
        return "\n".join(t for t in texts if t)

    def field(self, name: str) -> np.ndarray:
        """One header field of all traces, in native byte order, shape (trace,)."""
        column = self.headers[name]
        native = column.dtype.newbyteorder("=")
        if not is_sparing():
            return column.astype(native)
        values = np.empty(len(column), native)
        step = max(1, _SCAN_BYTES // self.trace_bytes)
        for a in range(0, len(column), step):
            values[a : a + step] = column[a : a + step]
            self.release()
        return values

    def release(self) -> None:
        """Give back the memory of what was read: the pages of the mapping, which can be read again.

        Where the system knows no such call nothing happens.
        """
        mapping: Any = self._bytes
        while mapping is not None and not isinstance(mapping, mmap.mmap):
            mapping = getattr(mapping, "base", None)
        if mapping is not None and hasattr(mmap, "MADV_DONTNEED"):
            mapping.madvise(mmap.MADV_DONTNEED)

    def first(self, name: str) -> int | float:
        """One header field of the first trace."""
        return self.headers[name][0].item()

    def axis(self, vertical: str) -> np.ndarray:
        """Time (s) or depth (m) of each sample, from the interval and the delay recording time.

        Parameters
        ----------
        vertical : {"time", "depth"}
            What the samples follow; for depth the interval field counts millimetres and the delay
            field metres, as is usual.

        Returns
        -------
        numpy.ndarray
            Shape (sample,).
        """
        scalar = self.first("scalar_trace_header") if self.revision >= (1, 0) else 0
        delay = scaled(np.array(self.first("delay_recording_time")), np.array(scalar)) * 1000.0
        unit = 1e6 if vertical == "time" else 1e3
        if self._sample_interval is not None:
            return delay / unit + self._sample_interval * np.arange(self.n_samples)
        # One division of whole numbers rounds once: sample 3 of 4 ms is .012, not .012000000000001.
        return (delay + self.interval * np.arange(self.n_samples)) / unit

    def read(self, traces: np.ndarray | slice, samples: Any = slice(None)) -> np.ndarray:
        """Samples of some traces, decoded: the fast way to random batches of traces.

        Parameters
        ----------
        traces : numpy.ndarray of int or slice
            Trace numbers from 0, in any order; -1 stands for a missing trace.
        samples : slice, int or numpy.ndarray, default all
            Which samples of each.

        Returns
        -------
        numpy.ndarray
            Shape (trace, sample), type ``format.decoded``; missing traces are NaN.

        Raises
        ------
        ParameterError
            If the file has no such trace.

        Examples
        --------
        >>> file = SegyFile("line.sgy")                                   # doctest: +SKIP
        >>> batch = np.random.default_rng(7).choice(file.n_traces, 1000)  # doctest: +SKIP
        >>> file.read(batch, slice(0, 500)).shape                         # doctest: +SKIP
        (1000, 500)
        """
        if isinstance(traces, slice):
            traces = np.arange(self.n_traces)[traces]
        traces = np.ascontiguousarray(traces, np.int64)
        if traces.size and (last := int(traces.max())) >= self.n_traces:
            raise ParameterError(
                f"{self.path}: there is no trace {last}; expected numbers from 0 to "
                f"{self.n_traces - 1}, or -1 for a missing trace"
            )
        every = range(self.n_samples)
        if isinstance(samples, int | np.integer):
            at = every[int(samples)]  # from the end where negative
            samples = slice(at, at + 1)
        if not isinstance(samples, slice):
            samples = _as_slice(np.arange(self.n_samples)[samples])
        n_out = len(every[samples]) if isinstance(samples, slice) else len(samples)
        out = np.empty((len(traces), n_out), self.format.decoded)
        if not out.size:
            return out
        if isinstance(samples, slice) and self._words is not None:
            words, stride = self._words, self.trace_bytes // self.format.itemsize
            chosen = every[samples]
            if samples_.gather(words, stride, self.format, self.order, traces, chosen, out):
                return out
        live = traces >= 0
        if live.all():
            self._read_plain(traces, samples, out)
        else:
            known = np.empty((np.count_nonzero(live), n_out), out.dtype)
            self._read_plain(traces[live], samples, known)
            out[live] = known
            out[~live] = np.nan
        return out

    def _read_plain(
        self, numbers: np.ndarray, samples: slice | np.ndarray, out: np.ndarray
    ) -> None:
        """Fill `out` by NumPy alone."""
        raw, traces = self._raw, _as_slice(numbers)
        if isinstance(traces, slice):
            samples_.decode(raw[traces][:, samples], self.format, self.order, out)
            return
        block = max(1, _GATHER_BYTES // (out.shape[1] * self.format.itemsize))
        for a in range(0, len(traces), block):
            chosen = traces[a : a + block]
            if isinstance(samples, slice):
                words = raw[chosen, samples]
            else:
                words = raw[chosen[:, None], samples]
            samples_.decode(words, self.format, self.order, out[a : a + block])

    def read_points(self, traces: np.ndarray, samples: np.ndarray) -> np.ndarray:
        """Single samples, decoded: one of each trace number, in arrays of the same shape."""
        out = np.empty((traces.size, 1), self.format.decoded)
        words = self._raw[traces.ravel(), samples.ravel()]
        samples_.decode(words[:, None], self.format, self.order, out)
        return out.reshape(traces.shape)

    @cached_property
    def _raw(self) -> np.ndarray:
        stored = samples_.raw_dtype(self.format, self.order)
        inner = stored.shape
        return np.ndarray(
            (self.n_traces, self.n_samples, *inner),
            stored.base,
            buffer=self._bytes,
            offset=self.data_start + self.header_bytes,
            strides=(self.trace_bytes, self.format.itemsize, *(1,) * len(inner)),
        )

    @cached_property
    def _words(self) -> np.ndarray | None:
        return samples_.as_words(self._raw, self.format)

    def _check_format(self) -> None:
        """Fixed point with gain has a zero byte in every sample; without it the code is wrong."""
        if self.format.code != 4 or self._sample_format is not None:
            return
        some = np.linspace(0, self.n_traces - 1, 8).astype(int)
        words = self._raw[some].astype(np.uint32)
        if not (words >> 24).any():
            return
        decoded = {}
        for code in (5, 1):
            decoded[code] = np.empty(words.shape, np.float32)
            samples_.decode(self._raw[some], FORMATS[code], self.order, decoded[code])
        with np.errstate(over="ignore", invalid="ignore"):
            ieee = np.isfinite(decoded[5]).all() and np.abs(decoded[5]).max() < 1e12
        self.format = FORMATS[5 if ieee else 1]
        del self._raw  # made for the wrong format
        self.findings.append(
            Finding(
                "sample format",
                {"binary header": "4 (fixed point with gain)", "samples": "first byte not 0"},
                f"{self.format} used",
                "fixed point leaves the first byte of each sample 0; "
                "pass sample_format= to decide otherwise",
            )
        )

    def _find_interval(self) -> float:
        """Interval in the file's unit, and whether binary and trace headers agree on it."""
        if self._sample_interval is not None:
            return float(self._sample_interval) * 1e6
        binary, trace = self.binary["interval"], int(self.first("trace_sample_interval"))
        if self.form == "SU":
            return self._find_bare_interval(trace % 65536)  # SU counts without a sign
        extended = self.binary["ext_interval"]
        if self.revision >= (2, 0) and _SHORTEST <= extended <= _LONGEST:
            if binary > 0 and abs(extended - binary) >= 1:
                self.findings.append(
                    Finding(
                        "sample interval",
                        {"binary header": str(binary), "binary header, extended": f"{extended:g}"},
                        f"{extended:g} used",
                        "revision 2 puts the extended interval before the other one",
                    )
                )
            return float(extended)
        if binary < 0 and binary == trace:  # both mean an unsigned number
            return float(binary + 65536)
        values = {"binary header": str(binary), "trace headers": str(trace)}
        if binary > 0:
            if trace not in (0, binary):
                self.findings.append(
                    Finding(
                        "sample interval",
                        values,
                        f"{binary} (binary header) used",
                        "it holds for the whole file; pass sample_interval= to decide otherwise",
                    )
                )
            return float(binary)
        if trace > 0:
            self.findings.append(
                Finding(
                    "sample interval",
                    values,
                    f"{trace} (trace headers) used",
                    "an interval must be positive",
                )
            )
            return float(trace)
        raise FormatError(
            f"{self.path}: the sample interval is {binary} in the binary header (bytes 3217-3218) "
            f"and {trace} in the first trace header (bytes 117-118); expected a positive number. "
            "Pass sample_interval= (s, or m for depth)"
        )

    def _find_bare_interval(self, interval: int) -> float:
        """Interval of SU: microseconds, else `d1` (s, or m), else what SU's programs assume."""
        if interval > 0:
            return float(interval)
        spacing = float(self.first("d1")) if "d1" in (self.headers.dtype.names or ()) else 0.0
        if spacing > 0:
            used, why = f"{spacing:g} (d1) used", "an interval must be positive"
        else:
            used, why = "4 ms used", "Seismic Unix assumes that; pass sample_interval= (s, or m)"
        values = {"dt (bytes 117-118)": "0", "d1 (bytes 181-184)": f"{max(spacing, 0):g}"}
        self.findings.append(Finding("sample interval", values, used, why))
        if spacing <= 0:
            return 4000.0
        # In seconds or metres, as the option is; interval itself is microseconds or millimetres.
        self._sample_interval = spacing
        return spacing * 1e6


# Extended sample intervals (microseconds) that are believed: a nanosecond to a quarter of an hour.
_SHORTEST, _LONGEST = 1e-3, 1e9

_PAIRS_FINDING = Finding(
    "byte order",
    {"bytes 3297-3300": "02 01 04 03"},
    "bytes swapped back in a temporary copy",
    "the constant of revision 2 says that they are swapped in pairs",
)


def _map(path: Path) -> np.ndarray:
    if not path.exists():
        raise MissingFileError(f"{path}: no such file")
    bare = path.suffix.lower() in BARE_SUFFIXES
    what = "an SU file" if bare else "a SEG-Y file"
    if path.is_dir():
        raise FormatError(f"{path}: is a folder; expected {what}")
    if path.stat().st_size == 0:
        least = "" if bare else " of at least 3600 bytes"
        raise FormatError(f"{path}: the file is empty; expected {what}{least}")
    return np.asarray(np.memmap(path, np.uint8, mode="r"))


def _in_order(data: np.ndarray) -> np.ndarray:
    """A file's bytes with those after the text header swapped in pairs, through a temporary file.

    Text headers may have been swapped with the rest or not: see :func:`.text.decode_text`.
    """
    with tempfile.TemporaryFile(prefix="seisgeo-") as stream:
        stream.write(data[:TEXT_BYTES].data)
        for a in range(TEXT_BYTES, len(data), _SWAP_BYTES):
            stream.write(swap_pairs(data[a : a + _SWAP_BYTES].tobytes()))
        stream.flush()
        return np.asarray(np.memmap(stream, np.uint8, mode="r"))


def _as_slice(numbers: np.ndarray) -> np.ndarray | slice:
    """The slice that names the same traces, where there is one: then nothing need be gathered."""
    if len(numbers) == 0:
        return slice(0, 0)
    step = int(numbers[1]) - int(numbers[0]) if len(numbers) > 1 else 1
    if step < 1 or (len(numbers) > 2 and (np.diff(numbers) != step).any()):
        return numbers
    return slice(int(numbers[0]), int(numbers[-1]) + 1, step)
