"""The checks of a kind find the defects that plug-ins have, and ``robust-gym validate`` runs them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from robust_gym import conformance, kinds
from robust_gym.cli import main
from robust_gym.disruption import DisruptionError
from robust_gym.kinds import Argument, Kind, register_kind

WIDTH = Argument("width", "width", "of the scale", low=0, high=1)
BOX, DISCRETE = "Robust-Reacher-v0", "Robust-CartPole-v0"
MINE = "observation:mine"


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no trace of what is registered."""
    kinds.kinds()
    monkeypatch.setattr(kinds, "_KINDS", dict(kinds._KINDS))


def register(implementation: str, channel: str = "observation", **fields: Any) -> str:
    about = {"levels": tuple((width,) for width in (0.1, 0.2, 0.3, 0.4, 0.5)), "arguments": (WIDTH,), **fields}
    kind = Kind(channel=channel, name="mine", about="", implementation=f"defective_kinds:{implementation}", **about)
    register_kind(kind)
    return kind.full_name


def failures(kind: str, id: str = BOX) -> dict[str, str]:
    found = conformance.check_kind(kind, id)
    return {finding.check.removeprefix(f"{kind} "): finding.detail for finding in found if not finding.ok}


@pytest.mark.parametrize("channel", ["action", "observation", "reward"])
def test_a_right_kind_passes(channel: str) -> None:
    kind = register("Right", channel)
    for id in conformance.kind_tasks(kind):
        found = conformance.check_kind(kind, id)
        assert [finding.check for finding in found] == [f"{kind} {name}" for name in conformance.KIND_CHECKS]
        assert all(finding.ok for finding in found), found


@pytest.mark.parametrize(
    ("implementation", "check", "message"),
    [
        ("Absent", "implementation", "has no 'Absent'"),
        ("Nothing", "implementation", "no class derived from"),
        ("Thoughtless", "seeding", ""),
        ("Unseeded", "seeding", "at @1 it is not determined by the seed: random numbers come from self.draws()"),
        ("Fixed", "seeding", "depends on the episodes before"),
        ("Global", "seeding", "draws from Python's or NumPy's global generator"),
        ("Reseeding", "seeding", "draws from Python's or NumPy's global generator"),
        ("Counting", "seeding", "depends on the episodes before"),
        ("CountingEpisodes", "seeding", "depends on the episodes before"),
        ("Shared", "seeding", "is not determined by the seed"),
        ("Writing", "values", "writes into the values that it is given"),
        ("Keeping", "values", "keeps the array that it is given"),
        ("Lending", "values", "keeps the array that it returns"),
        ("Viewing", "values", "what it has returned changes with what it is given later"),
        ("Endless", "values", "no finite value"),
        ("Restless", "schedules", "although its schedule never does"),
        ("Scalar", "copies", "copy 0 of 3 differs from an environment of its own"),
        ("Unshaped", "copies", "fails on 3 copies at once: ValueError"),
        ("Buried", "copies", "is an array among its attributes"),
    ],
)
@pytest.mark.filterwarnings("ignore")  # of infinite numbers
def test_defects_are_found(implementation: str, check: str, message: str) -> None:
    found = failures(register(implementation))
    assert message in found[check], found


def test_a_class_that_takes_other_arguments() -> None:
    found = failures(register("Right", arguments=(WIDTH, WIDTH.__class__("more", "", "", 0)), levels=((0.1, 1),) * 5))
    assert "must take (signal, width, more)" in found["implementation"]


def test_levels_without_an_effect() -> None:
    found = failures(register("Right", "reward", levels=((0.1,),) * 5))
    assert not found
    kinds._KINDS.pop(("reward", "mine"))
    found = failures(register("Narrow", levels=((0.0,), (0.0,), (0.0,), (0.0,), (0.5,))))
    assert list(found) == ["levels"]
    assert "observation:mine@3, observation:mine@4" in found["levels"]
    assert "@5" not in found["levels"]


def test_a_reward_that_is_always_zero_excuses_no_level() -> None:
    """FrozenLake pays random actions next to nothing: what a factor does shows on rewards that are drawn."""
    assert not failures(register("Narrow", "reward"), "Robust-FrozenLake-v0")
    kinds._KINDS.pop(("reward", "mine"))
    assert "levels" in failures(register("Narrow", "reward", levels=((0,),) * 5), "Robust-FrozenLake-v0")


def test_choices_outside_their_space() -> None:
    found = failures(register("OutOfRange", "action", spaces=("discrete",)), DISCRETE)
    assert "gives 2, which is no finite value of Discrete(2)" in found["values"]


