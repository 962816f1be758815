import hashlib

import numpy as np
import pytest
import segyio
import xarray as xr

from seisgeo.errors import HeaderWarning, OutputExistsError
from seisgeo.example_line import (
    CHANNELS,
    DEAD_CHANNELS,
    FIRST_POINT,
    FIRST_RECORD,
    MISSING,
    NEAR_OFFSET,
    SHOT_INTERVAL,
    SPACING,
    WEAK_CHANNEL,
    WRONG_SAMPLE_COUNT,
    write_example_line,
)

SHOTS = 3
FAR_OFFSET = NEAR_OFFSET + (CHANNELS - 1) * SPACING


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("line") / "field_line.sgy"
    return path, write_example_line(path, shots=SHOTS, seed=5)


@pytest.fixture(scope="module")
def raw(made):
    """Trace headers and samples, as segyio sees them."""
    fields = segyio.TraceField
    with segyio.open(made[0], ignore_geometry=True) as file:
        headers = {
            name: file.attributes(getattr(fields, name))[:]
            for name in (
                "FieldRecord",
                "TraceNumber",
                "EnergySourcePoint",
                "offset",
                "SourceX",
                "GroupX",
                "SourceGroupScalar",
                "TRACE_SAMPLE_COUNT",
                "TRACE_SAMPLE_INTERVAL",
            )
        }
        return file.bin, headers, file.trace.raw[:]


@pytest.fixture(scope="module")
def shots(made):
    with pytest.warns(HeaderWarning):
        return xr.open_dataset(made[0])


def test_binary_header_is_that_of_a_recording(raw):
    binary, _, samples = raw
    assert binary[segyio.BinField.Format] == 1  # IBM float, as field files are
    assert binary[segyio.BinField.Samples] == 501
    assert binary[segyio.BinField.Interval] == 4000
    assert samples.shape == (SHOTS * CHANNELS - 1, 501)
    assert np.isfinite(samples).all()


def test_trace_headers_hold_the_spread(raw):
    _, headers, _ = raw
    assert np.unique(headers["FieldRecord"]).tolist() == [FIRST_RECORD + i for i in range(SHOTS)]
    points = [FIRST_POINT + 2 * i for i in range(SHOTS)]
    assert np.unique(headers["EnergySourcePoint"]).tolist() == points
    assert set(headers["TraceNumber"]) == set(range(1, CHANNELS + 1))
    assert set(np.diff(np.unique(headers["SourceX"]))) == {SHOT_INTERVAL}
    assert set(headers["SourceGroupScalar"]) <= {0, 1}
    distance = headers["SourceX"] - headers["GroupX"]  # the streamer is behind the source
    assert distance.tolist() == (NEAR_OFFSET + SPACING * (headers["TraceNumber"] - 1)).tolist()


def test_headers_contradict_each_other(raw):
    binary, headers, _ = raw
    assert set(headers["TRACE_SAMPLE_COUNT"]) == {WRONG_SAMPLE_COUNT}
    assert binary[segyio.BinField.Samples] != WRONG_SAMPLE_COUNT
    assert set(headers["offset"]) == {0}
    assert np.ptp(headers["GroupX"]) > 0


def test_one_trace_is_missing_from_the_file(raw):
    _, headers, _ = raw
    pairs = set(zip(headers["FieldRecord"], headers["TraceNumber"], strict=True))
    everything = {
        (FIRST_RECORD + i, 1 + channel) for i in range(SHOTS) for channel in range(CHANNELS)
    }
    assert everything - pairs == {(FIRST_RECORD + MISSING[0] % SHOTS, MISSING[1] + 1)}


def test_dead_and_weak_channels(raw):
    _, headers, samples = raw
    size = np.sqrt((samples.astype(float) ** 2).mean(axis=1))
    dead = np.isin(headers["TraceNumber"] - 1, DEAD_CHANNELS)
    weak = headers["TraceNumber"] - 1 == WEAK_CHANNEL
    good = ~dead & ~weak
    assert (size[dead] == 0).all()
    assert (size[good] > 0).all()
    assert np.median(size[weak]) == pytest.approx(0.01 * np.median(size[good]), rel=0.5)


