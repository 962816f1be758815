"""Resampling against sinusoids that are known at any time, and against scipy."""

import numpy as np
import pytest
import xarray as xr
from scipy.signal import resample_poly

from seisgeo import conventions
from seisgeo.adapters import convert, resample, select, write_segy, write_zarr
from seisgeo.adapters.resampling import _filter
from seisgeo.errors import HeaderWarning, ParameterError


def cube(values, dt=0.002, start=0.0, dims=("cdp", "time")):
    values = np.atleast_2d(values)
    time = (round(start * 1e6) + round(dt * 1e6) * np.arange(values.shape[-1])) / 1e6
    ds = xr.Dataset(
        {"amplitude": (dims, values.astype("f4"))}, {"time": time, "cdp": np.arange(len(values))}
    )
    return conventions.describe(ds)


def tone(frequency, dt=0.002, n=1001, start=0.0):
    return np.sin(2 * np.pi * frequency * (start + dt * np.arange(n)) + 0.3)


# The filter needs some samples: what is nearer to the ends is not looked at.
INNER = slice(60, -60)


@pytest.mark.parametrize("new", [0.004, 0.003, 0.001, 0.0025, 0.008])
def test_a_tone_below_the_new_nyquist_frequency_is_that_tone(new):
    frequency = 0.75 * min(0.5 / 0.002, 0.5 / new)
    out = resample(cube(tone(frequency), start=0.1), new)
    time = out["time"].values
    assert time[0] == 0.1
    assert np.allclose(np.diff(time), new, rtol=0, atol=1e-12)
    assert time[-1] <= 0.1 + 2.0 < time[-1] + new
    # cube() counts the tone from the start of its axis
    exact = np.sin(2 * np.pi * frequency * (time - 0.1) + 0.3)
    np.testing.assert_allclose(out.amplitude[0, INNER], exact[INNER], atol=2e-3)
    assert out.amplitude.dtype == np.float32


@pytest.mark.parametrize("frequency", [126, 140, 200, 249])
def test_a_tone_above_it_is_gone_and_not_folded_back(frequency):
    out = resample(cube(tone(frequency)), 0.004)
    assert np.abs(out.amplitude[0, INNER]).max() < 2e-3
    plain = cube(tone(frequency)).isel(time=slice(None, None, 2))
    assert np.abs(plain.amplitude[0, INNER]).max() > 0.9


def test_it_is_the_polyphase_filter_of_scipy():
    values = np.random.default_rng(3).normal(size=(4, 301)).astype("f4")
    out = resample(cube(values), 0.003)
    own = resample_poly(values, 2, 3, axis=1, window=_filter(2, 3), padtype="line")
    np.testing.assert_array_equal(out.amplitude, own[:, : out.sizes["time"]].astype("f4"))


def test_constants_and_trends_stay_to_the_ends():
    trend = np.stack([np.full(300, 1500.0), np.linspace(1500, 4500, 300)])
    out = resample(cube(trend), 0.004)
    np.testing.assert_allclose(out.amplitude[0], 1500, rtol=1e-6)
    np.testing.assert_allclose(out.amplitude[1], trend[1, ::2], rtol=1e-3)


def test_an_impulse_is_not_shifted():
    values = np.zeros(401)
    values[200] = 1
    for new in (0.004, 0.001):
        out = resample(cube(values), new)
        assert float(out.amplitude[0].idxmax()) == 0.4
        around = out.amplitude[0].values
        peak = around.argmax()
        np.testing.assert_allclose(around[peak - 9 : peak], around[peak + 9 : peak : -1], atol=1e-6)


def test_missing_traces_and_gaps():
    values = np.stack([tone(20), tone(20), np.full(1001, np.nan)])
    values[1, 300:321] = np.nan
    out = resample(cube(values), 0.004)
    assert np.isnan(out.amplitude[2]).all()
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(out.amplitude[1])), np.arange(150, 161))
    np.testing.assert_array_equal(out.amplitude[0], resample(cube(tone(20)), 0.004).amplitude[0])


