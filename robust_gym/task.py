"""What a task is: an environment that we know how to disturb, as typed data.

Nothing here imports a simulator. A task names its environment by a Gymnasium id or a
``"module:function"`` path, and its dynamics adapter by such a path too; both are loaded when an
environment is made.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from robust_gym.fields import are_words, is_flag, is_number, is_text, misfits
from robust_gym.grammar import did_you_mean
from robust_gym.kind import NAME, WORD

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


class MissingExtraError(ImportError):
    """A task or an algorithm needs a package that is not installed; the message says how to get it."""


class PathError(ValueError):
    """A path ``"module:attribute"`` that names nothing; the message says why."""


RESERVED = ("none", "random", "normal", "corner", "redraw", "forces")
"""Words of the dynamics channel that no parameter or shift may have as its name."""


@dataclass(frozen=True)
class DynamicsParameter:
    """One number of a task's dynamics that a disruption may change.

    Attributes:
        name: The word used in a disruption string, ``dynamics:NAME:VALUE``.
        about: What it is.
        unit: Unit of ``nominal``.
        nominal: The undisturbed value.
        low: Smallest accepted value in a disruption string: a factor for ``mode="scale"``, else in ``unit``.
        high: Largest accepted value, likewise.
        mode: ``"scale"``: strings give a multiple of the nominal value. ``"set"``: strings give the
            value itself, for parameters whose nominal value is zero.
        drawn: Whether ``dynamics:random`` draws it; events such as a push are only written by name.
        at_reset: Whether it takes effect at resets only, and so cannot follow a schedule within an episode.
        whole: Whether the value in ``unit`` is a whole number, to which strings are rounded.
    """

    name: str
    about: str
    unit: str
    nominal: float
    low: float = 0.1
    high: float = 10.0
    mode: Literal["scale", "set"] = "scale"
    drawn: bool = True
    at_reset: bool = False
    whole: bool = False

    @property
    def identity(self) -> float:
        """The value which, written in a disruption string, would change nothing."""
        return 1.0 if self.mode == "scale" else self.nominal

    @property
    def span(self) -> float:
        """Half of the accepted interval of a ``"set"`` parameter: the unit of its random draws."""
        return max(self.high - self.nominal, self.nominal - self.low)

    def realised(self, value: float) -> float:
        """Return the value that the world will really have, in the units of disruption strings."""
        if not self.whole:
            return value
        return round(self.nominal * value) / self.nominal if self.mode == "scale" else float(round(value))

    def problem(self) -> str | None:
        """Return why the parameter could never take effect or never be written, or ``None``."""
        for problem in (
            *misfits(vars(self), "a string", is_text, "name", "about", "unit"),
            *misfits(vars(self), "a finite number, an int or a float", is_number, "nominal", "low", "high"),
            *misfits(vars(self), "True or False", is_flag, "drawn", "at_reset", "whole"),
        ):
            return f"its {problem}"
        if self.mode not in ("scale", "set"):
            return f"its mode must be 'scale' or 'set', got {self.mode!r}"
        if not NAME.fullmatch(self.name):
            return "a disruption string names a parameter by a lower-case word of letters, digits and '_'"
        if self.name in RESERVED:
            return "the name has a meaning of its own"
        if not self.low < self.high:
            return f"its bounds {self.low:g} to {self.high:g} leave nothing to choose"
        if self.mode == "scale" and self.nominal == 0:
            return "a multiple of zero changes nothing; use mode='set'"
        if not self.low <= self.identity <= self.high:
            return f"its nominal value {self.identity:g} is outside {self.low:g} to {self.high:g}"
        if self.realised(self.identity) != self.identity:
            return f"its values are whole numbers, and the nominal one is {self.nominal:g}"
        if self.stays_nominal(self.low, self.high):
            return (
                f"its bounds {self.low:g} to {self.high:g} hold no other whole number than the nominal {self.nominal:g}"
            )
        return None

    def stays_nominal(self, low: float, high: float) -> bool:
        """Return whether whole numbers are meant, and all values of an interval are rounded to the nominal one."""
        return self.whole and self.realised(low) == self.realised(high) == self.identity


@dataclass(frozen=True)
class SemanticShift:
    """A named change of the world that is not one number: another city, season or map.

    Attributes:
        name: The word used in a disruption string, ``dynamics:NAME:OPTION``.
        about: What it changes.
        nominal: The training option.
        options: Every accepted option, the nominal one included.
        evaluated: The options that the protocol's ``ood-semantic`` split contains.
    """

    name: str
    about: str
    nominal: str
    options: tuple[str, ...]
    evaluated: tuple[str, ...] = ()

    def problem(self) -> str | None:
        """Return why the shift could never take effect or never be written, or ``None``."""
        for problem in (
            *misfits(vars(self), "a string", is_text, "name", "about", "nominal"),
            *misfits(vars(self), "a tuple of words", are_words, "options", "evaluated"),
        ):
            return f"its {problem}"
        if self.name in RESERVED:
            return "the name has a meaning of its own"
        if not NAME.fullmatch(self.name) or not all(WORD.fullmatch(option) for option in self.options):
            return "its name and options must be words that begin with a letter"
        if self.nominal not in self.options or len(set(self.options)) < 2:
            return f"it needs its nominal option {self.nominal!r} and at least one other"
        if not set(self.evaluated) < set(self.options) or self.nominal in self.evaluated:
            return "the options it is evaluated on must be among the others than the nominal one"
        return None


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


def missing(name: str, modules: Sequence[str], install: str) -> str | None:
    """Return the one line that says what something needs and how to get it, or ``None`` when all is there."""
    for module in modules:
        try:
            found = importlib.util.find_spec(module) is not None
        except (ImportError, ValueError):  # a finder that refuses, or a module without a specification
            found = False
        if not found:
            return f"{name} needs the package {module!r}, which is not installed: {install}"
    return None


def load(path: str) -> Any:
    """Import ``"module:attribute"``.

    Raises:
        PathError: If the path has another form, or there is no such module or attribute. What a module raises while it
            is imported is left as it is.
    """
    name, colon, attribute = path.partition(":")
    if not (name and colon and attribute):
        raise PathError(f"expected 'module:attribute', got {path!r}")
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # something else, which the module imports
        raise PathError(f"there is no module {error.name!r}") from None
    if not hasattr(module, attribute):
        hint = did_you_mean(attribute, [one for one in vars(module) if not one.startswith("__")])
        raise PathError(f"the module {name!r} has no {attribute!r}.{hint}")
    return getattr(module, attribute)