def test_noise_stands_before_the_first_arrival(raw):
    _, headers, samples = raw
    good = ~np.isin(headers["TraceNumber"] - 1, (*DEAD_CHANNELS, WEAK_CHANNEL))
    distance = headers["SourceX"] - headers["GroupX"]
    time = 0.004 * np.arange(501)
    # Nothing arrives faster than through the fastest rock, the wavelet's first half included.
    before = time < distance[:, None] / 4500 - 0.15
    noise = samples[before & good[:, None]].astype(float)
    assert noise.size > 1000
    ratio = 10 * np.log10((samples[good].astype(float) ** 2).mean() / (noise**2).mean())
    # 12 dB, and 0.3 dB for the noise that is in the record too.
    assert ratio == pytest.approx(12.3, abs=1.0)


def test_opens_as_a_field_file_with_the_contradictions_it_has(made):
    with pytest.warns(HeaderWarning) as caught:
        xr.open_dataset(made[0])
    (warning,) = caught
    message = str(warning.message)
    assert "2 contradictions" in message
    assert f"binary header: 501, trace headers: {WRONG_SAMPLE_COUNT}" in message
    assert "offset (trace headers: 0 in every trace, coordinates: -2525 to -150 m)" in message


def test_offsets_come_from_coordinates_and_missing_traces_are_nan(shots):
    assert dict(shots["amplitude"].sizes) == {"shot": SHOTS, "receiver": CHANNELS, "time": 501}
    live = shots["live"].values
    missing = (MISSING[0] % SHOTS, MISSING[1])
    assert np.argwhere(~live).tolist() == [list(missing)]
    assert np.isnan(shots["amplitude"].values[missing]).all()
    offset = -(NEAR_OFFSET + SPACING * np.arange(CHANNELS))
    found = shots["offset"].values
    np.testing.assert_allclose(found[live], np.broadcast_to(offset, found.shape)[live])


def test_its_survey_is_the_one_it_was_shot_with(shots):
    from seisgeo.synth import Survey

    survey = Survey.from_gathers(shots)
    assert survey.free_surface
    assert survey.n_receivers == CHANNELS
    assert (survey.offset.min(), survey.offset.max()) == (-FAR_OFFSET, -NEAR_OFFSET)
    assert survey.source_depth == (6.0,)
    assert set(survey.receiver_depth[0]) == {8.0}
    assert 8 < survey.peak_frequency < 20  # 14 Hz before ghosts and earth have filtered it


def test_truth_is_the_model_under_each_shot(made):
    _, truth = made
    assert dict(truth["velocity"].sizes)["sample"] == SHOTS
    assert float(truth["velocity"].min()) == 1500.0  # sea water, at the top everywhere
    assert (truth["velocity"].isel(depth=0) == 1500.0).all()
    spacing = float(truth["x"][1] - truth["x"][0])
    step = round(SHOT_INTERVAL / spacing)
    velocity = truth["velocity"].values
    np.testing.assert_array_equal(velocity[0][:, step:], velocity[1][:, :-step])
    # The whole spread lies inside the window.
    source = truth["source_x"].values
    assert (source - FAR_OFFSET > 0).all()
    assert (source < float(truth["x"].max())).all()


def _digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_same_seed_same_bytes_whatever_torch_was_set_to(tmp_path):
    import torch

    write_example_line(tmp_path / "one.sgy", shots=1, seed=5)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        torch.set_flush_denormal(True)
        write_example_line(tmp_path / "two.sgy", shots=1, seed=5)
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(False)
    write_example_line(tmp_path / "other.sgy", shots=1, seed=6)
    assert _digest(tmp_path / "one.sgy") == _digest(tmp_path / "two.sgy")
    assert _digest(tmp_path / "one.sgy") != _digest(tmp_path / "other.sgy")


def test_an_existing_file_is_kept_unless_told(tmp_path):
    path = tmp_path / "mine.sgy"
    path.write_text("mine")
    with pytest.raises(OutputExistsError, match=r"mine\.sgy already exists"):
        write_example_line(path, shots=1)
    assert path.read_text() == "mine"
    write_example_line(path, shots=1, overwrite=True)
    assert path.stat().st_size > 3600
    assert [p.name for p in tmp_path.iterdir()] == ["mine.sgy"]
