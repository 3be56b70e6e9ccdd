"""The page: what it holds, that strangers' records are inert in it, and that a browser shows it."""

import base64
import csv
import gzip
import hashlib
import io
import json
import re

import numpy as np
import pytest
from leaderboard_reader import ATTRIBUTES, TAGS, Reader, built
from leaderboard_samples import ALGORITHMS, TASKS, everything, run

from robust_gym.leaderboard import addresses, build, load_records, rank, svg, text


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """Pages with everything: scores, raw returns, several groups, a partial entry."""
    records = everything()
    return records, built(records, tmp_path_factory.mktemp("full"))


def test_only_known_elements_and_attributes(full):
    for source, reader in zip(full[1].sources, full[1].readers, strict=True):
        assert reader.tags <= TAGS
        assert reader.attributes <= ATTRIBUTES
        assert len(reader.ids) == len(set(reader.ids))
        assert source.startswith("<!doctype html>")


def test_every_link_leads_to_a_part_of_a_page_or_to_a_file_beside_it(full):
    _, pages = full
    known = dict(zip(pages.files, pages.readers, strict=True))
    for file, reader in known.items():
        for link in reader.links:
            name, _, part = link.partition("#")
            if link == "data:,":
                continue
            there = (file.parent / name).resolve() if name else file
            assert there.is_relative_to(pages.files[0].parent.resolve())
            assert there.exists(), link
            assert not part or part in known[there].ids
    plain = pages.source.replace("http-equiv", "").replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not any(what in plain for what in ("http", "@import", "url("))


def test_every_task_and_every_algorithm_has_a_page(full):
    records, pages = full
    names = [file.stem for file in pages.files if file.parent.name == "tasks"]
    assert sorted(names) == sorted({one.task for one in records})
    texts = [
        reader.text for file, reader in zip(pages.files, pages.readers, strict=True) if file.parent.name != "tasks"
    ]
    for name in {one.algorithm for one in records}:
        assert any(f"Algorithm {name}, with the arguments" in text for text in texts)


def test_every_number_of_the_ranking_is_on_the_page(full):
    records, pages = full
    group = rank(records)[0]
    for row in group.rankings[0].rows:
        assert row.label in pages.index.text
        assert text.number(row.values["ood"].value, 3) in pages.index.text
        assert text.number(row.values["observation"].value, 3) in pages.index.text
    assert "4/4" in pages.index.text
    assert "1/4" in pages.index.text
    assert "Budget quick, trained with disruptions" in pages.index.text
    for table in group.tables:
        assert table.runs.sha256 in pages.text


def test_the_comparison_has_every_entry_of_every_task(full):
    records, pages = full
    (data,) = pages.index.data
    found = json.loads(data)
    groups = rank(records)
    assert len(found) == len(groups) > 2
    for one, group in zip(found, groups, strict=True):
        assert [task["name"] for task in one["tasks"]] == [table.runs.task for table in group.tables]
        labels = [entry["label"] for entry in one["entries"]]
        for task, table in zip(one["tasks"], group.tables, strict=True):
            for row in table.rows:
                place = labels.index(row.label)
                wanted = row.score.value if row.score else row.values["ood"].value
                assert task["ood"][place] == pytest.approx(wanted, rel=1e-3)
            missing = set(labels) - {row.label for row in table.rows}
            assert all(task["ood"][labels.index(label)] is None for label in missing)


def test_tables_have_captions_and_scoped_headings(full):
    tables = re.findall(r"<table.*?</table>", full[1].source, re.S)
    assert len(tables) > 10
    for table in tables:
        assert table.count("<caption>") == 1
        heads, *rows = re.findall(r"<tr.*?</tr>", table, re.S)
        assert heads.count("<th") == heads.count('scope="col"') > 2
        assert all(row.count('<th scope="row"') == 1 for row in rows)


def test_what_no_ranking_has_and_ties_are_told(tmp_path):
    known = {"random_return": 0.0, "reference_return": 10.0}
    records = [one for name in ALGORITHMS[:3] for task in TASKS[:2] for one in run(task, name, **known)]
    alike = [one.model_copy(update={"returns": (5.0,) * len(one.returns)}) for one in records]
    loose = [one for name in ALGORITHMS[:2] for one in run(TASKS[2], name)]
    page = Reader(build([*alike, *loose], tmp_path).read_text()).text
    assert "their random and reference returns are not measured: Synthetic-Gamma." in page
    assert "best: synthetic-brittle and 2 others, OOD 5.00" in page


