"""`swaptalk`: finds the command, and turns faults into one line and an exit code."""

from __future__ import annotations

import importlib
import io
import sys
import warnings
from typing import Any

import click

from swaptalk_models.errors import UserError

# name -> one line for `swaptalk --help`; the name is also the module's in pipelines.cli. Commands are imported when
# they are called: some need torch.
COMMANDS = {
    "run": "Make everything: data, models, report, release.",
    "demo": "The whole graph on the phantom corpus, and one customised talking face.",
    "doctor": "What this machine can do, and what is missing; with --device, every pass for real.",
    "status": "What there is, and what the last run did.",
    "releases": "All releases over time, and back to an earlier one.",
    "dev": "The Dagster UI over a home.",
    "generate": "One customised talking face: a face, a video and a voice in, a video out.",
    "studio": "The same in a browser: drop, preview, make, play; with an HTTP API.",
    "batch": "Many talks of one file, as runs with lineage; queue, cancel, retry.",
    "export": "A release's networks for OpenVINO: faster on a CPU.",
    "verify": "Where a video comes from: manifest, watermark, job.",
    "evaluate": "Measure any method's talking-face video.",
    "study": "Ask people: a blinded page of pairs, and what their votes say.",
    "phantom": "Write the phantom corpus: drawn talking heads with exact ground truth.",
    "ablate": "What each part of the design is worth: runs without it, over seeds, and a table of differences.",
    "bench": "Our standard speed figures.",
    "weights": "Make the weights that come with the package anew, from drawn people alone.",
    "state": "Where a home's ledger and locks are kept: in the home, or in Postgres; and moving them.",
    "storage": "Where a home's tables and files are kept: in the home, or on S3; and moving them.",
    "recover": "Free runs and slots that a power cut left behind.",
    "clean": "Remove the data of videos that have gone; with --keep, what is old.",
}


class Commands(click.Group):
    """Commands by name, each in a module of its own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return importlib.import_module(f"pipelines.cli.{cmd_name}").command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def swaptalk() -> None:
    """Customised talking faces: the face of a picture on a video, its lips moving with any voice.

    Start with `swaptalk run` (drawn people, nothing to download) or `swaptalk run --videos FOLDER` (your own), then
    look at `swaptalk status` and make a video with `swaptalk generate`. All data live in one home: --home, else
    $SWAPTALK_HOME, else ./data.

    Exit codes: 0 done; 2 wrong usage or wrong input, with one line that says what; 1 anything else; and those of verify.
    """


def main(args: list[str] | None = None) -> None:
    """Entry point of the console script; never returns."""
    _quiet_libraries()
    _say_any_name()
    try:
        swaptalk.main(args=args, prog_name="swaptalk", standalone_mode=False)
    except click.exceptions.Abort:
        _end("interrupted", 130)
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)
        sys.exit(2)
    except click.ClickException as error:
        _end(f"{error.format_message()}{_help_hint(error)}", 2)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except UserError as error:
        _end(" ".join(str(error).split()), 2)
    except KeyboardInterrupt:
        _end("interrupted: what is finished is kept, run again to go on", 130)
    except BrokenPipeError:
        sys.exit(1)
    except OSError as error:
        if error.filename is None:
            raise
        _end(f"{error.filename}: {error.strerror}", 2)
    sys.exit(0)


def _end(line: str, code: int) -> None:
    print(f"swaptalk: {line}", file=sys.stderr)
    sys.exit(code)


def _help_hint(error: click.ClickException) -> str:
    ctx = getattr(error, "ctx", None)
    return f" (see {ctx.command_path} --help)" if ctx is not None else ""


def _say_any_name() -> None:
    """Names of files may hold bytes that are no letters; to print one is no reason to end."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _quiet_libraries() -> None:
    """Other people's notices to developers; warnings of our own and of Python about our data stay."""
    for module in ("dagster", "dagster_shared", "librosa", "face_alignment", "lance", "google"):
        warnings.filterwarnings("ignore", module=rf"{module}(\.|$)")
    plain = warnings.formatwarning

    def one_line(message: Warning | str, category: type[Warning], *where: Any) -> str:
        ours = category is UserWarning and "swaptalk_models" in str(where[0])
        return f"swaptalk: {message}\n" if ours else plain(message, category, *where)

    warnings.formatwarning = one_line
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated")


if __name__ == "__main__":
    main()
