"""Maps of embeddings."""

import numpy as np
import pytest
import xarray as xr
from pictures import bar_label, draw

from seisgeo import conventions, plotting
from seisgeo.errors import ConventionError


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
