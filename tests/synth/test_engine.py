import dataclasses

import numpy as np
import pytest

import seisgeo as sg
from seisgeo.errors import ConventionError, SimulationError
from seisgeo.synth import Survey
from seisgeo.synth.engines.deepwave import plan, simulate_array
from seisgeo.synth.wavelets import source_signature


def small(free_surface=False, **changes):
    """One source amid a homogeneous model far from its edges."""
    values = dict(
        source_x=(700.0,),
        source_depth=(300.0,),
        receiver_x=((900.0, 1100.0, 1100.0),),
        receiver_depth=((300.0, 300.0, 450.0),),
        dt=0.002,
        nt=300,
        peak_frequency=12.0,
        peak_time=0.1,
        grid_spacing=10.0,
        model_shape=(80, 160),
        free_surface=free_surface,
    )
    return Survey(**(values | changes))


def green(survey, distance, velocity):
    """2-D Green's function convolved with the wavelet: the analytic record (Morse, Feshbach 1953).

    p'' / c^2 - laplacian p = w(t) delta(x), with the cell's area as the delta's weight.
    """
    fine = 40
    dt = survey.dt / fine
    t = np.arange(survey.nt * fine) * dt
    arrival = distance / velocity
    lag = np.pi * survey.peak_frequency * (t - survey.peak_time)
    wavelet = (1 - 2 * lag**2) * np.exp(-(lag**2))
    # Integral of 1 / sqrt(t^2 - a^2) over each step, which takes the singularity exactly.
    edges = np.maximum(np.append(t, t[-1] + dt), arrival)
    kernel = np.diff(np.arccosh(edges / arrival)) / (2 * np.pi)
    record = np.convolve(wavelet, kernel)[: t.size]
    return record[::fine] * survey.grid_spacing**2


@pytest.mark.parametrize(("velocity", "low", "high"), [
    (1500.0, -20.69, 39.23),
    (3000.0, -24.65, 47.73),
    (4500.0, -27.17, 53.27),
])  # fmt: skip
def test_openfwi_preset_gives_openfwis_amplitudes(velocity, low, high):
    record = simulate_array(np.full((1, 70, 70), velocity, np.float32), Survey.openfwi())
    assert record.shape == (1, 5, 1000, 70)
    assert record.min() == pytest.approx(low, abs=0.015)
    assert record.max() == pytest.approx(high, abs=0.015)


def test_layered_model_gives_mirrored_shots():
    models = sg.synth.draw_velocity("flatvel-b", 1, seed=4)["velocity"].values
    record = simulate_array(models, Survey.openfwi())[0]
    np.testing.assert_allclose(record[0], record[4][:, ::-1], atol=2e-3)
    # Cell 34 of 0..69 is not the middle: shot 2 is no mirror of itself.
    assert np.abs(record[2] - record[2][:, ::-1]).max() > 0.1


@pytest.mark.parametrize("velocity", [2000.0, 3000.0])
def test_homogeneous_record_is_greens_function(velocity):
    survey = small()
    record = simulate_array(np.full((1, 80, 160), velocity, np.float32), survey)[0, 0]
    for r in range(3):
        distance = np.hypot(survey.receiver_x[0][r] - 700.0, survey.receiver_depth[0][r] - 300.0)
        expected = green(survey, distance, velocity)
        error = np.linalg.norm(record[:, r] - expected) / np.linalg.norm(expected)
        assert error < 0.04, f"receiver {r}: relative error {error:.3f}"


def test_free_surface_is_a_mirror_of_opposite_sign():
    survey = small(free_surface=True)
    record = simulate_array(np.full((1, 80, 160), 2000.0, np.float32), survey)[0, 0]
    for r in range(3):
        across = survey.receiver_x[0][r] - 700.0
        depth = survey.receiver_depth[0][r]
        direct = green(survey, np.hypot(across, depth - 300.0), 2000.0)
        ghost = green(survey, np.hypot(across, depth + 300.0), 2000.0)
        error = np.linalg.norm(record[:, r] - (direct - ghost)) / np.linalg.norm(direct)
        assert error < 0.05, f"receiver {r}: relative error {error:.3f}"


def test_source_and_receiver_can_change_places():
    model = sg.synth.draw_velocity("curvefault-b", 1, seed=1, shape=(80, 160))["velocity"].values
    there = small(receiver_x=((1105.0,),), receiver_depth=((452.0,),))
    back = dataclasses.replace(
        there,
        source_x=(1105.0,), source_depth=(452.0,),
        receiver_x=((700.0,),), receiver_depth=((300.0,),),
    )  # fmt: skip
    a = simulate_array(model, there)[0, 0, :, 0]
    b = simulate_array(model, back)[0, 0, :, 0]
    assert np.linalg.norm(a - b) / np.linalg.norm(a) < 0.02


