"""Sample formats: bytes of a trace to numbers and back.

IBM floats are decoded exactly. A bit pattern means (-1)^s * fraction * 16^(e - 64) with a 24-bit
fraction below one, normalised or not (SEG-Y revision 1, section 4). In float32 that is
``integer * h * h`` with h = 2^(2 e - 140): both factors are powers of two, so only the last product
rounds, once; what is above the range of float32 becomes infinite.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import NamedTuple

import numpy as np

from seisgeo.adapters.segy.fields import Order
from seisgeo.adapters.segy.sparing import is_sparing
from seisgeo.errors import ConventionError

__all__ = [
    "FORMATS",
    "SampleFormat",
    "as_words",
    "decode",
    "encode",
    "gather",
    "raw_dtype",
    "require_finite",
    "require_whole",
]


class SampleFormat(NamedTuple):
    """A sample format: its code, name, bytes a sample, type in the file and type once decoded.

    Formats of up to 24 significant bits decode to float32, wider ones to float64.
    """

    code: int
    name: str
    itemsize: int
    stored: str
    decoded: np.dtype

    def __str__(self) -> str:
        """Name and code."""
        return f"{self.name} (format {self.code})"


_SINGLE, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)

#: Every sample format by code (SEG-Y revision 2.1, bytes 3225-3226).
FORMATS: dict[int, SampleFormat] = {
    f.code: f
    for f in (
        SampleFormat(1, "IBM float32", 4, "u4", _SINGLE),
        SampleFormat(2, "int32", 4, "i4", _DOUBLE),
        SampleFormat(3, "int16", 2, "i2", _SINGLE),
        SampleFormat(4, "fixed point with gain", 4, "u4", _SINGLE),
        SampleFormat(5, "IEEE float32", 4, "f4", _SINGLE),
        SampleFormat(6, "IEEE float64", 8, "f8", _DOUBLE),
        SampleFormat(7, "int24", 3, "3u1", _SINGLE),
        SampleFormat(8, "int8", 1, "i1", _SINGLE),
        SampleFormat(9, "int64", 8, "i8", _DOUBLE),
        SampleFormat(10, "uint32", 4, "u4", _DOUBLE),
        SampleFormat(11, "uint16", 2, "u2", _SINGLE),
        SampleFormat(12, "uint64", 8, "u8", _DOUBLE),
        SampleFormat(15, "uint24", 3, "3u1", _SINGLE),
        SampleFormat(16, "uint8", 1, "u1", _SINGLE),
    )
}

# Samples handled at a time: intermediate arrays stay in the processor's second-level cache.
_BLOCK = 65_536

# What the compiled kernels read a format as: IEEE floats are moved as bits.
_WORDS = {1: np.uint32, 2: np.int32, 3: np.int16, 5: np.int32, 8: np.int8}
# Samples that NumPy reads before the kernels are loaded: half a second's wait does not pay for few.
_PATIENCE = 1 << 24
_read_so_far = 0


def raw_dtype(fmt: SampleFormat, order: Order) -> np.dtype:
    """Type of one sample as it stands in the file, with its byte order (">" or "<")."""
    return np.dtype(fmt.stored).newbyteorder(order)


def as_words(raw: np.ndarray, fmt: SampleFormat) -> np.ndarray | None:
    """The samples of a file, with the headers between them, as one run of words.

    Parameters
    ----------
    raw : numpy.ndarray
        Samples of all traces as they stand in the file, shape (trace, sample), a strided view.
    fmt : SampleFormat
        Their format.

    Returns
    -------
    numpy.ndarray or None
        What :func:`gather` reads, shape (word,); None where there is no compiled kernel.
    """
    if fmt.code not in _WORDS or raw.strides[0] % fmt.itemsize:
        return None
    n = (len(raw) - 1) * (raw.strides[0] // fmt.itemsize) + raw.shape[1]
    words = raw.view(_WORDS[fmt.code])
    return np.lib.stride_tricks.as_strided(words, (n,), (fmt.itemsize,), writeable=False)


def gather(
    words: np.ndarray,
    stride: int,
    fmt: SampleFormat,
    order: Order,
    traces: np.ndarray,
    samples: range,
    out: np.ndarray,
) -> bool:
    """Gather and decode with the compiled kernels, as soon as they are worth loading.

    Parameters
    ----------
    words : numpy.ndarray
        From :func:`as_words`.
    stride : int
        Words from one trace to the next.
    fmt : SampleFormat
        Format of the samples.
    order : {">", "<"}
        Their byte order.
    traces : numpy.ndarray of int64
        Trace numbers, within the file; those below 0 become NaN.
    samples : range
        Sample numbers, within the trace.
    out : numpy.ndarray
        Filled with the values, shape (trace, sample), type ``fmt.decoded``.

    Returns
    -------
    bool
        Whether it was done; False while little has been read, and where numba is missing.
    """
    kernels = _kernels(out.size)
    if kernels is None:
        return False
    bits = out.view(np.int32) if fmt.code == 5 else out
    missing = np.full(1, np.nan, out.dtype).view(bits.dtype)[0]
    swap = np.dtype(np.uint16).newbyteorder(order) != np.uint16
    where = (words, stride, traces, samples.start)
    try:
        if len(samples) == 1:
            kernels.gather_one(*where, swap, missing, bits[:, 0])
        else:
            kernels.gather(*where, samples.step, swap, missing, bits)
    except OSError:  # no room to keep the machine code: the next call compiles or has it
        return False
    return True


def _kernels(n: int) -> ModuleType | None:
    global _read_so_far
    _read_so_far += n
    return _loaded() if _read_so_far > _PATIENCE and not is_sparing() else None


@functools.cache
def _loaded() -> ModuleType | None:
    try:
        from seisgeo.adapters.segy import kernels
    except (ImportError, OSError):  # no numba, or none for this NumPy or machine
        return None
    return kernels


def decode(raw: np.ndarray, fmt: SampleFormat, order: Order, out: np.ndarray) -> None:
    """Decode samples into `out`.

    Parameters
    ----------
    raw : numpy.ndarray
        Samples as they stand in the file, of type :func:`raw_dtype`, shape (trace, sample); for
        3-byte formats (trace, sample, 3).
    fmt : SampleFormat
        Their format.
    order : {">", "<"}
        Their byte order.
    out : numpy.ndarray
        Filled with the values, shape (trace, sample), type ``fmt.decoded``.
    """
    if fmt.code not in (1, 4, 7, 15):
        with np.errstate(invalid="ignore"):  # signalling NaNs are quieted
            out[...] = raw
        return
    rows = max(1, _BLOCK // max(1, out.shape[1]))
    with np.errstate(over="ignore", under="ignore"):
        for a in range(0, len(out), rows):
            b = a + rows
            if fmt.code == 1:
                _decode_ibm(raw[a:b], out[a:b])
            elif fmt.code == 4:
                _decode_fixed_point(raw[a:b], out[a:b])
            else:
                _decode_24_bits(raw[a:b], out[a:b], order, signed=fmt.code == 7)


def _decode_ibm(raw: np.ndarray, out: np.ndarray) -> None:
    bits = raw.astype(np.uint32)
    # The float32 h = 2^(2 e - 140) by its own bits: exponent field 2 e - 13. Below e = 7 that is
    # negative; such values vanish in float32 (so does all below e = 26), hence the lower bound.
    half = bits >> 23
    half &= 0xFE
    np.maximum(half, 14, out=half)
    half -= 13
    half <<= 23
    scale = half.view(np.float32)
    out[...] = bits & 0xFFFFFF
    out *= scale
    out *= scale
    bits &= 0x80000000
    out.view(np.uint32)[...] |= bits


def _decode_fixed_point(raw: np.ndarray, out: np.ndarray) -> None:
    bits = raw.astype(np.uint32)
    mantissa = (bits & 0xFFFF).astype(np.uint16).view(np.int16)
    out[...] = np.ldexp(mantissa.astype(np.float32), (bits >> 16 & 0xFF).astype(np.int32))


def _decode_24_bits(raw: np.ndarray, out: np.ndarray, order: Order, *, signed: bool) -> None:
    high, low = (0, 2) if order == ">" else (2, 0)
    word = raw[..., high].astype(np.int32) << 24
    word |= raw[..., 1].astype(np.int32) << 16
    word |= raw[..., low].astype(np.int32) << 8
    out[...] = word >> 8 if signed else word.view(np.uint32) >> 8


def encode(values: np.ndarray, fmt: SampleFormat) -> np.ndarray:
    """Encode values, big-endian.

    Parameters
    ----------
    values : numpy.ndarray
        Numbers, any shape.
    fmt : SampleFormat
        Format to encode to, but 4, 7 and 15 (see :func:`.exact.encode`).

    Returns
    -------
    numpy.ndarray
        Same shape, type :func:`raw_dtype`. IBM floats are rounded to the nearest.

    Raises
    ------
    ConventionError
        If a value does not fit: out of the format's range, not a number where it knows none, or a
        fraction in an integer format.
    """
    stored = raw_dtype(fmt, ">")
    if stored.kind == "f":
        with np.errstate(over="ignore"):
            coded = values.astype(stored)
        if np.isinf(coded).any() and np.isfinite(values[np.isinf(coded)]).any():
            raise ConventionError(f"values up to {np.abs(values).max():g} do not fit into {fmt}")
        return coded
    if fmt.code == 1:
        require_finite(values, fmt)
        return _encode_ibm(values.astype(np.float64))
    info = np.iinfo(stored)
    require_whole(values, fmt, int(info.min), int(info.max))
    return values.astype(stored)


def require_finite(values: np.ndarray, fmt: SampleFormat) -> None:
    """Refuse NaN and infinity, which a format does not know."""
    if not np.isfinite(values).all():
        raise ConventionError(
            f"{fmt} has no NaN and no infinity, and {np.count_nonzero(~np.isfinite(values))} "
            "values are; fill them, or write IEEE floats (format 5)"
        )


def require_whole(values: np.ndarray, fmt: SampleFormat, low: int, high: int) -> None:
    """Refuse what an integer format does not hold: nothing is rounded or clipped silently."""
    require_finite(values, fmt)
    if values.dtype.kind == "f" and (values != np.rint(values)).any():
        raise ConventionError(
            f"the values hold fractions, which {fmt} cannot keep; scale and round them first, "
            "(ds.amplitude * factor).round(), or write IEEE floats (format 5)"
        )
    if values.size and (values.min() < low or values.max() >= high + 1):
        raise ConventionError(
            f"{fmt} holds {low} to {high}; the values reach from "
            f"{values.min():g} to {values.max():g}: scale them first, or write IEEE "
            "floats (format 5)"
        )


def _encode_ibm(values: np.ndarray) -> np.ndarray:
    magnitude = np.abs(values)
    _, binary = np.frexp(magnitude)
    power = np.maximum(-(-binary // 4), -64)  # of 16; the smallest values stay unnormalised
    fraction = np.rint(np.ldexp(magnitude, 24 - 4 * power)).astype(np.int64)
    carried = fraction == 1 << 24
    fraction[carried] = 1 << 20
    power = power + carried
    power[fraction == 0] = -64
    if (power > 63).any():
        raise ConventionError(f"values up to {magnitude.max():g} do not fit into IBM float32")
    word = (
        fraction | (power.astype(np.int64) + 64) << 24 | np.signbit(values).astype(np.int64) << 31
    )
    return word.astype(">u4")
