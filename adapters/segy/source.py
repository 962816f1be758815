"""Where the bytes of a file come from: a mapping of a local file, or ranges of a remote one.

Whoever reads headers or samples asks a :class:`Source`, and does not know which of them it is. Rows
(the same number of bytes from many places) are how headers and traces are read: from a mapping they
are gathered, from a server they are fetched in few large requests, several at a time.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePath
from typing import Any, Protocol
from urllib.parse import unquote

import numpy as np

from seisgeo.adapters.segy.text import TEXT_BYTES
from seisgeo.errors import FormatError, MissingFileError

__all__ = [
    "LocalSource",
    "PairSwapped",
    "Source",
    "Url",
    "as_place",
    "gather_rows",
    "open_source",
    "require_path",
    "suffix_of",
]

_SCHEME = re.compile(r"[a-zA-Z][\w+.-]*(://|::)")


class Source(Protocol):
    """Bytes by number, as a one-dimensional array of uint8 that is read when it is asked for.

    Attributes
    ----------
    block_bytes : int
        How many bytes of rows are best asked for together.
    """

    block_bytes: int

    @property
    def data(self) -> np.ndarray | None:
        """All bytes, where they can be addressed at once (a mapping), else None."""

    @property
    def stamp(self) -> tuple[str, ...]:
        """What tells this state of the file from another: its size, and its time or tag."""

    def __len__(self) -> int:
        """Size of the file in bytes."""

    def __getitem__(self, part: slice) -> np.ndarray:
        """A run of bytes; what lies beyond the end is left out."""

    def rows(self, starts: np.ndarray, length: int) -> np.ndarray:
        """Bytes `start` to `start + length` of many starts, shape (row, byte); 0 beyond the end."""

    def release(self) -> None:
        """Give back memory of what was read: mapped pages count as memory; they stay in the cache.

        Nothing happens where there is no mapping, or the system knows no such call.
        """


class Url(str):
    """Address of a remote file that can be asked for its name, as a path can.

    As text it is without user, password and query, which may hold a signature: so it can stand in
    messages and in the attributes of a cube. ``address`` is all of it.
    """

    address: str

    def __new__(cls, address: str) -> Url:
        """From the whole address."""
        url = super().__new__(cls, re.sub(r"//[^/@]*@", "//", address).split("?")[0])
        url.address = address
        return url

    @property
    def name(self) -> str:
        """Last part of the path."""
        return unquote(self.split("::")[-1].rstrip("/").rsplit("/", 1)[-1])

    @property
    def suffix(self) -> str:
        """End of the name, with its dot."""
        return PurePath(self.name).suffix


def as_place(path: str | os.PathLike[str]) -> Path | Url:
    """A path, or a URL where the text is one; ``file://`` is a path.

    Examples
    --------
    >>> as_place("https://example.org/line.sgy?version=2").name
    'line.sgy'
    """
    if isinstance(path, Url):
        return path
    name = os.fspath(path)
    if not isinstance(path, os.PathLike) and isinstance(name, str) and _SCHEME.match(name):
        if name.startswith(("file://", "local://")):
            # Two slashes, or three where a host could stand before the path.
            return Path(unquote(re.sub(r"^\w+://(localhost(?=/))?", "", name)))
        return Url(name)
    return Path(path)


def require_path(given: Any, what: str) -> None:
    """Refuse what xarray may be given to open but is no path, as `what` is opened by its path."""
    if not isinstance(given, str | os.PathLike):
        kind = type(given).__name__
        raise FormatError(f"{what} is opened by its path; got an object of type {kind}")


def suffix_of(path: Any) -> str:
    """End of the name of a path or a URL in lower case; "" for any other object."""
    return as_place(path).suffix.lower() if isinstance(path, str | os.PathLike) else ""


def open_source(place: Path | Url, what: str, storage_options: dict[str, Any] | None) -> Source:
    """Open the bytes of a file.

    Parameters
    ----------
    place : pathlib.Path or Url
        From :func:`as_place`.
    what : str
        What is expected there, for messages ("a SEG-Y file").
    storage_options : dict, optional
        How fsspec gets at a remote file (keys, endpoint, headers).

    Returns
    -------
    Source
        The bytes.

    Raises
    ------
    MissingFileError
        If there is no such file.
    FormatError
        If it is empty, or a folder.
    RemoteFileError
        If a remote file cannot be read by ranges.
    """
    if isinstance(place, Url):
        from seisgeo.adapters.segy.remote import RemoteSource

        source: Source = RemoteSource(place, storage_options)
    else:
        if not place.exists():
            raise MissingFileError(f"{place}: no such file")
        if place.is_dir():
            raise FormatError(f"{place}: is a folder; expected {what}")
        source = LocalSource(place)
    if len(source) == 0:
        least = " of at least 3600 bytes" if "SEG-Y" in what else ""
        raise FormatError(f"{place}: the file is empty; expected {what}{least}")
    return source


class LocalSource:
    """A local file, mapped."""

    block_bytes = 4 << 20

    def __init__(self, path: Path) -> None:
        with path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            self.stamp = (str(status.st_size), str(status.st_mtime_ns))
            self._mapping: Any = None
            if status.st_size:
                import mmap

                self._mapping = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        self.data = np.frombuffer(self._mapping or b"", np.uint8)

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, part: slice) -> np.ndarray:
        return self.data[part]

    def rows(self, starts: np.ndarray, length: int) -> np.ndarray:
        """Rows, gathered from the mapping."""
        return gather_rows(self.data, starts, length)

    def read_ahead(self, wanted: bool) -> None:
        """Tell the system that the file is about to be read from its beginning to its end."""
        import mmap

        if hasattr(mmap, "MADV_SEQUENTIAL"):
            advice = mmap.MADV_SEQUENTIAL if wanted else mmap.MADV_NORMAL
            self._mapping.madvise(advice)

    def release(self) -> None:
        """Give mapped pages back."""
        import mmap

        if hasattr(mmap, "MADV_DONTNEED"):
            self._mapping.madvise(mmap.MADV_DONTNEED)


def gather_rows(data: np.ndarray, starts: np.ndarray, length: int) -> np.ndarray:
    """Rows of `length` bytes from an array of bytes; 0 beyond its end."""
    starts = np.asarray(starts, np.int64)
    whole = len(data) - length
    if whole >= 0 and (not len(starts) or int(starts.max()) <= whole):
        return np.lib.stride_tricks.sliding_window_view(data, length)[starts]
    out = np.zeros((len(starts), length), np.uint8)
    inside = starts <= whole
    if whole >= 0:
        out[inside] = np.lib.stride_tricks.sliding_window_view(data, length)[starts[inside]]
    for i in np.flatnonzero(~inside):
        part = data[starts[i] : starts[i] + length]
        out[i, : len(part)] = part
    return out


class PairSwapped:
    """A file whose bytes after the text header are swapped in pairs, swapped back as it is read.

    Text headers may have been swapped with the rest or not: see :func:`.text.decode_text`.
    """

    data: np.ndarray | None = None

    def __init__(self, stored: Source) -> None:
        self._stored = stored
        self.block_bytes = stored.block_bytes
        self.stamp = stored.stamp

    def __len__(self) -> int:
        return len(self._stored)

    def __getitem__(self, part: slice) -> np.ndarray:
        a, b, _ = part.indices(len(self))
        if b <= a:
            return np.empty(0, np.uint8)
        text = self._stored[a : min(b, TEXT_BYTES)]
        if b <= TEXT_BYTES:
            return text
        first = max(a, TEXT_BYTES)
        rest = self.rows(np.array([first]), b - first)[0]
        return np.concatenate([text, rest]) if len(text) else rest

    def rows(self, starts: np.ndarray, length: int) -> np.ndarray:
        """Rows behind the text header."""
        starts = np.asarray(starts, np.int64)
        even = starts & ~1
        width = (length + 2) & ~1
        stored = self._stored.rows(even, width)
        turned = stored.reshape(len(starts), -1, 2)[:, :, ::-1].reshape(len(starts), width)
        if len(self) % 2:  # the last byte has no partner and stays
            last = len(self) - 1 - even
            (at,) = np.nonzero((last >= 0) & (last < width))
            turned[at, last[at]] = stored[at, last[at]]
        odd = starts != even
        out = turned[:, :length]
        if odd.any():
            out = np.where(odd[:, None], turned[:, 1 : length + 1], out)
        return np.ascontiguousarray(out)

    def release(self) -> None:
        """Give mapped pages of the file back."""
        self._stored.release()
