"""A child that does what a file may make a decoder do."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from pipelines.studio.limits import Limits

task, asked, limits = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
Limits(**limits).apply()
if task == "eats":
    pieces = []
    try:
        for _ in range(100):
            pieces.append(bytearray(64 << 20))
        print(json.dumps({"pieces": len(pieces)}))
    except MemoryError:
        print(json.dumps({"refused": f"no memory after {len(pieces)} pieces"}))
elif task == "spins":
    while True:
        pass
elif task == "sleeps":
    if os.fork() == 0:
        Path(asked["file"]).write_text(str(os.getpid()))
    time.sleep(600)
elif task == "writes":
    with open(asked["file"], "wb") as file:
        for _ in range(100):
            file.write(bytes(1 << 20))
            file.flush()
elif task == "crashes":
    os.abort()
elif task == "raises":
    raise RuntimeError("the program is wrong")
elif task == "tells":
    print("a library's own words")
    print(
        json.dumps({name: value for name, value in os.environ.items() if "STUDIO" in name or name == "PYTHONSAFEPATH"})
    )
