"""What instrument and ground add to all records of a station is taken away."""

import numpy as np
import pytest
import xarray as xr
from scipy.signal import butter, sosfilt

import seisgeo as sg
from seisgeo import conventions
from seisgeo.errors import ConventionError
from seisgeo.station_spectra import station_of

NT, DT = 500, 0.002


def records_of(amplitude, stations, **coords):
    components = list("ZNE")[: amplitude.shape[1]]
    ds = xr.Dataset(
        {"amplitude": (("event", "component", "time"), np.asarray(amplitude, np.float32))},
        coords={"component": components, "time": np.arange(NT) * DT}
        | {"station": ("event", list(stations))}
        | {name: ("event", values) for name, values in coords.items()},
    )
    return conventions.describe(ds)


def noise(n, components=1, seed=0):
    return np.random.default_rng(seed).normal(size=(n, components, NT))


def mean_power(x):
    """In 10 bands."""
    power = (np.abs(np.fft.rfft(x, axis=-1)) ** 2).reshape(-1, NT // 2 + 1).mean(axis=0)[1:]
    return power.reshape(10, -1).mean(axis=1)


def test_what_a_station_adds_is_taken_away():
    x = noise(120)
    dull = sosfilt(butter(2, 60, fs=1 / DT, output="sos"), x[60:], axis=-1)
    found = sg.equalise_stations(
        records_of(np.concatenate([x[:60], 30 * dull]), "A" * 60 + "B" * 60)
    )
    one, other = (mean_power(part) for part in np.split(found["amplitude"].values, 2))
    assert mean_power(dull)[0] > 100 * mean_power(dull)[7]
    for power in (one, other):
        np.testing.assert_allclose(power[1:8] / power[1:8].mean(), 1, rtol=0.25)


def test_one_event_at_two_instruments_becomes_one_amplitude_spectrum():
    x = noise(80)
    dull = sosfilt(butter(1, 60, fs=1 / DT, output="sos"), x, axis=-1)
    found = sg.equalise_stations(records_of(np.concatenate([x, dull]), "A" * 80 + "B" * 80))
    spectra = np.log(np.abs(np.fft.rfft(found["amplitude"].values[:, 0], axis=1))[:, 10:150])
    raw = np.log(np.abs(np.fft.rfft(dull[:, 0], axis=1))[:, 10:150])
    same = np.abs((spectra[:80] - spectra[80:]) - np.median(spectra[:80] - spectra[80:]))
    was = np.abs((spectra[:80] - raw) - np.median(spectra[:80] - raw))
    assert np.median(same) < 0.2
    assert np.median(same) < 0.4 * np.median(was)


def test_records_of_a_station_keep_their_differences_and_their_order():
    x = noise(40)
    x[::2] = sosfilt(butter(4, 100, fs=1 / DT, output="sos"), x[::2], axis=-1)
    ds = records_of(x, "A" * 40)
    found = sg.equalise_stations(ds)
    ratio = mean_power(found["amplitude"].values[::2]) / mean_power(found["amplitude"].values[1::2])
    assert ratio[:3].min() > 100 * ratio[6]
    # Neither order nor gain of the others matters, nor the order of dimensions.
    order = np.random.default_rng(1).permutation(40)
    moved = sg.equalise_stations(ds.isel(event=order).transpose("time", ...))
    assert moved["amplitude"].dims == ("time", "event", "component")
    np.testing.assert_allclose(
        moved["amplitude"].transpose("event", "component", "time"),
        found["amplitude"][order], rtol=1e-4, atol=1e-5,
    )  # fmt: skip
    gain = xr.DataArray(np.where(np.arange(40) == 3, 1000.0, 1.0), dims="event")
    loud = sg.equalise_stations(ds.assign(amplitude=ds["amplitude"] * gain))["amplitude"] / gain
    np.testing.assert_allclose(loud, found["amplitude"], rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(ds["amplitude"], np.float32(x))  # what went in stays


def test_one_station_does_not_change_the_others():
    x = noise(60)
    both = sg.equalise_stations(records_of(x, "A" * 30 + "B" * 30))
    alone = sg.equalise_stations(records_of(x[:30], "A" * 30))
    np.testing.assert_array_equal(both["amplitude"][:30], alone["amplitude"])


def test_what_a_filter_took_does_not_come_back():
    high = sosfilt(butter(8, 150, "highpass", fs=1 / DT, output="sos"), noise(50), axis=-1)
    taper = np.hanning(NT)
    power = mean_power(sg.equalise_stations(records_of(high * taper, "A" * 50))["amplitude"])
    assert power[0] < 0.01 * power[8]
    assert power[1] < 0.05 * power[8]


def test_dead_components_and_flat_records_stay_as_they_are():
    x = noise(30, components=3)
    x[4] = 0
    x[5, 1] = np.nan
    x[6, 2] = 0
    found = sg.equalise_stations(records_of(x, "A" * 30))["amplitude"].values
    assert (found[4] == 0).all()
    assert np.isnan(found[5, 1]).all()
    assert (found[6, 2] == 0).all()
    assert np.isfinite(np.delete(found, 5, axis=0)).all()
    assert not np.allclose(found[5, 0], x[5, 0])
    few = sg.equalise_stations(records_of(x, "A" * 29 + "B"))["amplitude"].values
    assert np.isfinite(few[29]).all()


def test_stations_are_told_by_network_too():
    ds = records_of(noise(4), "AABA", network=["M", "N", "M", "M"])
    group = station_of(ds)
    assert group[0] == group[3]
    assert len(set(group.tolist())) == 3
    with pytest.raises(ConventionError, match="coordinate 'station' along event; it is missing"):
        sg.equalise_stations(ds.drop_vars("station"))
