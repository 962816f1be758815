import numpy as np
import pytest
import xarray as xr

from seisgeo.errors import ConventionError, SimulationError
from seisgeo.synth import (
    density_from_velocity,
    draw_velocity,
    q_from_velocity,
    vs_from_velocity,
)
from seisgeo.synth.geology import SALT_VELOCITY


def test_gardner_and_mudrock_line():
    v = np.array([[2000.0, 3000.0, 4000.0]] * 2)
    # Gardner et al. (1974): rho = 0.23 v**0.25 in g/cm3 and ft/s.
    expected = 1000 * 0.23 * (v / 0.3048) ** 0.25
    np.testing.assert_allclose(density_from_velocity(v), expected, rtol=3e-3)
    # Castagna et al. (1985): vp = 1.16 vs + 1.36 in km/s.
    np.testing.assert_allclose(1.16 * vs_from_velocity(v) + 1360, v)
    np.testing.assert_allclose(vs_from_velocity(v, vp_vs=2.0), v / 2)


def test_lis_relation_in_both_of_its_units():
    v = np.array([[1500.0, 2500.0, 4500.0]] * 2)
    q = q_from_velocity(v, water=False)
    np.testing.assert_allclose(q, 14 * (v / 1000) ** 2.2)
    np.testing.assert_allclose(q, 3.516e-6 * v**2.2, rtol=1e-3)


def test_slow_rock_and_water_have_a_quality_factor():
    v = np.full((10, 4), 1500.0, np.float32)
    v[5:] = 400.0
    q = q_from_velocity(v)
    assert q.dtype == np.float32
    assert (q[:5] == 1e6).all()
    assert (q[5:] == 5).all()


def test_slow_rock_still_has_a_shear_velocity():
    v = np.linspace(300, 1600, 50)[:, None] * np.ones(3)
    vs = vs_from_velocity(v, water=False)
    assert (vs > 0).all()
    assert (np.diff(vs, axis=0) >= 0).all()
    assert (v / vs > np.sqrt(4 / 3)).all()


def test_water_and_salt():
    ds = draw_velocity("salt", 3, seed=5, shape=(100, 120), water_depth=(100, 300))
    v = ds.velocity
    salt = v == SALT_VELOCITY
    water = (v == v.isel(depth=0)).cumprod("depth").astype(bool)
    assert salt.any()
    assert water.any()
    density, vs = density_from_velocity(v, salt=salt), vs_from_velocity(v, salt=salt)
    assert (density.where(water, drop=True).fillna(1030) == 1030).all()
    assert (vs.where(water).fillna(0) == 0).all()
    assert (density.where(salt).fillna(2160) == 2160).all()
    np.testing.assert_allclose(vs.where(salt).max(), 4480 / 1.76, rtol=1e-6)
    rock = ~(salt | water)
    assert float(vs.where(rock).min()) > 0
    assert float(density.where(rock).min()) > 1900
    assert float(density.where(rock).max()) < 2600
    assert (density.dtype, density.dims, density.name) == (np.float32, v.dims, "density")
    assert density.attrs["units"] == "kg/m3"
    assert (vs.name, vs.attrs["units"]) == ("vs", "m/s")
    ds.assign(density=density, vs=vs)  # they fit beside the velocity


def test_water_is_found_by_the_name_of_the_axis():
    v = draw_velocity("marine", 2, seed=0).velocity
    turned = v.transpose("x", "depth", "sample")
    xr.testing.assert_identical(
        vs_from_velocity(turned), vs_from_velocity(v).transpose("x", "depth", "sample")
    )
    np.testing.assert_array_equal(vs_from_velocity(v.values), vs_from_velocity(v))


def test_a_dry_model_has_no_water():
    v = np.full((10, 4), 1500.0)
    v[5:] = 2500
    assert (vs_from_velocity(v)[:5] == 0).all()
    assert (vs_from_velocity(v, water=False) > 0).all()
    assert (density_from_velocity(v, water=False)[:5] > 1900).all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: density_from_velocity(np.full((3, 3), 2.5)), ConventionError, "look like km/s"),
        (lambda: vs_from_velocity(np.full((3, 3), np.nan)), ConventionError, "NaN"),
        (lambda: vs_from_velocity(np.full((3, 3), 2500.0), vp_vs=1.0), SimulationError,
         "vp_vs: expected a ratio above 1.155, found 1.0"),
        (lambda: vs_from_velocity(np.full(3, 2500.0)), SimulationError, r"found shape \(3,\)"),
        (lambda: density_from_velocity(np.full((3, 3), 2500.0), salt=np.ones(3, bool)),
         SimulationError, r"salt: expected .* shape \(3, 3\), found bool \(3,\)"),
        (lambda: density_from_velocity(xr.DataArray(np.full((3, 3), 2500.0))), SimulationError,
         "expected a dimension depth"),
    ],
)  # fmt: skip
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
