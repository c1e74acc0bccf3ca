#!/usr/bin/env python3
"""Adds up what scripts/test left in a folder: JUnit files and steps.txt ('STATUS NAME' a line).

Prints the names of what failed and, as the last line, 'N passed, M failed'; exits 1 when something
failed or when nothing ran.

    scripts/test_summary.py FOLDER
"""

import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def read_junit(path):
    """Yields (name, passed, skipped) for every test case of a JUnit file."""
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = f"{path.stem}: {case.get('classname', '')}.{case.get('name', '')}"
        failed = any(case.find(tag) is not None for tag in ("failure", "error"))
        skipped = case.find("skipped") is not None or case.get("status") in ("notrun", "disabled")
        yield name, not failed, skipped


def read_steps(path):
    for line in path.read_text(encoding="utf-8").splitlines():
        status, name = line.split(" ", 1)
        yield name, status == "0", False


def main(folder):
    cases = []
    for path in sorted(folder.glob("*.xml")):
        cases += read_junit(path)
    steps = folder / "steps.txt"
    if steps.exists():
        cases += read_steps(steps)

    failed = [name for name, passed, _ in cases if not passed]
    skipped = [name for name, passed, was_skipped in cases if passed and was_skipped]
    passed = len(cases) - len(failed) - len(skipped)
    for name in failed:
        print(f"FAILED {name}")
    if not cases:
        print("no test ran")
    print(
        f"{passed} passed, {len(failed)} failed" + (f", {len(skipped)} skipped" if skipped else "")
    )
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
