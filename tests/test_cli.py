from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bench_help import FAST, HERE, cell, fakes, records_of  # noqa: F401
from cli_help import Capture, call, fails, parsed

from robust_gym import kinds, record, registry
from robust_gym.cli import main
from robust_gym.splits import task_protocol
from robust_gym.support import supported_kinds

pytestmark = pytest.mark.usefixtures("fakes")


def test_help_and_version(capsys: Capture) -> None:
    code, out, _ = call(capsys, "--help")
    assert code == 0
    for command in ("ls", "show", "bench", "eval", "leaderboard", "validate"):
        assert command in out
        assert call(capsys, command, "--help")[0] == 0
    assert call(capsys, "--version")[1].startswith("robust-gym ")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from robust_gym.cli import main\n"
        "try:\n    main(['bench', '--help'])\n"
        "except SystemExit:\n    pass\n"
        "heavy = {'torch', 'rich', 'pydantic', 'stable_baselines3', 'mujoco', 'pandas', 'pettingzoo'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bnch"], "Did you mean 'bench'?"),
        (["ls", "task"], "Did you mean 'tasks'?"),
        (["bench", "--algo", "fake", "--budget", "qick"], "Did you mean 'quick'?"),
        (["bench", "--algo", "fake", "--sed", "3"], "Did you mean '--seed"),
        (["bench", "--algo", "fake", "--sed=3"], "Did you mean '--seed"),
        (["bench"], "--algo"),
        ([], "COMMAND"),
        (["bench", "--algo", "fake", "--jobs", "0"], "at least 1"),
        (["bench", "--algo", "fake", "--seeds", "x"], "seeds"),
        (["bench", "--algo", "fak"], "unknown algorithm 'fak'"),
        (["bench", "--algo", "fake", "--tasks", "Fake-Wlk-v0"], "Did you mean 'Fake-Walk-v0'?"),
        (["bench", "--algo", "fake", "--tasks", "Robust-CartPole-v0"], "Robust-CartPole-v0 has discrete ones"),
        (["bench", "--algo", "fake", "--protocol", "v7"], "unknown protocol 'v7'"),
        (["bench", "--algo", "fake", "--set", "gain"], "NAME=VALUE"),
        (["bench", "--algo", "fake-absent"], "pip install nothing"),
        (["bench", "--algo", "fake", "--tasks", "Fake-Absent-v0"], "pip install no-such-thing"),
        (["bench", "--algo", "fake", "--plugin", "no_such_plugin"], "no module 'no_such_plugin'"),
        (["show", "CartPole"], "Did you mean 'Robust-CartPole-v0'?"),
        (["ls", "tasks", "--family", "mujco"], "Did you mean 'mujoco'?"),
        (["ls", "disruptions", "--channel", "rewards"], "Did you mean 'reward'?"),
        (["ls", "algos", "--channel", "reward"], "--channel does not filter algos"),
        (["ls", "schedules", "--task", "Robust-Hopper-v0"], "--task does not filter schedules, which has no filters"),
        (["ls", "preset"], "Did you mean 'presets'?"),
        (["eval", "nowhere"], "there is no folder 'nowhere'"),
        (["eval", "fakes:stay"], "--task"),
        (["eval", "fakes:gone", "--task", "Fake-Walk-v0"], "'fakes' has no 'gone'"),
        (["eval", "fakes:LOG", "--task", "Fake-Walk-v0"], "act()"),
        (["eval", "fakes:stay", "--task", "Fake-Walk-v0", "--disruption", "obs:x"], "obs:x"),
        (["eval", "fakes:stay", "--task", "Fake-Walk-v0", "--splits", "ood-nera"], "Did you mean 'ood-near"),
        (["eval", "fakes:stay", "--task", "Fake-Walk-v0", "--episodes", "99"], "episodes"),
        (["eval", "fakes:stay", "--task", "Fake-Absent-v0"], "pip install no-such-thing"),
        (["eval", "x", "--splits", "id", "--disruption", "none"], "not both"),
        (["eval", "x", "--splits", ""], "--splits names nothing"),
        (["bench", "--algo", "random", "--tasks", " , "], "--tasks names nothing"),
        (["leaderboard", "nowhere"], "nowhere does not exist"),
        (["validate", "nowhere.py"], "there is no file 'nowhere.py'"),
        (["validate", "fakes:LOG"], "'fakes' has no task 'LOG'"),
        (["validate", "Fake-Absent-v0"], "pip install no-such-thing"),
    ],
)
def test_errors(capsys: Capture, arguments: list[str], message: str) -> None:
    assert message in fails(capsys, *arguments)


