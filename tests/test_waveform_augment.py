import numpy as np
import pytest
import torch

from seisgeo import waveform_augment as change

DT = 0.01


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def waveforms():
    return torch.randn(400, 3, 500, generator=torch.Generator().manual_seed(1))


def power(x):
    return x.square().mean(dim=(1, 2))


def test_gains_lie_in_their_range_and_differ(waveforms, generator):
    gains = (change.scale_amplitudes(waveforms, (-6, 6), generator) / waveforms)[..., 0]
    decibel = 20 * torch.log10(gains)
    assert -6 <= float(decibel.min()) < -5
    assert 5 < float(decibel.max()) <= 6
    assert (decibel[:, 0] != decibel[:, 1]).all()


def test_shifts_are_seconds_and_go_round(generator):
    spike = torch.zeros(400, 2, 101)
    spike[:, :, 50] = 1
    shifted = change.shift_in_time(spike, 0.2, DT, generator)
    at = shifted.argmax(dim=2)
    assert (shifted.sum(dim=2) == 1).all()
    assert (at[:, 0] == at[:, 1]).all()  # components stay together
    assert int(at.min()) == 30
    assert int(at.max()) == 70
    ramp = torch.arange(20.0).expand(50, 1, 20)
    moved = change.shift_in_time(ramp, 0.1, DT, generator)
    assert torch.equal(moved.sort(dim=2).values, ramp)  # nothing is lost
    assert set((moved.diff(dim=2) % 20).unique().tolist()) == {1.0}


def test_band_pass_is_butterworths(waveforms, generator):
    passed = change.band_pass(waveforms, (5, 5), (20, 20), DT, generator)
    ratio = torch.fft.rfft(passed, dim=2).abs() / torch.fft.rfft(waveforms, dim=2).abs()
    frequency = np.fft.rfftfreq(500, DT)
    for f, expected in ((5, 0.5**0.5), (10, 1.0), (20, 0.5**0.5), (2, 0.4**4), (40, 0.5**4)):
        found = ratio[..., np.argmin(np.abs(frequency - f))]
        np.testing.assert_allclose(found, expected, rtol=0.01, atol=1e-4)
    half = change.band_pass(waveforms, (5, 5), (20, 20), DT, generator, share=0.5)
    same = (half - waveforms).abs().amax(dim=(1, 2)) < 1e-5
    assert 0.4 < float(same.float().mean()) < 0.6


def test_masks_are_no_wider_than_said(waveforms, generator):
    masked = change.mask_frequencies(waveforms, 10.0, DT, generator)
    gone = torch.fft.rfft(masked, dim=2).abs() < 1e-3
    widths = gone[:, 0].sum(dim=1) * 0.2  # Hz
    assert 8 < float(widths.max()) <= 10.2
    assert float(widths.min()) < 2
    assert (gone[:, 0] == gone[:, 2]).float().mean() > 0.99


def test_noise_has_its_ratio(waveforms, generator):
    noisy = change.add_noise(waveforms, (10, 10), generator)
    ratio = 10 * torch.log10(power(waveforms) / power(noisy - waveforms))
    np.testing.assert_allclose(ratio, 10, atol=0.01)
    waveforms[:, 1] = 0
    dead = change.add_noise(waveforms, (10, 10), generator)
    assert (dead[:, 1] == 0).all()  # a dead component stays dead
    assert (change.add_noise(torch.zeros(2, 3, 50), (5, 5), generator) == 0).all()


def test_noise_sounds_like_another_record(generator):
    time = torch.arange(500) * DT
    tones = torch.tensor([5.0, 20.0])
    records = torch.sin(2 * torch.pi * tones[:, None] * time)[:, None]
    while True:
        noise = change.add_noise(records, (6, 6), generator) - records
        strongest = torch.fft.rfft(noise, dim=2).abs().argmax(dim=2)[:, 0] / (500 * DT)
        if strongest[0] != tones[0]:  # the order is drawn
            break
    assert strongest.tolist() == [20.0, 5.0]
    phase = torch.fft.rfft(noise[0, 0])[100].angle()
    other = torch.fft.rfft(change.add_noise(records, (6, 6), generator)[0, 0] - records[0, 0])
    assert abs(float(phase - other[100].angle())) > 1e-3  # another draw, another phase


def test_polarity_turns_whole_records(waveforms, generator):
    sign = change.flip_polarity(waveforms, 0.3, generator) / waveforms
    assert set(sign.unique().tolist()) == {-1.0, 1.0}
    assert (sign == sign[:, :1, :1]).all()
    assert 0.2 < float((sign[:, 0, 0] < 0).float().mean()) < 0.4


def test_one_component_is_always_kept(waveforms, generator):
    live = (change.drop_components(waveforms, 0.9, generator) != 0).any(dim=2)
    assert live.any(dim=1).all()
    assert float(live.float().mean()) < 0.5
    alone = change.drop_components(waveforms[:, :1], 1.0, generator)
    assert torch.equal(alone, waveforms[:, :1])


def test_everything_together_keeps_the_input_and_the_seed_decides(waveforms):
    before = waveforms.clone()
    a, b, c = (
        change.WaveformAugmentation()(waveforms, DT, torch.Generator().manual_seed(seed))
        for seed in (1, 1, 2)
    )
    assert torch.equal(waveforms, before)
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    nothing = change.WaveformAugmentation(*[None] * 7)
    assert torch.equal(nothing(waveforms, DT, torch.Generator()), waveforms)
