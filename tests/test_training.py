"""Training: exact resume, whole batches in chunks and over processes, averages, batches."""

import csv
import json
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
import xarray as xr
from stopping import losses, stop_at

import seisgeo as sg
from seisgeo import learner
from seisgeo.batches import Batches, in_order
from seisgeo.checkpoint import read_state, write_state
from seisgeo.contrast import Contrast, Readout, TrainingPlan, Uncertain
from seisgeo.errors import ConventionError, ModelFileError, OutputExistsError, ParameterError
from seisgeo.losses import info_nce, near_copies

SETTINGS = {
    "max_epochs": 3,
    "batch_size": 16,
    "random_state": 3,
    "ema_decay": 0.9,
    "device": "cpu",
    "verbose": False,
}


@pytest.fixture(scope="module")
def few(small_pairs):
    return small_pairs.isel(sample=slice(60))


@pytest.fixture(scope="module")
def uninterrupted(few):
    return sg.SeisBind(**SETTINGS).fit(few)


@pytest.mark.parametrize("step", [1, 3, 4, 7])
def test_a_stopped_training_goes_on_to_the_same_weights(
    few, uninterrupted, tmp_path, monkeypatch, step
):
    # 54 rows make three steps an epoch: stops in the middle of an epoch, and after its end.
    with monkeypatch.context() as patch:
        stop_at(patch, step)
        with pytest.raises(KeyError, match="stopped"):
            sg.SeisBind(**SETTINGS).fit(few, checkpoint=tmp_path / "run")
    assert (tmp_path / "run" / "checkpoint.safetensors").is_file()
    resumed = sg.SeisBind(**SETTINGS).fit(few, checkpoint=tmp_path / "run")
    assert losses(resumed.history_) == losses(uninterrupted.history_)
    assert resumed.model_id_ == uninterrupted.model_id_


def test_a_killed_training_goes_on_to_the_same_weights(few, uninterrupted, tmp_path):
    few.to_netcdf(tmp_path / "few.nc", engine="h5netcdf")
    code = """
        import json, os, signal, sys
        import xarray as xr
        import seisgeo as sg
        from seisgeo import learner
        from seisgeo.contrast import Contrast
        learner.INTERVAL = 0.0
        close, seen = Contrast.close_step, []
        def close_step(self):
            close(self)
            seen.append(None)
            if len(seen) == 5:  # of three in each epoch
                os.kill(os.getpid(), signal.SIGKILL)
        Contrast.close_step = close_step
        few = xr.open_dataset(sys.argv[1]).load()
        sg.SeisBind(**json.loads(sys.argv[3])).fit(few, checkpoint=sys.argv[2])
        """
    given = (tmp_path / "few.nc", tmp_path / "run", json.dumps(SETTINGS))
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *given],
        capture_output=True,
        check=False,
        text=True,
    )
    assert run.returncode == -signal.SIGKILL, run.stderr
    state = read_state(tmp_path / "run" / "checkpoint.safetensors")
    assert (state["epoch"], state["finished"]) == (1, False)
    resumed = sg.SeisBind(**SETTINGS).fit(few, checkpoint=tmp_path / "run")
    assert losses(resumed.history_) == losses(uninterrupted.history_)
    assert resumed.model_id_ == uninterrupted.model_id_


def test_checkpoints_change_nothing_and_a_finished_run_is_not_repeated(
    few, uninterrupted, tmp_path, monkeypatch
):
    first = sg.SeisBind(**SETTINGS).fit(few, checkpoint=tmp_path / "run")
    assert first.model_id_ == uninterrupted.model_id_
    with (tmp_path / "run" / "history.csv").open() as file:
        rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
    assert rows == first.history_
    monkeypatch.setattr(Contrast, "training_step", None)
    again = sg.SeisBind(**SETTINGS).fit(few, checkpoint=tmp_path / "run")
    assert again.model_id_ == first.model_id_
    assert again.history_ == first.history_


