"""The encoders of SeisCLIP against the published sizes, and a transformer written out by hand."""

import math

import numpy as np
import pytest
import torch

from seisgeo.encoders import TRANSFORMER_SIZES, InformationEncoder, SpectrumEncoder
from seisgeo.encoders.spectrum_transformer import shortest_record


def count(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(("window", "patches"), [(100, 44), (20, 236)])
def test_published_sizes(window, patches):
    encoder = SpectrumEncoder(3, 6000, window, TRANSFORMER_SIZES["paper"])
    assert encoder.n_patches == patches
    # Block: two norms, query-key-value, projection, two layers of the MLP.
    block = 2 * 2 * 384 + (384 + 1) * 3 * 384 + (384 + 1) * 384
    block += (384 + 1) * 1536 + (1536 + 1) * 384
    tokens = 384 * (2 + patches + 2)
    expected = 3 * 3 * 5 + (16 * 16 + 1) * 384 + tokens + 12 * block + 2 * 384
    assert count(encoder) == expected
    assert round(expected / 1e6) == 21  # DeiT-small without its head
    encoder.eval()
    with torch.inference_mode():
        assert encoder(torch.randn(2, 3, 6000)).shape == (2, 384)


def test_information_encoder():
    encoder = InformationEncoder(8, 512, 384)
    assert count(encoder) == (9 * 512 + 1024) + 2 * (513 * 512 + 1024) + 512 * 384
    x = torch.rand(3, 8)
    y = x
    for layer in encoder.layers:
        y = layer[0](y)
        y = (y - y.mean(1, keepdim=True)) / (y.var(1, correction=0, keepdim=True) + 1e-5).sqrt()
        y = y / (1 + torch.exp(-1.702 * y))
    torch.testing.assert_close(encoder(x), y @ encoder.projection.weight.T, rtol=1e-4, atol=1e-5)


def test_a_record_of_one_patch_is_enough():
    size = TRANSFORMER_SIZES["small"]
    for window in (100, 20):
        nt = shortest_record(window)
        assert SpectrumEncoder(1, nt, window, size).n_patches == 4
        assert SpectrumEncoder(1, nt - 1, window, size).n_patches == 0


def authors_weights(tokens, seed=0):
    """Random weights under the names and shapes of the published checkpoints."""
    random = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return 0.05 * torch.randn(*shape, generator=random)

    weights = {
        "spec.conv1.weight": draw(1, 3, 3, 5),
        "spec.v.patch_embed.proj.weight": draw(384, 1, 16, 16),
        "spec.v.patch_embed.proj.bias": draw(384),
        "spec.v.cls_token": draw(1, 1, 384),
        "spec.v.dist_token": draw(1, 1, 384),
        "spec.v.pos_embed": draw(1, tokens, 384),
        "spec.v.norm.weight": 1 + draw(384),
        "spec.v.norm.bias": draw(384),
        "spec.v.head.weight": draw(1000, 384),
        "spec.v.head.bias": draw(1000),
        "spec.v.head_dist.weight": draw(1000, 384),
        "spec.v.head_dist.bias": draw(1000),
        "spec.mlp_head.0.weight": draw(384),
        "spec.mlp_head.0.bias": draw(384),
        "spec.mlp_head.1.weight": draw(527, 384),
        "spec.mlp_head.1.bias": draw(527),
        "logit_scale_at": torch.tensor(4.6),
        "info.proj": draw(512, 384),
    }
    for layer, n in (("FCN_input", 8), ("FCN.0", 512), ("FCN.1", 512)):
        weights |= {
            f"info.{layer}.linear.weight": draw(512, n),
            f"info.{layer}.linear.bias": draw(512),
            f"info.{layer}.batchnorm.weight": 1 + draw(512),
            f"info.{layer}.batchnorm.bias": draw(512),
        }
    for block in range(12):
        name = f"spec.v.blocks.{block}"
        for norm in (1, 2):
            weights[f"{name}.norm{norm}.weight"] = 1 + draw(384)
            weights[f"{name}.norm{norm}.bias"] = draw(384)
        for part, out, n in (
            ("attn.qkv", 1152, 384),
            ("attn.proj", 384, 384),
            ("mlp.fc1", 1536, 384),
            ("mlp.fc2", 384, 1536),
        ):
            weights[f"{name}.{part}.weight"] = draw(out, n)
            weights[f"{name}.{part}.bias"] = draw(out)
    return weights


def by_hand(weights, spectrum):
    """Feature of one spectrum (component, frame, frequency), in double precision NumPy."""
    w = {k: v.double().numpy() for k, v in weights.items()}

    def norm(x, name):
        x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6)
        return x * w[f"{name}.weight"] + w[f"{name}.bias"]

    def linear(x, name):
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def gelu(x):
        return 0.5 * x * (1 + np.vectorize(math.erf)(x / 2**0.5))

    frames, frequencies = spectrum.shape[1:]
    padded = np.pad(spectrum, ((0, 0), (1, 1), (2, 2)))
    mixed = np.zeros((frames, frequencies))
    for c, i, j in np.ndindex(3, 3, 5):
        part = padded[c, i : i + frames, j : j + frequencies]
        mixed += w["spec.conv1.weight"][0, c, i, j] * part
    image = mixed.T  # frequency downwards, time to the right
    kernel = w["spec.v.patch_embed.proj.weight"].reshape(384, 256)
    tokens = [w["spec.v.cls_token"][0, 0], w["spec.v.dist_token"][0, 0]]
    for i in range(0, frequencies - 15, 10):
        for j in range(0, frames - 15, 10):
            patch = image[i : i + 16, j : j + 16].ravel()
            tokens.append(kernel @ patch + w["spec.v.patch_embed.proj.bias"])
    x = np.array(tokens) + w["spec.v.pos_embed"][0]
    for block in range(12):
        name = f"spec.v.blocks.{block}"
        q, k, v = np.split(linear(norm(x, f"{name}.norm1"), f"{name}.attn.qkv"), 3, axis=1)
        heads = []
        for h in range(6):
            part = slice(64 * h, 64 * h + 64)
            attention = np.exp(q[:, part] @ k[:, part].T / 8)
            heads.append(attention / attention.sum(1, keepdims=True) @ v[:, part])
        x = x + linear(np.concatenate(heads, axis=1), f"{name}.attn.proj")
        hidden = gelu(linear(norm(x, f"{name}.norm2"), f"{name}.mlp.fc1"))
        x = x + linear(hidden, f"{name}.mlp.fc2")
    return norm(x, "spec.v.norm")[:2].mean(axis=0)


