import math

import numpy as np
import pytest
import xarray as xr

from seisgeo import conventions, descriptors
from seisgeo.descriptors import DESCRIPTORS, compute, compute_array
from seisgeo.errors import ConventionError
from seisgeo.synth import draw_velocity

NAMES = list(DESCRIPTORS)


def named(velocity, dz=10.0, dx=10.0, top=0.0):
    return dict(zip(NAMES, compute_array(velocity, dz, dx, top)[0], strict=True))


def column(*layers, n_x=4):
    """Model of (cells, velocity) layers."""
    rows = np.concatenate([np.full(cells, float(v)) for cells, v in layers])
    return np.repeat(rows[:, None], n_x, axis=1)


def cube(values, dz=10.0, dx=10.0, top=0.0):
    values = np.asarray(values, np.float32)
    values = values[None] if values.ndim == 2 else values
    return conventions.describe(
        xr.Dataset(
            {"velocity": (("sample", "depth", "x"), values)},
            coords={
                "depth": top + dz * np.arange(values.shape[1]),
                "x": dx * np.arange(values.shape[2]),
            },
        )
    )


def test_two_layers_by_hand():
    # 200 m of 2000 m/s on 400 m of 3000 m/s, 60 rows of 10 m.
    found = named(column((20, 2000), (40, 3000)))
    mean = (200 * 2000 + 400 * 3000) / 600
    time = 200 / 2000 + 400 / 3000
    expected = {
        "mean_velocity": mean,
        "velocity_std": math.sqrt((200 * (2000 - mean) ** 2 + 400 * (3000 - mean) ** 2) / 600),
        "min_velocity": 2000,
        "max_velocity": 3000,
        "vertical_gradient": 1000 / 590,
        "abs_vertical_gradient": 1000 / 590,
        "abs_lateral_gradient": 0,
        "upper_velocity": 2000,
        "middle_velocity": 3000,
        "lower_velocity": 3000,
        "interface_depth": 200,
        "interface_contrast": 1000 / 5000,
        "layer_count": 2,
        "vertical_time": time,
        "rms_velocity": math.sqrt((2000**2 * 0.1 + 3000**2 * 400 / 3000) / time),
    }
    assert list(expected) == NAMES
    assert found == pytest.approx(expected, rel=1e-12)


def test_linear_gradient_by_hand():
    # v = 1500 m/s + 0.8 1/s z, at the middle of 90 rows of 5 m.
    z = 5.0 * (np.arange(90) + 0.5)
    found = named(np.repeat((1500 + 0.8 * z)[:, None], 3, axis=1), dz=5.0)
    assert found["vertical_gradient"] == pytest.approx(0.8, rel=1e-12)
    assert found["abs_vertical_gradient"] == pytest.approx(0.8, rel=1e-12)
    assert found["mean_velocity"] == pytest.approx(1500 + 0.8 * 225, rel=1e-12)
    assert found["upper_velocity"] == pytest.approx(1500 + 0.8 * 75, rel=1e-12)
    assert found["middle_velocity"] == pytest.approx(1500 + 0.8 * 225, rel=1e-12)
    assert found["lower_velocity"] == pytest.approx(1500 + 0.8 * 375, rel=1e-12)
    assert found["layer_count"] == 1
    # integral of dz / v; the midpoint rule of 90 cells is good to 1e-6.
    assert found["vertical_time"] == pytest.approx(math.log(1860 / 1500) / 0.8, rel=2e-6)
    rms = math.sqrt((1500 * 450 + 0.4 * 450**2) / (math.log(1860 / 1500) / 0.8))
    assert found["rms_velocity"] == pytest.approx(rms, rel=2e-6)


def test_lateral_change_by_hand():
    # 2000 m/s, rising by 30 m/s every 25 m along x, in 4 columns; nothing changes with depth.
    found = named(np.broadcast_to(2000 + 30.0 * np.arange(4), (6, 4)), dx=25.0)
    assert found["abs_lateral_gradient"] == pytest.approx(30 / 25, rel=1e-12)
    assert found["vertical_gradient"] == found["abs_vertical_gradient"] == 0
    assert found["mean_velocity"] == pytest.approx(2045)
    assert found["velocity_std"] == pytest.approx(30 * math.sqrt(5 / 4))
    assert found["vertical_time"] == pytest.approx(np.mean(60 / (2000 + 30.0 * np.arange(4))))
    assert found["rms_velocity"] == pytest.approx(2045)
    assert (found["layer_count"], found["interface_contrast"]) == (1, 0)


def test_slow_layer_below():
    found = named(column((10, 2500), (10, 2000), (10, 3000)))
    assert found["interface_depth"] == 200
    assert found["interface_contrast"] == pytest.approx(0.2)
    assert found["vertical_gradient"] == pytest.approx(500 / 290)
    assert found["abs_vertical_gradient"] == pytest.approx(1500 / 290)
    found = named(column((10, 3000), (10, 2000)))
    assert found["interface_contrast"] == pytest.approx(-0.2)