def test_drawings_are_described(full):
    drawn = 0
    for source, reader in zip(full[1].sources, full[1].readers, strict=True):
        for drawing in re.findall(r'<svg[^>]*role="img"[^>]*>', source):
            title, described = re.search(r'aria-labelledby="(\S+) (\S+)"', drawing).groups()
            assert {title, described} <= set(reader.ids)
            drawn += 1
    assert drawn > 20


def test_the_same_records_give_the_same_files(full, tmp_path):
    records, pages = full
    again = built(records, tmp_path)
    assert again.sources == pages.sources
    names = sorted(file.name for file in tmp_path.iterdir())
    assert names == ["algorithms", "index.csv.gz", "index.html", "index.ndjson.gz", "tasks"]
    for name in names[1:4]:
        assert (tmp_path / name).read_bytes() == (pages.files[0].parent / name).read_bytes()


def test_policy_allows_the_page_s_own_script_only(full):
    for source, reader in zip(full[1].sources, full[1].readers, strict=True):
        (script,) = reader.scripts
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'"
        assert policy in source.replace("&#39;", "'")


def test_the_data_lies_beside_the_page_and_is_no_further_result(full):
    records, pages = full
    folder = pages.files[0].parent
    assert load_records([folder / "index.ndjson.gz"]) == records
    assert {"index.ndjson.gz", "index.csv.gz"} <= set(pages.index.links)
    assert load_records([folder]) == []
    rows = list(csv.DictReader(io.StringIO(gzip.decompress((folder / "index.csv.gz").read_bytes()).decode())))
    assert len(rows) == len(records)
    for row, one in zip(rows, records, strict=True):
        assert (row["task"], row["disruption"], int(row["seed"])) == (one.task, one.disruption, one.seed)
        assert float(row["mean_return"]) == one.mean_return


def test_parquet_holds_every_return(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    records = list(run(TASKS[0], "synthetic"))
    build(records, tmp_path, ["parquet"])
    rows = parquet.read_table(tmp_path / "index.parquet").to_pylist()
    assert [tuple(row["returns"]) for row in rows] == [one.returns for one in records]
    assert [row["disruption"] for row in rows] == [one.disruption for one in records]
    assert {row["costs"] for row in rows} == {None}


def test_an_unknown_format_of_data_is_named(tmp_path):
    with pytest.raises(ValueError, match="there is no format 'xls' of raw data; there are jsonl, csv, parquet"):
        build(list(run(TASKS[0], "synthetic")), tmp_path, ["xls"])


def test_two_boards_in_one_folder_keep_their_pages_apart(tmp_path):
    for name in ("one", "two"):
        build(list(run(TASKS[0], name)), tmp_path / f"{name}.html")
        assert f"{name}-tasks/{TASKS[0]}.html" in (tmp_path / f"{name}.html").read_text()
        assert name in (tmp_path / f"{name}-tasks" / f"{TASKS[0]}.html").read_text()
        assert f'href="../{name}.html"' in (tmp_path / f"{name}-tasks" / f"{TASKS[0]}.html").read_text()


@pytest.mark.parametrize(
    "names", [["a/../../b", "a-..-..-b"], ["A", "a"], ["", ".", ".."], ["x" * 300], ["ppo", "q l"]]
)
def test_file_names_are_safe_and_differ(names):
    found = addresses.file_names(names)
    assert len({name.lower() for name in found.values()}) == len(names)
    for name in found.values():
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,100}", name)
    assert addresses.file_names(["ppo", "Robust-Ant-v0"]) == {"ppo": "ppo", "Robust-Ant-v0": "Robust-Ant-v0"}


@pytest.mark.parametrize(
    ("disruption", "wanted"),
    [
        ("dynamics:random:0.1", "dynamics"), ("action/agent_0:gauss:0.1", "action"), ("none", ""),
        ("observation:delay:1+observation:gauss:0.1~ramp=50", "observation"), ("dynamics:0.2+action:gauss:1e+2", ""),
    ],
)  # fmt: skip
def test_the_channel_of_a_disruption(disruption, wanted):
    assert text.channel(disruption) == wanted


def test_out_is_a_file_or_a_directory(tmp_path):
    assert build([], tmp_path / "new" / "board.html") == tmp_path / "new" / "board.html"
    assert build([], tmp_path / "folder") == tmp_path / "folder" / "index.html"


def test_no_records_say_how_to_make_some(tmp_path):
    pages = built([], tmp_path)
    assert "robust-gym bench --algo robust-vdn" in pages.text
    assert pages.index.rows == 0


