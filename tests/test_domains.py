import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

import seisgeo as sg
from seisgeo import conventions
from seisgeo.errors import ConventionError, ModelFileError, ParameterError

ROOT = Path(__file__).resolve().parents[1]
SMALL = {"max_epochs": 3, "batch_size": 32, "device": "cpu", "random_state": 0, "verbose": False}
ESTIMATORS = [
    sg.DomainClassifier(**SMALL),
    sg.DomainClassifier("group_dro", **SMALL),
    sg.LaCIMClassifier(4, 4, search_steps=5, **SMALL),
]


def named(estimator):
    return getattr(estimator, "method", "lacim")


each = pytest.mark.parametrize("estimator", ESTIMATORS, ids=named)


def make_table(n=120, seed=0):
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, 6))
    y = np.where(X[:, 0] > 0, "explosion", "earthquake")
    return X, y, np.array(["north", "south", "west"])[np.arange(n) % 3]


def make_records(n=48, seed=0, nt=512):
    """Low and high tones over noise, at 100 Hz, in two regions of different gain and noise."""
    random = np.random.default_rng(seed)
    time = np.arange(nt) / 100
    kind, place = np.arange(n) % 2, np.arange(n) // 2 % 2
    tone = np.sin(2 * np.pi * np.where(kind, 20, 5)[:, None] * time)
    amplitude = (1 + 9 * place)[:, None, None] * (
        tone[:, None] + 0.3 * random.normal(size=(n, 3, nt))
    )
    ds = xr.Dataset(
        {"amplitude": (("event", "component", "time"), amplitude.astype(np.float32))},
        coords={
            "time": time,
            "component": list("ZNE"),
            "source_type": ("event", np.where(kind, "explosion", "earthquake")),
            "region": ("event", np.where(place, "craton", "volcano")),
        },
    )
    return conventions.describe(ds)


@each
def test_a_fit_that_is_stopped_leaves_the_model_as_it_was(estimator, monkeypatch):
    def stopped(*args, **kwargs):
        raise KeyboardInterrupt

    X, y, domain = make_table()
    model = clone(estimator).fit(X, y, domain)
    expected = model.predict_proba(X[:20])
    monkeypatch.setattr("seisgeo.event_training.fit_network", stopped)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X[:60, :4], np.where(y == "explosion", "slide", y)[:60], domain[:60])
    assert model.classes_.tolist() == ["earthquake", "explosion"]
    np.testing.assert_array_equal(model.predict_proba(X[:20]), expected)


class WithDomains(sg.LaCIMClassifier):
    """scikit-learn's checks know no domains: even and odd rows."""

    def fit(self, X, y=None, domain=None):
        return super().fit(X, y, np.arange(len(np.asarray(y))) // 2 % 2 if y is not None else None)


@pytest.mark.slow
@parametrize_with_checks(
    [
        sg.DomainClassifier(**SMALL | {"max_epochs": 20, "learning_rate": 5e-3}),
        WithDomains(4, 4, **SMALL | {"max_epochs": 20, "learning_rate": 5e-3}),
    ]
)
def test_scikit_learn_check(estimator, check):
    check(estimator)


@each
def test_domain_is_not_asked_for_in_prediction_and_seeds_repeat(estimator):
    X, y, domain = make_table()
    model = clone(estimator).fit(X, y, domain)
    odds = model.predict_proba(X)
    assert odds.shape == (120, 2)
    np.testing.assert_allclose(odds.sum(axis=1), 1)
    assert set(model.predict(X)) <= {"earthquake", "explosion"}
    np.testing.assert_array_equal(odds, model.predict_proba(X))
    np.testing.assert_array_equal(odds, clone(estimator).fit(X, y, domain).predict_proba(X))
    other = clone(estimator).set_params(random_state=1).fit(X, y, domain)
    assert np.abs(odds - other.predict_proba(X)).max() > 1e-3


@each
def test_an_answer_does_not_depend_on_the_samples_beside_it(estimator):
    X, y, domain = make_table()
    model = clone(estimator).fit(X, y, domain)
    together = model.predict_proba(X)
    np.testing.assert_allclose(model.predict_proba(X[::-1])[::-1], together, atol=1e-5)
    np.testing.assert_allclose(model.predict_proba(X[7:8]), together[7:8], atol=1e-5)


@each
def test_an_easy_label_is_learned(estimator):
    X, y, domain = make_table(360)
    model = clone(estimator).set_params(max_epochs=30, learning_rate=5e-3).fit(X, y, domain)
    assert model.score(*make_table(200, seed=1)[:2]) > 0.85
    assert [row["epoch"] for row in model.history_] == list(range(len(model.history_)))


@each
def test_images_with_and_without_channels(estimator):
    random = np.random.default_rng(0)
    images, y = random.normal(size=(96, 2, 8, 8)), np.arange(96) % 2
    images[y == 1, 0, :4] += 3
    domain = np.arange(96) // 2 % 3
    model = clone(estimator).set_params(max_epochs=40, learning_rate=3e-3).fit(images, y, domain)
    assert model.score(images, y) > 0.9
    grey = clone(estimator).fit(images[:, 0], y, domain)
    assert grey.predict(images[:, 0]).shape == (96,)
    with pytest.raises(ConventionError, match=r"reads samples of the shape \(1, 8, 8\), found"):
        grey.predict(images)


@each
def test_waveforms_bring_labels_and_regions_along(estimator):
    records = make_records()
    model = clone(estimator).set_params(max_epochs=12, learning_rate=3e-3).fit(records)
    assert model.form_.shape == (3, 16, 24)
    unseen = make_records(seed=1).drop_vars("region")  # nobody knows it
    assert model.score(unseen) > 0.9
    louder = unseen.assign(amplitude=1e6 * unseen["amplitude"])
    np.testing.assert_array_equal(model.predict(louder), model.predict(unseen))


@each
def test_saved_and_loaded(estimator, tmp_path):
    X, y, domain = make_table()
    model = clone(estimator).fit(X, y, domain)
    path = tmp_path / "regions.model"
    model.save(path)
    again = sg.load(path)
    assert type(again) is type(model)
    assert again.get_params() == model.get_params()
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert again.domains_.tolist() == model.domains_.tolist()
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ModelFileError, match="not a whole safetensors file"):
        sg.load(path)


