"""Engines by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from robust_gym.bench.engines import make_engine
from robust_gym.bench.local import LocalEngine
from robust_gym.task import MissingExtraError

pytestmark = pytest.mark.xdist_group("engines")


def test_engines_by_name(tmp_path: Path) -> None:
    engine = make_engine("local", 3)
    assert isinstance(engine, LocalEngine)
    assert engine.free == 3
    engine.close()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "slrum"}, "there is no engine 'slrum'. Did you mean 'slurm'? There are: local, ray, slurm"),
        ({"name": "local", "address": "auto"}, "an address is for the engine ray, and the engine is local"),
        ({"name": "local", "options": {"cpus": 2}}, "the engine local has no option 'cpus'. It has none"),
        ({"name": "ray", "options": {"cpu": 2}}, "has no option 'cpu'. Did you mean 'cpus'? It has: cpus"),
        ({"name": "ray", "options": {"cpus": "two"}}, "option cpus of the engine ray: input should be a valid number"),
        ({"name": "slurm", "jobs": 1, "options": {"minutes": 1.5}}, "a valid integer, got 1.5"),
        ({"name": "slurm", "jobs": 1, "options": {"parameters": [1]}}, "got [1]"),
        ({"name": "slurm"}, "the engine slurm needs a number of jobs"),
        ({"name": "slurm", "jobs": 1, "options": {"partitoin": "x"}}, "Did you mean 'partition'?"),
        ({"name": "slurm", "jobs": 1, "options": {"executor": "x"}}, "there is no executor 'x'"),
        ({"name": "slurm", "jobs": 1, "options": {"minutes": 1}}, "the command sbatch is not found"),
        ({"name": "slurm", "jobs": 1, "options": {"executor": "local"}}, "needs a time limit of cells, or minutes"),
        ({"name": "ray", "jobs": 0}, "the number of jobs must be at least 1, got 0"),
        ({"name": "ray", "address": "ray://host:1"}, "given as host:port or auto, got 'ray://host:1'"),
        ({"name": "ray", "options": {"cpus": 0}}, "a cell needs more than 0 cores, got 0"),
    ],
)
def test_bad_engines(arguments: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray")
    pytest.importorskip("submitit")
    monkeypatch.setattr("shutil.which", lambda command: None)
    options = dict(arguments.pop("options", {}))
    if arguments["name"] == "slurm" and "partitoin" not in options:
        options["folder"] = tmp_path
    with pytest.raises(ValueError) as raised:
        make_engine(**arguments, options=options)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "package"), [("ray", "ray"), ("slurm", "submitit")])
def test_a_missing_package(name: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(MissingExtraError) as raised:
        make_engine(name, 1)
    assert str(raised.value).endswith(f'{package!r}, which is not installed: pip install "robust-gym[{name}]"')
