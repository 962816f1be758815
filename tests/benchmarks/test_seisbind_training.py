"""Models of the SeisBind benchmark: trained once, and gone on with after a stop."""

import json
import time

import numpy as np
import pytest


def test_models_are_trained_once_for_the_same_settings_data_and_code(
    small_pairs, tmp_path, monkeypatch, capsys
):
    import seisbind_training as training

    pairs = small_pairs.isel(sample=slice(60))
    settings = {"batch_size": 16, "random_state": 0, "verbose": False}

    def model(seed=0, old_code=False):
        shelf = training.Shelf(tmp_path, "cpu", old_code=old_code)
        own = settings | {"random_state": seed}
        found = shelf.model("ours", pairs, {"n": 60}, own, training.Budget(epochs=1))
        return found.model_id_, shelf.used["ours"], "kept from" in capsys.readouterr().out

    first, record, kept = model()
    assert not kept
    assert record["epochs"] == 1
    assert record["steps"] == 54 // 16
    assert 0 < record["loader_share"] < 1
    assert record["cpu_seconds"] > 0
    assert list(tmp_path.glob("*.run")) == []
    assert model() == (first, record, True)
    assert model(seed=1)[0] != first
    monkeypatch.setattr(training, "code_digest", lambda: "newer")
    assert model(old_code=True) == (first, record, True)
    assert not model()[2]


def test_the_loader_is_timed_without_the_validation(monkeypatch):
    import time

    from seisbind_training import LoaderClock

    from seisgeo import training

    def slow(n, seconds):
        for number in range(n):
            time.sleep(seconds)
            yield number

    monkeypatch.setattr(training, "loader", lambda n, seconds: slow(n, seconds))
    with LoaderClock() as clock:
        pairs, held = training.loader(3, 0.02), training.loader(1, 0.3)
        for _ in pairs:
            time.sleep(0.06)
        assert list(held) == [0]
    record = clock.record()
    assert record["steps"] == 3
    assert clock.trained >= 3 * 0.08
    assert 3 * 0.02 <= clock.waited <= clock.trained - 3 * 0.06
    assert record["loader_share"] == clock.waited / clock.trained


def test_a_stopped_training_counts_the_time_before(tmp_path):
    from seisbind_training import CpuTime

    note = tmp_path / "run" / "cpu.json"
    with CpuTime(note):
        pass
    note.write_text(json.dumps({"seconds": 100.0}))
    with CpuTime(note) as cpu:
        assert 100 <= cpu.seconds < 110


def test_minutes_of_cpu_time_stand_still_while_others_work():
    from seisbind_training import Budget

    from seisgeo import learner

    with Budget(1.0, cpu=True).kept_by_training():
        before = learner.time.monotonic()
        time.sleep(0.5)
        assert learner.time.monotonic() - before < 0.4
    with Budget(1.0).kept_by_training():
        before = learner.time.monotonic()
        time.sleep(0.5)
        assert learner.time.monotonic() - before > 0.4
    assert learner.time is time


def test_trainings_on_the_same_pairs_read_them_once(small_pairs, monkeypatch):
    from seisbind_training import read_once

    from seisgeo.estimators import views

    thinned, reads = views.thin, []
    monkeypatch.setattr(views, "thin", lambda g, factor: reads.append(1) or thinned(g, factor))
    with read_once():
        first, again = (views.views_of(small_pairs, ["seismic"], 8) for _ in range(2))
        blocks = len(reads)
        views.views_of(small_pairs, ["seismic"], 4)
    assert len(reads) == 2 * blocks > 0
    np.testing.assert_array_equal(first[[0, 3]]["seismic"], again[[0, 3]]["seismic"])


def test_only_what_trains_names_the_code(tmp_path):
    from seisbind_training import code_digest

    def named(text):
        (tmp_path / "losses.py").write_text(text)
        return code_digest(tmp_path)

    first = named('"""One."""\ndef f(x):\n    """Says."""\n    return x\n')
    assert named('"""Two."""\ndef f(x):  # why\n    return x\n') == first
    assert named("def f(x):\n    return 2 * x\n") != first


def test_the_general_model_is_what_training_on_a_new_survey_begins_with(small_pairs, tmp_path):
    from seisbind_finetune import start_from

    from seisgeo import SeisBind

    pairs = small_pairs.isel(sample=slice(40))

    def unfitted(seed, rate):
        return SeisBind(
            max_epochs=1,
            batch_size=16,
            learning_rate=rate,
            random_state=seed,
            warm_start=True,
            device="cpu",
            verbose=False,
        )

    general = unfitted(1, 1e-3).fit(pairs)
    standing = start_from(general)(unfitted(5, 0.0), pairs, tmp_path / "run")
    expected, found = (m.encoders_["velocity"].state_dict() for m in (general, standing))
    assert all((found[name] == value).all() for name, value in expected.items())


def test_variants_that_are_ours_are_not_ablated():
    from seisbind_ablations import FULL, UNMASKED, WITHOUT, variants

    ours = {"loss": "sigmoid", "ema_decay": 0.999, "augment": True, "batch_size": 128}
    made = variants(ours)
    assert list(made)[:2] == [FULL, UNMASKED]
    assert made[FULL] == ours
    assert {"sigmoid loss", "average of the weights"}.isdisjoint(made)
    assert made["InfoNCE loss"] == {**ours, "loss": "info_nce"}
    assert set(made) - {FULL, UNMASKED} <= set(WITHOUT)
    chosen = ["encoder: paper", UNMASKED]
    assert list(variants(ours, chosen)) == [FULL, *chosen]
    with pytest.raises(ValueError, match="no variant 'sigmoid loss'; there are: near-copies"):
        variants(ours, ["sigmoid loss"])
    both = variants(ours, ["no augmentation + batches of 64"])
    assert both["no augmentation + batches of 64"] == {**ours, "augment": False, "batch_size": 64}
    with pytest.raises(ValueError, match="no variant 'none'"):
        variants(ours, ["no augmentation + none"])


def test_ours_has_another_seed_to_compare_with():
    from seisbind_ablations import ablations
    from seisbind_data import NOISY_AND_DEAD

    class Known:
        """A run that finds what is said of it."""

        folder, size = None, type("size", (), {"gallery": 1000})

        def __init__(self, recall):
            self.row = {"recall_1": recall}

        mixed = among = twins = lambda self, *_: self.row

        def field(self, folder, *, only):
            return {NOISY_AND_DEAD: self.row}

        def directions(self):
            return {"velocity -> physics": self.row}

    trained = []

    def train(name, settings, masks):
        trained.append((name, settings["random_state"]))
        return 0.5 + 0.1 * settings["random_state"] - 0.2 * (name.startswith("no"))

    ours = {"loss": "info_nce", "readout_weight": 1.0}
    rows = ablations(ours, range(3, 4), train, Known, ["no read-out"])
    assert trained == [("ours, seed 3", 3), ("ours, seed 4", 4), ("no read-out, seed 3", 3)]
    assert rows["ours"]["seeds"] == [3, 4]
    assert rows["ours"]["recall_1"]["mixed 10 000"]["mean"] == pytest.approx(0.85)
    assert rows["ours"]["recall_1"]["mixed 10 000"]["std"] == pytest.approx(0.1 / 2**0.5)
    assert rows["no read-out"]["recall_1"]["mixed 10 000"]["each"] == [pytest.approx(0.6)]