def test_a_run_without_a_seed_keeps_the_one_it_drew(few, tmp_path, monkeypatch):
    settings = {**SETTINGS, "random_state": None, "max_epochs": 1}
    first = sg.SeisBind(**settings).fit(few, checkpoint=tmp_path / "run")
    monkeypatch.setattr(Contrast, "training_step", None)
    again = sg.SeisBind(**settings).fit(few, checkpoint=tmp_path / "run")
    assert again.model_id_ == first.model_id_


def test_an_interrupt_ends_the_training_and_nothing_else(few, monkeypatch):
    def interrupt(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(Contrast, "close_step", interrupt)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):  # in a notebook SystemExit would end the kernel
        sg.SeisBind(**SETTINGS).fit(few)
    assert signal.getsignal(signal.SIGINT) is before


def test_another_run_is_not_gone_on_with(few, tmp_path):
    settings = {**SETTINGS, "max_epochs": 1}
    sg.SeisBind(**settings).fit(few, checkpoint=tmp_path / "run")
    with pytest.raises(
        OutputExistsError, match=r"other settings.*\n  temperature: 0\.5 asked, 0\.07 there"
    ):
        sg.SeisBind(**settings, temperature=0.5).fit(few, checkpoint=tmp_path / "run")
    louder = few.assign(amplitude=few["amplitude"] * 2)
    with pytest.raises(OutputExistsError, match=r"other settings.*\n  data: .* asked, .* there"):
        sg.SeisBind(**settings).fit(louder, checkpoint=tmp_path / "run")


def test_a_spoiled_checkpoint_is_named(few, tmp_path):
    settings = {**SETTINGS, "max_epochs": 1}
    sg.SeisBind(**settings).fit(few, checkpoint=tmp_path / "run")
    path = tmp_path / "run" / "checkpoint.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1000])
    with pytest.raises(ModelFileError, match=r"checkpoint\.safetensors: not a whole checkpoint"):
        sg.SeisBind(**settings).fit(few, checkpoint=tmp_path / "run")
    altered = bytearray(whole)
    altered[-2] ^= 0x40
    path.write_bytes(altered)
    with pytest.raises(ModelFileError, match="does not match its checksum"):
        sg.SeisBind(**settings).fit(few, checkpoint=tmp_path / "run")
    model = sg.SeisBind(**settings).fit(few)
    model.save(path, overwrite=True)
    with pytest.raises(ModelFileError, match="expected a training checkpoint of format 1"):
        sg.SeisBind(**settings).fit(few, checkpoint=tmp_path / "run")


def test_states_come_back_as_they_were(tmp_path):
    image = torch.rand(2, 3, 4, 5).to(memory_format=torch.channels_last)
    state = {"a": [1, 2.5, None, "x"], "n": {0: image, 1: {"step": torch.tensor(3.0)}}, "e": {}}
    write_state(tmp_path / "state", state)
    back = read_state(tmp_path / "state")
    assert back["a"] == state["a"]
    assert back["e"] == {}
    assert torch.equal(back["n"][0], image)
    assert float(back["n"][1]["step"]) == 3.0


def plan(**changes):
    settings = {
        "pairs": {("a", "b"): 1.0, ("b", "c"): 0.1},
        "max_epochs": 1,
        "batch_size": 12,
        "max_time": None,
        "learning_rate": 1e-3,
        "weight_decay": 0.0,
        "temperature": 0.07,
        "patience": 1,
        "device": "cpu",
        "seed": 0,
        "progress": False,
    }
    return TrainingPlan(**{**settings, **changes})


def gradients(module, batch, generator=None):
    module.zero_grad()
    loss, _ = module.loss(batch, generator)
    loss.backward()
    return float(loss.detach()), torch.cat([p.grad.flatten() for p in module.encoders.parameters()])


