"""What a task is: an environment that we know how to disturb, as typed data.

Nothing here imports a simulator. A task names its environment by a Gymnasium id or a
``"module:function"`` path, and its dynamics adapter by such a path too; both are loaded when an
environment is made.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from robust_gym.dynamics import RESERVED, DynamicsParameter, SemanticShift
from robust_gym.packages import MissingExtraError, PathError, load, missing

__all__ = [
    "BUDGETS",
    "EPISODES",
    "RESERVED",
    "Api",
    "Budget",
    "DynamicsAdapter",
    "DynamicsParameter",
    "MissingExtraError",
    "PathError",
    "Reference",
    "SemanticShift",
    "Space",
    "Task",
    "load",
    "missing",
]

Api = Literal["gymnasium", "parallel"]
Space = Literal["box", "image", "discrete", "dict"]

BUDGETS = ("smoke", "quick", "standard")
"""Names of the training budgets, from a check that everything runs to a result worth ranking."""

EPISODES = {"smoke": 2, "quick": 5, "standard": 20}
"""Evaluation episodes for every disruption at each budget: the first of the protocol's list."""


@dataclass(frozen=True)
class Budget:
    """What a training run may use.

    Attributes:
        name: ``smoke``, ``quick`` or ``standard``, or a name of your own.
        steps: Environment steps.
        episodes: Evaluation episodes for every disruption.
    """

    name: str
    steps: int
    episodes: int


class DynamicsAdapter(Protocol):
    """How one simulator's dynamics are written; constructed with the unwrapped environment and the task.

    Values are in the units of disruption strings: factors for ``"scale"`` parameters, the value itself
    for ``"set"`` parameters, a word for a semantic shift.
    """

    def __init__(self, env: Any, task: Task) -> None: ...

    def configure(self, values: Mapping[str, float | str]) -> None:
        """Called before every reset, with all values of the coming episode."""

    def apply(self, values: Mapping[str, float]) -> None:
        """Called after every reset, and within an episode when a schedule changes the values."""


@dataclass(frozen=True)
class Reference:
    """The two fixed points of a task's normalised score, with the run they come from.

    Attributes:
        random: Mean ID return of the uniformly random policy.
        reference: Mean ID return of the reference method.
        method: The reference method, its budget and seeds.
        command: The command that repeats the run.
    """

    random: float
    reference: float
    method: str
    command: str

    def normalise(self, value: float) -> float:
        """Return (value - random) / (reference - random), not clipped."""
        return (value - self.random) / (self.reference - self.random)


