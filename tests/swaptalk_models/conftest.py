"""A home made by hand: six people, a clip each, in tables as the data stages write them; and objectives of tiny networks on it."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from swaptalk_models.data.faces.alignment import template_landmarks
from swaptalk_models.data.media.png import encode_png
from swaptalk_models.data.snapshot import SCHEMA
from swaptalk_models.data.stages import face_crops, mels
from swaptalk_models.data.stages.vq_latents import latents_schema
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.home import Home
from swaptalk_models.modules.identity_encoder import IdentityEncoder
from swaptalk_models.modules.lip_expert import LipExpert
from swaptalk_models.modules.vqgan import VQGAN
from swaptalk_models.settings.models import (
    FaceSwapperConfig,
    IdentityEncoderConfig,
    LipExpertConfig,
    LipSyncConfig,
    RestorerConfig,
    SyncJudgeConfig,
    TrainConfig,
    VQGANConfig,
    Wav2LipConfig,
    WavSyncSwapConfig,
)
from swaptalk_models.training.data import TrainingData
from swaptalk_models.training.objectives.identity import IdentityObjective
from swaptalk_models.training.objectives.lip_sync import LipSyncObjective
from swaptalk_models.training.objectives.restorer import RestorerObjective
from swaptalk_models.training.objectives.swapper import FaceSwapperObjective
from swaptalk_models.training.objectives.sync import LipExpertObjective, SyncJudgeObjective
from swaptalk_models.training.objectives.vqgan import VQGANObjective
from swaptalk_models.training.objectives.wav2lip import Wav2LipObjective
from swaptalk_models.training.objectives.wav_sync_swap import WavSyncSwapObjective
from swaptalk_models.training.pair_table import CODES as CODE_COLUMNS
from swaptalk_models.training.pair_table import write_pairs

SIZE, GRID, GROUPS, CODES, FRAMES = 32, 4, 2, 16, 30
PEOPLE = {"a": "train", "b": "train", "c": "train", "d": "validation", "e": "test", "f": "test"}
CLIPS = {f"{person}_000": (person, split) for person, split in PEOPLE.items()}


@dataclass
class TinyHome:
    """Where it is, and what was put into it."""

    home: Home
    manifest: Path
    crops: dict[str, np.ndarray]
    """Clip -> (FRAMES, SIZE, SIZE, 3) uint8."""
    mels: dict[str, np.ndarray]

    def data(self, held: bool = True) -> TrainingData:
        return TrainingData(self.home.root, self.manifest, held=held)


def crops_of(number: int, frames: int) -> np.ndarray:
    """Smooth noise that moves a little; its first pixel tells clip and frame."""
    rng = np.random.default_rng(number)
    still = cv2.resize(rng.integers(0, 255, (6, 6, 3), np.uint8), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    crops = np.stack([np.roll(still, frame % 7, axis=1) for frame in range(frames)])
    crops[:, 0, 0] = np.stack([np.full(frames, number), np.arange(frames), np.zeros(frames)], axis=1)
    return crops


def face_crop_rows(clip: str, number: int, frames: int) -> pa.Table:
    rng = np.random.default_rng(100 + number)
    landmarks = np.repeat(template_landmarks(SIZE)[None], frames, axis=0)
    landmarks += rng.normal(0, 0.3, landmarks.shape).astype(np.float32)
    landmarks[:, 66, 1] += rng.uniform(0, 3, frames).astype(np.float32)  # the mouth opens
    pngs = [cv2.imencode(".png", crop[..., ::-1])[1].tobytes() for crop in crops_of(number, frames)]
    columns = [
        pa.array([clip] * frames),
        pa.array([clip[0]] * frames),
        pa.array(np.arange(frames), pa.int32()),
        pa.array(pngs, pa.large_binary()),
        tables.float_list(np.tile(np.float32([1, 0, 0, 0, 1, 0]), (frames, 1))),
        tables.float_list(landmarks),
        pa.array([rng.integers(0, 6, (8, 8), np.uint8).tobytes() for _ in range(frames)], pa.binary()),
        pa.array(np.ones(frames), pa.float32()),
    ]
    return pa.Table.from_arrays(columns, schema=face_crops.SCHEMA)


def latent_rows(clip: str, number: int, frames: int, vqgan: str = "v1") -> pa.Table:
    cells = GROUPS * GRID * GRID // 2
    rng = np.random.default_rng(200 + number)
    halves = [
        pa.FixedSizeListArray.from_arrays(pa.array(rng.integers(0, CODES, frames * cells), pa.uint16()), cells)
        for _ in range(2)
    ]
    columns = [pa.array([clip] * frames), pa.array([clip[0]] * frames), pa.array(np.arange(frames), pa.int32())]
    return pa.Table.from_arrays([*columns, *halves, pa.array([vqgan] * frames)], schema=latents_schema(cells))


def mel_rows(clip: str, mel: np.ndarray) -> pa.Table:
    values = [[clip], [clip[0]], [len(mel)], [mel.astype("<f4").tobytes()]]
    return pa.table(dict(zip(mels.SCHEMA.names, values, strict=True)), schema=mels.SCHEMA)


def write_home(root: Path) -> TinyHome:
    home = Home(root).create()
    mels = {
        clip: np.random.default_rng(300 + number).uniform(-4, 4, (97, 80)).astype(np.float32)
        for number, clip in enumerate(CLIPS)
    }
    # Clips in reverse, frames shuffled: the order of rows in a table means nothing.
    for number, clip in reversed(list(enumerate(CLIPS))):
        shuffled = np.random.default_rng(number).permutation(FRAMES)
        tables.append_rows(home, "face_crops", face_crop_rows(clip, number, FRAMES).take(shuffled))
        tables.append_rows(home, "vq_latents", latent_rows(clip, number, FRAMES).take(shuffled[::-1]))
        tables.append_rows(home, "mels", mel_rows(clip, mels[clip]))
    versions = {f"{name}_version": tables.open_table(home, name).version for name in ("face_crops", "mels")}
    rows = [
        {"clip": clip, "video": clip[0], "person": person, "split": split, "frames": FRAMES, "sound": True} | versions
        for clip, (person, split) in CLIPS.items()
    ]
    manifest = home.manifest("snap")
    manifest.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), manifest)
    return TinyHome(home, manifest, {clip: crops_of(n, FRAMES) for n, clip in enumerate(CLIPS)}, mels)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> TinyHome:
    """To be read only."""
    return write_home(tmp_path_factory.mktemp("home"))


@pytest.fixture
def own(tmp_path) -> TinyHome:
    """One to be damaged."""
    return write_home(tmp_path / "home")


@pytest.fixture
def partly_mute(own) -> TrainingData:
    """Clips b_000 (train) and e_000 (test) have no usable sound: who asks for it gets a KeyError."""
    rows = pq.read_table(own.manifest).to_pylist()
    rows = [row | {"sound": row["clip"] not in ("b_000", "e_000")} for row in rows]
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), own.manifest)
    data = own.data()
    data.mels = {clip: mel for clip, mel in data.mels.items() if clip not in ("b_000", "e_000")}
    return data


@pytest.fixture(scope="session")
def data(tiny) -> TrainingData:
    return tiny.data()


@pytest.fixture(scope="session")
def vqgan_config() -> VQGANConfig:
    return VQGANConfig(factor=8, channels=(8, 8, 8), codes=CODES, dim=8, groups=GROUPS, discriminator_channels=8)


@pytest.fixture
def vqgan(vqgan_config) -> VQGAN:
    torch.manual_seed(0)
    return VQGAN(vqgan_config).eval()


@pytest.fixture(scope="session")
def rows_for() -> dict[str, Callable]:
    """Makers of further rows: face_crops(clip, number, frames), vq_latents(clip, number, frames, vqgan)."""
    return {"face_crops": face_crop_rows, "vq_latents": latent_rows}


PAIRS = [("a_000", 3, "b_000", 7, "train"), ("b_000", 0, "c_000", 29, "train"), ("d_000", 1, "d_000", 2, "validation")]


def write_teacher(folder: Path, pairs: list[tuple], cells: int = GROUPS * GRID * GRID // 2, size: int = SIZE) -> Path:
    """The pairs of a swap teacher, whose swaps are one colour, another for each of the first pairs."""
    names = ("source_clip", "source_frame", "target_clip", "target_frame", "split")
    with write_pairs(folder) as writer:
        for first in range(0, len(pairs), 2):  # some at a time, as it is made
            some = pairs[first : first + 2]
            number = np.arange(first, first + len(some))
            pngs = [encode_png(np.full((size, size, 3), min(50 * n, 255), np.uint8)) for n in number]
            points = template_landmarks(size).ravel()
            rows = [
                dict(zip(names, pair, strict=True)) | {"crop": png, "source_landmarks": points}
                for pair, png in zip(some, pngs, strict=True)
            ]
            codes = {
                half: np.repeat((number % 10 + shift)[:, None], cells, 1) for shift, half in enumerate(CODE_COLUMNS)
            }
            writer.write(rows, {half: values.astype(np.uint16) for half, values in codes.items()})
    return folder


@pytest.fixture(scope="session")
def teacher(tmp_path_factory) -> Path:
    return write_teacher(tmp_path_factory.mktemp("teacher"), PAIRS)


@pytest.fixture
def teacher_of(tmp_path_factory) -> Callable[[list[tuple]], Path]:
    """Folder of a swap teacher with these pairs."""
    return lambda pairs: write_teacher(tmp_path_factory.mktemp("teacher"), pairs)


@pytest.fixture
def make_swapper(data, vqgan, teacher) -> Callable[..., FaceSwapperObjective]:
    def make(data=data, teacher=teacher, pixel_weight: float = 0.0, **changed) -> FaceSwapperObjective:
        torch.manual_seed(0)
        identity = IdentityEncoder(IdentityEncoderConfig(channels=(8, 8), dim=8))
        config = FaceSwapperConfig(width=16, depth=1, heads=2, decoded_samples=2, pixel_weight=pixel_weight, **changed)
        return FaceSwapperObjective(config, data, vqgan, "v1", GRID, identity, teacher)

    return make


@pytest.fixture
def make_lip_sync(data, vqgan) -> Callable[..., LipSyncObjective]:
    def make(data=data, **changed) -> LipSyncObjective:
        torch.manual_seed(0)
        expert = LipExpert(LipExpertConfig(width=8, dim=8), 8, GRID)
        config = LipSyncConfig(width=8, heads=2, audio_dim=8, **changed)
        objective = LipSyncObjective(config, data, vqgan, "v1", GRID, expert)
        with torch.no_grad():  # weights where a fresh network has zeros
            objective.model.transform.last[-1].weight.normal_(std=0.2)
        return objective

    return make


@pytest.fixture
def make_wav2lip(data, vqgan) -> Callable[..., Wav2LipObjective]:
    def make(data=data, **changed) -> Wav2LipObjective:
        torch.manual_seed(0)
        expert = LipExpert(LipExpertConfig(width=8, dim=8), 8, GRID)
        objective = Wav2LipObjective(Wav2LipConfig(channels=(8, 16), audio_dim=8, **changed), data, vqgan, expert)
        with torch.no_grad():  # weights where a fresh network has zeros
            objective.model.last[2].weight.normal_(std=0.05)
        return objective

    return make


@pytest.fixture
def make_wav_sync_swap(data, vqgan, teacher) -> Callable[..., WavSyncSwapObjective]:
    def make(data=data, teacher=teacher, **changed) -> WavSyncSwapObjective:
        torch.manual_seed(0)
        expert = LipExpert(LipExpertConfig(width=8, dim=8), 8, GRID)
        identity = IdentityEncoder(IdentityEncoderConfig(channels=(8, 8), dim=8))
        config = WavSyncSwapConfig(channels=(8, 16), audio_dim=8, **changed)
        objective = WavSyncSwapObjective(config, data, vqgan, GRID, expert, identity, teacher)
        with torch.no_grad():  # weights where a fresh network has zeros
            objective.model.last[2].weight.normal_(std=0.05)
        return objective

    return make


@pytest.fixture
def make_restorer(data, vqgan) -> Callable[..., RestorerObjective]:
    def make(data=data, **changed) -> RestorerObjective:
        torch.manual_seed(0)
        return RestorerObjective(RestorerConfig(width=16, depth=1, heads=2, **changed), data, vqgan, "v1", GRID)

    return make


@pytest.fixture
def make_vqgan_objective(data, vqgan_config) -> Callable[..., VQGANObjective]:
    def make(data=data, **changed) -> VQGANObjective:
        torch.manual_seed(0)
        identity = IdentityEncoder(IdentityEncoderConfig(channels=(8, 8), dim=8))
        return VQGANObjective(dataclasses.replace(vqgan_config, **changed), data, identity)

    return make


@pytest.fixture
def make_identity(data) -> Callable[..., IdentityObjective]:
    def make(data=data) -> IdentityObjective:
        torch.manual_seed(0)
        return IdentityObjective(IdentityEncoderConfig(channels=(8, 8), dim=8), data)

    return make


@pytest.fixture
def make_expert(data, vqgan) -> Callable[..., LipExpertObjective]:
    def make(data=data, **train) -> LipExpertObjective:
        torch.manual_seed(0)
        config = LipExpertConfig(width=16, dim=16, dropout=0.0, train=TrainConfig(**{"batch": 36} | train))
        return LipExpertObjective(config, data, vqgan, "v1", GRID)

    return make


@pytest.fixture
def make_judge(data) -> Callable[..., SyncJudgeObjective]:
    def make(data=data, **train) -> SyncJudgeObjective:
        torch.manual_seed(0)
        return SyncJudgeObjective(
            SyncJudgeConfig(channels=(8, 8), dim=8, train=TrainConfig(**{"batch": 36} | train)), data
        )

    return make


@pytest.fixture
def learn_one_batch() -> Callable[..., list[float]]:
    """(objective, batch size) -> its losses in 25 steps on one and the same batch."""

    def learn(objective, size: int) -> list[float]:
        objective.model.train()
        batch = objective.batch(np.random.default_rng(0), size)
        optimiser = torch.optim.AdamW(objective.model.parameters(), lr=5e-3)
        losses = []
        for _ in range(25):
            loss, _ = objective.loss(batch, 0.0)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        return losses

    return learn
