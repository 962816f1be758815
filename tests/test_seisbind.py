import dataclasses

import numpy as np
import pytest
import xarray as xr
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import seisgeo as sg
from seisgeo import conventions
from seisgeo.errors import ConventionError, SurveyMismatchError
from seisgeo.evaluation import evaluate


@pytest.fixture(scope="module")
def unseen(small_pairs):
    return small_pairs.isel(sample=slice(600, 700))


def as_field(pairs, survey):
    """The first pairs as a stranger's shots: other coordinates, gain and sampling of headers."""
    amplitude = (
        1e4 * pairs["amplitude"].isel(source=0).transpose("sample", "receiver", "time").values
    )
    n = len(amplitude)
    x = 5000.0 + 25.0 * np.arange(n)
    ds = xr.Dataset(
        {"amplitude": (("shot", "receiver", "time"), amplitude)},
        coords={
            "time": survey.time,
            "field_record": ("shot", 100 + np.arange(n)),
            "source_x": ("shot", x),
            "receiver_x": (("shot", "receiver"), x[:, None] + survey.offset),
        },
    )
    return conventions.describe(ds)


def test_unseen_gathers_find_their_models(small_model, unseen):
    scores = evaluate(small_model, unseen)
    seismic = scores["retrieval"]["seismic -> velocity"]
    assert seismic["chance_1"] == 0.01
    # Ten times chance; a blind model reaches it once in a billion runs.
    assert seismic["recall_1"] > 0.1
    assert seismic["recall_10"] > 0.5
    assert seismic["pair_similarity"] > seismic["other_similarity"] + 0.3
    assert scores["retrieval"]["velocity -> physics"]["recall_10"] > 0.2
    assert scores["descriptors"]["mean_velocity"]["relative"] < 0.1
    assert small_model.score(unseen) == pytest.approx(seismic["recall_1"])


def test_history_tells_every_epoch(small_model):
    history = small_model.history_
    assert [row["epoch"] for row in history] == list(range(len(history)))
    assert history[-1]["train_loss"] < history[0]["train_loss"]
    assert {"val_loss", "val_recall_1", "learning_rate", "logit_scale"} <= set(history[0])


def test_embeddings_are_unit_vectors_whatever_the_batch(small_model, unseen):
    z = small_model.transform(unseen)
    conventions.validate(z, "embedding", values=True)
    np.testing.assert_allclose(np.linalg.norm(z["embedding"], axis=1), 1, atol=1e-5)
    alone = small_model.transform(unseen.isel(sample=[7]))
    np.testing.assert_allclose(alone["embedding"][0], z["embedding"][7], atol=1e-4)
    assert z.attrs["modality"] == "seismic"


def test_gain_does_not_move_an_embedding(small_model, unseen):
    z = small_model.transform(unseen)["embedding"]
    louder = small_model.transform(unseen.assign(amplitude=unseen["amplitude"] * 1e6))["embedding"]
    np.testing.assert_allclose(z, louder, atol=1e-4)


def test_same_seed_same_model(small_pairs):
    few = small_pairs.isel(sample=slice(40))
    settings = {"max_epochs": 2, "batch_size": 16, "device": "cpu", "verbose": False}
    a, b, c = (sg.SeisBind(random_state=seed, **settings).fit(few) for seed in (3, 3, 4))
    assert a.model_id_ == b.model_id_ != c.model_id_
    assert a.history_[-1]["val_loss"] == b.history_[-1]["val_loss"]


@pytest.fixture
def no_room(monkeypatch):
    """Data are too large for memory; the list takes what each set of views holds."""
    from seisgeo.estimators import views

    made, plain = [], views.Views.__init__

    def noted(self, arrays):
        made.append(dict(arrays))
        plain(self, arrays)

    monkeypatch.setattr(views, "_room", lambda: 0)
    monkeypatch.setattr(views.Views, "__init__", noted)
    return made


FEW = {"max_epochs": 2, "batch_size": 16, "device": "cpu", "verbose": False, "random_state": 3}