def test_debug_shows_the_traceback(capsys: Capture) -> None:
    with pytest.raises(registry.UnknownNameError):
        main(["show", "CartPole", "--debug"])
    with pytest.raises(registry.UnknownNameError):
        main(["--debug", "show", "CartPole"])


def test_reader_that_has_enough() -> None:
    command = f"{sys.executable} -m robust_gym ls disruptions --json | head -n 1; exit ${{PIPESTATUS[0]}}"
    found = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (found.returncode, found.stdout, found.stderr) == (0, "[\n", "")


def test_reader_that_is_gone_before_the_end_of_a_run(tmp_path: Path) -> None:
    bench = f"bench --algo random --tasks Robust-CartPole-v0 --budget smoke --out {tmp_path}"
    command = f"{sys.executable} -m robust_gym {bench} | true; exit ${{PIPESTATUS[0]}}"
    found = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (found.returncode, found.stderr) == (141, "")


def test_ls_tasks(capsys: Capture) -> None:
    rows = parsed(capsys, "ls", "tasks")
    assert [row["id"] for row in rows] == registry.list_tasks()
    absent = next(row for row in rows if row["id"] == "Fake-Absent-v0")
    assert (absent["installed"], absent["install"]) == (False, "pip install no-such-thing")
    assert {row["family"] for row in parsed(capsys, "ls", "tasks", "--family", "mujoco")} == {"mujoco"}
    assert {row["api"] for row in parsed(capsys, "ls", "tasks", "--api", "parallel")} == {"parallel"}
    assert "Fake-Absent-v0" not in {row["id"] for row in parsed(capsys, "ls", "tasks", "--installed")}


def test_ls_algos(capsys: Capture) -> None:
    rows = {row["name"]: row for row in parsed(capsys, "ls", "algos")}
    assert sorted(rows) == registry.list_algorithms()
    assert rows["fake"]["arguments"]["gain"] == 0.0
    assert rows["fake-compared"]["compare"] == ["fake-beside", "fake-absent"]
    assert rows["fake-absent"]["installed"] is False
    suited = {row["name"] for row in parsed(capsys, "ls", "algos", "--task", "Robust-MPESpread-v0")}
    assert "vdn" in suited
    assert "fake" not in suited


def test_ls_disruptions(capsys: Capture) -> None:
    rows = parsed(capsys, "ls", "disruptions")
    assert [row["usage"] for row in rows] == [kind.usage for kind in kinds.kinds()]
    assert {row["channel"] for row in parsed(capsys, "ls", "disruptions", "--channel", "reward")} == {"reward"}
    suited = {row["usage"] for row in parsed(capsys, "ls", "disruptions", "--task", "Robust-CartPole-v0")}
    assert "action:sticky:p" in suited
    assert "action:gauss:sigma" not in suited


def test_ls_splits(capsys: Capture) -> None:
    rows = parsed(capsys, "ls", "splits", "--task", "Robust-Hopper-v0")
    protocol = task_protocol("Robust-Hopper-v0")
    assert {row["split"]: tuple(row["disruptions"]) for row in rows} == {
        split.name: split.disruptions for split in protocol.splits
    }
    assert all(row["about"] for row in parsed(capsys, "ls", "splits"))


@pytest.mark.parametrize("what", ["tasks", "algos", "disruptions", "schedules", "presets", "splits"])
def test_piped_lists_are_whole(capsys: Capture, what: str) -> None:
    code, out, _ = call(capsys, "ls", what)
    assert code == 0
    assert "…" not in out
    for row in parsed(capsys, "ls", what):
        name = next(row[key] for key in ("id", "name", "usage", "example", "preset", "split") if key in row)
        assert name in out


