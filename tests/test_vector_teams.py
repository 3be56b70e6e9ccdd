"""Teams in a batch: the building's copies, the evaluation of its grid and its collection, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import robust_gym
from robust_gym import registry
from robust_gym.disruption import Disruption, DisruptionError
from robust_gym.splits import task_protocol
from robust_gym.vector.grid import BatchedGrid
from robust_gym.vector.simulator import is_batched
from robust_gym.vector.slots import EpisodeBatch
from robust_gym.vector.worlds import Worlds

ID = "Robust-Building-v0"
pytestmark = pytest.mark.skipif(bool(registry.task(ID).missing()), reason="needs SustainGym")

WORLDS = [
    "none",
    "dynamics:0.3",
    "dynamics:city:tampa+dynamics:season:late",
    "dynamics:internal_gain:500+dynamics:initial_temperature:4",
    "dynamics:outdoor_temperature:-10..10~p=0.3",
    "dynamics:0.6~ramp=50",
    "dynamics:redraw:0.2,9",
]
TEAM_KINDS = [
    "action:traitor:0.5",
    "action/zone_1:sticky:0.5+action:random:0.2~steps=10..50",
    "action:swap:1+obs:freeze:0.1,4+obs/zone_3:bias:0.5+dynamics:redraw:0.2,40",
    "obs/zone_1:gauss:0.4",
    "obs/zone_0,zone_2:gauss:0.3+obs/zone_0:delay:2",
    "obs:delay:3~p=0.5+obs:gauss:0.1",
    "reward:0.5+obs:jitter:3",
]


class Controller:
    """A team's policy that remembers: a proportional controller of its zone, and of what it did before."""

    def act(self, observation: Any, state: Any, episode_start: np.ndarray) -> tuple[Any, Any]:
        """Choose actions 0 to 199."""
        before = dict.fromkeys(observation, 100) if state is None else state
        actions = {}
        for agent, seen in observation.items():
            last = np.where(episode_start, 100, before[agent])
            wanted = 100 + 15 * (22 - seen[:, 0]) + (22 - seen[:, 1]) + 0.1 * (last - 100)
            actions[agent] = np.clip(wanted, 0, 199).astype(np.int64)
        return actions, actions

    def save(self, directory: Any) -> None:
        """Nothing."""


def episodes(batch: Any) -> dict[tuple[str, int], tuple[float, int]]:
    """Run all episodes under the controller."""
    found, state = {}, None
    while batch.running:
        actions, state = Controller().act(batch.observation, state, batch.episode_start)
        for one in batch.step(actions):
            found[one.disruption, one.seed] = one.total, one.length
    batch.close()
    return found


def both(jobs: Sequence[tuple[str, Sequence[int]]], slots: int) -> tuple[Any, Any]:
    """Run episodes in one batch, and in environments of their own."""
    task = registry.task(ID)
    slow = EpisodeBatch(task, jobs, lambda text: robust_gym.make(ID, disruption=text), slots)
    return episodes(BatchedGrid(task, jobs, slots)), episodes(slow)


def test_copies_are_the_environments() -> None:
    worlds = Worlds(registry.task(ID), len(WORLDS))
    envs = [robust_gym.make(ID, disruption=text) for text in WORLDS]
    for copy, text in enumerate(WORLDS):
        worlds.disturb(copy, Disruption.parse(text))
    rng = np.random.default_rng(0)
    for _ in range(2):
        seeds = [int(seed) for seed in rng.integers(1000, size=len(WORLDS))]
        worlds.renew(np.arange(len(WORLDS)), seeds)
        seen = [env.reset(seed=seed)[0] for env, seed in zip(envs, seeds, strict=True)]
        for t in range(288):
            ours, states = worlds.observe(), worlds.simulator.state()
            for copy, one in enumerate(seen):
                assert all(np.array_equal(one[agent], ours[agent][copy]) for agent in worlds.agents), (t, copy)
                assert np.array_equal(envs[copy].state(), states[copy]), (t, copy)
            actions = {agent: rng.integers(200, size=len(WORLDS)) for agent in worlds.agents}
            # Copies that rest stay as they are.
            live = None if t % 7 else np.arange(0, len(WORLDS), 2)
            if live is not None:
                rewards, *_ = worlds.advance({agent: many[:] for agent, many in actions.items()}, live)
                rest = [copy for copy in range(len(WORLDS)) if copy not in live]
                later, *_ = worlds.advance(actions, np.array(rest))
                rewards[rest] = later[rest]
            else:
                rewards, *_ = worlds.advance(actions)
            for copy, env in enumerate(envs):
                seen[copy], told, *_ = env.step({agent: int(actions[agent][copy]) for agent in worlds.agents})
                assert list(told.values()) == rewards[copy].tolist(), (t, copy)
    worlds.close_extras()


def test_stacks_of_matrices_multiply_as_single_ones() -> None:
    # What the simulator stands on; were it to fail on some machine, so would the tests around it.
    rng = np.random.default_rng(1)
    for _ in range(100):
        A, BD = rng.standard_normal((64, 6, 6)), rng.standard_normal((64, 6, 10))
        x, y = rng.standard_normal((64, 6)).astype(np.float32), rng.standard_normal((64, 10))
        together = A @ x[:, :, None] + BD @ y[:, :, None]
        alone = np.stack([a @ u + b @ v for a, b, u, v in zip(A, BD, x, y, strict=True)])
        assert np.array_equal(together[:, :, 0], alone)
        dots = (x[:, None, :] @ x[:, :, None])[:, 0, 0]
        assert np.array_equal(dots, np.array([one.dot(one) for one in x]))


