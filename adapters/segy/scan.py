"""All trace headers of a file as a table of columns, scanned once and kept compact.

Most of a trace header is the same in every trace. A scan looks at headers in words of two bytes,
keeps a column of those words that vary and one value of all others: some 25 bytes a trace instead
of 240. A field is put together from its words when it is asked for, wherever it stands, so that one
table serves every mapping of fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from seisgeo.adapters.segy.layout import Layout
from seisgeo.adapters.segy.source import LocalSource, Source
from seisgeo.adapters.segy.sparing import is_sparing
from seisgeo.errors import ParameterError

__all__ = ["HeaderTable", "HeaderWords", "scan"]

# Headers looked at together.
_BLOCK = 4096
# Bytes of a file scanned before its pages are given back; smaller files stay mapped for reading.
_MAPPED_BYTES = 128 << 20
# The same where memory goes before speed.
_SPARING_BYTES = 32 << 20
# Files beyond this size that are scanned show a progress bar, if it takes more than some seconds.
_LONG_BYTES, _PATIENCE_SECONDS = 1 << 30, 3.0


class HeaderWords:
    """The bytes of all trace headers.

    Attributes
    ----------
    n_traces : int
        Number of headers.
    constant : numpy.ndarray of uint8
        The first header, shape (header byte,): true of every trace where no column is.
    columns : dict
        Number of a word (bytes 2 i and 2 i + 1, from 0) -> its values, shape (trace,), uint16 as
        the bytes stand in the file.
    """

    def __init__(self, n_traces: int, constant: np.ndarray, columns: dict[int, np.ndarray]) -> None:
        self.n_traces = n_traces
        self.constant = constant
        self.columns = columns

    def column(self, first: int, dtype: np.dtype) -> np.ndarray:
        """Values that stand at byte `first` (from 0) of each header, in native byte order.

        Parameters
        ----------
        first : int
            First byte.
        dtype : numpy.dtype
            Their type, with the file's byte order.

        Returns
        -------
        numpy.ndarray
            Shape (trace,); not to be written to, as one number may stand for all.
        """
        native = dtype.newbyteorder("=")
        last = first + dtype.itemsize
        words = range(first // 2, (last + 1) // 2)
        if not any(w in self.columns for w in words):
            value = self.constant[first:last].view(dtype)[0]
            return np.broadcast_to(np.array(value, native), self.n_traces)
        if len(words) == 1 and dtype.itemsize == 2:
            return self.columns[words[0]].view(dtype).astype(native)
        together = np.empty((self.n_traces, len(words)), np.uint16)
        constant = self.constant.view(np.uint16)
        for i, word in enumerate(words):
            together[:, i] = self.columns.get(word, constant[word])
        skipped = first - 2 * words[0]
        stored = together.view(np.uint8)[:, skipped : skipped + dtype.itemsize]
        return np.ascontiguousarray(stored).view(dtype)[:, 0].astype(native, copy=False)

    def rows(self, traces: np.ndarray) -> np.ndarray:
        """Headers of some traces as they stand in the file, shape (trace, header byte)."""
        table = np.tile(self.constant, (len(traces), 1))
        for word, values in self.columns.items():
            table.view(np.uint16)[:, word] = values[traces]
        return table


class HeaderTable:
    """Trace headers by field: ``table["field_record"]`` is an array of shape (trace,)."""

    def __init__(self, words: HeaderWords, dtype: np.dtype) -> None:
        self.words = words
        self.dtype = dtype

    def __len__(self) -> int:
        return self.words.n_traces

    def __getitem__(self, name: str) -> np.ndarray:
        fields: Any = self.dtype.fields
        if name not in fields:
            raise ParameterError(f"no field of name {name!r}; there are {', '.join(fields)}")
        dtype, first = fields[name][:2]
        return self.words.column(first, dtype)


def scan(source: Source, layout: Layout) -> HeaderWords:
    """Read all trace headers of a file, once and from its beginning to its end.

    Parameters
    ----------
    source : Source
        The file's bytes.
    layout : Layout
        Where its traces stand.

    Returns
    -------
    HeaderWords
        All headers.
    """
    n, size = layout.n_traces, layout.header_bytes
    first = np.array(source[layout.start : layout.start + size])
    common = first.view(np.uint16)
    columns: dict[int, np.ndarray] = {}
    for a, block in _blocks(source, layout):
        words = block.view(np.uint16)
        varies = (words != common).any(axis=0)
        for word in np.flatnonzero(varies).tolist():
            if word not in columns:
                columns[word] = np.full(n, common[word])
        for word, values in columns.items():
            values[a : a + len(words)] = words[:, word]
    return HeaderWords(n, first, columns)


def _blocks(source: Source, layout: Layout) -> Iterator[tuple[int, np.ndarray]]:
    """Number of the first trace and the headers of some at a time, contiguous."""
    n, size = layout.n_traces, layout.header_bytes
    step = _BLOCK
    if source.data is None:
        # As many as are worth a flight of requests.
        step = max(_BLOCK, source.block_bytes // layout.trace_bytes)
    starts = layout.all_starts() if layout.counts is not None else None
    local = source if isinstance(source, LocalSource) else None
    passed = 0
    if local:
        local.read_ahead(True)
    try:
        for a in _shown(range(0, n, step), source, step, n):
            b = min(a + step, n)
            if starts is None and source.data is not None:
                block = np.ndarray(
                    (b - a, size),
                    np.uint8,
                    buffer=source.data,
                    offset=layout.start + a * layout.trace_bytes,
                    strides=(layout.trace_bytes, 1),
                )
            else:
                at = layout.starts(np.arange(a, b)) if starts is None else starts[a:b]
                block = source.rows(at, size)
            yield a, np.ascontiguousarray(block)
            passed += int((b - a) * layout.trace_bytes)
            if passed > (_SPARING_BYTES if is_sparing() else _MAPPED_BYTES):
                source.release()
                passed = 0
    finally:
        if local:
            local.read_ahead(False)


def _shown(blocks: range, source: Source, step: int, n: int) -> Iterator[int]:
    """The blocks, with a bar where reading them may take long."""
    if len(source) < _LONG_BYTES and source.data is not None:
        yield from blocks
        return
    from tqdm.auto import tqdm

    with tqdm(
        total=n, desc="reading headers", unit=" traces", delay=_PATIENCE_SECONDS, leave=False
    ) as bar:
        for a in blocks:
            yield a
            bar.update(min(step, n - a))
