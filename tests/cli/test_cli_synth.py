"""seisgeo synth: pairs in bulk."""

import subprocess
import sys

import numpy as np
import pytest
import segyio
import xarray as xr

from seisgeo import synth
from seisgeo.synth import output
from seisgeo.synth.geology import OPENFWI_FAMILIES


def _synth(seisgeo, home, *words, n=3, families="flatvel-a"):
    return seisgeo(
        "synth", "--families", families, "-n", n, "--survey", home / "line.sgy",
        "--workers", 1, "--device", "cpu", *words
    )  # fmt: skip


def test_synth_writes_zarr_once_and_finds_it_done(seisgeo, home, work):
    code, out, _ = _synth(seisgeo, home, "--out", "train.zarr")
    assert (code, out) == (0, "wrote train.zarr: 3 pairs of gathers and velocity models\n")
    before = (work / "train.zarr" / "zarr.json").stat().st_mtime_ns
    code, out, _ = _synth(seisgeo, home, "--out", "train.zarr")
    assert (code, out) == (
        0,
        "train.zarr is there already: 3 pairs of gathers and velocity models\n",
    )
    assert (work / "train.zarr" / "zarr.json").stat().st_mtime_ns == before
    code, _, err = _synth(seisgeo, home, "--out", "train.zarr", "--seed", 9)
    assert code == 1
    assert "seed: 9 asked, 0 there" in err
    assert "--overwrite" in err
    assert [path.name for path in work.iterdir()] == ["train.zarr"]


def test_synth_takes_groups_and_files_of_models(seisgeo, home, work):
    _synth(seisgeo, home, "--out", "model.zarr", n=1, families="marine")
    with xr.open_dataset("model.zarr") as ds:
        ds[["velocity"]].isel(sample=0).to_netcdf("mine.nc", engine="h5netcdf")
    code, out, err = _synth(
        seisgeo, home, "--out", "set", "--format", "npy", n=1, families="openfwi,land,./mine.nc"
    )
    assert code == 0, err
    assert "12 pairs" in out
    with xr.open_dataset("set") as pairs:
        found = pairs["family"].values.tolist()
    assert sorted(found) == sorted([*OPENFWI_FAMILIES, "land", "mine"])
    assert sorted(path.name for path in work.iterdir()) == ["mine.nc", "model.zarr", "set"]


def test_synth_formats_hold_the_same_pairs(seisgeo, home, work):
    for kind, name in (("zarr", "a.zarr"), ("npy", "a"), ("segy", "b")):
        assert _synth(seisgeo, home, "--format", kind, "--out", name)[0] == 0
    assert sorted(path.name for path in work.iterdir()) == ["a", "a.zarr", "b"]
    with xr.open_dataset("a.zarr") as pairs, xr.open_dataset("a") as openfwi:
        np.testing.assert_array_equal(pairs["amplitude"], openfwi["amplitude"])
        np.testing.assert_array_equal(pairs["velocity"], openfwi["velocity"])
        with segyio.open("b/gathers.sgy", ignore_geometry=True) as file:
            gathers = pairs["amplitude"].transpose("sample", "source", "receiver", "time").values
            np.testing.assert_array_equal(file.trace.raw[:], gathers.reshape(-1, gathers.shape[-1]))
        with segyio.open("b/velocity.sgy", ignore_geometry=True) as file:
            models = pairs["velocity"].transpose("sample", "x", "depth").values
            np.testing.assert_array_equal(file.trace.raw[:], models.reshape(-1, models.shape[-1]))


def test_synth_with_openfwis_engine_writes_what_its_loader_takes(seisgeo, work):
    words = ["--families", "flatvel-a", "-n", 2, "--engine", "openfwi", "--workers", 1]
    code, _, err = seisgeo("synth", *words, "--device", "cpu", "--format", "npy", "--out", "set")
    assert (code, err.count("error")) == (0, 0)
    lines = (work / "set" / "annotation.txt").read_text().splitlines(keepends=True)
    assert [line[-1] for line in lines] == ["\n"]
    seismic, velocity = (np.load(name) for name in lines[0][:-1].split("\t"))
    assert (seismic.shape, velocity.shape) == ((2, 5, 1000, 70), (2, 1, 70, 70))
    with xr.open_dataset("set") as pairs:
        assert pairs.attrs["engine"] == "openfwi"
        again = synth.simulate(pairs[["velocity"]], synth.Survey.openfwi(), engine="openfwi")
        np.testing.assert_array_equal(again["amplitude"], seismic)


