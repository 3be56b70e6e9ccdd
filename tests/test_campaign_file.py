"""Campaign files: what they may say, how a command line changes them, and the suites of the package."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench_help import fakes  # noqa: F401
from cli_help import Capture, call, fails, parsed

from robust_gym import registry
from robust_gym.bench.campaign_file import engine_of, merged, read_campaign, suite, suites
from robust_gym.bench.engines import EngineChoice
from robust_gym.bench.limits import Limits
from robust_gym.bench.plan import Entry, Request, make_plan
from robust_gym.registry import UnknownNameError

pytestmark = pytest.mark.usefixtures("fakes")

FILE = """
about: A walk.
algorithms:
  - fake
  - {name: fake, arguments: {gain: 0.5, sizes: [3, 4]}}
  - name: fake-beside
tasks: [Fake-Walk-v0]
budget: smoke
seeds: [3, 1]
engine: local
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "campaign.yaml"
    path.write_text(FILE)
    return path


def test_request(file: Path) -> None:
    cells = make_plan(merged(read_campaign(file), Request((), budget="", protocol=""))).cells
    assert [(cell.algorithm, dict(cell.overrides), cell.seed) for cell in cells] == [
        ("fake", {}, 3),
        ("fake", {"gain": 0.5, "sizes": (3, 4)}, 3),
        ("fake-beside", {}, 3),
        ("fake", {}, 1),
        ("fake", {"gain": 0.5, "sizes": (3, 4)}, 1),
        ("fake-beside", {}, 1),
    ]
    assert {(cell.budget, cell.protocol, cell.task) for cell in cells} == {("smoke", "v1", "Fake-Walk-v0")}


def test_a_command_line_goes_before_the_file(file: Path) -> None:
    asked = Request(("fake",), ("Fake-Other-v0",), "quick", (0,), "", ("gain=0.25",))
    cells = make_plan(merged(read_campaign(file), asked)).cells
    assert [(cell.algorithm, cell.task, dict(cell.overrides), cell.budget, cell.seed) for cell in cells] == [
        ("fake", "Fake-Other-v0", {"gain": 0.25}, "quick", 0),
        ("fake", "Fake-Other-v0", {"gain": 0.25, "sizes": (3, 4)}, "quick", 0),
    ]
    with pytest.raises(ValueError, match=r"no algorithm 'fakes' in the campaign; .*Did you mean 'fake'\?"):
        merged(read_campaign(file), Request(("fakes",)))


