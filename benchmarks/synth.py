"""Simulation: engines against each other, against a plain version, and in bulk.

    python benchmarks/synth.py [--rounds 5] [--models 4] [--bulk 400]

OpenFWI's survey and models of curvefault-b throughout. On a CPU every contestant runs in a process
of its own with one thread and denormal numbers as zero, in turns; figures are medians. Ratios of
one core come from CPU seconds, the gain of two workers from wall seconds, which mean something only
where two cores are free: the load is kept with the result.

In bulk everything that generate() does is counted: folder, drawing, simulation, descriptors,
checksums, writing, manifest. By hand it is Deepwave alone, on the same models, which lie ready,
with the same settings and as many models a call; its gathers are dropped. Both take turns in one
process, block by block, so that neither has the better minutes of a shared machine. The run is of
hundreds of models, in blocks as large as those of any longer one; making the folder is a fixed
cost, about a model's. Not counted is what a run of thousands of models does not feel: the imports
of the first call, and the start of worker processes, which is a line of its own. Each figure is the
median of some rounds, with the lowest and the highest.

Where there is a GPU, both engines run there in batches against Deepwave called one model at a time;
without one the column stays empty.
The tables are printed, and kept with date and hardware as benchmarks/results/synth-<cpu>.json.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from machine import RESULTS, kept_as

FAMILY = "curvefault-b"
BATCHES = (64, 128, 256)

#: Ratio -> (contestant that is slower, contestant that is faster, goal).
GOALS = {
    "openfwi engine against plain numpy": ("plain numpy", "openfwi engine", 5.0),
    "openfwi engine against plain torch": ("plain torch", "openfwi engine", 5.0),
    "openfwi engine against deepwave, accuracy 4, pml 120": (
        "deepwave by hand, pml 120",
        "openfwi engine",
        3.5,
    ),
    "openfwi engine against the deepwave engine": ("deepwave engine", "openfwi engine", None),
}
BULK_GOALS = {
    "deepwave in bulk against by hand, CPU": 0.95,
    "deepwave in bulk, two workers against one, wall": 1.9,
    "start of two workers, seconds": None,
    "writing, share of the rest of the deepwave engine (least is best)": 0.05,
    "writing, share of the rest of the openfwi engine (least is best)": 0.05,
}


# ---------------------------------------------------------------------------- the contestants


def models(n: int) -> np.ndarray:
    from seisgeo.synth import draw_velocity

    return draw_velocity(FAMILY, n, seed=1)["velocity"].values


def plain(velocity: np.ndarray, library: str) -> np.ndarray:
    """OpenFWI's scheme as one would write it down: whole fields, all shots of a model at once."""
    import torch

    from seisgeo.synth import Survey
    from seisgeo.synth.engines import openfwi_scheme

    survey = Survey.openfwi()
    sources, receivers = openfwi_scheme.cells(survey)
    parts = openfwi_scheme.coefficients(velocity, survey)
    n_rows, n_cols = parts.padded_shape
    row = np.arange(n_rows)
    pad, inner = openfwi_scheme.PAD, len(parts.alpha)
    alpha = parts.alpha[np.clip(row - pad, 0, inner - 1)].astype(np.float32)
    outside = np.maximum(np.maximum(pad - 1 - row, row - pad - inner), 0)
    keep = parts.keep[outside].astype(np.float32)
    emitted = parts.emitted.astype(np.float32)
    record = np.empty((5, survey.nt, 70), np.float32)
    shots = np.arange(5)
    at = (shots, sources[:, 0], sources[:, 1])
    listen = (shots[:, None], receivers[..., 0], receivers[..., 1])
    if library == "torch":
        alpha, keep, emitted = (torch.as_tensor(a) for a in (alpha, keep, emitted))
        now, old = torch.zeros(2, 5, n_rows, n_cols)
        roll, how = torch.roll, "dims"
    else:
        now, old = np.zeros((2, 5, n_rows, n_cols), np.float32)
        roll, how = np.roll, "axis"
    for n in range(survey.nt):
        near = sum(roll(now, s, **{how: axis}) for s in (-1, 1) for axis in (1, 2))
        far = sum(roll(now, s, **{how: axis}) for s in (-2, 2) for axis in (1, 2))
        new = now + keep * (now - old) + alpha * (16 * near - far - 60 * now)
        new[at] += emitted[:, n]
        old, now = now, new
        record[:, n] = now[listen]
    return record


