"""What the scripts refuse before they begin their work."""

import pathlib
import subprocess

import pytest

SCRIPTS = pathlib.Path(__file__).parents[2] / "scripts"


def call(script, *arguments):
    return subprocess.run(
        [SCRIPTS / script, *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments", [["--prot", "1"], ["folder"], ["--dir", "/d", "--free-port"], ["--dir=/d", "x"]]
)
def test_up_refuses_unknown_arguments_before_it_builds(arguments):
    done = call("up", *arguments)
    assert done.returncode == 2
    assert "unknown argument" in done.stderr and "installing" not in done.stderr
