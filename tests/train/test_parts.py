"""What training is made of: the sampler, packed images, augmentation as torchvision's, models."""

from __future__ import annotations

import math
import shutil

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

import torch
import torchvision
from torch import nn
from torchvision.transforms.v2 import functional as reference

from fxcore.dataset.png import decode_png, encode_png
from fxcore.errors import DataSetError, FxrayError, ParameterError
from fxcore.letterbox import Frame, fit_image
from fxtrain import augment
from fxtrain.config import VIEW_POOLS, AugmentConfig, ModelConfig
from fxtrain.loader import prefetch
from fxtrain.models import Aggregator, create_model
from fxtrain.models.rx import Rx
from fxtrain.packing import pack
from fxtrain.sampler import epoch_order
from fxtrain.table import read_table
from tests.train.data import SMALL, make

FRAME = SMALL.data.frame


# --- sampler ---


def test_an_epoch_is_balanced_and_shows_nothing_twice():
    broken = np.arange(1000) < 150
    orders = [epoch_order(broken, "balanced", 0, epoch) for epoch in range(40)]
    for order in orders:
        assert len(order) == len(set(order)) == 300
        assert broken[order].sum() == 150
    # Equation 4.3: each sample's chance to stand at one place of an epoch.
    first = np.bincount(np.concatenate([order[:100] for order in orders]), minlength=1000) / (40 * 100)
    assert first[broken].mean() == pytest.approx(1 / (2 * 150), rel=0.1)
    assert first[~broken].mean() == pytest.approx(1 / (2 * 850), rel=0.1)
    assert not np.array_equal(orders[0], orders[1])
    np.testing.assert_array_equal(orders[3], epoch_order(broken, "balanced", 0, 3))
    assert sorted(epoch_order(broken, "shuffle", 0, 0)) == list(range(1000))


# --- images ---


def test_letterboxing_keeps_the_shape_and_resizing_does_not():
    image = np.full((100, 50), 200, np.uint8)
    boxed = fit_image(image, Frame(40, 40))
    assert boxed.shape == (40, 40)
    assert (boxed[:, 10:30] == 200).all()
    assert not boxed[:, :10].any()
    assert not boxed[:, 30:].any()
    assert (fit_image(image, Frame(40, 40, "resize")) == 200).all()
    # All of the image counts: the mean stays.
    noise = np.random.default_rng(0).integers(0, 256, (400, 200), dtype=np.uint8)
    assert fit_image(noise, Frame(20, 40)).mean() == pytest.approx(noise.mean(), abs=1)
    assert fit_image(np.full((3, 2), 9, np.uint8), Frame(20, 40)).max() == 9
    # Where one side shrinks and the other grows, no row is skipped either.
    lines = np.zeros((3000, 30), np.uint8)
    lines[[1000, 1003]] = 240
    stretched = fit_image(lines, Frame(60, 500, "resize"))
    assert stretched.mean() == pytest.approx(lines.mean(), abs=0.02)


def test_an_image_may_be_fitted_into_the_memory_that_holds_it():
    canvas = np.random.default_rng(0).integers(1, 256, (8, 16), dtype=np.uint8)
    for image, frame, out in ((canvas, Frame(16, 8), canvas), (canvas[:, :8], Frame(16, 8), canvas)):
        alone = fit_image(image.copy(), frame)
        assert fit_image(image, frame, out=out) is out
        np.testing.assert_array_equal(out, alone)
        assert out.any()


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((6, 6), "u1"), ((7, 5), "u1"), ((3, 5), "u1"), ((6, 5), "?"), ((6, 5), "f4"), ((6, 5), "i1")],
)
def test_an_image_is_fitted_into_nothing_else_than_its_frame(shape, dtype):
    image, out = np.ones((9, 9), np.uint8), np.zeros(shape, dtype)
    with pytest.raises(ParameterError, match=r"uint8 of \(6, 5\), not "):
        fit_image(image, Frame(5, 6), out=out)
    assert not out.any()


def test_an_image_is_not_fitted_into_what_is_read_only():
    out = np.zeros((6, 5), np.uint8)
    out.flags.writeable = False
    with pytest.raises(ParameterError, match="read-only"):
        fit_image(np.ones((9, 9), np.uint8), Frame(5, 6), out=out)


@pytest.mark.parametrize("side", ["5", None, 5.5, 0, 20_000, float("nan")])
def test_a_frame_has_whole_sides(side):
    for sides in ((side, 6), (6, side)):
        with pytest.raises(ParameterError, match="whole number of pixels, 1 to 16384"):
            Frame(*sides)


@pytest.mark.parametrize("factor", [0, -1.5, float("nan"), float("inf"), pytest.param(10**400, id="huge")])
def test_a_frame_is_scaled_by_nothing_that_gives_none(factor):
    with pytest.raises(ParameterError, match="factor above 0"):
        Frame().scaled(factor)


