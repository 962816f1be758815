"""Pairs of many streamers: each is what its own survey would have recorded."""

import dataclasses

import numpy as np


def test_cables_lie_within_the_record():
    import seisbind_streamers as streamers

    kinds = set()
    for number in range(60):
        random = np.random.default_rng(number)
        survey = streamers.survey(random)
        channels = len(survey.receiver_x[0])
        assert survey.free_surface
        assert len(set(survey.source_x)) == streamers.SOURCES
        lines = np.array(survey.receiver_x)
        assert lines.shape == (streamers.SOURCES, channels)
        assert 0 < lines.min() < max(survey.source_x) < 1290
        part = streamers.cable(channels, random)
        assert len(part) == streamers.CHANNELS
        assert 0 <= part[0] < part[-1] < channels
        offsets = survey.source_x[0] - lines[0, part]
        assert 40 <= offsets[0] <= 180
        kinds.add(round(offsets[1] - offsets[0], 3))
    assert kinds == {7.5, 10.0, 12.5, 15.0}


def test_a_pair_is_what_its_cable_would_have_recorded(monkeypatch):
    import seisbind_data as data
    import seisbind_streamers as streamers

    from seisgeo.synth import generate

    monkeypatch.setattr(data, "FAMILIES", ("curvefault-b",))
    made = streamers.recorded(3, "cpu", each=1)
    assert made.sizes == {
        "sample": streamers.CABLES,
        "source": 5,
        "time": 251,
        "receiver": 48,
        "depth": 71,
        "x": 130,
    }
    assert set(made["family"].values) == {"curvefault-b"}
    random = np.random.default_rng([11, 3])
    survey = streamers.survey(random)
    channels = len(survey.receiver_x[0])
    parts = [streamers.cable(channels, random) for _ in range(streamers.CABLES)]
    own = dataclasses.replace(
        survey,
        receiver_x=tuple(tuple(line[i] for i in parts[2]) for line in survey.receiver_x),
        receiver_depth=tuple(line[:48] for line in survey.receiver_depth),
    )
    expected = generate("curvefault-b", 1, survey=own, seed=5003, device="cpu", progress=False)
    np.testing.assert_array_equal(made["velocity"][2], expected["velocity"][0])
    scale = float(np.abs(expected["amplitude"]).max())
    np.testing.assert_allclose(
        made["amplitude"][2] / scale, expected["amplitude"][0] / scale, atol=1e-5
    )
    assert not np.array_equal(made["amplitude"][0], made["amplitude"][2])


def test_pairs_of_more_surveys_begin_with_those_of_fewer(tmp_path, monkeypatch, small_pairs):
    import seisbind_data as data
    import seisbind_streamers as streamers

    asked = []

    def recorded(number, device):
        asked.append(number)
        return small_pairs.isel(sample=slice(8 * number, 8 * number + 8))

    monkeypatch.setattr(streamers, "recorded", recorded)
    monkeypatch.setattr(data, "FAMILIES", ("flatvel-a", "style-b"))
    monkeypatch.setattr(streamers, "EACH", 1)
    monkeypatch.setattr(streamers, "SURVEYS", {"tiny": 1, "full": 3})
    few = streamers.pairs_of_many(tmp_path, "tiny", "cpu").load()
    many = streamers.pairs_of_many(tmp_path, "full", "cpu").load()
    assert asked == [0, 1, 2]
    np.testing.assert_array_equal(many["amplitude"][:8], few["amplitude"])
    np.testing.assert_allclose(many["amplitude"], small_pairs["amplitude"][:24], rtol=2**-11)
