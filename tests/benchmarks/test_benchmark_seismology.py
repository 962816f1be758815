"""The seismology benchmark measures what it says, and its pages are its JSON."""

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"


class Known:
    """A model whose embedding of an event is its number on a circle, for one space misplaced."""

    def __init__(self, wrong=0):
        self.wrong = wrong

    def transform(self, ds, modality):
        angle = 2 * np.pi * np.arange(ds.sizes["event"]) / ds.sizes["event"]
        features = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        if modality == "waveforms":
            features[: self.wrong] *= -1
        return xr.Dataset({"embedding": (("sample", "feature"), features)})

    def retrieve(self, records, gallery, k):
        nearest = np.arange(records.sizes["event"])[:, None].repeat(k, axis=1)
        return xr.Dataset(
            {n: (("query", "rank"), gallery[n].values[nearest]) for n in ("p_arrival", "s_arrival")}
        )


def test_retrieval_counts_first_and_first_five_in_batches():
    from seismology_seisclip import BATCH, batches

    test = xr.Dataset(coords={"event": np.arange(BATCH)})
    rows = batches(Known(), test)
    assert rows["information by waveform"]["sum_of_200"] == 200
    half = batches(Known(wrong=BATCH // 2), test)["information by waveform"]
    assert half["top_1_percent"] == half["top_5_percent"] == 50
    low, high = half["sum_of_200_interval"]
    assert 80 < low < 100 < high < 120
    assert rows["chance"]["sum_of_200"] == pytest.approx(100 * 6 / 192)


def test_other_trainings_and_events_have_a_row_each():
    from seismology_seisclip import BATCH, others

    test = xr.Dataset(coords={"event": np.arange(BATCH)})
    rows = others([Known(), Known(wrong=BATCH // 2)], [test, test])
    assert list(rows) == [f"training {i}, events {j}" for i in (1, 2) for j in (1, 2)]
    assert rows["training 1, events 2"]["waveform by information"] == 200
    assert rows["training 2, events 1"]["information by waveform"] == 100


def arrivals_of(n, error):
    random = np.random.default_rng(0)
    p = random.uniform(5, 15, n)
    records = xr.Dataset(coords={"p_arrival": ("event", p), "s_arrival": ("event", 2 * p)})
    found = records.assign_coords(
        p_arrival=("event", p + error), s_arrival=("event", random.permutation(2 * p))
    )
    return records, found.assign(amplitude=("event", p))


def test_arrivals_are_compared_with_the_answers_of_other_records():
    from seismology_seisclip import arrivals

    rows = arrivals(Known(), *arrivals_of(200, 0.3), "made")
    good, blind = rows["made, P"], rows["made, S"]
    assert good["median_error_seconds"] == pytest.approx(0.3)
    assert good["within_1_s_percent"] == 100
    assert good["closer_than_another_record's_answer_interval"][0] > 0.9
    low, high = blind["closer_than_another_record's_answer_interval"]
    assert low < 0.5 < high
    assert blind["median_error_seconds"] == pytest.approx(blind["chance_seconds"], rel=0.2)


def test_windows_keep_their_arrivals():
    from seismology_seisclip import cut

    spikes = np.zeros((3, 1, 9001), dtype=np.float32)
    p, s = np.array([3000, 4000, 3000]), np.array([3500, 8000, 8990])
    spikes[np.arange(3), 0, p], spikes[np.arange(3), 0, s] = 1, 2
    records = xr.Dataset(
        {"amplitude": (("event", "component", "time"), spikes)},
        coords={
            "time": np.arange(9001) * 0.01,
            "component": ["Z"],
            "p_arrival": ("event", p * 0.01),
            "s_arrival": ("event", s * 0.01),
        },
    )
    windows = cut(records)
    assert windows.sizes["time"] == 6000
    assert windows.sizes["event"] == 2  # of the third, S comes after the window
    for name, height in (("p_arrival", 1), ("s_arrival", 2)):
        at = np.argmax(windows["amplitude"].values[:, 0] == height, axis=1)
        np.testing.assert_allclose(windows[name], at * 0.01, atol=1e-6)
    assert ((windows["p_arrival"] > 4.9) & (windows["p_arrival"] < 15.1)).all()


def test_gains_are_positive_where_features_help():
    from seismology_seisclip import measured

    better, worse = [np.full((50, 3), [8.0, 4.0, 0.1])], [np.full((50, 3), [20.0, 5.0, 0.2])]
    place = measured("Places and magnitudes", better, worse)
    assert place["gain_on_scratch"] == pytest.approx(12)
    assert (place["epicentre_km"], place["depth_km"]) == (8, 4)
    assert "gain_on_scratch" not in measured("Places and magnitudes", worse)
    angles = [np.full((50, 1), 30.0)], [np.full((50, 1), 70.0)]
    assert measured("Mechanisms", *angles)["gain_on_scratch"] == pytest.approx(40)
    kinds = [np.ones((50, 1))], [np.full((50, 1), 0.5)]
    assert measured("Kinds", *kinds)["gain_on_scratch"] == pytest.approx(0.5)


def test_tables_that_were_not_measured_again_keep_how_they_were_measured(tmp_path, monkeypatch):
    import lacim
    import seismology
    import seismology_seisclip

    monkeypatch.setattr(seismology, "RESULTS", tmp_path)
    path = tmp_path / "seismology-x.json"

    def merge(machine, name, module, given, title, row, **how):
        parser = argparse.ArgumentParser()
        for each in (lacim, seismology_seisclip):
            each.add_arguments(parser)
        table = {"kind": "numbers", "rows": {row: {"reached": 0.5}}, **how}
        options = parser.parse_args(given)
        seismology.merge(path, machine, name, module, options, {"tables": {title: table}})

    merge("one", "lacim", lacim, ["--seeds", "3"], "T", "a", settings=["seeds"])
    merge("one", "seisclip", seismology_seisclip, ["--epochs", "7"], "T", "b", settings=["epochs"])
    merge("two", "lacim", lacim, ["--seeds", "9"], "U", "c")
    parts = json.loads(path.read_text(encoding="utf-8"))["parts"]
    tables = parts["lacim"]["tables"]
    assert tables["T"]["measured"]["hardware"] == "one"
    assert tables["T"]["measured"]["settings"] == {"seeds": 3}
    assert tables["U"]["measured"]["settings"] == {"seeds": 9, "region_events": 400}
    assert parts["seisclip"]["tables"]["T"]["measured"]["settings"] == {"epochs": 7}
    assert seismology.about(tables["U"]).startswith("two, 20")
    assert seismology.about(tables["U"]).endswith("; seeds 9, region events 400.")
    # A table that is measured again is another table: no row of other settings stays in it.
    merge("two", "lacim", lacim, ["--seeds", "9"], "T", "d", settings=["seeds"])
    table = json.loads(path.read_text(encoding="utf-8"))["parts"]["lacim"]["tables"]["T"]
    assert (list(table["rows"]), table["measured"]["settings"]) == (["d"], {"seeds": 9})


def test_kept_settings_are_what_the_rows_themselves_say():
    for path in (ROOT / "benchmarks" / "results").glob("seismology-*.json"):
        tables = json.loads(path.read_text(encoding="utf-8"))["parts"]["lacim"]["tables"]
        for title in ("Known truth", "Coloured digits"):
            runs = {m["runs"] for row in tables[title]["rows"].values() for m in row.values()}
            assert runs == {tables[title]["measured"]["settings"]["seeds"]}


def test_the_pages_are_what_the_command_writes(tmp_path):
    import seismology

    (tmp_path / "docs").mkdir()
    pages = [page for _, page in seismology.PARTS.values() if (ROOT / page).exists()]
    assert "docs/labels_that_travel.md" in pages
    for page in pages:
        (tmp_path / page).write_text((ROOT / page).read_text(encoding="utf-8"), encoding="utf-8")
    seismology.write_pages(tmp_path)
    for page in pages:
        assert (tmp_path / page).read_text(encoding="utf-8") == (ROOT / page).read_text(
            encoding="utf-8"
        ), f"{page} is not what python benchmarks/seismology.py --table writes"


def test_unknown_parts_are_named():
    from seismology import chosen

    assert chosen("lacim,seisclip") == ["lacim", "seisclip"]
    with pytest.raises(argparse.ArgumentTypeError, match="no part 'moon'; there are icequakes, "):
        chosen("lacim,moon")
