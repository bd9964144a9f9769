"""The face swapper on held-out people: proxy and identity on the teacher's pairs; on test people, beside the teacher and pasted as in a video."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from swaptalk_models.classical.warp_swap import SwapColour, neutral_landmarks, warp_swap
from swaptalk_models.data.faces.regions import downsample_labels, region_labels
from swaptalk_models.evaluation.held_out.batches import Mean, pieces, step_samples
from swaptalk_models.evaluation.held_out.picture_grid import save_grid
from swaptalk_models.inference.deblock import deblock
from swaptalk_models.inference.paste import paste_face
from swaptalk_models.metrics.crop_judges import crop_identities, crop_landmarks
from swaptalk_models.metrics.id_retrieve import id_retrieve
from swaptalk_models.metrics.preservation import background_difference, flicker, landmark_distance, mouth_kept
from swaptalk_models.metrics.rim import rim_ratio
from swaptalk_models.modules.face_swapper import FaceSwapper
from swaptalk_models.modules.images import from_unit, to_unit
from swaptalk_models.training.data import Clip
from swaptalk_models.training.objective import Outcome
from swaptalk_models.training.objectives.swapper import FaceSwapperObjective
from swaptalk_models.training.swap_teacher import given_source, lit_source

_IN_PLACE = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
_TEST_PAIRS = 48  # swaps of held-out people that the identity judge looks at (0.1 s a face)
_SHOWN = 12
_WATCHED, _MOMENTS = 6, 12  # pairs, and frames of each, in which the mouth is followed
_LISTED = 1_000_000  # pairs of people that are shuffled; of more, some are drawn
SwapPair = tuple[int, int, np.ndarray]
"""Rows of source and target, and the target clip's resting shape (68, 2)."""
_LOOKS = 16  # faces of the gallery, shown to the judge at a time


