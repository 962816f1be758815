"""Conversions that are killed, and what the same call makes of what they left."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from seisgeo import conventions
from seisgeo.adapters import convert, write_segy
from seisgeo.errors import DataWarning
from seisgeo.files import Stage

# A conversion that kills itself where it is about to write, as soon as a condition holds: at the
# same place on a machine of any speed.
KILLED = """
import os, signal, sys
from seisgeo.adapters import convert
from seisgeo.files import Stage
condition, source, target, *more = sys.argv[1:]
stage = Stage(target)
def marks():
    return len(list((stage.folder / "done").glob("[!.]*")))
def look(event, given):
    if event in ("open", "os.mkdir", "os.rename") and str(given[0]).startswith(str(stage.folder)):
        if eval(condition):
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(look)
convert(source, target, memory="200 MB", overwrite="--overwrite" in more)
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


def kill_when(condition: str, *arguments: object) -> None:
    """Convert in a process that is killed as soon as a condition holds; it must not end before."""
    run = subprocess.run(
        [sys.executable, "-c", KILLED, condition, *map(str, arguments)],
        capture_output=True,
        check=False,
        text=True,
    )
    assert run.returncode == -signal.SIGKILL, f"ended before it was killed: {run.stderr}"


def test_killed_again_and_again_it_ends_with_the_bytes_of_an_unbroken_run(tmp_path, line, unbroken):
    target = tmp_path / "line.zarr"
    stage = Stage(target)

    kill_when("stage.folder.exists()", line, target)  # before anything can be kept
    kill_when("stage.data.exists()", line, target)
    kill_when("marks() >= 1", line, target)
    first = {
        path: path.stat().st_ino
        for path in (stage.data / "amplitude" / "c").rglob("*")
        if path.is_file()
    }
    done = len(stage.marks())
    kill_when(f"marks() >= {done + 2}", line, target)
    kill_when("(stage.data / 'segy').exists()", line, target)  # while headers are written
    assert not target.exists()
    (stage.data / "amplitude" / "c" / "0" / "0" / ".0f.partial").write_bytes(b"torn")
    convert(line, target, memory="200 MB")
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
    kill_when("marks() >= 2", line, target, "--overwrite")
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
