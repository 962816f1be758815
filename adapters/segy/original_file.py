"""What an open file holds beside its cube: its bytes, in order and a few at a time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from seisgeo.adapters.segy.exact import inexact
from seisgeo.adapters.segy.original import BLOCK_BYTES, Original, labels_of
from seisgeo.adapters.segy.text import TEXT_BYTES

if TYPE_CHECKING:
    from seisgeo.adapters.segy.cube import Cube

__all__ = ["of_file"]


def of_file(cube: Cube) -> Original | None:
    """What a file that is open holds beside its cube.

    Parameters
    ----------
    cube : Cube
        The file and its cube.

    Returns
    -------
    Original or None
        None where the file is not there any more.
    """
    file = cube.file
    length = file.n_samples * file.format.itemsize
    if file.trace_bytes != file.header_bytes + length:
        return None
    source = _Source(file.path, file.pairs_swapped)
    first, end = file.data_start, file.n_traces * file.trace_bytes
    try:
        head = source.read(0, first).tobytes()
        tail = source.read(first + end, file.size).tobytes()
    except OSError:
        return None
    if len(head) + end + len(tail) != file.size:
        return None
    scale = cube.content.scale
    lost = np.ones(file.n_traces, bool)
    lost[cube.geometry.lookup[cube.geometry.lookup >= 0]] = False
    block = max(1, BLOCK_BYTES // file.trace_bytes)
    traces = _Traces(source, first, file.trace_bytes)
    for a in range(0, file.n_traces, block):
        b = min(a + block, file.n_traces)
        samples = traces.run(a, b)[:, file.header_bytes :]
        lost[a:b] |= inexact(samples, file.format, file.order, scale)
    kept = np.flatnonzero(lost)
    return Original(
        variable=cube.content.quantity,
        dims=cube.geometry.dims if cube.along is None else ("x",),
        labels=labels_of(cube.dataset()),
        lookup=cube.geometry.lookup,
        order=file.order,
        format=file.format,
        scale=scale,
        n_traces=file.n_traces,
        n_samples=file.n_samples,
        header_bytes=file.header_bytes,
        head=head,
        tail=tail,
        headers=lambda numbers: traces.of(numbers)[:, : file.header_bytes],
        kept=kept,
        kept_samples=lambda places: traces.of(kept[places])[:, file.header_bytes :],
        in_pairs=file.pairs_swapped,
    )


class _Source(NamedTuple):
    """Bytes of a file, in order."""

    path: Path
    in_pairs: bool

    def read(self, a: int, b: int) -> np.ndarray:
        """Bytes a to b, mapped only as long as the result lives: so memory stays bounded."""
        if b <= a:
            return np.empty(0, np.uint8)
        if not self.in_pairs or b <= TEXT_BYTES:
            return np.asarray(np.memmap(self.path, np.uint8, mode="r", offset=a, shape=(b - a,)))
        # Pairs are counted from the end of the text header, which may be swapped or not.
        low, high = a - a % 2, min(b + b % 2, os.path.getsize(self.path))
        data = np.fromfile(self.path, np.uint8, high - low, offset=low)
        start = max(0, TEXT_BYTES - low)
        swapped = data[start:]
        pairs = swapped[: len(swapped) // 2 * 2]
        pairs.view(np.uint16).byteswap(inplace=True)
        return data[a - low : b - low]


class _Traces(NamedTuple):
    """Traces of one length, one after the other."""

    source: _Source
    start: int
    length: int

    def run(self, a: int, b: int) -> np.ndarray:
        """Traces a to b, shape (trace, byte)."""
        raw = self.source.read(self.start + a * self.length, self.start + b * self.length)
        return raw.reshape(b - a, self.length)

    def of(self, numbers: np.ndarray) -> np.ndarray:
        """Traces of ascending numbers."""
        if not len(numbers):
            return np.empty((0, self.length), np.uint8)
        first = int(numbers[0])
        traces = self.run(first, int(numbers[-1]) + 1)
        return traces if len(traces) == len(numbers) else traces[numbers - first]
