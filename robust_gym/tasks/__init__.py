"""Tasks: one file per family, an entry per task; and the functions that make environments of them."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from robust_gym import registry
from robust_gym.disruption import Disruption, DisruptionError, did_you_mean
from robust_gym.task import PathError, Task, load
from robust_gym.tasks._exact_model import TabularModel, exact_returns

if TYPE_CHECKING:
    from pettingzoo import ParallelEnv

__all__ = ["TabularModel", "build", "exact_returns", "import_families", "make", "make_parallel", "undisturbed"]


def import_families() -> None:
    """Import every family, which registers its tasks here and with Gymnasium."""
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            importlib.import_module(f"{__name__}.{module.name}")


_ENTRY_POINT = "robust_gym.tasks:build"


def _register_with_gymnasium(task: Task) -> None:
    """Tell Gymnasium of a task, and of a multi-agent one too, so that it is refused for what it is.

    Raises:
        ValueError: If Gymnasium has an environment of that name that is no task.
    """
    known = gym.registry.get(task.id)
    if known is not None and known.entry_point != _ENTRY_POINT:
        raise ValueError(f"Gymnasium has an environment {task.id!r} of its own; give the task another id")
    # What gym.register does, less its look at every registered id, which for hundreds of tasks costs more than
    # all else here.
    gym.registry[task.id] = EnvSpec(
        task.id,
        entry_point=_ENTRY_POINT,
        vector_entry_point="robust_gym.vector.make:make_vec",
        max_episode_steps=task.horizon,
        kwargs={"task": task.id},
    )


registry.set_loader("tasks", import_families)
registry.on_register(_register_with_gymnasium)


def build(task: str, disruption: str | None = None, context: str = "hidden", **kwargs: Any) -> gym.Env[Any, Any]:
    """Build a single-agent environment without its time limit: the entry point that Gymnasium calls.

    Args:
        task: The task's id.
        disruption: A disruption string; ``None`` is the undisturbed world.
        context: ``"visible"`` shows the agent the true dynamics of its world; see ``make``.
        **kwargs: Arguments of the underlying environment, such as ``render_mode``.

    Raises:
        MissingExtraError: If a package the task needs is not installed.
        DisruptionError: If the string is malformed or the task cannot honour it.
        ValueError: If the task has many agents, or the context is unknown, or visible where the task has no dynamics to
            show.
    """
    # Not at import: of those who import the package, many only list or read.
    from robust_gym.wrappers.apply import disturb
    from robust_gym.wrappers.context import VisibleContext, is_visible

    found = registry.task(task)
    if found.api == "parallel":
        raise ValueError(f"{found.id} has many agents: use robust_gym.make")
    if isinstance(disruption, Disruption):
        raise DisruptionError(
            f"gymnasium.make takes the disruption as a string, so that specs stay JSON: {str(disruption)!r}"
        )
    parsed, visible = Disruption.parse(disruption), is_visible(context, found)
    found.require()
    env = disturb(undisturbed(found, **kwargs), found, parsed)
    if visible:
        env = VisibleContext(env, task=found.id)
        env.part_of_task = True
    return env


# gym.make reads here which pictures it may ask for; without it, "rgb_array_list" would not be understood.
build.metadata = {  # type: ignore[attr-defined]
    "render_modes": ["human", "rgb_array", "ansi", "depth_array", "rgbd_tuple", "state_pixels"],
    "render_fps": 30,
}


def undisturbed(task: Task, **kwargs: Any) -> Any:
    """Build a task's environment without disruption wrappers and without its time limit.

    Args:
        task: The task.
        **kwargs: Arguments of the underlying environment.

    Raises:
        ValueError: If there is no such base, or it is registered with Gymnasium as a vector environment only.
    """
    merged = {**task.kwargs, **kwargs}
    if ":" in task.base:
        return task.part("base")(**merged)
    spec, creator = _registered(task)
    env: Any = creator(**{**spec.kwargs, **merged})
    for wrapper in spec.additional_wrappers:
        env = load(wrapper.entry_point)(env=env, **(wrapper.kwargs or {}))
    return env


def _registered(task: Task) -> tuple[EnvSpec, Any]:
    """Return what Gymnasium knows of a task's base, and what makes it.

    Raises:
        ValueError: If it is not registered, or what it is registered with does not exist or makes no single copy.
    """
    try:
        spec = gym.spec(task.base)
    except gym.error.Error as error:
        says = str(error)
        if "`" not in says:  # it suggests nothing
            says += ("" if says.endswith("?") else ".") + did_you_mean(task.base, gym.registry)
        raise ValueError(
            f"the task {task.id!r} cannot be made: base is {task.base!r}, of which Gymnasium says: {says}"
        ) from None
    if spec.entry_point is None:
        raise ValueError(f"{task.base}, the base of {task.id}, is registered without an entry point for one copy")
    if not isinstance(spec.entry_point, str):
        return spec, spec.entry_point
    try:
        return spec, load(spec.entry_point)
    except PathError as error:
        raise ValueError(
            f"the task {task.id!r} cannot be made: base is {task.base!r}, which Gymnasium makes by "
            f"{spec.entry_point!r}, and {error}"
        ) from None


def make_parallel(
    id: str,
    disruption: str | None = None,
    context: str = "hidden",
    max_episode_steps: int | None = None,
    **kwargs: Any,
) -> ParallelEnv[Any, Any, Any]:
    """Make a multi-agent task as a PettingZoo parallel environment.

    Args:
        id: The task's id, such as ``"Robust-Building-v0"``.
        disruption: A disruption string; ``None`` is the undisturbed world.
        context: ``"visible"`` shows every agent the true dynamics of the world; see ``make``.
        max_episode_steps: Steps after which all agents are truncated; by default the task's, and -1 for none. Robots of
            MaMuJoCo, MPE's worlds and Pursuit end by themselves at the task's limit.
        **kwargs: Arguments of the underlying environment.

    Raises:
        UnknownNameError: If the task is not registered.
        ValueError: If the task has a single agent, the time limit is none, or the context is unknown, or visible where
            the task has no dynamics to show.
        MissingExtraError: If a package the task needs is not installed.
        DisruptionError: If the string is malformed or the task cannot honour it.
    """
    from robust_gym.wrappers.apply import disturb_parallel
    from robust_gym.wrappers.context import is_visible

    found = registry.task(id)
    if found.api != "parallel":
        raise ValueError(f"{id} has a single agent: use gymnasium.make or robust_gym.make")
    parsed, visible = Disruption.parse(disruption), is_visible(context, found)
    limit = found.horizon if max_episode_steps is None else max_episode_steps
    if limit < 1 and limit != -1:
        raise ValueError(f"max_episode_steps must be at least 1, or -1 for no limit, got {limit}")
    found.require()
    env = disturb_parallel(undisturbed(found, **kwargs), found, parsed)
    if visible:
        from robust_gym.wrappers.parallel_context import ParallelVisibleContext

        env = ParallelVisibleContext(env, found)
    if limit == -1:
        return env
    from robust_gym.wrappers.parallel_limit import ParallelTimeLimit

    return ParallelTimeLimit(env, limit)


def make(id: str, disruption: str | None = None, context: str = "hidden", **kwargs: Any) -> Any:
    """Make a task by whichever API it has.

    Args:
        id: The task's id.
        disruption: A disruption string; ``None`` is the undisturbed world.
        context: ``"hidden"``, or ``"visible"``: the true dynamics of the present world join the observation, as
            [VisibleContext][robust_gym.wrappers.context.VisibleContext] says; a privilege, to be named with results.
        **kwargs: Passed to ``gymnasium.make`` or ``make_parallel``.

    Returns:
        A Gymnasium environment, or a PettingZoo parallel environment for a multi-agent task.

    Raises:
        UnknownNameError: If the task is not registered.
        MissingExtraError: If a package the task needs is not installed.
        DisruptionError: If the string is malformed or the task cannot honour it.
        ValueError: If the context is unknown, or visible where the task has no dynamics to show.
    """
    found = registry.task(id)
    if found.api == "parallel":
        return make_parallel(id, disruption, context, **kwargs)
    if isinstance(disruption, Disruption):
        disruption = str(disruption)
    if context != "hidden":
        kwargs["context"] = context
    return gym.make(id, disruption=disruption, **kwargs)