@pytest.mark.parametrize(
    ("n", "size"), [(1, 1), (500, 500), (700, 350), (501, 167), (30_000, 500), (1009, 500)]
)
def test_synth_makes_files_of_one_size(n, size):
    assert output.samples_per_file(n) == size


@pytest.mark.parametrize("kind", ["zarr", "npy", "segy"])
def test_synth_leaves_strangers_alone(seisgeo, home, work, kind):
    (work / "thesis").mkdir()
    (work / "thesis" / "chapter.txt").write_text("mine")
    for more in ([], ["--overwrite"]):
        code, _, err = _synth(seisgeo, home, "--out", "thesis", "--format", kind, *more)
        assert code == 1
        assert "thesis" in err
        assert err.count("\n") == 1
    assert (work / "thesis" / "chapter.txt").read_text() == "mine"
    assert [path.name for path in work.iterdir()] == ["thesis"]


@pytest.mark.parametrize("kind", ["npy", "segy"])
def test_synth_of_other_formats_is_found_done_or_refused_too(seisgeo, home, work, kind):
    assert _synth(seisgeo, home, "--out", "set", "--format", kind)[0] == 0
    before = (work / "set" / "manifest.json").read_bytes()
    code, out, _ = _synth(seisgeo, home, "--out", "set", "--format", kind)
    assert (code, out) == (0, "set is there already: 3 pairs of gathers and velocity models\n")
    assert (work / "set" / "manifest.json").read_bytes() == before
    code, _, err = _synth(seisgeo, home, "--out", "set", "--format", "zarr")
    assert code == 1
    assert f'format: "zarr" asked, "{kind}" there' in err
    assert "--overwrite" in err
    assert _synth(seisgeo, home, "--out", "set", "--format", kind, "--overwrite")[0] == 0


def test_synth_verifies_what_it_wrote(seisgeo, home, work):
    assert _synth(seisgeo, home, "--out", "set", "--format", "npy")[0] == 0
    code, out, _ = seisgeo("synth", "--verify", "set")
    assert (code, out) == (0, "set: 4 files as they were written\n")
    with open("set/model/model1.npy", "r+b") as file:
        file.seek(200)
        file.write(b"!")
    code, _, err = seisgeo("synth", "--verify", "set")
    assert code == 1
    assert "set: 1 of 4 files are not what manifest.json says: model/model1.npy was changed" in err
    code, _, err = seisgeo("synth", "--verify", home / "line.seisbind")
    assert code == 1
    assert "no manifest.json in it" in err


def test_synth_takes_surveys_by_name_wavelets_and_physics(seisgeo, home, work):
    words = ["synth", "--families", "flatvel-a", "-n", 1, "--workers", 1, "--device", "cpu"]
    (work / "mine.json").write_text(
        synth.Survey.from_attrs(xr.open_zarr(home / "train.zarr")).to_json()
    )
    assert seisgeo(*words, "--survey", "mine.json", "--out", "a.zarr")[0] == 0
    assert seisgeo(*words, "--survey", home / "line.sgy", "--out", "b.zarr")[0] == 0
    with xr.open_dataset("a.zarr") as a, xr.open_dataset("b.zarr") as b:
        np.testing.assert_array_equal(a["amplitude"], b["amplitude"])
    more = ["--wavelet", "90", "--physics", "acoustic", "--component", "depth"]
    more += ["--velocity-range", 1600, 4000]
    code, _, err = seisgeo(*words, "--survey", home / "line.sgy", *more, "--out", "c.zarr")
    assert code == 0, err
    with xr.open_dataset("c.zarr") as pairs:
        assert synth.Survey.from_attrs(pairs).wavelet is not None
        assert "acoustic" in pairs.attrs["scheme"]
        assert pairs.attrs["component"] == "depth"
        assert pairs["velocity"].max() <= 4000
        assert "density" in pairs
    code, _, err = seisgeo(*words, "--survey", "land", "--wavelet", "zero-phase", "--out", "d.zarr")
    assert code == 1
    assert "--wavelet 'zero-phase' is estimated from field data" in err


