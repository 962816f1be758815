"""Tables of the SeisBind benchmark: its pages are its JSON."""

import json
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"


def report(part, rows, size="small", kind="retrieval", device="cpu"):
    tables = {"A table": {"kind": kind, "rows": rows}}
    about = {"date": "2026-01-02", "settings": {}, "models": {}}
    return {
        "size": {"name": size, "train": 400},
        "hardware": "a processor",
        "device": device,
        "cores": 2,
        "parts": {part: {**about, "tables": tables}},
    }


def recalls(value):
    from seisbind_rows import recall_row

    found = round(100 * value)
    return recall_row(np.repeat([1, 50], [found, 100 - found]), 1000)


def test_goals_are_met_or_missed_by_the_worst_row():
    from seisbind_table import goal_rows

    rows = {"mixed 1 000": recalls(0.98), "a alone": recalls(0.99), "b alone": recalls(0.97)}
    found = {label: (name, said) for label, name, _, _, said in goal_rows(report("ours", rows))}
    assert found["mixed gallery 1 000, R@1"][1] == [".970, met", ".995, not measured"]
    assert found["the worst family alone, R@1"] == ("b alone", ["reported", ".980, not measured"])
    assert "near-twins, R@1" not in found
    tiny = {label: said for label, *_, said in goal_rows(report("ours", rows, size="tiny"))}
    assert tiny["mixed gallery 1 000, R@1"] == [".970", ".995, not measured"]


def test_only_goals_of_the_hardware_at_hand_are_judged():
    from seisbind_table import goal_rows

    rows = {"mixed 1 000": recalls(0.98), "a alone": recalls(0.99)}
    made = report("ours", rows, device="cuda")
    made["parts"]["ours"]["models"] = {"ours": {"train_seconds": 7200.0}}
    found = {label: said for label, *_, said in goal_rows(made)}
    assert found["mixed gallery 1 000, R@1"] == [".970, not measured", ".995, missed"]
    assert found["the worst family alone, R@1"] == ["reported", ".980, met"]


def test_models_of_other_code_are_told():
    from seisbind_table import report_markdown

    made = report("ours", {"mixed 1 000": recalls(0.98)})
    record = {"epochs": 1, "pairs": 4, "parameters": 9, "train_seconds": 60.0, "cpu_seconds": 60.0}
    for code, told in (("a", False), ("b", True)):
        made["parts"]["ours"]["models"] = {
            "ours": {**record, "code": "a"},
            "another": {**record, "code": code},
        }
        assert ("by earlier code" in report_markdown(made)) == told


@pytest.mark.parametrize(("minutes", "said"), [(60, ".970, met"), (72, ".970, met after 72 min")])
def test_a_training_beyond_the_hour_is_said_beside_its_goal(minutes, said):
    from seisbind_table import goal_rows

    made = report("ours", {"mixed 1 000": recalls(0.98)})
    made["parts"]["ours"]["models"] = {"ours": {"train_seconds": 60.0 * minutes}}
    assert next(goal_rows(made))[-1][0] == said


def test_errors_have_to_be_low():
    from seisbind_table import goal_rows

    rows = {"mean of all, 10 000": {"neighbours_relative": 0.07, "head_relative": 0.061}}
    found = {label: said for label, *_, said in goal_rows(report("descriptors", rows))}
    assert found["descriptor error, neighbours, gallery 10 000"] == [
        "9.0 %, met",
        "5.0 %, not measured",
    ]
    assert found["descriptor error, head"] == ["6.0 %, missed", "2.5 %, not measured"]


