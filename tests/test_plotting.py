"""Pictures: what stands where, in which units, and what was read for it."""

import importlib
import subprocess
import sys
import warnings

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from xarray.backends import BackendArray
from xarray.core import indexing

import seisgeo.accessor
from seisgeo import conventions, plotting
from seisgeo.errors import ConventionError


class CountingArray(BackendArray):
    """A lazy array that counts the values that are asked of it."""

    def __init__(self, values):
        self.values, self.shape, self.dtype = values, values.shape, values.dtype
        self.read = self.largest = 0

    def __getitem__(self, key):
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self._get
        )

    def _get(self, key):
        part = self.values
        for axis in reversed(range(len(key))):  # from the last on: an integer drops its axis
            part = part[(slice(None),) * axis + (key[axis],)]
        self.read += part.size
        self.largest = max(self.largest, part.size)
        return part


def field_cube(shots=3, receivers=24, samples=100, amplitude=None):
    rng = np.random.default_rng(0)
    if amplitude is None:
        amplitude = rng.standard_normal((shots, receivers, samples)).astype(np.float32)
    source_x = 3000.0 + 25 * np.arange(shots)
    offset = np.tile(-(200.0 + 25 * np.arange(receivers))[::-1], (shots, 1))
    ds = xr.Dataset(
        {"amplitude": (("shot", "receiver", "time"), amplitude)},
        coords={
            "time": np.arange(samples) * 0.004,
            "field_record": ("shot", 3 + np.arange(shots)),
            "source_point": ("shot", 101 + np.arange(shots)),
            "source_x": ("shot", source_x),
            "channel": ("receiver", 1 + np.arange(receivers)),
            "receiver_x": (("shot", "receiver"), source_x[:, None] + offset),
            "offset": (("shot", "receiver"), offset),
        },
    )
    return conventions.describe(ds)


def training_cube(samples=2, n=20):
    rng = np.random.default_rng(1)
    ds = xr.Dataset(
        {
            "amplitude": (
                ("sample", "source", "time", "receiver"),
                rng.standard_normal((samples, 5, 50, n)),
            ),
            "velocity": (("sample", "depth", "x"), rng.uniform(1500, 4500, (samples, n, 2 * n))),
        },
        coords={
            "time": np.arange(50) * 0.001,
            "depth": np.arange(n) * 10.0,
            "x": np.arange(2 * n) * 10.0,
            "source_x": ("source", np.linspace(0, 190, 5)),
            "source_depth": ("source", np.full(5, 10.0)),
            "receiver_x": ("receiver", np.arange(n) * 10.0),
            "receiver_depth": ("receiver", np.full(n, 10.0)),
            "family": ("sample", ["flatvel-a", "style-b"]),
        },
    )
    return conventions.describe(ds)


def stack_cube(vertical="time", name="amplitude"):
    rng = np.random.default_rng(2)
    inline, crossline = np.arange(100, 106), np.arange(300, 318, 2)
    i, j = np.meshgrid(np.arange(6), np.arange(9), indexing="ij")
    values = rng.standard_normal((6, 9, 40))
    ds = xr.Dataset(
        {
            name: (
                ("inline", "crossline", vertical),
                3000 + values if name == "velocity" else values,
            )
        },
        coords={
            "inline": inline,
            "crossline": crossline,
            vertical: np.arange(40) * (0.004 if vertical == "time" else 20.0),
            "cdp_x": (("inline", "crossline"), 5e5 + 25.0 * j),
            "cdp_y": (("inline", "crossline"), 6e6 + 50.0 * i),
        },
    )
    return conventions.describe(ds)


