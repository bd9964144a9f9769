"""Configuration of every module and its training. Light on purpose: read while Dagster's definitions load."""

from __future__ import annotations

from dataclasses import dataclass, field

from swaptalk_models.settings.section import require, require_at_least, require_one_of, require_positive


@dataclass(frozen=True)
class TrainConfig:
    """One training run: budget, optimiser, precision. The same fields for every module."""

    steps: int = 1000
    """Optimiser steps."""
    minutes: float = 0.0
    """Time budget beside the steps, over all sessions of a resumed training; whichever is spent first ends it, and the
    schedule follows it. 0: none. How many steps fit depends on the machine, so such a training does not repeat to
    the bit."""
    batch: int = 32
    """Samples a step, over all processes together."""
    lr: float = 1e-3
    """Peak learning rate of AdamW."""
    warmup: int = 50
    """Steps of linear warm-up; a cosine follows."""
    final_lr: float = 0.05
    """Learning rate at the last step, as a share of the peak."""
    weight_decay: float = 0.01
    """Decoupled weight decay."""
    beta2: float = 0.99
    """AdamW's second beta."""
    grad_clip: float = 1.0
    """Largest gradient norm; 0 switches clipping off."""
    accumulate: int = 1
    """Micro-batches a step: the batch is split into this many, so that it fits into memory."""
    ema: float = 0.99
    """Decay of the weights' moving average, which is what is kept; 0 switches it off."""
    eval_every: int = 250
    """Steps between two looks at held-out people."""
    checkpoint_seconds: float = 20.0
    """Seconds between two checkpoints."""
    seed: int = 0
    """Seed of weights, batches and augmentation."""
    without: tuple[str, ...] = ()
    """Videos of the training people that this training leaves out: names, with * and ?."""
    device: str = "auto"
    """auto (CUDA where there is one), cpu, cuda, cuda:1, ..."""
    dtype: str = "auto"
    """auto (bfloat16 where the hardware multiplies it, else float32), float32, bfloat16."""
    compile: bool = False
    """torch.compile the networks: minutes at the start, faster steps after. Needs a C++ compiler (CPU) or Triton (GPU);
    without, it is left out."""
    processes: int = 1
    """Processes of one training (torchrun); one a GPU."""

    def __post_init__(self) -> None:
        require_at_least(self, 1, "steps", "batch", "accumulate", "eval_every", "processes")
        require_at_least(self, 0, "minutes", "warmup", "weight_decay", "grad_clip", "seed")
        require_positive(self, "lr", "checkpoint_seconds")
        require(0 <= self.final_lr <= 1, "final_lr must be in 0..1")
        require(0 <= self.ema < 1, "ema must be in [0, 1)")
        require(0 < self.beta2 < 1, "beta2 must be in (0, 1)")
        require(
            self.batch % (self.processes * self.accumulate) == 0, "batch must be a multiple of processes * accumulate"
        )
        require_one_of(self, "dtype", "auto", "float32", "bfloat16")


