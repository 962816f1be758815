"""The SeisBind benchmark asks what it says, goes on after a stop, and its pages are its JSON."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

ROOT = Path(__file__).resolve().parents[1]
BENCHMARKS = ROOT / "benchmarks"
FEW = ("flatvel-a", "curvefault-b", "style-b")


@pytest.fixture(scope="module", autouse=True)
def benchmarks():
    """Make the benchmark's modules importable, as they are for each other."""
    sys.path.insert(0, str(BENCHMARKS))
    yield
    sys.path.remove(str(BENCHMARKS))


@pytest.fixture(scope="module")
def models():
    """Two models of each of some families, as generate() would have drawn them for the test."""
    from seisgeo.synth import Survey, draw_velocity

    parts = [
        draw_velocity(family, 2, seed=2)[["velocity"]].assign_coords(
            family=("sample", np.array([family] * 2, dtype=object))
        )
        for family in FEW
    ]
    return xr.concat(parts, "sample").assign_attrs(survey=Survey.openfwi().to_json())


# ---- data


def test_twins_differ_by_one_layer_or_a_small_fault(models):
    import seisbind_data as data

    velocity = models["velocity"].values
    twins = data.near_twins(velocity)
    assert twins.shape == (6, data.TWINS, 70, 70)
    np.testing.assert_array_equal(twins, data.near_twins(velocity))
    for model, others in zip(velocity, twins, strict=True):
        for i, twin in enumerate(others):
            changed = twin != model
            assert changed.mean() >= 0.01
            if i % 2:  # one layer, or a band, is faster or slower by one factor
                factor = np.abs(twin[changed] / model[changed] - 1)
                assert ((factor > 0.029) & (factor < 0.081)).all()
                layer = len(np.unique(model[changed])) == 1
                assert layer or np.ptp(np.flatnonzero(changed.any(axis=1))) < 10
            else:  # every cell is its own, or one that lay 2 to 4 cells above it
                above = [
                    np.concatenate([np.repeat(model[:1], n, axis=0), model[:-n]]) for n in (2, 3, 4)
                ]
                assert any((twin[changed] == a[changed]).all() for a in above)
                assert not changed[:, 0].all()


def test_drawn_models_are_those_of_their_numbers(monkeypatch):
    import seisbind_data as data

    from seisgeo.synth import draw_velocity

    monkeypatch.setattr(data, "FAMILIES", FEW)
    monkeypatch.setattr(data, "BLOCK", 4)
    velocity, family = data.drawn_models(3, 9)  # of three blocks
    assert sorted(family.tolist()) == sorted(6 * FEW)
    for name in FEW:
        expected = draw_velocity(name, range(3, 9), seed=data.TEST_SEED)["velocity"].values
        np.testing.assert_array_equal(velocity[family == name], expected)


def test_rounding_is_small_and_leaves_bits_that_compress():
    import seisbind_data as data

    values = np.random.default_rng(0).normal(scale=10, size=5000).astype(np.float32)
    values[:2] = 0, -1e-20
    kept = data.rounded(values)
    assert (np.abs(kept - values) <= np.abs(values) / 2**11).all()
    assert not (kept.view(np.uint32) & np.uint32(2**13 - 1)).any()
    assert kept[0] == 0


def test_training_pairs_go_on_after_a_stop_and_sizes_nest(tmp_path, monkeypatch, small_pairs):
    import seisbind_data as data

    from seisgeo import synth

    left = [0]

    def short(families, n, *, engine, seed, device):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        first = 6 * (seed - data.TRAIN_SEED)
        made = small_pairs.isel(sample=slice(first, first + 6))
        return made.assign_coords(family=("sample", np.repeat(np.array(families, object), n)))

    monkeypatch.setattr(synth, "generate", short)
    monkeypatch.setattr(data, "FAMILIES", FEW[:2])
    monkeypatch.setattr(data, "PART", 3)
    sizes = [data.Size(3 * parts, 1, 1, 1) for parts in (1, 2, 3)]
    left[0] = 2
    with pytest.raises(KeyboardInterrupt):
        data.training_pairs(tmp_path / "stopped", sizes[2], "cpu")
    # A kill within the third part may leave samples that are not counted yet.
    stopped = tmp_path / "stopped" / "train-3.zarr"
    half = xr.open_zarr(stopped, chunks=None, consolidated=False).isel(sample=[0, 1]).load()
    data._append(half, stopped, first=False)
    left[0] = 4
    went_on = data.training_pairs(tmp_path / "stopped", sizes[2], "cpu").load()
    assert left[0] == 3  # one part was missing
    left[0] = 3
    at_once = data.training_pairs(tmp_path / "once", sizes[2], "cpu").load()
    xr.testing.assert_identical(went_on, at_once)
    np.testing.assert_array_equal(went_on["velocity"], small_pairs["velocity"][:18])
    np.testing.assert_allclose(went_on["amplitude"], small_pairs["amplitude"][:18], rtol=2**-11)
    assert went_on["family"].values.tolist() == 3 * (3 * [FEW[0]] + 3 * [FEW[1]])
    smaller = data.training_pairs(tmp_path / "once", sizes[1], "cpu").load()
    xr.testing.assert_identical(smaller, at_once.isel(sample=slice(12)))


