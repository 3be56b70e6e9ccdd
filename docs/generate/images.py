"""Pictures of what disruptions of images do: a test card, before and after."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium import spaces

SIZE = 84
"""Width and height of the card, as images in reinforcement learning often are."""


def card() -> np.ndarray:
    """Return the test card ``[SIZE, SIZE, 3]``: smooth tones, with edges and fine stripes on them."""
    rows, columns = np.mgrid[0:SIZE, 0:SIZE] / (SIZE - 1)
    image = np.stack([columns, rows, 1 - (rows + columns) / 2], axis=-1) * 200 + 30
    image[8:28, 8:28] = (250, 250, 250)
    image[56:76, 8:28] = (20, 20, 20)
    image[8:76:4, 60:78] = (240, 220, 60)
    image[(rows - 0.5) ** 2 + (columns - 0.5) ** 2 < 0.03] = (220, 50, 50)
    return image.astype(np.uint8)


def pair(about: str, disturb: Callable[[np.ndarray, spaces.Space[Any]], np.ndarray]) -> str:
    """Return the card as it is, and what becomes of it, as an HTML image without a file of its own.

    Args:
        about: What happens, for those who cannot see it.
        disturb: Returns the changed card, given the card and its space.
    """
    from PIL import Image

    before = card()
    after = disturb(before, spaces.Box(0, 255, before.shape, np.uint8))
    both = np.concatenate([before, np.full((SIZE, 8, 3), 255, np.uint8), after], axis=1)
    file = io.BytesIO()
    Image.fromarray(both).save(file, "PNG", optimize=True)
    data = base64.b64encode(file.getvalue()).decode()
    label = html.escape(f"{about} on a test card: before and after")
    return f'<img class="card" alt="{label}" src="data:image/png;base64,{data}">'