def test_blocks_in_any_order_are_the_whole():
    ds = cube(np.random.default_rng(4).normal(size=(700, 2001)))  # more than a piece
    whole = resample(ds, 0.004).amplitude.values
    lazy = resample(ds, 0.004).amplitude
    np.testing.assert_array_equal(lazy[[5, 3, 3], 7:90:4], whole[[5, 3, 3], 7:90:4])
    np.testing.assert_array_equal(lazy[4, 11], whole[4, 11])
    np.testing.assert_array_equal(lazy[:, 11], whole[:, 11])
    values = np.random.default_rng(4).normal(size=(3, 4, 50))
    up = cube(values, dims=("cdp", "a", "time"))
    turned = resample(up.transpose("a", "time", "cdp"), 0.001).amplitude
    np.testing.assert_array_equal(
        turned.transpose("cdp", "a", "time"), resample(up, 0.001).amplitude
    )


def test_on_the_way_to_zarr_windows_do_not_feel_their_ends(tmp_path):
    rng = np.random.default_rng(5)
    ds = conventions.describe(
        xr.Dataset(
            {"amplitude": (("shot", "receiver", "time"), rng.normal(size=(3, 4, 500)))},
            {"time": np.arange(500) * 0.002, "field_record": ("shot", [5, 6, 7])},
        ).astype("f4")
    ).assign_coords(time=("time", np.arange(500) * 0.002, {"units": "s"}))
    source = write_segy(ds, tmp_path / "line.sgy")
    with pytest.warns(HeaderWarning, match=r"headers of the original .* left out.*time"):
        out = convert(
            source, tmp_path / "o.zarr", select="time=0.4:0.6,field_record=6:", resample="0.004"
        )
    own = select(resample(xr.open_dataset(source), 0.004), "time=0.4:0.6,field_record=6:")
    xr.testing.assert_equal(xr.open_dataset(out), own)
    assert own["time"].values[[0, 1, -1]].tolist() == [0.4, 0.404, 0.6]


def training():
    ds = xr.Dataset(
        {
            "amplitude": (("sample", "source", "time", "receiver"), np.ones((2, 1, 50, 3))),
            "velocity": (("sample", "depth", "x"), np.full((2, 20, 4), 2000.0)),
        },
        {"time": np.arange(50) * 0.001, "depth": np.arange(20) * 10.0},
    )
    return conventions.describe(ds)


def test_a_cube_with_two_axes_must_be_told_which():
    with pytest.raises(ParameterError, match=r"say which, time=0\.002 or depth=0\.002"):
        resample(training(), 0.002)
    for asked in ("time=0.002", {"time": 0.002}):
        out = resample(training(), asked)
        assert dict(out.sizes)["time"] == 25
        xr.testing.assert_identical(out["velocity"], training()["velocity"])
    out = resample(training(), {"time": 0.002, "depth": 5})
    np.testing.assert_allclose(out["velocity"], 2000, rtol=1e-3)
    assert out.sizes["depth"] == 39


@pytest.mark.parametrize(
    ("interval", "message"),
    [
        (0, "an interval must be positive, found 0"),
        (float("nan"), "must be positive"),
        ("soon", "'soon' is no interval; expected seconds"),
        ("depth=5", "no sample axis 'depth'; this cube has time"),
        (1e-6, r"are in no ratio of whole numbers up to 1000; expected one such as 0\.001"),
    ],
)
def test_intervals_that_cannot_be(interval, message):
    with pytest.raises(ParameterError, match=message):
        resample(cube(tone(20)), interval)


def test_irregular_and_single_samples():
    ds = cube(tone(20, n=5)).assign_coords(time=[0, 0.002, 0.005, 0.006, 0.008])
    with pytest.raises(ParameterError, match="time is irregular, its steps reach from"):
        resample(ds, 0.004)
    with pytest.raises(ParameterError, match="at least two samples"):
        resample(cube(tone(20, n=1)), 0.004)
    with pytest.raises(ParameterError, match="neither time nor depth"):
        resample(xr.Dataset({"embedding": (("sample", "feature"), np.ones((2, 3)))}), 1)


def test_the_same_interval_is_the_cube_itself(tmp_path):
    ds = cube(tone(20))
    xr.testing.assert_identical(resample(ds, 0.002), ds)
    write_zarr(resample(ds, 0.004), tmp_path / "a.zarr")
    assert xr.open_dataset(tmp_path / "a.zarr").sizes["time"] == 501
