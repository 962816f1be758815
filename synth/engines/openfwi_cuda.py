"""OpenFWI's scheme on a GPU: one program for each shot, one launch for all time steps.

A program holds the two fields of its shot in memory of its own and steps through time by itself,
with a barrier among its threads between steps; nothing is shared between shots, so the GPU is full
as soon as there are as many shots as it has multiprocessors, and no launch or copy interrupts them.
The fields of as many shots as run at once are what the cache has to hold (0.77 MB each for
OpenFWI's grid). Rows that waves cannot have reached yet, or from which they cannot reach a receiver
any more, are left out.

Importing this module imports triton, which PyTorch's CUDA builds bring along. With
``TRITON_INTERPRET=1`` in the environment the same code runs on a CPU, slowly: that is how it is
tested where there is no GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl

from seisgeo.synth.engines.openfwi_scheme import PAD, Coefficients

__all__ = ["propagate"]

#: Cells that a program updates at once, and the warps that share them.
BLOCK = 2048
WARPS = 16
#: Cells by which waves may be ahead of the fastest ray, as on the CPU.
MARGIN = 48


@triton.jit
def _shots(
    wave,
    alpha,
    keep,
    emitted,
    source,
    receivers,
    record,
    courant,
    n_steps,
    SHOTS: tl.constexpr,
    INNER: tl.constexpr,
    COLS: tl.constexpr,
    RECEIVERS: tl.constexpr,
    RECEIVERS_2: tl.constexpr,
    PAD: tl.constexpr,
    MARGIN: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Simulate a shot. `source` has its row and column, and the receivers' first and last row."""
    ROWS: tl.constexpr = INNER + 2 * PAD
    shot = tl.program_id(0).to(tl.int64)
    model = shot // SHOTS
    fields = wave + shot * (2 * ROWS * COLS)
    alpha += model * (INNER * COLS)
    keep += model * (PAD * COLS)
    speed = tl.load(courant + model)
    row_s = tl.load(source + 4 * shot)
    cell_s = row_s * COLS + tl.load(source + 4 * shot + 1)
    row_0, row_1 = tl.load(source + 4 * shot + 2), tl.load(source + 4 * shot + 3)
    trace = tl.arange(0, RECEIVERS_2)
    heard = trace < RECEIVERS
    listen = tl.load(receivers + shot * RECEIVERS + trace, mask=heard, other=0)
    for n in range(n_steps):
        now = fields + (n % 2) * (ROWS * COLS)
        new = fields + (1 - n % 2) * (ROWS * COLS)
        # The rows that matter, a range on the ring: where waves are, or where they still count.
        reach = (speed * (n + 1)).to(tl.int32) + MARGIN + 1
        first, count = row_s - reach, 2 * reach + 1
        reach = (speed * (n_steps - n)).to(tl.int32) + MARGIN + 1
        back = row_1 - row_0 + 2 * reach + 1
        first, count = tl.where(back < count, row_0 - reach, first), tl.minimum(back, count)
        first, count = tl.where(count < ROWS, first + ROWS, 0) % ROWS, tl.minimum(count, ROWS)
        pushed = tl.load(emitted + shot * n_steps + n)
        for start in range(0, count * COLS, BLOCK):
            k = start + tl.arange(0, BLOCK)
            inside = k < count * COLS
            column = k % COLS
            row = (first + k // COLS) % ROWS
            here = row * COLS
            left1 = tl.where(column < 1, column - 1 + COLS, column - 1)
            left2 = tl.where(column < 2, column - 2 + COLS, column - 2)
            right1 = tl.where(column + 1 < COLS, column + 1, column + 1 - COLS)
            right2 = tl.where(column + 2 < COLS, column + 2, column + 2 - COLS)
            up1 = tl.where(row < 1, row - 1 + ROWS, row - 1) * COLS
            up2 = tl.where(row < 2, row - 2 + ROWS, row - 2) * COLS
            down1 = tl.where(row + 1 < ROWS, row + 1, row + 1 - ROWS) * COLS
            down2 = tl.where(row + 2 < ROWS, row + 2, row + 2 - ROWS) * COLS
            near = tl.load(now + up1 + column, mask=inside, other=0.0)
            near += tl.load(now + down1 + column, mask=inside, other=0.0)
            near += tl.load(now + here + left1, mask=inside, other=0.0)
            near += tl.load(now + here + right1, mask=inside, other=0.0)
            far = tl.load(now + up2 + column, mask=inside, other=0.0)
            far += tl.load(now + down2 + column, mask=inside, other=0.0)
            far += tl.load(now + here + left2, mask=inside, other=0.0)
            far += tl.load(now + here + right2, mask=inside, other=0.0)
            present = tl.load(now + here + column, mask=inside, other=0.0)
            old = tl.load(new + here + column, mask=inside, other=0.0)
            above = tl.minimum(tl.maximum(row - PAD, 0), INNER - 1) * COLS
            a = tl.load(alpha + above + column, mask=inside, other=0.0)
            outside = tl.maximum(tl.maximum(PAD - 1 - row, row - PAD - INNER), 0) * COLS
            d = tl.load(keep + outside + column, mask=inside, other=0.0)
            value = present + d * (present - old) + a * (16.0 * near - far - 60.0 * present)
            value += tl.where(here + column == cell_s, pushed, 0.0)
            tl.store(new + here + column, value, mask=inside)
        tl.debug_barrier()  # the step is whole before any thread of this shot reads it
        value = tl.load(new + listen, mask=heard, other=0.0)
        tl.store(record + (shot * n_steps + n) * RECEIVERS + trace, value, mask=heard)


def propagate(
    models: Sequence[Coefficients], sources: np.ndarray, receivers: np.ndarray, device: str
) -> Any:
    """Record of every shot over a batch of models of one size.

    Parameters
    ----------
    models : sequence of Coefficients
        One for each model.
    sources : numpy.ndarray of int
        Row and column of each source on the padded grid, shape (source, 2).
    receivers : numpy.ndarray of int
        The same of its receivers, shape (source, receiver, 2).
    device : str
        A CUDA device (or ``"cpu"`` in triton's interpreter).

    Returns
    -------
    torch.Tensor
        float32 on `device`, shape (model, source, step, receiver).
    """
    rows, cols = models[0].padded_shape
    n, (shots, n_steps) = len(models), models[0].emitted.shape
    n_receivers = receivers.shape[1]

    def tensor(values: Any, dtype: torch.dtype) -> torch.Tensor:
        return torch.as_tensor(np.ascontiguousarray(values), dtype=dtype).to(device)

    lines = receivers[:, :, 0]
    source = np.column_stack([sources, lines.min(axis=1), lines.max(axis=1)])
    record = torch.empty((n, shots, n_steps, n_receivers), dtype=torch.float32, device=device)
    _shots[(n * shots,)](
        torch.zeros(n * shots * 2 * rows * cols, dtype=torch.float32, device=device),
        tensor([m.alpha for m in models], torch.float32),
        tensor([m.keep for m in models], torch.float32),
        tensor([m.emitted for m in models], torch.float32),
        tensor(np.tile(source, (n, 1)), torch.int32),
        tensor(np.tile(receivers[..., 0] * cols + receivers[..., 1], (n, 1)), torch.int32),
        record,
        tensor([m.courant for m in models], torch.float32),
        n_steps,
        SHOTS=shots,
        INNER=rows - 2 * PAD,
        COLS=cols,
        RECEIVERS=n_receivers,
        RECEIVERS_2=triton.next_power_of_2(n_receivers),
        PAD=PAD,
        MARGIN=MARGIN,
        BLOCK=BLOCK,
        num_warps=WARPS,
        num_stages=1,
    )
    return record