def test_data_read_batch_by_batch_give_the_same_model(small_pairs, tmp_path, request):
    few = small_pairs.isel(sample=slice(40))
    loaded = sg.SeisBind(**FEW).fit(few)
    lazy = xr.open_dataset(sg.adapters.write_zarr(few, tmp_path / "few.zarr"))
    made = request.getfixturevalue("no_room")
    assert sg.SeisBind(**FEW).fit(lazy).model_id_ == loaded.model_id_
    pairs = [arrays for arrays in made if {"seismic", "velocity"} <= arrays.keys()]
    assert pairs
    for arrays in pairs:
        assert not isinstance(arrays["seismic"], np.ndarray)
        assert not isinstance(arrays["velocity"], np.ndarray)
    assert not lazy["amplitude"]._in_memory
    assert not lazy["velocity"]._in_memory
    np.testing.assert_array_equal(
        loaded.transform(lazy)["embedding"], loaded.transform(few)["embedding"]
    )


def test_a_folder_of_openfwi_is_learned_from_without_loading_it(small_pairs, tmp_path, request):
    few = small_pairs[["amplitude", "velocity"]].isel(sample=slice(40))
    folder = sg.adapters.write_openfwi(few, tmp_path / "CurveVel_A", samples_per_file=20)
    assert len(list(folder.rglob("*.npy"))) == 4
    loaded = sg.SeisBind(**FEW).fit(xr.open_dataset(folder).load())
    made = request.getfixturevalue("no_room")
    pairs = xr.open_dataset(folder)
    assert sg.SeisBind(**FEW).fit(pairs).model_id_ == loaded.model_id_
    assert not any(isinstance(arrays.get("seismic"), np.ndarray) for arrays in made)
    assert not pairs["amplitude"]._in_memory


def test_training_ends_where_nothing_gets_better(small_pairs):
    still = {**FEW, "max_epochs": 9, "learning_rate": 0.0, "patience": 2}
    history = sg.SeisBind(**still).fit(small_pairs.isel(sample=slice(40))).history_
    # The first epoch is the best; two others are given to do better.
    assert [row["epoch"] for row in history] == [0, 1, 2]
    assert len({row["val_loss"] for row in history}) == 1


def test_fitting_leaves_the_callers_random_numbers_alone(small_pairs):
    import torch

    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002 - the global state is what is tested
    expected = torch.rand(3), np.random.rand(3)  # noqa: NPY002
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    sg.SeisBind(random_state=0, max_epochs=1, device="cpu", verbose=False).fit(
        small_pairs.isel(sample=slice(20))
    )
    assert torch.equal(torch.rand(3), expected[0])
    np.testing.assert_array_equal(np.random.rand(3), expected[1])  # noqa: NPY002


def test_retrieval_gives_models_scores_and_attributes(small_model, unseen, small_pairs):
    gallery = small_pairs.isel(sample=slice(600, 660))
    hits = small_model.retrieve(unseen.isel(sample=slice(4)), gallery, k=3)
    assert hits["score"].dims == ("query", "rank")
    assert (np.diff(hits["score"], axis=1) <= 0).all()
    index = hits["gallery_index"].values
    np.testing.assert_array_equal(hits["velocity"][1, 2], gallery["velocity"][index[1, 2]])
    np.testing.assert_array_equal(
        hits["descriptor_value"][3], gallery["descriptor_value"].values[index[3]]
    )
    np.testing.assert_allclose(
        hits["descriptor_mean"], hits["descriptor_value"].mean("rank"), rtol=1e-6
    )
    # Scores are cosines of the two encoders' embeddings.
    s = small_model.transform(unseen, "seismic")["embedding"].values[0]
    v = small_model.transform(gallery, "velocity")["embedding"].values[index[0, 0]]
    assert float(hits["score"][0, 0]) == pytest.approx(float(s @ v), abs=1e-4)


def test_a_field_shot_finds_what_its_gather_finds(small_model, small_survey, unseen, small_pairs):
    shots = as_field(unseen.isel(sample=slice(20)), small_survey)
    hits = small_model.retrieve(shots, gallery=small_pairs, k=20)
    np.testing.assert_array_equal(hits["field_record"], 100 + np.arange(20))
    own = (hits["gallery_index"].values == 600 + np.arange(20)[:, None]).any(axis=1)
    assert own.mean() >= 0.5  # the true model among 20 of 700, after matching
    assert hits["amplitude"].dims == ("query", "source", "time", "receiver")