def hits_cube(ratio=1, **extra):
    rng = np.random.default_rng(3)
    nz, nx, k = 20, 20 * ratio, 7
    names = ["mean", "lateral_gradient", "minimum"]
    values = np.stack(
        [rng.uniform(2000, 3000, (2, k)), rng.normal(0, 1e-3, (2, k)), np.full((2, k), 1500.0)],
        axis=-1,
    )
    ds = xr.Dataset(
        {
            "score": (("query", "rank"), np.linspace(0.9, 0.3, 2 * k).reshape(2, k)),
            "gallery_index": (("query", "rank"), np.arange(2 * k).reshape(2, k)),
            "velocity": (("query", "rank", "depth", "x"), rng.uniform(1500, 4500, (2, k, nz, nx))),
            "descriptor_value": (("query", "rank", "descriptor"), values),
            "descriptor_mean": (("query", "descriptor"), values.mean(1)),
            "descriptor_std": (("query", "descriptor"), values.std(1)),
            "amplitude": (
                ("query", "source", "time", "receiver"),
                rng.standard_normal((2, 1, 50, 24)),
            ),
        },
        coords={
            "descriptor": names,
            "units": ("descriptor", ["m/s", "1/s", "m/s"]),
            "depth": np.arange(nz) * 10.0,
            "x": np.arange(nx) * 10.0,
            "time": np.arange(50) * 0.01,
            "offset": (("source", "receiver"), -(200.0 + 25 * np.arange(24))[None]),
            "field_record": ("query", [3, 4]),
        },
    )
    return conventions.describe(ds.assign(extra))


def draw(thing):
    """Render, so that nothing fails only when somebody looks."""
    figure = thing if isinstance(thing, Figure) else thing.get_figure(root=True)
    figure.draw_without_rendering()
    return thing


def bar_label(ax):
    return next(c for c in ax.child_axes if c.get_label() == "colour bar").get_ylabel()


# ---------------------------------------------------------------------------------------- gathers


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


# --------------------------------------------------------------------- velocity and stacked cubes


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


# -------------------------------------------------------------------------------------- retrieval


@pytest.mark.parametrize("ratio", [1, 3, 6])
def test_hits_sheet_has_a_query_and_k_models_at_true_aspect(ratio):
    hits = hits_cube(ratio)
    figure = draw(plotting.plot_hits(hits, 1))
    axes = {ax.get_label(): ax for ax in figure.axes}
    assert {"query", "attributes", *(f"rank {i}" for i in range(1, 6))} <= set(axes)
    assert "rank 6" not in axes
    for i in range(5):
        ax = axes[f"rank {i + 1}"]
        assert ax.get_title() == f"rank {i + 1}   {float(hits['score'][1, i]):.3f}"
        np.testing.assert_array_equal(ax.images[0].get_array(), hits["velocity"][1, i])
        box = ax.get_window_extent()
        assert box.width / box.height == pytest.approx(ratio, rel=1e-3)
    assert len({axes[f"rank {i}"].images[0].norm.vmax for i in range(1, 6)}) == 1
    assert axes["query"].images[0].get_extent()[:2] == pytest.approx([-787.5, -187.5])
    assert "field record 4" in figure.get_suptitle()


def test_hits_sheet_says_attributes_with_spread_and_units():
    hits = hits_cube()
    figure = plotting.plot_hits(hits)
    ax = next(a for a in figure.axes if a.get_label() == "attributes")
    assert [t.get_text() for t in ax.get_yticklabels()] == ["mean", "lateral gradient", "minimum"]
    mean, std = float(hits["descriptor_mean"][0, 0]), float(hits["descriptor_std"][0, 0])
    texts = [t.get_text() for t in ax.texts]
    assert texts[0] == f"{mean:.0f} ± {std:.0f} m/s"
    assert texts[1].endswith("1/s")
    assert texts[2] == "1500 m/s"
    first = next(c for c in ax.collections if c.get_label() == "rank 1").get_offsets()
    expected = 100 * (float(hits["descriptor_value"][0, 0, 0]) / mean - 1)
    assert first[0, 0] == pytest.approx(expected)


