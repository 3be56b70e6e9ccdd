"""Small worlds whose transition law is known exactly, for planners and for the tabular theory of robust RL."""

from __future__ import annotations

from typing import Any

from robust_gym.registry import register_task
from robust_gym.task import DynamicsParameter, SemanticShift, Task
from robust_gym.tasks._exact_maps import LAKES, ROADS


def _chance(name: str, about: str, high: float = 0.9) -> DynamicsParameter:
    """Describe a probability that is nominally zero."""
    return DynamicsParameter(name, about, "", 0.0, 0.0, high, mode="set")


def _share(name: str, about: str, nominal: float, high: float) -> DynamicsParameter:
    """Describe a probability or share that strings scale, up to a factor that keeps it one."""
    return DynamicsParameter(name, about, "", nominal, 0.0, high)


def _amount(name: str, about: str, unit: str, nominal: float, low: float = 0.1, high: float = 10.0) -> Any:
    return DynamicsParameter(name, about, unit, nominal, low, high)


_STUCK = _chance("stuck", "probability of not moving at all")
_SLIPPERY = _share("slip", "probability of sliding to one of the two sides instead", 2 / 3, 1.5)
_SLIP = _chance("slip", "probability of sliding to one of the two sides instead")


def _wind(where: str) -> DynamicsParameter:
    return _chance("wind", f"probability of being blown {where}, whatever the action")


def _semantic(name: str, about: str, nominal: str, *others: str) -> SemanticShift:
    return SemanticShift(name, about, nominal, (nominal, *others), others)


def _task(
    name: str,
    about: str,
    source: str,
    horizon: int,
    dynamics: tuple[DynamicsParameter, ...],
    *semantic: SemanticShift,
    exact: str,
    toy: str = "",
    null_action: int | None = None,
    standard: int = 200_000,
    **kwargs: Any,
) -> None:
    id = f"Robust-{name}-v0"
    register_task(
        Task(
            id=id,
            family="exact",
            about=about,
            base=f"robust_gym.tasks._exact_toy:{toy}" if toy else "robust_gym.tasks._exact_env:make",
            adapter="robust_gym.tasks." + ("_exact_toy:ToyTextDynamics" if toy else "_exact_env:TabularDynamics"),
            exact=f"robust_gym.tasks.{exact}",
            kwargs=kwargs if toy else {"world": id},
            horizon=horizon,
            dynamics={parameter.name: parameter for parameter in dynamics},
            semantic={shift.name: shift for shift in semantic},
            observation="discrete",
            action="discrete",
            null_action=null_action,
            steps={"smoke": 2_000, "quick": 50_000, "standard": standard},
            source=source,
        )
    )


_TOY = "_exact_toy:model"
_TILT = DynamicsParameter(
    "tilt", "which side one slides to: -1 always the one clockwise of the action, 1 always the other", "", 0.0, -1.0,
    1.0, mode="set",
)  # fmt: skip

for _size, _name, _horizon in (("4x4", "FrozenLake", 100), ("8x8", "FrozenLake8x8", 200)):
    _task(
        _name,
        f"Cross a slippery frozen lake of {_size} tiles without falling into a hole.",
        "Gymnasium toy text (Brockman et al., 2016)",
        _horizon,
        (_SLIPPERY, _TILT, _wind("down"), _STUCK),
        _semantic("map", "where the holes are", "standard", *LAKES[_size]),
        exact=_TOY,
        toy="frozen_lake",
        map_name=_size,
    )

for _name, _slippery in (("CliffWalking", False), ("CliffWalkingSlippery", True)):
    _task(
        _name,
        f"Walk along a {'slippery ' * _slippery}cliff to the goal; a fall costs dearly and leads back to the start.",
        "Gymnasium toy text; Sutton & Barto, Reinforcement Learning (2nd ed., 2018), Example 6.6",
        200,
        (
            _SLIPPERY if _slippery else _SLIP,
            _wind("down, towards the cliff"),
            _STUCK,
            _amount("step_cost", "cost of a step", "reward", 1.0),
            _amount("fall_cost", "cost of a fall", "reward", 100.0),
        ),
        _semantic("cliff", "which other cells fall away", "standard", "wide", "islands"),
        exact=_TOY,
        toy="cliff_walking",
        is_slippery=_slippery,
    )

