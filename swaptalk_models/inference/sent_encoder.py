"""An encoder that is made where its VQGAN's folder is not: on any host of a cluster. Light until it is called."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from swaptalk_models.data.stages.vq_latents import Encode
from swaptalk_models.modules.model_folder import ModelFolder


@dataclass(frozen=True)
class SentEncoder:
    """Travels with the files of its VQGAN."""

    files: dict[str, bytes]
    device: str

    @classmethod
    def of(cls, vqgan: ModelFolder, device: str) -> SentEncoder:
        """Of the VQGAN in a model folder."""
        paths = (vqgan.weights, vqgan.path / "config.json")
        return cls({path.name: path.read_bytes() for path in paths}, device)

    def __call__(self) -> Encode:
        """UserError: this host has not that device."""
        from swaptalk_models.inference.encode import LatentEncoder

        with tempfile.TemporaryDirectory(prefix="swaptalk-") as folder:
            for name, content in self.files.items():
                (Path(folder) / name).write_bytes(content)
            return LatentEncoder(Path(folder), self.device).encode
