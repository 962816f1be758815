"""Header fields by name: the standard's tables, extensions, stanzas."""

import struct
import warnings

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from seisgeo.adapters import describe_segy, read_headers, write_segy, write_zarr
from seisgeo.adapters.segy import SegyFile
from seisgeo.adapters.segy.fields import BINARY_FIELDS, TRACE_FIELDS
from seisgeo.adapters.segy.stanzas import find_stanzas
from seisgeo.errors import FormatError, HeaderWarning, ParameterError
from seisgeo.summary import summarise
from seisgeo.summary_text import summary_text

# Trace header extension 1 (SEG-Y revision 2, table 4): byte within the header, struct code, name,
# and a value of its own for each field.
EXTENSION = [
    (1, "Q", "trace_sequence_line", 2**40 + 1),
    (9, "Q", "trace_sequence_file", 2**40 + 2),
    (17, "q", "field_record", 2**33 + 3),
    (25, "q", "cdp", 2**33 + 4),
    (33, "d", "receiver_group_elevation", 5.0625),
    (41, "d", "receiver_depth", 6.0625),
    (49, "d", "source_surface_elevation", 7.0625),
    (57, "d", "source_depth", 8.0625),
    (65, "d", "receiver_datum_elevation", 9.0625),
    (73, "d", "source_datum_elevation", 10.0625),
    (81, "d", "source_water_depth", 11.0625),
    (89, "d", "group_water_depth", 12.0625),
    (97, "d", "source_x", 431000.0625),
    (105, "d", "source_y", 6780000.0625),
    (113, "d", "group_x", 432000.0625),
    (121, "d", "group_y", 6781000.0625),
    (129, "d", "offset", -1414.0625),
    (137, "I", "trace_sample_count", 4),
    (141, "i", "nanosecond_of_second", 18),
    (145, "d", "trace_sample_interval", 62.5),
    (153, "i", "cable_number", 20),
    (157, "H", "additional_trace_headers", 1),
    (159, "h", "last_trace_flag", 22),
    (161, "d", "cdp_x", 431500.0625),
    (169, "d", "cdp_y", 6780500.0625),
]
SUPERSEDED = [row for row in EXTENSION if row[2] in {f.name for f in TRACE_FIELDS}]


