"""Conversions that are killed, and what the same call makes of what they left."""

import os
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
from seisgeo.errors import DataWarning
from seisgeo.files import Stage

# A conversion that takes a moment after each block, so that it can be killed in the middle.
SLOWLY = """
import sys, time
from seisgeo import files
from seisgeo.adapters import convert
mark = files.Stage.mark
def slowly(*args):
    mark(*args)
    time.sleep(0.05)
files.Stage.mark = slowly
convert(sys.argv[1], sys.argv[2], memory="200 MB", overwrite="--overwrite" in sys.argv)
"""


@pytest.fixture(scope="module")
def line(tmp_path_factory) -> Path:
    """A stack of 16 MB in IBM floats; some traces hold patterns that decoding does not keep."""
    rng = np.random.default_rng(8)
    ds = xr.Dataset(
        {
            "amplitude": (
                ("inline", "crossline", "time"),
                rng.normal(size=(40, 50, 2000)).astype(np.float32),
            )
        },
        {
            "inline": np.arange(40) + 100,
            "crossline": np.arange(50) + 300,
            "time": np.arange(2000) * 0.002,
        },
    )
    path = write_segy(
        conventions.describe(ds), tmp_path_factory.mktemp("line") / "line.sgy", sample_format=1
    )
    with path.open("r+b") as file:
        for trace in (3, 700, 1999):
            file.seek(3600 + trace * 8240 + 240 + 40)
            file.write(bytes([0x45, 0, 0, 1]))  # not normalised
    return path


@pytest.fixture(scope="module")
def unbroken(line) -> Path:
    return convert(line, line.parent / "unbroken.zarr", memory="200 MB")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def begin(*arguments: object) -> subprocess.Popen:
    command = [sys.executable, "-c", SLOWLY, *map(str, arguments)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def kill_when(process: subprocess.Popen, reached) -> None:
    """Kill a conversion as soon as a condition holds; it must not end before."""
    limit = time.monotonic() + 60
    while not reached():
        assert process.poll() is None, f"ended before it was killed: {process.stderr.read()}"
        assert time.monotonic() < limit
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()


def test_killed_again_and_again_it_ends_with_the_bytes_of_an_unbroken_run(tmp_path, line, unbroken):
    target = tmp_path / "line.zarr"
    stage = Stage(target)

    def marks() -> int:
        return len(list((stage.folder / "done").glob("[!.]*")))

    kill_when(begin(line, target), stage.folder.exists)  # before anything can be kept
    kill_when(begin(line, target), stage.data.exists)
    kill_when(begin(line, target), lambda: marks() >= 1)
    first = {
        path: path.stat().st_ino
        for path in (stage.data / "amplitude" / "c").rglob("*")
        if path.is_file()
    }
    done = marks()
    kill_when(begin(line, target), lambda: marks() >= done + 2)
    kill_when(begin(line, target), (stage.data / "segy").exists)  # while headers are written
    assert not target.exists()
    (stage.data / "amplitude" / "c" / "0" / "0" / ".0f.partial").write_bytes(b"torn")
    process = begin(line, target)
    assert process.wait(60) == 0
    process.stderr.close()
    assert contents(target) == contents(unbroken)
    whole = [p for p in first if ".partial" not in p.name]
    kept = [(target / p.relative_to(stage.data)).stat().st_ino == first[p] for p in whole]
    assert sum(kept) >= done  # blocks that were whole were not written again
    assert os.listdir(tmp_path) == ["line.zarr"]
    again = write_segy(xr.open_dataset(target), tmp_path / "again.sgy")
    assert again.read_bytes() == line.read_bytes()


def test_a_replacement_that_was_killed_keeps_what_is_there_and_goes_on(tmp_path, line, unbroken):
    target = tmp_path / "line.zarr"
    target.mkdir()
    (target / "zarr.json").write_text("precious")
    stage = Stage(target)
    kill_when(begin(line, target, "--overwrite"), lambda: len(stage.marks()) >= 2)
    assert contents(target) == {"zarr.json": b"precious"}
    convert(line, target, memory="200 MB", overwrite=True)
    assert contents(target) == contents(unbroken)
    assert os.listdir(tmp_path) == ["line.zarr"]


def stop_after(monkeypatch, blocks: int) -> None:
    mark = Stage.mark

    def stop(stage, *args):
        mark(stage, *args)
        if len(stage.marks()) == blocks:
            raise KeyboardInterrupt

    monkeypatch.setattr(Stage, "mark", stop)


@pytest.fixture
def stopped(tmp_path, line, monkeypatch) -> Stage:
    """A conversion that Ctrl-C has ended after three blocks."""
    with monkeypatch.context() as patch:
        stop_after(patch, 3)
        with pytest.raises(KeyboardInterrupt):
            convert(line, tmp_path / "line.zarr", memory="200 MB")
    stage = Stage(tmp_path / "line.zarr")
    assert len(stage.marks()) == 3
    assert not stage.final.exists()
    return stage


def test_other_settings_start_anew_and_say_so(stopped, line, unbroken):
    message = r"line\.zarr: .* begun anew:\n  select: \"inline=100:110\" asked, null there"
    with pytest.warns(DataWarning, match=message):
        convert(line, stopped.final, memory="200 MB", select="inline=100:110")
    assert xr.open_dataset(stopped.final).sizes["inline"] == 11
    assert not stopped.folder.exists()


def test_a_source_that_was_changed_starts_anew(tmp_path, stopped, line):
    other = tmp_path / "line.sgy"
    other.write_bytes(line.read_bytes())
    with pytest.warns(DataWarning, match=r"source: .*line\.sgy.* asked"):
        convert(other, stopped.final, memory="200 MB")
    assert xr.open_dataset(stopped.final).sizes["inline"] == 40


@pytest.mark.parametrize("broken", ["run.json", "data/zarr.json", "done", "data"])
@pytest.mark.filterwarnings("ignore::seisgeo.errors.DataWarning")
def test_what_is_broken_of_a_stopped_run_is_done_again(stopped, line, unbroken, broken):
    path = stopped.folder / broken
    if broken == "done":
        for mark in path.iterdir():
            mark.write_text("[1, 2")
    elif path.is_dir():
        path.rename(stopped.folder / "elsewhere")
    else:
        path.write_text(path.read_text()[:10])
    convert(line, stopped.final, memory="200 MB")
    assert contents(stopped.final) == contents(unbroken)


def test_an_error_leaves_nothing_to_go_on_from(tmp_path, line, monkeypatch):
    mark = Stage.mark

    def fail(stage, *args):
        mark(stage, *args)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Stage, "mark", fail)
    with pytest.raises(OSError, match="No space left"):
        convert(line, tmp_path / "line.zarr", memory="200 MB")
    assert os.listdir(tmp_path) == []