# ---- rows


class SeesAll:
    """A model for which gathers, models and descriptors of a sample are one vector."""

    model_id_ = "0" * 64
    device = None

    def __init__(self):
        self.embedded = 0

    def transform(self, ds, modality):
        v = ds["velocity"].values.reshape(ds.sizes["sample"], -1) - 3000
        self.embedded += len(v)
        z = v / np.linalg.norm(v, axis=1, keepdims=True)
        return xr.Dataset({"embedding": (("sample", "feature"), z.astype(np.float32))})


@pytest.fixture
def run(models, monkeypatch, tmp_path):
    import seisbind_data as data
    from seisbind_rows import Run

    monkeypatch.setattr(data, "FAMILIES", FEW)
    monkeypatch.setattr(data, "BLOCK", 5)
    return Run(SeesAll(), models, data.Size(0, 2, 8, 12), tmp_path)


def test_galleries_begin_with_the_queries_and_repeat_nothing(run):
    gallery, family = run.gallery(12)
    assert gallery.shape == (36, 4900)
    np.testing.assert_array_equal(gallery[:6], run.query("velocity"))
    assert family[:6].tolist() == run.queries["family"].values.tolist()
    assert len({one.tobytes() for one in gallery}) == 36
    assert all((family == name).sum() == 12 for name in FEW)
    embedded = run.model.embedded
    smaller, _ = run.gallery(8)
    assert run.model.embedded == embedded  # blocks are kept
    assert {one.tobytes() for one in smaller} <= {one.tobytes() for one in gallery}


def test_a_model_that_sees_all_finds_all(run):
    assert run.mixed()["recall_1"] == run.among(12)["recall_1"] == 1
    assert run.among(12)["gallery"] == 36
    assert run.of_family("style-b")["gallery"] == 8
    assert all(row["mean_reciprocal_rank"] == 1 for row in run.directions().values())
    twins = run.twins()
    assert twins["recall_1"] == 1
    assert twins["gallery"] == 10  # a gallery of a model and its nine twins
    assert 0.9 < twins["twin_similarity"] < 1


def test_rows_against_explicit_sums():
    from seisbind_rows import embedding_row

    rng = np.random.default_rng(0)
    query, gallery = rng.normal(size=(8, 6)), rng.normal(size=(20, 6))
    row = embedding_row(query, gallery)
    cosine = query @ gallery.T
    ranks = np.array([(c >= c[i]).sum() for i, c in enumerate(cosine)])
    assert row["recall_5"] == (ranks <= 5).mean()
    assert row["median_rank"] == np.median(ranks)
    pairs = np.diag(cosine)
    assert row["pair_similarity"] == pytest.approx(pairs.mean())
    assert row["other_similarity"] == pytest.approx((cosine.sum() - pairs.sum()) / (8 * 19))
    for name in ("recall_1", "recall_10", "median_rank", "mean_reciprocal_rank", "pair_similarity"):
        low, high = row[f"{name}_interval"]
        assert low <= row[name] <= high


