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


def folder_of_programs(folder, *names):
    """A PATH with these alone."""
    for name in names:
        (folder / name).symlink_to(shutil.which(name))
    return folder


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
    done = call("build.sh", "release", path=folder_of_programs(tmp_path, "bash", "dirname"))
    assert done.returncode == 1
    assert "./scripts/install_packages.sh build" in done.stderr


def test_the_gate_names_the_command_that_installs_its_formatter(tmp_path):
    done = call("check.sh", "--fix", path=folder_of_programs(tmp_path, "bash", "dirname"))
    assert done.returncode == 1
    assert "clang-format is missing; run ./scripts/install_packages.sh test" in done.stderr


@pytest.mark.parametrize("option", ["-k", "--pg", "--preset", "--seconds"])
def test_an_option_of_the_tests_without_its_value(option):
    done = call("test", "--unit", option)
    assert (done.returncode, done.stderr) == (2, f"error: {option} needs a value\n")
