"""Published architectures in small."""

import torch
from torch import nn
from torch.nn import functional

from torch_zoo.registry import entry


class _Basic(nn.Module):
    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Conv1d(inside, outside, 7, stride, 3, bias=False), nn.BatchNorm1d(outside), nn.ReLU()),
            *(nn.Conv1d(outside, outside, 7, 1, 3, bias=False), nn.BatchNorm1d(outside)),
        )
        self.short = nn.Sequential(nn.Conv1d(inside, outside, 1, stride, bias=False), nn.BatchNorm1d(outside))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.body(x) + self.short(x))


@entry((2, 128))
def resnet() -> nn.Module:
    """As for ECG."""
    stem = [nn.Conv1d(2, 8, 15, 2, 7, bias=False), nn.BatchNorm1d(8), nn.ReLU(), nn.MaxPool1d(3, 2, 1)]
    tail = [nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(24, 5)]
    return nn.Sequential(*stem, _Basic(8, 16, 2), _Basic(16, 24, 2), *tail)


class _Dense(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm, self.conv = nn.BatchNorm1d(channels), nn.Conv1d(channels, 6, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, self.conv(functional.relu(self.norm(x)))], dim=1)


@entry((6, 48))
def densenet() -> nn.Module:
    """BatchNorm before the convolution, so that it cannot be folded into one before it."""
    return nn.Sequential(_Dense(6), _Dense(12), nn.AvgPool1d(2), _Dense(18), nn.Conv1d(24, 4, 1))


class _ConvNext(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.deep, self.norm = nn.Conv1d(size, size, 7, padding=3, groups=size), nn.LayerNorm(size)
        self.up, self.down = nn.Linear(size, 4 * size), nn.Linear(4 * size, size)
        self.scale = nn.Parameter(torch.full((size,), 0.3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm(self.deep(x).transpose(1, 2))
        y = self.scale * self.down(functional.gelu(self.up(y)))
        return x + y.transpose(1, 2)


@entry((4, 64))
def convnext() -> nn.Module:
    return nn.Sequential(nn.Conv1d(4, 12, 4, 4), _ConvNext(12), _ConvNext(12), nn.AdaptiveAvgPool1d(1), nn.Flatten())


class _Separation(nn.Module):
    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.wide, self.act1, self.norm1 = nn.Conv1d(8, 16, 1), nn.PReLU(), nn.GroupNorm(1, 16)
        self.deep = nn.Conv1d(16, 16, 3, padding=dilation, dilation=dilation, groups=16)
        self.act2, self.norm2, self.back = nn.PReLU(), nn.GroupNorm(1, 16), nn.Conv1d(16, 8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm1(self.act1(self.wide(x)))
        return x + self.back(self.norm2(self.act2(self.deep(y))))


@entry((1, 128))
class conv_tasnet(nn.Module):  # noqa: N801
    """Encoder, masks from a TCN, decoder by ConvTranspose1d (Luo and Mesgarani, 2019)."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Conv1d(1, 12, 16, 8, bias=False)
        self.neck, self.masks = nn.Conv1d(12, 8, 1), nn.Conv1d(8, 24, 1)
        self.body = nn.Sequential(_Separation(1), _Separation(2), _Separation(4))
        self.decoder = nn.ConvTranspose1d(12, 1, 16, 8, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        code = functional.relu(self.encoder(x))
        masks = torch.sigmoid(self.masks(self.body(self.neck(code))))
        sources = masks.view(x.shape[0], 2, 12, -1) * code.unsqueeze(1)
        sound = self.decoder(sources.reshape(x.shape[0] * 2, 12, -1))
        return sound.view(x.shape[0], 2, -1)


@entry((40, 48))
class matchbox(nn.Module):  # noqa: N801
    """MatchboxNet's separable blocks with a residual (Majumdar and Ginsburg, 2020)."""

    def __init__(self) -> None:
        super().__init__()
        self.front = nn.Sequential(nn.Conv1d(40, 16, 11, padding=5), nn.BatchNorm1d(16), nn.ReLU())
        self.deep = nn.Conv1d(16, 16, 13, padding=6, groups=16, bias=False)
        self.point, self.norm = nn.Conv1d(16, 16, 1, bias=False), nn.BatchNorm1d(16)
        self.skip = nn.Sequential(nn.Conv1d(16, 16, 1, bias=False), nn.BatchNorm1d(16))
        self.tail = nn.Conv1d(16, 6, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.front(x)
        x = functional.relu(self.norm(self.point(self.deep(x))) + self.skip(x))
        return self.tail(x).mean(dim=-1)
