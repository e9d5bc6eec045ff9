"""The LSTM, from frames and facts of a hold to the logit of "a release succeeds"."""

import torch

from wingspan.advisor.models.network import NetworkConfig


class Lstm(torch.nn.Module):  # type: ignore[misc] # torch is not type-checked
    """An LSTM over frames; its last state and the facts go through a hidden and a last layer."""

    def __init__(self, config: NetworkConfig, width: int, facts: int) -> None:
        super().__init__()
        between = config.dropout if config.layers > 1 else 0.0
        self.lstm = torch.nn.LSTM(
            width, config.hidden, config.layers, batch_first=True, dropout=between
        )
        self.dropout = torch.nn.Dropout(config.dropout)
        self.joined = torch.nn.Linear(config.hidden + facts, config.hidden)
        self.last = torch.nn.Linear(config.hidden, 1)

    def forward(self, frames: torch.Tensor, facts: torch.Tensor) -> torch.Tensor:
        """Return logits (batch,) of float32 frames (batch, frame, width) and facts (batch, facts)."""
        states, _ = self.lstm(frames)
        known = torch.cat([states[:, -1], facts], dim=1)
        hidden = torch.relu(self.joined(self.dropout(known)))
        logits: torch.Tensor = self.last(self.dropout(hidden)).squeeze(1)
        return logits