def test_show(capsys: Capture) -> None:
    task = registry.task("Robust-Hopper-v0")
    shown = parsed(capsys, "show", "Robust-Hopper-v0")
    assert {row["name"]: (row["nominal"], row["unit"], row["low"], row["high"]) for row in shown["dynamics"]} == {
        name: (parameter.nominal, parameter.unit, parameter.low, parameter.high)
        for name, parameter in task.dynamics.items()
    }
    assert shown["kinds"]["observation"] == [kind.name for kind in supported_kinds(task, "observation")]
    assert shown["budgets"]["smoke"] == {"steps": task.budget("smoke").steps, "episodes": task.budget("smoke").episodes}
    assert shown["protocol"]["sha256"] == task_protocol(task.id).sha256
    assert "fake" in shown["algorithms"]
    code, out, _ = call(capsys, "show", "Robust-Hopper-v0")
    assert code == 0
    for text in ("dynamics:gravity", "ood-mixed", "standard", *(row["unit"] for row in shown["dynamics"])):
        assert text in out


def bench(capsys: Capture, out: Path, *arguments: str) -> tuple[int, str, str]:
    return call(capsys, "bench", *FAST, "--algo", "fake", "--tasks", "Fake-Walk-v0", "--out", str(out), *arguments)


def test_bench_then_eval_then_leaderboard(capsys: Capture, tmp_path: Path) -> None:
    out = tmp_path / "results"
    code, said, error = bench(capsys, out, "--seeds", "2", "--jobs", "1")
    assert code == 0, error
    assert str(out / "leaderboard" / "index.html") in said
    assert (out / "leaderboard" / "index.html").stat().st_size > 1000
    assert "Fake-Walk-v0: mean return over seeds" in said
    assert "gap" in said
    assert "took" in said

    folder = out / "v1" / "smoke" / "Fake-Walk-v0" / "fake" / "seed-0"
    file = tmp_path / "mine" / "again.jsonl"
    result = parsed(capsys, "eval", str(folder), "--episodes", "2", "--plugin", "fakes", "--out", str(file))
    records = record.load(folder / "records.jsonl")
    assert [row["returns"] for row in result["results"]] == [list(entry.returns) for entry in records]
    written = record.load(file)
    assert [entry.returns for entry in written] == [entry.returns for entry in records]
    assert (written[0].algorithm, written[0].seed, written[0].steps_used) == ("fake", 0, 10)

    page = tmp_path / "page" / "index.html"
    code, said, error = call(capsys, "leaderboard", str(out), "--out", str(page))
    assert code == 0, error
    assert f"{2 * len(records)} records" in said
    assert page.stat().st_size > 1000


def test_eval_under_another_name_or_on_another_task_claims_no_training(capsys: Capture, tmp_path: Path) -> None:
    bench(capsys, tmp_path, "--seeds", "1")
    folder = str(tmp_path / "v1" / "smoke" / "Fake-Walk-v0" / "fake" / "seed-0")
    file = tmp_path / "moved.jsonl"
    asked = ("eval", folder, "--plugin", "fakes", "--episodes", "1", "--out", str(file))
    for more, name in (
        (("--name", "mine"), "mine"),
        (("--task", "Fake-Other-v0"), "fake-from-Fake-Walk-v0"),
        (("--task", "Fake-Other-v0", "--name", "mine"), "mine"),
    ):
        parsed(capsys, *asked, *more)
        first = record.load(file)[0]
        assert (first.algorithm, first.budget, first.budget_steps) == (name, "external", 0)
        assert first.arguments == record.load(Path(folder) / "records.jsonl")[0].arguments
    assert "'My Method': a name is" in fails(capsys, *asked, "--name", "My Method")
    assert "is a folder" in fails(capsys, "eval", folder, "--plugin", "fakes", "--out", str(tmp_path))


