"""Kinds for observations that are images, by Pillow; the corruptions of ImageNet-C that it can make."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from robust_gym.disruption import DisruptionError
from robust_gym.wrappers.base import Signal, Stream
from robust_gym.wrappers.effect import Effect
from robust_gym.wrappers.runner import is_image


class ImageEffect(Effect):
    """What Pillow does to one image at a time."""

    def __init__(self, signal: Signal, *args: float) -> None:
        super().__init__(signal)
        try:
            import PIL.Image  # noqa: F401
        except ImportError:
            raise DisruptionError('image corruptions need Pillow: pip install "robust-gym[images]"') from None
        if not is_image(signal.space):
            raise DisruptionError(f"image corruptions need images [H, W, 1 or 3] of uint8, got {signal.space}")
        self.args = args

    def change(self, image: Any) -> Any:
        """Return a changed ``PIL.Image`` of the same size and mode."""
        raise NotImplementedError

    def __call__(self, values: Any) -> Any:
        from PIL import Image

        grey = values.shape[-1] == 1
        changed = [self.change(Image.fromarray(value.squeeze(-1) if grey else value)) for value in values]
        return np.stack([np.asarray(one, np.uint8).reshape(values.shape[1:]) for one in changed])


class Blur(ImageEffect):
    """A Gaussian blur of a radius in pixels."""

    def change(self, image: Any) -> Any:
        """Blur it."""
        from PIL import ImageFilter

        return image.filter(ImageFilter.GaussianBlur(self.args[0]))


class Contrast(ImageEffect):
    """Contrast times a factor, about the image's mean."""

    def change(self, image: Any) -> Any:
        """Change its contrast."""
        from PIL import ImageEnhance

        return ImageEnhance.Contrast(image).enhance(self.args[0])


class Brightness(ImageEffect):
    """Brightness times a factor."""

    def change(self, image: Any) -> Any:
        """Change its brightness."""
        from PIL import ImageEnhance

        return ImageEnhance.Brightness(image).enhance(self.args[0])


class Jpeg(ImageEffect):
    """Compressed as JPEG of a quality, and read again."""

    def change(self, image: Any) -> Any:
        """Compress it."""
        from PIL import Image

        file = io.BytesIO()
        image.save(file, "JPEG", quality=int(self.args[0]))
        return Image.open(file)


class Pixelate(ImageEffect):
    """Blocks of some pixels, each of their mean colour."""

    def change(self, image: Any) -> Any:
        """Shrink it, and enlarge it again."""
        from PIL import Image

        size = int(self.args[0])
        small = image.resize((max(1, image.width // size), max(1, image.height // size)), Image.Resampling.BOX)
        return small.resize(image.size, Image.Resampling.NEAREST)


class Occlude(Effect):
    """A black square that covers a share of the image, at a place drawn at each reset."""

    def __init__(self, signal: Signal, share: float) -> None:
        super().__init__(signal)
        height, width = signal.space.shape[:2]  # type: ignore[index]
        self._rows = min(height, max(1, round(share**0.5 * height)))
        self._columns = min(width, max(1, round(share**0.5 * width)))
        self._corners = np.zeros((signal.copies, 2), np.int64)

    def begin(self, copy: int, stream: Stream) -> None:
        height, width = self.signal.space.shape[:2]  # type: ignore[index]
        rng = stream()
        self._corners[copy] = rng.integers(height - self._rows + 1), rng.integers(width - self._columns + 1)

    def __call__(self, values: Any) -> Any:
        covered = values.copy()
        for image, (row, column) in zip(covered, self._corners, strict=True):
            image[row : row + self._rows, column : column + self._columns] = 0
        return covered


class Shot(Effect):
    """Photon noise: a Poisson number of photons in every pixel and colour, of which white has ``photons``."""

    def __init__(self, signal: Signal, photons: float) -> None:
        super().__init__(signal)
        self._photons = photons

    def __call__(self, values: Any) -> Any:
        # A Poisson number takes as many draws as it needs: of one generator, they would depend on earlier images.
        steps = [np.random.default_rng(stream().integers(2**63)) for stream in self.streams]
        return np.stack(
            [
                rng.poisson(value / 255.0 * self._photons) / self._photons * 255.0
                for rng, value in zip(steps, values, strict=True)
            ]
        )


class Impulse(Effect):
    """Every pixel black or white with probability p."""

    def __init__(self, signal: Signal, p: float) -> None:
        super().__init__(signal)
        self._p = p
        self._chance = self.draws(shape=(*signal.space.shape[:2], 1))  # type: ignore[index]

    def __call__(self, values: Any) -> Any:
        chance = self._chance()
        return np.where(chance < self._p, np.where(chance < self._p / 2, 0, 255), values).astype(np.uint8)
