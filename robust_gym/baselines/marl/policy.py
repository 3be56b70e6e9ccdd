"""The greedy policy of a team: one network per agent, a window of what each has seen as memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from robust_gym.baselines.base import read_policy, save_policy
from robust_gym.baselines.marl.networks import AgentNetworks
from robust_gym.baselines.marl.team import Array, Team
from robust_gym.task import Task


@dataclass(frozen=True)
class Window:
    """What every agent of every row remembers.

    Attributes:
        observations: ``[A, T, B, D]``.
        last_actions: ``[A, T, B]``, as ``AgentNetworks.features`` reads them.
        actions: The actions just chosen, ``[A, B]``.
    """

    observations: Tensor
    last_actions: Tensor
    actions: Tensor


class TeamPolicy:
    """Every agent takes its own greedy action, from its own observations and actions alone.

    Args:
        networks: The agents' networks, normaliser included.
        algorithm: Registered name of the algorithm that trained them.
        task: The task they were trained on.
    """

    def __init__(self, networks: AgentNetworks, algorithm: str, task: Task) -> None:
        self.networks = networks
        self.algorithm = algorithm
        self.task = task

    @torch.no_grad()
    def act(
        self,
        observation: Mapping[Any, Array],
        state: Window | None,
        episode_start: Array,
        action_masks: Mapping[Any, Array] | None = None,
    ) -> tuple[dict[Any, Array], Window]:
        """Choose greedy actions; ties go to the smaller action.

        Args:
            observation: ``[B, …]`` for each agent.
            state: What the last call returned, or ``None``.
            episode_start: Rows whose memory is cleared first, ``[B]``.
            action_masks: Which actions are possible, booleans ``[B, n]`` for each agent, where the task tells that.

        Returns:
            Actions ``[B]`` for each agent, and the new memory.
        """
        team, networks = self.networks.team, self.networks
        seen = torch.from_numpy(team.stack_batch(observation)).unsqueeze(1)
        state = state or self._empty(seen.shape[2])
        new = torch.as_tensor(np.asarray(episode_start, bool))
        # Action 0 counts as the one before the first, as in the paper and as in the replay.
        last = torch.where(new, 0, state.actions) + networks.first
        before = torch.where(new, networks.padding, state.last_actions[:, 1:])
        observations = torch.cat((state.observations[:, 1:], seen), 1)
        last_actions = torch.cat((before, last.unsqueeze(1)), 1)
        features = networks.features(observations, last_actions)
        masks = team.stack_batch_masks(action_masks)
        actions = networks.values(features, None if masks is None else torch.from_numpy(masks)).argmax(-1)
        chosen = {agent: row.numpy() for agent, row in zip(team.agents, actions, strict=True)}
        return chosen, Window(observations, last_actions, actions)

    def _empty(self, rows: int) -> Window:
        team, steps = self.networks.team, self.networks.history
        return Window(
            torch.zeros(team.size, steps, rows, team.width),
            torch.full((team.size, steps, rows), self.networks.padding),
            torch.zeros(team.size, rows, dtype=torch.int64),
        )

    def save(self, directory: Path) -> None:
        """Write the networks as safetensors and their shape as JSON."""
        networks = self.networks
        meta = {
            "network": networks.network,
            "hidden": networks.hidden,
            "history": networks.history,
            "team": networks.team.to_json(),
        }
        save_policy(directory, self.algorithm, self.task, networks.state_dict(), meta)

    @classmethod
    def load(cls, directory: Path, task: Task) -> TeamPolicy:
        """Read what ``save`` has written.

        Raises:
            ValueError: If the files do not describe a team's networks.
        """
        weights, meta = read_policy(directory)
        try:
            networks = AgentNetworks(
                Team.from_json(meta["team"]),
                meta["network"],
                int(meta["hidden"]),
                int(meta["history"]),
                torch.Generator(),
            )
            networks.load_state_dict(weights)
        except (KeyError, TypeError, RuntimeError) as error:
            raise ValueError(f"the policy in {directory} does not describe a team's networks: {error}") from error
        return cls(networks, str(meta["algorithm"]), task)
