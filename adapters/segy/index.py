"""The header index: trace headers of a large or remote file, kept so that it opens at once again.

A small file beside the data, ``NAME.seisgeo-headers``; where that folder cannot be written, or the
data are remote, in the user's cache. It is only an aid: one that is stale, broken or of another
version is passed over and made anew, and removing it does no harm.

It begins with 8 bytes ``SGYHEAD1`` and two little-endian numbers of 4 bytes: the length of a JSON
object that follows, and the CRC-32 of all that stands behind these 16 bytes. The object holds
``stamp`` (size and time of the data, or the server's tag), ``digest`` (BLAKE2b of the file header
and the headers of up to 17 traces), the layout (``order``, ``start``, ``end``, ``header_bytes``,
``itemsize``, ``n_traces``, ``n_samples``), ``first`` (the first trace header, in hexadecimal) and
``columns``: pairs [word, bytes] of the words of two bytes that vary, from 0, and at last -1 and -2
for the low and high half of the sample counts, where traces differ in length. The columns follow:
differences from trace to trace of the words as numbers, modulo 65536; first all low and then all
high bytes; compressed by zlib.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import struct
import zlib
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from seisgeo.adapters.segy.extents import checked_traces
from seisgeo.adapters.segy.layout import Layout
from seisgeo.adapters.segy.lengths import Walk
from seisgeo.adapters.segy.scan import HeaderWords
from seisgeo.adapters.segy.source import Source, Url
from seisgeo.files import whole_output

__all__ = ["INDEX_SUFFIX", "HeaderIndex"]

#: End of the name of an index.
INDEX_SUFFIX = ".seisgeo-headers"
#: Environment variable: "off", or a folder that takes all indexes.
VARIABLE = "SEISGEO_HEADER_INDEX"

_MAGIC = b"SGYHEAD1"
_PREAMBLE = struct.Struct("<8sII")
# Local files from this size on are indexed: smaller ones are scanned in less than a tenth of a
# second even from a slow disk.
_LEAST_BYTES = 256 << 20
# Bytes of a file header that go into the digest, indexes kept in the cache, and the largest read.
_DIGESTED, _MOST_KEPT, _LARGEST = 1 << 20, 1000, 1 << 31


class HeaderIndex:
    """The index of one file.

    Parameters
    ----------
    place : pathlib.Path or Url
        The data.
    source : Source
        Their bytes.
    """

    def __init__(self, place: Path | Url, source: Source) -> None:
        self._source = source
        self._homes = _homes(place, source)

    @cached_property
    def _loaded(self) -> tuple[dict[str, Any], bytes]:
        return self._load()

    def known_counts(self, walk: Walk) -> np.ndarray | None:
        """Sample counts of each trace that this walk gives, if they are kept here and still true.

        Parameters
        ----------
        walk : Walk
            Byte order, first and last byte, bytes of headers and of a sample.

        Returns
        -------
        numpy.ndarray of uint32 or None
            Shape (trace,).
        """
        about, body = self._loaded
        if not about or [about.get(k) for k in walk._fields] != list(walk):
            return None
        try:
            columns = _columns(about, body, wanted=(-1, -2))
            if len(columns) != 2:
                return None
            counts = columns[-1].astype(np.uint32) | columns[-2].astype(np.uint32) << 16
        except (ValueError, KeyError, TypeError, zlib.error):
            return None
        lengths = walk.header_bytes + counts.astype(np.int64) * walk.itemsize
        starts = walk.start + np.cumsum(lengths) - lengths
        if starts[-1] + lengths[-1] > walk.end:
            return None
        chosen = starts[checked_traces(len(counts))]
        same = _digest(self._source, walk.start, chosen, walk.header_bytes) == about["digest"]
        return counts if same else None

    def read(self, layout: Layout) -> HeaderWords | None:
        """All trace headers, if they are kept here and still true.

        Parameters
        ----------
        layout : Layout
            Where the traces stand.

        Returns
        -------
        HeaderWords or None
            The headers.
        """
        about, body = self._loaded
        if not about:
            return None
        facts = _facts(self._source, layout)
        if any(about.get(key) != value for key, value in facts.items()):
            return None
        if about.get("digest") != _digest_of(self._source, layout):
            return None
        try:
            first = np.frombuffer(bytes.fromhex(about["first"]), np.uint8)
            columns = _columns(about, body)
        except (ValueError, KeyError, TypeError, zlib.error):
            return None
        if len(first) != layout.header_bytes:
            return None
        dtype = np.dtype(f"{layout.order}u2")
        stored = {
            word: values.astype(dtype).view(np.uint16)
            for word, values in columns.items()
            if 0 <= word < layout.header_bytes // 2
        }
        return HeaderWords(layout.n_traces, first, stored)

    def write(self, layout: Layout, words: HeaderWords) -> None:
        """Keep trace headers, if that is worth it; where nothing can be written, nothing is.

        Parameters
        ----------
        layout : Layout
            Where the traces stand.
        words : HeaderWords
            The headers.
        """
        if not self._homes:
            return
        source = self._source
        dtype = np.dtype(f"{layout.order}u2")
        numbers = {word: values.view(dtype) for word, values in words.columns.items()}
        if layout.counts is not None:
            counts = layout.counts.astype(np.uint32)
            numbers[-1], numbers[-2] = counts & 0xFFFF, counts >> 16
        packed = [(word, _packed(values)) for word, values in numbers.items()]
        about = {
            **_facts(source, layout),
            "digest": _digest_of(source, layout),
            "first": words.constant.tobytes().hex(),
            "columns": [[word, len(part)] for word, part in packed],
        }
        text = json.dumps(about).encode()
        parts = [text, *(part for _, part in packed)]
        checksum = 0
        for part in parts:
            checksum = zlib.crc32(part, checksum)
        for home in self._homes:
            with contextlib.suppress(OSError):
                with whole_output(home, overwrite=True) as stage, stage.open("wb") as stream:
                    stream.write(_PREAMBLE.pack(_MAGIC, len(text), checksum))
                    stream.writelines(parts)
                if home.parent == _cache_folder():
                    _drop_oldest(home.parent)
                return

    def _load(self) -> tuple[dict[str, Any], bytes]:
        """What an index of this state of the data says, and its columns; empty without one."""
        for home in self._homes:
            try:
                with home.open("rb") as stream:
                    if os.fstat(stream.fileno()).st_size > _LARGEST:
                        continue
                    preamble = stream.read(_PREAMBLE.size)
                    magic, length, checksum = _PREAMBLE.unpack(preamble)
                    if magic != _MAGIC:
                        continue
                    body = stream.read()
                if zlib.crc32(body) != checksum:
                    continue
                about = json.loads(body[:length])
            except (OSError, ValueError, struct.error):
                continue
            if isinstance(about, dict) and about.get("stamp") == list(self._source.stamp):
                return about, body[length:]
        return {}, b""


def _columns(
    about: dict[str, Any], body: bytes, wanted: tuple[int, ...] | None = None
) -> dict[int, np.ndarray]:
    found, at, n = {}, 0, int(about["n_traces"])
    for word, size in about["columns"]:
        part = body[at : at + size]
        at += size
        if wanted is None or word in wanted:
            found[int(word)] = _unpacked(part, n)
    return found


def _packed(values: np.ndarray) -> bytes:
    numbers = values.astype(np.uint16)
    steps = np.diff(numbers, prepend=np.uint16(0))
    planes = np.empty((2, len(steps)), np.uint8)
    planes[0], planes[1] = steps & 0xFF, steps >> 8
    return zlib.compress(planes.tobytes(), 1)


def _unpacked(part: bytes, n: int) -> np.ndarray:
    reader = zlib.decompressobj()
    raw = reader.decompress(part, 2 * n + 1)
    if len(raw) != 2 * n:
        raise ValueError("a column of another length")
    planes = np.frombuffer(raw, np.uint8).reshape(2, n)
    steps = planes[1].astype(np.uint16) << 8
    steps |= planes[0]
    return np.cumsum(steps, dtype=np.uint16)


def _facts(source: Source, w: Layout) -> dict[str, Any]:
    return {
        "stamp": list(source.stamp),
        "order": w.order,
        "start": w.start,
        "end": len(source) - w.trailer_bytes,
        "header_bytes": w.header_bytes,
        "itemsize": w.format.itemsize,
        "n_traces": w.n_traces,
        "n_samples": w.n_samples,
    }


def _digest_of(source: Source, w: Layout) -> str:
    return _digest(source, w.start, w.starts(checked_traces(w.n_traces)), w.header_bytes)


def _digest(source: Source, start: int, traces: np.ndarray, header_bytes: int) -> str:
    known = hashlib.blake2b(digest_size=16)
    known.update(source[: min(start, _DIGESTED)].tobytes())
    known.update(source.rows(traces, header_bytes).tobytes())
    return known.hexdigest()


def _homes(place: Path | Url, source: Source) -> list[Path]:
    """Where an index may stand, the best place first."""
    wish = os.environ.get(VARIABLE, "")
    if wish.lower() in ("off", "0", "no", "false"):
        return []
    local = isinstance(place, Path)
    if len(source) < _LEAST_BYTES if local else source.data is not None:
        return []
    beside = [place.with_name(place.name + INDEX_SUFFIX)] if isinstance(place, Path) else []
    address = str(place.absolute()) if isinstance(place, Path) else str(place)
    key = hashlib.blake2b(address.encode(), digest_size=12).hexdigest()
    folder = Path(wish) if wish else _cache_folder()
    away = folder / f"{key}-{place.name[-80:]}{INDEX_SUFFIX}"
    return [away] if wish else [*beside, away] if local else [away]


def _cache_folder() -> Path:
    import platformdirs

    return Path(platformdirs.user_cache_dir("seisgeo")) / "headers"


def _drop_oldest(folder: Path) -> None:
    """Keep the cache from growing without end."""
    kept = sorted(folder.glob(f"*{INDEX_SUFFIX}"), key=lambda p: p.stat().st_mtime)
    for path in kept[:-_MOST_KEPT]:
        path.unlink(missing_ok=True)
