"""OpenFWI's ``.npy`` files: checked headers, and many files as one lazy array."""

from __future__ import annotations

import math
import mmap
import re
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from xarray.backends import BackendArray
from xarray.core import indexing

from seisgeo.errors import FormatError, MissingFileError

__all__ = [
    "SEISMIC_WORDS",
    "VELOCITY_WORDS",
    "NpyFile",
    "NpyStack",
    "file_kind",
    "first_word",
    "read_header",
]

#: First words of OpenFWI's file names.
SEISMIC_WORDS = ("data", "seis")
VELOCITY_WORDS = ("model", "vel")

_NAMED = re.compile(r"(data|seis|model|vel)([\d_].*)?", re.IGNORECASE)
_NAMED_VELOCITY = re.compile(r"model|vel", re.IGNORECASE)

# Velocities of rock and water (m/s) by which a file is known whose name does not say what it holds,
# and how many values along each axis of its first sample are looked at.
_VELOCITIES = (300.0, 10_000.0)
_LOOKED_AT = 64

#: Files mapped at the same time; a mapping holds a file descriptor.
_OPEN_FILES = 64


@dataclass(frozen=True)
class NpyFile:
    """A checked ``.npy`` file seen as samples: seismic or velocity.

    Attributes
    ----------
    path : str
        The file.
    shape : tuple of int
        Shape in the file.
    dtype : numpy.dtype
        Type in the file.
    start : int
        Byte at which the values begin.
    fortran : bool
        Whether the first index varies fastest.
    kind : str
        ``"seismic"`` or ``"velocity"``.
    """

    path: str
    shape: tuple[int, ...]
    dtype: np.dtype
    start: int
    fortran: bool
    kind: str

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """Shape of one sample: (source, time, receiver) or (depth, x)."""
        return self.shape[-3:] if self.kind == "seismic" else self.shape[-2:]

    @property
    def count(self) -> int:
        """Samples in the file; a record without a sample axis is one."""
        return math.prod(self.shape) // math.prod(self.sample_shape)

    def map(self) -> tuple[np.ndarray, mmap.mmap]:
        """Values as (sample, ...) and the read-only mapping under them; nothing is read yet."""
        with open(self.path, "rb") as stream:
            mapping = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        order: Any = "F" if self.fortran else "C"
        try:
            values = np.ndarray(self.shape, self.dtype, mapping, self.start, order=order)
        except TypeError as error:  # the mapping is too short
            raise FormatError(
                f"{self.path}: has become shorter since it was opened; open it again"
            ) from error
        return values.reshape(self.count, *self.sample_shape), mapping

    @classmethod
    def read(cls, path: Path) -> NpyFile:
        """Read and check the header of `path`; raise FormatError where it is not usable."""
        shape, dtype, start, fortran = read_header(path)
        if dtype.kind not in "fiu":
            why = " (a pickle, which is never loaded)" if dtype.hasobject else ""
            raise FormatError(
                f"{path}: expected plain numbers (float32), found dtype {dtype}{why}; save the "
                "array again with .astype('float32')"
            )
        if 0 in shape:
            raise FormatError(f"{path}: holds no samples, its shape is {shape}")
        expected = start + math.prod(shape) * dtype.itemsize
        size = path.stat().st_size
        if size < expected:
            raise FormatError(
                f"{path}: cut short: its header says {shape} {dtype}, which takes {expected} "
                f"bytes, but the file has {size}; copy or download it again"
            )
        order: Any = "F" if fortran else "C"
        kind = file_kind(path, shape, lambda: np.memmap(path, dtype, "r", start, shape, order)[0])
        return cls(str(path), shape, dtype, start, fortran, kind)


def read_header(path: Path) -> tuple[tuple[int, ...], np.dtype, int, bool]:
    """Shape, type, byte at which the values begin, and Fortran order of a ``.npy`` file."""
    npy = np.lib.format
    try:
        with path.open("rb") as stream:
            version = npy.read_magic(stream)
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, fortran, dtype = read(stream)
            return shape, dtype, stream.tell(), fortran
    except FileNotFoundError:
        raise MissingFileError(f"{path}: no such file") from None
    except ValueError as error:
        raise FormatError(
            f"{path}: not a .npy file that can be read ({str(error).splitlines()[0]})"
        ) from error


def first_word(path: Path) -> str:
    """First word of OpenFWI's file names (data, seis, model, vel), or nothing."""
    match = _NAMED.fullmatch(path.stem)
    return match[1].lower() if match else ""


