"""Galleries: search, filters and storage, the same with every index."""

import json

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from seisgeo.errors import DataWarning, ModelFileError, OutputExistsError, ParameterError
from seisgeo.retrieval import Gallery, index_class, label_table, select_rows
from seisgeo.retrieval.exact import nearest

N, FEATURES = 1200, 24
KINDS = ["exact", "faiss", "pgvector"]


def options_of(kind, request):
    """What an index needs, or a skip where its packages are not there."""
    if kind == "faiss":
        pytest.importorskip("faiss")
    return {"location": request.getfixturevalue("postgres")} if kind == "pgvector" else {}


def unit(rng, n):
    z = rng.normal(size=(n, FEATURES))
    return (z / np.linalg.norm(z, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def embedding():
    """Clustered, as real embeddings are."""
    rng = np.random.default_rng(0)
    z = np.repeat(unit(rng, 60), N // 60, axis=0) + 0.1 * rng.normal(size=(N, FEATURES))
    return (z / np.linalg.norm(z, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def samples():
    rng = np.random.default_rng(1)
    return xr.Dataset(
        {
            "velocity": (
                ("sample", "depth", "x"),
                rng.uniform(1500, 4500, (N, 4, 3)).astype(np.float32),
                {"units": "m/s"},
            ),
            "descriptor_value": (
                ("sample", "descriptor"),
                rng.uniform(0, 1000, (N, 2)).astype(np.float32),
            ),
        },
        coords={
            "family": ("sample", np.array(["salt", "folded", "marine"] * (N // 3), dtype=object)),
            "water_depth": ("sample", rng.uniform(0, 500, N)),
            "well": ("sample", np.arange(N) % 7),
            "depth": ("depth", np.arange(4) * 10.0, {"units": "m"}),
            "x": ("x", np.arange(3) * 10.0, {"units": "m"}),
            "descriptor": ["interface_depth", "layer_count"],
            "units": ("descriptor", ["m", "1"]),
        },
    )


@pytest.fixture(scope="module", params=KINDS)
def gallery(request, embedding, samples):
    options = options_of(request.param, request)
    return Gallery.build(embedding, samples, "f" * 64, kind=request.param, **options)


def brute_force(query, embedding, k, allowed=None):
    """Cosines in double precision, sorted in full."""
    allowed = np.arange(len(embedding)) if allowed is None else np.flatnonzero(allowed)
    cosine = query.astype(float) @ embedding[allowed].astype(float).T
    return allowed[np.argsort(-cosine, axis=1, kind="stable")[:, :k]]


def recall(found, true):
    return np.mean([len(np.intersect1d(a, b)) / len(b) for a, b in zip(found, true, strict=True)])


def test_every_index_finds_what_brute_force_finds(gallery, embedding):
    query = embedding[::20] + np.float32(0.02)
    query /= np.linalg.norm(query, axis=1, keepdims=True)
    score, index = gallery.search(query, 10)
    true = brute_force(query, embedding, 10)
    assert recall(index, true) >= (0.98 if gallery.kind == "faiss" else 0.9999)
    assert (np.diff(score, axis=1) <= 1e-6).all()
    np.testing.assert_allclose(
        score, np.einsum("qf,qkf->qk", query, embedding[index]), atol=2e-6, rtol=0
    )


CONDITIONS = [
    ({"family": "salt"}, lambda t: t["family"] == "salt"),
    ({"family": ["salt", "marine"], "well": 3}, lambda t: (t.family != "folded") & (t.well == 3)),
    ({"water_depth": slice(100, 300)}, lambda t: t["water_depth"].between(100, 300)),
    ({"water_depth": slice(None, 40.5), "well": [0, 1]}, lambda t: (t.water_depth <= 40.5)
     & (t.well < 2)),
    ({"interface_depth": slice(900, None)}, lambda t: t["interface_depth"] >= 900),
    (lambda t: t["well"] % 2 == 0, lambda t: t["well"] % 2 == 0),
]  # fmt: skip


@pytest.mark.parametrize(("where", "truth"), CONDITIONS, ids=range(len(CONDITIONS)))
def test_filters_leave_the_nearest_of_those_that_pass(gallery, embedding, where, truth):
    passes = truth(gallery.labels).to_numpy()
    query = embedding[5:45]
    _, index = gallery.search(query, 6, where)
    assert passes[index].all()
    assert recall(index, brute_force(query, embedding, 6, passes)) > 0.995


def test_large_selections_reach_faiss_itself(embedding, samples, monkeypatch):
    faiss_index = pytest.importorskip("seisgeo.retrieval.faiss_index", exc_type=ImportError)
    pytest.importorskip("faiss")
    gallery = Gallery.build(embedding, samples, "f" * 64, kind="faiss")
    monkeypatch.setattr(faiss_index, "EXACT_ROWS", 0)
    passes = gallery.labels["well"].to_numpy() < 3
    _, index = gallery.search(embedding[:40], 6, {"well": [0, 1, 2]})
    assert passes[index].all()
    assert recall(index, brute_force(embedding[:40], embedding, 6, passes)) > 0.95
    # Two rows, far from the query's cells: found all the same.
    _, index = gallery.search(embedding[:1], 2, lambda t: t.index.isin([1100, 1190]))
    assert set(index[0]) == {1100, 1190}


def test_faiss_says_nothing_of_a_small_gallery(embedding, samples, capfd):
    pytest.importorskip("faiss")
    gallery = Gallery.build(
        embedding[::60], samples.isel(sample=slice(0, None, 60)), "f" * 64, kind="faiss"
    )
    assert gallery.search(embedding[:1], 1)[1][0, 0] == 0
    assert capfd.readouterr() == ("", "")


def test_compressed_faiss_takes_a_quarter_of_the_memory(embedding, samples, tmp_path):
    pytest.importorskip("faiss")
    sizes, found = {}, {}
    for compress in (False, True):
        gallery = Gallery.build(embedding, samples, "f" * 64, kind="faiss", compress=compress)
        gallery.save(tmp_path / str(compress))
        sizes[compress] = (tmp_path / str(compress) / "index" / "index.faiss").stat().st_size
        found[compress] = gallery.search(embedding[:50], 5)[1]
    assert sizes[True] - sizes[False] == pytest.approx(-3 * N * FEATURES, rel=0.01)
    assert recall(found[True], found[False]) > 0.9


@pytest.mark.parametrize("compress", [False, True])
def test_faiss_looks_into_the_nearest_cells_only(compress):
    faiss_index = pytest.importorskip("seisgeo.retrieval.faiss_index", exc_type=ImportError)
    pytest.importorskip("faiss")
    rng = np.random.default_rng(0)
    # So close to each other that 8 bits confuse them, however many cells are looked into.
    z = np.repeat(unit(rng, 80), 100, axis=0) + 0.002 * rng.normal(size=(8000, FEATURES))
    z = (z / np.linalg.norm(z, axis=1, keepdims=True)).astype(np.float32)
    index = faiss_index.FaissIndex.build(z, None, compress=compress)
    assert index.index.nprobe < index.index.nlist / 2
    found = recall(index.search(z[::20], 10)[1], nearest(z[::20], z, 10)[1])
    assert found < 0.95 if compress else found > 0.99


def test_fewer_hits_than_asked_are_said(gallery, embedding):
    with pytest.warns(DataWarning, match="only 2 of the gallery's 1200 samples pass .* instead of"):
        hits = gallery.hits(embedding[:3], 5, lambda t: t.index < 2)
    assert hits.sizes["rank"] == 2
    assert set(hits["gallery_index"].values.ravel()) == {0, 1}


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"familly": "salt"}, r"'familly'; did you mean 'family'\? it can be filtered by family"),
        ({"family": "basalt"}, r"passes where=\{'family': 'basalt'\}; it has:\n  family: folded"),
        ({"well": slice(9, None)}, r"slice\(9, None, None\)\}; it has:\n  well: 0 to 6"),
        ({"family": slice(3, 4)}, r"slice\(3, 4, None\) cannot be compared with 'family'"),
        ({"well": slice(0, 6, 2)}, "a range has no step"),
        (lambda t: [True], r"one boolean for each of the gallery's 1200 samples, found bool of sh"),
        (lambda t: t["well"].to_numpy(), "samples, found int64 of shape"),
        ("salt", "dict of conditions or a function of the gallery's table, found str"),
    ],
)  # fmt: skip
def test_filters_that_cannot_be_meant(samples, embedding, where, message):
    gallery = Gallery.build(embedding, samples, "f" * 64)
    with pytest.raises(ParameterError, match=message):
        gallery.search(embedding[:1], 2, where)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(1, 12), st.integers(0, 99))
def test_nearest_against_a_full_sort_with_ties(n, k, seed):
    rng = np.random.default_rng(seed)
    query, gallery = rng.integers(-1, 2, (9, 3)), rng.integers(-1, 2, (n, 3))
    k = min(k, n)
    score, index = nearest(query.astype(np.float32), gallery.astype(np.float32), k)
    cosine = query @ gallery.T
    np.testing.assert_array_equal(score, -np.sort(-cosine, axis=1)[:, :k])
    np.testing.assert_array_equal(np.take_along_axis(cosine, index, axis=1), score)
    assert all(len(set(row)) == k for row in index)


# ------------------------------------------------------------------------------ on disk


def test_a_saved_gallery_answers_the_same(gallery, embedding, tmp_path):
    path = tmp_path / "line.gallery"
    gallery.save(path)
    loaded = Gallery.load(path)
    assert loaded.model_id == gallery.model_id
    assert not loaded.samples["velocity"]._in_memory
    for where in (None, {"family": "folded", "interface_depth": slice(0, 800)}):
        xr.testing.assert_identical(
            loaded.hits(embedding[:4], 3, where).drop_attrs(),
            gallery.hits(embedding[:4], 3, where).drop_attrs(),
        )
    with pytest.raises(OutputExistsError, match="already exists"):
        gallery.save(path)
    assert not [f for f in path.rglob("*") if f.suffix in {".pkl", ".pickle"}]


def test_models_are_written_block_by_block(embedding, samples, tmp_path, monkeypatch):
    from seisgeo.retrieval import stored

    monkeypatch.setattr(stored, "_BLOCK_BYTES", 20_000)
    gallery = Gallery.build(embedding, samples, "f" * 64)
    gallery.save(tmp_path / "g")
    loaded = Gallery.load(tmp_path / "g").samples
    xr.testing.assert_identical(loaded.load().drop_attrs(), samples.drop_attrs())


@pytest.fixture
def stored_gallery(embedding, samples, tmp_path):
    path = tmp_path / "line.gallery"
    Gallery.build(embedding, samples, "f" * 64).save(path)
    return path


def test_a_cut_index_is_named(stored_gallery):
    file = stored_gallery / "index" / "embedding.npy"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ModelFileError, match=r"embedding\.npy: cut short or altered"):
        Gallery.load(stored_gallery)
    file.unlink()
    with pytest.raises(ModelFileError, match=r"its file index/embedding\.npy is missing"):
        Gallery.load(stored_gallery)


def test_other_coordinates_than_the_index_was_made_of(stored_gallery, samples):
    import zarr

    store = zarr.open_group(stored_gallery / "samples.zarr")
    store["water_depth"][5] = 9999.0
    with pytest.raises(ModelFileError, match=r"coordinates or descriptors are not the 1200 that"):
        Gallery.load(stored_gallery)


def test_an_altered_description(stored_gallery):
    file = stored_gallery / "gallery.json"
    about = json.loads(file.read_text())
    file.write_text(json.dumps(about | {"model": "e" * 64}))
    with pytest.raises(ModelFileError, match="does not match its checksum"):
        Gallery.load(stored_gallery)
    file.write_text(json.dumps(about | {"format": 9, "seisgeo_version": "9.0"}))
    with pytest.raises(ModelFileError, match=r"format 9, written by seisgeo 9\.0; this is"):
        Gallery.load(stored_gallery)
    file.write_text(json.dumps(about)[:50])
    with pytest.raises(ModelFileError, match="cut short or altered"):
        Gallery.load(stored_gallery)
    file.unlink()
    with pytest.raises(ModelFileError, match=r"no gallery: it has no gallery\.json"):
        Gallery.load(stored_gallery)
    with pytest.raises(ModelFileError, match="nowhere: no such gallery"):
        Gallery.load(stored_gallery / "nowhere")


def test_altered_models_are_noticed_when_they_are_read(stored_gallery, embedding):
    (chunks,) = (stored_gallery / "samples.zarr" / "velocity" / "c").rglob("0/0/0")
    data = bytearray(chunks.read_bytes())
    data[len(data) // 3] ^= 1
    chunks.write_bytes(data)
    gallery = Gallery.load(stored_gallery)
    with pytest.raises(ModelFileError, match=r"samples\.zarr: models that are hits .*checksum"):
        gallery.hits(embedding[:200], 5)


# ------------------------------------------------------------------------------ indexes


def test_unknown_indexes_and_options(embedding, samples):
    with pytest.raises(ParameterError, match=r"index must be one of .*exact.*; found 'annoy'"):
        index_class("annoy")
    with pytest.raises(ParameterError, match=r"index 'exact': .*argument 'compress'"):
        Gallery.build(embedding, samples, "f" * 64, kind="exact", compress=True)


def test_a_missing_package_is_named_with_what_installs_it(embedding, samples, monkeypatch):
    import sys

    for package in ("faiss", "psycopg"):
        monkeypatch.setitem(sys.modules, package, None)
    for kind in ("faiss", "pgvector"):
        with pytest.raises(ParameterError, match=r"pip install 'seisgeo\[index\]'"):
            Gallery.build(embedding, samples, "f" * 64, kind=kind)


def test_labels_are_coordinates_and_descriptors(samples):
    table = label_table(samples)
    assert list(table) == ["family", "water_depth", "well", "interface_depth", "layer_count"]
    assert select_rows(table, {"well": 6}).rows[0] == 6


# ------------------------------------------------------------------------------- model


@pytest.mark.parametrize("kind", KINDS)
def test_retrieve_is_the_same_with_every_index(small_model, small_pairs, kind, request, tmp_path):
    options = options_of(kind, request)
    pool, queries = small_pairs.isel(sample=slice(500)), small_pairs.isel(sample=slice(600, 610))
    where = {"family": "curvevel-a", "mean_velocity": slice(2500, 3200)}
    assert set(small_pairs["family"].values) == {"curvevel-a"}
    expected = small_model.retrieve(queries, pool, k=4, where=where)
    low, high = 2500, 3200
    means = pool["velocity"].mean(("depth", "x")).values[expected["gallery_index"].values]
    assert (means >= low - 1).all()
    assert (means <= high + 1).all()
    small_model.make_gallery(pool, index=kind, **options).save(tmp_path / "g")
    hits = small_model.retrieve(queries, Gallery.load(tmp_path / "g"), k=4, where=where)
    np.testing.assert_array_equal(hits["gallery_index"], expected["gallery_index"])
    np.testing.assert_allclose(hits["score"], expected["score"], atol=1e-5)
    np.testing.assert_array_equal(hits["velocity"], expected["velocity"])


def test_a_saved_gallery_of_another_model_is_refused(small_model, stored_gallery, small_pairs):
    with pytest.raises(ParameterError, match="embedded by another model"):
        small_model.retrieve(small_pairs.isel(sample=[0]), Gallery.load(stored_gallery))