_task(
    "Taxi",
    "Pick up a passenger in a small city and drop them off where they want to go.",
    "Gymnasium toy text; Dietterich, JAIR 13 (2000)",
    200,
    (
        _chance("slip", "probability of drifting to one of the two sides instead (Gymnasium's rain: 0.2)"),
        _STUCK,
        _chance("fumble", "probability that picking up or dropping off does not happen"),
        _amount("step_cost", "cost of a step", "reward", 1.0),
        _amount("illegal_cost", "cost of picking up or dropping off where one cannot", "reward", 10.0),
    ),
    _semantic("roads", "which roads are closed", *ROADS),
    exact=_TOY,
    toy="taxi",
)

_task(
    "GridWorld",
    "Reach the far corner of a slippery 4x4 grid and stay there for the rest of 20 steps.",
    "after the 16-state, 4-action, 20-step grid of HySRL (arXiv 2411.03810, AISTATS 2025), whose target has three "
    "absorbing cells; positions, slip and reward are ours",
    20,
    (
        _share("slip", "probability of sliding to one of the two sides instead", 0.2, 5.0),
        _wind("up"),
        _STUCK,
        _chance("quicksand", "probability of being held for a step in each of three cells", 1.0),
    ),
    _semantic("absorbing", "three cells that nobody leaves", "none", "diagonal", "ring", "side"),
    exact="_exact_grids:grid_world",
)
_task(
    "FourRooms",
    "Find the way from the first to the last of four rooms joined by doorways.",
    "Sutton, Precup & Singh, Artificial Intelligence 112 (1999)",
    200,
    (
        _share("slip", "probability of going in one of the three other directions", 1 / 3, 3.0),
        _wind("up"),
        _STUCK,
        _chance("threshold", "probability that a step into a doorway fails"),
    ),
    _semantic("doors", "a doorway out of the first room that is closed", "open", "north_closed", "west_closed"),
    exact="_exact_grids:four_rooms",
)
_task(
    "WindyGridworld",
    "Reach the goal while the wind of the columns carries one upwards.",
    "Sutton & Barto, Reinforcement Learning (2nd ed., 2018), Example 6.5 and Exercise 6.10",
    200,
    (
        DynamicsParameter("wind", "strength of all winds, as a multiple of the map's", "", 1.0, 0.0, 3.0),
        _chance("gust", "probability that the wind is one cell stronger or weaker", 1.0),
        _SLIP,
        _STUCK,
    ),
    _semantic("winds", "the winds of the ten columns", "standard", "reversed", "storm", "downward"),
    exact="_exact_grids:windy_gridworld",
)