def test_the_strongest_interface_of_most_columns_counts():
    v = column((20, 2000), (20, 3000), n_x=9)
    v[:, 0] = column((3, 1500), (37, 4500), n_x=1)[:, 0]  # one odd column
    found = named(v)
    assert found["interface_depth"] == 200
    assert found["interface_contrast"] == pytest.approx(0.2)
    assert found["layer_count"] == 2


def test_a_fold_does_not_smear_its_interface():
    v = np.full((60, 31), 2000.0)
    depth = 30 + np.rint(8 * np.sin(2 * np.pi * np.arange(31) / 31)).astype(int)
    for x, z in enumerate(depth):
        v[z:, x] = 3000
    found = named(v)
    assert found["interface_contrast"] == pytest.approx(0.2)
    assert found["interface_depth"] == 10 * np.median(depth)
    assert found["layer_count"] == 2


def test_a_uniform_model_has_no_interface():
    found = named(column((30, 2000)), dz=10, top=100)
    assert found["interface_contrast"] == 0
    assert found["interface_depth"] == 100 + 300  # its base
    assert found["layer_count"] == 1
    assert found["velocity_std"] == 0


def test_layer_count():
    assert named(column((5, 2000), (5, 2500), (5, 2200), (5, 3000)))["layer_count"] == 4
    # 30 m/s at 2000 m/s is R = 0.007, below the threshold; 50 m/s is above it.
    assert named(column((5, 2000), (5, 2030)))["layer_count"] == 1
    assert named(column((5, 2000), (5, 2050)))["layer_count"] == 2
    # A transition zone of several rows is one interface, a thin layer is two.
    assert named(column((5, 2000), (1, 2300), (1, 2700), (5, 3000)))["layer_count"] == 2
    assert named(column((5, 2000), (1, 2300), (5, 2000)))["layer_count"] == 3


def test_layers_of_drawn_models_are_counted():
    models = draw_velocity("flatvel-b", 50, seed=0)
    counted = compute(models).descriptor_value.sel(descriptor="layer_count").values
    jumps = models.velocity.isel(x=0).diff("depth")
    sums = models.velocity.isel(x=0).rolling(depth=2).sum().isel(depth=slice(1, None)).values
    expected = 1 + (np.abs(jumps.values / sums) >= 0.01).sum(axis=1)
    assert np.mean(counted == expected) > 0.9  # adjacent thin layers may merge


def test_thirds_split_a_cell():
    # 4 rows: the first third is row 0 and a third of row 1.
    found = named(column((1, 1000), (1, 2000), (1, 3000), (1, 4000)))
    assert found["upper_velocity"] == pytest.approx((1000 + 2000 / 3) / (4 / 3))
    assert found["middle_velocity"] == pytest.approx(2500)
    assert found["lower_velocity"] == pytest.approx((4000 + 3000 / 3) / (4 / 3))


@pytest.mark.parametrize("family", ["flatvel-a", "curvevel-b", "curvefault-b"])
def test_refining_the_grid_changes_nothing(family):
    v = draw_velocity(family, 5, seed=2).velocity.values
    coarse = compute_array(v, 10.0, 10.0)
    fine = compute_array(v.repeat(3, axis=1).repeat(2, axis=2), 10.0 / 3, 5.0)
    gradients = [i for i, name in enumerate(NAMES) if name.endswith("gradient")]
    others = [i for i in range(len(NAMES)) if i not in gradients]
    np.testing.assert_allclose(fine[:, others], coarse[:, others], rtol=1e-10)
    # A gradient is a mean over n - 1 steps: the steps of the coarse grid span 69 of 70 cells.
    np.testing.assert_allclose(fine[:, gradients], coarse[:, gradients], rtol=0.02)


def test_refining_a_linear_gradient_changes_nothing():
    def gradient(n):
        z = 600 / n * (np.arange(n) + 0.5)
        return named(np.repeat((1500 + z)[:, None], 2, axis=1), dz=600 / n)

    for name in ("vertical_gradient", "abs_vertical_gradient", "mean_velocity", "lower_velocity"):
        assert gradient(240)[name] == pytest.approx(gradient(60)[name], rel=1e-12)


def test_water_is_a_layer():
    found = named(column((10, 1500), (20, 1800), (30, 2200)))
    assert found["layer_count"] == 3
    assert found["min_velocity"] == 1500
    assert found["vertical_time"] == pytest.approx(100 / 1500 + 200 / 1800 + 300 / 2200)


def test_physics_cube():
    models = draw_velocity("curvefault-a", [5, 2, 9], seed=1)
    physics = compute(models)
    conventions.validate(physics, "physics", values=True)
    assert physics.descriptor_value.dims == ("sample", "descriptor")
    assert physics.descriptor_value.dtype == np.float32
    assert physics.descriptor.values.tolist() == NAMES
    assert physics.units.sel(descriptor="interface_depth").item() == "m"
    assert physics.family.values.tolist() == ["curvefault-a"] * 3
    assert physics.family_index.values.tolist() == [5, 2, 9]
    np.testing.assert_array_equal(
        physics.descriptor_value,
        compute_array(models.velocity.values, 10.0, 10.0).astype(np.float32),
    )