@dataclass(frozen=True)
class VQGANConfig:
    """One encoder, two codebooks (upper and lower half of the face), one decoder."""

    factor: int = 8
    """Compression: pixels a latent cell, along each side (8, 16 or 32)."""
    channels: tuple[int, ...] = (32, 64, 128)
    """Channels from fine to coarse, one entry a halving; the first halving is a space-to-depth."""
    blocks: int = 1
    """Residual blocks a resolution."""
    decoder: str = "light"
    """light (narrow at full resolution) or taming (as Esser et al. 2021 built it, some twenty times the work; for
    comparison)."""
    decoder_channels: int = 128
    """Channels at full resolution of the taming decoder."""
    codes: int = 512
    """Entries of each codebook."""
    groups: int = 1
    """Codes a cell: the channels are cut into this many groups, each with codebooks of its own. The paper has one; at
    64 px a cell covers so much of a face that one code cannot tell it."""
    dim: int = 64
    """Channels of the VQ embedding."""
    quantise_from: float = 0.1
    """Share of the steps before the quantisers join. Codes then start on embeddings that mean something, which is what
    keeps them in use."""
    commitment: float = 0.25
    """Weight of the commitment loss (on the encoder's side)."""
    codebook_decay: float = 0.98
    """Decay of the codebook's moving averages."""
    codebook_start: str = "sample"
    """How the codes start: sample (on drawn encoder outputs) or kmeans (on the centres of their clusters)."""
    gradient: str = "straight"
    """How gradients pass the quantiser: straight (through, as if it were not there) or rotation (turned and scaled as
    the input was, Fifty et al. 2024)."""
    one_codebook: bool = False
    """One codebook for both halves of the face (an ablation)."""
    revive_below: float = 0.03
    """A code used less often than this share of the average use is set on a fresh encoder output; 0 leaves codes alone.
    """
    pixel_weight: float = 1.0
    """Weight of the L1 reconstruction loss."""
    l2_weight: float = 1.0
    """Weight of the squared error added to the L1."""
    feature_weight: float = 4.0
    """How much more brows, eyes, nose and lips count in the pixel losses than skin, hair and background: they are
    small, and all that matters."""
    perceptual_weight: float = 0.1
    """Weight of the perceptual loss (features of the identity encoder)."""
    identity_weight: float = 0.05
    """Weight of 1 - cosine between the identity embeddings of image and reconstruction."""
    adversarial_weight: float = 0.1
    """Weight of the adversarial loss before the adaptive factor."""
    adversarial_start: float = 0.6
    """Share of the steps after which the discriminator joins."""
    discriminator_channels: int = 32
    """Channels of the patch discriminator's first layer."""
    train: TrainConfig = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        require(self.factor in (4, 8, 16, 32), "factor must be 4, 8, 16 or 32")
        halvings = self.factor.bit_length() - 1
        require(
            len(self.channels) == halvings and min(self.channels) >= 1,
            f"channels must have {halvings} entries, one a halving, for factor {self.factor}",
        )
        require_at_least(self, 1, "blocks", "groups", "discriminator_channels")
        require_one_of(self, "decoder", "light", "taming")
        require(
            self.decoder_channels >= 32 and self.decoder_channels % 32 == 0, "decoder_channels must be a multiple of 32"
        )
        require(2 <= self.codes <= 65536, "codes must be in 2..65536 (they are kept as uint16)")
        require_at_least(self, 4, "dim")
        require(self.dim % self.groups == 0, "dim must be a multiple of groups")
        require(0 <= self.quantise_from < 1, "quantise_from must be in [0, 1)")
        require_at_least(self, 0, "commitment", "revive_below", "pixel_weight", "l2_weight", "feature_weight")
        require_at_least(self, 0, "perceptual_weight", "identity_weight", "adversarial_weight")
        require(0 <= self.codebook_decay < 1, "codebook_decay must be in [0, 1)")
        require_one_of(self, "codebook_start", "sample", "kmeans")
        require_one_of(self, "gradient", "straight", "rotation")
        require(0 <= self.adversarial_start <= 1, "adversarial_start must be in 0..1")


@dataclass(frozen=True)
class IdentityEncoderConfig:
    """A face recogniser with a margin loss; the trainings' identity loss (the judge is another network)."""

    channels: tuple[int, ...] = (16, 32, 64, 128)
    """Channels from fine to coarse, each at half the resolution of the one before."""
    dim: int = 128
    """Channels of the identity embedding (unit length)."""
    margin: float = 0.2
    """Additive cosine margin (CosFace)."""
    scale: float = 16.0
    """Scale of the logits."""
    external: str = ""
    """File of an external ArcFace to take instead of training ours: IResNet weights in insightface's layout,
    .safetensors or .pth. Perceptual features then come from it, too."""
    external_sha256: str = ""
    """Checksum that the file must have; empty: any. What it has is part of the model's version."""
    train: TrainConfig = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        _require_widths(self.channels)
        require_at_least(self, 1, "dim")
        require(0 <= self.margin < 1, "margin must be in [0, 1)")
        require_positive(self, "scale")


