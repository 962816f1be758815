"""The whole chain on a field record: behind ``seisgeo demo``."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from seisgeo import adapters, plotting, synth
from seisgeo.console import as_options, evaluation_text, to_json
from seisgeo.errors import FormatError, HeaderWarning, OutputExistsError
from seisgeo.estimators.seisbind import SeisBind
from seisgeo.evaluation import evaluate
from seisgeo.example_line import write_example_line
from seisgeo.files import whole_output
from seisgeo.report import Picture, Section, Table, write_report
from seisgeo.summary_text import survey_text

__all__ = ["run"]

FAMILIES = ("curvevel-a", "curvevel-b", "curvefault-a", "curvefault-b")
#: Marks a folder as the demo's own, so that a second run may replace what is in it.
MARK = "demo.json"


@dataclass
class _Diary:
    """What was made, and how long it took."""

    out: Path
    seconds: dict[str, float] = field(default_factory=dict)
    sections: list[Section] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        print(f"\n[{len(self.seconds) + 1}] {name}", flush=True)
        start = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - start
        print(f"    {self.seconds[name]:.1f} s", flush=True)

    def picture(self, name: str, figure: Any, caption: str) -> Picture:
        path = self.out / name
        with whole_output(path, overwrite=True) as part:
            figure.savefig(part, format="png", dpi=130, bbox_inches="tight")
        return Picture(path, caption)

    def note(self, name: str, text: str) -> None:
        with whole_output(self.out / name, overwrite=True) as part:
            part.write_text(text)


def run(segy: Path | None, out: Path, *, seed: int = 0, quick: bool = False) -> Path:
    """Read, simulate, train, evaluate, retrieve, report.

    Parameters
    ----------
    segy : path or None
        Field shot gathers; None makes a line with :func:`write_example_line`.
    out : path
        Folder for the results; one that an earlier demo made is replaced.
    seed : int, default 0
        Of models, training and noise.
    quick : bool, default False
        Few models and one minute of training.

    Returns
    -------
    pathlib.Path
        ``report.html``.

    Raises
    ------
    FormatError
        If `segy` is no SEG-Y file of shot gathers.
    OutputExistsError
        If `out` holds something else than an earlier demo.
    """
    if segy is not None:
        _require_shots(segy)
    _claim(out)
    diary = _Diary(out)
    truth = None
    if segy is None:
        with diary.stage("Make a field line"):
            segy = out / "field_line.sgy"
            truth = write_example_line(segy, shots=3 if quick else 8, seed=seed, overwrite=True)
            print(f"    {segy}: simulated, with noise and flawed headers")

    with diary.stage(f"Read {segy.name}"):
        shots, findings = _read(segy)
        for line in findings:
            print(f"    ! {as_options(line)}")
        survey = synth.Survey.from_gathers(shots)
        adapters.write_zarr(shots, out / "gathers.zarr", overwrite=True)
        diary.note("survey.json", survey.to_json())
        print(f"    {_sentence(shots, survey)}")
        _show_field(diary, segy, shots, survey, findings)

    n_train, n_test, seconds, epochs = (12, 5, 60.0, 4) if quick else (750, 250, 200.0, 60)
    with diary.stage(f"Simulate {len(FAMILIES) * n_train} training pairs for this survey"):
        train = _generate(n_train, survey, out / "training.zarr", seed)
    with diary.stage(f"Simulate {len(FAMILIES) * n_test} pairs held out for the test"):
        # Another seed is another set of earths: nothing of the test is in the training set.
        test = _generate(n_test, survey, out / "test.zarr", seed + 1)

    with diary.stage("Train SeisBind"):
        model = SeisBind(random_state=seed, max_epochs=epochs, max_time=seconds).fit(train)
        model.save(out / "model.seisbind", overwrite=True)
        _show_training(diary, train, model)

    with diary.stage("Evaluate on the held-out pairs"):
        scores = evaluate(model, test)
        diary.note("evaluation.json", to_json(scores))
        table = evaluation_text(scores)
        print(table)
        diary.sections.append(
            Section(
                "How well the model finds held-out models",
                text=f"{test.sizes['sample']} simulated pairs that it has never seen.",
                preformatted=table,
            )
        )

    with diary.stage("Retrieve velocity models for each field shot"):
        hits = model.retrieve(shots, gallery=train, k=5)
        if truth is not None:
            hits = hits.assign(true_velocity=_truth_on_grid(truth, hits, survey))
        adapters.write_netcdf(hits, out / "hits.nc", overwrite=True)
        _show_hits(diary, hits)

    report = out / "report.html"
    write_report(report, title=f"seisgeo: {segy.name}", sections=diary.sections, overwrite=True)
    diary.note(MARK, json.dumps({"segy": str(segy), "seconds": diary.seconds}, indent=2))
    _say_results(diary, report)
    return report


def _require_shots(segy: Path) -> None:
    """Refuse a file before anything is made for it."""
    found = adapters.describe_segy(segy)
    if found["layout"] != "shots":
        dims = ", ".join(found["dimensions"])
        raise FormatError(
            f"{segy}: the demo needs gathers of shots (shot, receiver, time); this file opens as "
            f"{found['variable']} ({dims}): {found['interpretation']}"
        )


def _claim(out: Path) -> None:
    if out.exists() and not (out / MARK).exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputExistsError(f"{out} exists and was not made by the demo: choose another folder")
    out.mkdir(parents=True, exist_ok=True)
    (out / MARK).touch()
    for picture in out.glob("*.png"):
        picture.unlink()


def _read(segy: Path) -> tuple[xr.Dataset, list[str]]:
    with warnings.catch_warnings():
        # Contradictions are shown from the description, in the report and on the screen.
        warnings.simplefilter("ignore", HeaderWarning)
        shots = xr.open_dataset(segy, engine="seisgeo-segy")
    return shots, [str(f) for f in adapters.describe_segy(segy)["findings"]]


def _generate(n: int, survey: synth.Survey, out: Path, seed: int) -> xr.Dataset:
    """Go on with what an interrupted demo began, and replace what another one left."""
    try:
        return synth.generate(FAMILIES, n, survey=survey, out=out, seed=seed)
    except OutputExistsError:
        return synth.generate(FAMILIES, n, survey=survey, out=out, seed=seed, overwrite=True)


def _sentence(shots: xr.Dataset, survey: synth.Survey) -> str:
    return f"{shots.sizes['shot']} shots; survey: {survey_text(survey)}"


def _show_field(
    diary: _Diary, segy: Path, shots: xr.Dataset, survey: synth.Survey, findings: list[str]
) -> None:
    figures = [
        diary.picture(
            "gather.png", plotting.plot_gather(shots).figure, "The first shot, as recorded."
        ),
        diary.picture("spectrum.png", plotting.plot_spectrum(shots).figure, "Mean spectrum."),
        diary.picture("survey_map.png", plotting.plot_survey_map(shots).figure, "Survey map."),
    ]
    diary.sections.append(
        Section(
            "The field record",
            text=f"{segy.name}: {_sentence(shots, survey)}.",
            tables=[Table([[f] for f in findings], header=["Contradictions in the headers"])]
            if findings
            else [],
            figures=figures,
            preformatted=str(shots.attrs.get("text_header", "")),
        )
    )


def _show_training(diary: _Diary, train: xr.Dataset, model: SeisBind) -> None:
    picks = np.linspace(0, train.sizes["sample"] - 1, 4).round().astype(int)
    figures = [
        diary.picture(
            "training.png",
            plotting.plot_training(model.history_).figure,
            "Loss and recall at 1 on the validation split, epoch by epoch.",
        )
    ]
    for number, pick in enumerate(picks):
        figures.append(
            diary.picture(
                f"training_model_{number + 1}.png",
                plotting.plot_velocity(train, sample=int(pick)).figure,
                f"Training model {pick} ({train['family'].values[pick]}).",
            )
        )
    diary.sections.append(
        Section(
            "The training set and the training",
            text=f"{train.sizes['sample']} models; {train.attrs['scheme']}.",
            figures=figures,
        )
    )


def _show_hits(diary: _Diary, hits: xr.Dataset) -> None:
    figures = []
    for q in range(hits.sizes["query"]):
        record = int(hits["field_record"].values[q]) if "field_record" in hits.coords else q
        figures.append(
            diary.picture(
                f"hits_{record}.png",
                plotting.plot_hits(hits, query=q),
                f"Field record {record}: the five models whose gathers resemble it most.",
            )
        )
        if q == 7:  # a line may have thousands of shots; hits.nc holds them all
            break
    diary.sections.append(
        Section("Velocity models and attributes for the field shots", figures=figures)
    )


def _truth_on_grid(truth: xr.Dataset, hits: xr.Dataset, survey: synth.Survey) -> xr.DataArray:
    """The hidden model on the grid of the retrieved ones, aligned at the source."""
    shift = survey.source_x[0] - float(truth["source_x"][0])
    records = truth["field_record"].values.tolist()
    shown = truth.isel(sample=[records.index(r) for r in hits["field_record"].values])
    moved = shown["velocity"].rename(sample="query").assign_coords(x=truth["x"] + shift)
    on_grid = moved.interp(depth=hits["depth"], x=hits["x"], method="nearest")
    return on_grid.drop_vars(["source_x", "field_record"]).astype(np.float32)


def _say_results(diary: _Diary, report: Path) -> None:
    made = {
        "gathers.zarr": "the field record as a labelled cube",
        "survey.json": "its survey",
        "training.zarr": "training models, gathers and descriptors",
        "test.zarr": "pairs held out for the test",
        "model.seisbind": "the trained model",
        "evaluation.json": "its scores",
        "hits.nc": "velocity models and attributes for each field shot",
        "*.png": "the pictures",
        "report.html": "everything together",
    }
    print("\nMade in", diary.out)
    for name, what in made.items():
        print(f"    {name:<16} {what}")
    print("\nSeconds")
    for name, seconds in diary.seconds.items():
        print(f"    {seconds:7.1f}  {name}")
    print(f"    {sum(diary.seconds.values()):7.1f}  in all")
    print(f"\nOpen {report}")