def test_descriptor_errors_leave_zeros_out_and_have_a_floor():
    from seisbind_rows import MEAN, descriptor_table

    from seisgeo.evaluation import nearest_by_value, nearest_others

    rng = np.random.default_rng(1)
    known = rng.uniform(1, 5, size=(400, 3))
    known[:30, 1] = 0  # near nothing to be relative to
    true = known[:60]
    ours = known[nearest_others(rng.normal(size=(60, 4)), rng.normal(size=(400, 4)), 5)]
    floor = known[nearest_by_value(true, known, 5)]
    table = descriptor_table(
        {"neighbours": ours.mean(axis=1), "floor": floor.mean(axis=1), "head": true * 1.1},
        true,
        ["a", "b", "c"],
    )
    assert [table[name]["left_out"] for name in "abc"] == [0, 30, 0]
    assert all(table[name]["head_relative"] == pytest.approx(0.1) for name in ("a", "b", "c", MEAN))
    for name in ("a", "b", "c", MEAN):
        assert table[name]["floor_over_iqr"] < table[name]["neighbours_over_iqr"]
    each = [table[name]["neighbours_relative"] for name in "abc"]
    assert table[MEAN]["neighbours_relative"] == pytest.approx(np.mean(each))
    low, high = table[MEAN]["neighbours_relative_interval"]
    assert low < np.mean(each) < high


def test_the_floor_takes_the_own_model_out():
    from seisgeo.evaluation import nearest_by_value

    known = np.array([[0.0], [1.0], [3.0], [7.0]])
    assert nearest_by_value(known[:2], known, 2).tolist() == [[1, 2], [0, 2]]


def test_every_condition_changes_the_gathers_as_it_says(small_pairs, small_survey):
    import seisbind_data as data
    import torch

    from seisgeo.synth import noise as added

    queries = small_pairs.isel(sample=slice(40)).assign_attrs(survey=small_survey.to_json())
    clean = queries["amplitude"].values
    made = dict(data.conditions(queries))
    assert all(g.shape == clean.shape and np.isfinite(g).all() for g in made.values())
    power = (clean**2).mean(axis=(1, 2, 3))
    for db in (0, 10):
        noise = made[f"noise, {db} dB"] - clean
        ratio = 10 * np.log10(power / (noise**2).mean(axis=(1, 2, 3)))
        assert ratio == pytest.approx(db, abs=1)
    for share in (10, 30, 50):
        dead = (made[f"{share}% dead traces"] == 0).all(axis=2)
        assert dead.mean() == pytest.approx(share / 100, abs=0.05)
    draw = torch.Generator().manual_seed(4)
    late = added.shift_traces(torch.from_numpy(clean), 0.004, dt=small_survey.dt, generator=draw)
    np.testing.assert_allclose(made["statics of 4 ms"], late, atol=1e-5 * np.abs(clean).max())
    only = dict(data.conditions(queries, only=data.NOISY_AND_DEAD))
    assert list(only) == [data.NOISY_AND_DEAD]
    np.testing.assert_array_equal(only[data.NOISY_AND_DEAD], made[data.NOISY_AND_DEAD])


# ---- baselines


def test_ranks_by_distance_against_a_full_sort():
    import seisbind_baselines

    rng = np.random.default_rng(0)
    guess, gallery = rng.normal(size=(20, 6)), rng.normal(size=(50, 6))
    distance = np.linalg.norm(guess[:, None] - gallery, axis=2)
    expected = [(d <= d[i]).sum() for i, d in enumerate(distance)]
    assert seisbind_baselines.ranks_by_distance(guess, gallery).tolist() == expected


@pytest.fixture(scope="module")
def few_pairs():
    from seisgeo.synth import generate

    return generate(
        "flatvel-a", 6, seed=1, engine="openfwi", device="cpu", workers=1, progress=False
    )


def test_the_unet_learns_is_kept_and_guesses_models(few_pairs, tmp_path):
    from seisbind_baselines import model_rows, rank
    from seisbind_training import Budget
    from seisbind_unet import Inversion

    def kept(epochs, name):
        path = tmp_path / f"{name}.safetensors"
        return Inversion.kept(path, few_pairs, Budget(epochs=epochs), "cpu", seed=0)

    def error(network):
        return np.abs(network.guess(few_pairs) - model_rows(few_pairs)).mean()

    trained = kept(6, "unet")
    assert trained.record["epochs"] == 6
    assert error(trained) < error(kept(1, "short"))
    again = kept(6, "unet")
    assert again.record == trained.record
    np.testing.assert_array_equal(again.guess(few_pairs), trained.guess(few_pairs))
    ranks = rank(trained, few_pairs, few_pairs["velocity"].values)
    assert ((ranks >= 1) & (ranks <= 6)).all()


