"""The DrIGM suite on the building, beside the results of the paper's own networks.

    robust-gym bench --suite drigm --budget quick --out results/drigm
    python benchmarks/drigm.py evaluate results/drigm [--keep]
    python benchmarks/drigm.py table [--keep]

``evaluate`` plays every trained policy of a folder of results on the days and in the cities of the reference, which is
not the protocol: 50 days drawn from days 0 to 199, among which training takes its days too, and every third day from
day 200 on, which no training sees. ``--keep`` adds the means to ``benchmarks/results/drigm_returns.json``, from which
``table`` makes the tables of ``docs/drigm.md``. Intervals are 95 % bootstrap intervals over seeds.
"""

from __future__ import annotations

import argparse
import csv
import functools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from recorded import RESULTS, ROOT, between

from robust_gym import registry
from robust_gym.baselines.marl.arguments import PAPER
from robust_gym.bench.policies import find_policy
from robust_gym.evaluate import play
from robust_gym.tasks.building import SEASONS

TASK = "Robust-Building-v0"
KEPT = RESULTS / "drigm_returns.json"
REFERENCE = RESULTS / "drigm_reference.csv"
PAGE = ROOT / "docs" / "drigm.md"
CITIES = {
    "tucson": "Hot_Dry/Tucson",
    "tampa": "Hot_Humid/Tampa",
    "honolulu": "Very_Hot_Humid/Honolulu",
    "el_paso": "Warm_Dry/ElPaso",
    "cool_marine_seattle": "Cool_Marine(PortAngeles epw)/Seattle ground",
    "new_york": "Mixed_Humid/NewYork",
}
"""Our words for the cities, and the reference's; the first is that of training."""
DAYS = {
    "training": [int(day) for day in np.random.default_rng(11).integers(0, 200, 50)],
    "late": list(range(200, 365, 3)),
}
"""The reference's days, by season."""
THEIRS = {
    "vdn": ("vdn", "0.0"),
    "robust-vdn": ("vdn", "0.008"),
    "robust-vdn-tv": ("vdn_g", "0.2"),
    "groupdr-vdn": ("vdn_groupdr", "0.0"),
    "qmix": ("qmix", "0.0"),
    "robust-qmix": ("qmix", "0.008"),
    "robust-qmix-tv": ("qmix_g", "0.2"),
    "groupdr-qmix": ("qmix_groupdr", "0.0"),
    "qtran": ("qtran", "0.0"),
    "robust-qtran": ("qtran", "0.008"),
    "robust-qtran-tv": ("qtran_g", "0.2"),
    "groupdr-qtran": ("qtran_groupdr", "0.0"),
    "robust-vdn-tv, rho 0": ("vdn_g", "0.0"),
}
"""The reference's algorithm and rho of each of ours."""
BESIDE = {
    "robust-vdn": "vdn",
    "robust-vdn-tv": "vdn",
    "groupdr-vdn": "vdn",
    "dr-vdn": "vdn",
    "robust-qmix": "qmix",
    "robust-qmix-tv": "qmix",
    "groupdr-qmix": "qmix",
    "robust-qtran": "qtran",
    "robust-qtran-tv": "qtran",
    "groupdr-qtran": "qtran",
    "vdn, gamma 0.7976": "vdn",
    "robust-vdn-tv, rho 0": "vdn",
}
"""The standard counterpart of each method and control."""
AUTHORS_SECONDS = 2.5
"""CPU seconds an episode of the authors' VDN, one thread; noted by hand, without a record."""
LEAST = -9000.0
"""The return that the reference normalises to 0; 0 becomes 1."""


def place(city: str, season: str) -> str:
    """Return the disruption that moves the building to a city and a season."""
    terms = [f"dynamics:city:{city}"] * (city != "tucson") + [f"dynamics:season:{season}"] * (season != "training")
    return "+".join(terms) or "none"


@functools.cache
def seed_of(day: int, season: str) -> int:
    """Return the smallest seed whose episode in a season is a given day."""
    return next(seed for seed in range(10**6) if np.random.default_rng(seed).integers(*SEASONS[season]) == day)


def means(policy: Any) -> dict[str, float]:
    """Return the mean return of a policy by ``city season``."""
    cells = [(city, season) for city in CITIES for season in DAYS]
    seeds = {season: {day: seed_of(day, season) for day in days} for season, days in DAYS.items()}
    jobs = [(place(city, season), sorted(set(seeds[season].values()))) for city, season in cells]
    found = play(policy, registry.task(TASK), jobs)
    return {
        f"{city} {season}": float(np.mean([found[place(city, season), seeds[season][day]][0] for day in DAYS[season]]))
        for city, season in cells
    }


