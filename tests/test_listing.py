"""What the lists of disruptions, schedules and presets say."""

from __future__ import annotations

import re

import pytest
from cli_help import Capture, call, fails, parsed

from robust_gym import kinds, registry
from robust_gym.describing import argument_words, kind_row, level_words
from robust_gym.disruption import Disruption
from robust_gym.kinds import Argument, Kind
from robust_gym.schedule import SCHEDULES, parse_schedule


def test_ls_disruptions_tells_every_argument_with_its_unit_and_bounds(capsys: Capture) -> None:
    code, out, _ = call(capsys, "ls", "disruptions")
    assert code == 0
    lines = {line.split()[0]: line for line in out.splitlines() if line}
    assert {f"{channel}:" for channel in kinds.CHANNELS} <= set(lines)  # a table for each
    for kind in kinds.kinds():
        line = lines[kind.usage]
        for argument in kind.arguments:
            bounds = f"{'>' if argument.open_low else '>='} {argument.low:g}"
            assert (f"{argument.name}: one of " if argument.words else bounds) in line, line
            assert argument.unit in line or argument.words, line
            assert argument.high is None or f"<= {argument.high:g}" in line
        assert all(level_words(level) in line for level in kind.levels)
        assert kind.about in line
    assert "size: > 0, <= 100 (of each dimension's own scale; default 5)" in lines["observation:spike:p,size"]
    assert "Box, Discrete; 2 dimensions or more" in lines["action:swap:pairs"]
    assert "vectors; with messages" in lines["observation:silence:p"]
    assert f"\n{len(kinds.kinds())} kinds: {len(kinds.kinds('dynamics'))} dynamics, " in out


def test_ls_disruptions_of_a_task_tells_its_parameters_and_what_it_refuses(capsys: Capture) -> None:
    task = registry.task("Robust-FrozenLake-v0")
    code, out, _ = call(capsys, "ls", "disruptions", "--task", task.id)
    assert code == 0
    assert "\naction:sticky:p " in out
    assert "\naction:gauss:sigma " not in out
    assert re.search(r"its actions are discrete +action:gauss, action:laplace", out)
    for name in (*task.dynamics, *task.semantic):
        assert f"\ndynamics:{name} " in out
    assert re.search(r"dynamics:map +transposed, narrow, open ", out)
    _, out, _ = call(capsys, "ls", "disruptions", "--task", task.id, "--channel", "reward")
    assert "dynamics:" not in out


def test_an_argument_that_is_a_word_is_printed_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "_WORDS", {"colours": {"red": "x:Y", "blue": "x:Z"}})
    hue = Argument("hue", "which colour", "", 0, words="colours")
    radius = Argument("radius", "how far", "pixels", 0, default=2, open_low=True)
    kind = Kind("observation", "tint", "Tinted.", (hue, radius), "x:Y", (("red", 1), ("blue", 0.5)), ("image",))
    assert argument_words(hue) == "hue: one of red, blue"
    assert argument_words(radius) == "radius: > 0 (pixels; default 2)"
    row = kind_row(kind)
    assert [one["options"] for one in row["arguments"]] == [["red", "blue"], []]
    assert row["acts_on"] == "images"
    assert [level_words(level) for level in kind.levels] == ["red,1", "blue,0.5"]


def test_levels_are_those_of_the_tasks_family(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = [[0.01], [0.02], [0.04], [0.08], [0.16]]
    monkeypatch.setattr(kinds, "_measured_levels", lambda: {"classic_control": {"observation:gauss": measured}})
    rows = parsed(capsys, "ls", "disruptions", "--task", "Robust-CartPole-v0", "--channel", "observation")
    assert next(row["levels"] for row in rows if row["kind"] == "gauss") == measured
    shown = parsed(capsys, "show", "obs:gauss")
    assert shown["family_levels"] == {"classic_control": measured}
    assert shown["levels"] == [[0.05], [0.1], [0.2], [0.3], [0.5]]
    _, out, _ = call(capsys, "show", "obs:gauss")
    assert re.search(r"classic_control +0.01 +0.02 +0.04 +0.08 +0.16", out)
    assert re.search(r"all others +0.05 +0.1 ", out)


def test_ls_schedules(capsys: Capture) -> None:
    rows = parsed(capsys, "ls", "schedules")
    assert [row["schedule"] for row in rows] == list(SCHEDULES)
    for row in rows:
        assert str(parse_schedule(row["example"], "here")) == row["example"]
        assert row["over_episodes"] == (row["schedule"] in ("walk", "trend", "cyclic", "saw", "wave"))
        assert row["about"]
    _, out, _ = call(capsys, "ls", "schedules")
    assert out.index("~sine=200") < out.index("Over episodes") < out.index("~walk=0.1")


def test_ls_presets(capsys: Capture) -> None:
    rows = {row["preset"]: row for row in parsed(capsys, "ls", "presets")}
    assert list(rows) == list(kinds.PRESETS)
    for name, row in rows.items():
        assert Disruption.parse(name) == Disruption.parse(row["disruption"])
        assert row["about"]
        assert row["source"]
    discrete = {row["preset"] for row in parsed(capsys, "ls", "presets", "--task", "Robust-CartPole-v0")}
    assert discrete == {"robust-gymnasium-state"}
    assert "rarl-forces" in {row["preset"] for row in parsed(capsys, "ls", "presets", "--task", "Robust-Hopper-v0")}


def test_show_a_kind(capsys: Capture) -> None:
    shown = parsed(capsys, "show", "action:swap")
    assert shown["usage"] == "action:swap:pairs"
    assert "Robust-CartPole-v0" in shown["tasks"]
    assert "Robust-Pendulum-v0" not in shown["tasks"]  # a single action has nothing to trade places with
    _, out, _ = call(capsys, "show", "obs:spike")
    for text in ("observation:spike:p,size", "outliers of sensors", "0.01,5", "required", "@5"):
        assert text in out
    found = fails(capsys, "show", "obs:spke")
    assert found.endswith("Did you mean 'spike'?")
    assert "and the parameters of each task" in fails(capsys, "show", "dynamics:gravity")
    assert "Did you mean 'reward'?" in fails(capsys, "show", "rewards:gauss")
