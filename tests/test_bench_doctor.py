from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from bench_help import HERE, fakes  # noqa: F401
from cli_help import Capture, call, fails

from robust_gym import registry
from robust_gym.bench import cores, doctor, installed, machine
from robust_gym.bench.local import default_jobs
from robust_gym.bench.machine import Check
from robust_gym.bench.probing import probe

pytestmark = pytest.mark.usefixtures("fakes")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> dict[str, str | None]:
    """Let nothing really be tried; what a test puts in is what is found."""
    found: dict[str, str | None] = {}

    def pretend(targets: Sequence[str], plugins: Sequence[str]) -> dict[str, str | None]:
        return {target: found.get(target, "" if target == "gpu" else None) for target in targets}

    monkeypatch.setattr(installed, "probe", pretend)
    monkeypatch.setattr(doctor, "rendering", lambda: [Check("rendering", "egl", "ok", "draws")])
    return found


def report(capsys: Capture, *arguments: str, code: int = 0) -> dict[str, Any]:
    got, out, error = call(capsys, "doctor", "--json", *arguments)
    assert got == code, error
    found: dict[str, Any] = json.loads(out)
    return found


def checks(found: dict[str, Any], topic: str) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in found["checks"] if check["topic"] == topic}


def test_a_report(quick: dict[str, str | None], capsys: Capture, tmp_path: Path) -> None:
    found = report(capsys, "--out", str(tmp_path / "results"))
    assert list(found) == ["robust_gym", "works", "tasks", "checks"]
    assert found["works"] is True
    ids = registry.list_tasks()
    usable = [id for id in ids if registry.task(id).missing() is None]
    assert found["tasks"] == {"usable": len(usable), "all": len(ids)}
    families = checks(found, "tasks")
    assert sorted(families) == sorted({registry.task(id).family for id in ids})
    assert families["fake"]["detail"] == "2 of 3"
    assert families["fake"]["install"] == "pip install no-such-thing"
    assert families["exact"]["state"] == "ok"
    assert checks(found, "libraries")["numpy"]["detail"]
    assert checks(found, "results")[str(tmp_path / "results")]["state"] == "ok"
    assert list(tmp_path.iterdir()) == []
    assert {"local", "ray", "slurm"} == set(checks(found, "engines"))
    assert {"mujoco", "torch", "sb3"} <= set(checks(found, "extras"))
    assert not {"all", "dev", "docs", "test"} & set(checks(found, "extras"))
    for check in found["checks"]:
        assert list(check) == ["topic", "name", "state", "detail", "install"]

    code, out, _ = call(capsys, "doctor", "--out", str(tmp_path / "results"))
    assert code == 0
    assert out.splitlines()[-1] == (
        f"{len(usable)} of {len(ids)} tasks can be used; nothing that is installed is broken"
    )
    assert "2 of 3: pip install no-such-thing" in out


def test_what_is_broken_gives_exit_code_1(quick: dict[str, str | None], capsys: Capture, tmp_path: Path) -> None:
    out = ("--out", str(tmp_path))
    usable = report(capsys, *out)["tasks"]["usable"]
    quick["task:Fake-Other-v0"] = "ImportError: libthing.so"
    found = report(capsys, *out, code=1)
    assert found["works"] is False
    assert found["tasks"]["usable"] == usable - 2
    assert checks(found, "tasks")["fake"]["detail"] == "0 of 3; Fake-Other-v0 cannot be made: ImportError: libthing.so"
    quick.clear()
    quick["module:rich"] = "never asked for"
    assert report(capsys, *out)["works"]
    (tmp_path / "file").write_text("")
    found = report(capsys, "--out", str(tmp_path / "file" / "results"), code=1)
    assert "is a file" in checks(found, "results")[str(tmp_path / "file" / "results")]["detail"]


