import dataclasses

import numpy as np
import pytest
import xarray as xr

import seisgeo as sg
from seisgeo.errors import OutputExistsError, SimulationError
from seisgeo.synth import Survey, blocks


@pytest.fixture(scope="module")
def survey():
    return Survey(
        source_x=(60.0,),
        source_depth=(10.0,),
        receiver_x=(tuple(np.arange(0, 160, 10.0)),),
        receiver_depth=((10.0,) * 16,),
        dt=0.002,
        nt=60,
        peak_frequency=15.0,
        peak_time=0.05,
        grid_spacing=10.0,
        model_shape=(24, 16),
    )


def make(out, survey, **changes):
    settings = dict(survey=survey, out=out, seed=5, device="cpu", progress=False)
    return sg.synth.generate(["flatvel-a", "curvefault-b"], **(settings | {"n": 40} | changes))


def same(a, b):
    xr.testing.assert_identical(a.load().drop_attrs(), b.load().drop_attrs())


def test_same_bytes_for_any_workers_and_batch(tmp_path, survey):
    one = make(tmp_path / "a.zarr", survey, workers=1)
    two = make(tmp_path / "b.zarr", survey, workers=2, batch_size=7)
    same(one, two)
    assert one.sizes["sample"] == 80
    assert set(one["family"].values) == {"curvefault-b", "flatvel-a"}


def test_openfwis_engine_in_bulk(tmp_path, survey):
    exact = dataclasses.replace(survey, dt=0.001)
    one = make(tmp_path / "a.zarr", exact, workers=1, engine="openfwi")
    two = make(tmp_path / "b.zarr", exact, workers=2, batch_size=7, engine="openfwi")
    same(one, two)
    assert one.attrs["engine"] == "openfwi"
    models = one[["velocity"]].isel(sample=[3, 60])
    alone = sg.synth.simulate(models, exact, engine="openfwi", device="cpu")
    np.testing.assert_array_equal(alone["amplitude"], one["amplitude"][[3, 60]])
    with pytest.raises(OutputExistsError, match=r'engine: "deepwave" asked, "openfwi" there'):
        make(tmp_path / "a.zarr", exact)
    with pytest.raises(SimulationError, match=r"dt <= 1\.32 ms"):
        make(tmp_path / "c.zarr", survey, engine="openfwi")
    assert not (tmp_path / "c.zarr").exists()


def test_samples_do_not_depend_on_how_many_are_drawn(tmp_path, survey):
    many = make(tmp_path / "a.zarr", survey, workers=1)
    few = make(tmp_path / "b.zarr", survey, workers=1, n=3)
    np.testing.assert_array_equal(few["amplitude"][:3], many["amplitude"][:3])
    np.testing.assert_array_equal(few["velocity"][3:], many["velocity"][40:43])


def test_a_stopped_run_goes_on_and_ends_with_the_same_bytes(tmp_path, survey, monkeypatch):
    whole = make(tmp_path / "whole.zarr", survey, workers=1)
    done, real = [], blocks.make_block

    def stops_after_one(*args):
        if done:
            raise KeyboardInterrupt
        done.append(args)
        return real(*args)

    out = tmp_path / "stopped.zarr"
    monkeypatch.setattr(blocks, "make_block", stops_after_one)
    with pytest.raises(KeyboardInterrupt):
        make(out, survey, workers=1)
    assert not out.exists()
    monkeypatch.setattr(blocks, "make_block", lambda *a: done.append(a) or real(*a))
    resumed = make(out, survey, workers=1)
    assert len(done) == 20, "the finished block was made again"
    same(whole, resumed)
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_a_finished_run_is_opened_not_repeated(tmp_path, survey, monkeypatch):
    make(tmp_path / "a.zarr", survey, workers=1, n=2)
    monkeypatch.setattr(blocks, "make_block", lambda *a: pytest.fail("simulated again"))
    assert make(tmp_path / "a.zarr", survey, workers=1, n=2).sizes["sample"] == 4


def test_another_runs_output_is_refused_with_the_difference(tmp_path, survey):
    make(tmp_path / "a.zarr", survey, workers=1, n=2)
    with pytest.raises(OutputExistsError, match="seed: 6 asked, 5 there"):
        make(tmp_path / "a.zarr", survey, workers=1, n=2, seed=6)
    replaced = make(tmp_path / "a.zarr", survey, workers=1, n=2, seed=6, overwrite=True)
    assert replaced.attrs["seed"] == 6


def test_a_strangers_folder_is_not_touched(tmp_path, survey):
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / "thesis.txt").write_text("mine")
    with pytest.raises(OutputExistsError, match="no training set of seisgeo"):
        make(tmp_path / "a.zarr", survey, n=1)
    assert (tmp_path / "a.zarr" / "thesis.txt").read_text() == "mine"


def test_pairs_match_models_simulated_one_by_one(survey):
    pairs = make(None, survey, workers=1, n=2)
    models = sg.synth.draw_velocity("flatvel-a", 2, seed=5, shape=(24, 16))
    np.testing.assert_array_equal(pairs["velocity"][:2], models["velocity"])
    alone = sg.synth.simulate(models.isel(sample=[1]), survey, device="cpu")
    np.testing.assert_allclose(pairs["amplitude"][1], alone["amplitude"][0], atol=1e-6)
    expected = sg.descriptors.compute(models)["descriptor_value"]
    np.testing.assert_allclose(pairs["descriptor_value"][:2], expected, rtol=1e-6)


def test_marine_surveys_get_water(survey):
    marine = dataclasses.replace(survey, free_surface=True)
    pairs = make(None, marine, workers=1, n=4)
    assert (pairs["velocity"][:, 0] == 1500).all()
    dry = make(None, marine, workers=1, n=4, water_depth=None)
    assert not (dry["velocity"][:, 0] == 1500).all()


def test_nothing_asked_is_said(survey):
    with pytest.raises(ValueError, match="nothing to generate: n=0"):
        make(None, survey, n=0)


def test_families_are_named_once_in_one_spelling(survey):
    pairs = sg.synth.generate("FlatVel_A", 1, survey=survey, workers=1, progress=False)
    assert pairs["family"].values.tolist() == ["flatvel-a"]
    with pytest.raises(ValueError, match="named more than once: flatvel-a, flatvel-a"):
        sg.synth.generate(["FlatVel_A", "flatvel-a"], 1, survey=survey)