def test_synth_on_a_full_disk_says_that_it_goes_on(seisgeo, home, work, monkeypatch):
    def full(path, start, values):
        raise OSError(28, "No space left on device")  # as a write to an open file says it

    monkeypatch.setattr("seisgeo.synth.blocks.write_block", full)
    code, _, err = _synth(seisgeo, home, "--out", "train.zarr")
    assert code == 1
    said = "train.zarr: no space left; make room, and the same command goes on from here\n"
    assert err.endswith(f"seisgeo: error: {said}")
    monkeypatch.undo()
    monkeypatch.chdir(work)
    assert _synth(seisgeo, home, "--out", "train.zarr")[0] == 0


def test_synth_does_not_touch_a_zarr_store_beside_its_folder(seisgeo, home, work):
    assert _synth(seisgeo, home, "--out", "set.zarr")[0] == 0
    assert _synth(seisgeo, home, "--out", "set", "--format", "npy")[0] == 0
    with xr.open_dataset("set.zarr") as ds:
        assert ds.sizes["sample"] == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--families", "flatvel-c", "--out", "x.zarr"], "Did you mean 'flatvel-"),
        (["--families", "", "--out", "x.zarr"], "unknown velocity family ''"),
        (["--families", "flatvel-a", "--out", "x.sgy"], "give it a name without .sgy"),
        (["--families", "flatvel-a", "--out", "x", "--device", "gpu"], "--device gpu cannot"),
        (["--families", "flatvel-a", "--out", "x", "--survey", "no.sgy"], "no.sgy: no such file"),
        (["--families", "flatvel-a", "--out", "x", "--survey", "{home}/none.sgy"], "none.sgy"),
    ],
)
def test_synth_refuses_before_it_makes_anything(seisgeo, home, work, words, message):
    code, _, err = seisgeo("synth", "-n", 2, *(word.format(home=home) for word in words))
    assert code == 1
    assert err.startswith("seisgeo: error: ")
    assert err.count("\n") == 1
    assert message in err
    assert not list(work.iterdir())


# Ctrl-C, as a terminal sends it, when the second of twenty blocks is done.
INTERRUPTED = """
import os, signal
from seisgeo.cli import main
from seisgeo.files import Stage
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells have it ignored in background
mark = Stage.mark
def then_interrupt(stage, *given):
    mark(stage, *given)
    if len(stage.marks()) == 2:
        os.killpg(0, signal.SIGINT)
Stage.mark = then_interrupt
main()
"""


def test_synth_interrupted_goes_on_where_it_was(seisgeo, home, work):
    words = ["synth", "--families", "curvefault-a", "-n", 60, "--survey", home / "line.sgy"]
    words += ["--out", "long.zarr", "--workers", 1, "--device", "cpu", "--seed", 4]
    run = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, *map(str, words)],
        capture_output=True,
        check=False,
        start_new_session=True,
        text=True,
    )
    assert (run.returncode, run.stdout) == (130, "")
    assert run.stderr.endswith("seisgeo: interrupted; the same command goes on from here\n")
    assert "Traceback" not in run.stderr
    assert not (work / "long.zarr").exists()

    code, _, err = seisgeo(*words)
    assert code == 0
    assert " 6/60 " in err  # the bar starts there
    assert [path.name for path in work.iterdir()] == ["long.zarr"]
    # The first samples are those of a run that nobody interrupted.
    assert (
        _synth(seisgeo, home, "--out", "short.zarr", "--seed", 4, families="curvefault-a")[0] == 0
    )
    with xr.open_dataset("long.zarr") as long, xr.open_dataset("short.zarr") as short:
        assert np.isfinite(long["amplitude"].values).all()
        for name in ("amplitude", "velocity", "descriptor_value"):
            np.testing.assert_array_equal(long[name][:3], short[name])