@dataclass(frozen=True)
class SwapTeacherConfig:
    """The classical swap whose results are the face swapper's proxy targets."""

    pairs: int = 3000
    """Training pairs (source frame, target frame) of two training people."""
    held_out_pairs: int = 200
    """Pairs of two validation people, for the held-out loss."""
    colour_strength: float = 0.75
    """0 keeps the source's colours, 1 takes the target's."""
    seed: int = 0
    """Seed of the drawn pairs."""
    without: tuple[str, ...] = ()
    """Videos of the training people that no training pair is drawn from: names, with * and ?."""

    def __post_init__(self) -> None:
        require_at_least(self, 1, "pairs", "held_out_pairs")
        require(0 <= self.colour_strength <= 1, "colour_strength must be in 0..1")
        require_at_least(self, 0, "seed")


@dataclass(frozen=True)
class FaceSwapperConfig:
    """Transformer over VQ tokens: queries from the target, keys and values from the source."""

    width: int = 192
    """Channels of a token."""
    depth: int = 4
    """Transformer blocks."""
    heads: int = 6
    """Attention heads."""
    semantic: bool = True
    """Add the face region's embedding to each token (off: the paper's ablation)."""
    guidance: float = 1.0
    """At inference, the step from the target to the swapped face is taken this many times. Short trainings go only part
    of the way."""
    skip: bool = True
    """Add source and target tokens, mixed by a gate, to the transformer's output (off: the output alone, as in the
    paper's figure)."""
    refine: int = 0
    """Residual blocks of convolutions over the grid of tokens after the transformer (0: none, as in the paper's figure)."""
    proxy_weight: float = 1.0
    """Weight of L_proxy, between the swapped embedding and the teacher's."""
    source_identity_weight: float = 0.5
    """Weight of L_id_src. Lighter, and the losses against the teacher draw the face back towards the target."""
    teacher_identity_weight: float = 0.1
    """Weight of L_id_res."""
    pixel_weight: float = 1.0
    """Weight of the absolute error between the decoded face and the teacher's, which sees where neighbouring cells do
    not fit (0: the losses of the paper alone)."""
    feature_weight: float = 1.0
    """Weight of brows, eyes and lips against all else in L_proxy and the pixel loss. They are few cells and all of an expression: weighted as skin
    is, a short training hands the source's own on, with its mouth, to every frame."""
    decoded_samples: int = 16
    """Samples of a batch that are decoded for the losses on pixels and identity."""
    train: TrainConfig = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        require_at_least(self, 1, "width", "depth", "heads", "decoded_samples", "feature_weight")
        require(self.width % self.heads == 0, "width must be a multiple of heads")
        require_positive(self, "guidance")
        require_at_least(
            self, 0, "refine", "proxy_weight", "source_identity_weight", "teacher_identity_weight", "pixel_weight"
        )


@dataclass(frozen=True)
class LipExpertConfig:
    """SyncNet over VQ embeddings of the lower half (5 frames) and a mel window (16 steps)."""

    width: int = 128
    """Channels of the two towers."""
    dim: int = 128
    """Channels of the shared embedding."""
    dropout: float = 0.1
    """Dropout before the last layer of each tower."""
    noise: float = 0.2
    """Deviation of the noise on standardised embeddings, in training and in L_sync. Without it a generator pleases the
    expert by traces in the finest channels that nobody sees."""
    loudness_drift: float = 0.0
    """Deviation (dB) of a loudness that comes and goes at random over the syllables, in training (training/voices.py): for synthetic voices."""
    even_lows: float = 0.0
    """How far the loudness below some 800 Hz is evened out in training (0 to 1): for synthetic voices."""
    train: TrainConfig = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        require_at_least(self, 1, "width", "dim")
        require(0 <= self.dropout < 1, "dropout must be in [0, 1)")
        require_at_least(self, 0, "noise", "loudness_drift")
        require(0 <= self.even_lows <= 1, "even_lows must be in 0..1")


