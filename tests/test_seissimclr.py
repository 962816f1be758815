import numpy as np
import pytest
import xarray as xr
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import adjusted_rand_score

import seisgeo as sg
from seisgeo import conventions, plotting
from seisgeo.errors import ConventionError, ParameterError
from seisgeo.waveform_augment import WaveformAugmentation

SMALL = {"batch_size": 32, "device": "cpu", "random_state": 0, "verbose": False}
KINDS = np.array(["icequake", "earthquake", "spike"])


def make_records(n, seed=0, nt=400):
    """Short high pulses, long low ones and spikes, one component at 200 Hz."""
    random = np.random.default_rng(seed)
    time = np.arange(nt) / 200
    kind = random.integers(0, 3, n)
    amplitude = 0.05 * random.normal(size=(n, 1, nt))
    for i, k in enumerate(kind):
        since = time - random.uniform(0.4, 0.8)
        pitch = (random.uniform(50, 70), random.uniform(5, 10), 0)[k]
        decay = (0.1, 0.6, 1)[k]
        burst = np.exp(-np.clip(since, 0, None) / decay) * np.sin(2 * np.pi * pitch * since)
        if k == 2:
            burst = np.where(np.arange(nt) == np.searchsorted(since, 0), 5.0, 0.0)
        amplitude[i] += np.where(since >= 0, burst, 0)
    start = np.datetime64("2009-01-21T04:00", "ns") + np.arange(n) * np.timedelta64(7, "m")
    ds = xr.Dataset(
        {"amplitude": (("event", "component", "time"), amplitude.astype(np.float32))},
        coords={
            "time": time,
            "component": ["Z"],
            "source_type": ("event", KINDS[kind]),
            "starttime": ("event", start),
        },
    )
    return conventions.describe(ds)


@pytest.fixture(scope="module")
def records():
    return make_records(160)


@pytest.fixture(scope="module")
def model(records):
    return sg.SeisSimCLR(max_epochs=8, **SMALL).fit(records)


def test_kinds_become_clusters_without_a_label(model, records):
    unseen = make_records(600, seed=5)
    found = model.cluster(unseen, n_clusters=3)["cluster"].values
    assert adjusted_rand_score(unseen["source_type"].values, found) > 0.8
    sizes = np.bincount(found)
    assert (np.diff(sizes) <= 0).all()  # 0 is the largest
    by_density = model.cluster(records, method="hdbscan")["cluster"].values
    assert (by_density >= 0).mean() > 0.5
    assert adjusted_rand_score(records["source_type"].values, by_density) > 0.3


def test_by_default_there_are_as_many_clusters_as_are_most_stable(model, records):
    found = model.cluster(records)["cluster"].values
    embedding = model.transform(records)["embedding"].values
    stability = {n: sg.clustering.cluster_stability(embedding, n) for n in range(2, 11)}
    assert stability[found.max() + 1] > max(stability.values()) - 0.05
    assert min(stability.values()) < max(stability.values()) - 0.05


def test_when_an_event_comes_in_its_window_does_not_matter(model):
    quiet = make_records(4, seed=4)
    quiet["amplitude"][:] = 0
    pulse = np.hanning(40) * np.sin(np.arange(40))
    for row, start in enumerate((100, 164, 228, 164)):  # steps of the coarsest layer
        quiet["amplitude"][row, 0, start : start + 40] = pulse
    quiet["amplitude"][3, 0, 164:204] = np.hanning(40) * np.sin(np.arange(40) / 3)
    z = model.transform(quiet)["embedding"].values
    np.testing.assert_allclose(z[1], z[0], atol=1e-3)
    np.testing.assert_allclose(z[2], z[0], atol=1e-3)
    assert z[3] @ z[0] < 0.99  # what the event is does


def test_a_few_labels_are_carried_over(model):
    unseen = make_records(90, seed=2)
    kinds = unseen["source_type"].values
    labels = np.full(90, None, dtype=object)
    for kind in KINDS:
        labels[np.flatnonzero(kinds == kind)[:4]] = kind
    found = model.propagate_labels(unseen, labels)
    assert (found["label"].values == kinds).mean() > 0.9
    given = labels != None  # noqa: E711
    assert (found["label"].values[given] == kinds[given]).all()
    assert (found["probability"].values[given] == 1).all()
    assert (found["probability"].values > 1 / 3).all()
    assert "starttime" in found.coords


@pytest.mark.parametrize("view", ["spectrum", "waveform"])
def test_both_views_learn(records, view):
    few = records.isel(event=slice(64))
    blind = sg.SeisSimCLR(view, max_epochs=3, **SMALL).fit(few)
    history = blind.history_
    assert history[-1]["train_loss"] < history[0]["train_loss"]
    z = blind.transform(few)
    conventions.validate(z, "embedding", values=True)
    np.testing.assert_allclose(np.linalg.norm(z["embedding"], axis=1), 1, atol=1e-5)
    alone = blind.transform(few.isel(event=[7]))
    np.testing.assert_allclose(alone["embedding"][0], z["embedding"][7], atol=1e-4)


