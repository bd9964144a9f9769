"""The training snapshot: which clips, of which table versions, a training uses, and who is held out.

Its version is a hash of content alone: of clips, persons, splits and data. Two homes with the same data have the same
snapshot, until a sync judge has heard sounds out of step; a table that was compacted or rewritten with the same rows
has not changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from swaptalk_models.data.engine.settled import Standing
from swaptalk_models.data.person_split import MIN_TEST, MIN_TRAIN, MIN_VALIDATION, split_persons
from swaptalk_models.data.quality.gates import STAGE as MARKS
from swaptalk_models.data.quality.gates import SYNC_STAGE, Verdict, heard, marked, measured, verdicts, write_marks
from swaptalk_models.data.quality.gates import VERSION as GATES
from swaptalk_models.data.recordings.sound import SOUND
from swaptalk_models.data.recordings.twins import joined, shared_recordings
from swaptalk_models.data.sources.catalog import catalog_hash, catalog_rows
from swaptalk_models.data.sources.names import speaker_of
from swaptalk_models.data.stages.registry import CLIP_TABLES
from swaptalk_models.data.store import tables
from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.fingerprint import hash_params, hash_values
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.ledger import OK, Entry, Ledger, StageReport
from swaptalk_models.data.store.schemas import table_schema
from swaptalk_models.errors import UserError
from swaptalk_models.graph.code_versions import CODE_VERSIONS
from swaptalk_models.settings.data import SplitConfig
from swaptalk_models.settings.preset import Preset

TABLES = CLIP_TABLES
"""What a training reads of a clip."""
SCHEMA = table_schema("training_snapshot")


@dataclass(frozen=True)
class Snapshot:
    """A training snapshot on disk."""

    version: str
    path: Path
    """The manifest."""
    rows: pa.Table
    """A row a clip, see SCHEMA; *_version is the Lance version of the table to read the rows from."""

    def clips(self, split: str | None = None) -> list[dict[str, Any]]:
        """Rows of a split (train, validation or test), or all."""
        return [_whole(row) for row in self.rows.to_pylist() if split in (None, row["split"])]

    def table_version(self, name: str) -> int:
        """Lance version that holds this snapshot's rows of a table."""
        return self.rows[f"{name}_version"][0].as_py()


def make_snapshot(home: Home, preset: Preset) -> Snapshot:
    """Name every clip that went through all data stages and that no quality gate keeps out, say of which the sound is
    of no use, and keep the table versions that hold them. Old snapshots stay. The ledger's marks follow.

    Raises:
        UserError: nothing to train on, or too few people; the message says what is in quarantine or marked.
    """
    with home.writing("training_snapshot", reads=TABLES), Ledger(home.ledger) as ledger:
        standing = _standing(home, ledger, preset)
        if standing.still():
            return load_snapshot(home)
        clips = _usable(home, ledger)
        judged = verdicts(clips.done | {SYNC_STAGE: _heard_offsets(ledger, clips)}, preset.quality)
        judged = {clip: judged[clip] for clip in clips.videos}
        write_marks(ledger, judged, clips.videos, preset.quality)
        snapshot = _keep(home, _rows(home, ledger, clips, judged, preset))
        with atomic_write(home.snapshots / "current") as aside:
            aside.write_text(snapshot.version + "\n")
            home.confirm()
        standing.note(standing.before(), StageReport("training_snapshot"))
    return snapshot


def _standing(home: Home, ledger: Ledger, preset: Preset) -> Standing:
    """Whether the current snapshot is still that of all clips."""

    def goes_by() -> Any:
        params = hash_params(preset.quality), hash_params(preset.training_snapshot)
        return [CODE_VERSIONS["training_snapshot"], GATES, params, catalog_hash(home), _current(home)]

    def there() -> bool:
        version = _current(home)
        return version is not None and _is_kept(home, version)

    return Standing(ledger, "training_snapshot", (*TABLES, SYNC_STAGE, MARKS), goes_by, there)


