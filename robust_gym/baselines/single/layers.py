"""Feed-forward networks described by JSON values, so that a policy is read back without pickle or its library."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

_PLAIN = {"relu": nn.ReLU, "tanh": nn.Tanh, "flatten": nn.Flatten}


def describe(*modules: nn.Module) -> list[list[Any]]:
    """Describe modules that follow one another.

    Raises:
        TypeError: If one is of a kind that this format does not have.
    """
    return [_describe(layer) for layer in flat(modules)]


def flat(modules: Sequence[nn.Module]) -> Iterator[nn.Module]:
    """Yield the layers of nested ``nn.Sequential`` in order."""
    for module in modules:
        if isinstance(module, nn.Sequential):
            yield from flat(list(module))
        else:
            yield module


def _describe(layer: nn.Module) -> list[Any]:
    if isinstance(layer, nn.Linear):
        return ["linear", layer.in_features, layer.out_features]
    if isinstance(layer, nn.Conv2d):
        return ["conv", layer.in_channels, layer.out_channels, *layer.kernel_size, *layer.stride]
    if isinstance(layer, nn.LayerNorm) and len(layer.normalized_shape) == 1:
        return ["layernorm", *layer.normalized_shape]
    for name, kind in _PLAIN.items():
        if isinstance(layer, kind):
            return [name]
    raise TypeError(f"no description of the layer {layer}")


def build(description: Sequence[Sequence[Any]]) -> nn.Sequential:
    """Build what was described, with weights not yet set.

    Raises:
        ValueError: If the description is not one.
    """
    return nn.Sequential(*map(_build, description))


def _build(layer: Sequence[Any]) -> nn.Module:
    try:
        name, *sizes = layer
        if name in _PLAIN and not sizes:
            return _PLAIN[name]()
        if name == "linear":
            inputs, outputs = map(int, sizes)
            return nn.utils.skip_init(nn.Linear, inputs, outputs)
        if name == "layernorm":
            (size,) = map(int, sizes)
            return nn.utils.skip_init(nn.LayerNorm, size)
        if name == "conv":
            inputs, outputs, height, width, down, right = map(int, sizes)
            return nn.utils.skip_init(nn.Conv2d, inputs, outputs, (height, width), stride=(down, right))
    except (TypeError, ValueError):
        pass
    raise ValueError(f"{layer!r} describes no layer")


@torch.no_grad()
def scaled(layer: nn.Linear, scale: Tensor, shift: Tensor) -> nn.Linear:
    """Return the linear layer that reads x as ``layer`` reads ``scale * x + shift``.

    Args:
        layer: The layer, W and b.
        scale: One factor for each of its inputs.
        shift: One number for each of its inputs.
    """
    weight = layer.weight.double()
    bias = layer.bias.double() + weight @ shift.double()
    return _linear(weight * scale.double(), bias)


@torch.no_grad()
def averaged(layer: nn.Linear) -> nn.Linear:
    """Return the linear layer whose one output is the mean of the outputs of ``layer``."""
    return _linear(layer.weight.double().mean(0, keepdim=True), layer.bias.double().mean(0, keepdim=True))


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    outputs, inputs = weight.shape
    layer = nn.utils.skip_init(nn.Linear, inputs, outputs)
    layer.load_state_dict({"weight": weight.float(), "bias": bias.float()})
    return layer
