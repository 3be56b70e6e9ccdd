"""Loading the policies of single-agent algorithms; this module imports no torch until it loads one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from robust_gym.task import Task

if TYPE_CHECKING:
    from robust_gym.baselines.single.policy import FeedForwardPolicy


class SavesFeedForward:
    """An algorithm whose policies are feed-forward networks."""

    @staticmethod
    def load(directory: Path, task: Task) -> FeedForwardPolicy:
        """Load a saved policy; this needs no Stable-Baselines3.

        Raises:
            FileNotFoundError: If the directory holds no policy.
            ValueError: If it is damaged, or not a feed-forward policy.
        """
        from robust_gym.baselines.single.policy import FeedForwardPolicy

        return FeedForwardPolicy.load(directory, task)