def _current(home: Home) -> str | None:
    pointer = home.snapshots / "current"
    return pointer.read_text().strip() if pointer.is_file() else None


def _is_kept(home: Home, version: str) -> bool:
    """Whether its manifest is there, and the table versions that hold it."""
    return home.manifest(version).is_file() and all(
        tables.has_tag(home, name, f"{tables.SNAPSHOT_TAG}{version}") for name in TABLES
    )


def make_unheard_snapshot(home: Home, preset: Preset) -> Snapshot:
    """The snapshot as it is before anybody has listened: no sound is moved, and none left out for being out of step. The judge that then
    listens trains on it, so that its training does not hang on what it finds. It becomes nobody's current one.

    Raises:
        UserError: as ``make_snapshot``.
    """
    with home.writing("unheard_snapshot", reads=TABLES), Ledger(home.ledger) as ledger:
        clips = _usable(home, ledger)
        judged = verdicts(clips.done, preset.quality)
        return _keep(home, _rows(home, ledger, clips, {clip: judged[clip] for clip in clips.videos}, preset))


@dataclass(frozen=True)
class _Usable:
    """Clips that went through all data stages."""

    done: dict[str, dict[str, Entry]]
    """Stage -> clip -> its entry in the ledger."""
    videos: dict[str, str]
    """Clip -> its video."""
    persons: dict[str, str]
    """Video -> person, of the whole catalog."""


def _usable(home: Home, ledger: Ledger) -> _Usable:
    done = measured(ledger, TABLES)
    usable = sorted(set.intersection(*(set(done[name]) for name in TABLES)))
    persons = {row["video"]: row["person"] for row in catalog_rows(home)}
    videos = {clip: done["face_crops"][clip].video for clip in usable if done["face_crops"][clip].video in persons}
    return _Usable(done, videos, persons)


def _heard_offsets(ledger: Ledger, clips: _Usable) -> dict[str, Entry]:
    """What a judge has heard. An offset holds for the sound that it was measured on, whether or not the clip was away meanwhile."""
    offsets = ledger.entries(SYNC_STAGE, status=OK, orphaned=None)
    crops, mels = clips.done["face_crops"], clips.done["mels"]
    return {
        clip: offsets[clip]
        for clip in clips.videos
        if clip in offsets and offsets[clip].inputs == hash_values(heard(crops[clip], mels[clip]))
    }


def _rows(
    home: Home, ledger: Ledger, clips: _Usable, judged: Mapping[str, Verdict], preset: Preset
) -> list[dict[str, Any]]:
    """A row a clip, without the tables' versions."""
    done, videos, persons = clips.done, clips.videos, clips.persons
    taken = [clip for clip in videos if not judged[clip].kept_out(preset.quality)]
    speaker = {clip: speaker_of(videos[clip], persons[videos[clip]]) for clip in taken}
    mute = {clip for clip in taken if judged[clip].mute(preset.quality)}
    held_out = {clip: persons[videos[clip]] for clip in taken}
    extra = _extra(videos, set(persons), preset.training_snapshot.extra)
    if len({held_out[clip] for clip in taken if clip not in mute | extra}) < MIN_TEST + MIN_VALIDATION + MIN_TRAIN:
        held_out = speaker  # of HDTF's programme alone: better its speakers, as far as they are known, than nothing
    mels, crops = ({clip: done[name][clip].output["rows"] for clip in taken} for name in ("mels", "face_crops"))
    twins = shared_recordings(home, mels, crops, held_out)
    together = joined(held_out.values(), ((held_out[twin.first], held_out[twin.second]) for twin in twins))
    held_out = {clip: together[person] for clip, person in held_out.items()}
    twin_of = {twin.second: twin for twin in twins}
    people = {held_out[clip] for clip in taken if clip not in extra}
    mute_people = people - {held_out[clip] for clip in taken if clip not in mute}
    split = dict.fromkeys(held_out.values(), "train") | _split(
        ledger, people, preset.training_snapshot, mute_people, len(extra)
    )
    rows = []
    for clip in taken:
        row: dict[str, Any] = {
            "clip": clip,
            "video": videos[clip],
            "person": speaker[clip],
            "split": split[held_out[clip]],
            "frames": done["face_crops"][clip].output["frames"],
        }
        row |= {f"{name}_hash": done[name][clip].output["rows"] for name in TABLES}
        # Only where something is wrong: a clip whose sound is found to be good and in step has not changed.
        row |= {"sound_offset": shift} if (shift := judged[clip].shift(preset.quality)) else {}
        if (twin := twin_of.get(clip)) is not None:
            row |= {"twin": twin.first} | ({"twin_by": twin.kind} if twin.kind != SOUND.name else {})
        rows.append(row | ({"sound": False} if clip in mute else {}))
    return rows


