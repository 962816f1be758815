"""The card of the weights that come along is what benchmarks/pretrain.py writes of their facts."""

import json
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[2] / "seisgeo" / "pretrained"


@pytest.mark.parametrize("folder", sorted(path.parent for path in HOME.glob("*/facts.json")))
def test_the_card_says_what_the_facts_say(folder):
    import pretrain

    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    assert (folder / "README.md").read_text(encoding="utf-8") == pretrain.card(facts)


def test_the_command_has_the_options_that_are_not_the_defaults():
    import pretrain

    given = ["--minutes", "7.5", "--version", "4", "--seed", "3", "--physics-epochs", "25"]
    told = pretrain.command(pretrain.parser().parse_args([*given, "--work", "elsewhere"]))
    assert told.split() == ["python", "benchmarks/pretrain.py", *given]
    options = pretrain.parser().parse_args(told.split()[2:])
    assert (options.minutes, options.version, options.physics_epochs) == (7.5, "4", 25)


def test_pairs_of_a_given_model_are_told_as_they_were(monkeypatch, capsys):
    import pretrain

    facts = json.loads((HOME / "openfwi-small" / "facts.json").read_text(encoding="utf-8"))
    assert facts["options"]["model"]
    given = " ".join(pretrain.card(facts).split())
    assert f"{facts['pairs']} pairs of seed {facts['options']['train_seed']} alone" in given
    assert "repeats the recipe, not the very pairs" in given
    facts["options"] |= {"model": None, "pairs": None, "train_seed": None}
    trained = " ".join(pretrain.card(facts).split())
    assert "pairs, 100 of each family from each of the seeds 1000 and up" in trained
    assert "very pairs" not in trained
    monkeypatch.setattr(sys, "argv", ["pretrain.py", "--minutes", "1", "--train-seed", "1"])
    with pytest.raises(SystemExit, match="2"):
        pretrain.main()
    assert "--model, --pairs and --train-seed go together" in capsys.readouterr().err
