import dataclasses

import numpy as np
import pytest
import xarray as xr

import seisgeo as sg
from seisgeo import conventions
from seisgeo.errors import DataWarning, SurveyMismatchError
from seisgeo.field import match_to_survey
from seisgeo.synth import Survey

DT, NT = 0.002, 900
OFFSET = 200.0 + 25.0 * np.arange(40)


def ricker(t, f):
    b = (np.pi * f * t) ** 2
    return (1 - 2 * b) * np.exp(-b)


def field(frequency=20.0, velocity=2500.0, shots=2, gain=1.0):
    """Land shots: one reflection with its moveout, receivers towards larger x."""
    time = np.arange(NT) * DT
    arrival = np.sqrt(0.6**2 + (OFFSET / velocity) ** 2)
    gather = gain * ricker(time - arrival[:, None], frequency)
    x = 1000.0 + 50.0 * np.arange(shots)
    ds = xr.Dataset(
        {"amplitude": (("shot", "receiver", "time"), np.tile(gather, (shots, 1, 1)))},
        coords={
            "time": time,
            "field_record": ("shot", 11 + np.arange(shots)),
            "source_x": ("shot", x),
            "receiver_x": (("shot", "receiver"), x[:, None] + OFFSET),
        },
    )
    return conventions.describe(ds)


@pytest.fixture(scope="module")
def survey():
    return Survey.from_gathers(field(), peak_frequency=12.0)


def test_arrivals_keep_their_time_and_sign(survey):
    matched = match_to_survey(field(), survey)
    assert matched["amplitude"].dims == ("sample", "source", "time", "receiver")
    np.testing.assert_array_equal(matched["field_record"], [11, 12])
    gather = matched["amplitude"][0, 0]
    picked = matched["time"].values[gather.argmax("time").values]
    expected = np.sqrt(0.6**2 + (OFFSET / 2500) ** 2)
    np.testing.assert_allclose(picked, expected, atol=survey.dt)


def test_band_becomes_the_wavelets(survey):
    trace = match_to_survey(field(), survey)["amplitude"][0, 0, :, 5].values
    spectrum = np.abs(np.fft.rfft(trace, 4096))
    frequency = np.fft.rfftfreq(4096, survey.dt)
    ratio = (frequency / 12.0) ** 2
    wanted = ratio * np.exp(1 - ratio)
    inside = (frequency > 8) & (frequency < 22)
    shape = spectrum[inside] / spectrum[inside].max() / wanted[inside]
    assert shape.max() / shape.min() < 1.8  # 5 dB: the filter is smooth by design
    assert spectrum[frequency > 40].max() < 0.02 * spectrum.max()


def test_gain_does_not_matter(survey):
    a = match_to_survey(field(gain=1.0), survey)["amplitude"]
    b = match_to_survey(field(gain=3e6), survey)["amplitude"]
    np.testing.assert_allclose(a, b, atol=1e-5)
    assert float((a**2).mean()) == pytest.approx(1.0, rel=1e-4)


def test_bad_traces_are_killed_and_filled_from_neighbours_only_if_near(survey):
    ds = field()
    data = ds["amplitude"].values.copy()
    data[0, 3] = np.nan
    data[0, 10] *= 1000
    data[1, 20:23] = 0
    ds["amplitude"] = (ds["amplitude"].dims, data, ds["amplitude"].attrs)
    matched = match_to_survey(ds, survey)
    clean = match_to_survey(field(), survey)
    # One missing trace is interpolated; of three the middle one is too far from any live trace.
    assert matched["live"][0].all()
    np.testing.assert_array_equal(np.flatnonzero(~matched["live"][1, 0].values), [21])
    assert not matched["amplitude"][1, 0, :, 21].any()
    error = np.abs(matched["amplitude"] - clean["amplitude"])[0, 0, :, 10].max()
    assert error < 0.35 * np.abs(clean["amplitude"]).max()


def test_receivers_in_any_order(survey):
    ds = field()
    order = np.random.default_rng(0).permutation(40)
    shuffled = match_to_survey(ds.isel(receiver=order), survey)
    xr.testing.assert_allclose(shuffled["amplitude"], match_to_survey(ds, survey)["amplitude"])


