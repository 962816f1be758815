"""What cube the traces make, where they lie, and which contradictions are reported."""

import warnings

import numpy as np
import pytest
import segyio
import xarray as xr

from seisgeo.adapters import describe_segy
from seisgeo.errors import FormatError, HeaderWarning


def opened(path, **options):
    """A cube and the text of its warning ("" when there is none)."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ds = xr.open_dataset(path, **options)
    said = [str(w.message) for w in caught if issubclass(w.category, HeaderWarning)]
    assert len(said) <= 1, "one warning for each file"
    return ds, said[0] if said else ""


@pytest.fixture
def made(tmp_path):
    """Write a file with segyio: header fields (arrays or numbers) by segyio's byte numbers."""

    def write(fields, n, data=None, binary=(), text="", ns=8, dt=4000, name="made.sgy"):
        path = tmp_path / name
        spec = segyio.spec()
        spec.format, spec.samples, spec.tracecount = 5, range(ns), n
        with segyio.create(path, spec) as f:
            f.text[0] = segyio.tools.create_text_header({1: text})
            f.bin[segyio.BinField.Interval] = dt
            f.bin[segyio.BinField.Format] = 5
            for key, value in dict(binary).items():
                f.bin[key] = value
            for i in range(n):
                f.trace[i] = np.full(ns, i - 1 if data is None else data[i], np.float32)
                f.header[i] = {b: int(np.broadcast_to(v, n)[i]) for b, v in fields.items()}
        return path

    return write


# -- real files -----------------------------------------------------------------------------------


def test_viking_gathers(data_dir):
    path = data_dir / "segy/viking_small.segy"
    ds, said = opened(path)
    assert dict(ds["amplitude"].sizes) == {"shot": 4, "receiver": 120, "time": 600}
    with segyio.open(path, ignore_geometry=True) as f:
        np.testing.assert_array_equal(ds["amplitude"].values.reshape(480, 600), f.trace.raw[:])
        np.testing.assert_array_equal(ds["offset"].values.ravel(), f.attributes(37)[:])
        np.testing.assert_array_equal(ds["receiver_x"].values.ravel(), f.attributes(81)[:])
    np.testing.assert_allclose(ds["time"].diff("time"), 0.004)
    assert ds["field_record"].values.tolist() == [3, 4, 5, 6]
    assert ds["source_point"].values.tolist() == [101, 102, 103, 104]
    assert ds["source_x"].values.tolist() == [3237, 3262, 3287, 3312]
    # Elevations of -6 and -10 m: below the sea's surface.
    assert (ds["source_depth"] == 6).all()
    assert (ds["receiver_depth"] == 10).all()
    assert ds["live"].all()
    assert "binary header: 600, trace headers: 1500): 600 (binary header) used, because 480" in said
    assert "code 3 (decimal degrees)" in said
    assert "metres used, because no longitude exceeds 180" in said
    assert ds.attrs["contradictions"].splitlines()[0] in said
    assert str(path) in said


def test_real_gather_offsets_and_suspected_unit(data_dir):
    path = data_dir / "segy/real_gather.sgy"
    ds, said = opened(path)
    assert dict(ds["amplitude"].sizes) == {"shot": 1, "receiver": 96, "time": 1000}
    assert ds["field_record"].item() == 3234
    # Coordinates as the headers state them: scalar -10.
    assert ds["source_x"].item() == 2_380_000
    np.testing.assert_array_equal(ds["receiver_x"][0], 10_000.0 * np.arange(96))
    np.testing.assert_array_equal(ds["offset"], ds["receiver_x"] - 2_380_000)
    assert "0 in every trace" in said
    assert "computed from the coordinates" in said
    assert "trace spacing: 10000 m" in said
    assert "no wave crosses that within the record (at most 2247.75 m)" in said
    fixed, said = opened(path, coordinate_scale=1e-4)
    np.testing.assert_allclose(fixed["receiver_x"][0], 10.0 * np.arange(96))
    assert "spacing" not in said