def test_actions_outside_the_space_are_refused() -> None:
    worlds = Worlds(registry.task(ID), 2)
    worlds.renew(np.arange(2), [0, 1])
    actions = {agent: np.array([100, 100]) for agent in worlds.agents}
    actions["zone_3"] = np.array([100, 200])
    with pytest.raises(
        ValueError, match=r"the action of 'zone_3' must be a whole number 0 to 199, got 200 \(in copy 1"
    ):
        worlds.advance(actions)
    worlds.advance(actions, np.array([0]))
    worlds.close_extras()


def test_the_whole_grid_is_the_slow_loop() -> None:
    protocol = task_protocol(ID, "v1")
    jobs = [(text, protocol.seeds[:2]) for split in protocol.splits for text in split.disruptions]
    together, alone = both(jobs, 64)
    assert len(alone) == 2 * len(jobs)
    assert together == alone


@pytest.mark.parametrize("slots", [5, 64])
def test_kinds_of_teams_are_the_slow_loop(slots: int) -> None:
    together, alone = both([(text, [1, 2, 3]) for text in TEAM_KINDS], slots)
    assert together == alone
    assert len(set(together.values())) == len(together)


def test_dummy_dimensions_are_the_slow_loop() -> None:
    together, alone = both([("obs:dummy:3", [1]), ("obs:dummy:3+obs/zone_2:gauss:0.2", [1, 2])], 4)
    assert together == alone


def test_evaluation_takes_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_batched(registry.task(ID))
    monkeypatch.setattr("robust_gym.vector.slots.EpisodeBatch", None)
    result = robust_gym.evaluate(Controller(), ID, disruptions=["none", "dynamics:city:tampa"], episodes=2)
    assert [one.lengths for one in result.results] == [(288, 288), (288, 288)]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["obs/zone_7:gauss:0.1"], "has no agent 'zone_7'.*zone_0, zone_1"),
        (["action:gauss:0.1"], "cannot honour 'action:gauss:0.1'"),
        (["obs:silence:0.1"], "cannot honour 'observation:silence:0.1'"),
        (["none", "obs/zone_1:dummy:2"], "give observations of different shapes"),
    ],
)
def test_what_cannot_be_honoured_is_refused(texts: list[str], message: str) -> None:
    with pytest.raises(DisruptionError, match=message):
        BatchedGrid(registry.task(ID), [(text, [0]) for text in texts])


@pytest.mark.parametrize("id", [id for id in robust_gym.list_tasks("mamujoco") if is_batched(registry.task(id))])
@pytest.mark.filterwarnings("ignore")  # a world may become unstable, which MuJoCo tells either way
def test_a_robots_team_in_a_batch_is_one_by_one(id: str) -> None:
    task = registry.task(id)
    worlds = ["none", "dynamics:0.3", "dynamics:0.4~ramp=50", "dynamics:redraw:0.2,9", "dynamics:gravity:1.4"]
    if "gravity" not in task.dynamics:
        worlds.pop()
    together = Worlds(task, len(worlds))
    singles = [robust_gym.make(id, disruption=text) for text in worlds]
    for copy, text in enumerate(worlds):
        together.disturb(copy, Disruption.parse(text))
    together.renew(np.arange(len(worlds)), list(range(len(worlds))))
    seen = [env.reset(seed=copy)[0] for copy, env in enumerate(singles)]
    rng = np.random.default_rng(0)
    over = np.zeros(len(worlds), bool)
    for _ in range(task.horizon):
        ours = together.observe()
        for copy in np.flatnonzero(~over):
            assert all(np.array_equal(ours[agent][copy], one) for agent, one in seen[copy].items())
        actions = {
            agent: rng.uniform(-1, 1, (len(worlds), *space.shape)).astype(space.dtype)
            for agent, space in together.action_spaces.items()
        }
        rewards, terminated, truncated, _ = together.advance(actions, np.flatnonzero(~over))
        for copy in np.flatnonzero(~over):
            seen[copy], told, ends, cuts, _ = singles[copy].step({agent: one[copy] for agent, one in actions.items()})
            assert list(told.values()) == rewards[copy].tolist()
            assert {*ends.values()} == {bool(terminated[copy])}
            assert {*cuts.values()} == {bool(truncated[copy])}
        over |= terminated | truncated
        if over.all():
            break
    together.close_extras()


def test_the_grid_of_a_robots_team_is_the_loop() -> None:
    id = "Robust-MaHopper3x1-v0"
    task = registry.task(id)
    if task.missing():
        pytest.skip("not installed")

    class Policy:
        def act(self, observation: Any, state: Any, episode_start: np.ndarray) -> tuple[Any, Any]:
            return {agent: np.tanh(seen[:, -1:]).astype(np.float32) for agent, seen in observation.items()}, None

        def save(self, directory: Any) -> None:
            """Nothing."""

    texts = ["none", "dynamics:0.3+obs:gauss:0.1", "obs/agent_1:delay:2+action:traitor:0.5", "action:gauss:0.2~p=0.5"]
    jobs = [(text, [1, 2, 3]) for text in texts]
    found = []
    for make in (
        lambda: BatchedGrid(task, jobs, 8),
        lambda: EpisodeBatch(task, jobs, lambda text: robust_gym.make(id, disruption=text), 8),
    ):
        batch, policy, episodes = make(), Policy(), {}
        while batch.running:
            actions, _ = policy.act(batch.observation, None, batch.episode_start)
            for one in batch.step(actions):
                episodes[one.disruption, one.seed] = one.total, one.length
        batch.close()
        found.append(episodes)
    assert found[0] == found[1]
    assert len(found[0]) == 12


def test_robots_whose_agents_see_more_are_not_batched() -> None:
    for id in ("Robust-MaCoupledHalfCheetah1p1-v0", "Robust-MaReacher2x1-v0", "Robust-MaSafetyAnt2x4Velocity-v0"):
        assert not is_batched(registry.task(id))