def test_reflection_comes_at_its_time_with_its_sign():
    model = np.full((1, 120, 160), 2000.0, np.float32)
    model[:, 80:] = 3000.0
    survey = small(
        receiver_x=((720.0,),), receiver_depth=((300.0,),), model_shape=(120, 160), nt=400
    )
    both = simulate_array(model, survey)[0, 0, :, 0]
    direct = simulate_array(np.full_like(model, 2000.0), survey)[0, 0, :, 0]
    echo = both - direct
    # The interface lies half a cell above row 80; the pulse's peak is late by the 2-D tail.
    expected = survey.peak_time + 2 * (795.0 - 300.0) / 2000.0
    assert survey.time[np.argmax(np.abs(echo))] == pytest.approx(expected, abs=0.012)
    assert echo[np.argmax(np.abs(echo))] > 0  # faster below: positive reflection


def test_result_does_not_depend_on_the_batch():
    models = sg.synth.draw_velocity("curvevel-a", 3, seed=0)["velocity"].values
    one = simulate_array(models, Survey.openfwi(), batch_size=1, device="cpu")
    all_at_once = simulate_array(models, Survey.openfwi(), batch_size=3, device="cpu")
    np.testing.assert_array_equal(one, all_at_once)


def test_wavelet_is_openfwis():
    survey = Survey.openfwi()
    preroll = plan(survey)["preroll"]
    wavelet = source_signature(survey, preroll)
    i = np.arange(147)
    b = (np.pi * 15 * 0.001 * (73 - i)) ** 2
    np.testing.assert_allclose(wavelet[:147], (1 - 2 * b) * np.exp(-b), atol=1e-12)
    assert not wavelet[147:].any()


def test_internal_steps_are_reported():
    coarse = small(dt=0.004, nt=100)
    assert plan(coarse)["step_ratio"] == 3
    assert "3 internal steps of 1.333 ms" in plan(coarse)["scheme"]
    assert plan(Survey.openfwi())["step_ratio"] == 1


def test_dataset_in_dataset_out():
    models = sg.synth.draw_velocity("flatvel-a", 2, seed=0)
    gathers = sg.synth.simulate(models, Survey.openfwi(), device="cpu")
    sg.conventions.validate(gathers, "gathers", values=True)
    assert gathers["amplitude"].dims == ("sample", "source", "time", "receiver")
    assert Survey.from_attrs(gathers) == Survey.openfwi()
    assert gathers["source_x"].attrs["units"] == "m"


@pytest.mark.parametrize(("change", "message"), [
    (lambda v: v / 1000, "look like km/s"),
    (lambda v: v * 0, "must be positive, found 0"),
    (lambda v: -v, "must be positive"),
    (lambda v: v * np.nan, "NaN or infinite"),
])  # fmt: skip
def test_impossible_velocities_are_refused(change, message):
    models = sg.synth.draw_velocity("flatvel-a", 1, seed=0)
    models["velocity"] = change(models["velocity"]).assign_attrs(units="m/s")
    with pytest.raises(ConventionError, match=message):
        sg.synth.simulate(models, Survey.openfwi())


def test_too_fast_says_what_to_pass():
    with pytest.raises(SimulationError, match=r"reach 5200 m/s.*max_velocity=5200"):
        simulate_array(np.full((1, 70, 70), 5200.0, np.float32), Survey.openfwi())


def test_dispersion_says_what_grid_would_do():
    survey = dataclasses.replace(Survey.openfwi(), peak_frequency=40.0)
    with pytest.raises(SimulationError, match=r"grid_spacing <= 7\.5 m or peak_frequency <= 30 Hz"):
        simulate_array(np.full((1, 70, 70), 1500.0, np.float32), survey)


def test_other_grid_is_refused():
    models = sg.synth.draw_velocity("flatvel-a", 1, seed=0, shape=(60, 70))
    with pytest.raises(SimulationError, match=r"60 x 70 cells.*70 x 70"):
        sg.synth.simulate(models, Survey.openfwi())
    models = sg.synth.draw_velocity("flatvel-a", 1, seed=0, grid_spacing=12.5)
    with pytest.raises(SimulationError, match=r"steps are 12\.5"):
        sg.synth.simulate(models, Survey.openfwi())


def test_models_count_from_the_surveys_origin():
    models = sg.synth.draw_velocity("flatvel-a", 1, seed=0)
    moved = models.assign_coords(x=models["x"] + 5000.0)
    moved["x"].attrs = models["x"].attrs
    with pytest.raises(SimulationError, match=r"x axis starts at 5000 m.*models\.x - 5000"):
        sg.synth.simulate(moved, Survey.openfwi())
