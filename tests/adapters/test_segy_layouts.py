"""Layouts found in files of known geometry: every trace lands in its own cell."""

import warnings

import numpy as np
import pytest
import segyio
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from seisgeo import conventions
from seisgeo.adapters import describe_segy, write_segy
from seisgeo.errors import FormatError, HeaderWarning
from seisgeo.summary_text import summary_text

NS = 5


def written(path, fields, n, *, sorting=0):
    """A SEG-Y file by hand: fields by their first byte (from 1); a trace's samples are its number.

    Two-byte fields are given as (byte, 2).
    """
    binary = np.zeros(400, np.uint8)
    for byte, value in {3217: 32_000, 3221: NS, 3225: 5, 3229: sorting}.items():
        binary[byte - 3201 : byte - 3199].view(">i2")[:] = value
    traces = np.zeros((n, 240 + 4 * NS), np.uint8)
    for place, values in fields.items():
        byte, size = place if isinstance(place, tuple) else (place, 4)
        column = np.broadcast_to(values, n).astype(f">i{size}")
        traces[:, byte - 1 : byte - 1 + size] = column[:, None].view(np.uint8)
    samples = np.repeat(np.arange(n)[:, None], NS, axis=1).astype(">f4")
    traces[:, 240:] = samples.view(np.uint8)
    path.write_bytes(b" " * 3200 + binary.tobytes() + traces.tobytes())
    return path