def test_cells_that_become_the_same_run_once(file: Path) -> None:
    asked = Request(("fake",), assignments=("gain=0.25", "sizes=3,4"), budget="", protocol="")
    assert len(make_plan(merged(read_campaign(file), asked)).cells) == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("about: A walk.", "abuot: A walk.", r"abuot: there is no such name; .*Did you mean 'about'\?"),
        ("arguments: {gain", "argument: {gain", r"algorithms.2.argument: there is no such name.*'arguments'"),
        ("seeds: [3, 1]", "seeds: 0", "seeds: a count of seeds is from 1 to 10000, got 0"),
        ("seeds: [3, 1]", "seeds: 200000", "a count of seeds is from 1 to 10000, got 200000"),
        ("seeds: [3, 1]", "seeds: [0, 99999999999999999999]", "a seed has at most 18 digits"),
        ("algorithms:\n", "algorithm:\n", r"algorithm: there is no such name; .*Did you mean 'algorithms'"),
        ("seeds: [3, 1]", "seeds: [1, 1]", "different numbers"),
        ("seeds: [3, 1]", "seeds: many", "seeds"),
        ("tasks: [Fake-Walk-v0]", "tasks: Fake-Walk-v0", "tasks: .*list, got 'Fake-Walk-v0'"),
        ("  - fake\n", "  - 7\n", "algorithms.1"),
        ("engine: local", "engine: {name: local, job: 3}", "engine.job: .*Did you mean 'jobs'"),
        ("about: A walk.", "about: [", "is no YAML"),
        ("about: A walk.", "about: 2024-13-45", "month must be in 1..12"),
        ("about: A walk.", "about: " + "[" * 3000, "is nested too deeply for a campaign file"),
        ("about: A walk.", "tasks: " + "{a: " * 3000, "is nested too deeply for a campaign file"),
        ("engine: local", "algorithms: [fake-beside]", "line 10: 'algorithms' stands there a second time; say it once"),
        ("budget: smoke", "budget: smoke\n'budget': quick", "line 9: 'budget' stands there a second time"),
        ("{gain: 0.5,", "{gain: 0.5, gain: 0.25,", "line 5: 'gain' stands there a second time"),
    ],
)
def test_wrong_files(file: Path, old: str, new: str, message: str) -> None:
    file.write_text(FILE.replace(old, new))
    with pytest.raises(ValueError, match=message) as caught:
        read_campaign(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_name_may_stand_beside_what_is_merged_into_its_mapping(file: Path) -> None:
    file.write_text(
        "algorithms:\n  - &first {name: fake, arguments: &own {gain: 0.5, sizes: [1]}}\n"
        "  - {<<: *first, name: fake-beside, arguments: {<<: *own, gain: 1.0}}\n"
    )
    first, second = read_campaign(file).algorithms
    assert (first.name, first.arguments) == ("fake", {"gain": 0.5, "sizes": [1]})
    assert (second.name, second.arguments) == ("fake-beside", {"gain": 1.0, "sizes": [1]})


def test_wrong_arguments(file: Path) -> None:
    for old, new, message in (
        ("gain: 0.5", "gian: 0.5", r"no argument 'gian' of fake; .*Did you mean 'gain'\?"),
        ("gain: 0.5", "gain: fast", "gain: 'fast' for fake"),
        ("name: fake-beside", "{name: fake-beside, settings: paper}", "fake-beside has no settings 'paper'"),
    ):
        file.write_text(FILE.replace("name: fake-beside", new) if "settings" in new else FILE.replace(old, new))
        if "settings" in new:
            file.write_text(FILE.replace("  - name: fake-beside", f"  - {new}"))
        with pytest.raises(ValueError, match=message):
            make_plan(merged(read_campaign(file), Request((), budget="", protocol="")))


def test_no_file_and_no_names(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no campaign file"):
        read_campaign(tmp_path / "absent.yaml")
    (tmp_path / "list.yaml").write_text("- vdn\n")
    with pytest.raises(ValueError, match="must hold names and values"):
        read_campaign(tmp_path / "list.yaml")


def test_settings() -> None:
    cells = make_plan(Request(("robust-vdn",), ("Robust-MPESpread-v0",), "smoke", settings="paper")).cells
    assert {cell.algorithm: dict(cell.overrides)["network"] for cell in cells} == {"robust-vdn": "lstm", "vdn": "lstm"}
    entry = Entry("qtran", {"learning_rate": 5e-4}, "paper")
    (cell,) = make_plan(Request((entry,), ("Robust-MPESpread-v0",), "smoke", compare=False)).cells
    assert dict(cell.overrides)["optimiser"] == "adam"
    assert dict(cell.overrides)["learning_rate"] == 5e-4
    with pytest.raises(ValueError, match=r"vdn has no settings 'papr'; there are fast, paper. Did you mean 'paper'\?"):
        make_plan(Request(("vdn",), ("Robust-MPESpread-v0",), "smoke", settings="papr"))


def test_every_setting_of_every_algorithm_is_possible() -> None:
    for name in registry.list_algorithms():
        info = registry.algorithm(name)
        for settings in getattr(info.cls, "settings", {}).values():
            assert info.cls(**settings) != info.cls()


@pytest.mark.parametrize("name", list(suites()))
def test_suites_of_the_package(name: str) -> None:
    file = suite(name)
    assert file.about
    plan = make_plan(merged(file, Request((), budget="", protocol="")))
    assert len(plan.cells) == len(file.algorithms) * int(str(file.seeds)) * len({cell.task for cell in plan.cells})
    assert plan.notes == ()


def test_suites_on_the_command_line(capsys: Capture, tmp_path: Path) -> None:
    assert {row["suite"] for row in parsed(capsys, "ls", "suites")} == set(suites())
    with pytest.raises(UnknownNameError, match=r"unknown suite 'drigma'; .*Did you mean 'drigm'\?"):
        suite("drigma")
    assert "not both" in fails(capsys, "bench", str(tmp_path / "a.yaml"), "--suite", "drigm")
    assert "there is no campaign file" in fails(capsys, "bench", str(tmp_path / "a.yaml"))
    assert "name at least one algorithm" in fails(capsys, "bench")


def test_engine_and_limits(file: Path) -> None:
    text = FILE.replace(
        "engine: local",
        "engine: {name: ray, jobs: 8, address: 'head:6379', options: {cpus: 2}}\nlimits: {seconds: 60}",
    )
    file.write_text(text)
    campaign = read_campaign(file)
    asked = EngineChoice("", None, None, {}, Limits(None, 500))
    assert engine_of(campaign, asked) == EngineChoice("ray", 8, "head:6379", {"cpus": 2}, Limits(60, 500))
    changed = EngineChoice("ray", 2, "auto", {"cpus": 1}, Limits(5, None))
    assert engine_of(campaign, changed) == changed
    # What is said of one engine means nothing to another.
    local = EngineChoice("local", None, None, {}, Limits())
    assert engine_of(campaign, local) == EngineChoice("local", 8, None, {}, Limits(60, None))
    assert engine_of(None, asked) == EngineChoice("local", None, None, {}, Limits(None, 500))
    file.write_text(FILE + "limits: {second: 3}\n")
    with pytest.raises(ValueError, match=r"limits.second: there is no such name; .*Did you mean 'seconds'"):
        read_campaign(file)


def test_a_campaign_through_its_file(file: Path, tmp_path: Path, capsys: Capture) -> None:
    file.write_text(
        "algorithms: [random]\ntasks: [Robust-CartPole-v0]\nbudget: smoke\nseeds: 2\n"
        f"engine: {{jobs: 1}}\nlimits: {{seconds: 0.01}}\nout: {tmp_path / 'out'}\n"
    )
    code, out, _ = call(capsys, "bench", str(file))
    assert code == 1
    assert "2 cells" in out and "1 worker" in out
    assert "over its time limit of 0.01 s" in out
    code, out, _ = call(capsys, "bench", str(file), "--retry-failed", "--time-limit", "300", "--seeds", "1")
    assert code == 0, out
    assert "1 done" in out


def test_wrong_engines_on_the_command_line(capsys: Capture) -> None:
    common = ("bench", "--algo", "random", "--tasks", "Robust-CartPole-v0")
    for arguments, message in (
        (("--engine", "rai"), "Did you mean 'ray'?"),
        (("--engine", "slurm"), "needs a number of jobs"),
        (("--engine-set", "cpus=2"), "the engine local has no option 'cpus'"),
        (("--engine-set", "cpus"), "--engine-set takes NAME=VALUE"),
        (("--address", "auto"), "an address is for the engine ray"),
        (("--time-limit", "-1"), "must be a positive number"),
    ):
        assert message in fails(capsys, *common, *arguments)
