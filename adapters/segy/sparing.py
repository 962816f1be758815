"""Memory before speed: what a conversion asks of the reader, which others do not want."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

__all__ = ["is_sparing", "sparing_memory"]

_SPARING: ContextVar[bool] = ContextVar("_SPARING", default=False)


@contextlib.contextmanager
def sparing_memory() -> Iterator[None]:
    """In this block SEG-Y is read in little memory.

    Scans of header fields give the pages that they touch back as they go: a mapped page counts as
    memory of the process from its first touch, and headers touch every page of a file. Mapping them
    again takes time. The compiled kernels, which take 100 MB with their compiler, are not loaded.
    """
    token = _SPARING.set(True)
    try:
        yield
    finally:
        _SPARING.reset(token)


def is_sparing() -> bool:
    """Whether this is such a block."""
    return _SPARING.get()
