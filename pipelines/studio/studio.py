"""One studio: what its server holds while it runs."""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio.to_thread

from pipelines.studio.keeper import Keeper
from pipelines.studio.places import StudioPlace
from pipelines.studio.previews import Previewer
from pipelines.studio.refusal import Refusal
from pipelines.studio.sandbox import in_a_child
from pipelines.studio.security import Secret
from pipelines.studio.talks import StudioTalks, beside_of, chosen_face
from pipelines.studio.uploads import UploadLimits, Uploads
from swaptalk_models.errors import UserError
from swaptalk_models.inference.knowledge import read_knowledge
from swaptalk_models.talks.places import chosen_release

_SECONDS_A_FRAME = 0.3
"""At most, of a target that is shown beside a result."""


@dataclass(frozen=True)
class StudioSettings:
    """How a studio is served."""

    home: Path
    release: Path | None = None
    """Folder; None: the one in use, asked for at each talk."""
    limits: UploadLimits = dataclasses.field(default_factory=UploadLimits)
    secret: Secret | None = None
    """Who may use it; None: whoever is at this machine."""
    dagster: str | None = None
    """Address of the Dagster UI beside it."""


class Studio:
    """Uploads, previews and talks of one home."""

    def __init__(self, settings: StudioSettings) -> None:
        self.settings = settings
        self.place = StudioPlace(settings.home).create()
        self.uploads = Uploads(self.place, settings.limits)
        self.talks = StudioTalks(self.place, self.uploads)
        self.previewer = Previewer()
        self.keeper = Keeper(self.talks)
        self.closing = False
        """Whoever listens to events is sent home."""
        self._besides: dict[str, asyncio.Lock] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Begin to work."""
        self.uploads.tidy(self.talks.used_uploads())
        self._begin(self.keeper.run())

    async def close(self) -> None:
        """End; what the maker is at goes on."""
        for task in self._tasks:
            task.cancel()
        await self.previewer.close()

    def release(self) -> Path:
        """Folder of the networks. UserError: there is none."""
        return (self.settings.release or chosen_release(self.settings.home)).absolute()

    def about(self) -> dict[str, Any]:
        """How the studio is: release, limits, and what is wrong."""
        release, knows, problem = None, None, self.keeper.problem
        try:
            folder = self.release()
            knowledge = read_knowledge(folder)
            release, knows = folder.name, knowledge.who() if knowledge else None
        except UserError as error:
            problem = " ".join(str(error).split())
        limits = self.settings.limits
        return {
            "release": release,
            "knows": knows,
            "problem": problem,
            "most_mb": limits.most_bytes // 1_000_000,
            "most_minutes": limits.most_s / 60,
            "dagster": self.settings.dagster,
        }

    def warm(self) -> None:
        """Have the networks ready for a preview."""
        with suppress(UserError):
            self._begin(self.previewer.warm(self.release()))

    async def preview(
        self,
        source: str,
        target: str,
        voice: str | None = None,
        face: int | None = None,
        source_face: int | None = None,
        detail: bool = True,
    ) -> dict[str, Any]:
        """One frame, see ``preview`` in preview_child.py.

        Raises:
            Refusal: an upload is not there, or nobody is seen in it.
        """
        given, head = self.uploads.get(source, "source"), self.uploads.get(target, "target")
        heard = self.uploads.get(voice, "voice") if voice is not None else None
        number = chosen_face(head, face)
        if number is None:
            raise Refusal(
                422,
                f"{head.name}: nobody is seen in its first seconds, so there is no preview; the video can still be made",
            )
        asked = {
            "source": str(self.uploads.place_of(source)),
            "target": str(self.uploads.place_of(target)),
            "voice": str(self.uploads.place_of(heard.id)) if heard else None,
            "frame": head.seen["faces"][number - 1]["picture"],
            "face": number,
            "source_face": chosen_face(given, source_face),
            "detail": detail,
            "source_name": given.name,
            "target_name": head.name,
        }
        return await self.previewer.make(self.release(), asked)

    def video(self, name: str) -> Path:
        """The finished video. Refusal: it is not there."""
        _, entry = self.talks.get(name)
        path = Path(entry.talk.output)
        if entry.state != "done" or not path.is_file():
            raise Refusal(
                404, "the video is not made yet" if entry.state != "done" else "the video is not there any more"
            )
        return path

    async def beside(self, name: str) -> Path:
        """The target as it goes under the finished video; made when it is first asked for."""
        video = self.video(name)
        asked, entry = self.talks.get(name)
        path, count = beside_of(video), int(entry.frames["frames"])
        async with self._besides.setdefault(name, asyncio.Lock()):
            if not path.is_file():
                shown = asked.files["target"]["name"]
                wanted = {"path": entry.talk.target, "name": shown, "frames": count, "output": str(path)}
                limits = dataclasses.replace(
                    self.settings.limits.look, seconds=self.settings.limits.look.seconds + _SECONDS_A_FRAME * count
                )
                await anyio.to_thread.run_sync(in_a_child, "beside", wanted, limits, shown)
        return path

    async def verified(self, name: str) -> dict[str, Any]:
        """What the marks of the finished video say."""
        wanted = {"path": str(self.video(name)), "name": "the video", "home": str(self.settings.home)}
        return await anyio.to_thread.run_sync(in_a_child, "verify", wanted, self.settings.limits.look, "the video")

    def _begin(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
