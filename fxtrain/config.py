"""Every setting of a training run, with its default: what ``train.toml`` may say."""

from __future__ import annotations

from dataclasses import dataclass, field

from fxcore.aggregate import AGGREGATES
from fxcore.arguments import check_whole
from fxcore.errors import ParameterError
from fxcore.letterbox import Frame

OPTIMISERS = ("adam", "adamw", "amsgrad", "sgd")
SCHEDULES = ("constant", "cosine", "step")
SAMPLERS = ("balanced", "shuffle")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")
VIEW_POOLS = ("max", "mean", "attention", "logsumexp")
METRICS = ("auc", "average_precision", "accuracy", "f1", "kappa", "loss")


@dataclass(frozen=True)
class DataConfig:
    """Which images, how large, and which of them are kept aside."""

    frame: Frame = field(default_factory=Frame)
    # Share of the patients (of the studies, where patients are not known) kept aside for validation.
    val_fraction: float = 0.2
    # The same number of broken and not broken studies in the validation set, as in the thesis.
    val_balanced: bool = False
    # "balanced": classes equally often, none twice in an epoch (thesis, Eq. 4.3). "shuffle": all, once.
    sampler: str = "balanced"

    def __post_init__(self) -> None:
        _one_of("data.sampler", self.sampler, SAMPLERS)
        _within("data.val_fraction", self.val_fraction, 0.01, 0.9)


@dataclass(frozen=True)
class AugmentConfig:
    """What is done to each training image, anew each time it is shown."""

    # Side of the random crop, as a share of the image's; 1: no crop.
    crop_least: float = 0.9
    # How often it is mirrored left to right.
    flip: float = 0.5
    # How often its grey levels are inverted; where above 0, images are centred on 0.5.
    invert: float = 0.0

    def __post_init__(self) -> None:
        _within("augment.crop_least", self.crop_least, 0.1, 1.0)
        _within("augment.flip", self.flip, 0.0, 1.0)
        _within("augment.invert", self.invert, 0.0, 1.0)


@dataclass(frozen=True)
class ModelConfig:
    """What is trained."""

    # rx-lite, rx-large, the same with -plain, aggregator, or a torchvision classifier: resnet18,
    # densenet169, vit_b_16, efficientnet_v2_s...
    name: str = "resnet18"
    # A state dict of the same model, or "imagenet" for torchvision's own weights.
    pretrained: str = ""
    # The aggregator's view model, how it pools the views of a study ("max", "mean" or "attention" of their
    # features, "logsumexp" of their logits), the run to take its weights from, and whether these stay as
    # they are (for an aggregator with trained views alone).
    views: str = "rx-lite"
    pool: str = "max"
    init: str = ""
    freeze_views: bool = False

    def __post_init__(self) -> None:
        _one_of("model.pool", self.pool, VIEW_POOLS)


@dataclass(frozen=True)
class OptimConfig:
    """How weights are changed."""

    optimiser: str = "adam"
    learning_rate: float = 3e-4
    weight_decay: float = 0.0
    momentum: float = 0.9
    # "cosine": down to a hundredth over the run. "step": a tenth after each third.
    schedule: str = "cosine"
    # Epochs over which the learning rate rises from a hundredth to its full value.
    warmup_epochs: float = 0.5
    # Largest norm of all gradients together; 0: not clipped.
    clip_norm: float = 1.0

    def __post_init__(self) -> None:
        _one_of("optim.optimiser", self.optimiser, OPTIMISERS)
        _one_of("optim.schedule", self.schedule, SCHEDULES)
        for name in ("weight_decay", "warmup_epochs", "clip_norm"):
            _within(f"optim.{name}", getattr(self, name), 0.0, 1e6)
        _within("optim.learning_rate", self.learning_rate, 1e-12, 1e3)
        _within("optim.momentum", self.momentum, 0.0, 0.9999)


@dataclass(frozen=True)
class TrainConfig:
    """All of it."""

    data: DataConfig = field(default_factory=DataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    epochs: int = 10
    # Images in a batch, over all processes; studies, for the aggregator.
    batch: int = 32
    seed: int = 0
    # "auto": bf16 on a GPU that has it, fp32 elsewhere.
    precision: str = "auto"
    channels_last: bool = True
    # torch.compile: some minutes at the start, faster steps after.
    compile: bool = False
    # "auto": a GPU if there is one. "cpu", "cuda", "cuda:1"...
    device: str = "auto"
    # What the best checkpoint is chosen by, over the validation studies; of equal ones the lower loss.
    metric: str = "auc"
    # How the views of a study become one prediction: "mean", "majority", "alo" (at least one broken).
    aggregate: str = "mean"
    # Epochs without a better checkpoint after which training ends; 0: never.
    patience: int = 0

    def __post_init__(self) -> None:
        _one_of("precision", self.precision, PRECISIONS)
        _one_of("metric", self.metric, METRICS)
        _one_of("aggregate", self.aggregate, AGGREGATES)
        for name, least in (("epochs", 1), ("batch", 1), ("seed", 0), ("patience", 0)):
            check_whole(name, getattr(self, name), least, 2**31 - 1)
        try:
            self.data.frame.scaled(1 / self.augment.crop_least)
        except ParameterError as error:
            raise ParameterError(
                "images are packed at data.frame over augment.crop_least, for crops to keep detail; there "
                f"{error}"
            ) from None


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ParameterError(f"{name} is one of {', '.join(allowed)}, not {value!r}")


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ParameterError(f"{name} must be in {low:g}..{high:g}, not {value:g}")