def test_a_folded_record_keeps_every_sample_in_its_row():
    from seisbind_unet import SIDE, _images

    time = np.repeat(np.arange(1000.0), 70).reshape(1, 1, 1000, 70)
    images = _images(xr.Dataset({"amplitude": (("sample", "source", "time", "receiver"), time)}))
    assert images.shape == (1, 2, SIDE, 70)
    in_order = images[0, :, :, 0].T.ravel()  # row by row, its two samples after each other
    assert (np.diff(in_order.astype(float)) >= 0).all()


# ---- training


def test_models_are_trained_once_for_the_same_settings_data_and_code(
    small_pairs, tmp_path, monkeypatch, capsys
):
    import seisbind_training as training

    pairs = small_pairs.isel(sample=slice(60))
    settings = {"batch_size": 16, "random_state": 0, "verbose": False}

    def model(seed=0, old_code=False):
        shelf = training.Shelf(tmp_path, "cpu", old_code=old_code)
        own = settings | {"random_state": seed}
        found = shelf.model("ours", pairs, {"n": 60}, own, training.Budget(epochs=1))
        return found.model_id_, shelf.used["ours"], "kept from" in capsys.readouterr().out

    first, record, kept = model()
    assert not kept
    assert record["epochs"] == 1
    assert record["steps"] == 54 // 16
    assert 0 < record["loader_share"] < 1
    assert record["cpu_seconds"] > 0
    assert list(tmp_path.glob("*.run")) == []
    assert model() == (first, record, True)
    assert model(seed=1)[0] != first
    monkeypatch.setattr(training, "code_digest", lambda: "newer")
    assert model(old_code=True) == (first, record, True)
    assert not model()[2]


def test_the_loader_is_timed_without_the_validation(monkeypatch):
    import time

    from seisbind_training import LoaderClock

    from seisgeo import training

    def slow(n, seconds):
        for number in range(n):
            time.sleep(seconds)
            yield number

    monkeypatch.setattr(training, "loader", lambda n, seconds: slow(n, seconds))
    with LoaderClock() as clock:
        pairs, held = training.loader(3, 0.02), training.loader(1, 0.3)
        for _ in pairs:
            time.sleep(0.06)
        assert list(held) == [0]
    record = clock.record()
    assert record["steps"] == 3
    assert clock.trained >= 3 * 0.08
    assert 3 * 0.02 <= clock.waited <= clock.trained - 3 * 0.06
    assert record["loader_share"] == clock.waited / clock.trained


def test_a_stopped_training_counts_the_time_before(tmp_path):
    from seisbind_training import CpuTime

    note = tmp_path / "run" / "cpu.json"
    with CpuTime(note):
        pass
    note.write_text(json.dumps({"seconds": 100.0}))
    with CpuTime(note) as cpu:
        assert 100 <= cpu.seconds < 110


def test_minutes_of_cpu_time_stand_still_while_others_work():
    from seisbind_training import Budget

    from seisgeo import contrast

    with Budget(1.0, cpu=True).kept_by_training():
        before = contrast.time.monotonic()
        time.sleep(0.5)
        assert contrast.time.monotonic() - before < 0.4
    with Budget(1.0).kept_by_training():
        before = contrast.time.monotonic()
        time.sleep(0.5)
        assert contrast.time.monotonic() - before > 0.4
    assert contrast.time is time


def test_trainings_on_the_same_pairs_read_them_once(small_pairs, monkeypatch):
    from seisbind_training import read_once

    from seisgeo.estimators import views

    thinned, reads = views.thin, []
    monkeypatch.setattr(views, "thin", lambda g, factor: reads.append(1) or thinned(g, factor))
    with read_once():
        first, again = (views.views_of(small_pairs, ["seismic"], 8) for _ in range(2))
        blocks = len(reads)
        views.views_of(small_pairs, ["seismic"], 4)
    assert len(reads) == 2 * blocks > 0
    np.testing.assert_array_equal(first[[0, 3]]["seismic"], again[[0, 3]]["seismic"])


