"""Real videos made short for tests: their beginnings, compressed as they came."""

from pathlib import Path

import av


def first_seconds(folder: Path, output: Path, seconds: float) -> Path:
    """About the first ``seconds`` of every mp4 of a folder, into ``output`` under the same names: the same packets, only fewer."""
    output.mkdir(parents=True, exist_ok=True)
    for video in sorted(folder.glob("*.mp4")):
        with av.open(str(video)) as whole, av.open(str(output / video.name), "w") as short:
            streams = (*whole.streams.video, *whole.streams.audio)
            copies = {stream: short.add_stream_from_template(stream) for stream in streams}
            packets = [packet for packet in whole.demux(*streams) if packet.pts is not None]
            end = _end([packet for packet in packets if packet.stream.type == "video"], seconds)
            for packet in packets:
                if packet.pts * packet.time_base < end:
                    packet.stream = copies[packet.stream]
                    short.mux(packet)
    return output


def _end(pictures: list[av.Packet], seconds: float) -> float:
    """When (s) to stop, at the latest after ``seconds``: a picture is stored behind later ones that it needs, and either all of these stay or none."""
    times = [float(picture.pts * picture.time_base) for picture in pictures]
    whole = (min(times[n:]) for n in range(1, len(times)) if max(times[:n]) < min(times[n:]))
    return max(end for end in whole if end <= seconds)
