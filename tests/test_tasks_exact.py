"""The exact family: that models are the environments' true laws, known values, and what disruptions do."""

import dataclasses

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.toy_text.cliffwalking import CliffWalkingEnv
from gymnasium.envs.toy_text.frozen_lake import FrozenLakeEnv
from gymnasium.envs.toy_text.taxi import TaxiEnv

import robust_gym
from robust_gym import registry
from robust_gym.tasks._exact_maps import CLIFFS, LAKES, ROADS
from robust_gym.tasks._exact_model import TabularModel, exact_returns

IDS = registry.list_tasks("exact")
# A disruption of several parameters for each task, beside the nominal world.
DISTURBED = {
    "FrozenLake": {"slip": 0.5, "tilt": 0.5, "wind": 0.1, "stuck": 0.2, "map": "transposed"},
    "FrozenLake8x8": {"slip": 1.3, "wind": 0.2, "map": "open"},
    "CliffWalking": {"slip": 0.2, "wind": 0.1, "stuck": 0.1, "step_cost": 2.0, "cliff": "islands"},
    "CliffWalkingSlippery": {"slip": 0.5, "fall_cost": 0.5, "cliff": "wide"},
    "Taxi": {"slip": 0.3, "stuck": 0.1, "fumble": 0.4, "illegal_cost": 0.5, "roads": "roadworks"},
    "GridWorld": {"slip": 2.0, "wind": 0.1, "quicksand": 0.5, "absorbing": "ring"},
    "FourRooms": {"slip": 0.5, "threshold": 0.5, "doors": "north_closed"},
    "WindyGridworld": {"wind": 1.3, "gust": 0.4, "slip": 0.2, "winds": "storm"},
    "RiverSwim": {"forward": 1.5, "current": 0.2},
    "MachineReplacement": {"wear": 0.5, "normal_repair": 0.5, "long_repair": 4.0, "breakdown_cost": 2.0},
    "Gambler": {"head_probability": 0.7, "tie": 0.1, "rake": 0.2, "house_limit": 0.4},
    "Garnet": {"sharpness": 2.0, "contamination": 0.2, "sabotage": 0.1, "instance": "second"},
    "Inventory": {"demand": 1.3, "supply_failure": 0.3, "spoilage": 0.2, "demand_law": "lumpy"},
    "AmericanOption": {"up_probability": 1.2, "crash": 0.1, "calm": 0.3, "strike": 1.1},
    "OrderDispatch": {"demand": 1.3, "cancellation": 0.2, "traffic": 0.3, "city": "event"},
}


def name(id: str) -> str:
    return id.removeprefix("Robust-").removesuffix("-v0")


def disruption(values: dict[str, float | str]) -> str:
    return "+".join(f"dynamics:{name}:{value}" for name, value in values.items())


def table_arrays(table: dict, n: int) -> tuple[np.ndarray, np.ndarray]:
    transition, paid = np.zeros((n, len(table[0]), n)), np.zeros((n, len(table[0]), n))
    for s, rows in table.items():
        for a, outcomes in rows.items():
            for p, there, reward, _ in outcomes:
                transition[s, a, there] += p
                paid[s, a, there] += p * reward
    return transition, paid


def test_every_task_is_disturbed_here() -> None:
    assert {name(id) for id in IDS} == set(DISTURBED)


@pytest.mark.parametrize("id", IDS)
@pytest.mark.parametrize("disturbed", [False, True])
def test_the_model_is_the_environments_law(id: str, disturbed: bool) -> None:
    values = DISTURBED[name(id)] if disturbed else {}
    model = registry.task(id).model(**values)
    env = robust_gym.make(id, disruption(values) if disturbed else None)
    env.action_space.seed(1)
    state, _ = env.reset(seed=3)
    n, actions = len(model.states), len(model.actions)
    assert (env.observation_space.n, env.action_space.n) == (n, actions)
    counts, starts = np.zeros((n, actions, n)), np.zeros(n)
    earned, squares = np.zeros((n, actions)), np.zeros((n, actions))
    starts[state] += 1
    for _ in range(6000):
        action = env.action_space.sample()
        after, reward, terminated, truncated, _ = env.step(action)
        assert model.transition[state, action, after] > 0.0
        assert terminated == model.terminal[after]
        counts[state, action, after] += 1
        earned[state, action] += reward
        squares[state, action] += reward**2
        state = after
        if terminated or truncated:
            state, _ = env.reset()
            starts[state] += 1
    assert not starts[model.initial == 0.0].any()
    visits = counts.sum(axis=2)
    expected = model.transition * visits[..., None]
    # One outcome of n draws is within five standard deviations of its mean, plus one for the small counts.
    spread = np.sqrt(expected * np.maximum(1.0 - model.transition, 0.0))
    assert (np.abs(counts - expected) <= 5.0 * spread + 1.0).all()
    mean = model.expected_reward()
    often = visits >= 30
    variance = squares[often] / visits[often] - (earned[often] / visits[often]) ** 2
    error = np.abs(earned - visits * mean)[often]
    assert (error <= 5.0 * np.sqrt(visits[often] * np.maximum(variance, 0.0)) + 1e-6).all()