def test_a_fault_in_one_s_own_policy_is_placed(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "own_policy.py"
    file.write_text("def act(observation):\n    one, two, three, four = observation\n    return [one]\n")
    monkeypatch.syspath_prepend(tmp_path)
    line = fails(capsys, "eval", "own_policy:act", "--task", "Robust-Pendulum-v0", "--episodes", "1")
    assert "not enough values to unpack" in line
    assert f"(at {file}:2; --debug shows how it came there)" in line
    assert "--debug" not in fails(capsys, "eval", "random", "--task", "Robust-Pendulum-v0", "--episodes", "0")


def test_eval_of_a_folder_of_cells_names_them(capsys: Capture, tmp_path: Path) -> None:
    bench(capsys, tmp_path, "--seeds", "2")
    line = fails(capsys, "eval", str(tmp_path / "v1" / "smoke" / "Fake-Walk-v0" / "fake"))
    assert "seed-0, seed-1" in line
    assert "holds no policy" in fails(capsys, "eval", str(tmp_path / "v1"))


def test_eval_of_a_damaged_policy(capsys: Capture, tmp_path: Path) -> None:
    bench(capsys, tmp_path, "--seeds", "1")
    folder = tmp_path / "v1" / "smoke" / "Fake-Walk-v0" / "fake" / "seed-0"
    (folder / "policy" / "fake.json").write_text('{"gain": 5.0, "name": "x"}')
    assert "fake.json has changed" in fails(capsys, "eval", str(folder), "--plugin", "fakes")


def test_eval_of_a_function(capsys: Capture, tmp_path: Path) -> None:
    arguments = ("eval", "fakes:stay", "--task", "Fake-Walk-v0", "--episodes", "3")
    chosen = parsed(capsys, *arguments, "--disruption", "obs:0.15", "none", "--out", str(tmp_path / "stay.jsonl"))
    assert [(row["split"], row["disruption"]) for row in chosen["results"]] == [
        ("custom", "observation:gauss:0.15"),
        ("id", "none"),
    ]
    assert [len(row["returns"]) for row in chosen["results"]] == [3, 3]
    assert [entry.algorithm for entry in record.load(tmp_path / "stay.jsonl")] == ["stay"] * 2
    near = parsed(capsys, *arguments, "--splits", "ood-near,id")
    assert {row["split"] for row in near["results"]} == {"id", "ood-near-action", "ood-near-observation"}
    assert set(near["summary"]) == {"id", "ood", "worst", "gap"}
    code, out, _ = call(capsys, *arguments)
    assert code == 0
    assert "ood-drift" in out


def test_eval_of_a_file(capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_policy_file.py").write_text("def act(observation):\n    return -observation.clip(-1, 1)\n")
    monkeypatch.chdir(tmp_path)
    for target in ("my_policy_file.py:act", "my_policy_file:act"):
        result = parsed(capsys, "eval", target, "--task", "Fake-Walk-v0", "--splits", "id", "--episodes", "1")
        assert result["task"] == "Fake-Walk-v0"
        sys.modules.pop("my_policy_file")


@pytest.mark.filterwarnings("ignore")  # Gymnasium's, of what is no number
def test_eval_of_a_policy_that_gives_no_number_prints_json(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_lost_policy.py").write_text("def act(observation):\n    return observation * float('nan')\n")
    monkeypatch.chdir(tmp_path)
    asked = ("my_lost_policy:act", "--task", "Fake-Walk-v0", "--disruption", "none", "--episodes", "1")
    _, out, _ = call(capsys, "eval", *asked, "--json")
    result = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert result["results"][0]["returns"] == [None]
    sys.modules.pop("my_lost_policy")


def test_bench_with_a_plugin_file(capsys: Capture, tmp_path: Path) -> None:
    """Workers import it too, though no path leads to it."""
    plugin = tmp_path / "somewhere" / "my_task_file.py"
    plugin.parent.mkdir()
    plugin.write_text("from fakes import _task\nMINE = _task('Mine-Walk-v0', family='mine')\n")
    try:
        code, out, error = call(
            capsys,
            *("bench", *FAST, "--plugin", str(plugin), "--algo", "fake", "--tasks", "mine"),
            *("--out", str(tmp_path / "results")),
        )
    finally:
        sys.modules.pop("my_task_file", None)
    assert code == 0, out + error
    assert (tmp_path / "results/v1/smoke/Mine-Walk-v0/fake/seed-0/records.jsonl").exists()


def test_broken_plugin(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "broken_plugin.py").write_text("1 / 0\n")
    line = fails(capsys, "ls", "tasks", "--plugin", str(tmp_path / "broken_plugin.py"))
    assert "ZeroDivisionError" in line


def test_failed_cells_give_exit_code_1(capsys: Capture, tmp_path: Path) -> None:
    code, said, _ = bench(capsys, tmp_path / "results", "--seeds", "0,1", "--set", "trouble=raise")
    assert code == 1
    (line,) = (line for line in said.splitlines() if line.startswith("failed: "))
    assert "RuntimeError: the fake algorithm was told to fail" in line
    assert line.endswith("failed.json)")


def test_all_cells_failed(capsys: Capture, tmp_path: Path) -> None:
    code, said, error = bench(capsys, tmp_path / "results", "--seeds", "1,", "--set", "trouble=raise")
    assert code == 1, error
    assert "leaderboard" not in said


def test_out_that_cannot_be_written(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, _, error = bench(capsys, tmp_path / "file" / "results")
    assert code == 2
    assert error.count("\n") == 1
    assert "Not a directory" in error
    assert str(tmp_path / "file") in error


# Root may write everywhere, unless this capability is taken away.
DROP_PRIVILEGE = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


@pytest.mark.skipif(bool(DROP_PRIVILEGE) and shutil.which("setpriv") is None, reason="runs as root, without setpriv")
def test_read_only_out(capsys: Capture, tmp_path: Path) -> None:
    out = tmp_path / "results"
    assert bench(capsys, out)[0] == 0
    for folder in (out, *(path for path in out.rglob("*") if path.is_dir())):
        folder.chmod(0o555)
    command = [*DROP_PRIVILEGE, sys.executable, "-m", "robust_gym", "bench", *FAST, "--algo", "fake"]
    command += ["--tasks", "Fake-Walk-v0", "--out", str(out), "--seeds", "2"]
    found = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=60)
    for folder in (out, *(path for path in out.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    assert found.returncode == 2
    assert found.stderr.count("\n") == 1
    assert str(out) in found.stderr
    assert "Permission denied" in found.stderr


def test_leaderboard_needs_sound_records(capsys: Capture, tmp_path: Path) -> None:
    page = str(tmp_path / "page.html")
    (tmp_path / "records.jsonl").write_text(record.dump(records_of(cell()))[:-30])
    assert "records.jsonl, line" in fails(capsys, "leaderboard", str(tmp_path), "--out", page)
    (tmp_path / "records.jsonl").rename(tmp_path / "records.corrupt-1.jsonl")
    assert "there are no records" in fails(capsys, "leaderboard", str(tmp_path), "--out", page)
    assert not Path(page).exists()


def test_damaged_records_of_another_plan_do_not_stop_bench(capsys: Capture, tmp_path: Path) -> None:
    other = tmp_path / "v1/smoke/Fake-Walk-v0/fake/seed-9/records.jsonl"
    other.parent.mkdir(parents=True)
    other.write_text("{}")
    code, said, error = bench(capsys, tmp_path)
    assert code == 0, error
    assert f"warning: left out: {other}, line 1" in said


def test_validate(capsys: Capture, tmp_path: Path) -> None:
    findings = parsed(capsys, "validate", "Robust-Pendulum-v0")
    assert len(findings) > 3
    assert all(row["ok"] for row in findings)
    assert {row["task"] for row in findings} == {"Robust-Pendulum-v0"}


def test_validate_finds_faults(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "my_broken_task.py").write_text(
        "import dataclasses\n"
        "import gymnasium as gym\n"
        "from fakes import WALK, Walk\n"
        "class Broken(Walk):\n"
        "    def step(self, action):\n"
        "        observation, *others = super().step(action)\n"
        "        return (observation + 100, *others)\n"
        "MINE = dataclasses.replace(WALK, id='Mine-Broken-v0', base='my_broken_task:Broken')\n"
    )
    try:
        code, out, error = call(capsys, "validate", str(tmp_path / "my_broken_task.py"), "--plugin", "fakes")
    finally:
        sys.modules.pop("my_broken_task", None)
    assert code == 1, error
    assert "Mine-Broken-v0" in out
    assert "FAILED" in out
