"""Records from strangers: whatever they hold, the page stays whole and nothing of them runs."""

import csv
import datetime
import gzip
import io
import json
import re

import pytest
from leaderboard_browser import CHROMIUM, MISSING, browser
from leaderboard_reader import ATTRIBUTES, TAGS, built
from leaderboard_samples import TASKS, board, make, run

from robust_gym.leaderboard import build, rank
from robust_gym.record import Machine, Provenance

ATTACKS = (
    '"><script>alert(1)</script>',
    "'><img src=x onerror=alert(1)>",
    "<!-- alert(1) --!> ]]>",
    '" onmouseover="alert(1)" x="',
    "</title></style></script></svg></desc></text>alert(1)",
    "{{ 7*7 }}{% raw %}alert(1)",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "alert(1)\u202egnp\u2028\x00\x1b[31m",
)


def hostile(attack, **changes):
    """Fields that hold an attack wherever a record may hold text."""
    made = Provenance(
        robust_gym=attack,
        git_commit=attack,
        git_dirty=True,
        libraries={"numpy": attack},
        machine=Machine(platform=attack, processor=attack, cores=10**50, python=attack),
        created=datetime.datetime(9999, 12, 31, 23, 59, tzinfo=datetime.timezone(datetime.timedelta(hours=-12))),
    )
    arguments = {"name": attack, "huge": 1e308, "many": [[attack] * 50], "big": 10**4000}
    return {"arguments": arguments, "provenance": made, **changes}


def hostile_records(attack):
    """Records with an attack in every text: alone, repeated in arguments, as split families and as kinds."""
    yield from run(TASKS[0], "one", **hostile(attack))
    for end in ("", "!"):
        yield from run(TASKS[0], "two", **hostile(attack, arguments={"name": attack + end, "long": attack * 50}))
    yield make(TASKS[0], "one", **hostile(attack, disruption=attack, split="ood-near-x", returns=(1.0,) * 5))
    kind = f"action:{attack.replace(':', '')}"
    for value, reach in ((1, "near"), (2, "near"), (3, "far"), (4, "far"), (5, "far")):
        yield make(TASKS[2], "one", **hostile(attack, disruption=f"{kind}:{value}", split=f"ood-{reach}-action"))
    yield make(TASKS[2], "one", **hostile(attack))


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_text_is_inert(tmp_path, attack):
    pages = built(list(hostile_records(attack)), tmp_path)
    for source, reader in zip(pages.sources, pages.readers, strict=True):
        assert reader.tags <= TAGS
        assert reader.attributes <= ATTRIBUTES
        assert reader.comments == []
        assert len(reader.scripts) == 1
        assert "alert" not in reader.scripts[0]
        assert source.count("<script") == source.count("</script") == 1 + len(reader.data)
        assert source.count("<style") == source.count("</style") == 1
        assert not any(mark in source for mark in "\u202e\u2028\x00\x1b")
        assert len(source) < 2_000_000
    (data,) = pages.index.data
    assert "<" not in data  # nothing in it ends the element, and it is read as JSON only
    json.loads(data)
    seen = "".join(mark if mark.isprintable() else "\ufffd" for mark in attack)
    assert " ".join(seen.split()) in pages.text  # shown as text, and as nothing else
    assert f"action: {seen.replace(':', '')}"[:39] in pages.text
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert {file.parent for file in files} <= {tmp_path, tmp_path / "tasks", tmp_path / "algorithms"}
    table = gzip.decompress((tmp_path / "index.csv.gz").read_bytes()).decode()
    assert not any(row[0][:1] in "=+-@" for row in csv.reader(io.StringIO(table)))


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "..", "C:\\x", "a/b", "con\x00", "=1+2", "-rf"])
def test_names_lead_nowhere_else(tmp_path, name):
    with pytest.raises(ValueError, match="pattern"):
        list(run(TASKS[0], name))
    with pytest.raises(ValueError, match="pattern"):
        list(run(name, "one"))
    # Nor would a page be built elsewhere if the schema let it through.
    folder = tmp_path / "in" / "here"
    records = [record.model_copy(update={"algorithm": name}) for record in run(TASKS[0], "one")]
    records += [record.model_copy(update={"task": name}) for record in run(TASKS[1], "one")]
    pages = built(records, folder)
    assert len(pages.files) == 1 + 2 + 2
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == ["here"]
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and not file.is_relative_to(folder)]


HUGE = (1e308, -1e308, 1.7976931348623157e308)


def test_hostile_numbers_are_left_out_or_shown_as_they_are(tmp_path):
    fine = list(board(algorithms=("fine", "other"), tasks=TASKS[:1]))
    extremes = [
        *run(TASKS[0], "huge", level=1e308, random_return=-1e308, reference_return=1e308, train_seconds=1e308),
        *run(TASKS[0], "large", level=1e99, steps_used=10**40),
        *(make(TASKS[1], "alone", split=split, disruption=split, returns=HUGE) for split in ("id", "ood-far-x")),
        make(TASKS[2], "counts", task_version=10**300, budget_steps=10**300, steps_used=10**300, seed=2**63 - 1),
        make(TASKS[2], "negative", episode_seeds=(-(10**30), 10**30), lengths=(-1, 10**30)),
    ]
    pages = built([*fine, *extremes], tmp_path)
    assert all(reader.tags <= TAGS for reader in pages.readers)
    source = pages.source
    assert not re.search(
        r"\b(nan|inf|Infinity)\b", re.sub(r"<style.*?</style>|<script.*?</script>", "", source, flags=re.S)
    )
    assert "over 10^18" in pages.text
    assert "over 30 years" in pages.text
    shown = {row.label: row for group in rank([*fine, *extremes]) for table in group.tables for row in table.rows}
    assert shown["huge"].rank is None
    assert shown["huge"].left_out == 1
    assert shown["fine"].rank is not None


def test_drawings_survive_equal_and_extreme_values(tmp_path):
    for level in (0.0, 1e-300, -5.0, 1e99):
        records = [
            entry.model_copy(update={"returns": (level,) * 5}) for entry in run(TASKS[0], "flat")
        ]  # fmt: skip
        source = built(records, tmp_path).source
        coordinates = re.findall(r' d="([^"]*)"', source)
        assert coordinates
        assert not any("nan" in d or "inf" in d for d in coordinates)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason=MISSING)
def test_a_browser_runs_nothing_of_a_hostile_record(tmp_path):
    file = build([entry for attack in ATTACKS for entry in hostile_records(attack)], tmp_path)
    with browser(tmp_path / "profile") as tab:
        tab.open(file)
        assert tab.alarms == []  # the page's policy would report what it had to block
        names = tab.value("[...new Set([...document.querySelectorAll('*')].map((e) => e.localName))]")
        assert set(names) <= TAGS | {"button"}
        assert tab.value("[...document.scripts].map((one) => one.type)") == ["application/json", ""]
        for name in ("tasks", "algorithms"):
            for page in sorted((tmp_path / name).glob("*.html"))[:6]:
                tab.open(page)
                assert tab.alarms == []
                assert tab.value("document.scripts.length") == 1