def file_kind(path: Path, shape: tuple[int, ...], first: Callable[[], np.ndarray]) -> str:
    """What a ``.npy`` file holds, by its name, else by its shape and its first sample.

    Parameters
    ----------
    path : pathlib.Path
        Name of the file.
    shape : tuple of int
        Shape in the file.
    first : callable
        Gives the first sample; called only where the name and the shape leave it open: an array
        (sample, 1, ., .) may be velocity maps or the gathers of a single source.

    Returns
    -------
    {"velocity", "seismic"}
        The kind.

    Raises
    ------
    FormatError
        If the shape is neither's, or not what the name says.
    """
    word = first_word(path)
    channel = len(shape) == 4 and shape[1] == 1
    maps = channel or len(shape) == 3
    if word in VELOCITY_WORDS and not maps:
        raise FormatError(
            f"{path}: expected velocity maps of shape (sample, 1, depth, x), found {shape}"
        )
    if maps and word not in SEISMIC_WORDS:
        named = _NAMED_VELOCITY.match(path.stem)
        if named or (channel and _are_velocities(first())):
            return "velocity"
    if len(shape) in (3, 4):
        return "seismic"
    raise FormatError(
        f"{path}: expected seismic data of shape (sample, source, time, receiver), one record "
        f"(source, time, receiver), or velocity maps (sample, 1, depth, x); found {shape}"
    )


def _are_velocities(sample: np.ndarray) -> bool:
    some = sample[tuple(slice(None, None, max(1, n // _LOOKED_AT)) for n in sample.shape)]
    low, high = _VELOCITIES
    return bool(((some > low) & (some < high)).all())


class NpyStack(BackendArray):
    """Many ``.npy`` files as one lazy float32 array along the sample axis.

    Only the bytes that an index asks for are read, through read-only mappings that are opened when
    first needed. It can be pickled and used from threads.

    Parameters
    ----------
    files : sequence of NpyFile
        Files of the same kind and sample shape.
    """

    def __init__(self, files: Sequence[NpyFile]):
        self.files = tuple(files)
        self.dtype = np.dtype(np.float32)
        self.starts = np.cumsum([0, *(f.count for f in files)])
        self.shape = (int(self.starts[-1]), *files[0].sample_shape)
        self._new_maps()

    def _new_maps(self) -> None:
        self._maps: OrderedDict[int, tuple[np.ndarray, mmap.mmap]] = OrderedDict()
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("_maps", "_lock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._new_maps()

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._read
        )

    def _map(self, number: int) -> tuple[np.ndarray, mmap.mmap]:
        with self._lock:
            if number not in self._maps:
                self._maps[number] = self.files[number].map()
                if len(self._maps) > _OPEN_FILES:
                    self._maps.popitem(last=False)
            self._maps.move_to_end(number)
            return self._maps[number]

    def _read(self, key: tuple[Any, ...]) -> np.ndarray:
        first, *rest = key
        if isinstance(first, (int, np.integer)):
            rows = np.array([first])
        elif isinstance(first, slice):
            rows = np.arange(*first.indices(self.shape[0]))
        else:
            rows = np.asarray(first)
        rows = np.where(rows < 0, rows + self.shape[0], rows)
        if rows.size and not (rows.min() >= 0 and rows.max() < self.shape[0]):
            raise IndexError(f"sample index out of range: there are {self.shape[0]} samples")
        out = np.empty((len(rows), *_outer_shape(self.shape[1:], rest)), self.dtype)
        for start, stop in _runs(rows, self.starts):
            number = bisect_right(self.starts, rows[start]) - 1
            begin = rows[start] - self.starts[number]
            values, mapping = self._map(number)
            out[start:stop] = _outer(values[begin : begin + stop - start], rest)
            _release(mapping)
        return out[0] if isinstance(first, (int, np.integer)) else out


def _release(mapping: mmap.mmap) -> None:
    """Give the pages that were read back to the system's cache.

    Otherwise the process seems to grow by every byte it has ever read.
    """
    if hasattr(mmap, "MADV_DONTNEED"):
        mapping.madvise(mmap.MADV_DONTNEED)


def _runs(rows: np.ndarray, starts: np.ndarray) -> Iterator[tuple[int, int]]:
    """Stretches of `rows` that follow one another within one file."""
    if not rows.size:
        return
    file = np.searchsorted(starts, rows, side="right")
    breaks = np.flatnonzero((np.diff(rows) != 1) | (np.diff(file) != 0)) + 1
    edges = [0, *breaks.tolist(), len(rows)]
    yield from pairwise(edges)


def _outer_shape(shape: Sequence[int], key: Sequence[Any]) -> list[int]:
    sizes = []
    for size, k in zip(shape, key, strict=True):
        if isinstance(k, slice):
            sizes.append(len(range(*k.indices(size))))
        elif not isinstance(k, (int, np.integer)):
            sizes.append(len(k))
    return sizes


def _outer(block: np.ndarray, key: Sequence[Any]) -> np.ndarray:
    """Index every axis of `block` but the first by itself."""
    simple = [k if isinstance(k, (int, np.integer, slice)) else slice(None) for k in key]
    out = block[(slice(None), *simple)]
    axis = 1
    for k in key:
        if isinstance(k, (int, np.integer)):
            continue
        if not isinstance(k, slice):
            out = out.take(np.asarray(k), axis=axis)
        axis += 1
    return out