def test_inferred_descriptors_are_means_of_neighbours(small_model, unseen, small_pairs):
    physics = small_model.infer_descriptors(unseen.isel(sample=[0, 1]), small_pairs, k=5)
    conventions.validate(physics, "physics", values=True)
    hits = small_model.retrieve(unseen.isel(sample=[0, 1]), small_pairs, k=5)
    np.testing.assert_allclose(
        physics["descriptor_value"], hits["descriptor_value"].mean("rank"), rtol=1e-6
    )


def test_another_survey_is_refused_with_the_difference(small_model, small_survey, unseen):
    other = dataclasses.replace(small_survey, peak_frequency=25.0)
    changed = unseen.assign_attrs(survey=other.to_json())
    with pytest.raises(SurveyMismatchError, match=r"peak_frequency: 20\.0 Hz against 25\.0 Hz"):
        small_model.retrieve(changed, gallery=unseen)
    slow = unseen.assign_coords(time=unseen["time"] * 4)
    slow["time"].attrs["units"] = "s"
    with pytest.raises(
        SurveyMismatchError, match=r"time: 0 to 0\.952 s, the model's .* 0 to 0\.238 s"
    ):
        small_model.transform(slow)
    with pytest.raises(SurveyMismatchError, match=r"receiver_x: 0 to 225 m, .* up to 225 m apart"):
        small_model.transform(unseen.isel(receiver=slice(None, None, -1)))
    shots = as_field(unseen, small_survey).isel(time=slice(60))
    with pytest.raises(SurveyMismatchError, match=r"record ends at 0\.118 s"):
        small_model.retrieve(shots, gallery=unseen)


def test_gallery_of_another_model_is_refused(small_model, small_pairs, unseen):
    few = small_pairs.isel(sample=slice(20))
    other = sg.SeisBind(max_epochs=1, random_state=9, device="cpu", verbose=False).fit(few)
    with pytest.raises(ValueError, match="embedded by another model"):
        small_model.retrieve(unseen, other.make_gallery(few))


def test_a_gallery_on_another_grid_is_refused(small_model, unseen):
    stretched = unseen.assign_coords(depth=unseen["depth"] * 10, x=unseen["x"] * 10)
    for axis in ("depth", "x"):
        stretched[axis].attrs["units"] = "m"
    with pytest.raises(SurveyMismatchError, match=r"velocity models .*\n  depth: 0 to 2300 m"):
        small_model.retrieve(unseen, stretched)


def test_descriptors_go_by_name(small_model, unseen):
    z = small_model.transform(unseen, "physics")["embedding"]
    turned = unseen.isel(descriptor=slice(None, None, -1))
    np.testing.assert_array_equal(z, small_model.transform(turned, "physics")["embedding"])
    with pytest.raises(ConventionError, match="not here: mean_velocity"):
        small_model.calibrate(unseen.isel(descriptor=slice(1, None)))


def test_files_are_held_out_whole(small_pairs, monkeypatch):
    from seisgeo import training

    files = np.repeat(["a.npy", "b.npy", "c.npy", "d.npy"], 15).astype(object)
    pairs = small_pairs.isel(sample=slice(60)).assign_coords(file=("sample", files))
    seen = []
    monkeypatch.setattr(
        training, "train", lambda _, kept, held, __, **more: seen.append((kept, held)) or []
    )
    sg.SeisBind(validation_fraction=0.25, random_state=0).fit(pairs)
    kept, held = (set(files[part.rows]) for part in seen[0])
    assert len(held) == 1
    assert not kept & held


def test_times_in_milliseconds_are_refused(small_pairs):
    wrong = small_pairs.assign_coords(time=small_pairs["time"] * 1000)
    wrong["time"].attrs["units"] = "ms"
    with pytest.raises(ConventionError, match="'time': expected units 's', found 'ms'"):
        sg.SeisBind().fit(wrong)


