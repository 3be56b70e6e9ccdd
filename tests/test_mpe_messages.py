"""Messages between agents: which dimensions hold them, their loss, and disruptions of some agents only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from mpe_rollouts import EACH, TASKS, make, random_actions

import robust_gym
from robust_gym.disruption import DisruptionError
from robust_gym.tasks._mpe_env import Particles

SPEAKING = pytest.mark.parametrize("task", [t for t in TASKS if t.messages], ids=[t.id for t in TASKS if t.messages])


def heard(task: Any, env: Any, agent: str) -> set[int]:
    """Return the dimensions of an agent's observation that hold messages, counted from the front."""
    length = env.observation_space(agent).shape[0]
    return {dimension % length for dimension in task.messages.get(agent, ())}


def saying(env: Particles, agent: str, action: Any, number: int) -> Any:
    """Return an agent's action with another message: one symbol, or one number of a continuous message."""
    particle = next(one for one in env.world.agents if one.name == agent)
    if isinstance(env.action_space(agent), spaces.Discrete):
        moves = 5 if particle.movable else 1
        return action % moves + moves * number
    message = np.zeros(env.world.dim_c, np.float32)
    message[number] = 1.0
    return np.concatenate((action[: -env.world.dim_c], message))


@EACH
def test_exactly_the_dimensions_noted_hear_what_others_say(task: Any) -> None:
    env = make(task)
    speakers = [particle.name for particle in env.world.agents if not particle.silent]
    assert bool(speakers) == bool(task.messages)
    changed: dict[str, set[int]] = {agent: set() for agent in env.possible_agents}
    for seed in range(3):
        base = random_actions(env, seed, steps=1)[0]
        for speaker in speakers:
            seen = []
            for number in range(env.world.dim_c):
                env.reset(seed=seed)
                said = {**base, speaker: saying(env, speaker, base[speaker], number)}
                seen.append(env.step(said)[0])
            for agent in env.possible_agents:
                if agent != speaker:  # what an agent said itself is no message of others
                    differs = np.any([one[agent] != seen[0][agent] for one in seen], axis=0)
                    changed[agent] |= set(np.flatnonzero(differs).tolist())
    assert changed == {agent: heard(task, env, agent) for agent in env.possible_agents}


def test_they_stay_at_the_end_of_a_world_of_another_size() -> None:
    env: Any = robust_gym.make_parallel("Robust-MPEWorldComm-v0", disruption="obs:silence:1", num_good=3)
    plain: Any = robust_gym.make_parallel("Robust-MPEWorldComm-v0", num_good=3)
    assert env.observation_space("adversary_0").shape != (34,)
    for told, true in _played(env, plain):
        assert not told["adversary_0"][-4:].any()
        assert np.array_equal(told["adversary_0"][:-4], true["adversary_0"][:-4])


