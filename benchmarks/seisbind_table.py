"""Tables of the SeisBind benchmark, on the terminal and as Markdown, from its JSON alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seisbind_ablations import FULL as OURS
from seisbind_rows import MEAN, Row, Table

Report = dict[str, Any]

#: Label -> (part, rows by pattern, measure, goal for two cores and an hour, goal with a GPU). Only
#: the goal of the hardware at hand is judged. Of several rows the worst counts. Errors and
#: milliseconds have to be lower, all else higher.
GOALS: dict[str, tuple[str, str, str, float | None, float | None]] = {
    "mixed gallery 1 000, R@1": ("ours", r"mixed 1 000", "recall_1", 0.97, 0.995),
    "the worst family alone, R@1": ("ours", r".* alone", "recall_1", None, 0.98),
    "mixed gallery 10 000, R@1": ("ours", r"mixed 10 000", "recall_1", 0.85, 0.97),
    "gallery 100 000, R@1": ("large", r"mixed 100 000", "recall_1", None, 0.90),
    "near-twins, R@1": ("twins", r"near-twins", "recall_1", None, 0.85),
    "0 dB noise and 30 % dead traces, gallery 1 000, R@1": (
        "field",
        r"noise, 0 dB, and 30% dead traces",
        "recall_1",
        0.60,
        0.90,
    ),
    "family left out of training (the worse), gallery 1 000, R@1": (
        "left-out",
        r".* left out",
        "recall_1",
        0.50,
        0.85,
    ),
    "velocity → physics, gallery 1 000, R@1": (
        "ours",
        r"velocity -> physics",
        "recall_1",
        0.90,
        0.98,
    ),
    "descriptor error, neighbours, gallery 10 000": (
        "descriptors",
        rf"{MEAN}, 10 000",
        "neighbours_relative",
        0.09,
        0.05,
    ),
    "descriptor error, head": ("descriptors", rf"{MEAN}, 10 000", "head_relative", 0.06, 0.025),
    "gathers embedded a second": ("speed", r"ours", "seismic_per_second", None, 2000),
    "ms a query among 1 000 000, one core": ("retrieval", r"faiss, .*", "ms_median", 10, 10),
    "its recall of the exact ten": ("retrieval", r"faiss, .*", "recall_10", 0.99, 0.99),
}
LOWER = ("relative", "ms_median")
#: Minutes of training that the first goals are about.
HOUR = 60
#: Embeddings that the goals of retrieval are about.
MILLION = 1_000_000
#: Sizes whose figures mean nothing.
SHOWN_ONLY = ("tiny",)


def goal_rows(report: Report) -> Iterator[tuple[str, str, Row, str, list[str]]]:
    """Label, row, figure's name and the verdict on each goal, of what was measured."""
    for label, (part, pattern, measure, *goals) in GOALS.items():
        result = report["parts"].get(part, {"tables": {}})
        if part == "retrieval" and result.get("settings", {}).get("n", 0) < MILLION:
            continue
        tables = result["tables"]
        found = [
            (name, row)
            for table in tables.values()
            for name, row in table["rows"].items()
            if re.fullmatch(pattern, name) and row.get(measure) is not None
        ]
        if not found:
            continue
        lower = measure.endswith(LOWER)
        worst = max if lower else min
        name, row = worst(found, key=lambda pair: pair[1][measure])
        gpu = report["device"].startswith("cuda")
        # Whole minutes: a training that ends by time has its last look at held-out pairs after it.
        trained = result.get("models", {}).values()
        minutes = max((round(m["train_seconds"] / 60) for m in trained), default=0)
        late = f" after {minutes} min" if not gpu and minutes > HOUR else ""
        verdicts = []
        for goal, judged in zip(goals, (not gpu, gpu), strict=True):
            if goal is None:
                verdicts.append("reported")
                continue
            met = row[measure] <= goal if lower else row[measure] >= goal
            said = figure(goal, measure)
            if not judged:
                said += ", not measured"
            elif report["size"]["name"] not in SHOWN_ONLY:
                said += f", {'met' if met else 'missed'}{late}"
            verdicts.append(said)
        yield label, name, row, measure, verdicts


def figure(value: float | None, measure: str) -> str:
    """A number as its column shows it."""
    if value is None:
        return "–"
    if measure.endswith("relative"):
        return f"{100 * value:.1f} %"
    if measure.endswith(("per_second", "per_cpu_second", "median_rank")):
        return f"{value:.0f}" if value >= 10 else f"{value:g}"
    if measure.endswith(("ms_median", "ms_99", "minutes")):
        return f"{value:.3g}"
    if measure.endswith(("percent", "of_200")):
        return f"{value:.1f}"
    if measure.endswith(("over_iqr", "seconds")):
        return f"{value:.2f}"
    return f"{value:.3f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.3f}"


