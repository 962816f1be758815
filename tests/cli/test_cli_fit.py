"""seisgeo fit and evaluate."""

import json
from pathlib import Path

import pytest
from marine import marine_shots

import seisgeo as sg
from seisgeo import adapters


def test_a_training_that_was_stopped_goes_on_with_resume(seisgeo, home, work, monkeypatch):
    from seisgeo import learner
    from seisgeo.contrast import Contrast

    words = ("fit", home / "train.zarr", "--out", "a.seisbind", "--max-epochs", 2,
             "--batch-size", 16, "--device", "cpu")  # fmt: skip
    close = Contrast.close_epoch

    def die(self):
        close(self)
        if self.epoch == 2:
            raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(learner, "INTERVAL", 0.0)
        patch.setattr(Contrast, "close_epoch", die)
        assert seisgeo(*words)[0] == 1
    assert not Path("a.seisbind").exists()
    code, _, err = seisgeo(*words)
    assert code == 1
    assert "holds a training that was stopped: go on with it by --resume" in err
    code, _, err = seisgeo(*words, "--loss", "sigmoid", "--resume")
    assert code == 1
    assert 'loss: "sigmoid" asked, "info_nce" there' in err
    code, out, _ = seisgeo(*words, "--resume")
    assert code == 0
    assert "of 2 was best" in out
    assert [path.name for path in work.iterdir()] == ["a.seisbind"]
    assert sg.load("a.seisbind").model_id_ == sg.load(home / "line.seisbind").model_id_


def test_a_checkpoint_folder_that_is_named_stays_with_its_curves(seisgeo, home, work):
    words = ("fit", home / "train.zarr", "--out", "a.seisbind", "--max-epochs", 1,
             "--device", "cpu", "--checkpoint", "run")  # fmt: skip
    assert seisgeo(*words)[0] == 0
    lines = Path("run/history.csv").read_text().splitlines()
    assert lines[0].startswith("epoch,train_loss,val_loss")
    assert len(lines) == 2
    assert seisgeo(*words, "--overwrite")[0] == 0


def test_fit_says_what_it_made(seisgeo, home, work):
    words = [
        "fit",
        home / "train.zarr",
        "--max-epochs",
        1,
        "--device",
        "cpu",
        "--out",
        "m.seisbind",
    ]
    code, out, _ = seisgeo(*words)
    assert code == 0
    assert out.startswith("wrote m.seisbind: epoch 1 of 1 was best, training loss ")
    code, out, err = seisgeo(*words)
    assert (code, out) == (1, "")
    # Refused before training, not after it: no progress bar was shown.
    assert err == (
        "seisgeo: error: m.seisbind already exists; choose another name or pass --overwrite\n"
    )


def test_fit_goes_on_from_a_model(seisgeo, home, work):
    start = work / "long.seisbind"  # trained as no newcomer wants to train
    sg.load(home / "line.seisbind").set_params(max_time=7200.0, patience=1000).save(start)
    words = ["fit", home / "test.zarr", "--start", start, "--max-epochs", 1, "--device", "cpu",
             "--batch-size", 8, "--out", "m.seisbind"]  # fmt: skip
    assert seisgeo(*words)[0] == 0
    before, after = sg.load(start), sg.load("m.seisbind")
    assert after.warm_start
    assert after.learning_rate == before.learning_rate
    assert (after.max_time, after.patience) == (None, sg.SeisBind().patience)
    # One epoch of a few steps leaves the weights near those that it began with.
    a, b = (m.encoders_["velocity"].state_dict()["network.head.weight"] for m in (before, after))
    assert 0 < float((a - b).norm() / a.norm()) < 0.2
    assert "leave it out" in seisgeo(*words, "--encoder", "small", "--overwrite")[2]
    assert seisgeo(*words, "--seismic-only", "--stretch", 0.1, "--overwrite")[0] == 0
    held = sg.load("m.seisbind")
    assert (held.warm_start, held.stretch) == ("seismic", 0.1)
    a, b = (m.encoders_["velocity"].state_dict() for m in (before, held))
    assert all((a[name] == b[name]).all() for name in a)
    assert held.model_id_ != before.model_id_
    code, _, err = seisgeo("fit", home / "test.zarr", "--seismic-only", "--out", "n.seisbind")
    assert code == 2
    assert "--seismic-only needs --start" in err
    code, _, err = seisgeo("fit", home / "test.zarr", "--start", "openfwi", "--out", "n.seisbind")
    assert code == 1
    assert "openfwi: neither a file nor a model that comes with seisgeo" in err


@pytest.mark.parametrize("command", ["fit", "evaluate"])
def test_what_is_no_pairs_is_named(seisgeo, home, work, command):
    words = {"fit": ["fit", home / "line.sgy", "--out", "m.seisbind"],
             "evaluate": ["evaluate", home / "line.seisbind", home / "line.sgy"]}  # fmt: skip
    code, out, err = seisgeo(*words[command])
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert "line.sgy: expected pairs of gathers" in err
    assert "found amplitude (shot, receiver, time)" in err


def test_another_survey_is_refused_and_told_apart(seisgeo, home, work):
    adapters.write_segy(marine_shots(receivers=8), "short.sgy")
    words = ["synth", "--families", "flatvel-a", "-n", 2, "--survey", "short.sgy"]
    assert seisgeo(*words, "--workers", 1, "--device", "cpu", "--out", "other.zarr")[0] == 0
    code, _, err = seisgeo("evaluate", home / "line.seisbind", "other.zarr")
    assert code == 1
    assert "n_receivers: 12 against 8" in err


def test_evaluate_prints_a_table_or_json(seisgeo, home):
    files = [home / "line.seisbind", home / "test.zarr"]
    code, out, _ = seisgeo("evaluate", *files)
    assert code == 0
    assert "R@1" in out
    assert "seismic -> velocity" in out
    code, out, _ = seisgeo("evaluate", *files, "--limit", 6, "-k", 2, "--json")
    scores = json.loads(out)
    assert scores["k"] == 2
    direction = scores["retrieval"]["seismic -> velocity"]
    assert direction["gallery"] == 6
    assert 0 <= direction["recall_1"] <= direction["recall_5"] <= direction["recall_10"] <= 1
    assert "mean_velocity" in scores["descriptors"]
