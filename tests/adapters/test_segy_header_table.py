"""Trace headers as a table: values, units, laziness; and the command line's view of them."""

import pickle
import struct

import numpy as np
import pandas as pd
import pytest
import segyio
import xarray as xr

from seisgeo.adapters import read_headers
from seisgeo.adapters.segy import SegyFile
from seisgeo.adapters.segy.fields import TRACE_FIELDS
from seisgeo.adapters.segy.table import header_ranges
from seisgeo.errors import FormatError, HeaderWarning, MissingFileError, ParameterError
from seisgeo.header_summary import headers_text, summarise_headers, write_headers

VIKING = "segy/viking_small.segy"
QUIET = pytest.mark.filterwarnings("ignore::seisgeo.errors.HeaderWarning")


def made(tmp_path, rows, *, system=1, revision=(1, 0)):
    """Traces of one sample; each row lists (byte, struct code, value) of a header."""
    head = bytearray(400)
    for byte, code, value in [
        *[(3217, "h", 2000), (3221, "H", 1), (3225, "h", 5), (3255, "h", system)],
        *[(3501, "B", revision[0]), (3502, "B", revision[1])],
    ]:
        struct.pack_into(">" + code, head, byte - 3201, value)
    data = bytes(3200) + bytes(head)
    for row in rows:
        header = bytearray(240)
        for byte, code, value in [(115, "H", 1), (117, "h", 2000), *row]:
            struct.pack_into(">" + code, header, byte - 1, value)
        data += bytes(header) + bytes(4)
    path = tmp_path / "made.sgy"
    path.write_bytes(data)
    return path


@QUIET
@pytest.mark.parametrize("name", [VIKING, "segy/real_gather.sgy", "segy/peer/small-ps.sgy"])
def test_raw_numbers_as_segyio_reads_them(data_dir, name):
    table = read_headers(data_dir / name, raw=True)
    assert list(table) == [f.name for f in TRACE_FIELDS]
    with segyio.open(data_dir / name, ignore_geometry=True) as truth:
        for field in TRACE_FIELDS:
            np.testing.assert_array_equal(table[field.name], truth.attributes(field.byte)[:])
            assert table[field.name].attrs["byte"] == field.byte
            assert table[field.name].attrs["units"] == "1"


@QUIET
def test_positions_are_those_of_the_cube(data_dir):
    path = data_dir / "segy/real_gather.sgy"
    table = read_headers(path, ["receiver_x", "source_x", "channel"])
    # Scalar -10, by hand: the header holds 9500000.
    assert table["receiver_x"].values[-1] == 950000.0
    np.testing.assert_array_equal(table["channel"], np.arange(1, 97))
    with xr.open_dataset(path) as ds:
        np.testing.assert_array_equal(table["receiver_x"], ds["receiver_x"].values[0])


def test_scalars_and_units(tmp_path):
    row = [
        (37, "i", 1000), (41, "i", 1234), (49, "i", 55), (69, "h", -10), (71, "h", 100),
        (73, "i", 7), (91, "h", 2000), (95, "h", 15), (109, "h", 250), (127, "h", 8),
        (129, "h", 80), (131, "h", 12000), (147, "h", 6), (197, "i", 12345), (201, "h", -100),
        (215, "h", -10),
    ]  # fmt: skip
    table = read_headers(made(tmp_path, [row, row]))
    expected = {
        "offset": (1000, "m"), "receiver_group_elevation": (123.4, "m"),
        "source_depth": (5.5, "m"), "source_x": (700, "m"), "weathering_velocity": (2000, "m/s"),
        "source_uphole_time": (0.0015, "s"), "delay_recording_time": (0.025, "s"),
        "sweep_frequency_start": (8, "Hz"), "sweep_length": (12.0, "s"),
        "notch_filter_slope": (6, "dB/octave"), "shot_point": (123.45, "1"),
        "trace_sample_interval": (0.002, "s"), "elevation_scalar": (-10, "1"),
    }  # fmt: skip
    for name, (value, unit) in expected.items():
        np.testing.assert_array_equal(table[name], [value, value], err_msg=name)
        assert table[name].attrs["units"] == unit
        assert table[name].attrs["long_name"]
    feet = read_headers(made(tmp_path, [row, row], system=2))
    np.testing.assert_allclose(feet["source_depth"], 5.5 * 0.3048)
    np.testing.assert_allclose(feet["offset"], 304.8)
    np.testing.assert_allclose(feet["weathering_velocity"], 609.6)
    # Revision 0 has no scalar for times and shot points.
    older = read_headers(made(tmp_path, [row, row], revision=(0, 0)))
    np.testing.assert_array_equal(older["delay_recording_time"], [0.25, 0.25])
    np.testing.assert_array_equal(older["shot_point"], [12345, 12345])


@pytest.mark.parametrize(
    ("code", "value", "unit"),
    [(2, 10_800, "arcsecond"), (3, 60, "degree"), (4, 603000, "DDDMMSS.ss"), (1, 60, "m")],
)
def test_coordinates_in_angles_keep_their_unit(tmp_path, code, value, unit):
    rows = [[(73, "i", value), (89, "h", code)]] * 2
    table = read_headers(made(tmp_path, rows), ["source_x", "group_x"])
    assert table["source_x"].attrs["units"] == table["group_x"].attrs["units"] == unit
    np.testing.assert_array_equal(table["source_x"], [value, value])


