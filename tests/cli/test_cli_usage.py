"""Usage, mistakes and pipes: what all commands share, as a stranger types them."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
import xarray as xr
from marine import marine_shots

from seisgeo import __version__ as seisgeo_version
from seisgeo import adapters, cli, console

COMMANDS = (
    "info", "headers", "convert", "synth", "synth-events", "detect", "fit", "embed", "retrieve",
    "cluster", "predict", "evaluate", "demo", "verify",
)  # fmt: skip


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
    assert done.stdout == f"{seisgeo_version}\n"


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
        (
            ["fit", "x", "--out", "m", "--model", "simclr", "--stretch", "0.1"],
            "--stretch is an option of",
        ),
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


def _broken_zarr(folder):
    (folder / "bad.zarr").mkdir()
    (folder / "bad.zarr" / "zarr.json").write_text("{")
    return folder / "bad.zarr"


def _cut_netcdf(folder):
    whole = adapters.write_netcdf(marine_shots(), folder / "whole.nc").read_bytes()
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


def _start(folder, *words):
    return subprocess.Popen(
        [sys.executable, "-c", "from seisgeo.cli import main; main()", *map(str, words)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_json_pipes_into_other_programs(home):
    process = _start(home, "info", home / "train.zarr", "--json")
    tool = subprocess.run(
        [sys.executable, "-m", "json.tool"],
        stdin=process.stdout, capture_output=True, check=False, text=True,
    )  # fmt: skip
    process.wait()
    assert (tool.returncode, process.returncode) == (0, 0)
    assert json.loads(tool.stdout)["dimensions"]["sample"] == 40


def test_a_reader_that_leaves_early_is_no_error(home):
    process = _start(home, "info", home / "train.zarr", "--json")
    process.stdout.close()
    process.wait()
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