def test_hits_sheet_with_the_true_model_families_and_the_field_gather():
    hits = hits_cube()
    hits["true_velocity"] = hits["velocity"][:, 3]
    hits = hits.assign_coords(family=(("query", "rank"), np.full((2, 7), "flatvel-a")))
    field = field_cube()
    figure = draw(plotting.plot_hits(hits, 1, gathers=field, k=2))
    axes = {ax.get_label(): ax for ax in figure.axes}
    np.testing.assert_array_equal(axes["true model"].images[0].get_array(), hits["velocity"][1, 3])
    assert axes["rank 1"].get_title().endswith("\nflatvel-a")
    assert "rank 3" not in axes
    np.testing.assert_array_equal(
        axes["query"].images[0].get_array(), field["amplitude"][1].values.T
    )


@pytest.mark.parametrize(
    "left_out", [["amplitude"], ["descriptor_value", "descriptor_mean", "descriptor_std"],
                 ["velocity"], ["descriptor_mean", "descriptor_std"]],
)  # fmt: skip
def test_hits_sheet_does_without_what_is_not_there(left_out):
    figure = draw(plotting.plot_hits(hits_cube().drop_vars(left_out)))
    labels = {ax.get_label() for ax in figure.axes}
    assert ("query" in labels) == ("amplitude" not in left_out)
    assert ("rank 1" in labels) == ("velocity" not in left_out)


def with_probability(hits):
    probability = np.random.default_rng(4).dirichlet(np.ones(8), 2)[:, :7]
    return hits.assign(
        probability=(("query", "rank"), probability), stranger=("query", [False, True])
    )


def test_hits_sheet_says_probabilities_and_marks_strangers():
    hits = with_probability(hits_cube())
    figure = draw(plotting.plot_hits(hits, 1))
    assert figure.get_suptitle().startswith("field record 4 (unlike the survey's gathers): best")
    ranks = {ax.get_label(): ax.get_title() for ax in figure.axes}
    score, p = float(hits["score"][1, 2]), float(hits["probability"][1, 2])
    assert ranks["rank 3"] == f"rank 3   {score:.3f}   p {p:.2f}"
    assert "unlike" not in plotting.plot_hits(hits, 0).get_suptitle()


@pytest.mark.parametrize("ratio", [1, 3])
def test_several_queries_are_rows_of_models_in_one_colour_scale(ratio):
    hits = hits_cube(ratio)
    hits["true_velocity"] = hits["velocity"][:, 3]
    figure = draw(plotting.plot_hits(hits, [1, 0], k=2))
    axes = [ax for ax in figure.axes if ax.images]
    assert [ax.get_label() for ax in axes] == [
        f"{what} of {query}" for query in (1, 0) for what in ("true model", "rank 1", "rank 2")
    ]
    assert axes[0].get_title() == "field record 4: true model"
    shown = [hits["velocity"][1, 3], *hits["velocity"][1, :2], hits["velocity"][0, 3]]
    for ax, velocity in zip(axes, shown, strict=False):
        np.testing.assert_array_equal(ax.images[0].get_array(), velocity)
        box = ax.get_window_extent()
        assert box.width / box.height == pytest.approx(ratio, rel=1e-3)
    assert len({ax.images[0].get_clim() for ax in axes}) == 1
    assert [ax.get_ylabel() for ax in axes[::3]] == ["depth (m)"] * 2
    assert [ax.get_xlabel() for ax in axes[3:]] == ["distance (m)"] * 3
    bar = next(ax for ax in figure.axes if ax.get_label() == "colour bar")
    assert bar.get_ylabel() == "P-wave velocity (m/s)"
    with pytest.raises(ConventionError, match="expected at least one query and 'velocity'"):
        plotting.plot_hits(hits, [])
    with pytest.raises(ConventionError, match="query=2: expected 0 to 1"):
        plotting.plot_hits(hits, [0, 2])


def test_hits_sheet_refuses_another_dataset_or_query():
    with pytest.raises(ConventionError, match=r"needs 'score' along \(query, rank\)"):
        plotting.plot_hits(field_cube())
    with pytest.raises(ConventionError, match="query=2: expected 0 to 1"):
        plotting.plot_hits(hits_cube(), 2)


