"""What a suite found: every check by name, the failures in full, and one line of counts at the end."""

import sys
import traceback
from contextlib import contextmanager


class Report:
    """Collects the checks of one suite."""

    def __init__(self, suite):
        self.suite = suite
        self.passed = 0
        self.failed = 0

    def check(self, what, problems):
        """Counts one check; `problems` is what is wrong, as a text or a list, empty when nothing is."""
        problems = [problems] if isinstance(problems, str) and problems else list(problems or [])
        if not problems:
            self.passed += 1
            return True
        self.failed += 1
        print(f"FAILED {self.suite}: {what}", *problems, sep="\n    ", flush=True)
        return False

    def equal(self, what, found, wanted):
        """Counts one comparison."""
        return self.check(what, "" if found == wanted else f"found  {found!r}\n    wanted {wanted!r}")

    @contextmanager
    def step(self, what):
        """Counts what runs inside; an exception is a failure with its last line of our own code."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - a suite reports whatever a client raises
            place = traceback.extract_tb(error.__traceback__)[-1]
            self.check(what, f"{type(error).__name__}: {error} ({place.filename}:{place.lineno})")
        else:
            self.passed += 1

    def end(self):
        """Prints the counts and ends the suite; one in which nothing was checked has failed."""
        print(f"{self.suite}: {self.passed} passed, {self.failed} failed", flush=True)
        sys.exit(1 if self.failed or not self.passed else 0)