@pytest.mark.parametrize(("window", "tokens"), [(100, 46), (20, 238)])
def test_published_checkpoints_are_read(tmp_path, window, tokens):
    import seisgeo as sg
    from seisgeo.encoders.spectrum import waveform_spectrum

    weights = authors_weights(tokens)
    prefix = "module." if window == 20 else ""  # as distributed training writes them
    torch.save({prefix + k: v for k, v in weights.items()}, tmp_path / "model.pt")
    model = sg.SeisCLIP.from_checkpoint(tmp_path / "model.pt", device="cpu")
    assert model.window == window
    assert model.form_.components == ("E", "N", "Z")
    waveforms = torch.randn(1, 3, 6000, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        found = model.network_["waveforms"](waveforms)[0]
        information = model.network_["information"](torch.eye(8)[:2])
    expected = by_hand(weights, waveform_spectrum(waveforms, window)[0].double().numpy())
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert information.shape == (2, 384)


def test_other_files_are_refused(tmp_path):
    import pathlib

    import seisgeo as sg
    from seisgeo.errors import ModelFileError

    path = tmp_path / "model.pt"

    def refused(content, match):
        torch.save(content, path)
        with pytest.raises(ModelFileError, match=match):
            sg.SeisCLIP.from_checkpoint(path)

    weights = authors_weights(46)
    refused(pathlib.Path("x"), "not a file of tensors alone")  # an object would be executed
    refused({**weights, "spec.v.new": torch.zeros(1)}, r"spec\.v\.new is no parameter of SeisCLIP")
    refused({k: v for k, v in weights.items() if k != "info.proj"}, "1 parameters are missing")
    refused({**weights, "spec.v.pos_embed": torch.zeros(1, 9, 384)}, r"46 or 238 tokens .* found 9")
    refused({**weights, "info.proj": torch.zeros(512, 7)}, r"is \(7, 512\), expected \(384, 512\)")
    refused([1.0], "expected named tensors, found list")
    with pytest.raises(ModelFileError, match=r"gone\.pt: no such checkpoint"):
        sg.SeisCLIP.from_checkpoint(tmp_path / "gone.pt")
    path.write_bytes(b"PK, but no archive")
    with pytest.raises(ModelFileError, match="not a file of tensors alone"):
        sg.SeisCLIP.from_checkpoint(path)


def test_fine_differences_of_fields_are_told_apart():
    """Times that differ by 0.1 s of 60 must differ in the embedding before anything is learned."""
    times = torch.rand(500, 1, generator=torch.Generator().manual_seed(0)) * 0.2 + 0.1
    near = times + 0.1 / 60
    cosine = {}
    for octaves in (0, 4):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            encoder = InformationEncoder(1, 256, 64, octaves)
        encoder.learn(times.numpy())
        with torch.inference_mode():
            cosine[octaves] = torch.cosine_similarity(encoder(times), encoder(near)).mean()
    assert 1 - cosine[4] > 100 * (1 - cosine[0])


def test_fields_without_variation_are_left_alone():
    encoder = InformationEncoder(2, 16, 4, octaves=2)
    encoder.learn(np.array([[0.0, 0.1], [0.0, 0.3]], np.float32))
    assert encoder(torch.tensor([[0.0, 0.2]])).isfinite().all()
    assert encoder.waves.scale.tolist() == pytest.approx([1.0, 0.1])


def test_a_shift_moves_record_and_times_together():
    from seisgeo.information_augment import shift_with_times

    fields = ("p_arrival", "epicentral_distance", "s_arrival", "coda_end")
    nt = 1200
    p, s, end = 200, 300, 700
    waveforms = torch.zeros(64, 1, nt)
    for sample, height in ((p, 1.0), (s, 2.0), (end, 3.0)):
        waveforms[:, :, sample] = height
    information = torch.tensor([p / nt, 0.5, s / nt, end / nt]).repeat(64, 1)
    information[1, 2] = 0  # S not known
    information[2, 3] = 0  # nor where the coda ends
    information[3] = torch.tensor([0.0, 0.5, 0.0, 0.0])
    draws = torch.Generator().manual_seed(0)
    moved, told = shift_with_times(waveforms, information, fields, draws)
    peaks = moved[:, 0].argsort(dim=1, descending=True)[:, :3]  # end, S, P
    torch.testing.assert_close(told[:, 3] * nt, torch.where(told[:, 3] > 0, peaks[:, 0], 0).float())
    torch.testing.assert_close(told[:, 0] * nt, torch.where(told[:, 0] > 0, peaks[:, 2], 0).float())
    assert told[1, 2] == 0
    assert told[2, 3] == 0
    assert (told[:, 1] == 0.5).all()
    shift = peaks[:, 2] - p
    assert shift.abs().max() <= nt / 12
    assert shift.min() < -50
    assert shift.max() > 50
    assert shift[2] <= 0  # where the coda may last, none of it comes before P
    assert shift[3] == 0  # nothing is known: nothing is shifted
