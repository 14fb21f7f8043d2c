"""Models by name: ours, and any classifier of torchvision made to take one channel and give one logit."""

from __future__ import annotations

import copy
import re
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional

from fxcore.errors import FxrayError, ParameterError
from fxcore.letterbox import Frame
from fxtrain.config import ModelConfig, TrainConfig
from fxtrain.models.aggregator import Aggregator
from fxtrain.models.rx import PLAIN, VARIANTS, Rx, is_rx

IMAGENET = "imagenet"
# Transformers are made for one square size, of whole patches.
_PATCH, _PATCHES = 32, {"vit_h_14": 14}
# In files of torchvision: heads that only help to train, and names of long ago, as norm.1 for norm1.
_HELPERS = ("AuxLogits.", "aux1.", "aux2.")
_DENSE_LAYER = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)")


def known_models() -> list[str]:
    """Return the names of all models."""
    ours = [*VARIANTS, *(name + PLAIN for name in VARIANTS), "aggregator"]
    return ours + torchvision.models.list_models(module=torchvision.models)


def check_model(name: str) -> None:
    """Check that there is a model of that name.

    Raises
    ------
    ParameterError
    """
    if name not in (known := known_models()):
        raise ParameterError(f"no model {name!r}; there are {', '.join(known)}")


def create_model(config: ModelConfig, frame: Frame, *, weights: bool = True) -> nn.Module:
    """Make a model with fresh or given weights.

    Parameters
    ----------
    config : ModelConfig
    frame : Frame
        Size of the images.
    weights : bool
        Read the weights that `config` names. A checkpoint of the run holds all of them: then none has to be
        read or fetched first.

    Raises
    ------
    ParameterError
        For a name that is not known, or a model that cannot be adapted.
    FxrayError
        If weights cannot be read or do not fit.
    """
    views = config.views if config.name == "aggregator" else config.name
    if views == "aggregator":
        raise ParameterError("model.views names the model of a single view, not the aggregator")
    is_file = weights and config.pretrained not in ("", IMAGENET)
    given = Weights(Path(config.pretrained)) if is_file else None
    model = _view_model(views, frame, config.pretrained == IMAGENET, weights, given)
    if config.name == "aggregator":
        model = Aggregator(model, config.pool, freeze_views=config.freeze_views)
    if given and not given.used:
        given.load(model)
    return model