def test_broken_and_absent_extras(
    quick: dict[str, str | None], capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extras = {"one": ["numpy"], "two": ["numpy", "no-such-package"]}
    monkeypatch.setattr(installed, "_extras", lambda: extras)
    found = checks(report(capsys, "--out", str(tmp_path)), "extras")
    assert (found["one"]["state"], found["two"]["state"]) == ("ok", "absent")
    assert found["two"]["detail"] == "there is no no-such-package"
    assert found["two"]["install"] == 'pip install "robust-gym[two]"'
    quick["module:numpy"] = "ImportError: no"
    found = checks(report(capsys, "--out", str(tmp_path), code=1), "extras")
    assert found["one"]["detail"] == "numpy cannot be imported: ImportError: no"


def test_extras_are_those_of_the_package() -> None:
    extras = installed._extras()
    assert extras["mujoco"] == ["mujoco", "imageio", "packaging"]
    assert extras["robotics"] == ["gymnasium-robotics", "mujoco", "imageio", "packaging"]
    assert installed._modules(iter(["pyyaml", "torch", "no-such-package"]))["pyyaml"] == ["yaml"]


@pytest.mark.parametrize(
    ("found", "has_torch", "smi", "state", "words"),
    [
        ("devices: NVIDIA H200, 143,771 MiB", True, True, "ok", "NVIDIA H200, 143,771 MiB"),
        ("ends the process by SIGSEGV", True, True, "broken", "PyTorch cannot look for one: ends the process"),
        ("takes longer than 120 s", True, True, "broken", "takes longer than 120 s"),
        ("", True, False, "absent", "none is needed"),
        ("", True, True, "warning", "without CUDA"),
        (None, False, True, "warning", "no PyTorch"),
        ("OSError: libtorch.so", True, False, "broken", "libtorch.so"),
    ],
)
def test_gpu(
    monkeypatch: pytest.MonkeyPatch, found: str | None, has_torch: bool, smi: bool, state: str, words: str
) -> None:
    monkeypatch.setattr(installed.shutil, "which", lambda name: "/usr/bin/nvidia-smi" if smi else None)
    check = installed._gpu(found, has_torch=has_torch)
    assert (check.topic, check.name, check.state) == ("machine", "gpu", state)
    assert words in check.detail


def test_engines_say_what_they_lack(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {check.name: check for check in installed._engines({})}
    assert found["local"].state == "ok"
    assert found["ray"].install == 'pip install "robust-gym[ray]"'
    monkeypatch.setattr(installed.shutil, "which", lambda name: None)
    found = {
        check.name: check for check in installed._engines({"module:ray": "ImportError: no", "module:submitit": None})
    }
    assert (found["ray"].state, found["slurm"].state) == ("broken", "absent")
    assert "no sbatch" in found["slurm"].detail


@pytest.mark.parametrize(
    ("environment", "name", "state", "words"),
    [
        ({"OMP_NUM_THREADS": "1"}, "threads", "ok", "one for each process"),
        ({}, "threads", "warning", "OMP_NUM_THREADS is unset"),
        ({"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "8"}, "threads", "warning", "MKL_NUM_THREADS=8"),
        ({"MUJOCO_GL": "elg"}, "MUJOCO_GL", "warning", "'elg'; it is one of egl, osmesa, glfw or disable"),
        ({"MUJOCO_GL": "disable"}, "MUJOCO_GL", "ok", "draws nothing"),
    ],
)
def test_settings(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], name: str, state: str, words: str
) -> None:
    monkeypatch.setattr(machine, "default_jobs", lambda: 4)
    (check,) = (check for check in machine.settings(environment) if check.name == name)
    assert check.state == state
    assert words in check.detail


def test_limits_of_a_container(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)))
    monkeypatch.setattr(cores, "CGROUP", tmp_path)
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    (tmp_path / "memory.max").write_text(f"{2**30}\n")
    found = {check.name: check for check in machine.machine()}
    assert found["cores"].state == "ok"
    assert found["cores"].detail.endswith("of which this container may use 1.5 at a time")
    assert found["memory"].detail == "1,024 MiB, 1,024 MiB for each worker of bench"
    assert default_jobs() == 1
    for said, jobs in (("200000 100000", 2), ("50000 100000", 1), ("6400000 100000", 8), ("max 100000", 8)):
        (tmp_path / "cpu.max").write_text(f"{said}\n")
        assert default_jobs() == jobs
    found = {check.name: check for check in machine.machine()}
    assert "container" not in found["cores"].detail
    assert (found["memory"].state, found["memory"].detail) == ("warning", "1,024 MiB, 128 MiB for each worker of bench")


def test_a_folder_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*arguments: object, **more: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(machine.tempfile, "TemporaryDirectory", refuse)
    (check,) = machine.results_folder(tmp_path / "new" / "results")
    assert (check.state, check.detail) == ("broken", "cannot be written: Permission denied")


def test_ways_to_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    def draw(command: Sequence[str], env: dict[str, str], **options: Any) -> subprocess.CompletedProcess[str]:
        if env["MUJOCO_GL"] == "glfw":
            raise subprocess.TimeoutExpired("draw", 60)
        works = env["MUJOCO_GL"] == "egl"
        return subprocess.CompletedProcess("draw", 0, "drawn\n" if works else "", "Traceback:\n  x\nOSError: no lib\n")

    monkeypatch.setattr(machine.subprocess, "run", draw)
    found = {check.name: check for check in machine.rendering()}
    assert [found[name].state for name in ("egl", "osmesa", "glfw")] == ["ok", "absent", "absent"]
    assert found["osmesa"].detail == "OSError: no lib"
    assert found["glfw"].detail == "draws nothing within 60 s"


def test_probing_survives_what_it_tries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = {
        "probed_raise": "raise OSError('two\\nlines')",
        "probed_abort": "import os; os.abort()",
        "probed_exit": "raise SystemExit(3)",
        "probed_hang": "import time; time.sleep(600)",
        "probed_loud": "print('hello'); import sys; print('x' * 10**6, file=sys.stderr)",
    }
    for name, text in code.items():
        (tmp_path / f"{name}.py").write_text(text + "\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(HERE)]))
    tasks = ["task:Fake-Walk-v0", "task:Fake-Absent-v0", "task:Robust-MPESpread-v0"]
    found = probe([*(f"module:{name}" for name in code), *tasks], ["fakes"], seconds=12.0)
    assert found["module:probed_raise"] == "OSError: two lines"
    assert found["module:probed_abort"] == f"ends the process by {signal.SIGABRT.name}"
    assert found["module:probed_exit"] == "ends the process with code 3"
    assert found["module:probed_hang"] == "takes longer than 12 s"
    assert found["module:probed_loud"] is None
    assert (found[tasks[0]], found[tasks[2]]) == (None, None)
    assert "pip install no-such-thing" in (found[tasks[1]] or "")


@pytest.mark.slow
def test_this_machine(tmp_path: Path) -> None:
    """Everything is really tried."""
    command = [sys.executable, "-m", "robust_gym", "doctor", "--json", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    found = json.loads(done.stdout)
    assert done.returncode == 0, [check for check in found["checks"] if check["state"] == "broken"]
    tasks = [registry.task(id) for id in registry.list_tasks()]
    assert found["tasks"]["usable"] == sum(task.missing() is None for task in tasks if task.family != "fake")
    assert {"egl", "osmesa", "glfw"} == set(checks(found, "rendering"))


def test_errors(capsys: Capture) -> None:
    assert "no module 'no_such_plugin'" in fails(capsys, "doctor", "--plugin", "no_such_plugin")
