"""The log of a service as JSON lines."""

import json
import pathlib


class Log:
    """Reads the JSON lines a service wrote into a file; lines that are no JSON are kept apart."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def text(self):
        return self.path.read_text(errors="replace") if self.path.exists() else ""

    def lines(self):
        result = []
        for line in self.text().splitlines():
            if line.startswith("{"):
                result.append(json.loads(line))
        return result

    def other_lines(self):
        return [line for line in self.text().splitlines() if line and not line.startswith("{")]

    def at_level(self, *levels):
        return [line for line in self.lines() if line.get("level", "").lower() in levels]

    def assert_no_errors(self, expected=()):
        """No line of level error or worse but the expected ones (parts of their messages), and
        nothing that a sanitizer or a crash prints."""
        errors = [
            line
            for line in self.at_level("error", "critical", "fatal")
            if not any(part in line["message"] for part in expected)
        ]
        assert not errors, f"{self.path}: {errors[:5]}"
        crashes = [
            line
            for line in self.other_lines()
            if "Sanitizer" in line or "runtime error" in line or "terminate called" in line
        ]
        assert not crashes, f"{self.path}: {self.text()[-5000:]}"
