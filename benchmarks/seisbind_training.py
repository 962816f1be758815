"""Models that the SeisBind benchmark trains: once for the same settings, data and code."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import xarray as xr

#: What decides what a training ends with.
CODE = (
    "encoders/*.py",
    "estimators/fitting.py",
    "estimators/matching.py",
    "estimators/networks.py",
    "estimators/rows.py",
    "estimators/views.py",
    "estimators/calibration.py",
    "estimators/descriptor_head.py",
    "estimators/embedding.py",
    "retrieval/confidence.py",
    "synth/noise/common.py",
    "augment.py",
    "batches.py",
    "contrast.py",
    "descriptors.py",
    "devices.py",
    "field.py",
    "learner.py",
    "lightning_run.py",
    "losses.py",
    "training.py",
)
#: Seconds between two notes of the CPU time spent.
NOTED = 20.0


@dataclass(frozen=True)
class Budget:
    """Length of a training: minutes, or epochs, which do not depend on the machine's load.

    Minutes of CPU time (`cpu`) do not either, and are fair to models whose steps cost more or less;
    they are for trainings of one thread.
    """

    minutes: float | None = None
    epochs: int | None = None
    cpu: bool = False

    @property
    def settings(self) -> dict[str, Any]:
        """As parameters of SeisBind; the schedule ends with the budget, not before."""
        limit = 60 * self.minutes if self.minutes is not None else None
        return {"max_epochs": self.epochs or 100_000, "max_time": limit, "patience": 100_000}

    @property
    def clock(self) -> Callable[[], float]:
        """What the minutes are read from, in seconds."""
        return time.process_time if self.cpu else time.monotonic

    @contextlib.contextmanager
    def kept_by_training(self) -> Iterator[None]:
        """Let `fit` read its time limit from the clock."""
        from seisgeo import learner

        with mock.patch.object(learner, "time", SimpleNamespace(monotonic=self.clock)):
            yield


class Shelf:
    """Trained models in a folder, found again by what they were trained with.

    Parameters
    ----------
    folder : pathlib.Path
        Where they are kept.
    device : str or None
        Where to train.
    old_code : bool
        Take a model although the code that trained it has changed since.
    """

    def __init__(self, folder: Path, device: str | None, *, old_code: bool = False) -> None:
        self.folder, self.device, self.old_code = folder, device, old_code
        self.used: dict[str, dict[str, Any]] = {}  # records, by name
        folder.mkdir(parents=True, exist_ok=True)

    def model(
        self,
        name: str,
        pairs: xr.Dataset | Callable[[], xr.Dataset],
        data: dict[str, Any],
        settings: dict[str, Any],
        budget: Budget,
        *,
        masks: bool = True,
        fit: Callable[..., Any] | None = None,
    ) -> Any:
        """A trained SeisBind.

        Parameters
        ----------
        name : str
            What the model is called in the report.
        pairs : xarray.Dataset or callable
            Training pairs, or a function that makes them where they are needed.
        data : dict
            What names them.
        settings : dict
            Parameters of SeisBind.
        budget : Budget
            Length of the training.
        masks : bool, default True
            Whether near-copies in a batch are kept from being contrasted.
        fit : callable, optional
            Trains instead of ``model.fit(pairs, checkpoint=...)``: a function of the estimator,
            the pairs and the folder of the checkpoint. `data` must name what it does.
        """
        import torch

        import seisgeo as sg
        from seisgeo.devices import default_device, hardware

        settings = {**settings, **budget.settings}
        named = {"settings": settings, "data": data, "masks": masks}
        if budget.cpu:
            named["clock"] = "cpu"
        key, code = digest(named), code_digest()
        stem = f"{key}-{code}"
        found = self._find(key, code)
        if found is not None:
            record = json.loads(found.with_suffix(".json").read_text())
            self.used[name] = record
            print(f"{name}: kept from {record['date']}", flush=True)
            model = sg.load(found)
            return model.set_params(device=self.device)
        pairs = pairs if isinstance(pairs, xr.Dataset) else pairs()
        print(f"{name}: training", flush=True)
        run = self.folder / f"{stem}.run"
        model = sg.SeisBind(device=self.device, **settings)
        with (
            CpuTime(run / "cpu.json") as cpu,
            LoaderClock() as clock,
            _masks(masks),
            budget.kept_by_training(),
        ):
            if fit is None:
                model.fit(pairs, checkpoint=run)
            else:
                model = fit(model, pairs, run)
        path = self.folder / f"{stem}.seisbind"
        self.used[name] = record = {
            **named,
            "file": path.name,
            "code": code,
            "date": time.strftime("%Y-%m-%d"),
            "epochs": len(model.history_),
            "train_seconds": model.history_[-1]["seconds"],
            "cpu_seconds": cpu.seconds,
            "hardware": hardware(default_device(self.device)),
            "threads": torch.get_num_threads(),
            "pairs": pairs.sizes["sample"],
            "parameters": sum(p.numel() for p in model.encoders_.parameters()),
            **clock.record(),
        }
        model.save(path, overwrite=True)
        path.with_suffix(".json").write_text(json.dumps(record, indent=1) + "\n")
        shutil.rmtree(run)
        return model

    def _find(self, key: str, code: str) -> Path | None:
        """Newest model of this key that is whole; by other code only where that is allowed."""
        own = self.folder / f"{key}-{code}.seisbind"
        if own.with_suffix(".json").exists():
            return own
        others = sorted(self.folder.glob(f"{key}-*.json"), key=lambda p: p.stat().st_mtime)
        if others and not self.old_code:
            print("  a kept model was trained by other code; --old-code would take it")
        return others[-1].with_suffix(".seisbind") if others and self.old_code else None


def digest(value: Any) -> str:
    """Short name of settings."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def code_digest(root: Path | None = None) -> str:
    """Short name of the code that trains; comments and docstrings change nothing."""
    import seisgeo

    root = root or Path(seisgeo.__file__).parent
    found = hashlib.sha256()
    for pattern in CODE:
        for file in sorted(root.glob(pattern)):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                if isinstance(
                    node, ast.Module | ast.ClassDef | ast.FunctionDef
                ) and ast.get_docstring(node, clean=False):
                    node.body = node.body[1:]
            found.update(ast.dump(tree).encode())
    return found.hexdigest()[:12]


