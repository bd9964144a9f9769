"""Quality gates: which clips are marked, and why. Light: numbers from the ledger against the limits of the preset.

Marked is not quarantined. A quarantined clip has no data in some stage; a marked one went through all of them and stays
`ok`, its rows stay where they are, and it comes back as soon as a limit is loosened. The marks are entries of the
ledger's stage "quality", made by every training snapshot. By default that leaves out clips whose face is marked; of
those whose sound is marked, only the trainings and measures that listen keep off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from swaptalk_models.data.store.fingerprint import hash_params, hash_values
from swaptalk_models.data.store.ledger import OK, Entry, Ledger
from swaptalk_models.settings.data import QualityConfig

STAGE, MARKED = "quality", "marked"
"""The ledger's stage and status of a mark."""
OUT_OF_STEP = "out of step"
FACE, SOUND = "face", "sound"
"""What a gate speaks of."""
VERSION = "1"  # of the gates: raise it when the same measures are judged otherwise


@dataclass(frozen=True)
class Gate:
    """One reason for a mark."""

    name: str
    """What is wrong with a clip that it marks."""
    stage: str
    """Whose ledger entry holds the measure."""
    measure: str
    """Name in that entry's output["quality"]."""
    setting: str
    """Field of QualityConfig; a measure above it is too much, or below it where the field is called min_..."""
    says: Callable[[float, float], str]
    """(measure, limit) to a reason for people."""
    of: str = FACE
    """FACE: a marked clip serves no training. SOUND: its face is as good as any, and serves those that look at
    faces."""

    def marks(self, value: float, config: QualityConfig) -> str | None:
        """The reason, or None."""
        limit = getattr(config, self.setting)
        wrong = value < limit if self.setting.startswith("min_") else value > limit
        return f"{self.says(value, limit)} (quality.{self.setting})" if wrong else None


def _gate(name: str, stage: str, measure: str, setting: str, text: str, of: str = FACE) -> Gate:
    return Gate(name, stage, measure, setting, lambda value, limit: text.format(value=value, limit=limit), of)


GATES = (
    _gate("small", "face_crops", "magnification", "max_magnification",
          "face too small: its crop is magnified {value:.2g} times, allowed {limit:g}"),
    _gate("blurred", "face_crops", "blur", "max_blur", "face too blurred: {value:.2f}, allowed {limit:g}"),
    _gate("turned", "face_tracks", "yaw", "max_yaw",
          "face turned away: by {value:.0f} degrees or more in a fifth of the frames, allowed {limit:g}"),
    _gate("hidden", "face_tracks", "doubt", "max_doubt",
          "nose or mouth hidden: their landmarks are unsure by {value:.1%} of the face's width, allowed {limit:.1%}"),
    _gate("lost", "face_tracks", "lost", "max_lost",
          "face hidden: not seen in {value:.0%} of the frames, allowed {limit:.0%}"),
    _gate("silent", "mels", "level", "min_level",
          "sound silent: {value:.0f} dB at its loudest, wanted {limit:g}", SOUND),
    _gate("clipped", "mels", "clipped", "max_clipped",
          "sound clipped: {value:.2%} of its samples, allowed {limit:.2%}", SOUND),
)  # fmt: skip
_OF_SOUND = frozenset(gate.name for gate in GATES if gate.of == SOUND) | {OUT_OF_STEP}
SYNC_STAGE = "sync_offsets"
"""The ledger's stage that holds a clip's offset: see evaluation/measure/sound_offsets.py."""
MEASURED = (*dict.fromkeys(gate.stage for gate in GATES), SYNC_STAGE)


@dataclass(frozen=True)
class Verdict:
    """What the gates say of one clip."""

    reasons: dict[str, str]
    """{gate: why}; empty: nothing is wrong."""
    measures: dict[str, float]
    sound_offset: int = 0
    """Frames by which the sound comes too early where that was measured and is beyond the limit, else 0."""

    def kept_out(self, config: QualityConfig) -> bool:
        """Whether a training snapshot leaves the clip out: its face is marked."""
        return config.leave_out and bool(self.reasons.keys() - _OF_SOUND)

    def mute(self, config: QualityConfig) -> bool:
        """Whether nothing may learn from the clip's sound, or be measured by it."""
        taken = set() if config.out_of_step == "drop" else {OUT_OF_STEP}
        return config.leave_out and bool(self.reasons.keys() & (_OF_SOUND - taken))

    def shift(self, config: QualityConfig) -> int:
        """Frames by which a training moves the clip's sound; of a mute clip none, for nobody listens."""
        return self.sound_offset if config.out_of_step == "shift" and not self.mute(config) else 0


