"""Files made byte by byte: what the standard allows, and what real programs make of it."""

import pickle
import struct
import warnings

import numpy as np
import pytest
import xarray as xr

from seisgeo.adapters.segy import SegyFile
from seisgeo.errors import HeaderWarning

# Three traces of four samples, written by hand as IEEE floats below.
SAMPLES = [[1.0, -2.0, 0.5, 100.0], [3.0, 4.0, -0.25, 8.0], [0.0, 7.0, 6.0, -5.0]]


def put(block, byte, code, *values, first=1):
    """Write numbers of struct's `code` at a byte that counts from `first`."""
    struct.pack_into(code, block, byte - first, *values)


def segy(
    *,
    order=">",
    binary=(),
    texts=(),
    trailers=(),
    additional=0,
    code=5,
    stored=None,
    counts=(4, 4, 4),
    text=b"C 1 MADE BY HAND",
    interval=2000,
):
    """A file; `binary` holds (byte, struct code, value), `stored` the samples' bytes."""
    head = bytearray(400)
    for byte, kind, value in [
        (3217, "h", interval),
        (3221, "H", 4),
        (3225, "h", code),
        *binary,
    ]:
        put(head, byte, order + kind, value, first=3201)
    if stored is None:
        stored = [struct.pack(f"{order}4f", *row) for row in SAMPLES]
    traces = b""
    for i, (raw, count) in enumerate(zip(stored, counts, strict=True)):
        header = bytearray(240 * (1 + additional))
        put(header, 9, order + "i", 7)  # field record
        put(header, 13, order + "i", i + 1)  # channel
        put(header, 115, order + "H", count)
        put(header, 117, order + "h", interval)
        traces += bytes(header) + raw
    blocks = [t.ljust(3200) for t in (text, *texts)]
    ends = [t.ljust(3200) for t in trailers]
    return blocks[0] + bytes(head) + b"".join(blocks[1:]) + traces + b"".join(ends)


REVISION_2 = [(3501, "B", 2), (3297, "I", 16909060)]


def swapped(data, start):
    """Each pair of bytes the other way round, from `start` on."""
    out = bytearray(data)
    for i in range(start, len(data) - 1, 2):
        out[i], out[i + 1] = data[i + 1], data[i]
    return bytes(out)


@pytest.fixture
def opened(tmp_path):
    """Write bytes to a file and open it; nothing may be contradicted unless a message is given."""

    def go(data, warns=None, name="made.sgy", **options):
        path = tmp_path / name
        path.write_bytes(data)
        if warns:
            with pytest.warns(HeaderWarning, match=warns):
                return xr.open_dataset(path, **options)
        with warnings.catch_warnings():
            warnings.simplefilter("error", HeaderWarning)
            return xr.open_dataset(path, **options)

    return go


def assert_by_hand(ds):
    np.testing.assert_array_equal(ds["amplitude"].values, [SAMPLES])
    np.testing.assert_array_equal(ds["time"], [0.0, 0.002, 0.004, 0.006])
    np.testing.assert_array_equal(ds["channel"], [1, 2, 3])
    np.testing.assert_array_equal(ds["field_record"], [7])


# ------------------------------------------------------------------------------ pair-swapped


@pytest.mark.parametrize("text_too", [False, True])
def test_bytes_swapped_in_pairs(opened, text_too):
    stanza = b"((SEG: EndText))"
    data = segy(binary=[*REVISION_2, (3505, "h", -1)], texts=[b"((SEG:Survey))", stanza])
    ds = opened(swapped(data, 0 if text_too else 3200), "02 01 04 03.*swapped back as")
    assert_by_hand(ds)
    assert ds.attrs["text_header"].splitlines() == [
        "C 1 MADE BY HAND",
        "((SEG:Survey))",
        stanza.decode(),
    ]
    assert ds.attrs["revision"] == "2.0"


