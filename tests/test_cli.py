"""The command line as a stranger types it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import segyio
import xarray as xr

import seisgeo as sg
from seisgeo import adapters, cli, console, conventions, synth
from seisgeo.synth import output
from seisgeo.synth.geology import OPENFWI_FAMILIES

COMMANDS = (
    "info", "headers", "convert", "synth", "synth-events", "detect", "fit", "embed", "retrieve",
    "cluster", "predict", "evaluate", "demo", "verify",
)  # fmt: skip


def _shots(receivers=12):
    """Three marine shots of a direct wave: a survey small enough to simulate in milliseconds."""
    shots, nt, dt = 3, 126, 0.004
    source_x = 1000.0 + 50 * np.arange(shots)
    offset = 100.0 + 50 * np.arange(receivers)
    time_ = np.arange(nt) * dt
    arrival = np.hypot(0.05, offset / 2000) + 0.03
    b = (np.pi * 12 * (time_ - arrival[:, None])) ** 2
    both = (shots, receivers)
    return conventions.describe(
        xr.Dataset(
            {
                "amplitude": (
                    ("shot", "receiver", "time"),
                    np.broadcast_to((1 - 2 * b) * np.exp(-b), (*both, nt)).astype(np.float32),
                )
            },
            coords={
                "time": time_,
                "field_record": ("shot", 11 + np.arange(shots)),
                "channel": ("receiver", 1 + np.arange(receivers)),
                "source_x": ("shot", source_x),
                "source_y": ("shot", np.zeros(shots)),
                "source_depth": ("shot", np.full(shots, 5.0)),
                "receiver_x": (("shot", "receiver"), source_x[:, None] + offset),
                "receiver_y": (("shot", "receiver"), np.zeros(both)),
                "receiver_depth": (("shot", "receiver"), np.full(both, 5.0)),
                "offset": (("shot", "receiver"), np.broadcast_to(offset, both)),
            },
        )
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a field line, a training set, a test set, and a model."""
    folder = tmp_path_factory.mktemp("home")
    adapters.write_segy(_shots(), folder / "line.sgy")
    for words in (
        ["synth", "--families", "flatvel-a,curvevel-b", "-n", 20, "--survey", folder / "line.sgy",
         "--out", folder / "train.zarr", "--workers", 1, "--device", "cpu"],
        ["synth", "--families", "curvevel-b", "-n", 12, "--survey", folder / "line.sgy",
         "--out", folder / "test.zarr", "--workers", 1, "--device", "cpu", "--seed", 1],
        ["fit", folder / "train.zarr", "--out", folder / "line.seisbind",
         "--max-epochs", 2, "--batch-size", 16, "--device", "cpu"],
    ):  # fmt: skip
        with pytest.raises(SystemExit) as stop:
            cli.main([str(word) for word in words])
        assert not stop.value.code
    return folder


# Usage


def test_without_a_command_the_help_lists_them_in_the_order_of_work(seisgeo):
    code, out, _ = seisgeo()
    assert code == 0
    places = [out.index(f"│ {name} ") for name in COMMANDS]
    assert places == sorted(places)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_explained(seisgeo, command):
    code, out, _ = seisgeo(command, "--help")
    assert code == 0
    assert f"seisgeo {command} " in out.split("Usage:")[1].split("╭")[0].replace("\n", " ")
    row = re.compile(r"│ (?:\*  |   )?(-|[A-Z]+ )")
    rows = [line.strip("│* ") for line in out.splitlines() if row.match(line)]
    assert len(rows) >= (1 if command == "verify" else 3)
    for line in rows:
        name, *text = re.split(r" {2,}", line, maxsplit=1)
        assert text, f"{name} is not explained"
        assert text[0][0] != "[", f"{name} has a default or choices, but is not explained"
    assert not re.search(r"^│ .{,8}--(no|empty)-", out, re.M), "a negative that nobody needs"


@pytest.mark.parametrize(
    ("command", "option", "ends"),
    [("synth", "--velocity-range", "1500 4500"), ("synth-events", "--snr", "5 40")],
)
def test_a_range_is_told_as_it_is_typed(seisgeo, command, option, ends):
    _, out, _ = seisgeo(command, "--help")
    assert f"[default: {ends}]" in " ".join(out.replace("│", " ").split())
    code, _, err = seisgeo(command, f"--empty-{option[2:]}", "-n", 1, "--out", "a.zarr")
    assert code == 2
    assert re.search(f'Unknown option: "?--empty-{option[2:]}', err)


