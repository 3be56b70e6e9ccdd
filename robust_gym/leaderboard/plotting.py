"""``robust-gym plot``: results as a picture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from robust_gym.leaderboard import bootstrap, plots
from robust_gym.leaderboard.more_plots import MOST_ROWS, heatmap_drawing, profile_drawing
from robust_gym.leaderboard.published import records_of
from robust_gym.leaderboard.selection import Selection, Wanted, select
from robust_gym.leaderboard.sheet import Placed, picture, sheet
from robust_gym.leaderboard.text import clean
from robust_gym.terminal import console

SUFFIXES = (".svg", ".png")

_BANDS = (
    f"are {100 * bootstrap.LEVEL:.0f} % bootstrap intervals, stratified by task, drawn from "
    f"{bootstrap.FEWEST_SEEDS} seeds on."
)
_CAPTIONS = {
    "curves": "{What} against severity level; level 0 is the undisturbed task. Bands " + _BANDS,
    "profile": "Each line is the share of a row's runs (task, seed) with an OOD {unit} above the value below it. "
    "Bands " + _BANDS,
    "scatter": "OOD against ID {unit}{of}; the dashed diagonal is no loss. Whiskers " + _BANDS,
    "heatmap": "{Heat}, averaged over seeds; darker is higher{clip}.",
}


@dataclass(frozen=True)
class Options:
    """What ``plot`` is asked to do.

    Attributes:
        kind: ``curves``, ``profile``, ``scatter`` or ``heatmap``.
        out: The file to write; its ending says which sort.
        results: Files and folders of records; empty for those that ship with the package.
        tasks: Ids, globs or families.
        algorithms: Algorithms or labels of rows.
        budget: Name of the budget.
        protocol: Version of the protocol.
        train: ``nominal`` or ``disrupted``.
    """

    kind: str
    out: Path
    results: tuple[Path, ...] = ()
    tasks: tuple[str, ...] = ()
    algorithms: tuple[str, ...] = ()
    budget: str | None = None
    protocol: str | None = None
    train: str | None = None


def plot_command(options: Options) -> int:
    """Draw results, and say what was drawn.

    Raises:
        RecordError: If the records cannot be read, or there are none.
        ValueError: If there is nothing to draw, or the file has another ending.
        MissingExtraError: If a PNG picture is wanted and what makes it is not installed.
    """
    suffix = options.out.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"--out must end in {' or '.join(SUFFIXES)}, got {str(options.out)!r}")
    wanted = Wanted(options.tasks, options.algorithms, options.budget, options.protocol, options.train)
    chosen = select(records_of(options.results), wanted)
    source = drawn(options.kind, chosen)
    content = source.encode() if suffix == ".svg" else picture(source)
    options.out.absolute().parent.mkdir(parents=True, exist_ok=True)
    new = options.out.with_name(f".{options.out.name}.{os.getpid()}.new")
    new.write_bytes(content)
    new.replace(options.out)
    out = console()
    for note in chosen.notes:
        out.print(clean(note, 500))
    rows = min(len(chosen.entries), MOST_ROWS if options.kind == "heatmap" else plots.MOST_LINES)
    counts = f"{rows} of {len(chosen.entries)} rows, {len(chosen.tasks)} task{'s' if len(chosen.tasks) > 1 else ''}"
    out.print(f"{options.out}: {options.kind}, {counts}, {chosen.words}")
    return 0


def drawn(kind: str, chosen: Selection) -> str:
    """Return an SVG file.

    Args:
        kind: ``curves``, ``profile``, ``scatter`` or ``heatmap``.
        chosen: What it is of.

    Raises:
        ValueError: If there is nothing to draw.
    """
    shown = chosen.entries[: plots.MOST_LINES]
    drawings: Sequence[Placed]
    if kind == "heatmap":
        drawings = [Placed(*heatmap_drawing("heatmap", chosen))]
    else:
        panels: list[Markup]
        if kind == "curves":
            panels = plots.line_panels("curves", chosen.tasks, shown, chosen.scored)
        elif kind == "scatter":
            panels = plots.scatter("scatter", shown, chosen.unit)
        else:
            panels = [profile_drawing("profile", chosen)]
        drawings = [Placed(panel, plots.WIDTH, plots.HEIGHT) for panel in panels]
    if not drawings:
        raise ValueError(f"nothing of kind {kind!r} can be drawn of these results: they lack the cells it is made of")
    legend = [] if kind == "heatmap" else [(plots.swatch(one.style), clean(one.label, 60)) for one in shown]
    names = [runs.task for runs in chosen.tasks]
    title = ", ".join(names) if len(names) <= 3 else f"{len(names)} tasks"
    return sheet(f"{clean(title, 200)} ({chosen.words})", drawings, legend, _caption(kind, chosen))


def _caption(kind: str, chosen: Selection) -> str:
    of = " (IQM over task and seed)" if chosen.scored else ""
    text = _CAPTIONS[kind].format(
        What=f"Normalised score{of}" if chosen.scored else "Mean return",
        Heat="OOD score (0 is the random policy, 1 the reference)" if chosen.scored else "Mean return in every split",
        clip=", from 0 to 1" if chosen.scored else "",
        unit=chosen.unit,
        of=of,
    )
    most = MOST_ROWS if kind == "heatmap" else plots.MOST_LINES
    return f"{text} The first {most} of {len(chosen.entries)} rows are drawn." if len(chosen.entries) > most else text
