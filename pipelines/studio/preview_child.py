"""The process that keeps a release's networks and makes one frame at a time. Reads and writes a line of JSON for each; ends when nobody asks any more.

python -m pipelines.studio.preview_child RELEASE

It opens nothing that somebody has sent: pictures, landmarks and sound are those that look_child.py left.
"""

from __future__ import annotations

import base64
import io
import json
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from swaptalk_models.inference.networks import Networks

_SHOWN = 1280  # px
_SILENT_MEL = 80  # steps: a second


def preview(networks: Networks, release: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """One frame as it will be: {"picture": JPEG in base64, "notes": what is to be said of these faces, "seconds"}.

    Args:
        asked: "source", "target", "voice" (folders of uploads; voice may be null: the lips are the target's), "source_face", "face", "detail".
    """
    import numpy as np

    from pipelines.studio.look_child import FACES, MEL, PICTURE
    from swaptalk_models.data.faces.face_track import DETECTED, FaceTrack
    from swaptalk_models.data.media.video import probe, read_image
    from swaptalk_models.data.media.voice import mono_voice
    from swaptalk_models.inference.face_maker import FaceMaker, Shown
    from swaptalk_models.inference.given import Given, Picture
    from swaptalk_models.inference.knowledge import read_knowledge, unlike_source, unlike_target
    from swaptalk_models.inference.paste import paste_face
    from swaptalk_models.inference.source_picture import closed_eyes
    from swaptalk_models.inference.stand_in import is_needed
    from swaptalk_models.inference.stopwatch import Stopwatch
    from swaptalk_models.provenance.label import draw_label
    from swaptalk_models.settings.methods import Stage

    started = time.perf_counter()
    sources, targets = np.load(Path(asked["source"]) / FACES), np.load(Path(asked["target"]) / FACES)
    source = Picture(read_image(Path(asked["source"]) / PICTURE), sources["landmarks"][asked["source_face"] - 1])
    place = Path(asked["target"]) / asked["frame"]
    number = asked["face"] - 1
    track = FaceTrack(
        box=targets["box"][number][None],
        landmarks=targets["landmarks"][number][None],
        confidence=np.ones(1, np.float32),
        status=np.full(1, DETECTED, np.uint8),
    )
    speaks = asked["voice"] is not None
    mel = np.load(Path(asked["voice"]) / MEL) if speaks else np.zeros((_SILENT_MEL, 80), np.float32)
    moment = _loudest(mel)
    given = Given(source, place, probe(place), mel, mono_voice(np.zeros(640), 16000), moment + 1)
    knowledge = read_knowledge(release)
    notes, strange = [closed_eyes(source.landmarks, asked["source_name"])], None
    if knowledge is not None:
        strange = unlike_source(knowledge, source.image, source.landmarks, asked["source_name"])
        notes += [strange, unlike_target(knowledge, track, asked["target_name"])]
    stages: tuple[Stage, ...] = ("swap", "speak") if speaks else ("swap",)
    stand_in = is_needed(knowledge, strange)
    maker = FaceMaker(networks, given, track, stages, asked["detail"], Stopwatch(), stand_in)
    frame = read_image(place)
    faces = maker.make([Shown(moment, 0, frame)])
    mouth = maker.mouths(faces)[0]
    glasses = maker.glasses_before(frame, 0)
    pasted = paste_face(frame, *maker.finished(faces.crops[0], 0, mouth), before=[glasses] if glasses else [])
    made = draw_label(maker.settled(pasted, 0, mouth))
    return {
        "picture": _jpeg(made),
        "notes": [note for note in notes if note],
        "seconds": round(time.perf_counter() - started, 2),
    }


def _loudest(mel: np.ndarray) -> int:
    """Number of the output's frame in which the voice is loudest: there a mouth is open."""
    import numpy as np

    steps = np.convolve(mel.mean(axis=1), np.ones(5) / 5, mode="same")
    return int(steps.argmax() * 25 / 80)


def _jpeg(image: np.ndarray) -> str:
    from PIL import Image

    small = Image.fromarray(image)
    small.thumbnail((_SHOWN, _SHOWN))
    packed = io.BytesIO()
    small.save(packed, "JPEG", quality=90)
    return base64.b64encode(packed.getvalue()).decode("ascii")


def main(release: Path) -> None:
    """Answer until there is nobody who asks."""
    import swaptalk_models.inference.face_maker
    import swaptalk_models.metrics.dlib_judge
    import swaptalk_models.provenance.label  # noqa: F401  (what the first preview would wait for)
    from swaptalk_models.errors import UserError
    from swaptalk_models.inference.engines.choice import choose_engine
    from swaptalk_models.inference.release import load_release

    answers, sys.stdout = sys.stdout, sys.stderr  # a library's print would be taken for an answer
    warnings.simplefilter("ignore")
    networks = None
    for line in sys.stdin:
        try:
            if networks is None:
                networks = load_release(release)
                choose_engine(networks, release, "auto")
            asked = json.loads(line)
            answer = preview(networks, release, asked) if asked else {}  # nothing: be ready
        except UserError as error:
            answer = {"refused": " ".join(str(error).split())}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
