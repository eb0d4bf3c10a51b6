"""Layers that pass messages between the nodes of a graph. Part of polytag.methods.aam_gat and polytag.heads.ml_gcn."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import elu, leaky_relu


class GraphConvolution(nn.Module):
    """``A (x W)``: each node gets the weighted sum of what its neighbours say; no bias.

    Args:
        inputs: numbers a node comes with.
        outputs: numbers it leaves with.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs))
        bound = 1 / math.sqrt(outputs)
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, nodes: Tensor, graph: Tensor) -> Tensor:
        """``(n, inputs)`` and a graph ``(n, n)`` of weights to ``(n, outputs)``."""
        return graph @ (nodes @ self.weight)  # (n, outputs)


class GraphAttention(nn.Module):
    """``ELU(softmax(LeakyReLU_0.2(a . [h_i, h_j])) h)`` with ``h = x W``, the softmax over the neighbours of each node.

    One attention head. Velickovic et al., ICLR 2018, as public code of the AAM paper has it.

    Args:
        inputs: numbers a node comes with.
        outputs: numbers it leaves with.
        dropout: probability in ``[0, 1)`` with which a neighbour is not heard, in training.
    """

    def __init__(self, inputs: int, outputs: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(inputs, outputs))
        self.attention = nn.Parameter(torch.empty(2, outputs))  # of the node that listens, and of the one that speaks
        self.dropout = nn.Dropout(dropout)
        nn.init.xavier_uniform_(self.weight, gain=1.414)
        bound = 1.414 * math.sqrt(6 / (2 * outputs + 1))
        nn.init.uniform_(self.attention, -bound, bound)

    def forward(self, nodes: Tensor, graph: Tensor) -> Tensor:
        """``(n, inputs)`` and a graph ``(n, n)``, above 0 from each node to its neighbours, to ``(n, outputs)``.

        Each node needs a neighbour, which may be itself.
        """
        hidden = nodes @ self.weight  # (n, outputs)
        listening, speaking = self.attention @ hidden.T  # (n,) each
        scores = leaky_relu(listening[:, None] + speaking, 0.2)  # (n, n)
        attention = scores.masked_fill(graph <= 0, -torch.inf).softmax(dim=1)  # (n, n)
        return elu(self.dropout(attention) @ hidden)  # (n, outputs)