# ------------------------------------------------------------------- training, survey and spectrum


HISTORY = {
    "epoch": [0, 1, 2, 3],
    "train_loss": [4.0, 3.0, 2.0, 1.0],
    "val_loss": [4.0, 3.0, 2.5, 2.8],
    "val_recall_1": [0.1, 0.2, None, 0.5],
    "val_recall_10": [0.3, 0.4, 0.6, 0.9],
    "learning_rate": [1e-3, 2e-3, 1e-3, 0.0],
    "note": ["a", "b", "c", "d"],
}


def test_training_curves_from_any_container():
    pandas = pytest.importorskip("pandas")
    rows = [dict(zip(HISTORY, row, strict=True)) for row in zip(*HISTORY.values(), strict=True)]
    for history in (HISTORY, rows, pandas.DataFrame(HISTORY)):
        ax = draw(plotting.plot_training(history))
        lines = {line.get_label(): line for line in ax.lines}
        np.testing.assert_array_equal(lines["validation loss"].get_ydata(), HISTORY["val_loss"])
        assert lines["best epoch: 2"].get_xdata()[0] == 2
        twin = next(a for a in ax.figure.axes if a.get_label() == "recall")
        names = ["recall at 1", "recall at 10", "learning rate / 0.002"]
        assert [line.get_label() for line in twin.lines] == names
        assert [t.get_text() for t in ax.get_legend().get_texts()][-3:] == names
        np.testing.assert_allclose(twin.lines[2].get_ydata(), [0.5, 1, 0.5, 0])
        assert twin.get_ylabel() == "validation recall, share of the learning rate"
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss")


def test_training_curves_without_validation_and_wrong_ones():
    ax = draw(plotting.plot_training([{"train_loss": 2.0}]))
    assert [line.get_label() for line in ax.lines] == ["training loss", "best epoch: 0"]
    with pytest.raises(ConventionError, match="expected 'train_loss' or 'val_loss', found"):
        plotting.plot_training({"loss": [1.0]})
    with pytest.raises(ConventionError, match=r"columns of one length, found \{'train_loss': 2"):
        plotting.plot_training({"train_loss": [1.0, 2.0], "val_loss": [1.0]})
    with pytest.raises(ConventionError, match="found str"):
        plotting.plot_training("history.csv")


# --------------------------------------------------------------------------------- embedding maps


