"""Configuration of the data stages. Light on purpose: read while Dagster's definitions load."""

from __future__ import annotations

from dataclasses import dataclass

from swaptalk_models.settings.section import require, require_at_least, require_one_of, require_positive


@dataclass(frozen=True)
class LimitsConfig:
    """What one video or clip may cost."""

    item_seconds: float = 1800.0
    """Longest time in any one data stage (s); what takes longer is quarantined, and tried again once this is raised."""

    def __post_init__(self) -> None:
        require_positive(self, "item_seconds")


@dataclass(frozen=True)
class ClipsConfig:
    """How source videos become clips: 25 fps constant rate, 16 kHz mono."""

    chunk_seconds: float = 10.0
    """Long takes of a plain folder are cut into chunks of about this length (s); the paper's test protocol uses 10."""
    min_seconds: float = 1.0
    """Shorter clips are quarantined (s); five frames are one lip-sync window."""
    max_height: int = 720
    """Taller frames are scaled down to this height (px) when a clip is written; 0 keeps every size."""
    crf: int = 16
    """H.264 constant rate factor of the clips: 0 lossless, 51 worst."""

    def __post_init__(self) -> None:
        require_positive(self, "min_seconds")
        require(self.chunk_seconds >= self.min_seconds, "chunk_seconds must be at least min_seconds")
        require_at_least(self, 0, "max_height")
        require(0 <= self.crf <= 51, "crf must be in 0..51")


@dataclass(frozen=True)
class FacesConfig:
    """Detection, tracking and its limits."""

    backend: str = "dlib"
    """`dlib` (HOG box and 68 landmarks, weights in a wheel) or `face-alignment` (S3FD and FAN, fetches its weights)."""
    device: str = "cpu"
    """Where the `face-alignment` backend runs: cpu, cuda, cuda:1, ..."""
    detect_every: int = 5
    """Frames between two detections; landmarks are tracked in between."""
    detect_height: int = 240
    """Frames are scaled to about this height (px) for detection only."""
    max_gap: int = 12
    """Longest run of face-less frames that is bridged by interpolation."""
    min_found: float = 0.7
    """Clips with a face in a smaller share of frames are quarantined (0 to 1)."""
    min_face: int = 48
    """Clips whose median face box is narrower are quarantined (px)."""

    def __post_init__(self) -> None:
        require_one_of(self, "backend", "dlib", "face-alignment")
        require_at_least(self, 1, "detect_every", "min_face")
        require(self.detect_height >= 80, "detect_height must be at least 80 (the HOG detector's own window)")
        require_at_least(self, 0, "max_gap")
        require(0 < self.min_found <= 1, "min_found must be in (0, 1]")


@dataclass(frozen=True)
class CropsConfig:
    """The aligned face crop."""

    size: int = 64
    """Side of the square crop (px)."""
    margin: float = 0.0
    """Extra room around the template face, as a share of the crop's side."""
    smooth_frames: float = 2.0
    """Sigma (frames) of the zero-lag Gaussian that steadies the alignment over time; 0 switches it off."""
    label_grid: int = 32
    """Side of the stored region label map (cells); a multiple of every latent grid in use."""

    def __post_init__(self) -> None:
        require(self.size >= 32 and self.size % 16 == 0, "size must be a multiple of 16, at least 32")
        require(-0.2 <= self.margin <= 0.5, "margin must be in -0.2..0.5")
        require_at_least(self, 0, "smooth_frames")
        require_at_least(self, 8, "label_grid")


@dataclass(frozen=True)
class MelConfig:
    """Log-mel features. The values are the field's (Wav2Lip's) and part of the data contract."""

    rate: int = 16000
    """Sample rate (Hz)."""
    n_fft: int = 800
    """FFT and window length (samples)."""
    hop: int = 200
    """Hop (samples): 80 mel steps a second, 16 steps for 5 frames at 25 fps."""
    bands: int = 80
    """Mel bands."""
    fmin: float = 55.0
    """Lowest band edge (Hz)."""
    fmax: float = 7600.0
    """Highest band edge (Hz)."""

    def __post_init__(self) -> None:
        require_at_least(self, 1, "n_fft", "hop", "bands")
        require(self.rate == 80 * self.hop, "rate must be 80 times hop: 80 steps a second, 16 for 5 frames")
        require_at_least(self, 0, "fmin")
        require(self.fmin < self.fmax <= self.rate / 2, "fmax must be above fmin and at most rate / 2")


