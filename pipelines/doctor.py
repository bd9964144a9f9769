"""Do the wheels find the system libraries they need? Asked once, right after installation: `python -m
pipelines.doctor`. All else that a machine needs says `swaptalk doctor` (checkup.py).
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Sequence

# Wheels with compiled code that have been seen to need something of the system.
WHEELS = ("numpy", "cv2", "dlib", "av", "soundfile", "lance", "torch")
# Library -> Debian's package.
PACKAGES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libgomp.so.1": "libgomp1",
    "libstdc++.so.6": "libstdc++6",
    "libxcb.so.1": "libxcb1",
    "libX11.so.6": "libx11-6",
    "libSM.so.6": "libsm6",
    "libICE.so.6": "libice6",
    "libXext.so.6": "libxext6",
    "libXrender.so.1": "libxrender1",
    "libsndfile.so.1": "libsndfile1",
}


def complaints(wheels: Sequence[str] = WHEELS) -> list[str]:
    """One line for each wheel that does not import: what is missing and what brings it."""
    found = []
    for wheel in wheels:
        try:
            importlib.import_module(wheel)
        except (ImportError, OSError) as error:
            found.append(_explain(wheel, error))
    return found


def _explain(wheel: str, error: Exception) -> str:
    cause = " ".join(str(error).split())
    missing = re.search(r"(lib[\w.+-]+\.so[.\d]*)", cause)
    if not missing:
        return f"{wheel} does not import: {cause}"
    library = missing.group(1)
    package = PACKAGES.get(library)
    remedy = f"apt-get install {package}" if package else f"install the system package that holds {library}"
    return f"{wheel} needs the system library {library}: {remedy}"


def main() -> int:
    lines = complaints()
    for line in lines:
        print(f"error: {line}", file=sys.stderr)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
