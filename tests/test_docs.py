"""The documentation says what is true: its code runs, its output is what happens, its lists are complete."""

from __future__ import annotations

import base64
import dataclasses
import doctest
import importlib
import io
import pkgutil
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import gymnasium as gym
import numpy as np
import pytest
from PIL import Image

import robust_gym
from robust_gym import kinds, registry
from robust_gym.baselines.base import create, load_policy
from robust_gym.conformance import check_task
from robust_gym.evaluate import evaluate
from robust_gym.schedule import SCHEDULES
from robust_gym.splits import task_protocol
from robust_gym.task import Budget

ROOT = Path(__file__).parents[1]
DOCS, EXAMPLES = ROOT / "docs", ROOT / "examples"
sys.path.insert(0, str(DOCS))

import blocks  # noqa: E402
import generate  # noqa: E402
import tables  # noqa: E402
from generate import algorithms, images, pictures  # noqa: E402
from generate.disruptions import PICTURED  # noqa: E402

QUICK = {"concepts.md", "protocol.md"}
PAGES = [
    pytest.param(path, id=str(path.relative_to(DOCS)), marks=[] if path.name in QUICK else pytest.mark.slow)
    for path in sorted(DOCS.rglob("*.md"))
    if any(block.info in ("python", "console") for block in blocks.blocks(path.read_text(encoding="utf-8")))
]


def _modules_with_examples() -> list[str]:
    found = []
    for module in pkgutil.walk_packages(robust_gym.__path__, "robust_gym."):
        path = ROOT / (module.name.replace(".", "/") + ("/__init__" if module.ispkg else "") + ".py")
        if ">>> " in path.read_text(encoding="utf-8"):
            found.append(module.name)
    return found


@pytest.mark.parametrize("name", _modules_with_examples())
def test_examples_in_docstrings(name: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(name))
    assert tried
    assert not failed


@pytest.mark.parametrize("path", PAGES)
def test_page_shows_what_happens(path: Path) -> None:
    shown = blocks.outputs(path.read_text(encoding="utf-8"))
    problems = [problem for block, happened in shown if (problem := blocks.differs(block, happened))]
    assert not problems, f"{problems[0]}\npython docs/blocks.py --write {path.relative_to(ROOT)}"


