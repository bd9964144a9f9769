"""A release: one folder that generates from, with weights, configuration, model card and the hash of every file."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.data.store.home import Home
from swaptalk_models.data.store.memoised import Memoised
from swaptalk_models.data.store.release_log import CHOSEN, ReleaseEvent, add_event, in_use
from swaptalk_models.data.store.stored_files import present
from swaptalk_models.errors import UserError
from swaptalk_models.graph.models import RELEASED
from swaptalk_models.inference.knowledge import Knowledge, knowledge_of, to_json
from swaptalk_models.inference.networks import Networks
from swaptalk_models.modules.model_folder import RELEASE_FILE, ModelFolder, current
from swaptalk_models.settings.data import CropsConfig, FacesConfig
from swaptalk_models.settings.preset import Preset
from swaptalk_models.settings.section import build_section


def build_release(home: Home, preset: Preset, worst_served: Sequence[str] = ()) -> Memoised[Path]:
    """Put the current networks together in HOME/releases/VERSION; one that is there already is left as it is. Gives its folder.

    Args:
        worst_served: sentences for the model card that say for whom the models work worst.

    Raises:
        UserError: a network was not trained yet.
    """
    models = {name: current(home.root, name) for name in RELEASED}
    settings, version = _settings(home, preset)
    folder = home.releases / version
    cached = (folder / RELEASE_FILE).is_file()
    if not cached:
        _copy(models, folder)
        knows = knowledge_of(home, preset.face_crops.size)
        card = _model_card(version, preset, models, worst_served, knows)
        with atomic_write(folder / "MODEL_CARD.md") as aside:
            aside.write_text(card)
        settings["snapshot"] = models["vqgan"].result()["snapshot"]
        settings |= to_json(knows)
        settings["files"] = file_hashes(folder)
        with atomic_write(folder / RELEASE_FILE) as aside:  # last: its presence says that all else is whole
            aside.write_text(json.dumps(settings, indent=1))
    _put_into_use(home, version)
    return Memoised(folder, cached)


def release_version(home: Home, preset: Preset) -> str:
    """What a release of the current networks is called, whether or not it is there.

    Raises:
        UserError: a network was not trained yet.
    """
    return _settings(home, preset)[1]


def _settings(home: Home, preset: Preset) -> tuple[dict[str, Any], str]:
    settings = {
        "preset": preset.name,
        "face_crops": dataclasses.asdict(preset.face_crops),
        "face_tracks": dataclasses.asdict(preset.face_tracks),
        "models": {name: current(home.root, name).version for name in RELEASED},
    }
    return settings, hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def _put_into_use(home: Home, version: str) -> None:
    with atomic_write(home.releases / "current") as aside:
        aside.write_text(version + "\n")
        home.confirm()


def choose_release(home: Home, begins: str, reason: str) -> str:
    """Make another release the one in use, and note when and why. Gives its version. All others stay; no run puts the one that was left back
    into use by itself.

    Args:
        begins: its version, or enough of its beginning.

    Raises:
        UserError: there is no such release or several, it is damaged, or another run is releasing.
    """
    found = sorted(
        path.parent.name for path in home.releases.glob(f"*/{RELEASE_FILE}") if path.parent.name.startswith(begins)
    )
    if len(found) != 1 or not begins:
        what = "no release" if not found else "more than one release"
        raise UserError(
            f"{what} in {home.root} begins with {begins!r}: `swaptalk releases --home {home.root}` lists them"
        )
    (version,) = found
    with home.held("model_release"):
        settings = check_release(home.releases / version)
        before = in_use(home)
        event = ReleaseEvent(
            CHOSEN, version, time.time(), before, reason, settings["models"], settings["snapshot"], settings["preset"]
        )
        # First the note: whoever is stopped here calls again, and meanwhile nothing has changed.
        if before != version:
            add_event(home, event)
            _put_into_use(home, version)
            home.update_state(release=str(home.releases / version))
    return version


def load_release(folder: Path, device: str = "auto") -> Networks:
    """The networks of a release, after every file was held against its hash.

    Raises:
        UserError: no release, or a file is missing or was changed.
    """
    folder = Path(folder)
    settings = check_release(folder)
    return Networks({name: folder / name for name in RELEASED}, *_crop_settings(settings), device)


def check_release(folder: Path) -> dict[str, Any]:
    """What release.json says, after every file was held against its hash.

    Raises:
        UserError: no release, or a file is missing or was changed.
    """
    try:
        settings: dict[str, Any] = json.loads((folder / RELEASE_FILE).read_text())
    except FileNotFoundError:
        raise UserError(f"{folder}: not a release ({RELEASE_FILE} is missing)") from None
    except ValueError as error:
        raise UserError(f"{folder / RELEASE_FILE}: damaged: {error}") from None
    for name, expected in settings["files"].items():
        path = present(folder / name)
        if not path.is_file():
            raise UserError(f"{path}: missing from the release")
        if _sha256(path) != expected:
            raise UserError(
                f"{path}: differs from the hash in {RELEASE_FILE}: damaged or changed since it was released"
            )
    return settings


def load_current(home: Home, preset: Preset, device: str = "auto") -> Networks:
    """The networks that the last trainings made current, before they are released."""
    folders = {name: current(home.root, name).path for name in RELEASED}
    return Networks(folders, preset.face_crops, preset.face_tracks, device)


def _crop_settings(settings: dict[str, Any]) -> tuple[CropsConfig, FacesConfig]:
    return build_section(CropsConfig, settings["face_crops"]), build_section(FacesConfig, settings["face_tracks"])


def _copy(models: dict[str, ModelFolder], folder: Path) -> None:
    for name, model in models.items():
        for file in ("weights.safetensors", "config.json"):
            with atomic_write(folder / name / file) as aside:
                shutil.copyfile(present(model.path / file), aside)


def _model_card(
    version: str, preset: Preset, models: dict[str, ModelFolder], worst_served: Sequence[str], knows: Knowledge | None
) -> str:
    lines = [
        f"# SwapTalk release {version}",
        "",
        f"Preset `{preset.name}`, face crops of {preset.face_crops.size} px, VQGAN f{preset.vqgan.factor}.",
        "",
        "Puts the face of one source picture onto a target video and makes its lips follow any audio. Every output is synthetic.",
        "",
        "## What it is for",
        "Research, and films with the consent of both the person in the source picture and the person in the target video. Say so when you",
        "show a result: in many places the law asks for it (in the EU, Article 50 of the AI Act).",
        "",
        "## How it was measured",
        "On held-out people, who played no part in training or in choosing checkpoints. Judges are named in the evaluation report.",
        "",
        "| network | version | steps | figure | value | trivial baseline |",
        "|---|---|---|---|---|---|",
    ]
    for name, model in models.items():
        result = model.result()
        for metric, value in result["metrics"].items():
            baseline = result["baselines"].get(metric)
            shown = f"{baseline:.4g}" if baseline is not None else ""
            lines.append(f"| {name} | {model.version} | {result['step']} | {metric} | {value:.4g} | {shown} |")
    if worst_served:
        lines += ["", "## Whom it serves worst", "Groups of held-out people and conditions against all others.", ""]
        lines += [f"- {sentence}" for sentence in worst_served]
    snapshot = models["vqgan"].result()["snapshot"]
    lines += ["", "## What it was made from", f"Training snapshot {snapshot}, split by person."]
    if knows is not None:
        lines += [f"It knows {knows.who()}, turned by up to {knows.turn:.0f} degrees. Other faces come out less well."]
    lines += [""]
    return "\n".join(lines)


def file_hashes(folder: Path) -> dict[str, str]:
    """{name: SHA-256} of every file of a release but release.json itself."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != RELEASE_FILE)
    return {str(path.relative_to(folder)): _sha256(path) for path in files}


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