def test_packing_is_done_once_and_again_when_the_data_set_changes(tmp_path, dataset):
    copy = tmp_path / "dataset"
    shutil.copytree(dataset, copy)
    table = read_table(copy)
    begun = []
    packed = pack(table, FRAME, 1.25, begun.append)
    assert packed.exact.shape == (len(table), 40, 32)
    assert packed.roomy.shape == (len(table), 50, 40)
    pack(table, FRAME, 1.25, begun.append)
    assert begun == [len(table)]
    table = read_table(make(copy, studies=42))
    dark = pack(table, FRAME, 1.25, begun.append).exact[3].mean()
    assert len(begun) == 2
    path = table.path(3)
    path.write_bytes(encode_png(255 - decode_png(path.read_bytes())))
    assert pack(table, FRAME, 1.25, begun.append).exact[3].mean() > dark
    assert len(begun) == 3
    table.path(3).write_bytes(b"\x89PNG")
    with pytest.raises(DataSetError, match="is damaged"):
        pack(table, Frame(30, 30), 1.0)
    table.path(3).unlink()
    with pytest.raises(DataSetError, match="No such file"):
        pack(table, Frame(30, 31), 1.0)
    assert not list((tmp_path / "dataset.packed").glob("*.partial"))


def test_augmentation_is_that_of_torchvision():
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (6, 50, 40), dtype=np.uint8))
    drawn = torch.tensor(
        [  # side, across, down, mirrored, inverted: crops of whole pixels
            [0.8, 0.0, 0.0, 1, 0],
            [0.8, 1.0, 1.0, 1, 0],
            [0.9, 0.5, 0.4, -1, 0],
            [1.0, 0.3, 0.7, 1, 1],
            [0.8, 0.25, 0.5, -1, 1],
            [1.0, 0.0, 0.0, 1, 0],
        ]
    )
    ours = augment.augment(images, drawn, 40, 32, 0.25, 0.5)
    for image, (side, across, down, mirrored, inverted), found in zip(
        images, drawn.tolist(), ours, strict=True
    ):
        height, width = round(50 * side), round(40 * side)
        top, left = round((50 - height) * down), round((40 - width) * across)
        expected = reference.resized_crop(
            image[None].float(), top, left, height, width, [40, 32], antialias=False
        )
        expected = reference.horizontal_flip(expected) if mirrored < 0 else expected
        expected = 255 - expected if inverted else expected
        expected = reference.normalize(expected / 255, [0.25], [0.5])
        # At the rim of a crop, ours sees the pixel beyond it where torchvision repeats the last.
        torch.testing.assert_close(found[:, 1:-1, 1:-1], expected[:, 1:-1, 1:-1], atol=2e-5, rtol=0)


def test_what_is_drawn_follows_from_the_seed_and_is_as_often_as_asked():
    config = AugmentConfig(crop_least=0.9, flip=0.25, invert=0.5)
    drawn = augment.draw(20_000, config, 1, 2, 3)
    torch.testing.assert_close(drawn, augment.draw(20_000, config, 1, 2, 3))
    assert not torch.equal(drawn, augment.draw(20_000, config, 1, 2, 4))
    assert 0.9 <= drawn[:, 0].min() < 0.901
    assert drawn[:, 0].max() <= 1
    assert float((drawn[:, 3] < 0).float().mean()) == pytest.approx(0.25, abs=0.02)
    assert float(drawn[:, 4].mean()) == pytest.approx(0.5, abs=0.02)


def test_prefetching_passes_on_items_errors_and_ends():
    assert list(prefetch(range(100))) == list(range(100))

    def broken():
        yield 1
        raise DataSetError("gone")

    items = prefetch(broken())
    assert next(items) == 1
    with pytest.raises(DataSetError, match="gone"):
        next(items)
    endless = prefetch(iter(int, 1))
    next(endless)
    endless.close()


# --- models ---


@pytest.mark.parametrize("name", ["rx-lite", "rx-lite-plain", "resnet18", "mobilenet_v3_small", "vit_b_32"])
def test_models_take_one_channel_and_give_one_logit(name):
    model = create_model(ModelConfig(name=name), Frame(48, 64)).eval()
    assert model(torch.randn(3, 1, 64, 48)).shape == (3,)


def last_layer(model: nn.Module) -> nn.Module:
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    return [k for k in layers if 1 in (getattr(k, "out_features", 0), getattr(k, "out_channels", 0))][-1]


@pytest.mark.parametrize(
    "name",
    [
        *("rx-lite", "resnet18", "squeezenet1_0", "squeezenet1_1", "mobilenet_v2", "mobilenet_v3_small"),
        *(
            "densenet121",
            "efficientnet_b0",
            "googlenet",
            "mnasnet0_5",
            "regnet_x_400mf",
            "shufflenet_v2_x0_5",
        ),
    ],
)
def test_a_logit_may_take_any_value(name):
    model = create_model(ModelConfig(name=name), Frame(48, 64)).eval()
    last = last_layer(model)
    for value in (-1.0, 1.0):
        with torch.no_grad():
            last.weight.zero_()
            last.bias.fill_(value)
            torch.testing.assert_close(model(torch.randn(2, 1, 64, 48)), torch.full((2,), value))


