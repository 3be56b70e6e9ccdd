"""The recorded run of the adversaries: the page shows it, and adversaries do more harm than noise."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import adversaries
from recorded import between

from robust_gym import registry
from robust_gym.vector import simulator

RESULTS = json.loads(adversaries.RESULTS.read_text(encoding="utf-8"))


def test_the_page_shows_the_recorded_run() -> None:
    page = adversaries.PAGE.read_text(encoding="utf-8")
    assert between(page, "adversaries", adversaries.table(RESULTS)) == page


@pytest.mark.parametrize("radius", RESULTS["rows"])
def test_adversaries_do_more_harm_than_noise_of_the_same_radius(radius: str) -> None:
    rows = RESULTS["rows"][radius]
    noise = [row for row in rows if "adversary" not in row["disruption"]]
    attacks = [row for row in rows if "adversary" in row["disruption"]]
    assert {row["disruption"].split(":")[1] for row in noise} == {"gauss", "uniform"}
    weakest = min(row["mean"] - 3 * row["standard_error"] for row in noise)
    strongest = min(row["mean"] + 3 * row["standard_error"] for row in attacks)
    assert strongest < weakest


def test_a_folder_that_was_cut_short_is_written_again(tmp_path: Path) -> None:
    folder = tmp_path / "policy"
    written: list[Path] = []

    def save(into: Path) -> None:
        written.append(into)
        into.mkdir()
        (into / "first").write_text("new")
        if len(written) == 1:
            raise KeyboardInterrupt
        (into / "last").write_text("new")

    folder.mkdir()
    (folder / "first").write_text("old")  # as an earlier version left it
    with pytest.raises(KeyboardInterrupt):
        adversaries.whole(folder, "last", save)
    assert not folder.exists()
    for _ in range(2):
        adversaries.whole(folder, "last", save)
    assert len(written) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["policy"]
    assert sorted(path.name for path in folder.iterdir()) == ["first", "last"]


def test_rows_are_timed_alike_and_written_only_if_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[bool] = []

    def evaluate(policy: object, task: str, *, disruptions: str, episodes: int) -> SimpleNamespace:
        asked.append(simulator.is_batched(registry.task(task)))
        result = SimpleNamespace(disruption=disruptions, lengths=[1, 1], returns=[1.0, 2.0], mean=1.5)
        return SimpleNamespace(results=[result])

    monkeypatch.setattr(adversaries.robust_gym, "evaluate", evaluate)
    monkeypatch.setattr(adversaries, "victim", lambda cache: None)
    monkeypatch.setattr(adversaries, "adversary", lambda cache, policy, eps: "learned")
    record, page = tmp_path / "adversaries.json", tmp_path / "adversaries.md"
    page.write_text("<!-- adversaries:begin --><!-- adversaries:end -->")
    monkeypatch.setattr(adversaries, "RESULTS", record)
    monkeypatch.setattr(adversaries, "PAGE", page)
    adversaries.main(tmp_path, 2, [0.1], keep=False)
    assert "| nobody | 2 ± 0 |" in capsys.readouterr().out
    assert not record.exists()
    assert asked == [False] * (1 + len(adversaries.ROWS))
    adversaries.main(tmp_path, 2, [0.1], keep=True)
    assert record.exists()
    assert "| nobody | 2 ± 0 |" in page.read_text()
