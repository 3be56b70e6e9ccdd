"""The maps of the toy-text worlds that disruptions name."""

from __future__ import annotations

LAKES: dict[str, dict[str, tuple[str, ...]]] = {
    "4x4": {
        "transposed": ("SFFH", "FHFF", "FFFF", "FHHG"),
        "narrow": ("SFHH", "HFFH", "HHFF", "HHHG"),
        "open": ("SFFF", "FFFF", "FFHF", "FFFG"),
    },
    "8x8": {
        "transposed": (
            "SFFFFFFF",
            "FFFFFHHF",
            "FFFFFHFF",
            "FFHFHFFH",
            "FFFFFFHF",
            "FFFHFFFF",
            "FFFFFHHF",
            "FFFFFFFG",
        ),
        "narrow": (
            "SFFFHHHH",
            "FHFFFHHH",
            "FFHFFFHH",
            "FFFHFFFH",
            "HFFFHFFF",
            "HHFFFHFF",
            "HHHFFFHF",
            "HHHHFFFG",
        ),
        "open": ("SFFFFFFF", "FFFFFFFF", "FFFFFFFF", "FFFFFFFF", "FFFFHFFF", "FFFFFFFF", "FFFFFFFF", "FFFFFFFG"),
    },
}
"""Maps of frozen lakes by size and by the word used in disruptions; ``standard`` is Gymnasium's."""

CLIFFS: dict[str, tuple[tuple[int, int], ...]] = {
    "standard": (),
    "wide": tuple((2, column) for column in range(2, 9)),
    "islands": ((1, 1), (2, 3), (1, 5), (2, 7), (1, 9)),
}
"""Cells, by row and column, that fall away beside the standard cliff, by the word used in disruptions."""

ROADS: dict[str, tuple[tuple[int, int], ...]] = {
    "standard": (),
    "west_closed": ((2, 0), (2, 1)),
    "east_closed": ((2, 2), (1, 3)),
    "roadworks": ((1, 0), (2, 1), (0, 2), (3, 3)),
}
"""Walls of the taxi's city beside Gymnasium's, each to the right of a row and column, by the word in disruptions."""
