"""The report page: complete, self-contained, safe, and without an error in a browser."""

import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from swaptalk_models.data.media.video_writer import VideoWriter
from swaptalk_models.errors import UserError
from swaptalk_models.evaluation.compare.groups import Group
from swaptalk_models.evaluation.compare.paper import PAPER_ROWS
from swaptalk_models.evaluation.compare.verdicts import AGREE, DISAGREE, NOT_MEASURED, UNDECIDED, Claim, ClaimRow
from swaptalk_models.metrics.agreement import Agreement
from swaptalk_models.metrics.confidence import Interval
from swaptalk_models.metrics.table import shown_columns
from swaptalk_models.reporting.page import write_report
from swaptalk_models.reporting.report_data import (
    CaseClip,
    ChangeRow,
    Exclusion,
    LineageNode,
    ModelMetric,
    ModelSection,
    Picture,
    ReleaseComparison,
    ReportData,
    ResultRow,
    RowKind,
    StageCost,
    VideoCase,
)

NASTY = '<script>alert("x")</script> & Señor'


def row(method: str, setting: str, kind: RowKind, lse_c: float, ssim: float | None = 0.8) -> ResultRow:
    known = ssim is not None
    cells = {
        "lse_c": Interval(lse_c, lse_c - 0.5, lse_c + 0.5, 4),
        "ssim": Interval(ssim, ssim - 0.1 if known else None, ssim + 0.1 if known else None, 4),
        "fid": Interval(3.0, None, None, 4),
    }
    return ResultRow(method, setting, cells, kind, 4)


@pytest.fixture
def report(tmp_path) -> ReportData:
    video = tmp_path / "a b.mp4"
    with VideoWriter(video, 64, 64, audio=np.zeros(8000, np.float32)) as writer:
        for frame in range(12):
            writer.write(np.full((64, 64, 3), 20 * frame, np.uint8))
    picture = np.full((8, 8, 3), 200, np.uint8)
    curve = [(offset, 5.0 + abs(offset - 2)) for offset in range(-15, 16)]
    history = [{"step": step, "train/loss": 1 / (1 + step)} for step in range(0, 500, 10)]
    return ReportData(
        title="Evaluation " + NASTY,
        created="2026-11-22",
        preset="tiny",
        judges={"identity": "dlib", "sync": "sync_judge@1", "fid": "sync_judge@1 features", "landmarks": "dlib"},
        rows=[
            row("Ours", "self", RowKind.OURS, 6.0),
            row(NASTY, "self", RowKind.BASELINE, 7.0, None),
            row("Ground truth", "self", RowKind.TRUTH, 8.25, 0.999),
            row("Ground truth", "cross", RowKind.TRUTH, 8.5, 1.0),
            row("Ours", "cross", RowKind.OURS, 5.0),
        ],
        claims=[
            Claim("Swap before sync", [ClaimRow("lse_c", "Ours", NASTY, Interval(1.5, 0.5, 2.5, 8), AGREE, 0.25)]),
            Claim(
                "Experts help",
                [ClaimRow("lmd", "Ours", "None", Interval(None, None, None, 0), NOT_MEASURED)],
                ["run <it>"],
            ),
        ],
        comparison=ReleaseComparison(
            "r1",
            [
                ChangeRow("lse_c", "self", 6.5, 6.0, Interval(-0.5, -0.75, -0.25, 8), "worse"),
                ChangeRow("lmd", "cross", None, 1.0, Interval(None, None, None, 0), "not compared", "another <judge>"),
            ],
            "first & last",
        ),
        cases=[
            VideoCase(
                NASTY,
                [
                    CaseClip("Target", video),
                    CaseClip("Ours", video, {"lse_c": 6.0, "frame_to_frame": 93.5}, [(0, 0.9)], curve),
                ],
                "self",
                picture,
                rank="worst",
            )
        ],
        models=[
            ModelSection(
                "vqgan",
                "v1",
                [
                    ModelMetric("psnr_db", 21.0, 24.0),
                    ModelMetric("av_offset", -0.5, 1.0, at_least=False),
                    ModelMetric("x", None, 1.0),
                    ModelMetric("id_retrieve", 70.5, 80.0, baseline=0.0, own=93.5, others={"teacher": 91.5}),
                ],
                history,
                [Picture(picture, NASTY)],
            )
        ],
        lineage=[LineageNode("clips", "clips"), LineageNode("mels", "audio", ("clips",), "12 rows")],
        exclusions=[Exclusion("person, 7", "face_tracks", "no face in 9 of 10 frames", 9)],
        costs=[StageCost("clips", 1.25, 4)],
        provenance={"Snapshot": "abc123"},
        packages={"torch": "2.13.0"},
    )