_task(
    "RiverSwim",
    "Swim against the current for a large reward, or stay at the mouth for a small one.",
    "Strehl & Littman, JCSS 74 (2008), with the probabilities of Osband, Russo & Van Roy (NeurIPS 2013)",
    100,
    (
        _share("forward", "probability that a stroke against the current gets one on", 0.35, 2.7),
        _share("entry", "probability that the first stroke does", 0.6, 1.6),
        _chance("current", "probability of being washed one place back, whatever the action"),
        _amount("small_reward", "reward for staying at the mouth", "reward", 0.005, 0.1, 100.0),
    ),
    exact="_exact_chains:river_swim",
)
_task(
    "MachineReplacement",
    "Run a machine that wears out, or repair it before it breaks down.",
    "Delage & Mannor, Operations Research 58 (2010); used by Wiesemann, Kuhn & Rustem (2013)",
    100,
    (
        _share("wear", "probability that a day of running ages the machine", 0.8, 1.25),
        _share("normal_repair", "probability that a repair is a normal one", 0.6, 1.6),
        _share("long_repair", "probability that a repair is a long one", 0.1, 10.0),
        _share("finish", "probability that a normal repair is finished in a day", 0.8, 1.25),
        _amount("breakdown_cost", "cost of a day out of order", "reward", 20.0),
        _amount("repair_cost", "cost of a day of normal repair", "reward", 2.0),
        _amount("long_repair_cost", "cost of a day of long repair", "reward", 10.0),
    ),
    exact="_exact_chains:machine_replacement",
    null_action=0,
)
_task(
    "Gambler",
    "Stake capital on the flips of a coin until it is gone or reaches 50.",
    "Sutton & Barto (2018), Example 4.3; heads with probability 0.6 as in Shi & Chi (JMLR 2024)",
    100,
    (
        _share("head_probability", "probability of winning a flip", 0.6, 1.6),
        _chance("tie", "probability that the stake is returned"),
        _chance("rake", "probability that a win pays only half of the stake", 1.0),
        DynamicsParameter("house_limit", "largest stake", "", 25.0, 0.04, 1.0),
    ),
    exact="_exact_chains:gambler",
    null_action=0,
)
_task(
    "Garnet",
    "Collect rewards in a randomly drawn world of 20 states, 4 actions and 3 branches.",
    "Archibald, McKinnon & Thomas, JORS 46 (1995); contamination as in Wang & Zou (NeurIPS 2021)",
    100,
    (
        DynamicsParameter("sharpness", "exponent of the branches' probabilities", "", 1.0, 0.0, 5.0),
        _chance("contamination", "probability that the next state is drawn from all, uniformly"),
        _chance("sabotage", "probability that the next state is the one of least value"),
        _chance("restart", "probability that the next state is the first"),
    ),
    _semantic("instance", "which random world", "first", "second", "third"),
    exact="_exact_chains:garnet",
)
_task(
    "Inventory",
    "Order goods each evening to meet tomorrow's uncertain demand from a small warehouse.",
    "Szepesvári, Algorithms for Reinforcement Learning (2010), Example 1; the numbers are ours",
    100,
    (
        _amount("demand", "mean daily demand", "units", 5.0, 0.1, 3.0),
        _amount("price", "price of a unit sold", "reward", 4.0),
        _amount("unit_cost", "price of a unit ordered", "reward", 2.0),
        _amount("order_cost", "fixed cost of an order", "reward", 4.0),
        _amount("holding_cost", "cost of a unit in stock per day", "reward", 0.1),
        _chance("supply_failure", "probability that an order does not arrive"),
        _chance("spoilage", "probability that the night spoils what is left"),
    ),
    _semantic("demand_law", "how much demand varies around its mean", "poisson", "lumpy", "steady"),
    exact="_exact_trade:inventory",
    null_action=0,
)
_task(
    "AmericanOption",
    "Choose when to exercise a put option before it expires.",
    "after the American put option of Tamar, Mannor & Xu (ICML 2014); the numbers are ours",
    10,
    (
        _share("up_probability", "probability that the price rises", 0.5, 1.9),
        _amount("tick", "relative rise of the price at a step", "", 0.02, 0.1, 5.0),
        _amount("strike", "strike price", "$", 100.0, 0.5, 1.5),
        _chance("crash", "probability that the price falls by four ticks"),
        _chance("calm", "probability that the price does not move"),
    ),
    exact="_exact_trade:american_option",
    null_action=0,
)
_task(
    "OrderDispatch",
    "Drive between the zones of a city, and accept the orders worth accepting.",
    "after the order dispatching of Xu et al. (KDD 2018), as a grid of our own",
    100,
    (
        _share("demand", "orders in a zone per step, as a multiple of the city's", 1.0, 5.0),
        _amount("fare", "fare per block", "reward", 1.0),
        _amount("fuel", "cost of driving a block", "reward", 0.3),
        _chance("cancellation", "probability that an accepted order is cancelled"),
        _chance("traffic", "probability that a move to another zone fails"),
        _share("long_trips", "share of long orders", 0.3, 3.0),
    ),
    _semantic("city", "where orders come up", "evening", "morning", "event", "holiday"),
    exact="_exact_trade:order_dispatch",
    null_action=4,
)
