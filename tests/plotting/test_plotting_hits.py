"""Sheets of what a retrieval found."""

import numpy as np
import pytest
from pictures import draw, field_cube, hits_cube

from seisgeo import plotting
from seisgeo.errors import ConventionError


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
