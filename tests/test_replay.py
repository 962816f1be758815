"""Training on a stream: which pairs a step sees, and that a stop changes nothing."""

import json
import signal
import subprocess
import sys
import textwrap
from collections import Counter

import numpy as np
import pytest
import torch
from stopping import losses, stop_at

import seisgeo as sg
from seisgeo import replay as module
from seisgeo.checkpoint import read_state
from seisgeo.contrast import Contrast
from seisgeo.errors import OutputExistsError, ParameterError
from seisgeo.replay import Replay
from seisgeo.synth import PairStream

FAMILIES = ["curvevel-a", "flatvel-b"]
SETTINGS = {"max_epochs": 2, "batch_size": 16, "random_state": 3, "device": "cpu", "verbose": False}
STREAMED = {"pairs_per_epoch": 64, "reuse": 2}


@pytest.fixture
def make(small_survey):
    def stream(families=FAMILIES, **changes):
        return PairStream(families, **(dict(survey=small_survey, seed=5, device="cpu") | changes))

    return stream


@pytest.fixture(scope="module")
def uninterrupted(small_survey):
    stream = PairStream(FAMILIES, survey=small_survey, seed=5, device="cpu")
    model = sg.SeisBind(**SETTINGS).fit(stream, **STREAMED)
    assert stream.next == 0
    return model


def names(batch):
    """What tells each velocity model from all others."""
    return [row.numpy().tobytes() for row in batch["velocity"]]


def test_without_reuse_no_pair_comes_twice_and_none_is_held_out(make):
    replay = Replay(make(), batch_size=8, pairs_per_epoch=24, reuse=1, seed=0)
    batches = [batch for epoch in range(2) for batch in replay.epoch(epoch)]
    replay.close()
    assert len(replay) == 3
    seen = [name for batch in batches for name in names(batch)]
    assert len(seen) == len(set(seen)) == 48
    # They are the stream's own, in its order.
    expected = next(iter(make(batch_size=48)))
    assert seen == names(expected)
    torch.testing.assert_close(torch.cat([b["seismic"] for b in batches]), expected["seismic"])
    held = make().held_out(30)["velocity"].values
    assert not {row.tobytes() for row in held} & set(seen)


def test_pairs_are_used_several_times_and_then_go(make, monkeypatch):
    monkeypatch.setattr(module, "RESERVOIR", 32)  # four batches
    replay = Replay(make(), batch_size=8, pairs_per_epoch=8 * 96, reuse=3, seed=0)
    steps = [names(batch) for batch in replay.epoch(0)]
    replay.close()
    assert all(len(set(step)) == 8 for step in steps)
    order = {n: i for i, n in enumerate(names(next(iter(make(batch_size=256)))))}
    number = np.array([[order[name] for name in step] for step in steps]) // 8
    newest = np.arange(len(steps)) // 3
    assert (number <= newest[:, None]).all()
    assert (number > newest[:, None] - 4).all()
    # Batches that came in and went within these steps: 3 uses of each of their pairs on average.
    uses = Counter(number.ravel().tolist())
    assert np.mean([uses[n] for n in range(4, 28)]) / 8 == pytest.approx(3, rel=0.1)


def test_pairs_stay_pairs(make):
    stream = make()
    replay = Replay(stream, batch_size=8, pairs_per_epoch=64, reuse=2, seed=0)
    last = list(replay.epoch(0))[-1]
    replay.close()
    whole = next(iter(make(batch_size=64)))
    order = {n: i for i, n in enumerate(names(whole))}
    rows = [order[name] for name in names(last)]
    for name in ("seismic", "velocity", "physics"):
        torch.testing.assert_close(last[name], whole[name][rows])


@pytest.mark.parametrize("reuse", [1, 3])
def test_batches_are_the_same_wherever_one_begins(make, monkeypatch, reuse):
    monkeypatch.setattr(module, "RESERVOIR", 16)
    settings = dict(batch_size=8, pairs_per_epoch=64, reuse=reuse, seed=0)
    whole = Replay(make(), **settings)
    expected = [names(b) for epoch in range(2) for b in whole.epoch(epoch)]
    whole.close()
    later = Replay(make(), **settings)
    assert [names(b) for b in later.epoch(1, done=5)] == expected[13:]
    assert [names(b) for b in later.epoch(0, done=7)] == expected[7:8]
    later.close()