class CpuTime:
    """CPU seconds of this process and of those that were stopped before it, noted in a file."""

    def __init__(self, note: Path) -> None:
        self.note = note
        self.before = json.loads(note.read_text())["seconds"] if note.exists() else 0.0
        self.started = time.process_time()
        self.over = threading.Event()

    @property
    def seconds(self) -> float:
        return self.before + time.process_time() - self.started

    def __enter__(self) -> CpuTime:
        self.note.parent.mkdir(parents=True, exist_ok=True)
        self.thread = threading.Thread(target=self._keep, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self.over.set()
        self.thread.join()

    def _keep(self) -> None:
        while not self.over.wait(NOTED):
            partial = self.note.with_suffix(".part")
            partial.write_text(json.dumps({"seconds": self.seconds}))
            partial.replace(self.note)


class LoaderClock:
    """Time that training waits for its batches, and time of its epochs without validation."""

    def __init__(self) -> None:
        self.waited = self.trained = 0.0
        self.steps = self.loaders = 0
        self.begun: float | None = None

    def __enter__(self) -> LoaderClock:
        from seisgeo import training

        make = training.loader

        def timed(*args: Any, **kwargs: Any) -> Any:
            self.loaders += 1  # the first is of the training, the second of the validation
            return _Timed(make(*args, **kwargs), self, training=self.loaders == 1)

        self.patch = mock.patch.object(training, "loader", timed)
        self.patch.start()
        return self

    def __exit__(self, *args: object) -> None:
        self.stop()
        self.patch.stop()

    def start(self) -> None:
        """An epoch of training begins."""
        self.stop()
        self.begun = time.perf_counter()

    def stop(self) -> None:
        """Whatever comes now is no training."""
        if self.begun is not None:
            self.trained += time.perf_counter() - self.begun
            self.begun = None

    def record(self) -> dict[str, float]:
        """Milliseconds of a step, and the loader's share of them."""
        if not self.steps:
            return {}
        return {
            "steps": self.steps,
            "step_ms": 1000 * self.trained / self.steps,
            "loader_share": self.waited / self.trained,
        }


class _Timed:
    def __init__(self, loader: Any, clock: LoaderClock, *, training: bool) -> None:
        self.loader, self.clock, self.training = loader, clock, training

    def __iter__(self) -> Iterator[Any]:
        if not self.training:
            self.clock.stop()
            yield from self.loader
            return
        self.clock.start()
        batches = iter(self.loader)
        while True:
            asked = time.perf_counter()
            batch = next(batches, None)
            self.clock.waited += time.perf_counter() - asked
            if batch is None:
                return
            self.clock.steps += 1
            yield batch


@contextlib.contextmanager
def read_once() -> Iterator[None]:
    """Let trainings on the same pairs read and thin their gathers once."""
    from seisgeo.estimators.views import Thinned

    load, kept = Thinned.load, {}

    def once(self: Thinned, progress: bool = False) -> Any:
        key = self.shape, self.factor
        if key not in kept:
            kept[key] = load(self, progress)
        return kept[key]

    with mock.patch.object(Thinned, "load", once):
        yield


def _masks(wanted: bool) -> contextlib.AbstractContextManager[Any]:
    if wanted:
        return contextlib.nullcontext()
    return mock.patch("seisgeo.estimators.fitting.near_copies_of", return_value={})