def test_few_records_are_passed_over_often_enough_in_an_epoch():
    import torch

    from seisgeo.estimators.views import Views
    from seisgeo.event_training import Schedule, fit_network

    network, seen = torch.nn.Linear(1, 1), []

    def loss(batch, generator):
        seen.append(batch["x"][:, 0].tolist())
        return network(batch["x"]).square().mean()

    same = dict(max_time=None, learning_rate=0.1, weight_decay=0.0, patience=0, device="cpu")
    views = Views({"x": np.arange(10, dtype=np.float32)[:, None]})
    schedule = Schedule(1, 3, **same, seed=0, progress=False)
    fit_network(network, loss, views, np.arange(10), np.arange(0), schedule, least_steps=7)
    assert [len(batch) for batch in seen] == [3] * 7
    passes = [np.concatenate(seen[i : i + 3]).tolist() for i in (0, 3)]
    for one in passes:
        assert len(set(one)) == 9  # no record twice in a pass
    assert passes[0] != passes[1]


def test_changed_copies_are_found(model, records):
    assert model.score(records.isel(event=slice(60))) > 5 / 60  # five times chance


def test_gain_does_not_move_an_embedding(model, records):
    z = model.transform(records)["embedding"]
    quiet = model.transform(records.assign(amplitude=records["amplitude"] * 1e-9))["embedding"]
    np.testing.assert_allclose(z, quiet, atol=1e-3)


def test_saved_cloned_and_reproduced(model, records, tmp_path):
    few = records.isel(event=slice(40))
    ranges = WaveformAugmentation(snr=(10.0, 20.0), drop=None)
    first = sg.SeisSimCLR("waveform", augmentation=ranges, max_epochs=1, **SMALL)
    second = clone(first)
    with pytest.raises(NotFittedError):
        second.transform(few)
    assert first.fit(few).model_id_ == second.fit(few).model_id_
    other = clone(first).set_params(random_state=1).fit(few)
    assert other.model_id_ != first.model_id_
    first.save(tmp_path / "a.simclr")
    loaded = sg.load(tmp_path / "a.simclr")
    assert loaded.augmentation == ranges
    assert loaded.view == "waveform"
    np.testing.assert_array_equal(
        loaded.transform(few)["embedding"], first.transform(few)["embedding"]
    )
    a, b = (m.cluster(few, n_clusters=4)["cluster"] for m in (loaded, first))
    np.testing.assert_array_equal(a, b)


def test_cards_show_spectrum_examples_and_hours(model, records):
    clustered = model.cluster(records, n_clusters=3)
    figure = plotting.plot_clusters(clustered, examples=3)
    axes = np.array(figure.axes).reshape(3, 3)
    members = records["source_type"].values[clustered["cluster"].values == 0]
    low = {"icequake": 50, "earthquake": 5, "spike": 0}
    frequency, decibel = axes[0, 0].lines[0].get_data()
    kind = max(KINDS, key=lambda k: (members == k).sum())
    if kind != "spike":
        assert low[kind] - 2 <= frequency[decibel.argmax()] <= low[kind] + 22
    assert len(axes[0, 1].lines) == 3
    counts = sum(bar.get_height() for ax in axes[:, 2] for bar in ax.patches)
    assert counts == 160
    bare = clustered.drop_vars("starttime")
    assert len(plotting.plot_clusters(bare).axes) == 6
    with pytest.raises(ConventionError, match="need the coordinate 'cluster' along event"):
        plotting.plot_clusters(records)
    with pytest.raises(ConventionError, match="no record belongs to a cluster"):
        plotting.plot_clusters(clustered.assign_coords(cluster=clustered["cluster"] * 0 - 1))


def test_bad_input_is_refused(model, records):
    few = records.isel(event=slice(6))
    settings = {**SMALL, "max_epochs": 1}
    with pytest.raises(ConventionError, match="at least 2 events, found 1"):
        sg.SeisSimCLR(**settings).fit(few.isel(event=[0]))
    with pytest.raises(ConventionError, match="records of 40 samples are too short: expected at"):
        sg.SeisSimCLR(**settings).fit(few.isel(time=slice(40)))
    gap = few["amplitude"].copy()
    gap[2, 0, 9] = np.nan
    with pytest.raises(ConventionError, match="event 2, component Z: NaN or infinity at sample 9"):
        sg.SeisSimCLR(**settings).fit(few.assign(amplitude=gap))
    with pytest.raises(ParameterError, match="view must be 'spectrum' or 'waveform', found 'x'"):
        sg.SeisSimCLR("x", **settings).fit(few)
    with pytest.raises(ParameterError, match="method must be 'kmeans' or 'hdbscan', found 'db"):
        model.cluster(few, method="dbscan")
    with pytest.raises(ParameterError, match=r"n_clusters must be 1 to 6 \(the records\), found 8"):
        model.cluster(few, n_clusters=8)
    with pytest.raises(ParameterError, match="3 records do not show how many clusters there are"):
        model.cluster(few.isel(event=slice(3)))
    with pytest.raises(ConventionError, match="expected one for each of 6 records"):
        model.propagate_labels(few, ["a"])
    with pytest.raises(ConventionError, match=r"records of at least 2 kinds, found \['a'\]"):
        model.propagate_labels(few, ["a", None, "", np.nan, None, None])
    with pytest.raises(ConventionError, match="the model reads records of 400 samples"):
        model.transform(few.isel(time=slice(200)))


def test_flat_and_clipped_records_have_a_place_too(model):
    odd = make_records(3, seed=2)
    odd["amplitude"][0] = 0.0
    odd["amplitude"][1] = 7.0
    odd["amplitude"][2] = odd["amplitude"][2].clip(-0.05, 0.05)
    embedding = model.transform(odd)["embedding"].values
    np.testing.assert_allclose((embedding**2).sum(axis=1), 1, rtol=1e-5)
    assert (model.cluster(odd, n_clusters=2)["cluster"].values >= 0).all()
