import json
import struct

import numpy as np
import pytest

import seisgeo as sg
from seisgeo.errors import ModelFileError, OutputExistsError


@pytest.fixture
def saved(small_model, tmp_path):
    path = tmp_path / "line.seisbind"
    small_model.save(path)
    return path


def test_round_trip_gives_the_same_embeddings(small_model, small_pairs, saved):
    loaded = sg.load(saved)
    few = small_pairs.isel(sample=slice(5))
    for modality in ("seismic", "velocity", "physics"):
        np.testing.assert_array_equal(
            loaded.transform(few, modality)["embedding"],
            small_model.transform(few, modality)["embedding"],
        )
    assert loaded.model_id_ == small_model.model_id_
    assert loaded.survey_ == small_model.survey_
    assert loaded.history_ == small_model.history_
    assert loaded.get_params()["max_epochs"] == small_model.max_epochs


def test_array_models_too(tmp_path):
    X = np.random.default_rng(0).normal(size=(30, 6)).astype(np.float32)
    model = sg.SeisBind(max_epochs=1, device="cpu", random_state=0, verbose=False).fit(X)
    model.save(tmp_path / "a.seisbind")
    np.testing.assert_array_equal(sg.load(tmp_path / "a.seisbind").transform(X), model.transform(X))


def test_the_file_is_not_replaced_unasked(small_model, saved):
    with pytest.raises(OutputExistsError, match="already exists"):
        small_model.save(saved)
    small_model.save(saved, overwrite=True)


def test_no_such_file(tmp_path):
    with pytest.raises(ModelFileError, match=r"gone\.seisbind: no such model file"):
        sg.load(tmp_path / "gone.seisbind")


def test_cut_short(saved):
    saved.write_bytes(saved.read_bytes()[:-1000])
    with pytest.raises(ModelFileError, match="not a whole safetensors file"):
        sg.load(saved)


def test_altered_weights(saved):
    data = bytearray(saved.read_bytes())
    data[-2] ^= 0x40
    saved.write_bytes(data)
    with pytest.raises(ModelFileError, match="do not match their checksum"):
        sg.load(saved)


def test_altered_settings(saved):
    rewrite(saved, lambda config: config | {"spectrum": [1.0, 0.0]})
    with pytest.raises(ModelFileError, match="do not match their checksum"):
        sg.load(saved)


def test_encoders_of_another_version(saved, monkeypatch):
    from seisgeo.encoders import residual

    monkeypatch.setattr(residual, "POOL", 2)
    with pytest.raises(
        ModelFileError, match=r"encoders of seisgeo .* are not those of this version"
    ):
        sg.load(saved)


def test_numpy_parameters_survive(small_pairs, tmp_path):
    model = sg.SeisBind(
        embedding_dim=np.int64(32), max_epochs=1, device="cpu", random_state=0, verbose=False
    ).fit(small_pairs.isel(sample=slice(10)))
    model.save(tmp_path / "a.seisbind")
    assert sg.load(tmp_path / "a.seisbind").embedding_dim == 32


def test_another_version(saved):
    rewrite(saved, lambda config: config | {"format": 99, "seisgeo_version": "9.0"})
    with pytest.raises(ModelFileError, match=r"format 99, written by seisgeo 9\.0; this is"):
        sg.load(saved)


def test_settings_that_are_no_json(saved):
    rewrite(saved, lambda text: text[:-20], plain=True)
    with pytest.raises(ModelFileError, match=r"line\.seisbind: its settings were altered"):
        sg.load(saved)


def test_a_parameter_of_a_later_version(saved, monkeypatch):
    from seisgeo.estimators import persistence

    monkeypatch.setattr(persistence, "_seal", lambda weights, config: "")
    rewrite(
        saved,
        lambda config: config | {"parameters": {"telepathy": True}, "sha256": ""},
    )
    with pytest.raises(ModelFileError, match=r"does not know .*telepathy.*: use that version"):
        sg.load(saved)


def test_somebody_elses_safetensors(saved):
    rewrite(saved, None)
    with pytest.raises(ModelFileError, match="not a model that seisgeo saved"):
        sg.load(saved)


def test_a_text_file(tmp_path):
    (tmp_path / "a.seisbind").write_text("weights")
    with pytest.raises(ModelFileError, match="not a whole safetensors file"):
        sg.load(tmp_path / "a.seisbind")


def rewrite(path, change, plain=False):
    """Change our entry in the header of a safetensors file, or its plain text, or drop it."""
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    if change is None:
        del header["__metadata__"]
    elif plain:
        header["__metadata__"]["seisgeo"] = change(header["__metadata__"]["seisgeo"])
    else:
        config = change(json.loads(header["__metadata__"]["seisgeo"]))
        header["__metadata__"]["seisgeo"] = json.dumps(config)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + size :])
