"""What the fuzz test begins with, and what it does to it: whole files, and their mutations.

A case is the name of a starting file and a number, and the same case gives the same bytes on every
machine: a failure is named by its case.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from seisgeo.adapters.segy.fields import BINARY_FIELDS, TRACE_FIELDS, Field, Order, header_dtype
from seisgeo.adapters.segy.file import SegyFile
from seisgeo.adapters.segy.samples import FORMATS
from seisgeo.adapters.segy.text import swap_pairs
from seisgeo.errors import FormatError

#: Bytes that are kept of a real file: headers and the first whole traces.
MOST_BYTES = 60_000

# Where the counts stand that decide how a file is cut into traces; (byte from 0, type).
_COUNTS = [
    (f.byte - 1, f.dtype)
    for f in BINARY_FIELDS
    if f.name
    in (
        *("traces", "interval", "samples", "format", "measurement_system", "ext_samples"),
        *("ext_interval", "byte_order", "segy_revision", "segy_revision_minor", "trace_flag"),
        *("extended_headers", "additional_trace_headers", "additional_trace_headers_short"),
        *("survey_type", "total_traces", "first_trace_offset", "data_trailers"),
    )
]
_EXTREMES = (0, 1, -1, 2, 3, 127, 128, 255, 256, 32767, -32768, 65535, 2**31 - 1, -(2**31), 2**63)


def real_folder() -> Path:
    """Folder of the real files, as the tests find it; it need not be there."""
    root = Path(__file__).resolve().parents[2]
    return Path(os.environ.get("SEISGEO_TEST_DATA", root / ".." / "shared" / "data"))


def starting_files(suffix: str) -> dict[str, bytes]:
    """Whole files by name: generated ones, and the beginnings of real ones where they are.

    Parameters
    ----------
    suffix : {".sgy", ".su", ".dat"}
        SEG-Y, SU or SEG-2.
    """
    made = {".sgy": _made_segy, ".su": _made_su, ".dat": _made_seg2}[suffix]()
    folders = {".sgy": ("segy", "velocity"), ".su": ("su",), ".dat": ("seg2",)}[suffix]
    endings = {".sgy": (".sgy", ".segy"), ".su": (".su",), ".dat": (".dat",)}[suffix]
    for folder in folders:
        for path in sorted((real_folder() / folder).rglob("*")):
            if path.suffix in endings:
                data = path.read_bytes()
                made[path.name] = data if suffix == ".dat" else data[: _whole_traces(path)]
    return made


def _whole_traces(path: Path) -> int:
    try:
        file = SegyFile(path)
    except FormatError:  # broken as it is
        return MOST_BYTES
    most = max(1, (MOST_BYTES - file.data_start) // file.trace_bytes)
    return file.data_start + most * file.trace_bytes if most < file.n_traces else file.size


def case_bytes(files: dict[str, bytes], name: str, number: int) -> bytes:
    """The bytes of a case; number 0 is the file as it is."""
    data = bytearray(files[name])
    if number == 0:
        return bytes(data)
    rng = np.random.default_rng([zlib.crc32(name.encode()), number])
    for _ in range(int(rng.choice([1, 1, 2, 3]))):
        data = _MUTATIONS[int(rng.integers(len(_MUTATIONS)))](data, rng)
    return bytes(data)


# ------------------------------------------------------------------------------- starting files


def _record(fields: tuple[Field, ...], order: Order, size: int, first: int, **values: float):
    record = np.zeros((), header_dtype(fields, order=order, itemsize=size, first=first))
    for name, value in values.items():
        record[name] = value
    return record


def _traces(order: Order, code: int, n: int, samples: int, additional: int, kind: str) -> bytes:
    """Traces of small whole numbers, which every sample format holds."""
    rng = np.random.default_rng(code)
    parts = []
    for i in range(n):
        place: dict[str, float] = {"trace_sequence_line": i + 1, "cdp": i + 1}
        if kind == "stack":
            place |= {"inline_3d": 10 + i // 4, "crossline_3d": 20 + i % 4}
            place |= {"cdp_x": 4000 + 25 * (i % 4), "cdp_y": 6000 + 25 * (i // 4)}
        else:
            place |= {"field_record": 1 + i // 6, "trace_number": 1 + i % 6, "cdp": 0}
            source, offset = 500 * (i // 6), 100 + 25 * (i % 6)
            place |= {"source_x": 10 * source, "group_x": 10 * (source + offset)}
            place |= {"offset": offset, "source_group_scalar": -10}
        header = _record(
            TRACE_FIELDS, order, 240, 1, trace_sample_count=samples, trace_sample_interval=2000,
            trace_identification_code=1, **place,
        )  # fmt: skip
        parts += [header.tobytes(), bytes(240 * additional)]
        parts.append(_encoded(rng.integers(0, 100, samples), code, order))
    return b"".join(parts)


def _encoded(numbers: np.ndarray, code: int, order: Order) -> bytes:
    if code in (7, 15):
        four = numbers.astype(f"{order}u4").view(np.uint8).reshape(-1, 4)
        return (four[:, 1:] if order == ">" else four[:, :3]).tobytes()
    words = numbers | 0x46000000 if code == 1 else numbers  # n / 2^24 * 16^6
    return words.astype(np.dtype(FORMATS[code].stored).newbyteorder(order)).tobytes()


def _text(code: str = "cp037", end: str = "") -> bytes:
    cards = [f"C{i:2d} MADE FOR TESTS".ljust(80) for i in range(1, 41)]
    return ((end.ljust(80) + "".join(cards[1:])) if end else "".join(cards)).encode(code)


def _made_segy() -> dict[str, bytes]:
    made = {}
    for i, code in enumerate(sorted(FORMATS)):
        order: Order = ">" if i % 2 else "<"
        revision, extended, additional, trailers = [
            *[(0, 0, 0, 0), (1, 0, 0, 0), (1, 2, 0, 0), (1, -1, 0, 0)],
            *[(2, 0, 0, 0), (2, 1, 1, 0), (2, -1, 0, 1), (2, 0, 2, -1)],
        ][i % 8]
        kind = "stack" if i % 3 else "shots"
        later = {}
        if revision == 2:
            later = {"byte_order": 0x01020304, "ext_samples": 31, "ext_interval": 2000.0,
                     "additional_trace_headers": additional, "data_trailers": trailers,
                     "total_traces": 24, "segy_revision_minor": 0}  # fmt: skip
        binary = _record(
            BINARY_FIELDS, order, 400, 3201, samples=31, interval=2000, format=code,
            segy_revision=revision, extended_headers=extended, measurement_system=1, trace_flag=1,
            **later,
        )  # fmt: skip
        data = _text() + binary.tobytes() + _text() * (2 if extended == -1 else extended)
        data += _text(end="((SEG: EndText))") if extended == -1 else b""
        data += _traces(order, code, 24, 31, additional, kind) + _text("ascii") * abs(trailers)
        name = f"made-{code}-rev{revision}-{'big' if order == '>' else 'little'}-{kind}"
        made[f"{name}.sgy"] = data
        if revision == 2 and order == ">":
            made[f"{name}-pairs.sgy"] = data[:3200] + swap_pairs(data[3200:])
    return made


def _made_su() -> dict[str, bytes]:
    return {
        f"made-{name}-{kind}.su": _traces(order, 5, 24, 31, 0, kind)
        for order, name in ((">", "big"), ("<", "little"))
        for kind in ("stack", "shots")
    }


def _made_seg2() -> dict[str, bytes]:
    """One file of three traces of float32 (Pullan, 1990)."""

    def strings(*lines: str) -> bytes:
        parts = [(len(s) + 3).to_bytes(2, "little") + s.encode() + b"\0" for s in lines]
        return b"".join(parts) + b"\0\0"

    blocks = []
    for i in range(3):
        words = strings(
            "SAMPLE_INTERVAL 0.001", f"CHANNEL_NUMBER {i + 1}", f"RECEIVER_LOCATION {5 * i}",
            "SOURCE_LOCATION -5", "DELAY 0", "DESCALING_FACTOR 1.0",
        )  # fmt: skip
        size = 32 + len(words) + (-len(words)) % 4
        head = b"\x22\x44" + size.to_bytes(2, "little") + (40 * 4).to_bytes(4, "little")
        head += (40).to_bytes(4, "little") + b"\x04" + bytes(19)
        samples = np.arange(40, dtype="<f4") * (i + 1)
        blocks.append((head + words).ljust(size, b"\0") + samples.tobytes())
    words = strings("ACQUISITION_DATE 01/01/2020", "ACQUISITION_TIME 12:00:00", "UNITS METERS")
    first = 32 + 4 * 3 + len(words)
    starts = [first + sum(map(len, blocks[:i])) for i in range(3)]
    head = b"\x55\x3a\x01\x00" + (12).to_bytes(2, "little") + (3).to_bytes(2, "little")
    head += b"\x01\x00\x00\x01\x0a\x00" + bytes(18)
    pointers = b"".join(s.to_bytes(4, "little") for s in starts)
    return {"made.dat": head + pointers + words + b"".join(blocks)}


# ------------------------------------------------------------------------------------ mutations

Mutation = Callable[[bytearray, np.random.Generator], bytearray]


def _anywhere(size: int, rng: np.random.Generator) -> int:
    """A byte: as often in the file header as in the first traces as anywhere."""
    ends = (min(size, 3600), min(size, 8000), size)
    low = 3200 if size > 3600 and rng.random() < 0.4 else 0
    return int(rng.integers(low, max(low + 1, ends[int(rng.integers(3))])))


def _flip(data: bytearray, rng: np.random.Generator) -> bytearray:
    for _ in range(int(rng.choice([1, 2, 8, 64])) if data else 0):
        data[_anywhere(len(data), rng)] = int(rng.integers(256))
    return data


def _cut(data: bytearray, rng: np.random.Generator) -> bytearray:
    return data[: int(rng.integers(len(data) + 1))]


def _lengthen(data: bytearray, rng: np.random.Generator) -> bytearray:
    n = int(rng.choice([1, 3, 100, 240, 3200, 7000]))
    return data + (bytes(n) if rng.random() < 0.5 else rng.bytes(n))


def _remove(data: bytearray, rng: np.random.Generator) -> bytearray:
    at = _anywhere(len(data), rng)
    return data[:at] + data[at + int(rng.choice([1, 2, 80, 240, 3200])) :]


def _insert(data: bytearray, rng: np.random.Generator) -> bytearray:
    at, n = _anywhere(len(data), rng), int(rng.choice([1, 2, 80, 240, 3200]))
    source = int(rng.integers(max(1, len(data) - n)))
    return data[:at] + data[source : source + n] + data[at:]


def _extreme(rng: np.random.Generator, dtype: str) -> bytes:
    value = int(rng.choice(np.array(_EXTREMES, np.float64)))
    value += int(rng.integers(-2, 3))
    kind = np.dtype(dtype)
    if kind.kind == "f":
        special = (np.nan, np.inf, -np.inf, 1e300, 5e-324, float(value))
        raw = np.array(special[int(rng.integers(len(special)))], kind).tobytes()
    else:
        raw = (value % (1 << 8 * kind.itemsize)).to_bytes(kind.itemsize, "little")
    return raw if rng.random() < 0.5 else raw[::-1]


def _count(data: bytearray, rng: np.random.Generator) -> bytearray:
    """An extreme number in a count of the file header."""
    byte, dtype = _COUNTS[int(rng.integers(len(_COUNTS)))]
    raw = _extreme(rng, dtype)
    if byte + len(raw) <= len(data):
        data[byte : byte + len(raw)] = raw
    return data


def _field(data: bytearray, rng: np.random.Generator) -> bytearray:
    """An extreme number in a field of one trace header, or of each header of some distance."""
    field = TRACE_FIELDS[int(rng.integers(len(TRACE_FIELDS)))]
    start = int(rng.choice([0, 3600, 6800]))
    length = int(rng.choice([240 + 31 * n for n in (1, 2, 3, 4, 8)]))
    many = int(rng.choice([1, 24]))
    for i in range(many):
        raw = _extreme(rng, field.dtype)
        at = start + i * length + field.byte - 1
        if at + len(raw) <= len(data):
            data[at : at + len(raw)] = raw
    return data


def _noise(data: bytearray, rng: np.random.Generator) -> bytearray:
    """A run of bytes replaced by noise or by one byte."""
    at, n = _anywhere(len(data), rng), int(rng.choice([16, 240, 400, 3200]))
    n = max(0, min(n, len(data) - at))
    data[at : at + n] = rng.bytes(n) if rng.random() < 0.5 else bytes([int(rng.integers(256))]) * n
    return data


def _swap(data: bytearray, rng: np.random.Generator) -> bytearray:
    at = int(rng.choice([0, 3200, 3600]))
    return data[:at] + swap_pairs(bytes(data[at:]))


_MUTATIONS: tuple[Mutation, ...] = (
    *(_flip, _flip, _cut, _lengthen, _remove, _insert, _count, _count, _count, _field, _field),
    *(_noise, _swap),
)


def cases(files: dict[str, bytes], first: int, last: int) -> Iterator[tuple[str, int]]:
    """Cases number `first` to `last` - 1 of every file, file after file for each number."""
    for number in range(first, last):
        for name in files:
            yield name, number
