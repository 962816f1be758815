"""Pictures of seismograms: what stands where, and how much was read for it."""

import numpy as np
import pytest
import xarray as xr

from seisgeo import adapters, conventions, plotting
from seisgeo.errors import ConventionError
from seisgeo.quality import write_quality_report


def cube(n=3, samples=1000, **coords):
    values = np.random.default_rng(0).normal(size=(n, 3, samples)) + 500
    ds = xr.Dataset(
        {"amplitude": (("event", "component", "time"), values)},
        coords={"time": np.arange(samples) / 100, "component": list("ZNE"), **coords},
    )
    return conventions.describe(ds)


def along(*values):
    return ("event", np.array(values))


def test_components_stand_in_their_order_with_their_arrivals():
    ds = cube(p_arrival=along(2.0, 3.0, np.nan), s_arrival=along(4.0, 5.5, 6.0))
    ds = ds.assign_coords(station=along("A", "B", "C"), magnitude=along(1.0, 2.5, np.nan))
    ax = ds.seis.plot(event=1)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["Z", "N", "E"]
    assert ax.yaxis_inverted()
    assert ax.get_title() == "B, magnitude 2.5"
    traces = [line for line in ax.lines if len(line.get_xdata()) == 1000]
    for row, line in enumerate(traces):
        values = ds["amplitude"].values[1, row]
        shown = row - np.asarray(line.get_ydata())
        scale = np.ptp(shown) / np.ptp(values)
        np.testing.assert_allclose(shown, scale * (values - np.median(values)), atol=1e-9)
        assert np.abs(shown).max() <= 0.5
    marks = {t.get_text(): t.xy[0] for t in ax.texts}
    assert (marks["P"], marks["S"]) == (3.0, 5.5)
    assert "P" not in {t.get_text() for t in ds.seis.plot(event=2).texts}


def test_a_spike_of_one_sample_in_a_long_record_is_seen():
    ds = cube(n=1, samples=400_000)
    ds["amplitude"][0, 2, 123_457] = 4000.0
    ax = plotting.plot_waveforms(ds)
    lowest = min(path.vertices[:, 1].min() for path in ax.collections[2].get_paths())
    assert lowest == pytest.approx(2 - 0.48)  # upwards, from the third row
    assert sum(len(p.vertices) for c in ax.collections for p in c.get_paths()) < 30_000


def test_missing_components_and_gaps():
    ds = cube(n=1)
    ds["amplitude"][0, 1] = np.nan
    ds["amplitude"][0, 0, 200:300] = np.nan
    ax = plotting.plot_waveforms(ds)
    assert "no data" in {t.get_text() for t in ax.texts}
    assert np.isnan(ax.lines[0].get_ydata()[200:300]).all()


def test_section_stands_at_distances_and_counts_from_the_origin():
    start = np.array(["2020-01-01T00:00:05", "2020-01-01T00:00:09"], "M8[ns]")
    origin = np.array(["2020-01-01T00:00:00"] * 2, "M8[ns]")
    ds = cube(
        n=2,
        starttime=("event", start),
        origin_time=("event", origin),
        epicentral_distance=along(12_000.0, 30_000.0),
        p_arrival=along(1.0, 2.0),
    )
    ax = ds.seis.plot(kind="record_section")
    assert (ax.get_xlabel(), ax.get_ylabel()) == (
        "time after the origin (s)",
        "epicentral distance (km)",
    )
    first, second, marks = ax.lines
    assert first.get_xdata()[0] == 5.0
    assert second.get_xdata()[0] == 9.0
    assert np.median(first.get_ydata()) == pytest.approx(12.0, abs=1.0)
    np.testing.assert_allclose(marks.get_xdata(), [6.0, 11.0])
    np.testing.assert_allclose(marks.get_ydata(), [12.0, 30.0])
    reduced = plotting.plot_record_section(ds, reduction_velocity=6000.0)
    assert reduced.lines[1].get_xdata()[0] == pytest.approx(9.0 - 5.0)
    aligned = plotting.plot_record_section(ds, align="p_arrival")
    np.testing.assert_allclose(aligned.lines[2].get_xdata(), [0.0, 0.0])


def test_records_of_unknown_distance_stand_in_their_order():
    ax = plotting.plot_record_section(cube(), component="N")
    assert ax.get_ylabel() == "record"
    assert ax.yaxis_inverted()
    assert ax.get_title() == "N, 3 records"
    assert plotting.plot_record_section(cube(n=500, samples=20)).get_title() == (
        "Z, 167 of 500 records"
    )


def test_what_a_picture_needs_is_said():
    ds = cube()
    with pytest.raises(ConventionError, match="event=3: expected 0 to 2"):
        plotting.plot_waveforms(ds, 3)
    with pytest.raises(ConventionError, match="needs starttime and origin_time of all records"):
        plotting.plot_record_section(ds, align="origin")
    with pytest.raises(ConventionError, match="needs the P arrival of all records"):
        plotting.plot_record_section(ds, align="p_arrival")
    with pytest.raises(ConventionError, match="needs the epicentral_distance of all records"):
        plotting.plot_record_section(ds, reduction_velocity=6000.0)
    with pytest.raises(ConventionError, match="align: expected 'auto'"):
        plotting.plot_record_section(ds, align="S")
    assert plotting.kinds_of_picture(ds) == ("waveforms", "record_section", "spectrum")


def test_report_of_a_data_set_has_its_pictures(tmp_path):
    source = cube(starttime=along(*np.array(["2020-01-01"] * 3, "M8[ns]")))
    adapters.write_netcdf(source, tmp_path / "a.nc")
    text = write_quality_report(tmp_path / "a.nc", tmp_path / "a.html").read_text()
    assert "The first record: its components on one scale" in text
    assert "Records by epicentral distance" in text


def test_records_without_any_sample_are_drawn():
    ds = cube()
    ds["amplitude"][:] = np.nan
    plotting.plot_waveforms(ds)
    plotting.plot_record_section(ds)