def test_saved_and_loaded_with_waveforms(tmp_path):
    records = make_records()
    model = sg.LaCIMClassifier(4, 4, **SMALL).fit(records)
    model.save(tmp_path / "regions.model")
    again = sg.load(tmp_path / "regions.model")
    np.testing.assert_array_equal(again.predict_proba(records), model.predict_proba(records))


def test_the_ordinary_classifier_needs_no_domains():
    X, y, domain = make_table()
    model = sg.DomainClassifier(**SMALL)
    with_them = model.fit(X, y, domain).predict_proba(X)
    np.testing.assert_array_equal(model.fit(X, y).predict_proba(X), with_them)


def test_group_dro_listens_to_the_worst_domain():
    """In one domain of a tenth of the samples the label goes the other way round."""
    random = np.random.default_rng(0)
    X, domain = random.normal(size=(600, 2)), (np.arange(600) % 10 == 0).astype(int)
    y = ((X[:, 0] > 0) ^ (domain == 1)).astype(int)
    settings = SMALL | {"max_epochs": 15, "validation_fraction": 0.0}
    worst = [
        min(model.score(X[domain == d], y[domain == d]) for d in (0, 1))
        for model in (
            sg.DomainClassifier(method, **settings).fit(X, y, domain)
            for method in ("erm", "group_dro")
        )
    ]
    assert worst[0] < 0.2 < worst[1]


def test_the_parts_of_the_loss_are_those_of_the_paper():
    from torch.distributions import Normal, kl_divergence

    from seisgeo.encoders.latent_causal import LatentCausalModel

    torch.manual_seed(0)
    network = LatentCausalModel((5,), 2, n_domains=3, causal_dim=2, spurious_dim=4)
    torch.nn.init.normal_(network.prior_mean)
    torch.nn.init.normal_(network.prior_log_variance)
    rows, domain = torch.randn(7, 5), torch.tensor([0, 1, 2, 0, 1, 2, 2])
    means, log_variances = network.encode(rows)
    assert means.shape == log_variances.shape == (7, 3, 6)
    mean, log_variance = (part[torch.arange(7), domain] for part in (means, log_variances))
    prior = Normal(network.prior_mean[domain], (0.5 * network.prior_log_variance[domain]).exp())
    torch.testing.assert_close(
        network.divergence(mean, log_variance, domain),
        kl_divergence(Normal(mean, (0.5 * log_variance).exp()), prior),
    )
    # The label hangs on s alone, the sample on both.
    changed = mean.clone()
    changed[:, 2:] += 1
    torch.testing.assert_close(network.classify(changed), network.classify(mean))
    assert (network.decode(changed) - network.decode(mean)).abs().max() > 1e-3


def test_the_search_improves_the_reconstruction():
    X, y, domain = make_table()
    model = sg.LaCIMClassifier(4, 4, **SMALL | {"max_epochs": 10}).fit(X, y, domain)
    network = model.network_
    rows = network.standardise(torch.from_numpy(X).float())
    errors = []
    for steps in (0, 20, 100):
        found = []
        network.classify = lambda latents, found=found: (
            found.append(latents.detach().clone()),
            latents[:, :2].detach(),
        )[1]
        model.search_steps = steps
        model.predict_proba(X)
        errors.append((network.decode(found[0].float()) - rows).square().mean().item())
    assert errors[0] > errors[1] > errors[2]


