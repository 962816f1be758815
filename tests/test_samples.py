"""Sample files: taken from the folder without a network, checked, and described."""

import shutil

import pytest

from seisgeo import samples
from seisgeo.errors import SeisgeoError


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEISGEO_DATA_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise ConnectionError("no network in this test")

    monkeypatch.setattr("pooch.retrieve", refuse)


def real_file(data_dir, name):
    found = list(data_dir.rglob(name))
    if not found:
        pytest.skip(f"{name} is not in {data_dir}")
    return found[0]


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("name", samples.SAMPLES)
def test_a_file_that_is_there_is_used_without_network(cache, data_dir, name):
    shutil.copy(real_file(data_dir, name), cache / name)
    assert samples.fetch(name) == cache / name


@pytest.mark.usefixtures("no_network")
def test_a_folder_of_the_cache_is_looked_into(cache, data_dir):
    (cache / "segy").mkdir()
    shutil.copy(real_file(data_dir, "viking_small.segy"), cache / "segy")
    assert samples.fetch("viking_small.segy") == cache / "segy" / "viking_small.segy"


@pytest.mark.usefixtures("no_network")
def test_another_file_under_that_name_is_not_taken(cache):
    (cache / "real_gather.sgy").write_bytes(b"something else")
    message = r"could not fetch real_gather\.sgy from https://.*no network.*SEISGEO_DATA_DIR"
    with pytest.raises(SeisgeoError, match=message):
        samples.fetch("real_gather.sgy")


def test_download_is_checked_against_the_checksum(cache, monkeypatch):
    def download(_self, _url, output_file, _pooch, **_kwargs):
        with open(output_file, "wb") as stream:
            stream.write(b"a page that says 404")

    monkeypatch.setattr("pooch.HTTPDownloader.__call__", download)
    with pytest.raises(SeisgeoError, match=r"could not fetch real_gather\.sgy .*SHA256"):
        samples.fetch("real_gather.sgy")
    assert not list(cache.iterdir())


def test_unknown_name_lists_the_samples():
    with pytest.raises(SeisgeoError, match=r"'marmousi'; there are: viking_small\.segy"):
        samples.fetch("marmousi")


def test_every_sample_says_source_and_licence():
    for sample in samples.SAMPLES.values():
        assert sample.url.startswith("https://")
        assert len(sample.sha256) == 64
        assert all((sample.description, sample.source, sample.licence))


def test_cache_is_the_user_s_own_by_default(monkeypatch):
    monkeypatch.delenv("SEISGEO_DATA_DIR", raising=False)
    assert samples.cache_dir().name == "seisgeo"