class FaceSwapperHeldOut:
    """Latent and identity errors on the teacher's held-out pairs; dlib's identity and the faults of pasted swaps on test people."""

    def __init__(self, objective: FaceSwapperObjective) -> None:
        self.objective, self.data, self.vqgan = objective, objective.data, objective.vqgan
        self.samples = step_samples(objective.config.train)

    @torch.no_grad()
    def validate(self, model: FaceSwapper) -> dict[str, float]:
        objective, device = self.objective, next(model.parameters()).device
        proxy, similarity = Mean(), Mean()
        for index in pieces(objective.pairs["validation"], self.samples):
            batch = {name: tensor.to(device) for name, tensor in objective.read_pairs(index).items()}
            swapped = objective.swap(model, batch)
            proxy.add(
                float(F.mse_loss(swapped, self.vqgan.embed(batch["made_upper"], batch["made_lower"]))), len(index)
            )
            identity = objective.identity(self.vqgan.decode(swapped))
            similarity.add((identity * objective.identity(batch["source_image"])).sum(-1))
        return {"proxy": proxy.value, "source_identity": similarity.value, "score": similarity.value - proxy.value}

    @torch.no_grad()
    def finish(self, model: FaceSwapper, folder: Path) -> Outcome:
        clips = self.data.of("test")
        source_clip, target_clip = swap_pairs(clips)
        sources = np.array([_middle(clips[i]) for i in source_clip])
        # Two neighbouring frames of each target: the second shows how steady a swap is.
        frames = np.array([clips[i].frames for i in target_clip])
        targets = np.array([clips[i].first for i in target_clip])
        targets += (np.random.default_rng(0).random(len(frames)) * np.maximum(frames - 1, 1)).astype(int)
        both = np.stack([targets, targets + (frames > 1)])  # (2, N)
        neutrals = [neutral_landmarks(self.data.landmarks_of_clip(clips[i])) for i in target_clip]
        pairs = list(zip(sources, targets, neutrals, strict=True))
        swapped, copied = self._swaps(model, pairs, both)
        by_teacher = np.stack(
            [self._teacher_swap(*pair, rows) for pair, rows in zip(pairs, both.T, strict=True)], axis=1
        )
        real, landmarks = np.stack([self.data.crops(rows) for rows in both]), self.data.landmarks[both]

        # One picture a person; what counts is to find the right person.
        first_of = {clip.person: clip for clip in reversed(clips)}
        people = sorted(first_of)
        gallery_rows = np.array([_middle(first_of[person]) for person in people])
        looks = [
            crop_identities(self.data.crops(rows), self.data.landmarks[rows]) for rows in pieces(gallery_rows, _LOOKS)
        ]
        gallery = np.concatenate(looks)
        right = np.array([people.index(clips[i].person) for i in source_clip])
        of_target = crop_identities(real[0], landmarks[0])

        def identity(made: np.ndarray) -> dict[str, float]:
            found = crop_identities(made[0], landmarks[0])
            return {
                "source_similarity": float((found * gallery[right]).sum(1).mean()),
                "target_similarity": float((found * of_target).sum(1).mean()),
                "id_retrieve": id_retrieve(found, gallery, right),
            }

        untouched, teacher = identity(real), identity(by_teacher) | swap_faults(by_teacher, real, landmarks)
        re_encoded = swap_faults(copied, real, landmarks)
        shown = slice(0, _SHOWN)
        save_grid(
            [
                self.data.crops(sources[shown]),
                real[0, shown],
                copied[0, shown],
                swapped[0, shown],
                by_teacher[0, shown],
            ],
            folder / "samples" / "swaps.png",
        )
        return Outcome(
            metrics=identity(swapped)
            | swap_faults(swapped, real, landmarks)
            | {"mouth_kept": self._mouth_kept(model, pairs[:_WATCHED], [clips[i] for i in target_clip[:_WATCHED]])},
            baselines={name: untouched[name] for name in ("source_similarity", "id_retrieve")}
            | {f"{name}_teacher": value for name, value in teacher.items()}
            | {f"{name}_re-encoded_target": value for name, value in re_encoded.items()},
        )

    def _mouth_kept(self, model: FaceSwapper, pairs: list[SwapPair], targets: list[Clip]) -> float:
        """Whether the mouths of a few swaps open when their targets' do, over frames from all of each clip."""
        rows = np.stack(
            [clip.first + np.linspace(0, clip.frames - 1, _MOMENTS).astype(int) for clip in targets], axis=1
        )
        swapped, _ = self._swaps(model, pairs, rows)
        typical = np.median(self.data.landmarks[rows], axis=0)
        found, wanted = (
            np.stack([crop_landmarks(faces[:, number], typical[number]) for number in range(len(pairs))], axis=1)
            for faces in (swapped, np.stack([self.data.crops(row) for row in rows]))
        )
        return mouth_kept(found, wanted)

    def _swaps(self, model: FaceSwapper, pairs: list[SwapPair], targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The network's swaps of the pairs' sources and rows of targets (frames, N); and the targets only encoded and decoded: each
        (frames, N, S, S, 3) uint8.
        """
        parts = [
            self._some_swaps(model, [pairs[i] for i in some], targets[:, some])
            for some in pieces(np.arange(len(pairs)), self.samples)
        ]
        swapped, copied = zip(*parts, strict=True)
        return np.concatenate(swapped, axis=1), np.concatenate(copied, axis=1)

    def _some_swaps(
        self, model: FaceSwapper, pairs: list[SwapPair], targets: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        objective, device = self.objective, next(model.parameters()).device
        fine, grid = self.data.labels.shape[1], model.grid
        lit = [lit_source(self.data, source, target) for source, target, _ in pairs]
        swapped, copied = [], []
        for row in targets:
            posed = [
                given_source(self.data, source, frame, neutral, face)
                for (source, _, neutral), frame, face in zip(pairs, row, lit, strict=True)
            ]
            given, landmarks = (np.stack(part) for part in zip(*posed, strict=True))
            halves = self.vqgan.tokenize(torch.from_numpy(to_unit(given)).to(device))
            regions = np.stack([downsample_labels(region_labels(one, given.shape[1], fine), grid) for one in landmarks])
            batch = dict(zip(("source_upper", "source_lower"), halves, strict=True))
            rows = {"source_region": regions, "target_region": objective.labels[row]}
            rows |= {"target_upper": objective.upper[row], "target_lower": objective.lower[row]}
            batch |= {name: torch.from_numpy(array.astype(np.int64)).to(device) for name, array in rows.items()}
            made, real = objective.swap(model, batch), self.vqgan.embed(batch["target_upper"], batch["target_lower"])
            swapped.append(deblock(self._decoded(made), np.ones(made.shape[2:], bool)))  # as at inference
            copied.append(self._decoded(real))
        return np.stack(swapped), np.stack(copied)

    def _decoded(self, z: Tensor) -> np.ndarray:
        """(N, S, S, 3) uint8"""
        return from_unit(self.vqgan.decode(z).float().cpu().numpy())

    def _teacher_swap(self, source: int, target: int, neutral: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """The classical swap on two frames of a clip as in the RGB cascades, from a source that is in the target's light already."""
        points, crops, lit = self.data.landmarks, self.data.crops(targets), lit_source(self.data, source, target)
        colour = SwapColour.measure(crops, points[targets])
        return np.stack(
            [
                warp_swap(lit, points[source], crop, points[row], neutral, colour=colour, colour_strength=0.0)[0]
                for crop, row in zip(crops, targets, strict=True)
            ]
        )


def swap_pairs(clips: list[Clip]) -> tuple[np.ndarray, np.ndarray]:
    """Index pairs (source, target) into ``clips`` of different people, as many as the judge has time for, evenly spread.

    Of the ordered pairs of two people, counted row by row: what is drawn are their numbers, for a corpus has millions of them.
    """
    people = np.array([clip.person for clip in clips])
    others = len(people) - np.bincount(people)[people]  # targets of each source
    before = np.cumsum(others) - others
    rng, count = np.random.default_rng(0), int(others.sum())
    numbers = (
        rng.permutation(count)[:_TEST_PAIRS] if count <= _LISTED else rng.choice(count, _TEST_PAIRS, replace=False)
    )
    sources = np.searchsorted(before + others, numbers, side="right")
    pairs = zip(sources, numbers, strict=True)
    targets = np.array(
        [np.flatnonzero(people != people[source])[number - before[source]] for source, number in pairs], int
    )
    return sources, targets


def swap_faults(made: np.ndarray, real: np.ndarray, landmarks: np.ndarray) -> dict[str, float]:
    """What is wrong with swaps of two neighbouring frames each, (2, N, S, S, 3) uint8, once they are pasted onto the crops ``real`` that they were
    made from, as a video is made. ``landmarks``: of the real crops, (2, N, 68, 2).
    """
    frames = zip(
        real.reshape(-1, *real.shape[2:]), made.reshape(-1, *made.shape[2:]), landmarks.reshape(-1, 68, 2), strict=True
    )
    pasted = np.stack([paste_face(frame, face, _IN_PLACE, points) for frame, face, points in frames]).reshape(
        real.shape
    )
    typical = np.median(landmarks[0], axis=0)
    return {
        "rim_ratio": rim_ratio(pasted[0], real[0], landmarks[0]),
        "landmark_distance": landmark_distance(crop_landmarks(pasted[0], typical), crop_landmarks(real[0], typical)),
        "background_difference": background_difference(pasted[0], real[0], landmarks[0]),
        "flicker": flicker(pasted, real, landmarks[0]),
    }


def _middle(clip: Clip) -> int:
    return clip.first + clip.frames // 2