@pytest.mark.parametrize("name", ["alexnet", "convnext_tiny", "maxvit_t", "swin_t", "vgg11", "vit_b_32"])
def test_nothing_bends_the_logit_of_a_large_model(name):
    """By its layers alone, without their weights."""
    called = []
    with torch.device("meta"):
        model = create_model(ModelConfig(name=name), Frame(224, 224)).eval()
        for module in model.modules():
            module.register_forward_hook(lambda module, *_: called.append(module))
        model(torch.zeros(1, 1, 224, 224))
    after = called[called.index(last_layer(model)) + 1 :]
    assert not [module for module in after if type(module).__module__ == "torch.nn.modules.activation"]


@pytest.mark.parametrize("name", ["maxvit_t", "inception_v3", "alexnet"])
def test_a_model_that_takes_no_such_images_is_refused_by_name(name):
    with pytest.raises(ParameterError, match=f"{name} takes no images of 48 × 64"):
        create_model(ModelConfig(name=name), Frame(48, 64))


@pytest.mark.parametrize("name", ["inception_v3", "googlenet"])
def test_imagenet_weights_of_branched_networks_take_one_channel(monkeypatch, name):
    """Those bring three channels to another scale, and have further heads of a thousand classes."""
    weights = torchvision.models.get_model(name, init_weights=False, aux_logits=True).state_dict()
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", lambda *_, **__: weights)
    config = ModelConfig(name=name, pretrained="imagenet")
    model, images = create_model(config, Frame(80, 96)), torch.randn(2, 1, 96, 80)
    assert model(images).shape == (2,)
    # As it is opened to be evaluated.
    again = create_model(config, Frame(80, 96), weights=False)
    again.load_state_dict(model.state_dict())
    torch.testing.assert_close(again.eval()(images), model.eval()(images))


def test_rx_large_fits_the_default_size_and_learns_where_the_plain_one_does_not():
    images = torch.randn(8, 1, 512, 341)
    gradients = {}
    for name in ("rx-large", "rx-large-plain"):
        torch.manual_seed(0)
        model = create_model(ModelConfig(name=name), Frame())
        model(images).sum().backward()
        first = next(module for module in model.features if isinstance(module, torch.nn.Conv2d))
        gradients[name] = float(first.weight.grad.norm())
    assert gradients["rx-large"] > 100 * gradients["rx-large-plain"]
    with pytest.raises(ParameterError, match="too small"):
        create_model(ModelConfig(name="rx-large"), Frame(40, 40))


def test_unknown_models_and_foreign_weights_are_refused(tmp_path):
    with pytest.raises(ParameterError, match="rx-lite"):
        create_model(ModelConfig(name="resnet19"), FRAME)
    torch.save({"a": torch.zeros(1)}, tmp_path / "weights.pt")
    with pytest.raises(FxrayError, match="not of this model"):
        create_model(ModelConfig(name="rx-lite", pretrained=str(tmp_path / "weights.pt")), FRAME)
    for other in ({"model": "rx-lite", "state_dict": {}}, {1: torch.zeros(1)}, torch.zeros(1)):
        torch.save(other, tmp_path / "weights.pt")
        with pytest.raises(FxrayError, match="holds no weights by name"):
            create_model(ModelConfig(name="rx-lite", pretrained=str(tmp_path / "weights.pt")), FRAME)


@pytest.mark.parametrize("pool", VIEW_POOLS)
def test_a_study_is_judged_the_same_whatever_is_beside_it(pool):
    torch.manual_seed(0)
    model = create_model(ModelConfig(name="aggregator", pool=pool), FRAME).eval()
    views = torch.randn(6, 1, 40, 32)
    together = model(views, torch.tensor([0, 0, 0, 1, 2, 2]))
    alone = [model(views[a:b], torch.zeros(b - a, dtype=torch.int64)) for a, b in ((0, 3), (3, 4), (4, 6))]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-5, rtol=1e-5)
    order = torch.tensor([2, 0, 1])
    torch.testing.assert_close(
        model(views[order], torch.zeros(3, dtype=torch.int64)), alone[0], atol=1e-5, rtol=1e-5
    )


def test_the_odds_of_a_study_are_the_mean_of_those_of_its_views():
    model = Aggregator(Rx((8,), 40, 32), "logsumexp")
    model.classifier = nn.Identity()
    # Odds of 4 and 2; of 2, 6 and 1; and such as no exponential can hold.
    logits = torch.tensor([[4.0], [2.0], [2.0], [6.0], [1.0]]).log()
    found = model.of_features(logits, torch.tensor([0, 0, 1, 1, 1]), 2)
    torch.testing.assert_close(found.exp(), torch.tensor([3.0, 3.0]))
    far = torch.tensor([[500.0], [-500.0], [-500.0]], requires_grad=True)
    found = model.of_features(far, torch.tensor([0, 0, 1]), 2)
    torch.testing.assert_close(found, torch.tensor([500 - math.log(2), -500.0]))
    found.sum().backward()
    torch.testing.assert_close(far.grad, torch.tensor([[1.0], [0.0], [1.0]]))
