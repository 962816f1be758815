"""The files of a training set, against what zarr-python writes, and how many there are."""

import errno
import json
import os

import numpy as np
import pytest
import zarr

from seisgeo.synth import Survey, generate, store, unbuffered
from seisgeo.synth.shards import BLOSC, samples_per_file, write_samples


@pytest.mark.parametrize("codec", [BLOSC, {"cname": "zstd", "shuffle": "noshuffle"}, None])
@pytest.mark.parametrize("sharded", [True, False])
@pytest.mark.parametrize("shape", [(7, 40, 50), (7, 3, 5, 6), (7, 2)])
def test_files_are_those_of_zarr(tmp_path, codec, sharded, shape):
    samples = np.random.default_rng(3).normal(size=shape)  # float64, as descriptors are
    samples[2] = 0  # zeros and NaN are written like all else
    samples[3, 0] = np.nan
    settings = dict(
        shape=shape,
        dtype="float32",
        chunks=(1 if sharded else 3, *shape[1:]),
        shards=(3, *shape[1:]) if sharded else None,
        compressors=codec and zarr.codecs.BloscCodec(**codec),
        fill_value=np.nan,
    )
    with zarr.config.set({"array.write_empty_chunks": True}):
        zarr.create_array(tmp_path / "zarr", **settings)[:] = samples.astype("float32")
    ours = zarr.create_array(tmp_path / "ours", **settings)
    assert samples_per_file(tmp_path / "ours") == 3
    for start in (0, 3, 6):
        name, (checksum, size) = write_samples(tmp_path / "ours", start, samples[start : start + 3])
        written = (tmp_path / "ours" / name).read_bytes()
        assert written == (tmp_path / "zarr" / name).read_bytes()
        assert size == len(written)
        assert len(checksum) == 64
    np.testing.assert_array_equal(ours[:], samples.astype("float32"))
    assert {file.name for file in tmp_path.rglob("*.partial")} == set()


def test_a_file_that_stands_there_is_replaced(tmp_path):
    array = zarr.create_array(tmp_path / "a", shape=(4, 2), chunks=(4, 2), dtype="float32",
                              compressors=zarr.codecs.BloscCodec(**BLOSC))  # fmt: skip
    write_samples(tmp_path / "a", 0, np.ones((4, 2)))
    write_samples(tmp_path / "a", 0, np.full((4, 2), 2))
    np.testing.assert_array_equal(array[:], 2)


# Past the system's cache, where there is a way: whole pages at a time.


@pytest.fixture(params=["past the cache", "refused at once", "refused when it is written"])
def disk(request, monkeypatch):
    """File systems that know O_DIRECT, and two kinds that do not."""
    flag = getattr(os, "O_DIRECT", None)
    if flag is None:
        pytest.skip("this system has no O_DIRECT")
    opened, real_open, real_write = set(), os.open, os.write

    def open_(path, flags, *mode):
        if flags & flag and request.param == "refused at once":
            raise OSError(errno.EINVAL, "Invalid argument", str(path))
        file = real_open(path, flags & ~flag, *mode)
        if flags & flag:
            opened.add(file)
        return file

    def write(file, data):
        if file in opened:
            if request.param == "refused when it is written":
                raise OSError(errno.EINVAL, "Invalid argument")
            address = np.frombuffer(data, np.uint8).ctypes.data
            assert address % 4096 == len(data) % 4096 == os.lseek(file, 0, os.SEEK_CUR) % 4096 == 0
        return real_write(file, data)

    monkeypatch.setattr(unbuffered.os, "open", open_)
    monkeypatch.setattr(unbuffered.os, "write", write)
    monkeypatch.setattr(unbuffered, "PIECE", 2**16)
    return opened


@pytest.mark.parametrize("size", [2**20, 2**20 + 1, 2**20 + 2**16 - 24, 2**21 + 4096, 1000])
def test_large_files_are_written_whole_pages_at_a_time(tmp_path, disk, size):
    data = np.random.default_rng(size).bytes(size)
    parts = [data[:300_001], memoryview(data)[300_001:-24], b"", data[-24:]]
    if size < 300_001:
        parts = [data]
    assert unbuffered.write_parts(tmp_path / "file", parts) == size
    assert (tmp_path / "file").read_bytes() == data


def test_this_disk_takes_large_files(tmp_path):
    data = np.random.default_rng(0).bytes(2**24 + 4097)
    (tmp_path / "file").write_bytes(b"x" * 2**25)  # an older and longer one
    unbuffered.write_parts(tmp_path / "file", [data[:-24], data[-24:]])
    assert (tmp_path / "file").read_bytes() == data


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a disk that is always full")
def test_a_full_disk_says_so(tmp_path):
    (tmp_path / "file").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        unbuffered.write_parts(tmp_path / "file", [bytes(2**20)])


@pytest.mark.parametrize(
    ("n", "sources", "block"),
    [
        (8, 1, 1),  # few models: as many workers as models have something to do
        (100, 1, 5),
        (60_000, 5, 20),  # OpenFWI's: 28 MB
        (1000, 200, 1),  # 56 MB a model
    ],
)
def test_blocks_share_the_work_and_stay_small(tmp_path, n, sources, block):
    survey = Survey(
        source_x=tuple(np.linspace(0.0, 690.0, sources)),
        source_depth=(10.0,) * sources,
        receiver_x=(tuple(np.arange(0, 700, 10.0)),) * sources,
        receiver_depth=((10.0,) * 70,) * sources,
        dt=0.001,
        nt=1000,
        peak_frequency=15.0,
        peak_time=0.1,
        grid_spacing=10.0,
        model_shape=(70, 70),
    )
    settings = {
        "families": ["flatvel-a"], "n": n, "seed": 0, "engine": "deepwave", "physics": "scalar",
        "component": "pressure", "scheme": "", "survey": json.loads(survey.to_json()),
    }  # fmt: skip
    store.create_store(tmp_path / "pairs.zarr", settings)
    assert store.block_length(tmp_path / "pairs.zarr") == block


def test_any_zarr_reader_finds_units_and_dimensions(tmp_path, small_survey):
    out = tmp_path / "pairs.zarr"
    generate("flatvel-a", 2, survey=small_survey, out=out, device="cpu", workers=1, progress=False)
    group = zarr.open_group(out, mode="r")
    assert group["velocity"].attrs["units"] == "m/s"
    assert group["amplitude"].metadata.dimension_names == ("sample", "source", "time", "receiver")
    assert group["amplitude"].shards == (1, 1, 120, 16)
    assert np.isfinite(group["amplitude"][:]).all()