def test_pairs_of_eight_byte_words_and_of_text_that_was_not_swapped(opened):
    stored = [struct.pack(">4d", *row) for row in SAMPLES]
    stanza = b"((SEG: EndText))".ljust(3200)
    data = segy(binary=[*REVISION_2, (3505, "h", -1)], texts=[stanza], code=6, stored=stored)
    mixed = swapped(data, 3200)
    mixed = mixed[:3600] + stanza + mixed[6800:]
    assert_by_hand(opened(mixed, "swapped back"))


def test_pair_swapped_files_pickle(tmp_path):
    path = tmp_path / "pairs.sgy"
    path.write_bytes(swapped(segy(binary=REVISION_2), 3200))
    copy = pickle.loads(pickle.dumps(SegyFile(path)))  # our own bytes, just made
    np.testing.assert_array_equal(copy.read(slice(None)), SAMPLES)


# ------------------------------------------------------------------- revision 2: headers, counts


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize(
    ("extended", "texts"),
    [
        (1, [b"((SEG:Survey))"]),
        (3, [b"((SEG:Survey))", b"more", b"((SEG: EndText))"]),
        (-1, [b"((SEG:Survey))", b"((SEG: EndText))"]),
        (-1, ["((SEG: EndText))".ljust(3200).encode("cp037")]),
        (-1, [b"((seg:EndText))"]),
        (-1, [b"a stanza", b"and no end text"]),
    ],
)
def test_extended_text_headers(opened, order, extended, texts):
    binary = [*REVISION_2, (3505, "h", extended)]
    ds = opened(segy(order=order, binary=binary, texts=texts))
    assert_by_hand(ds)
    assert len(ds.attrs["text_header"].splitlines()) == 1 + len(texts)


def test_end_text_of_revision_1(opened):
    binary = [(3501, "B", 1), (3505, "h", -1)]
    assert_by_hand(opened(segy(binary=binary, texts=[b"((SEG: EndText))"])))


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize(
    ("minor", "numbers"),
    [
        (0, [(3507, "i", 2)]),  # four bytes
        (1, [(3507, "h", 2), (3509, "h", 1)]),  # two bytes, then the survey type
        (1, [(3507, "i", 2)]),  # as revision 2.0 has it
    ],
)
def test_additional_trace_headers(opened, order, minor, numbers):
    binary = [*REVISION_2, (3502, "B", minor), *numbers]
    ds = opened(segy(order=order, binary=binary, additional=2))
    assert_by_hand(ds)
    assert ds.attrs["revision"] == f"2.{minor}"


def test_additional_headers_hold_fields_of_the_users(opened):
    data = bytearray(segy(binary=[*REVISION_2, (3507, "i", 1)], additional=1))
    for i, x in enumerate((500000.25, 500012.5, 500025.75)):
        put(data, 3600 + i * (480 + 16) + 241, ">d", x)
    ds = opened(bytes(data), headers={"exact_x": (241, "float64")})
    np.testing.assert_array_equal(ds["exact_x"], [[500000.25, 500012.5, 500025.75]])


def test_additional_headers_that_are_not_there(opened):
    ds = opened(segy(binary=[*REVISION_2, (3507, "i", 3)]), r"additional trace headers.*none read")
    assert_by_hand(ds)


def test_survey_type_of_revision_2_1_is_no_number_of_headers(opened):
    ds = opened(segy(binary=[*REVISION_2, (3502, "B", 1), (3509, "h", 3)]))
    assert_by_hand(ds)


def test_extended_count_and_interval_go_first(opened):
    binary = [*REVISION_2, (3221, "H", 0), (3269, "i", 4), (3217, "h", 0), (3273, "d", 2000.0)]
    assert_by_hand(opened(segy(binary=binary)))
    other = [*REVISION_2, (3221, "H", 9), (3269, "i", 4), (3273, "d", 4000.5)]
    ds = opened(segy(binary=other), r"binary header: 9, binary header, extended: 4\): 4")
    np.testing.assert_allclose(ds["time"], 4000.5e-6 * np.arange(4), rtol=1e-12)
    assert "binary header: 2000, binary header, extended: 4000.5" in ds.attrs["contradictions"]


