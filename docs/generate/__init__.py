"""Pages of the documentation that are written from the registries at every build, never by hand."""

from __future__ import annotations

from generate import algorithms, commands, disruptions, severity, tasks


def pages() -> dict[str, str]:
    """Return every generated page, Markdown by path, in the order of the navigation."""
    return {**tasks.pages(), **disruptions.pages(), **severity.pages(), **algorithms.pages(), **commands.pages()}
