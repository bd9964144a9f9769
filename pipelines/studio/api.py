"""The HTTP API. What each address takes and gives stands in openapi.py."""

from __future__ import annotations

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from pipelines.studio import look_child
from pipelines.studio.asked_json import asked
from pipelines.studio.events import happenings
from pipelines.studio.openapi import document
from pipelines.studio.refusal import Refusal
from pipelines.studio.studio import Studio
from pipelines.studio.talks import Wish

WISH = {"source": str, "target": str, "voice": str, "face": int, "source_face": int, "detail": bool}
_FOR_EVER = {"Cache-Control": "private, max-age=86400, immutable"}


def studio_of(request: Request) -> Studio:
    studio: Studio = request.app.state.studio
    return studio


async def about(request: Request) -> Response:
    return JSONResponse(studio_of(request).about())


async def upload(request: Request) -> Response:
    studio = studio_of(request)
    said = request.headers.get("content-length", "")
    length = int(said) if said.isdigit() else None
    given = await studio.uploads.take(request.headers.get("content-type", ""), length, request.stream())
    studio.warm()
    return JSONResponse(given.to_json(), 201)


async def one_upload(request: Request) -> Response:
    return JSONResponse(studio_of(request).uploads.get(request.path_params["id"]).to_json())


async def remove_upload(request: Request) -> Response:
    studio, name = studio_of(request), request.path_params["id"]
    studio.uploads.get(name)
    if name in studio.talks.used_uploads():
        raise Refusal(409, "a video was made of it: remove that first")
    studio.uploads.remove(name)
    return Response(status_code=204)


async def picture(request: Request) -> Response:
    return _part(request, look_child.SHOWN, "image/jpeg")


async def face(request: Request) -> Response:
    return _part(request, f"face-{request.path_params['number']}.jpg", "image/jpeg")


async def sound(request: Request) -> Response:
    return _part(request, look_child.SOUND, "audio/wav")


async def preview(request: Request) -> Response:
    given = await asked(request, WISH, ("source", "target"))
    made = await studio_of(request).preview(**given)
    return JSONResponse(made | {"picture": f"data:image/jpeg;base64,{made['picture']}"})


async def talks(request: Request) -> Response:
    return JSONResponse(studio_of(request).talks.all_shown())


async def ask(request: Request) -> Response:
    studio = studio_of(request)
    kinds = WISH | {"label": bool, "consent": str}
    given = await asked(request, kinds, ("source", "target", "voice", "consent"))
    name, new = await anyio.to_thread.run_sync(studio.talks.ask, Wish(**given), studio.release())
    return JSONResponse(
        studio.talks.shown(name), 201 if new else 200, {"Location": str(request.url_for("talk", id=name))}
    )


async def talk(request: Request) -> Response:
    return JSONResponse(studio_of(request).talks.shown(request.path_params["id"]))


async def cancel(request: Request) -> Response:
    studio_of(request).talks.cancel(request.path_params["id"])
    return await talk(request)


async def retry(request: Request) -> Response:
    await anyio.to_thread.run_sync(studio_of(request).talks.retry, request.path_params["id"])
    return await talk(request)


async def remove(request: Request) -> Response:
    studio_of(request).talks.remove(request.path_params["id"])
    return Response(status_code=204)


async def video(request: Request) -> Response:
    name = request.path_params["id"]
    path = studio_of(request).video(name)
    saved = f"swaptalk-{name}.mp4" if "download" in request.query_params else None
    return FileResponse(path, media_type="video/mp4", filename=saved)


async def target(request: Request) -> Response:
    return FileResponse(await studio_of(request).beside(request.path_params["id"]), media_type="video/mp4")


async def verification(request: Request) -> Response:
    return JSONResponse(await studio_of(request).verified(request.path_params["id"]))


async def all_events(request: Request) -> Response:
    return _events(request, None)


async def talk_events(request: Request) -> Response:
    name = request.path_params["id"]
    studio_of(request).talks.get(name)
    return _events(request, name)


async def openapi(request: Request) -> Response:
    return JSONResponse(document())


ROUTES = [
    Route("/api/studio", about),
    Route("/api/uploads", upload, methods=["POST"]),
    Route("/api/uploads/{id}", one_upload),
    Route("/api/uploads/{id}", remove_upload, methods=["DELETE"]),
    Route("/api/uploads/{id}/picture", picture),
    Route("/api/uploads/{id}/faces/{number:int}", face),
    Route("/api/uploads/{id}/sound", sound),
    Route("/api/preview", preview, methods=["POST"]),
    Route("/api/talks", talks),
    Route("/api/talks", ask, methods=["POST"]),
    Route("/api/talks/{id}", talk, name="talk"),
    Route("/api/talks/{id}", remove, methods=["DELETE"]),
    Route("/api/talks/{id}/events", talk_events),
    Route("/api/talks/{id}/cancel", cancel, methods=["POST"]),
    Route("/api/talks/{id}/retry", retry, methods=["POST"]),
    Route("/api/talks/{id}/video", video),
    Route("/api/talks/{id}/target", target),
    Route("/api/talks/{id}/verification", verification),
    Route("/api/events", all_events),
    Route("/openapi.json", openapi),
]


def _part(request: Request, file: str, kind: str) -> Response:
    """What was seen in an upload."""
    studio, name = studio_of(request), request.path_params["id"]
    studio.uploads.get(name)
    path = studio.uploads.place_of(name) / file
    if not path.is_file():
        raise Refusal(404, "there is no such part of this upload")
    return FileResponse(path, media_type=kind, headers=_FOR_EVER)


def _events(request: Request, only: str | None) -> Response:
    studio = studio_of(request)

    async def gone() -> bool:
        return studio.closing or await request.is_disconnected()

    stream = happenings(studio.talks, only, gone, studio.about)
    return StreamingResponse(stream, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
