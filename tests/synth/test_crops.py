"""Crops of given models, and models from files as families of generate."""

import numpy as np
import pytest
import xarray as xr

import seisgeo as sg
from seisgeo import adapters
from seisgeo.errors import ConventionError, MissingFileError, ParameterError, SimulationError
from seisgeo.synth import crop_velocity, draw_velocity

MARMOUSI2 = "velocity/marmousi2_vp_6.25m.segy"
SAME = dict(perturbation=0.0, velocity_range=(1000.0, 6000.0))


def model(velocity, spacing=10.0):
    n_depth, n_x = velocity.shape
    return sg.conventions.describe(
        xr.Dataset(
            {"velocity": (("depth", "x"), velocity.astype(np.float32))},
            coords={"depth": spacing * np.arange(n_depth), "x": spacing * np.arange(n_x)},
        )
    )


@pytest.fixture(scope="module")
def slope():
    """Faster by 1 m/s a metre of depth and by 0.2 m/s a metre of distance."""
    z, x = 10.0 * np.arange(200)[:, None], 10.0 * np.arange(600)
    return model(1500 + 1.0 * z + 0.2 * x)


@pytest.fixture(scope="module")
def marmousi2(data_dir):
    with pytest.warns(sg.errors.HeaderWarning, match="trace spacing: 6250 m"):
        return adapters.open_cube(data_dir / MARMOUSI2).load()


@pytest.mark.parametrize("zoom", [1.0, 2.0])
def test_a_crop_is_the_model_stretched(slope, zoom):
    crops = crop_velocity(slope, 20, seed=0, zoom=(zoom, zoom), **SAME)
    v = crops.velocity.values
    assert v.shape == (20, 70, 70)
    # Gradients are those of the model times the stretch, to the left or to the right.
    down, across = np.diff(v[:, 2:-2, 2:-2], axis=1), np.diff(v[:, 2:-2, 2:-2], axis=2)
    np.testing.assert_allclose(down / 10, 1.0 * zoom, atol=2e-3)
    np.testing.assert_allclose(np.abs(across) / 10, 0.2 * zoom, atol=2e-3)
    mirrored = (across < 0).all(axis=(1, 2))
    assert 2 < mirrored.sum() < 18
    corner = v[:, 0, 0]
    assert np.unique(corner).size == 20  # from everywhere
    assert v.min() >= 1500
    assert v.max() <= slope.velocity.max()


def test_windows_are_as_large_as_the_model_allows(slope):
    v = crop_velocity(slope, 10, seed=0, shape=(100, 300), grid_spacing=40.0, **SAME).velocity
    # The grid is 4 x 12 km and the model 2 x 6 km: the whole of it, at half the gradient.
    np.testing.assert_allclose(v.diff("depth")[:, 2:-2] / 40, 0.5, atol=2e-3)


def test_perturbation_is_as_strong_as_asked(slope):
    flat = slope * 0 + 3000.0
    flat.attrs = slope.attrs
    flat.velocity.attrs = slope.velocity.attrs
    v = crop_velocity(
        flat, 400, seed=0, shape=(20, 20), perturbation=0.05, velocity_range=(1000, 6000)
    ).velocity.values
    factor = v.mean(axis=(1, 2)) / 3000
    assert factor.mean() == pytest.approx(1, abs=0.01)
    # The factor of a model, and half as much of the smooth field, of which its mean has most.
    assert factor.std() == pytest.approx(0.05, rel=0.25)
    assert 0.003 < (v.std(axis=(1, 2)) / 3000).mean() < 0.03


def test_a_crop_does_not_depend_on_its_batch(slope):
    many = crop_velocity(slope, 6, seed=3).velocity.values
    assert crop_velocity(slope, [4], seed=3).velocity.values.tobytes() == many[4:5].tobytes()
    assert not np.array_equal(crop_velocity(slope, [4], seed=4).velocity.values, many[4:5])
    assert np.unique(many.reshape(6, -1), axis=0).shape[0] == 6


def test_values_stay_within_the_range(slope):
    v = crop_velocity(slope, 10, seed=0, velocity_range=(1800, 3000)).velocity.values
    assert v.min() >= 1800
    assert v.max() <= 3000
    assert v.min() < 1900 or v.max() > 2900


def test_water_stays_as_it_is(slope):
    wet = slope.copy(deep=True)
    wet["velocity"][:40] = 1490.0
    v = crop_velocity(
        wet, 30, seed=0, shape=(150, 70), zoom=(1, 1), perturbation=0.1, velocity_range=(1600, 6000)
    ).velocity.values
    top = v[:, 0]
    water = top[(top[:, :] == 1490).all(axis=1)]
    assert len(water) > 10
    assert (v[v != 1490] >= 1600).all()
    deeper = crop_velocity(slope, 5, seed=0, water_depth=(100, 200)).velocity
    assert (deeper[:, :10] == 1500).all()
    assert not (deeper[:, 21:] == 1500).any()