def label(algorithm: str, arguments: Mapping[str, Any]) -> str:
    """Return what a row is called: the algorithm, and every argument that is not as its settings have it.

    Both settings are meant with one copy: copies are named, since they change what is learnt.
    """
    cls = registry.algorithm(algorithm).cls
    usual = vars(cls())
    if settings(arguments) == "paper":
        usual = {**usual, **cls.settings["paper"], "n_envs": usual["n_envs"]}
    marks = [f"{name} {_shown(value)}" for name, value in arguments.items() if value != usual.get(name)]
    return ", ".join([algorithm, *marks])


def _shown(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, float) or float(f"{value:g}") != value:
        return str(value)
    return f"{value:g}"


def settings(arguments: Mapping[str, Any]) -> str:
    """Return whether a policy's networks are those of the paper, or the default ones."""
    return "paper" if arguments["network"] == "lstm" else "default"


def evaluate(folder: Path, keep: bool) -> None:
    """Play all policies of a folder; print their means, and keep them if asked to."""
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else []
    have: set[tuple[Any, ...]] = {(row["label"], row["settings"], row["budget"], row["seed"]) for row in kept}
    for path in sorted(folder.glob(f"v1/*/{TASK}/*/seed-*/policy")):
        found = find_policy(str(path.parent), None)
        training = found.training
        row: dict[str, Any] = {
            "label": label(training.algorithm, training.arguments),
            "settings": settings(training.arguments),
            "budget": training.budget,
            "seed": training.seed,
        }
        key = tuple(row.values())
        if key in have:
            print(*key, f"is in {KEPT.relative_to(ROOT)}, or in this folder, already")
            continue
        have.add(key)
        row |= {
            "steps": training.steps_used,
            "train_seconds": round(training.train_seconds, 1),
            "commit": training.provenance.git_commit,
            "returns": {name: round(value, 2) for name, value in means(found.policy).items()},
        }
        kept.append(row)
        print(*list(row.values())[:6], f"{np.mean(list(row['returns'].values())):.0f}", flush=True)
        if keep:
            order = sorted(kept, key=lambda one: (one["budget"], one["settings"], one["label"], one["seed"]))
            KEPT.write_text("[\n" + ",\n".join(json.dumps(one) for one in order) + "\n]\n", encoding="utf-8")


def scores(row: Mapping[str, Any]) -> dict[str, float]:
    """Return a run's normalised scores: training city, other cities, New York, and the same cities late in the year."""
    returns = {name: (value - LEAST) / -LEAST for name, value in row["returns"].items()}
    others = [city for city in CITIES if city != "tucson"]
    return {
        "Tucson": returns["tucson training"],
        "other cities": float(np.mean([returns[f"{city} training"] for city in others])),
        "New York": returns["new_york training"],
        "Tucson, late": returns["tucson late"],
        "other cities, late": float(np.mean([returns[f"{city} late"] for city in others])),
    }