class Weights:
    """Weights by name, from a file.

    Parameters
    ----------
    path : pathlib.Path
        A state dict, or a checkpoint of a run.

    Raises
    ------
    FxrayError
        If the file cannot be read, or is neither.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.used = path, False
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except OSError as error:
            raise FxrayError(f"cannot read the weights {path}: {error.strerror or error}") from error
        except Exception as error:
            # What torch says of it is long, and of its own insides.
            raise FxrayError(
                f"cannot read the weights {path}: it is damaged, or no file of plain tensors, as torch.save "
                f"writes of a state_dict ({type(error).__name__})"
            ) from error
        state = state.get("model", state) if isinstance(state, dict) else None
        if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
            raise FxrayError(
                f"{path} holds no weights by name: neither a state dict nor a checkpoint of a run"
            )
        self._state: dict[str, Any] = state

    def load(self, model: nn.Module, prefix: str = "") -> None:
        """Give them to a model; with `prefix`, those below that name.

        Raises
        ------
        FxrayError
            If they are of another one.
        """
        state = self._state
        found = OrderedDict(
            (name.removeprefix(prefix), state[name]) for name in state if name.startswith(prefix)
        )
        # The versions of modules, without which torch takes weights for older ones.
        versions = getattr(state, "_metadata", {})
        found._metadata = {  # type: ignore[attr-defined]
            f"{name}.".removeprefix(prefix)[:-1]: versions[name]
            for name in versions
            if f"{name}.".startswith(prefix)
        }
        try:
            model.load_state_dict(found)
        except RuntimeError:
            raise FxrayError(
                f"the weights {self.path} are not of this model: {_mismatch(model.state_dict(), found)}"
            ) from None
        self.used = True

    def fit(self, model: nn.Module, prefix: str = "") -> bool:
        """Tell whether those below a name are such as a model has."""
        found = {name: getattr(value, "shape", None) for name, value in self._state.items()}
        own = {f"{prefix}{name}": value.shape for name, value in model.state_dict().items()}
        return own == {name: shape for name, shape in found.items() if name.startswith(prefix)}

    def load_published(self, network: nn.Module) -> None:
        """Give them to a network of torchvision, if they are of one, as torchvision publishes them.

        Of three channels and a thousand classes, maybe with heads that only help to train, or by names of
        long ago.

        Raises
        ------
        FxrayError
            If they are of another one.
        """
        found = OrderedDict(
            (_DENSE_LAYER.sub(r"\1\2", name), value)
            for name, value in self._state.items()
            if not name.startswith(_HELPERS)
        )
        if found.keys() & network.state_dict().keys():
            found._metadata = getattr(self._state, "_metadata", {})  # type: ignore[attr-defined]
            self._state = found
            self.load(network)


def _mismatch(own: dict[str, Tensor], found: dict[str, Any]) -> str:
    """Say how weights are not those of a model, by the first that is not as it has to be."""
    # What counts batches may be missing: torch did not write it once.
    own = {name: own[name] for name in own if not name.endswith("num_batches_tracked")}
    if lacking := [name for name in own if name not in found]:
        return f"they lack {len(lacking)} of its {len(own)} tensors, {lacking[0]} and so on"
    found = {name: found[name] for name in found if not name.endswith("num_batches_tracked")}
    if others := [name for name in found if name not in own]:
        return f"it has no {others[0]}, of which kind they hold {len(others)}"
    shapes = ((name, tuple(getattr(found[name], "shape", ())), tuple(own[name].shape)) for name in own)
    name, theirs, ours = next(each for each in shapes if each[1] != each[2])
    return f"{name} has the shape {theirs} there, and {ours} here"


def _view_model(name: str, frame: Frame, imagenet: bool, weights: bool, given: Weights | None) -> nn.Module:
    if is_rx(name):
        if imagenet:
            raise ParameterError(f"there are no ImageNet weights of {name}")
        return Rx(VARIANTS[name.removesuffix(PLAIN)], frame.height, frame.width, plain=name.endswith(PLAIN))
    check_model(name)
    try:
        network, side = _network(name, frame, imagenet, weights)
    except OSError as error:
        source = torchvision.models.get_model_weights(name).DEFAULT.url
        raise FxrayError(
            f"cannot load the ImageNet weights of {name}: {error}. Where there is no way to them, fetch "
            f"{source} elsewhere and name that file as model.pretrained"
        ) from error
    if given:
        given.load_published(network)
    _take_one_channel(network)
    _give_one_logit(network, name)
    if isinstance(network, torchvision.models.ResNet):
        return ResNet(network)
    model = OneLogit(network, side)
    _check_fit(model, name, frame)
    return model


def _network(name: str, frame: Frame, imagenet: bool, weights: bool) -> tuple[nn.Module, int]:
    """Return a network of torchvision, and the side of the square images that it is made for; 0: any."""
    options: dict[str, Any] = {"weights": "DEFAULT" if imagenet and weights else None}
    side = 0
    if name.startswith("vit_"):
        patch = _PATCHES.get(name, _PATCH)
        side = -(-max(frame.height, frame.width) // patch) * patch
        if imagenet:
            side = torchvision.models.get_model_weights(name).DEFAULT.meta["min_size"][0]
        options["image_size"] = side
    branched = name in ("inception_v3", "googlenet")
    if branched:
        # Made for three channels, each brought to another scale.
        options["transform_input"] = False
        options |= {} if options["weights"] else {"aux_logits": False, "init_weights": True}
    network = torchvision.models.get_model(name, **options)
    if branched:
        # Weights come with heads that help to train a thousand classes.
        network.aux_logits, network.AuxLogits = False, None
    return network, side


def _check_fit(model: nn.Module, name: str, frame: Frame) -> None:
    """Refuse a network that takes no images of this size: many fold theirs, or pool them to nothing."""
    model.eval()
    try:
        with torch.inference_mode():
            shape = tuple(model(torch.zeros(1, 1, frame.height, frame.width)).shape)
    except (RuntimeError, AssertionError, IndexError, ValueError) as error:
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise ParameterError(
            f"{name} takes no images of {frame.width} × {frame.height} pixels; take others by data.frame, or "
            f"another model ({why})"
        ) from None
    finally:
        model.train()
    if shape != (1,):
        raise ParameterError(f"{name} cannot be made to give one logit: its output has the shape {shape}")


def check_single_image(model: nn.Module, config: TrainConfig) -> None:
    """Refuse a batch of one image where batch normalisation is left with a single value a channel.

    Raises
    ------
    ParameterError
    """
    trial = copy.deepcopy(model).train()
    image, study = torch.zeros(1, 1, config.data.frame.height, config.data.frame.width), torch.zeros(1).long()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        try:
            trial(image, study) if isinstance(trial, Aggregator) else trial(image)
        except ValueError as error:
            raise ParameterError(
                f"the last batch of an epoch can have a single image in a process, which {config.model.name} "
                f"cannot normalise at this size; take another batch than {config.batch}, or a larger "
                f"data.frame ({error})"
            ) from None


class ResNet(nn.Module):
    """A ResNet as `features` and `classifier`, so that the aggregator can take the former."""

    def __init__(self, network: torchvision.models.ResNet) -> None:
        super().__init__()
        parts = dict(network.named_children())
        self.classifier: nn.Module = parts.pop("fc")
        self.feature_count = int(network.fc.in_features)
        self.features = nn.Sequential(*parts.values(), nn.Flatten())

    def forward(self, images: Tensor) -> Tensor:
        """Return logits, shape ``(n,)``."""
        logits: Tensor = self.classifier(self.features(images))
        return logits.squeeze(1)


class OneLogit(nn.Module):
    """Any other network, given square images where it is made for them."""

    def __init__(self, network: nn.Module, side: int) -> None:
        super().__init__()
        self.network, self.side = network, side

    def forward(self, images: Tensor) -> Tensor:
        """Return logits, shape ``(n,)``."""
        if self.side:
            images = _square(images, self.side)
        out = self.network(images)
        logits: Tensor = out if isinstance(out, Tensor) else out.logits
        return logits.squeeze(1)


def _square(images: Tensor, side: int) -> Tensor:
    """Pad to a square with what the corner shows, and scale that to `side` if need be."""
    height, width = images.shape[-2:]
    most = max(height, width, side if side >= max(height, width) else 0)
    left, top = (most - width) // 2, (most - height) // 2
    padded = functional.pad(images, (left, most - width - left, top, most - height - top), mode="replicate")
    if most == side:
        return padded
    return functional.interpolate(padded, (side, side), mode="bilinear", antialias=True, align_corners=False)


def _take_one_channel(network: nn.Module) -> None:
    """Make the first convolution take one channel: the sum of its weights over three, as for grey in RGB."""
    for parent in network.modules():
        for name, module in parent.named_children():
            if isinstance(module, nn.Conv2d) and module.in_channels == 3:
                convolution = nn.Conv2d(
                    1,
                    module.out_channels,
                    module.kernel_size,  # type: ignore[arg-type]
                    module.stride,  # type: ignore[arg-type]
                    module.padding,  # type: ignore[arg-type]
                    bias=module.bias is not None,
                )
                convolution.weight = nn.Parameter(module.weight.detach().sum(dim=1, keepdim=True))
                convolution.bias = module.bias
                setattr(parent, name, convolution)
                return
    raise ParameterError("this model has no convolution of three channels to begin with")


def _give_one_logit(network: nn.Module, name: str) -> None:
    """Replace the last layer, of a thousand classes, by one of a single logit that may take any value."""
    found: tuple[nn.Module, str, nn.Module] | None = None
    for parent in network.modules():
        for child, module in parent.named_children():
            if isinstance(module, nn.Linear) and module.out_features == 1000:
                found = (parent, child, nn.Linear(module.in_features, 1))
            elif isinstance(module, nn.Conv2d) and module.out_channels == 1000:
                found = (parent, child, nn.Conv2d(module.in_channels, 1, 1))
    if found is None:
        raise ParameterError(f"{name} does not end in a layer of classes")
    setattr(*found)
    parent, child, _ = found
    names = [each for each, _ in parent.named_children()]
    for after in names[names.index(child) + 1 :] if isinstance(parent, nn.Sequential) else ():
        # SqueezeNet's classes pass a ReLU: a logit that is never below 0 cannot say "not broken".
        if type(getattr(parent, after)).__module__ == nn.ReLU.__module__:
            setattr(parent, after, nn.Identity())
