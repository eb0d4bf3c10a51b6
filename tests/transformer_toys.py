"""Features and heads for tests of transformer layers."""

import torch

D, C, W = 6, 3, 8


def features(batch=2):
    return torch.randn(batch, D, 3, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def moved(head):
    """Biases and norms away from where they begin."""
    with torch.no_grad():
        for weights in head.parameters():
            weights.add_(0.1 * torch.randn_like(weights))
    return head.double().eval()
