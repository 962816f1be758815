"""Remote files by ranges of bytes, over fsspec: HTTP, S3 and whatever else it knows.

Nothing is copied to disk and only what is asked for is fetched: close ranges together, several
requests at a time. A file that changes while it is open is found out by its size and tag.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from typing import Any

import numpy as np

from seisgeo.adapters.segy.source import Url, gather_rows
from seisgeo.errors import MissingFileError, RemoteFileError, SeisgeoError

__all__ = ["RemoteSource"]

# A file up to this size is fetched whole; of larger ones pages of the next size are, and some kept.
_WHOLE_BYTES = 1 << 20
_PAGE_BYTES, _PAGES_KEPT = 64 << 10, 8
# Gaps up to this are fetched with what lies around them: with some requests on their way at a time,
# one costs about a millisecond, in which so many bytes come.
_GAP_BYTES = 32 << 10
# The largest request, and what is fetched before rows are taken out of it.
_REQUEST_BYTES, _FLIGHT_BYTES = 4 << 20, 64 << 20
# Requests at a time: small servers drop connections of which too many come at once.
_AT_ONCE = 16
# The last rows are kept up to this size: those of a piece of a conversion.
_LAST_BYTES = 8 << 20
# Results of a few rows are kept: the same headers are looked at more than once in opening.
_FEW_ROWS, _RESULTS_KEPT = 64, 8
# Seconds after which the next reading asks whether the file is still the same.
_RECHECK_SECONDS = 1.0

#: Packages that fsspec needs for a protocol.
_PACKAGES = {
    **dict.fromkeys(("s3", "s3a"), "s3fs"),
    **dict.fromkeys(("gs", "gcs"), "gcsfs"),
    **dict.fromkeys(("abfs", "abfss", "az", "adl"), "adlfs"),
    **dict.fromkeys(("sftp", "ssh"), "paramiko"),
    **dict.fromkeys(("http", "https"), "aiohttp"),
    **dict.fromkeys(("hdfs",), "pyarrow"),
    **dict.fromkeys(("smb",), "smbprotocol"),
    **dict.fromkeys(("oss",), "ossfs"),
    **dict.fromkeys(("webdav", "dav"), "webdav4"),
}
# What file systems call the mark of a file's state.
_MARKS = (
    *("ETag", "etag", "md5", "content_hash", "Content-MD5", "generation"),
    *("LastModified", "Last-Modified", "last_modified", "mtime", "updated", "created"),
)


class RemoteSource:
    """A remote file.

    Parameters
    ----------
    url : Url
        Its address.
    storage_options : dict, optional
        For fsspec's file system: keys, endpoint, headers.

    Raises
    ------
    MissingFileError
        If there is no such file.
    RemoteFileError
        If the server cannot be reached, refuses, does not give ranges, or a package is missing.
    """

    data: np.ndarray | None = None
    block_bytes = _FLIGHT_BYTES

    def __init__(self, url: Url, storage_options: dict[str, Any] | None = None) -> None:
        self.url = url
        self._fs, self._path = self._connect(storage_options or {})
        self._pages: OrderedDict[int, np.ndarray] = OrderedDict()
        self._results: OrderedDict[tuple[bytes, int], np.ndarray] = OrderedDict()
        self._last: list[tuple[int, np.ndarray]] = []
        self.stamp = self._ask()
        self._size = int(self.stamp[0])
        self._asked = time.monotonic()
        if self._size <= _WHOLE_BYTES:
            self.data = self._fetch([(0, self._size)])[0] if self._size else np.empty(0, np.uint8)
            return
        self._require_ranges()
        (head,) = self._fetch([(0, min(_PAGE_BYTES, self._size))])
        self._pages[0] = head

    def _connect(self, options: dict[str, Any]) -> tuple[Any, str]:
        protocol = re.split("::|://", self.url, maxsplit=1)[0].lower()
        try:
            from fsspec.core import url_to_fs

            return url_to_fs(self.url.address, **options)
        except ImportError as error:
            package = _PACKAGES.get(protocol, "")
            todo = f"pip install {package}" if package else str(error)
            raise RemoteFileError(
                f"{self.url}: reading {protocol}:// needs a package that is not there: {todo}"
            ) from error
        except (ValueError, TypeError) as error:
            raise RemoteFileError(f"{self.url}: {error}") from error
        except Exception as error:  # each file system has its own
            raise self._explained(error) from error

    def _ask(self) -> tuple[str, ...]:
        """Size and mark of the file as it is now."""
        try:
            self._fs.invalidate_cache(self._fs._parent(self._path))
            info = self._fs.info(self._path)
        except Exception as error:
            raise self._explained(error) from error
        if info.get("type") == "directory":
            raise RemoteFileError(f"{self.url}: is a folder; expected a file")
        if info.get("size") is None:
            raise RemoteFileError(
                f"{self.url}: the server does not say how long the file is, so that it cannot "
                "be read in parts; download it first"
            )
        if info.get("partial", True) is False:
            raise self._no_ranges()
        marks = (f"{key}={info[key]}" for key in _MARKS if info.get(key) is not None)
        return (str(info["size"]), *marks)

    def _require_ranges(self) -> None:
        """Make sure that a web server does not send the whole file where a part is asked for."""
        if "http" not in self._fs.protocol:
            return
        try:
            with self._fs.open(self._path, size=self._size, cache_type="none") as stream:
                stream.seek(1)
                stream.read(1)
        except ValueError as error:
            raise self._no_ranges() from error
        except Exception as error:
            raise self._explained(error) from error

    def _no_ranges(self) -> RemoteFileError:
        return RemoteFileError(
            f"{self.url}: the server gives no ranges of bytes, only whole files (it ignores the "
            "Range header); download it first, or put 'simplecache::' before the address"
        )

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> np.ndarray:
        a, b, _ = part.indices(self._size)
        if b <= a:
            return np.empty(0, np.uint8)
        if self.data is not None:
            return self.data[a:b]
        self._require_same()
        if b - a > 4 * _PAGE_BYTES:
            return self._fetch([(a, b)])[0]
        numbers = range(a // _PAGE_BYTES, (b - 1) // _PAGE_BYTES + 1)
        lacking = [n for n in numbers if n not in self._pages]
        ends = [(n * _PAGE_BYTES, min((n + 1) * _PAGE_BYTES, self._size)) for n in lacking]
        got = dict(zip(lacking, self._fetch(ends), strict=True)) if lacking else {}
        pages = [got[n] if n in got else self._pages[n] for n in numbers]
        for n, page in got.items():
            self._pages[n] = page
        while len(self._pages) > _PAGES_KEPT:
            self._pages.popitem(last=False)
        run = np.concatenate(pages) if len(pages) > 1 else pages[0]
        first = numbers[0] * _PAGE_BYTES
        return run[a - first : b - first]

    def rows(self, starts: np.ndarray, length: int) -> np.ndarray:
        """Rows, fetched in few large requests."""
        starts = np.asarray(starts, np.int64)
        if self.data is not None:
            return gather_rows(self.data, starts, length)
        self._require_same()
        key = (starts.tobytes(), length)
        if len(starts) <= _FEW_ROWS and key in self._results:
            return self._results[key].copy()
        out = np.zeros((len(starts), length), np.uint8)
        order = np.argsort(starts, kind="stable")
        ordered = starts[order]
        ends = np.minimum(ordered + length, self._size)
        new = np.ones(len(order), bool)
        new[1:] = ordered[1:] - ends[:-1] > _GAP_BYTES
        # A run is cut where it exceeds a request, by where its rows begin.
        run_start = ordered[np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))]
        cut = (ordered - run_start) // _REQUEST_BYTES
        new[1:] |= cut[1:] != cut[:-1]
        firsts = np.flatnonzero(new)
        lasts = np.append(firsts[1:], len(order))
        flight: list[tuple[int, int]] = []
        size = 0
        for i, (a, b) in enumerate(zip(firsts.tolist(), lasts.tolist(), strict=True)):
            flight.append((a, b))
            size += int(ends[b - 1] - ordered[a])
            if size >= _FLIGHT_BYTES or i == len(firsts) - 1:
                parts = self._runs([(int(ordered[a]), int(ends[b - 1])) for a, b in flight])
                for (a, b), part in zip(flight, parts, strict=True):
                    out[order[a:b]] = gather_rows(part, ordered[a:b] - ordered[a], length)
                flight, size = [], 0
        if len(starts) <= _FEW_ROWS and out.nbytes <= _PAGE_BYTES:
            self._results[key] = out.copy()
            while len(self._results) > _RESULTS_KEPT:
                self._results.popitem(last=False)
        return out

    def _runs(self, ranges: list[tuple[int, int]]) -> list[np.ndarray]:
        """Runs of rows; from the last that were fetched where those hold them.

        Who looks at the bytes of traces, and then decodes their samples, fetches them once.
        """
        held = [
            next((p[a - at : b - at] for at, p in self._last if at <= a and b <= at + len(p)), None)
            for a, b in ranges
        ]
        known = [part for part in held if part is not None]
        if len(known) == len(ranges):
            return known
        parts = self._fetch(ranges)
        few = sum(map(len, parts)) <= _LAST_BYTES
        self._last = [(a, p) for (a, _), p in zip(ranges, parts, strict=True)] if few else []
        return parts

    def release(self) -> None:
        """Forget the last rows, all that is kept but headers."""
        self._last = []

    def _require_same(self, *, at_once: bool = False) -> None:
        """Make sure, if it was not just done, that the file is what it was when it was opened."""
        if not at_once and time.monotonic() - self._asked <= _RECHECK_SECONDS:
            return
        now = self._ask()
        if now != self.stamp:
            raise RemoteFileError(
                f"{self.url}: the file has changed since it was opened "
                f"(it was {', '.join(self.stamp)} and is {', '.join(now)}); open it again"
            )
        self._asked = time.monotonic()

    def _fetch(self, ranges: list[tuple[int, int]]) -> list[np.ndarray]:
        if not ranges:
            return []
        starts, ends = ([r[i] for r in ranges] for i in (0, 1))
        try:
            limit = {"batch_size": _AT_ONCE} if self._fs.async_impl else {}
            parts = self._fs.cat_ranges(
                [self._path] * len(ranges), starts, ends, on_error="return", **limit
            )
        except Exception as error:
            raise self._explained(error) from error
        return [self._whole(part, *r) for part, r in zip(parts, ranges, strict=True)]

    def _whole(self, part: Any, start: int, end: int) -> np.ndarray:
        """Bytes of a range that came back as asked for."""
        if isinstance(part, BaseException):
            self._require_same(at_once=True)
            raise self._explained(part) from part
        if len(part) == end - start:
            return np.frombuffer(part, np.uint8)
        self._require_same(at_once=True)
        if len(part) == self._size:
            raise self._no_ranges()
        raise RemoteFileError(
            f"{self.url}: bytes {start + 1}-{end} were asked for and {len(part)} bytes came; "
            "try again, or download the file first"
        )

    def _explained(self, error: BaseException) -> SeisgeoError:
        """The error of a file system in one sentence."""
        if isinstance(error, SeisgeoError):
            return error
        causes: list[BaseException] = [error]
        while (cause := causes[-1].__cause__ or causes[-1].__context__) and cause not in causes:
            causes.append(cause)
        status = next((s for c in causes if isinstance(s := getattr(c, "status", None), int)), None)
        refused = next((c for c in causes if isinstance(c, ConnectionError | TimeoutError)), None)
        last = causes[-1]
        why = " ".join(str(last).split()) or type(last).__name__
        if status == 404 or (status is None and refused is None and _is_missing(causes)):
            return MissingFileError(f"{self.url}: no such file")
        if status in (401, 403) or any(isinstance(c, PermissionError) for c in causes):
            said = f" (the server answered {status})" if status else f" ({why})"
            return RemoteFileError(
                f"{self.url}: access is refused{said}; give credentials with storage_options="
            )
        if status is not None:
            return RemoteFileError(f"{self.url}: the server answered {status}; try again later")
        root = refused or next((c for c in causes if _is_network(c)), None)
        if root is not None:
            said = " ".join(str(root).split()) or type(root).__name__
            return RemoteFileError(
                f"{self.url}: the server cannot be reached ({said}); check address and network"
            )
        return RemoteFileError(f"{self.url}: cannot be read ({type(last).__name__}: {why})")


def _is_missing(causes: list[BaseException]) -> bool:
    if not isinstance(causes[0], FileNotFoundError) or any(map(_is_network, causes[1:])):
        return False
    # fsspec calls a page missing whatever went wrong.
    return not any(isinstance(c, AttributeError | TypeError | ValueError) for c in causes[1:])


def _is_network(error: BaseException) -> bool:
    """Whether an error is one of aiohttp's or botocore's about the connection."""
    home = type(error).__module__.split(".")[0]
    return home in ("aiohttp", "botocore", "aiobotocore", "socket", "ssl")
