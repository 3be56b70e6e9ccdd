"""The page in a real browser: without the network, with and without JavaScript, on a phone, light and dark."""

import time

import pytest
from leaderboard_browser import CHROMIUM, MISSING, browser
from leaderboard_reader import Reader, built
from leaderboard_samples import TASKS, everything, run

from robust_gym.leaderboard import build, load_records

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason=MISSING),
]
LIGHT_AND_DARK = {"light": "rgb(253, 253, 251)", "dark": "rgb(20, 23, 27)"}


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """A page with everything: scores, raw returns, several groups, a partial entry."""
    folder = tmp_path_factory.mktemp("full")
    records = everything()
    source, reader = built(records, folder)
    return records, source, reader, folder / "index.html"


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(autouse=True)
def fresh(request):
    """Forget what a tab noted in the test before."""
    if "tab" in request.fixturenames:
        noted = request.getfixturevalue("tab")
        noted.alarms.clear()
        noted.requests.clear()


def test_a_browser_shows_every_row_and_makes_tables_sortable(full, tab):
    _, source, reader, file = full
    tab.open(file)
    shown = tab.html()
    assert tab.alarms == []
    assert [url for url in tab.requests if not url.startswith("data:")] == [file.as_uri()]
    assert Reader(shown).rows == reader.rows > 20
    assert "<button" not in source
    assert shown.count("<button") == source.count('scope="col"')


def test_a_browser_without_javascript_shows_every_row(full, tab):
    _, _, reader, file = full
    tab.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        tab.open(file)
        shown = tab.html()
    finally:
        tab.call("Emulation.setScriptExecutionDisabled", value=False)
    assert tab.alarms == []
    assert "<button" not in shown
    assert Reader(shown).rows == reader.rows > 20


def test_a_click_sorts_and_missing_values_come_last(full, tab):
    tab.open(full[3])
    column = "document.querySelectorAll('thead th')[{}]"
    keys = "[...document.querySelector('tbody').rows].map((row) => row.cells[{}].dataset.key ?? null)"
    assert tab.value(f"{column.format(3)}.textContent") == "ID"
    tab.click(f"{column.format(3)}.querySelector('button')")
    assert tab.value(f"{column.format(3)}.ariaSort") == "descending"
    values = [float(value) for value in tab.value(keys.format(3))]
    assert len(values) == 6
    assert values == sorted(values, reverse=True)
    tab.click(f"{column.format(3)}.querySelector('button')")
    assert [float(value) for value in tab.value(keys.format(3))] == values[::-1]
    for wanted in (["1", "2", "3", "4", "5", None], ["5", "4", "3", "2", "1", None]):
        tab.click(f"{column.format(0)}.querySelector('button')")
        assert tab.value(keys.format(0)) == wanted
    assert tab.value(f"{column.format(3)}.ariaSort") is None


def test_the_raw_data_can_be_downloaded_from_the_page(tab, tmp_path):
    records = list(run(TASKS[0], "synthetic"))
    tab.open(build(records, tmp_path))
    tab.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    tab.click("document.querySelector('a[download]')")
    wanted = tmp_path / "index.ndjson"
    for _ in range(100):
        if wanted.exists():
            break
        time.sleep(0.1)
    assert load_records([wanted]) == records


@pytest.mark.parametrize("scheme", LIGHT_AND_DARK)
def test_a_phone_shows_the_page_without_scrolling_sideways(full, tab, scheme):
    tab.call("Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=1, mobile=True)
    tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    try:
        tab.open(full[3])
        tab.value("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        assert tab.value("document.documentElement.scrollWidth") == 390
        assert tab.value("getComputedStyle(document.body).backgroundColor") == LIGHT_AND_DARK[scheme]
    finally:
        tab.call("Emulation.clearDeviceMetricsOverride")
        tab.call("Emulation.setEmulatedMedia", features=[])
