"""A step down a loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer


def descend(optimizer: Optimizer, loss: Tensor) -> None:
    """Take a step down a loss.

    Only what the optimiser changes is given a gradient. An actor's loss leads through its critics, whose weights would
    otherwise get gradients too, which cost time and are thrown away.

    Args:
        optimizer: Of the parameters to change.
        loss: A scalar.
    """
    changed = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    optimizer.zero_grad()
    loss.backward(inputs=changed)
    optimizer.step()
