from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from bench_help import FAST, HERE, cell, fakes, records_of, results  # noqa: F401
from cli_help import Capture, call, fails

from robust_gym.bench import sinks as sinks_module
from robust_gym.bench.engine import Failed, Finished, Progressed, Resources, Trained
from robust_gym.bench.progress_json import EVENTS, JsonProgress
from robust_gym.bench.sinks import Quiet, Several, Sink
from robust_gym.task import MissingExtraError

pytestmark = pytest.mark.usefixtures("fakes")

KEYS = ["event", "cell", "phase", "done", "total", "seconds", "resources", "error"]
USED = Resources(2.0, 1.5, 100.0)


def bench(capsys: Capture, out: Path, *arguments: str) -> tuple[int, str, str]:
    return call(
        capsys,
        *("bench", *FAST, "--algo", "fake", "--tasks", "Fake-Walk-v0", "--seeds", "2", "--jobs", "1"),
        *("--out", str(out), *arguments),
    )


class Recording:
    """Stands for the run of a tracking tool."""

    def __init__(self, log: list[Any], trouble: str = "") -> None:
        self._log = log
        self._trouble = trouble

    def _note(self, name: str, *what: Any) -> None:
        if name == self._trouble:
            raise RuntimeError("the tool is broken")
        self._log.append((name, *what))

    def progress(self, phase: str, done: int, total: int, seconds: float) -> None:
        self._note("progress", phase, done, total, seconds)

    def result(self, values: Mapping[str, float], returns: Mapping[str, Sequence[float]]) -> None:
        self._note("result", dict(values), dict(returns))

    def arguments(self, arguments: Mapping[str, Any]) -> None:
        self._note("arguments", dict(arguments))

    def failure(self, error: str, values: Mapping[str, float]) -> None:
        self._note("failure", error, dict(values))

    def end(self, *, failed: bool) -> None:
        self._note("end", failed)


def follow(sink: Sink) -> None:
    for seed in (0, 1, 2):
        sink.planned(cell(seed))
        sink.started(cell(seed))
    sink.happened(Progressed(cell(0), "train", 5, 10, USED))
    sink.happened(Trained(cell(0), {}))
    sink.turned()
    sink.happened(Finished(cell(0), tuple(records_of(cell(0), 3.0)), USED))
    sink.happened(Failed(cell(1, gain=1.0), "no", "", "train", USED))
    sink.happened(Failed(cell(1), "no", "", "train", USED))
    sink.close()


def test_what_a_sink_hears() -> None:
    log: list[Any] = []
    warnings: list[str] = []
    follow(Sink("tool", lambda cell: Recording(log), warnings.append))
    assert warnings == []
    names = [entry[0] for entry in log]
    assert names == ["progress", "arguments", "result", "end", "arguments", "failure", "end", "end"]
    assert log[0] == ("progress", "train", 5, 10, 2.0)
    _, values, returns = log[2]
    assert values["return/id"] == 3.0
    assert values["summary/gap"] == 0.0
    assert values["resources/peak_memory_mib"] == 100.0
    assert values["cell/steps_used"] == 10
    assert returns["id"] == [3.0, 3.0]
    assert log[5] == (
        "failure",
        "no",
        {"resources/wall_seconds": 2.0, "resources/cpu_seconds": 1.5, "resources/peak_memory_mib": 100.0},
    )
    assert [entry[1] for entry in log if entry[0] == "end"] == [False, True, True]


@pytest.mark.parametrize("trouble", ["begin", "progress", "result", "arguments", "failure", "end"])
def test_a_broken_tool_costs_one_warning(trouble: str) -> None:
    warnings: list[str] = []

    def begin(cell: object) -> Recording:
        if trouble == "begin":
            raise RuntimeError("the tool is broken")
        return Recording([], trouble)

    follow(Sink("tool", begin, warnings.append))
    assert warnings == ["tool gets no more of this campaign: RuntimeError: the tool is broken"]


def test_a_broken_tool_does_not_stop_a_campaign(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Sink, *anything: Any) -> None:
        raise RuntimeError("the tool is broken")

    pytest.importorskip("tensorboard")
    monkeypatch.setattr(sinks_module, "measurements", broken)
    code, said, error = bench(capsys, tmp_path / "results", "--tensorboard", str(tmp_path / "logs"))
    assert code == 0, error
    assert said.count("warning: TensorBoard gets no more of this campaign: RuntimeError: the tool is broken") == 1
    assert len(results(tmp_path / "results")) == 2