def opened(path, **options):
    """A cube and the text of its warning ("" when there is none)."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", HeaderWarning)
        ds = xr.open_dataset(path, **options)
    conventions.validate(ds)
    return ds, "".join(str(w.message) for w in caught if issubclass(w.category, HeaderWarning))


def numbers(ds):
    """Number of the trace in each cell, NaN where there is none."""
    return ds["amplitude"].isel(time=0).values


# -- 3-D grids ------------------------------------------------------------------------------------


@st.composite
def grids(draw):
    """Inline, crossline and coordinates of traces: decimated, rotated, holes, any order."""
    n_i, n_x = draw(st.integers(2, 7)), draw(st.integers(2, 7))
    step_i, step_x = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    first_i, first_x = draw(st.integers(1, 5000)), draw(st.integers(1, 5000))
    i, x = (a.ravel() for a in np.meshgrid(np.arange(n_i), np.arange(n_x), indexing="ij"))
    least = max(int(0.6 * i.size), 4)
    kept = draw(st.permutations(range(i.size)))[: draw(st.integers(least, i.size))]
    order = draw(st.sampled_from(["inline", "crossline", "any"]))
    kept = np.array(kept)
    if order != "any":
        rank = kept if order == "inline" else x[kept] * n_i + i[kept]
        kept = kept[np.argsort(rank)]
    angle = np.radians(draw(st.floats(0, 360)))
    bins = draw(st.floats(5, 100)), draw(st.floats(5, 100))
    turned = draw(st.sampled_from([-1, 1]))  # handedness
    along = np.array([np.sin(angle), np.cos(angle)])  # of an inline: azimuth from north
    across = turned * np.array([along[1], -along[0]])
    xy = 500_000 + np.outer(i, across * bins[0]) + np.outer(x, along * bins[1])
    return {
        "inline": (first_i + step_i * i)[kept],
        "crossline": (first_x + step_x * x)[kept],
        "xy": xy[kept],
        "angle": np.degrees(angle),
        "bins": bins,
        "steps": (step_i, step_x),
        "order": order,
    }


@settings(max_examples=60, deadline=None)
@given(grid=grids())
def test_any_grid_is_found_again(tmp_path_factory, grid):
    inline, crossline, xy = grid["inline"], grid["crossline"], grid["xy"]
    n = len(inline)
    cm = np.rint(xy * 100)
    fields = {189: inline, 193: crossline, 181: cm[:, 0], 185: cm[:, 1], (71, 2): -100}
    ds, said = opened(written(tmp_path_factory.mktemp("grid") / "x.sgy", fields, n))
    assert not said
    assert ds.attrs["layout"] == "stack"
    assert ds["inline"].values.tolist() == sorted(set(inline.tolist()))
    assert ds["crossline"].values.tolist() == sorted(set(crossline.tolist()))
    at = ds.sel(inline=xr.DataArray(inline, dims="t"), crossline=xr.DataArray(crossline, dims="t"))
    np.testing.assert_array_equal(at["amplitude"].values[:, 0], np.arange(n))
    np.testing.assert_allclose(np.stack([at["cdp_x"], at["cdp_y"]], axis=1), xy, atol=0.006)
    assert np.isfinite(numbers(ds)).sum() == n
    if len(set(inline.tolist())) > 1 and len(set(crossline.tolist())) > 1:
        check_map(ds, grid)
    if grid["order"] == "inline":
        assert ds.attrs["sort_order"] == "inline, crossline"


def test_a_sparse_grid_sorted_by_inline(tmp_path):
    """Its crosslines change less often than its inlines, and yet it is not sorted by them."""
    inline, crossline = [1, 2, 3, 3, 4, 4, 5, 6], [2, 2, 1, 2, 1, 2, 2, 2]
    fields = {189: inline, 193: crossline, 181: np.multiply(inline, 25), 185: crossline}
    ds, _ = opened(written(tmp_path / "x.sgy", fields, 8))
    assert ds.attrs["sort_order"] == "inline, crossline"


def test_a_staircase_is_sorted_by_inline(tmp_path):
    """In order along both: it may be told either way, and is told the usual one."""
    inline, crossline = [1, 1, 2, 3], [1, 2, 2, 2]
    fields = {189: inline, 193: crossline, 181: np.multiply(inline, 25), 185: crossline}
    ds, _ = opened(written(tmp_path / "x.sgy", fields, 4))
    assert ds.attrs["sort_order"] == "inline, crossline"


def check_map(ds, grid):
    """The affine map gives back each trace's coordinates, and bins and azimuth are the truth's."""
    numbers_of = np.column_stack([np.ones(len(grid["inline"])), grid["inline"], grid["crossline"]])
    if np.linalg.matrix_rank(numbers_of - [0, *numbers_of.mean(axis=0)[1:]]) < 3:
        return
    map_ = np.array(ds.attrs["grid_affine"]).reshape(2, 3)
    np.testing.assert_allclose(numbers_of @ map_.T, grid["xy"], atol=0.05)
    assert ds.attrs["grid_residual"] < 0.05
    gaps = [np.diff(np.unique(grid[name])) for name in ("inline", "crossline")]
    usual = [
        bin_ * int(np.median(gap)) / step
        for bin_, gap, step in zip(grid["bins"], gaps, grid["steps"], strict=True)
    ]
    np.testing.assert_allclose(ds.attrs["grid_bin_size"], usual, atol=0.02)
    off = (ds.attrs["grid_azimuth"] - grid["angle"] + 180) % 360 - 180
    assert abs(off) < 0.2


@pytest.mark.parametrize(
    ("name", "residual"), [("segy/peer/f3.sgy", 0.071), ("velocity/volve10", 0.01)]
)
def test_real_grids_fit_their_coordinates(data_dir, name, residual):
    (path,) = data_dir.glob(f"{name}*")
    ds, _ = opened(path)
    a, b, c, d, e, f = ds.attrs["grid_affine"]
    with segyio.open(path) as file:
        scalar = abs(file.header[0][71])
        inline, crossline, x, y = (file.attributes(k)[:] for k in (189, 193, 181, 185))
    off = np.hypot(a + b * inline + c * crossline - x / scalar,
                   d + e * inline + f * crossline - y / scalar)  # fmt: skip
    assert off.max() == pytest.approx(ds.attrs["grid_residual"], rel=0.02)
    assert off.max() < residual


@pytest.mark.parametrize("name", ["f3", "small", "normal-small", "tiny", "small-ps", "1xN", "Mx1"])
def test_segyio_finds_the_same_grid(data_dir, name):
    ds, _ = opened(data_dir / f"segy/peer/{name}.sgy")
    with segyio.open(data_dir / f"segy/peer/{name}.sgy") as file:
        lines = {"inline": file.ilines, "crossline": file.xlines}
        if "offset" in ds["amplitude"].dims:
            np.testing.assert_array_equal(ds["offset"], file.offsets)
        slowest = {1: "crossline", 2: "inline"}[file.sorting]
        one = min(len(file.ilines), len(file.xlines)) == 1
    if not one:  # segyio calls the lines of a single one as it likes
        for dim, numbers_ in lines.items():
            np.testing.assert_array_equal(ds[dim], numbers_)
        assert ds.attrs["sort_order"].split(", ")[0] == slowest


def test_coordinates_off_the_grid_are_told_and_left_out_of_the_map(tmp_path):
    inline, crossline = (a.ravel() for a in np.mgrid[1:11, 1:11])
    x, y = 1000 + 25 * crossline, 2000 + 50 * inline
    x[17], y[17] = 0, 0
    path = written(tmp_path / "x.sgy", {189: inline, 193: crossline, 181: x, 185: y}, 100)
    ds, said = opened(path)
    assert "traces off the grid: 1 of 100): kept as they are" in said
    assert ds.attrs["grid_affine"] == pytest.approx([1000, 0, 25, 2000, 50, 0], abs=1e-6)
    assert ds.attrs["grid_bin_size"] == [50, 25]
    assert ds.attrs["grid_azimuth"] == 90
    assert ds["cdp_x"].values.ravel()[17] == 0


def test_duplicates_in_a_stack_are_counted(tmp_path):
    inline, crossline = (a.ravel() for a in np.mgrid[1:11, 1:11])
    crossline[57] = crossline[56]
    ds, said = opened(written(tmp_path / "x.sgy", {189: inline, 193: crossline}, 100))
    assert "traces at a place that is taken: 1): the first trace of each place used" in said
    assert "trace 57 repeats trace 56" in said
    assert ds.attrs["confidence"] == "medium"
    assert ds["amplitude"].sel(inline=6, crossline=7).values[0] == 56
    assert np.isnan(ds["amplitude"].sel(inline=6, crossline=8).values).all()


def test_sort_orders_of_a_stack(tmp_path):
    i, x = (a.ravel() for a in np.mgrid[1:7, 1:9])
    shuffled = np.random.default_rng(0).permutation(48)
    by_x = np.lexsort((i, x))
    for order, expected in (
        (slice(None), "inline, crossline"),
        (slice(None, None, -1), "inline, crossline"),
        (by_x, "crossline, inline"),
        (shuffled, "unsorted"),
    ):
        path = written(tmp_path / "x.sgy", {189: i[order], 193: x[order]}, 48)
        ds, _ = opened(path)
        assert ds.attrs["sort_order"] == expected
        np.testing.assert_array_equal(numbers(ds).ravel()[np.arange(48)[order]], np.arange(48))


def test_lines_numbered_as_before_revision_1(tmp_path):
    i, x = (a.ravel() for a in np.mgrid[3:13, 50:62])
    fields = {9: i, 21: x, 181: 25 * x, 185: 50 * i}
    ds, _ = opened(written(tmp_path / "x.sgy", fields, i.size, sorting=4))
    assert dict(ds["amplitude"].sizes) == {"inline": 10, "crossline": 12, "time": NS}
    assert ds.attrs["confidence"] == "medium"
    assert ds["inline"].values.tolist() == list(range(3, 13))
    assert ds.attrs["grid_bin_size"] == [50, 25]


# -- pre-stack ------------------------------------------------------------------------------------


def streamer(n_shots=12, n_channels=8, shot=50, spacing=25, near=100):
    """Headers of a 2-D streamer line, in the order of recording."""
    s, c = (a.ravel() for a in np.mgrid[0:n_shots, 0:n_channels])
    source = 10_000 + shot * s
    receiver = source - near - spacing * c
    middle = (source + receiver) / 2
    cdp = np.rint((middle - middle.min()) / (spacing / 2)).astype(int) + 1
    return {
        "field_record": 101 + s,
        "channel": 1 + c,
        "source": source,
        "receiver": receiver,
        "cdp": cdp,
        "offset": receiver - source,
        "x": middle,
    }


def streamer_fields(line, order):
    """Standard header fields of a streamer line in some order."""
    names = {9: "field_record", 13: "channel", 21: "cdp", 37: "offset"}
    fields = {byte: line[name][order] for byte, name in names.items()}
    return fields | {73: 10 * line["source"][order], 81: 10 * line["receiver"][order], (71, 2): -10}


def by(line, *names):
    return np.lexsort([line[name] for name in reversed(names)])


def test_cdp_sorted_line_makes_cdp_gathers(tmp_path):
    line = streamer()
    order = by(line, "cdp", "offset")
    n = len(order)
    ds, said = opened(written(tmp_path / "x.sgy", streamer_fields(line, order), n, sorting=2))
    assert said == ""
    assert ds.attrs["layout"] == "cdp"
    assert ds.attrs["confidence"] == "high"
    assert ds.attrs["sort_order"].startswith("cdp")
    assert ds["amplitude"].dims[0] == "cdp"
    assert ds["cdp"].values.tolist() == sorted(set(line["cdp"].tolist()))
    got = numbers(ds)
    fold = np.bincount(line["cdp"])[1:]
    np.testing.assert_array_equal(np.isfinite(got).sum(axis=1), fold[fold > 0])
    # Midpoints where no CDP coordinates are filled; each trace keeps its own record and source.
    truth = {c: line["x"][line["cdp"] == c].mean() for c in ds["cdp"].values.tolist()}
    np.testing.assert_allclose(ds["cdp_x"], list(truth.values()))
    cells = np.isfinite(got)
    which = order[got[cells].astype(int)]
    full = ds.broadcast_like(ds["amplitude"].isel(time=0, drop=True))
    for name, true in (("field_record", "field_record"), ("source_x", "source"),
                       ("receiver_x", "receiver"), ("offset", "offset")):  # fmt: skip
        values = full[name].transpose(*ds["amplitude"].dims[:2]).values
        np.testing.assert_allclose(values[cells], line[true][which])


def test_cdp_gathers_of_regular_offsets_have_an_offset_axis(tmp_path):
    cdp, offset = (a.ravel() for a in np.mgrid[5:15, 100:900:100])
    ds, _ = opened(written(tmp_path / "x.sgy", {21: cdp, 37: offset}, cdp.size))
    assert ds["amplitude"].dims == ("cdp", "offset", "time")
    assert ds["offset"].values.tolist() == list(range(100, 900, 100))
    np.testing.assert_array_equal(numbers(ds).ravel(), np.arange(cdp.size))
    assert ds.attrs["sort_order"] == "cdp, offset"


def test_records_numbered_by_cdp_are_cdp_gathers(tmp_path):
    line = streamer()
    order = by(line, "cdp", "offset")
    fields = streamer_fields(line, order) | {9: line["cdp"][order]}
    ds, _ = opened(written(tmp_path / "x.sgy", fields, len(order)))
    assert ds.attrs["layout"] == "cdp"


def test_cdps_of_a_3d_survey_are_named_by_both_lines(tmp_path):
    i, x, _ = (a.ravel() for a in np.mgrid[10:13, 20:24, 0:5])
    rng = np.random.default_rng(1)
    fields = {189: i, 193: x, 21: x, 37: rng.permutation(np.arange(300, 300 + 7 * i.size, 7)),
              181: 25 * x, 185: 50 * i}  # fmt: skip
    ds, _ = opened(written(tmp_path / "x.sgy", fields, i.size))
    assert ds["amplitude"].dims == ("cdp", "trace", "time")
    assert ds["inline"].values.tolist() == np.repeat([10, 11, 12], 4).tolist()
    assert ds["crossline"].values.tolist() == np.tile([20, 21, 22, 23], 3).tolist()
    np.testing.assert_array_equal(numbers(ds).ravel(), np.arange(i.size))
    np.testing.assert_array_equal(ds["offset"].values.ravel(), fields[37])
    assert ds.attrs["grid_bin_size"] == [50, 25]


def nodes(n_nodes=4, n_shots=10):
    r, s = (a.ravel() for a in np.mgrid[0:n_nodes, 0:n_shots])
    return {9: 500 + s, 73: 1000 + 50 * s, 77: 300, 81: 2000 + 400 * r, 85: 700, 13: 1 + r}


def test_receiver_sorted_nodes_make_receiver_gathers(tmp_path):
    fields = nodes()
    ds, said = opened(written(tmp_path / "x.sgy", fields, 40, sorting=6))
    assert said.count("  - ") == 1
    assert "offset (trace headers: 0 in every trace" in said
    assert ds.attrs["layout"] == "receivers"
    assert ds["amplitude"].dims == ("receiver", "shot", "time")
    assert ds["receiver_x"].dims == ("receiver",)
    assert ds["receiver_x"].values.tolist() == [2000, 2400, 2800, 3200]
    assert ds["source_x"].dims == ("shot",)
    assert ds["field_record"].values.tolist() == list(range(500, 510))
    np.testing.assert_array_equal(numbers(ds).ravel(), np.arange(40))
    np.testing.assert_allclose(np.abs(ds["offset"].values.ravel()),
                               np.hypot(fields[81] - fields[73], 400))  # fmt: skip


def test_one_receiver_is_a_receiver_gather(tmp_path):
    fields = {k: v[:10] if np.ndim(v) else v for k, v in nodes().items()}
    ds, _ = opened(written(tmp_path / "x.sgy", fields, 10))
    assert dict(ds["amplitude"].sizes) == {"receiver": 1, "shot": 10, "time": NS}


def test_receivers_of_a_moving_spread_keep_each_trace_its_source(tmp_path):
    line = streamer(n_shots=40)
    order = by(line, "receiver", "field_record")
    ds, _ = opened(written(tmp_path / "x.sgy", streamer_fields(line, order), len(order)))
    assert ds.attrs["layout"] == "receivers"
    assert ds["amplitude"].dims == ("receiver", "trace", "time")
    got = numbers(ds)
    cells = np.isfinite(got)
    which = order[got[cells].astype(int)]
    np.testing.assert_array_equal(ds["source_x"].values[cells], line["source"][which])
    at = np.broadcast_to(ds["receiver_x"].values[:, None], cells.shape)
    np.testing.assert_array_equal(at[cells], line["receiver"][which])


@pytest.mark.parametrize("names", [("field_record", "channel"), ("channel", "field_record")])
def test_shots_in_either_order(tmp_path, names):
    line = streamer()
    order = by(line, *names)
    ds, _ = opened(written(tmp_path / "x.sgy", streamer_fields(line, order), len(order)))
    assert ds.attrs["layout"] == "shots"
    which = order[numbers(ds).astype(int)]
    np.testing.assert_array_equal(line["field_record"][which], ds["field_record"].values[:, None]
                                  + np.zeros(8, int))  # fmt: skip
    np.testing.assert_array_equal(line["channel"][which], ds["channel"].values + np.zeros((12, 1)))
    slowest = {"field_record": "shot", "channel": "receiver"}[names[0]]
    assert ds.attrs["sort_order"].split(", ")[0] == slowest


def test_cdp_coordinates_of_shots_are_kept_where_they_can_be(tmp_path):
    line = streamer()
    order = by(line, "field_record", "channel")
    path = tmp_path / "x.sgy"
    ds, said = opened(written(path, streamer_fields(line, order) | {181: 10 * line["x"]}, 96))
    np.testing.assert_allclose(ds["cdp_x"].values.ravel(), line["x"])
    assert said == ""
    ds, said = opened(written(path, streamer_fields(line, order) | {181: 10**9}, 96))
    assert "cdp_x" not in ds
    assert "CDP coordinates (distance from the midpoints" in said


def test_shots_by_position_when_one_record_number_holds_all(tmp_path):
    line = streamer()
    order = by(line, "field_record", "channel")
    fields = streamer_fields(line, order) | {9: 1}
    ds, _ = opened(written(tmp_path / "x.sgy", fields, 96))
    assert dict(ds["amplitude"].sizes) == {"shot": 12, "receiver": 8, "time": NS}
    assert "source x and source y" in ds.attrs["interpretation"]


def test_a_repeated_channel_costs_one_trace_and_is_told(tmp_path):
    s, c = (a.ravel() for a in np.mgrid[0:10, 0:12])
    channel = c + 1
    channel[37] = channel[36]
    ds, said = opened(written(tmp_path / "x.sgy", {9: s + 1, 13: channel, 37: 10 * c}, 120))
    assert "traces at a place that is taken: 1" in said
    assert ds.attrs["confidence"] == "medium"
    assert dict(ds["amplitude"].sizes) == {"shot": 10, "receiver": 12, "time": NS}


# -- lines ----------------------------------------------------------------------------------------


def test_crooked_line_has_a_distance_along_it(tmp_path):
    x, y = np.array([0, 30, 60, 60, 100]), np.array([0, 40, 80, 180, 210])
    path = written(tmp_path / "x.sgy", {21: np.arange(5) + 11, 181: x, 185: y}, 5)
    ds, _ = opened(path)
    assert ds.attrs["layout"] == "line"
    np.testing.assert_allclose(ds["distance"], [0, 50, 100, 200, 250])
    line = describe_segy(path)["survey"]["line"]
    assert line["length"] == 250
    assert line["spacing"] == [50, 50, 100]
    assert line["straight"] == pytest.approx(np.hypot(100, 210) / 250, abs=1e-4)


def test_single_channel_profile_is_a_line(tmp_path):
    x = 37 * np.arange(20)
    ds, _ = opened(written(tmp_path / "x.sgy", {9: 1 + np.arange(20), 13: 1, 73: x, 77: 5}, 20))
    assert ds["amplitude"].dims == ("cdp", "time")
    np.testing.assert_allclose(ds["distance"], x)
    assert ds.attrs["confidence"] == "medium"


# -- overrides, confidence, the screen ------------------------------------------------------------


def test_every_layout_can_be_asked_for(tmp_path):
    line = streamer()
    order = by(line, "field_record", "channel")
    path = written(tmp_path / "x.sgy", streamer_fields(line, order), 96)
    for layout, first in (("shots", "shot"), ("receivers", "receiver"), ("cdp", "cdp")):
        ds, _ = opened(path, layout=layout)
        assert ds["amplitude"].dims[0] == first
        assert ds.attrs["confidence"] == "asked for"
        got = numbers(ds)
        assert sorted(got[np.isfinite(got)].tolist()) == list(range(96))


def test_keys_name_the_gathers(tmp_path):
    line = streamer()
    fields = streamer_fields(line, by(line, "field_record", "channel"))
    path = written(tmp_path / "x.sgy", fields | {17: 900 - fields[9]}, 96)
    ds, _ = opened(path, keys="source_point")
    assert ds.attrs["layout"] == "shots"
    assert "by energy source point" in ds.attrs["interpretation"]
    ds, _ = opened(path, keys=["receiver_x"])
    assert ds.attrs["layout"] == "receivers"
    assert ds.sizes["receiver"] == len(set(line["receiver"].tolist()))
    ds, _ = opened(path, keys=["field_record", "channel"], layout="stack")
    assert ds["amplitude"].shape == (12, 8, NS)
    ds, _ = opened(path, keys="station", headers={"station": (81, "int32")})
    assert ds.attrs["layout"] == "shots"
    with pytest.raises(FormatError, match="keys: no header field is called 'sorce_x'"):
        opened(path, keys="sorce_x")
    with pytest.raises(FormatError, match="needs two header fields, for inline and crossline"):
        opened(path, keys="cdp", layout="stack")
    empty = written(tmp_path / "y.sgy", {9: 1, 13: np.arange(4)}, 4)
    with pytest.raises(FormatError, match=r"layout='receivers' needs group_x \(byte 81\)"):
        opened(empty, layout="receivers")


def test_sorting_code_that_contradicts_the_traces(tmp_path):
    line = streamer()
    fields = streamer_fields(line, by(line, "field_record", "channel"))
    _, said = opened(written(tmp_path / "x.sgy", fields, 96, sorting=4))
    assert "sorting code (binary header: 4 (horizontally stacked), trace headers: shot" in said


def test_nothing_in_the_headers_is_low_confidence(tmp_path):
    ds, _ = opened(written(tmp_path / "x.sgy", {}, 7))
    assert ds["amplitude"].shape == (1, 7, NS)
    assert ds.attrs["confidence"] == "low"
    assert "no header field groups the traces" in ds.attrs["interpretation"]


@pytest.mark.parametrize("sort", [("cdp", "offset"), ("offset", "cdp"), ("receiver",)])
def test_new_layouts_are_written_and_read_back(tmp_path, sort):
    line = streamer(n_shots=40)
    order = by(line, *sort, "field_record")
    ds, _ = opened(written(tmp_path / "x.sgy", streamer_fields(line, order), len(order)),
                   layout="receivers" if sort == ("receiver",) else "cdp")  # fmt: skip
    again, _ = opened(write_segy(ds, tmp_path / "y.sgy"), layout=ds.attrs["layout"])
    assert again["amplitude"].dims == ds["amplitude"].dims
    np.testing.assert_array_equal(again["amplitude"], ds["amplitude"])
    np.testing.assert_allclose(again["source_x"], ds["source_x"])


def test_info_fits_one_screen(data_dir):
    for name in ("segy/viking_small.segy", "segy/peer/f3.sgy", "segy/real_gather.sgy"):
        text = summary_text(describe_segy(data_dir / name))
        assert len(text.splitlines()) <= 40
        assert "confidence high" in text
        assert "sorted by " in text
    assert "inlines 25 m apart, crosslines 25 m" in summary_text(
        describe_segy(data_dir / "segy/peer/f3.sgy")
    )
