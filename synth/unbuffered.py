"""Large files, written past the system's cache.

Gathers are written once and read much later, often in sets larger than the memory. To keep a copy
of them in the system's cache takes a page of memory for every 4 kB: at best half of the time that
their checksum takes, and on a virtual machine, whose host has to find each page first, ten times as
much. Where the system writes straight from a program's memory (O_DIRECT), that is left out, and
nothing else loses its place in the cache.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

__all__ = ["write_parts"]

#: Bytes from which on a file goes past the cache; small ones would only wait for the disk.
LARGE = 2**20
#: What offsets, lengths and addresses are multiples of: pages, and sectors of any disk.
PAGE = 4096
#: Bytes of one call.
PIECE = 8 * 2**20


def write_parts(path: Path, parts: Sequence[bytes | memoryview]) -> int:
    """Write a new file.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    parts : sequence of bytes or memoryview
        What is in it, one after the other.

    Returns
    -------
    int
        Its size in bytes.

    Raises
    ------
    OSError
        If the disk is full, or what else the system says.
    """
    size = sum(map(len, parts))
    direct = getattr(os, "O_DIRECT", 0)
    if direct and size >= LARGE:
        try:
            _write_past_cache(path, parts, size, direct)
            return size
        except OSError as error:
            # File systems that cannot say so when a file is opened, or written to. A disk that
            # takes part of a page as its last is met again below, and then has its own error.
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
                raise
    with path.open("wb", buffering=0) as stream:
        for part in parts:
            left = memoryview(part)
            while left:  # a disk that fills up may take some of it before it says so
                left = left[stream.write(left) :]
    return size


def _write_past_cache(
    path: Path, parts: Sequence[bytes | memoryview], size: int, direct: int
) -> None:
    memory = np.empty(PIECE + PAGE, np.uint8)
    begin = -memory.ctypes.data % PAGE
    piece = memory[begin : begin + PIECE]
    held = 0
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | direct, 0o666)
    try:
        for part in parts:
            left = np.frombuffer(part, np.uint8)
            while left.size:
                taken = min(left.size, PIECE - held)
                piece[held : held + taken] = left[:taken]
                left = left[taken:]
                held += taken
                if held == PIECE:
                    _write_all(file, piece)
                    held = 0
        # The last page is written whole, and what is too much of it cut off.
        _write_all(file, piece[: -(-held // PAGE) * PAGE])
        os.ftruncate(file, size)
    finally:
        os.close(file)


def _write_all(file: int, piece: np.ndarray) -> None:
    left = piece.data
    while left:
        left = left[os.write(file, left) :]
