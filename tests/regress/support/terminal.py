"""A program in a pseudo-terminal, as a person uses it."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r")


class Terminal:
    """`expect` waits for a pattern in what came since the last match, and returns the match."""

    def __init__(self, command, environment=None):
        self.controller, worker = pty.openpty()
        fcntl.ioctl(worker, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 250, 0, 0))
        self.popen = subprocess.Popen(
            [str(part) for part in command],
            stdin=worker,
            stdout=worker,
            stderr=worker,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            env={**os.environ, "TERM": "dumb", "PAGER": "cat", **(environment or {})},
        )
        os.close(worker)
        self.text = ""
        self.position = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _read(self, timeout):
        """Reads what is there; False at the end of the program's output."""
        ready, _, _ = select.select([self.controller], [], [], max(timeout, 0))
        if not ready:
            return True
        try:
            piece = os.read(self.controller, 65536)
        except OSError:
            return False
        self.text += ESCAPES.sub("", piece.decode(errors="replace"))
        return bool(piece)

    def expect(self, pattern, timeout=30.0):
        deadline = time.monotonic() + timeout
        while True:
            match = re.compile(pattern).search(self.text, self.position)
            if match:
                self.position = match.end()
                return match
            left = deadline - time.monotonic()
            assert left > 0, f"not within {timeout} s: {pattern!r} in:\n{self.text}"
            if not self._read(left):
                match = re.compile(pattern).search(self.text, self.position)
                assert match, f"ended without {pattern!r}:\n{self.text}"

    def send_line(self, line):
        os.write(self.controller, line.encode() + b"\n")

    def interrupt(self):
        """Control-C."""
        os.write(self.controller, b"\x03")

    def kill(self):
        self.popen.send_signal(signal.SIGKILL)
        self.popen.wait()

    def wait(self, timeout=30.0):
        """Reads to the end and returns the exit code."""
        deadline = time.monotonic() + timeout
        while self._read(deadline - time.monotonic()):
            assert time.monotonic() < deadline, f"still running after {timeout} s:\n{self.text}"
        return self.popen.wait(max(deadline - time.monotonic(), 1))

    def close(self):
        if self.popen.poll() is None:
            self.kill()
        if self.controller >= 0:
            os.close(self.controller)
            self.controller = -1
