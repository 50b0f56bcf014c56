"""Reshapes, permutations, slices and resampling between convolutions."""

import torch
from torch import nn
from torch.nn import functional

from torch_zoo.registry import entry


class _Two(nn.Module):
    """Two convolutions with something between."""

    def __init__(self, channels: int = 8, between: int = 8) -> None:
        super().__init__()
        self.one, self.two = nn.Conv1d(4, channels, 3, padding=1), nn.Conv1d(between, 4, 3, padding=1)


@entry((4, 24))
class reshape_between(_Two):  # noqa: N801
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = functional.relu(self.one(x))
        return self.two(y.reshape(y.shape[0], 16, 12).permute(0, 2, 1).reshape(y.shape[0], 8, 24))


@entry((4, 24))
class channel_shuffle(_Two):  # noqa: N801
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.one(x)
        return self.two(y.view(y.shape[0], 2, 4, 24).transpose(1, 2).reshape(y.shape[0], 8, 24))


@entry((4, 24))
class chunk_glu(nn.Module):  # noqa: N801
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv1d(4, 16, 3), nn.Conv1d(8, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = self.one(x).chunk(2, dim=1)
        return self.two(a * torch.sigmoid(b))


@entry((4, 24))
class pixel_shuffle(nn.Module):  # noqa: N801
    """`[N, 2C, W]` to `[N, C, 2W]`."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv1d(4, 16, 3, padding=1), nn.Conv1d(8, 4, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.one(x)
        y = y.view(y.shape[0], 8, 2, 24).permute(0, 1, 3, 2).reshape(y.shape[0], 8, 48)
        return self.two(functional.leaky_relu(y, 0.1))


@entry((4, 24))
class upsample_nearest(_Two):  # noqa: N801
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.two(functional.interpolate(functional.relu(self.one(x)), scale_factor=2, mode="nearest"))


@entry((4, 24))
class upsample_linear(_Two):  # noqa: N801
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = functional.interpolate(self.one(x), scale_factor=2, mode="linear", align_corners=False)
        return self.two(y)


@entry((4, 24))
class upsample_linear_aligned(_Two):  # noqa: N801
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.two(functional.interpolate(self.one(x), size=37, mode="linear", align_corners=True))


@entry((4, 24))
class reductions(_Two):  # noqa: N801
    """Over time, over channels, and kept."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        y = self.one(x)
        return y.mean(dim=2), y.amax(dim=1), self.two(y - y.mean(dim=1, keepdim=True)).sum(dim=2)


@entry((4, 24))
class softmax_channels(_Two):  # noqa: N801
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.softmax(self.two(torch.softmax(self.one(x), dim=1)), dim=1)


@entry((4, 24))
class softmax_time(_Two):  # noqa: N801
    """Attentive pooling: weights over time, then a weighted sum."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.one(x)
        return (torch.softmax(y, dim=2) * y).sum(dim=2)


@entry((4, 24))
class slices_in_time(_Two):  # noqa: N801
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.one(x)
        return self.two(torch.cat([y[:, :, ::2], y[:, :, 3:9], y[:, :, -4:]], dim=2))


@entry((4, 24))
class last_step(_Two):  # noqa: N801
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.two(functional.relu(self.one(x)))[:, :, -1]


@entry((4, 24))
class gather_channels(_Two):  # noqa: N801
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.two(self.one(x)[:, [7, 0, 3, 3, 1, 2, 6, 5]])


@entry((4, 24))
class flip_time(_Two):  # noqa: N801
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.two(torch.flip(self.one(x), dims=(2,)))


@entry((4, 24))
class patches(nn.Module):  # noqa: N801
    """Windows by unfold, each through a Linear."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.linear = nn.Conv1d(4, 8, 1), nn.Linear(8 * 6, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        return self.linear(y.unfold(2, 6, 6).permute(0, 2, 1, 3).flatten(2))


@entry((16, 16))
class with_its_transpose(nn.Module):  # noqa: N801
    """`x + x.transpose(1, 2)`: no layout makes both the same."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv1d(16, 16, 3, padding=1), nn.Conv1d(16, 8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.one(x)
        return self.two(y + y.transpose(1, 2))


@entry((12, 12))
def channels_equal_length() -> nn.Module:
    """Nothing may be inferred from sizes."""
    return nn.Sequential(nn.Conv1d(12, 12, 3, padding=1), nn.ReLU(), nn.Conv1d(12, 12, 1), nn.Softmax(dim=1))


@entry((4, 24))
class arg_max(_Two):  # noqa: N801
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.two(self.one(x)).argmax(dim=1)