def test_positions_between_traces_are_interpolated(survey):
    moved = dataclasses.replace(survey, receiver_x=(tuple(np.array(survey.receiver_x[0]) + 10.0),))
    matched = match_to_survey(field(), moved)["amplitude"][0, 0]
    picked = moved.time[matched.argmax("time").values]
    expected = np.sqrt(0.6**2 + ((OFFSET + 10) / 2500) ** 2)
    np.testing.assert_allclose(picked[:-1], expected[:-1], atol=1.5 * survey.dt)


def test_short_record_is_refused_with_both_ends(survey):
    with pytest.raises(SurveyMismatchError, match=r"record ends at 0\.998 s, the survey needs 1\."):
        match_to_survey(field().isel(time=slice(0, 500)), survey)


def test_coarse_sampling_is_refused(survey):
    with pytest.raises(SurveyMismatchError, match=r"hold frequencies up to 25 Hz, .* needs 30 Hz"):
        match_to_survey(
            field().isel(time=slice(None, None, 10)), dataclasses.replace(survey, nt=200)
        )


def test_other_offsets_are_refused_with_both_ranges(survey):
    ds = field()
    ds["receiver_x"] = ds["receiver_x"] + 700.0
    with pytest.raises(
        SurveyMismatchError,
        match=r"shot 0 \(field record 11\): only 1\d of the .* 40 .*900 to 1875 m.*200 to 1175",
    ):
        match_to_survey(conventions.describe(ds), survey)


def test_a_bad_shot_does_not_cost_the_line(survey):
    ds = field(shots=3)
    data = ds["amplitude"].values.copy()
    data[1, 5:] = 0
    ds["amplitude"] = (ds["amplitude"].dims, data, ds["amplitude"].attrs)
    with pytest.warns(
        DataWarning, match=r"1 of 3 shots are left out:\s+shot 1 \(field record 12\)"
    ):
        matched = match_to_survey(ds, survey)
    np.testing.assert_array_equal(matched["field_record"], [11, 13])


def test_other_depths_are_refused(survey):
    deep = field().assign_coords(source_depth=("shot", [60.0, 60.0], {"units": "m"}))
    with pytest.raises(SurveyMismatchError, match="source depth: 60 m here, 15 m in the survey"):
        match_to_survey(deep, survey)


def test_land_gathers_do_not_fit_a_free_surface(survey):
    land = field().assign_coords(source_depth=("shot", [0.0, 0.0], {"units": "m"}))
    assert match_to_survey(land, survey).sizes["sample"] == 2
    marine = dataclasses.replace(survey, free_surface=True, source_depth=(6.0,))
    with pytest.raises(
        SurveyMismatchError, match="0 m here, 6 m in the survey, whose surface is free"
    ):
        match_to_survey(land, marine)


def test_many_sources_are_refused():
    with pytest.raises(SurveyMismatchError, match="has 5 sources"):
        match_to_survey(field(), Survey.openfwi())


def test_simulated_gathers_survive_matching(survey):
    """Gathers of the survey itself, written as a field shot, come back with the same arrivals."""
    models = sg.synth.draw_velocity(
        "flatvel-a", 1, seed=3, shape=survey.model_shape, grid_spacing=survey.grid_spacing
    )
    gathers = sg.synth.simulate(models, survey, device="cpu")["amplitude"]
    shot = (
        gathers.isel(source=0)
        .rename(sample="shot")
        .drop_vars([c for c in gathers.coords if c != "time"], errors="ignore")
    )
    ds = xr.Dataset({"amplitude": shot}).assign_coords(
        time=survey.time,
        source_x=("shot", [0.0]),
        receiver_x=(("shot", "receiver"), survey.offset),
    )
    matched = match_to_survey(conventions.describe(ds), survey)["amplitude"].values[0, 0]
    original = gathers.values[0, 0]
    lag = [
        np.argmax(np.correlate(matched[:, r], original[:, r], "full")) - survey.nt + 1
        for r in range(survey.n_receivers)
    ]
    assert np.abs(lag).max() <= 1