def test_only_what_trains_names_the_code(tmp_path):
    from seisbind_training import code_digest

    def named(text):
        (tmp_path / "losses.py").write_text(text)
        return code_digest(tmp_path)

    first = named('"""One."""\ndef f(x):\n    """Says."""\n    return x\n')
    assert named('"""Two."""\ndef f(x):  # why\n    return x\n') == first
    assert named("def f(x):\n    return 2 * x\n") != first


def test_the_general_model_is_what_training_on_a_new_survey_begins_with(small_pairs, tmp_path):
    from seisbind_finetune import start_from

    from seisgeo import SeisBind

    pairs = small_pairs.isel(sample=slice(40))

    def unfitted(seed, rate):
        return SeisBind(
            max_epochs=1,
            batch_size=16,
            learning_rate=rate,
            random_state=seed,
            warm_start=True,
            device="cpu",
            verbose=False,
        )

    general = unfitted(1, 1e-3).fit(pairs)
    standing = start_from(general)(unfitted(5, 0.0), pairs, tmp_path / "run")
    expected, found = (m.encoders_["velocity"].state_dict() for m in (general, standing))
    assert all((found[name] == value).all() for name, value in expected.items())


def test_variants_that_are_ours_are_not_ablated():
    from seisbind_ablations import FULL, UNMASKED, WITHOUT, variants

    ours = {"loss": "sigmoid", "ema_decay": 0.999, "augment": True, "batch_size": 128}
    made = variants(ours)
    assert list(made)[:2] == [FULL, UNMASKED]
    assert made[FULL] == ours
    assert {"sigmoid loss", "average of the weights"}.isdisjoint(made)
    assert made["InfoNCE loss"] == {**ours, "loss": "info_nce"}
    assert set(made) - {FULL, UNMASKED} <= set(WITHOUT)
    chosen = ["encoder: paper", UNMASKED]
    assert list(variants(ours, chosen)) == [FULL, *chosen]
    with pytest.raises(ValueError, match="no variant 'sigmoid loss'; there are: near-copies"):
        variants(ours, ["sigmoid loss"])


def test_ours_has_another_seed_to_compare_with():
    from seisbind_ablations import ablations
    from seisbind_data import NOISY_AND_DEAD

    class Known:
        """A run that finds what is said of it."""

        folder, size = None, type("size", (), {"gallery": 1000})

        def __init__(self, recall):
            self.row = {"recall_1": recall}

        mixed = among = lambda self, *_: self.row

        def field(self, folder, *, only):
            return {NOISY_AND_DEAD: self.row}

        def directions(self):
            return {"velocity -> physics": self.row}

    trained = []

    def train(name, settings, masks):
        trained.append((name, settings["random_state"]))
        return 0.5 + 0.1 * settings["random_state"] - 0.2 * (name.startswith("no"))

    ours = {"loss": "info_nce", "readout_weight": 1.0}
    rows = ablations(ours, range(3, 4), train, Known, ["no read-out"])
    assert trained == [("ours, seed 3", 3), ("ours, seed 4", 4), ("no read-out, seed 3", 3)]
    assert rows["ours"]["seeds"] == [3, 4]
    assert rows["ours"]["recall_1"]["mixed 10 000"]["mean"] == pytest.approx(0.85)
    assert rows["ours"]["recall_1"]["mixed 10 000"]["std"] == pytest.approx(0.1 / 2**0.5)
    assert rows["no read-out"]["recall_1"]["mixed 10 000"]["each"] == [pytest.approx(0.6)]


# ---- tables


def report(part, rows, size="small", kind="retrieval"):
    tables = {"A table": {"kind": kind, "rows": rows}}
    about = {"date": "2026-01-02", "settings": {}, "models": {}, "old_code": False}
    return {
        "size": {"name": size, "train": 400},
        "hardware": "a processor",
        "cores": 2,
        "parts": {part: {**about, "tables": tables}},
    }


def recalls(value):
    from seisbind_rows import recall_row

    found = round(100 * value)
    return recall_row(np.repeat([1, 50], [found, 100 - found]), 1000)