@pytest.mark.parametrize("k", [0, 101])
def test_more_neighbours_than_the_gallery_holds(small_model, unseen, k):
    with pytest.raises(ValueError, match=rf"k must be 1 to 100 .*found {k}"):
        small_model.retrieve(unseen, unseen, k=k)


def test_missing_modality_is_named(small_pairs):
    with pytest.raises(ConventionError, match="velocity view needs the variable 'velocity'"):
        sg.SeisBind().fit(small_pairs.drop_vars("velocity"))


@pytest.mark.parametrize(("n", "batch_size"), [(1, 128), (8, 1)])
def test_nothing_is_learned_from_a_batch_of_one(small_pairs, n, batch_size):
    with pytest.raises(ValueError, match=rf"2 .* in a batch, found {n} samples .*={batch_size}"):
        sg.SeisBind(batch_size=batch_size, verbose=False).fit(small_pairs.isel(sample=slice(n)))


def test_one_query_is_answered_as_among_others(small_model, unseen, small_pairs):
    together = small_model.retrieve(unseen.isel(sample=slice(5)), small_pairs, k=3)
    alone = small_model.retrieve(unseen.isel(sample=[2]), small_pairs, k=3)
    np.testing.assert_array_equal(alone["gallery_index"][0], together["gallery_index"][2])
    np.testing.assert_allclose(alone["probability"][0], together["probability"][2], atol=1e-3)


def test_queries_and_galleries_that_hold_too_little(small_model, unseen):
    with pytest.raises(ConventionError, match="velocity view needs the variable 'velocity'"):
        small_model.retrieve(unseen, unseen.drop_vars("velocity"))
    with pytest.raises(ConventionError, match=r"expected one of amplitude .*; found \[\]"):
        small_model.retrieve(unseen[[]], unseen)
    with pytest.raises(ConventionError, match="dimension 'sample' has length 0"):
        small_model.make_gallery(unseen.isel(sample=slice(0)))


def test_nan_amplitudes_are_named(small_model, unseen):
    spoiled = unseen.copy(deep=True)
    spoiled["amplitude"][2, 0, 5, 5] = np.nan
    with pytest.raises(ConventionError, match=r"'amplitude': 1 of .* NaN or infinite"):
        small_model.transform(spoiled)


def test_other_shapes_are_named(small_model, unseen):
    with pytest.raises(SurveyMismatchError, match=r"depth: \(20,\) values, .* survey has \(24,\)"):
        small_model.transform(unseen.isel(depth=slice(20)), "velocity")
    nameless = unseen.isel(descriptor=slice(3)).drop_vars(["descriptor", "units"])
    with pytest.raises(ConventionError, match=r"expected descriptors of mean_.*; found no coord"):
        small_model.transform(nameless, "physics")


def test_before_fit(unseen):
    with pytest.raises(NotFittedError):
        sg.SeisBind().transform(unseen)


def test_unknown_encoder_is_named(small_pairs):
    with pytest.raises(
        ValueError, match="encoder must be one of small, shots, paper; found 'huge'"
    ):
        sg.SeisBind("huge").fit(small_pairs)


def test_paper_encoder_is_resnet18():
    import torch

    from seisgeo.encoders import ENCODERS, VelocityEncoder

    network = VelocityEncoder((70, 70), ENCODERS["paper"], 256).network
    convolutions = [m for m in network.stages.modules() if isinstance(m, torch.nn.Conv2d)]
    assert len([c for c in convolutions if c.kernel_size == (3, 3)]) == 16
    assert {c.out_channels for c in convolutions} == {64, 128, 256, 512}
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in network.modules())


def test_clone_and_parameters(small_model):
    copy = clone(small_model)
    assert copy.get_params() == small_model.get_params()
    assert not hasattr(copy, "encoders_")


def test_time_limit_ends_training(small_pairs):
    model = sg.SeisBind(
        max_epochs=10_000, max_time=1.5, device="cpu", verbose=False, patience=10_000
    )
    model.fit(small_pairs.isel(sample=slice(64)))
    assert len(model.history_) < 1000
    assert model.history_[-1]["learning_rate"] < model.learning_rate
