"""What each ingredient of SeisBind is worth: trained without it, over several seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import seisbind_data as data
from seisbind_rows import Run, Table

#: The paper's design as far as it is published.
PAPER: dict[str, Any] = {
    "encoder": "paper",
    "embedding_dim": 256,
    "seismic_weight": 1.0,
    "physics_weight": 0.1,
    "direct_weight": 0.0,
    "readout_weight": 0.0,
    "loss": "info_nce",
    "hard_negatives": 0.0,
    "augment": False,
    "families_per_batch": None,
    "ema_decay": None,
    "learning_rate": 1e-3,
}
#: Name -> parameters that differ. Those that change nothing of ours are left out.
WITHOUT: dict[str, dict[str, Any]] = {
    "no augmentation": {"augment": False},
    "no read-out": {"readout_weight": 0.0},
    "no hard negatives": {"hard_negatives": 0.0},
    "hard negatives of weight 1": {"hard_negatives": 1.0},
    "no physics term": {"physics_weight": 0.0},
    "physics term of .1, as the paper": {"physics_weight": 0.1},
    "physics term of 1": {"physics_weight": 1.0},
    "no seismic-physics term": {"direct_weight": 0.0},
    "seismic-physics term of .1": {"direct_weight": 0.1},
    "no average of the weights": {"ema_decay": None},
    "average of the weights": {"ema_decay": 0.999},
    "learning rate of 1e-3": {"learning_rate": 1e-3},
    "sigmoid loss": {"loss": "sigmoid"},
    "InfoNCE loss": {"loss": "info_nce"},
    "all families in a batch": {"families_per_batch": None},
    "two families in a batch": {"families_per_batch": 2},
    "batches of 64": {"batch_size": 64},
    "batches of 256": {"batch_size": 256},
    "the paper's settings, our encoder": {k: v for k, v in PAPER.items() if k != "encoder"},
    "encoder: small": {"encoder": "small"},
    "encoder: shots": {"encoder": "shots"},
    "encoder: paper": {"encoder": "paper"},
}
FULL, UNMASKED = "ours", "near-copies contrasted"
#: Between the names of changes that are made together.
JOIN = " + "
#: Seeds of ours, at least: what a variant loses has to be more than another seed does.
LEAST_SEEDS = 2


def variants(
    ours: dict[str, Any], chosen: Sequence[str] | None = None
) -> dict[str, dict[str, Any]]:
    """Settings of each variant that is not ours, by name, ours first.

    Parameters
    ----------
    ours : dict
        All of our settings.
    chosen : sequence of str, optional
        Names of the variants, in their order; by default all. Several changes at once are joined
        by ``" + "``: ``"no augmentation + no read-out"``.

    Raises
    ------
    ValueError
        If there is no such variant.
    """
    changed = {
        name: {**ours, **change}
        for name, change in WITHOUT.items()
        if any(ours.get(key, ...) != value for key, value in change.items())
    }
    changed = {UNMASKED: dict(ours), **changed}

    def together(name: str) -> dict[str, Any]:
        settings = dict(ours)
        for one in name.split(JOIN):
            if one not in changed:
                raise ValueError(f"no variant {one!r}; there are: {'; '.join(changed)}")
            settings |= WITHOUT.get(one, {})
        return settings

    return {FULL: dict(ours), **{name: together(name) for name in chosen or changed}}


def ablations(
    ours: dict[str, Any],
    seeds: range,
    trained: Callable[[str, dict[str, Any], bool], Any],
    run: Callable[[Any], Run],
    chosen: Sequence[str] | None = None,
) -> Table:
    """A row for each variant: mean over seeds, and standard deviation, of some recalls at 1.

    Ours has two seeds at least.

    Parameters
    ----------
    ours : dict
        All of our settings.
    seeds : range
        Of weights, split, batches and augmentation.
    trained : callable
        Function of name, settings and whether near-copies are masked, that gives a model.
    run : callable
        Makes a :class:`Run` of a model.
    chosen : sequence of str, optional
        Names of the variants, in their order; by default all.
    """
    rows: Table = {}
    enough = range(seeds.start, max(seeds.stop, seeds.start + LEAST_SEEDS))
    for name, settings in variants(ours, chosen).items():
        found: dict[str, list[float]] = {}
        own = enough if name == FULL else seeds
        for seed in own:
            mine = settings | {"random_state": seed}
            one = run(trained(f"{name}, seed {seed}", mine, UNMASKED not in name.split(JOIN)))
            noisy = one.field(one.folder, only=data.NOISY_AND_DEAD)
            scores = {
                "mixed 1 000": one.mixed(),
                "mixed 10 000": one.among(one.size.gallery),
                "near-twins": one.twins(),
                data.NOISY_AND_DEAD: noisy[data.NOISY_AND_DEAD],
                "velocity -> physics": one.directions()["velocity -> physics"],
            }
            for key, row in scores.items():
                found.setdefault(key, []).append(row["recall_1"])
        rows[name] = {
            "seeds": list(own),
            "recall_1": {
                key: {"mean": float(np.mean(v)), "std": spread(v), "each": v}
                for key, v in found.items()
            },
        }
    return rows


def spread(values: list[float]) -> float | None:
    """Standard deviation over seeds; None of one."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None
