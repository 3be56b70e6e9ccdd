"""What a campaign leaves beside its results, and what ``status`` says of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bench_help import cell, fakes  # noqa: F401
from cli_help import Capture, call, fails, parsed

from robust_gym.bench import cell as cell_module
from robust_gym.bench.campaign_file import merged, read_campaign
from robust_gym.bench.manifest import FOLDER, keep, kept
from robust_gym.bench.plan import Entry, Plan, Request, make_plan
from robust_gym.bench.store import Store

pytestmark = pytest.mark.usefixtures("fakes")

REQUEST = Request(
    (Entry("fake", {"sizes": [3, 4]}), "fake-beside"), ("Fake-Walk-v0",), "smoke", (0, 4), assignments=("gain=0.5",)
)


def test_a_kept_campaign_runs_the_same_cells_again(tmp_path: Path) -> None:
    plan = make_plan(REQUEST)
    name = keep(tmp_path, REQUEST, plan)
    file = read_campaign(tmp_path / FOLDER / f"{name}.yaml")
    again = make_plan(merged(file, Request((), budget="", protocol="")))
    assert [str(one.path) for one in again.cells] == [str(one.path) for one in plan.cells]
    assert file.out == str(tmp_path)
    assert keep(tmp_path, REQUEST, plan) == name
    (one,) = kept(tmp_path)
    assert len(one.manifest.starts) == 2
    assert one.manifest.starts[0].packages["numpy"]
    assert [str(path) for path in one.paths] == [str(cell.path) for cell in plan.cells]


@pytest.mark.parametrize(
    "request_",
    [
        Request(("ppo", "sac", "vdn"), budget="smoke", compare=False),
        Request(("ppo", "sac"), ("classic_control",), "smoke", (0,), compare=False),
        Request(("robust-vdn",), ("Robust-MPESpread-v0",), "smoke", (1,)),
    ],
)
def test_so_does_one_whose_algorithms_run_on_different_tasks(tmp_path: Path, request_: Request) -> None:
    plan = make_plan(request_)
    file = read_campaign(tmp_path / FOLDER / f"{keep(tmp_path, request_, plan)}.yaml")
    again = make_plan(merged(file, Request((), budget="", protocol="")))
    assert [str(one.path) for one in again.cells] == [str(one.path) for one in plan.cells]


def test_tasks_of_the_command_line_go_before_those_of_an_algorithm(tmp_path: Path) -> None:
    asked = Request(("ppo", "sac"), budget="smoke", compare=False)
    file = read_campaign(tmp_path / FOLDER / f"{keep(tmp_path, asked, make_plan(asked))}.yaml")
    plan = make_plan(merged(file, Request(("sac",), ("Robust-Pendulum-v0",), "", protocol="")))
    assert [(cell.algorithm, cell.task) for cell in plan.cells] == [("sac", "Robust-Pendulum-v0")]


@pytest.mark.parametrize("variants", [2, 20])
def test_noting_a_campaign_takes_a_few_passes_over_its_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variants: int
) -> None:
    """However many variants there are; each cell's arguments are hashed once."""

    class Counted(tuple):  # type: ignore[type-arg]
        passes = 0

        def __iter__(self) -> Iterator[Any]:
            Counted.passes += 1
            return super().__iter__()

    hashed: list[str] = []
    real = cell_module.json.dumps
    monkeypatch.setattr(cell_module.json, "dumps", lambda *a, **kw: hashed.append(real(*a, **kw)) or hashed[-1])
    entries = tuple(Entry("fake", {"gain": float(number + 1)}) for number in range(variants))
    request = Request(entries, ("Fake-Walk-v0",), "smoke", tuple(range(3)), compare=False)
    plan = make_plan(request)
    keep(tmp_path, request, Plan(Counted(plan.cells)))
    assert Counted.passes <= 5
    assert sum("gain" in text for text in hashed) <= len(plan.cells)


def test_states(tmp_path: Path, capsys: Capture) -> None:
    plan = make_plan(REQUEST)
    keep(tmp_path, REQUEST, plan)
    store, (first, second, third, _) = Store(tmp_path), plan.cells
    for one in (first, second, third):
        store.folder(one).mkdir(parents=True)
    (store.folder(first) / "records.jsonl").touch()
    (store.folder(second) / "failed.json").write_text(json.dumps({"error": "ValueError: no"}))
    claim = store.claim(third)
    assert claim is not None
    other = store.folder(cell(9))
    (other / "policy").mkdir(parents=True)
    mine, others = parsed(capsys, "status", str(tmp_path))["campaigns"]
    assert mine["cells"] == dict(
        zip(map(str, (one.path for one in plan.cells)), ("finished", "failed", "running", "open"), strict=True)
    )
    assert others["cells"] == {str(cell(9).path): "trained"}
    code, out, _ = call(capsys, "status", str(tmp_path))
    assert code == 0
    assert "1 of 4 cells finished" in out
    assert f"failed: {second.path}: ValueError: no" in out
    claim.release()
    assert parsed(capsys, "status", str(tmp_path))["campaigns"][0]["counts"]["running"] == 0
    assert store.claim(third) is not None


def test_bench_keeps_its_campaign(tmp_path: Path, capsys: Capture) -> None:
    arguments = ("--algo", "random", "--tasks", "Robust-CartPole-v0", "--budget", "smoke", "--out", str(tmp_path))
    assert call(capsys, "bench", *arguments)[0] == 0
    (campaign,) = parsed(capsys, "status", str(tmp_path))["campaigns"]
    assert campaign["counts"]["finished"] == 1
    code, out, _ = call(capsys, "bench", str(tmp_path / FOLDER / f"{campaign['name']}.yaml"))
    assert code == 0
    assert "0 done · 1 skipped · 0 failed" in out
    assert len(kept(tmp_path)[0].manifest.starts) == 2


def test_no_results(tmp_path: Path, capsys: Capture) -> None:
    assert "there is no folder" in fails(capsys, "status", str(tmp_path / "absent"))
    assert "holds no results" in fails(capsys, "status", str(tmp_path))


def test_damaged_manifests_are_left_out(tmp_path: Path) -> None:
    keep(tmp_path, REQUEST, make_plan(REQUEST))
    (tmp_path / FOLDER / "broken.json").write_text("{")
    (tmp_path / FOLDER / "outside.json").write_text(
        next(tmp_path.glob(f"{FOLDER}/*.json")).read_text().replace("v1/smoke", "../../smoke")
    )
    assert len(kept(tmp_path)) == 1
