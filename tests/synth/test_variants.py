import dataclasses

import numpy as np
import pytest

import seisgeo as sg
from seisgeo.errors import ConventionError, ParameterError, SimulationError, SurveyMismatchError
from seisgeo.synth import Survey, flip_pairs, perturb_pairs


@pytest.fixture(scope="module")
def pairs():
    models = sg.synth.draw_velocity("curvefault-b", 1, seed=1)
    return sg.synth.simulate(models, Survey.openfwi(), engine="openfwi", device="cpu")


def test_flipped_pairs_are_what_the_survey_records_over_mirrored_models(pairs):
    flipped = flip_pairs(pairs, device="cpu")
    np.testing.assert_array_equal(flipped["velocity"], pairs["velocity"].values[..., ::-1])
    truth = sg.synth.simulate(flipped[["velocity"]], Survey.openfwi(), engine="openfwi")
    found, expected = flipped["amplitude"].values, truth["amplitude"].values
    np.testing.assert_allclose(found, expected, atol=2e-6 * np.abs(expected).max())
    # The third source is no mirror image of itself: copying it would have been wrong.
    copied = pairs["amplitude"].values[:, 2][..., ::-1]
    assert np.abs(copied - expected[:, 2]).max() > 0.02 * np.abs(expected).max()
    assert Survey.from_attrs(flipped) == Survey.openfwi()
    sg.conventions.validate(flipped, "gathers", values=True)


def test_what_was_recorded_is_copied_and_only_the_third_shot_simulated(pairs):
    marked = pairs.copy(deep=True)
    marked["amplitude"][:] = np.arange(5.0)[:, None, None]
    marked["amplitude"][..., 0] += 0.5
    found = flip_pairs(marked, device="cpu")["amplitude"].values
    assert [found[0, shot, 7, 30] for shot in (0, 1, 3, 4)] == [4.0, 3.0, 1.0, 0.0]
    assert found[0, 0, 7, 69] == 4.5
    np.testing.assert_array_equal(found[0, 2], flip_pairs(pairs, device="cpu")["amplitude"][0, 2])


def test_pairs_without_a_survey_are_openfwis(pairs):
    bare = pairs.drop_attrs(deep=False)
    assert Survey.from_attrs(flip_pairs(bare, device="cpu")) == Survey.openfwi()


def test_changed_models_get_gathers_of_their_own(pairs):
    changed = perturb_pairs(pairs, strength=0.04, seed=3, device="cpu")
    assert (changed["velocity"] == changed["velocity"].round()).all()
    truth = sg.synth.simulate(changed[["velocity"]], Survey.openfwi(), engine="openfwi")
    np.testing.assert_array_equal(changed["amplitude"], truth["amplitude"])
    assert changed.attrs["variant"] == "velocity changed by 0.04 over 100 m, seed 3"
    again = perturb_pairs(pairs[["velocity"]], strength=0.04, seed=3, device="cpu")
    np.testing.assert_array_equal(changed["velocity"], again["velocity"])
    other = perturb_pairs(pairs[["velocity"]], strength=0.04, seed=4, device="cpu")
    assert (changed["velocity"] != other["velocity"]).mean() > 0.9


def test_changes_have_the_strength_and_length_asked_for(small_survey):
    models = sg.synth.draw_velocity("flatvel-a", 300, seed=0, shape=(24, 24))
    models["velocity"][:] = 2500.25
    short = dataclasses.replace(small_survey, nt=2)  # the velocities are what is looked at
    made = perturb_pairs(
        models, strength=0.05, length=40.0, survey=short, engine="deepwave", device="cpu"
    )
    change = made["velocity"].values / 2500.25 - 1
    assert change.std() == pytest.approx(0.05, rel=0.05)
    assert abs(change.mean()) < 0.005
    for axis in (1, 2):
        a, b = np.delete(change, range(4), axis), np.delete(change, range(20, 24), axis)
        assert (a * b).mean() / change.var() == pytest.approx(np.exp(-0.5), abs=0.06)


def test_velocities_stay_in_their_range(pairs):
    changed = perturb_pairs(pairs, strength=0.3, velocity_range=(1600, 3000), device="cpu")
    assert float(changed["velocity"].min()) == 1600
    assert float(changed["velocity"].max()) == 3000


def test_what_does_not_fit_is_refused(pairs, small_survey):
    with pytest.raises(SurveyMismatchError, match=r"'time': 400.*'time': 1000.*pass the survey"):
        flip_pairs(pairs.isel(time=slice(400)), device="cpu")
    with pytest.raises(SimulationError, match=r"70 x 70 cells.*24 x 24"):
        perturb_pairs(pairs, survey=small_survey)
    with pytest.raises(ConventionError, match="amplitude"):
        flip_pairs(pairs[["velocity"]])
    with pytest.raises(ParameterError, match=r"above 0 and below 0\.5, found 5"):
        perturb_pairs(pairs, strength=5)
    with pytest.raises(ParameterError, match="length must be above 0 m"):
        perturb_pairs(pairs, length=0)