def deepwave_by_hand(velocity: np.ndarray, pml: int, device: str = "cpu") -> object:
    """One model, as Deepwave's documentation would have it, or several in one call."""
    import deepwave
    import torch

    model = torch.as_tensor(velocity, dtype=torch.float32, device=device)
    count = 1 if model.ndim == 2 else len(model)
    if model.ndim == 3:
        model = model.repeat_interleave(5, dim=0)
    n = torch.arange(70)
    locations = torch.stack([torch.ones_like(n), n], dim=-1)
    sources = torch.tensor([[[1, x]] for x in (0, 17, 34, 52, 69)])
    wavelet = -deepwave.wavelets.ricker(15.0, 1001, 0.001, 0.073).to(torch.float32)
    with torch.no_grad():
        return deepwave.scalar(
            model,
            10.0,
            0.001,
            source_amplitudes=wavelet.expand(5 * count, 1, -1).to(device),
            source_locations=sources.repeat(count, 1, 1).to(device),
            receiver_locations=locations.expand(5 * count, -1, -1).to(device),
            accuracy=4,
            pml_width=pml,
            pml_freq=15.0,
            max_vel=4500.0,
            courant_number=0.85,
        ).receiver_amplitudes[..., 1:]


def engine(name: str) -> Callable[[np.ndarray], object]:
    from seisgeo.synth import Survey
    from seisgeo.synth.engines import engine_module

    survey, module = Survey.openfwi(), engine_module(name)
    return lambda v: module.simulate_array(v[None], survey, device="cpu")


CONTESTANTS: dict[str, Callable[[], Callable[[np.ndarray], object]]] = {
    "openfwi engine": lambda: engine("openfwi"),
    "plain numpy": lambda: lambda v: plain(v, "numpy"),
    "plain torch": lambda: lambda v: plain(v, "torch"),
    "deepwave engine": lambda: engine("deepwave"),
    "deepwave by hand, pml 20": lambda: lambda v: deepwave_by_hand(v, 20),
    "deepwave by hand, pml 120": lambda: lambda v: deepwave_by_hand(v, 120),
}


# ---------------------------------------------------------------------------- what a process does


def seconds_a_model(name: str, n: int) -> list[float]:
    """CPU seconds of each of `n` models, after one that is not counted."""
    from seisgeo.devices import one_thread

    run = CONTESTANTS[name]()
    velocity = models(n + 1)
    taken = []
    with one_thread():
        for one in velocity:
            start = time.process_time()
            run(one)
            taken.append(time.process_time() - start)
    return taken[1:]


def in_bulk(engine_name: str, n: int, workers: int) -> dict[str, float]:
    """Wall seconds of one generate(), and CPU seconds of this process: all, if workers is 1."""
    from seisgeo.synth import generate

    with tempfile.TemporaryDirectory() as folder:
        wall, cpu = time.perf_counter(), time.process_time()
        generate(
            FAMILY, n, out=Path(folder) / "pairs.zarr", engine=engine_name, device="cpu",
            workers=workers, seed=1, progress=False,
        )  # fmt: skip
        return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def bulk(engine_name: str, n: int) -> dict[str, float]:
    """CPU seconds a model of generate() on one worker, of its writing, and of Deepwave by hand."""
    from seisgeo.devices import one_thread
    from seisgeo.synth import Survey, blocks
    from seisgeo.synth.engines.batches import cpu_batch

    spent = {"by hand": 0.0, "writing": 0.0}
    make, write, velocity = blocks.make_block, blocks.write_block, models(n)
    at_once = cpu_batch(Survey.openfwi())

    def count(what: str, task: Callable[..., object], *given: object) -> object:
        start = time.process_time()
        done = task(*given)
        spent[what] += time.process_time() - start
        return done

    def by_hand(start: int, stop: int) -> None:
        with one_thread():
            for first in range(start, stop, at_once):
                deepwave_by_hand(velocity[first : min(first + at_once, stop)], 20)

    def in_turns(block: tuple[int, int], job: object) -> object:
        if engine_name == "deepwave":
            count("by hand", by_hand, *block)
        return make(block, job)

    in_bulk(engine_name, 2, 1)
    by_hand(0, at_once)
    blocks.make_block = in_turns
    blocks.write_block = lambda *given: count("writing", write, *given)
    total = in_bulk(engine_name, n, 1)["cpu"]
    spent["in bulk"] = total - spent["by hand"]
    return {what: seconds / n for what, seconds in spent.items()}


