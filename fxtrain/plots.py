"""Pictures of a run: how training went, and what was taken for what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from fxtrain.metrics import percent

_CURVES = (
    ("loss", (("train_loss", "training"), ("val_loss", "validation, by study"))),
    ("accuracy", (("train_accuracy", "training"), ("val_accuracy", "validation, by study"))),
    ("area under the curve", (("val_auc", "AUC"), ("val_average_precision", "average precision"))),
)
_NAMES = ("broken", "not broken")


def plot_curves(history: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw loss, accuracy and areas over the epochs."""
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    epochs = [row["epoch"] for row in history]
    for axes, (title, lines) in zip(figure.subplots(1, len(_CURVES)), _CURVES, strict=True):
        for column, label in lines:
            axes.plot(epochs, [row[column] for row in history], marker=".", label=label)
        axes.set(title=title, xlabel="epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
        if title != "loss":
            axes.set_ylim(0, 1.02)
    figure.savefig(path, dpi=120)


def plot_confusion(matrices: Mapping[str, Sequence[Sequence[int]]], path: Path) -> None:
    """Draw confusion matrices: numbers of samples, and these in percent of all."""
    figure = Figure(figsize=(2.9 * len(matrices), 3.2), layout="constrained")
    all_axes = figure.subplots(1, len(matrices), squeeze=False)[0]
    for axes, (name, matrix) in zip(all_axes, matrices.items(), strict=True):
        shares = percent(matrix)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=100)
        for i, row in enumerate(shares):
            for k, share in enumerate(row):
                color = "white" if share > 50 else "black"
                axes.text(k, i, f"{share:.1f}%\n{matrix[i][k]:,}", ha="center", va="center", color=color)
        axes.set(title=f"by {name}" if name == "radiograph" else f"by study: {name}", xlabel="predicted")
        axes.set_xticks([0, 1], _NAMES)
        axes.set_yticks([0, 1], _NAMES, rotation=90, va="center")
    all_axes[0].set_ylabel("true")
    figure.savefig(path, dpi=120)
