"""The policy of a team's actors: every agent takes its likeliest action, from its own observation alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from robust_gym.baselines.base import read_policy, save_policy
from robust_gym.baselines.marl.actors import Actors
from robust_gym.baselines.marl.team import Array, Team
from robust_gym.task import Task


class ActorPolicy:
    """Every agent takes its likeliest action, or the mean of its Gaussian; it remembers nothing.

    Args:
        actors: The agents' networks, normaliser included.
        algorithm: Registered name of the algorithm that trained them.
        task: The task they were trained on.
    """

    def __init__(self, actors: Actors, algorithm: str, task: Task) -> None:
        self.actors = actors
        self.algorithm = algorithm
        self.task = task

    def act(
        self,
        observation: Mapping[Any, Array],
        state: None,
        episode_start: Array,
        action_masks: Mapping[Any, Array] | None = None,
    ) -> tuple[dict[Any, Array], None]:
        """Choose actions.

        Args:
            observation: ``[B, …]`` for each agent.
            state: Nothing.
            episode_start: Not needed.
            action_masks: Which actions are possible, booleans ``[B, n]`` for each agent, where the task tells that.

        Returns:
            Actions ``[B]``, or vectors ``[B, …]`` inside the space, for each agent; and nothing.
        """
        team = self.actors.team
        seen = torch.from_numpy(team.stack_batch(observation))
        masks = team.stack_batch_masks(action_masks)
        actions = self.actors.best(seen, None if masks is None else torch.from_numpy(masks)).numpy()
        if team.continuous:
            return {
                agent: rows[:, :size] for agent, rows, size in zip(team.agents, actions, team.actions, strict=True)
            }, None
        return dict(zip(team.agents, actions, strict=True)), None

    def save(self, directory: Path) -> None:
        """Write the actors as safetensors and their shape as JSON."""
        actors = self.actors
        meta = {"shared": actors.shared, "hidden": actors.hidden, "team": actors.team.to_json()}
        save_policy(directory, self.algorithm, self.task, actors.state_dict(), meta)

    @classmethod
    def load(cls, directory: Path, task: Task) -> ActorPolicy:
        """Read what ``save`` has written.

        Raises:
            FileNotFoundError: If the directory holds no policy.
            ValueError: If the files do not describe a team's actors.
        """
        weights, meta = read_policy(directory)
        try:
            team = Team.from_json(meta["team"])
            actors = Actors(team, bool(meta["shared"]), int(meta["hidden"]), torch.Generator())
            actors.load_state_dict(weights)
        except (KeyError, TypeError, RuntimeError) as error:
            raise ValueError(f"the policy in {directory} does not describe a team's actors: {error}") from error
        return cls(actors, str(meta["algorithm"]), task)
