"""The files of a training set, against what zarr-python writes, and how many there are."""

import json

import numpy as np
import pytest
import zarr

from seisgeo.synth import Survey, generate, store
from seisgeo.synth.shards import BLOSC, samples_per_file, write_samples


@pytest.mark.parametrize("sharded", [True, False])
@pytest.mark.parametrize("shape", [(7, 40, 50), (7, 3, 5, 6), (7, 2)])
def test_files_are_those_of_zarr(tmp_path, sharded, shape):
    samples = np.random.default_rng(3).normal(size=shape)  # float64, as descriptors are
    samples[2] = 0  # zeros and NaN are written like all else
    samples[3, 0] = np.nan
    settings = dict(
        shape=shape,
        dtype="float32",
        chunks=(1 if sharded else 3, *shape[1:]),
        shards=(3, *shape[1:]) if sharded else None,
        compressors=zarr.codecs.BloscCodec(**BLOSC),
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
