"""Wave equations, three dimensions and formats in bulk."""

import dataclasses

import numpy as np
import pytest
import segyio
import xarray as xr

import seisgeo as sg
from seisgeo.errors import ParameterError, SimulationError
from seisgeo.synth import Survey, store, verify_manifest
from seisgeo.synth.geology import SALT_VELOCITY

QUIET = {"device": "cpu", "workers": 1, "progress": False}


@pytest.fixture(scope="module")
def slow_survey(small_survey):
    """S waves need a lower frequency."""
    return dataclasses.replace(small_survey, peak_frequency=8.0, peak_time=0.12, nt=200)


@pytest.fixture(scope="module")
def cube_survey():
    return Survey.areal(
        n_sources=(1, 1), n_receivers=(2, 2),
        depth=240.0, record_length=0.2, peak_frequency=10.0, receiver_spacing=60.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("physics", "component", "beside"),
    [
        ("acoustic", "pressure", {"density"}),
        ("acoustic", "depth", {"density"}),
        ("viscoacoustic", "pressure", {"density", "q"}),
        ("elastic", "depth", {"density", "vs"}),
    ],
)
def test_rock_is_made_from_the_velocity_and_kept(slow_survey, physics, component, beside):
    pairs = sg.synth.generate(
        ["flatvel-b", "salt"], 2, survey=slow_survey, physics=physics, component=component,
        velocity_range=(2000.0, 4500.0), vp_vs=2.0, seed=3, **QUIET,
    )  # fmt: skip
    assert set(pairs.data_vars) == {"amplitude", "velocity", "descriptor_value"} | beside
    salt = (pairs["velocity"] == SALT_VELOCITY) & (pairs["family"] == "salt")
    assert salt[2:].any()
    rock = ~salt.values
    velocity = pairs["velocity"].values
    gardner = 310 * velocity**0.25
    np.testing.assert_allclose(pairs["density"].values[rock], gardner[rock], rtol=1e-5)
    assert (pairs["density"].values[2:][salt.values[2:]] == 2160).all()
    if "vs" in beside:
        np.testing.assert_allclose(pairs["vs"].values[rock], velocity[rock] / 2, rtol=1e-6)
    if "q" in beside:
        np.testing.assert_allclose(pairs["q"].values, 14 * (velocity / 1000) ** 2.2, rtol=1e-5)
    assert pairs["density"].attrs["units"] == "kg/m3"
    assert pairs.attrs["component"] == component
    alone = sg.synth.simulate(
        pairs.drop_vars("amplitude").isel(sample=[3]), slow_survey, physics=physics,
        component=component, device="cpu",
    )  # fmt: skip
    np.testing.assert_array_equal(alone["amplitude"][0], pairs["amplitude"][3])
    assert alone.attrs["scheme"] == pairs.attrs["scheme"]


def test_s_waves_too_short_for_the_grid_are_refused_with_what_would_do(tmp_path, slow_survey):
    out = tmp_path / "pairs.zarr"
    with pytest.raises(SimulationError, match=r"velocity_range=\(1824, \.\.\.\)") as said:
        sg.synth.generate("flatvel-a", 1, survey=slow_survey, physics="elastic", out=out, **QUIET)
    assert "rock of 1500 m/s has S waves of 120.7 m/s" in str(said.value)
    assert list(tmp_path.iterdir()) == []
    # What the message says does do.
    for words in ({"velocity_range": (1825.0, 4500.0)}, {"vp_vs": 3.75}):
        sg.synth.generate("flatvel-a", 1, survey=slow_survey, physics="elastic", **words, **QUIET)


