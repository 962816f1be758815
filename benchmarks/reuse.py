"""What it is worth to train on each simulated pair several times, at the same total cost.

    python benchmarks/reuse.py [--cost 8] [--budget 36000] [--seeds 1]

A pair of OpenFWI's size costs some 60 ms of a core to simulate and 5 to 10 to train on: --cost is
their ratio, and --budget what may be spent, in pairs trained on. The survey is a small one, so that
the whole takes minutes; figures are recalls on 1 000 held-out pairs, their own gallery.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

FAMILIES = ("curvevel-a", "curvevel-b", "flatfault-b", "curvefault-b", "style-b")
BATCH = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cost", type=float, default=8)
    parser.add_argument("--budget", type=float, default=36_000)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--reuse", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32])
    options = parser.parse_args()

    import seisgeo as sg
    from seisgeo.metrics import pair_ranks, recall_at_k

    survey = sg.synth.Survey(
        source_x=(110.0,),
        source_depth=(10.0,),
        receiver_x=(tuple(np.arange(0, 240, 15.0)),),
        receiver_depth=((10.0,) * 16,),
        dt=0.002,
        nt=120,
        peak_frequency=20.0,
        peak_time=0.05,
        grid_spacing=10.0,
        model_shape=(24, 24),
    )
    test = sg.synth.PairStream(FAMILIES, survey=survey, seed=2, device="cpu").held_out(1000)
    print(f"{'reuse':>6}{'simulated':>11}{'trained on':>12}{'R@1':>8}{'R@10':>8}{'seconds':>9}")
    for reuse in options.reuse:
        trained = int(options.budget / (1 + options.cost / reuse))
        found, started = [], time.monotonic()
        for seed in range(options.seeds):
            stream = sg.synth.PairStream(FAMILIES, survey=survey, seed=1, device="cpu")
            model = sg.SeisBind(
                batch_size=BATCH,
                max_epochs=1,
                validation_fraction=0.0,
                random_state=seed,
                device="cpu",
                verbose=False,
            ).fit(stream, pairs_per_epoch=trained, reuse=reuse)
            a, b = (model.transform(test, m)["embedding"].values for m in ("seismic", "velocity"))
            found.append([recall_at_k(pair_ranks(a, b), k) for k in (1, 10)])
        first, ten = np.mean(found, axis=0)
        print(
            f"{reuse:>6}{trained // reuse:>11}{trained:>12}{first:>8.3f}{ten:>8.3f}"
            f"{time.monotonic() - started:>9.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
