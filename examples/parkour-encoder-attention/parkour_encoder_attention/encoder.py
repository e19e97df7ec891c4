"""Rows of the scan as tokens, attention among them, a pooled latent."""

import math
from collections.abc import Sequence

import torch
from parkour import Params, param
from torch import Tensor, nn


class ScanAttentionParams(Params):
    """Numbers that a task can set."""

    columns: int = param(12, ge=1, le=1000)
    """Heights in a row of the scan; its size is a multiple of this."""
    width: int = param(32, ge=1, le=1024)
    """Numbers of a token."""
    heads: int = param(4, ge=1, le=64)
    """Attention heads; they divide the width."""
    layers: int = param(1, ge=1, le=8)
    """Rounds of attention."""


class Attention(nn.Module):
    """One round: every token looks at all others, and each is then changed by itself."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.look = nn.Linear(width, 3 * width)
        self.join = nn.Linear(width, width)
        self.change = nn.Sequential(nn.Linear(width, 2 * width), nn.ELU(), nn.Linear(2 * width, width))

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens ``[N, T, W]`` to tokens."""
        query, key, value = self.look(self.before(tokens)).chunk(3, dim=-1)
        split = (-1, tokens.shape[1], self.heads, tokens.shape[2] // self.heads)
        query, key, value = (part.reshape(split).transpose(1, 2) for part in (query, key, value))
        weights = torch.softmax(query @ key.transpose(2, 3) / math.sqrt(split[-1]), dim=-1)
        tokens = tokens + self.join((weights @ value).transpose(1, 2).flatten(2))
        return tokens + self.change(self.between(tokens))


class ScanAttention(nn.Module):
    """Scans ``[N, rows * columns]`` to latents in (-1, 1), ``[N, latent_dim]``."""

    def __init__(self, rows: int, columns: int, latent_dim: int, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.rows, self.columns = rows, columns
        self.embed = nn.Linear(columns, width)
        self.place = nn.Parameter(0.02 * torch.randn(rows, width))
        self.rounds = nn.Sequential(*(Attention(width, heads) for _ in range(layers)))
        self.latent = nn.Linear(2 * width, latent_dim)

    def forward(self, scan: Tensor) -> Tensor:
        tokens = self.rounds(self.embed(scan.reshape(-1, self.rows, self.columns)) + self.place)
        return torch.tanh(self.latent(torch.cat((tokens.mean(dim=1), tokens.amax(dim=1)), dim=-1)))


def scan_attention(
    input_shape: Sequence[int], latent_dim: int, *, columns: int, width: int, heads: int, layers: int
) -> nn.Module:
    """The encoder of a scan of ``input_shape``.

    Raises:
        ValueError: the scan is not whole rows, or the heads do not divide the width.
    """
    size = math.prod(input_shape)
    if size % columns:
        raise ValueError(f"a scan of {size} heights has no whole rows of {columns}")
    if width % heads:
        raise ValueError(f"{heads} heads do not divide tokens of {width} numbers")
    return ScanAttention(size // columns, columns, latent_dim, width, heads, layers)
