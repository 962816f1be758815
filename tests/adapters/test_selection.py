"""Windows by label: the same as xarray's own, lazily, also where traces have to go one by one."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from seisgeo import conventions
from seisgeo.adapters import convert, select, write_segy
from seisgeo.adapters.segy.file import SegyFile
from seisgeo.errors import DataWarning, ParameterError


def stack():
    rng = np.random.default_rng(1)
    x, y = np.meshgrid(np.arange(6) * 25.0, np.arange(5) * 12.5, indexing="ij")
    ds = xr.Dataset(
        {"amplitude": (("inline", "crossline", "time"), rng.normal(size=(6, 5, 51)))},
        {
            "inline": np.arange(100, 112, 2),
            "crossline": np.arange(50, 45, -1),
            "time": np.arange(51) * 0.004,
            "cdp_x": (("inline", "crossline"), 4e5 + x - y),
            "cdp_y": (("inline", "crossline"), 6e6 + x + y),
        },
    )
    return conventions.describe(ds.astype({"amplitude": "f4"}))


def gathers():
    rng = np.random.default_rng(2)
    offset = 100.0 * np.arange(8) + 50 * np.arange(4)[:, None]
    ds = xr.Dataset(
        {"amplitude": (("shot", "receiver", "time"), rng.normal(size=(4, 8, 30)).astype("f4"))},
        {
            "time": np.arange(30) * 0.002,
            "field_record": ("shot", [11, 12, 14, 15]),
            "channel": ("receiver", np.arange(1, 9)),
            "offset": (("shot", "receiver"), offset),
            "live": (("shot", "receiver"), np.arange(32).reshape(4, 8) != 9),
        },
    )
    return conventions.describe(ds)


@settings(deadline=None, max_examples=50)
@given(
    inline=st.tuples(st.integers(100, 104), st.integers(104, 112), st.integers(1, 3)),
    crossline=st.tuples(st.integers(46, 48), st.integers(48, 50)),
    time=st.tuples(st.integers(0, 25), st.integers(25, 50), st.integers(1, 4)),
)
def test_windows_are_those_of_xarray(inline, crossline, time):
    ds = stack()
    a, b, step = time
    text = (
        f"inline={inline[0]}:{inline[1]}:{inline[2]}, crossline={crossline[0]}:{crossline[1]}, "
        f"time={a * 0.004:.3f}:{b * 0.004:.3f}:{step}"
    )
    own = ds.sel(inline=slice(*inline), crossline=slice(crossline[1], crossline[0]))
    own = own.isel(time=slice(a, b + 1, step))
    xr.testing.assert_identical(select(ds, text), own)


def test_open_ends_values_and_lists():
    ds = stack()
    xr.testing.assert_identical(select(ds, "inline=106:"), ds.sel(inline=slice(106, None)))
    xr.testing.assert_identical(select(ds, "time=:0.1"), ds.sel(time=slice(0.1)))
    xr.testing.assert_identical(select(ds, "inline=104"), ds.sel(inline=[104]))
    parts = "inline=100,106,crossline=50"
    xr.testing.assert_identical(select(ds, parts), ds.sel(inline=[100, 106], crossline=[50]))
    mapping = {"inline": [100, 106], "crossline": 50, "time": slice(0.02, 0.1)}
    own = ds.sel(inline=[100, 106], crossline=[50], time=slice(0.02, 0.1))
    xr.testing.assert_identical(select(ds, mapping), own)


def test_coordinates_that_are_no_dimension():
    ds = gathers()
    xr.testing.assert_identical(select(ds, "field_record=12:14"), ds.isel(shot=[1, 2]))
    xr.testing.assert_identical(
        select(ds, "field_record=11,15,channel=2:6:2"), ds.isel(shot=[0, 3], receiver=[1, 3, 5])
    )
    xr.testing.assert_identical(select(ds, "shot=1:3"), ds.isel(shot=slice(1, 3)))
    xr.testing.assert_identical(select(ds, "shot=1:4,field_record=11:14"), ds.isel(shot=[1, 2]))


def test_families_of_a_training_set():
    ds = xr.Dataset(
        {"velocity": (("sample", "depth", "x"), np.arange(24.0).reshape(4, 3, 2))},
        {"family": ("sample", ["flatvel-a", "style-b", "flatvel-a", "salt"])},
    )
    part = select(ds, "family=flatvel-a,salt")
    assert part["velocity"][:, 0, 0].values.tolist() == [0, 12, 18]


def test_texts_that_zarr_gives(tmp_path):
    family = np.array(["salt", "folded", "salt"])
    xr.Dataset({"velocity": ("sample", [1.0, 2, 3])}, {"family": ("sample", family)}).to_zarr(
        tmp_path / "a.zarr", consolidated=False
    )
    ds = xr.open_zarr(tmp_path / "a.zarr", consolidated=False)
    assert select(ds, "family=salt")["velocity"].values.tolist() == [1, 3]
    with pytest.raises(ParameterError, match="salt, folded"):
        select(ds, "family=plume")


def test_offsets_of_each_trace_leave_missing_traces():
    ds = gathers()
    part = select(ds, "offset=200:400")
    inside = ((ds.offset >= 200) & (ds.offset <= 400)).isel(receiver=slice(1, 5))
    assert dict(part.sizes) == {"shot": 4, "receiver": 4, "time": 30}
    cut = ds.isel(receiver=slice(1, 5))
    np.testing.assert_array_equal(part.amplitude, cut.amplitude.where(inside))
    np.testing.assert_array_equal(part["live"], cut["live"] & inside)
    np.testing.assert_array_equal(part.amplitude[2, ::2, 5:9], part.amplitude.values[2, ::2, 5:9])
    conventions.validate(part, "gathers")


def test_a_map_window_of_a_rotated_survey():
    ds = stack()
    part = select(ds, "cdp_x=400000:400060,cdp_y=6000025:6000120")
    inside = (
        (ds.cdp_x >= 4e5) & (ds.cdp_x <= 400060) & (ds.cdp_y >= 6000025) & (ds.cdp_y <= 6000120)
    )
    assert int(part["live"].sum()) == int(inside.sum())
    whole = ds.amplitude.where(inside, drop=True)
    np.testing.assert_array_equal(part.amplitude, whole.transpose(*part.amplitude.dims))


def test_nothing_but_the_window_is_read(tmp_path, monkeypatch):
    source = write_segy(stack(), tmp_path / "cube.sgy")
    asked = []
    read = SegyFile.read

    def counted(file, traces, samples=slice(None)):
        out = read(file, traces, samples)
        asked.append(out.shape)
        return out

    monkeypatch.setattr(SegyFile, "read", counted)
    out = convert(source, tmp_path / "part.zarr", select="inline=104:106,time=0.02:0.1")
    assert sum(n for n, _ in asked) == 2 * 5
    assert {samples for _, samples in asked} == {21}
    own = xr.open_dataset(source).sel(inline=slice(104, 106), time=slice(0.02, 0.1))
    xr.testing.assert_equal(xr.open_dataset(out), own)
    back = convert(out, tmp_path / "part.sgy")
    assert SegyFile(back).first("delay_recording_time") == 20  # headers came along, cut as well


def test_a_part_of_the_survey_is_no_survey_any_more():
    ds = xr.Dataset(
        {"amplitude": (("sample", "source", "time", "receiver"), np.zeros((2, 3, 4, 5)))},
        {"time": np.arange(4) * 0.001},
        {"survey": "{}", "seed": 1},
    )
    with pytest.warns(DataWarning, match="no survey"):
        assert select(ds, "receiver=0:3").attrs == {"seed": 1}
    assert "survey" in select(ds, "sample=0:1").attrs


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("inlin=1:2", r"no dimension or coordinate 'inlin'; did you mean inline\? This cube has"),
        ("inline=200:300", r"inline=200:300 selects nothing; it reaches from 100 to 110"),
        ("inline=101", r"inline has no 101; it reaches from 100 to 110"),
        ("time=3:4", r"selects nothing; it reaches from 0 to 0\.2 s"),
        ("cdp_x=0:1", r"cdp_x=0:1 selects nothing; it reaches from"),
        ("cdp_x=0:1e9:2", r"cdp_x has dimensions inline, crossline; a step needs a single one"),
        ("inline=100:110:0", r"the step counts positions; expected a whole number from 1 on"),
        ("inline=a:b", r"cannot be compared with its labels; it reaches from 100 to 110"),
        ("inline", r"'inline' in 'inline' is no window; expected NAME=FIRST:LAST"),
        ("inline=1:2:3:4", r"is no window"),
        ("inline=", r"is no window"),
        ("=3", r"is no window"),
        ("inline=100:110,inline=104", r"inline is named twice"),
    ],
)
def test_windows_that_cannot_be(text, message):
    with pytest.raises(ParameterError, match=message):
        select(stack(), text)


def test_windows_that_exclude_each_other():
    with pytest.raises(ParameterError, match="no shot is in all windows that are asked for"):
        select(gathers(), "field_record=11:12,shot=2:4")
