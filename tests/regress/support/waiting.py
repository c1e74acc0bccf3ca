"""Waiting for a condition instead of for a time."""

import select
import time


def wait_until(condition, timeout=10.0, interval=0.02, what=None):
    """Calls `condition` until it returns something true, and returns that.

    An exception of type AssertionError or OSError counts as "not yet". After `timeout` seconds the
    last of them, or an AssertionError naming `what`, is raised.
    """
    deadline = time.monotonic() + timeout
    while True:
        problem = None
        try:
            result = condition()
            if result:
                return result
        except (AssertionError, OSError) as error:
            problem = error
        if time.monotonic() >= deadline:
            name = what or getattr(condition, "__name__", "condition")
            raise AssertionError(f"not within {timeout} s: {name}") from problem
        select.select([], [], [], interval)
