"""Compiled gathering of samples: from the mapped file straight into the output.

One pass swaps bytes, decodes and writes; nothing lies in between, and Python's lock is not held, so
that threads read side by side. Importing this module imports numba, which takes a moment:
:mod:`.samples` does so once enough is read to be worth it. Machine code is kept between runs where
numba finds a folder to keep it in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import config, njit, types
from numba.extending import intrinsic, overload

__all__ = ["gather", "gather_one"]

if config.DISABLE_JIT:
    raise ImportError("the kernels only run compiled, and NUMBA_DISABLE_JIT forbids it")


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    options = {"nogil": True, "boundscheck": False}
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:  # no folder can be written to
        return njit(**options)(function)


@intrinsic
def _swapped(_: Any, word: Any) -> Any:
    """A word with its bytes in the other order."""

    def build(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return arguments[0] if word.bitwidth == 8 else builder.bswap(arguments[0])

    return word(word), build


@intrinsic
def _as_float(_: Any, word: Any) -> Any:
    """The float32 whose bits a 32-bit word holds."""

    def build(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(types.float32))

    return types.float32(types.uint32), build


def _value(word: Any) -> Any:
    """What a word in native byte order stands for: IBM floats come unsigned, all others signed."""
    raise NotImplementedError  # only the compiled form is called


@overload(_value, inline="always")
def _value_of(word: Any) -> Callable[[Any], Any]:
    return _itself if word.signed else _ibm


def _itself(word: Any) -> Any:
    return word


def _ibm(word: Any) -> Any:
    # fraction * h * h with h = 2^(2 e - 140), exact as samples.py explains; h by its own bits,
    # carrying the sign once. There is no branch, so that it runs in vector registers.
    half = np.uint32((word >> np.uint32(23)) & np.uint32(0xFE))
    half = np.uint32((max(half, np.uint32(14)) - np.uint32(13)) << np.uint32(23))
    signed = np.uint32(half | (word & np.uint32(0x80000000)))
    fraction = np.float32(np.int32(word & np.uint32(0xFFFFFF)))
    return fraction * _as_float(signed) * _as_float(half)


@_compiled
def gather(
    words: np.ndarray,
    stride: int,
    traces: np.ndarray,
    first: int,
    step: int,
    swap: bool,
    missing: Any,
    out: np.ndarray,
) -> None:
    """Gather a range of samples of some traces.

    Parameters
    ----------
    words : numpy.ndarray of int
        The file from the first sample on, headers of later traces included, as words of the sample
        size: uint32 for IBM floats, else signed.
    stride : int
        Words from one trace to the next.
    traces : numpy.ndarray of int64
        Trace numbers, within the file; negative where there is none.
    first, step : int
        First sample, and samples from one to the next.
    swap : bool
        Whether the file's byte order is not the machine's.
    missing : scalar
        What missing traces are filled with, of the type of `out`.
    out : numpy.ndarray
        Filled, shape (trace, sample): float32 for IBM floats, int32 (bits) for IEEE floats, and any
        float type for integers.
    """
    n = out.shape[1]
    for i in range(traces.size):
        row = out[i]
        if traces[i] < 0:
            row[:] = missing
            continue
        start = traces[i] * stride + first
        if step == 1:
            trace = words[start : start + n]
            if swap:
                for j in range(n):
                    row[j] = _value(_swapped(trace[j]))
            else:
                for j in range(n):
                    row[j] = _value(trace[j])
        else:
            for j in range(n):
                word = words[np.uintp(start + j * step)]
                row[j] = _value(_swapped(word) if swap else word)


@_compiled
def gather_one(
    words: np.ndarray,
    stride: int,
    traces: np.ndarray,
    sample: int,
    swap: bool,
    missing: Any,
    out: np.ndarray,
) -> None:
    """Gather one sample of each trace, as for a time slice; parameters as for :func:`gather`."""
    for i in range(traces.size):
        word = words[np.uintp(max(traces[i], 0) * stride + sample)]
        value = _value(_swapped(word) if swap else word)
        out[i] = value if traces[i] >= 0 else missing