def test_words_that_there_are_none_of() -> None:
    word = Argument("who", "who", "word", low=0, words="nobody")
    found = failures(register("Right", arguments=(word,), levels=(("me",),) * 5))
    assert "@1 stands for arguments that are refused: unknown who 'me'" in found["implementation"]


def test_what_cannot_be_checked() -> None:
    with pytest.raises(DisruptionError, match="Did you mean 'gauss'"):
        conformance.check_kind("obs:gaus", BOX)
    with pytest.raises(DisruptionError, match="cannot honour action:gauss: its actions are discrete"):
        conformance.check_kind("action:gauss", DISCRETE)
    with pytest.raises(DisruptionError, match="attacks a policy"):
        conformance.check_kind("action:adversary", BOX)


# --- the command ----------------------------------------------------------------------------------------------------

PLUGIN = """
from defective_kinds import Scalar
from robust_gym.kinds import Argument, Kind, register_kind
class Mine(Scalar):
    pass
WIDTH = Argument("width", "", "", low=0)
register_kind(Kind("action", "mine", "", (WIDTH,), "my_kind:Mine", ((.1,), (.2,), (.3,), (.4,), (.5,))))
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "my_kind.py").write_text(PLUGIN)
    sys.modules.pop("my_kind", None)
    yield str(tmp_path / "my_kind.py")
    sys.modules.pop("my_kind", None)


def validate(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[tuple[str, str], Any]]:
    code = main(["validate", *arguments, "--json"])
    rows = json.loads(capsys.readouterr().out)
    return code, {(row["task"], row["check"]): row for row in rows}


def test_validate_checks_the_kinds_of_plug_ins(capsys: pytest.CaptureFixture[str], plugin: str) -> None:
    code, rows = validate(capsys, "Robust-Pendulum-v0", "--plugin", plugin)
    wrong = [check for (_, check), row in rows.items() if not row["ok"]]
    assert (code, wrong) == (1, ["action:mine copies"])
    assert [check for _, check in rows][: len(conformance.CHECKS)] == list(conformance.CHECKS)
    _, rows = validate(capsys, DISCRETE)
    assert len(rows) == len(conformance.CHECKS)


def test_validate_checks_a_kind(capsys: pytest.CaptureFixture[str], plugin: str) -> None:
    tried = []
    for arguments in ([plugin], ["action:mine", "--plugin", plugin], [plugin, "--plugin", plugin]):
        code, rows = validate(capsys, *arguments)
        assert code == 1
        assert {check for (_, check), row in rows.items() if not row["ok"]} == {"action:mine copies"}
        tried.append([task for task, _ in rows])
    assert tried[0] == tried[1] == tried[2]
    assert len(set(tried[0])) == 2
    code, rows = validate(capsys, "obs:spike")
    assert code == 0
    assert all(check.startswith("observation:spike ") for _, check in rows)


def test_the_example_passes(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    sys.modules.pop("my_disruption", None)
    try:
        code, rows = validate(capsys, str(Path(__file__).parents[1] / "examples" / "my_disruption.py"))
    finally:
        sys.modules.pop("my_disruption", None)
    assert code == 0, rows
    assert {check for _, check in rows} == {f"action:slew {name}" for name in conformance.KIND_CHECKS}


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("action:gaus", "Did you mean 'gauss'?"),
        ("acton:gauss", "Did you mean 'action'?"),
        ("obs:adversary", "attacks a policy"),
        ("dynamics:gravity", "and the parameters of each task"),
    ],
)
def test_validate_says_what_is_wrong(capsys: pytest.CaptureFixture[str], target: str, message: str) -> None:
    assert main(["validate", target]) == 2
    assert message in capsys.readouterr().err


def test_validate_needs_a_task_that_can_honour_the_kind(capsys: pytest.CaptureFixture[str]) -> None:
    register("Right", spaces=("image",), messages=True)
    assert main(["validate", MINE]) == 2
    assert "no task that is installed can honour observation:mine" in capsys.readouterr().err


def test_validate_needs_a_task_or_a_kind(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "my_nothing.py").write_text("")
    assert main(["validate", str(tmp_path / "my_nothing.py")]) == 2
    assert "defines no task and registers no kind of disruption" in capsys.readouterr().err


def test_a_kind_is_shown_without_a_protocol(capsys: pytest.CaptureFixture[str]) -> None:
    for version in ("nonsense", "v1"):
        assert main(["show", "obs:spike", "--protocol", version]) == 2
        assert f"--protocol {version} is for tasks: observation:spike" in capsys.readouterr().err
    assert main(["show", "obs:spike"]) == 0
    assert main(["show", BOX, "--protocol", "v1"]) == 0
