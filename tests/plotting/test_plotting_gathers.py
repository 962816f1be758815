"""Pictures of gathers: what stands where, in which units, and what was read for it."""

import numpy as np
import pytest
import xarray as xr
from pictures import CountingArray, bar_label, draw, field_cube, training_cube
from xarray.core import indexing

from seisgeo import plotting
from seisgeo.errors import ConventionError


def test_gather_stands_at_its_offsets_and_times():
    ds = field_cube()
    ax = draw(plotting.plot_gather(ds, 1, style="image"))
    image = ax.images[0]
    assert image.get_extent() == pytest.approx([-787.5, -187.5, 0.398, -0.002])
    assert ax.yaxis_inverted()
    assert not ax.xaxis_inverted()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("offset (m)", "time (s)")
    assert ax.get_title() == "field record 4, source point 102"
    np.testing.assert_array_equal(image.get_array(), ds["amplitude"][1].values.T)


def test_gather_columns_are_sorted_by_offset():
    ds = field_cube()
    turned = ds.isel(receiver=slice(None, None, -1))
    np.testing.assert_array_equal(
        plotting.plot_gather(turned, style="image").images[0].get_array(),
        plotting.plot_gather(ds, style="image").images[0].get_array(),
    )


def test_gather_colours_are_centred_on_zero_and_clipped():
    ds = field_cube()
    ds["amplitude"] += 5
    image = plotting.plot_gather(ds, clip=90, style="image").images[0]
    limit = np.percentile(np.abs(ds["amplitude"][0]), 90)
    assert (image.norm.vmin, image.norm.vmax) == pytest.approx((-limit, limit))


def test_gather_of_zeros_can_be_drawn():
    ds = field_cube(amplitude=np.zeros((1, 4, 10), np.float32), shots=1, receivers=4, samples=10)
    assert draw(plotting.plot_gather(ds, style="image")).images[0].norm.vmax == 1


def test_irregular_offsets_keep_their_place_and_gaps_stay_open():
    ds = field_cube(receivers=20)
    keep = [i for i in range(20) if not 8 <= i < 14]
    part = ds.isel(receiver=keep)
    image = draw(plotting.plot_gather(part, style="image")).images[0]
    left, right, *_ = image.get_extent()
    pixels = image.get_array()
    n = pixels.shape[1]
    centres = left + (np.arange(n) + 0.5) * (right - left) / n
    for i in range(20):
        at = int(np.argmin(np.abs(centres - float(ds["offset"][0, i]))))
        if i in keep:
            np.testing.assert_array_equal(pixels[:, at], ds["amplitude"][0, i])
        else:
            assert pixels.mask[:, at].all()


def test_traces_at_one_offset_share_its_column():
    from seisgeo.plotting._canvas import slots

    left, right = slots(np.array([100.0, 150.0, 100.0, 200.0]))
    np.testing.assert_allclose(left, [75, 125, 100, 175])
    np.testing.assert_allclose(right, [100, 175, 125, 225])


@pytest.mark.parametrize("style", ["image", "wiggle"])
def test_dead_traces_are_grey(style):
    ds = field_cube()
    ds["amplitude"][0, 5] = np.nan
    ax = draw(plotting.plot_gather(ds, style=style))
    colours = [c.get_facecolor() for c in ax.collections]
    grey = [
        collection
        for collection, colour in zip(ax.collections, colours, strict=True)
        if len(colour) and tuple(colour[0][:3]) == (0.78,) * 3
    ]
    assert len(grey) == 1
    box = grey[0].get_paths()[0].get_extents()
    assert (box.x0, box.x1) == pytest.approx((-662.5, -637.5))
    if style == "image":
        np.testing.assert_array_equal(ax.images[0].get_array().mask.all(axis=0), np.arange(24) == 5)


def test_wiggles_start_at_their_offsets_and_fill_to_the_right():
    ds = field_cube()
    ax = draw(plotting.plot_gather(ds, style="wiggle", clip=100))
    lobes, lines = ax.collections
    assert len(lines.get_segments()) == 24
    for path, line, offset in zip(
        lobes.get_paths(), lines.get_segments(), ds["offset"].values[0], strict=True
    ):
        assert path.vertices[:, 0].min() == pytest.approx(offset)
        assert np.sign(line[:, 0] - offset).min() == -1
        assert np.isclose(line[:, 0], offset).any()  # the zero crossings are vertices
    assert ax.yaxis_inverted()


