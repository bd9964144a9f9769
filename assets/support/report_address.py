"""Where a browser finds a home's reports while `swaptalk dev` runs."""

from pathlib import Path
from urllib.parse import quote

from swaptalk_models.data.store.home import Home

FIRST_REPORT_PORT = 3001
"""Of a home that `swaptalk dev` has not served yet: the one above the UI's own usual port."""


def report_port(home: Home) -> int:
    """The loopback port of this home's reports: always the same, since the UI keeps links."""
    return home.state().report_port or FIRST_REPORT_PORT


def report_url(home: Home, report: Path) -> str:
    """The address of a report below HOME/evaluation."""
    return f"http://127.0.0.1:{report_port(home)}/{quote(str(report.relative_to(home.evaluation)))}"