def test_more_samples_than_two_bytes_count(opened):
    n = 70_000
    rows = np.arange(3 * n, dtype=np.float32).reshape(3, n)
    data = segy(
        binary=[*REVISION_2, (3221, "H", 0), (3269, "i", n)],
        stored=[row.astype(">f4").tobytes() for row in rows],
        counts=(0, 0, 0),
    )
    np.testing.assert_array_equal(opened(data)["amplitude"][0], rows)


@pytest.mark.parametrize("extended", [1e-300, -4.0, float("inf"), float("nan")])
def test_nonsense_in_the_extended_interval_is_passed_over(opened, extended):
    assert_by_hand(opened(segy(binary=[*REVISION_2, (3273, "d", extended)])))


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize("count", [2, -1])
def test_data_trailers(opened, order, count, tmp_path):
    trailers = [b"((SEG:Trailer))", b"((SEG: EndText))"]
    binary = [*REVISION_2, (3502, "B", 1), (3529, "i", count)]
    ds = opened(segy(order=order, binary=binary, trailers=trailers))
    assert_by_hand(ds)
    assert "Trailer" not in ds.attrs["text_header"]
    assert SegyFile(tmp_path / "made.sgy").trailers == "((SEG:Trailer))\n((SEG: EndText))"


@pytest.mark.parametrize("count", [3, -1])
def test_data_trailers_that_are_not_there(opened, count):
    binary = [*REVISION_2, (3529, "i", count)]
    assert_by_hand(opened(segy(binary=binary), r"data trailers \(binary header: .*none read"))


def test_offset_of_the_first_trace(opened):
    binary = [*REVISION_2, (3521, "Q", 6800)]
    assert_by_hand(opened(segy(binary=binary, texts=[b"not counted anywhere"])))


def test_number_of_traces_says_how_many_are_lost(opened):
    data = segy(binary=[*REVISION_2, (3513, "Q", 3)])
    assert_by_hand(opened(data))
    ds = opened(data[:-256], r"number of traces \(binary header: 3, file: 2\): 2 whole.*1 lost")
    assert ds.sizes["receiver"] == 2


# --------------------------------------------------------------------------- counts and formats


def test_zero_sample_count_comes_from_the_traces(opened):
    ds = opened(segy(binary=[(3221, "H", 0)]), r"binary header: 0, trace headers: 4\): 4 \(trace")
    assert_by_hand(ds)


# Bytes by hand: big-endian words of the values beside them.
FORMATS = {
    1: ("42640000 c1200000 40800000 00000000", [100.0, -2.0, 0.5, 0.0]),
    2: ("00000001 ffffffff 7fffffff 80000000", [1, -1, 2147483647, -2147483648]),
    3: ("0001 ffff 7fff 8000", [1, -1, 32767, -32768]),
    4: ("00000003 0004ffff 00100001 00000000", [3, -16, 65536, 0]),
    5: ("3f800000 c0000000 3f000000 42c80000", [1.0, -2.0, 0.5, 100.0]),
    6: ("3ff0000000000000 c000000000000000 3fe0000000000000 0000000000000000", [1, -2, 0.5, 0]),
    7: ("000001 ffffff 7fffff 800000", [1, -1, 8388607, -8388608]),
    8: ("01 ff 7f 80", [1, -1, 127, -128]),
    9: ("0000000000000001 ffffffffffffffff 0000000100000000 0000000000000000", [1, -1, 2**32, 0]),
    10: ("00000001 ffffffff 80000000 00000000", [1, 4294967295, 2147483648, 0]),
    11: ("0001 ffff 8000 0000", [1, 65535, 32768, 0]),
    12: ("0000000000000001 0000000100000000 0010000000000000 " + 16 * "0", [1, 2**32, 2**52, 0]),
    15: ("000001 ffffff 800000 000000", [1, 16777215, 8388608, 0]),
    16: ("01 ff 80 00", [1, 255, 128, 0]),
}  # fmt: skip


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize("code", FORMATS)
def test_every_sample_format_in_both_byte_orders(opened, code, order, marked):
    words, expected = FORMATS[code]
    raw = b"".join(bytes.fromhex(w)[:: 1 if order == ">" else -1] for w in words.split())
    binary = REVISION_2 if marked else [(3501, "B", 1)]
    ds = opened(segy(order=order, binary=binary, code=code, stored=[raw] * 3))
    np.testing.assert_array_equal(ds["amplitude"].values, [[expected] * 3])
    assert ds.attrs["byte_order"] == {">": "big-endian", "<": "little-endian"}[order]


