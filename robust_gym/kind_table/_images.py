"""Kinds of the observation channel for images."""

from __future__ import annotations

from robust_gym.kind import Argument, Kind
from robust_gym.kind_table._arguments import LOSSES, one, probability, size, whole

_HOME = "robust_gym.wrappers.images"
_SOURCE = "ImageNet-C (Hendrycks and Dietterich, ICLR 2019)"


def _image(name: str, about: str, argument: Argument, home: str, levels: tuple[tuple[float, ...], ...]) -> Kind:
    return Kind("observation", name, about, (argument,), f"{_HOME}:{home}", levels, ("image",), _SOURCE)


IMAGES: tuple[Kind, ...] = (
    _image(
        "blur",
        "A Gaussian blur.",
        size("radius", "radius", "pixels"),
        "Blur",
        one(0.5, 1, 2, 3, 5),
    ),
    _image(
        "contrast",
        "Contrast times a factor, about the image's mean.",
        Argument("factor", "factor", "factor", low=0, high=10, identity=1),
        "Contrast",
        one(0.75, 0.5, 0.4, 0.25, 0.1),
    ),
    _image(
        "brightness",
        "Brightness times a factor.",
        Argument("factor", "factor", "factor", low=0, high=10, identity=1),
        "Brightness",
        one(0.8, 0.65, 0.5, 0.35, 0.2),
    ),
    _image(
        "jpeg",
        "Compressed as JPEG, and read again.",
        whole("quality", "quality", "percent", 95),
        "Jpeg",
        one(40, 25, 15, 8, 3),
    ),
    _image(
        "pixelate",
        "Blocks of some pixels, each of their mean colour.",
        whole("block", "side of a block", "pixels", 1000, low=2),
        "Pixelate",
        one(2, 3, 4, 6, 10),
    ),
    _image(
        "occlude",
        "A black square that covers a share of the image, at a place drawn at each reset.",
        Argument("share", "share of the image", "fraction", low=0, high=1, open_low=True),
        "Occlude",
        one(0.02, 0.05, 0.1, 0.2, 0.35),
    ),
    _image(
        "shot",
        "Photon noise: in every pixel and colour a Poisson number of photons, of which white has some.",
        size("photons", "photons of white", "photons", 100_000),
        "Shot",
        one(60, 25, 12, 5, 3),
    ),
    _image(
        "impulse",
        "Every pixel turns black or white with probability p.",
        probability("chance of a wrong pixel, per pixel and step"),
        "Impulse",
        LOSSES,
    ),
)