BAD = {
    "domain: missing": lambda X, y, d: (X, y, None),
    "at least 2 domains, found only 'north'": lambda X, y, d: (X, y, np.full(len(y), "north")),
    "domain: expected one for each of 120 samples": lambda X, y, d: (X, y, d[:-1]),
    "domain: missing for 1 of 120 samples, the first is sample 4": lambda X, y, d: (
        X,
        y,
        [None if i == 4 else v for i, v in enumerate(d)],
    ),
    "domain 'north' holds 'explosion' alone": lambda X, y, d: (
        X,
        np.where(d == "north", "explosion", y),
        d,
    ),
    "class 'quarry blast' is in the domain 'south' alone": lambda X, y, d: (
        X,
        np.where((d == "south") & (X[:, 1] > 0), "quarry blast", y),
        d,
    ),
    "found 1 class": lambda X, y, d: (X, np.full(len(y), "explosion"), d),
    "inconsistent numbers of samples": lambda X, y, d: (X, y[:-1], d),
    "contains NaN": lambda X, y, d: (np.where(X[3, 2] == X, np.nan, X), y, d),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_training_sets(message):
    arguments = BAD[message](*make_table())
    with pytest.raises(ValueError, match=message):
        sg.LaCIMClassifier(**SMALL).fit(*arguments)


def test_bad_records():
    records = make_records()
    model = sg.LaCIMClassifier(**SMALL)
    with pytest.raises(ConventionError, match=r"domain: missing, .* coordinate 'region'"):
        model.fit(records.drop_vars("region"))
    with pytest.raises(ConventionError, match=r"y: missing, .* coordinate 'source_type'"):
        model.fit(records.drop_vars("source_type"))
    holes = records.copy(deep=True)
    holes["amplitude"][5, 1, 7] = np.nan
    with pytest.raises(ConventionError, match="event 5, component N: NaN or infinity at sample 7"):
        model.fit(holes)
    kinds = records["source_type"].values.astype(object)
    kinds[9] = np.nan
    with pytest.raises(ConventionError, match=r"y: missing for 1 of 48 samples, .* sample 9"):
        model.fit(records, kinds)


@each
def test_bad_use(estimator):
    X, y, domain = make_table()
    with pytest.raises(NotFittedError, match="not fitted"):
        clone(estimator).predict(X)
    model = clone(estimator).fit(X, y, domain)
    with pytest.raises(ConventionError, match="'icequake' was not in the training set, which has"):
        model.score(X, np.where(X[:, 1] > 0, y, "icequake"))
    with pytest.raises(ConventionError, match="trained on arrays, found Dataset"):
        model.predict(make_records())
    with pytest.raises(ValueError, match="6 features"):
        model.predict(X[:, :3])


def test_bad_parameters():
    table = make_table()
    with pytest.raises(ParameterError, match="method must be 'erm' or 'group_dro', found 'dann'"):
        sg.DomainClassifier("dann").fit(*table)
    with pytest.raises(ParameterError, match="causal_dim must be at least 1, found 0"):
        sg.LaCIMClassifier(0).fit(*table)
    with pytest.raises(ParameterError, match="kl_weight must not be negative, found -1"):
        sg.LaCIMClassifier(kl_weight=-1).fit(*table)


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("lacim", ROOT / "benchmarks" / "lacim.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_digits_are_coloured_as_said(benchmark):
    (X, y, domain), tests = benchmark.coloured_digits(0, (0.9, 0.8), 0.0)
    assert X.shape == (1100, 128)
    # Which of the two colours is lit, whatever the shape.
    colour = X.reshape(-1, 2, 64).sum(axis=2).argmax(axis=1)
    for d in (0.9, 0.8):
        assert np.mean((colour == y)[domain == d]) == pytest.approx(d, abs=0.04)
    (A, a, _), (B, b, _) = tests["seen"], tests["unseen"]
    np.testing.assert_array_equal(a, b)
    shapes = [part.reshape(-1, 2, 64).sum(axis=1) for part in (A, B)]
    np.testing.assert_allclose(*shapes, rtol=0.3)  # the same digits, but for their brightness
    unseen = B.reshape(-1, 2, 64).sum(axis=2).argmax(axis=1)
    assert np.mean(unseen == b) == pytest.approx(0.1, abs=0.04)


def test_intervals_of_the_benchmark_cover_runs_and_samples(benchmark):
    same = [np.repeat([0.0, 1.0], [20, 80])] * 5
    low, high = benchmark.interval(same)
    assert low < 0.8 < high
    assert high - low < 0.1
    differing = [np.full(100, value) for value in (0.6, 0.7, 0.8, 0.9, 1.0)]
    low, high = benchmark.interval(differing)
    assert low == pytest.approx(0.68, abs=0.03)
    assert high == pytest.approx(0.92, abs=0.03)


@pytest.mark.slow
def test_lacim_finds_the_cause_where_the_truth_is_known(benchmark):
    """What goes along with the cause in training goes the other way in the unseen domain."""
    X, y, domain = benchmark.latent_problem(1, (0.95, 0.7, 0.4), 800)
    unseen = benchmark.latent_problem(2001, (-0.9,), 2000)[:2]
    found = {
        name: model.fit(X, y, domain).score(*unseen)
        for name, model in benchmark.methods(1, "cpu", {"max_epochs": 60}).items()
    }
    assert found["LaCIM, evidence bound"] > found["ERM"] + 0.03
    assert found["LaCIM, evidence bound"] > found["group DRO"] + 0.03