class Checker(HTMLParser):
    """Collects what the page would load, and whether tags are balanced."""

    VOID = frozenset(("meta", "link", "img", "input", "br", "path", "rect", "circle"))

    def __init__(self):
        super().__init__()
        self.open, self.addresses, self.scripts = [], [], 0

    def handle_starttag(self, tag, attributes):
        self.scripts += tag == "script"
        self.addresses += [
            value for name, value in attributes if name in ("src", "href", "poster", "srcset", "action", "data")
        ]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_everything_is_inside_and_nothing_is_fetched(report, tmp_path):
    page = write_report(tmp_path / "report.html", report).read_text(encoding="utf-8")
    checker = Checker()
    checker.feed(page)
    assert checker.open == [] and checker.scripts == 1
    assert all(address.startswith(("data:", "#")) for address in checker.addresses)
    without_data = re.sub(r"data:[a-z/0-9]+;base64,[A-Za-z0-9+/=]+", "", page)
    assert not re.search(r"https?://|//[a-z]|@import|url\(", without_data.replace("// ", ""))
    assert page.count("data:video/mp4;base64,") == 2


def test_names_are_escaped(report, tmp_path):
    page = write_report(tmp_path / "report.html", report).read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt; &amp; Señor") >= 5


def test_all_rows_ours_and_theirs_are_there(report, tmp_path):
    page = write_report(tmp_path / "report.html", report).read_text(encoding="utf-8")
    assert page.count('<th scope="row">Ground truth</th>') == 2 + 1  # both of ours and the paper's
    results = page[: page.index('<section id="claims"')]
    assert results.count('<th scope="row">Ours</th>') == 2
    for _, method, values in PAPER_ROWS:
        assert f'<th scope="row">{method}</th>' in page and f">{values['cpbd']}</td>" in page
    assert "Theirs, not ours" in page
    assert "8.25" in page and "7.75…8.75" in page
    assert "Frame to frame" not in page  # what has no column stands below no video either
    assert "0.999" not in page  # the truth compared with itself is no result
    assert ">Fréchet" in page and "FID\u00a0↓</span></button></th><th" in page  # ours is no FID, the paper's is


@pytest.mark.parametrize(
    ("judge", "label"),
    [
        ("Inception-v3 pool3 of pytorch-fid, weights sha256 67", "FID"),
        ("unpublished weights in Inception-v3, weights sha256 12", "Fréchet"),
        ("sync_judge 12 features (Frechet distance, not Inception FID)", "Fréchet"),
        (None, "Fréchet"),
    ],
)
def test_only_the_published_inception_makes_an_fid(judge, label):
    assert [column.label for column in shown_columns({"fid", "ssim", "who knows"}, judge)] == [label, "SSIM"]


def test_verdicts(report, tmp_path):
    page = write_report(tmp_path / "report.html", report).read_text(encoding="utf-8")
    assert "✗ short by 3.00" in page and page.count("✓ met") == 1 and "not measured" in page


def test_claims_show_our_difference_beside_theirs(report, tmp_path):
    page = write_report(tmp_path / "report.html", report).read_text(encoding="utf-8")
    claims = page[page.index('<section id="claims"') : page.index('<section id="releases"')]
    assert "+1.50" in claims and "+0.50…+2.50" in claims and "+0.25" in claims
    assert claims.count('<span class="tag agree">agree</span>') == 2  # the claim and its one row
    assert claims.count('<span class="tag not-measured">not measured</span>') == 2
    assert "run &lt;it&gt;" in claims
    assert claims.count("<details") == 2 and " open" not in claims, (
        "verdicts stand in the summaries, figures are folded"
    )


def test_new_models_stand_beside_the_released_ones(report, tmp_path):
    page = write_report(tmp_path / "report.html", report).read_text(encoding="utf-8")
    section = page[page.index('<section id="releases"') : page.index('<section id="models"')]
    assert "release r1" in section and "first &amp; last." in section and "another &lt;judge&gt;" in section
    assert "6.50" in section and "−0.50" in section and "−0.75…−0.25" in section
    assert '<span class="tag worse">worse</span>' in section and '<span class="tag not-compared">' in section
    report.comparison = None
    assert "releases" not in write_report(tmp_path / "report.html", report).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "verdicts, of_all",
    [
        ([AGREE, AGREE], AGREE),
        ([AGREE, DISAGREE], DISAGREE),
        ([AGREE, UNDECIDED], UNDECIDED),
        ([AGREE, NOT_MEASURED], UNDECIDED),
        ([NOT_MEASURED, NOT_MEASURED], NOT_MEASURED),
    ],
)
def test_verdict_of_a_claim(verdicts, of_all):
    claim = Claim("c", [ClaimRow("lmd", "a", "b", Interval(1.0, None, None, 1), verdict) for verdict in verdicts])
    assert claim.verdict == of_all
    assert all(word in claim.counts for word in verdicts)


def test_results_without_ground_truth_are_refused(report, tmp_path):
    report.rows = [r for r in report.rows if r.kind != RowKind.TRUTH]
    with pytest.raises(ValueError, match="ground-truth"):
        write_report(tmp_path / "report.html", report)


