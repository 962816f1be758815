"""The icequake benchmark counts what it says it counts."""

import argparse

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from sklearn.metrics import cohen_kappa_score


@pytest.fixture(scope="module")
def icequakes():
    import seismology_icequakes

    return seismology_icequakes


def test_clusters_are_named_once_each(icequakes):
    kind = np.repeat([0, 1, 2], 20)
    far = np.eye(3)[[2, 0, 1]][kind] * 9 + np.random.default_rng(0).normal(0, 0.1, (60, 3))
    assert icequakes.hits_of_clusters(far, kind, 0).mean() == 1
    # Two kinds that lie together share a cluster, which is named after one of them alone.
    mixed = far.copy()
    mixed[kind == 1] = far[kind == 0]
    assert icequakes.hits_of_clusters(mixed, kind, 0).mean() == pytest.approx(2 / 3, abs=0.2)


def test_given_labels_are_not_counted(icequakes):
    kind = np.repeat([0, 1, 2], 20)
    noise = np.random.default_rng(0).normal(size=(60, 4))
    runs = icequakes.hits_of_few(noise, kind, 0)
    assert [len(run) for run in runs] == [30] * icequakes.DRAWS
    assert 0.15 < np.mean(runs) < 0.55  # chance is a third
    assert np.mean(icequakes.hits_of_few(np.eye(3)[kind] + 0.1 * noise[:, :3], kind, 0)) == 1


def test_pairs_are_all_records_of_an_event(icequakes):
    names = np.array(["b", "", "a", "b", "", "b", "c"], dtype=object)
    found = icequakes.pairs_of(xr.Dataset(coords={"event_id": ("event", names)}))
    assert found[:, :2].tolist() == [[0, 3], [0, 5], [3, 5]]
    assert len(set(found[:, 2])) == 1
    none = icequakes.pairs_of(xr.Dataset(coords={"event_id": ("event", ["a", "b"])}))
    assert none.shape == (0, 3)


def test_pairs_by_chance_are_those_of_shifted_stations(icequakes):
    random = np.random.default_rng(0)
    start = np.datetime64("2009-01-21T04:00:00", "ns")

    def table(seconds, station):
        when = start + (np.asarray(seconds) * 1e9).astype("m8[ns]")
        return pd.DataFrame({"time": when, "station": station})

    first, second = np.sort(random.uniform(0, 3600, (2, 400)), axis=1)
    # Of n unrelated times in T seconds, n * n * 2 * TRAVEL / T pairs are near each other.
    related = pd.concat([table(first, "A"), table(first + 0.1, "B")], ignore_index=True)
    apart = pd.concat([table(first, "A"), table(second, "B")], ignore_index=True)
    expected = 400 * 400 * 2 * icequakes.TRAVEL / 3600
    for triggers in (related, apart):
        assert icequakes.by_chance(triggers) == pytest.approx(expected, rel=0.3)


def test_agreement_is_counted_against_chance(icequakes):
    random = np.random.default_rng(0)
    pairs = np.column_stack([np.arange(400).reshape(200, 2), np.arange(200)])
    labels = np.repeat(random.integers(0, 2, 200), 2)
    assert icequakes.agreement([labels], pairs, 50)["kappa"] == pytest.approx(1)
    # The mean of two trainings, one of them with other names of the clusters.
    found = icequakes.agreement([1 - labels, random.integers(0, 2, 400)], pairs, 200)
    assert found["kappa"] == pytest.approx(0.5, abs=0.1)
    labels = (random.random(400) < 0.05).astype(int)  # nearly all in one cluster
    found = icequakes.agreement([labels], pairs, 200)
    assert found["same_cluster"] > 0.85
    low, high = found["kappa_interval"]
    assert low <= found["kappa"] <= high
    assert low < 0.1
    assert found["kappa"] < 0.2


def test_agreement_is_cohens_kappa(icequakes):
    random = np.random.default_rng(1)
    labels = random.integers(0, 3, 90)
    labels[1::2] = np.where(random.random(45) < 0.6, labels[::2], labels[1::2])
    pairs = np.column_stack([np.arange(90).reshape(45, 2), np.arange(45) // 3])
    one, other = labels[::2], labels[1::2]
    want = cohen_kappa_score(np.append(one, other), np.append(other, one))
    assert icequakes.agreement([labels], pairs, 20)["kappa"] == pytest.approx(want)


def test_tables_are_drawn(icequakes):
    from seisbind_table import number_table

    one = {"k-means": 0.9, "k-means_interval": [0.88, 0.92], "ten labels": 0.95}
    one |= {"ten labels_interval": [0.94, 0.96]}
    made = icequakes.tables_of("made", {"rows": {"SeisSimCLR": one}, "most_stable": [2, 3]})
    lines = number_table(made["Records whose kind is known"]["rows"]).splitlines()
    assert lines[2] == "| SeisSimCLR | .900 (.880–.920) | .950 (.940–.960) | 2, 3 |"
    row = {"seeds": None, "seeds_range": None, "halves": 1.0, "kappa": -0.06}
    row |= {"kappa_interval": [-0.1, 0.0], "sizes": [[741, 0], [2, 245]]}
    found = {"rows": {"spectrum": {"2": row}}, "triggers": {"ST01": 743, "ST08": 245}}
    found |= {"stations": ["ST01", "ST08"], "most_stable": {"SeisSimCLR": [2, 2]}}
    found |= {"pairs": {"in the hour": 908, "by chance": 243.3}}
    tables = icequakes.tables_of("hour", found)
    assert number_table(tables["Rutford, triggers"]["rows"]).splitlines()[2] == "| ST01 | 743 |"
    lines = number_table(tables["Rutford, two records of one event"]["rows"]).splitlines()
    assert lines[2:] == ["| in the hour | 908 |", "| by chance | 243 |"]
    lines = number_table(tables["Rutford, clusters"]["rows"]).splitlines()
    assert lines[2].startswith("| spectrum, k = 2 | – | – | – | 1.000 | -.060 (-.100–.000) |")


def test_options_do_not_collide_and_have_defaults(icequakes):
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds")
    parser.add_argument("--part")
    icequakes.add_arguments(parser)
    options = parser.parse_args([])
    assert set(options.ice_part) == set(icequakes.PARTS)
