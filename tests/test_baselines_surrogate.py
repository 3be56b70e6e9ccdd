"""The parts of IPPO and MAPPO: rollouts, advantages, distributions and the scale of the returns."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import torch
from team_games import Signals
from vector_games import Targets, rollout_of

from robust_gym.baselines.ippo import IPPO
from robust_gym.baselines.marl.actors import Actors, Categorical, Gaussian
from robust_gym.baselines.marl.critics import OwnCritic, StateCritic
from robust_gym.baselines.marl.normaliser import RunningMoments
from robust_gym.baselines.marl.perceptrons import Perceptrons
from robust_gym.baselines.marl.surrogate import Surrogate, advantages
from robust_gym.baselines.marl.team import Team


def test_advantages_by_hand() -> None:
    # Two copies, three steps. The first meets a time limit after its second step, the second a termination; both are
    # cut off by the end of the rollout. gamma = 1/2, lambda = 1/2.
    rewards = torch.tensor([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
    values = torch.tensor([[[4.0, 4.0], [8.0, 8.0], [2.0, 2.0]]])
    cut = torch.tensor([[False, False], [True, True], [True, True]])
    terminated = torch.tensor([[False, False], [False, True], [False, False]])
    after = torch.tensor([[10.0, 99.0, 6.0, 6.0]])
    found = advantages(rewards, values, after, terminated, cut, 0.5, 0.5)
    last = 3 + 0.5 * 6 - 2  # = 4, and nothing of it reaches the episode before
    limit, end = 2 + 0.5 * 10 - 8, 2 - 8  # -1 and -6: 99 is not the future of a termination
    first = 1 + 0.5 * 8 - 4  # = 1
    expected = [[first + 0.25 * limit, first + 0.25 * end], [limit, end], [last, last]]
    assert found.tolist() == [expected]
    assert expected == [[0.75, -0.5], [-1.0, -6.0], [4.0, 4.0]]


def test_every_view_has_its_own_advantages() -> None:
    rng = torch.Generator().manual_seed(0)
    rewards, values = torch.rand(5, 3, generator=rng), torch.rand(2, 5, 3, generator=rng)
    cut = torch.rand(5, 3, generator=rng) < 0.4
    cut[-1] = True
    terminated = cut & (torch.rand(5, 3, generator=rng) < 0.5)
    after = torch.rand(2, int(cut.sum()), generator=rng)
    together = advantages(rewards, values, after, terminated, cut, 0.9, 0.8)
    for view in range(2):
        alone = advantages(rewards, values[view, None], after[view, None], terminated, cut, 0.9, 0.8)
        assert torch.equal(together[view], alone[0])
    # With lambda = 1 an advantage is a return of the episode minus the value.
    whole = advantages(rewards, values, after, terminated, cut, 0.9, 1.0) + values
    future = torch.zeros(2, 5, 3)
    future[:, cut] = after * ~terminated[cut]
    for step in range(4, -1, -1):
        later = whole[:, step + 1] if step < 4 else torch.zeros(2, 3)
        torch.testing.assert_close(whole[:, step], rewards[step] + 0.9 * torch.where(cut[step], future[:, step], later))


@pytest.mark.parametrize("ends", [False, True])
def test_time_limits_have_a_future_and_terminations_none(ends: bool) -> None:
    found, _, copies = rollout_of(lambda: Signals(length=3, ends=ends), 2, 7)
    assert found.cut.tolist() == [[step in (2, 5, 6)] * 2 for step in range(7)]
    assert found.terminated.tolist() == [[ends and step in (2, 5)] * 2 for step in range(7)]
    # What is seen after a step that is not cut is what is acted on next; after one that is, it is kept apart.
    assert found.views_after.shape == (2, 6, 3)
    assert torch.equal(found.views_after[:, 4:], torch.from_numpy(copies.look([0, 1], False)[0]).transpose(0, 1))
    assert not torch.equal(found.views_after[:, 0], found.views[:, 3, 0])  # a new episode, not the end of the old
    assert found.rewards.shape == (7, 2) and found.playing.all()


def test_agents_that_have_left_are_known() -> None:
    found, _, _ = rollout_of(Targets, 3, 8)
    assert found.playing[0].tolist() == [[step % 4 < 2] * 3 for step in range(8)]
    assert found.playing[1].all()
    assert (found.observations[0][~found.playing[0]] == 0).all()
    # The team's reward is the sum over those that are left, and the episode goes on until the last leaves.
    assert found.terminated.tolist() == found.cut.tolist() == [[step % 4 == 3] * 3 for step in range(8)]


def test_probabilities_are_those_of_the_actions_drawn() -> None:
    found, actors, _ = rollout_of(Signals, 4, 20)
    judged, entropy = actors.judge(found.observations.flatten(1, 2), found.actions.flatten(1, 2))
    torch.testing.assert_close(judged, found.log_probabilities.flatten(1, 2))
    # Untrained, the agents draw nearly uniformly from the three and the two actions that they have.
    sizes = torch.tensor([[3.0], [2.0]])
    torch.testing.assert_close(entropy, sizes.log().expand_as(entropy), rtol=0, atol=1e-2)
    assert set(found.actions[0].unique().tolist()) == {0, 1, 2} and set(found.actions[1].unique().tolist()) == {0, 1}


def test_categorical_draws_with_its_probabilities() -> None:
    head = Categorical(Team.of(Signals()))
    outputs = torch.tensor([[[0.0, 1.0, 2.0]], [[0.0, 1.0, 9.0]]]).expand(2, 20_000, 3)
    drawn, _ = head.sample(outputs, torch.Generator().manual_seed(0))
    share = torch.stack([torch.bincount(row, minlength=3) / 20_000 for row in drawn])
    expected = torch.stack([torch.softmax(torch.arange(3.0), 0), torch.softmax(torch.tensor([0, 1, -1e9]), 0)])
    torch.testing.assert_close(share, expected, rtol=0, atol=0.015)
    assert head.best(outputs)[:, 0].tolist() == [2, 1]  # the small agent has no third action


def test_gaussian_agrees_with_torch() -> None:
    team = Team(("a", "b"), (1, 1), (2, 1), 1, (((-1.0, 0.0), (1.0, 4.0)), ((-np.inf,), (np.inf,))))
    head = Gaussian(team, 2, 0.5)
    generator = torch.Generator().manual_seed(0)
    means = torch.randn(2, 6, 2, generator=generator)
    drawn, judged = head.sample(means, generator)
    density = torch.distributions.Normal(means, 0.5).log_prob(drawn)
    torch.testing.assert_close(judged, torch.stack([density[0].sum(-1), density[1, :, 0]]))
    entropy = head.judge(means, drawn)[1]
    one = torch.distributions.Normal(0.0, 0.5).entropy()
    torch.testing.assert_close(entropy, torch.stack([2 * one, one]).unsqueeze(1).expand(2, 6))
    # Units are halves of the space from its middle; without bounds they are those of the space.
    units = torch.tensor([[[0.5, 0.5]], [[7.0, 7.0]]])
    assert head.played(units).squeeze(1).tolist() == [[0.5, 3.0], [7.0, 0.0]]
    assert head.played(torch.full((2, 1, 2), -9.0)).squeeze(1).tolist() == [[-1.0, 0.0], [-9.0, 0.0]]


def test_scale_of_the_returns_leaves_values_alone() -> None:
    team = Team.of(Signals())
    critic = StateCritic(team, 8, torch.Generator().manual_seed(0))
    views = torch.randn(1, 10, team.state)
    before = critic.values(views)
    returns = torch.randn(1, 50) * 40 - 300
    critic.follow(returns[:, :20])
    critic.follow(returns[:, 20:])
    torch.testing.assert_close(critic.values(views), before, rtol=1e-4, atol=1e-3)
    assert critic.mean == pytest.approx(float(returns.mean()), rel=1e-5)
    assert critic.std == pytest.approx(float(returns.std(correction=0)), rel=1e-5)
    scaled = critic.scaled(returns)
    assert abs(float(scaled.mean())) < 1e-4 and float(scaled.std(correction=0)) == pytest.approx(1, rel=1e-4)


def test_moments_of_many_at_once() -> None:
    samples = np.random.default_rng(0).normal(3, 2, (50, 2, 3))
    one, many = RunningMoments((2, 3)), RunningMoments((2, 3))
    for sample in samples:
        one.add(sample)
    for part in np.split(samples, [1, 4, 30]):
        many.add_all(part)
    assert (many.count == 50).all()
    assert (one.count == 50).all()
    np.testing.assert_allclose(many.mean, one.mean)
    np.testing.assert_allclose(many.variance, one.variance)


def test_weights_are_orthogonal() -> None:
    made = Perceptrons(3, (5, 8, 8, 2), 0.01, torch.Generator().manual_seed(0))
    for weight, gain in zip(made.weights, (2.0, 2.0, 1e-4), strict=True):
        for one in weight:
            small = one @ one.T if len(one) <= len(one.T) else one.T @ one
            torch.testing.assert_close(small, gain * torch.eye(len(small)), atol=1e-5, rtol=0)
    assert not torch.equal(made.weights[0][0], made.weights[0][1])


def test_an_update_moves_only_agents_that_play_and_every_value() -> None:
    found, _, _ = rollout_of(Signals, 4, 10)
    team, generator = Team.of(Signals()), torch.Generator().manual_seed(0)
    actors, critic = Actors(team, False, 8, generator), OwnCritic(team, False, 8, generator)
    before = [copy.deepcopy(module.state_dict()) for module in (actors, critic)]
    playing = torch.zeros_like(found.playing)
    playing[1] = True
    Surrogate(actors, critic, IPPO(), generator).update(dataclasses.replace(found, playing=playing))
    for module, old, moves in zip((actors, critic), before, ([False, True], [True, True]), strict=True):
        first = "networks.perceptrons.weights.0"
        changed = (module.state_dict()[first] != old[first]).flatten(1).any(1)
        assert changed.tolist() == moves


@pytest.mark.parametrize("clip", [0.1, 0.2])
def test_an_update_prefers_what_was_better_up_to_the_clip(clip: float) -> None:
    found, actors, _ = rollout_of(Signals, 4, 50)
    better = found.actions[0] == 2  # the team is paid when the first agent takes its last action
    paid = dataclasses.replace(found, rewards=better.float(), cut=torch.ones_like(found.cut))
    paid = dataclasses.replace(paid, terminated=paid.cut, views_after=found.views.flatten(1, 2))
    critic = OwnCritic(actors.team, False, 8, torch.Generator().manual_seed(0))
    Surrogate(actors, critic, IPPO(entropy=0.0, clip=clip, epochs=300, minibatches=1), torch.Generator()).update(paid)
    with torch.no_grad():
        judged, _ = actors.judge(found.observations.flatten(1, 2), found.actions.flatten(1, 2))
    ratio = (judged - found.log_probabilities.flatten(1, 2)).exp()[0]
    torch.testing.assert_close(ratio[better.flatten()], torch.full((int(better.sum()),), 1 + clip), rtol=0, atol=0.01)
    assert float(ratio[~better.flatten()].mean()) < 1 - clip / 4
    assert critic.mean == pytest.approx(float(better.float().mean()), abs=1e-5)