def embedding_cube(n=60):
    """Points along one line, 3 features: place 0, 1, ... n - 1."""
    place = np.arange(n, dtype=float)
    return conventions.describe(
        xr.Dataset(
            {"embedding": (("sample", "feature"), place[:, None] * [0.6, 0.0, 0.8])},
            coords={
                "family": ("sample", np.where(place < n / 2, "salt", "folded")),
                "cluster": ("sample", (place // 10).astype(int)),
                "depth_of_salt": ("sample", 10 * place, {"units": "m", "long_name": "depth"}),
            },
        )
    )


def places(ax):
    """Points in the order in which they were drawn, and their colours."""
    drawn = [c for c in ax.collections if len(c.get_offsets())]
    return np.concatenate([c.get_offsets() for c in drawn])


def test_embedding_map_keeps_distances_and_says_how_much_it_shows():
    ax = draw(plotting.plot_embedding(embedding_cube(), "depth_of_salt"))
    points = places(ax)
    assert np.ptp(points[:, 0]) == pytest.approx(59)  # the length of the line
    np.testing.assert_allclose(points[:, 1], 0, atol=1e-9)
    assert ax.get_xlabel() == "principal component 1 (100 % of variance)"
    assert ax.get_ylabel() == "principal component 2 (0 % of variance)"
    scatter = next(c for c in ax.collections if c.get_array() is not None)
    np.testing.assert_array_equal(scatter.get_array(), 10.0 * np.arange(60))
    order = np.argsort(points[:, 0] * np.sign(points[-1, 0]))
    np.testing.assert_array_equal(order, np.arange(60))
    assert scatter.get_clim() == pytest.approx((5.9, 584.1))
    assert bar_label(ax) == "depth (m)"


def test_embedding_map_of_families_has_a_legend_and_each_its_colour():
    from matplotlib.colors import to_rgba

    cube = embedding_cube()
    for by, names in ((None, ["folded", "salt"]), ("cluster", list("012345"))):
        ax = draw(plotting.plot_embedding(cube, by))
        legend = ax.get_legend()
        assert [t.get_text() for t in legend.get_texts()] == names
        assert legend.get_title().get_text() == (by or "family")
        marks = [to_rgba(h.get_facecolor()[0]) for h in legend.legend_handles]
        assert len(set(marks)) == len(names)
    ax = plotting.plot_embedding(cube)
    drawn = next(c for c in ax.collections if len(c.get_offsets()))
    side = np.asarray(drawn.get_offsets())[:, 0] > 0
    colours = [{tuple(c[:3]) for c in drawn.get_facecolors()[side == s]} for s in (False, True)]
    assert [len(c) for c in colours] == [1, 1]
    assert colours[0] != colours[1]


def test_embedding_map_of_words_that_come_from_zarr():
    cube = embedding_cube()
    words = cube["family"].values.astype(np.dtypes.StringDType())
    ax = draw(plotting.plot_embedding(cube.assign_coords(family=("sample", words))))
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["folded", "salt"]


def test_embedding_map_by_a_descriptor_has_its_name_and_unit():
    physics = xr.DataArray(
        np.linspace(2000, 3000, 60)[:, None], dims=("sample", "descriptor"),
        coords={"descriptor": ["mean_velocity"]}, name="descriptor_value",
    )  # fmt: skip
    by = physics.sel(descriptor="mean_velocity")
    by[3] = np.nan
    ax = draw(plotting.plot_embedding(embedding_cube(), by))
    assert bar_label(ax) == "mean velocity (m/s)"
    assert len(places(ax)) == 60  # one of them grey
    assert draw(plotting.plot_embedding(embedding_cube(), by.values > 2500)).get_legend()


def test_many_families_share_a_grey():
    cube = embedding_cube().assign_coords(
        family=("sample", [f"f{i:02d}" for i in range(20)] * 2 + [f"g{i}" for i in range(20)])
    )
    ax = draw(plotting.plot_embedding(cube))
    names = [t.get_text() for t in ax.get_legend().get_texts()]
    assert names == ["others", *(f"f{i:02d}" for i in range(19))]
    assert len(places(ax)) == 60


def test_tsne_keeps_neighbours_together_and_is_the_same_again():
    rng = np.random.default_rng(0)
    centres = np.eye(3)[[0, 1, 2] * 20] + 0.01 * rng.standard_normal((60, 3))
    cube = embedding_cube().assign(embedding=(("sample", "feature"), centres))
    by = np.arange(60.0)
    a, b = (places(draw(plotting.plot_embedding(cube, by, method="tsne"))) for _ in range(2))
    np.testing.assert_array_equal(a, b)
    distance = np.linalg.norm(a[:, None] - a, axis=-1) + 1e9 * np.eye(60)
    np.testing.assert_array_equal(distance.argmin(axis=1) % 3, np.arange(60) % 3)


def test_a_large_map_is_thinned_and_says_so(monkeypatch):
    from seisgeo.plotting import embedding

    monkeypatch.setitem(embedding._MOST, "pca", 20)
    ax = draw(plotting.plot_embedding(embedding_cube()))
    assert len(places(ax)) == 20
    assert ax.get_title() == "20 of 60 samples"


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda c: (c, "famly"), r"by='famly': expected a coordinate along sample \(.*family"),
        (lambda c: (c, np.zeros(3)), r"one value for each of 60 samples, found shape \(3,\)"),
        (lambda c: (c, np.full(60, np.nan)), "no finite value"),
        (lambda c: (c.isel(sample=[0, 1]),), "at least 3 samples, found 2"),
        (lambda c: (c.drop_vars("embedding"),), "embedding"),
    ],
)
def test_what_makes_no_map_is_named(call, match):
    with pytest.raises(ConventionError, match=match):
        plotting.plot_embedding(*call(embedding_cube()))


