"""Fetching HDTF's annotation files (MRzzm/HDTF, CC BY 4.0) from where their authors publish them."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from pathlib import Path

from swaptalk_models.data.store.atomic_write import atomic_write
from swaptalk_models.errors import UserError

# MRzzm/HDTF at a fixed commit, so that the checksums below stay true.
HDTF_ADDRESS = "https://raw.githubusercontent.com/MRzzm/HDTF/bbde889bbab954c9a9ebcabe9962885c29f2165e/HDTF_dataset"
HDTF_CHECKSUMS = {
    "RD_annotion_time.txt": "6e0e3b8139697d64ce92f252c9eb62d268b9262c628682803b9aed282f2068a7",
    "RD_crop_ratio.txt": "4d40ce76731d2796f5415fcbba4a173551d634cbcca49862cfaac9cd8a2c6370",
    "RD_crop_wh.txt": "5887006297bc96b91af5f2dae51ffc2f46816dcf1018325666fda756dabeb6f6",
    "RD_resolution.txt": "b4797a0fada19918ffef4f39447675fe1187f48d1292955ecfb7e7754092e384",
    "RD_video_url.txt": "ae197ad34dc155082897637db41a298fe19fa937df4bfdc1b6aad021fcf2418e",
    "WDA_annotion_time.txt": "b7fb834e95918d6e87deb7afc9da8dc1c1c17ab454dc33887fe16fe945586f61",
    "WDA_crop_ratio.txt": "0445c39a50b264636f5c04ea236e53aea17afdbed9c48b516bc04e94ae42736a",
    "WDA_crop_wh.txt": "3a2c1ba0255e05ec4a3d2a47180f16b0eba1e60976ee146d0162b872e473e151",
    "WDA_resolution.txt": "b9dbc35320b09b57771ec79c1aedc3624bda872c51390232631cce3444e0c10d",
    "WDA_video_url.txt": "a8cee0c92ac59f27fead5a2e6a5387beadcca8b80134f7dcb433f18f1ee86586",
    "WRA_annotion_time.txt": "7a49a55a841a45ab41cd1ff64f18bb83e79fa5799d1178d3ca36490eed54f1ed",
    "WRA_crop_ratio.txt": "a4ff43641aca3435bc5cfb34d1038c735afcad1557442bd4a600c6dddf8688d0",
    "WRA_crop_wh.txt": "fd08b34596f0b5d3df7859bac7f4fd339aaf35b466ee018b3fdb8feab75838f2",
    "WRA_resolution.txt": "10108707a870259fde4f404eb3ab1617bbece3bbb8a176eb1120db1c7d3d9fc5",
    "WRA_video_url.txt": "04fd736a4c312a25309071d4b9e55c1989de5e3f37d2e54081c8bfc4dad84def",
}
LARGEST_ANNOTATION = 1 << 20  # bytes


def fetch_annotations(
    output_dir: str | os.PathLike[str], base_url: str = "", checksums: dict[str, str] | None = None
) -> list[Path]:
    """Fetches those of HDTF's fifteen annotation files that are not there. What is there is never overwritten.

    Args:
        base_url: address of the folder that holds them; ``HDTF_ADDRESS`` if empty.
        checksums: file name -> SHA-256; ``HDTF_CHECKSUMS`` if None.

    Raises:
        UserError: offline, or a file, fetched or already there, that is not the one we know.
    """
    base_url, checksums = base_url.rstrip("/") or HDTF_ADDRESS, HDTF_CHECKSUMS if checksums is None else checksums
    paths = [Path(output_dir) / name for name in checksums]
    for path in paths:
        if path.is_file():
            _check(path, path.read_bytes(), checksums[path.name], "remove it to have it fetched")
    for path in paths:
        if not path.is_file():
            content = _fetch(f"{base_url}/{path.name}")
            _check(f"{base_url}/{path.name}", content, checksums[path.name], "give a folder with HDTF's files instead")
            with atomic_write(path) as aside:
                aside.write_bytes(content)
    return paths


def _check(what: str | Path, content: bytes, expected: str, hint: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise UserError(f"{what}: not the file we know (SHA-256 {found[:12]}..., expected {expected[:12]}...); {hint}")


def _fetch(address: str) -> bytes:
    try:
        with urllib.request.urlopen(address, timeout=20) as answer:
            return answer.read(LARGEST_ANNOTATION)
    except (OSError, ValueError, http.client.HTTPException) as error:
        why = getattr(error, "reason", None) or error
        hint = "" if isinstance(error, urllib.error.HTTPError) else "offline? "
        raise UserError(
            f"{address}: cannot be fetched ({why}); {hint}give a folder with HDTF's fifteen annotation files instead"
        ) from error