def test_several_listeners_hear_everything() -> None:
    heard: list[tuple[str, str, object]] = []

    class Noting(Quiet):
        def __init__(self, name: str) -> None:
            self._name = name

        def __getattribute__(self, name: str) -> Any:
            if name.startswith("_"):
                return super().__getattribute__(name)
            return lambda *what: heard.append((self._name, name, what))

    several = Several([Noting("a"), Noting("b")])
    expected = []
    for name in ("planned", "skipped", "failed_before", "started", "elsewhere", "happened", "warned"):
        getattr(several, name)("x")
        expected += [("a", name, ("x",)), ("b", name, ("x",))]
    several.turned()
    assert heard == [*expected, ("a", "turned", ()), ("b", "turned", ())]


def test_json_progress_of_a_campaign(capsys: Capture, tmp_path: Path) -> None:
    out = tmp_path / "results"
    code, said, error = bench(capsys, out, "--progress", "json", "--set", "trouble=raise")
    assert code == 1
    assert "mean return over seeds" in error
    assert "1 done · 1 failed" in error
    lines = [json.loads(line) for line in said.splitlines()]
    assert all(list(line) == KEYS for line in lines)
    assert {line["event"] for line in lines} <= set(EVENTS)
    for number, seed in enumerate(("seed-0", "seed-1")):
        mine = [line for line in lines if (line["cell"] or "").endswith(seed)]
        assert [line["event"] for line in mine][:2] == ["planned", "started"]
        assert mine[-1]["event"] == ("finished", "failed")[number]
        assert mine[-1]["resources"]["wall_seconds"] > 0
        assert (out / mine[-1]["cell"]).is_dir()
    assert lines[-2]["error"] == "RuntimeError: the fake algorithm was told to fail"
    trained = next(line for line in lines if line["phase"] == "train" and line["done"] == 10)
    assert (trained["event"], trained["total"]) == ("progress", 10)
    assert (lines[-1]["event"], lines[-1]["done"], lines[-1]["total"]) == ("end", 1, 2)
    assert [line["seconds"] for line in lines] == sorted(line["seconds"] for line in lines)

    _, said, _ = bench(capsys, out, "--progress", "json", "--set", "trouble=raise")
    assert [json.loads(line)["event"] for line in said.splitlines()] == ["skipped", "failed-before", "end"]


def test_json_progress_says_the_rest(capsys: Capture) -> None:
    listener = JsonProgress(sys.stdout, iter(range(9)).__next__)
    listener.elsewhere(cell(0))
    listener.warned("beware")
    listener.turned()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["event"], line["error"], line["seconds"]) for line in lines] == [
        ("elsewhere", None, 1),
        ("warning", "beware", 2),
    ]


def test_json_progress_of_an_argument_that_is_a_list(capsys: Capture) -> None:
    """A plug-in may give any value; what a cell is told by is its path."""
    listener = JsonProgress(sys.stdout, iter(range(9)).__next__)
    cells = [cell(seed, sizes=[3, {"and": [4]}]) for seed in range(3)]
    listener.planned(cells[0])
    listener.skipped(cells[1])
    listener.failed_before(cells[2])
    listener.failed_before(cells[2])
    listener.close()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["cell"] for line in lines[:3]] == [str(one.path) for one in cells]
    assert (lines[-1]["done"], lines[-1]["total"]) == (1, 3)


def test_no_progress(capsys: Capture, tmp_path: Path) -> None:
    code, said, error = bench(capsys, tmp_path, "--progress", "none")
    assert (code, error) == (0, "")
    assert "done    fake" not in said
    assert "mean return over seeds" in said
    assert "Did you mean 'json'?" in fails(capsys, "bench", "--algo", "fake", "--progress", "jsn")