@pytest.mark.parametrize("id", [id for id in IDS if ":frozen" in registry.task(id).base])
def test_frozen_lakes_are_gymnasiums(id: str) -> None:
    size = registry.task(id).kwargs["map_name"]
    assert robust_gym.make(id).unwrapped.P == FrozenLakeEnv(map_name=size).P
    env = robust_gym.make(id, "dynamics:slip:0.3")
    env.reset(seed=0)
    ours, _ = table_arrays(env.unwrapped.P, 16 if size == "4x4" else 64)
    theirs, _ = table_arrays(FrozenLakeEnv(map_name=size, success_rate=0.8).P, len(ours))
    np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_cliffs_are_gymnasiums() -> None:
    for slippery, id in ((False, "Robust-CliffWalking-v0"), (True, "Robust-CliffWalkingSlippery-v0")):
        assert robust_gym.make(id).unwrapped.P == CliffWalkingEnv(is_slippery=slippery).P
    env = robust_gym.make("Robust-CliffWalking-v0", f"dynamics:slip:{2 / 3}")
    env.reset(seed=0)
    slippery = table_arrays(CliffWalkingEnv(is_slippery=True).P, 48)
    for ours, theirs in zip(table_arrays(env.unwrapped.P, 48), slippery, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_taxi_is_gymnasiums_and_slip_is_its_rain() -> None:
    assert robust_gym.make("Robust-Taxi-v0").unwrapped.P == TaxiEnv().P
    env = robust_gym.make("Robust-Taxi-v0", "dynamics:slip:0.2")
    env.reset(seed=0)
    rain = TaxiEnv(is_rainy=True, rainy_probability=0.8)
    for ours, theirs in zip(table_arrays(env.unwrapped.P, 500), table_arrays(rain.P, 500), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


@pytest.mark.parametrize(
    ("id", "optimal"),
    [
        ("Robust-CliffWalking-v0", -13.0),  # Sutton & Barto, Example 6.6
        ("Robust-WindyGridworld-v0", -15.0),  # Example 6.5
        ("Robust-FrozenLake-v0", 0.7442),  # Gymnasium names 0.74 and 0.91
        ("Robust-FrozenLake8x8-v0", 0.9132),
        ("Robust-Taxi-v0", 7.93),
    ],
)
def test_known_optima(id: str, optimal: float) -> None:
    assert exact_returns(registry.task(id)).optimal == pytest.approx(optimal, abs=1e-4)


def test_a_fair_gambler_wins_in_proportion_to_the_capital() -> None:
    model = registry.task("Robust-Gambler-v0").model(head_probability=0.5 / 0.6)
    values, _ = model.backward_induction(400)
    np.testing.assert_allclose(values[0][:50], np.arange(50) / 50, atol=1e-9)


def test_a_machine_is_repaired_when_it_is_old() -> None:
    model = registry.task("Robust-MachineReplacement-v0").model()
    _, q = model.value_iteration()
    best = q.argmax(axis=1)
    assert (best[2], best[9]) == (0, 1), "run the new, repair the broken machine"
    assert (best[:2] == (0, 1)).all(), "let the normal repair end, and turn the long one into a normal one"


def test_the_inventory_accounts_for_every_unit() -> None:
    steady = registry.task("Robust-Inventory-v0").model(demand_law="steady")
    # Demand is 5 for sure: from 5 in stock, ordering 5 sells 5 and keeps 5.
    assert steady.transition[5, 5, 5] == pytest.approx(1.0)
    assert steady.reward[5, 5, 5] == pytest.approx(4.0 * 5 - (4.0 + 2.0 * 5) - 0.1 * 5)
    lost = registry.task("Robust-Inventory-v0").model(demand_law="steady", supply_failure=0.5)
    assert lost.transition[5, 5, [0, 5]] == pytest.approx([0.5, 0.5])
    assert lost.reward[5, 5, 0] == pytest.approx(4.0 * 5 - 0.1 * 5), "what does not arrive is not paid"


def test_an_option_is_worth_more_when_prices_move_more() -> None:
    task = registry.task("Robust-AmericanOption-v0")
    worth = [exact_returns(task, tick=factor).optimal for factor in (0.5, 1.0, 2.0)]
    assert worth == sorted(worth)
    assert exact_returns(task, up_probability=1.5).optimal < worth[1] < exact_returns(task, crash=0.2).optimal


@pytest.mark.parametrize(
    ("id", "worse"),
    [
        ("Robust-FrozenLake-v0", {"wind": 0.3}),
        ("Robust-FrozenLake8x8-v0", {"stuck": 0.3}),
        ("Robust-CliffWalking-v0", {"slip": 0.2}),
        ("Robust-CliffWalking-v0", {"wind": 0.2}),
        ("Robust-CliffWalking-v0", {"cliff": "wide", "slip": 0.2}),
        ("Robust-Taxi-v0", {"fumble": 0.5}),
        ("Robust-Taxi-v0", {"roads": "west_closed"}),
        ("Robust-Taxi-v0", {"roads": "east_closed"}),
        ("Robust-GridWorld-v0", {"quicksand": 0.5}),
        ("Robust-GridWorld-v0", {"absorbing": "diagonal"}),
        ("Robust-FourRooms-v0", {"threshold": 0.9}),
        ("Robust-WindyGridworld-v0", {"winds": "storm"}),
        ("Robust-RiverSwim-v0", {"current": 0.2}),
        ("Robust-MachineReplacement-v0", {"normal_repair": 0.5}),
        ("Robust-Gambler-v0", {"head_probability": 0.7}),
        ("Robust-Garnet-v0", {"sabotage": 0.3}),
        ("Robust-Inventory-v0", {"supply_failure": 0.5}),
        ("Robust-Inventory-v0", {"spoilage": 0.5}),
        ("Robust-OrderDispatch-v0", {"cancellation": 0.5}),
    ],
)
def test_disruptions_that_must_hurt_the_best_policy(id: str, worse: dict[str, float | str]) -> None:
    task = registry.task(id)
    assert exact_returns(task, **worse).optimal < exact_returns(task).optimal - 1e-6


def test_every_map_can_be_solved() -> None:
    for size, id in (("4x4", "Robust-FrozenLake-v0"), ("8x8", "Robust-FrozenLake8x8-v0")):
        for word in LAKES[size]:
            assert exact_returns(registry.task(id), map=word, slip=0.0).optimal == 1.0
    for word in CLIFFS:
        assert -20 <= exact_returns(registry.task("Robust-CliffWalking-v0"), cliff=word).optimal <= -13
    for word in ROADS:
        assert exact_returns(registry.task("Robust-Taxi-v0"), roads=word).optimal > 4.0
    grid = registry.task("Robust-GridWorld-v0")
    for word in grid.semantic["absorbing"].options:
        assert exact_returns(grid, absorbing=word, slip=0.0).optimal > 14.0
    rooms = registry.task("Robust-FourRooms-v0")
    for word in rooms.semantic["doors"].options:
        assert exact_returns(rooms, doors=word).optimal > 0.99


def test_transposing_a_lake_changes_the_policy_and_not_the_value() -> None:
    task = registry.task("Robust-FrozenLake-v0")
    assert exact_returns(task, map="transposed").optimal == pytest.approx(exact_returns(task).optimal)
    nominal, turned = task.model(), task.model(map="transposed")
    policy = np.eye(4)[nominal.value_iteration()[1].argmax(axis=1)]
    assert turned.expected_return(policy, 100) < 0.5 * nominal.expected_return(policy, 100)


def test_absorbing_cells_absorb_and_closed_doors_are_never_passed() -> None:
    grid = registry.task("Robust-GridWorld-v0").model(absorbing="ring")
    for cell in ((1, 1), (1, 2), (2, 1)):
        state = grid.states.index(f"row {cell[0]}, column {cell[1]}")
        assert (grid.transition[state, :, state] == 1.0).all()
    rooms = registry.task("Robust-FourRooms-v0").model(doors="north_closed")
    door = rooms.states.index("row 3, column 6")
    others = np.arange(len(rooms.states)) != door
    assert not rooms.transition[others, :, door].any()


def test_pictures_and_masks_show_the_changed_map() -> None:
    env = gym.make("Robust-FrozenLake-v0", render_mode="ansi", disruption="dynamics:map:transposed")
    env.reset(seed=0)
    assert env.unwrapped.desc.astype(str).tolist() == [list(row) for row in LAKES["4x4"]["transposed"]]
    assert env.render()
    env.close()
    env = gym.make("Robust-Taxi-v0", disruption="dynamics:roads:west_closed")
    env.reset(seed=0)
    assert env.unwrapped.action_mask(env.unwrapped.encode(2, 1, 0, 1))[2] == 0
    assert gym.make("Robust-Taxi-v0").unwrapped.action_mask(env.unwrapped.encode(2, 1, 0, 1))[2] == 1
    env.close()
    env = gym.make("Robust-FourRooms-v0", render_mode="ansi")
    env.reset(seed=0)
    env.step(0)
    first, *rows = env.render().splitlines()
    assert first.endswith("after left")
    assert "".join(rows).count("@") == 1
    row, column = (int(word) for word in first.replace("row ", "").split(" after")[0].split(", column "))
    assert rows[row][column] == "@"


def test_exact_returns_are_what_simulation_finds() -> None:
    task = registry.task("Robust-Inventory-v0")
    values = {"demand": 1.3, "supply_failure": 0.3}
    env = robust_gym.make(task.id, disruption(values))
    env.action_space.seed(5)
    totals = []
    for episode in range(60):
        env.reset(seed=episode)
        total, over = 0.0, False
        while not over:
            _, reward, terminated, truncated, _ = env.step(env.action_space.sample())
            total, over = total + reward, terminated or truncated
        totals.append(total)
    error = np.std(totals) / np.sqrt(len(totals))
    assert abs(np.mean(totals) - exact_returns(task, **values).random) < 4.0 * error


def test_planning_agrees_with_itself() -> None:
    model = registry.task("Robust-RiverSwim-v0").model()
    values, q = model.value_iteration(0.9, tolerance=1e-9)
    np.testing.assert_allclose(values, q.max(axis=1), atol=1e-8)
    policy = np.eye(2)[q.argmax(axis=1)]
    p = np.einsum("sa,sat->st", policy, model.transition)
    r = (policy * model.expected_reward()).sum(axis=1)
    np.testing.assert_allclose(values, np.linalg.solve(np.eye(len(p)) - 0.9 * p, r), atol=1e-7)
    v, q = model.backward_induction(20)
    best = np.eye(2)[q.argmax(axis=2)]
    assert model.expected_return(best, 20) == pytest.approx(float(model.initial @ v[0]))


def test_a_model_is_validated() -> None:
    model = registry.task("Robust-RiverSwim-v0").model()
    with pytest.raises(ValueError, match="sum to 1, got 1.5 in state 1 under action 0"):
        bad = model.transition.copy()
        bad[1, 0, 3] = 0.5
        dataclasses.replace(model, transition=bad)
    with pytest.raises(ValueError, match="shape"):
        dataclasses.replace(model, reward=model.reward[:2])
    with pytest.raises(ValueError, match="terminal state must lead to itself"):
        dataclasses.replace(model, terminal=np.eye(6, dtype=bool)[2])
    with pytest.raises(ValueError, match="discount"):
        model.value_iteration(1.0)
    with pytest.raises(ValueError, match="policy must have the shape"):
        model.expected_return(np.ones(3), 5)
    with pytest.raises(ValueError, match="read-only"):
        model.transition[0] = 0.0


@pytest.mark.parametrize(
    ("id", "kwargs"),
    [
        ("Robust-FrozenLake-v0", {"is_slippery": False}),
        ("Robust-FrozenLake-v0", {"map_name": "8x8"}),
        ("Robust-FrozenLake-v0", {"desc": ["SF", "FG"]}),
        ("Robust-CliffWalking-v0", {"is_slippery": True}),
        ("Robust-Taxi-v0", {"is_rainy": True}),
    ],
)
def test_arguments_that_change_the_table_cannot_be_disturbed(id: str, kwargs: dict[str, object]) -> None:
    env = gym.make(id, disruption="dynamics:stuck:0.1", **kwargs)
    for _ in range(2):
        with pytest.raises(robust_gym.DisruptionError, match=f"{id} was made with arguments that change"):
            env.reset(seed=0)
    plain = gym.make(id, **kwargs)
    plain.reset(seed=0)
    plain.step(1)
    fickle = gym.make("Robust-Taxi-v0", disruption="dynamics:stuck:0.1", fickle_passenger=True)
    fickle.reset(seed=0)  # what is no part of the table may be asked for


def test_bad_values_and_actions_are_refused() -> None:
    task = registry.task("Robust-RiverSwim-v0")
    with pytest.raises(ValueError, match="Did you mean 'current'"):
        task.model(curent=0.1)
    with pytest.raises(ValueError, match="goes from"):
        task.model(current=2.0)
    env = robust_gym.make("Robust-RiverSwim-v0").unwrapped
    env.reset(seed=0)
    with pytest.raises(ValueError, match="whole number 0 to 1"):
        env.step(2)
    assert isinstance(env.model, TabularModel)
