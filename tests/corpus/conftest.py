"""The whole corpus by `pytest -m corpus tests/corpus`; without it, a sample."""

from pathlib import Path

import pytest

from .table import SOUNDS, TARGETS


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without `-m corpus` only those that are in the sample."""
    if "corpus" in (config.option.markexpr or ""):
        return
    for item in items:
        case = getattr(item, "callspec", None) and item.callspec.params.get("case")
        if item.get_closest_marker("corpus") and not getattr(case, "sample", True):
            item.add_marker(pytest.mark.skip(reason="not in the sample: pytest -m corpus tests/corpus"))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory):
    """Where a case of the table lies; written when it is first asked for."""
    folder = tmp_path_factory.mktemp("made")

    def path_of(case) -> Path:
        path = folder / case.name
        if case.write and not path.exists():
            case.write(path)
        return path

    assert len({case.name for case in (*TARGETS, *SOUNDS)}) == len(TARGETS) + len(SOUNDS)
    return path_of
