"""How is the program started in a folder again and again, and what does it leave there?

For the scripts that do so hundreds of times, where a shell would spend longer than the program. Left out: verdicts.
"""

import json
import os
import shutil
import subprocess

from journal_file import good_bytes, records

# What of a results folder is the same for any history (tests/cli/harness.sh has the same list).
SAME_BYTES = [
    "front.csv",
    "topk.csv",
    "journal",
    "convergence.csv",
    "infeasible.csv",
    "columns.csv",
    "report.html",
    "trace-best.json",
    "run.cfg",
]
LIMIT_S = 180


class Program:
    def __init__(self, dse, library=None):
        self.dse, self.library = dse, library

    def run(self, *arguments, fault=None, trace=None):
        """Exit status (negative: the signal; None: it hung) and what was said on stderr."""
        environment = dict(os.environ)
        if fault or trace:
            environment["LD_PRELOAD"] = self.library
            environment["DSE_FAULT"] = fault or ""
            environment["DSE_FAULT_TRACE"] = trace or ""
        try:
            done = subprocess.run(
                [self.dse, *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None, "it was still there after %d s" % LIMIT_S
        return done.returncode, done.stderr.decode(errors="replace")


class Folder:
    """A results folder, read into memory when it is asked for."""

    def __init__(self, path):
        self.path = path

    def file(self, name):
        return os.path.join(self.path, name)

    def read(self, name):
        try:
            with open(self.file(name), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def write(self, name, data):
        with open(self.file(name), "wb") as file:
            file.write(data)

    def has(self, name):
        return os.path.exists(self.file(name))

    def names(self):
        return sorted(os.listdir(self.path)) if os.path.isdir(self.path) else []

    def contents(self):
        return {name: self.read(name) for name in self.names()}

    def fill(self, contents):
        """Nothing but these files (None: no folder either)."""
        shutil.rmtree(self.path, ignore_errors=True)
        if contents is None:
            return
        os.mkdir(self.path)
        for name, data in contents.items():
            self.write(name, data)

    def status(self):
        data = self.read("status.json")
        return json.loads(data) if data is not None else {}

    def journal(self):
        return self.read("journal") or b""

    def n_rounds(self):
        return len(records(self.journal()))

    def good_bytes(self):
        return good_bytes(self.journal())


def differences(contents, whole, names=None):
    """Which of these files (SAME_BYTES) are not those of the run that was never disturbed?"""
    return [name for name in names or SAME_BYTES if contents.get(name) != whole.get(name)]
