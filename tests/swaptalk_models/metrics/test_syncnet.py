"""The official SyncNet: its file's layout, its input, and faults of the file. The weights here are random."""

import numpy as np
import pytest
import torch

from swaptalk_models.data.faces.alignment import apply_affine, template_landmarks
from swaptalk_models.errors import UserError
from swaptalk_models.metrics.syncnet import SyncNet, load_syncnet
from swaptalk_models.metrics.weights import sha256

# Tensors of the published file (SyncNetModel.py of joonson/syncnet_python): convolutions and linear layers by place in their tower.
PUBLISHED = {
    "netcnnaud": {0: (64, 1, 3, 3), 4: (192, 64, 3, 3), 8: (384, 192, 3, 3), 11: (256, 384, 3, 3), 14: (256, 256, 3, 3), 18: (512, 256, 5, 4)},
    "netfcaud": {0: (512, 512), 3: (1024, 512)},
    "netfclip": {0: (512, 512), 3: (1024, 512)},
    "netcnnlip": {
        0: (96, 3, 5, 7, 7), 4: (256, 96, 1, 5, 5), 8: (256, 256, 1, 3, 3), 11: (256, 256, 1, 3, 3), 14: (256, 256, 1, 3, 3),
        18: (512, 256, 1, 6, 6),
    },
}  # fmt: skip
LAST = {("netfcaud", 3), ("netfclip", 3)}  # no batch norm after these


def published_state() -> dict[str, torch.Tensor]:
    """Random tensors in the published layout; a file of that time has no batch counters."""
    generator = torch.Generator().manual_seed(0)
    state = {}
    for tower, layers in PUBLISHED.items():
        for place, shape in layers.items():
            fan = int(np.prod(shape[1:]))
            state[f"{tower}.{place}.weight"] = torch.randn(shape, generator=generator) * (2 / fan) ** 0.5
            state[f"{tower}.{place}.bias"] = torch.zeros(shape[0])
            if (tower, place) not in LAST:
                norm = {
                    "weight": torch.ones,
                    "bias": torch.zeros,
                    "running_mean": torch.zeros,
                    "running_var": torch.ones,
                }
                state |= {f"{tower}.{place + 1}.{name}": fill(shape[0]) for name, fill in norm.items()}
    return state


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "syncnet_v2.model"
    torch.save(published_state(), path)
    return path


@pytest.fixture(scope="module")
def judge(weights) -> SyncNet:
    return load_syncnet(weights)


def test_published_layout_fits_to_the_last_tensor(judge, weights):
    state = published_state()
    assert {key for key in judge.state_dict() if not key.endswith("num_batches_tracked")} == set(state)
    assert torch.equal(judge.netcnnlip[18].weight, state["netcnnlip.18.weight"])
    assert sha256(weights) in judge.name and "joonson" in judge.name


def test_a_row_a_window_whatever_the_batch(judge):
    crops = np.random.default_rng(0).integers(0, 255, (14, 224, 224, 3), dtype=np.uint8)
    rows = judge.video_embeddings(crops)
    assert rows.shape == (10, 1024) and rows.dtype == np.float32
    assert rows[9:] == pytest.approx(judge.video_embeddings(crops[9:]), abs=1e-3)
    mirrored = judge.video_embeddings(crops[9:, ..., ::-1])  # colours the other way round
    assert np.abs(mirrored - rows[9:]).max() > 1e-3


def test_a_row_a_frame_of_sound(judge):
    sound = np.random.default_rng(0).normal(0, 0.1, 16000)  # 99 MFCC steps: 20, 24, ... 96
    rows = judge.sound_embeddings(sound)
    assert rows.shape == (20, 1024)
    assert judge.sound_embeddings(sound[640 * 7 :])[2] == pytest.approx(
        rows[9], abs=0.05 * float(np.abs(rows[9]).max())
    )
    assert judge.sound_embeddings(sound[:2000]).shape == (0, 1024)


def test_crop_holds_the_box_widened_more_below_than_above(judge):
    landmarks = np.stack([template_landmarks(400)] * 20) + np.float32([100, 60])
    landmarks[9] += 50  # one frame off is the detector's fault: the median over 13 frames takes it out
    affines = judge.affines(landmarks)
    assert affines.shape == (20, 2, 3) and np.allclose(affines, affines[0])
    points = apply_affine(landmarks[0], affines[0])
    middle, chin = (points[:, 0].min() + points[:, 0].max()) / 2, points[8, 1]
    assert middle == pytest.approx(111.5, abs=0.5), "the face is in the middle of the crop's width"
    # The box is 1 / 1.4 of the crop's side and begins at its upper edge; its lower edge is at the chin.
    assert chin == pytest.approx(224 / 1.4, abs=1)


def test_other_files_are_named_and_refused(tmp_path):
    (tmp_path / "text.model").write_text("no weights")
    with pytest.raises(UserError, match="text.model: not the weights of SyncNet"):
        load_syncnet(tmp_path / "text.model")
    state = published_state()
    del state["netfclip.3.weight"]
    torch.save(state, tmp_path / "part.model")
    with pytest.raises(UserError, match=r"part.model.*lacks netfclip.3.weight"):
        load_syncnet(tmp_path / "part.model")
    torch.save({"netcnnaud.0.weight": [1, 2]}, tmp_path / "lists.model")
    with pytest.raises(UserError, match="no dictionary of tensors"):
        load_syncnet(tmp_path / "lists.model")


def test_code_in_a_file_is_never_run(tmp_path):
    import pickle

    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    (tmp_path / "trap.model").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(UserError, match="trap.model"):
        load_syncnet(tmp_path / "trap.model")
    assert not (tmp_path / "ran").exists()