def made(
    tmp_path, *, headers=(), extended=(), order=">", n=2, revision=(2, 1), binary=(), text=b""
):
    """A file of four zero samples a trace.

    `headers` holds (byte, struct code, value) or, for each trace, a list of such; `extended` are
    texts of extended headers. Trace headers are as long as the last byte asks for.
    """
    rows = headers if headers and isinstance(headers[0], list) else [list(headers)] * n
    last = max((byte for row in rows for byte, *_ in row), default=1)
    length = -(-last // 240)
    head = bytearray(400)
    blocks = [b.ljust(-(-len(b) // 3200) * 3200) for b in extended]
    fixed = [
        *[(3217, "h", 2000), (3221, "H", 4), (3225, "h", 5), (3297, "I", 16909060)],
        *[(3501, "B", revision[0]), (3502, "B", revision[1])],
        *[(3505, "h", sum(map(len, blocks)) // 3200), (3507, "h", length - 1), *binary],
    ]
    if revision < (2, 0):
        fixed = [f for f in fixed if f[0] != 3297]
    for byte, code, value in fixed:
        struct.pack_into(order + code, head, byte - 3201, value)
    data = text.ljust(3200) + bytes(head) + b"".join(blocks)
    for i, row in enumerate(rows):
        header = bytearray(240 * length)
        standard = [(9, "i", 1), (13, "i", i + 1), (115, "H", 4), (117, "h", 2000)]
        for byte, code, value in [*standard, *row]:
            struct.pack_into(order + code, header, byte - 1, value)
        data += bytes(header) + bytes(16)
    path = tmp_path / "made.sgy"
    path.write_bytes(data)
    return path


def named(name=b"SEG00001", header=1):
    return (240 * header + 233, "8s", name)


def extension_1(values=EXTENSION):
    return [named(), *((240 + byte, code, value) for byte, code, _, value in values)]


# ------------------------------------------------------------------------- the standard's tables


def test_binary_header_of_revision_2(tmp_path):
    fields = [
        (3261, "i", "ext_traces", 70001), (3265, "i", "ext_aux_traces", 70002),
        (3281, "d", "ext_interval_original", 1999.5), (3289, "i", "ext_samples_original", 70003),
        (3293, "i", "ext_ensemble_fold", 70004), (3503, "h", "trace_flag", 1),
        (3509, "h", "survey_type", 5), (3511, "h", "time_basis", 4),
        (3513, "Q", "total_traces", 2), (3521, "Q", "first_trace_offset", 3600),
        (3529, "i", "data_trailers", 0),
    ]  # fmt: skip
    path = made(tmp_path, binary=[(b, c, v) for b, c, _, v in fields])
    binary = SegyFile(path).binary
    for *_, name, value in fields:
        assert binary[name] == value, name
    assert binary["byte_order"] == 0x01020304
    assert (binary["segy_revision"], binary["segy_revision_minor"]) == (2, 1)


def test_fields_do_not_overlap_but_where_revisions_differ():
    for fields, expected in ((TRACE_FIELDS, 240), (BINARY_FIELDS, None)):
        bytes_ = [b for f in fields for b in range(f.byte, f.byte + f.stored.itemsize)]
        if expected:
            assert sorted(bytes_) == list(range(1, expected + 1))
        else:
            twice = {b for b in bytes_ if bytes_.count(b) > 1}
            assert twice == {3507, 3508, 3509, 3510}


@pytest.mark.parametrize("order", [">", "<"])
def test_fields_that_revision_2_adds_to_the_standard_header(tmp_path, order):
    row = [(219, "h", 1), (221, "h", -2), (223, "h", 3), (233, "8s", b"SEG00000")]
    file = SegyFile(made(tmp_path, headers=row, order=order))
    directions = [file.first(f"source_energy_direction_{d}") for d in ("vert", "xline", "iline")]
    assert directions == [1, -2, 3]
    assert file.first("trace_header_name") == b"SEG00000"
    older = SegyFile(made(tmp_path, headers=row, order=order, revision=(1, 0)))
    assert "trace_header_name" not in older.header_map.fields
    assert older.first("source_energy_direction_exponent") == 3


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize("name", [b"SEG00001", "SEG00001".encode("cp037")])
def test_trace_header_extension_1_by_name(tmp_path, order, name):
    row = [named(name), *((240 + byte, code, value) for byte, code, _, value in EXTENSION)]
    file = SegyFile(made(tmp_path, headers=row, order=order))
    assert file.header_map.headers == ("SEG00000", "SEG00001")
    for _, _, name, value in EXTENSION:
        assert file.field(name)[1] == value, name


def test_extension_is_what_it_is_named(tmp_path):
    rows = [named(b"ACME0001"), *extension_1()[1:]]
    file = SegyFile(made(tmp_path, headers=rows))
    assert file.header_map.headers == ("SEG00000", "ACME0001")
    assert file.field("source_x").dtype == np.int32
    with pytest.raises(ParameterError, match="no field of name 'ext_source_x'"):
        file.field("ext_source_x")
    # It need not be the first of the additional headers.
    third = [(byte + 240, *rest) for byte, *rest in extension_1()]
    file = SegyFile(made(tmp_path, headers=[named(b"ACME0001"), *third]))
    assert file.header_map.headers == ("SEG00000", "ACME0001", "SEG00001")
    assert file.field("source_x")[0] == 431000.0625


def test_extension_goes_first_where_it_is_filled_and_the_scalar_still_fits(tmp_path):
    rows = [
        [(71, "h", -100), (73, "i", 43100006), (181, "i", 5), (481, "b", 0), named(), named(b"", 2),
         (337, "d", x)]
        for x in (431000.0625, 0.0, np.nan)
    ]  # fmt: skip
    file = SegyFile(made(tmp_path, headers=rows))
    np.testing.assert_array_equal(file.field("source_x"), [43100006.25, 43100006, 43100006])
    np.testing.assert_array_equal(file.headers["source_x"], [43100006] * 3)
    np.testing.assert_array_equal(file.field("cdp_x"), [5, 5, 5])
    # A user who names the place means that place.
    asked = SegyFile(file.path, headers={"source_x": 73})
    np.testing.assert_array_equal(asked.field("source_x"), [43100006] * 3)
    assert asked.field("source_x").dtype == np.int32


def test_extension_reaches_the_cube(tmp_path):
    receiver_x = 432000.0625 + 12.5 * np.arange(4)
    land = ("trace_sample_interval", "receiver_group_elevation")
    filled = [r for r in EXTENSION if r[2] not in land]
    rows = [
        [(71, "h", -10), *extension_1(filled), (240 + 113, "d", x),
         (240 + 129, "d", np.hypot(x - 431000.0625, 1000.0))]
        for x in receiver_x
    ]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error", HeaderWarning)
        ds = xr.open_dataset(made(tmp_path, headers=rows), layout="shots")
    np.testing.assert_allclose(ds["source_x"], [431000.0625], rtol=0, atol=1e-9)
    np.testing.assert_allclose(ds["receiver_x"][0], receiver_x, rtol=0, atol=1e-9)
    np.testing.assert_allclose(ds["offset"][0], np.hypot(receiver_x - 431000.0625, 1000.0))
    np.testing.assert_array_equal(ds["source_depth"], [8.0625])
    np.testing.assert_array_equal(ds["receiver_depth"], [[6.0625] * 4])
    np.testing.assert_array_equal(ds["field_record"], [2**33 + 3])


def test_extension_goes_through_zarr_and_knows_a_cut(tmp_path):
    kept = [r for r in EXTENSION if r[2] != "trace_sample_interval"]
    rows = [[(71, "h", -10), (9, "i", 3), *extension_1(kept)]] * 2
    path = made(tmp_path, headers=rows, extended=[layout_stanza(b"<segy-layout/>")])
    cube = xr.open_dataset(path, layout="shots")
    write_zarr(cube, tmp_path / "made.zarr")
    write_segy(xr.open_zarr(tmp_path / "made.zarr"), tmp_path / "back.sgy")
    assert (tmp_path / "back.sgy").read_bytes() == path.read_bytes()
    write_segy(cube.isel(time=slice(0, 2)), tmp_path / "cut.sgy", original=path)
    cut = SegyFile(tmp_path / "cut.sgy")
    assert cut.headers["trace_sample_count"].tolist() == [2, 2]
    assert cut.headers["ext_trace_sample_count"].tolist() == [2, 2]
    assert cut.findings == []


def test_extension_that_contradicts_the_standard_header_is_reported(tmp_path):
    row = [named(), (71, "h", -100), (73, "i", 43100006), (337, "d", 431000.0625)]
    assert SegyFile(made(tmp_path, headers=row)).findings == []  # rounded to the scalar
    row[2] = (73, "i", 43200006)
    (finding,) = SegyFile(made(tmp_path, headers=row)).findings
    assert str(finding) == (
        "source x (trace 1, header: 432000.06, extension: 431000.0625): extension used, because "
        "revision 2 puts it first where it is filled"
    )


def test_extended_sample_interval_of_the_traces(tmp_path):
    row = [named(), (117, "h", 0), (385, "d", 62.5)]
    file = SegyFile(made(tmp_path, headers=row, binary=[(3217, "h", 0)]))
    assert file.interval == 62.5


def test_additional_headers_by_byte(tmp_path):
    row = [named(b"ACME0001"), (241, "f", 2.5), (245, "I", 0x42640000), (478, "b", 0)]
    path = made(tmp_path, headers=row)
    own = {"weight": (241, "float32"), "gain": {"byte": 245, "type": "ibm32"}}
    file = SegyFile(path, headers=own)
    np.testing.assert_array_equal(file.field("weight"), [2.5, 2.5])
    np.testing.assert_array_equal(file.field("gain"), [100.0, 100.0])  # 0x.64 x 16^2
    with pytest.raises(FormatError, match=r"'weight' at bytes 478-481 lies outside .* \(1-480\)"):
        SegyFile(path, headers={"weight": (478, "float32")})


# ------------------------------------------------------------------------------------ stanzas

CRS = b"""((IOGP: P1/11 ver 1.0))\r
HC,1,3,0,CRS Number/EPSG Code/Name/Source,1,23031,ED50 / UTM zone 31N\r
"""
BINS = b"""((SEG: Bin Grid Definition ver 1.0))\r
Bin grid name                   =Marmousi in time\r
Bin grid origin I               =1.0\r
Comment                         =first\r
Comment                         =second\r
"""


def layout_stanza(xml):
    return b"((SEG: Layout ver 1.0))\r\n" + xml


def test_stanzas_of_lines_with_ends(tmp_path):
    path = made(tmp_path, extended=[CRS + BINS, b"((SEG: EndText))"])
    crs, bins = SegyFile(path).stanzas
    assert (crs.organisation, crs.name, crs.version) == ("IOGP", "P1/11", "1.0")
    assert crs.values == {}
    assert crs.lines[0].endswith("ED50 / UTM zone 31N")
    assert bins.values == {
        "Bin grid name": "Marmousi in time",
        "Bin grid origin I": "1.0",
        "Comment": "first\nsecond",
    }
    found = describe_segy(path)["stanzas"]
    assert [s["name"] for s in found] == ["IOGP: P1/11 1.0", "SEG: Bin Grid Definition 1.0"]
    assert found[1]["Bin grid origin I"] == "1.0"
    shown = summary_text(summarise(path))
    assert "IOGP: P1/11 1.0; SEG: Bin Grid Definition 1.0" in shown


@pytest.mark.parametrize("code", ["ascii", "cp037"])
def test_stanzas_of_cards_over_two_blocks(tmp_path, code):
    cards = ["((SEG:Measurement Units ver 1.0))", *(f"Key {i} = {i}" for i in range(50))]
    text = "".join(card.ljust(80) for card in cards).encode(code)
    blocks = [text[:3200], text[3200:].ljust(3200, " ".encode(code))]
    (stanza,) = SegyFile(made(tmp_path, extended=blocks)).stanzas
    assert stanza.named("measurement units")
    assert stanza.values == {f"Key {i}": str(i) for i in range(50)}


@given(st.text(max_size=400))
def test_any_text_is_cut_into_stanzas(text):
    for stanza in find_stanzas(text):
        assert stanza.text in text
        assert str(stanza).startswith(f"{stanza.organisation}: ")
        assert sum(map(len, stanza.lines)) <= len(stanza.text)
        assert set(stanza.values) <= {line.partition("=")[0].strip() for line in stanza.lines}


def test_files_without_stanzas(data_dir):
    assert SegyFile(data_dir / "segy/peer/multi-text.sgy").stanzas == []
    assert describe_segy(data_dir / "segy/viking_small.segy")["stanzas"] == []


# ------------------------------------------------------------------------------- layout stanza

LAYOUT = b"""<?xml version="1.0" encoding="US-ASCII"?>
<segy-layout>
  <!-- lines stand elsewhere, coordinates are floats in metres -->
  <entry name="iline" byte="233" type="int4"/>
  <entry name="xline" byte="237" type="int2" />
  <entry name="sht_x" byte="73" type="ieee32"/>
  <entry name="sht_y" byte="77" type="coor4"/>
  <entry name="acme_gun" byte="225" type="ibmfp"/>
  <extension name="ACME0001">
    <entry name="acme_gps" byte="9" type="int8"/>
    <entry name="cdp_x" byte="17" type="ieee64" if-non-zero="1"/>
    <entry name="trans_const" byte="25" type="scale6"/>
  </extension>
</segy-layout>
"""
LAYOUT_ROW = [
    (71, "h", -10), (73, "f", 1234.5), (77, "i", 50), (225, "I", 0x42640000), (189, "i", 77),
    (233, "i", 11), (237, "h", 12), named(b"ACME0001"), (249, "q", 2**50), (257, "d", 99.5),
    (265, "i", 6), (269, "h", -3),
]  # fmt: skip


@pytest.mark.parametrize("code", ["ascii", "cp037"])
def test_layout_stanza_gives_the_mapping(tmp_path, code):
    text = (BINS + layout_stanza(LAYOUT)).decode().ljust(3200).encode(code)
    text = text.replace(b"\x25", b"\x15") if code == "cp037" else text  # the usual line end there
    path = made(tmp_path, headers=LAYOUT_ROW, extended=[text])
    file = SegyFile(path)
    assert file.findings == []
    expected = {
        "inline_3d": 11, "crossline_3d": 12, "acme_gun": 100.0, "acme_gps": 2**50,
        "transduction_constant_mantissa": 6, "transduction_constant_power": -3,
    }  # fmt: skip
    for name, value in expected.items():
        np.testing.assert_array_equal(file.field(name), [value, value], err_msg=name)
    # No scalar holds for sht_x and the extension's cdp_x, the usual one for sht_y: scaling gives
    # 1234.5, 99.5 and 5.0.
    assert file.first("source_x") == 12345.0
    assert file.first("cdp_x") == 995.0
    assert file.first("source_y") == 50


def test_a_mapping_of_the_users_own_goes_before_the_layout_stanza(tmp_path):
    path = made(tmp_path, headers=LAYOUT_ROW, extended=[layout_stanza(LAYOUT)])
    file = SegyFile(path, headers={"inline": 189, "crossline": (237, "int16")})
    assert file.first("inline_3d") == 77
    (finding,) = file.findings
    assert str(finding) == (
        "place of inline_3d (layout stanza: byte 233 (i4), mapping given: byte 189 (i4)): "
        "byte 189 (i4) used, because what is asked for goes first"
    )


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        (b"<segy-layout><entry name='iline'", "none of it read, because its XML cannot be read"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><segy-layout/>", "it holds a document type definition"),
        (b"<other/>", "it holds <other> instead of <segy-layout>"),
        (b"<segy-layout><entry name='iline' byte='9' type='int3'/></segy-layout>",
         "entry 'iline' of header SEG00000 left out, because its type is 'int3'; expected one of"),
        (b"<segy-layout><entry name='iline' byte='238' type='int4'/></segy-layout>",
         r"bytes 238-241 lie outside the header \(1-240\)"),
        (b"<segy-layout><entry name='iline' type='int4'/></segy-layout>", "its byte is None"),
        (b"<segy-layout><entry byte='1' type='int4'/></segy-layout>", "it states no name"),
        (b"<segy-layout><extension name='NONE0001'><entry/></extension></segy-layout>",
         "1 entries of header 'NONE0001' left out, because no trace header has this name; there a"),
    ],
)  # fmt: skip
def test_layout_stanza_that_is_wrong(tmp_path, xml, message):
    path = made(tmp_path, headers=[(189, "i", 77)], extended=[layout_stanza(xml)])
    with pytest.warns(HeaderWarning, match=message):
        ds = xr.open_dataset(path)
    assert ds["amplitude"].size == 8
    assert SegyFile(path).first("inline_3d") == 77


def test_names_of_the_layout_stanza(tmp_path):
    """The names that the standard lists with each byte, a sample over the whole header."""
    listed = [
        (1, "linetrc", "trace_sequence_line"), (9, "ffid", "field_record"), (13, "chan", "trace_n"),
        (29, "trctype", "trace_identification"), (41, "relev", "receiver_group_e"),
        (69, "ed_scal", "elevation_scalar"), (73, "sht_x", "source_x"), (85, "rec_y", "group_y"),
        (109, "delay", "delay_recording"), (117, "dt", "trace_sample_interval"),
        (157, "year", "year_data"), (167, "timebase", "time_base"), (171, "rstaswp1", "geophone"),
        (181, "cdp_x", "cdp_x"), (193, "xline", "crossline_3d"), (197, "sp", "shot_point"),
        (203, "samp_unit", "trace_value_measurement_unit"), (213, "dev_id", "trace_identifier"),
        (215, "tm_scal", "scalar_trace_header"), (231, "sm_unit", "source_measurement_unit"),
    ]  # fmt: skip
    ours = {f.byte: f.name for f in TRACE_FIELDS}
    entries = b"".join(
        b'<entry name="%s" byte="%d" type="uint1"/>' % (name.encode(), byte)
        for byte, name, _ in listed
    )
    xml = b"<segy-layout>" + entries + b"</segy-layout>"
    file = SegyFile(made(tmp_path, extended=[layout_stanza(xml)]))
    for byte, _, name in listed:
        assert ours[byte].startswith(name)
        assert file.header_map.fields[ours[byte]] == (ours[byte], byte, "u1")


XML_PIECES = [
    b"<entry ", b"/>", b'name="iline" ', b'name="cdp_x" ', b'byte="9" ', b'byte="-1" ',
    b'byte="x" ',
    b'type="int4"', b'type="coor4"', b'type="scale6"', b'if-non-zero="1" ', b"<extension ",
    b'name="ACME0001">', b"</extension>", b"<!-- -->", b"&amp;", b"\x00", b"<![CDATA[", b"<entry/>",
    b'<entry name="cdp_x" byte="17" type="ieee64"/>', b'<entry name="a" byte="9" type="uint8"/>',
]  # fmt: skip


@given(
    header=st.binary(min_size=480, max_size=480),
    name=st.sampled_from([b"SEG00001", b"ACME0001", bytes(8)]),
    text=st.one_of(
        st.binary(max_size=300),
        st.lists(st.sampled_from(XML_PIECES), max_size=20).map(
            lambda pieces: layout_stanza(b"<segy-layout>" + b"".join(pieces) + b"</segy-layout>")
        ),
    ),
    order=st.sampled_from([">", "<"]),
)  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_any_bytes_in_headers_give_a_table(tmp_path_factory, header, name, text, order):
    """Whatever extension and stanzas hold: the file opens, and every field has its values."""
    path = made(tmp_path_factory.mktemp("any"), headers=[named(name)], extended=[text], order=order)
    data = bytearray(path.read_bytes())
    for start in (len(data) - 2 * 496, len(data) - 496):
        data[start : start + 114] = header[:114]
        data[start + 118 : start + 232] = header[118:232]
        data[start + 240 : start + 472] = header[240:472]
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HeaderWarning)
        table = read_headers(path).load()
        raw = read_headers(path, raw=True).load()
    assert table.sizes == {"trace": 2}
    expected = np.frombuffer(header, order + "i4", 1, 8)[0]
    np.testing.assert_array_equal(raw["field_record"], [expected, expected])
    x = np.frombuffer(header, order + "f8", 1, 336)[0]
    if name == b"SEG00001" and np.isfinite(x) and x != 0 and table["source_x"].units == "m":
        np.testing.assert_array_equal(table["source_x"], [x, x])