def test_tables_say_what_the_json_says():
    from seisbind_table import report_markdown

    text = report_markdown(report("ours", {"mixed 1 000": recalls(0.98)}))
    row = next(line for line in text.splitlines() if line.startswith("| mixed 1 000 |"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1].startswith(".980 (")
    assert cells[4] == "1 (1–1)"
    assert cells[-2:] == ["1 000", "100"]


def test_ablations_are_told_by_what_they_lose_the_costliest_first():
    from seisbind_table import ablation_table

    def row(*seeds, **found):
        means = {name.replace("_", " "): v for name, v in found.items()}
        std = 0.02 if len(seeds) > 1 else None
        return {
            "seeds": list(seeds),
            "recall_1": {name: {"mean": v, "std": std} for name, v in means.items()},
        }

    lines = ablation_table(
        {
            "a": row(0, mixed_1_000=0.91, mixed_10_000=0.69),
            "ours": row(0, 1, mixed_1_000=0.9, mixed_10_000=0.7),
            "b": row(0, mixed_1_000=0.8, mixed_10_000=0.5),
        }
    ).splitlines()
    assert lines[2:] == [
        "| ours | .900 ± .020 | .700 ± .020 | 2 |",
        "| b | .800 (−.100) | .500 (−.200) | 1 |",
        "| a | .910 (+.010) | .690 (−.010) | 1 |",
    ]


def test_large_galleries_are_shown_beside_the_gathers_they_were_asked_with(tmp_path):
    import seisbind

    for size in ("small", "medium"):
        file = tmp_path / f"seisbind-{size}-a-processor.json"
        file.write_text(json.dumps(report("ours", {}, size=size)))
    beside = tmp_path / "retrieval-a-processor.json"
    beside.write_text(json.dumps({"settings": {"n": 2000, "size": "medium"}}))
    shown = {r["size"]["name"]: "retrieval" in r["parts"] for r in seisbind.reports_in(tmp_path)}
    assert shown == {"small": False, "medium": True}


def test_the_goal_of_retrieval_is_a_million():
    from seisbind_table import MILLION, goal_rows

    for n, labels in ((MILLION // 2, 0), (MILLION, 2)):
        made = report("retrieval", {"faiss, asked by gathers": {"ms_median": 2, "recall_10": 1}})
        made["parts"]["retrieval"]["settings"]["n"] = n
        assert len(list(goal_rows(made))) == labels


def test_ours_stands_beside_what_it_is_compared_with():
    from seisbind_table import contest_table

    made = report("ours", {"mixed 1 000": recalls(0.9), "mixed 10 000": recalls(0.5)})
    assert contest_table(made) is None
    other = {"nearest raw gather, 1 000": recalls(0.1), "nearest raw gather, 10 000": recalls(0.05)}
    made["parts"] |= report("baselines", other)["parts"]
    made["parts"]["ours"]["models"]["ours"] = {"cpu_seconds": 480.0}
    ours, nearest = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in contest_table(made).splitlines()[2:]
    )
    assert [cell.split()[0] for cell in ours[1:]] == [".900", ".500", ".900", "8.0"]
    assert [cell.split()[0] for cell in nearest[1:]] == [".100", ".050", ".100", "–"]


def test_the_readme_has_the_goals_of_the_largest_training_only():
    from seisbind_table import short

    sizes = [
        report("ours", {"mixed 1 000": recalls(r)}, size=s) for r, s in ((0.5, "a"), (0.9, "b"))
    ]
    sizes[1]["size"]["train"] = 2000
    assert short(sizes).count("mixed gallery 1 000") == 1
    assert ".900" in short(sizes)


def test_pages_are_filled_between_their_markers_only():
    from seisbind_table import fill

    page = "before\n<!-- seisbind -->\nold\n<!-- end of seisbind -->\nafter\n"
    once = fill(page, "seisbind", "new")
    assert once == "before\n<!-- seisbind -->\n\nnew\n\n<!-- end of seisbind -->\nafter\n"
    assert fill(once, "seisbind", "new") == once
    with pytest.raises(ValueError, match="expected the lines '<!-- seisbind -->'"):
        fill("no marker", "seisbind", "new")


def test_docs_and_readme_show_the_kept_results(tmp_path):
    import seisbind
    from seisbind_table import write_pages

    (tmp_path / "docs").mkdir()
    for name in ("docs/benchmark_seisbind.md", "README.md"):
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    write_pages(seisbind.reports_in(BENCHMARKS / "results"), tmp_path)
    for name in ("docs/benchmark_seisbind.md", "README.md"):
        written = (tmp_path / name).read_text(encoding="utf-8")
        assert written == (ROOT / name).read_text(encoding="utf-8"), (
            f"{name} is not what python benchmarks/seisbind.py --table writes"
        )


def test_exact_search_has_all_of_the_exact_neighbours():
    from retrieval import K, searched

    from seisgeo.retrieval.exact import nearest

    rng = np.random.default_rng(0)
    gallery, query = rng.normal(size=(300, 8)), rng.normal(size=(20, 8))
    truth = nearest(query, gallery, K)[1]
    row = searched(lambda q, k: nearest(q, gallery, k), query, truth)
    assert row["recall_1"] == row["recall_10"] == 1
    half = gallery.copy()
    half[150:] = 0  # an index that has lost half of its samples
    lost = searched(lambda q, k: nearest(q, half, k), query, truth)
    shared = np.mean([(t < 150).mean() for t in truth])
    assert lost["recall_10"] == pytest.approx(shared)


def test_the_own_model_is_counted_where_it_is_found():
    from retrieval import own_model

    found = np.array([[3, 1, 2, 9, 8, 7, 6, 5, 4, 0], [3, 1, 2, 9, 8, 7, 6, 5, 4, 0]])
    row = own_model(found, np.array([3, 0]))
    assert (row["recall_1"], row["recall_5"], row["recall_10"]) == (0.5, 0.5, 1.0)