@dataclass(frozen=True)
class PhantomConfig:
    """The drawn corpus that is the default input."""

    people: int = 64
    """Talking heads, one video each."""
    seconds: float = 4.0
    """Length of a video (s)."""
    seed: int = 0
    """Seed of faces, motion and words."""

    def __post_init__(self) -> None:
        require(self.people >= 4, "people must be at least 4: training, validation and two held-out people")
        require_at_least(self, 1, "seconds")
        require_at_least(self, 0, "seed")


@dataclass(frozen=True)
class SplitConfig:
    """Who is trained on and who is held out. The split is by person, and nobody moves when others come or go."""

    validation: float = 0.06
    """Share of people that choose the best checkpoint (0 to 1)."""
    test: float = 0.12
    """Share of people that only the final figures see (0 to 1)."""
    extra: tuple[str, ...] = ()
    """Extra data: videos, by name with * and ?; people of no other video are never held out. All trainings use them;
    `--ablate no-extra-data` is the system without them, measured on the same held-out people."""

    def __post_init__(self) -> None:
        require(0 <= self.validation < 1, "validation must be in [0, 1)")
        require(0 <= self.test < 1, "test must be in [0, 1)")
        require(
            self.validation + self.test <= 0.8, "validation + test must be at most 0.8: people are left to train on"
        )


@dataclass(frozen=True)
class QualityConfig:
    """Limits beyond which a clip is marked. A mark deletes nothing and recomputes nothing: the next snapshot goes by
    it."""

    leave_out: bool = True
    """Clips whose face is marked stay out of the training snapshot. Those whose sound is marked are in it, for the
    trainings that look at faces only; no training or measure of lips against sound takes them. false only marks."""
    max_magnification: float = 2.0
    """Face too small: px of the crop for one px of the frame, median over the frames."""
    max_blur: float = 0.75
    """Too blurred: blur of the crop, 0 (sharp) to 1, median over a look a second."""
    max_yaw: float = 35.0
    """Turned away: degrees sideways that a fifth of the frames exceed. The HOG detector loses a face at about 45."""
    max_doubt: float = 0.03
    """Hidden: how far landmarks of nose or mouth move with the box they are sought in, as a share of its width, median
    over a look a second; not judged below three looks. Real faces: 0.002, behind a mask or a hand 0.019 and up; drawn
    ones reach 0.023, for dlib sometimes takes their nostrils for the mouth."""
    max_lost: float = 0.2
    """Hidden now and then: share of frames in which no face was seen, bridged ones included (0 to 1)."""
    min_level: float = -50.0
    """Silent: level of the loudest twentieth of the sound (dB re full scale)."""
    max_clipped: float = 0.005
    """Clipped: share of samples within 5 % of full scale (0 to 1)."""
    out_of_step: str = "drop"
    """A clip whose sound is out of step: `drop` takes its face only, as of any clip whose sound is marked, `shift`
    moves its sound back into step and does not mark it, `keep` takes it as it is."""
    max_offset: int = 2
    """Out of step: frames (40 ms) between lips and sound, by the sync judge."""
    max_spread: int = 1
    """Frames by which what the judge finds in each third of a clip may differ from what it finds in the whole for its
    offset to be believed. Of clips whose sound has nothing to do with the lips, about one in a hundred passes. Below
    64 frames nothing is measured."""

    def __post_init__(self) -> None:
        require_positive(self, "max_magnification", "max_doubt")
        require(0 < self.max_blur <= 1, "max_blur must be in (0, 1]")
        require(0 < self.max_yaw <= 90, "max_yaw must be in (0, 90] degrees")
        require(0 <= self.max_lost <= 1, "max_lost must be in [0, 1]")
        require(self.min_level <= 0, "min_level is in dB below full scale: 0 or negative")
        require(0 <= self.max_clipped <= 1, "max_clipped must be in [0, 1]")
        require_one_of(self, "out_of_step", "drop", "shift", "keep")
        require_at_least(self, 0, "max_offset", "max_spread")
