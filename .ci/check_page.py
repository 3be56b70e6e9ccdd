"""Check a leaderboard page: it names the algorithms given, and loads nothing from anywhere.

python .ci/check_page.py docs/leaderboard/index.html robust-vdn vdn
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path


class Page(HTMLParser):
    """Collects what the page loads and what its tables say."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.cells: list[str] = []
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag loads, and whether we are inside a table."""
        self._depth += tag == "table"
        for name, value in attrs:
            loads = name == "src" or (name == "href" and tag in ("link", "use", "image"))
            if loads and value and not value.startswith(("data:", "#")):
                self.loads.append(value)

    def handle_endtag(self, tag: str) -> None:
        """Leave a table."""
        self._depth -= tag == "table"

    def handle_data(self, data: str) -> None:
        """Note a table's text."""
        if self._depth:
            self.cells.append(data.strip())


page = Page()
page.feed(Path(sys.argv[1]).read_text(encoding="utf-8"))
missing = [name for name in sys.argv[2:] if name not in page.cells]
if missing or page.loads:
    sys.exit(f"{sys.argv[1]}: not in any table: {missing}; loads from elsewhere: {page.loads}")
print(f"{sys.argv[1]}: {len(page.cells)} table cells, nothing loaded from elsewhere")