@pytest.mark.parametrize("loss", ["info_nce", "sigmoid"])
def test_chunks_have_the_gradient_of_the_whole_batch(few, uninterrupted, loss):
    from seisgeo.estimators.views import MODALITIES, views_of

    views = views_of(few, list(MODALITIES), uninterrupted.thinning_)
    batch = {k: torch.from_numpy(v) for k, v in views[list(range(12))].items()}
    pairs = {("seismic", "velocity"): 1.0, ("velocity", "physics"): 0.1}
    encoders = uninterrupted.encoders_
    whole = Contrast(encoders, plan(pairs=pairs, loss=loss), 1)
    value, expected = gradients(whole, batch)
    for chunk in (1, 5):
        module = Contrast(encoders, plan(pairs=pairs, loss=loss, chunk_size=chunk), 1)
        found, gradient = gradients(module, batch)
        assert found == pytest.approx(value, rel=1e-5)
        assert float((gradient - expected).norm() / expected.norm()) < 1e-5


def test_chunks_have_the_gradient_of_everything_that_is_learned():
    def made(chunk):
        torch.manual_seed(0)
        encoders = torch.nn.ModuleDict({name: Featured() for name in "abc"})
        module = Contrast(
            encoders,
            plan(
                chunk_size=chunk,
                readout=Readout("a", lambda rows: rows["b"], size=3, features=2, weight=0.5),
                uncertain=Uncertain("c", lambda rows, _: rows / 2, {"a": 1.0, "b": 0.5}),
                negatives={"b": lambda rows, _: rows[:6] + 0.3},
            ),
            1,
        )
        module.begun = 0.5
        batch = {name: torch.rand(12, 3) for name in "abc"}
        return gradients(module, batch, torch.Generator())

    value, expected = made(None)
    for chunk in (1, 5):
        found, gradient = made(chunk)
        assert found == pytest.approx(value, rel=1e-5)
        torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-6)


def test_a_readout_adds_its_mean_square_error():
    encoders = torch.nn.ModuleDict({"a": Featured(), "b": Featured()})
    batch = {"a": torch.randn(4, 3), "b": torch.randn(4, 3)}
    pairs = {("a", "b"): 1.0}
    readout = Readout("a", lambda rows: rows["b"], size=3, features=2, weight=0.5)
    module = Contrast(encoders, plan(pairs=pairs, readout=readout), 1)
    without = Contrast(encoders, plan(pairs=pairs), 1)
    told = module.readout(encoders["a"].features(batch["a"]))
    contrast, random = without.loss(batch)[0], torch.Generator()
    expected = contrast + 0.5 * (told - batch["b"]).square().mean()
    torch.testing.assert_close(module.loss(batch, random)[0], expected)
    # In validation, which only compares, there is none.
    torch.testing.assert_close(module.loss(batch)[0], contrast)
    assert any(p is module.readout.weight for p in module.parameters())


def test_uncertain_copies_learn_from_the_others_and_do_not_move_them():
    encoders = torch.nn.ModuleDict({"a": Wide(), "b": Wide(), "c": Wide()})
    batch = {name: torch.rand(6, 4) for name in encoders}
    vague = Uncertain("b", lambda rows, _: rows / 2, {"a": 1.0, "c": 0.5})
    module = Contrast(encoders, plan(pairs={("a", "b"): 0.0}, uncertain=vague), 1)
    loss, _ = module.loss(batch, torch.Generator())
    copies = encoders["b"](batch["b"] / 2)
    expected = sum(
        weight * info_nce(encoders[name](batch[name]), copies, 1 / 0.07)
        for name, weight in vague.weights.items()
    )
    torch.testing.assert_close(loss, expected)
    loss.backward()
    moved = {name: [p.grad for p in encoder.parameters()] for name, encoder in encoders.items()}
    assert all(bool(g.any()) for g in moved["b"])
    assert not any(g is not None and bool(g.any()) for name in "ac" for g in moved[name])
    # Validation only compares.
    assert float(module.loss(batch)[0].detach()) == 0.0


