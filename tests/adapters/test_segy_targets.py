"""Revisions, sample formats and byte orders that are written: chosen, refused, and as bytes."""

import struct
import sys
import warnings

import numpy as np
import obspy
import pytest
import segyio
import segyio.su
import xarray as xr

from seisgeo import conventions
from seisgeo.adapters import write_segy
from seisgeo.errors import ConventionError, HeaderWarning, ParameterError


@pytest.fixture(autouse=True)
def _loud():
    """Nothing is contradicted unless a test expects it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", HeaderWarning)
        yield


def gathers(n=12, *, dt=0.002, start=0.0, shots=2, receivers=3):
    values = np.arange(shots * receivers * n).reshape(shots, receivers, n) % 101
    ds = xr.Dataset(
        {"amplitude": (("shot", "receiver", "time"), values.astype(np.float32))},
        coords={
            "time": start + dt * np.arange(n),
            "source_x": ("shot", 100.0 * np.arange(shots)),
            "receiver_x": ("receiver", 50.0 * np.arange(1, receivers + 1)),
        },
    )
    return conventions.describe(ds)


def values(raw, fields, order=">"):
    """Numbers at bytes (from 1) of a file."""
    return [struct.unpack_from(order + code, raw, byte - 1)[0] for byte, code in fields]


NEW = [
    (3261, "i"),
    (3269, "i"),
    (3273, "d"),
    (3297, "I"),
    (3501, "B"),
    (3502, "B"),
    (3503, "h"),
    (3505, "h"),
    (3507, "h"),
    (3513, "Q"),
    (3521, "Q"),
    (3529, "i"),
]


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize("minor", [0, 1])
def test_fields_of_revision_2(tmp_path, minor, order):
    byte_order = {">": "big-endian", "<": "little-endian"}[order]
    ds = gathers()
    ds["amplitude"][1, 1] = np.nan  # five traces are left
    path = write_segy(ds, tmp_path / "x.sgy", revision=f"2.{minor}", byte_order=byte_order)
    raw = path.read_bytes()
    expected = [3, 12, 2000.0, 16909060, 2, minor, 1, 0, 0, 5, 3600, 0]
    assert values(raw, NEW, order) == expected
    assert values(raw, [(3217, "h"), (3221, "H"), (3225, "h")], order) == [2000, 12, 5]
    assert len(raw) == 3600 + 5 * (240 + 48)
    card = raw[38 * 80 : 39 * 80].decode("cp037")
    assert card.strip() == f"C39 SEG-Y REV2.{minor}"
    again = xr.open_dataset(path)
    assert again.attrs["revision"] == f"2.{minor}"
    assert again.attrs["byte_order"] == byte_order
    np.testing.assert_array_equal(again["amplitude"], ds["amplitude"])


@pytest.mark.parametrize(
    ("revision", "stated", "card", "code"),
    [
        (0, [0, 0, 0], ["C39", "C40 END EBCDIC"], 1),
        (1, [1, 0, 1], ["C39 SEG Y REV1", "C40 END TEXTUAL HEADER"], 5),
        (None, [1, 0, 1], ["C39 SEG Y REV1", "C40 END TEXTUAL HEADER"], 5),
    ],
)
def test_older_revisions(tmp_path, revision, stated, card, code):
    raw = write_segy(gathers(), tmp_path / "x.sgy", revision=revision).read_bytes()
    assert values(raw, [(3501, "B"), (3502, "B"), (3503, "h"), (3225, "h")]) == [*stated, code]
    assert not any(raw[3260:3300])
    assert not any(raw[3506:3600])
    assert [raw[a : a + 80].decode("cp037").strip() for a in (3040, 3120)] == card


def test_pairs_are_swapped_behind_the_text(tmp_path):
    ds = gathers(n=5)
    options = {"sample_format": 7, "revision": 2.1}  # traces of 255 bytes: pairs go across them
    plain = write_segy(ds, tmp_path / "plain.sgy", **options).read_bytes()
    path = write_segy(ds, tmp_path / "swapped.sgy", byte_order="pair-swapped", **options)
    raw = path.read_bytes()
    assert raw[3296:3300] == bytes([2, 1, 4, 3])
    # The text names the byte order; from the binary header on each pair is turned.
    assert raw[3200:] == np.frombuffer(plain[3200:], np.uint16).byteswap().tobytes()
    with pytest.warns(HeaderWarning, match="swapped back"):
        again = xr.open_dataset(path)
    np.testing.assert_array_equal(again["amplitude"], ds["amplitude"])
    assert again.attrs["byte_order"] == "pair-swapped"


@pytest.mark.parametrize(
    ("ds", "options", "revision"),
    [
        (gathers(n=32_767), {}, 1),
        (gathers(n=32_768), {}, 2),
        (gathers(n=70_000, shots=1), {}, 2),
        (gathers(dt=0.2), {}, 2),
        (gathers(dt=0.001 / 3).drop_vars(["source_x", "receiver_x"]), {}, 2),
        (gathers(dt=2.5e-7).drop_vars(["source_x", "receiver_x"]), {}, 2),
        (gathers(), {"sample_format": 6}, 2),
        (gathers(), {"sample_format": 8}, 1),
        (gathers(), {"sample_format": 16}, 2),
        (gathers(), {"byte_order": "little-endian"}, 2),
        (gathers(start=0.0005), {}, 1),
    ],
)
def test_revision_2_where_the_cube_needs_it(tmp_path, ds, options, revision):
    path = write_segy(ds, tmp_path / "x.sgy", **options)
    assert path.read_bytes()[3500:3502] == bytes([revision, 0])
    again = xr.open_dataset(path)
    np.testing.assert_array_equal(again["amplitude"], ds["amplitude"])
    np.testing.assert_allclose(again["time"], ds["time"], rtol=1e-12, atol=1e-15)


def test_long_traces_in_revision_1_where_asked(tmp_path):
    ds = gathers(n=65_535, shots=1, receivers=2)
    path = write_segy(ds, tmp_path / "x.sgy", revision=1)
    with segyio.open(path, ignore_geometry=True) as f:
        np.testing.assert_array_equal(f.trace.raw[:], ds["amplitude"][0])


@pytest.mark.parametrize(
    ("ds", "options", "error", "message"),
    [
        (gathers(n=70_000), {"revision": 1}, ConventionError, "70000 samples.*revision=2.0 has"),
        (gathers(dt=0.2), {"revision": 1}, ConventionError, r"0\.2 s.*1 to 32767.*revision 1;"),
        (gathers(dt=0.001 / 3), {"revision": 0}, ConventionError, "whole number of us.*2.0"),
        (gathers(start=0.0005), {"revision": 0}, ConventionError, "start.*whole.*ms.*revision=1"),
        (
            gathers(),
            {"revision": 1, "sample_format": 6},
            ConventionError,
            r"sample format 6 \(IEEE float64\): not in SEG-Y revision 1; revision=2.0",
        ),
        (
            gathers(),
            {"revision": 1, "byte_order": "little-endian"},
            ConventionError,
            "byte order little-endian: not in SEG-Y revision 1",
        ),
        (gathers(), {"revision": 3}, ParameterError, "revision=3 is unknown; expected 0, 1, 2.0"),
        (gathers(), {"sample_format": 13}, ParameterError, "sample_format=13 is unknown.* 5 .IEEE"),
        (gathers(), {"byte_order": "<"}, ParameterError, "byte_order='<'.*big-endian, little-end"),
    ],
)
def test_what_a_revision_does_not_hold(tmp_path, ds, options, error, message):
    with pytest.raises(error, match=message):
        write_segy(ds, tmp_path / "x.sgy", **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [2, 3, 4, 7, 8, 9, 10, 11, 12, 15, 16])
def test_integers_are_neither_clipped_nor_rounded(tmp_path, code):
    top = {2: 2**31, 3: 2**15, 7: 2**23, 8: 2**7, 9: 2**63, 10: 2**32, 11: 2**16, 12: 2**64,
           15: 2**24, 16: 2**8}.get(code)  # fmt: skip
    ds = gathers().astype(np.float64)
    ds["amplitude"][0, 1, 2] = 0.5
    with pytest.raises(ConventionError, match=r"shot 0 to 1.*fractions.*round.*format 5"):
        write_segy(ds, tmp_path / "x.sgy", sample_format=code)
    if top is not None:
        ds["amplitude"][0, 1, 2] = top
        with pytest.raises(ConventionError, match=r"the values reach from 0 to .*scale them first"):
            write_segy(ds, tmp_path / "x.sgy", sample_format=code)
    assert list(tmp_path.iterdir()) == []


def test_coordinates_that_lose_digits_are_said(tmp_path):
    ds = gathers().assign_coords(source_y=("shot", [6_000_000.004, 6_000_010.0]))
    ds["source_y"].attrs["units"] = "m"
    with pytest.warns(HeaderWarning, match=r"coordinates rounded to 0\.01 m \(up to 0\.004 m off"):
        path = write_segy(ds, tmp_path / "x.sgy")
    np.testing.assert_allclose(xr.open_dataset(path)["source_y"], ds["source_y"], atol=0.005)


def test_source_points_with_fractions(tmp_path):
    ds = gathers().assign_coords(source_point=("shot", [101.5, 102.25]))
    path = write_segy(conventions.describe(ds), tmp_path / "x.sgy")
    raw = path.read_bytes()
    at = 3600
    assert values(raw, [(at + 17, "i"), (at + 197, "i"), (at + 201, "h")]) == [0, 10150, -100]
    np.testing.assert_array_equal(xr.open_dataset(path)["source_point"], [101.5, 102.25])


def test_offsets_come_from_the_positions(tmp_path):
    path = write_segy(gathers(), tmp_path / "x.sgy")
    with segyio.open(path, ignore_geometry=True) as f:
        assert f.attributes(37)[:].tolist() == [50, 100, 150, -50, 0, 50]


def test_offsets_beside_missing_traces(tmp_path):
    ds = gathers().drop_vars("receiver_x")
    x = np.array([[-900.0, -800, np.nan], [-700, -600, -500]])
    ds = ds.assign_coords(receiver_x=(("shot", "receiver"), x, {"units": "m"}))
    ds["amplitude"][0, 2] = np.nan
    with segyio.open(write_segy(ds, tmp_path / "x.sgy"), ignore_geometry=True) as f:
        assert f.attributes(37)[:].tolist() == [-900, -800, -800, -700, -600]


def test_a_training_set_as_obspy_reads_it(tmp_path):
    """Five sources over one model, as OpenFWI has them."""
    x, n = 10.0 * np.arange(7), 20
    values = np.random.default_rng(1).standard_normal((2, 3, n, 7)).astype(np.float32)
    ds = xr.Dataset(
        {"amplitude": (("sample", "source", "time", "receiver"), values)},
        coords={
            "time": 0.001 * np.arange(n),
            "source_x": ("source", [0.0, 30, 60]),
            "source_depth": ("source", [10.0] * 3),
            "receiver_x": ("receiver", x),
            "receiver_depth": ("receiver", [10.0] * 7),
        },
    )
    path = write_segy(conventions.describe(ds), tmp_path / "x.sgy")
    traces = obspy.read(str(path), format="SEGY", unpack_trace_headers=True)
    for i, trace in enumerate(traces):
        (sample, source), receiver = divmod(i // 7, 3), i % 7
        h = trace.stats.segy.trace_header
        np.testing.assert_array_equal(trace.data, values[sample, source, :, receiver])
        assert h.original_field_record_number == i // 7 + 1
        assert h.trace_number_within_the_original_field_record == receiver + 1
        assert h.energy_source_point_number == source + 1
        assert (h.source_coordinate_x, h.group_coordinate_x) == (30 * source, x[receiver])
        offset = h.distance_from_center_of_the_source_point_to_the_center_of_the_receiver_group
        assert offset == x[receiver] - 30 * source
        assert (h.source_depth_below_surface, h.receiver_group_elevation) == (10, -10)
        assert h.sample_interval_in_ms_for_this_trace == 1000
        assert h.trace_identification_code == 1


def test_cubes_of_another_revision_keep_it(tmp_path):
    """Where all headers are written anew, too."""
    path = write_segy(gathers(), tmp_path / "x.sgy", revision=2.1, byte_order="little-endian")
    ds = xr.open_dataset(path)
    ds = ds.assign_coords(source_x=ds["source_x"] + 1)
    with pytest.warns(HeaderWarning, match="changed: source_x"):
        again = xr.open_dataset(write_segy(ds, tmp_path / "y.sgy"))
    assert again.attrs["revision"] == "2.1"
    assert again.attrs["byte_order"] == "little-endian"
    assert "C39 SEG-Y REV2.1" in again.attrs["text_header"]
    first = write_segy(ds, tmp_path / "z.sgy", original=False, revision=1, byte_order="big-endian")
    assert "C39 SEG Y REV1" in xr.open_dataset(first).attrs["text_header"]


def test_velocity_has_its_unit_and_grids_have_cdps(tmp_path):
    ds = conventions.describe(
        xr.Dataset(
            {"velocity": (("depth", "y", "x"), np.full((4, 3, 2), 2000.0, np.float32))},
            coords={"depth": 5.0 * np.arange(4), "y": [0.0, 20, 40], "x": [0.0, 25]},
        )
    )
    path = write_segy(ds, tmp_path / "x.sgy")
    with segyio.open(path) as f:
        assert set(f.attributes(203)[:]) == {6}
        assert f.attributes(21)[:].tolist() == [1, 2, 3, 4, 5, 6]
        assert f.ilines.tolist() == [1, 2, 3]
    trace = obspy.read(str(path), format="SEGY", unpack_trace_headers=True)[4]
    header = trace.stats.segy.trace_header
    assert header.x_coordinate_of_ensemble_position_of_this_trace == 0
    assert header.y_coordinate_of_ensemble_position_of_this_trace == 40
    assert header.for_3d_poststack_data_this_field_is_for_in_line_number == 3
    np.testing.assert_array_equal(trace.data, np.full(4, 2000.0))


def test_the_text_tells_how_a_cube_was_made(tmp_path):
    ds = gathers().assign_attrs(scheme="scalar", seed=7, history="2024 band-pass\n2024 AGC")
    text = xr.open_dataset(write_segy(ds, tmp_path / "x.sgy")).attrs["text_header"]
    for line in ("SCHEME: scalar", "SEED: 7", "HISTORY: 2024 band-pass", "2024 AGC"):
        assert f" {line}\n" in text
    assert "SOURCE X 73-76" in text


# Seismic Unix


@pytest.mark.parametrize(("byte_order", "endian"), [("big-endian", "big"), (None, None)])
def test_su_as_segyio_reads_it(tmp_path, byte_order, endian):
    ds = gathers(start=0.1)
    path = write_segy(ds, tmp_path / "x.su", byte_order=byte_order)
    assert path.stat().st_size == 6 * (240 + 48)
    with segyio.su.open(path, ignore_geometry=True, endian=endian or sys.byteorder) as f:
        np.testing.assert_array_equal(f.trace.raw[:], ds["amplitude"].values.reshape(6, 12))
        assert f.attributes(9)[:].tolist() == [1, 1, 1, 2, 2, 2]
        assert set(f.attributes(109)[:]) == {100}
        assert set(f.attributes(117)[:]) == {2000}
        assert not any(bytes(f.header[0].buf)[180:240])
    again = xr.open_dataset(path)
    np.testing.assert_array_equal(again["amplitude"], ds["amplitude"])
    np.testing.assert_allclose(again["time"], ds["time"], atol=1e-12)


def test_a_stack_as_su_keeps_its_line_numbers(tmp_path):
    stack = conventions.describe(
        xr.Dataset(
            {
                "amplitude": (
                    ("inline", "crossline", "time"),
                    np.random.default_rng(1).random((3, 4, 9)),
                )
            },
            coords={
                "inline": [10, 12, 14],
                "crossline": [1, 2, 3, 4],
                "time": 0.004 * np.arange(9),
            },
        )
    ).astype(np.float32)
    again = xr.open_dataset(write_segy(stack, tmp_path / "x.su"))
    xr.testing.assert_equal(again["amplitude"], stack["amplitude"])


@pytest.mark.parametrize(
    ("ds", "options", "error", "message"),
    [
        (gathers(), {"revision": 1}, ParameterError, "Seismic Unix .* no revisions"),
        (gathers(), {"sample_format": 1}, ParameterError, "IEEE float32 .* only, not IBM float32"),
        (gathers(), {"byte_order": "pair-swapped"}, ParameterError, "never pair-swapped"),
        (gathers(n=70_000), {}, ConventionError, "70000 samples.*SU counts to 65535.*write SEG-Y"),
        (gathers(dt=0.1), {}, ConventionError, r"0\.1 s.*1 to 65535: not in Seismic Unix"),
        (gathers(start=0.0005), {}, ConventionError, "whole number of ms: not in Seismic Unix"),
    ],
)
def test_what_su_does_not_hold(tmp_path, ds, options, error, message):
    with pytest.raises(error, match=message):
        write_segy(ds, tmp_path / "x.su", **options)
    assert list(tmp_path.iterdir()) == []
