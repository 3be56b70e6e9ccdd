"""The scripts that measure: they repeat what they say, keep what they have, and do not take one run for another."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "docs")]

import blocks  # noqa: E402
import drigm  # noqa: E402
import drigm_training  # noqa: E402
import recorded  # noqa: E402
import runs_everywhere  # noqa: E402
import severity  # noqa: E402
import task_pictures  # noqa: E402

from robust_gym import registry  # noqa: E402
from robust_gym.baselines.base import create  # noqa: E402
from robust_gym.baselines.marl.learner import Learner  # noqa: E402
from robust_gym.task import Budget  # noqa: E402

STAMPS = [
    {"date": "2026-11-20", "machine": "two cores", "libraries": {"numpy": "2.3", "torch": "2.13"}},
    {"date": "2026-11-25", "machine": "two cores", "libraries": {"numpy": "2.4"}},
]


@pytest.fixture
def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="script.py")
    parser.add_argument("tasks", nargs="*", default=["a", "b"])
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--radii", type=float, nargs="+", default=[0.1])
    parser.add_argument("--keep", action="store_true")
    return parser


def test_a_command_names_every_value_that_is_not_the_default(parser: argparse.ArgumentParser) -> None:
    options = parser.parse_args(["--keep"])
    assert recorded.command(parser, options) == "python benchmarks/script.py"
    options = parser.parse_args(["--keep", "--runs", "3", "--radii", "0.1", "0.2"])
    assert recorded.command(parser, options) == "python benchmarks/script.py --runs 3 --radii 0.1 0.2"
    parser.add_argument("--what", default="speed")
    options = parser.parse_args(["--what", "returns"])
    assert recorded.command(parser, options, "what") == "python benchmarks/script.py returns"


def test_some_tasks_do_not_replace_the_table_of_all(
    parser: argparse.ArgumentParser, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded.refuse_part(parser, parser.parse_args(["--keep"]))
    recorded.refuse_part(parser, parser.parse_args(["a"]))
    with pytest.raises(SystemExit):
        recorded.refuse_part(parser, parser.parse_args(["a", "--keep"]))
    assert "--keep writes the table of all tasks" in capsys.readouterr().err


def test_a_table_of_older_parts_keeps_their_stamps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = recorded.stamp_of_all(STAMPS)
    assert whole["date"] == "2026-11-20 to 2026-11-25"
    assert whole["machine"] == "two cores"
    assert whole["libraries"] == {"numpy": "2.3 or 2.4", "torch": "2.13"}
    assert recorded.stamp_of_all(STAMPS[:1]) == STAMPS[0]
    assert recorded.stamp_of_all([whole, *STAMPS]) == whole
    page = tmp_path / "speed.md"
    page.write_text("<!-- x:begin --><!-- x:end -->")
    monkeypatch.setattr(recorded, "RESULTS", tmp_path)
    monkeypatch.setattr(recorded, "PAGE", page)
    recorded.Table("x", "python x.py", ("what", "ms"), [("slow", "12.5")], whole).keep()
    assert json.loads((tmp_path / "x.json").read_text())["date"] == whole["date"]
    assert "numpy 2.3 or 2.4" in page.read_text()


# DrIGM.


def test_the_page_of_the_reproduction_shows_the_kept_runs() -> None:
    page = drigm.PAGE.read_text(encoding="utf-8")
    for name, text in drigm.tables(json.loads(drigm.KEPT.read_text()), "quick").items():
        # Not `==` of the pages, whose difference would fill the screen.
        assert f"<!-- {name}:begin -->\n\n{text}\n\n<!-- {name}:end -->" in page, "python benchmarks/drigm.py table"


def _label(algorithm: str, **arguments: Any) -> tuple[str, str]:
    values = json.loads(json.dumps(vars(create(algorithm, arguments))))
    return drigm.label(algorithm, values), drigm.settings(values)


def test_different_runs_have_different_labels() -> None:
    settings: Any = registry.algorithm("vdn").cls.settings
    assert _label("vdn") == ("vdn", "default")
    assert _label("vdn", gamma=0.7976) == ("vdn, gamma 0.7976", "default")
    assert _label("vdn", gamma=0.79761234) == ("vdn, gamma 0.79761234", "default")
    assert _label("robust-vdn-tv", rho=0.0) == ("robust-vdn-tv, rho 0", "default")
    assert _label("vdn", hidden=32, updates=2) == ("vdn, hidden 32, updates 2", "default")
    assert _label("vdn", **settings["fast"]) == ("vdn, n_envs 8", "default")
    assert _label("vdn", **settings["paper"]) == ("vdn, n_envs 8", "paper")
    assert _label("vdn", **{**settings["paper"], "n_envs": 1}) == ("vdn", "paper")


@pytest.mark.parametrize(
    "row",
    {row["label"] + row["settings"]: row for row in json.loads(drigm.KEPT.read_text())}.values(),
    ids=lambda row: f"{row['label']}, {row['settings']}",
)
def test_kept_runs_have_the_labels_of_today(row: dict[str, Any]) -> None:
    algorithm, *marks = row["label"].split(", ")
    named = {name: float(value) for name, value in map(str.split, marks)}
    paper = registry.algorithm(algorithm).cls.settings["paper"] if row["settings"] == "paper" else {}
    assert _label(algorithm, **{**paper, "n_envs": 1, **named}) == (row["label"], row["settings"])


def test_a_budget_without_runs_is_named() -> None:
    kept = [{"settings": "default", "budget": "quick"}]
    with pytest.raises(SystemExit, match="no runs of budget 'standard' in the default settings, only of budget quick"):
        drigm.tables(kept, "standard")
    with pytest.raises(SystemExit, match="of none"):
        drigm.tables([], "quick")


@pytest.mark.parametrize("name", drigm_training.AUTHORS)
def test_bare_updates_are_as_many_as_those_of_a_training(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr(Learner, "update", lambda self, times=1: calls.append(times))
    algorithm = drigm_training.make(name, "paper")
    steps = 2 * drigm_training.STEPS
    algorithm.train(registry.task("Robust-Building-v0"), Budget("short", steps, 1), 0, lambda done: None)
    assert len(calls) == drigm_training.updates_of(algorithm, steps) > 0
    assert set(calls) == {algorithm.updates}


# Records that grow.


def test_ppo_is_trained_again_where_a_setting_has_other_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("stable_baselines3")
    import ppo_training

    monkeypatch.setattr(ppo_training, "SETTINGS", {"same": {"n_steps": 4}, "changed": {"n_steps": 8}})
    seen: list[str] = []

    def train(setting: str, id: str, steps: int, seed: int) -> Callable[[Any], int]:
        seen.append(setting)
        return lambda observation: 0

    monkeypatch.setattr(ppo_training, "train", train)
    file = tmp_path / "kept.json"
    key = "Robust-CartPole-v0, 10 steps, {}, seed 0"
    old = {key.format(name): {"return": 5.0, "values": {"n_steps": 4}} for name in ("same", "changed")}
    file.write_text(json.dumps(old))
    found = ppo_training.trained("Robust-CartPole-v0", 10, 1, file)
    assert seen == ["changed"]
    assert found["same"] == [old[key.format("same")]]
    assert found["changed"][0]["values"] == {"n_steps": 8}
    assert found["changed"][0]["stamp"]["libraries"]
    kept = json.loads((recorded.RESULTS / "ppo_returns.json").read_text())
    assert ppo_training.stamp(found["same"][0])["date"] == kept["date"]


@pytest.fixture
def trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The record of ``runs_everywhere.py``, whose runs only say that another process has written meanwhile."""
    file = tmp_path / "runs.json"

    def run(name: str, task: Any, steps: int) -> dict[str, Any]:
        file.write_text(json.dumps({**json.loads(file.read_text()), "another": {"returns": []}}))
        return {"failed": "TimeoutError"} if name == "bad" else {"returns": [1.0]}

    file.write_text("{}")
    monkeypatch.setattr(runs_everywhere, "FILE", file)
    monkeypatch.setattr(runs_everywhere, "run", run)
    monkeypatch.setattr(runs_everywhere.signal, "signal", lambda *_: None)
    monkeypatch.setattr(runs_everywhere.torch, "set_num_threads", lambda threads: None)
    monkeypatch.setattr(runs_everywhere.warnings, "simplefilter", lambda action: None)
    monkeypatch.setattr(runs_everywhere, "representatives", lambda families: [registry.task("Robust-CartPole-v0")])
    return file


