"""Training of the face swapper: L_proxy against the teacher's embeddings; L_id_src, L_id_res and a pixel loss (ours) through the frozen decoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from swaptalk_models.baselines.teacher_pairs import PAIRS_FILE, lit_source
from swaptalk_models.baselines.warp_swap import SwapColour, neutral_landmarks, warp_swap
from swaptalk_models.data.png import decode_png
from swaptalk_models.data.regions import downsample_labels
from swaptalk_models.errors import UserError
from swaptalk_models.inference.deblock import deblock
from swaptalk_models.inference.paste import paste_face
from swaptalk_models.metrics.id_retrieve import id_retrieve
from swaptalk_models.metrics.kept import background_difference, flicker, landmark_distance
from swaptalk_models.metrics.rim import rim_ratio
from swaptalk_models.modules.face_swapper import FaceSwapper
from swaptalk_models.modules.identity_encoder import IdentityEncoder
from swaptalk_models.modules.settings import FaceSwapperConfig
from swaptalk_models.modules.vqgan import VQGAN
from swaptalk_models.training.data import Clip, TrainingData, from_unit, to_unit
from swaptalk_models.training.objective import Batch, Objective, Outcome, frozen
from swaptalk_models.training.samples import save_grid

_IN_PLACE = np.float32([[1, 0, 0], [0, 1, 0]])
_TEST_PAIRS = 48  # swaps of held-out people that the identity judge looks at (0.1 s a face)


class FaceSwapperObjective(Objective):
    """Source and target in, the teacher's swap out, the identity held by a network that is not the judge."""

    def __init__(
        self,
        config: FaceSwapperConfig,
        data: TrainingData,
        vqgan: VQGAN,
        vqgan_version: str,
        grid: int,
        identity: IdentityEncoder,
        teacher: Path,
    ) -> None:
        self.config, self.data = config, data
        self.model = FaceSwapper(config, vqgan.config.dim, grid)
        self.vqgan, self.identity = frozen(vqgan), frozen(identity)
        self.upper, self.lower = data.codes(vqgan_version, grid)
        self.labels = np.stack([downsample_labels(label, grid) for label in data.labels]).astype(np.int64)
        table = pq.read_table(teacher / PAIRS_FILE)
        first = {clip.name: clip.first for clip in data.clips}
        self.source = np.array([first[c] for c in table["source_clip"].to_pylist()]) + table["source_frame"].to_numpy()
        self.target = np.array([first[c] for c in table["target_clip"].to_pylist()]) + table["target_frame"].to_numpy()
        self.of_pair = {
            f"{whose}_{half}": table[column].combine_chunks().flatten().to_numpy().reshape(len(table), -1, grid // 2, grid)
            for half in ("upper", "lower")
            for whose, column in (("made", half), ("source", f"source_{half}"))
        }
        self.made = table["crop"].combine_chunks()
        split = np.array(table["split"].to_pylist())
        self.pairs = {name: np.flatnonzero(split == name) for name in ("train", "validation")}
        left_out = np.array([clip.name for clip in data.clips if not clip.split])
        used = ~(np.isin(table["source_clip"].to_pylist(), left_out) | np.isin(table["target_clip"].to_pylist(), left_out))
        self.pairs["train"] = np.flatnonzero((split == "train") & used)
        if not len(self.pairs["train"]):
            raise UserError("no pair of the swap teacher's is left to train on: face_swapper.train.without leaves out a side of each")

    def batch(self, rng: np.random.Generator, size: int) -> Batch:
        return self._pairs(rng.choice(self.pairs["train"], size))

    def _pairs(self, index: np.ndarray) -> Batch:
        source, target = self.source[index], self.target[index]
        arrays = {
            "source_region": self.labels[source],
            "target_upper": self.upper[target],
            "target_lower": self.lower[target],
            "target_region": self.labels[target],
        } | {name: codes[index] for name, codes in self.of_pair.items()}
        batch = {name: torch.from_numpy(array.astype(np.int64)) for name, array in arrays.items()}
        batch["source_image"] = torch.from_numpy(to_unit(self.data.crops(source)))
        batch["made_image"] = torch.from_numpy(to_unit(np.stack([decode_png(self.made[int(i)].as_py()) for i in index])))
        return batch

    def loss(self, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        config = self.config
        swapped = self._swap(self.model, batch)
        wanted = self.vqgan.embed(batch["made_upper"], batch["made_lower"])
        proxy = F.l1_loss(swapped, wanted)  # a squared error blurs what it is not sure of
        loss, parts = config.proxy_weight * proxy, {"proxy": proxy}
        n = config.decoded_samples
        if config.pixel_weight or config.source_identity_weight or config.teacher_identity_weight:
            image = self.vqgan.decode(swapped[:n])
        if config.pixel_weight:
            pixel = F.l1_loss(image, batch["made_image"][:n])
            loss, parts = loss + config.pixel_weight * pixel, parts | {"pixel": pixel}
        if config.source_identity_weight or config.teacher_identity_weight:
            identity = self.identity(image)
            with torch.no_grad():
                of_source, of_made = self.identity(batch["source_image"][:n]), self.identity(batch["made_image"][:n])
            to_source = 1 - (identity * of_source).sum(-1).mean()
            to_made = 1 - (identity * of_made).sum(-1).mean()
            loss = loss + config.source_identity_weight * to_source + config.teacher_identity_weight * to_made
            parts |= {"id_src": to_source, "id_res": to_made}
        return loss, parts

    def _swap(self, model: FaceSwapper, batch: Batch) -> Tensor:
        source = self.vqgan.embed(batch["source_upper"], batch["source_lower"])
        target = self.vqgan.embed(batch["target_upper"], batch["target_lower"])
        regions = batch["source_region"], batch["target_region"]
        if not model.training:
            return model.swap(source, regions[0], target, regions[1])
        return model(source, regions[0], target, regions[1])

    def validate(self, model: nn.Module) -> dict[str, float]:
        device = next(model.parameters()).device
        batch = {name: tensor.to(device) for name, tensor in self._pairs(self.pairs["validation"]).items()}
        swapped = self._swap(model, batch)
        proxy = float(F.mse_loss(swapped, self.vqgan.embed(batch["made_upper"], batch["made_lower"])))
        identity = self.identity(self.vqgan.decode(swapped))
        similarity = float((identity * self.identity(batch["source_image"])).sum(-1).mean())
        return {"proxy": proxy, "source_identity": similarity, "score": similarity - proxy}

    @torch.no_grad()
    def finish(self, model: nn.Module, folder: Path) -> Outcome:
        from swaptalk_models.metrics.crop_judges import crop_identities

        clips = self.data.of("test")
        source_clip, target_clip = self._test_pairs(clips)
        sources = np.array([_middle(clips[i]) for i in source_clip])
        # Two neighbouring frames of each target: the second shows how steady a swap is.
        frames = np.array([clips[i].frames for i in target_clip])
        targets = np.array([clips[i].first for i in target_clip])
        targets += (np.random.default_rng(0).random(len(frames)) * np.maximum(frames - 1, 1)).astype(int)
        both = np.stack([targets, targets + (frames > 1)])  # (2, N)
        lit = np.stack([lit_source(self.data, source, target) for source, target in zip(sources, targets, strict=True)])
        swapped, copied = self._test_swaps(model, lit, sources, both)
        pairs = zip(lit, sources, target_clip, both.T, strict=True)
        by_teacher = np.stack([self._teacher_swap(face, source, clips[i], rows) for face, source, i, rows in pairs], axis=1)
        real, landmarks = np.stack([self.data.crops(rows) for rows in both]), self.data.landmarks[both]

        # One picture a person; what counts is to find the right person.
        first_of = {clip.person: clip for clip in reversed(clips)}
        people = sorted(first_of)
        gallery_rows = np.array([_middle(first_of[person]) for person in people])
        gallery = crop_identities(self.data.crops(gallery_rows), self.data.landmarks[gallery_rows])
        right = np.array([people.index(clips[i].person) for i in source_clip])

        def identity(made: np.ndarray) -> dict[str, float]:
            found = crop_identities(made[0], landmarks[0])
            return {
                "source_similarity": float((found * gallery[right]).sum(1).mean()),
                "target_similarity": float((found * of_target).sum(1).mean()),
                "id_retrieve": id_retrieve(found, gallery, right),
            }

        of_target = crop_identities(real[0], landmarks[0])
        untouched, teacher = identity(real), identity(by_teacher) | swap_faults(by_teacher, real, landmarks)
        re_encoded = swap_faults(copied, real, landmarks)
        save_grid(
            [self.data.crops(sources[:12]), real[0, :12], copied[0, :12], swapped[0, :12], by_teacher[0, :12]],
            folder / "samples" / "swaps.png",
        )
        return Outcome(
            metrics=identity(swapped) | swap_faults(swapped, real, landmarks),
            baselines={name: untouched[name] for name in ("source_similarity", "id_retrieve")}
            | {f"{name}_teacher": value for name, value in teacher.items()}
            | {f"{name}_re-encoded_target": value for name, value in re_encoded.items()},
        )

    def _test_swaps(self, model: nn.Module, lit: np.ndarray, sources: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The network's swaps of sources (N,), crops ``lit``, and targets (2, N); and the targets only encoded and decoded: each
        (2, N, S, S, 3) uint8.
        """
        device = next(model.parameters()).device
        halves = self.vqgan.tokenize(torch.from_numpy(to_unit(lit)).to(device))
        swapped, copied = [], []
        for row in targets:
            batch = dict(zip(("source_upper", "source_lower"), halves, strict=True))
            rows = {"source_region": self.labels[sources], "target_region": self.labels[row]}
            rows |= {"target_upper": self.upper[row], "target_lower": self.lower[row]}
            batch |= {name: torch.from_numpy(array.astype(np.int64)).to(device) for name, array in rows.items()}
            made, real = self._swap(model, batch), self.vqgan.embed(batch["target_upper"], batch["target_lower"])
            swapped.append(deblock(self._decoded(made), np.ones(made.shape[2:], bool)))  # as at inference
            copied.append(self._decoded(real))
        return np.stack(swapped), np.stack(copied)

    def _decoded(self, z: Tensor) -> np.ndarray:
        """(N, S, S, 3) uint8"""
        return from_unit(self.vqgan.decode(z).float().cpu().numpy())

    def _teacher_swap(self, lit: np.ndarray, source: int, clip: Clip, targets: np.ndarray) -> np.ndarray:
        """The classical swap on two frames of a clip as in the RGB cascades, from a source that is in the target's light already."""
        points, of_clip = self.data.landmarks, self.data.landmarks[clip.first : clip.first + clip.frames]
        crops, neutral = self.data.crops(targets), neutral_landmarks(of_clip)
        colour = SwapColour.measure(crops, points[targets])
        return np.stack(
            [
                warp_swap(lit, points[source], crop, points[row], neutral, colour=colour, colour_strength=0.0)[0]
                for crop, row in zip(crops, targets, strict=True)
            ]
        )

    def _test_pairs(self, clips: list[Clip]) -> tuple[np.ndarray, np.ndarray]:
        """Index pairs (source, target) into ``clips`` of different people, as many as the judge has time for, evenly spread."""
        pairs = [(i, j) for i, a in enumerate(clips) for j, b in enumerate(clips) if a.person != b.person]
        chosen = np.random.default_rng(0).permutation(len(pairs))[:_TEST_PAIRS]
        return tuple(np.array([pairs[k] for k in chosen]).T)


def swap_faults(made: np.ndarray, real: np.ndarray, landmarks: np.ndarray) -> dict[str, float]:
    """What is wrong with swaps of two neighbouring frames each, (2, N, S, S, 3) uint8, once they are pasted onto the crops ``real`` that they were
    made from, as a video is made. ``landmarks``: of the real crops, (2, N, 68, 2).
    """
    from swaptalk_models.metrics.crop_judges import crop_landmarks

    frames = zip(real.reshape(-1, *real.shape[2:]), made.reshape(-1, *made.shape[2:]), landmarks.reshape(-1, 68, 2), strict=True)
    pasted = np.stack([paste_face(frame, face, _IN_PLACE, points) for frame, face, points in frames]).reshape(real.shape)
    typical = np.median(landmarks[0], axis=0)
    return {
        "rim_ratio": rim_ratio(pasted[0], real[0], landmarks[0]),
        "landmark_distance": landmark_distance(crop_landmarks(pasted[0], typical), crop_landmarks(real[0], typical)),
        "background_difference": background_difference(pasted[0], real[0], landmarks[0]),
        "flicker": flicker(pasted, real, landmarks[0]),
    }


def _middle(clip: Clip) -> int:
    return clip.first + clip.frames // 2