# ------------------------------------------------------------------------------------- revision


@pytest.mark.parametrize(
    ("stored", "revision"),
    [
        ((0, 0), "0.0"), ((1, 0), "1.0"), ((0, 1), "1.0"), ((2, 0), "2.0"), ((0, 2), "2.0"),
        ((2, 1), "2.1"), ((1, 2), "2.1"),
    ],
)  # fmt: skip
def test_revision_in_either_order_of_its_bytes(opened, stored, revision):
    """256 is 1.0, and so is 1: the field was two bytes before it was major and minor."""
    ds = opened(segy(binary=[(3501, "B", stored[0]), (3502, "B", stored[1])]))
    assert_by_hand(ds)
    assert ds.attrs["revision"] == revision


def test_revision_that_does_not_exist(opened):
    blanks = [(3501, "B", 0x40), (3502, "B", 0x40), (3269, "i", 3), (3507, "i", 2)]
    ds = opened(segy(binary=blanks), r"revision \(binary header: 64.64\): 0.0 used, because there")
    assert_by_hand(ds)
    ds = opened(segy(binary=[*REVISION_2, (3501, "B", 9)]), r"9\.0\): 2\.0 used.*the constant of")
    assert_by_hand(ds)


# -------------------------------------------------------------------------------- cut, text


@pytest.mark.parametrize("order", [">", "<"])
def test_cut_inside_a_trace_without_the_constant(opened, order):
    data = segy(order=order, binary=[(3501, "B", 1)])
    ds = opened(data[:-5], r"2 whole traces opened, 1 lost.*251 of its 256 bytes are there")
    np.testing.assert_array_equal(ds["amplitude"].values, [SAMPLES[:2]])


def test_cut_behind_additional_headers(opened):
    data = segy(binary=[*REVISION_2, (3507, "i", 1)], additional=1)
    ds = opened(data[:-300], r"2 whole traces opened, 1 lost.*196 of its 496 bytes")
    np.testing.assert_array_equal(ds["amplitude"].values, [SAMPLES[:2]])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"C 1 ascii text, lower and UPPER".ljust(80) + b"C 2", "C 1 ascii text, lower and UPPER"),
        ("C 1 EBCDIC [TEXT]".ljust(3200).encode("cp037"), "C 1 EBCDIC [TEXT]"),
        ("C 1 mixed Case 123".ljust(3200).encode("cp037"), "C 1 mixed Case 123"),
        (bytes(3200), ""),
        (b" " * 3200, ""),
        (b"\x40" * 3200, ""),
        (b"\xff" * 3200, None),
    ],
)
def test_text_header_in_any_code(opened, text, expected):
    ds = opened(segy(text=text))
    assert_by_hand(ds)
    if expected is not None:
        assert ds.attrs["text_header"] == expected


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize("revision", [(2, 0), (2, 1)])
def test_a_constant_of_no_known_order_is_said(opened, order, revision):
    """Bytes 3297-3300 of words that are swapped: 03 04 01 02."""
    major, minor = revision
    binary = [(3501, "B", major), (3502, "B", minor)]
    data = bytearray(segy(order=order, binary=binary))
    data[3296:3300] = bytes([3, 4, 1, 2])
    name = {">": "big-endian", "<": "little-endian"}[order]
    ds = opened(bytes(data), rf"byte order \(bytes 3297-3300: 03 04 01 02\): {name} used")
    assert_by_hand(ds)


def test_revision_1_may_hold_anything_there(opened):
    assert_by_hand(opened(segy(binary=[(3501, "B", 1), (3297, "I", 0x03040102)])))
