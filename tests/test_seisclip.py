import numpy as np
import pytest
import xarray as xr
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import seisgeo as sg
from seisgeo import conventions
from seisgeo.errors import ConventionError, ParameterError

SMALL = {
    "batch_size": 32,
    "device": "cpu",
    "random_state": 0,
    "verbose": False,
}


def make_records(n, seed=0, nt=2000):
    """A P and a stronger S pulse on noise, 20 s at 100 Hz: arrivals are what is to be found."""
    random = np.random.default_rng(seed)
    time = np.arange(nt) * 0.01
    distance = random.uniform(10e3, 90e3, n)
    p, s = distance / 6000, distance / 3464
    amplitude = 0.1 * random.normal(size=(n, 3, nt))
    for i in range(n):
        for arrival, frequency, gains in ((p[i], 12, (2, 1, 1)), (s[i], 5, (1, 3, 3))):
            since = time - arrival
            pulse = np.exp(-np.clip(since, 0, None)) * np.sin(2 * np.pi * frequency * since)
            amplitude[i] += np.array(gains)[:, None] * np.where(since > 0, pulse, 0)
    ds = xr.Dataset(
        {"amplitude": (("event", "component", "time"), 1e3 * amplitude.astype(np.float32))},
        coords={
            "time": time,
            "component": list("ZNE"),
            "p_arrival": ("event", p),
            "s_arrival": ("event", s),
            "epicentral_distance": ("event", distance, {"units": "m"}),
        },
    )
    for name in ("p_arrival", "s_arrival"):
        ds[name].attrs["units"] = "s"
    return conventions.describe(ds)


@pytest.fixture(scope="module")
def records():
    return make_records(192)


@pytest.fixture(scope="module")
def unseen():
    return make_records(64, seed=1)


@pytest.fixture(scope="module")
def model(records):
    return sg.SeisCLIP(max_epochs=20, temperature=0.07, **SMALL).fit(records)


def test_unseen_records_find_what_is_known_of_them(model, unseen):
    # Blind guesses reach 100 (1 + 5) / 32 = 19 of 200.
    assert model.score(unseen) > 60
    hits = model.retrieve(unseen, gallery=unseen, k=5)
    assert hits["p_arrival"].dims == ("query", "rank")
    found = hits["s_arrival"].mean("rank").values
    blind = unseen["s_arrival"].std()
    assert np.abs(found - unseen["s_arrival"].values).mean() < 0.3 * float(blind)


def test_retrieval_goes_both_ways(model, unseen):
    hits = model.retrieve(unseen.isel(event=slice(8)), unseen, k=3, modality="information")
    index, score = hits["gallery_index"].values, hits["score"].values
    a = model.transform(unseen, "information")["embedding"].values[0]
    b = model.transform(unseen, "waveforms")["embedding"].values
    np.testing.assert_allclose(score[0], np.sort(b @ a)[::-1][:3], atol=1e-5)
    np.testing.assert_array_equal(hits["p_arrival"], unseen["p_arrival"].values[index])
    np.testing.assert_array_equal(hits["query_p_arrival"], unseen["p_arrival"].values[:8])


def test_embeddings_are_unit_vectors_whatever_the_batch(model, unseen):
    z = model.transform(unseen)
    conventions.validate(z, "embedding", values=True)
    np.testing.assert_allclose(np.linalg.norm(z["embedding"], axis=1), 1, atol=1e-5)
    alone = model.transform(unseen.isel(event=[7]))
    np.testing.assert_allclose(alone["embedding"][0], z["embedding"][7], atol=1e-4)
    assert z.attrs["modality"] == "waveforms"
    assert "p_arrival" in z.coords


def test_order_of_components_and_units_do_not_matter(model, unseen):
    z = model.transform(unseen)["embedding"]
    turned = unseen.isel(component=[2, 0, 1])
    np.testing.assert_allclose(model.transform(turned)["embedding"], z, atol=1e-5)
    metres = unseen.assign(amplitude=unseen["amplitude"] * 1e-9)
    np.testing.assert_allclose(model.transform(metres)["embedding"], z, atol=5e-2)


def test_a_window_cut_out_keeps_its_arrivals(model, unseen):
    cut = unseen.assign_coords({n: unseen[n] + 5.0 for n in ("time", "p_arrival", "s_arrival")})
    cut = conventions.describe(cut)
    for name in ("time", "p_arrival", "s_arrival"):
        cut[name].attrs["units"] = "s"
    np.testing.assert_allclose(
        model.transform(cut, "information")["embedding"],
        model.transform(unseen, "information")["embedding"],
        atol=1e-4,
    )


def test_dead_components_are_zero_and_other_gaps_are_named(model, unseen):
    amplitude = unseen["amplitude"].copy()
    amplitude[3, 1] = np.nan
    live = xr.ones_like(amplitude.isel(time=0, drop=True), dtype=bool)
    live[3, 1] = False
    with_gap = unseen.assign(amplitude=amplitude)
    dead = with_gap.assign_coords(live=live)
    zero = unseen.assign(amplitude=amplitude.fillna(0))
    np.testing.assert_array_equal(
        model.transform(dead)["embedding"], model.transform(zero)["embedding"]
    )
    with pytest.raises(ConventionError, match="event 3, component N: NaN or infinity at sample 0"):
        model.transform(with_gap)


