"""A release's networks for OpenVINO: RELEASE/openvino, made by `swaptalk export`, held against torch, with hashes.

Nothing of it is needed to generate: torch runs every release as it is.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import math
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from swaptalk_models.errors import UserError
from swaptalk_models.inference.engines.graphs import FRAMES, LAYOUT, TOKENS, Graph
from swaptalk_models.inference.engines.openvino_engine import OpenVINOEngine, require_openvino
from swaptalk_models.inference.release import load_release
from swaptalk_models.modules.model_folder import RELEASE_FILE

FOLDER = "openvino"
"""In a release's folder."""
EXPORT_FILE = "export.json"
"""In the export's folder, and written last: of which release it is, what was measured, and the hash of every other file."""
TOLERANCE_DB = 60.0
"""In float32 every graph has to be as near to torch (signal to difference); what is wrong with a graph is far below."""


@dataclass(frozen=True)
class Likeness:
    """How near an exported graph is to torch, on random inputs."""

    largest: float
    """Difference, in the output's own units."""
    decibels: float
    """Power of torch's output over that of the difference."""

    @classmethod
    def of(cls, made: Tensor, wanted: Tensor) -> Likeness:
        difference = made.double() - wanted.double()
        power, error = wanted.double().square().mean().item(), difference.square().mean().item()
        return cls(difference.abs().max().item(), 10 * math.log10(max(power, 1e-12) / error) if error else math.inf)


def export_release(release: Path) -> dict[str, dict[str, Likeness]]:
    """Write RELEASE/openvino, in place of one that is there. Gives {graph: {precision: likeness}}.

    Raises:
        UserError: no release, OpenVINO is not installed, the folder cannot be written, or a graph is not what torch makes.
    """
    openvino = require_openvino()
    graphs = load_release(release, "cpu").graphs()
    folder, aside = Path(release) / FOLDER, Path(release) / f".{FOLDER}.{os.getpid()}.part"
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: cannot be written: a file of this name is in its place")
    try:
        aside.mkdir()
    except OSError as error:
        raise UserError(f"{release}: cannot be written: {error.strerror}; export a copy of the folder") from None
    try:
        inputs = {name: _write(openvino, graph, aside / f"{name}.xml") for name, graph in graphs.items()}
        about = {"release": _sha256(Path(release) / RELEASE_FILE), "openvino": openvino.__version__, "inputs": inputs}
        about |= {"layout": LAYOUT, "frames": FRAMES, "tokens": TOKENS, "files": _hashes(aside)}
        (aside / EXPORT_FILE).write_text(json.dumps(about, indent=1))
        found = _compared(aside, graphs)
        (aside / EXPORT_FILE).write_text(json.dumps(about | {"likeness": _plain(found)}, indent=1))
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return found


def find_export(release: Path) -> Path | None:
    """The export of a release; None: there is none, or it was made of another state of the release, or by a version with other graphs."""
    folder = Path(release) / FOLDER
    try:
        about = json.loads((folder / EXPORT_FILE).read_text())
    except (OSError, ValueError):
        return None
    same = about.get("release") == _sha256(Path(release) / RELEASE_FILE)
    graphs = tuple(about.get(name) for name in ("layout", "frames", "tokens"))
    return folder if same and graphs == (LAYOUT, FRAMES, TOKENS) else None


def load_export(folder: Path, precision: str = "auto") -> OpenVINOEngine:
    """The engine, after every file was held against its hash.

    Raises:
        UserError: a file is missing or was changed, or OpenVINO is not installed.
    """
    about = json.loads((folder / EXPORT_FILE).read_text())
    for name, expected in about["files"].items():
        if not (folder / name).is_file() or _sha256(folder / name) != expected:
            raise UserError(f"{folder / name}: missing or changed since it was exported: run `swaptalk export` again")
    return OpenVINOEngine(folder, about["inputs"], precision)


def _write(openvino: Any, graph: Graph, path: Path) -> list[int]:
    """Convert and save one graph, with the shapes that it is to take. Gives which of its inputs it needs."""
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    with torch.no_grad():
        inputs = (*graph.items(graph.chunk), *graph.shared())
    # Not openvino.convert_model: that sends statistics to OpenVINO's makers, unasked.
    frontend = FrontEndManager().load_by_framework("pytorch")
    with torch.no_grad():
        decoder = TorchScriptPythonDecoder(graph.module, example_input=inputs)
        model = frontend.convert(frontend.load(decoder))
    names = list(inspect.signature(graph.module.forward).parameters)[: len(inputs)]
    used = [index for index, name in enumerate(names) if any(name in port.get_names() for port in model.inputs)]
    if len(used) != len(model.inputs):
        found = ", ".join(str(port.get_names()) for port in model.inputs)
        raise UserError(f"{path.stem}: this OpenVINO names the inputs of the graph otherwise: {found}")
    by_name = {name: port for port in model.inputs for name in port.get_names()}
    for index in used:
        by_name[names[index]].get_node().set_element_type(_type(openvino, inputs[index]))
    model.validate_nodes_and_infer_types()
    model.reshape({by_name[names[index]]: list(inputs[index].shape) for index in used})
    openvino.save_model(model, path, compress_to_fp16=False)
    ordered = [names.index(next(name for name in names if name in port.get_names())) for port in model.inputs]
    return ordered


def _type(openvino: Any, tensor: Tensor) -> Any:
    return {torch.float32: openvino.Type.f32, torch.int32: openvino.Type.i32, torch.uint8: openvino.Type.u8}[
        tensor.dtype
    ]


def _compared(folder: Path, graphs: dict[str, Graph]) -> dict[str, dict[str, Likeness]]:
    """Every graph against torch, in float32 and in what the CPU is quickest with."""
    engines = {"float32": load_export(folder, "float32"), "auto": load_export(folder)}
    found: dict[str, dict[str, Likeness]] = {}
    for name, graph in graphs.items():
        torch.manual_seed(1)
        items = graph.items(graph.chunk + 1)  # one more than a chunk
        with torch.no_grad():
            shared = graph.shared()
            wanted = graph.module(*items, *shared)
        found[name] = {kind: Likeness.of(engine.run(name, items, shared), wanted) for kind, engine in engines.items()}
        if found[name]["float32"].decibels < TOLERANCE_DB:
            raise UserError(
                f"{name}: OpenVINO's output is not torch's ({found[name]['float32'].decibels:.0f} dB): take --engine torch"
            )
    return found


def _plain(found: dict[str, dict[str, Likeness]]) -> dict[str, dict[str, dict[str, float | None]]]:
    return {
        name: {
            kind: {"largest": one.largest, "decibels": one.decibels if math.isfinite(one.decibels) else None}
            for kind, one in kinds.items()
        }
        for name, kinds in found.items()
    }


def _hashes(folder: Path) -> dict[str, str]:
    return {path.name: _sha256(path) for path in sorted(folder.iterdir()) if path.name != EXPORT_FILE}


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
