"""Training curves, surveys and spectra."""

import numpy as np
import pytest
import xarray as xr
from pictures import CountingArray, draw, field_cube, training_cube
from xarray.core import indexing

from seisgeo import plotting
from seisgeo.errors import ConventionError

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
    assert [line.get_label() for line in ax.lines] == ["training loss"]
    with pytest.raises(ConventionError, match="expected 'train_loss' or 'val_loss', found"):
        plotting.plot_training({"loss": [1.0]})
    with pytest.raises(ConventionError, match=r"columns of one length, found \{'train_loss': 2"):
        plotting.plot_training({"train_loss": [1.0, 2.0], "val_loss": [1.0]})
    with pytest.raises(ConventionError, match="found str"):
        plotting.plot_training("history.csv")


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
