"""The card of the weights that come along is what benchmarks/pretrain.py writes of their facts."""

import json
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[2] / "seisgeo" / "pretrained"
FOLDERS = sorted(path.parent for path in HOME.glob("*/facts.json"))


def facts_of(folder):
    return json.loads((folder / "facts.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_card_says_what_the_facts_say(folder):
    import pretrain

    facts = facts_of(folder)
    assert (folder / "README.md").read_text(encoding="utf-8") == pretrain.card(facts)


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_command_of_the_card_trains_with_the_settings_of_the_file(folder, monkeypatch):
    import pretrain
    import seisbind

    import seisgeo as sg

    facts = facts_of(folder)
    command = pretrain.command(facts)
    assert command in (folder / "README.md").read_text(encoding="utf-8")
    monkeypatch.setattr(sys, "argv", command.split()[1:])
    bench = seisbind.Bench.__new__(seisbind.Bench)  # which needs no folder to say its settings
    options = seisbind.parse()
    bench.ours = seisbind.OURS | dict(options.set or ()) | {"random_state": options.seed}
    asked = bench.full | seisbind.Budget(options.minutes, options.epochs, options.cpu).settings
    assert asked == facts["training"]["settings"]
    given = sg.load(folder / "model.seisbind").get_params()
    assert {name: given[name] for name in asked} == asked
    assert options.only == ["ours"]


def test_a_model_of_another_size_is_refused(tmp_path, monkeypatch):
    import pretrain

    record = facts_of(HOME / "openfwi-small")["training"]
    note = tmp_path / "models" / "ours.json"
    monkeypatch.setattr(sys, "argv", ["pretrain.py", "--data", str(tmp_path), "--size", "small"])
    with pytest.raises(SystemExit, match="train first"):
        pretrain.main()
    note.parent.mkdir()
    note.write_text(json.dumps(record))
    with pytest.raises(SystemExit, match="2000 pairs of each family; --size small has 400"):
        pretrain.main()
