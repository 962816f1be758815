"""A SEG-Y file as arrays: headers by field, and samples by trace number."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from seisgeo.adapters.segy import samples as samples_
from seisgeo.adapters.segy.bare import BARE_SUFFIXES, bare_fields, find_form
from seisgeo.adapters.segy.contradictions import Finding
from seisgeo.adapters.segy.extents import FILE_HEADER_BYTES, ORDERS
from seisgeo.adapters.segy.fields import TRACE_FIELDS, header_dtype, scaled
from seisgeo.adapters.segy.headers import column, disagreements, find_header_map
from seisgeo.adapters.segy.index import HeaderIndex
from seisgeo.adapters.segy.interval import find_bare_interval, find_interval
from seisgeo.adapters.segy.layout import PAIRS_SWAPPED
from seisgeo.adapters.segy.lengths import Walk
from seisgeo.adapters.segy.mapping import Headers, read_mapping
from seisgeo.adapters.segy.numbers import shrunk
from seisgeo.adapters.segy.reading import TraceReader, as_slice
from seisgeo.adapters.segy.samples import FORMATS
from seisgeo.adapters.segy.scan import HeaderTable, scan
from seisgeo.adapters.segy.source import PairSwapped, as_place, open_source
from seisgeo.adapters.segy.stanzas import Stanza, find_stanzas
from seisgeo.adapters.segy.text import TEXT_BYTES, decode_characters, decode_text
from seisgeo.errors import FormatError, ParameterError

__all__ = ["SegyFile"]


class SegyFile:
    """A SEG-Y file: opening reads the file header and a few trace headers.

    A local file is memory-mapped; of a remote one the ranges of bytes that are asked for are
    fetched, and nothing is kept but headers. It can be used by several threads at once, and
    pickled: the copy opens the file anew. Bare traces without file headers (SU) are read as well,
    and files whose bytes are swapped in pairs.

    All trace headers are scanned when the first field is asked for. Those of a file of more than
    256 MiB, or of a remote one, are kept in a small index beside the file or in the user's cache,
    with which a second opening is quick; the environment variable ``SEISGEO_HEADER_INDEX`` turns
    that off (``off``), or names a folder for all indexes.

    Parameters
    ----------
    path : path-like or str
        The file, or a URL that fsspec knows: ``https://…``, ``s3://…``, ``memory://…``.
    headers : mapping or path-like, optional
        Where fields stand, if not where the file has them: ``{"inline": (189, "int32")}``, or a
        YAML file of this (see :mod:`.mapping`).
    sample_format : int, optional
        Sample format code, if the file's own is wrong.
    sample_interval : float, optional
        Sample interval, if the file's own is wrong (s; m for depth).
    storage_options : mapping, optional
        How fsspec gets at a remote file: keys, endpoint, headers of requests.

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
        Whole traces in the file, and samples in each; in the longest, where they differ.
    sample_counts : numpy.ndarray of uint32 or None
        Samples of each trace, where they differ.
    interval : float
        Sample interval in the file's unit: microseconds, or millimetres of depth.
    binary : dict
        Fields of the binary header.
    findings : list of Finding
        What the headers contradict so far.
    options : dict
        What it was opened with.

    Raises
    ------
    MissingFileError
        If there is no such file.
    FormatError
        If it is no SEG-Y file; the message says what was found where.
    RemoteFileError
        If a remote file cannot be reached or read by ranges, or changes while it is open.

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
        headers: Headers | None = None,
        sample_format: int | None = None,
        sample_interval: float | None = None,
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        self._open(
            {
                "path": path,
                "headers": read_mapping(headers),
                "sample_format": sample_format,
                "sample_interval": sample_interval,
                "storage_options": dict(storage_options or {}),
            }
        )

    def _open(self, options: dict[str, Any], counts: dict[str, Any] | None = None) -> None:
        """Open a file; `counts` are those of a copy that was pickled."""
        self.options = options
        self._kept: dict[str, np.ndarray] | None = None
        self.path = as_place(options["path"])
        self.mapping = options["headers"]
        self._sample_interval = options["sample_interval"]
        if self._sample_interval is not None and not self._sample_interval > 0:
            raise FormatError(f"sample_interval must be positive, got {self._sample_interval}")
        bare = self.path.suffix.lower() in BARE_SUFFIXES
        what = "an SU file" if bare else "a SEG-Y file"
        self.source = open_source(self.path, what, options["storage_options"])
        self.size = len(self.source)
        self.pairs_swapped = self.source[3296:3300].tobytes() == PAIRS_SWAPPED
        if self.pairs_swapped:
            self.source = PairSwapped(self.source)
        self._index = HeaderIndex(self.path, self.source)
        self._counts = counts or {}
        try:
            layout, self.findings = find_form(
                self.source, self.path, options["sample_format"], self._known_counts
            )
        except FormatError as error:
            if not self.pairs_swapped:
                raise
            raise FormatError(
                f"{error} (bytes 3297-3300 say that bytes are swapped in pairs: this is what they "
                "give once swapped back)"
            ) from None
        if self.pairs_swapped:
            self.findings.insert(0, _PAIRS_FINDING)
        self._layout = layout
        self.form = layout.form
        self.order, self.format = layout.order, layout.format
        self.binary, self.revision = layout.binary, layout.revision
        self.data_start, self.header_bytes = layout.start, layout.header_bytes
        self.n_traces, self.n_samples = layout.n_traces, layout.n_samples
        self.trace_bytes = layout.trace_bytes
        self.sample_counts = layout.counts

        standard = TRACE_FIELDS
        if self.form == "SU":
            standard = bare_fields(self.source, layout, self.findings)
        self.header_map = find_header_map(
            self.source[self.data_start : self.data_start + self.header_bytes].tobytes(),
            standard,
            revision=self.revision,
            stanzas=self.stanzas,
            mapping=self.mapping,
        )
        self.fields = tuple(self.header_map.fields.values())
        self._header_dtype = header_dtype(self.fields, order=self.order, itemsize=self.header_bytes)
        self.findings += [*self.header_map.findings, *disagreements(self)]
        self._check_format()
        if self._sample_interval is not None:
            self.interval = float(self._sample_interval) * 1e6
        elif self.form == "SU":
            self.interval, self._sample_interval = find_bare_interval(self)
        else:
            self.interval = find_interval(self)

    def _known_counts(self, walk: Walk) -> np.ndarray | None:
        kept = self._counts
        if kept.get("walk") == walk and kept.get("stamp") == self.source.stamp:
            return kept["counts"]
        return self._index.known_counts(walk)

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
        if self.sample_counts is None:
            return {"options": self.options}
        # Not every process that gets a copy has to walk through the file.
        w = self._layout
        end = self.size - w.trailer_bytes
        walk = Walk(w.order, w.start, end, w.header_bytes, w.format.itemsize)
        counts = {"walk": walk, "stamp": self.source.stamp, "counts": self.sample_counts}
        return {"options": self.options, "counts": counts}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._open(**state)

    @cached_property
    def headers(self) -> HeaderTable:
        """All trace headers by field: ``headers["cdp"]``, shape (trace,), native byte order."""
        words = self._index.read(self._layout)
        if words is None:
            words = scan(self.source, self._layout)
            self._index.write(self._layout, words)
        return HeaderTable(words, self._header_dtype)

    def header_rows(self, traces: np.ndarray) -> np.ndarray:
        """Headers of a few traces by field, without a scan of all: a record each, as stored."""
        starts = self._layout.starts(np.asarray(traces, np.int64))
        rows = np.ascontiguousarray(self.source.rows(starts, self.header_bytes))
        return rows.view(self._header_dtype)[:, 0]

    @cached_property
    def text(self) -> str:
        """All text headers, decoded, without empty lines; "" where there are none."""
        if self.form == "SU":
            return ""
        return self._decode([0, *self._extended_texts])

    @cached_property
    def stanzas(self) -> list[Stanza]:
        """Named sections of the extended text headers, in the order of the file."""
        blocks = (self.source[a : a + TEXT_BYTES].tobytes() for a in self._extended_texts)
        texts = [decode_characters(block, in_pairs=self.pairs_swapped) for block in blocks]
        return find_stanzas("".join(texts))

    @property
    def _extended_texts(self) -> range:
        """First byte of each extended text header."""
        return range(FILE_HEADER_BYTES, self.data_start - TEXT_BYTES + 1, TEXT_BYTES)

    @cached_property
    def trailers(self) -> str:
        """Data trailers after the last trace (revision 2), decoded; "" where there are none."""
        first = self.size - self._layout.trailer_bytes
        return self._decode(range(first, self.size, TEXT_BYTES))

    def _decode(self, starts: Iterable[int]) -> str:
        blocks = (self.source[a : a + TEXT_BYTES].tobytes() for a in starts)
        texts = (decode_text(block, in_pairs=self.pairs_swapped) for block in blocks)
        return "\n".join(t for t in texts if t)

    def field(self, name: str) -> np.ndarray:
        """One header field of all traces, in native byte order, shape (trace,).

        What trace header extension 1 fills goes first, in double precision and on the scale of
        the standard field (see :func:`.headers.column`); ``headers`` holds the stored numbers.
        """
        if self._kept is None:
            return column(self, name)
        if name not in self._kept:
            self._kept[name] = shrunk(column(self, name))
        return self._kept[name]

    @contextlib.contextmanager
    def keeping_fields(self) -> Iterator[None]:
        """Read each header field once in a with block; they are not to be written to."""
        self._kept = {}
        try:
            yield
        finally:
            self._kept = None

    def starts(self, traces: np.ndarray) -> np.ndarray:
        """First byte of each of some traces, by their numbers."""
        return self._reader.starts(traces)

    @property
    def traces_end(self) -> int:
        """First byte behind the last whole trace."""
        return self.size - self._layout.trailer_bytes - self._layout.left_over

    def release(self) -> None:
        """Give back the memory of what was read: the pages of the mapping, which can be read again.

        Where the system knows no such call nothing happens, nor for a remote file.
        """
        self.source.release()

    def first(self, name: str) -> int | float:
        """One header field of the first trace, as of :meth:`field`."""
        return column(self, name, slice(0, 1))[0].item()

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
            Shape (trace, sample), type ``format.decoded``; missing traces are NaN, and so is what
            lies beyond the end of a trace that is shorter than others.

        Raises
        ------
        ParameterError
            If the file has no such trace.
        RemoteFileError
            If a remote file cannot be reached, or has changed since it was opened.

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
            samples = as_slice(np.arange(self.n_samples)[samples])
        n_out = len(every[samples]) if isinstance(samples, slice) else len(samples)
        out = np.empty((len(traces), n_out), self.format.decoded)
        if out.size:
            self._reader.read(traces, samples, out)
        return out

    def read_points(self, traces: np.ndarray, samples: np.ndarray) -> np.ndarray:
        """Single samples, decoded: one of each trace number, in arrays of the same shape."""
        return self._reader.read_points(traces, samples)

    @cached_property
    def _reader(self) -> TraceReader:
        return TraceReader(self.source, self._layout, self.format)

    def _check_format(self) -> None:
        """Fixed point with gain has a zero byte in every sample; without it the code is wrong."""
        if self.format.code != 4 or self.options["sample_format"] is not None:
            return
        chosen = np.linspace(0, self.n_traces - 1, 8).astype(int)
        starts = self._layout.starts(chosen) + self.header_bytes
        least = self.n_samples if self.sample_counts is None else self.sample_counts[chosen].min()
        raw = self.source.rows(starts, 4 * max(1, int(least))).view(f"{self.order}u4")
        words = raw.astype(np.uint32)
        if not (words >> 24).any():
            return
        decoded = {}
        for code in (5, 1):
            decoded[code] = np.empty(words.shape, np.float32)
            stored = raw.view(samples_.raw_dtype(FORMATS[code], self.order))
            samples_.decode(stored, FORMATS[code], self.order, decoded[code])
        with np.errstate(over="ignore", invalid="ignore"):
            ieee = np.isfinite(decoded[5]).all() and np.abs(decoded[5]).max() < 1e12
        self.format = FORMATS[5 if ieee else 1]
        self.findings.append(
            Finding(
                "sample format",
                {"binary header": "4 (fixed point with gain)", "samples": "first byte not 0"},
                f"{self.format} used",
                "fixed point leaves the first byte of each sample 0; "
                "pass sample_format= to decide otherwise",
            )
        )


_PAIRS_FINDING = Finding(
    "byte order",
    {"bytes 3297-3300": "02 01 04 03"},
    "bytes swapped back as they are read",
    "the constant of revision 2 says that they are swapped in pairs",
)
