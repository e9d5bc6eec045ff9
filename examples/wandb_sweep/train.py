"""Fit a line by gradient descent, and log to Weights & Biases as its tutorial does; nothing here knows Wingspan."""

import time

import wandb


def main() -> None:
    """Train with the parameters of the sweep."""
    run = wandb.init(project="line")
    lr, epochs = wandb.config.lr, wandb.config.epochs
    points = [(x / 50, 2 * x / 50 + 1) for x in range(50)]
    slope = bias = 0.0
    for epoch in range(epochs):
        for x, y in points[::2]:
            error = slope * x + bias - y
            slope, bias = slope - lr * error * x, bias - lr * error
        val_loss = sum((slope * x + bias - y) ** 2 for x, y in points[1::2]) / 25
        wandb.log({"epoch": epoch, "slope": slope, "val_loss": val_loss})
        time.sleep(wandb.config.pause_s)  # as if an epoch took longer
    run.finish()


if __name__ == "__main__":
    main()
