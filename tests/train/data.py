"""A small data set in which broken studies are plain to see, and short runs on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fxcore.dataset.assemble import assemble
from fxcore.dataset.layout import Layout
from fxcore.dataset.studies import StudyWriter
from fxcore.letterbox import Frame
from fxcore.study import Radiograph
from fxtrain.config import DataConfig, ModelConfig, OptimConfig, TrainConfig

SIDE = 40
SMALL = TrainConfig(
    data=DataConfig(frame=Frame(32, 40), val_fraction=0.3),
    model=ModelConfig(name="rx-lite"),
    optim=OptimConfig(learning_rate=2e-3),
    epochs=3,
    batch=8,
    device="cpu",
)


def radiograph(broken: bool, seed: int) -> np.ndarray:
    """Draw a bright bar on noise; a broken one has a gap, at a random place."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 40, (SIDE + seed % 3, SIDE - 8), dtype=np.uint8)
    image[:, 10:20] += 160
    if broken:
        at = int(rng.integers(12, SIDE - 16))
        image[at : at + 6, 8:22] = 20
    return image


def make(root: Path, studies: int = 40, views: int = 2, share: float = 0.5, patients: int = 0) -> Path:
    """Write a data set; every second view of a broken study looks whole, as in life."""
    layout = Layout(root)
    for k in range(studies):
        broken = k < round(share * studies)
        label = "broken" if broken else "not_broken"
        with StudyWriter(layout, f"{k:024x}", label, f"{k:064x}") as writer:
            for view in range(1 + k % views if views > 1 else 1):
                image = radiograph(broken and view % 2 == 0, 100 * k + view)
                patient = f"p{k % patients}" if patients else ""
                row = {"radiograph_id": f"{k:020x}{view:04x}", "study_id": f"{k:024x}", "patient_id": patient}
                writer.add(Radiograph(image, row | {"label": label}))
            writer.commit()
    provenance = {"tool": "fxray", "commands": ["build"], "config": {"steps": {}}}
    assemble(
        layout, provenance=provenance, loose=list, keep={f"{k:024x}" for k in range(studies)}, columns=()
    )
    return root