@pytest.mark.parametrize(("name", "status"), [("good", 0), ("bad", 1)])
def test_trials_keep_what_others_wrote_and_tell_failures(
    trials: Path, monkeypatch: pytest.MonkeyPatch, name: str, status: int
) -> None:
    monkeypatch.setattr(sys, "argv", ["runs_everywhere.py", "--algorithms", name])
    assert runs_everywhere.main() == status
    assert sorted(json.loads(trials.read_text())) == ["another", f"{name} Robust-CartPole-v0 200"]
    assert [path.name for path in trials.parent.iterdir()] == [trials.name]


def test_levels_chosen_again_keep_the_provenance_of_the_measurement(tmp_path: Path) -> None:
    file = tmp_path / "levels.json"
    before = json.loads(severity.FILE.read_text(encoding="utf-8"))
    before["run"] |= {"git_commit": "of the measurement", "libraries": {"numpy": "0.1"}}
    file.write_text(json.dumps(before))
    severity.main(["--out", str(file), "--levels-only"])
    after = json.loads(file.read_text())
    assert after["run"] == before["run"]
    assert after["measured"] == before["measured"]


def test_tasks_of_plug_ins_are_not_the_packages_own(tmp_path: Path) -> None:
    """The script is run with an installed package that registers a task."""
    (tmp_path / "plug.py").write_text(
        "import dataclasses\nfrom robust_gym import registry\n"
        "def load():\n"
        "    task = registry._tasks['Robust-CartPole-v0']\n"
        "    registry.register_task(dataclasses.replace(task, id='Robust-Plug-v0'))\n"
    )
    about = tmp_path / "plug-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: plug\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[robust_gym.tasks]\nplug = plug:load\n")
    program = (
        "import measurements, robust_gym\nevery, own = robust_gym.list_tasks(), measurements.own_tasks()\n"
        "print(sorted(set(every) - set(own)), len(own))"
    )
    paths = os.pathsep.join(map(str, (tmp_path, ROOT / "benchmarks", ROOT)))
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True
    )
    assert done.stdout == f"['Robust-Plug-v0'] {len(registry.list_tasks())}\n", done.stderr