def test_angles_that_cannot_be_are_metres(tmp_path, data_dir):
    with pytest.warns(
        HeaderWarning, match=r"code 3 \(decimal degrees\), coordinates: to 3312\): metres"
    ):
        table = read_headers(data_dir / VIKING, ["source_x"])
    assert table["source_x"].attrs["units"] == "m"


@QUIET
def test_table_is_lazy_and_pickles(data_dir, monkeypatch):
    path = data_dir / VIKING
    table = read_headers(path)
    read = []

    def noted(file, name, traces):
        read.append((name, np.size(traces)))
        return file.field(name)[traces]

    monkeypatch.setattr("seisgeo.adapters.segy.table.physical", noted)
    part = table[["offset"]].isel(trace=[7, 3, 3]).load()
    assert read == [("offset", 2)]  # xarray asks for each trace once
    np.testing.assert_array_equal(part["offset"], SegyFile(path).field("offset")[[7, 3, 3]])
    monkeypatch.undo()
    copy = pickle.loads(pickle.dumps(table[["cdp"]]))
    xr.testing.assert_identical(copy.load(), table[["cdp"]].load())
    assert table["cdp"][5].item() == 6
    backward = table["cdp"][::-7].values
    np.testing.assert_array_equal(backward, SegyFile(path).field("cdp")[::-7])
    frame = table[["field_record", "trace_number"]].to_dataframe()
    assert frame.groupby("field_record")["trace_number"].max().tolist() == [120] * 4


@QUIET
def test_own_fields_and_names(data_dir, tmp_path):
    path = data_dir / VIKING
    mapping = tmp_path / "m.yaml"
    mapping.write_text("weight: [31, int16]\nchannel: 25\n")
    table = read_headers(path, ["weight", "channel"], headers=mapping)
    np.testing.assert_array_equal(table["channel"], SegyFile(path).field("cdp_trace"))
    assert read_headers(path, "cdp").sizes == {"trace": 480}
    with pytest.raises(ParameterError, match=r"called 'sourcex'; did you mean 'source_x'\? For a"):
        read_headers(path, ["cdp", "sourcex"])
    with pytest.raises(MissingFileError, match=r"none\.sgy: no such file"):
        read_headers("none.sgy")
    with pytest.raises(FormatError, match="sample_interval must be positive"):
        read_headers(path, sample_interval=-1)


@QUIET
def test_seismic_unix(data_dir):
    table = read_headers(data_dir / "su/small.su", ["inline", "crossline"])
    assert table.attrs["source_format"] == "SU"
    assert np.unique(table["inline"]).tolist() == [1, 2, 3, 4, 5]


@QUIET
def test_ranges_are_those_of_the_table(data_dir):
    file = SegyFile(data_dir / VIKING)
    ranges = header_ranges(file)
    for r in ranges:
        values = read_headers(file.path)[r.name].values
        assert (r.low, r.high) == (values.min(), values.max())
        assert r.first == values[:3].tolist()
    (offset,) = header_ranges(file, ["offset"])
    assert offset == ("offset", 37, -3237, -262, [-3237, -3212, -3187], "m")


def test_header_name_in_the_table(tmp_path):
    rows = [[(233, "8s", b"SEG00000")], [(233, "8s", "SEG00000".encode("cp037"))], []]
    path = made(tmp_path, rows, revision=(2, 1))
    table = read_headers(path)
    assert table["trace_header_name"].values.tolist() == ["SEG00000", "SEG00000", ""]
    assert "unassigned_int1" not in table
    (name,) = header_ranges(SegyFile(path), ["trace_header_name"])
    assert (name.low, name.high) == ("", "SEG00000")


@QUIET
def test_summary_of_headers_fits_a_screen(data_dir):
    summary = summarise_headers(data_dir / VIKING)
    lines = headers_text(summary).splitlines()
    assert lines[0].endswith("viking_small.segy: 480 traces")
    assert lines[1].startswith("! samples a trace (binary header: 600")
    assert any("! coordinate units" in line for line in lines)
    rows = {line.split()[0]: line.split() for line in lines if line[:1].isalpha()}
    assert rows["offset"] == ["offset", "37", "-3237", "-262", "m", "-3237", "-3212", "-3187"]
    text = " ".join(" ".join(lines).split())
    assert "the same in all traces: trace_identification_code 1, n_stacked_traces 1" in text
    assert "trace_sample_interval 0.004 s" in text
    assert lines[-1] == "71 more fields are zero in all traces"
    assert len(lines) < 24
    asked = headers_text(summarise_headers(data_dir / VIKING, ["cdp_x"]), everything=True)
    assert asked.splitlines()[-1].split() == ["cdp_x", "181", "0", "0", "m", "0", "0", "0"]


@QUIET
def test_csv(data_dir, tmp_path, monkeypatch):
    monkeypatch.setattr("seisgeo.header_summary._BLOCK", 100)
    out = tmp_path / "h.csv"
    names = ["field_record", "receiver_x", "trace_sample_interval"]
    assert write_headers(data_dir / VIKING, out, names) == 480
    frame = pd.read_csv(out, index_col="trace")
    expected = read_headers(data_dir / VIKING, names).to_dataframe()
    pd.testing.assert_frame_equal(frame, expected, check_dtype=False)
    assert list(tmp_path.iterdir()) == [out]