def test_an_unknown_projection_is_named():
    with pytest.raises(ConventionError, match="method: expected one of pca, tsne, found 'umap'"):
        plotting.plot_embedding(embedding_cube(), method="umap")


def test_survey_of_a_line_is_a_stacking_chart_with_fold():
    ax = draw(plotting.plot_survey_map(field_cube(), fold=True))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("easting (m)", "shot")
    assert ax.get_aspect() == "auto"
    receivers, sources = ax.collections
    np.testing.assert_allclose(sources.get_offsets()[:, 0], [3000, 3025, 3050])
    assert len(receivers.get_offsets()) == 3 * 24
    twin = next(a for a in ax.figure.axes if a.get_label() == "fold")
    stairs = next(p for p in twin.patches if hasattr(p, "get_data"))
    # 24 midpoints 12.5 m apart for each shot, moving on by 25 m from shot to shot.
    assert list(stairs.get_data().values) == [1, 1, 2, 2, *[3] * 20, 2, 2, 1, 1]


def test_survey_map_has_equal_axes_and_leaves_out_dead_traces():
    gx, gy = np.meshgrid(np.arange(5) * 50.0, np.arange(4) * 100.0)
    ds = xr.Dataset(
        coords={
            "source_x": ("shot", [20.0, 120.0]),
            "source_y": ("shot", [50.0, 250.0]),
            "receiver_x": (("shot", "receiver"), np.tile(gx.ravel(), (2, 1))),
            "receiver_y": (("shot", "receiver"), np.tile(gy.ravel(), (2, 1))),
            "live": (("shot", "receiver"), np.tile(np.arange(20) > 0, (2, 1))),
        }
    )
    ax = draw(plotting.plot_survey_map(ds, fold=True))
    assert ax.get_aspect() == 1
    assert len(ax.collections[0].get_offsets()) == 19
    assert ax.images[0].get_array().sum() == 2 * 19
    with pytest.raises(ConventionError, match=r"has no coordinates \['source_x'\]"):
        plotting.plot_survey_map(ds.drop_vars("source_x"))


def test_survey_of_a_training_cube():
    ax = draw(plotting.plot_survey_map(training_cube()))
    assert len(ax.collections[1].get_offsets()) == 5


def test_spectrum_of_a_sine_and_of_half_of_it():
    t = np.arange(500) * 0.002
    two = np.sin(2 * np.pi * 30 * t) + 0.1 * np.sin(2 * np.pi * 80 * t)
    amplitude = np.tile(two, (2, 3, 1))
    amplitude[0, 1] = np.nan
    ds = xr.Dataset({"amplitude": (("shot", "receiver", "time"), amplitude)}, coords={"time": t})
    ax = draw(plotting.plot_spectrum(ds))
    f, decibel = ax.lines[0].get_data()
    assert f[decibel.argmax()] == pytest.approx(30)
    assert decibel.max() == 0
    assert decibel[np.argmin(np.abs(f - 80))] == pytest.approx(-20, abs=0.1)
    assert f[-1] == pytest.approx(250)
    assert ax.get_title() == "mean of 5 traces"
    with pytest.raises(ConventionError, match="no live trace"):
        plotting.plot_spectrum(ds * np.nan)


def test_spectrum_of_a_large_cube_reads_a_part():
    lazy = CountingArray(np.random.default_rng(0).standard_normal((200, 50, 20)))
    ds = xr.Dataset(
        {"amplitude": (("shot", "receiver", "time"), indexing.LazilyIndexedArray(lazy))},
        coords={"time": np.arange(20) * 0.004},
    )
    plotting.plot_spectrum(ds, most_traces=1000)
    assert lazy.read == 1000 * 20


# ----------------------------------------------------------------------------- choice and accessor


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
