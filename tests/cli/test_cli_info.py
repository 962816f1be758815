"""seisgeo info and headers: what is in a file."""

import json
import shutil

import h5py
import numpy as np
import pytest
from marine import marine_shots

from seisgeo import adapters, console


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
    shots = marine_shots()
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
