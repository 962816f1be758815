import json

import numpy as np
import pytest
import xarray as xr

import seisgeo as sg
from seisgeo import conventions
from seisgeo.errors import ConventionError, SurveyMismatchError
from seisgeo.synth import Survey
from seisgeo.synth.survey_of_gathers import inline_offset


def streamer(shots=3, channels=24, azimuth=0.0, **overrides):
    """Marine gathers with a 20 Hz Ricker on every trace; positions rotated by `azimuth` (deg)."""
    dt, nt = 0.004, 500
    time = np.arange(nt) * dt
    b = (np.pi * 20 * (time - 0.5)) ** 2
    trace = (1 - 2 * b) * np.exp(-b)
    along = 1000.0 + 50.0 * np.arange(shots)
    offset = -100.0 - 25.0 * np.arange(channels)
    c, s = np.cos(np.radians(azimuth)), np.sin(np.radians(azimuth))
    receiver = along[:, None] + offset
    ds = xr.Dataset(
        {"amplitude": (("shot", "receiver", "time"), np.tile(trace, (shots, channels, 1)))},
        coords={
            "time": time,
            "source_x": ("shot", along * c),
            "source_y": ("shot", along * s),
            "source_depth": ("shot", np.full(shots, 6.0)),
            "receiver_x": (("shot", "receiver"), receiver * c),
            "receiver_y": (("shot", "receiver"), receiver * s),
            "receiver_depth": (("shot", "receiver"), np.full(receiver.shape, 8.0)),
        },
    )
    return conventions.describe(ds.assign_coords(overrides))


def test_openfwi_is_the_published_acquisition():
    survey = Survey.openfwi()
    assert survey.source_x == (0.0, 170.0, 340.0, 520.0, 690.0)
    assert survey.n_receivers == 70
    assert survey.receiver_x[0][-1] == 690.0
    assert (survey.nt, survey.dt, survey.peak_frequency) == (1000, 0.001, 15.0)


def test_json_round_trip_keeps_every_field():
    survey = Survey.openfwi()
    assert Survey.from_json(survey.to_json()) == survey
    assert json.loads(survey.to_json())["nt"] == 1000


def test_from_gathers_takes_the_spread_of_the_field():
    survey = Survey.from_gathers(streamer())
    np.testing.assert_allclose(np.sort(survey.offset[0]), -100 - 25 * np.arange(23, -1, -1.0))
    assert survey.source_depth == (6.0,)
    assert survey.receiver_depth[0][0] == 8.0
    assert survey.free_surface
    assert survey.time[-1] == pytest.approx(1.996, abs=survey.dt)
    # The low end of a 20 Hz Ricker, 10 dB down in power, lies near 8 Hz.
    assert 8 < survey.peak_frequency < 20
    cells = 1500 / survey.peak_frequency / survey.grid_spacing
    assert cells >= 8


@pytest.mark.parametrize("azimuth", [0, 30, 89])
def test_offsets_follow_the_line_whatever_its_azimuth(azimuth):
    offset = inline_offset(streamer(azimuth=azimuth))
    np.testing.assert_allclose(offset[0], -100 - 25 * np.arange(24.0), atol=1e-6)


def test_a_source_beside_the_line_keeps_its_distance():
    ds = streamer()
    ds["source_y"] = ds["source_y"] + 60.0
    offset = inline_offset(conventions.describe(ds))
    np.testing.assert_allclose(offset[0], -np.hypot(100 + 25 * np.arange(24.0), 60.0))


def test_an_areal_spread_is_refused():
    ds = streamer()
    across = np.tile(np.arange(24) % 6 * 100.0, (3, 1))
    ds["receiver_y"] = (("shot", "receiver"), across, ds["receiver_y"].attrs)
    with pytest.raises(SurveyMismatchError, match="spread over an area, not along a line"):
        Survey.from_gathers(ds)


def test_offsets_win_where_the_reader_trusted_them():
    ds = streamer()
    offset = (ds["receiver_x"] - ds["source_x"]).transpose("shot", "receiver")
    for name in ("source_x", "receiver_x"):
        ds[name] = ds[name] * 10
    ds = conventions.describe(ds.assign_coords(offset=offset))
    np.testing.assert_allclose(inline_offset(ds), offset)


def test_dead_shots_are_passed_over():
    ds = streamer()
    live = np.ones((3, 24), dtype=bool)
    live[1] = False
    survey = Survey.from_gathers(ds.assign_coords(live=(("shot", "receiver"), live)))
    assert survey.n_receivers == 24
    with pytest.raises(SurveyMismatchError, match="every trace is dead"):
        Survey.from_gathers(ds.assign_coords(live=(("shot", "receiver"), live & False)))


def test_sources_on_a_free_surface_are_refused():
    values = json.loads(Survey.openfwi().to_json())
    values |= {"free_surface": True, "source_depth": [0.0] * 5}
    with pytest.raises(ConventionError, match="on a free surface the pressure is zero"):
        Survey(**values)


def test_training_gathers_are_no_field_gathers():
    ds = xr.Dataset(
        {"amplitude": (("sample", "source", "time", "receiver"), np.zeros((1, 1, 4, 3)))},
        coords={"time": np.arange(4) * 0.001},
    )
    with pytest.raises(
        SurveyMismatchError, match=r"expected field gathers .*see Survey\.from_attrs"
    ):
        Survey.from_gathers(conventions.describe(ds))


