"""The LSTM: frames from the oldest to the newest -> the logit of "a release succeeds"."""

import torch

from wingspan.advisor.network import NetworkConfig


class Lstm(torch.nn.Module):  # type: ignore[misc] # torch is not type-checked
    """An LSTM whose last state, that of the newest frame, goes through one linear layer."""

    def __init__(self, config: NetworkConfig, width: int) -> None:
        super().__init__()
        between = config.dropout if config.layers > 1 else 0.0
        self.lstm = torch.nn.LSTM(
            width, config.hidden, config.layers, batch_first=True, dropout=between
        )
        self.dropout = torch.nn.Dropout(config.dropout)
        self.last = torch.nn.Linear(config.hidden, 1)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return logits (batch,) of float32 frames (batch, frame, width)."""
        states, _ = self.lstm(frames)
        logits: torch.Tensor = self.last(self.dropout(states[:, -1])).squeeze(1)
        return logits