def test_near_misses_are_told_from_what_belongs():
    encoders = torch.nn.ModuleDict({"a": Wide(), "b": Wide()})
    batch = {name: torch.rand(6, 4) for name in encoders}
    module = Contrast(
        encoders,
        plan(
            pairs={("a", "b"): 2.0, ("b", "a"): 1.0},
            negatives={"b": lambda rows, _: rows[:3] + 0.1},
        ),
        1,
    )
    a, b = (encoders[name](batch[name]) for name in "ab")
    others = encoders["b"](batch["b"][:3] + 0.1)
    both = info_nce(a, b, 1 / 0.07)
    # In the first half of a training there is enough to learn without them.
    torch.testing.assert_close(module.loss(batch, torch.Generator())[0], 3 * both)
    module.begun = 0.5
    expected = 2 * info_nce(a, b, 1 / 0.07, others=others) + both
    torch.testing.assert_close(module.loss(batch, torch.Generator())[0], expected)
    # Validation only compares.
    torch.testing.assert_close(module.loss(batch)[0], 3 * both)


def test_what_is_changed_is_not_told_from_near_misses():
    encoders = torch.nn.ModuleDict({"a": Wide(), "b": Wide()})
    batch = {name: torch.rand(6, 4) for name in encoders}
    changed = torch.tensor([True, False, True, True, False, False])
    module = Contrast(
        encoders,
        plan(
            pairs={("a", "b"): 1.0},
            augment={"a": lambda rows, _: torch.where(changed[:, None], rows / 2, rows)},
            negatives={"b": lambda rows, _: rows[:3] + 0.1},
            negative_weight=0.25,
        ),
        1,
    )
    module.begun = 0.5
    a = encoders["a"](torch.where(changed[:, None], batch["a"] / 2, batch["a"]))
    b, others = encoders["b"](batch["b"]), encoders["b"](batch["b"][:3] + 0.1)
    logits = a @ b.T / 0.07
    more = torch.where(changed[:, None], -torch.inf, a @ others.T / 0.07 + np.log(0.25))
    rows = torch.cat([logits, more], dim=1).logsumexp(1) - logits.diagonal()
    columns = logits.logsumexp(0) - logits.diagonal()
    torch.testing.assert_close(
        module.loss(batch, torch.Generator())[0], (rows.mean() + columns.mean()) / 2
    )


def test_a_near_miss_that_is_another_row_of_the_batch_is_none():
    encoders = torch.nn.ModuleDict({"a": Wide(), "b": Wide()})
    batch = {name: torch.rand(6, 4) for name in encoders}

    def found(negatives):
        module = Contrast(
            encoders,
            plan(
                pairs={("a", "b"): 1.0},
                negatives={"b": negatives},
                copies={"b": lambda rows: near_copies(rows, 1e-3)},
            ),
            1,
        )
        module.begun = 0.5
        return module.loss(batch, torch.Generator())[0]

    def first_three(rows, _):
        return rows[:3] + 0.1

    def and_a_neighbour(rows, _):
        return torch.cat([rows[:3] + 0.1, rows[4:5]])

    torch.testing.assert_close(found(and_a_neighbour), found(first_three))


def test_samples_are_changed_in_full_precision(few, monkeypatch):
    # On a GPU encoders compute in bfloat16; on a CPU they can, too.
    from seisgeo import augment, lightning_run

    settings, stretched, kinds = lightning_run.trainer_settings, augment.play_faster, set()

    def noted(*args):
        made = stretched(*args)
        kinds.add(made.dtype)
        return made

    monkeypatch.setattr(augment, "play_faster", noted)
    monkeypatch.setattr(
        lightning_run,
        "trainer_settings",
        lambda *args: {**settings(*args), "precision": "bf16-mixed"},
    )
    history = sg.SeisBind(**SETTINGS, stretch=0.1).fit(few).history_
    assert kinds == {torch.float32}
    assert history[-1]["train_loss"] < history[0]["train_loss"]


