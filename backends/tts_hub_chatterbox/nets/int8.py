"""Linear layers with 8 bit weights on the CPU: a quarter of the memory to read for each token.

B rows, I inputs, O outputs

Weights are rounded for each output on its own, inputs for each row on its own and at each call: what a row
gives does not depend on the rows beside it. The products are oneDNN's, summed up in 32 bits; processors
without VNNI sum pairs up in 16, which `has_int8` finds out.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from tts_hub_chatterbox.nets.dense import ACTIVATIONS, activation_of, replace_linears

LARGEST = 127
"""Of a signed weight."""
MIDDLE = 128
"""Inputs are unsigned, since only those have a fast product; this stands for zero."""
SELF_TEST_ERROR = 0.02
"""Relative; rounding to 8 bits costs half of that."""


class Int8Linear(nn.Module):
    """What a `Dense` or `nn.Linear` computes, about 0.8 % beside it, in float32."""

    def __init__(self, linear: nn.Linear) -> None:
        """Round the weights of `linear`, which is kept as it is."""
        super().__init__()
        # Official matrices lie transposed in their files, and the packing reads memory as it lies.
        weight = linear.weight.float().contiguous()  # (O, I)
        # A row of zeros keeps its zeros.
        scales = weight.abs().amax(dim=1).clamp_(min=torch.finfo(torch.float32).tiny) / LARGEST  # (O,)
        rounded = (weight / scales[:, None]).round_().to(torch.int8)
        # No buffers, which are slow to get at: it never leaves the CPU, nor is it saved.
        self.weight = (
            torch.ops.onednn.qlinear_prepack(rounded, None),
            scales,
            torch.zeros(len(weight), dtype=torch.int64),
        )
        """Rounded and packed, the scales (O,), and zeros (O,) for what stands for zero."""
        self.bias = torch.zeros(len(weight)) if linear.bias is None else linear.bias.float()
        self.middle = torch.full((weight.shape[1],), MIDDLE + 0.5)
        """(I,), as a number that is spread over all of them takes longer."""
        self.activation = None if activation_of(linear) == "none" else ACTIVATIONS[activation_of(linear)]

    def forward(self, inputs: Tensor) -> Tensor:
        """(..., I) to (..., O), float32."""
        rows = inputs.reshape(-1, inputs.shape[-1])  # (B, I)
        largest = rows.abs().amax(dim=1, keepdim=True)  # (B, 1)
        # What is cut off behind a half is rounded. Of a row of zeros it is NaN, and multiplied by 0 later.
        rounded = torch.addcdiv(self.middle, rows, largest, value=LARGEST).to(torch.uint8)
        products = torch.ops.onednn.qlinear_pointwise.default(
            rounded, 1 / LARGEST, MIDDLE, *self.weight, None, 1.0, 0, torch.float32, "none", [], ""
        )  # (B, O)
        outputs = torch.addcmul(self.bias, products, largest)  # (B, O)
        if self.activation is not None:
            outputs = self.activation(outputs)
        return outputs.view(*inputs.shape[:-1], -1)  # (..., O)


def has_int8() -> bool:
    """Whether this torch and processor compute such layers, and rightly."""
    generator = torch.Generator().manual_seed(0)
    linear = nn.Linear(64, 32)
    with torch.inference_mode():
        linear.weight.copy_(torch.randn(32, 64, generator=generator))
        inputs = torch.randn(3, 64, generator=generator)
        inputs[0], linear.weight[0] = 1.0, 1.0  # what overflows the 16 bits that older processors sum up in
        exact = F.linear(inputs, linear.weight, linear.bias)
        try:
            found = Int8Linear(linear)(inputs)
        except (AttributeError, RuntimeError, NotImplementedError):
            return False
        return bool((found - exact).norm() < SELF_TEST_ERROR * exact.norm())


def round_weights(net: nn.Module) -> None:
    """Put an `Int8Linear` in the place of every linear layer below `net`."""
    replace_linears(net, Int8Linear)