def test_a_model_learns_from_a_stream(uninterrupted, small_survey):
    assert uninterrupted.survey_ == small_survey
    assert uninterrupted.descriptors_ == list(sg.descriptors.DESCRIPTORS)
    assert uninterrupted.confidence_ is not None
    history = uninterrupted.history_
    assert history[-1]["train_loss"] < history[0]["train_loss"]
    assert {"val_loss", "val_recall_1"} <= set(history[0])


def test_validation_pairs_are_never_trained_on(make, monkeypatch):
    seen, checked = set(), set()
    step, check = Contrast.training_step, Contrast.validation_step
    monkeypatch.setattr(
        Contrast, "training_step", lambda s, b, i: (seen.update(names(b)), step(s, b, i))[1]
    )
    monkeypatch.setattr(
        Contrast, "validation_step", lambda s, b, i: (checked.update(names(b)), check(s, b, i))[1]
    )
    sg.SeisBind(**SETTINGS).fit(make(), pairs_per_epoch=64, reuse=1)
    assert len(seen) == 128  # two epochs, every pair once
    assert len(checked) == 200
    assert not seen & checked


def test_a_stopped_training_goes_on_to_the_same_weights(make, uninterrupted, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_at(patch, 5)  # in the middle of the second epoch
        with pytest.raises(KeyError, match="stopped"):
            sg.SeisBind(**SETTINGS).fit(make(), checkpoint=tmp_path / "run", **STREAMED)
    resumed = sg.SeisBind(**SETTINGS).fit(make(), checkpoint=tmp_path / "run", **STREAMED)
    assert losses(resumed.history_) == losses(uninterrupted.history_)
    assert resumed.model_id_ == uninterrupted.model_id_


def test_a_killed_training_goes_on_to_the_same_weights(make, uninterrupted, small_survey, tmp_path):
    code = """
        import json, os, signal, sys
        import seisgeo as sg
        from seisgeo import learner
        from seisgeo.contrast import Contrast
        learner.INTERVAL = 0.0
        close, seen = Contrast.close_step, []
        def close_step(self):
            close(self)
            seen.append(None)
            if len(seen) == 5:  # in the middle of the second epoch
                os.kill(os.getpid(), signal.SIGKILL)
        Contrast.close_step = close_step
        survey, settings, streamed = (json.loads(a) for a in sys.argv[2:5])
        stream = sg.synth.PairStream(
            ["curvevel-a", "flatvel-b"], survey=sg.synth.Survey.from_json(survey), seed=5,
            device="cpu",
        )
        sg.SeisBind(**settings).fit(stream, checkpoint=sys.argv[1], **streamed)
        """
    arguments = [small_survey.to_json(), SETTINGS, STREAMED]  # JSON in JSON
    run = subprocess.run(
        [
            sys.executable,
            "-c",
            textwrap.dedent(code),
            tmp_path / "run",
            *map(json.dumps, arguments),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert run.returncode == -signal.SIGKILL, run.stdout
    state = read_state(tmp_path / "run" / "checkpoint.safetensors")
    assert (state["epoch"], state["finished"]) == (1, False)
    resumed = sg.SeisBind(**SETTINGS).fit(make(), checkpoint=tmp_path / "run", **STREAMED)
    assert losses(resumed.history_) == losses(uninterrupted.history_)
    assert resumed.model_id_ == uninterrupted.model_id_


def test_another_stream_is_not_gone_on_with(make, tmp_path):
    settings = {**SETTINGS, "max_epochs": 1}
    sg.SeisBind(**settings).fit(make(), checkpoint=tmp_path / "run", **STREAMED)
    moved = make()
    moved.load_state_dict({"next": 40})
    for stream, line in ((make("curvevel-a"), "families: "), (moved, "next: 40 asked, 0 there")):
        with pytest.raises(OutputExistsError, match=rf"other settings.*\n.*{line}"):
            sg.SeisBind(**settings).fit(stream, checkpoint=tmp_path / "run", **STREAMED)


def test_what_cannot_be_is_named(make, small_pairs):
    for settings, streamed, message in (
        ({}, {"pairs_per_epoch": 100}, r"at least batch_size.*found 100 and 128"),
        ({}, {"reuse": 0}, "reuse must be at least 1; found 0"),
        ({"families_per_batch": 2}, {}, "stream gives its families in turns"),
    ):
        with pytest.raises(ParameterError, match=message):
            sg.SeisBind(**settings).fit(make(), **streamed)
    with pytest.raises(ParameterError, match=r"reuse are for streams"):
        sg.SeisBind().fit(small_pairs, reuse=2)