@dataclass(frozen=True)
class LipSyncConfig:
    """Face warping by offset map, then a U-Net with audio cross-attention in every block."""

    width: int = 128
    """Channels of the U-Net at the latent's own resolution."""
    warp_width: int = 64
    """Channels of the warping module, which only has to see how the head has moved."""
    heads: int = 4
    """Heads of the audio cross-attention."""
    audio_dim: int = 128
    """Channels of an audio token. Where it is the expert's width, the audio encoder starts from the expert's."""
    guidance: float = 1.0
    """At inference, what the audio changes against silence is done this many times. Short trainings move the lips too
    little."""
    warping: bool = True
    """Move the reference's lower half into the target's pose (off: an ablation)."""
    region: str = "mouth"
    """What the module answers for: mouth (and chin; cheeks, jaw and neck stay the target's) or half (the whole lower
    half, as in the paper's figure)."""
    code_weight: float = 1.0
    """Weight of L_code."""
    pixel_weight: float = 0.0
    """Weight of the absolute error between the decoded mouth and the target's own (0: the losses of the paper alone).
    """
    lip_weight: float = 4.0
    """How much more the cells of the target's lips count in L_code and the pixel loss than the rest of the region."""
    sync_weight: float = 0.05
    """Weight of L_sync."""
    sync_start: float = 0.3
    """Share of the steps after which L_sync joins."""
    quiet: float = 0.15
    """Share of the samples in which closed lips are heard with silence in the place of their sound: speech has few
    pauses to learn them from."""
    loudness_drift: float = 0.0
    """As in lip_expert."""
    even_lows: float = 0.0
    """As in lip_expert."""
    train: TrainConfig = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        require_at_least(self, 1, "width", "warp_width", "heads", "audio_dim")
        require(self.width % self.heads == 0, "width must be a multiple of heads")
        require_positive(self, "guidance")
        require_one_of(self, "region", "mouth", "half")
        require_at_least(self, 0, "code_weight", "pixel_weight", "lip_weight", "sync_weight", "loudness_drift")
        require(0 <= self.sync_start <= 1, "sync_start must be in 0..1")
        require(0 <= self.quiet < 1, "quiet must be in [0, 1)")
        require(0 <= self.even_lows <= 1, "even_lows must be in 0..1")


@dataclass(frozen=True)
class Wav2LipConfig:
    """RGB lip-sync after Wav2Lip: trained only to be compared with, when `evaluation.methods` lists a method that needs
    it."""

    channels: tuple[int, ...] = (32, 64, 96, 128)
    """Channels from fine to coarse, each at half the resolution of the one before; the first is at half the crop's."""
    audio_dim: int = 128
    """Channels of an audio token. Where it is the expert's width, the audio encoder starts from the expert's."""
    lip_weight: float = 4.0
    """How much more the lips count in the L1 than the rest of the face; lip_sync's value."""
    sync_weight: float = 0.03
    """Weight of L_sync; Wav2Lip's value."""
    sync_start: float = 0.3
    """Share of the steps after which L_sync joins."""
    train: TrainConfig | None = None
    """None: the budget of lip_sync, which it is compared with."""

    def __post_init__(self) -> None:
        _require_widths(self.channels)
        require_at_least(self, 1, "audio_dim")
        require_at_least(self, 0, "lip_weight", "sync_weight")
        require(0 <= self.sync_start <= 1, "sync_start must be in 0..1")


@dataclass(frozen=True)
class WavSyncSwapConfig:
    """One RGB network that swaps and speaks at once, the paper's end-to-end competitor: trained only to be compared
    with, when `evaluation.methods` lists WavSyncSwap."""

    channels: tuple[int, ...] = (32, 64, 96, 128)
    """Channels from fine to coarse, each at half the resolution of the one before; the first is at half the crop's."""
    audio_dim: int = 128
    """Channels of an audio token. Where it is the expert's width, the audio encoder starts from the expert's."""
    lip_weight: float = 4.0
    """How much more the lips count in the L1 than the rest of the face."""
    proxy_weight: float = 1.0
    """Weight of the L1 between swapped faces and the swap teacher's."""
    source_identity_weight: float = 0.5
    """Weight of L_id_src; face_swapper's value."""
    sync_weight: float = 0.03
    """Weight of L_sync; Wav2Lip's value."""
    sync_start: float = 0.3
    """Share of the steps after which L_sync joins."""
    train: TrainConfig | None = None
    """None: the budget of lip_sync."""

    def __post_init__(self) -> None:
        _require_widths(self.channels)
        require_at_least(self, 1, "audio_dim")
        require_at_least(self, 0, "lip_weight", "proxy_weight", "source_identity_weight", "sync_weight")
        require(0 <= self.sync_start <= 1, "sync_start must be in 0..1")


