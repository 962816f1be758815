"""What `plot` chooses for a cube, pre-stack cubes, and the accessor."""

import importlib
import subprocess
import sys
import warnings

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from pictures import (
    CountingArray,
    bar_label,
    draw,
    field_cube,
    hits_cube,
    stack_cube,
    training_cube,
)
from xarray.core import indexing

import seisgeo.accessor
from seisgeo import conventions, plotting
from seisgeo.errors import ConventionError


def test_plot_chooses_by_kind():
    assert isinstance(plotting.plot(hits_cube()), Figure)
    assert plotting.plot(field_cube()).get_xlabel() == "offset (m)"
    assert plotting.plot(training_cube()).get_ylabel() == "time (s)"
    assert plotting.plot(training_cube(), kind="velocity").get_ylabel() == "depth (m)"
    assert plotting.plot(stack_cube()).get_title() == "inline 103"
    assert plotting.plot(stack_cube("depth", "velocity")).get_aspect() == 1


def prestack_cube():
    """2 x 3 bins of 4 offsets, the first bin empty and one trace missing of the second."""
    stack = stack_cube().isel(inline=slice(2), crossline=slice(3)).drop_vars("amplitude")
    live = np.ones((2, 3, 4), bool)
    live[0, 0] = live[0, 1, 2] = False
    values = np.where(live[..., None], np.arange(24.0).reshape(2, 3, 4, 1) - 5, np.nan)
    ds = stack.assign(
        amplitude=(
            ("inline", "crossline", "offset", "time"),
            np.broadcast_to(values, (2, 3, 4, 40)),
        )
    )
    empty = xr.DataArray(live.any(axis=-1), dims=("inline", "crossline"))
    ds = ds.assign_coords(
        offset=100.0 + 50 * np.arange(4), live=(("inline", "crossline", "offset"), live),
        cdp_x=ds["cdp_x"].where(empty), cdp_y=ds["cdp_y"].where(empty),
    )  # fmt: skip
    return conventions.describe(ds)


@pytest.mark.parametrize("lazy", [False, True])
def test_every_picture_of_a_stack(lazy):
    ds = stack_cube()
    if lazy:  # chunks of the coordinates differ from those of the samples, as a reader's do
        ds = ds.assign_coords(cdp_x=ds["cdp_x"].chunk({"inline": 6}))
        ds = ds.assign(amplitude=ds["amplitude"].chunk({"inline": 2, "crossline": 4}))
    titles = {
        "section": "inline 103", "slice": "time 0.08 s", "map": "6 inlines x 9 crosslines",
        "spectrum": "mean of 54 traces",
    }  # fmt: skip
    for kind, title in titles.items():
        assert draw(ds.seis.plot(kind=kind)).get_title() == title
    at = draw(ds.seis.plot(kind="slice", time=0.04)).images[0]
    np.testing.assert_array_equal(at.get_array(), ds["amplitude"][:, :, 10])
    ax = ds.seis.plot(style="image")
    np.testing.assert_array_equal(ax.images[0].get_array(), ds["amplitude"][3].values.T)


def test_a_map_of_bins_stands_where_the_cdps_are_and_names_its_corners():
    ds = stack_cube()
    ax = draw(plotting.plot(ds, kind="map"))
    box = ax.collections[0].get_datalim(ax.transData)
    np.testing.assert_allclose(box.get_points(), [[5e5 - 12.5, 6e6 - 25], [5e5 + 212.5, 6e6 + 275]])
    corners = {t.get_text(): t.xy for t in ax.texts}
    assert corners["IL 100, XL 300"] == (5e5, 6e6)
    assert corners["IL 105, XL 316"] == (5e5 + 200, 6e6 + 250)
    assert ax.get_aspect() == 1


def test_a_prestack_cube_shows_a_gather_and_its_fold():
    ds = prestack_cube()
    ax = draw(plotting.plot(ds))
    assert ax.get_xlabel() == "offset (m)"
    assert ax.get_title() == "CDP gather, inline 101, crossline 302"
    one = plotting.plot(ds, inline=100, crossline=304, style="image").images[0]
    np.testing.assert_array_equal(one.get_array()[0], [3, 4, 5, 6])
    with pytest.raises(ConventionError, match=r"no inline 7: this cube has inline 100 to 101"):
        plotting.plot(ds, inline=7)
    fold = draw(plotting.plot(ds, kind="fold"))
    shown = fold.collections[0].get_array()
    assert shown.mask[0, 0]  # the place of the empty bin follows from the line numbers
    np.testing.assert_array_equal(shown.compressed(), [3, 4, 4, 4, 4])
    assert fold.get_title() == "2 inlines x 3 crosslines, 1 bins empty"
    assert bar_label(fold) == "fold (live traces)"


def test_positions_alone_make_a_map():
    ds = field_cube()[["source_x", "receiver_x"]]
    assert plotting.plot(ds).get_ylabel() == "shot"
    line = xr.Dataset(
        coords={"cdp": [7, 8], "cdp_x": ("cdp", [0.0, 3]), "cdp_y": ("cdp", [0.0, 4])}
    )
    ax = draw(plotting.plot(line))
    assert [t.get_text() for t in ax.texts] == ["CDP 7", "CDP 8"]


