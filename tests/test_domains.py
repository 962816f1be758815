import numpy as np
import pytest
import xarray as xr
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

import seisgeo as sg
from seisgeo import conventions
from seisgeo.errors import ConventionError, ModelFileError, ParameterError

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


def make_latent(correlations, n=1500, seed=0):
    """Samples whose truth is known: s makes the label, z goes along with it as a domain has it.

    s is seen through six noisy features, z through six clear ones.
    """
    random = np.random.default_rng(seed)
    parts = []
    for number, r in enumerate(correlations):
        s = random.normal(size=n)
        z = r * s + np.sqrt(1 - r**2) * random.normal(size=n)
        X = np.column_stack(
            [
                s[:, None] + 2.0 * random.normal(size=(n, 6)),
                z[:, None] + 0.1 * random.normal(size=(n, 6)),
            ]
        )
        y = (random.random(n) < 1 / (1 + np.exp(-4 * s))).astype(int)
        parts.append((X, y, np.full(n, number), s))
    return [np.concatenate(part) for part in zip(*parts, strict=True)]


class WithDomains(sg.LaCIMClassifier):
    """scikit-learn's checks know no domains: even and odd rows."""

    def fit(self, X, y=None, domain=None):
        count = X.shape[0] if hasattr(X, "shape") else len(X)
        return super().fit(X, y, np.arange(count) // 2 % 2 if domain is None else domain)


@parametrize_with_checks(
    [
        sg.DomainClassifier(**SMALL | {"max_epochs": 30, "learning_rate": 3e-3}),
        WithDomains(4, 4, **SMALL | {"max_epochs": 30, "learning_rate": 3e-3}),
    ]
)
def test_scikit_learn_check(estimator, check):
    check(estimator)
