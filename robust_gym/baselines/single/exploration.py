"""State-dependent exploration: noise that is a function of the state, and that stays the same for some steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from robust_gym.baselines.base import YOUNGER
from robust_gym.baselines.single.standard import Standard, Values
from robust_gym.task import Task


@dataclass
class StateDependentExploration(Standard):
    """What may explore by gSDE (Raffin et al., Smooth Exploration for Robotic Reinforcement Learning, CoRL 2021).

    Attributes:
        use_sde: Whether it does; only with continuous actions.
        sde_sample_freq: Steps after which the noise's matrix is drawn anew; -1 for once in a rollout.
        log_std_init: Logarithm of the noise's initial standard deviation, with gSDE.
    """

    use_sde: bool | None = field(default=None, metadata=YOUNGER)
    sde_sample_freq: int | None = field(default=None, metadata=YOUNGER)
    log_std_init: float | None = field(default=None, metadata=YOUNGER)

    def check(self) -> None:
        """Check how often noise is drawn too."""
        super().check()
        every = self.sde_sample_freq
        self._require("sde_sample_freq", every is None or every == -1 or every >= 1, "at least 1, or -1")

    def values(self, task: Task) -> dict[str, Any]:
        """Return the arguments that a task's table completes.

        Raises:
            ValueError: If gSDE is asked for where actions are discrete.
        """
        values = super().values(task)
        if values.get("use_sde") and task.action != "box":
            raise ValueError(
                f"{self.algorithm}: use_sde needs continuous actions; those of {task.id} are {task.action}"
            )
        return values

    def model_arguments(self, values: Values) -> dict[str, Any]:
        """Return the arguments of the model."""
        sde = {name: values[name] for name in ("use_sde", "sde_sample_freq")} if values.get("use_sde") else {}
        return {**super().model_arguments(values), **sde}

    def policy_arguments(self, values: Values) -> dict[str, Any]:
        """Return the arguments of the policy's networks."""
        initial = {"log_std_init": values["log_std_init"]} if values.get("use_sde") else {}
        return {**super().policy_arguments(values), **initial}
