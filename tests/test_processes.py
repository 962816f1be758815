"""Several processes that train one model: the loss of the whole batch, and what they must share."""

import json
import subprocess
import sys
import textwrap
from types import SimpleNamespace

import pytest
import torch
from torch.utils.data import DataLoader

import seisgeo as sg
from seisgeo.errors import ParameterError, TrainingError
from seisgeo.learner import Learner

SHARED = """
    import json, os, pathlib, sys
    import torch
    from seisgeo.contrast import Contrast, Readout, TrainingPlan, Uncertain

    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    if world > 1:
        torch.distributed.init_process_group("gloo")
    torch.manual_seed(0)

    class Featured(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.features = torch.nn.Linear(4, 3, bias=False)

        def forward(self, x):
            return torch.nn.functional.normalize(self.features(x), dim=1)

    encoders = torch.nn.ModuleDict({name: Featured() for name in "abc"})
    batch = {name: torch.rand(8, 4)[rank::world] for name in "abc"}
    plan = TrainingPlan(
        pairs={("a", "b"): 1.0, ("b", "c"): 0.5},
        negatives={"b": lambda rows, _: rows.flip(1)},
        copies={"b": lambda rows: torch.eye(len(rows), dtype=torch.bool)},
        uncertain=Uncertain("c", lambda rows, _: rows / 2 + 0.1, {"a": 1.0, "b": 0.3}),
        readout=Readout("a", lambda rows: rows["b"], size=4, features=3, weight=0.7),
        max_epochs=1, batch_size=8, max_time=None, learning_rate=1e-3, weight_decay=0.0,
        temperature=0.07, patience=1, device="cpu", seed=0, progress=False,
    )
    module = Contrast(encoders, plan, 1)
    module.begun = 1.0  # near misses have set in
    loss, _ = module.loss(batch, torch.Generator())
    loss.backward()
    # As DistributedDataParallel does, gradients are averaged.
    gradient = torch.cat([p.grad.flatten() for p in module.parameters() if p.grad is not None])
    if world > 1:
        torch.distributed.all_reduce(gradient)
        gradient /= world
    if rank == 0:
        found = json.dumps([float(loss.detach()), gradient.tolist()])
        pathlib.Path(sys.argv[1]).write_text(found)  # libraries print, too
    """


def test_the_whole_loss_of_two_processes_is_that_of_one(tmp_path):
    file, out = tmp_path / "loss.py", tmp_path / "found.json"
    file.write_text(textwrap.dedent(SHARED))
    run = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    found = []
    for command in ((sys.executable,), run):
        said = subprocess.run([*command, file, out], capture_output=True, text=True, timeout=300)
        assert said.returncode == 0, said.stderr
        found.append(json.loads(out.read_text()))
        out.unlink()
    (alone, expected), (shared, gradient) = found
    assert shared == pytest.approx(alone, rel=1e-5)
    torch.testing.assert_close(torch.tensor(gradient), torch.tensor(expected), rtol=1e-4, atol=1e-6)


def torchrun(monkeypatch, rank, world):
    there = {"TORCHELASTIC_RUN_ID": "1", "RANK": rank, "WORLD_SIZE": world, "LOCAL_WORLD_SIZE": 1}
    for name, value in there.items():
        monkeypatch.setenv(name, str(value))


def test_more_processes_than_rows_are_refused(small_pairs, monkeypatch):
    torchrun(monkeypatch, 0, 7)
    settings = {"random_state": 0, "device": "cpu", "verbose": False, "batch_size": 16}
    few = small_pairs.isel(sample=slice(60))
    with pytest.raises(ParameterError, match="7 processes share each batch, and held-out samples"):
        sg.SeisBind(**settings).fit(few)
    with pytest.raises(ParameterError, match="7 processes share each batch, and batch_size are 4"):
        sg.SeisBind(**{**settings, "batch_size": 4}).fit(few)


def test_workers_that_are_no_forks_know_their_rank(small_survey, monkeypatch):
    def stream():
        return sg.synth.PairStream(
            "flatvel-a", survey=small_survey, seed=1, batch_size=2, device="cpu"
        )

    alone = iter(stream())
    _, second = next(alone), next(alone)
    torchrun(monkeypatch, 1, 2)
    worker = DataLoader(stream(), batch_size=None, num_workers=1, multiprocessing_context="spawn")
    torch.testing.assert_close(next(iter(worker))["velocity"], second["velocity"])


def test_processes_that_go_on_from_other_steps_are_refused():
    plan = SimpleNamespace(max_epochs=3, max_time=None)
    module = Learner(plan, steps_per_epoch=4)
    module.epoch, module.step_in_epoch = 0, 0
    first = SimpleNamespace(strategy=SimpleNamespace(broadcast=lambda _: [2, 1]), global_rank=1)
    module._trainer = first
    with pytest.raises(TrainingError, match="epoch 0, step 0, process 0 from epoch 2, step 1: "):
        module.on_train_start()
