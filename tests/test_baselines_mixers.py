"""QMIX, QTRAN and no mixing at all: what they compute, what they can learn, and their robust variants."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from pettingzoo import ParallelEnv
from team_games import SIGNALS, Signals, games, returns

from robust_gym import registry
from robust_gym.baselines.base import create, load_policy, one_thread
from robust_gym.baselines.marl.backups import DualNetwork
from robust_gym.baselines.marl.copies import SeparateCopies
from robust_gym.baselines.marl.mixers import Independent, Mixer
from robust_gym.baselines.marl.networks import AgentNetworks
from robust_gym.baselines.marl.normaliser import RunningMoments
from robust_gym.baselines.marl.policy import TeamPolicy
from robust_gym.baselines.marl.qmix import QMIX
from robust_gym.baselines.marl.qtran import QTRAN
from robust_gym.baselines.marl.replay import Batch
from robust_gym.baselines.marl.team import Team
from robust_gym.baselines.marl.trainer import Trainer
from robust_gym.disruption import DisruptionError
from robust_gym.task import Budget

__all__ = ["games"]

# Son et al., QTRAN, ICML 2019, table 1a: the best joint action is punished unless both take it.
PAYOFFS = np.array([[8.0, -12.0, -12.0], [-12.0, 0.0, 0.0], [-12.0, 0.0, 0.0]])
TEAM = Team(("a", "b", "c"), (4, 2, 3), (3, 2, 3), 6)
NEW = ("iql", "qmix", "qtran", "robust-qmix", "robust-qmix-tv", "robust-qtran", "robust-qtran-tv")
BATCH = 40


class Matrix(ParallelEnv):
    """One step; the team is paid what the matrix says, half to each of its two agents."""

    metadata = {"name": "matrix"}
    possible_agents = ["row", "column"]

    def observation_space(self, agent: str) -> spaces.Box:
        return spaces.Box(0, 1, (1,), np.float32)

    def action_space(self, agent: str) -> spaces.Discrete:
        return spaces.Discrete(3)

    def _observe(self) -> dict[str, np.ndarray]:
        return {agent: np.ones(1, np.float32) for agent in self.possible_agents}

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        self.agents = list(self.possible_agents)
        return self._observe(), {agent: {} for agent in self.agents}

    def step(self, actions: dict[str, int]) -> tuple[Any, ...]:
        self.agents = []
        paid, over, cut = float(PAYOFFS[actions["row"], actions["column"]]) / 2, True, False
        told = (dict.fromkeys(actions, value) for value in (paid, over, cut))
        return (self._observe(), *told, {agent: {} for agent in actions})


def played(name: str, seed: int = 0, steps: int = 500, **arguments: Any) -> Trainer:
    """Train on the matrix, every joint action as often as any other."""
    common = {"hidden": 16, "replay_size": 1000, "batch_size": 32, "epsilon_end": 1.0, "learning_rate": 1e-2}
    with one_thread():
        trainer = Trainer(create(name, {**common, **arguments}), SeparateCopies([Matrix()]), steps, seed)  # type: ignore[arg-type]
        trainer.run(lambda step: None)
    return trainer


def decided(trainer: Trainer) -> float:
    """Return the payoff of the greedy individual actions."""
    row, column = trainer.learner.greedy(np.flatnonzero(trainer.replay.valid)[:1])[0]
    return float(PAYOFFS[row, column])


def train(name: str, steps: int = 300, seed: int = 0, **arguments: Any) -> TeamPolicy:
    arguments = {"hidden": 16, "replay_size": 1000, "batch_size": 32, **arguments}
    policy: TeamPolicy = create(name, arguments).train(SIGNALS, Budget("test", steps, 1), seed, lambda step: None)
    return policy


def same(one: TeamPolicy, other: TeamPolicy) -> bool:
    pairs = zip(one.networks.state_dict().values(), other.networks.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def networks(seed: int = 0) -> AgentNetworks:
    return AgentNetworks(TEAM, "mlp", 8, 1, generator(seed))


def transitions() -> Batch:
    """Draw transitions."""
    rng = np.random.default_rng(3)
    actions = rng.integers(np.array(TEAM.actions)[:, None], size=(TEAM.size, BATCH))
    last = rng.integers(np.array(TEAM.actions)[:, None, None], size=(TEAM.size, 1, BATCH))
    return Batch(
        np.arange(BATCH),
        torch.from_numpy(rng.normal(size=(TEAM.size, 1, BATCH, TEAM.width)).astype(np.float32)),
        torch.from_numpy(last + np.arange(TEAM.size)[:, None, None] * TEAM.choices),
        torch.from_numpy(actions),
        torch.from_numpy(rng.normal(size=BATCH).astype(np.float32)),
        torch.ones(BATCH),
        torch.from_numpy(rng.normal(size=(BATCH, TEAM.state)).astype(np.float32)),
    )


def qmix() -> QMIX:
    """Return a mixer whose weights are far from zero, of both signs before they are made absolute."""
    mixer = QMIX(TEAM, 8, generator())
    with torch.no_grad():
        for parameter in mixer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator(1)))
    return mixer


def qtran(opt_weight: float = 1.0, nopt_weight: float = 1.0) -> QTRAN:
    return QTRAN(TEAM, 8, 8, opt_weight, nopt_weight, generator())


def test_qmix_computes_what_the_paper_writes() -> None:
    mixer, batch = qmix(), transitions()
    assert batch.states is not None
    values = torch.randn(TEAM.size, BATCH, generator=generator(2))
    got = mixer(values, batch.states)
    for row in range(0, BATCH, 7):
        made = batch.states[row] @ mixer.weight + mixer.bias
        w1, b1, w2, v = made.split(mixer.sizes)
        hidden = torch.nn.functional.elu(values[:, row] @ w1.abs().view(TEAM.size, 8) + b1)
        expected = hidden @ w2.abs() + torch.relu(v) @ mixer.w_value[:, 0] + mixer.b_value[0]
        torch.testing.assert_close(got[row], expected, atol=1e-4, rtol=1e-4)


def test_qmix_is_monotone_in_every_value() -> None:
    mixer, batch = qmix(), transitions()
    values = torch.randn(TEAM.size, BATCH, generator=generator(2)).requires_grad_()
    (slopes,) = torch.autograd.grad(mixer(values, batch.states).sum(), values)
    assert (slopes >= 0).all() and (slopes > 0).float().mean() > 0.9
    # The slopes differ from state to state: the weights are the state's.
    assert slopes.std(-1).min() > 0


def test_greedy_individual_actions_are_jointly_greedy() -> None:
    mixer, batch = qmix(), transitions()
    values = torch.randn(TEAM.size, BATCH, TEAM.choices, generator=generator(7))
    values[1, :, 2] = -torch.inf  # the second agent has two actions
    joint = {}
    for actions in itertools.product(*map(range, TEAM.actions)):
        chosen = torch.stack([values[agent, :, action] for agent, action in enumerate(actions)])
        joint[actions] = mixer(chosen, batch.states).detach().numpy()
    assert len(joint) == 18
    best = np.max(list(joint.values()), 0)
    greedy = values.argmax(-1).T.tolist()
    assert len({tuple(actions) for actions in greedy}) > 10
    for row, actions in enumerate(greedy):
        assert joint[tuple(actions)][row] == best[row]


@pytest.mark.parametrize("make", [qmix, qtran])
def test_mixers_normalise_the_state(make: Any) -> None:
    mixer, moments = make(), RunningMoments((TEAM.state,))
    states = np.random.default_rng(0).normal(400, 100, (50, TEAM.state))
    for state in states:
        moments.add(state)
    mixer.follow(moments)
    (normaliser,) = [part for part in mixer.modules() if type(part).__name__ == "Normaliser"]
    assert normaliser(torch.from_numpy(states.astype(np.float32))).std(0).sub(1).abs().max() < 0.05


def test_the_losses_of_qtran() -> None:
    mixer, agents, batch = qtran(), networks(), transitions()
    features = agents.features(batch.observations, batch.last_actions)
    target = torch.randn(BATCH, generator=generator(4))
    td, opt, nopt = (loss.item() for loss in mixer.losses(agents, features, batch, target))
    values, total = agents.values(features), [0.0, 0.0, 0.0]
    assert batch.states is not None
    for row in range(BATCH):
        summed = features[:, row].sum(0, keepdim=True)
        v = mixer.value(batch.states[row : row + 1], summed)
        taken, greedy = batch.actions[:, row], values[:, row].argmax(-1)
        q = {name: mixer.joint(summed, u[:, None]) for name, u in (("taken", taken), ("greedy", greedy))}
        sums = {
            name: sum(values[agent, row, action] for agent, action in enumerate(u.tolist()))
            for name, u in (("taken", taken), ("greedy", greedy))
        }
        total[0] += (q["taken"] - target[row]).item() ** 2
        total[1] += (sums["greedy"] - q["greedy"] + v).item() ** 2
        total[2] += min((sums["taken"] - q["taken"] + v).item(), 0) ** 2
    np.testing.assert_allclose([td, opt, nopt], np.array(total) / BATCH, rtol=1e-4)
    assert min(td, opt, nopt) > 0


def test_only_the_first_loss_of_qtran_moves_the_joint_network() -> None:
    mixer, agents, batch = qtran(), networks(), transitions()
    for number, moves in enumerate((True, False, False)):
        features = agents.features(batch.observations, batch.last_actions)
        loss = mixer.losses(agents, features, batch, torch.ones(BATCH))[number]
        got = torch.autograd.grad(loss, [*mixer.joint.parameters()], allow_unused=True, retain_graph=True)
        assert all((one is not None) == moves for one in got)
        (individual,) = torch.autograd.grad(loss, [agents.w_value], allow_unused=True)
        assert (individual is None) == moves


def test_weights_of_the_losses() -> None:
    agents, batch = networks(), transitions()
    features = agents.features(batch.observations, batch.last_actions)
    target = torch.zeros(BATCH)
    td, opt, nopt = qtran().losses(agents, features, batch, target)
    weighed = qtran(0.5, 3.0).loss(agents, features, batch, target)
    torch.testing.assert_close(weighed, td + 0.5 * opt + 3 * nopt)


def test_no_agent_of_iql_learns_from_the_values_of_others() -> None:
    batch, mixer = transitions(), Independent(TEAM)
    target = torch.randn(TEAM.size, BATCH, generator=generator(5))
    gradients = []
    for other in (networks(0), networks(1)):
        mine = networks(0)
        with torch.no_grad():
            for name, parameter in mine.named_parameters():
                if len(parameter) != TEAM.size:  # rows of w_action, w_value and b_value, agent by agent
                    parameter[TEAM.choices :] = dict(other.named_parameters())[name][TEAM.choices :]
                else:
                    parameter[1:] = dict(other.named_parameters())[name][1:]
        features = mine.features(batch.observations, batch.last_actions)
        mixer.loss(mine, features, batch, target).backward()
        gradients.append(mine)
    one, two = gradients
    for (name, a), b in zip(one.named_parameters(), two.parameters(), strict=True):
        own = 1 if len(a) == TEAM.size else TEAM.choices
        assert a.grad is not None and b.grad is not None
        assert torch.equal(a.grad[:own], b.grad[:own]), name
        assert not torch.equal(a.grad[own:], b.grad[own:]), name


def test_iql_bootstraps_from_each_agent_s_own_value() -> None:
    trainer = played("iql", steps=100)
    slots = trainer.replay.sample(16, np.random.default_rng(0))
    agents = trainer.networks
    trainer.learner.copy_targets()
    values = agents.values(agents.features(*trainer.replay.windows(trainer.replay.after(slots)))).amax(-1).detach()
    got = trainer.learner.targets(slots)
    assert got.shape == (2, 16)
    torch.testing.assert_close(got, values, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("seed", [0, 1])
def test_qtran_finds_what_monotone_mixers_cannot_represent(seed: int) -> None:
    for name in ("vdn", "qmix", "iql"):
        assert decided(played(name, seed)) == 0
    qtran = played("qtran", seed, optimiser="adam", reward_scale=1.0)
    assert decided(qtran) == 8
    slot = np.flatnonzero(qtran.replay.valid)[:1]
    summed = qtran.networks.features(*qtran.replay.windows(slot)).sum(0).expand(9, -1)
    joint = qtran.learner.mixer.joint(summed, torch.cartesian_prod(torch.arange(3), torch.arange(3)).t())  # type: ignore[operator, union-attr]
    np.testing.assert_allclose(joint.detach().view(3, 3), PAYOFFS, atol=1.5)


def test_robust_qtran_finds_it_too() -> None:
    assert decided(played("robust-qtran", rho=0.1, steps=400)) == 8
    assert decided(played("robust-qtran-tv", rho=0.1, update_every=2, updates=1, steps=400)) == 8


@pytest.mark.parametrize("mixer", ["qmix", "qtran"])
def test_contamination_is_the_standard_backup_with_a_smaller_discount(games: None, mixer: str) -> None:
    name = f"robust-{mixer}"
    plain = train(mixer, steps=120, gamma=0.9)
    assert same(train(name, steps=120, gamma=0.9, rho=0.0), plain)
    robust = train(name, steps=120, gamma=0.9, rho=0.3)
    assert not same(robust, plain) and same(robust, train(mixer, steps=120, gamma=0.9 * (1 - 0.3)))
    assert not same(robust, train(name, steps=120, gamma=0.9, rho=0.3, worst_value=-1.0))


@pytest.mark.parametrize("mixer", ["qmix", "qtran"])
def test_total_variation_without_uncertainty_is_the_standard_backup(games: None, mixer: str) -> None:
    name = f"robust-{mixer}-tv"
    trained = {rho: train(name, rho=rho, steps=120) for rho in (0.0, 0.5)}
    assert not same(trained[0.0], trained[0.5])
    made = create(name, {"rho": 0.0, "hidden": 8, "gamma": 0.9})
    backup = made.make_backup(TEAM, generator())  # type: ignore[attr-defined]
    batch, values = transitions(), torch.rand(BATCH, generator=generator(6)) + 5
    features = networks().features(batch.observations, batch.last_actions).detach()
    # At rho = 0 every g that is at least V' is optimal, and its target is the standard one.
    with torch.no_grad():
        backup.dual.head[-1].bias.fill_(100.0)
    expected = batch.rewards + 0.9 * values
    torch.testing.assert_close(backup.target(batch, values, features), expected, atol=1e-4, rtol=1e-5)


def test_the_dual_network_reads_what_the_joint_network_reads() -> None:
    for name, reads in (("robust-vdn-tv", False), ("robust-qmix-tv", False), ("robust-qtran-tv", True)):
        made = create(name, {"hidden": 8})
        backup = made.make_backup(TEAM, generator())  # type: ignore[attr-defined]
        mixer: Mixer = made.make_mixer(TEAM, generator())  # type: ignore[attr-defined]
        assert backup.needs_features == mixer.needs_features == reads
    batch = transitions()
    features = networks().features(batch.observations, batch.last_actions)
    dual = DualNetwork(TEAM, 8, generator(), features=8)
    assert (dual(batch.states, batch.actions, features) != dual(batch.states, batch.actions, 2 * features)).all()


@pytest.mark.parametrize("name", NEW)
def test_saved_policies_act_the_same(games: None, name: str, tmp_path: Any) -> None:
    policy = train(name, steps=120)
    policy.save(tmp_path)
    loaded = load_policy(tmp_path)
    assert isinstance(loaded, TeamPolicy) and loaded.algorithm == name and same(policy, loaded)
    assert returns(loaded, Signals(), 3) == returns(policy, Signals(), 3)


def test_arguments_keep_their_order_and_defaults() -> None:
    fields = {name: {f.name: f.default for f in dataclasses.fields(registry.algorithm(name).cls)} for name in
              ("vdn", "robust-vdn", "robust-vdn-tv", "robust-qmix-tv", "robust-qtran-tv")}  # fmt: skip
    plain = fields["vdn"]
    # Published records name their arguments so, and in this order.
    assert fields["robust-vdn"] == {**plain, "rho": 0.008, "worst_value": 0.0}
    tv = {"rho": 0.2, "worst_value": 0.0, "dual_hidden": 64, "dual_learning_rate": 1e-3, "dual_objective": "exact"}
    assert fields["robust-vdn-tv"] == {**plain, "update_every": 8, "updates": 4, **tv}
    assert list(fields["robust-vdn-tv"]) == [*plain, *tv]
    # Neither part undoes the other's defaults.
    both = {"reward_scale": 0.0, "update_every": 8, "updates": 4, "mixer_hidden": 32}
    assert fields["robust-qmix-tv"].items() >= {**both, "optimiser": "adam", "max_grad_norm": 10.0}.items()
    assert fields["robust-qtran-tv"].items() >= {**both, "optimiser": "rmsprop", "max_grad_norm": 0.0}.items()


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("qmix", {"mixer_hidden": 0}, "qmix: mixer_hidden must be at least 1, got 0"),
        ("robust-qmix", {"rho": 2.0}, "robust-qmix: rho must be between 0 and 1, got 2.0"),
        ("robust-qmix-tv", {"gamma": 2.0}, "robust-qmix-tv: gamma must be between 0 and 1, got 2.0"),
        ("robust-qtran-tv", {"mixer_hidden": 0}, "robust-qtran-tv: mixer_hidden must be at least 1, got 0"),
        ("qtran", {"nopt_weight": -1.0}, "qtran: nopt_weight must be at least 0, got -1.0"),
    ],
)
def test_every_part_checks_its_arguments(name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        create(name, arguments)


def test_domain_randomisation_is_vdn_on_drawn_dynamics(games: None) -> None:
    info, task = registry.algorithm("dr-vdn"), registry.task("Robust-MPESpread-v0")
    assert (info.train, info.privileges) == ("disrupted", ("parameter-box",))
    few = {"hidden": 8, "replay_size": 500, "batch_size": 16}

    def trained(name: str, **arguments: Any) -> Any:
        return create(name, {**few, **arguments}).train(task, Budget("test", 100, 1), 0, lambda step: None)

    drawn = trained("dr-vdn")
    assert same(drawn, trained("vdn", train_disruption="dynamics:random:0.3"))
    assert not same(drawn, trained("vdn"))
    with pytest.raises(DisruptionError, match="no dynamics parameter to draw"):
        train("dr-vdn")
