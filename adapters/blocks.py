"""How a cube is cut for writing: chunks for readers, and blocks of them that fit into memory."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator

import xarray as xr

from seisgeo.errors import ParameterError

__all__ = ["VERTICALS", "block_bytes", "blocks_of", "chunks_of", "grow", "is_large"]

#: The sample axis, split in records of events only (a day is too long for one read): so each trace
#: is read once, and one read gives it whole.
VERTICALS = ("time", "depth")
#: Dimensions whose every element is one training sample or one gather.
_RECORDS = ("sample", "shot", "event")
#: Bytes of a chunk of traces, where the cube has no records.
_CHUNK_BYTES = 2**20
#: Largest chunk that one record makes; longer ones are split by traces.
_RECORD_BYTES = 8 * 2**20
#: Variables below this size are written in one go.
_SMALL_BYTES = 2**20

#: What Python and the libraries take (measured: 140 MB with xarray, dask.array and zarr).
_AT_REST = 150_000_000
#: Times its size that a block takes while it is read, compressed and written (measured: 4 to 6).
_COPIES = 7
_LARGEST_BLOCK = 256 * 2**20


def block_bytes(memory: str | int) -> int:
    """Bytes of a block with which a conversion stays within some memory.

    Parameters
    ----------
    memory : str or int
        Bytes, as ``"300 MB"``, ``"2 GiB"`` or a number: all that the process may take, Python and
        its libraries (150 MB) included.

    Returns
    -------
    int
        A power of two, so that the layout of the output does not follow every whim.

    Raises
    ------
    ParameterError
        If it is no size, or too little.

    Examples
    --------
    >>> block_bytes("300 MB") // 2**20
    16
    """
    from dask.utils import parse_bytes

    try:
        total = parse_bytes(memory)
    except (ValueError, TypeError, AttributeError) as error:
        raise ParameterError(
            f"memory={memory!r}: expected a size such as '300 MB' or '2 GiB'"
        ) from error
    room = (total - _AT_REST) // _COPIES
    if room < 2**21:
        raise ParameterError(
            f"memory={memory!r} is too little: Python and the libraries take about "
            f"{_AT_REST / 1e6:.0f} MB; give at least 200 MB"
        )
    return int(min(2 ** (int(room).bit_length() - 1), _LARGEST_BLOCK))


def is_large(variable: xr.Variable) -> bool:
    """Whether a variable is written block by block; small ones, and text, go in one piece."""
    return variable.dtype.kind in "fiub" and variable.nbytes > _SMALL_BYTES


def chunks_of(variable: xr.Variable) -> tuple[int, ...]:
    """Shape of what is compressed and read together.

    One sample or one gather; where there are none, about 1 MiB of whole traces, the same number
    along each line direction, so that no direction reads much more than another.

    Parameters
    ----------
    variable : xarray.Variable
        Any variable.

    Returns
    -------
    tuple of int
        A length for each dimension.

    Examples
    --------
    >>> import numpy as np
    >>> chunks_of(xr.Variable(("inline", "crossline", "time"), np.empty((60, 50, 251), "f4")))
    (32, 32, 251)
    """
    sizes = {str(dim): size for dim, size in variable.sizes.items()}
    if not any(dim in (*VERTICALS, "x", "y") for dim in sizes):  # a number for each trace
        return grow((1,) * variable.ndim, variable, _CHUNK_BYTES)
    if any(dim in _RECORDS for dim in sizes):
        chunk = {dim: 1 if dim in _RECORDS else size for dim, size in sizes.items()}
        for dim in [d for d in sizes if d not in (*_RECORDS, *VERTICALS)]:
            excess = math.ceil(_bytes(variable, chunk.values()) / _RECORD_BYTES)
            if excess > 1:
                chunk[dim] = max(1, chunk[dim] // excess)
        pieces = math.ceil(_bytes(variable, chunk.values()) / _RECORD_BYTES)
        if "event" in sizes and pieces > 1:
            chunk["time"] = math.ceil(sizes["time"] / pieces)
        return tuple(chunk.values())
    split = [dim for dim in sizes if dim not in VERTICALS]
    if not split or variable.nbytes <= _CHUNK_BYTES:
        return variable.shape
    trace = _bytes(variable, (size for dim, size in sizes.items() if dim in VERTICALS))
    side = max(1, int((_CHUNK_BYTES / trace) ** (1 / len(split))))
    return tuple(min(size, side) if dim in split else size for dim, size in sizes.items())


def grow(chunks: tuple[int, ...], variable: xr.Variable, limit: int) -> tuple[int, ...]:
    """Shape of a block of whole chunks of about `limit` bytes, grown from the last dimension."""
    block = list(chunks)
    for axis in reversed(range(variable.ndim)):
        room = max(1, int(limit // _bytes(variable, block)))
        whole = math.ceil(variable.shape[axis] / chunks[axis])
        block[axis] = chunks[axis] * min(room, whole)
    return tuple(block)


def blocks_of(shape: tuple[int, ...], block: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Every block of an array, in the order in which they lie.

    Examples
    --------
    >>> [b[0] for b in blocks_of((5,), (2,))]
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    starts = (range(0, n, step) for n, step in zip(shape, block, strict=True))
    for corner in itertools.product(*starts):
        yield tuple(
            slice(a, min(a + step, n)) for a, step, n in zip(corner, block, shape, strict=True)
        )


def _bytes(variable: xr.Variable, sizes: Iterable[int]) -> int:
    return variable.dtype.itemsize * math.prod(sizes)