def test_tensorboard(capsys: Capture, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logs = tmp_path / "logs"
    code, _, error = bench(
        capsys, tmp_path / "results", "--tensorboard", str(logs), "--set", "trouble=raise", "--set", "gain=0.5"
    )
    assert code == 1, error
    (finished,) = logs.glob("v1/smoke/Fake-Walk-v0/fake-*/seed-0")
    events = EventAccumulator(str(finished)).Reload()
    assert [event.value for event in events.Scalars("progress/train")][-1] == 10
    means = {name: events.Scalars(name)[0].value for name in events.Tags()["scalars"]}
    (records,) = (lines for path, lines in results(tmp_path / "results").items() if path.endswith("seed-0"))
    (nominal,) = (line["returns"] for line in records if line["split"] == "id")
    assert means["return/id"] == pytest.approx(sum(nominal) / len(nominal))
    assert {"summary/worst", "resources/wall_seconds", "cell/steps_used"} <= set(means)
    assert "returns/id" in events.Tags()["histograms"]
    assert '"gain": 0.5' in events.Tensors("arguments/text_summary")[0].tensor_proto.string_val[0].decode()
    failed = EventAccumulator(str(finished.with_name("seed-1"))).Reload()
    assert "told to fail" in failed.Tensors("error/text_summary")[0].tensor_proto.string_val[0].decode()


def wandb_records(path: Path) -> Iterator[Any]:
    """Read a file of Weights & Biases, which is a log of LevelDB's format behind a header of 7 bytes."""
    from wandb.proto import wandb_internal_pb2

    content, place, whole = path.read_bytes(), 7, b""
    while place + 7 <= len(content):
        left = 32768 - place % 32768
        if left < 7:
            place += left
            continue
        length = int.from_bytes(content[place + 4 : place + 6], "little")
        kind = content[place + 6]
        whole += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # all of a record, or its last part
            yield wandb_internal_pb2.Record.FromString(whole)
            whole = b""


def wandb_run(path: Path) -> dict[str, Any]:
    """Return what is known of a run, and the lines of its history."""

    def values(items: Any) -> dict[str, Any]:
        return {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}

    found: dict[str, Any] = {"history": []}
    for entry in wandb_records(path):
        kind = entry.WhichOneof("record_type")
        if kind == "run":
            found |= {"name": entry.run.display_name, "project": entry.run.project, **values(entry.run.config.update)}
        elif kind in ("config", "summary"):
            found |= values(getattr(entry, kind).update)
        elif kind == "history":
            found["history"].append(values(entry.history.item))
        elif kind == "exit":
            found["exit"] = entry.exit.exit_code
    return found


def test_weights_and_biases_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process of its own, as the package starts services that outlive a test."""
    pytest.importorskip("wandb")
    for name, value in {"WANDB_MODE": "offline", "WANDB_DIR": str(tmp_path), "WANDB_SILENT": "true"}.items():
        monkeypatch.setenv(name, value)
    command = [sys.executable, "-m", "robust_gym", "bench", *FAST, "--algo", "fake", "--tasks", "Fake-Walk-v0"]
    command += ["--seeds", "2", "--jobs", "2", "--set", "trouble=raise", "--set", "pause=0.7"]
    command += ["--out", str(tmp_path / "results"), "--wandb", "robustness", "--progress", "json"]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=200)
    assert done.returncode == 1, done.stderr
    assert "gets no more" not in done.stderr
    assert all(list(json.loads(line)) == KEYS for line in done.stdout.splitlines())

    runs = {run["name"].rpartition(" ")[2]: run for run in map(wandb_run, tmp_path.rglob("run-*.wandb"))}
    assert sorted(runs) == ["0", "1"]
    finished, failed = runs["0"], runs["1"]
    assert (finished["project"], finished["exit"], failed["exit"]) == ("robustness", 0, 1)
    assert finished["arguments"]["pause"] == 0.7
    assert finished["task"] == "Fake-Walk-v0"
    assert {"return/id", "summary/gap", "resources/cpu_seconds"} <= set(finished)
    assert max(line.get("progress/train", 0) for line in finished["history"]) == 10
    assert "told to fail" in failed["error"]


@pytest.mark.parametrize(
    ("option", "value", "line"),
    [
        (
            "--tensorboard",
            "logs",
            "TensorBoard needs the package 'absent', which is not installed: pip install \"robust",
        ),
        ("--wandb", "project", "Weights & Biases needs the package 'absent', which is not installed: pip install"),
    ],
)
def test_missing_packages(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, value: str, line: str
) -> None:
    real = sinks_module.missing
    monkeypatch.setattr(sinks_module, "missing", lambda tool, modules, install: real(tool, ("absent",), install))
    code, said, error = bench(capsys, tmp_path / "results", option, str(tmp_path / value))
    assert code == 2
    assert error.startswith(f"robust-gym: {line}")
    assert "done    fake" not in said
    with pytest.raises(MissingExtraError):
        sinks_module.require("tool", ("x",), "extra")


def test_folders_that_cannot_be_made(capsys: Capture, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    (tmp_path / "file").write_text("")
    code, _, error = bench(capsys, tmp_path / "results", "--tensorboard", str(tmp_path / "file"))
    assert code == 2
    assert error.count("\n") == 1
    assert "a project of Weights & Biases needs a name" in bench(capsys, tmp_path / "results", "--wandb", " ")[2]
