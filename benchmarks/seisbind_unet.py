"""A network that predicts velocity, by which the gallery is searched: the paper's baseline."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from seisbind_baselines import model_rows, thin

if TYPE_CHECKING:
    import torch
    from seisbind_training import Budget
    from torch import nn


class Inversion:
    """A U-Net from gathers to models: the paper's baseline, whose layers are not published.

    A record is folded to an image of the model's size (two samples of 7 ms a row, as channels), so
    that depth and time go down together and skip connections fit.

    Parameters
    ----------
    network : torch.nn.Module
        From :func:`unet`.
    record : dict
        How it was trained.
    device : str
        Where it works.
    """

    def __init__(self, network: nn.Module, record: dict[str, Any], device: str) -> None:
        self.network, self.record, self.device = network.to(device).eval(), record, device

    @classmethod
    def kept(
        cls, path: Path, train: xr.Dataset, budget: Budget, device: str | None, seed: int
    ) -> Inversion:
        """The one in a file, or one that is trained and kept there.

        Parameters
        ----------
        path : pathlib.Path
            Of safetensors; its name says what it was trained with.
        train : xarray.Dataset
            Training pairs; a tenth is held out, and the best weights on it are kept.
        budget : seisbind_training.Budget
            Length of the training.
        device : str or None
            Where to train.
        seed : int
            Of weights, split and batches.
        """
        from safetensors.torch import load_file, save_file

        from seisgeo.devices import default_device

        note, device = path.with_suffix(".json"), default_device(device)
        if not note.exists():
            weights, record = _train(train, budget, device, seed)
            save_file({k: v.cpu().contiguous() for k, v in weights.items()}, path)
            note.write_text(json.dumps(record, indent=1) + "\n")
        network = unet(2 * train.sizes["source"])
        network.load_state_dict(load_file(path))
        return cls(network, json.loads(note.read_text()), device)

    def guess(self, queries: xr.Dataset) -> np.ndarray:
        """Velocity as rows of :func:`_models`."""
        import torch

        images = _images(queries)
        with torch.inference_mode():
            parts = [
                self.network(torch.from_numpy(part).float().to(self.device)).flatten(1).cpu()
                for part in np.array_split(images, -(-len(images) // 64))
            ]
        return torch.cat(parts).numpy()


def _train(
    train: xr.Dataset, budget: Budget, device: str, seed: int
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Weights of the lowest error on the pairs held out, and how they were reached."""
    import torch

    from seisgeo.lightning_run import rate_at

    cpu = time.process_time()
    images, models = _images(train), model_rows(train)
    order = np.random.default_rng(seed).permutation(len(images))
    held, kept = np.split(order, [max(1, len(order) // 10)])
    torch.manual_seed(seed)
    network = unet(images.shape[1]).to(device)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=1e-4)
    batch = min(64, len(kept))
    steps = len(kept) // batch
    best, epochs, begun, read_from = math.inf, 0, time.monotonic(), budget.clock()

    def done(step: int) -> float:
        if budget.minutes is not None:
            return (budget.clock() - read_from) / (60 * budget.minutes)
        return (epochs + step / steps) / budget.epochs

    side = int(models.shape[1] ** 0.5)
    target = torch.from_numpy(models).reshape(-1, side, side)

    def of(rows: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        gathers = torch.from_numpy(images[rows]).float()
        return gathers.to(device), target[rows].to(device)

    while done(0) < 1:
        network.train()
        rows = np.random.default_rng([seed, epochs]).permutation(kept)
        for step in range(steps):
            share = min(1.0, done(step))
            optimiser.param_groups[0]["lr"] = 1e-3 * rate_at(share)
            gathers, wanted = of(rows[step * batch : (step + 1) * batch])
            loss = (network(gathers) - wanted).abs().mean()
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            if share >= 1:
                break
        epochs += 1
        network.eval()
        with torch.inference_mode():
            error = np.mean(
                [
                    float((network(g) - v).abs().mean())
                    for g, v in map(of, np.array_split(held, -(-len(held) // 64)))
                ]
            )
        if error < best:
            best = float(error)
            weights = {k: v.detach().clone() for k, v in network.state_dict().items()}
    return weights, {
        "epochs": epochs,
        "train_seconds": time.monotonic() - begun,
        "cpu_seconds": time.process_time() - cpu,
        "pairs": len(images),
        "parameters": sum(p.numel() for p in network.parameters()),
        "held_out_error_m_s": 1000 * best,
    }


def _images(ds: xr.Dataset) -> np.ndarray:
    """Gathers as images (sample, 2 sources, 72, receiver), half precision, of unit spread."""
    made = []
    for block in thin(ds, 2 * SIDE):
        n, sources, _, receivers = block.shape
        folded = block.reshape(n, sources, SIDE, 2, receivers).swapaxes(2, 3)
        scale = block.std(axis=(1, 2, 3), keepdims=True)
        image = folded.reshape(n, 2 * sources, SIDE, receivers) / np.maximum(scale, 1e-12)
        made.append(image.astype(np.float16))
    return np.concatenate(made)


#: Cells of the network's image along each axis: the models' 70 and what halving three times needs.
SIDE = 72


def unet(channels: int, width: int = 32) -> nn.Module:
    """U-Net of three halvings with GroupNorm, from (batch, channels, 72, 70) to (batch, 70, 70)."""
    import torch
    from torch import nn
    from torch.nn import functional

    def double(before: int, after: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(before, after, 3, padding=1, bias=False),
            nn.GroupNorm(after // 8, after),
            nn.ReLU(inplace=True),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
            nn.GroupNorm(after // 8, after),
            nn.ReLU(inplace=True),
        )

    class UNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            widths = [width * 2**i for i in range(4)]
            self.down = nn.ModuleList(
                double(a, b) for a, b in zip([channels, *widths[:-1]], widths, strict=True)
            )
            self.up = nn.ModuleList(double(widths[i] + widths[i + 1], widths[i]) for i in (2, 1, 0))
            # Time is not depth: at the bottom every cell sees the whole record.
            cells = (SIDE // 8) ** 2
            self.everywhere = nn.Linear(cells, cells)
            self.last = nn.Conv2d(width, 1, 1)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            receivers = images.shape[3]
            x = functional.pad(images, (0, SIDE - receivers))
            kept = []
            for number, block in enumerate(self.down):
                x = block(x if number == 0 else functional.max_pool2d(x, 2))
                kept.append(x)
            x = x + self.everywhere(x.flatten(2)).reshape(x.shape)
            for block, beside in zip(self.up, kept[-2::-1], strict=True):
                x = functional.interpolate(x, scale_factor=2.0)
                x = block(torch.cat([x, beside], dim=1))
            # Models as rows are km/s about 3: OpenFWI's range becomes [-1.5, 1.5].
            return 1.6 * torch.tanh(self.last(x))[:, 0, :receivers, :receivers]

    return UNet().to(memory_format=torch.channels_last)
