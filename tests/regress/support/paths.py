"""Where the tree, the binaries under test and the artefacts are."""

import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[3]
REGRESS = ROOT / "tests" / "regress"
DEPS = ROOT / ".deps"
ARTIFACTS = ROOT / "build" / "artifacts"
JDBC = pathlib.Path("/usr/share/java/postgresql.jar")
SCREENSHOTS = ARTIFACTS / "screenshots"


def binary(name):
    """Path of a binary under test, from $SLUICE_BIN (default build/release/bin)."""
    folder = pathlib.Path(os.environ.get("SLUICE_BIN", ROOT / "build" / "release" / "bin"))
    path = folder.resolve() / name
    assert path.exists(), f"{path} is not built; run scripts/build.sh"
    return str(path)