@pytest.mark.parametrize("name", ["f3.sgy", "f3-lsb.sgy"])
def test_f3_stack(data_dir, name):
    ds, said = opened(data_dir / "segy/peer" / name)
    assert ds["amplitude"].dims == ("inline", "crossline", "time")
    assert ds["amplitude"].shape == (23, 18, 75)
    endian = "little" if "lsb" in name else "big"
    with segyio.open(data_dir / "segy/peer" / name, endian=endian) as f:
        np.testing.assert_array_equal(ds["amplitude"], segyio.tools.cube(f))
        np.testing.assert_array_equal(ds["inline"], f.ilines)
        np.testing.assert_array_equal(ds["crossline"], f.xlines)
        np.testing.assert_allclose(ds["time"], f.samples / 1000)
        cdp_x = f.attributes(181)[:].reshape(23, 18) / 10
    np.testing.assert_array_equal(ds["cdp_x"], cdp_x)
    assert ds["time"][0] == 0.004
    assert ds.attrs["byte_order"].startswith(endian)
    assert "462" in said


@pytest.mark.parametrize("name", ["small-ps.sgy", "1xN.sgy", "Mx1.sgy"])
def test_offsets_at_each_cell(data_dir, name):
    ds, _ = opened(data_dir / "segy/peer" / name)
    assert ds["amplitude"].dims == ("inline", "crossline", "offset", "time")
    with segyio.open(data_dir / "segy/peer" / name) as f:
        expected = segyio.tools.cube(f).reshape(ds["amplitude"].shape)  # Mx1: its axes are swapped
        np.testing.assert_array_equal(ds["amplitude"], expected)
        np.testing.assert_array_equal(ds["offset"], f.offsets)


def test_ragged_shot_gathers(data_dir):
    path = data_dir / "segy/peer/shot-gather.sgy"
    ds, _ = opened(path)
    assert dict(ds["amplitude"].sizes) == {"shot": 4, "receiver": 26, "time": 25}
    assert ds["live"].sum("receiver").values.tolist() == [10, 12, 13, 26]
    assert ds["channel"].values.tolist() == list(range(36, 62))
    with segyio.open(path, ignore_geometry=True) as f:
        for i in range(f.tracecount):
            shot = ds["field_record"].values.tolist().index(f.header[i][9])
            receiver = f.header[i][13] - 36
            np.testing.assert_array_equal(ds["amplitude"][shot, receiver], f.trace[i])
            assert ds["live"][shot, receiver]
    assert ds["amplitude"].isnull().all("time").equals(~ds["live"])


def test_volve_velocity_model(data_dir):
    path = data_dir / "velocity/volve10-migvel-depth-sub3d.sgy"
    ds, said = opened(path)
    assert said == ""
    v = ds["velocity"]
    assert (v.dims, v.shape) == (("inline", "crossline", "depth"), (18, 52, 226))
    np.testing.assert_array_equal(ds["depth"], 20.0 * np.arange(226))
    with segyio.open(path) as f:
        np.testing.assert_array_equal(v, segyio.tools.cube(f))
        np.testing.assert_array_equal(ds["cdp_x"], f.attributes(181)[:].reshape(18, 52) / 100)
    assert (v.values.min(), round(float(v.values.max()))) == (1480, 4706)
    as_time, _ = opened(path, vertical="time", quantity="amplitude")
    assert as_time["amplitude"].dims == ("inline", "crossline", "time")
    np.testing.assert_allclose(as_time["time"].diff("time"), 0.02)


def test_marmousi_section(data_dir):
    path = data_dir / "velocity/marmousi2_vp_6.25m.segy"
    ds, said = opened(path)
    v = ds["velocity"]
    assert (v.dims, v.shape) == (("depth", "x"), (701, 2721))
    np.testing.assert_array_equal(ds["x"], 6.25 * np.arange(2721))
    np.testing.assert_array_equal(ds["depth"], 5.0 * np.arange(701))
    with segyio.open(path, ignore_geometry=True) as f:
        np.testing.assert_array_equal(v.values.T, f.trace.raw[:])
    assert "trace spacing: 6250 m): multiplied by 0.001" in said
    asked, said = opened(path, coordinate_scale=0.002)
    assert asked["x"][-1] == 34_000
    assert "spacing" not in said


# -- made files -----------------------------------------------------------------------------------


def test_energy_source_point_groups_when_field_records_are_empty(made):
    path = made({17: np.repeat([7, 9], 3), 13: np.tile([1, 2, 3], 2), 37: np.arange(6)}, 6)
    ds, _ = opened(path)
    assert ds["source_point"].values.tolist() == [7, 9]
    assert ds["amplitude"].shape == (2, 3, 8)
    assert "energy source point" in ds.attrs["interpretation"]


def test_repeated_records_are_told_apart_by_source_point(made):
    path = made({9: 1, 17: np.repeat([7, 9], 3), 13: np.tile([1, 2, 3], 2)}, 6)
    ds, _ = opened(path)
    assert ds["amplitude"].shape == (2, 3, 8)


