"""Pictures of velocity models and stacked cubes."""

import numpy as np
import pytest
import xarray as xr
from pictures import CountingArray, bar_label, draw, stack_cube, training_cube
from xarray.core import indexing

from seisgeo import plotting
from seisgeo.errors import ConventionError


def test_velocity_has_true_aspect_depth_down_and_metres_a_second():
    ds = training_cube()
    ax = draw(plotting.plot_velocity(ds, 1))
    assert ax.get_aspect() == 1
    assert ax.yaxis_inverted()
    assert ax.images[0].get_extent() == pytest.approx([-5, 395, 195, -5])
    assert bar_label(ax) == "P-wave velocity (m/s)"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("distance (m)", "depth (m)")
    assert ax.get_title() == "sample 1, style-b"
    np.testing.assert_array_equal(ax.images[0].get_array(), ds["velocity"][1])


def test_true_aspect_holds_on_the_page():
    ax = draw(plotting.plot_velocity(training_cube()))
    box = ax.get_window_extent()
    assert box.width / box.height == pytest.approx(2.0, rel=1e-3)


@pytest.mark.parametrize("shape", [(20, 20), (20, 140), (150, 20)])
def test_nothing_is_cut_off_the_page(shape):
    nz, nx = shape
    ds = xr.Dataset(
        {"velocity": (("depth", "x"), np.full(shape, 2000.0))},
        coords={"depth": np.arange(nz) * 10.0, "x": np.arange(nx) * 10.0},
    )
    ax = draw(plotting.plot_velocity(ds))
    figure = ax.get_figure(root=True)
    box = figure.get_tightbbox().transformed(figure.dpi_scale_trans)
    assert box.x0 >= -1
    assert box.y0 >= -1
    assert box.x1 <= figure.bbox.x1 + 1
    assert box.y1 <= figure.bbox.y1 + 1


def test_velocity_scale_can_be_given_and_survey_marked():
    ax = draw(plotting.plot_velocity(training_cube(), vmin=1500, vmax=5000, show_survey=True))
    assert (ax.images[0].norm.vmin, ax.images[0].norm.vmax) == (1500, 5000)
    receivers, sources = ax.collections
    np.testing.assert_allclose(sources.get_offsets()[:, 0], np.linspace(0, 190, 5))
    np.testing.assert_allclose(receivers.get_offsets()[:, 1], 10)
    assert {t.get_text() for t in ax.get_legend().get_texts()} == {"sources", "receivers"}


def test_velocity_of_a_3d_model_shows_its_middle():
    values = np.arange(2 * 3 * 5 * 4, dtype=float).reshape(2, 3, 5, 4) + 1500
    ds = xr.Dataset(
        {"velocity": (("sample", "depth", "y", "x"), values)},
        coords={"depth": [0.0, 10, 20], "y": np.arange(5.0), "x": np.arange(4) * 10.0},
    )
    np.testing.assert_array_equal(
        plotting.plot_velocity(ds, 1).images[0].get_array(), values[1, :, 2]
    )


def test_velocity_stack_shows_the_middle_inline_in_metres():
    ds = stack_cube("depth", "velocity")
    ax = draw(plotting.plot_velocity(ds))
    assert ax.get_title() == "inline 103"
    assert ax.images[0].get_extent()[:2] == pytest.approx([-12.5, 212.5])
    assert ax.get_aspect() == 1
    other = plotting.plot_velocity(ds, crossline=304)
    np.testing.assert_array_equal(other.images[0].get_array(), ds["velocity"][:, 2].values.T)


def test_sections_and_slices_of_a_stack():
    ds = stack_cube()
    section = draw(plotting.plot_section(ds, inline=101, style="image"))
    np.testing.assert_array_equal(section.images[0].get_array(), ds["amplitude"][1].values.T)
    assert section.images[0].norm.vmin == -section.images[0].norm.vmax
    assert section.get_ylabel() == "time (s)"
    cut = draw(plotting.plot_section(ds, time=0.0405))
    np.testing.assert_array_equal(cut.images[0].get_array(), ds["amplitude"][:, :, 10])
    assert cut.get_title() == "time 0.04 s"
    assert not cut.yaxis_inverted()
    assert cut.images[0].get_extent() == pytest.approx([299, 317, 105.5, 99.5])
    # 50 m between inlines; crossline numbers step by 2 in 25 m.
    assert cut.get_aspect() == pytest.approx(50 / 12.5)


def test_2d_line_and_its_distances():
    ds = xr.Dataset(
        {"amplitude": (("cdp", "time"), np.random.default_rng(0).standard_normal((5, 30)))},
        coords={
            "cdp": np.arange(1, 6),
            "time": np.arange(30) * 0.004,
            "cdp_x": ("cdp", [0.0, 3, 6, 9, 12]),
            "cdp_y": ("cdp", [0.0, 4, 8, 12, 16]),
        },
    )
    ax = draw(plotting.plot_section(ds, style="image"))
    assert ax.get_xlabel() == "distance along the line (m)"
    assert ax.images[0].get_extent()[:2] == pytest.approx([-2.5, 22.5])
    with pytest.raises(ConventionError, match="a 2-D line is shown whole: it has no 'inline'"):
        plotting.plot_section(ds, inline=1)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"inline": 99}, r"no inline 99: this cube has inline 100 to 105 \(6 lines\), nearest 100"),
        ({"time": 3.0}, "no time 3: this cube has time 0 to 0.156"),
        ({"inline": 101, "time": 0.1}, "expected one cut along 'inline', 'crossline', 'time'"),
        ({"depth": 100.0}, "expected one cut along 'inline', 'crossline', 'time'"),
    ],
)
def test_wrong_cuts_are_named(options, match):
    with pytest.raises(ConventionError, match=match):
        plotting.plot_section(stack_cube(), **options)


def test_only_the_section_shown_is_read():
    ds = stack_cube()
    lazy = CountingArray(ds["amplitude"].values)
    ds["amplitude"] = (ds["amplitude"].dims, indexing.LazilyIndexedArray(lazy))
    plotting.plot_section(ds, crossline=302)
    assert lazy.read == 6 * 40
