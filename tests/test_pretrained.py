"""Models that come with the package, and those from files and addresses."""

import functools
import hashlib
import http.server
import json
import threading
import tomllib
from pathlib import Path

import numpy as np
import pytest

import seisgeo as sg
from seisgeo import pretrained
from seisgeo.errors import ModelFileError, SeisgeoError

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def tiny(small_pairs):
    return sg.SeisBind(max_epochs=1, device="cpu", random_state=0, verbose=False).fit(
        small_pairs.isel(sample=slice(40))
    )


@pytest.fixture
def shipped(tiny, tmp_path, monkeypatch):
    """A folder as the package's, with one model in it."""
    file = tmp_path / "home" / "valley-small" / "model.seisbind"
    tiny.save(file)
    entry = {
        "estimator": "SeisBind",
        "file": "valley-small/model.seisbind",
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "version": "1",
        "description": "for tests",
    }
    index = tmp_path / "home" / "index.json"
    index.write_text(json.dumps({"valley-small": entry}))
    monkeypatch.setattr(pretrained, "_INDEX", index)
    return file


def test_a_model_is_had_by_its_name(shipped, tiny, small_pairs):
    assert list(pretrained.available()) == ["valley-small"]
    model = sg.SeisBind.from_pretrained("valley-small")
    assert model.model_id_ == tiny.model_id_
    assert model.device is None  # not the machine's that it was trained on
    few = small_pairs.isel(sample=slice(3))
    np.testing.assert_array_equal(
        model.set_params(device="cpu").transform(few)["embedding"], tiny.transform(few)["embedding"]
    )


def test_what_is_listed_is_there_whole():
    for name, entry in pretrained.available().items():
        file = Path(pretrained.__file__).parent / entry["file"]
        assert hashlib.sha256(file.read_bytes()).hexdigest() == entry["sha256"], name
        assert file.stat().st_size < 20e6
        assert "## Limits" in file.with_name("README.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_descriptors_are_read_off_gathers_never_seen():
    kinds = ("flatvel", "curvevel", "flatfault", "curvefault", "style")
    families = [f"{kind}-{which}" for kind in kinds for which in "ab"]
    made = {"engine": "openfwi", "device": "cpu", "workers": 1, "progress": False}
    pairs = sg.synth.generate(families, 4, seed=3, **made)
    read = sg.SeisBind.from_pretrained("openfwi-small", device="cpu").infer_descriptors(pairs)
    true = pairs["descriptor_value"].sel(descriptor=read["descriptor"])
    error = np.abs(read["descriptor_value"] - true).mean("sample")
    blind = np.abs(true.median("sample") - true).mean("sample")  # knows the test set's own median
    assert float((error / blind).mean()) < 0.5
    inside = (read["descriptor_low"] <= true) & (true <= read["descriptor_high"])
    assert 0.8 < float(inside.mean()) < 0.98


def test_the_archives_take_the_models_along():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = settings["tool"]["setuptools"]["package-data"]["seisgeo.pretrained"]
    home = ROOT / "seisgeo" / "pretrained"
    taken = {path for pattern in patterns for path in home.glob(pattern)}
    there = {path for path in home.rglob("*") if path.is_file() and "__pycache__" not in str(path)}
    assert there - taken == {home / "__init__.py"}


def test_unknown_names_are_answered_by_what_there_is(shipped, monkeypatch, tmp_path):
    with pytest.raises(
        ModelFileError,
        match=r"valey-small: neither a file .* Did you mean 'valley-small'\? There are: valley-",
    ):
        sg.SeisBind.from_pretrained("valey-small")
    (tmp_path / "none.json").write_text("{}")
    monkeypatch.setattr(pretrained, "_INDEX", tmp_path / "none.json")
    with pytest.raises(ModelFileError, match=r"seisgeo\. There are: none in this version"):
        sg.SeisBind.from_pretrained("valley-small")


@pytest.mark.parametrize("cut", [True, False])
def test_a_spoiled_file_is_named(shipped, cut):
    whole = bytearray(shipped.read_bytes())
    if cut:
        del whole[-100:]
    else:
        whole[-2] ^= 0x40
    shipped.write_bytes(whole)
    with pytest.raises(
        ModelFileError, match=r"model\.seisbind: cut short or altered, .* install seisgeo anew"
    ):
        sg.SeisBind.from_pretrained("valley-small")
    shipped.unlink()
    with pytest.raises(ModelFileError, match=r"the file of the model 'valley-small' is missing"):
        sg.SeisBind.from_pretrained("valley-small")


def test_a_file_and_its_checksum(shipped, tiny):
    sha256 = hashlib.sha256(shipped.read_bytes()).hexdigest()
    assert sg.SeisBind.from_pretrained(shipped).model_id_ == tiny.model_id_
    assert sg.SeisBind.from_pretrained(shipped, sha256=sha256).model_id_ == tiny.model_id_
    with pytest.raises(ModelFileError, match=f"expected {'0' * 64}; fetch it again"):
        sg.SeisBind.from_pretrained(shipped, sha256="0" * 64)


def test_others_may_read_a_saved_model(shipped):
    beside = shipped.with_name("note.txt")
    beside.touch()
    assert shipped.stat().st_mode == beside.stat().st_mode


def test_another_estimators_model_is_refused(shipped):
    with pytest.raises(ModelFileError, match="is a model of SeisBind, not of SeisCLIP"):
        sg.SeisCLIP.from_pretrained("valley-small")


def test_an_address_is_fetched_once_and_checked(shipped, tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("SEISGEO_DATA_DIR", str(tmp_path / "cache"))
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            asked.append(self.path)

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=shipped.parent)
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/model.seisbind"
    sha256 = hashlib.sha256(shipped.read_bytes()).hexdigest()
    try:
        for _ in range(2):
            assert sg.SeisBind.from_pretrained(url, sha256=sha256).model_id_ == tiny.model_id_
        assert asked == ["/model.seisbind"]
        with pytest.raises(SeisgeoError, match=r"could not fetch .*model\.seisbind from http"):
            sg.SeisBind.from_pretrained(url, sha256="0" * 64)
        with pytest.raises(ModelFileError, match="needs its checksum, sha256="):
            sg.SeisBind.from_pretrained(url)
    finally:
        server.shutdown()
        server.server_close()