def test_marmousi2(marmousi2):
    crops = crop_velocity(marmousi2, 8, seed=1)
    sg.conventions.validate(crops, "velocity", values=True)
    v = crops.velocity.values
    assert v.min() >= 1500
    assert v.max() <= 4500
    assert (v.std(axis=(1, 2)) > 50).all()


def test_a_file_is_a_family(data_dir, marmousi2):
    path = data_dir / MARMOUSI2
    by_file = draw_velocity(path, 3, seed=1)
    # The bytes depend on what is in the file, not on where it lies.
    np.testing.assert_array_equal(by_file.velocity, crop_velocity(marmousi2, 3, seed=1).velocity)
    assert by_file.family.values.tolist() == ["marmousi2_vp_6.25m"] * 3


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("velocity/volve10-migvel-depth-sub3d.sgy", 1480, 4706),
        ("velocity/marmousi_slices_20x128x128.npy", 1500, 4500),
    ],
)
def test_cubes_and_sets_of_models(data_dir, name, low, high):
    v = crop_velocity(
        data_dir / name, 12, seed=0, perturbation=0.0, velocity_range=(1000, 6000)
    ).velocity.values
    assert v.min() >= low
    assert v.max() <= high
    assert np.unique(v[:, 0, 0]).size > 6


def test_generate_takes_a_file(tmp_path, slope, small_survey):
    slope.to_netcdf(tmp_path / "slope.nc", engine="h5netcdf")
    families = ["salt", str(tmp_path / "slope.nc")]
    pairs = sg.synth.generate(
        families, 3, survey=small_survey, seed=2, device="cpu", workers=1, progress=False
    )
    with pytest.raises(ParameterError, match="families are named more than once"):
        sg.synth.generate([*families, tmp_path / "slope.nc"], 3, survey=small_survey)
    assert pairs.family.values.tolist() == ["salt"] * 3 + ["slope"] * 3
    np.testing.assert_array_equal(
        pairs.velocity[3:], crop_velocity(slope, 3, seed=2, shape=(24, 24)).velocity
    )
    np.testing.assert_array_equal(
        pairs.velocity[:3], draw_velocity("salt", 3, seed=2, shape=(24, 24)).velocity
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": (70, 70, 70)}, "crops are two-dimensional"),
        ({"zoom": (2, 1)}, r"zoom: expected \(smallest, largest\) above zero, found \(2, 1\)"),
        ({"zoom": (0, 1)}, "zoom: expected"),
        ({"perturbation": 0.5}, "perturbation: expected 0 to 0.3, found 0.5"),
        ({"grid_spacing": 0.2}, r"has only 1 x 1 cells of this model, which is 2000 x 6000 m"),
        ({"indices": 0}, "at least one model"),
        ({"seed": -2}, "seed: expected"),
    ],
)
def test_bad_input(slope, change, message):
    arguments = {"indices": 2, "seed": 0, "zoom": (1, 1)} | change
    with pytest.raises(SimulationError, match=message):
        crop_velocity(slope, arguments.pop("indices"), **arguments)


def test_models_that_cannot_be_cropped(slope, tmp_path):
    with pytest.raises(ConventionError, match="look like km/s"):
        crop_velocity(slope.assign(velocity=slope.velocity / 1000), 1, seed=0)
    renamed = slope.rename(velocity="amplitude")
    with pytest.raises(ConventionError, match="crops need velocity against depth"):
        crop_velocity(renamed, 1, seed=0)
    with pytest.raises(SimulationError, match="cells are too few to crop"):
        crop_velocity(xr.concat([slope.isel(x=slice(5))] * 2, "sample"), 1, seed=0)
    line = slope.rename(x="cdp").drop_vars("cdp").assign_coords(cdp=np.arange(600))
    with pytest.raises(ConventionError, match="need positions, cdp_x and cdp_y, along 'cdp'"):
        crop_velocity(line, 1, seed=0)
    same = {name: ("cdp", np.zeros(600), {"units": "m"}) for name in ("cdp_x", "cdp_y")}
    with pytest.raises(ConventionError, match="spacing of the columns along 'cdp'; found 0 m"):
        crop_velocity(line.assign_coords(same), 1, seed=0)
    with pytest.raises(MissingFileError, match=r"none\.sgy: no such file of velocities"):
        draw_velocity(tmp_path / "none.sgy", 1, seed=0)