def test_header_offsets_stand_in_for_missing_positions():
    ds = streamer()
    offset = ds["receiver_x"] - ds["source_x"]
    ds = ds.drop_vars([f"{a}_{b}" for a in ("source", "receiver") for b in "xy"])
    ds = conventions.describe(ds.assign_coords(offset=offset))
    np.testing.assert_allclose(inline_offset(ds), offset.transpose("shot", "receiver"))


def test_land_gathers_have_an_absorbing_surface():
    ds = streamer()
    ds = ds.drop_vars(["source_depth", "receiver_depth"])
    survey = Survey.from_gathers(ds)
    assert not survey.free_surface
    assert survey.source_depth[0] == survey.grid_spacing


def test_no_positions_at_all_is_said():
    ds = streamer().drop_vars([f"{a}_{b}" for a in ("source", "receiver") for b in "xy"])
    with pytest.raises(SurveyMismatchError, match="neither source and receiver positions"):
        Survey.from_gathers(ds)


def test_coordinates_in_the_wrong_unit_are_told():
    ds = streamer()
    for name in ("source_x", "source_y", "receiver_x", "receiver_y"):
        ds[name] = ds[name] * 1000
    with pytest.raises(SurveyMismatchError, match=r"100000 m from the source.*coordinate_scale"):
        Survey.from_gathers(conventions.describe(ds))


def test_shots_without_common_offsets_are_refused():
    ds = streamer()
    moved = ds["receiver_x"].values.copy()
    moved[1] += 5000
    ds["receiver_x"] = (("shot", "receiver"), moved, ds["receiver_x"].attrs)
    with pytest.raises(SurveyMismatchError, match="share no range of offsets"):
        Survey.from_gathers(ds)


def test_silent_gathers_give_no_wavelet():
    with pytest.raises(SurveyMismatchError, match="every trace is zero"):
        Survey.from_gathers(streamer() * 0)


def test_differences_name_what_differs():
    a = Survey.from_gathers(streamer())
    b = Survey.from_gathers(streamer(channels=20), peak_frequency=11.0)
    text = "\n".join(a.differences(b))
    assert "n_receivers: 24 against 20" in text
    assert "peak_frequency" in text
    assert a.differences(a) == []
    with pytest.raises(SurveyMismatchError, match="n_receivers: 24 against 20"):
        a.require_same(b, "shot 3")


def test_positions_outside_the_model_are_refused():
    values = json.loads(Survey.openfwi().to_json())
    values["source_x"][0] = -50.0
    said = r"1 source\(s\) outside .* source x -50 m, model x 0 to 690 m; .* the absorbing layer"
    with pytest.raises(ConventionError, match=said):
        Survey(**values)
    # In the absorbing layer, which begins where the model ends.
    values = json.loads(Survey.openfwi().to_json())
    values["receiver_depth"][2][7] = 695.0
    with pytest.raises(ConventionError, match=r"receiver depth 695 m, model depth 0 to 690 m"):
        Survey(**values)


def test_a_dataset_without_survey_says_where_to_get_one():
    with pytest.raises(ConventionError, match=r"Survey\.from_gathers"):
        Survey.from_attrs(xr.Dataset())


def as_receiver_gathers(shots):
    """The same traces as a file sorted by receivers opens."""
    names = {"shot": "receiver", "receiver": "trace"}
    for axis in ("x", "depth"):
        names |= {f"source_{axis}": f"receiver_{axis}", f"receiver_{axis}": f"source_{axis}"}
    here = {*shots.dims, *shots.variables}
    return shots.rename({a: b for a, b in names.items() if a in here})


def test_receiver_gathers_stand_for_shots_by_reciprocity():
    offset = -300.0 - 25.0 * np.arange(30)
    x = 50.0 * np.arange(4)
    amplitude = np.random.default_rng(0).standard_normal((4, 30, 200)).astype(np.float32)
    shots = xr.Dataset(
        {"amplitude": (("shot", "receiver", "time"), amplitude)},
        coords={
            "time": 0.004 * np.arange(200),
            "source_x": ("shot", x),
            "source_depth": ("shot", np.full(4, 300.0)),
            "receiver_x": (("shot", "receiver"), x[:, None] + offset),
            "receiver_depth": (("shot", "receiver"), np.full((4, 30), 6.0)),
            "offset": (("shot", "receiver"), np.broadcast_to(offset, (4, 30))),
        },
    )
    shots = conventions.describe(shots)
    nodes = as_receiver_gathers(shots)
    nodes = conventions.describe(nodes.assign_coords(offset=-nodes["offset"]))
    with pytest.raises(SurveyMismatchError, match="reciprocal_shots makes shots of receiver"):
        Survey.from_gathers(nodes)
    again = sg.synth.reciprocal_shots(nodes)
    xr.testing.assert_equal(again, shots)
    assert Survey.from_gathers(again) == Survey.from_gathers(shots)
    cdps = shots.rename(shot="cdp", receiver="trace")
    with pytest.raises(SurveyMismatchError, match=r"'cdp', 'trace'.* with layout='shots'"):
        Survey.from_gathers(cdps)
    with pytest.raises(SurveyMismatchError, match="open the file with layout='receivers'"):
        sg.synth.reciprocal_shots(cdps)
