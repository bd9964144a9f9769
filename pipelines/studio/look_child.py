"""The child that decodes: looks at one upload, shows a target beside its result, verifies a video. Started by sandbox.py.

python -m pipelines.studio.look_child TASK ASKED LIMITS    the last two in JSON; the answer's line, too
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.studio.limits import Limits

if TYPE_CHECKING:
    import numpy as np

    from swaptalk_models.data.faces.detection import Face

PICTURE, SHOWN, FACES, MEL, SOUND = "picture.png", "shown.jpg", "faces.npz", "mel.npy", "sound.wav"
_SHOWN = 1280  # px: longer side of what a browser gets
_THUMB = 192  # px
_AROUND = 0.45  # of a face's width, beside it in its own picture
_BESIDE = 480  # px: height of the target beside a result
_PEAKS = 160


def look_source(path: Path, folder: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """A picture and its faces."""
    from swaptalk_models.inference.whose_face import faces_in_picture
    from swaptalk_models.settings.data import FacesConfig

    image, faces = faces_in_picture(path, FacesConfig())
    _write_png(folder / PICTURE, image)
    return _kept([(PICTURE, image, face) for face in faces], folder) | {"kind": "picture"}


def look_target(path: Path, folder: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """A video and the people in its first seconds."""
    from swaptalk_models.data.media.timeline import frames_at_25
    from swaptalk_models.data.media.video import probe
    from swaptalk_models.inference.whose_face import people_of
    from swaptalk_models.settings.data import FacesConfig

    info = probe(path)
    people = people_of(path, FacesConfig())
    kept = []
    for person in people:
        name = f"frame-{person.frame}.png"
        if not (folder / name).exists():
            _write_png(folder / name, person.image)
        kept.append((name, person.image, person.face))
    if people:
        found = _kept(kept, folder)
    else:
        first = next(iter(frames_at_25(path, 1)))[0]
        _write_jpeg(folder / SHOWN, first, _SHOWN)
        found = {"width": info.width, "height": info.height, "faces": []}
    still = info.codec == "picture" and info.frames == 1
    return found | {
        "kind": "picture" if still else "video",
        "width": info.width,
        "height": info.height,
        "seconds": 0.0 if still else round(info.duration_s, 2),
    }


def look_voice(path: Path, folder: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """A sound: what the networks hear of it, and what a browser can play."""
    import numpy as np

    from swaptalk_models.data.media.audio import read_audio, write_wav
    from swaptalk_models.data.media.voice import open_voice
    from swaptalk_models.data.sound.mel import log_mel
    from swaptalk_models.errors import UserError

    most = float(asked["most_s"])
    sound = read_audio(path, 16000, stop_s=most + 1, zero="first")
    if len(sound) > most * 16000:
        raise UserError(f"{path}: lasts more than {most / 60:g} minutes, which is the most that is taken here: cut it")
    if len(sound) < 640:
        raise UserError(f"{path}: no sound in it")
    open_voice(path)
    np.save(folder / MEL, log_mel(sound))
    write_wav(folder / SOUND, sound)
    pieces = np.array_split(np.abs(sound), min(_PEAKS, len(sound)))
    peaks = [round(float(piece.max()), 3) for piece in pieces]
    return {"kind": "sound", "seconds": round(len(sound) / 16000, 2), "peaks": peaks}


def beside(path: Path, folder: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """The target as it goes under a result of so many frames, small and without sound."""
    import cv2

    from swaptalk_models.data.media.video_writer import VideoWriter
    from swaptalk_models.inference.target import target_frames

    writer = None
    for _, frame in target_frames(path, int(asked["frames"])):
        if writer is None:
            scale = min(1.0, _BESIDE / frame.shape[0])
            size = tuple(max(2, 2 * round(side * scale / 2)) for side in frame.shape[1::-1])
            writer = VideoWriter(Path(asked["output"]), *size).__enter__()
        writer.write(cv2.resize(frame, size, interpolation=cv2.INTER_AREA))
    assert writer is not None
    writer.__exit__(None, None, None)
    return {}


def verified(path: Path, folder: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """What `swaptalk verify` says of a finished video."""
    from swaptalk_models.provenance.verification import verify

    found = verify(path, Path(asked["home"])).to_json()
    return {name: found[name] for name in ("state", "said", "manifest", "watermark", "job", "release")}


TASKS = {"source": look_source, "target": look_target, "voice": look_voice, "beside": beside, "verify": verified}


def _kept(found: list[tuple[str, np.ndarray, Face]], folder: Path) -> dict[str, Any]:
    """Write what previews and the page need of some faces: (file of the picture, picture, face) each, the first first."""
    import numpy as np

    image = found[0][1]
    _write_jpeg(folder / SHOWN, image, _SHOWN)
    faces = []
    for number, (name, picture, face) in enumerate(found, start=1):
        height, width = picture.shape[:2]
        x0, y0, x1, y1 = (float(value) for value in face.box)
        pad = _AROUND * (x1 - x0)
        left, top = max(0, round(x0 - pad)), max(0, round(y0 - pad))
        _write_jpeg(folder / f"face-{number}.jpg", picture[top : round(y1 + pad), left : round(x1 + pad)], _THUMB)
        box = [x0 / width, y0 / height, x1 / width, y1 / height]
        faces.append({"number": number, "picture": name, "box": [round(min(max(v, 0), 1), 4) for v in box]})
    boxes, landmarks = (np.stack([getattr(face, name) for *_, face in found]) for name in ("box", "landmarks"))
    np.savez(folder / FACES, box=boxes, landmarks=landmarks)
    return {"width": image.shape[1], "height": image.shape[0], "faces": faces}


def _write_png(path: Path, image: np.ndarray) -> None:
    from swaptalk_models.data.media.png import encode_png

    path.write_bytes(encode_png(image))


def _write_jpeg(path: Path, image: np.ndarray, longest: int) -> None:
    from PIL import Image

    small = Image.fromarray(image)
    small.thumbnail((longest, longest))
    small.save(path, "JPEG", quality=88)


def main(task: str, asked: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """The answer; {"refused": why} where the file is at fault, or needs more than the limits give."""
    limits.apply()
    import cv2

    from pipelines.studio.refusal import plain
    from swaptalk_models.errors import UserError

    cv2.setNumThreads(1)
    path, folder = Path(asked["path"]), Path(asked.get("folder") or ".")
    names = {path: str(asked["name"])}
    large = {"refused": f"{asked['name']}: needs more than {limits.memory >> 20} MB of memory: make it smaller"}
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", UserWarning)
        try:
            answer = TASKS[task](path, folder, asked)
        except UserError as error:
            return large if _of_memory(error) else {"refused": plain(str(error), names)}
        except MemoryError:
            return large
        except cv2.error as error:
            if "memory" not in str(error):
                raise
            return large
    ours = [one for one in heard if one.category is UserWarning and "swaptalk_models" in one.filename]
    return answer | {"notes": list(dict.fromkeys(plain(str(one.message), names) for one in ours))}


def _of_memory(error: BaseException | None) -> bool:
    """Whether a reader took a lack of memory for damage."""
    while error is not None:
        if isinstance(error, MemoryError) or "annot allocate memory" in str(error):
            return True
        error = error.__cause__
    return False


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], json.loads(sys.argv[2]), Limits(**json.loads(sys.argv[3])))), flush=True)
