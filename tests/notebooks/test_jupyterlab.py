"""The first notebook in JupyterLab itself, in a real browser: what a student's eyes get."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.support.site import BIN

ROOT = Path(__file__).parents[2]
PATH = "notebooks/student/1_hello_chameleon.ipynb"
CHROMIUM = "/usr/bin/chromium"

pytestmark = [pytest.mark.machines, pytest.mark.nightly(part="lab")]


@contextmanager
def jupyterlab(folder, env):
    """JupyterLab on `folder`, on a loopback port, with a token; yields (address, token)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = token_hex(16)
    places = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
    own = {f"JUPYTER_{place}": str(folder / f".jupyter/{place.lower()}") for place in places}
    own |= {
        f"JUPYTERLAB_{place}_DIR": str(folder / f".jupyter/{place.lower()}")
        for place in ("SETTINGS", "WORKSPACES")
    }
    options = [
        "--no-browser",
        "--allow-root",
        "--ip=127.0.0.1",
        f"--port={port}",
        f"--ServerApp.root_dir={folder}",
    ]
    with (folder / "jupyterlab.log").open("w") as log:
        server = subprocess.Popen(
            [str(BIN / "jupyter-lab"), *options],
            env={**env, **own, "JUPYTER_TOKEN": token},
            stdout=log,
            stderr=log,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 60
        while True:
            assert server.poll() is None, (folder / "jupyterlab.log").read_text()
            try:
                urllib.request.urlopen(f"{address}/api?token={token}", timeout=5).close()
                break
            except OSError:
                assert time.monotonic() < until, (folder / "jupyterlab.log").read_text()
                time.sleep(0.3)
        yield address, token
    finally:
        server.terminate()
        server.wait(timeout=30)


def test_run_all_in_jupyterlab_shows_the_countdown_and_ends_with_the_proof(student, lab_file, tmp_path):
    lab = lab_file(nodes={"node1": {"flavor": "m1.small", "image": "CC-Ubuntu24.04", "floating_ip": True,
                                    "ports": [22], "stack": ["base"]}})  # fmt: skip
    folder = tmp_path / "home"
    (folder / PATH).parent.mkdir(parents=True)
    shutil.copy(ROOT / PATH, folder / PATH)
    env = {**student.env, "CHI_LAB_FILE": str(lab), "CHI_LAB_SITE": student.site.region}
    with jupyterlab(folder, env) as (address, token), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1300, "height": 1000})
        page.goto(f"{address}/lab/tree/{PATH}?token={token}")
        choose = page.get_by_role("button", name="Select Kernel")
        cells = page.locator(".jp-Notebook .jp-Cell")
        expect(choose.or_(cells).first).to_be_visible(timeout=90_000)
        if choose.is_visible():
            choose.click()
        expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=60_000)
        run_all_cells(page)
        try:
            panel = page.locator("[id^=time-left-] .left")
            expect(panel).to_have_text(re.compile(r"^5:\d\d:\d\d left$"), timeout=120_000)
            first = panel.inner_text()
            expect(panel).not_to_have_text(first, timeout=5_000)
            panel.scroll_into_view_if_needed()
            page.screenshot(path=str(tmp_path / "countdown.png"))
            # JupyterLab draws only the cells that are near the window.
            page.locator(".jp-Notebook").press("Control+End")
            output = page.locator(".jp-OutputArea-output", has_text="Nothing is left.")
            expect(output).to_be_visible(timeout=180_000)
            assert (
                page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.error']").count() == 0
            )
        finally:
            page.screenshot(path=str(tmp_path / "jupyterlab.png"))
            browser.close()
    assert not student.holdings()


def run_all_cells(page):
    """Choose Run All Cells in the menu until cells run: JupyterLab drops it while it still connects to its kernel."""
    prompt = page.locator(".jp-CodeCell .jp-InputPrompt").first
    for _ in range(5):
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        try:
            expect(prompt).to_have_text(re.compile(r"\[[*\d]+\]:"), timeout=5_000)
        except AssertionError:
            continue
        return
    raise AssertionError("JupyterLab ran no cell")