def judge(outputs: Mapping[str, Mapping[str, Any]], config: QualityConfig) -> Verdict:
    """The verdict on one clip: `outputs` is {stage: output of its ledger entry}. What was not measured is not
    judged."""
    measures: dict[str, float] = {}
    reasons: dict[str, str] = {}
    for gate in GATES:
        if (value := _measure(outputs, gate.stage, gate.measure)) is not None:
            measures[gate.measure] = value
            if why := gate.marks(value, config):
                reasons[gate.name] = why
    offset, spread = (_measure(outputs, SYNC_STAGE, name) for name in ("offset", "spread"))
    wrong = 0
    if offset is not None and spread is not None:
        measures |= {"offset": offset, "spread": spread}
        if abs(offset) > config.max_offset and spread <= config.max_spread:
            wrong = int(offset)
            when = "early" if wrong > 0 else "late"
            if config.out_of_step != "shift":  # moved back, it is in step
                said = f"out of step: sound {abs(wrong)} frames too {when}"
                reasons[OUT_OF_STEP] = f"{said}, allowed {config.max_offset} (quality.max_offset)"
    return Verdict(reasons, measures, wrong)


def _measure(outputs: Mapping[str, Mapping[str, Any]], stage: str, name: str) -> float | None:
    return outputs.get(stage, {}).get("quality", {}).get(name)


def heard(crops: Entry, mels: Entry) -> list[str]:
    """What an offset was measured on: the inputs of its ledger entry."""
    return [crops.output["rows"], mels.output["rows"]]


def verdicts(entries: Mapping[str, Mapping[str, Entry]], config: QualityConfig) -> dict[str, Verdict]:
    """The verdict on every clip in `entries`: {stage: {clip: finished entry}}, as `measured` reads them."""
    outputs: dict[str, dict[str, dict[str, Any]]] = {}
    for stage, found in entries.items():
        for clip, entry in found.items():
            outputs.setdefault(clip, {})[stage] = entry.output
    return {clip: judge(found, config) for clip, found in sorted(outputs.items())}


def measured(
    ledger: Ledger, stages: Iterable[str] = MEASURED, videos: Iterable[str] | None = None
) -> dict[str, dict[str, Entry]]:
    """{stage: {clip: finished entry}} of the stages that measure, of these videos if given."""
    videos = list(videos) if videos is not None else None
    return {stage: ledger.entries(stage, videos, OK) for stage in stages}


def write_marks(ledger: Ledger, found: Mapping[str, Verdict], videos: Mapping[str, str], config: QualityConfig) -> None:
    """Make the ledger's marks those of these clips ({clip: verdict}, {clip: video}); what has not changed is not
    written."""
    known = ledger.entries(STAGE, orphaned=None)
    params = hash_params(config)
    entries = (_entry(clip, videos[clip], verdict, params) for clip, verdict in found.items())
    ledger.commit(
        e
        for e in entries
        if e.clip not in known or known[e.clip].fingerprint != e.fingerprint or known[e.clip].orphaned
    )
    ledger.forget(STAGE, known.keys() - found.keys())


def _entry(clip: str, video: str, verdict: Verdict, params: str) -> Entry:
    inputs = hash_values(verdict.measures)
    fingerprint = hash_values([inputs, VERSION, params])
    status = MARKED if verdict.reasons else OK
    output = {"gates": list(verdict.reasons), "quality": verdict.measures}
    reason = "; ".join(verdict.reasons.values())
    return Entry(STAGE, clip, video, fingerprint, inputs, VERSION, params, status, reason, output)


def marked(ledger: Ledger) -> list[Entry]:
    """The marks that the last snapshot made, by clip; each entry's reason says why."""
    return list(ledger.entries(STAGE, status=MARKED).values())