def test_required_descriptors_are_documented():
    assert len(DESCRIPTORS) == 15
    assert all(d.long_name and d.how for d in DESCRIPTORS.values())
    assert {d.units for d in DESCRIPTORS.values()} == {"m/s", "1/s", "m", "1", "s"}


def test_one_model_and_depth_datum():
    model = cube(column((20, 2000), (40, 3000)), top=50.0).velocity.isel(sample=0)
    for one in (model, model.to_dataset(name="velocity"), model.transpose("x", "depth")):
        physics = compute(one)
        assert physics.descriptor_value.shape == (1, len(NAMES))
        assert physics.descriptor_value.sel(descriptor="interface_depth").item() == 250.0
    no_units = model.drop_attrs()
    assert compute(no_units.assign_coords(depth=model.depth, x=model.x)).equals(compute(model))


def test_one_column():
    physics = compute(cube(column((20, 2000), (40, 3000), n_x=1)))
    assert physics.descriptor_value.sel(descriptor="abs_lateral_gradient").item() == 0


def test_blocks_and_dask_give_the_same(monkeypatch, tmp_path):
    models = draw_velocity("curvevel-b", 23, seed=4)
    expected = compute(models)
    monkeypatch.setattr(descriptors, "_BLOCK_VALUES", 5 * 70 * 70)
    assert compute(models).identical(expected)
    lazy = compute(models.chunk(sample=4, x=30))
    assert lazy.descriptor_value.chunks is not None
    assert lazy.compute().identical(expected)
    models.to_netcdf(tmp_path / "models.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "models.nc", engine="h5netcdf") as stored:
        np.testing.assert_array_equal(compute(stored).descriptor_value, expected.descriptor_value)
        assert not stored.velocity.variable._in_memory  # read in blocks, not kept


def test_real_velocity(data_dir):
    import segyio

    path = data_dir / "velocity" / "marmousi2_vp_6.25m.segy"
    with segyio.open(path, ignore_geometry=True) as f:
        v = f.trace.raw[:].T
    v = v * 1000 if v.max() < 12 else v
    physics = compute(cube(v, dz=5.0, dx=6.25)).descriptor_value[0].to_series()
    assert physics["min_velocity"] == pytest.approx(v.min())
    assert physics["mean_velocity"] == pytest.approx(v.mean(dtype=float), rel=1e-6)
    assert physics["upper_velocity"] < physics["middle_velocity"] < physics["lower_velocity"]
    assert physics["mean_velocity"] < physics["rms_velocity"] + physics["velocity_std"]
    assert 0.3 < physics["vertical_gradient"] < 1.0
    assert physics["layer_count"] > 5


def _uneven(ds):
    return ds.assign_coords(depth=("depth", np.r_[0, 10, 25, 40.0], {"units": "m"}))


GOOD = cube(column((2, 2000), (2, 3000)))


@pytest.mark.parametrize(
    ("velocity", "message"),
    [
        (GOOD / 1000, "look like km/s"),
        (GOOD.where(GOOD.depth > 0), "4 of 16 values are NaN"),
        (-GOOD, "must be positive, found -3000"),
        (GOOD * 0, "must be positive, found 0"),
        (GOOD.velocity.assign_attrs(units="km/s"), "expected units 'm/s', found 'km/s'"),
        (_uneven(GOOD), "coordinate 'depth': expected even spacing, found .* at index 1"),
        (GOOD.drop_vars("x"), "dimension 'x' has no coordinate"),
        (GOOD.isel(depth=[0]), "coordinate 'depth': expected at least 2 values, found 1"),
        (GOOD.expand_dims(y=[0.0]), r"found \(y, sample, depth, x\); take slices"),
        (xr.Dataset({"speed": GOOD.velocity}), "needs the variable 'velocity'"),
        (GOOD.velocity.values, "expected an xarray.Dataset, got ndarray"),
    ],
)
def test_bad_input(velocity, message):
    if isinstance(velocity, xr.Dataset) and "velocity" in velocity:
        velocity = conventions.describe(velocity)
    with pytest.raises(ConventionError, match=message):
        compute(velocity)


def test_bad_values_in_a_lazy_cube_or_a_later_block(monkeypatch):
    bad = cube(np.repeat(GOOD.velocity.values, 6, axis=0))
    bad.velocity[5, 1, 2] = np.nan
    with pytest.raises(ConventionError, match="1 of 32 values are NaN"):
        compute(bad.chunk(sample=2)).compute()
    monkeypatch.setattr(descriptors, "_BLOCK_VALUES", 32)
    with pytest.raises(ConventionError, match="velocity of samples 4 to 5"):
        compute(bad)
