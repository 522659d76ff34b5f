"""The page in a real browser: it is laid out, says nothing to the console and asks the network for nothing."""

import html
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass

import pytest
from tests.report.efficacy.example import results as efficacy
from tests.report.forgetting.example import results as forgetting
from tests.report.gradients.example import results

pytest.importorskip("jinja2")
pytest.importorskip("networkx")
image = pytest.importorskip("matplotlib.image")

from oubli.report import audit_report, write_gradient_report  # noqa: E402

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium here")

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--enable-logging=stderr"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
DARK = "--blink-settings=preferredColorScheme=0"
# The page runs no script; a copy of it is measured by one.
MEASURE = """<script>
const box = e => { const r = e.getBoundingClientRect(); return [r.left, r.right, r.width, r.height]; };
parent.document.documentElement.dataset["measured" + window.innerWidth] = JSON.stringify({
  page: document.documentElement.scrollWidth,
  figures: [...document.querySelectorAll("figure svg")].map(box),
  outside: [...document.querySelectorAll("body *")].filter(e => !e.closest(".scroll, svg")
    && e.getBoundingClientRect().right > window.innerWidth + 1).map(e => e.outerHTML.slice(0, 80)),
});
</script>"""


@dataclass(frozen=True)
class Seen:
    dom: str
    console: list
    requests: set


def browse(page, folder, *options, width=1280, height=900):
    log = folder / "net.json"
    places = (f"--user-data-dir={folder / 'profile'}", f"--log-net-log={log}", f"--window-size={width},{height}")
    done = subprocess.run(
        [CHROMIUM, *FLAGS, *places, *options, page.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
        env=os.environ | {"HOME": str(folder)},
    )
    console = [line for line in done.stderr.splitlines() if ":CONSOLE:" in line]
    # A browser has business of its own; what a page asks for is kept apart by the page's origin.
    asked = [event.get("params", {}) for event in json.loads(log.read_text())["events"]]
    asked = {event["url"] for event in asked if "url" in event and "file:" in event.get("network_isolation_key", "")}
    return Seen(done.stdout, console, {url for url in asked if not url.startswith("file:")})


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return write_gradient_report(results(), tmp_path_factory.mktemp("page") / "report.html")


def test_page_is_quiet_and_whole(page, tmp_path):
    seen = browse(page, tmp_path, "--dump-dom")
    assert (seen.console, seen.requests) == ([], set())
    assert "46 of 50 were recovered exactly" in seen.dom
    assert seen.dom.count("<svg") == page.read_text().count("<svg")


def test_what_is_not_quiet_is_noticed(page, tmp_path):
    loud = tmp_path / "loud.html"
    text = re.sub(r"<meta http-equiv[^>]*>", "", page.read_text())
    loud.write_text(text.replace("</body>", "<img src='http://127.0.0.1:9/x.png'><script>nothing()</script></body>"))
    seen = browse(loud, tmp_path, "--dump-dom")
    assert len(seen.console) == 1
    assert seen.requests == {"http://127.0.0.1:9/x.png"}


def test_policy_of_the_page_stops_what_a_name_might_smuggle_in(page, tmp_path):
    smuggled = tmp_path / "smuggled.html"
    image_and_script = "<img src='http://127.0.0.1:9/x.png'><script>document.title = 'owned'</script>"
    smuggled.write_text(page.read_text().replace("</body>", image_and_script + "</body>"))
    seen = browse(smuggled, tmp_path, "--dump-dom")
    assert seen.requests == set()
    assert "<title>owned" not in seen.dom


@pytest.mark.parametrize(
    ("made", "least"), [(results, 6), (forgetting, 9), (efficacy, 4)], ids=["gradients", "forgetting", "efficacy"]
)
def test_figures_have_size_and_nothing_sticks_out(made, least, tmp_path):
    # Frames can be narrower than a window.
    text = re.sub(r"<meta http-equiv[^>]*>", "", audit_report(made())).replace("</body>", MEASURE + "</body>")
    frame = '<iframe style="border:0;width:{}px;height:900px" srcdoc="{}"></iframe>'
    frames = tmp_path / "frames.html"
    frames.write_text("<html>" + "".join(frame.format(width, html.escape(text)) for width in (400, 1280)))
    dom = browse(frames, tmp_path, "--dump-dom", width=1400).dom
    for width in (400, 1280):
        found = re.search(rf'data-measured{width}="([^"]*)"', dom)
        measured = json.loads(html.unescape(found.group(1)))
        assert measured["page"] <= width
        assert measured["outside"] == []
        assert len(measured["figures"]) >= least
        for left, right, wide, high in measured["figures"]:
            assert 0 <= left < right <= width
            assert wide > 150
            assert high > 40


@pytest.mark.parametrize(("options", "dark"), [((), False), ((DARK,), True)])
def test_page_is_readable_by_day_and_by_night(page, tmp_path, options, dark):
    shot = tmp_path / "shot.png"
    browse(page, tmp_path, f"--screenshot={shot}", *options, height=2400)
    light = image.imread(shot)[..., :3].mean(-1)
    assert light.shape == (2400, 1280)
    paper = light[2, 2]
    assert (paper < 0.2) == dark
    written = abs(light - paper) > 0.4
    assert 0.005 < written.mean() < 0.3, "neither blank nor black"
    # Text and figures are written over the whole height.
    assert (written.reshape(12, 200, -1).any((1, 2))).all()
