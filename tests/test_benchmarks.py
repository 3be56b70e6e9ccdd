"""What the benchmarks keep is what the page about speed shows."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import recorded  # noqa: E402


def pages() -> dict[str, str]:
    """Return the pages that show tables, by name."""
    return {name: recorded.PAGE.with_name(name).read_text(encoding="utf-8") for name in recorded.PAGES}


def test_the_pages_show_the_kept_tables() -> None:
    for name, page in pages().items():
        assert recorded.with_tables(page, name) == page, "python benchmarks/recorded.py"


def test_every_place_of_the_pages_is_filled() -> None:
    kept = [file for file in recorded.RESULTS.glob("*.json") if "columns" in json.loads(file.read_text())]
    assert sum(page.count(":begin -->") for page in pages().values()) == len(kept)


def test_a_table_becomes_text_and_markdown() -> None:
    table = recorded.Table("x", "python x.py", ("what", "ms"), [("slow", "12.5"), ("fast thing", "3")])
    assert str(table).splitlines() == ["what          ms", "slow        12.5", "fast thing     3"]
    data = {"columns": table.columns, "rows": table.rows, "command": table.command, "date": "2026-11-20"}
    shown = recorded.markdown({**data, "machine": "two cores", "libraries": {"numpy": "2"}})
    assert "| what | ms |\n| :-- | --: |\n| slow | 12.5 |" in shown
    assert "`python x.py`, 2026-11-20: two cores; numpy 2." in shown
    page = "a<!-- x:begin -->old<!-- x:end -->b"
    assert recorded.between(page, "x", "new") == "a<!-- x:begin -->\nnew<!-- x:end -->b"
    with pytest.raises(ValueError, match="no place for 'y'"):
        recorded.between(page, "y", "new")