def test_three_dimensional_surveys_get_three_dimensional_models(tmp_path, cube_survey, monkeypatch):
    families = ["curvefault-a", "folded"]
    settings = dict(survey=cube_survey, velocity_range=(1500.0, 3500.0), seed=2, **QUIET)
    monkeypatch.setattr(store, "MIN_BLOCKS", 1)
    pairs = sg.synth.generate(families, 2, out=tmp_path / "a.zarr", **settings)
    assert len(list((tmp_path / "a.zarr" / "velocity" / "c").iterdir())) == 1
    assert pairs["velocity"].dims == ("sample", "depth", "y", "x")
    assert pairs["velocity"].shape[1:] == cube_survey.model_shape
    assert pairs["amplitude"].shape == (4, 1, cube_survey.nt, 4)
    assert "descriptor_value" not in pairs
    drawn = sg.synth.draw_velocity(
        "folded", [1], seed=2, shape=cube_survey.model_shape,
        grid_spacing=cube_survey.grid_spacing, velocity_range=(1500.0, 3500.0),
    )  # fmt: skip
    np.testing.assert_array_equal(pairs["velocity"][3], drawn["velocity"][0])
    assert np.isfinite(pairs["amplitude"].values).all()
    assert np.abs(pairs["amplitude"].values).max() > 0
    # Large samples make small blocks, of the same pairs.
    monkeypatch.setattr(store, "BLOCK_BYTES", 2 * pairs["velocity"][0].nbytes)
    small = sg.synth.generate(families, 2, out=tmp_path / "b.zarr", **settings)
    assert len(list((tmp_path / "b.zarr" / "velocity" / "c").iterdir())) > 1
    xr.testing.assert_identical(small.load(), pairs.load())


def test_what_has_no_third_dimension_is_refused(tmp_path, cube_survey, small_survey):
    model = sg.synth.draw_velocity("folded", 1, seed=0, shape=(40, 60)).isel(sample=0)
    model[["velocity"]].to_netcdf(tmp_path / "mine.nc", engine="h5netcdf")
    with pytest.raises(SimulationError, match=r"crops are two-dimensional, \(depth, x\)"):
        sg.synth.generate(
            tmp_path / "mine.nc", 1, survey=cube_survey, out=tmp_path / "a.zarr", **QUIET
        )
    with pytest.raises(ParameterError, match=r"format='npy' has no place for many 3-D models"):
        sg.synth.generate("folded", 1, survey=cube_survey, out=tmp_path / "a", format="npy")
    with pytest.raises(SimulationError, match="use engine='deepwave'"):
        sg.synth.generate("folded", 1, survey=cube_survey, engine="openfwi")
    with pytest.raises(ParameterError, match="physics='viscous': expected one of scalar"):
        sg.synth.generate("folded", 1, survey=small_survey, physics="viscous")
    with pytest.raises(ParameterError, match="no format 'hdf'; there are 'zarr'"):
        sg.synth.generate("folded", 1, survey=small_survey, format="hdf")
    with pytest.raises(ParameterError, match="format='npy' needs the name of a folder"):
        sg.synth.generate("folded", 1, survey=small_survey, format="npy")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.nc"]


def test_formats_hold_the_same_pairs_and_a_manifest(tmp_path, slow_survey):
    settings = dict(
        survey=slow_survey, physics="acoustic", velocity_range=(1500.0, 4000.0), **QUIET
    )
    zarr = sg.synth.generate("curvevel-a", 3, out=tmp_path / "a.zarr", **settings)
    with pytest.warns(UserWarning, match="OpenFWI files cannot hold density"):
        npy = sg.synth.generate("curvevel-a", 3, out=tmp_path / "npy", format="npy", **settings)
    np.testing.assert_array_equal(npy["velocity"], zarr["velocity"])
    np.testing.assert_array_equal(npy["amplitude"], zarr["amplitude"])
    gathers = sg.synth.generate("curvevel-a", 3, out=tmp_path / "segy", format="segy", **settings)
    assert gathers["amplitude"].sizes["time"] == slow_survey.nt
    with segyio.open(tmp_path / "segy" / "density.sgy", ignore_geometry=True) as file:
        density = zarr["density"].transpose("sample", "x", "depth").values
        np.testing.assert_array_equal(file.trace.raw[:], density.reshape(-1, density.shape[-1]))
    for name in ("a.zarr", "npy", "segy"):
        assert verify_manifest(tmp_path / name) > 2
    # SEG-Y is the same file each time.
    again = sg.synth.generate("curvevel-a", 3, out=tmp_path / "more", format="segy", **settings)
    assert again["amplitude"].equals(gathers["amplitude"])
    for name in ("gathers.sgy", "velocity.sgy"):
        assert (tmp_path / "more" / name).read_bytes() == (tmp_path / "segy" / name).read_bytes()
