"""The page in a real browser: without the network, with and without JavaScript, on a phone, light and dark."""

import json
import re
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
    """Pages with everything: scores, raw returns, several groups, a partial entry."""
    folder = tmp_path_factory.mktemp("full")
    return built(everything(), folder)


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
    for file, source, reader in zip(full.files, full.sources, full.readers, strict=True):
        tab.requests.clear()
        tab.open(file)
        shown = tab.html()
        assert tab.alarms == []
        assert [url for url in tab.requests if not url.startswith("data:")] == [file.as_uri()]
        compared = tab.value("document.querySelectorAll('#difference tr').length")
        assert Reader(shown).rows == reader.rows + compared > 1
        # A button on every column, but on those of heat maps, which go by task.
        columns = "document.querySelectorAll('table.sortable th[scope=col], #difference th[scope=col]')"
        assert tab.value(f"[...{columns}].every((head) => head.querySelector('button'))")
        assert source.count("<button") == (1 if file.name == "index.html" else 0)


def test_a_browser_without_javascript_shows_every_row(full, tab):
    tab.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        tab.open(full.files[0])
        shown = tab.html()
        assert tab.value("document.getElementById('filters').checkVisibility()") is False
        assert "needs JavaScript; the command above does not" in Reader(shown).text
    finally:
        tab.call("Emulation.setScriptExecutionDisabled", value=False)
    assert tab.alarms == []
    assert shown.count("<button") == 1
    assert Reader(shown).rows == full.index.rows > 20


