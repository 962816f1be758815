"""Gathers thinned to what their wavelet needs, before an encoder sees them."""

import numpy as np
import pytest
import xarray as xr

import seisgeo as sg
from seisgeo.encoders.thinning import thinning_factor
from seisgeo.errors import ConventionError
from seisgeo.estimators import views as home
from seisgeo.estimators.matching import is_even
from seisgeo.estimators.views import MODALITIES, views_of


def ricker(peak, dt, bins=501):
    ratio = np.linspace(0, 0.5 / dt, bins) / peak
    return ratio**2 * np.exp(-(ratio**2))


@pytest.mark.parametrize(
    ("peak", "dt", "factor"), [(15, 0.001, 8), (15, 0.002, 4), (25, 0.001, 4), (60, 0.004, 1)]
)
def test_a_wavelet_keeps_its_energy(peak, dt, factor):
    spectrum = ricker(peak, dt)
    assert thinning_factor(spectrum) == factor
    kept = np.linspace(0, 1, 501) <= 0.9 / factor
    assert factor == 1 or (spectrum[kept] ** 2).sum() > 0.9999 * (spectrum**2).sum()
    assert thinning_factor(np.zeros(501)) == 1


@pytest.fixture(scope="module")
def fine():
    """Twelve models recorded every half millisecond: far finer than 20 Hz need."""
    survey = sg.synth.Survey(
        source_x=(20.0, 110.0, 200.0),
        source_depth=(10.0,) * 3,
        receiver_x=(tuple(np.arange(5, 225, 15.0)),) * 3,
        receiver_depth=((10.0,) * 15,) * 3,
        dt=0.0005,
        nt=480,
        peak_frequency=20.0,
        peak_time=0.05,
        grid_spacing=10.0,
        model_shape=(24, 23),
    )
    return sg.synth.generate(
        "curvevel-a", 12, survey=survey, seed=2, device="cpu", workers=1, progress=False
    )


def test_a_model_sees_thinned_gathers_and_says_so(fine, tmp_path):
    settings = {"batch_size": 6, "max_epochs": 1, "random_state": 0, "device": "cpu"}
    model = sg.SeisBind(verbose=False, **settings).fit(fine)
    assert model.thinning_ >= 8
    assert model.shapes_["seismic"] == (3, 480, 15)
    model.save(tmp_path / "a.seisbind")
    loaded = sg.load(tmp_path / "a.seisbind")
    assert loaded.thinning_ == model.thinning_
    np.testing.assert_array_equal(
        loaded.transform(fine)["embedding"], model.transform(fine)["embedding"]
    )
    with pytest.raises(sg.errors.SurveyMismatchError, match="time"):
        loaded.transform(fine.isel(time=slice(479)))


def test_thinned_views_are_the_same_loaded_and_lazy(fine, monkeypatch):
    loaded = views_of(fine, list(MODALITIES), 8)
    assert loaded.shapes["seismic"] == (3, 60, 15)
    assert isinstance(loaded.arrays["seismic"], np.ndarray)
    monkeypatch.setattr(home, "_room", lambda: 0)
    lazy = views_of(fine.chunk({"sample": 5}), list(MODALITIES), 8)
    assert isinstance(lazy.arrays["seismic"], home.Thinned)
    rows = [7, 2, 11]
    np.testing.assert_array_equal(lazy[rows]["seismic"], loaded[rows]["seismic"])


def test_what_is_not_finite_is_found_in_its_block(fine, monkeypatch):
    monkeypatch.setattr(home, "_BLOCK", 4)
    broken = fine.copy(deep=True)
    broken["amplitude"][9, 1, 100, 3] = np.nan
    with pytest.raises(ConventionError, match=r"the first at sample=9, source=1, time=100"):
        views_of(broken, ["seismic"], 8)


def test_which_surveys_are_their_own_mirror_image(fine):
    assert is_even(fine)
    # OpenFWI's middle source stands one cell off the middle, which a mirror may overlook.
    openfwi = sg.synth.Survey.openfwi()
    depth, x = (np.arange(n) * openfwi.grid_spacing for n in openfwi.model_shape)
    assert is_even(xr.Dataset(coords={**openfwi.coords(), "depth": depth, "x": x}))
    shifted = fine.assign_coords(source_x=("source", [20.0, 80.0, 200.0], {"units": "m"}))
    assert not is_even(shifted)
    assert not is_even(fine.drop_vars("receiver_x"))
