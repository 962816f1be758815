import numpy as np
import pytest
import xarray as xr

from seisgeo import conventions
from seisgeo.errors import ConventionError


@pytest.fixture
def velocity():
    ds = xr.Dataset(
        {"velocity": (("sample", "depth", "x"), np.full((2, 3, 4), 2000.0))},
        coords={"depth": np.arange(3) * 10.0, "x": np.arange(4) * 10.0},
    )
    return conventions.describe(ds)


def test_a_good_cube_passes_unchanged(velocity):
    assert conventions.validate(velocity, "velocity", values=True) is velocity
    assert conventions.kinds(velocity) == ("velocity",)


def test_order_of_dimensions_does_not_matter(velocity):
    conventions.validate(velocity.transpose("x", "sample", "depth"), "velocity")


def test_wrong_dimension_is_named(velocity):
    with pytest.raises(
        ConventionError, match=r"'velocity': expected dimensions .*found \(sample, z, x\)"
    ):
        conventions.validate(velocity.rename(depth="z"), "velocity")


def test_missing_variable_is_named(velocity):
    with pytest.raises(ConventionError, match="gathers cube needs the variable 'amplitude'"):
        conventions.validate(velocity, "gathers")


def test_unknown_dataset_says_what_is_known():
    with pytest.raises(ConventionError, match=r"holds no kind of cube.*velocity"):
        conventions.validate(xr.Dataset({"porosity": ("x", [0.1])}))


def test_wrong_unit_is_named(velocity):
    velocity["velocity"].attrs["units"] = "km/s"
    with pytest.raises(ConventionError, match="'velocity': expected units 'm/s', found 'km/s'"):
        conventions.validate(velocity)


def test_missing_unit_is_named(velocity):
    del velocity["depth"].attrs["units"]
    with pytest.raises(ConventionError, match="'depth': units are missing; expected 'm'"):
        conventions.validate(velocity)


def test_axes_must_grow(velocity):
    reversed_axis = velocity.isel(depth=slice(None, None, -1))
    with pytest.raises(
        ConventionError, match="'depth': expected increasing values, found 20 then 10"
    ):
        conventions.validate(reversed_axis)


def test_an_axis_without_values_is_named(velocity):
    with pytest.raises(ConventionError, match=r"dimension 'depth' has no coordinate; .* in m"):
        conventions.validate(velocity.drop_vars("depth"), "velocity")


def test_empty_cube_is_refused(velocity):
    with pytest.raises(ConventionError, match="dimension 'sample' has length 0"):
        conventions.validate(velocity.isel(sample=[]))


def test_nan_is_counted_and_placed(velocity):
    velocity["velocity"][1, 2, 3] = np.nan
    conventions.validate(velocity)
    with pytest.raises(ConventionError, match=r"1 of 24 values.*sample=1, depth=2, x=3"):
        conventions.validate(velocity, values=True)


def test_km_per_second_are_recognised(velocity):
    slow = velocity.assign(velocity=velocity["velocity"] / 1000)
    slow["velocity"].attrs["units"] = "m/s"
    with pytest.raises(ConventionError, match=r"look like km/s.*multiply by 1000"):
        conventions.validate(slow, values=True)


def test_something_else_than_a_dataset():
    with pytest.raises(ConventionError, match=r"expected an xarray\.Dataset, got ndarray"):
        conventions.validate(np.zeros(3))  # type: ignore[arg-type]


def test_describe_keeps_what_is_said():
    ds = xr.Dataset({"velocity": (("depth", "x"), np.ones((2, 2)), {"long_name": "vp"})})
    described = conventions.describe(ds)["velocity"].attrs
    assert described == {"units": "m/s", "long_name": "vp"}
    assert "units" not in ds["velocity"].attrs


@pytest.fixture
def waveforms():
    start = np.array(["2009-01-21T04:00", "2009-01-21T05:00"], "M8[ns]")
    ds = xr.Dataset(
        {"amplitude": (("event", "component", "time"), np.zeros((2, 3, 5)))},
        coords={
            "time": np.arange(5) * 0.01,
            "component": list("ZNE"),
            "starttime": ("event", start),
            "p_arrival": ("event", [0.02, np.nan]),
        },
    )
    return conventions.describe(ds)


def test_waveforms_are_known_by_their_dimensions(waveforms):
    assert conventions.kinds(waveforms) == ("waveforms",)
    assert conventions.validate(waveforms, "waveforms") is waveforms


def test_components_need_names(waveforms):
    for bad in (waveforms.drop_vars("component"), waveforms.assign_coords(component=list("ZZE"))):
        with pytest.raises(ConventionError, match="'component' needs a name for each component"):
            conventions.validate(bad)


def test_times_of_records_are_datetimes(waveforms):
    seconds = waveforms.assign_coords(starttime=("event", [0.0, 3600.0]))
    with pytest.raises(ConventionError, match=r"'starttime': expected times as datetime64\[ns\]"):
        conventions.validate(seconds)


def test_arrivals_are_seconds(waveforms):
    waveforms["p_arrival"].attrs["units"] = "samples"
    with pytest.raises(ConventionError, match="'p_arrival': expected units 's', found 'samples'"):
        conventions.validate(waveforms)
