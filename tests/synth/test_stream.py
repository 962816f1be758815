"""Pairs made while training runs."""

import dataclasses
import itertools
import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import seisgeo as sg
from seisgeo.errors import ParameterError, SimulationError
from seisgeo.estimators.views import MODALITIES, views_of
from seisgeo.synth import PairStream, Survey, noise

FAMILIES = ["flatvel-a", "curvefault-b", "style-a"]


@pytest.fixture
def make(small_survey):
    def stream(families=FAMILIES, **changes):
        settings = dict(survey=small_survey, seed=5, batch_size=4, device="cpu")
        return PairStream(families, **(settings | changes))

    return stream


def take(batches, n):
    return [{k: v.clone() for k, v in batch.items()} for batch in itertools.islice(batches, n)]


def joined(batches):
    return {name: torch.cat([b[name] for b in batches]).numpy() for name in MODALITIES}


def same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name])


@pytest.mark.parametrize("engine", ["deepwave", "openfwi"])
def test_pairs_are_those_of_generate_in_the_layout_of_training(make, small_survey, engine):
    on_cells = ((*np.arange(0, 160, 10.0),),)
    survey = dataclasses.replace(small_survey, dt=0.001, receiver_x=on_cells)
    found = joined(take(make(engine=engine, survey=survey), 3))
    stored = sg.synth.generate(
        FAMILIES, 4, survey=survey, engine=engine, seed=5, workers=1, device="cpu", progress=False
    )
    views = views_of(stored, list(MODALITIES))
    # The stream has the families in turns, generate one after the other.
    turns = np.arange(12).reshape(3, 4).T.ravel()
    for name in MODALITIES:
        expected = views.arrays[name][turns].astype(np.float32)
        np.testing.assert_array_equal(found[name], expected)


@pytest.mark.filterwarnings("ignore:This DataLoader will create 3 worker processes")
@pytest.mark.parametrize("workers", [2, 3])
def test_any_number_of_workers_gives_the_same_batches(make, workers):
    expected = take(make(), 7)
    loader = DataLoader(make(), batch_size=None, num_workers=workers)
    for a, b in zip(expected, take(loader, 7), strict=True):
        same(a, b)
    stream = make()
    for i, (a, b) in enumerate(zip(expected, stream.batches(workers), strict=False)):
        same(a, b)
        assert stream.state_dict() == {"next": 4 * (i + 1)}


def test_any_batch_size_gives_the_same_pairs(make):
    same(joined(take(make(batch_size=12), 1)), joined(take(make(batch_size=3), 4)))


def test_no_pair_comes_twice(make):
    models = joined(take(make(), 6))["velocity"]
    assert len(np.unique(models.reshape(24, -1), axis=0)) == 24


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stream_goes_on_where_it_was(make, workers):
    expected = take(make(), 5)
    stream = make()
    batches = stream.batches(workers)
    take(batches, 2)
    batches.close()
    other = make()
    other.load_state_dict(pickle.loads(pickle.dumps(stream.state_dict())))
    for a, b in zip(expected[2:], take(other.batches(0), 3), strict=True):
        same(a, b)


def test_the_state_that_a_worker_keeps_is_its_own(make, monkeypatch):
    # What torchdata's StatefulDataLoader does: each worker's copy is saved, and restored in it.
    from seisgeo.synth import stream as module

    expected = take(make(), 6)
    for worker in (0, 1):
        info = type("Info", (), {"id": worker, "num_workers": 2})
        monkeypatch.setattr(module, "get_worker_info", lambda info=info: info)
        first = make()
        take(first, 2)
        again = make()
        again.load_state_dict(first.state_dict())
        same(take(again, 1)[0], expected[4 + worker])


def test_ranks_of_distributed_training_get_different_pairs(make, monkeypatch):
    from seisgeo.synth import stream as module

    expected = take(make(), 4)
    for rank in (0, 1):
        monkeypatch.setattr(module, "_rank", lambda rank=rank: (rank, 2))
        stream = make()
        for a, b in zip(take(stream, 2), expected[rank::2], strict=True):
            same(a, b)
        assert stream.next == 16


def add_noise(gathers, generator):
    return noise.add_noise(gathers, 10.0, dt=0.002, generator=generator)


