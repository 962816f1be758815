"""The command line on seismograms: from synthetic events and triggers to kinds and places."""

import json
import re

import h5py
import numpy as np
import obspy
import pandas as pd
import pytest
import xarray as xr

import seisgeo as sg
from seisgeo import cli
from seisgeo.synth.events import KINDS, REGIONS

CPU = ("--device", "cpu", "--max-epochs", 2)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with events of two kinds, and a model of each sort."""
    folder = tmp_path_factory.mktemp("events")
    events = folder / "events.zarr"
    for words in (
        ["synth-events", "-n", 48, "--kinds", "earthquake,icequake", "--regions", "ice-stream",
         "--sample-interval", 0.01, "--duration", 10, "--snr", 20, 40, "--workers", 1,
         "--out", events],
        ["fit", events, "--model", "simclr", "--out", folder / "ice.simclr", *CPU],
        ["fit", events, "--model", "seisclip", "--out", folder / "ice.seisclip", *CPU],
        ["fit", events, "--model", "classifier", "--features", folder / "ice.seisclip",
         "--out", folder / "kinds.model", *CPU],
    ):  # fmt: skip
        with pytest.raises(SystemExit) as stop:
            cli.main([str(word) for word in words])
        assert not stop.value.code
    return folder


# synth-events


def test_synth_events_writes_what_the_library_draws(seisgeo, home, work):
    words = ["synth-events", "-n", 48, "--kinds", "earthquake,icequake", "--regions", "ice-stream"]
    words += ["--duration", 10, "--snr", 20, 40, "--workers", 1]
    recorder = sg.synth.events.Recorder(dt=0.01, n_time=1000, snr=(20, 40))
    want = sg.synth.generate_events(
        48, kinds=["earthquake", "icequake"], regions="ice-stream", recorder=recorder,
        progress=False,
    )  # fmt: skip
    with xr.open_dataset(home / "events.zarr") as found:
        np.testing.assert_array_equal(found["amplitude"], want["amplitude"])
        assert found["source_type"].values.tolist() == ["earthquake", "icequake"] * 24
    code, out, _ = seisgeo(*words, "--out", home / "events.zarr")
    assert (code, out) == (0, f"{home / 'events.zarr'} is there already: 48 events\n")
    code, _, err = seisgeo(*words, "--out", home / "events.zarr", "--seed", 9)
    assert code == 1
    assert "seed: 9 asked, 0 there" in err
    assert "--overwrite" in err


def test_synth_events_at_several_stations(seisgeo, work):
    words = ["-n", 2, "--kinds", "earthquake", "--regions", "craton", "--workers", 1]
    code, out, _ = seisgeo("synth-events", *words, "--stations", 3, "--out", "net.zarr")
    assert (code, out) == (0, "wrote net.zarr: 2 events\n")
    with xr.open_dataset("net.zarr") as found:
        assert found["event_id"].values.tolist() == ["0"] * 3 + ["1"] * 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--regions", "craton", "--kinds", "noise", "--stations", 2], "no source in the ground"),
        (["--kinds", "quake"], "quake"),
        (["--regions", "moon"], "moon"),
        (["--duration", 0.5], "n_time: expected at least 100 samples"),
        (["--snr", 20, 10], "snr: expected (lowest, highest) in dB"),
        (["--regions", "craton", "--kinds", "icequake"], "icequake"),
    ],
)
def test_synth_events_refuses_before_it_makes_anything(seisgeo, work, words, message):
    code, out, err = seisgeo("synth-events", "-n", 2, "--out", "x.zarr", *words)
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert message in err
    assert not list(work.iterdir())


def test_help_names_every_kind_and_region(seisgeo):
    help_ = seisgeo("synth-events", "--help")[1]
    for name in (*KINDS, *REGIONS):
        assert name in help_


# fit


def test_info_tells_what_each_model_reads(seisgeo, home):
    simclr = seisgeo("info", home / "ice.simclr")[1]
    assert "SeisSimCLR model" in simclr
    assert "1000 samples every 10 ms, components Z, N, E" in simclr
    assert "earthquake, icequake" in seisgeo("info", home / "kinds.model")[1]
    summary = json.loads(seisgeo("info", home / "ice.seisclip", "--json")[1])
    assert summary["epochs"] == 2
    assert summary["records"] == {"components": ["Z", "N", "E"], "nt": 1000, "dt": 0.01}


def test_fit_options_reach_the_model(seisgeo, home, work):
    words = ["fit", home / "events.zarr", "--device", "cpu", "--max-epochs", 1, "--seed", 3]
    made = {}
    for name, more in {
        "simclr": ["--view", "waveform", "--batch-size", 16],
        "seisclip": ["--window", 50, "--max-time", 1000],
        "locator": ["--encoder", "small", "--window", 20],
        "mechanism": ["--features", home / "ice.seisclip", "--fine-tune"],
    }.items():
        code, out, err = seisgeo(*words, "--model", name, "--out", f"{name}.model", *more)
        assert ("records left out: their strike, dip, rake" in err) == (name == "mechanism")
        assert code == 0, err
        epochs = 2 if name == "mechanism" else 1  # the head alone, then all of it
        said = rf"epoch \d of {epochs} was best" if name != "simclr" else "1 epoch"
        assert re.match(rf"wrote {name}.model: {said}, training loss ", out)
        made[name] = sg.load(f"{name}.model").get_params(deep=False)
    assert (made["simclr"]["view"], made["simclr"]["batch_size"]) == ("waveform", 16)
    assert (made["seisclip"]["window"], made["seisclip"]["max_time"]) == (50, 1000)
    assert made["mechanism"]["fine_tune"]
    assert {p["random_state"] for p in made.values()} == {3}
    assert sg.load("locator.model").encoder_size_ == ("small", 20)


def test_fit_refuses_with_one_line(seisgeo, home, work):
    events = home / "events.zarr"
    for words, message in (
        ([events], "seismograms are for --model seisclip or simclr"),
        ([home / "ice.simclr", "--model", "simclr"], "ice.simclr"),
        ([events, "--model", "seisclip", "--encoder", "shots"], "encoder must be one of"),
        (
            [events, "--model", "classifier", "--features", home / "ice.simclr"],
            "ice.simclr: expected a model of SeisCLIP; this is SeisSimCLR",
        ),
    ):
        code, out, err = seisgeo("fit", *words, "--out", "x.model", "--device", "cpu")
        assert (code, out) == (1, "")
        assert err.count("\n") == 1
        assert message in err
    assert not list(work.iterdir())


def test_under_torchrun_models_of_seismograms_are_refused(seisgeo, home, work, monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    code, _, err = seisgeo("fit", home / "events.zarr", "--model", "simclr", "--out", "x")
    assert code == 1
    assert "--model simclr trains in one process: start it without torchrun" in err


# embed, retrieve, evaluate, predict


def test_embed_waveforms_and_what_is_known_of_them(seisgeo, home, work):
    events = home / "events.zarr"
    for model, modality, width in (
        ("ice.simclr", [], 128),
        ("ice.seisclip", [], 64),
        ("ice.seisclip", ["--modality", "information"], 64),
    ):
        words = ["embed", home / model, events, "--out", "e.nc", "--overwrite", *modality]
        code, out, err = seisgeo(*words)
        assert (code, out) == (0, f"wrote e.nc: 48 embeddings of {width}\n"), err
    with xr.open_dataset("e.nc") as found:
        assert found.attrs["modality"] == "information"
    code, _, err = seisgeo(
        "embed", home / "ice.simclr", events, "--out", "x.nc", "--modality", "velocity"
    )
    assert code == 1
    assert "SeisSimCLR embeds waveforms, not velocity" in err
    code, _, err = seisgeo("embed", home / "kinds.model", events, "--out", "x.nc")
    assert code == 1
    assert "expected a model of SeisBind or SeisCLIP or SeisSimCLR; this is EventClass" in err
    code, _, err = seisgeo("embed", home / "ice.simclr", events, "--out", "x.gallery")
    assert code == 1
    assert "expected a model of SeisBind; this is SeisSimCLR" in err


def test_retrieve_both_ways_and_with_conditions(seisgeo, home, work):
    model, events = home / "ice.seisclip", home / "events.zarr"
    found = sg.load(model).retrieve(xr.open_zarr(events), xr.open_zarr(events), k=3)
    code, out, err = seisgeo("retrieve", model, events, events, "-k", 3, "--json")
    assert code == 0, err
    rows = json.loads(out)
    assert [row["gallery_index"] for row in rows] == found["gallery_index"].values.tolist()
    assert rows[5]["magnitude"] == found["magnitude"].values[5].tolist()
    assert rows[5]["query_source_type"] == "icequake"
    words = ["--modality", "information", "--where", "source_type=icequake"]
    words += ["--where", "magnitude=:9", "--out", "hits.nc"]
    code, out, _ = seisgeo("retrieve", model, events, events, "-k", 2, *words)
    assert code == 0
    lines = out.splitlines()
    assert len(lines) == 48
    assert lines[0].startswith("query 0: events ")
    with xr.open_dataset("hits.nc") as hits:
        assert set(hits["source_type"].values.ravel()) == {"icequake"}
        assert (hits["gallery_index"].values % 2 == 1).all()
    code, _, err = seisgeo("retrieve", model, events, events, "--plot", "x.png")
    assert code == 1
    assert "--plot is of SeisBind's hits" in err


def test_evaluate_models_of_seismograms(seisgeo, home):
    events = home / "events.zarr"
    code, out, _ = seisgeo("evaluate", home / "ice.seisclip", events)
    assert code == 0
    assert "waveforms -> information" in out
    records = xr.open_zarr(events)
    for name in ("kinds.model", "ice.simclr"):
        code, out, _ = seisgeo("evaluate", home / name, events, "--limit", 20, "--json")
        result = json.loads(out)
        want = sg.load(home / name).score(records.isel(event=slice(20)))
        assert result["score"] == pytest.approx(want)
        assert result["events"] == 20
    assert seisgeo("evaluate", home / "kinds.model", events)[1].startswith("accuracy ")


def test_predict_classes_with_their_probabilities(seisgeo, home, work):
    events = home / "events.zarr"
    code, out, _ = seisgeo("predict", home / "kinds.model", events, "--out", "kinds.csv")
    assert code == 0
    assert out.startswith("wrote kinds.csv: 48 records\n")
    table = pd.read_csv("kinds.csv", index_col="event")
    want = sg.load(home / "kinds.model").predict(xr.open_zarr(events))
    assert table["class"].tolist() == want.tolist()
    odds = table[["probability_earthquake", "probability_icequake"]]
    np.testing.assert_allclose(odds.sum(axis=1), 1)
    assert table["source_type"].tolist() == ["earthquake", "icequake"] * 24
    code, _, err = seisgeo("predict", home / "ice.simclr", events, "--out", "x.csv")
    assert code == 1
    assert "expected a model of EventClassifier or DomainClassifier or LaCIMClassifier" in err
    assert "kinds.csv already exists" in seisgeo(
        "predict", home / "kinds.model", events, "--out", "kinds.csv"
    )[2]  # fmt: skip


@pytest.mark.parametrize("name", ["erm", "group-dro", "lacim"])
def test_domains_are_named_to_train_and_not_to_predict(seisgeo, home, work, name):
    events = xr.open_zarr(home / "events.zarr").load().drop_vars(["source_type", "region"])
    kinds = np.array(["earthquake", "icequake"] * 24)
    events = events.assign_coords(
        kind=("event", kinds), network=("event", np.repeat(["A", "B"], 24))
    )
    events.to_zarr("labelled.zarr")
    words = ["fit", "labelled.zarr", "--model", name, "--out", "kinds.model", *CPU]
    columns = ["--label", "kind", "--domain", "network"]
    code, out, err = seisgeo(*words, *columns)
    assert code == 0, err
    assert out.startswith("wrote kinds.model: epoch ")
    model = sg.load("kinds.model")
    assert model.classes_.tolist() == ["earthquake", "icequake"]
    assert getattr(model, "method", "lacim").replace("_", "-") == name
    events.drop_vars(["kind", "network"]).to_zarr("new.zarr")
    code, _, err = seisgeo("predict", "kinds.model", "new.zarr", "--out", "kinds.csv")
    assert code == 0, err
    table = pd.read_csv("kinds.csv", index_col="event")
    assert table["class"].tolist() == model.predict(events).tolist()
    code, _, err = seisgeo(*words, "--overwrite", "--label", "kind", "--domain", "nation")
    assert code == 1
    assert "labelled.zarr: --domain nation: no such column; there are " in err
    code, _, err = seisgeo("fit", home / "events.zarr", "--model", "simclr", "--out", "x",
                           "--domain", "network")  # fmt: skip
    assert code == 2
    assert "--domain is an option of --model erm, group-dro, lacim" in err


def test_a_split_of_a_data_set_is_read_alone(seisgeo, home, work):
    events = xr.open_zarr(home / "events.zarr")
    names = [f"tr{i}" for i in range(48)]
    (work / "set").mkdir()
    with h5py.File("set/waveforms.hdf5", "w") as file:
        for key, value in (("dimension_order", "CW"), ("component_order", "ZNE")):
            file[f"data_format/{key}"] = value
        file["data_format/sampling_rate"] = 100
        for name, values in zip(names, events["amplitude"].values, strict=True):
            file[f"data/{name}"] = values
    split = ["train"] * 36 + ["test"] * 12
    kinds = events["source_type"].values.tolist()
    table = pd.DataFrame({"trace_name": names, "split": split, "source_type": kinds})
    table.to_csv("set/metadata.csv", index=False)
    model = home / "kinds.model"
    code, out, err = seisgeo("predict", model, "set", "--split", "test", "--out", "k.csv")
    assert code == 0, err
    assert pd.read_csv("k.csv")["trace_name"].tolist() == names[36:]
    code, out, _ = seisgeo("evaluate", model, "set", "--split", "test", "--json")
    assert json.loads(out)["events"] == 12
    words = ["fit", "set", "--model", "classifier", "--label", "split", *CPU]
    code, out, err = seisgeo(*words, "--split", "train", "--out", "x.model")
    assert code == 1  # of the other split there is nothing
    assert "train" in err
    assert "test" not in err
    code, _, err = seisgeo("fit", home / "events.zarr", "--model", "simclr", "--split", "train",
                           "--out", "x.model")  # fmt: skip
    assert code == 1
    assert "--split train is for data sets in SeisBench's format; this is read with zarr" in err
    code, _, err = seisgeo("fit", "set", "--split", "train", "--out", "x.model")
    assert code == 2
    assert "--split is an option of --model seisclip" in err
    assert not (work / "x.model").exists()


# cluster


def test_cluster_writes_a_table_and_cards(seisgeo, home, work):
    events = home / "events.zarr"
    words = ["cluster", home / "ice.simclr", events, "-n", 3]
    code, out, err = seisgeo(*words, "--out", "c.csv", "--plot", "c.png")
    assert code == 0, err
    want = sg.load(home / "ice.simclr").cluster(xr.open_zarr(events), n_clusters=3)
    counts = np.bincount(want["cluster"].values)
    assert out.splitlines() == [
        "wrote c.csv: 48 records, 3 clusters",
        *(f"  {i:<12} {count}" for i, count in enumerate(counts)),
    ]
    table = pd.read_csv("c.csv", index_col="event")
    assert table["cluster"].tolist() == want["cluster"].values.tolist()
    assert table["magnitude"].tolist() == pytest.approx(want["magnitude"].values)
    assert (work / "c.png").read_bytes().startswith(b"\x89PNG")
    code, out, _ = seisgeo(*words, "--method", "hdbscan", "--smallest", 40, "--out", "d.csv")
    assert code == 0
    assert set(pd.read_csv("d.csv")["cluster"]) == {-1}
    assert out.splitlines()[1] == "  none         48"


def test_cluster_spreads_a_few_labels(seisgeo, home, work):
    words = ["cluster", home / "ice.simclr", home / "events.zarr", "-n", 2, "--overwrite"]
    assert seisgeo(*words, "--out", "c.csv")[0] == 0
    table = pd.read_csv("c.csv")
    table["label"] = ""
    table.loc[:5, "label"] = ["quake", "ice"] * 3
    table.to_csv("mine.csv", index=False)
    assert seisgeo(*words, "--out", "c.csv", "--labels", "mine.csv")[0] == 0
    found = pd.read_csv("c.csv", keep_default_na=False)
    given = [*(["quake", "ice"] * 3), *[None] * 42]
    want = sg.load(home / "ice.simclr").propagate_labels(xr.open_zarr(home / "events.zarr"), given)
    assert found["label"].tolist() == want["label"].values.tolist()
    np.testing.assert_allclose(found["probability"], want["probability"])
    for text, message in (
        ("event,kind\n0,ice\n", "no label; it has event, kind"),
        ("event,label\n0,ice\n48,ice\n", "line 3: event '48' is none of the 48 records, 0 to 47"),
        ("event,label\n0,ice\n", "at least 2 kinds"),
    ):
        (work / "bad.csv").write_text(text)
        code, _, err = seisgeo(*words, "--out", "x.csv", "--labels", "bad.csv")
        assert code == 1
        assert message in err
        assert not (work / "x.csv").exists()


def test_cluster_refuses_with_one_line(seisgeo, home, work):
    for words, message in (
        ([home / "ice.seisclip", home / "events.zarr"], "expected a model of SeisSimCLR"),
        ([home / "ice.simclr", home / "events.zarr", "-n", 49], "n_clusters must be 1 to 48"),
        ([home / "ice.simclr", home / "kinds.model"], "kinds.model"),
    ):
        code, out, err = seisgeo("cluster", *words, "--out", "c.csv")
        assert (code, out) == (1, "")
        assert err.count("\n") == 1
        assert message in err
    assert not list(work.iterdir())


def test_from_continuous_data_to_clusters(seisgeo, work, data_dir):
    day = next(p for p in sorted((data_dir / "icequakes").glob("*.m")))
    code, _, err = seisgeo(
        "detect", day, "--sta", 0.05, "--lta", 1, "--on", 6, "--band", "10:300",
        "--before", 0.1, "--after", 0.4, "--out", "t.csv", "--windows", "t.zarr", "--workers", 1,
    )  # fmt: skip
    assert code == 0, err
    assert seisgeo("fit", "t.zarr", "--model", "simclr", "--out", "t.simclr", *CPU[:2],
                   "--max-epochs", 1)[0] == 0  # fmt: skip
    code, _, err = seisgeo("cluster", "t.simclr", "t.zarr", "-n", 4, "--out", "c.csv")
    assert code == 0, err
    table = pd.read_csv("c.csv")
    assert table["cluster"].nunique() == 4
    assert table["starttime"].str.match(r"2009-01-21T0\d:\d\d:\d\d\.\d{9}Z").all()
    assert table["station"].nunique() == 1


def test_events_of_several_stations_from_detection_to_clusters(seisgeo, work):
    random, start = np.random.default_rng(0), obspy.UTCDateTime(2009, 1, 21, 4)
    for station, late in (("A", 0), ("B", 20)):
        samples = random.normal(size=30_000)
        for first in range(3000, 28_000, 2000):
            samples[first + late : first + late + 40] += 40 * np.hanning(40) * (-1) ** np.arange(40)
        codes = {"network": "XX", "station": station, "channel": "HHZ", "sampling_rate": 100}
        trace = obspy.Trace(samples.astype(np.float32), {**codes, "starttime": start})
        trace.write(f"{station}.mseed", format="MSEED")
    code, out, err = seisgeo(
        "detect", "A.mseed", "B.mseed", "--on", 6, "--moveout", 0.3, "--out", "t.csv",
        "--windows", "t.zarr", "--workers", 1,
    )  # fmt: skip
    assert code == 0, err
    assert "wrote t.csv: 26 triggers, 13 events" in out
    assert (pd.read_csv("t.csv").groupby("event_id")["station"].nunique() == 2).all()
    words = ["fit", "t.zarr", "--model", "simclr", *CPU]
    code, _, err = seisgeo(*words, "--copies", "event", "--out", "t.simclr")
    assert code == 0, err
    assert sg.load("t.simclr").copies == "event"
    code, _, err = seisgeo("detect", "A.mseed", "--moveout", -1, "--out", "u.csv")
    assert code == 2
    assert "--moveout" in err
    code, _, err = seisgeo(*words[:3], "seisclip", "--copies", "event", "--out", "x")
    assert "--copies is an option of --model simclr" in err
    assert not (work / "u.csv").exists()
