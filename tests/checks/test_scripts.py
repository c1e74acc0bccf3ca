"""What the scripts refuse before they begin their work."""

import os
import pathlib
import shutil
import subprocess

import pytest

SCRIPTS = pathlib.Path(__file__).parents[2] / "scripts"


def call(script, *arguments, path=os.environ["PATH"]):
    return subprocess.run(
        [SCRIPTS / script, *arguments],
        env={**os.environ, "PATH": str(path)},
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


def test_build_refuses_an_unknown_preset_and_leaves_nothing():
    done = call("build.sh", "--hlep")
    assert done.returncode == 2 and "unknown preset '--hlep'" in done.stderr
    assert not (SCRIPTS.parent / "build" / "--hlep").exists()


def test_build_names_the_command_that_installs_cmake(tmp_path):
    """A folder of programs without cmake, instead of the machine's."""
    for program in ("bash", "dirname"):
        (tmp_path / program).symlink_to(shutil.which(program))
    done = call("build.sh", "release", path=tmp_path)
    assert done.returncode == 1
    assert "./scripts/install_packages.sh build" in done.stderr
