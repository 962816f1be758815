"""Pairs of a stream as training batches: each used several times while new ones come in."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterator

import joblib
import numpy as np
import torch
from torch import Tensor

from seisgeo.devices import processes
from seisgeo.encoders.thinning import decimate
from seisgeo.synth.stream import PairStream

__all__ = ["Replay"]

#: Pairs that are kept to be used again, on all processes together: 3 GB of OpenFWI's gathers, which
#: are thinned by 8.
RESERVOIR = 16_384


class Replay:
    """Batches drawn from the newest pairs of a stream, a function of seed and step alone.

    Every `reuse` steps a batch of new pairs comes in, and the oldest of the reservoir goes. With
    ``reuse=1`` each batch is new, and no pair comes twice. A run that goes on after a stop sees the
    batches of one that was never stopped: pairs that it needs again are simulated again.

    Parameters
    ----------
    stream : PairStream
        Where it stands is where pairs begin. It is left as it is, and its own `batch_size` does not
        count.
    batch_size : int
        Pairs of a batch, on all processes together.
    pairs_per_epoch : int
        Pairs of an epoch, new or not.
    reuse : int
        Batches that a pair is part of, on average.
    seed : int
        Of what is drawn from the reservoir.
    thinning : int, default 1
        Samples of the gathers that one sample stands for.

    Attributes
    ----------
    batch_size : int
        What of it the processes can share evenly.

    Examples
    --------
    >>> from seisgeo.synth import PairStream
    >>> stream = PairStream("flatvel-a", seed=1, device="cpu")
    >>> replay = Replay(stream, batch_size=2, pairs_per_epoch=4, reuse=2, seed=0)
    >>> [len(batch["velocity"]) for batch in replay.epoch(0)]
    [2, 2]
    >>> replay.close()
    """

    def __init__(
        self,
        stream: PairStream,
        batch_size: int,
        pairs_per_epoch: int,
        reuse: int,
        seed: int,
        thinning: int = 1,
    ) -> None:
        self._rank, local, world = processes()
        self.batch_size = batch_size - batch_size % world
        self.steps = max(1, pairs_per_epoch // self.batch_size)
        self.reuse, self.seed, self.thinning = reuse, seed, thinning
        self._stream, self._first = copy.copy(stream), stream.next
        self._stream.batch_size = self.batch_size // world
        self._workers = max(1, joblib.cpu_count() // local) if stream.device == "cpu" else 0
        kept = 1 if reuse == 1 else max(2, RESERVOIR // self.batch_size)
        self._blocks: deque[dict[str, Tensor]] = deque(maxlen=kept)
        self._newest = -1  # number of the last block
        self._source: Iterator[dict[str, Tensor]] | None = None

    def __len__(self) -> int:
        """Batches of an epoch."""
        return self.steps

    def epoch(self, number: int, done: int = 0) -> Iterator[dict[str, Tensor]]:
        """Batches of an epoch without the first `done`, as far as they are this process's."""
        for step in range(number * self.steps + done, (number + 1) * self.steps):
            self._go_to(step // self.reuse)
            yield self._draw(step)

    def close(self) -> None:
        """End the processes that simulate."""
        if self._source is not None:
            self._source.close()  # type: ignore[attr-defined]
            self._source = None
        self._blocks.clear()

    def _go_to(self, block: int) -> None:
        """Fill the reservoir up to this block."""
        source = self._source
        if source is None or not self._newest <= block <= self._newest + 1:
            self.close()
            begin = max(0, block + 1 - (self._blocks.maxlen or 1))
            self._newest = begin - 1
            self._stream.load_state_dict({"next": self._first + begin * self.batch_size})
            source = self._source = self._stream.batches(self._workers)
        while self._newest < block:
            new = next(source)
            # Out of the memory that workers share, which many systems keep small.
            pairs = {k: v.clone() for k, v in new.items()} if self._workers else dict(new)
            pairs["seismic"] = decimate(pairs["seismic"], self.thinning)
            self._blocks.append(pairs)
            self._newest += 1

    def _draw(self, step: int) -> dict[str, Tensor]:
        if self.reuse == 1:
            return self._blocks[-1]
        random = np.random.default_rng([self.seed, step, self._rank])
        size = self._stream.batch_size
        rows = np.sort(random.choice(size * len(self._blocks), size, replace=False))
        block, row = (torch.from_numpy(part) for part in np.divmod(rows, size))
        parts = [(kept, row[block == n]) for n, kept in enumerate(self._blocks)]
        return {
            name: torch.cat([kept[name][mine.to(kept[name].device)] for kept, mine in parts])
            for name in self._blocks[0]
        }