def test_interleaved_shots_are_sorted_out(made):
    path = made({9: [5, 6, 5, 6], 13: [2, 1, 1, 2], 37: [20, 10, 10, 20]}, 4)
    ds, _ = opened(path)
    np.testing.assert_array_equal(ds["amplitude"][:, :, 0], [[1, -1], [0, 2]])
    np.testing.assert_array_equal(ds["offset"], [[10, 20], [10, 20]])


def test_receivers_by_position_or_order_when_channels_are_empty(made):
    x = np.array([100, 200, 300])
    ds, _ = opened(made({9: np.repeat([1, 2], 3), 81: np.r_[x, x[::-1]], 71: 1, 73: 50}, 6))
    np.testing.assert_array_equal(ds["receiver_x"], [x, x])
    assert "by position" in ds.attrs["interpretation"]
    ds, _ = opened(made({9: np.repeat([1, 2], 3), 81: np.r_[x, x + 300], 71: 1, 73: 50}, 6))
    np.testing.assert_array_equal(ds["receiver_x"], [x, x + 300])
    assert "in file order" in ds.attrs["interpretation"]


def test_stack_with_missing_traces(made):
    inline, crossline = np.divmod(np.arange(12), 4)
    kept = np.delete(np.arange(12), [5, 6])
    path = made({189: inline[kept] + 10, 193: 2 * crossline[kept] + 1}, 10)
    ds, _ = opened(path)
    assert ds["amplitude"].shape == (3, 4, 8)
    assert ds["inline"].values.tolist() == [10, 11, 12]
    assert ds["live"].values.ravel().nonzero()[0].tolist() == kept.tolist()
    assert np.isnan(ds["amplitude"].values[~ds["live"].values]).all()
    assert describe_segy(path)["missing_traces"] == 2


def test_line_by_cdp(made):
    x = np.array([0, 300, 600, 1000])
    path = made({21: [101, 102, 103, 104], 181: x * 10, 185: 5, 71: -10}, 4)
    ds, _ = opened(path)
    assert ds["amplitude"].dims == ("cdp", "time")
    np.testing.assert_array_equal(ds["cdp_x"], x)
    assert ds["cdp"].values.tolist() == [101, 102, 103, 104]


def test_velocity_line_is_measured_along_its_bends(made):
    x, y = np.array([0, 30, 60, 60]), np.array([0, 40, 80, 180])
    data = np.full((4, 50), 2000.0) + np.arange(50)
    path = made({21: [1, 2, 3, 4], 181: x, 185: y, 71: 1}, 4, data, ns=50, dt=10_000)
    ds, said = opened(path)
    assert ds["velocity"].dims == ("depth", "x")
    np.testing.assert_array_equal(ds["x"], [0, 50, 100, 200])
    np.testing.assert_array_equal(ds["depth"], 10.0 * np.arange(50))
    assert "depth assumed" in said
    assert "vertical='time'" in said
    in_time, said = opened(path, vertical="time")
    assert in_time["velocity"].dims == ("cdp", "time")
    assert said == ""


def test_single_record_with_cdps_is_a_gather(made):
    n = np.arange(1, 7)
    ds, _ = opened(made({9: 1, 13: n, 21: n, 37: 25 * n}, 6))
    assert ds["amplitude"].dims == ("shot", "receiver", "time")


def test_auxiliary_and_dead_traces(made):
    path = made({9: np.repeat([1, 2], 4), 13: np.tile([1, 2, 3, 4], 2), 29: [5, 1, 1, 1] * 2}, 8)
    ds, said = opened(path)
    assert ds["channel"].values.tolist() == [2, 3, 4]
    assert "auxiliary traces: 2): left out" in said
    ds, said = opened(made({9: 1, 13: [1, 2, 3], 29: [1, 2, 1]}, 3))
    assert ds["live"].values.tolist() == [[True, False, True]]
    assert said == ""