# Of the documentation.


def test_lines_that_come_and_go_are_left_out() -> None:
    left = "10 planned · 2 running · 0 done · 0 failed · 1,812 steps/s\n2 running · 10 done\ndone    vdn\n"
    assert blocks.PASSING.sub("", left) == "done    vdn\n"


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("print('pygame'); print('ValueError: no frame'); sys.exit(1)", "ValueError: no frame"),
        ("import os; os.abort()", "exit -6: it says nothing"),
        ("import time; time.sleep(60)", "not done after 1 s"),
        ("", ""),
    ],
)
def test_a_picture_that_fails_takes_no_other_with_it(
    program: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"import sys\n{program}\n")
    monkeypatch.setattr(task_pictures, "__file__", str(script))
    monkeypatch.setattr(task_pictures, "LIMIT", 1 if "sleep" in program else 60)
    assert task_pictures.draw_apart("Robust-CartPole-v0") == told


@pytest.mark.parametrize(("problem", "status"), [("", 0), (task_pictures.NOTHING, 0), ("exit -11: it says nothing", 1)])
def test_pictures_that_fail_make_the_exit_status(problem: str, status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_pictures, "draw_apart", lambda id: problem)
    monkeypatch.setattr(sys, "argv", ["task_pictures.py", "Robust-CartPole-v0"])
    assert task_pictures.main() == status