def test_a_page_that_lies_is_found() -> None:
    page = '```python\nprint(40 + 2, "apples")\n```\n\n```text title="Output{}"\n{}\n```\n'
    differences = []
    for extra, shown in (("", "42 apples"), ("", "43 apples"), (" (varies)", "43 apples"), ("", "42 pears")):
        ((block, happened),) = blocks.outputs(page.format(extra, shown))
        differences.append(blocks.differs(block, happened) is not None)
    assert differences == [False, True, False, True]
    assert "42 apples" in blocks.renewed(page.format("", "nothing"))
    with pytest.raises(blocks.PageError, match="ZeroDivisionError"):
        blocks.outputs("```python\n1 / 0\n```\n")
    with pytest.raises(blocks.PageError, match="exits with 3"):
        blocks.outputs("```console\n$ exit 3\n```\n")
    with pytest.raises(blocks.PageError, match="nothing shows the output"):
        blocks.outputs("```python\nprint(1)\n```\n")


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Import an example, and leave no trace of what it registers."""
    registry.list_tasks()
    registry.list_algorithms()
    for module, name in ((registry, "_tasks"), (registry, "_algorithms"), (kinds, "_KINDS")):
        monkeypatch.setattr(module, name, dict(getattr(module, name)))
    monkeypatch.syspath_prepend(EXAMPLES)
    environments, modules = set(gym.registry), set(sys.modules)
    yield importlib.import_module
    for id in set(gym.registry) - environments:
        del gym.registry[id]
    for name in set(sys.modules) - modules:
        if (EXAMPLES / f"{name}.py").exists():
            del sys.modules[name]


def test_example_task(example: Callable[[str], ModuleType]) -> None:
    my_task = example("my_task")
    findings = check_task(my_task.TANK.id)
    assert all(finding.ok for finding in findings), findings
    held = evaluate(my_task.controller, my_task.TANK.id, splits=["id"]).summary()["id"]
    idle = evaluate(lambda observation: np.zeros(1, np.float32), my_task.TANK.id, splits=["id"]).summary()["id"]
    assert held > idle / 4


def test_scales_of_the_example_task(example: Callable[[str], ModuleType]) -> None:
    """They are typed into the example, so they are measured here."""
    task = example("my_task").TANK
    env = robust_gym.make(task.id)
    env.action_space.seed(0)
    observations, rewards = [], []
    for seed in range(30):
        observation, _ = env.reset(seed=seed)
        for _ in range(task.horizon):
            observations.append(observation)
            observation, reward, *_ = env.step(env.action_space.sample())
            rewards.append(reward)
    assert np.std(observations, axis=0) == pytest.approx(task.observation_scale, rel=0.2)
    assert np.std(rewards) == pytest.approx(task.reward_scale, rel=0.2)


def test_example_disruption(example: Callable[[str], ModuleType]) -> None:
    example("my_disruption")
    env = robust_gym.make("Robust-Pendulum-v0", disruption="action:slew:0.1")
    env.reset(seed=0)
    for step in range(1, 4):
        env.step(np.array([2.0], np.float32))
        assert env.unwrapped.last_u == pytest.approx(0.2 * step)  # a tenth of half the range [-2, 2]
    findings = check_task("Robust-Pendulum-v0")
    assert all(finding.ok for finding in findings), findings


def test_example_algorithm(example: Callable[[str], ModuleType], tmp_path: Path) -> None:
    example("my_algorithm")
    task = robust_gym.task("Robust-CartPole-v0")
    used: list[int] = []
    policies = [create("random-search").train(task, Budget("tiny", 4_000, 2), 3, used.append) for _ in range(2)]
    assert max(used) <= 4_000
    assert np.array_equal(policies[0].weights, policies[1].weights)
    policies[0].save(tmp_path)
    loaded = load_policy(tmp_path)
    batch, new = np.linspace(-1, 1, 12).reshape(3, 4), np.ones(3, bool)
    assert np.array_equal(policies[0].act(batch, None, new)[0], loaded.act(batch, None, new)[0])
    learnt = evaluate(loaded, task.id, splits=["id"]).summary()["id"]
    assert learnt > 2 * evaluate(lambda observation: 0, task.id, splits=["id"]).summary()["id"]


def test_the_example_algorithm_says_what_it_needs(example: Callable[[str], ModuleType]) -> None:
    example("my_algorithm")
    info = registry.algorithm("random-search")
    for id in ("Robust-CarRacing-v0", "Robust-FrozenLake-v0", "Robust-FetchReach-v0"):
        assert "random-search trains on box observations" in (info.refuses(robust_gym.task(id)) or "")
    absent = dataclasses.replace(info, modules=tuple(f"no_{name}" for name in info.modules))
    assert (absent.missing() or "").endswith('not installed: pip install "robust-gym[torch]"')


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return generate.pages()


def test_every_task_has_its_page(pages: dict[str, str]) -> None:
    for id in robust_gym.list_tasks():
        task = registry.task(id)
        section = pages[f"tasks/{task.family}/{id.lower()}.md"]
        assert f"[`{id}`]({task.family}/{id.lower()}.md)" in pages[f"tasks/{task.family}.md"]
        assert f"({task.family}.md)" in pages["tasks/index.md"]
        wanted = [*task.dynamics, *task.semantic, task_protocol(id).sha256]
        assert [name for name in wanted if f"`{name}`" not in section] == []
        for split in task_protocol(id).splits:
            assert all(f"`{text}`" in section for text in (split.name, *split.disruptions))


def test_every_kind_has_its_section(pages: dict[str, str]) -> None:
    for kind in kinds.kinds():
        page = pages[f"disruptions/{kind.channel}.md"]
        assert f"\n## {kind.name}\n" in page
        assert kind.usage in page
        assert f"({kind.channel}.md#{kind.name})" in pages["disruptions/index.md"]


def test_every_algorithm_has_its_page(pages: dict[str, str]) -> None:
    for name in robust_gym.list_algorithms():
        assert f"({name}.md)" in pages["algorithms/index.md"]
        for field in dataclasses.fields(registry.algorithm(name).cls):
            assert f"| `{field.name}` |" in pages[f"algorithms/{name}.md"]


@pytest.mark.parametrize("name", robust_gym.list_algorithms())
def test_every_argument_is_described(name: str) -> None:
    cls = registry.algorithm(name).cls
    described = algorithms.descriptions(cls)
    assert [field.name for field in dataclasses.fields(cls) if not described.get(field.name)] == []


def test_every_command_is_on_its_page(pages: dict[str, str]) -> None:
    sections = re.findall(r"^## (\w+)$", pages["reference/command-line.md"], flags=re.MULTILINE)
    listed = ["ls", "show", "bench", "eval", "leaderboard", "validate", "dataset", "status", "merge", "doctor"]
    assert sections == [*listed, "compare", "plot", "replay", "submit", "verify"]


def test_every_schedule_is_explained(pages: dict[str, str]) -> None:
    assert list(PICTURED) == list(SCHEDULES)
    for schedule in SCHEDULES.values():
        assert f"| `{schedule.example}` |" in pages["disruptions/index.md"]


def test_every_preset_is_explained(pages: dict[str, str]) -> None:
    for preset in kinds.PRESETS.values():
        assert f"| `{preset.name}` |" in pages["disruptions/index.md"]


def test_every_picture_shows_an_effect() -> None:
    drawn = {kind.usage: pictures.of_kind(kind) for kind in kinds.kinds() if "image" not in kind.spaces}
    drawn |= {example: pictures.of_schedule(example) for example in PICTURED.values()}
    for name, picture in drawn.items():
        lines = re.findall(r'points="([^"]*)"', picture)
        assert len(lines) >= 2, name
        assert len(set(lines)) == len(lines), f"{name}: two lines of the picture are the same"


def test_every_picture_of_an_image_shows_an_effect() -> None:
    for kind in kinds.kinds("observation"):
        if "image" in kind.spaces:
            data = re.search(r'src="data:image/png;base64,([^"]*)"', pictures.of_kind(kind))
            assert data is not None
            shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(data[1]))).convert("RGB"))
            half = images.card().shape[1]
            assert np.array_equal(shown[:, :half], images.card())
            assert not np.array_equal(shown[:, -half:], images.card()), kind.name


README = """# Title
<!-- tasks:begin -->
<!-- tasks:end -->
between
<!-- disruptions:begin -->
old
<!-- disruptions:end -->
"""


def test_readme_tables() -> None:
    new = tables.renewed(README)
    assert tables.renewed(new) == new
    assert "old" not in new
    assert "\nbetween\n" in new
    rows = re.findall(r"^\| [^|*]+ \| (\d+) \| ([^|]*) \|", new, re.MULTILINE)
    assert sum(int(count) for count, _ in rows) == len(robust_gym.list_tasks())
    names = {name for _, cell in rows for name in cell.removesuffix(", …").split(", ")}
    assert {f"Robust-{name}-v0" for name in names} <= set(robust_gym.list_tasks())
    assert all(f"`{kind.usage.partition(':')[2]}`" in new for kind in kinds.kinds())
    with pytest.raises(ValueError, match="tasks:begin"):
        tables.renewed("nothing")


def test_readme_tables_on_the_command_line(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(README)

    def run(action: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(DOCS / "tables.py"), action, str(readme)], capture_output=True, text=True
        )

    stale = run("--check")
    assert stale.returncode == 1
    assert "out of date" in stale.stderr
    assert run("--write").returncode == 0
    assert run("--check").returncode == 0


@pytest.mark.slow
def test_the_site_is_whole_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    # Not with --quiet, under which --strict does not hear of warnings.
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for page in tmp_path.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loads = re.findall(r'<(?:script|img|iframe|source)[^>]*\ssrc="?([^">\s]+)', text)
        loads += re.findall(r'<link[^>]*rel="?(?:stylesheet|preconnect|icon)[^>]*href="?([^">\s]+)', text)
        assert [url for url in loads if re.match(r"(https?:)?//", url)] == [], page