def test_provenance_and_commands_are_on_the_page(tmp_path):
    records = [
        entry
        for seed in (0, 4)
        for entry in run(TASKS[0], "synthetic", seed, arguments={"rho": 0.1, "layers": [64, 64], "mode": "a b"})
    ]
    pages = built(records, tmp_path)
    assert (
        f"robust-gym bench --algo synthetic --tasks {TASKS[0]} --budget quick --seeds 0,4 --protocol v1 --no-compare "
        "--set 'layers=[64, 64]' --set 'mode=\"a b\"' --set rho=0.1" in pages.text
    )
    assert "robust-gym 0.1.0, commit 0123456789a…" in pages.text
    assert "Synthetic CPU, 2 cores, Linux-6.1-x86_64, Python 3.11.2" in pages.text
    assert "numpy 2.3.0" in pages.text
    assert "the cells were checked against it" in pages.text


def test_a_policy_trained_elsewhere_is_repeated_with_eval(tmp_path):
    pages = built(list(run(TASKS[0], "mine", budget="external", budget_steps=0)), tmp_path)
    assert "Policies trained elsewhere" in pages.text
    assert f"robust-gym eval POLICY --task {TASKS[0]} --name mine --episodes 5 --protocol v1" in pages.text


def test_duplicates_are_counted_on_the_page(tmp_path):
    records = list(run(TASKS[0], "synthetic"))
    pages = built([*records, *records[:3]], tmp_path)
    assert "3 older duplicates dropped" in pages.text


def test_names_that_would_look_alike_are_cut_in_the_middle():
    names = [
        f'robust-vi (radius={radius}, risk="{risk}")' for radius, risk in ((0.1, "kl"), (0.1, "chi2"), (0.2, "tv"))
    ]
    found = text.shortened([*names, "sac", "sac", "recurrent-ppo-of-old"], 17)
    assert found == ['robus… risk="kl")', 'robus…isk="chi2")', 'robus… risk="tv")', "sac", "sac", "recurrent-ppo-of…"]
    assert text.shortened(["robust-vi (radius=0.1)", "robust-vi (radius=0.2)"], 17) == [
        "robust-vi (r…0.1)",
        "robust-vi (r…0.2)",
    ]


def test_labels_at_the_edge_keep_their_distance_and_order():
    wanted = [50.0, 10.0, 11.0, 12.0, 49.0, -30.0]
    places = svg.spread(wanted, 5, 0, 60)
    assert min(places) >= 0
    assert max(places) <= 60
    assert np.argsort(places).tolist() == np.argsort(wanted).tolist()
    assert np.diff(sorted(places)).min() >= 5


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3, 250), (1e6, 1e6 + 1), (-1e-9, 1e-9), (0.2, 0.9)])
def test_ticks_are_round_and_inside(low, high):
    ticks = svg.Scale(low, high, 0, 1).ticks()
    assert 2 <= len(ticks) <= 7
    assert all(low - 1e-9 * abs(low) <= tick <= high + 1e-9 * abs(high) for tick in ticks)


def test_elements_escape_text_and_attributes():
    made = svg.element("a", "<&>", svg.element("b"), title='"<', data_x=1.25, _class="c", none=None)
    assert str(made) == '<a title="&#34;&lt;" data-x="1.2" class="c">&lt;&amp;&gt;<b></b></a>'


@pytest.mark.parametrize(
    ("value", "places", "written"),
    [
        (1234.5, 1, "1,234.5"), (-0.25, 2, "−0.25"), (-0.001, 2, "0.00"), (float("nan"), 2, "–"),
        (float("inf"), 2, "–"), (1.5e12, 0, "1.50e+12"), (0, 3, "0.000"),
    ],
)  # fmt: skip
def test_numbers(value, places, written):
    assert text.number(value, places) == written


@pytest.mark.parametrize(
    ("split", "family"),
    [
        ("id", "id"), ("ood-near-action", "near"), ("ood-far-observation", "far"), ("ood-mixed", "mixed"),
        ("ood-drift", "drift"), ("ood-semantic", "semantic"), ("ood-nearly", "other"), ("custom", "other"),
    ],
)  # fmt: skip
def test_split_families(split, family):
    assert text.split_family(split) == family


def test_groups_keep_ids_of_their_own_whatever_they_are_called(tmp_path):
    named = [("a-b", "c"), ("a", "b-c"), ("x" * 80, "c"), ("x" * 80, "d")]
    records = [one for protocol, budget in named for one in run(TASKS[0], "one", protocol=protocol, budget=budget)]
    pages = built(records, tmp_path)
    for reader in pages.readers:
        assert len(reader.ids) == len(set(reader.ids)) >= len(named)
    assert len(json.loads(pages.index.data[0])) == len({one["id"] for one in json.loads(pages.index.data[0])}) == 4