def test_noise_is_seeded_and_new_in_each_batch(make):
    clean = take(make(), 2)
    noisy = take(make(noise=add_noise), 2)
    for a, b in zip(noisy, take(make(noise=add_noise).batches(2), 2), strict=True):
        same(a, b)
    added = [(b["seismic"] - a["seismic"]) for a, b in zip(clean, noisy, strict=True)]
    ratio = [a["seismic"].square().mean((2, 3)) for a in clean]
    for n, power in zip(added, ratio, strict=True):
        assert (power / n.square().mean((2, 3))).numpy() == pytest.approx(10.0, rel=0.05)
    alike = torch.corrcoef(torch.stack([n.flatten() for n in added]))
    assert abs(float(alike[0, 1])) < 0.1


def test_held_out_pairs_are_fixed_and_no_others(make, small_survey):
    stream = make()
    held = stream.held_out(7)
    take(stream, 2)
    assert stream.held_out(7).identical(held)
    sg.conventions.validate(held, "gathers", values=True)
    assert Survey.from_attrs(held) == small_survey
    assert sorted(set(held["family"].values)) == sorted(FAMILIES)
    assert held["family_index"].values.min() == 2**31
    assert held["descriptor_value"].dims == ("sample", "descriptor")
    streamed = joined(take(make(), 6))["velocity"].reshape(24, -1)
    own = held["velocity"].values.reshape(7, -1)
    assert len(np.unique(np.concatenate([streamed, own]), axis=0)) == 31
    noisy = make(noise=add_noise).held_out(7)
    assert float(abs(noisy["amplitude"] - held["amplitude"]).max()) > 0.1


def test_water_lies_over_the_models_of_a_marine_survey():
    survey = Survey.streamer(n_receivers=8, depth=600.0, record_length=0.2)
    velocity = take(PairStream("curvevel-a", survey=survey, batch_size=2, device="cpu"), 1)[0][
        "velocity"
    ]
    assert (velocity[:, 0] == 1500.0).all()
    dry = PairStream("curvevel-a", survey=survey, batch_size=2, device="cpu", water_depth=None)
    assert not (take(dry, 1)[0]["velocity"][:, 0] == 1500.0).all()


def test_memory_that_is_too_small_takes_parts_of_a_batch_aloud(make, monkeypatch):
    from seisgeo.synth.engines import deepwave

    expected = take(make(), 1)[0]
    stream = make()
    real = deepwave.simulate_batches

    def on_a_small_gpu(velocity, survey, *, batch_size, **options):
        assert batch_size == 4  # the whole batch, on a GPU
        return real(velocity, survey, batch_size=batch_size, **(options | {"device": "cpu"}))

    def propagate(velocity, *args, whole=deepwave.propagate, **kwargs):
        if len(velocity) > 2:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return whole(velocity, *args, **kwargs)

    monkeypatch.setattr(deepwave, "propagate", propagate)
    monkeypatch.setattr(deepwave, "simulate_batches", on_a_small_gpu)
    stream.device = "meta"
    monkeypatch.setattr(torch.Tensor, "to", lambda self, device: self)
    with pytest.warns(UserWarning, match="out of memory; going on with 2 models at once"):
        same(take(stream, 1)[0], expected)


def test_workers_are_for_the_cpu(make):
    stream = make()
    stream.device = "cuda"
    with pytest.raises(ParameterError, match=r"stream on cuda .* not in workers"):
        next(stream.batches(2))
    with pytest.raises(ParameterError, match=r"stream on cuda .* not in workers"):
        next(iter(DataLoader(stream, batch_size=None, num_workers=1)))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (dict(families=[]), ParameterError, "families is empty"),
        (dict(families=["flatvel-a", "FlatVel_A"]), ParameterError, "named more than once"),
        (dict(families="flatland"), SimulationError, "flatland"),
        (dict(batch_size=0), ParameterError, "batch_size must be at least 1, found 0"),
        (dict(engine="devito"), ParameterError, "no engine 'devito'"),
        (dict(survey=Survey.areal(n_receivers=(3, 3))), ParameterError, "the survey has three"),
        (
            dict(engine="openfwi", survey=Survey.streamer(n_receivers=8)),
            SimulationError,
            "free surface: use engine='deepwave'",
        ),
    ],
)
def test_what_makes_no_stream_is_refused_at_once(make, changes, error, message):
    with pytest.raises(error, match=message):
        make(**changes)
