"""Recurrence, attention, and other layers that mix what convolutions keep apart."""

import math

import torch
from torch import nn
from torch.nn import functional

from torch_zoo.registry import entry


@entry((6, 40))
class cnn_lstm(nn.Module):  # noqa: N801
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.lstm, self.head = nn.Conv1d(6, 8, 5), nn.LSTM(8, 10, batch_first=True), nn.Linear(10, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y, _ = self.lstm(functional.relu(self.conv(x)).transpose(1, 2))
        return self.head(y)


@entry((6, 40))
class cnn_bigru(nn.Module):  # noqa: N801
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(6, 8, 5)
        self.gru = nn.GRU(8, 10, num_layers=2, batch_first=True, bidirectional=True)
        self.head = nn.Linear(20, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y, _ = self.gru(functional.relu(self.conv(x)).permute(0, 2, 1))
        return self.head(y[:, -1])


@entry((8, 24))
class conv_attention(nn.Module):  # noqa: N801
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(8, 16, 3, padding=1)
        self.attention = nn.MultiheadAttention(16, 4, batch_first=True)
        self.norm, self.head = nn.LayerNorm(16), nn.Conv1d(16, 5, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x).transpose(1, 2)
        z, _ = self.attention(y, y, y, need_weights=False)
        return self.head(self.norm(y + z).transpose(1, 2))


@entry((24, 16))
class conformer_block(nn.Module):  # noqa: N801
    """Feed-forward, attention, convolution with GLU, feed-forward (Gulati and others, 2020)."""

    def __init__(self) -> None:
        super().__init__()
        size = 16
        self.first, self.last = self._feed(size), self._feed(size)
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(size), nn.LayerNorm(size), nn.LayerNorm(size)
        self.attention = nn.MultiheadAttention(size, 2, batch_first=True)
        self.wide, self.deep = nn.Conv1d(size, 2 * size, 1), nn.Conv1d(size, size, 7, padding=3, groups=size)
        self.batch, self.point = nn.BatchNorm1d(size), nn.Conv1d(size, size, 1)

    @staticmethod
    def _feed(size: int) -> nn.Module:
        return nn.Sequential(nn.LayerNorm(size), nn.Linear(size, 4 * size), nn.SiLU(), nn.Linear(4 * size, size))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + 0.5 * self.first(x)
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        y = functional.glu(self.wide(self.norm2(x).transpose(1, 2)), dim=1)
        y = self.point(functional.silu(self.batch(self.deep(y)))).transpose(1, 2)
        x = x + y
        return self.norm3(x + 0.5 * self.last(x))


@entry((6, 32))
class squeeze_excite(nn.Module):  # noqa: N801
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.down, self.up = nn.Conv1d(6, 12, 5, padding=2), nn.Linear(12, 3), nn.Linear(3, 12)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = functional.relu(self.conv(x))
        gate = torch.sigmoid(self.up(functional.relu(self.down(y.mean(dim=2)))))
        return y * gate[:, :, None]


@entry((6, 32))
class norm_mix(nn.Module):  # noqa: N801
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.d = (nn.Conv1d(i, 8, 3, padding=1) for i in (6, 8, 8, 8))
        self.batch, self.layer = nn.BatchNorm1d(8), nn.LayerNorm(8)
        self.instance, self.group = nn.InstanceNorm1d(8, affine=True), nn.GroupNorm(4, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.gelu(self.batch(self.a(x)))
        x = functional.elu(self.layer(self.b(x).transpose(1, 2)).transpose(1, 2))
        x = functional.silu(self.instance(self.c(x)))
        return functional.hardswish(self.group(self.d(x)))


@entry((2, 64))
class wavenet(nn.Module):  # noqa: N801
    def __init__(self) -> None:
        super().__init__()
        self.front = nn.Conv1d(2, 8, 1)
        self.gates = nn.ModuleList(nn.Conv1d(8, 16, 2, dilation=2**depth) for depth in range(4))
        self.residual = nn.ModuleList(nn.Conv1d(8, 8, 1) for _ in range(4))
        self.skips = nn.ModuleList(nn.Conv1d(8, 8, 1) for _ in range(4))
        self.head = nn.Conv1d(8, 3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.front(x)
        total = torch.zeros(1, 1, 1)
        for depth, (gate, residual, skip) in enumerate(zip(self.gates, self.residual, self.skips, strict=True)):
            a, b = gate(functional.pad(x, (2**depth, 0))).chunk(2, dim=1)
            y = torch.tanh(a) * torch.sigmoid(b)
            x, total = x + residual(y), total + skip(y)
        return self.head(functional.relu(total))


@entry((8, 16))
class mixer(nn.Module):  # noqa: N801
    """Linear over time, then over channels."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(8), nn.LayerNorm(8)
        self.tokens = nn.Sequential(nn.Linear(16, 24), nn.GELU(), nn.Linear(24, 16))
        self.channels = nn.Sequential(nn.Linear(8, 24), nn.GELU(), nn.Linear(24, 8))
        self.conv = nn.Conv1d(8, 8, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x).transpose(1, 2)
        y = y + self.tokens(self.norm1(y).transpose(1, 2)).transpose(1, 2)
        return y + self.channels(self.norm2(y))


@entry((8, 20))
class positions(nn.Module):  # noqa: N801
    """Sinusoidal positions added in channel-last, a convolution after."""

    def __init__(self) -> None:
        super().__init__()
        time = torch.arange(20)[:, None] * torch.exp(torch.arange(0, 8, 2) * (-math.log(1e4) / 8))
        self.register_buffer("table", torch.stack([time.sin(), time.cos()], dim=2).reshape(1, 20, 8))
        self.conv = nn.Conv1d(8, 8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv((x.transpose(1, 2) + self.table).transpose(1, 2))


@entry((6, 32))
class statistics_pooling(nn.Module):  # noqa: N801
    """Mean and deviation over time, as in x-vectors."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv1d(6, 12, 5, dilation=2), nn.Linear(24, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = functional.relu(self.conv(x))
        mean = y.mean(dim=2)
        deviation = torch.sqrt(((y - mean[:, :, None]) ** 2).mean(dim=2) + 1e-5)
        return functional.log_softmax(self.head(torch.cat([mean, deviation], dim=1)), dim=1)
