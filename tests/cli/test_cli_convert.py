"""seisgeo convert and verify."""

import re

import numpy as np
import pytest
import segyio
import xarray as xr


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
