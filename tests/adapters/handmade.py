"""SEG-Y and SU made byte by byte, in every sample format, with traces of any lengths."""

import struct

import numpy as np

UNSIGNED = (10, 11, 12, 15, 16)
WORDS = {
    2: "i4",
    3: "i2",
    5: "f4",
    6: "f8",
    8: "i1",
    9: "i8",
    10: "u4",
    11: "u2",
    12: "u8",
    16: "u1",
}


def stored(values, code, order):
    """Whole numbers of at most 7 bits as their bytes, by the definition of the format."""
    whole = np.asarray(values, np.int64)
    if code in WORDS:
        return whole.astype(order + WORDS[code]).tobytes()
    if code == 1:  # 16^(70 - 64) is 2^24: the fraction is the number itself
        words = np.abs(whole) | 70 << 24 | (whole < 0) << 31
    elif code == 4:  # a gain of 0
        words = whole & 0xFFFF
    else:  # 24 bits
        four = (whole & 0xFFFFFF).astype(order + "u4").view(np.uint8).reshape(-1, 4)
        return (four[:, 1:] if order == ">" else four[:, :3]).tobytes()
    return words.astype(order + "u4").tobytes()


def shots(
    counts,
    *,
    order=">",
    code=5,
    per_shot=3,
    bare=False,
    binary=(),
    headers=(),
    extra=0,
    trailer=b"",
    interval=2000,
    seed=1,
):
    """Bytes of a file of shots, and the samples of each trace.

    `binary` and `headers` hold (byte, struct code, value); values of headers may be functions of
    the trace. `extra` is the number of additional trace headers.
    """
    rng = np.random.default_rng(seed)
    low = 0 if code in UNSIGNED else -60
    traces = [rng.integers(low, 60, n) for n in counts]
    head = bytearray(b"C 1 MADE BY HAND".ljust(3200) + bytes(400))
    for byte, kind, value in [
        (3217, "h", interval),
        (3221, "H", counts[0]),
        (3225, "h", code),
        *binary,
    ]:
        struct.pack_into(order + kind, head, byte - 1, value)
    out = [] if bare else [bytes(head)]
    for i, values in enumerate(traces):
        header = bytearray(240 * (1 + extra))
        for byte, kind, value in [
            (9, "i", 100 + i // per_shot),
            (13, "i", 1 + i % per_shot),
            (37, "i", 25 * (i % per_shot) - 500),
            (115, "H", len(values)),
            (117, "H", interval),
            *headers,
        ]:
            value = value(i) if callable(value) else value
            struct.pack_into(order + kind, header, byte - 1, value)
        out += [bytes(header), stored(values, code, order)]
    return b"".join([*out, trailer]), traces


def padded(traces, n=None, dtype=np.float64):
    """Traces side by side, shorter ones ending in NaN."""
    n = n or max(map(len, traces))
    out = np.full((len(traces), n), np.nan, dtype)
    for row, values in zip(out, traces, strict=True):
        row[: len(values)] = values
    return out
