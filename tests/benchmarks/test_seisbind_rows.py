"""Rows of the SeisBind benchmark, against explicit sums, and its baselines."""

import numpy as np
import pytest
import xarray as xr

FEW = ("flatvel-a", "curvefault-b", "style-b")


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
    assert run.of_families(["style-b"], 8)["style-b"]["gallery"] == 8
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