def test_a_missing_video_is_named_and_leaves_no_page(report, tmp_path):
    report.cases = [VideoCase("gone", [CaseClip("Target", tmp_path / "gone.mp4")])]
    with pytest.raises(UserError, match="gone.mp4"):
        write_report(tmp_path / "report.html", report)
    assert not (tmp_path / "report.html").exists()


def test_an_empty_report_is_a_page(tmp_path):
    page = write_report(tmp_path / "report.html", ReportData("Nothing yet", "today", "tiny")).read_text(
        encoding="utf-8"
    )
    assert "Nothing yet" in page and "<table" not in page


PROBE = """
<script>
addEventListener("error", (event) => { document.body.dataset.error = event.message; });
addEventListener("unhandledrejection", (event) => { document.body.dataset.error = String(event.reason); });
document.querySelector("table.sortable thead tr th:nth-child(4) button").click();
const rows = [...document.querySelector("table.sortable").tBodies[0].rows];
document.body.dataset.order = rows.map((r) => r.cells[3].dataset.value).join();
const later = (ms) => new Promise((done) => setTimeout(done, ms));
(async () => {
  const scene = document.querySelector(".case"), clips = [...scene.querySelectorAll("video")];
  while (scene.dataset.ready !== String(clips.length)) await later(20);
  const scrub = scene.querySelector(".scrub");
  scrub.value = 0.2;
  scrub.dispatchEvent(new Event("input"));
  await later(200);
  document.body.dataset.scrubbed = clips.map((clip) => clip.currentTime.toFixed(2)).join();
  const play = scene.querySelector(".play");
  play.focus();
  document.body.dataset.focus = document.activeElement === play;
  play.click();
  await later(100);
  document.body.dataset.played = clips.map((clip) => !clip.paused || clip.currentTime > 0.2).join();
  const reachable = [...document.querySelectorAll("th button, .play, .scrub, summary, select, [role=region]")];
  document.body.dataset.unreachable = reachable.filter((one) => one.tabIndex < 0).length;
  dispatchEvent(new Event("beforeprint"));
  document.body.dataset.closed = document.querySelectorAll("details:not([open])").length;
  const wide = document.documentElement.scrollWidth - innerWidth;
  document.body.dataset.overflow = wide > 0 ? `${wide}` : "none";
})();
</script>
"""


@pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not installed")
@pytest.mark.parametrize("width", [390, 1200])
def test_in_a_browser(report, tmp_path, width):
    """On a phone and on a desk: no error, tables sort, videos play and scrub in step, all is reached by keyboard, nothing sticks out."""
    path = write_report(tmp_path / "report.html", report)
    path.write_text(path.read_text(encoding="utf-8") + PROBE, encoding="utf-8")
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    flags += f" --autoplay-policy=no-user-gesture-required --window-size={width},900"
    flags += " --disable-component-update --disable-sync --enable-logging=stderr --virtual-time-budget=3000 --dump-dom"
    result = subprocess.run(
        ["chromium", *flags.split(), f"--user-data-dir={tmp_path / 'profile'}", path.as_uri()],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "CONSOLE" not in result.stderr and "data-error" not in result.stdout
    assert 'data-order="8.25,7.0,6.0"' in result.stdout  # LSE-C, best first
    assert 'data-ready="2"' in result.stdout  # both videos of the case can be played
    assert 'data-scrubbed="0.20,0.20"' in result.stdout and 'data-played="true,true"' in result.stdout
    assert 'data-focus="true"' in result.stdout and 'data-unreachable="0"' in result.stdout
    assert 'data-closed="0"' in result.stdout  # on paper everything is open
    assert 'data-overflow="none"' in result.stdout


def test_groups_judges_and_the_common_encoding_stand_in_the_page(report, tmp_path):
    report.encoding = "x264, crf 18"
    report.worst_served = [f"source, skin: {NASTY}: worse"]
    report.groups = [Group("source", "skin", NASTY, 7, {"id_similarity": Interval(0.5, 0.4, 0.6, 7)})]
    report.agreements = [Agreement("id_similarity", "second_id_similarity", Interval(0.75, 0.5, 0.9, 20))]
    report.judges |= {"second_identity": "FaceRes"}
    text = write_report(tmp_path / "groups.html", report).read_text()
    checker = Checker()
    checker.feed(text)
    assert not checker.open and "<script>alert" not in text
    assert text.count("x264, crf 18") == 1 + 2, "in the results' head and over both tables"
    assert 'href="#groups"' in text and "0.500" in text and "agree with a correlation of 0.75 (0.50 to 0.90)" in text
    assert "Identity, second judge" in text
    plain = write_report(tmp_path / "plain.html", replace(report, groups=[], encoding="", agreements=[])).read_text()
    assert "last compression" not in plain and 'id="groups"' not in plain
