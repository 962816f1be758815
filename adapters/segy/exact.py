"""Samples that come back bit for bit: any format encoded, and the traces of which it is not true.

Most bit patterns are what :func:`encode` gives for the value that they decode to. The others (IBM
floats that are not normalised or lie outside float32, NaNs of IEEE formats, integers above 2^53)
have to be kept as they stand in the file.
"""

from __future__ import annotations

import math

import numpy as np

from seisgeo.adapters.segy import samples as samples_
from seisgeo.adapters.segy.fields import Order
from seisgeo.adapters.segy.samples import SampleFormat, raw_dtype
from seisgeo.errors import ConventionError

__all__ = ["as_bytes", "decode", "encode", "inexact"]

# Formats whose every bit pattern is a number that its decoded type holds, and no other's.
_ALWAYS_EXACT = (2, 3, 7, 8, 10, 11, 15, 16)
# IBM exponents between which a normalised number is a normal number of float32.
_LEAST_EXPONENT, _LARGEST_EXPONENT = 34, 96
# Samples looked at together: intermediate arrays stay in the processor's cache.
_BLOCK = 65_536


def encode(values: np.ndarray, fmt: SampleFormat, order: Order) -> np.ndarray:
    """Encode values in any format and byte order.

    Parameters
    ----------
    values : numpy.ndarray
        Numbers, shape (trace, sample).
    fmt : SampleFormat
        Format to encode to.
    order : {">", "<"}
        Byte order.

    Returns
    -------
    numpy.ndarray of uint8
        Shape (trace, byte).

    Raises
    ------
    ConventionError
        If a value does not fit into the format.
    """
    if fmt.code == 4:
        return as_bytes(_encode_fixed_point(values, fmt).astype(f"{order}u4"))
    if fmt.code in (7, 15):
        low, high = (-(1 << 23), (1 << 23) - 1) if fmt.code == 7 else (0, (1 << 24) - 1)
        samples_.require_whole(values, fmt, low, high)
        four = values.astype(f"{order}i4").view(np.uint8).reshape(*values.shape, 4)
        return as_bytes(four[..., 1:] if order == ">" else four[..., :3])
    if fmt.code == 1 and values.size > _BLOCK:
        rows = max(1, _BLOCK // values.shape[1])
        coded = np.empty(values.shape, raw_dtype(fmt, order))
        for a in range(0, len(values), rows):
            coded[a : a + rows] = samples_.encode(values[a : a + rows], fmt)
        return as_bytes(coded)
    coded = samples_.encode(values, fmt)
    return as_bytes(coded.astype(coded.dtype.newbyteorder(order), copy=False))


def decode(raw: np.ndarray, fmt: SampleFormat, order: Order) -> np.ndarray:
    """Decode the bytes of whole traces, shape (trace, byte), to (trace, sample)."""
    stored = raw_dtype(fmt, order)
    n = raw.shape[1] // fmt.itemsize
    words = np.ascontiguousarray(raw).view(stored.base).reshape(len(raw), n, *stored.shape)
    out = np.empty((len(raw), n), fmt.decoded)
    samples_.decode(words, fmt, order, out)
    return out


def as_bytes(values: np.ndarray) -> np.ndarray:
    """Values of traces, shape (trace, …), as uint8 of shape (trace, byte)."""
    row = math.prod(values.shape[1:]) * values.itemsize
    return np.ascontiguousarray(values).view(np.uint8).reshape(len(values), row)


def inexact(raw: np.ndarray, fmt: SampleFormat, order: Order, scale: float = 1.0) -> np.ndarray:
    """Traces whose bytes do not come back when their samples are decoded and encoded.

    Parameters
    ----------
    raw : numpy.ndarray of uint8
        Samples as they stand in the file, shape (trace, byte).
    fmt : SampleFormat
        Their format.
    order : {">", "<"}
        Their byte order.
    scale : float, default 1
        Factor that decoded samples are multiplied by, and divided by before they are encoded.

    Returns
    -------
    numpy.ndarray of bool
        Shape (trace,).
    """
    found = np.zeros(len(raw), bool)
    rows = max(1, _BLOCK // max(1, raw.shape[1] // fmt.itemsize))
    for a in range(0, len(raw), rows):
        part = raw[a : a + rows]
        suspects = _suspects(part, fmt, order) if scale == 1 else np.ones(len(part), bool)
        if suspects.any():
            found[a + np.flatnonzero(suspects)] = _altered(part[suspects], fmt, order, scale)
    return found


def _suspects(raw: np.ndarray, fmt: SampleFormat, order: Order) -> np.ndarray:
    """Traces that may not come back, found by cheap tests on their bits."""
    none = np.zeros(len(raw), bool)
    if fmt.code in _ALWAYS_EXACT:
        return none
    words = raw.view(raw_dtype(fmt, order))
    if fmt.code in (5, 6):
        return np.isnan(words).any(axis=1)
    if fmt.code != 1:
        return ~none
    if _all_ibm_normal(words):
        return none
    bits = words.astype(np.uint32)
    bits &= 0x7FFFFFFF
    fine = (bits & 0xF00000) != 0
    fine &= bits >> 24 >= _LEAST_EXPONENT
    fine &= bits >> 24 <= _LARGEST_EXPONENT
    fine |= bits == 0
    return ~fine.all(axis=1)


def _all_ibm_normal(words: np.ndarray) -> bool:
    """Whether all are 0, or normalised and within float32; in few passes over bits as they lie."""
    native = words.view(np.uint32)
    sign, exponent, digit = (
        np.array(mask, words.dtype).view(np.uint32)[()] for mask in (1 << 31, 0x7F << 24, 0xF << 20)
    )
    part = native & ~sign
    zeros = part.size - np.count_nonzero(part)
    np.bitwise_and(native, digit, out=part)
    if part.size - np.count_nonzero(part) != zeros:
        return False
    np.bitwise_and(native, exponent, out=part)
    part >>= int(exponent).bit_length() - 7
    part -= _LEAST_EXPONENT
    return np.count_nonzero(part > _LARGEST_EXPONENT - _LEAST_EXPONENT) == zeros


def _altered(raw: np.ndarray, fmt: SampleFormat, order: Order, scale: float) -> np.ndarray:
    """Traces that differ after one round."""
    values = decode(raw, fmt, order)
    # A NaN's bits need not survive on their way.
    altered = np.isnan(values).any(axis=1) if fmt.code in (5, 6) else np.zeros(len(raw), bool)
    if scale != 1:
        values = (values * values.dtype.type(scale)).astype(np.float64) / scale
    try:
        altered[~altered] = (encode(values[~altered], fmt, order) != raw[~altered]).any(axis=1)
    except ConventionError:  # one at least does not fit: which ones?
        if len(raw) == 1:
            return np.ones(1, bool)
        return np.concatenate(
            [_altered(raw[i : i + 1], fmt, order, scale) for i in range(len(raw))]
        )
    return altered


def _encode_fixed_point(values: np.ndarray, fmt: SampleFormat) -> np.ndarray:
    """16-bit integers under the smallest gain (a power of two) with which they hold the value.

    Numbers above 16 bits are rounded to that many, as floats are to theirs.
    """
    samples_.require_finite(values, fmt)
    small = np.abs(values) < 1 << 15
    if (values[small] != np.rint(values[small])).any():
        raise ConventionError(
            f"the values hold fractions, which {fmt} cannot keep; scale and round them first, "
            "(ds.amplitude * factor).round(), or write IEEE floats (format 5)"
        )
    _, power = np.frexp(np.abs(values).astype(np.float64))
    gain = np.maximum(power - 15, 0)
    mantissa = np.rint(np.ldexp(values.astype(np.float64), -gain)).astype(np.int64)
    carried = mantissa == 1 << 15
    mantissa[carried] >>= 1
    gain += carried
    if (gain > 255).any():
        raise ConventionError(f"values up to {np.abs(values).max():g} do not fit into {fmt}")
    return (mantissa & 0xFFFF).astype(np.uint32) | gain.astype(np.uint32) << 16