def test_goals_are_met_or_missed_by_the_worst_row():
    from seisbind_table import goal_rows

    rows = {"mixed 1 000": recalls(0.98), "a alone": recalls(0.99), "b alone": recalls(0.97)}
    found = {label: (name, said) for label, name, _, _, said in goal_rows(report("ours", rows))}
    assert found["mixed gallery 1 000, R@1"][1] == [".970, met", ".995, missed"]
    assert found["the worst family alone, R@1"] == ("b alone", ["reported", ".980, missed"])
    assert "near-twins, R@1" not in found
    tiny = {label: said for label, *_, said in goal_rows(report("ours", rows, size="tiny"))}
    assert tiny["mixed gallery 1 000, R@1"] == [".970", ".995"]


def test_errors_have_to_be_low():
    from seisbind_table import goal_rows

    rows = {"mean of all, 10 000": {"neighbours_relative": 0.07, "head_relative": 0.061}}
    found = {label: said for label, *_, said in goal_rows(report("descriptors", rows))}
    assert found["descriptor error, neighbours, gallery 10 000"] == ["9.0 %, met", "5.0 %, missed"]
    assert found["descriptor error, head"] == ["6.0 %, missed", "2.5 %, missed"]


def test_tables_say_what_the_json_says():
    from seisbind_table import report_markdown

    text = report_markdown(report("ours", {"mixed 1 000": recalls(0.98)}))
    row = next(line for line in text.splitlines() if line.startswith("| mixed 1 000 |"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1].startswith(".980 (")
    assert cells[4] == "1 (1–1)"
    assert cells[-2:] == ["1 000", "100"]


def test_ablations_are_told_by_what_they_lose_the_costliest_first():
    from seisbind_table import ablation_table

    def row(*seeds, **found):
        means = {name.replace("_", " "): v for name, v in found.items()}
        std = 0.02 if len(seeds) > 1 else None
        return {
            "seeds": list(seeds),
            "recall_1": {name: {"mean": v, "std": std} for name, v in means.items()},
        }

    lines = ablation_table(
        {
            "a": row(0, mixed_1_000=0.91, mixed_10_000=0.69),
            "ours": row(0, 1, mixed_1_000=0.9, mixed_10_000=0.7),
            "b": row(0, mixed_1_000=0.8, mixed_10_000=0.5),
        }
    ).splitlines()
    assert lines[2:] == [
        "| ours | .900 ± .020 | .700 ± .020 | 2 |",
        "| b | .800 (−.100) | .500 (−.200) | 1 |",
        "| a | .910 (+.010) | .690 (−.010) | 1 |",
    ]


def test_large_galleries_are_shown_beside_the_gathers_they_were_asked_with(tmp_path):
    import seisbind

    for size in ("small", "medium"):
        file = tmp_path / f"seisbind-{size}-a-processor.json"
        file.write_text(json.dumps(report("ours", {}, size=size)))
    beside = tmp_path / "retrieval-a-processor.json"
    beside.write_text(json.dumps({"settings": {"n": 2000, "size": "medium"}}))
    shown = {r["size"]["name"]: "retrieval" in r["parts"] for r in seisbind.reports_in(tmp_path)}
    assert shown == {"small": False, "medium": True}


def test_the_goal_of_retrieval_is_a_million():
    from seisbind_table import MILLION, goal_rows

    for n, labels in ((MILLION // 2, 0), (MILLION, 2)):
        made = report("retrieval", {"faiss, asked by gathers": {"ms_median": 2, "recall_10": 1}})
        made["parts"]["retrieval"]["settings"]["n"] = n
        assert len(list(goal_rows(made))) == labels


def test_ours_stands_beside_what_it_is_compared_with():
    from seisbind_table import contest_table

    made = report("ours", {"mixed 1 000": recalls(0.9), "mixed 10 000": recalls(0.5)})
    assert contest_table(made) is None
    other = {"nearest raw gather, 1 000": recalls(0.1), "nearest raw gather, 10 000": recalls(0.05)}
    made["parts"] |= report("baselines", other)["parts"]
    made["parts"]["ours"]["models"]["ours"] = {"cpu_seconds": 480.0}
    ours, nearest = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in contest_table(made).splitlines()[2:]
    )
    assert [cell.split()[0] for cell in ours[1:]] == [".900", ".500", ".900", "8.0"]
    assert [cell.split()[0] for cell in nearest[1:]] == [".100", ".050", ".100", "–"]


def test_the_readme_has_the_goals_of_the_largest_training_only():
    from seisbind_table import short

    sizes = [
        report("ours", {"mixed 1 000": recalls(r)}, size=s) for r, s in ((0.5, "a"), (0.9, "b"))
    ]
    sizes[1]["size"]["train"] = 2000
    assert short(sizes).count("mixed gallery 1 000") == 1
    assert ".900" in short(sizes)


def test_pages_are_filled_between_their_markers_only():
    from seisbind_table import fill

    page = "before\n<!-- seisbind -->\nold\n<!-- end of seisbind -->\nafter\n"
    once = fill(page, "seisbind", "new")
    assert once == "before\n<!-- seisbind -->\n\nnew\n\n<!-- end of seisbind -->\nafter\n"
    assert fill(once, "seisbind", "new") == once
    with pytest.raises(ValueError, match="expected the lines '<!-- seisbind -->'"):
        fill("no marker", "seisbind", "new")


def test_docs_and_readme_show_the_kept_results(tmp_path):
    import seisbind
    from seisbind_table import write_pages

    (tmp_path / "docs").mkdir()
    for name in ("docs/benchmark_seisbind.md", "README.md"):
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    write_pages(seisbind.reports_in(BENCHMARKS / "results"), tmp_path)
    for name in ("docs/benchmark_seisbind.md", "README.md"):
        written = (tmp_path / name).read_text(encoding="utf-8")
        assert written == (ROOT / name).read_text(encoding="utf-8"), (
            f"{name} is not what python benchmarks/seisbind.py --table writes"
        )


# ---- the index


def test_exact_search_has_all_of_the_exact_neighbours():
    from retrieval import K, searched

    from seisgeo.retrieval.exact import nearest

    rng = np.random.default_rng(0)
    gallery, query = rng.normal(size=(300, 8)), rng.normal(size=(20, 8))
    truth = nearest(query, gallery, K)[1]
    row = searched(lambda q, k: nearest(q, gallery, k), query, truth)
    assert row["recall_1"] == row["recall_10"] == 1
    half = gallery.copy()
    half[150:] = 0  # an index that has lost half of its samples
    lost = searched(lambda q, k: nearest(q, half, k), query, truth)
    shared = np.mean([(t < 150).mean() for t in truth])
    assert lost["recall_10"] == pytest.approx(shared)


def test_the_own_model_is_counted_where_it_is_found():
    from retrieval import own_model

    found = np.array([[3, 1, 2, 9, 8, 7, 6, 5, 4, 0], [3, 1, 2, 9, 8, 7, 6, 5, 4, 0]])
    row = own_model(found, np.array([3, 0]))
    assert (row["recall_1"], row["recall_5"], row["recall_10"]) == (0.5, 0.5, 1.0)


# ---- the commands


@pytest.mark.slow
def test_the_commands_make_and_merge_every_part(tmp_path):
    out = tmp_path / "out.json"

    def python(script, *more):
        command = [sys.executable, BENCHMARKS / script, "--size", "tiny", "--device", "cpu"]
        where = ["--data", tmp_path / "data", "--out", out.with_name(f"{Path(script).stem}.json")]
        subprocess.run([*command, *where, *more], check=True, timeout=1100)
        return json.loads(where[-1].read_text())

    python("seisbind.py", "--only", "ours,large,twins,descriptors,trust,speed,unet,baselines")
    again = python("seisbind.py", "--only", "paper,left-out")
    assert list(again["parts"])[:3] == ["ours", "large", "twins"]
    assert list(again["parts"])[-1] == "unet"
    tables = [table for part in again["parts"].values() for table in part["tables"].values()]
    rows = {name: row for table in tables for name, row in table["rows"].items()}
    wanted = {
        "mixed 1 000",
        "mixed 100 000",
        "near-twins",
        "paper's design, 1 000",
        "U-Net, L2, 1 000",
    }
    assert wanted | {"nearest raw gather, 1 000", "style-b left out"} <= set(rows)
    for row in rows.values():
        if "recall_1" in row:
            low, high = row["recall_1_interval"]
            assert 0 <= low <= row["recall_1"] <= high <= 1
    found = python("retrieval.py", "-n", "2000")
    table, _ = found["tables"].values()
    assert table["rows"]["exact, asked by gathers"]["recall_10"] == 1
    assert found["settings"]["n"] == 2000
