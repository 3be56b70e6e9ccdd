"""MkDocs hooks: add the pages that are written from the registries.

In ``mkdocs.yml``, a navigation entry that names one of the generated folders' ``index.md`` stands for all
pages of the folder.
"""

from __future__ import annotations

import functools
from pathlib import PurePosixPath
from typing import Any

import generate
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files


@functools.cache
def pages() -> dict[str, str]:
    """Return the generated pages, written once per build."""
    return generate.pages()


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the pages of generated folders into the navigation."""
    config.nav = [_expanded(entry) for entry in config.nav or []]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    for path, markdown in pages().items():
        files.append(File.generated(config, path, content=markdown))
    return files


def _expanded(entry: Any) -> Any:
    if not isinstance(entry, dict):
        return entry
    ((title, target),) = entry.items()
    if isinstance(target, list):
        return {title: [_expanded(one) for one in target]}
    if target in pages() and target.endswith("/index.md"):
        folder = PurePosixPath(target).parent
        return {title: [path for path in pages() if PurePosixPath(path).parent == folder]}
    return entry