def test_a_run_that_ended_early_is_not_gone_on_with(few, tmp_path, monkeypatch):
    # Nothing is learned, so that patience ends it; and it dies before it can say so.
    settings = {**SETTINGS, "learning_rate": 0.0, "ema_decay": None, "max_epochs": 9, "patience": 2}
    with monkeypatch.context() as patch:
        patch.setattr(learner, "INTERVAL", 0.0)

        def die(self, trainer, module):
            raise KeyError("stopped")

        patch.setattr(learner._Diary, "on_train_end", die)
        with pytest.raises(KeyError, match="stopped"):
            sg.SeisBind(**settings).fit(few, checkpoint=tmp_path / "run")
    state = read_state(tmp_path / "run" / "checkpoint.safetensors")
    assert (state["epoch"], state["finished"]) == (3, False)
    assert len(sg.SeisBind(**settings).fit(few, checkpoint=tmp_path / "run").history_) == 3


def test_a_fit_that_fails_leaves_the_model_as_it_was(few, uninterrupted, monkeypatch):
    import copy

    def stopped(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("seisgeo.training.train", stopped)
    fresh = sg.SeisBind(**SETTINGS)
    with pytest.raises(KeyboardInterrupt):
        fresh.fit(few)
    assert not hasattr(fresh, "encoders_")
    assert not hasattr(fresh, "survey_")
    model = copy.deepcopy(uninterrupted)
    with pytest.raises(KeyboardInterrupt):
        model.fit(few.isel(sample=slice(20)))
    assert model.model_id_ == uninterrupted.model_id_
    np.testing.assert_array_equal(model.spectrum_, uninterrupted.spectrum_)
    np.testing.assert_array_equal(
        model.transform(few)["embedding"], uninterrupted.transform(few)["embedding"]
    )


def test_records_with_an_offset_are_learned_from(few):
    shifted = few.assign(amplitude=few["amplitude"] + 100 * abs(few["amplitude"]).max())
    model = sg.SeisBind(**{**SETTINGS, "max_epochs": 1}).fit(shifted)
    assert model.spectrum_.argmax() == 0
    assert np.isfinite(model.history_[-1]["train_loss"])


def test_hard_negatives_set_in_halfway(few):
    settings = {**SETTINGS, "max_epochs": 2}
    with_them, without = (
        sg.SeisBind(hard_negatives=weight, **settings).fit(few).history_ for weight in (1.0, 0.0)
    )
    assert with_them[0]["train_loss"] == without[0]["train_loss"]
    # There is more to be told apart, so that the loss is higher.
    assert with_them[1]["train_loss"] > without[1]["train_loss"]


def test_smaller_batches_have_another_gradient():
    # What the chunks are for: the batch's negatives are those of all chunks.
    torch.manual_seed(0)
    encoders = torch.nn.ModuleDict({"a": Wide(), "b": Wide()})
    batch = {"a": torch.rand(12, 4), "b": torch.rand(12, 4)}
    module = Contrast(encoders, plan(pairs={("a", "b"): 1.0}), 1)
    _, whole = gradients(module, batch)
    parts = [gradients(module, {k: v[i : i + 4] for k, v in batch.items()})[1] for i in (0, 4, 8)]
    assert float((sum(parts) / 3 - whole).norm() / whole.norm()) > 0.1


class Featured(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.features = torch.nn.Linear(3, 2, bias=False)

    def forward(self, x):
        return torch.nn.functional.normalize(self.features(x), dim=1)


class Wide(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = torch.nn.Linear(4, 4096), torch.nn.Linear(4096, 4)

    def forward(self, x):
        return torch.nn.functional.normalize(self.last(self.first(x).tanh()), dim=1)


def test_chunks_keep_the_activations_of_one_chunk():
    def kept(chunk):
        torch.manual_seed(0)
        module = Contrast(
            torch.nn.ModuleDict({"a": Wide(), "b": Wide()}),
            plan(pairs={("a", "b"): 1.0}, chunk_size=chunk),
            1,
        )
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t: sizes.append(t.numel()) or t, lambda t: t
        ):
            module.loss({"a": torch.rand(64, 4), "b": torch.rand(64, 4)})
        return sum(sizes)

    assert kept(8) < kept(None) / 10


DISTRIBUTED = """
    import json, os, sys
    import xarray as xr
    import seisgeo as sg
    few = xr.open_dataset(sys.argv[1]).load()
    model = sg.SeisBind(**json.loads(sys.argv[2])).fit(few, checkpoint=sys.argv[3])
    name = "rank" + os.environ.get("RANK", "0")
    model.save(os.path.join(sys.argv[3], name))
    """


def test_two_processes_train_as_one(few, tmp_path):
    few.to_netcdf(tmp_path / "few.nc", engine="h5netcdf")
    (tmp_path / "fit.py").write_text(textwrap.dedent(DISTRIBUTED))
    # Augmentation and near-twins draw other numbers on each process: they stay out of it.
    settings = {**SETTINGS, "augment": False, "hard_negatives": 0.0, "max_epochs": 2}
    result = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"),
            *(tmp_path / "fit.py", tmp_path / "few.nc", json.dumps(settings), tmp_path / "run"),
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    alone = sg.SeisBind(**settings).fit(few)
    first, second = (sg.load(tmp_path / "run" / f"rank{n}") for n in (0, 1))
    assert first.model_id_ == second.model_id_
    for mine, theirs in zip(alone.history_, first.history_, strict=True):
        assert mine["train_loss"] == pytest.approx(theirs["train_loss"], rel=1e-4)
        assert mine["val_loss"] == pytest.approx(theirs["val_loss"], rel=1e-4)
        assert mine["logit_scale"] == pytest.approx(theirs["logit_scale"], rel=1e-4)
    np.testing.assert_allclose(
        first.transform(few)["embedding"], alone.transform(few)["embedding"], atol=1e-3
    )
    # What two processes have begun, they finish; nothing is trained twice.
    assert read_state(tmp_path / "run" / "checkpoint.safetensors")["finished"]


def test_processes_that_share_a_model_need_a_seed(few, monkeypatch):
    for name, value in {"TORCHELASTIC_RUN_ID": "1", "WORLD_SIZE": "2", "RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ParameterError, match="several processes train one model: give it a random"):
        sg.SeisBind(**{**SETTINGS, "random_state": None}).fit(few)


def test_the_average_of_the_weights_is_kept(few):
    def fit(**changes):
        settings = {**SETTINGS, "validation_fraction": 0.0, "max_epochs": 2, **changes}
        return sg.SeisBind(**settings).fit(few)

    # Six steps; the mean of the weights so far lies nearer to the start than the last ones.
    start = fit(max_epochs=1, learning_rate=0.0, ema_decay=None).encoders_.state_dict()
    last, mean = (fit(ema_decay=decay).encoders_.state_dict() for decay in (None, 0.999))
    name = "velocity.network.head.weight"
    moved = float((last[name] - start[name]).norm())
    assert 0 < float((mean[name] - start[name]).norm()) < moved


def test_average_by_hand():
    encoders = torch.nn.ModuleDict({"a": torch.nn.Linear(1, 1, bias=False)})
    module = Contrast(encoders, plan(ema_decay=0.5), 1)
    expected = None
    for step, weight in enumerate((1.0, 2.0, 5.0)):
        encoders["a"].weight.data.fill_(weight)
        module.close_step()
        # The first is taken as it is; then the decay is (1 + n) / (10 + n), and at most 0.5.
        decay = min(0.5, (1 + step) / (10 + step))
        expected = weight if expected is None else decay * expected + (1 - decay) * weight
    assert float(module.kept["a"].weight.detach()) == pytest.approx(expected)


@pytest.mark.parametrize("loss", ["info_nce", "sigmoid"])
def test_other_losses_and_the_third_pair_learn(few, loss):
    model = sg.SeisBind(
        max_epochs=6,
        batch_size=16,
        loss=loss,
        direct_weight=0.5,
        families_per_batch=1,
        random_state=0,
        device="cpu",
        verbose=False,
    ).fit(few)
    assert model.history_[-1]["train_loss"] < model.history_[0]["train_loss"]


def test_settings_that_cannot_be_are_named(few):
    for settings, message in (
        ({"loss": "triplet"}, r"loss must be one of info_nce, sigmoid; found 'triplet'"),
        ({"hard_negatives": -1}, r"hard_negatives must be at least 0; found -1"),
        ({"chunk_size": 0}, r"chunk_size must be None or at least 1; found 0"),
        ({"ema_decay": 1.0}, r"ema_decay must be None or between 0 and 1; found 1\.0"),
    ):
        with pytest.raises(ValueError, match=message):
            sg.SeisBind(**settings).fit(few)
    with pytest.raises(ConventionError, match="families_per_batch needs the coordinate 'family'"):
        sg.SeisBind(families_per_batch=2).fit(few.drop_vars("family"))


def test_epochs_hold_every_row_once():
    batches = Batches(100, 12, seed=4)
    first, second = (np.concatenate(batches.epoch(n)) for n in (0, 1))
    assert len(first) == len(np.unique(first)) == 96
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, np.concatenate(Batches(100, 12, seed=4).epoch(0)))


def test_batches_of_few_families_use_every_row():
    families = np.repeat(["a", "b", "c", "d"], [40, 30, 20, 10])
    epoch = Batches(100, 10, seed=0, families=families, families_per_batch=2).epoch(3)
    assert sorted(np.concatenate(epoch)) == list(range(100))
    counts = [len(set(families[rows])) for rows in epoch]
    assert np.mean(counts) < 3  # the last batches take what is left
    assert max(counts[:5]) == 2


def test_rows_in_order_are_shared_evenly():
    assert [len(rows) for rows in in_order(101, 25)] == [25, 25, 25, 26]
    for processes in (1, 2, 3):
        for rows in range(2 * processes, 40):
            parts = in_order(rows, 8, processes)
            assert sum(map(len, parts)) == rows - rows % processes
            assert all(len(p) % processes == 0 and len(p) >= 2 * processes for p in parts)


def test_a_dataset_of_one_batch_is_enough(few):
    two = few.isel(sample=slice(2))
    model = sg.SeisBind(**{**SETTINGS, "max_epochs": 1}).fit(two)
    assert isinstance(model.transform(two), xr.Dataset)


@pytest.mark.parametrize(
    ("name", "row", "spoilt", "message"),
    [
        # Rows are shuffled and some are held out: whichever it is, it is found by its number.
        ("amplitude", 7, np.nan, "'amplitude': sample 7 has values that are NaN or infinite"),
        ("amplitude", 58, np.inf, "'amplitude': sample 58 has"),
        ("velocity", 11, np.nan, "'velocity': sample 11 has"),
        ("descriptor_value", 59, np.nan, "'descriptor_value': sample 59 has"),
        ("velocity", 30, -1.0, "'velocity': velocities must be positive, found -1 m/s"),
    ],
)
def test_what_is_read_batch_by_batch_is_looked_at(
    few, tmp_path, monkeypatch, name, row, spoilt, message
):
    from seisgeo.estimators import views

    bad = few.copy(deep=True)
    bad[name].values[row].flat[3] = spoilt
    lazy = xr.open_dataset(sg.adapters.write_zarr(bad, tmp_path / "bad.zarr"))
    monkeypatch.setattr(views, "_room", lambda: 0)
    with pytest.raises(ConventionError, match=message):
        sg.SeisBind(**{**SETTINGS, "max_epochs": 1}).fit(lazy)


def test_parts_of_a_network_have_their_own_weight_decay():
    from seisgeo.lightning_run import parameter_groups

    network = torch.nn.ModuleDict({name: torch.nn.Linear(2, 3) for name in ("a", "b", "held")})
    network["held"].requires_grad_(False)
    groups = parameter_groups(network, 0.1, {"b": 5.0, "held": 7.0})
    decay = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    assert decay == {
        id(network["a"].weight): 0.1,
        id(network["b"].weight): 5.0,
        id(network["a"].bias): 0.0,
        id(network["b"].bias): 0.0,
    }
    optimiser = torch.optim.AdamW(groups, lr=0.1)
    before = network["b"].weight.detach().clone()
    sum(p.sum() * 0 for p in network.parameters() if p.requires_grad).backward()
    optimiser.step()
    torch.testing.assert_close(network["b"].weight.detach(), before * (1 - 0.1 * 5.0))
