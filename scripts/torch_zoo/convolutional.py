"""Plain stacks of convolutions, and their paddings, strides, groups and pools."""

import torch
from torch import nn
from torch.nn import functional

from torch_zoo.registry import entry


@entry((4, 64))
def plain_flatten_linear() -> nn.Module:
    """Flatten after NCW: the rows of the Linear are in channel-first order."""
    return nn.Sequential(
        *(nn.Conv1d(4, 8, 5, padding=2), nn.BatchNorm1d(8), nn.ReLU(), nn.MaxPool1d(4)),
        *(nn.Conv1d(8, 12, 5, padding=2), nn.ReLU(), nn.MaxPool1d(4), nn.Flatten(), nn.Linear(48, 5)),
    )


@entry((3, 63))
class same_with_stride(nn.Module):  # noqa: N801  (named as the model in the report)
    """Padding as TensorFlow's `same` has it: more at the end than at the front."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv1d(3, 8, 4, stride=2), nn.Conv1d(8, 6, 5, stride=3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu(self.first(functional.pad(x, (1, 2))))
        return self.second(functional.pad(x, (1, 1)))


class _Causal(nn.Module):
    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.left = 2 * dilation
        self.one = nn.Conv1d(channels, channels, 3, dilation=dilation)
        self.two = nn.Conv1d(channels, channels, 3, dilation=dilation)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = functional.relu(self.one(functional.pad(x, (self.left, 0))))
        return functional.relu(x + self.two(functional.pad(y, (self.left, 0))))


@entry((6, 128))
def causal_tcn() -> nn.Module:
    return nn.Sequential(nn.Conv1d(6, 16, 1), *(_Causal(16, 2**depth) for depth in range(5)), nn.Conv1d(16, 4, 1))


class _Chomped(nn.Module):
    """As the first published TCN does it: pad both ends, then cut the end off."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.chomp = 2 * dilation
        self.conv = nn.Conv1d(channels, channels, 3, padding=self.chomp, dilation=dilation)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.conv(x)[:, :, : -self.chomp] + x)


@entry((6, 128))
def chomped_tcn() -> nn.Module:
    return nn.Sequential(nn.Conv1d(6, 16, 1), *(_Chomped(16, 2**depth) for depth in range(4)))


@entry((4, 80))
def stride_and_dilation() -> nn.Module:
    return nn.Sequential(nn.Conv1d(4, 8, 3, stride=2, dilation=3, padding=3), nn.ReLU(), nn.Conv1d(8, 4, 5, stride=3))


@entry((8, 64))
def grouped() -> nn.Module:
    return nn.Sequential(nn.Conv1d(8, 16, 5, padding=2, groups=4), nn.ReLU(), nn.Conv1d(16, 8, 3, groups=2, dilation=2))


@entry((8, 96))
def depthwise_separable() -> nn.Module:
    blocks: list[nn.Module] = []
    for stride in (1, 2, 2):
        blocks += [nn.Conv1d(8, 8, 9, stride=stride, padding=4, groups=8, bias=False), nn.BatchNorm1d(8), nn.ReLU()]
        blocks += [nn.Conv1d(8, 8, 1, bias=False), nn.BatchNorm1d(8), nn.ReLU6()]
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(8, 4))


@entry((2, 64))
class unet(nn.Module):  # noqa: N801
    """Two levels, ConvTranspose1d with output_padding, skips by concatenation."""

    def __init__(self) -> None:
        super().__init__()
        self.down1, self.down2 = nn.Conv1d(2, 8, 5, padding=2), nn.Conv1d(8, 16, 5, padding=2)
        self.middle = nn.Conv1d(16, 16, 5, padding=2)
        self.up2 = nn.ConvTranspose1d(16, 16, 3, stride=2, padding=1, output_padding=1)
        self.up1 = nn.ConvTranspose1d(32, 8, 3, stride=2, padding=1, output_padding=1)
        self.head = nn.Conv1d(16, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a = functional.relu(self.down1(x))
        b = functional.relu(self.down2(functional.max_pool1d(a, 2)))
        c = functional.relu(self.middle(functional.max_pool1d(b, 2)))
        b = torch.cat([functional.relu(self.up2(c)), b], dim=1)
        a = torch.cat([functional.relu(self.up1(b)), a], dim=1)
        return torch.sigmoid(self.head(a))


@entry((1, 256))
def conv_autoencoder() -> nn.Module:
    down = [nn.Conv1d(1, 16, 8, 4, 2), nn.ReLU(), nn.Conv1d(16, 32, 8, 4, 2), nn.ReLU()]
    up = [nn.ConvTranspose1d(32, 16, 8, 4, 2), nn.ReLU(), nn.ConvTranspose1d(16, 1, 8, 4, 2), nn.Tanh()]
    return nn.Sequential(*down, *up)


@entry((3, 50))
def average_pools() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv1d(3, 6, 3), nn.AvgPool1d(3, 2, padding=1), nn.AvgPool1d(3, 2, padding=1, count_include_pad=False)),
        *(nn.AvgPool1d(2, ceil_mode=True), nn.Conv1d(6, 2, 1)),
    )