def test_same_seed_same_model(records):
    few = records.isel(event=slice(40))
    settings = {**SMALL, "max_epochs": 2}
    a, b = sg.SeisCLIP(**settings).fit(few), sg.SeisCLIP(**settings).fit(few)
    c = sg.SeisCLIP(**{**settings, "random_state": 4}).fit(few)
    assert a.model_id_ == b.model_id_ != c.model_id_
    assert a.history_[-1]["val_loss"] == b.history_[-1]["val_loss"]


def test_data_read_batch_by_batch_give_the_same_model(records, tmp_path, monkeypatch):
    from seisgeo.estimators import records as module

    few = records.isel(event=slice(40))
    settings = {**SMALL, "max_epochs": 1}
    loaded = sg.SeisCLIP(**settings).fit(few)
    few.to_netcdf(tmp_path / "few.nc", engine="h5netcdf")
    monkeypatch.setattr(module, "LOAD_BYTES", 0)
    with xr.open_dataset(tmp_path / "few.nc", engine="h5netcdf") as lazy:
        assert sg.SeisCLIP(**settings).fit(lazy).model_id_ == loaded.model_id_
        assert not lazy["amplitude"]._in_memory


def test_fitting_leaves_the_callers_random_numbers_alone(records):
    import torch

    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    sg.SeisCLIP(**SMALL, max_epochs=1).fit(records.isel(event=slice(20)))
    assert torch.equal(torch.rand(3), expected)


def test_saved_and_loaded(model, unseen, tmp_path):
    model.save(tmp_path / "a.seisclip")
    loaded = sg.load(tmp_path / "a.seisclip")
    assert isinstance(loaded, sg.SeisCLIP)
    assert loaded.model_id_ == model.model_id_
    assert loaded.form_ == model.form_
    assert loaded.get_params() == {**model.get_params()}
    for modality in ("waveforms", "information"):
        np.testing.assert_array_equal(
            loaded.transform(unseen, modality)["embedding"],
            model.transform(unseen, modality)["embedding"],
        )


def test_parameters_survive_cloning_and_saving(records, tmp_path):
    fields = ("magnitude", "epicentral_distance")
    model = clone(sg.SeisCLIP(information=fields, window=20, max_epochs=1, **SMALL))
    assert model.get_params()["information"] == fields
    with pytest.raises(NotFittedError):
        model.transform(records)
    few = records.isel(event=slice(12), time=slice(400))
    model.fit(few).save(tmp_path / "a.seisclip")
    loaded = sg.load(tmp_path / "a.seisclip")
    assert loaded.fields_ == fields
    assert clone(loaded).fit(few).fields_ == fields


def test_records_of_one_earthquake_stay_together():
    from seisgeo.estimators.records import group_of
    from seisgeo.event_training import split_rows

    ds = xr.Dataset(coords={"event_id": ("event", ["a", "b", "a", "", "", "c", "b", "d"])})
    groups = group_of(ds)
    assert groups[0] == groups[2] != groups[1] == groups[6]
    assert groups[3] != groups[4]  # unknown ones are not one earthquake
    held, kept = split_rows(groups, 0.5, np.random.RandomState(0))
    assert not set(groups[held]) & set(groups[kept])
    assert sorted([*held, *kept]) == list(range(8))


def test_bad_records_are_refused(records, model):
    few = records.isel(event=slice(4))
    fit = sg.SeisCLIP(max_epochs=1, **SMALL).fit
    with pytest.raises(ConventionError, match="at least 2 events, found 1"):
        fit(few.isel(event=[0]))
    with pytest.raises(ConventionError, match="records of 300 samples are too short: windows of"):
        fit(few.isel(time=slice(300)))
    bare_names = ["p_arrival", "s_arrival", "epicentral_distance"]
    bare = few.drop_vars(bare_names)
    with pytest.raises(ConventionError, match="4 of 4 records carry no information, the first is"):
        fit(bare)
    unknown = few["p_arrival"] == few["p_arrival"][2]
    one = few.assign_coords({n: few[n].where(~unknown) for n in bare_names})
    with pytest.raises(ConventionError, match=r"1 of 4 records .* event 2: expected at least one"):
        fit(one)
    with pytest.raises(ConventionError, match=r"reads records of 2000 .* these have 900"):
        model.transform(few.isel(time=slice(900)))
    with pytest.raises(ConventionError, match=r"choose a window, for instance .*slice\(2000\)"):
        model.transform(make_records(2, nt=2400))
    with pytest.raises(ConventionError, match=r"every 0.01 s, these .* 0.02 s: .*resample"):
        model.transform(few.isel(time=slice(None, None, 2)))
    with pytest.raises(ConventionError, match=r"components Z, N, E; these records have Z, N$"):
        model.transform(few.isel(component=[0, 1]))
    with pytest.raises(ConventionError, match="a waveforms cube needs the variable 'amplitude'"):
        fit(few.drop_vars("amplitude"))


def test_parameters_are_checked(records):
    few = records.isel(event=slice(4))
    for wrong, message in (
        ({"encoder": "huge"}, "encoder must be one of small, paper; found 'huge'"),
        ({"window": 25}, "window must be an even number of samples from 2 to 100; found 25"),
        ({"information": ["colour"]}, "information must name some of p_arrival, .*; found colour"),
        ({"information": []}, "information must name some of .*; found nothing"),
    ):
        with pytest.raises(ParameterError, match=message):
            sg.SeisCLIP(**SMALL, **wrong).fit(few)
