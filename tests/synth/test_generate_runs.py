"""Runs in bulk that are killed, that run out of disk, and that a cluster or a GPU makes."""

import errno
import json
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import seisgeo as sg
from seisgeo.errors import FormatError, MissingFileError, OutputExistsError
from seisgeo.files import Stage
from seisgeo.synth import Survey, blocks, verify_manifest
from seisgeo.synth.manifest import read_manifest

FAMILIES = ["flatvel-a", "curvefault-b"]


def make(out, survey, **changes):
    settings = dict(survey=survey, out=out, seed=5, device="cpu", workers=1, progress=False)
    return sg.synth.generate(FAMILIES, **(settings | {"n": 60} | changes))


def contents(folder: Path) -> dict[str, bytes]:
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in files
        if file.name != "manifest.json"
    }


def manifest(folder: Path) -> dict:
    return {key: value for key, value in read_manifest(folder).items() if key != "written"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory, small_survey):
    """120 pairs in 20 blocks of 6."""
    out = tmp_path_factory.mktemp("whole") / "pairs.zarr"
    make(out, small_survey)
    return out


# The manifest


def test_the_manifest_says_what_made_every_file(whole, small_survey):
    found = read_manifest(whole)
    assert found["samples"] == 120
    assert found["settings"]["families"] == FAMILIES
    assert found["settings"]["seed"] == 5
    assert Survey(**found["settings"]["survey"]) == small_survey
    (by,) = found["made_by"]
    assert by["samples"] == 120
    assert "cores" in by["hardware"]
    assert by["versions"]["seisgeo"] == sg.__version__
    assert {"python", "torch", "deepwave", "numba", "numpy"} <= set(by["versions"])
    assert set(found["files"]) == set(contents(whole))
    shards = [name for name in found["files"] if name.startswith("amplitude/c/")]
    assert len(shards) == 20
    # GNU coreutils agree.
    lines = "".join(f"{e['sha256']}  {whole / name}\n" for name, e in found["files"].items())
    done = subprocess.run(["sha256sum", "-c", "--quiet"], input=lines, text=True)
    assert done.returncode == 0


def test_verify_names_the_first_wrong_file(tmp_path, small_survey):
    out = tmp_path / "pairs.zarr"
    make(out, small_survey, n=2)
    assert verify_manifest(out) == len(contents(out))
    shard = out / "velocity" / "c" / "0" / "0" / "0"
    good = shard.read_bytes()
    shard.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    with pytest.raises(FormatError, match=r"pairs.zarr: 1 of \d+ files .* velocity/c/0/0/0 was c"):
        verify_manifest(out)
    shard.write_bytes(good[:-1])
    with pytest.raises(FormatError, match=rf"has {len(good) - 1} bytes, not {len(good)}"):
        verify_manifest(out)
    shard.unlink()
    with pytest.raises(FormatError, match="velocity/c/0/0/0 is missing"):
        verify_manifest(out)
    shard.write_bytes(good)
    (out / "notes.txt").write_text("mine")
    assert verify_manifest(out) == len(contents(out)) - 1
    (out / "manifest.json").write_text("[]")
    with pytest.raises(FormatError, match="expected a manifest that seisgeo synth wrote"):
        verify_manifest(out)
    (out / "manifest.json").unlink()
    with pytest.raises(MissingFileError, match=r"no manifest\.json in it"):
        verify_manifest(out)
    with pytest.raises(MissingFileError, match="no such folder"):
        verify_manifest(tmp_path / "nothing")


# What is stopped


# A full disk, and machines that lose power, are met by this: a block counts when its files are
# there in the size that was noted.
def test_a_block_whose_file_was_lost_is_made_again(tmp_path, small_survey, whole, monkeypatch):
    out, made, real = tmp_path / "pairs.zarr", [], blocks.make_block

    def stops(block, job):
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(block)
        return real(block, job)

    monkeypatch.setattr(blocks, "make_block", stops)
    with pytest.raises(KeyboardInterrupt):
        make(out, small_survey)
    shard = Stage(out).data / "amplitude" / "c" / "1" / "0" / "0" / "0"
    shard.write_bytes(shard.read_bytes()[:1000])
    monkeypatch.setattr(blocks, "make_block", lambda b, j: made.append(b) or real(b, j))
    make(out, small_survey)
    assert made == [(0, 6), (6, 12), *((a, a + 6) for a in range(6, 120, 6))]
    assert contents(out) == contents(whole)
    assert manifest(out) == manifest(whole)


