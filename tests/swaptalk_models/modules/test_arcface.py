"""modules/arcface.py, with random weights in the published layout"""

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from swaptalk_models.data.faces.alignment import template_landmarks
from swaptalk_models.errors import UserError
from swaptalk_models.modules.arcface import POINTS, ArcFace, load_arcface
from swaptalk_models.modules.identity_encoder import perceptual_loss
from swaptalk_models.settings.models import IdentityEncoderConfig


@pytest.fixture(scope="module")
def network() -> ArcFace:
    torch.manual_seed(0)
    return ArcFace(IdentityEncoderConfig(dim=8), 64, 18).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def published(network) -> dict[str, torch.Tensor]:
    """The network's weights under insightface's names."""
    return {
        f"features.{key[4:]}" if key.startswith("out.") else key: tensor for key, tensor in network.state_dict().items()
    }


def test_layout_is_the_published_one(published):
    """Names and shapes that every backbone of arcface_torch has, number of blocks aside."""
    shapes = {key: tuple(tensor.shape) for key, tensor in published.items()}
    for key, shape in {
        "conv1.weight": (64, 3, 3, 3),
        "prelu.weight": (64,),
        "layer1.0.bn1.running_mean": (64,),
        "layer1.0.downsample.0.weight": (64, 64, 1, 1),
        "layer1.0.downsample.1.weight": (64,),
        "layer1.1.conv2.weight": (64, 64, 3, 3),
        "layer4.0.conv1.weight": (512, 256, 3, 3),
        "layer4.1.bn3.num_batches_tracked": (),
        "bn2.weight": (512,),
        "fc.weight": (8, 25088),
        "features.running_var": (8,),
    }.items():
        assert shapes[key] == shape
    assert not any(key.startswith(("layer1.1.downsample", "out", "grid")) for key in shapes)


@pytest.mark.parametrize("kind", ["safetensors", "pth"])
def test_loads_what_is_published(published, network, tmp_path, kind):
    path = tmp_path / f"backbone.{kind}"
    save_file(published, path) if kind == "safetensors" else torch.save(published, path)
    loaded, depth = load_arcface(IdentityEncoderConfig(external=str(path)), 64)
    assert depth == 18 and loaded.config.dim == 8 and not loaded.training
    image = torch.rand(2, 3, 64, 64) * 2 - 1
    assert torch.equal(loaded(image), network(image))
    assert torch.allclose(loaded(image).norm(dim=1), torch.ones(2), atol=1e-5)
    assert not any(p.requires_grad for p in loaded.parameters())


@pytest.mark.parametrize(("size", "margin"), [(64, 0.0), (128, -0.06), (256, 0.1)])
def test_faces_are_brought_to_arcfaces_points(size, margin):
    """A dot on each eye, the nose and the mouth's corners is found near where ArcFace wants it."""
    network = ArcFace(IdentityEncoderConfig(dim=8), size, 18, margin)
    marks = template_landmarks(size, margin)
    for mark, wanted in zip(
        (marks[36:42].mean(0), marks[42:48].mean(0), marks[30], marks[48], marks[54]), POINTS, strict=True
    ):
        crop = np.zeros((size, size), np.float32)
        cv2.circle(crop, [round(float(16 * value)) for value in mark], round(16 * size / 40), 1.0, -1, cv2.LINE_AA, 4)
        aligned = network.align(torch.from_numpy(crop).expand(1, 3, -1, -1))
        assert aligned.shape == (1, 3, 112, 112)
        weight = aligned[0, 0].double()
        y, x = torch.meshgrid(torch.arange(112.0), torch.arange(112.0), indexing="ij")
        found = [float((weight * axis).sum() / weight.sum()) for axis in (x, y)]
        assert np.linalg.norm(np.array(found) - wanted) < 1.5


def test_large_crops_do_not_alias():
    """Lines one pixel wide become grey, not stripes."""
    lines = torch.zeros(1, 3, 512, 512)
    lines[..., ::2] = 1.0
    aligned = ArcFace(IdentityEncoderConfig(dim=8), 512, 18).align(lines)
    assert aligned.std() < 0.05 and aligned.mean() == pytest.approx(0.5, abs=0.02)


def test_gradients_reach_the_image_and_not_the_weights(network):
    image = (torch.rand(2, 3, 64, 64) * 2 - 1).requires_grad_()
    maps = network.features(image)
    assert [tuple(m.shape[1:]) for m in maps] == [
        (64, 112, 112),
        (64, 56, 56),
        (128, 28, 28),
        (256, 14, 14),
        (512, 7, 7),
    ]
    with torch.no_grad():
        other = network.features(image.flip(3))
    (perceptual_loss(maps, other) - network.embed(maps)[0] @ network.embed(other)[1]).backward()
    face = image.grad.abs().sum((0, 1))[20:50, 16:48]
    assert torch.isfinite(image.grad).all() and (face > 0).float().mean() > 0.9


def test_other_files_are_refused(published, tmp_path):
    def refuse(name: str, match: str) -> None:
        with pytest.raises(UserError, match=f"{name}.*{match}"):
            load_arcface(IdentityEncoderConfig(external=str(tmp_path / name)), 64)

    (tmp_path / "r50.onnx").write_bytes(b"")
    refuse("r50.onnx", "forward only.*needs gradients")
    (tmp_path / "r50.bin").write_bytes(b"")
    refuse("r50.bin", "must be .safetensors or .pth")
    (tmp_path / "cut.safetensors").write_bytes(b"1234")
    refuse("cut.safetensors", "cannot be read")
    (tmp_path / "text.pth").write_text("not weights")
    refuse("text.pth", "")
    torch.save({"state": torch.nn.Linear(2, 2)}, tmp_path / "objects.pth")
    refuse("objects.pth", "more than tensors")
    save_file({"weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    refuse("other.safetensors", "not an ArcFace")
    save_file({key: t for key, t in published.items() if key != "bn2.weight"}, tmp_path / "part.safetensors")
    refuse("part.safetensors", "not the weights of an IResNet 18: Missing.*bn2.weight")
