"""The recorded run of the adversaries: the page shows it, and adversaries do more harm than noise."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import adversaries
from recorded import between

RESULTS = json.loads(adversaries.RESULTS.read_text(encoding="utf-8"))


def test_the_page_shows_the_recorded_run() -> None:
    page = adversaries.PAGE.read_text(encoding="utf-8")
    assert between(page, "adversaries", adversaries.table(RESULTS)) == page


@pytest.mark.parametrize("radius", RESULTS["rows"])
def test_adversaries_do_more_harm_than_noise_of_the_same_radius(radius: str) -> None:
    rows = RESULTS["rows"][radius]
    noise = [row for row in rows if "adversary" not in row["disruption"]]
    attacks = [row for row in rows if "adversary" in row["disruption"]]
    assert {row["disruption"].split(":")[1] for row in noise} == {"gauss", "uniform"}
    weakest = min(row["mean"] - 3 * row["standard_error"] for row in noise)
    strongest = min(row["mean"] + 3 * row["standard_error"] for row in attacks)
    assert strongest < weakest
