"""The leaderboard on a terminal says what the page says."""

from __future__ import annotations

from pathlib import Path

from cli_help import Capture, call, fails

from robust_gym.leaderboard import columns, load_records, rank, view

PUBLISHED = Path(__file__).parents[1] / "robust_gym" / "leaderboard" / "published"


def test_every_rank_and_interval_of_the_page(capsys: Capture, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    code, out, _ = call(capsys, "leaderboard", str(PUBLISHED), "--text", "--out", str(page))
    assert code == 0
    assert not page.exists()
    lines = [" ".join(line.split()) for line in out.splitlines()]
    groups = rank(load_records([PUBLISHED]))
    shown_tables: list[columns.Table] = []
    for group in groups:
        shown_tables += [*map(view.ranking_table, group.rankings), *map(view.task_table, group.tables)]
    assert len(shown_tables) > 20
    place = 0
    for shown in shown_tables:
        place = lines.index(shown.caption, place)
        columns = [column.title for column in shown.columns]
        for row, line in zip(shown.rows, lines[place + 3 :], strict=False):
            texts = {title: f"{cell.text} {cell.small}".strip() for title, cell in zip(columns, row, strict=True)}
            assert line.startswith(f"{texts['Rank']} {texts['Algorithm']} {texts['OOD']} {texts['ID']}")
            assert line.endswith(texts["Seeds"])


def test_nothing_to_print(capsys: Capture, tmp_path: Path) -> None:
    assert "does not exist" in fails(capsys, "leaderboard", str(tmp_path / "absent"), "--text")
    (tmp_path / "empty").mkdir()
    _, out, error = call(capsys, "leaderboard", str(tmp_path / "empty"), "--text")
    assert "no records" in out + error
