"""Augmentation in training: what changes, by how much, and what must not."""

import math

import pytest
import torch

from seisgeo.augment import FieldLike, half, mirror, uncertain
from seisgeo.encoders import PhysicsEncoder

DT, PEAK = 0.008, 15.0


@pytest.fixture(scope="module")
def gathers():
    """Ricker wavelets at the same time on every trace; 40 samples of 3 shots."""
    time = torch.arange(125) * DT - 0.5
    b = (math.pi * PEAK * time).square()
    wavelet = (1 - 2 * b) * torch.exp(-b)
    return wavelet[None, None, :, None].expand(40, 3, -1, 24).contiguous()


def changed(gathers, seed=0):
    change = FieldLike(DT, PEAK, least_snr=-2.0, most_dead=0.4)
    return change(gathers, torch.Generator().manual_seed(seed))


def test_it_is_the_seeds_and_leaves_its_input_alone(gathers):
    before = gathers.clone()
    torch.testing.assert_close(changed(gathers), changed(gathers), atol=0, rtol=0)
    assert not torch.equal(changed(gathers), changed(gathers, 1))
    assert torch.equal(gathers, before)


def test_up_to_two_in_five_traces_are_dead(gathers):
    dead = (changed(gathers) == 0).all(dim=2).float().mean(dim=(1, 2))  # of each sample
    assert 0.3 < float(dead.max()) < 0.6
    assert float(dead.mean()) == pytest.approx(0.2, abs=0.05)


def test_noise_lies_between_2_db_above_and_30_db_below_the_signal(gathers):
    # Traces of a shot share the signal up to their gains, which are 2 dB: what else differs
    # before the wavelet's time is noise.
    quiet = changed(gathers)[:, :, :35]
    live = quiet.abs().sum(dim=2, keepdim=True) > 0
    noise = (quiet.square() * live).sum(dim=(1, 2, 3)) / live.sum(dim=(1, 2, 3)) / 35
    signal = gathers.square().mean(dim=(1, 2, 3))
    ratio = 10 * torch.log10(signal / noise)
    assert -4 < float(ratio.min()) < 4
    assert 24 < float(ratio.max()) < 33
    assert float(ratio.mean()) == pytest.approx(14, abs=4)


def test_noise_stays_within_its_band(gathers):
    silence = torch.zeros_like(gathers)
    silence[..., 0] = gathers[..., 0]  # one trace carries the signal
    spectrum = torch.fft.rfft(changed(silence)[..., 1:], dim=2).abs().square().mean(dim=(0, 1, 3))
    frequency = torch.fft.rfftfreq(125, DT)
    outside = (frequency < 0.3 * PEAK - 2) | (frequency > 2.5 * PEAK + 2)
    assert float(spectrum[outside].mean()) < 0.03 * float(spectrum[~outside].mean())


def test_delays_reach_a_third_of_a_period(gathers):
    arrival = changed(gathers).square()
    envelope = arrival.mean(dim=(1, 3))
    centre = (envelope * torch.arange(125)).sum(dim=1) / envelope.sum(dim=1) * DT - 0.5
    few = envelope.max(dim=1).values > 20 * envelope[:, :30].mean(dim=1)  # little noise
    assert few.sum() > 10
    assert float(centre[few].abs().max()) < 1 / (3 * PEAK) + 0.03
    assert float(centre[few].std()) > 0.004


def test_half_of_a_batch_stays_as_it_is(gathers):
    one = half(FieldLike(DT, PEAK))(gathers, torch.Generator().manual_seed(3))
    same = (one == gathers).flatten(1).all(dim=1)
    assert 12 <= int(same.sum()) <= 28
    assert half(lambda values, _: values + 1)(torch.zeros(1), torch.Generator().manual_seed(1)) in (
        torch.zeros(1),
        torch.ones(1),
    )


def test_a_mirrored_sample_is_mirrored_as_a_whole():
    seismic = torch.randn(30, 3, 5, 4)
    velocity = torch.randn(30, 6, 7)
    physics = torch.randn(30, 2)
    batch = {"seismic": seismic, "velocity": velocity, "physics": physics}
    turned = mirror(batch, torch.Generator().manual_seed(0))
    kinds = []
    for i in range(30):
        if torch.equal(turned["velocity"][i], velocity[i]):
            assert torch.equal(turned["seismic"][i], seismic[i])
            kinds.append(0)
        else:
            assert torch.equal(turned["velocity"][i], velocity[i].flip(1))
            assert torch.equal(turned["seismic"][i], seismic[i].flip(0, 2))
            kinds.append(1)
    assert 5 < sum(kinds) < 25
    assert turned["physics"] is physics


def test_uncertain_descriptors_are_as_wrong_as_they_say():
    encoder = PhysicsEncoder(3, 8)
    encoder.standardise_on(torch.randn(500, 3) * torch.tensor([1.0, 100.0, 0.01]) + 5)
    values = torch.randn(4000, 3, generator=torch.Generator().manual_seed(1)) * encoder.scale
    kept = values.clone()
    changed, std = uncertain(encoder)(values, torch.Generator().manual_seed(0)).split(3, dim=1)
    assert torch.equal(values, kept)
    known = std.isfinite()
    assert float(known.float().mean()) == pytest.approx(0.55, abs=0.02)  # nine in ten at most
    error = ((changed - values) / std)[known]
    assert float(error.std()) == pytest.approx(1.0, abs=0.03)
    assert float(error.mean()) == pytest.approx(0.0, abs=0.04)
    size = (std / encoder.scale)[known]
    assert float(size.median()) == pytest.approx(0.1, rel=0.1)
    assert 0.001 < float(size.min()) < 0.01
    assert 1 < float(size.max()) < 10