def _played(env: Any, plain: Any, seed: int = 3) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Return the disturbed and the true observations of an episode."""
    first = (env.reset(seed=seed)[0], plain.reset(seed=seed)[0])
    return [first, *((env.step(one)[0], plain.step(one)[0]) for one in random_actions(plain, seed))]


@SPEAKING
def test_silence_zeroes_exactly_the_messages(task: Any) -> None:
    env: Any = robust_gym.make_parallel(task.id, disruption="obs:silence:1")
    plain: Any = robust_gym.make_parallel(task.id)
    spoken = dict.fromkeys(task.messages, False)
    for told, true in _played(env, plain):
        for agent, seen in told.items():
            messages = sorted(heard(task, plain, agent))
            expected = true[agent].copy()
            expected[messages] = 0.0
            assert np.array_equal(seen, expected)
            if messages:
                spoken[agent] |= bool(true[agent][messages].any())
    assert all(spoken.values())


def test_silence_comes_and_goes_as_a_whole_with_its_probability() -> None:
    env: Any = robust_gym.make_parallel("Robust-MPEReferenceContinuous-v0", disruption="obs:silence:0.3")
    plain: Any = robust_gym.make_parallel("Robust-MPEReferenceContinuous-v0")
    lost = {agent: [] for agent in plain.possible_agents}
    for seed in range(20):
        for told, true in _played(env, plain, seed)[1:]:
            for agent, seen in told.items():
                same = seen[-10:] == true[agent][-10:]
                assert same.all() or not seen[-10:].any()
                lost[agent].append(not same.all())
    # 500 steps: three standard deviations of the frequency are 0.061.
    for losses in lost.values():
        assert np.mean(losses) == pytest.approx(0.3, abs=0.062)
    assert lost["agent_0"] != lost["agent_1"]


@pytest.mark.parametrize(
    ("id", "disruption", "message"),
    [
        (
            "Robust-MPESpread-v0",
            "obs:silence:0.5",
            "Robust-MPESpread-v0 cannot honour 'observation:silence:0.5': its observations hold no messages of other "
            "agents; the observation kinds it supports are ",
        ),
        (
            "Robust-CartPole-v0",
            "obs:silence@3",
            "Robust-CartPole-v0 cannot honour 'observation:silence@3': its observations hold no messages of other ",
        ),
        (
            "Robust-MPESpeakerListener-v0",
            "obs/speaker_0:silence:0.5",
            "silence needs messages of other agents, and this observation holds none",
        ),
        (
            "Robust-CartPole-v0",
            "action:traitor:0.5",
            "Robust-CartPole-v0 cannot honour 'action:traitor:0.5': it has one agent; the action kinds it supports ",
        ),
        (
            "Robust-MPESpread-v0",
            "obs/agent_0,agnt_1:gauss:0.1",
            "Robust-MPESpread-v0 has no agent 'agnt_1' (in 'observation/agent_0,agnt_1:gauss:0.1'); agents are "
            "agent_0, agent_1, agent_2. Did you mean 'agent_1'?",
        ),
    ],
)
def test_who_lacks_it_refuses_in_one_line(id: str, disruption: str, message: str) -> None:
    with pytest.raises(DisruptionError) as error:
        robust_gym.make(id, disruption=disruption)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def _told(disruption: str, seed: int, id: str = "Robust-MPESpread-v0") -> tuple[list[dict], list[dict]]:
    """Return the agents' actions, and those that reached the world, in an episode of a seed."""
    env: Any = robust_gym.make_parallel(id, disruption=disruption)
    reached: list[dict[str, Any]] = []
    base, step = env.unwrapped, env.unwrapped.step
    base.step = lambda actions: (reached.append(dict(actions)), step(actions))[1]
    env.reset(seed=seed)
    wanted = random_actions(base, seed)
    for actions in wanted:
        env.step(actions)
    return wanted, reached


@pytest.mark.parametrize("id", ["Robust-MPESpread-v0", "Robust-MPESpreadContinuous-v0"])
def test_one_agent_an_episode_is_the_traitor(id: str) -> None:
    traitors = []
    for seed in range(12):
        wanted, reached = _told("action:traitor:1", seed, id)
        false = [
            {agent for agent in want if not np.array_equal(want[agent], got[agent])}
            for want, got in zip(wanted, reached, strict=True)
        ]
        assert all(one == false[0] for one in false)
        assert len(false[0]) == 1
        traitors.append(false[0].pop())
    assert set(traitors) == {"agent_0", "agent_1", "agent_2"}
    assert _told("action:traitor:1", 4, id)[1][0].keys() == {"agent_0", "agent_1", "agent_2"}


def test_the_seed_chooses_the_traitor_and_what_it_does() -> None:
    for seed in (1, 2):
        first, second = (_told("action:traitor:0.5", seed)[1] for _ in range(2))
        assert first == second


def test_some_agents_each_with_noise_of_its_own() -> None:
    env: Any = robust_gym.make_parallel("Robust-MPESpread-v0", disruption="obs/agent_0,agent_2:gauss:0.1")
    plain: Any = robust_gym.make_parallel("Robust-MPESpread-v0")
    first, second = [], []
    for told, true in _played(env, plain):
        assert np.array_equal(told["agent_1"], true["agent_1"])
        first.append(told["agent_0"] - true["agent_0"])
        second.append(told["agent_2"] - true["agent_2"])
    assert all((noise != 0).all() for noise in (*first, *second))
    assert abs(np.corrcoef(np.ravel(first), np.ravel(second))[0, 1]) < 0.2