def test_gathers_of_dask_are_drawn():
    ds = field_cube().chunk({"shot": 1, "receiver": 10})
    ax = draw(plotting.plot(ds, shot=2, style="image"))
    np.testing.assert_array_equal(ax.images[0].get_array(), ds["amplitude"][2].values.T)
    assert ax.get_title() == "field record 5, source point 103"
    draw(plotting.plot(ds, kind="fold"))
    assert draw(plotting.plot(prestack_cube().chunk({"inline": 1}))).get_xlabel() == "offset (m)"


def test_few_traces_are_wiggles_and_many_an_image():
    assert not plotting.plot(field_cube(receivers=48)).images
    assert plotting.plot(field_cube(receivers=49)).images
    assert not plotting.plot(stack_cube()).images
    assert plotting.plot(stack_cube(name="velocity")).images


def test_a_deep_section_keeps_its_events():
    values = np.zeros((100, 20_000), np.float32)
    values[:, 7_777] = 3
    ds = xr.Dataset(
        {"amplitude": (("cdp", "depth"), values)}, coords={"depth": np.arange(20_000) * 1.0}
    )
    image = plotting.plot(ds, clip=100).images[0].get_array()
    assert len(image) <= 1_600
    np.testing.assert_array_equal(image.max(axis=0), 3)


def test_a_slice_reads_one_sample_of_the_traces_shown():
    lazy = CountingArray(np.random.default_rng(0).standard_normal((4, 3_300, 30)))
    ds = xr.Dataset(
        {"amplitude": (("inline", "crossline", "time"), indexing.LazilyIndexedArray(lazy))},
        coords={"time": np.arange(30) * 0.004},
    )
    ax = plotting.plot(ds, kind="slice")
    assert lazy.read == 4 * 660
    assert ax.get_xlabel() == "crossline number, every 5 lines"


def test_far_positions_make_no_endless_fold():
    ds = field_cube()
    ds["receiver_x"][0, 0] = 1e15
    draw(plotting.plot(ds, kind="fold"))
    ds["receiver_y"] = ds["receiver_x"] * 0.5
    ds["source_y"] = ds["source_x"] * 0.5
    draw(plotting.plot(ds, kind="fold"))


def test_plot_says_what_it_cannot_draw():
    physics = xr.Dataset({"descriptor_value": (("sample", "descriptor"), np.zeros((2, 3)))})
    with pytest.raises(ConventionError, match="no picture for this cube: it holds physics"):
        plotting.plot(physics)
    with pytest.raises(
        ConventionError,
        match=r"no picture of kind 'slice' for this cube.*pictures of it: gather, map",
    ):
        plotting.plot(field_cube(), kind="slice")


def test_axes_that_are_given_are_used():
    figure = Figure()
    axes = figure.subplots(2, 2).ravel()
    assert plotting.plot_gather(field_cube(), ax=axes[0]) is axes[0]
    assert plotting.plot_velocity(training_cube(), ax=axes[1]) is axes[1]
    assert plotting.plot_section(stack_cube(), ax=axes[2]) is axes[2]
    assert plotting.plot_survey_map(field_cube(), ax=axes[3]) is axes[3]
    draw(figure)


def test_accessor_plots_checks_and_is_registered_once():
    ds = field_cube()
    assert ds.seis.kinds == ("gathers",)
    assert ds.seis.validate("gathers") is ds
    assert ds.seis.plot(shot=1).get_title() == "field record 4, source point 102"
    assert ds.seis.plot_spectrum().get_xlabel() == "frequency (Hz)"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        importlib.reload(seisgeo.accessor)


@pytest.mark.parametrize("name", ["segy", "openfwi", "zarr", "netcdf"])
def test_accessor_exports_through_the_adapters(name, monkeypatch, tmp_path):
    from seisgeo import adapters

    calls = []
    monkeypatch.setitem(vars(adapters), f"write_{name}", lambda *a, **k: calls.append((a, k)))
    ds = field_cube()
    getattr(ds.seis, f"to_{name}")(tmp_path / "out", overwrite=True)
    (given, path), options = calls[0]
    assert given is ds
    assert (path, options) == (tmp_path / "out", {"overwrite": True})


def test_importing_is_light_and_pictures_need_no_screen(tmp_path):
    code = f"""
import sys, seisgeo.accessor
heavy = {{"matplotlib", "torch", "dask", "seisgeo.plotting"}} & set(sys.modules)
assert not heavy, heavy
import numpy as np, xarray as xr, matplotlib
ds = xr.Dataset({{"velocity": (("depth", "x"), np.ones((3, 4)))}},
                coords={{"depth": [0.0, 1, 2], "x": [0.0, 1, 2, 3]}})
ds.seis.plot().figure.savefig({str(tmp_path / "v.png")!r})
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, env={"PATH": "/usr/bin"})
    assert (tmp_path / "v.png").stat().st_size > 1000
