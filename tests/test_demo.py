"""The quick demo on a line of its own, as `seisgeo demo --quick` runs it."""

import base64
import json
import re

import numpy as np
import pytest
import xarray as xr

import seisgeo
from seisgeo import cli, conventions
from seisgeo.errors import HeaderWarning

RECORDS = (1001, 1002, 1003)


def _type(*words):
    with pytest.raises(SystemExit) as stop:
        cli.main(["demo", *map(str, words)])
    return stop.value.code or 0


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder, and what was printed."""
    import contextlib
    import io

    out = tmp_path_factory.mktemp("demo") / "results"
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert _type("--quick", "--out", out) == 0
    return out, printed.getvalue()


def test_everything_that_is_promised_is_there(made):
    out, printed = made
    (promised,) = re.findall(r"Made in .*\n((?: {4}\S.*\n)+)", printed)
    names = [line.split()[0] for line in promised.splitlines()]
    assert {"gathers.zarr", "model.seisbind", "hits.nc", "report.html"} <= set(names)
    for name in names:
        assert list(out.glob(name)), name
    assert not [path for path in out.rglob("*") if path.name.endswith(".partial")]


def test_every_stage_is_shown_with_its_seconds(made):
    out, printed = made
    stages = re.findall(r"^\[(\d+)\] (.+)$", printed, re.MULTILINE)
    assert [int(number) for number, _ in stages] == list(range(1, len(stages) + 1))
    seconds = json.loads((out / "demo.json").read_text())["seconds"]
    assert list(seconds) == [name for _, name in stages]
    for name in seconds:
        assert re.search(rf"^ +\d+\.\d  {re.escape(name)}$", printed, re.MULTILINE)
    assert "! samples a trace (binary header: 501, trace headers: 2000)" in printed
    assert printed.endswith(f"Open {out / 'report.html'}\n")


def test_the_field_record_is_kept_as_a_cube(made):
    out, _ = made
    with pytest.warns(HeaderWarning):
        line = xr.open_dataset(out / "field_line.sgy")
    with xr.open_dataset(out / "gathers.zarr") as gathers:
        conventions.validate(gathers, "gathers")
        np.testing.assert_array_equal(gathers["amplitude"], line["amplitude"])
        np.testing.assert_array_equal(gathers["offset"], line["offset"])
        survey = seisgeo.synth.Survey.from_json((out / "survey.json").read_text())
        assert survey == seisgeo.synth.Survey.from_gathers(gathers)


def test_training_and_test_sets_share_the_survey_and_no_earth(made):
    out, _ = made
    survey = seisgeo.synth.Survey.from_json((out / "survey.json").read_text())
    sets = []
    for name in ("training.zarr", "test.zarr"):
        with xr.open_dataset(out / name) as pairs:
            conventions.validate(pairs, "gathers", values=True)
            conventions.validate(pairs, "velocity", values=True)
            assert seisgeo.synth.Survey.from_attrs(pairs) == survey
            assert len({str(family) for family in pairs["family"].values}) == 4
            sets.append({model.tobytes() for model in pairs["velocity"].values})
    assert not sets[0] & sets[1]


def test_the_model_loads_and_gives_the_hits_again(made):
    out, _ = made
    model = seisgeo.load(out / "model.seisbind")
    with (
        xr.open_dataset(out / "hits.nc") as hits,
        xr.open_dataset(out / "gathers.zarr") as gathers,
        xr.open_dataset(out / "training.zarr") as train,
    ):
        assert hits["field_record"].values.tolist() == list(RECORDS)
        assert hits.sizes["rank"] == 5
        again = model.retrieve(gathers, gallery=train, k=5)
        np.testing.assert_array_equal(again["gallery_index"], hits["gallery_index"])
        first = int(hits["gallery_index"][0, 0])
        np.testing.assert_array_equal(hits["velocity"][0, 0], train["velocity"][first])
        assert (hits["velocity"] >= 1400).all()


def test_the_hidden_earth_stands_beside_the_hits(made):
    out, _ = made
    with xr.open_dataset(out / "hits.nc") as hits:
        truth = hits["true_velocity"]
        assert set(truth.dims) == {"query", "depth", "x"}
        assert dict(truth.sizes) == {d: hits.sizes[d] for d in truth.dims}
        assert truth.attrs["units"] == "m/s"
        # At the source, where the windows are aligned, the sea is water.
        column = truth.sel(x=float(hits["source_x"].values.flat[0]), method="nearest")
        assert (column.isel(depth=0) == 1500).all()
        assert float(column.max()) > 2000


def test_scores_are_json_with_recalls_for_each_direction(made):
    out, printed = made
    scores = json.loads((out / "evaluation.json").read_text(), parse_constant=pytest.fail)
    for direction in ("seismic -> velocity", "velocity -> physics"):
        recalls = [scores["retrieval"][direction][f"recall_{k}"] for k in (1, 5, 10)]
        assert recalls == sorted(recalls)
        assert 0 <= recalls[0] <= recalls[-1] <= 1
        assert direction in printed
    assert scores["retrieval"]["seismic -> velocity"]["gallery"] == 20
    assert "interface_depth" in scores["descriptors"]


def test_the_report_shows_every_picture_and_needs_no_network(made):
    out, _ = made
    page = (out / "report.html").read_text(encoding="utf-8")
    pictures = sorted(out.glob("*.png"))
    assert {f"hits_{record}.png" for record in RECORDS} <= {path.name for path in pictures}
    for path in pictures:
        assert base64.b64encode(path.read_bytes()).decode() in page, path.name
    assert page.count("<img") == len(pictures)
    for record in RECORDS:
        assert f"Field record {record}" in page
    assert "samples a trace (binary header: 501, trace headers: 2000)" in page
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)


def test_it_runs_twice_into_the_same_folder_on_another_file(made, tmp_path):
    """On a line of one shot that replaces what the first demo left."""
    import shutil

    from seisgeo.example_line import write_example_line

    out = tmp_path / "results"
    shutil.copytree(made[0], out)
    write_example_line(tmp_path / "mine.sgy", shots=1, seed=0)
    assert _type("--quick", "--segy", tmp_path / "mine.sgy", "--out", out) == 0
    with xr.open_dataset(out / "hits.nc") as hits:
        assert hits["field_record"].values.tolist() == [RECORDS[0]]
        assert "true_velocity" not in hits
    assert [path.name for path in out.glob("hits_*.png")] == [f"hits_{RECORDS[0]}.png"]
    assert "mine.sgy" in (out / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("what", ["folder", "file"])
def test_what_is_not_the_demos_own_is_refused(tmp_path, capsys, what):
    out = tmp_path / "thesis"
    kept = out / "chapter.txt" if what == "folder" else out
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("mine")
    assert _type("--quick", "--out", out) == 1
    assert capsys.readouterr().err == (
        f"seisgeo: error: {out} exists and was not made by the demo: choose another folder\n"
    )
    assert kept.read_text() == "mine"
    assert len(list(tmp_path.rglob("*"))) == (2 if what == "folder" else 1)


def test_a_file_that_is_not_shots_is_refused_before_anything_is_made(tmp_path, capsys, data_dir):
    stack = data_dir / "segy" / "peer" / "small.sgy"
    for segy, message in (
        (tmp_path / "nowhere.sgy", "no such file"),
        (stack, "the demo needs gathers of shots"),
    ):
        assert _type("--quick", "--segy", segy, "--out", tmp_path / "out") == 1
        said = capsys.readouterr().err
        assert said.startswith(f"seisgeo: error: {segy}: {message}")
        assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())
