"""seisgeo embed and retrieve."""

import json
import re

import numpy as np
import xarray as xr

import seisgeo as sg


def test_embed_field_shots_and_models(seisgeo, home, work):
    code, out, _ = seisgeo("embed", home / "line.seisbind", home / "line.sgy", "--out", "e.nc")
    assert (code, out) == (0, "wrote e.nc: 3 embeddings of 256\n")
    with xr.open_dataset("e.nc") as ds:
        np.testing.assert_allclose((ds["embedding"] ** 2).sum("feature"), 1, rtol=1e-5)
        assert ds["field_record"].values.tolist() == [11, 12, 13]
    model, train = home / "line.seisbind", home / "train.zarr"
    assert seisgeo("embed", model, train, "--modality", "velocity", "--out", "v.zarr")[0] == 0
    code, _, err = seisgeo("embed", model, train, "--out", "e.txt")
    assert code == 1
    assert "e.txt: expected a name that ends in .nc, .zarr" in err
    assert "e.nc already exists" in seisgeo("embed", model, train, "--out", "e.nc")[2]


def test_retrieve_prints_writes_and_draws(seisgeo, home, work):
    files = [home / "line.seisbind", home / "line.sgy", home / "train.zarr"]
    code, out, _ = seisgeo("retrieve", *files, "-k", 3, "--out", "hits.nc", "--plot", "hits.png")
    assert code == 0
    assert out.startswith("field record 11: models ")
    assert "mean_velocity" in out
    assert "m/s" in out
    with xr.open_dataset("hits.nc") as hits:
        assert dict(hits["velocity"].sizes)["rank"] == 3
    assert (work / "hits.png").read_bytes().startswith(b"\x89PNG")

    code, out, _ = seisgeo("retrieve", *files, "-k", 3, "--json")
    rows = json.loads(out)
    assert [row["field_record"] for row in rows] == [11, 12, 13]
    assert all(len(row["gallery_index"]) == 3 for row in rows)
    assert rows[0]["score"] == sorted(rows[0]["score"], reverse=True)
    assert rows[0]["attributes"]["mean_velocity"]["units"] == "m/s"


def test_retrieve_refuses_with_one_line(seisgeo, home, work):
    files = [home / "line.seisbind", home / "line.sgy", home / "train.zarr"]
    for words, message in (
        ([*files, "-k", 99], "k must be 1 to 40"),
        ([*files, "--plot", "hits.xyz"], "hits.xyz: expected a name that ends in .png"),
        ([files[1], files[1], files[2]], "line.sgy: not a whole safetensors file"),
        ([files[0], files[1], files[1]], "velocity"),
        ([files[0], "nowhere.sgy", files[2]], "nowhere.sgy: no such file"),
    ):
        code, out, err = seisgeo("retrieve", *words)
        assert (code, out) == (1, "")
        assert message in err
        assert err.count("\n") == 1
    assert not list(work.iterdir())


def test_a_gallery_is_saved_searched_and_told_about(seisgeo, home, work):
    model, train = home / "line.seisbind", home / "train.zarr"
    code, out, _ = seisgeo("embed", model, train, "--out", "t.gallery", "--index", "faiss")
    assert (code, out) == (0, "wrote t.gallery: a gallery of 40 samples\n")
    once = seisgeo("retrieve", model, home / "line.sgy", train, "-k", 3, "--json")
    again = seisgeo("retrieve", model, home / "line.sgy", "t.gallery", "-k", 3, "--json")
    assert again == once
    said = seisgeo("info", "t.gallery")[1]
    assert "40, found by velocity" in said
    assert "faiss" in said
    assert "curvevel-b, flatvel-a" in said
    # Four digits of a descriptor, with its unit; values stand below each other.
    assert re.search(r"^mean velocity +\d{4} to \d{4} m/s$", said, re.M)
    assert re.search(r"^abs lateral gradient +0 to \S{,7} 1/s$", said, re.M)
    code, _, err = seisgeo("retrieve", model, home / "line.sgy", "t.gallery", "--index", "exact")
    assert code == 1
    assert "t.gallery was saved with the index faiss" in err
    assert "t.gallery already exists" in seisgeo("embed", model, train, "--out", "t.gallery")[2]
    assert seisgeo("embed", model, train, "--out", "t.gallery", "--overwrite")[0] == 0
    assert sg.retrieval.Gallery.load("t.gallery").kind == "exact"
    code, _, err = seisgeo("retrieve", model, home / "line.sgy", "none.gallery")
    assert code == 1
    assert "none.gallery: no such gallery" in err
    code, _, err = seisgeo("embed", model, train, "--out", "e.nc", "--index", "exact")
    assert code == 1
    assert "--index is of a gallery" in err


def test_a_gallery_in_a_database_is_searched_like_any_other(seisgeo, home, work, postgres):
    model, train = home / "line.seisbind", home / "train.zarr"
    words = ["embed", model, train, "--out", "t.gallery", "--location", postgres]
    code, _, err = seisgeo(*words)
    assert code == 1
    assert "--location is of a database: name --index pgvector too" in err
    assert seisgeo(*words, "--index", "pgvector")[0] == 0
    once = seisgeo("retrieve", model, home / "line.sgy", train, "-k", 3, "--json")
    again = seisgeo("retrieve", model, home / "line.sgy", "t.gallery", "-k", 3, "--json")
    assert again == once
    assert "pgvector" in seisgeo("info", "t.gallery")[1]
    code, _, err = seisgeo("embed", model, train, "--out", "e.nc", "--location", postgres)
    assert code == 1
    assert "--location is of a gallery" in err


def test_where_narrows_the_gallery(seisgeo, home, work):
    words = ["retrieve", home / "line.seisbind", home / "line.sgy", home / "train.zarr", "--json"]
    with xr.open_dataset(home / "train.zarr") as train:
        family = train["family"].values
        speed = train["descriptor_value"].sel(descriptor="mean_velocity").values
    middle = float(np.median(speed))
    code, out, err = seisgeo(
        *words, "--where", "family=curvevel-b", "--where", f"mean_velocity={middle}:", "-k", 4
    )
    assert code == 0, err
    allowed = np.flatnonzero((family == "curvevel-b") & (speed >= middle))
    for row in json.loads(out):
        assert len(set(row["gallery_index"])) == 4
        assert set(row["gallery_index"]) <= set(allowed.tolist())
    both = seisgeo(*words, "--where", "family=flatvel-a,curvevel-b")
    assert both == seisgeo(*words)
    for condition, message in (
        ("family", "--where family: expected NAME=VALUE, NAME=VALUE,VALUE or NAME=LOW:HIGH"),
        ("familie=salt", "the gallery has no 'familie'; did you mean 'family'?"),
        ("mean_velocity=fast", "--where mean_velocity=fast: expected numbers"),
        ("family=salt", "no sample of the gallery passes"),
    ):
        code, out, err = seisgeo(*words, "--where", condition)
        assert (code, out) == (1, "")
        assert message in err
    code, _, err = seisgeo(*words, "--where", "family=a", "--where", "family=b")
    assert code == 1
    assert "family is named twice; several values are family=VALUE,VALUE" in err
