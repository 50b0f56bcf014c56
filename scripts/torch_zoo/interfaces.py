"""Several inputs and outputs, constants of each rank, shapes that stay open."""

import torch
from torch import nn
from torch.nn import functional

from torch_zoo.registry import entry


@entry((3, 32), (5, 32))
class two_signals(nn.Module):  # noqa: N801
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Conv1d(3, 6, 3), nn.Conv1d(5, 6, 3), nn.Conv1d(12, 4, 3)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.c(torch.cat([functional.relu(self.a(x)), functional.relu(self.b(y))], dim=1))


@entry((3, 32), (7,))
class signal_and_features(nn.Module):  # noqa: N801
    """A vector beside the signal, as of a speaker or a patient."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.linear, self.head = nn.Conv1d(3, 8, 5), nn.Linear(7, 8), nn.Linear(8, 2)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        z = functional.relu(self.conv(x)) * self.linear(y).unsqueeze(2)
        return self.head(z.mean(dim=2))


@entry((3, 32))
class three_outputs(nn.Module):  # noqa: N801
    def __init__(self) -> None:
        super().__init__()
        self.body, self.a, self.b = nn.Conv1d(3, 8, 5), nn.Conv1d(8, 2, 1), nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        y = functional.relu(self.body(x))
        return self.a(y), self.b(y.mean(dim=2)), y


@entry((4, 24))
class constants(nn.Module):  # noqa: N801
    """Of rank 0 to 3, each broadcast."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.back = nn.Conv1d(4, 8, 3, padding=1), nn.Conv1d(8, 4, 1)
        for name, shape in (("time", (24,)), ("channel", (8, 1)), ("both", (8, 24)), ("all", (1, 8, 1))):
            self.register_buffer(name, torch.randn(shape))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = (2.5 * self.conv(x) + self.time) * self.channel - self.both
        return self.back(torch.maximum(y, self.all))


@entry((4, 24))
class prelu(nn.Module):  # noqa: N801
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv1d(4, 8, 3), nn.Conv1d(8, 4, 3)
        self.per_channel, self.single = nn.PReLU(8, init=0.3), nn.PReLU(init=0.1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.single(self.two(self.per_channel(self.one(x))))


@entry((4, 24), open_axes=(2,))
class normalised_input(nn.Module):  # noqa: N801
    """Each window normalised by its own mean and deviation first."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(4, 6, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv((x - x.mean(dim=2, keepdim=True)) / (x.std(dim=2, keepdim=True) + 1e-3))


@entry((256,))
class raw_audio(nn.Module):  # noqa: N801
    """`[N, samples]` in, as for wav2vec and SincNet: the channel is made inside."""

    def __init__(self) -> None:
        super().__init__()
        self.front, self.back = nn.Conv1d(1, 16, 16, stride=8), nn.Conv1d(16, 8, 3, stride=2)
        self.norm, self.head = nn.GroupNorm(1, 16), nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = functional.gelu(self.norm(self.front(x.unsqueeze(1))))
        return self.head(functional.gelu(self.back(y)).transpose(1, 2))


@entry((24, 4))
class channel_last_outside(nn.Module):  # noqa: N801
    """NWC outside already; PyTorch's convolutions want NCW inside."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv1d(4, 8, 3), nn.Conv1d(8, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.two(functional.relu(self.one(x.transpose(1, 2)))).transpose(1, 2)


@entry((4, 24))
class open_flatten(nn.Module):  # noqa: N801
    """`x.view(x.size(0), -1)`: a Reshape that asks for its batch at run time."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv1d(4, 6, 3), nn.Linear(132, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        return self.head(y.view(y.size(0), -1))


@entry((4, 24), fixed_batch=True)
def fixed_batch() -> nn.Module:
    return nn.Sequential(nn.Conv1d(4, 8, 3), nn.Tanh(), nn.Conv1d(8, 2, 3), nn.Flatten(), nn.Linear(40, 3))
