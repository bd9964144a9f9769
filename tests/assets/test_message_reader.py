"""What a training says arrives whole, however slowly it is written."""

import json

import dagster as dg

from assets.support.message_reader import WholeLineReader, whole_lines
from pipelines.definitions import defs


def test_half_a_line_is_waited_for(tmp_path):
    path = tmp_path / "messages"
    pieces = [b'{"a": "', b"", b'one"}\n{"b"', b": 2}\n", b'{"never ended']
    path.write_bytes(b"")

    def wait():
        with path.open("ab") as file:
            file.write(pieces.pop(0))

    lines = list(whole_lines(path, lambda: not pieces, wait))
    assert [json.loads(line) for line in lines] == [{"a": "one"}, {"b": 2}]


def test_what_is_written_just_before_the_end_is_read(tmp_path):
    path = tmp_path / "messages"
    path.write_bytes(b"1\n2\n")
    assert list(whole_lines(path, lambda: True, lambda: None)) == [b"1\n", b"2\n"]


def test_trainings_are_read_so():
    assert isinstance(defs.resources["pipes"].message_reader, WholeLineReader)


def test_messages_reach_dagster_through_half_written_lines(tmp_path):
    """The process writes one message in two halves, as a page border does it, and a materialization after it."""
    script = tmp_path / "worker.py"
    script.write_text(
        "import json, time\n"
        "from dagster_pipes import open_dagster_pipes\n"
        "with open_dagster_pipes() as pipes:\n"
        "    path = pipes._message_channel._path\n"
        "    line = json.dumps({'__dagster_pipes_version': '0.1', 'method': 'log',"
        " 'params': {'message': 'in two halves', 'level': 'INFO'}}) + chr(10)\n"
        "    for half in (line[:40], line[40:]):\n"
        "        with open(path, 'a') as file:\n"
        "            file.write(half)\n"
        "        time.sleep(0.3)\n"
        "    pipes.report_asset_materialization(metadata={'told': 1})\n"
    )

    @dg.asset
    def spoken(context: dg.AssetExecutionContext, pipes: dg.PipesSubprocessClient):
        import sys

        return pipes.run(command=[sys.executable, str(script)], context=context).get_materialize_result()

    client = dg.PipesSubprocessClient(message_reader=WholeLineReader())
    result = dg.materialize([spoken], resources={"pipes": client})
    assert result.asset_materializations_for_node("spoken")[0].metadata["told"].value == 1