def _whole(row: dict[str, Any]) -> dict[str, Any]:
    """A row with the columns that stand for nothing unusual, which are no part of a version and not in every earlier manifest."""
    usual = {"sound": True, "sound_offset": 0, "twin": "", "twin_by": SOUND.name if row.get("twin") else ""}
    return usual | row


def _keep(home: Home, rows: list[dict[str, Any]]) -> Snapshot:
    """The snapshot of these rows, on disk, with the table versions that hold them."""
    version = hash_values(rows)[:16]
    manifest = home.manifest(version)
    if not _is_kept(home, version):
        versions = {
            f"{name}_version": tables.tag_version(home, name, f"{tables.SNAPSHOT_TAG}{version}") for name in TABLES
        }
        with atomic_write(manifest) as aside:
            written = [_whole(row) | versions for row in rows]
            pq.write_table(pa.Table.from_pylist(written, SCHEMA), aside)
    return load_snapshot(home, version)


def _extra(videos: dict[str, str], known: set[str], patterns: Sequence[str]) -> set[str]:
    """Clips of the videos ({clip: video}) that are extra data.

    Raises:
        UserError: a pattern fits none of the ``known`` videos.
    """
    for pattern in patterns:
        if not any(fnmatchcase(video, pattern) for video in known):
            one = min(known, default="none")
            raise UserError(f"training_snapshot.extra: no video is called {pattern!r}; one of them is {one}")
    return {clip for clip, video in videos.items() if any(fnmatchcase(video, pattern) for pattern in patterns)}


def _split(ledger: Ledger, persons: set[str], config: SplitConfig, mute: set[str], extra: int) -> dict[str, str]:
    try:
        return split_persons(persons, config, mute)
    except UserError as error:
        bad, left_out = ledger.quarantine(), marked(ledger)
        said = str(error)
        if extra:
            said += f"; {extra} clips are extra data (training_snapshot.extra) and count for nobody held out"
        if bad:
            said += f"; {len(bad)} in quarantine: " + "; ".join(f"{e.clip} ({e.stage}): {e.reason}" for e in bad[:3])
        if left_out:
            said += f"; {len(left_out)} marked: " + "; ".join(f"{e.clip}: {e.reason}" for e in left_out[:3])
        raise UserError(said) from None


def load_snapshot(home: Home, version: str | None = None) -> Snapshot:
    """An earlier snapshot, or the current one. UserError: it is not there."""
    if version is None:
        version = _current(home)
    if version is None:
        raise UserError(f"no training snapshot in {home.root}: run `swaptalk run --until training_snapshot` first")
    path = home.manifest(version)
    if not path.is_file():
        raise UserError(f"no training snapshot {version} in {home.root}")
    return Snapshot(version, path, pq.read_table(path))


def is_drawn(home: Home) -> bool:
    """Whether the home's videos are the phantoms."""
    return drawn_videos(home) == {str(row["video"]) for row in catalog_rows(home)}


def drawn_videos(home: Home) -> set[str]:
    """Names of the home's videos that are phantoms."""
    return {
        str(row["video"]) for row in catalog_rows(home) if (home.root / str(row["source"])).is_relative_to(home.phantom)
    }
