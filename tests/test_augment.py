"""Augmentation in training: what changes, by how much, and what must not."""

import dataclasses
import math

import pytest
import torch

from seisgeo import descriptors, synth
from seisgeo.augment import FieldLike, Stretch, half, mirror, near_twins, play_faster, uncertain
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


def test_near_twins_differ_by_a_layer_or_by_a_fault():
    # Models of six flat layers, 50 m/s apart at least; no two models share a velocity.
    random = torch.Generator().manual_seed(0)
    steps = torch.rand(60, 60, generator=random).argsort(dim=1)[:, :6]
    layers = 1500 + 50.0 * steps + 0.5 * torch.arange(60)[:, None]
    models = layers.repeat_interleave(10, dim=1)[:, :, None].expand(60, 60, 50).contiguous()
    twins = near_twins(models, random)
    assert twins.shape == (30, 60, 50)
    kinds, of = {"layer": 0, "fault": 0}, set()
    for twin in twins:
        shared = (twin == models).sum(dim=(1, 2))
        number = int(shared.argmax())
        of.add(number)
        model = models[number]
        changed = twin != model
        assert float((twin - model).square().mean().sqrt()) >= 10.0
        if changed.any(dim=1).sum() == 10 and changed.any(dim=1).nonzero().max() % 10 == 9:
            ratio = (twin / model)[changed]
            assert 0.02 <= abs(float(ratio[0]) - 1) <= 0.1
            assert torch.allclose(ratio, ratio[0])
            kinds["layer"] += 1
        else:
            # What is there was up to four cells above; where nothing changed, it is as it was.
            above = [torch.cat([model[:1].repeat(n, 1), model[:-n]]) for n in (1, 2, 3, 4)]
            side = [bool((twin == thrown)[changed].all()) for thrown in above]
            assert any(side)
            kinds["fault"] += 1
    assert len(of) == 30
    assert min(kinds.values()) > 5


def test_the_near_twin_of_a_model_without_layers_is_faster():
    even = torch.full((2, 20, 20), 2000.0)
    found = [near_twins(even, torch.Generator().manual_seed(n)) for n in range(20)]
    ratios = torch.cat(found) / 2000.0
    assert torch.equal(ratios.amin(dim=(1, 2)), ratios.amax(dim=(1, 2)))
    assert bool(((ratios - 1).abs() > 0.015).all())
    assert bool(((ratios - 1).abs() < 0.101).all())


def test_uncertain_descriptors_are_as_wrong_as_they_say():
    encoder = PhysicsEncoder(3, 8)
    encoder.learn(torch.randn(500, 3) * torch.tensor([1.0, 100.0, 0.01]) + 5)
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


def test_gathers_of_faster_models_are_those_of_the_model_played_faster(small_survey, small_pairs):
    faster = 25 / 22  # the wavelet's peak, at sample 25, comes to a sample again
    models = small_pairs[["velocity"]].isel(sample=slice(5)) / faster
    quick = dataclasses.replace(
        small_survey,
        peak_frequency=faster * small_survey.peak_frequency,
        peak_time=small_survey.peak_time / faster,
    )
    before, after = (
        torch.from_numpy(synth.simulate(m, s, device="cpu")["amplitude"].values)
        for m, s in ((models, small_survey), (faster * models, quick))
    )
    played = play_faster(before, torch.full((5,), faster))

    def unlike(a, b):
        a, b = (x / x.square().mean().sqrt() for x in (a, b))
        return float((a - b).square().mean().sqrt())

    end = int(before.shape[2] / faster) - 10  # beyond it, the first record has nothing to tell
    assert unlike(played[:, :, :end], after[:, :, :end]) < 0.05
    assert unlike(before[:, :, :end], after[:, :, :end]) > 0.5


def test_a_stretched_sample_is_stretched_as_a_whole(small_pairs):
    few = small_pairs.isel(sample=slice(40))
    names = [str(n) for n in few["descriptor"].values]
    batch = {
        "seismic": torch.from_numpy(few["amplitude"].values),
        "velocity": torch.from_numpy(few["velocity"].values),
        "physics": torch.from_numpy(few["descriptor_value"].values),
    }
    change = Stretch(0.15, descriptors.powers_of_velocity(names))
    made = change(batch, torch.Generator().manual_seed(0))
    factors = (made["velocity"] / batch["velocity"]).flatten(1)
    assert float(factors.std(dim=1).max()) < 1e-6
    factor = factors.mean(dim=1)
    assert 1 / 1.151 < float(factor.min()) < 0.92
    assert 1.08 < float(factor.max()) < 1.151
    played = play_faster(batch["seismic"], factor)
    torch.testing.assert_close(made["seismic"], played, atol=1e-3, rtol=0)
    true = descriptors.compute(few["velocity"].copy(data=made["velocity"].numpy()))
    torch.testing.assert_close(
        made["physics"], torch.from_numpy(true["descriptor_value"].values), rtol=1e-3, atol=1e-4
    )
    assert descriptors.powers_of_velocity(["mean_velocity", "porosity"]) is None


def test_playing_at_the_same_speed_changes_nothing(gathers):
    one = play_faster(gathers, torch.ones(len(gathers)))
    torch.testing.assert_close(one, gathers, atol=1e-6, rtol=0)