def test_a_click_sorts_and_missing_values_come_last(full, tab):
    tab.open(full.files[0])
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
    (tmp_path / "taken").mkdir()
    tab.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path / "taken"))
    tab.click("document.querySelector('a[download]')")
    wanted = tmp_path / "taken" / "index.ndjson.gz"
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
        tab.open(full.files[0])
        tab.value("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        assert tab.value("document.documentElement.scrollWidth") == 390
        assert tab.value("getComputedStyle(document.body).backgroundColor") == LIGHT_AND_DARK[scheme]
    finally:
        tab.call("Emulation.clearDeviceMetricsOverride")
        tab.call("Emulation.setEmulatedMedia", features=[])


def choose(tab, name, value):
    """Give a control of a form a value, as somebody does who uses it."""
    tab.value(
        f"(() => {{ const one = document.querySelector('[name={name}]'); one.value = {value!r};"
        "one.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )


def visible(tab, selector):
    """Return the texts of the elements that are shown."""
    return tab.value(
        f"[...document.querySelectorAll({selector!r})].filter((e) => e.checkVisibility()).map((e) => e.textContent)"
    )


def test_a_search_finds_algorithms_and_tasks(full, tab):
    tab.open(full.files[0])
    before = visible(tab, "tr[data-name] th"), visible(tab, ".tasks a")
    choose(tab, "q", "Robust")
    assert set(visible(tab, "tr[data-name] th")) == {"synthetic-robust"}
    assert visible(tab, ".tasks a") == before[1]  # no task has the name, so they are left alone
    assert "rows and" in tab.value("document.getElementById('shown').value")
    choose(tab, "q", "alpha")
    assert visible(tab, "tr[data-name] th") == before[0]
    assert set(visible(tab, ".tasks a")) == {"Synthetic-Alpha-v0"}
    choose(tab, "q", "nothing at all")
    assert visible(tab, "tr[data-name] th") == visible(tab, ".tasks a") == []
    tab.click("document.querySelector('#filters button')")
    time.sleep(0.1)
    assert (visible(tab, "tr[data-name] th"), visible(tab, ".tasks a")) == before
    assert tab.alarms == []


def test_filters_hide_what_is_not_wanted_and_are_part_of_the_address(full, tab):
    tab.open(full.files[0])
    choose(tab, "privilege", "none")
    assert "synthetic-robust" not in visible(tab, "tr[data-name] th")
    choose(tab, "privilege", "uses parameter-box")
    assert set(visible(tab, "tr[data-name] th")) == {"synthetic-robust"}
    assert tab.value("location.search") == "?privilege=uses+parameter-box"
    choose(tab, "privilege", "")
    choose(tab, "channel", "observation")
    shown = visible(tab, ".channels thead th[data-channel]")
    assert set(shown) == {"Observation"}
    shown = "[...row.cells].find((cell) => !cell.hidden && cell.cellIndex > 1).dataset.key"
    key = f"[...document.querySelector('.channels tbody').rows].map((row) => {shown})"
    values = [float(value) for value in tab.value(key)]
    assert values == sorted(values, reverse=True)
    assert tab.value("document.querySelector('.channels').open")
    choose(tab, "family", "synthetic")
    assert visible(tab, ".board")
    # A part of the page and what is chosen are in the address together, which alone brings all of it back.
    tab.click("document.querySelector('nav a[href=\"#data\"]')")
    time.sleep(0.2)
    assert tab.value("location.search + location.hash") == "?family=synthetic&channel=observation#data"
    address = tab.value("location.search")
    # Without a channel, its table is as it was.
    choose(tab, "channel", "")
    assert not tab.value("document.querySelector('.channels').open")
    assert tab.value("document.querySelector('.channels th').ariaSort") == "ascending"
    tab.open(full.files[0], address)
    assert set(visible(tab, ".channels thead th[data-channel]")) == {"Observation"}
    # Addresses of older pages have it after "#".
    tab.open(full.files[0], "#q=plain&protocol=v1")
    assert set(visible(tab, "tr[data-name] th")) == {"synthetic-plain"}
    assert tab.value("document.querySelector('[name=q]').value") == "plain"
    assert tab.alarms == []


def test_filters_choose_the_rows_of_every_table(full, tab):
    tab.open(full.files[0])
    tab.value("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    choose(tab, "q", "synthetic-robust")
    rows = visible(tab, "section[data-protocol] tbody tr")
    assert len(rows) > 5
    assert all("synthetic-robust" in row for row in rows)


def test_two_algorithms_are_compared_task_by_task(full, tab):
    tab.open(full.files[0])
    names = tab.value("Object.fromEntries([...pair.elements.a.options].map((one) => [one.label, one.value]))")
    choose(tab, "a", names["synthetic-robust"])
    choose(tab, "b", names["synthetic-brittle"])
    verdict = tab.value("document.getElementById('verdict').textContent")
    assert verdict == (
        "By OOD, synthetic-robust is higher than synthetic-brittle on 4 of the 4 tasks that both did, equal on 0 and "
        "lower on 0."
    )
    cells = "[...row.cells].map((cell) => cell.textContent)"
    rows = tab.value(f"[...document.querySelector('#difference tbody').rows].map((row) => {cells})")
    assert [row[0] for row in rows] == sorted(TASKS)
    for row in rows:
        first, second = float(row[2].replace("\u2212", "-")), float(row[3].replace("\u2212", "-"))
        assert float(row[1].replace("\u2212", "-")) == pytest.approx(first - second, abs=2e-3)
    assert f"a={names['synthetic-robust']}&b={names['synthetic-brittle']}" in tab.value("location.search")
    choose(tab, "a", names["synthetic-partial"])
    assert "of the 1 tasks that both did" in tab.value("document.getElementById('verdict').textContent")
    assert tab.alarms == []


def test_an_address_shows_the_comparison_it_names_or_none(full, tab):
    shown = "document.getElementById('verdict').textContent"
    tab.open(full.files[0], "?a=synthetic-robust&b=synthetic-brittle")  # labels, as older addresses have them
    assert tab.value(shown).startswith("By OOD, synthetic-robust is higher than synthetic-brittle on 4 of the 4 tasks")
    for address, missing in (("?a=synthetic-robust&b=gone", "gone"), ("?group=lost&a=synthetic-robust", "lost")):
        tab.open(full.files[0], address)
        assert tab.value(shown) == f"This page has no {missing}: choose two others."
        assert not tab.value("document.querySelector('#difference table')")
    tab.open(full.files[0])
    assert "of the 0 tasks" not in tab.value(shown)
    assert tab.alarms == []


def test_a_marker_tells_its_value_on_hover(full, tab):
    tab.open(full.files[0])
    told = tab.value("document.querySelector('svg[role=img] .m title').textContent")
    assert re.fullmatch(r"synthetic-\w+, level \d: [\d.\u2212]+", told)


@pytest.mark.parametrize("scheme", LIGHT_AND_DARK)
def test_axe_finds_no_serious_fault(full, tab, scheme):
    """The rules of axe-core, which stand for WCAG 2.1 A and AA, with everything unfolded."""
    axe = pytest.importorskip("axe_core_python.base").AXE_FILE_PATH.read_text(encoding="utf-8")
    tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    try:
        for file in (full.files[0], full.files[1], full.files[-1]):
            tab.open(file)
            tab.value("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
            tab.value(f"{axe}; 0")
            nodes = "[one.id, one.impact, one.nodes.length, one.nodes[0].html.slice(0, 200)]"
            told = f"JSON.stringify([found.passes.length, found.violations.map((one) => {nodes})])"
            passed, broken = json.loads(tab.value(f"axe.run().then((found) => {told})"))
            assert passed > 20
            faults = [fault for fault in broken if fault[1] in ("serious", "critical")]
            assert faults == []
    finally:
        tab.call("Emulation.setEmulatedMedia", features=[])