@entry((3, 51))
def ceil_max_pool() -> nn.Module:
    return nn.Sequential(nn.Conv1d(3, 6, 3), nn.MaxPool1d(3, 2, padding=1, ceil_mode=True), nn.MaxPool1d(2, dilation=2))


@entry((4, 48))
def adaptive_pools() -> nn.Module:
    return nn.Sequential(nn.Conv1d(4, 8, 1), nn.AdaptiveAvgPool1d(12), nn.ReLU(), nn.AdaptiveMaxPool1d(4), nn.Flatten())


@entry((3, 40))
class paddings(nn.Module):  # noqa: N801
    """Reflect, replicate and circular."""

    def __init__(self) -> None:
        super().__init__()
        self.reflect = nn.Conv1d(3, 4, 5, padding=2, padding_mode="reflect")
        self.replicate = nn.Conv1d(4, 4, 5, padding=2, padding_mode="replicate")
        self.circular = nn.Conv1d(4, 4, 3, padding=1, padding_mode="circular")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.circular(functional.relu(self.replicate(functional.relu(self.reflect(x)))))


@entry((2, 64), open_axes=(2,))
def open_time_global_pool() -> nn.Module:
    return nn.Sequential(nn.Conv1d(2, 8, 7), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(8, 3))


@entry((2, 64), open_axes=(2,))
def open_time_sequence() -> nn.Module:
    return nn.Sequential(nn.Conv1d(2, 8, 7, padding=3), nn.PReLU(8), nn.Conv1d(8, 3, 1), nn.Softmax(dim=1))


@entry((5, 32))
class inception(nn.Module):  # noqa: N801
    def __init__(self) -> None:
        super().__init__()
        self.neck = nn.Conv1d(5, 4, 1)
        self.branches = nn.ModuleList(nn.Conv1d(4, 6, kernel, padding=kernel // 2) for kernel in (3, 5, 9))
        self.pooled, self.norm = nn.Conv1d(5, 6, 1), nn.BatchNorm1d(24)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        neck = self.neck(x)
        parts = [branch(neck) for branch in self.branches]
        parts.append(self.pooled(functional.max_pool1d(x, 3, 1, 1)))
        return functional.relu(self.norm(torch.cat(parts, dim=1)))


@entry((4, 32))
class through_conv2d(nn.Module):  # noqa: N801
    """A detour through Conv2d on an unsqueezed map."""

    def __init__(self) -> None:
        super().__init__()
        self.front, self.map, self.back = nn.Conv1d(4, 8, 3), nn.Conv2d(1, 3, 3, padding=1), nn.Conv1d(24, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = functional.relu(self.map(self.front(x).unsqueeze(1)))
        return self.back(y.flatten(1, 2))


@entry((3, 64, 1))
def conv2d_column() -> nn.Module:
    """A 1D model written in 2D over `[N, C, W, 1]`, as in CREPE."""
    return nn.Sequential(
        *(nn.Conv2d(3, 16, (7, 1), padding=(3, 0)), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d((2, 1))),
        *(nn.Conv2d(16, 16, (5, 1), padding=(2, 0)), nn.ReLU(), nn.MaxPool2d((2, 1)), nn.Conv2d(16, 4, (1, 1))),
    )


@entry((3, 1, 64))
def conv2d_row() -> nn.Module:
    """The same over `[N, C, 1, W]`."""
    return nn.Sequential(nn.Conv2d(3, 8, (1, 7), stride=(1, 2)), nn.ReLU(), nn.Conv2d(8, 4, (1, 5)), nn.Flatten())