def test_python_m_is_the_same_command_line():
    done = subprocess.run(
        [sys.executable, "-m", "seisgeo", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{sg.__version__}\n"


def test_version(seisgeo):
    import seisgeo as package

    assert seisgeo("--version") == (0, f"{package.__version__}\n", "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["inf"], 'Did you mean "info"'),
        (["info"], "requires an argument"),
        (["info", "a", "b"], "Unused Tokens"),
        (["info", "a", "--jsn"], "Did you mean --json"),
        (["synth", "--families", "flatvel-a", "--out", "x"], "-n requires an argument"),
        (["synth", "--families", "flatvel-a", "-n", "0", "--out", "x"], "Must be >= 1"),
        (["synth", "--families", "flatvel-a", "-n", "ten", "--out", "x"], "into int"),
        (["synth", "--families", "flatvel-a", "-n", "1", "--out", "x", "--format", "hdf"], "zarr"),
        (["fit", "x.zarr"], "--out requires an argument"),
        (["fit", "x.zarr", "--out", "m", "--max-epochs", "0"], "Must be >= 1"),
        (["retrieve", "m", "q", "g", "-k", "0"], "Must be >= 1"),
        (["evaluate", "m", "d", "--limit", "1"], "Must be >= 2"),
        (["fit", "x.zarr", "--out", "m", "--view", "waveform"], "--view is an option of --model"),
        (["fit", "x", "--out", "m", "--model", "simclr", "--resume"], "--resume is an option of"),
        (["fit", "x", "--out", "m", "--model", "locator", "--fine-tune"], "needs --features"),
        (
            [
                "fit",
                "x",
                "--out",
                "m",
                "--model",
                "locator",
                "--features",
                "f",
                "--encoder",
                "small",
            ],
            "--encoder is that of the model that --features names",
        ),
        (["cluster", "m", "d", "--out", "c.csv", "--smallest", "1"], "Must be >= 2"),
        (["synth-events", "--out", "x.zarr"], "-n requires an argument"),
        (["convert", "a.sgy", "b.zarr", "--quantity", "speed"], "amplitude"),
    ],
)
def test_wrong_arguments_exit_with_2(seisgeo, work, words, message):
    code, out, err = seisgeo(*words)
    assert (code, out) == (2, "")
    assert err.startswith("seisgeo: error: ")
    assert err.endswith("see seisgeo COMMAND --help\n")
    assert message in err
    assert not list(work.iterdir())


# What a user's mistakes say


def _broken_zarr(folder):
    (folder / "bad.zarr").mkdir()
    (folder / "bad.zarr" / "zarr.json").write_text("{")
    return folder / "bad.zarr"


def _cut_netcdf(folder):
    whole = adapters.write_netcdf(_shots(), folder / "whole.nc").read_bytes()
    (folder / "cut.nc").write_bytes(whole[: len(whole) // 2])
    return folder / "cut.nc"


def _file(name, content):
    def make(folder):
        (folder / name).write_bytes(content)
        return folder / name

    return make


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder / "nowhere.sgy", r"nowhere\.sgy: no such file"),
        (_file("empty.sgy", b""), r"empty\.sgy: .*empty"),
        (_file("notes.sgy", b"no seismic\n" * 400), r"notes\.sgy: .*text"),
        (_file("line.su", bytes(500)), r"line\.su: no SU file"),
        (_file("notes.md", b"# Notes"), r"notes\.md: nothing here can open it"),
        (_file("model.seisbind", b"no model"), r"model\.seisbind: not a whole safetensors file"),
        (_file("data.npy", b"no array"), r"data\.npy: not a \.npy file"),
        (_broken_zarr, r"bad\.zarr: cannot be opened"),
        (_cut_netcdf, r"cut\.nc: cannot be opened.*truncated"),
        (lambda folder: folder, r"nothing here can open it"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_gives_one_line_that_names_it(seisgeo, tmp_path, make, message):
    code, out, err = seisgeo("info", make(tmp_path))
    assert (code, out) == (1, "")
    assert err.startswith("seisgeo: error: ")
    assert err.count("\n") == 1
    assert re.search(message, err), err


def test_an_error_of_another_library_is_one_line_too(seisgeo, monkeypatch, home):
    def fail(*args, **kwargs):
        raise KeyError("chunk 7\nand much more")

    monkeypatch.setattr("seisgeo.summary.summarise", fail)
    code, _, err = seisgeo("info", home / "line.sgy")
    assert code == 1
    assert err.startswith("seisgeo: error: KeyError: ")
    assert err.count("\n") == 1
    monkeypatch.setenv("SEISGEO_TRACEBACK", "1")
    with pytest.raises(KeyError, match="chunk 7"):
        cli.main(["info", str(home / "line.sgy")])


def test_messages_name_options_not_arguments_of_python():
    said = console.as_options(
        "pass overwrite=True; with coordinate_scale=0.1 it fits; pass layout= to decide; name it "
        "with engine=: zarr; open it with coordinate_scale=...; headers={'inline': (9, 'int32')}"
    )
    assert said == (
        "pass --overwrite; with --coordinate-scale 0.1 it fits; pass --layout to decide; name it "
        "with --engine: zarr; open it with --coordinate-scale; --byte.NAME BYTE"
    )


def test_a_full_disk_is_named_by_the_output(seisgeo, monkeypatch, home, work):
    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device", str(work / ".line.zarr.partial" / "zarr.json"))

    monkeypatch.setattr("seisgeo.adapters.conversion.write_zarr", fail)
    code, _, err = seisgeo("convert", home / "line.sgy", "line.zarr")
    assert code == 1
    assert err.endswith("line.zarr/zarr.json: No space left on device\n")
    assert ".partial" not in err


# info


def test_info_says_contradictions_first_then_the_geometry(seisgeo, data_dir):
    file = data_dir / "segy" / "viking_small.segy"
    code, out, err = seisgeo("info", file)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == str(file)
    assert lines[1].startswith("! samples a trace (binary header: 600, trace headers: 1500)")
    rows = {line[:18].strip(): line[18:] for line in lines if not line.startswith(("!", " "))}
    assert rows["cube"] == "amplitude (shot 4, receiver 120, time 600)"
    assert rows["time"] == "0 to 2.396 s, 600 samples every 4 ms"
    assert rows["offset"] == "-3237 to -262 m"
    assert rows["source depth"] == "6 m"
    assert rows["field record"] == "3 to 6"
    assert rows["layout"].startswith("shot gathers, confidence high: 4 gathers by field record")
    assert rows["traces"].endswith("sorted by shot, then receiver")
    assert len(lines) <= 40
    assert "C 1 CLIENT" not in out  # a form that nobody filled in
    full = seisgeo("info", file, "--headers")[1]
    assert "C 1 CLIENT" in full
    assert "samples_original" in full


def test_info_of_other_layouts(seisgeo, data_dir):
    volve = seisgeo("info", data_dir / "velocity" / "volve10-migvel-depth-sub3d.sgy")[1]
    assert "velocity (inline 18, crossline 52, depth 226) m/s" in volve
    assert "0 to 4500 m, 226 samples every 20 m" in volve
    assert "6477404.61 to 6478846.33 m" in volve  # northings to the centimetre
    gather = seisgeo("info", data_dir / "segy" / "real_gather.sgy")[1]
    assert "1000 samples every 0.25 ms" in gather
    assert "with --coordinate-scale 0.0001 traces would lie 10 m apart" in gather
    marmousi = seisgeo("info", data_dir / "velocity" / "marmousi2_vp_6.25m.segy")[1]
    assert "velocity (depth 701, x 2721) m/s" in marmousi
    small = seisgeo("info", data_dir / "segy" / "peer" / "small.sgy")[1]
    assert "amplitude (inline 5, crossline 5, time 50)" in small
    assert "!" not in small


def test_info_with_options_of_segy(seisgeo, data_dir):
    gather = data_dir / "segy" / "real_gather.sgy"
    wide = json.loads(seisgeo("info", gather, "--json")[1])["coordinates"]["receiver_x"]
    scaled = seisgeo("info", gather, "--coordinate-scale", 0.0001, "--json")[1]
    assert json.loads(scaled)["coordinates"]["receiver_x"][1] == pytest.approx(wide[1] / 1000)
    volve = data_dir / "velocity" / "volve10-migvel-depth-sub3d.sgy"
    # Its text header says that inlines stand at byte 5 too, crosslines at 21.
    moved = seisgeo("info", volve, "--byte.inline", 5, "--byte.crossline", 21, "--json")[1]
    assert json.loads(moved)["coordinates"]["inline"] == [10087, 10155]


@pytest.mark.parametrize("name", ["train.zarr", "line.seisbind", "line.sgy"])
def test_info_json_is_for_scripts(seisgeo, home, name):
    code, out, err = seisgeo("info", home / name, "--json")
    assert (code, err) == (0, "")

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    summary = json.loads(out, parse_constant=refuse)
    assert summary["file"] == str(home / name)
    assert summary["findings"] == []
    if name == "train.zarr":
        assert summary["dimensions"]["sample"] == 40
        assert summary["families"] == {"flatvel-a": 20, "curvevel-b": 20}
        assert len(summary["survey"]["receiver_x"][0]) == 12
    if name == "line.seisbind":
        assert summary["epochs"] == 2
        assert summary["parameters"]["batch_size"] == 16


def test_info_of_our_own_files_is_one_screen(seisgeo, home):
    train = seisgeo("info", home / "train.zarr")[1]
    assert "Zarr store" in train
    assert "flatvel-a 20, curvevel-b 20" in train
    assert "12 receivers at offsets 100 to 650 m" in train
    model = seisgeo("info", home / "line.seisbind")[1]
    assert "SeisBind model" in model
    assert "12 receivers at offsets 100 to 650 m" in model
    assert max(len(train.splitlines()), len(model.splitlines())) <= 24


def test_info_knows_the_models_that_come_along(seisgeo, work):
    code, out, _ = seisgeo("info", "openfwi-small")
    assert code == 0
    assert "SeisBind model" in out
    assert "5 sources, 70 receivers at offsets -690 to 690 m" in out


def test_info_finds_a_model_by_its_content(seisgeo, home, work):
    shutil.copy(home / "line.seisbind", "weights.bin")
    assert "SeisBind model" in seisgeo("info", "weights.bin")[1]


def test_json_has_null_where_a_number_is_not_finite(seisgeo, work):
    shots = _shots()
    shots["source_y"][:] = np.nan
    shots.attrs["gain"] = np.inf
    adapters.write_netcdf(shots, "odd.nc")
    summary = json.loads(seisgeo("info", "odd.nc", "--json")[1], parse_constant=lambda c: c)
    assert summary["coordinates"]["source_y"] is None
    assert summary["attributes"]["gain"] is None
    assert console.to_json({"a": [float("nan"), 1.5]}) == '{\n  "a": [\n    null,\n    1.5\n  ]\n}'


def test_info_of_a_file_without_cubes_says_so(seisgeo, work):
    with h5py.File(work / "groups.h5", "w") as file:
        file["run/1/porosity"] = np.ones((3, 4))
    code, out, _ = seisgeo("info", "groups.h5")
    assert code == 0
    assert out.splitlines()[1].startswith("! no cube")


# convert


def test_convert_from_format_to_format_and_back(seisgeo, home, work):
    for source, target in (
        (home / "line.sgy", "line.zarr"),
        ("line.zarr", "line.nc"),
        ("line.nc", "again.sgy"),
    ):
        code, out, err = seisgeo("convert", source, target)
        assert (code, out) == (0, f"wrote {target}\n")
        # NetCDF keeps no headers of the file.
        assert ("all headers are written anew" in err) == (target == "again.sgy"), err
    with (
        segyio.open(home / "line.sgy", ignore_geometry=True) as first,
        segyio.open("again.sgy", ignore_geometry=True) as last,
    ):
        np.testing.assert_array_equal(first.trace.raw[:], last.trace.raw[:])
        assert [h[37] for h in first.header] == [h[37] for h in last.header]


def test_convert_writes_segy_as_asked(seisgeo, home, work):
    words = ("--revision", "2.1", "--output-format", "6", "--byte-order", "little-endian")
    assert seisgeo("convert", home / "line.sgy", "new.sgy", *words)[::2] == (0, "")
    header = (work / "new.sgy").read_bytes()[3200:3600]
    assert (header[24:26], header[96:100], header[300:302]) == (b"\6\0", b"\4\3\2\1", b"\2\1")
    code, _, err = seisgeo("convert", home / "line.sgy", "old.sgy", "--revision", "0")
    assert code == 1
    assert "IEEE float32 (format 5) big-endian is not in SEG-Y revision 0, but in 1" in err
    code, _, err = seisgeo("convert", home / "line.sgy", "x.zarr", "--revision", "1")
    assert code == 1
    assert "x.zarr: revision, sample format and byte order are of SEG-Y" in err
    assert seisgeo("convert", home / "line.sgy", "line.su")[0] == 0
    assert (work / "line.su").stat().st_size == (home / "line.sgy").stat().st_size - 3600


def test_convert_training_sets_to_openfwi_and_back(seisgeo, home, work):
    code, _, err = seisgeo("convert", home / "train.zarr", "openfwi")
    assert code == 0
    assert "seisgeo: warning: OpenFWI files cannot hold descriptor_value" in err
    assert seisgeo("convert", "openfwi", "back.zarr")[0] == 0
    with xr.open_dataset("back.zarr") as back, xr.open_dataset(home / "train.zarr") as train:
        # Folders are read in the order of their names.
        for family in ("flatvel-a", "curvevel-b"):
            np.testing.assert_array_equal(
                back["amplitude"].values[back["family"] == family],
                train["amplitude"].values[train["family"] == family],
            )


def test_warnings_about_headers_are_readable_and_said_once(seisgeo, data_dir, work):
    code, out, err = seisgeo("convert", data_dir / "segy" / "viking_small.segy", "v.zarr")
    assert (code, out) == (0, "wrote v.zarr\n")
    assert err.startswith("seisgeo: warning: ")
    assert err.count("seisgeo: warning: ") == 1
    assert err.count("\n  - samples a trace") == 1
    assert "HeaderWarning" not in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere.sgy", "x.zarr"], "nowhere.sgy: no such file"),
        (["{home}/line.sgy", "x.xyz"], "no writer for the suffix '.xyz'"),
        (["{home}/line.sgy", "openfwi"], "OpenFWI files hold"),
        (["{home}/line.sgy", "x.zarr", "--engine", "foo"], "--engine 'foo': no such reader"),
        (["{home}/train.zarr", "x.nc", "--layout", "shots"], "expected a SEG-Y file"),
        (["{home}/line.sgy", "x.zarr", "--layout", "stack"], "--layout 'stack' needs inline"),
    ],
)
def test_convert_refuses_with_one_line(seisgeo, home, work, words, message):
    code, out, err = seisgeo("convert", *(word.format(home=home) for word in words))
    assert (code, out) == (1, "")
    assert err.startswith("seisgeo: error: ")
    assert err.count("\n") == 1
    assert message in err
    assert not list(work.iterdir())


def test_convert_keeps_what_is_there_unless_told(seisgeo, home, work):
    (work / "line.nc").write_text("mine")
    code, _, err = seisgeo("convert", home / "line.sgy", "line.nc")
    assert code == 1
    assert "line.nc already exists; choose another name or pass --overwrite" in err
    assert (work / "line.nc").read_text() == "mine"
    assert seisgeo("convert", home / "line.sgy", "line.nc", "--overwrite")[0] == 0
    with xr.open_dataset("line.nc") as ds:
        assert ds.sizes["shot"] == 3


def test_convert_a_window_with_checksums(seisgeo, home, work):
    words = ["--select", "channel=2:5,time=0.02:0.1", "--memory", "250MB", "--checksum"]
    assert seisgeo("convert", home / "line.sgy", "part.zarr", *words) == (
        0,
        "wrote part.zarr\n",
        "",
    )
    with xr.open_dataset("part.zarr") as part, xr.open_dataset(home / "line.sgy") as line:
        own = line.isel(receiver=slice(1, 5)).sel(time=slice(0.02, 0.1))
        xr.testing.assert_equal(part.load(), own.load())
    code, out, _ = seisgeo("verify", "part.zarr")
    assert code == 0
    assert re.fullmatch(r"part\.zarr: \d+ files as they were written\n", out)
    (work / "part.zarr" / "zarr.json").write_text("{}")
    code, _, err = seisgeo("verify", "part.zarr")
    assert code == 1
    assert "part.zarr/zarr.json was changed" in err


def test_convert_resamples_and_makes_headers_anew(seisgeo, home, work):
    assert seisgeo("convert", home / "line.sgy", "line.zarr", "--new-headers")[0] == 0
    assert not (work / "line.zarr" / "segy").exists()
    code, _, err = seisgeo("convert", home / "line.sgy", "half.zarr", "--resample", "0.016")
    assert code == 0
    assert "--new-headers does so without this warning" in err
    with xr.open_dataset("half.zarr") as half:
        assert np.allclose(np.diff(half["time"]), 0.016)
    code, _, err = seisgeo("convert", home / "line.sgy", "x.zarr", "--select", "chanel=1")
    assert code == 1
    assert "did you mean channel?" in err
    code, _, err = seisgeo("convert", home / "line.sgy", "x.zarr", "--memory", "1MB")
    assert code == 1
    assert "--memory '1MB' is too little" in err


# synth


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


def _start(folder, *words):
    return subprocess.Popen(
        [sys.executable, "-c", "from seisgeo.cli import main; main()", *map(str, words)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_synth_interrupted_goes_on_where_it_was(seisgeo, home, work):
    words = ["synth", "--families", "curvefault-a", "-n", 1200, "--survey", home / "line.sgy"]
    words += ["--out", "long.zarr", "--workers", 1, "--device", "cpu", "--seed", 4]
    process = _start(work, *words)
    done = work / ".long.zarr.partial" / "done"
    while process.poll() is None and not (done.is_dir() and any(done.iterdir())):
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C in a terminal does
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.endswith("seisgeo: interrupted; the same command goes on from here\n")
    assert "Traceback" not in err
    assert not (work / "long.zarr").exists()
    finished = len(list(done.iterdir()))
    assert 1 <= finished < 60

    code, _, err = seisgeo(*words)
    assert code == 0
    assert f"{20 * finished}/1200" in err  # the bar starts there
    assert [path.name for path in work.iterdir()] == ["long.zarr"]
    # The first samples are those of a run that nobody interrupted.
    assert (
        _synth(seisgeo, home, "--out", "short.zarr", "--seed", 4, families="curvefault-a")[0] == 0
    )
    with xr.open_dataset("long.zarr") as long, xr.open_dataset("short.zarr") as short:
        assert np.isfinite(long["amplitude"].values).all()
        for name in ("amplitude", "velocity", "descriptor_value"):
            np.testing.assert_array_equal(long[name][:3], short[name])


# fit, embed, retrieve, evaluate


def test_a_training_that_was_stopped_goes_on_with_resume(seisgeo, home, work, monkeypatch):
    from seisgeo import training
    from seisgeo.contrast import Contrast

    words = ("fit", home / "train.zarr", "--out", "a.seisbind", "--max-epochs", 2,
             "--batch-size", 16, "--device", "cpu")  # fmt: skip
    close = Contrast.close_epoch

    def die(self):
        close(self)
        if self.epoch == 2:
            raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(training, "INTERVAL", 0.0)
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
    assert after.learning_rate == before.learning_rate / 3
    assert (after.max_time, after.patience) == (None, sg.SeisBind().patience)
    # One epoch of a few steps leaves the weights near those that it began with.
    a, b = (m.encoders_["velocity"].state_dict()["network.head.weight"] for m in (before, after))
    assert 0 < float((a - b).norm() / a.norm()) < 0.2
    assert "leave it out" in seisgeo(*words, "--encoder", "small", "--overwrite")[2]
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


def test_embed_field_shots_and_models(seisgeo, home, work):
    code, out, _ = seisgeo("embed", home / "line.seisbind", home / "line.sgy", "--out", "e.nc")
    assert (code, out) == (0, "wrote e.nc: 3 embeddings of 256\n")
    with xr.open_dataset("e.nc") as ds:
        np.testing.assert_allclose((ds["embedding"] ** 2).sum("feature"), 1, rtol=1e-5)
        assert ds["field_record"].values.tolist() == [11, 12, 13]
    model, train = home / "line.seisbind", home / "train.zarr"
    assert seisgeo("embed", model, train, "--modality", "velocity", "--out", "v.zarr")[0] == 0
    code, _, err = seisgeo("embed", model, train, "--out", "e.txt")
    assert code == 1
    assert "e.txt: expected a name that ends in .nc, .zarr" in err
    assert "e.nc already exists" in seisgeo("embed", model, train, "--out", "e.nc")[2]


def test_retrieve_prints_writes_and_draws(seisgeo, home, work):
    files = [home / "line.seisbind", home / "line.sgy", home / "train.zarr"]
    code, out, _ = seisgeo("retrieve", *files, "-k", 3, "--out", "hits.nc", "--plot", "hits.png")
    assert code == 0
    assert out.startswith("field record 11: models ")
    assert "mean_velocity" in out
    assert "m/s" in out
    with xr.open_dataset("hits.nc") as hits:
        assert dict(hits["velocity"].sizes)["rank"] == 3
    assert (work / "hits.png").read_bytes().startswith(b"\x89PNG")

    code, out, _ = seisgeo("retrieve", *files, "-k", 3, "--json")
    rows = json.loads(out)
    assert [row["field_record"] for row in rows] == [11, 12, 13]
    assert all(len(row["gallery_index"]) == 3 for row in rows)
    assert rows[0]["score"] == sorted(rows[0]["score"], reverse=True)
    assert rows[0]["attributes"]["mean_velocity"]["units"] == "m/s"


def test_retrieve_refuses_with_one_line(seisgeo, home, work):
    files = [home / "line.seisbind", home / "line.sgy", home / "train.zarr"]
    for words, message in (
        ([*files, "-k", 99], "k must be 1 to 40"),
        ([*files, "--plot", "hits.xyz"], "hits.xyz: expected a name that ends in .png"),
        ([files[1], files[1], files[2]], "line.sgy: not a whole safetensors file"),
        ([files[0], files[1], files[1]], "velocity"),
        ([files[0], "nowhere.sgy", files[2]], "nowhere.sgy: no such file"),
    ):
        code, out, err = seisgeo("retrieve", *words)
        assert (code, out) == (1, "")
        assert message in err
        assert err.count("\n") == 1
    assert not list(work.iterdir())


def test_a_gallery_is_saved_searched_and_told_about(seisgeo, home, work):
    model, train = home / "line.seisbind", home / "train.zarr"
    code, out, _ = seisgeo("embed", model, train, "--out", "t.gallery", "--index", "faiss")
    assert (code, out) == (0, "wrote t.gallery: a gallery of 40 samples\n")
    once = seisgeo("retrieve", model, home / "line.sgy", train, "-k", 3, "--json")
    again = seisgeo("retrieve", model, home / "line.sgy", "t.gallery", "-k", 3, "--json")
    assert again == once
    said = seisgeo("info", "t.gallery")[1]
    assert "40, found by velocity" in said
    assert "faiss" in said
    assert "curvevel-b, flatvel-a" in said
    # Four digits of a descriptor, with its unit; values stand below each other.
    assert re.search(r"^mean velocity +\d{4} to \d{4} m/s$", said, re.M)
    assert re.search(r"^abs lateral gradient +0 to \S{,7} 1/s$", said, re.M)
    code, _, err = seisgeo("retrieve", model, home / "line.sgy", "t.gallery", "--index", "exact")
    assert code == 1
    assert "t.gallery was saved with the index faiss" in err
    assert "t.gallery already exists" in seisgeo("embed", model, train, "--out", "t.gallery")[2]
    assert seisgeo("embed", model, train, "--out", "t.gallery", "--overwrite")[0] == 0
    assert sg.retrieval.Gallery.load("t.gallery").kind == "exact"
    code, _, err = seisgeo("retrieve", model, home / "line.sgy", "none.gallery")
    assert code == 1
    assert "none.gallery: no such gallery" in err
    code, _, err = seisgeo("embed", model, train, "--out", "e.nc", "--index", "exact")
    assert code == 1
    assert "--index is of a gallery" in err


def test_where_narrows_the_gallery(seisgeo, home, work):
    words = ["retrieve", home / "line.seisbind", home / "line.sgy", home / "train.zarr", "--json"]
    with xr.open_dataset(home / "train.zarr") as train:
        family = train["family"].values
        speed = train["descriptor_value"].sel(descriptor="mean_velocity").values
    middle = float(np.median(speed))
    code, out, err = seisgeo(
        *words, "--where", "family=curvevel-b", "--where", f"mean_velocity={middle}:", "-k", 4
    )
    assert code == 0, err
    allowed = np.flatnonzero((family == "curvevel-b") & (speed >= middle))
    for row in json.loads(out):
        assert len(set(row["gallery_index"])) == 4
        assert set(row["gallery_index"]) <= set(allowed.tolist())
    both = seisgeo(*words, "--where", "family=flatvel-a,curvevel-b")
    assert both == seisgeo(*words)
    for condition, message in (
        ("family", "--where family: expected NAME=VALUE, NAME=VALUE,VALUE or NAME=LOW:HIGH"),
        ("familie=salt", "the gallery has no 'familie'; did you mean 'family'?"),
        ("mean_velocity=fast", "--where mean_velocity=fast: expected numbers"),
        ("family=salt", "no sample of the gallery passes"),
    ):
        code, out, err = seisgeo(*words, "--where", condition)
        assert (code, out) == (1, "")
        assert message in err
    code, _, err = seisgeo(*words, "--where", "family=a", "--where", "family=b")
    assert code == 1
    assert "family is named twice; several values are family=VALUE,VALUE" in err


def test_another_survey_is_refused_and_told_apart(seisgeo, home, work):
    adapters.write_segy(_shots(receivers=8), "short.sgy")
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


# As a process


def test_json_pipes_into_other_programs(home):
    process = _start(home, "info", home / "train.zarr", "--json")
    tool = subprocess.run(
        [sys.executable, "-m", "json.tool"],
        stdin=process.stdout, capture_output=True, check=False, text=True,
    )  # fmt: skip
    process.wait(timeout=60)
    assert (tool.returncode, process.returncode) == (0, 0)
    assert json.loads(tool.stdout)["dimensions"]["sample"] == 40


def test_a_reader_that_leaves_early_is_no_error(home):
    process = _start(home, "info", home / "train.zarr", "--json")
    process.stdout.close()
    process.wait(timeout=60)
    assert process.stderr.read() == ""


def test_the_installed_command_runs(home):
    command = shutil.which("seisgeo", path=os.path.dirname(sys.executable))
    if command is None:
        pytest.skip("seisgeo is not installed beside this Python")
    run = subprocess.run(
        [command, "info", home / "nowhere.sgy"], capture_output=True, check=False, text=True
    )
    assert run.returncode == 1
    assert run.stderr == f"seisgeo: error: {home / 'nowhere.sgy'}: no such file or folder\n"


def test_headers(seisgeo, data_dir, work):
    file = data_dir / "segy/viking_small.segy"
    code, out, _ = seisgeo("headers", file)
    assert code == 0
    assert "field_record" in out
    assert "71 more fields are zero in all traces" in out
    code, out, _ = seisgeo("headers", file, "--fields", "cdp, channel", "--json", "--raw")
    found = json.loads(out)
    assert [(f["field"], f["byte"], f["highest"]) for f in found["fields"]] == [
        ("cdp", 21, 126),
        ("channel", 13, 120),
    ]
    code, out, _ = seisgeo("headers", file, "--fields", "offset", "--csv", work / "h.csv")
    assert (code, out) == (0, f"wrote {work / 'h.csv'}: 480 traces\n")
    assert (work / "h.csv").read_text().splitlines()[:2] == ["trace,offset", "0,-3237"]
    code, _, err = seisgeo("headers", file, "--csv", work / "h.csv")
    assert code == 1
    assert "already exists; choose another name or pass --overwrite" in err
    code, _, err = seisgeo("headers", file, "--fields", "ofset")
    assert code == 1
    assert "no header field is called 'ofset'; did you mean 'offset'?" in err


def test_mapping_file_for_every_command_that_reads_segy(seisgeo, data_dir, work):
    file = data_dir / "segy/viking_small.segy"
    mapping = work / "mapping.yaml"
    mapping.write_text("channel: 25\nweight: [31, int16]\n")
    code, out, _ = seisgeo("headers", file, "--mapping", mapping, "--fields", "weight,channel")
    assert code == 0
    assert ["channel", "25"] in [line.split()[:2] for line in out.splitlines()]
    code, out, _ = seisgeo("info", file, "--mapping", mapping, "--json")
    assert "weight" in json.loads(out)["coordinates"]
    code, _, _ = seisgeo("convert", file, work / "v.zarr", "--mapping", mapping)
    assert code == 0
    assert "weight" in xr.open_zarr(work / "v.zarr").coords
    mapping.write_text("channel: 25\nchannel: 13\n")
    code, _, err = seisgeo("info", file, "--mapping", mapping)
    assert code == 1
    assert "mapping.yaml, line 2: 'channel' is already given in line 1" in err