@dataclass(frozen=True)
class Task:
    """An environment we know how to disturb.

    Attributes:
        id: The registered id, ``Robust-NAME-vN``.
        family: Name of the family, the file under ``robust_gym/tasks/``.
        about: One sentence.
        api: ``"gymnasium"`` for one agent, ``"parallel"`` (PettingZoo) for many.
        base: A Gymnasium id, or ``"module:function"`` that builds the undisturbed environment.
        adapter: ``"module:Class"`` of the [DynamicsAdapter][robust_gym.task.DynamicsAdapter].
        dynamics: Its named parameters.
        semantic: Its named semantic shifts.
        observation: What an observation is: ``"box"``, ``"image"``, ``"discrete"``, or a ``"dict"`` of Boxes.
        undisturbed: Keys of a dict observation that observation disruptions leave true, such as the goal.
        action: What an action is: ``"box"`` or ``"discrete"``.
        null_action: The action that does nothing, where a discrete task has one.
        horizon: Longest episode, in steps.
        kwargs: Keyword arguments of the base environment.
        modules: Modules that must be importable.
        install: What to type when one is not.
        steps: Training steps of the budgets ``smoke``, ``quick`` and ``standard``.
        version: Version of the task; a change of what it computes raises it.
        source: Where the environment comes from.
        reference: The fixed points of its normalised score, if measured.
        observation_scale: Per-dimension standard deviation of observations, if measured; keyed by agent for a team,
            by key for a dict observation.
        reward_scale: Scale of one step's reward, if measured.
        spaces: Its observation and action spaces in words, if noted.
        cost: Whether each step reports a cost in ``info["cost"]`` (safe tasks).
        cost_scale: Scale of one step's cost, if measured.
        cost_limit: What an episode's summed cost should stay below, where the task's authors name a limit.
        competitive: Whether the agents of a team are on several sides, so that the sum of their returns says little.
        exact: ``"module:function"`` that returns the task's transition arrays, for a small exact world.
        slow: Whether the full property suite runs in the nightly target only.
        messages: For each agent that hears others, the dimensions of its observation that hold their messages;
            negative ones count from the end.
        opponents: For each agent that sees opponents, the dimensions of its observation that hold their positions, two
            for each opponent; both are zero while it is out of sight.
        refuses: Kinds that could do nothing here, ``"CHANNEL:KIND"``, and why.
    """

    id: str
    family: str
    about: str
    base: str
    adapter: str
    horizon: int
    api: Api = "gymnasium"
    dynamics: Mapping[str, DynamicsParameter] = field(default_factory=dict)
    semantic: Mapping[str, SemanticShift] = field(default_factory=dict)
    observation: Space = "box"
    undisturbed: tuple[str, ...] = ("desired_goal",)
    action: Space = "box"
    null_action: int | None = None
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    modules: tuple[str, ...] = ()
    install: str = "pip install robust-gym"
    steps: Mapping[str, int] = field(default_factory=lambda: {"smoke": 2_000, "quick": 50_000, "standard": 1_000_000})
    version: int = 0
    source: str = ""
    reference: Reference | None = None
    observation_scale: Sequence[float] | Mapping[str, Sequence[float]] | None = None
    reward_scale: float | None = None
    spaces: Mapping[str, str] | None = None
    cost: bool = False
    cost_scale: float | None = None
    cost_limit: float | None = None
    competitive: bool = False
    exact: str = ""
    slow: bool = False
    messages: Mapping[str, Sequence[int]] = field(default_factory=dict)
    opponents: Mapping[str, Sequence[int]] = field(default_factory=dict)
    refuses: Mapping[str, str] = field(default_factory=dict)

    @property
    def drawn(self) -> list[DynamicsParameter]:
        """The parameters that ``dynamics:random`` draws; the others are written by name only."""
        return [parameter for parameter in self.dynamics.values() if parameter.drawn]

    @property
    def forces(self) -> list[DynamicsParameter]:
        """The external forces among its parameters: what pushes the world while it is on."""
        return [p for p in self.dynamics.values() if p.unit == "N" and p.mode == "set" and not p.drawn]

    def model(self, **dynamics: float | str) -> Any:
        """Return the exact model of a small world: its transition arrays, for planners.

        Args:
            **dynamics: Values of the task's parameters and shifts, in the units of disruption strings; those left
                out are nominal.

        Returns:
            A ``robust_gym.tasks.TabularModel``.

        Raises:
            TypeError: If the task has no exact model.
            ValueError: If a value is unknown or out of bounds.
        """
        if not self.exact:
            raise TypeError(f"{self.id} has no exact model; tasks of the family 'exact' have one")
        for name, value in dynamics.items():
            self._check_value(name, value)
        return self.part("exact")(self, {**self.nominal_values(), **dynamics})

    def part(self, field: Literal["base", "adapter", "exact"]) -> Any:
        """Import what a field of the task names as ``"module:attribute"``.

        Raises:
            ValueError: If there is nothing of that name, or it cannot be called; the message names the task, the field
                and its value.
        """
        path = getattr(self, field)
        try:
            found = load(path)
        except PathError as error:
            raise ValueError(f"the task {self.id!r} cannot be made: {field} is {path!r}, and {error}") from None
        if not callable(found):
            raise ValueError(
                f"the task {self.id!r} cannot be made: {field} is {path!r}, which makes nothing: {found!r}"
            )
        return found

    def _check_value(self, name: str, value: float | str) -> None:
        shift, parameter = self.semantic.get(name), self.dynamics.get(name)
        if shift is not None:
            if value not in shift.options:
                raise ValueError(f"{name!r} of {self.id} is one of {', '.join(shift.options)}, got {value!r}")
        elif parameter is None:
            known = ", ".join([*self.dynamics, *self.semantic])
            raise ValueError(f"{self.id} has no parameter {name!r}; it has {known}.{self.closest_parameter(name)}")
        elif not isinstance(value, (int, float)) or not parameter.low <= value <= parameter.high:
            raise ValueError(f"{name!r} of {self.id} goes from {parameter.low:g} to {parameter.high:g}, got {value!r}")

    def nominal_values(self) -> dict[str, float | str]:
        """Return the undisturbed value of every parameter and shift, in the units of disruption strings."""
        numbers = {name: parameter.identity for name, parameter in self.dynamics.items()}
        return {**numbers, **{name: shift.nominal for name, shift in self.semantic.items()}}

    def budget(self, name: str) -> Budget:
        """Return one of the task's budgets.

        Raises:
            ValueError: If the name is not one of [BUDGETS][robust_gym.task.BUDGETS].
        """
        if name not in BUDGETS:
            raise ValueError(f"unknown budget {name!r}; budgets are {', '.join(BUDGETS)}")
        return Budget(name, self.steps[name], EPISODES[name])

    def check(self) -> None:
        """Check that every parameter and shift can be written in a disruption string and can take effect.

        Raises:
            ValueError: At the first that cannot; the message names the task, the parameter and why.
        """
        for name, parameter in self.dynamics.items():
            problem = parameter.problem() if name == parameter.name else f"its key is {name!r}"
            if problem:
                raise ValueError(f"the parameter {parameter.name!r} of {self.id} is refused: {problem}")
        for name, shift in self.semantic.items():
            if name != shift.name:
                raise ValueError(f"the shift {shift.name!r} of {self.id} is refused: its key is {name!r}")
            problem = shift.problem() or ("it is also a parameter" if shift.name in self.dynamics else None)
            if problem:
                raise ValueError(f"the shift {shift.name!r} of {self.id} is refused: {problem}")

    def missing(self) -> str | None:
        """Return the one line that says what to install, or ``None`` when the task can be made."""
        return missing(self.id, self.modules, self.install)

    def require(self) -> None:
        """Check that everything the task needs is installed.

        Raises:
            MissingExtraError: If a package is missing; the message names the install command.
        """
        line = self.missing()
        if line:
            raise MissingExtraError(line)

    def closest_parameter(self, name: str) -> str:
        """Return ``" Did you mean 'x'?"`` for the nearest parameter or shift, or an empty string."""
        near = difflib.get_close_matches(name, [*self.dynamics, *self.semantic], n=1, cutoff=0.5)
        return f" Did you mean {near[0]!r}?" if near else ""