def with_interval(row: Row, measure: str) -> str:
    """A number and its 95 % interval."""
    value, interval = row.get(measure), row.get(f"{measure}_interval")
    if value is None or interval is None:
        return figure(value, measure)
    low, high = (figure(end, measure).removesuffix(" %") for end in interval)
    return f"{figure(value, measure)} ({low}–{high})"


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; the first column is text."""
    lines = [f"| {' | '.join(head)} |", f"|{'|'.join(['---'] * len(head))}|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def goals_table(report: Report) -> str:
    """The goals, what was reached, and whether that meets them."""
    rows = [
        [label, with_interval(row, measure), *verdicts]
        for label, _, row, measure, verdicts in goal_rows(report)
    ]
    head = ["", "reached (95 %)", "goal, 2 cores and an hour", "goal, GPU"]
    return markdown(head, rows)


RETRIEVAL = {
    "recall_1": "R@1 (95 %)",
    "recall_5": "R@5",
    "recall_10": "R@10",
    "median_rank": "median rank",
    "mean_reciprocal_rank": "MRR",
}
SIMILARITY = {"pair_similarity": "pairs' cosine", "other_similarity": "non-pairs'"}


def retrieval_table(table: Table) -> str:
    """Recalls, ranks, and similarities where rows have them."""
    columns = dict(RETRIEVAL)
    if any("pair_similarity" in row for row in table.values()):
        columns |= SIMILARITY
    rows = [
        [
            name.replace("->", "→"),
            *(with_interval(row, measure) for measure in columns),
            f"{row['gallery']:,}".replace(",", " "),
            str(row["queries"]),
        ]
        for name, row in table.items()
    ]
    return markdown(["", *columns.values(), "gallery", "queries"], rows)


def descriptor_markdown(table: Table) -> str:
    """Relative errors and errors over the interquartile range, by each way of inferring."""
    ways = [
        w
        for w in ("neighbours", "floor", "head")
        if any(f"{w}_relative" in r for r in table.values())
    ]
    columns = [(w, m) for m in ("relative", "over_iqr") for w in ways]
    titles = [f"{w}{', over IQR' if m == 'over_iqr' else ''}" for w, m in columns]
    rows = []
    for name, row in table.items():
        cells = [with_interval(row, f"{way}_{measure}") for way, measure in columns]
        left = str(row["left_out"]) if "left_out" in row else ""
        inside = f"{row['coverage']:.2f}" if "coverage" in row else ""
        rows.append([name, *cells, left, inside])
    return markdown(["", *titles, "left out", "in the head's interval"], rows)


def ablation_table(table: Table) -> str:
    """Means over seeds; of ours their standard deviation, of the others the difference from ours.

    What costs most in the larger gallery comes first.
    """
    ours = table[OURS]["recall_1"]
    columns = list(ours)
    deciding = next((key for key in columns if "10 000" in key), columns[0])
    others = sorted(table.keys() - {OURS}, key=lambda n: table[n]["recall_1"][deciding]["mean"])
    rows = []
    for name in (OURS, *others):
        row, cells = table[name], []
        for key in columns:
            cell = row["recall_1"][key]
            if name == OURS:
                said = "" if cell["std"] is None else f" ± {figure(cell['std'], 'recall_1')}"
            else:
                said = f" ({signed(cell['mean'] - ours[key]['mean'])})"
            cells.append(figure(cell["mean"], "recall_1") + said)
        rows.append([name, *cells, str(len(row["seeds"]))])
    titles = [c.replace("->", "→") for c in columns]
    return markdown(["R@1", *titles, "seeds"], rows)


def signed(difference: float) -> str:
    """A difference of recalls with its sign."""
    return ("−" if difference < 0 else "+") + figure(abs(difference), "recall_1")


def number_table(table: Table) -> str:
    """Every figure of its rows, by name."""
    measures = list(
        dict.fromkeys(k for row in table.values() for k in row if not k.endswith("_interval"))
    )
    rows = [[name, *(number(row, measure) for measure in measures)] for name, row in table.items()]
    return markdown(["", *(m.replace("_", " ") for m in measures)], rows)


def number(row: Row, measure: str) -> str:
    value = row.get(measure)
    return str(value) if isinstance(value, str | int) else with_interval(row, measure)


KINDS = {
    "retrieval": retrieval_table,
    "descriptors": descriptor_markdown,
    "ablations": ablation_table,
    "numbers": number_table,
}


def training_table(report: Report) -> str:
    """How each model was trained."""
    rows = []
    for part in report["parts"].values():
        for name, record in part.get("models", {}).items():
            ms, share = record.get("step_ms"), record.get("loader_share")
            row = [
                name,
                str(record["pairs"]),
                f"{record['parameters'] / 1e6:.2f} M",
                str(record["epochs"]),
                f"{record['train_seconds'] / 60:.1f}",
                f"{record['cpu_seconds'] / 60:.1f}",
                "–" if ms is None else f"{ms:.0f}",
                "–" if share is None else f"{100 * share:.1f} %",
            ]
            if row not in rows:
                rows.append(row)
    head = ["model", "pairs", "parameters", "epochs", "minutes", "CPU minutes", "ms a step",
            "waiting for the loader"]  # fmt: skip
    return markdown(head, rows)


#: What is compared -> (part, its rows but for the size of their gallery, its model).
CONTESTANTS = {
    "SeisBind": ("ours", "mixed", "ours"),
    "the paper's design": ("paper", "paper's design,", "paper's design"),
    "U-Net, matched by L2": ("unet", "U-Net, L2,", "U-Net"),
    "principal components, matched by L2": ("baselines", "principal components,", None),
    "nearest raw gather": ("baselines", "nearest raw gather,", None),
}
GALLERIES = ("1 000", "10 000")


def contest_table(report: Report) -> str | None:
    """Ours beside what it is compared with, trained on the same pairs; None where there is none."""
    rows = []
    for label, (part, begins, model) in CONTESTANTS.items():
        result = report["parts"].get(part, {"tables": {}, "models": {}})
        found = {n: row for t in result["tables"].values() for n, row in t["rows"].items()}
        of = [found.get(f"{begins} {gallery}") for gallery in GALLERIES]
        if None in of:
            continue
        record = result["models"].get(model)
        spent = "–" if record is None else f"{record['cpu_seconds'] / 60:.1f}"
        cells = [with_interval(row, "recall_1") for row in of] + [figure(of[0]["recall_10"], "")]
        rows.append([label, *cells, spent])
    if len(rows) < 2:
        return None
    head = [f"R@1 among {gallery}" for gallery in GALLERIES]
    return markdown(["", *head, f"R@10 among {GALLERIES[0]}", "CPU minutes of training"], rows)


def report_markdown(report: Report) -> str:
    """Everything that was measured on one machine."""
    size = report["size"]
    dates = sorted({part["date"] for part in report["parts"].values()})
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    about = [
        f"`--size {size['name']}` ({size['train']} training pairs a family), "
        f"{report['hardware']}, {report['cores']} cores, {when}. "
        "In parentheses: 95 % bootstrap intervals."
    ]
    own = [part for name, part in report["parts"].items() if name != "retrieval"]
    settings = {json.dumps(part["settings"], sort_keys=True) for part in own}
    if len(settings) > 1:
        about.append("Not all parts were run with the same settings; the JSON has them.")
    trained = {json.dumps(p["models"]["ours"]) for p in own if "ours" in p["models"]}
    if len(trained) > 1:
        about.append("Ours was trained more than once, and parts are of different trainings.")
    codes = {model.get("code") for part in own for model in part["models"].values()} - {None}
    if len(codes) > 1:
        about.append("Some models were trained by earlier code; the JSON says which.")
    lines = [" ".join(about), "", goals_table(report)]
    if (contest := contest_table(report)) is not None:
        lines += ["", "**Ours and others, the same pairs**", "", contest]
    for part in report["parts"].values():
        for title, table in part["tables"].items():
            lines += ["", f"**{title}**", "", KINDS[table["kind"]](table["rows"])]
    return "\n".join([*lines, "", "**Training**", "", training_table(report)])


def text(table: str) -> str:
    """A Markdown table in columns for the terminal."""
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in table.splitlines()]
    del cells[1]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )


def show(title: str, table: dict[str, Any]) -> None:
    """Print a table of the report."""
    print(f"\n{title}\n{text(KINDS[table['kind']](table['rows']))}", flush=True)


def fill(page: str, name: str, content: str) -> str:
    """A page with what stands between the markers of that name replaced.

    Raises
    ------
    ValueError
        If the page has no such markers.
    """
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    if page.count(begin) != 1 or page.count(end) != 1:
        raise ValueError(f"expected the lines {begin!r} and {end!r} once each")
    before, rest = page.split(begin)
    return f"{before}{begin}\n\n{content}\n\n{end}{rest.split(end)[1]}"


def write_pages(reports: list[Report], root: Path) -> None:
    """Fill the tables of docs/benchmark_seisbind.md and README.md."""
    everything = "\n\n".join(
        f"### {r['hardware']}, `{r['size']['name']}`\n\n{report_markdown(r)}" for r in reports
    )
    for file, content in (
        ("docs/benchmark_seisbind.md", everything),
        ("README.md", short(reports)),
    ):
        path, content = root / file, content or "No results are kept yet."
        path.write_text(
            fill(path.read_text(encoding="utf-8"), "seisbind", content), encoding="utf-8"
        )


def short(reports: list[Report]) -> str:
    """The goals, by the largest training of each machine, and the comparisons there are."""
    largest: dict[str, Report] = {}
    for report in sorted(reports, key=lambda r: r["size"]["train"]):
        largest[report["hardware"]] = report
    lines = [f"{machine}:\n\n{goals_table(r)}" for machine, r in largest.items()]
    for report in reports:
        if (contest := contest_table(report)) is not None:
            lines.append(
                f"Trained on {report['size']['train']} pairs a family, {report['hardware']}:\n\n"
                f"{contest}"
            )
    return "\n\n".join(lines)