def test_a_full_disk_keeps_what_was_done(tmp_path, small_survey, whole, monkeypatch):
    out, real = tmp_path / "pairs.zarr", blocks.write_block

    def fills_up(path, start, values):
        if start == 6:
            raise OSError(errno.ENOSPC, "No space left on device", str(path / "amplitude"))
        return real(path, start, values)

    monkeypatch.setattr(blocks, "write_block", fills_up)
    with pytest.raises(OSError, match="No space left"):
        make(out, small_survey)
    assert not out.exists()
    assert list(Stage(out).marks()) == ["0"]
    monkeypatch.setattr(blocks, "write_block", real)
    make(out, small_survey)
    assert contents(out) == contents(whole)
    assert list(tmp_path.iterdir()) == [out]


# Blocks of 6 take some tens of milliseconds, so that a kill hits every stage of a run.
PROGRAM = """
import sys
from seisgeo.synth import Survey, generate
survey = Survey.from_json(sys.argv[2])
generate(["flatvel-a", "curvefault-b"], 60, survey=survey, out=sys.argv[1], seed=5, device="cpu",
         workers=1, progress=False, format=sys.argv[3])
"""


def _program(out, survey, format) -> subprocess.Popen:
    words = [sys.executable, "-c", PROGRAM, str(out), survey.to_json(), format]
    return subprocess.Popen(words, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize(
    ("format", "kills"),
    [
        ("zarr", 1),
        pytest.param("zarr", 6, marks=pytest.mark.slow),
        pytest.param("npy", 4, marks=pytest.mark.slow),
    ],
)
def test_killed_at_any_moment_it_ends_with_the_same_bytes(tmp_path, small_survey, format, kills):
    reference = tmp_path / "same" / "pairs"
    make(reference, small_survey, format=format)
    expected, said = contents(reference), manifest(reference)
    out = tmp_path / "pairs"
    chance = random.Random(kills)
    for _ in range(kills):
        process = _program(out, small_survey, format)
        stage, before = Stage(out), len(Stage(out).marks())
        wait = chance.choice([1, 1, 2, 4, 9])
        while process.poll() is None and len(stage.marks()) < before + wait:
            time.sleep(0.002)
        time.sleep(chance.random() * 0.1)
        process.send_signal(signal.SIGKILL)
        process.wait()
    process = _program(out, small_survey, format)
    assert process.wait() == 0, process.stderr.read()
    # OpenFWI's annotations name the files, and those lie elsewhere.
    named = {name: data.replace(b"/same", b"") for name, data in expected.items()}
    assert contents(out) == (named if format == "npy" else expected)
    if format == "zarr":
        assert manifest(out) == said
    verify_manifest(out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pairs", "same"]


def test_a_worker_of_a_run_that_was_given_up_writes_nothing(tmp_path, small_survey):
    stage = Stage(tmp_path / "pairs.zarr")
    stage.clear()
    stage.data.mkdir()
    stage.start({"seed": 2})
    job = blocks.Job(stage, {"seed": 1}, "cpu", None)
    with pytest.raises(OutputExistsError, match="another run has begun"):
        blocks._store_block((0, 1), {}, job)
    assert stage.marks() == {}


# A cluster


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_local_cluster_makes_the_same_bytes(tmp_path, small_survey, whole, monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.chdir(tmp_path)
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
    ) as cluster:
        make("pairs.zarr", small_survey, scheduler=cluster.scheduler_address, device=None)
    assert contents(tmp_path / "pairs.zarr") == contents(whole)
    assert manifest(tmp_path / "pairs.zarr") == manifest(whole)


WORKER = """
import asyncio, sys
from distributed import Worker
async def main():
    async with Worker(sys.argv[1], nthreads=1, dashboard=False) as worker:
        await worker.finished()
asyncio.run(main())
"""


@pytest.mark.slow
def test_blocks_of_a_lost_worker_are_made_again(tmp_path, small_survey):
    pytest.importorskip("distributed")
    make(tmp_path / "alone.zarr", small_survey, n=120)
    file, started = tmp_path / "scheduler.json", []

    def start(*words):
        started.append(subprocess.Popen([sys.executable, *map(str, words)], cwd=tmp_path))
        return started[-1]

    try:
        words = ("scheduler", "--port", 0, "--no-dashboard", "--scheduler-file", file)
        scheduler = start("-m", "dask", *words)
        while not file.exists() or not file.read_text():  # as long as a busy machine takes
            assert scheduler.poll() is None
            time.sleep(0.05)
        address = json.loads(file.read_text())["address"]
        lost = start("-c", WORKER, address)
        out = tmp_path / "pairs.zarr"
        stage, ended = Stage(out), []

        def kill():
            while len(stage.marks()) < 4:
                time.sleep(0.005)
            lost.kill()
            ended.append(len(stage.marks()))
            start("-c", WORKER, address)

        killer = threading.Thread(target=kill, daemon=True)
        killer.start()
        make(out, small_survey, n=120, scheduler=address)
        killer.join()
    finally:
        for process in started:
            process.kill()
            process.wait()
    assert ended[0] < 20, "the worker had done all before it was killed"
    assert contents(out) == contents(tmp_path / "alone.zarr")
    assert verify_manifest(out)


# A GPU


@pytest.fixture
def gpu(monkeypatch):
    """What is asked of a GPU is done by the CPU; what happens is written down in its order."""
    from seisgeo.synth.engines import deepwave

    real, log = deepwave.simulate_array, []

    def simulate(velocity, survey, *, device, **settings):
        assert device == "cuda"
        log.append(("simulate", len(velocity)))
        return real(velocity, survey, device="cpu", **settings)

    monkeypatch.setattr(deepwave, "simulate_array", simulate)
    monkeypatch.setattr(blocks, "environment", lambda device: {"hardware": device, "versions": {}})
    return log


def test_a_gpu_simulates_while_the_last_blocks_are_written(
    tmp_path, small_survey, whole, gpu, monkeypatch
):
    real, second = blocks.write_block, threading.Event()
    models = blocks.simulate_models

    def simulate(drawn, job):
        if gpu:
            second.set()
        return models(drawn, job)

    def write(path, start, values):
        # The first block is written for as long as the simulation of the second has not begun.
        assert second.wait(60)
        assert threading.current_thread() is not threading.main_thread()
        return real(path, start, values)

    monkeypatch.setattr(blocks, "simulate_models", simulate)
    monkeypatch.setattr(blocks, "write_block", write)
    pairs = make(tmp_path / "pairs.zarr", small_survey, device="cuda")
    assert gpu == [("simulate", 60), ("simulate", 60)]
    shards = [name for name in contents(whole) if "/c/" in name]
    made = contents(tmp_path / "pairs.zarr")
    assert all(made[name] == contents(whole)[name] for name in shards)
    assert pairs.sizes["sample"] == 120


def test_a_large_batch_takes_several_blocks_at_once(tmp_path, small_survey, whole, gpu):
    make(tmp_path / "pairs.zarr", small_survey, device="cuda", batch_size=100)
    assert gpu == [("simulate", 96), ("simulate", 24)]
    np.testing.assert_equal(contents(tmp_path / "pairs.zarr").keys(), contents(whole).keys())
    shard = "amplitude/c/1/0/0/0"
    assert contents(tmp_path / "pairs.zarr")[shard] == contents(whole)[shard]


def test_an_error_of_a_gpu_loses_no_block_that_was_simulated(
    tmp_path, small_survey, gpu, monkeypatch
):
    models = blocks.simulate_models

    def fails(drawn, job):
        if len(gpu) == 2:
            raise RuntimeError("the GPU fell off the bus")
        return models(drawn, job)

    monkeypatch.setattr(blocks, "simulate_models", fails)
    with pytest.raises(RuntimeError, match="fell off the bus"):
        make(tmp_path / "pairs.zarr", small_survey, device="cuda", batch_size=48)
    assert set(Stage(tmp_path / "pairs.zarr").marks()) == {str(a) for a in range(0, 96, 6)}
