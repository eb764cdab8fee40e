"""The panel that shows the time left: as HTML, and in a real browser."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from chi_helpers.notebook.timeleft import TimeLeft, render

NOW = datetime(2026, 1, 29, 14, 55, tzinfo=UTC)
SIX = timedelta(hours=6)
CHROMIUM = "/usr/bin/chromium"


def panel(**changes):
    found = {
        "lab": "hello", "owner": "student1", "site": "CHI@Sandbox", "at": NOW, "start": NOW - timedelta(hours=1),
        "deadline": NOW + timedelta(hours=5), "words": "today 14:55 EST (19:55 UTC)",
    }  # fmt: skip
    return TimeLeft(**{**found, **changes})


class Tags(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):  # noqa: ARG002
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += data


def test_without_scripts_it_still_says_lab_owner_site_deadline_and_the_time_left():
    text = Tags(render(panel(), "p")).text.split("(()")[0]
    for part in ("hello", "student1", "CHI@Sandbox", "today 14:55 EST (19:55 UTC)", "5h left at 14:55 UTC"):
        assert part in text


def test_the_bar_is_as_long_as_the_share_of_the_lease_that_is_left():
    assert "width:83.3%" in render(panel(), "p")
    assert "width:0.0%" in render(panel(deadline=NOW - timedelta(seconds=1)), "p")
    assert "width:100.0%" in render(panel(start=NOW + timedelta(hours=1)), "p")


def test_time_over_is_said():
    html = render(panel(deadline=NOW), "p")
    assert "The time is over." in Tags(html).text
    assert "the time is over" in str(panel(deadline=NOW))


def test_no_lease_is_said_and_nothing_counts():
    html = render(panel(deadline=None, start=None, words=""), "p")
    assert "no lease is active" in html
    assert "script" not in html
    assert str(panel(deadline=None)).endswith("no lease is active")


@pytest.mark.parametrize("field", ["lab", "owner", "site", "words"])
def test_text_cannot_become_markup_or_script(field):
    evil = "</script><img src=x onerror=alert(1)>\"'&$element"
    found = Tags(render(panel(**{field: evil}), "p"))
    assert "img" not in found.tags
    assert found.tags.count("script") == 1
    assert evil in found.text


def test_two_panels_on_one_page_do_not_disturb_one_another():
    ids = [re.findall(r'id="([^"]+)"', panel()._repr_html_())[0] for _ in range(2)]
    assert ids[0] != ids[1]


def test_the_text_says_the_same_as_the_panel():
    assert str(panel()) == "hello of student1 at CHI@Sandbox: 5h left, until today 14:55 EST (19:55 UTC)"


def test_it_asks_the_lab_once():
    class Lab:
        asked = 0

        def status(self):
            self.asked += 1
            return type("Status", (), {
                "lab": "l", "owner": "o", "site": "s", "at": NOW, "start": NOW, "deadline": NOW + SIX, "time": "then",
            })()  # fmt: skip

    lab = Lab()
    found = TimeLeft.of(lab)
    assert (found.deadline, found.words, lab.asked) == (NOW + SIX, "then", 1)


@pytest.fixture
def show() -> Iterator[Any]:
    """`show(html)` serves a page on the loopback, opens it in Chromium, and returns the page."""
    body: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            data = f"<!doctype html><meta charset=utf-8><body>{''.join(body)}</body>".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))

        def open_page(*html: str) -> Page:
            body[:] = html
            page.goto(f"http://127.0.0.1:{server.server_port}/")
            return page

        yield open_page
        assert errors == []
        browser.close()
    server.shutdown()
    server.server_close()


def test_it_counts_down_in_the_browser(show):
    now = datetime.now(UTC)
    page = show(
        render(panel(at=now, start=now, deadline=now + timedelta(hours=5, minutes=59, seconds=58)), "a")
    )
    first = page.inner_text("#a .left")
    assert re.fullmatch(r"5:59:5\d left", first)
    page.wait_for_function("first => document.querySelector('#a .left').textContent !== first", arg=first)
    assert page.inner_text("#a .left") < first


def test_it_turns_red_when_time_is_short_and_says_when_it_is_over(show):
    now = datetime.now(UTC)
    near = panel(
        at=now - timedelta(hours=1),
        start=now - SIX,
        deadline=now + timedelta(seconds=3),
        warn=timedelta(minutes=15),
    )
    far = panel(at=now, start=now, deadline=now + SIX)
    page = show(render(near, "near"), render(far, "far"))
    colours = [
        page.eval_on_selector(f"#{name} .bar", "e => e.style.backgroundColor") for name in ("near", "far")
    ]
    assert colours == ["rgb(198, 40, 40)", "rgb(46, 125, 50)"]
    page.wait_for_function("document.querySelector('#near .left').textContent === 'The time is over.'")
    assert page.eval_on_selector("#near .bar", "e => e.style.width") == "0%"
    assert "left" in page.inner_text("#far .left")


def test_markup_in_a_name_is_shown_as_text(show):
    evil = "<b id=evil>x</b><script>window.evil = 1</script>"
    page = show(render(panel(lab=evil, at=datetime.now(UTC)), "a"))
    assert evil in page.inner_text("#a")
    assert page.query_selector("#evil") is None
    assert page.evaluate("window.evil") is None