def test_gather_of_a_training_cube():
    ds = training_cube()
    ax = draw(plotting.plot_gather(ds, 1, source=4, style="image"))
    assert ax.images[0].get_extent()[:2] == pytest.approx([-195, 5])  # receiver_x - source_x
    np.testing.assert_array_equal(ax.images[0].get_array(), ds["amplitude"][1, 4])
    assert ax.get_title() == "sample 1, source 4 at 190 m"


def test_equal_offsets_give_way_to_channels_and_the_axis_says_so():
    ds = field_cube()
    ds["offset"][:] = 0
    ax = plotting.plot_gather(ds, style="image")
    assert ax.get_xlabel() == "channel number (offsets are all 0)"
    assert ax.images[0].get_extent()[:2] == [0.5, 24.5]


def test_gather_against_receiver_position():
    ax = plotting.plot_gather(field_cube(), x="receiver_x", style="image")
    assert ax.get_xlabel() == "receiver easting (m)"
    assert ax.images[0].get_extent()[:2] == pytest.approx([2212.5, 2812.5])


def test_automatic_gain_levels_a_decaying_trace():
    t = np.arange(500) * 0.004
    decaying = np.exp(-4 * t) * np.sin(2 * np.pi * 25 * t)
    ds = field_cube(1, 4, 500, np.tile(decaying, (1, 4, 1)))
    ax = plotting.plot_gather(ds, agc=0.2, style="image")
    shown = np.abs(np.asarray(ax.images[0].get_array())[:, 0])
    assert shown[400:450].max() == pytest.approx(shown[100:150].max(), rel=0.05)
    assert bar_label(ax) == "amplitude, AGC 0.2 s"


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"shot": 3}, r"shot=3: expected 0 to 2, this cube has 3 along 'shot'"),
        ({"style": "wigle"}, "style: expected 'auto', 'image' or 'wiggle', found 'wigle'"),
        ({"x": "offsets"}, "x='offsets': expected 'offset', 'channel' or 'receiver_x'"),
        ({"clip": 0}, "clip: expected a percentile above 0 and up to 100, found 0"),
        ({"agc": 0.001}, r"agc: expected a window longer than one sample \(0.004 s\)"),
        (
            {"cmap": "nice", "style": "image"},
            "no colour map called 'nice' in colorcet or matplotlib",
        ),
    ],
)
def test_wrong_options_are_named(options, match):
    with pytest.raises(ConventionError, match=match):
        plotting.plot_gather(field_cube(), **options)


def test_only_the_gather_shown_is_read():
    ds = field_cube(shots=50)
    lazy = CountingArray(ds["amplitude"].values)
    ds["amplitude"] = (ds["amplitude"].dims, indexing.LazilyIndexedArray(lazy))
    plotting.plot_gather(ds, 7)
    assert lazy.read == 24 * 100


def test_a_large_gather_is_thinned_before_it_is_read_and_keeps_its_peaks():
    values = np.zeros((1, 12_000, 9_000), np.float16)
    values[0, 6_000, 4_321] = -7
    lazy = CountingArray(values)
    ds = xr.Dataset(
        {"amplitude": (("shot", "receiver", "time"), indexing.LazilyIndexedArray(lazy))},
        coords={"time": np.arange(9_000) * 0.001},
    )
    ax = plotting.plot_gather(ds, x="channel", clip=100)
    assert lazy.read == values.size // 8
    image = ax.images[0]
    assert max(image.get_array().shape) <= 1_600
    assert lazy.largest <= 1 << 21
    assert image.get_array().min() == -7
    assert image.get_extent() == pytest.approx([-4, 11_996, 8.9995, -0.0005], abs=4)
    assert ax.get_xlabel() == "receiver, every 8 traces"


def test_field_record_from_a_real_file(data_dir):
    segyio = pytest.importorskip("segyio")
    with segyio.open(data_dir / "segy" / "viking_small.segy", ignore_geometry=True) as f:
        traces = f.trace.raw[:120]
        offset = f.attributes(segyio.TraceField.offset)[:120].astype(float)
    ds = xr.Dataset(
        {"amplitude": (("shot", "receiver", "time"), traces[None])},
        coords={"time": np.arange(600) * 0.004, "offset": (("shot", "receiver"), offset[None])},
    )
    image = draw(plotting.plot_gather(ds)).images[0]
    left, right, bottom, top = image.get_extent()
    assert left < -3237 < -3200 < -300 < -262 < right
    assert (bottom, top) == pytest.approx((2.398, -0.002))
    shown = image.get_array()
    # Far traces start late, near traces early: the gather is the right way round.
    assert np.abs(shown[:200, 0]).max() < 0.01 * np.abs(shown[:200, -1]).max()
