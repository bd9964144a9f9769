"""modules/sync_net.py, lip_expert.py and sync_judge.py"""

import numpy as np
import pytest
import torch

from swaptalk_models.data.sound.mel import mel_windows
from swaptalk_models.modules.lip_expert import LipExpert
from swaptalk_models.modules.sync_judge import SyncJudge, load_sync_judge
from swaptalk_models.modules.weights import save_model
from swaptalk_models.settings.models import LipExpertConfig, SyncJudgeConfig


@pytest.fixture(scope="module")
def expert():
    torch.manual_seed(0)
    return LipExpert(LipExpertConfig(width=16, dim=12, dropout=0.5), latent_dim=6, grid=8).eval()


@pytest.fixture(scope="module")
def judge():
    torch.manual_seed(0)
    return SyncJudge(SyncJudgeConfig(channels=(8, 16), dim=8), crop_size=32).eval()


def unit(embedding) -> bool:
    return torch.allclose(torch.as_tensor(embedding).norm(dim=-1), torch.ones(len(embedding)), atol=1e-5)


def test_embeddings_have_unit_length(expert, judge):
    assert unit(expert.video(torch.randn(3, 5, 6, 4, 8)))
    assert unit(expert.audio(torch.randn(3, 16, 80)))
    assert unit(judge.video(torch.randn(2, 5, 3, 16, 32)))
    assert expert.video(torch.randn(3, 5, 6, 4, 8)).shape == (3, 12)


@pytest.mark.parametrize("grid", [4, 8, 16])
def test_expert_fits_any_latent_grid(grid):
    expert = LipExpert(LipExpertConfig(width=16, dim=12), latent_dim=6, grid=grid)
    assert expert.video(torch.randn(2, 5, 6, grid // 2, grid)).shape == (2, 12)


def test_logits_are_all_pairs_with_the_right_ones_on_the_diagonal(expert):
    video, audio = expert.video(torch.randn(4, 5, 6, 4, 8)), expert.audio(torch.randn(4, 16, 80))
    every = expert.logits(video, audio)
    assert every.shape == (4, 4)
    assert torch.allclose(every.diagonal(), expert.logit(video, audio), atol=1e-5)
    assert torch.allclose(every[2, 1], expert.logit(video[2:3], audio[1:2])[0], atol=1e-5)


def test_order_of_the_five_frames_matters(expert):
    window = torch.randn(1, 5, 6, 4, 8)
    assert not torch.allclose(expert.video(window), expert.video(window.flip(1)), atol=1e-3)


def test_sync_loss_reaches_the_lips_and_goes_down_with_the_logit(expert):
    torch.manual_seed(2)
    lower, mel = torch.randn(3, 5, 6, 4, 8, requires_grad=True), torch.randn(3, 16, 80)
    loss = expert.sync_loss(lower, mel)
    loss.backward()
    assert (lower.grad.flatten(1).norm(dim=1) > 0).all()
    logit = expert.logit(expert.video(lower), expert.audio(mel))
    assert torch.allclose(loss, -torch.sigmoid(logit).log().mean(), atol=1e-5)
    with torch.no_grad():
        assert expert.sync_loss(lower - 5 * lower.grad, mel) < loss


def test_judge_takes_a_whole_video(judge):
    crops = np.random.default_rng(0).integers(0, 255, (70, 32, 32, 3), np.uint8)  # more than one batch of windows
    video = judge.video_embeddings(crops)
    assert video.shape == (66, 8) and video.dtype == np.float32 and unit(video)
    alone = judge.video_embeddings(crops[64:69])
    assert np.allclose(alone[0], video[64], atol=1e-5), "a window's embedding depends on its five frames alone"


def test_judge_looks_at_the_lower_half_only(judge):
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 255, (6, 32, 32, 3), np.uint8)
    other = crops.copy()
    other[:, :16] = rng.integers(0, 255, other[:, :16].shape, np.uint8)
    assert np.array_equal(judge.video_embeddings(crops), judge.video_embeddings(other))
    other[:, 16:] = 255 - other[:, 16:]
    assert not np.allclose(judge.video_embeddings(crops), judge.video_embeddings(other), atol=1e-3)


def test_judge_takes_crops_of_any_size(judge):
    crops = np.random.default_rng(0).integers(0, 255, (6, 64, 64, 3), np.uint8)
    assert judge.video_embeddings(crops).shape == (2, 8)
    assert judge.features(crops).shape == (2, 8 * 16)


def test_judge_hears_the_training_windows(judge):
    mel = np.random.default_rng(0).uniform(-4, 4, (80, 80)).astype(np.float32)
    heard = judge.audio_embeddings(mel)
    assert heard.shape == (21, 8) and unit(heard)  # 80 steps are 25 frames
    wanted = judge.audio(torch.from_numpy(mel_windows(mel, np.array([3])))).detach().numpy()
    assert np.allclose(heard[3], wanted[0], atol=1e-5)
    assert judge.audio_embeddings(mel, frames=12).shape == (8, 8)


def test_a_loaded_judge_names_its_version(judge, tmp_path):
    save_model("sync_judge", judge, {"crop_size": 32}, tmp_path / "0123456789abcdef")
    loaded = load_sync_judge(tmp_path / "0123456789abcdef", "auto")
    assert loaded.name == "sync_judge 01234567"
    crops = np.random.default_rng(0).integers(0, 255, (6, 32, 32, 3), np.uint8)
    assert np.array_equal(loaded.video_embeddings(crops), judge.video_embeddings(crops))