@dataclass(frozen=True)
class RestorerConfig:
    """Predicts the codes of a face from what harm has left of it, after CodeFormer: trained only to be compared with,
    when `evaluation.methods` lists a method that restores."""

    width: int = 128
    """Channels of a token."""
    blocks: int = 2
    """Residual blocks of convolutions before the transformer."""
    depth: int = 2
    """Transformer blocks."""
    heads: int = 4
    """Attention heads."""
    neighbours: float = 0.2
    """Labels are spread over the codes this near (standard deviations of the codebook), of which a face would hardly
    look otherwise; 0: the one code alone, as in CodeFormer."""
    certainty: float = 2.0
    """Probabilities are raised to this power before the mean code of a cell is taken: 1 is faithful and soft, more is
    sharper; very large is the most likely code alone, as in CodeFormer."""
    pixel_weight: float = 10.0
    """Weight of the absolute error between decoded and real faces, beside the cross-entropy (0: the loss of CodeFormer's
    second stage alone)."""
    decoded_samples: int = 4
    """Samples of a batch that are decoded for it."""
    blur: float = 0.02
    """Harm in training: largest deviation of the Gaussian blur, as a share of the crop's side."""
    shrink: float = 2.0
    """Harm in training: by how much a crop is shrunk and enlarged again, at most."""
    noise: float = 8.0
    """Harm in training: largest deviation of the noise (levels of 255)."""
    jpeg: int = 40
    """Harm in training: lowest quality of the JPEG compression (1 to 95)."""
    unharmed: float = 0.1
    """Share of the crops that are shown as they are."""
    train: TrainConfig | None = None
    """None: the budget of face_swapper."""

    def __post_init__(self) -> None:
        require_at_least(self, 1, "width", "depth", "heads", "decoded_samples", "shrink")
        require_positive(self, "certainty")
        require_at_least(self, 0, "blocks", "neighbours", "pixel_weight", "blur", "noise")
        require(self.width % self.heads == 0, "width must be a multiple of heads")
        require(1 <= self.jpeg <= 95, "jpeg must be in 1..95")
        require(0 <= self.unharmed <= 1, "unharmed must be in 0..1")


@dataclass(frozen=True)
class SyncJudgeConfig:
    """A pixel-space SyncNet, used for measuring only: no generator is trained against it."""

    channels: tuple[int, ...] = (32, 64, 96)
    """Channels of the video tower, from fine to coarse."""
    dim: int = 128
    """Channels of the shared embedding."""
    dropout: float = 0.1
    """Dropout before the last layer of each tower."""
    train: TrainConfig = field(default_factory=TrainConfig)

    def __post_init__(self) -> None:
        _require_widths(self.channels)
        require_at_least(self, 1, "dim")
        require(0 <= self.dropout < 1, "dropout must be in [0, 1)")


def _require_widths(channels: tuple[int, ...]) -> None:
    require(len(channels) >= 2 and min(channels) >= 1, "channels must have at least two entries, each at least 1")


@dataclass(frozen=True, kw_only=True)
class ModelSections:
    """The sections of all models: part of a preset (settings/preset.py). The field's name is the model's in
    graph/models.py."""

    vqgan: VQGANConfig = field(default_factory=VQGANConfig)
    identity_encoder: IdentityEncoderConfig = field(default_factory=IdentityEncoderConfig)
    lip_expert: LipExpertConfig = field(default_factory=LipExpertConfig)
    swap_teacher: SwapTeacherConfig = field(default_factory=SwapTeacherConfig)
    face_swapper: FaceSwapperConfig = field(default_factory=FaceSwapperConfig)
    lip_sync: LipSyncConfig = field(default_factory=LipSyncConfig)
    wav2lip: Wav2LipConfig = field(default_factory=Wav2LipConfig)
    wav_sync_swap: WavSyncSwapConfig = field(default_factory=WavSyncSwapConfig)
    restorer: RestorerConfig = field(default_factory=RestorerConfig)
    sync_judge: SyncJudgeConfig = field(default_factory=SyncJudgeConfig)