def workers_gain(n: int) -> dict[str, float]:
    """Wall seconds of one worker over those of two, and how long two take to start.

    The workers of a process stay for its next run: the first run pays for their start.
    """
    in_bulk("deepwave", 2, 1)
    # Enough models that the second worker, when it has started, still finds some.
    first, again, two = (in_bulk("deepwave", count, 2)["wall"] for count in (n // 2, n // 2, n))
    return {"gain": in_bulk("deepwave", n, 1)["wall"] / two, "start": first - again}


def gpu() -> dict[str, object] | None:
    """Models a second on a GPU by engine and batch, or None where there is none."""
    import torch

    from seisgeo.synth import Survey
    from seisgeo.synth.engines import engine_module

    if not torch.cuda.is_available():
        return None
    survey, velocity = Survey.openfwi(), models(max(BATCHES))

    def rate(task: Callable[[], object], n: int) -> float:
        task()
        taken = []
        for _ in range(5):
            torch.cuda.synchronize()
            start = time.perf_counter()
            task()
            torch.cuda.synchronize()
            taken.append(time.perf_counter() - start)
        return n / statistics.median(taken)

    table: dict[str, object] = {"gpu": torch.cuda.get_device_name()}
    one = velocity[0]
    table["deepwave by hand, pml 20"] = rate(lambda: deepwave_by_hand(one, 20, "cuda"), 1)
    table["deepwave by hand, pml 120"] = rate(lambda: deepwave_by_hand(one, 120, "cuda"), 1)
    for name in ("deepwave", "openfwi"):
        simulate = engine_module(name).simulate_array
        for batch in BATCHES:
            part = velocity[:batch]
            table[f"{name} engine, batch {batch}"] = rate(
                lambda f=simulate, v=part: f(v, survey, device="cuda", batch_size=len(v)), batch
            )
    # A step reads two fields and writes one; what the coefficients take stays in cache.
    copied = torch.empty(2**28, device="cuda")
    bandwidth = rate(lambda: copied.clone(), 1) * 2 * 4 * copied.numel()
    limit = bandwidth / (3 * 4 * 310 * 310 * 5 * survey.nt)
    best = max(table[f"openfwi engine, batch {b}"] for b in BATCHES)
    table["memory bandwidth, measured by copying (GB/s)"] = bandwidth / 1e9
    table["models/s if every field came from memory in every step"] = limit
    table["openfwi engine, fraction of that"] = best / limit
    table["openfwi engine against deepwave, pml 120, one by one (goal 2)"] = (
        best / table["deepwave by hand, pml 120"]
    )
    return table


# ---------------------------------------------------------------------------- the run


def in_its_own_process(*task: object) -> object:
    command = [sys.executable, __file__, "--task", json.dumps(task)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{task} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def do(task: list) -> object:
    kind, *arguments = task
    tasks = {"one": seconds_a_model, "bulk": bulk, "workers": workers_gain, "gpu": gpu}
    return tasks[kind](*arguments)


def show(title: str, rows: list[dict[str, object]]) -> None:
    print(f"\n{title}")
    for row in rows:
        goal, ratio = row["goal"], row["ratio"]
        mark = f"   {row['lowest']:.3f} to {row['highest']:.3f}" if "lowest" in row else ""
        if goal is not None:
            least = "least is best" in str(row["what"])
            met = ratio <= goal if least else ratio >= goal
            mark += f"   goal {'<=' if least else '>='} {goal}{'' if met else '   MISSED'}"
        print(f"  {row['what']:68}{ratio:8.3f}{mark}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--models", type=int, default=4, help="models a round and contestant")
    parser.add_argument("--bulk", type=int, default=400, help="models of a bulk run, a multiple "
                        "of 40 so that both workers have the same to do")  # fmt: skip
    parser.add_argument("--task", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.task:
        print(json.dumps(do(json.loads(options.task))))
        return

    load = [os.getloadavg()[0]]
    taken: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    for _ in range(options.rounds):
        for name in CONTESTANTS:
            n = options.models if not name.startswith("plain") else max(1, options.models // 4)
            taken[name] += in_its_own_process("one", name, n)
    seconds = {name: statistics.median(s) for name, s in taken.items()}
    print("CPU, one core, models a second")
    for name, value in seconds.items():
        print(f"  {name:68}{1 / value:8.2f}")
    engines = [
        {"what": what, "ratio": seconds[slow] / seconds[fast], "goal": goal}
        for what, (slow, fast, goal) in GOALS.items()
    ]
    show("Engines, CPU seconds of one core", engines)

    runs: dict[str, list[dict[str, float]]] = {"deepwave": [], "openfwi": [], "workers": []}
    for _ in range((options.rounds + 1) // 2):
        for name in ("deepwave", "openfwi"):
            load.append(os.getloadavg()[0])
            runs[name].append(in_its_own_process("bulk", name, options.bulk))
        runs["workers"].append(in_its_own_process("workers", options.bulk))

    def each(name: str, of: Callable[[dict[str, float]], float]) -> list[float]:
        return sorted(of(run) for run in runs[name])

    ratios = [
        each("deepwave", lambda run: run["by hand"] / run["in bulk"]),
        each("workers", lambda run: run["gain"]),
        each("workers", lambda run: run["start"]),
        *(
            each(name, lambda run: run["writing"] / (run["in bulk"] - run["writing"]))
            for name in ("deepwave", "openfwi")
        ),
    ]
    bulk_ratios = [
        {"what": what, "ratio": statistics.median(found), "lowest": found[0],
         "highest": found[-1], "goal": goal}
        for (what, goal), found in zip(BULK_GOALS.items(), ratios, strict=True)
    ]  # fmt: skip
    show(f"In bulk (load of the machine {statistics.median(load):.1f})", bulk_ratios)

    on_gpu = in_its_own_process("gpu")
    print("\nGPU")
    if on_gpu is None:
        print("  none here. Where there is one: models/s of both engines at batch "
              f"{', '.join(map(str, BATCHES))},\n  of Deepwave called by hand one model at a time, "
              "and the fraction of the memory's bandwidth.")  # fmt: skip
    else:
        for name, value in on_gpu.items():
            print(f"  {name:68}{value if isinstance(value, str) else f'{value:10.2f}'}")

    from seisgeo.devices import processor

    RESULTS.mkdir(exist_ok=True)
    cpu = processor()
    out = RESULTS / f"synth-{kept_as(cpu)}.json"
    report = {
        "date": datetime.date.today().isoformat(),
        "cpu": cpu,
        "cores": os.cpu_count(),
        "load": statistics.median(load),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "unit": "models a second and core, medians; the ratios are what may be quoted",
        "models_per_second": {name: 1 / value for name, value in seconds.items()},
        "engines": engines,
        "bulk": bulk_ratios,
        "gpu": on_gpu,
    }
    partial = out.with_suffix(".part")
    partial.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    partial.replace(out)
    print(f"\nkept as {out}")


if __name__ == "__main__":
    main()