def reference() -> dict[str, dict[str, float]]:
    """Return the reference's scores by our names of its algorithms; there are no seeds one by one."""
    with REFERENCE.open() as file:
        table = {(line["algorithm"], line["rho"], line["weather_location"]): line for line in csv.DictReader(file)}
    found = {}
    for name, (algorithm, rho) in THEIRS.items():
        columns = {"training": "season1_mean", "late": "season2_mean"}
        # Of some algorithms, the late season is not known.
        returns = {f"{city} {season}": np.nan for city in CITIES for season in columns}
        for city, theirs in CITIES.items():
            for season, column in columns.items():
                value = table[algorithm, rho, theirs][column]
                if value:
                    returns[f"{city} {season}"] = float(value)
        found[name] = scores({"returns": returns})
    return found


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a mean."""
    rng = np.random.default_rng(0)
    drawn = rng.choice(np.asarray(values), (10_000, len(values))).mean(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(low), float(high)


def difference(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float, float]:
    """Return the difference of two means with its 95 % bootstrap interval; seeds of the two are not paired."""
    rng = np.random.default_rng(0)
    one = rng.choice(np.asarray(ours), (10_000, len(ours))).mean(axis=1)
    other = rng.choice(np.asarray(theirs), (10_000, len(theirs))).mean(axis=1)
    low, high = np.quantile(one - other, (0.025, 0.975))
    return float(np.mean(ours) - np.mean(theirs)), float(low), float(high)


def _cell(values: Sequence[float], theirs: float | None) -> str:
    low, high = interval(values)
    beside = "" if theirs is None or np.isnan(theirs) else f" ({theirs:.2f})"
    return f"{np.mean(values):.2f} [{low:.2f}, {high:.2f}]{beside}"


def _cell_text(name: str) -> str:
    # A training distribution has bars between its disruptions.
    return name.replace("|", "\\|")


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, [":--", *["--:"] * (len(columns) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def tables(kept: Sequence[Mapping[str, Any]], budget: str) -> dict[str, str]:
    """Return the page's tables by name.

    Raises:
        SystemExit: If there is no run to show.
    """
    ours = [row for row in kept if row["settings"] == "default" and row["budget"] == budget]
    if not ours:
        budgets = sorted({row["budget"] for row in kept if row["settings"] == "default"})
        has = f"only of budget {', '.join(budgets)}" if budgets else "of none"
        raise SystemExit(f"there are no runs of budget {budget!r} in the default settings, {has}; `evaluate` adds them")
    theirs = reference()
    groups: dict[str, list[dict[str, float]]] = {}
    for row in ours:
        groups.setdefault(row["label"], []).append(scores(row))
    order = [name for name in (*THEIRS, *BESIDE) if name in groups]
    order += sorted(set(groups) - set(order))
    columns = list(scores(ours[0]))
    rows, gains = [], []
    for name in dict.fromkeys(order):
        runs = groups[name]
        beside = theirs.get(name, {})
        rows.append(
            [
                f"`{_cell_text(name)}`",
                str(len(runs)),
                *(_cell([run[column] for run in runs], beside.get(column)) for column in columns),
            ]
        )
        base = BESIDE.get(name, "")
        if base in groups:
            cells = []
            for column in ("other cities", "New York", "other cities, late"):
                gain, low, high = difference([run[column] for run in runs], [run[column] for run in groups[base]])
                known = beside.get(column, np.nan) - theirs[base][column] if beside else np.nan
                cells.append(f"{gain:+.2f} [{low:+.2f}, {high:+.2f}]" + ("" if np.isnan(known) else f" ({known:+.2f})"))
            gains.append([f"`{_cell_text(name)}` − `{base}`", *cells])
    made = {
        "drigm": _markdown(["", "seeds", *columns], rows),
        "drigm_gains": _markdown(["", "other cities", "New York", "other cities, late"], gains),
    }
    # The paper's settings collect from several copies, which later labels name.
    meant = {"default": ("vdn",), "paper": ("vdn", f"vdn, n_envs {PAPER['n_envs']}")}
    authors = ["authors'", "172,800", "5", f"{600 * AUTHORS_SECONDS:,.0f}"]
    lines = [[*authors, *(f"{theirs['vdn'][column]:.2f}" for column in ("Tucson", "other cities"))]]
    for kind in ("paper", "default"):
        for length in ("quick", "standard"):
            mine = (row for row in kept if (row["settings"], row["budget"]) == (kind, length))
            long = [row for row in mine if row["label"] in meant[kind]]
            if long:
                seconds = float(np.mean([row["train_seconds"] for row in long]))
                found = [scores(row) for row in long]
                cells = [_cell([run[column] for run in found], None) for column in ("Tucson", "other cities")]
                lines.append([f"`{kind}`", f"{long[0]['steps']:,}", str(len(long)), f"{seconds:,.0f}", *cells])
    made["drigm_fast"] = _markdown(["vdn", "steps", "seeds", "seconds a run", "Tucson", "other cities"], lines)
    return made


def main() -> None:
    """Evaluate, or write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("evaluate", help="play the policies of a folder of results")
    one.add_argument("folder", type=Path)
    other = commands.add_parser("table", help="make the tables of the page")
    other.add_argument("--budget", default="quick")
    for command in (one, other):
        command.add_argument("--keep", action="store_true", help="write files, not only the terminal")
    options = parser.parse_args()
    if options.command == "evaluate":
        evaluate(options.folder, options.keep)
        return
    page = PAGE.read_text(encoding="utf-8")
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else []
    for name, text in tables(kept, options.budget).items():
        print(text, end="\n\n")
        page = between(page, name, f"\n{text}\n\n")
    if options.keep:
        PAGE.write_text(page, encoding="utf-8")
        print(f"written into {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