def test_layout_can_be_asked_for(data_dir):
    path = data_dir / "segy/peer/small-ps.sgy"
    ds, said = opened(path, layout="stack")
    assert ds["amplitude"].dims == ("inline", "crossline", "time")
    assert "traces at a place that is taken: 12): the first trace" in said
    ds, _ = opened(path, layout="shots")
    assert ds["amplitude"].shape == (1, 24, 10)
    ds, _ = opened(path, layout="line")
    assert ds["amplitude"].shape == (24, 10)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layout": "cube"}, "layout='cube' is unknown; expected one of shots, receivers, cdp"),
        ({"layout": "stack"}, r"inline \(byte 189\) and crossline \(byte 193\) are the same"),
        ({"quantity": "speed"}, "quantity='speed' is unknown; expected amplitude or velocity"),
        ({"vertical": "z"}, "vertical='z' is unknown; expected time or depth"),
        ({"coordinate_scale": 0}, "coordinate_scale must be positive, got 0"),
        ({"sample_interval": -1}, "sample_interval must be positive, got -1"),
    ],
)
def test_bad_options(data_dir, options, message):
    with pytest.raises(FormatError, match=message):
        xr.open_dataset(data_dir / "segy/viking_small.segy", **options)


def test_offsets_against_coordinates(made):
    n = np.arange(1, 5)
    fields = {9: 1, 13: n, 73: 1000, 81: 1000 + 1000 * n, 71: -10}
    ds, said = opened(made({**fields, 37: -100 * n}, 4))
    np.testing.assert_array_equal(ds["offset"][0], -100 * n)  # only the sign differs: no word
    assert said == ""
    ds, said = opened(made({**fields, 37: 10 * n}, 4))
    np.testing.assert_array_equal(ds["offset"][0], 10 * n)
    assert "4 of 4 traces disagree; distances are 10 times the offsets" in said
    # The field's whole metre gains the fraction that the coordinates have.
    ds, said = opened(made({**fields, 81: 1000 + 125 * n, 37: [12, 25, 37, 50]}, 4))
    np.testing.assert_array_equal(ds["offset"][0], 12.5 * n)
    assert said == ""


def test_degrees_become_metres(made):
    n = np.arange(4)
    arc = {9: 1, 13: n + 1, 89: 2, 71: -100, 73: 2 * 360_000, 77: 60 * 360_000}
    ds, said = opened(made({**arc, 81: 2 * 360_000 + 100 * n, 85: 60 * 360_000}, 4))
    step = np.diff(ds["receiver_x"][0])
    np.testing.assert_allclose(step, np.radians(1 / 3600) * 6_371_000 * 0.5, rtol=1e-3)
    assert "seconds of arc" in said
    assert "angles turned into metres" in said


def test_feet_become_metres(made):
    n = np.arange(1, 4)
    fields = {9: 1, 13: n, 73: 100, 81: 100 * n + 100, 49: 20, 37: 100 * n}
    ds, _ = opened(made(fields, 3, binary={segyio.BinField.MeasurementSystem: 2}))
    np.testing.assert_allclose(ds["receiver_x"][0], (100 * n + 100) * 0.3048)
    np.testing.assert_allclose(ds["offset"][0], 100 * n * 0.3048)
    assert ds["source_depth"].item() == pytest.approx(6.096)
    data = np.full((3, 50), 8000.0)
    binary = {segyio.BinField.MeasurementSystem: 2}
    ds, said = opened(made({21: n, 181: 100 * n}, 3, data, binary, "DEPTH", ns=50, dt=10_000))
    np.testing.assert_allclose(ds["velocity"], 8000 * 0.3048)
    assert ds["depth"][1] == pytest.approx(3.048)
    assert "velocities and depths converted to metres" in said


def test_elevation_scalar_and_source_depth(made):
    ds, _ = opened(made({9: 1, 13: [1, 2], 69: -10, 49: 75, 45: 1000, 41: [-125, 300]}, 2))
    assert ds["source_depth"].item() == 7.5
    np.testing.assert_array_equal(ds["receiver_depth"], [[12.5, 0.0]])


def test_sources_that_move_within_a_shot(made):
    ds, said = opened(made({9: 1, 13: [1, 2], 73: [100, 130], 81: [200, 300], 71: 1}, 2))
    assert ds["source_x"].item() == 100
    assert "gathers whose traces disagree: 1 of 1" in said


def test_delays(made):
    ds, said = opened(made({9: 1, 13: [1, 2], 109: [-100, 20]}, 2))
    assert ds["time"][0] == -0.1
    assert "-100 to 20 ms): -100 ms (first trace) used" in said


def test_positive_amplitudes_in_range_are_no_velocities(made):
    rng = np.random.default_rng(0)
    data = rng.uniform(400, 8000, (4, 50))
    ds, _ = opened(made({21: [1, 2, 3, 4]}, 4, data, ns=50))
    assert "amplitude" in ds
    ds, _ = opened(made({21: [1, 2, 3, 4]}, 4, data, ns=50), quantity="velocity", vertical="time")
    assert ds["velocity"].dims == ("cdp", "time")
