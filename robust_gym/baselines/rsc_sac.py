"""RSC-SAC: SAC on states whose numbers are torn from those they merely come along with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from robust_gym.baselines.base import register_single_algorithm
from robust_gym.baselines.descent import descend
from robust_gym.baselines.single.methods import PreparedSACMethod

if TYPE_CHECKING:
    from stable_baselines3.common.type_aliases import ReplayBufferSamples
    from torch import Tensor

    from robust_gym.baselines.single.learners import Part


@register_single_algorithm(
    "rsc-sac",
    about="SAC on states of which one number is another state's, with next state and reward by a causal model.",
    actions=("box",),
    observations=("box", "discrete", "dict"),
    compare=("sac",),
    paper=(
        "Ding et al., Seeing is not Believing: Robust Reinforcement Learning against Spurious Correlation, "
        "NeurIPS 2023 (arXiv 2307.07907)"
    ),
)
@dataclass
class RSCSAC(PreparedSACMethod):
    """SAC on states in which no number can be told from another that merely comes along with it.

    Numbers of a state that go together in training need not do so later. In a share of each batch, one number i of the
    state s is replaced by that of the state which differs most in it and least in all others,

        s^i <- s_k^i,  k = argmax_k (s^i - s_k^i)^2 / (sum over j other than i of (s^j - s_k^j)^2 + e),

    and the transition's next state and reward by those that a causal model predicts from the new state. SAC learns from
    the result. The model has an encoder for each number of state and action, a decoder for the change of each number of
    the state and for the reward, and between them a graph G of edges drawn by a Gumbel-softmax. It learns from the
    unchanged batches, by the squared error plus ``penalty`` times the sum of G^p over the probabilities of all edges,
    so that an effect keeps no cause which it can do without; an edge is kept where it is likelier than not. The errors
    are in units of each number's standard deviation, so that a cause is dropped which accounts for less than about a
    tenth of ``penalty`` of an effect's variance. This is ours, as are the values without a remark. Distances between
    states are in the units of observations. Where the graph is wrong, so are the states made up by it: actions that
    hang on what is seen come along with it too, and the model needs some that do not, from exploration.

    Attributes:
        share: Probability that a state is changed; the paper's value.
        penalty: Weight of the penalty on edges.
        exponent: The p of the penalty, in (0, 1]; the paper's value.
        temperature: Of the Gumbel-softmax.
        model_units: Units of each encoder and decoder.
        model_learning_rate: Adam's, for the causal model.
    """

    share: float = 0.5
    penalty: float = 0.01
    exponent: float = 0.1
    temperature: float = 1.0
    model_units: int = 16
    model_learning_rate: float = 1e-3

    algorithm: ClassVar[str] = "rsc-sac"
    vectors_only: ClassVar[bool] = True

    def check(self) -> None:
        """Check the arguments."""
        super().check()
        self._require("share", 0 <= self.share <= 1, "from 0 to 1")
        self._require("penalty", self.penalty >= 0, "at least 0")
        self._require("exponent", 0 < self.exponent <= 1, "above 0 and at most 1")
        self._require("temperature", self.temperature > 0, "above 0")
        self._require("model_units", self.model_units >= 1, "at least 1")
        self._require("model_learning_rate", self.model_learning_rate > 0, "above 0")

    def parts(self, model: Any) -> dict[str, Part]:
        """Make the causal model."""
        from torch.optim import Adam

        from robust_gym.baselines.single.causal_model import CausalModel

        (states,), (actions,) = model.observation_space.shape, model.action_space.shape
        causal = CausalModel(states, actions, self.model_units)
        return {"causal": causal, "causal_optimizer": Adam(causal.parameters(), lr=self.model_learning_rate)}

    def prepared(self, model: Any, batch: ReplayBufferSamples) -> ReplayBufferSamples:
        """Let the causal model learn from a batch, then change some of its states."""
        import torch

        states, actions, after = batch.observations.float(), batch.actions, batch.next_observations.float()
        self.learn_causes(model, torch.cat([states, actions], dim=1), torch.cat([after - states, batch.rewards], dim=1))

        chosen = torch.rand(len(states)) < self.share
        which = torch.randint(states.shape[1], (len(states),))
        moved = torch.where(chosen[:, None], self.permuted(states, which), states)
        foretold = model.causal.effects(torch.cat([moved, actions], dim=1))
        next_states = torch.where(chosen[:, None], moved + foretold[:, :-1], after)
        rewards = torch.where(chosen[:, None], foretold[:, -1:], batch.rewards)
        return batch._replace(observations=moved, next_observations=next_states, rewards=rewards)

    def learn_causes(self, model: Any, causes: Tensor, effects: Tensor) -> None:
        """Take one step of the causal model."""
        import torch

        model.causal.watch(torch.cat([causes, effects], dim=1))
        loss = model.causal.loss(causes, effects, self.temperature, self.exponent, self.penalty)
        descend(model.causal_optimizer, loss)

    def permuted(self, states: Tensor, which: Tensor) -> Tensor:
        """Replace one number of each state by its donor's, by the formula above.

        Args:
            states: A batch, ``[B, numbers]``, whose states are the donors too.
            which: The number to replace in each, ``[B]``.
        """
        import torch

        # All squared distances would take B^2 numbers for each dimension; these take B^2.
        own = (states.T[which] - states.gather(1, which[:, None])).square()
        rest = (torch.cdist(states, states, compute_mode="donot_use_mm_for_euclid_dist").square() - own).clamp(min=0)
        donor = (own / (rest + 1e-6)).argmax(dim=1)
        moved = states.clone()
        rows = torch.arange(len(states))
        moved[rows, which] = states[donor, which]
        return moved
