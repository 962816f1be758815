"""Usual surveys: the geometry that their names promise."""

import numpy as np
import pytest

from seisgeo.errors import ConventionError, ParameterError, SimulationError
from seisgeo.synth import Survey
from seisgeo.synth.engines.deepwave import simulate_array


def test_a_streamer_is_towed_behind_its_source_under_a_free_surface():
    s = Survey.streamer(n_sources=3, source_spacing=50.0, n_receivers=5, near_offset=100.0)
    np.testing.assert_allclose(s.offset, np.tile(-100.0 - 25.0 * np.arange(5), (3, 1)))
    np.testing.assert_allclose(np.diff(s.source_x), 50.0)
    assert s.free_surface
    assert (s.source_depth[0], s.receiver_depth[0][0]) == (6.0, 8.0)


def test_a_land_spread_stays_where_it_is():
    s = Survey.land(n_sources=3, n_receivers=11, receiver_spacing=20.0)
    assert len(set(s.receiver_x)) == 1
    assert s.source_x[0] == s.receiver_x[0][0]
    assert s.source_x[-1] == s.receiver_x[0][-1]
    assert not s.free_surface


def test_ocean_bottom_nodes_lie_on_the_sea_floor():
    s = Survey.ocean_bottom(water_depth=420.0, n_sources=2, n_receivers=4)
    assert set(s.receiver_depth[0]) == {420.0}
    assert set(s.source_depth) == {6.0}
    assert s.free_surface


def test_crosswell_shoots_from_one_well_to_another():
    s = Survey.crosswell(well_distance=250.0, top=50.0, bottom=450.0, n_sources=3, n_receivers=9)
    np.testing.assert_allclose(s.offset, 250.0)
    assert s.source_depth == (50.0, 250.0, 450.0)
    np.testing.assert_allclose(s.receiver_depth[0], np.linspace(50, 450, 9))


def test_a_vsp_has_its_receivers_down_one_well():
    s = Survey.vsp(source_offsets=(-200.0, 300.0), top=100.0, bottom=900.0, n_receivers=9)
    np.testing.assert_allclose(s.offset[0], 200.0)
    np.testing.assert_allclose(s.offset[1], -300.0)
    np.testing.assert_allclose(np.diff(s.receiver_depth[0]), 100.0)


def test_an_areal_survey_is_three_dimensional():
    s = Survey.areal(n_sources=(2, 3), n_receivers=(4, 5), receiver_spacing=100.0)
    assert s.axes == ("depth", "y", "x")
    assert (s.n_sources, s.n_receivers) == (6, 20)
    distance = np.linalg.norm(
        s.receiver_positions[..., 1:] - s.source_positions[:, None, 1:], axis=-1
    )
    np.testing.assert_allclose(s.offset, distance)
    coords = s.coords()
    assert {"y", "source_y", "receiver_y"} <= coords.keys()
    assert len(coords["y"][1]) == s.model_shape[1]
    assert Survey.from_json(s.to_json()) == s


@pytest.mark.parametrize(
    "make",
    [Survey.land, Survey.streamer, Survey.ocean_bottom, Survey.crosswell, Survey.vsp, Survey.areal],
)
def test_every_preset_resolves_its_waves(make):
    s = make()
    cells = 1500.0 / s.peak_frequency / s.grid_spacing
    assert 8 <= cells < 16
    assert 0.5 / s.dt >= 2.5 * s.peak_frequency
    # Ten cells clear of the sides.
    x = np.concatenate([np.ravel(s.source_x), np.ravel(s.receiver_x)])
    width = (s.model_shape[-1] - 1) * s.grid_spacing
    assert x.min() >= 9.99 * s.grid_spacing
    assert width - x.max() >= 9.99 * s.grid_spacing


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Survey.land(n_sources=0), "n_sources must be at least 1, found 0"),
        (lambda: Survey.streamer(receiver_spacing=-5.0), "receiver_spacing must be positive"),
        (lambda: Survey.crosswell(top=500.0, bottom=100.0), "expected 0 < top < bottom"),
        (lambda: Survey.vsp(source_offsets=()), "source_offsets must be at least 1"),
        (lambda: Survey.areal(n_receivers=(0, 4)), r"n_receivers\[0\] must be at least 1"),
        (lambda: Survey.land(dt=0.0), "dt must be positive, found 0"),
    ],
)
def test_impossible_spreads_are_refused(call, message):
    with pytest.raises(ParameterError, match=message):
        call()


def test_a_model_and_its_positions_have_the_same_dimensions():
    good = Survey.areal(n_receivers=(2, 2))
    values = {k: getattr(good, k) for k in good.__dataclass_fields__}
    with pytest.raises(ConventionError, match=r"a model \(depth, y, x\) needs both"):
        Survey(**{**values, "receiver_y": None})
    with pytest.raises(ConventionError, match=r"a model \(depth, x\) goes without them"):
        Survey(**{**values, "source_y": None, "receiver_y": None})


def test_two_receivers_at_one_place_are_refused():
    survey = Survey(
        source_x=(100.0,),
        source_depth=(10.0,),
        receiver_x=((200.0, 210.0, 200.0),),
        receiver_depth=((10.0, 10.0, 10.0),),
        dt=0.002,
        nt=100,
        peak_frequency=15.0,
        grid_spacing=10.0,
        model_shape=(40, 40),
    )
    with pytest.raises(SimulationError, match="receivers 0 and 2 of source 0 stand at the same"):
        simulate_array(np.full((1, 40, 40), 2000.0, np.float32), survey)
