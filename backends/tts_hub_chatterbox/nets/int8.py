"""Linear layers with 8 bit weights on the CPU: each token reads a quarter of the memory.

B rows, I inputs, O outputs

Weights are rounded for each output on its own, inputs for each row on its own and at each call, so the result
of a row does not depend on the other rows. The products are oneDNN's, summed up in 32 bits; processors
without VNNI sum pairs up in 16 bits, which `has_int8` detects.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from tts_hub_chatterbox.nets.dense import ACTIVATIONS, activation_of, replace_linears

LARGEST = 127
"""The largest signed weight."""
MIDDLE = 128
"""The value that stands for zero: inputs are unsigned, as only those have a fast product."""
SELF_TEST_ERROR = 0.02
"""The largest relative error in the self-test; rounding to 8 bits causes half of it."""


class Int8Linear(nn.Module):
    """A `Dense` or `nn.Linear` with 8 bit weights and float32 outputs, with an error of about 0.8 %."""

    def __init__(self, linear: nn.Linear) -> None:
        """Round the weights of `linear`, which does not change."""
        super().__init__()
        # Official matrices are transposed in their files, and the packing ignores strides.
        weight = linear.weight.float().contiguous()  # (O, I)
        # The clamp lets a row of zeros stay zero.
        scales = weight.abs().amax(dim=1).clamp_(min=torch.finfo(torch.float32).tiny) / LARGEST  # (O,)
        rounded = (weight / scales[:, None]).round_().to(torch.int8)
        # No buffers, whose access is slow: this module never leaves the CPU, and is not saved.
        self.weight = (
            torch.ops.onednn.qlinear_prepack(rounded, None),
            scales,
            torch.zeros(len(weight), dtype=torch.int64),
        )
        """The rounded and packed weights, their scales (O,), and their zero points (O,), which are 0."""
        self.bias = torch.zeros(len(weight)) if linear.bias is None else linear.bias.float()
        self.middle = torch.full((weight.shape[1],), MIDDLE + 0.5)
        """(I,), as broadcasting a single number takes longer."""
        self.activation = None if activation_of(linear) == "none" else ACTIVATIONS[activation_of(linear)]

    def forward(self, inputs: Tensor) -> Tensor:
        """(..., I) to (..., O), float32."""
        rows = inputs.reshape(-1, inputs.shape[-1])  # (B, I)
        largest = rows.abs().amax(dim=1, keepdim=True)  # (B, 1)
        # With a half added, truncation rounds. A row of zeros gives NaN here, which is multiplied by 0 later.
        rounded = torch.addcdiv(self.middle, rows, largest, value=LARGEST).to(torch.uint8)
        products = torch.ops.onednn.qlinear_pointwise.default(
            rounded, 1 / LARGEST, MIDDLE, *self.weight, None, 1.0, 0, torch.float32, "none", [], ""
        )  # (B, O)
        outputs = torch.addcmul(self.bias, products, largest)  # (B, O)
        if self.activation is not None:
            outputs = self.activation(outputs)
        return outputs.view(*inputs.shape[:-1], -1)  # (..., O)


def has_int8() -> bool:
    """Whether this torch and this processor compute such layers correctly."""
    generator = torch.Generator().manual_seed(0)
    linear = nn.Linear(64, 32)
    with torch.inference_mode():
        linear.weight.copy_(torch.randn(32, 64, generator=generator))
        inputs = torch.randn(3, 64, generator=generator)
        inputs[0], linear.weight[0] = 1.0, 1.0  # overflows the 16 bits in which older processors sum up
        exact = F.linear(inputs, linear.weight, linear.bias)
        try:
            found = Int8Linear(linear)(inputs)
        except (AttributeError, RuntimeError, NotImplementedError):
            return False
        return bool((found - exact).norm() < SELF_TEST_ERROR * exact.norm())


def round_weights(net: nn.Module) -> None:
    """Replace every linear layer below `net` by an `Int8Linear`."""
    replace_linears(net, Int8Linear)
