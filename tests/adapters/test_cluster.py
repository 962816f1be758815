"""Conversions whose blocks are written by the workers of a Dask cluster."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from seisgeo import conventions
from seisgeo.adapters import convert, write_segy
from seisgeo.errors import ParameterError
from seisgeo.files import Stage

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def line(tmp_path_factory) -> Path:
    rng = np.random.default_rng(9)
    ds = xr.Dataset(
        {"amplitude": (("shot", "receiver", "time"), rng.normal(size=(60, 40, 2000)))},
        {"field_record": ("shot", np.arange(60) + 7), "time": np.arange(2000) * 0.002},
    )
    ds = conventions.describe(ds.astype("f4"))
    return write_segy(ds, tmp_path_factory.mktemp("line") / "line.sgy")


@pytest.fixture(scope="module")
def alone(line) -> Path:
    return convert(line, line.parent / "alone.zarr", memory="200 MB")


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::seisgeo.errors.HeaderWarning")
def test_a_local_cluster_writes_the_same_bytes(tmp_path, line, alone):
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        out = convert(
            line, tmp_path / "line.zarr", memory="200 MB", scheduler=cluster.scheduler_address
        )
        part = convert(
            line,
            tmp_path / "part.zarr",
            memory="200 MB",
            scheduler=cluster.scheduler_address,
            select="field_record=10:20",
            resample=0.004,
        )
    assert contents(out) == contents(alone)
    assert dict(xr.open_dataset(part).sizes) == {"shot": 11, "receiver": 40, "time": 1000}


@pytest.fixture
def start():
    """Start a Python program that is ended with the test."""
    started = []

    def begin(*arguments: object) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()


# A worker that may be told to die at a block, in the middle of a conversion.
WORKER = """
import asyncio, os, signal, sys
from distributed import Worker
import seisgeo.adapters.cluster as cluster
call, left = cluster._call, int(sys.argv[2])
def counted(*args, **kwargs):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return call(*args, **kwargs)
cluster._call = counted
async def main():
    async with Worker(sys.argv[1], nthreads=1, dashboard=False) as worker:
        await worker.finished()
asyncio.run(main())
"""


def test_blocks_of_a_lost_worker_are_done_again(tmp_path, line, alone, start):
    file = tmp_path / "scheduler.json"
    scheduler = start(
        "-m", "dask", "scheduler", "--port", 0, "--no-dashboard", "--scheduler-file", file
    )
    while not file.exists() or not file.read_text():  # as long as a busy machine takes
        assert scheduler.poll() is None
        time.sleep(0.05)
    address = json.loads(file.read_text())["address"]
    lost = start("-c", WORKER, address, 3)
    conversion = start(
        "-c",
        "import sys; from seisgeo.adapters import convert; "
        "convert(sys.argv[1], sys.argv[2], memory='200 MB', scheduler=sys.argv[3])",
        line,
        tmp_path / "line.zarr",
        address,
    )
    assert lost.wait() == -signal.SIGKILL
    assert conversion.poll() is None
    assert len(Stage(tmp_path / "line.zarr").marks()) <= 2
    start("-c", WORKER, address, 0)
    assert conversion.wait() == 0
    assert contents(tmp_path / "line.zarr") == contents(alone)


def test_where_no_scheduler_answers(tmp_path, line, monkeypatch):
    monkeypatch.setattr("seisgeo.adapters.cluster._PATIENCE", 1)
    for address, reason in (("nowhere", "missing port"), ("tcp://127.0.0.1:9", "127.0.0.1:9")):
        with pytest.raises(ParameterError, match=f"no Dask scheduler answers there .*{reason}"):
            convert(line, tmp_path / "line.zarr", scheduler=address)
    with pytest.raises(ParameterError, match=r"line\.nc: scheduler=tcp://.* writes Zarr only"):
        convert(line, tmp_path / "line.nc", scheduler="tcp://127.0.0.1:9")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_scheduler_without_workers(tmp_path, line, monkeypatch):
    monkeypatch.setattr("seisgeo.adapters.cluster._PATIENCE", 1)
    with (
        distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=None) as cluster,
        pytest.raises(ParameterError, match="it has no workers; start some with `dask worker"),
    ):
        convert(line, tmp_path / "line.zarr", scheduler=cluster.scheduler_address)
    assert list(tmp_path.iterdir()) == []
