"""The multi-agent HVAC building of SustainGym, with real weather, as used in the DrIGM paper."""

from __future__ import annotations

from robust_gym.registry import register_task
from robust_gym.task import DynamicsParameter, SemanticShift, Task

CITIES: dict[str, tuple[str, str]] = {
    "honolulu": ("Very_Hot_Humid", "Honolulu"),
    "tampa": ("Hot_Humid", "Tampa"),
    "tucson": ("Hot_Dry", "Tucson"),
    "atlanta": ("Warm_Humid", "Atlanta"),
    "el_paso": ("Warm_Dry", "ElPaso"),
    "san_diego": ("Warm_Marine", "SanDiego"),
    "new_york": ("Mixed_Humid", "NewYork"),
    "albuquerque": ("Mixed_Dry", "Albuquerque"),
    "seattle": ("Mixed_Marine", "Seattle"),
    "buffalo": ("Cool_Humid", "Buffalo"),
    "denver": ("Cool_Dry", "Denver"),
    "port_angeles": ("Cool_Marine", "PortAngeles"),
    # The DrIGM paper's "Cool_Marine Seattle": the weather of Port Angeles above the ground of Seattle.
    "cool_marine_seattle": ("Cool_Marine", "Seattle"),
    "rochester": ("Cold_Humid", "Rochester"),
    "great_falls": ("Cold_Dry", "GreatFalls"),
    "international_falls": ("Very_Cold", "InternationalFalls"),
    "fairbanks": ("Subarctic/Arctic", "Fairbanks"),
}
"""SustainGym's names of the weather file and of the ground temperatures, by the word used in disruptions."""

SEASONS: dict[str, tuple[int, int]] = {"training": (0, 200), "late": (200, 365)}
"""Days of the year, counted from 0, that a seeded reset draws from: first, and one past the last."""

STEPS_PER_DAY = 288
"""One step is five minutes."""

_EPISODES = {"smoke": 2, "quick": 100, "standard": 600}

DYNAMICS = (
    DynamicsParameter("hvac_power", "heating and cooling power of every zone's unit at full action", "W", 8000.0),
    DynamicsParameter("heat_capacity", "heat capacity of the zones (nominal: of all six together)", "J/K", 4.5656e6),
    DynamicsParameter(
        "envelope_conductance", "conductance of walls, windows and roof to the outside (all together)", "W/K", 418.65
    ),
    DynamicsParameter(
        "interior_conductance", "conductance of walls and ceilings between zones (all together)", "W/K", 3081.2
    ),
    DynamicsParameter("ground_conductance", "conductance of the floors to the ground (all together)", "W/K", 81.53),
    DynamicsParameter("solar_gain", "solar heat gain coefficient of the windows", "", 0.252),
    DynamicsParameter(
        "internal_gain",
        "heat released in every zone by people and equipment (SustainGym's default building is empty)",
        "W",
        0.0,
        0.0,
        2000.0,
        mode="set",
    ),
    DynamicsParameter("outdoor_temperature", "offset of the outdoor temperature", "°C", 0.0, -10.0, 10.0, mode="set"),
    DynamicsParameter("ground_temperature", "offset of the ground temperature", "°C", 0.0, -10.0, 10.0, mode="set"),
    DynamicsParameter(
        "initial_temperature",
        "offset of the zones' temperature at the start of the day from the target of 22 °C",
        "°C",
        0.0,
        -10.0,
        10.0,
        mode="set",
        at_reset=True,
    ),
)

CITY = SemanticShift(
    "city",
    "weather and ground temperatures of another city; evaluated are those of the DrIGM paper, whose "
    "'Cool_Marine Seattle' has the weather of Port Angeles and the ground of Seattle",
    nominal="tucson",
    options=tuple(sorted(CITIES)),
    evaluated=("tampa", "honolulu", "el_paso", "cool_marine_seattle", "new_york"),
)
SEASON = SemanticShift(
    "season",
    "days of the year: training is days 0 to 199 (those of the DrIGM paper), late is days 200 to 364",
    nominal="training",
    options=tuple(SEASONS),
    evaluated=("late",),
)

register_task(
    Task(
        id="Robust-Building-v0",
        family="building",
        about="Six agents heat and cool the zones of a small office over a day of real weather.",
        api="parallel",
        base="robust_gym.tasks._building_env:make",
        adapter="robust_gym.tasks._building_env:BuildingDynamics",
        dynamics={parameter.name: parameter for parameter in DYNAMICS},
        semantic={shift.name: shift for shift in (CITY, SEASON)},
        action="discrete",
        null_action=100,
        horizon=STEPS_PER_DAY,
        modules=("sustaingym", "sklearn", "pvlib", "pandas", "scipy"),
        install='pip install "robust-gym[building]" && pip install --no-deps sustaingym==0.1.7',
        steps={budget: episodes * STEPS_PER_DAY for budget, episodes in _EPISODES.items()},
        source="SustainGym MultiAgentBuildingEnv (Yeh et al., NeurIPS 2023), configured as in DrIGM (arXiv 2602.11437)",
    )
)
