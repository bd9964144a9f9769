"""What people have sent: each upload is a folder, whole or not there, with the file and what was seen in it."""

from __future__ import annotations

import dataclasses
import datetime
import json
import shutil
import time
from collections.abc import AsyncIterator, Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread

from pipelines.studio.limits import Limits
from pipelines.studio.places import StudioPlace, is_id, new_id, shown_name
from pipelines.studio.receiving import Received, receive, too_large
from pipelines.studio.refusal import Refusal
from pipelines.studio.sandbox import in_a_child
from swaptalk_models.data.media.suffixes import PICTURES, SOUNDS, VIDEOS

ROLES = ("source", "target", "voice")
SIDE_BY_SIDE = 2
"""Uploads that are looked at at once."""
_KINDS = frozenset((*PICTURES, *VIDEOS, *SOUNDS))
_RECORD = "upload.json"
_SPARE = 1 << 30
"""Bytes that have to stay free on the disk."""
_KEPT_S, _HALF_S = 7 * 24 * 3600, 24 * 3600
_OTHERWISE = {"source": "the picture", "target": "the video", "voice": "the voice"}


@dataclass(frozen=True)
class Upload:
    """A file, and what was seen in it."""

    id: str
    role: str
    """source, target or voice."""
    name: str
    """What its owner calls it."""
    file: str
    """Its own name in the folder of the upload."""
    size: int
    """bytes"""
    sha256: str
    time: str
    """UTC, ISO 8601."""
    seen: dict[str, Any]
    """What the child answered (look_child.py)."""

    def to_json(self) -> dict[str, Any]:
        """As the API shows it."""
        faces = [
            {"number": face["number"], "box": face["box"], "picture": f"/api/uploads/{self.id}/faces/{face['number']}"}
            for face in self.seen.get("faces", [])
        ]
        shown = {"picture": f"/api/uploads/{self.id}/picture"} if self.role != "voice" else {}
        heard = {"sound": f"/api/uploads/{self.id}/sound"} if self.role == "voice" else {}
        kept = {name: value for name, value in asdict(self).items() if name not in ("file", "seen")}
        return kept | self.seen | {"faces": faces} | shown | heard


@dataclass(frozen=True)
class UploadLimits:
    """What is taken."""

    most_bytes: int = 500_000_000
    most_s: float = 600.0
    """Of a voice (s)."""
    look: Limits = dataclasses.field(default_factory=Limits)


class Uploads:
    """The uploads of a studio."""

    def __init__(self, place: StudioPlace, limits: UploadLimits) -> None:
        self.folder, self.limits = place.uploads, limits
        self._turns = anyio.Semaphore(SIDE_BY_SIDE)

    async def take(self, content_type: str, length: int | None, pieces: AsyncIterator[bytes]) -> Upload:
        """Receive a file and look at it.

        Args:
            length: bytes that are to come, where the sender says so.

        Raises:
            Refusal: too large, no room, no such role, or a file that cannot be used; nothing of it stays.
        """
        self._check_room(length)
        name = new_id()
        aside = self.folder / f".{name}.part"
        aside.mkdir()
        try:
            received = await receive(content_type, pieces, aside / "file", self.limits.most_bytes)
            role = received.fields.get("role", "")
            if role not in ROLES:
                raise Refusal(400, f"role: {role!r} is none of {', '.join(ROLES)}")
            async with self._turns:
                return await anyio.to_thread.run_sync(self._looked_at, name, role, received, aside)
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def _looked_at(self, name: str, role: str, received: Received, aside: Path) -> Upload:
        shown = shown_name(received.name, _OTHERWISE[role])
        suffix = Path(shown).suffix.lower()
        file = name + (suffix if suffix in _KINDS else "")  # of the sender's name nothing else goes into a path
        (aside / "file").rename(aside / file)
        asked = {"path": str(aside / file), "folder": str(aside), "name": shown, "most_s": self.limits.most_s}
        seen = in_a_child(role, asked, self.limits.look, shown)
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        upload = Upload(name, role, shown, file, received.size, received.sha256, now, seen)
        (aside / _RECORD).write_text(json.dumps(asdict(upload)))
        aside.rename(self.folder / name)
        return upload

    def _check_room(self, length: int | None) -> None:
        if length is not None and length > self.limits.most_bytes + 10_000:
            raise too_large("", self.limits.most_bytes)
        free = shutil.disk_usage(self.folder).free
        if free < (length or 0) + _SPARE:
            raise Refusal(507, f"the studio's disk is nearly full ({free / 1e6:.0f} MB are free): make room")

    def get(self, name: str, role: str | None = None) -> Upload:
        """Refusal: there is no such upload, or it was sent for another role."""
        try:
            record = json.loads((self.place_of(name) / _RECORD).read_text()) if is_id(name) else None
        except (OSError, ValueError):
            record = None
        if record is None:
            raise Refusal(404, f"there is no upload {name!r}: it may have been removed, choose the file again")
        upload = Upload(**record)
        if role is not None and upload.role != role:
            raise Refusal(400, f"{upload.name}: was sent as {upload.role}, not as {role}")
        return upload

    def place_of(self, name: str) -> Path:
        """Folder of an upload."""
        assert is_id(name)
        return self.folder / name

    def path_of(self, upload: Upload) -> Path:
        """The file itself."""
        return self.place_of(upload.id) / upload.file

    def remove(self, name: str) -> None:
        """Remove the file and what was seen in it."""
        aside = self.folder / f".{name}.part"
        self.place_of(name).rename(aside)  # whoever reads meanwhile finds it whole or not at all
        shutil.rmtree(aside, ignore_errors=True)

    def tidy(self, used: Collection[str]) -> None:
        """Remove what a killed server had begun, and what nobody has used for a week."""
        for path in self.folder.iterdir():
            age = time.time() - path.stat().st_mtime
            half = path.name.startswith(".")  # another server of this home may be at it
            if (half and age > _HALF_S) or (age > _KEPT_S and path.name not in used):
                shutil.rmtree(path, ignore_errors=True)
