"""Samples of traces by their numbers, from whatever source and of whatever length.

Traces of one length that are mapped are decoded by the compiled kernels straight into the output,
or by NumPy. All others are gathered row by row first, as many as fit a block.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from seisgeo.adapters.segy import samples as samples_
from seisgeo.adapters.segy.layout import Layout
from seisgeo.adapters.segy.samples import SampleFormat
from seisgeo.adapters.segy.source import Source

__all__ = ["TraceReader", "as_slice"]


class TraceReader:
    """Decodes samples of a file.

    Parameters
    ----------
    source : Source
        The file's bytes.
    layout : Layout
        Where its traces stand.
    fmt : SampleFormat
        How samples are stored.
    """

    def __init__(self, source: Source, layout: Layout, fmt: SampleFormat) -> None:
        self.source, self.layout, self.format = source, layout, fmt

    def read(self, traces: np.ndarray, samples: slice | np.ndarray, out: np.ndarray) -> None:
        """Fill `out` with samples of traces.

        Parameters
        ----------
        traces : numpy.ndarray of int64
            Trace numbers, within the file; -1 stands for a missing trace.
        samples : slice or numpy.ndarray of int
            Which samples of each, within the longest trace.
        out : numpy.ndarray
            Shape (trace, sample), type ``format.decoded``. Missing traces, and samples beyond a
            trace's own end, become NaN.
        """
        w = self.layout
        if self._raw is not None and isinstance(samples, slice) and self._words is not None:
            chosen = range(w.n_samples)[samples]
            stride = w.trace_bytes // self.format.itemsize
            if samples_.gather(self._words, stride, self.format, w.order, traces, chosen, out):
                return
        live = traces >= 0
        if live.all():
            self._read_live(traces, samples, out)
            return
        known = np.empty((np.count_nonzero(live), out.shape[1]), out.dtype)
        self._read_live(traces[live], samples, known)
        out[live] = known
        out[~live] = np.nan

    def read_points(self, traces: np.ndarray, samples: np.ndarray) -> np.ndarray:
        """Single samples: one of each trace number, in arrays of the same shape."""
        traces, at = traces.ravel(), samples.ravel()
        out = np.empty((traces.size, 1), self.format.decoded)
        if self._raw is not None:
            samples_.decode(self._raw[traces, at][:, None], self.format, self.layout.order, out)
        elif traces.size:
            starts = self.starts(traces) + self.layout.header_bytes + at * self.format.itemsize
            self._decode_rows(starts, slice(0, 1), 1, out)
            if self.layout.counts is not None:
                out[at >= self.layout.counts[traces], 0] = np.nan
        return out.reshape(samples.shape)

    def _read_live(self, numbers: np.ndarray, samples: slice | np.ndarray, out: np.ndarray) -> None:
        if self._raw is None:
            self._read_rows(numbers, samples, out)
            return
        raw, traces, order = self._raw, as_slice(numbers), self.layout.order
        if isinstance(traces, slice):
            samples_.decode(raw[traces][:, samples], self.format, order, out)
            return
        block = max(1, self.source.block_bytes // (out.shape[1] * self.format.itemsize))
        for a in range(0, len(traces), block):
            chosen = traces[a : a + block]
            if isinstance(samples, slice):
                words = raw[chosen, samples]
            else:
                words = raw[chosen[:, None], samples]
            samples_.decode(words, self.format, order, out[a : a + block])

    def _read_rows(self, numbers: np.ndarray, samples: slice | np.ndarray, out: np.ndarray) -> None:
        """Read by rows that span the samples asked for."""
        if not out.size:
            return
        w = self.layout
        wanted = np.arange(w.n_samples)[samples]
        first, last = int(wanted.min()), int(wanted.max())
        inner: slice | np.ndarray = as_slice(wanted - first)
        length = last + 1 - first
        block = max(1, self.source.block_bytes // (length * self.format.itemsize))
        # Neighbours on disk together, so that ranges of a remote file are long.
        order = np.argsort(numbers, kind="stable") if len(numbers) > block else None
        for a in range(0, len(numbers), block):
            rows = slice(a, a + block) if order is None else order[a : a + block]
            chosen = numbers[rows]
            starts = self.starts(chosen) + w.header_bytes + first * self.format.itemsize
            part = out[rows] if order is None else np.empty((len(chosen), out.shape[1]), out.dtype)
            self._decode_rows(starts, inner, length, part)
            if w.counts is not None:
                part[wanted >= w.counts[chosen][:, None]] = np.nan
            if order is not None:
                out[rows] = part

    def starts(self, traces: np.ndarray) -> np.ndarray:
        """First byte of each of some traces, by their numbers."""
        if self.layout.counts is None:
            return self.layout.starts(traces)
        return self._all_starts[traces]

    @cached_property
    def _all_starts(self) -> np.ndarray:
        return self.layout.all_starts()

    def _decode_rows(
        self, starts: np.ndarray, inner: slice | np.ndarray, length: int, out: np.ndarray
    ) -> None:
        rows = self.source.rows(starts, length * self.format.itemsize)
        stored = samples_.raw_dtype(self.format, self.layout.order)
        rows = np.ascontiguousarray(rows).reshape(len(rows), length, self.format.itemsize)
        raw = rows if stored.shape else rows.view(stored)[..., 0]
        samples_.decode(raw[:, inner], self.format, self.layout.order, out)

    @cached_property
    def _raw(self) -> np.ndarray | None:
        """Samples of all traces as they stand in the file; None where they are no regular grid."""
        w = self.layout
        if self.source.data is None or w.counts is not None:
            return None
        stored = samples_.raw_dtype(self.format, w.order)
        inner = stored.shape
        return np.ndarray(
            (w.n_traces, w.n_samples, *inner),
            stored.base,
            buffer=self.source.data,
            offset=w.start + w.header_bytes,
            strides=(w.trace_bytes, self.format.itemsize, *(1,) * len(inner)),
        )

    @cached_property
    def _words(self) -> np.ndarray | None:
        return None if self._raw is None else samples_.as_words(self._raw, self.format)


def as_slice(numbers: np.ndarray) -> np.ndarray | slice:
    """The slice that names the same traces, where there is one: then nothing need be gathered."""
    if len(numbers) == 0:
        return slice(0, 0)
    step = int(numbers[1]) - int(numbers[0]) if len(numbers) > 1 else 1
    if step < 1 or (len(numbers) > 2 and (np.diff(numbers) != step).any()):
        return numbers
    return slice(int(numbers[0]), int(numbers[-1]) + 1, step)
