"""The approval page in headless Chromium."""

import json
import os
import subprocess

from support.paths import DEPS, REGRESS, SCREENSHOTS

SCRIPT = REGRESS / "browser" / "link_page.js"


class Page:
    """One visit: what the page showed, and the outcome."""

    def __init__(self, values):
        self.values = values

    def __getattr__(self, name):
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(f"{name}: {self.values}") from None


def visit(
    action, url, email=None, password=None, viewport="desktop", scheme="light", name=None,
    keyboard=False, later=None,
):  # fmt: skip
    """Opens a link and does `action`: approve, deny or open. Screenshots go to the artefacts.

    With `keyboard` the decision is made with Tab and Enter instead of the mouse. `later` lets the
    page's clock jump that many seconds after it.
    """
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    command = ["node", str(SCRIPT), action, "--url", url, "--screenshots", str(SCREENSHOTS)]
    options = {"email": email, "viewport": viewport, "scheme": scheme, "name": name, "later": later}
    for option, value in options.items():
        if value is not None:
            command += [f"--{option}", str(value)]
    if keyboard:
        command.append("--keyboard")
    environment = {**os.environ, "NODE_PATH": str(DEPS / "node" / "node_modules")}
    if password is not None:
        environment["LINK_PAGE_PASSWORD"] = password
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, env=environment, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return Page(json.loads(done.stdout.splitlines()[-1]))
