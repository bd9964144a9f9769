"""A network that is loaded where its model's folder is not: on any host of a cluster. Light until it is called."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swaptalk_models.graph.reference import resolve
from swaptalk_models.modules.model_folder import ModelFolder


@dataclass(frozen=True)
class SentNetwork:
    """Travels with the files of its model."""

    load: str
    """Names a function (folder, device) -> what is made of the network there: "package.module:name"."""
    folder: str
    """The last names of the model's folder, NAME/VERSION: some networks are called by them."""
    files: dict[str, bytes]
    device: str

    @classmethod
    def of(cls, load: str, model: ModelFolder, device: str) -> SentNetwork:
        """Of the network in a model folder."""
        paths = (model.weights, model.path / "config.json")
        name = f"{model.path.parent.name}/{model.version}"
        return cls(load, name, {path.name: path.read_bytes() for path in paths}, device)

    def __call__(self) -> Any:
        """UserError: this host has not that device."""
        with tempfile.TemporaryDirectory(prefix="swaptalk-") as scratch:
            folder = Path(scratch) / self.folder
            folder.mkdir(parents=True)
            for name, content in self.files.items():
                (folder / name).write_bytes(content)
            return resolve(self.load)(folder, self.device)
