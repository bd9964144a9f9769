"""A network that travels makes what it made at home, when the folder that it came from is gone."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import torch

from swaptalk_models.inference.encode import load_encoder
from swaptalk_models.modules.model_folder import ModelFolder, judge_name
from swaptalk_models.modules.sent_network import SentNetwork
from swaptalk_models.modules.vqgan import VQGAN
from swaptalk_models.modules.weights import save_model
from swaptalk_models.settings.models import VQGANConfig


def called(folder: Path, device: str) -> tuple[str, str, str]:
    return f"{folder.parent.name}/{folder.name}", judge_name(folder), device


def test_it_makes_the_same_and_is_called_the_same(tmp_path: Path):
    torch.manual_seed(0)
    config = VQGANConfig(factor=16, channels=(8,) * 4, codes=16, dim=8, groups=2, discriminator_channels=8)
    folder = ModelFolder(tmp_path / "vqgan" / "v7")
    folder.path.mkdir(parents=True)
    save_model("vqgan", VQGAN(config), {"crop_size": 64, "grid": 4, "dim": 8, "groups": 2}, folder.path)
    crops = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)
    here, name = load_encoder(folder.path, "cpu")(crops), called(folder.path, "cpu")
    sent = pickle.dumps(
        [SentNetwork.of(f"{made.__module__}:{made.__name__}", folder, "cpu") for made in (load_encoder, called)]
    )
    shutil.rmtree(tmp_path)
    encoder, names = pickle.loads(sent)
    assert all((one == other).all() for one, other in zip(encoder()(crops), here, strict=True))
    assert names() == name and name[0] == "vqgan/v7"
