"""`swaptalk verify`"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli.options import INPUT_FILE, home_option, json_option
from pipelines.instance import marks_folder

if TYPE_CHECKING:
    from swaptalk_models.provenance.verification import Verification

EXIT_CODES = {"intact": 0, "tampered": 3, "stripped": 3, "none": 4}


@click.command()
@click.argument("file", type=INPUT_FILE)
@click.option("--trust", type=INPUT_FILE, help="Root certificate of who is to have signed: their HOME/identity/ca.pem.")
@home_option
@json_option
def command(file: Path, trust: Path | None, home: Path, as_json: bool) -> None:
    """Tell where a video comes from: its signed manifest, the watermark in the face, and the job that made it.

    Works offline, on any video. A home knows the jobs of its own videos: with what, by which release, with whose
    consent. Without --trust a manifest is checked for being whole, not for who has signed.

    \b
    Exit codes:
      0  marked and intact
      3  tampered with, or stripped of its manifest and recognised by the watermark
      4  nothing found, which does not prove that it is real
      2  no video that can be read

    \b
    swaptalk verify out.mp4
    swaptalk verify out.mp4 --trust ca.pem --json
    """
    from swaptalk_models.provenance.verification import verify

    result = verify(file, marks_folder(home), trust)
    print(json.dumps(result.to_json(), indent=1) if as_json else _shown(result))
    sys.exit(EXIT_CODES[result.state])


def _shown(result: Verification) -> str:
    reading, record = result.watermark, result.record
    lines = [result.said, f"  manifest   {result.manifest.state}"]
    if result.manifest.signer:
        lines[-1] += f", signed by {result.manifest.signer}"
    lines.append(
        f"  watermark  {reading.bits}, chance of a false alarm at most {reading.chance:.0e}"
        if reading.found
        else f"  watermark  not found in {reading.frames} frames"
    )
    if result.job:
        lines.append(f"  job        {result.job}")
    if result.release:
        lines.append(f"  release    {result.release}")
    if record:
        lines += [f"  {role:<10} {given['name']} ({given['sha256'][:16]})" for role, given in record["inputs"].items()]
        consent = record.get("consent")
        lines.append(f"  consent    {consent['said'] if consent else 'none was noted'}")
    return "\n".join(lines)
