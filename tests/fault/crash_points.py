"""Does every single system call of a run survive its own death and failure?

  crash_points.py DSE LIBRARY RUN.cfg FOLDER [--all]

Launches of one small run are traced, then launched again once for each call that they make in their results folder,
with that call as the fault: the process killed there, the call failing (a write also with all that follow: a disk that
is full), cut short, torn, or claimed and not made. After each, the folder must be in order and the next launch must end
with the bytes of the run that was never disturbed. Source: reliability §9, "every crash point". Without --all, every
point is killed, and fails in one of the ways in turn.

Prints a line `GROUP: N points, M bad` a group and what was wrong, and exits with 1 if anything was. Left out: power
cuts (what a disk does with what was not synced cannot be seen from here).
"""

import json
import os
import re
import sys

from journal_file import good_bytes, records
from program import SAME_BYTES, Folder, Program, differences

MAX_LAUNCHES = 50  # a round each; a run that loses what it finished would never end
ERRORS = ["EIO", "ENOSPC", "ENOSPC+"]
REASONS = {"EIO": "Input/output error", "ENOSPC": "No space left on device"}
# Calls whose failure a run may survive unharmed: it only reads, tidies up, or writes the name of the lock's holder.
HARMLESS = {"read", "pread", "unlink"}


class Call:
    def __init__(self, name, path, n, number):
        self.name, self.path, self.n, self.number = name, path, int(n), number

    def __str__(self):
        return "%s %s (call %d)" % (self.name, os.path.basename(self.path), self.number)

    def is_on(self, *names):
        return os.path.basename(self.path) in names

    def may_fail_unheard(self):
        reads = self.name == "open" and self.n & os.O_ACCMODE == os.O_RDONLY and not self.n & os.O_DIRECTORY
        # Nothing was written by it: it was read, or is the folder after its sync, or a probe whether files can be made.
        closes = self.name == "close" and (not self.is_written or self.is_on("lock"))
        holder = self.is_on("lock") and self.name in ("ftruncate", "pwrite", "fsync")
        return self.name in HARMLESS or reads or closes or holder

    is_written = True
    number_of_name = 0


def read_trace(path, pattern):
    calls = []
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            name, where, n = line.rstrip("\n").split("\t")
            if where.startswith(pattern):
                calls.append(Call(name, where, n, len(calls) + 1))
                calls[-1].number_of_name = sum(call.name == name for call in calls)
    written = set()
    for call in calls:
        if call.name in ("write", "rename"):
            written.add(call.path)
        if call.name == "close":
            call.is_written = call.path in written and call.n & os.O_ACCMODE != os.O_RDONLY
    return calls


class Launch:
    """A kind of launch: from these files (None: no folder), with these arguments, to this exit status."""

    def __init__(self, name, contents, arguments, status, again=()):
        self.name, self.contents, self.arguments, self.status = name, contents, arguments, status
        self.again = again  # further options of the launch that goes on
        self.calls = []


class Judge:
    def __init__(self, program, config, path):
        self.program, self.config = program, config
        self.folder = Folder(path)
        self.versions = []  # files as a launch a round leaves them, the last of them complete
        self.whole = {}
        self.n_points = self.n_bad = 0
        self.group = ""

    # --- what an undisturbed run leaves ---

    def learn(self):
        """The whole run, and what a launch a round leaves after each."""
        self.folder.fill(None)
        for _ in range(MAX_LAUNCHES):
            status, said = self.program.run("explore", self.config, "--out", self.folder.path, "--max-time", "0")
            self.versions.append(self.folder.contents())
            if status == 0:
                break
            if status != 75:
                sys.exit("a launch a round: exit status %s: %s" % (status, said))
        self.folder.fill(None)
        status, said = self.program.run("explore", self.config, "--out", self.folder.path)
        self.whole = self.folder.contents()
        if status != 0 or differences(self.whole, self.versions[-1]):
            sys.exit("the whole run: exit status %s: %s" % (status, said))
        if self.folder.status().get("state") != "complete" or len(self.versions) < 4:
            sys.exit("the whole run: not complete, or of too few rounds for these tests")

    # --- verdicts ---

    def bad(self, launch, fault, what, said=""):
        self.n_bad += 1
        if self.n_bad - self.before[1] <= 8:
            print("FAILED: %s, %s: %s" % (launch.name, fault, what))
            for line in said.splitlines()[:6]:
                print("    " + line[:300])

    def fault_in_order(self, launch):
        """What is wrong with the folder as a fault left it, or None. (What was there before may be ahead of a journal
        that was damaged since.)"""
        files, earlier = self.folder.contents(), launch.contents or {}
        journal = files.get("journal") or b""
        n_rounds = len(records(journal))
        if journal[: good_bytes(journal)] != self.whole["journal"][: good_bytes(journal)]:
            return "the journal is no beginning of the whole one"
        for name in SAME_BYTES:
            if name in files and name != "journal" and files[name] != earlier.get(name):
                known = [version for version in self.versions if version.get(name) == files[name]]
                # The settings alone come before the first round.
                if not known or (name != "run.cfg" and len(records(known[0]["journal"])) > n_rounds):
                    return "%s is torn, or ahead of the journal of %d rounds" % (name, n_rounds)
        for name in ("status.json", "summary.json", "manifest.json"):
            try:
                json.loads(files.get(name) or b"{}")
            except ValueError:
                return name + " is torn"
        status = json.loads(files.get("status.json") or b"{}")
        if status.get("round", 0) > n_rounds and files["status.json"] != earlier.get("status.json"):
            return "status.json tells of %d rounds, the journal holds %d" % (status["round"], n_rounds)
        if status.get("state") == "complete" and differences(files, self.whole):
            return "called complete without %s" % differences(files, self.whole)
        return None

    def goes_on(self, launch):
        """What is wrong with the end of the next launch, or None; and what it said."""
        if self.folder.has("run.cfg"):
            status, said = self.program.run("resume", self.folder.path, *launch.again)
        else:
            status, said = self.program.run("explore", self.config, "--out", self.folder.path)
        files = self.folder.contents()
        if status != 0:
            return "the next launch: exit status %s" % status, said
        if differences(files, self.whole):
            return "after the next launch, %s differ" % differences(files, self.whole), said
        if self.folder.status().get("state") != "complete":
            return "after the next launch, not complete", said
        strange = [name for name in files if name not in self.whole and not name.startswith("journal.damaged")]
        if strange:
            return "after the next launch, %s are left" % strange, said
        return None, said

    def said_once(self, how, said):
        lines = said.splitlines()
        errors = [line for line in lines if REASONS[how.rstrip("+")] in line]
        if len(errors) != 1 or len(lines) != len(set(lines)):
            return "said %d times" % len(errors)
        if self.folder.path not in errors[0]:
            return "said without its place"
        return None

    # --- one fault ---

    def attack(self, launch, fault, expected, name=None):
        """Runs a launch with a fault. `expected(status, said)` answers what is wrong, or None."""
        self.n_points += 1
        name = name or fault
        self.folder.fill(launch.contents)
        before = good_bytes((launch.contents or {}).get("journal", b""))
        status, said = self.program.run(*launch.arguments, fault=fault)
        wrong = expected(status, said) or self.fault_in_order(launch)
        if not wrong and self.folder.good_bytes() < before:
            wrong = "finished rounds are lost"
        if not wrong:
            wrong, said = self.goes_on(launch)
        if wrong:
            self.bad(launch, name, wrong, said)

    def fault(self, call, how):
        if how.endswith("+"):  # a disk that stays full
            return "write:%d+:%s:%s*" % (call.number_of_name, how.rstrip("+"), self.folder.path)
        return "any:%d:%s:%s*" % (call.number, how, self.folder.path)

    def killed(self, status, _):
        return None if status == -9 else "exit status %s, not killed" % status

    def kill(self, launch, call, how="kill"):
        self.attack(launch, self.fault(call, how), self.killed, "%s at %s" % (how, call))

    def fail(self, launch, call, how):
        def expected(status, said):
            if status in (launch.status, 0) and call.may_fail_unheard():
                return None
            if status != 1:
                return "exit status %s" % status
            return self.said_once(how, said)

        self.attack(launch, self.fault(call, how), expected, "%s at %s" % (how, call))

    def survive(self, launch, call, how):
        def expected(status, said):
            if status != launch.status:
                return "exit status %s" % status
            wrong = differences(self.folder.contents(), self.whole) if status == 0 else None
            return "%s differ" % wrong if wrong else None

        self.attack(launch, self.fault(call, how), expected, "%s at %s" % (how, call))

    def lie(self, launch, number, n_records):
        """A record that never reached the disk, and a death before anything is published: noticed unless it is the
        last, which is computed again."""
        self.n_points += 1
        self.folder.fill(launch.contents)
        fault = "write:%d:lie:%s/journal,rename:1:kill:%s/front.csv" % (number, self.folder.path, self.folder.path)
        status, said = self.program.run(*launch.arguments, fault=fault)
        wrong = self.killed(status, said)
        if not wrong and number < n_records:
            before = self.folder.journal()
            status, said = self.program.run("resume", self.folder.path)
            place = re.search(r"offset (\d+) \(round (\d+)\)", said)
            if status != 1 or not place or int(place[2]) != number - 1:
                wrong = "the missing round %d: exit status %s" % (number - 1, status)
            elif before != self.folder.journal():
                wrong = "the damaged journal was changed"
        if not wrong:
            again = Launch("", None, (), 0, ("--salvage",) if number < n_records else ())
            wrong, said = self.goes_on(again)
        if wrong:
            self.bad(launch, "lie in record %d" % number, wrong, said)

    # --- all of them ---

    def trace(self, launch):
        path = self.folder.path + ".trace"
        if os.path.exists(path):
            os.unlink(path)
        self.folder.fill(launch.contents)
        status, said = self.program.run(*launch.arguments, trace=path)
        launch.calls = read_trace(path, self.folder.path)
        if status != launch.status or not launch.calls:
            sys.exit("%s: exit status %s, %d calls: %s" % (launch.name, status, len(launch.calls), said))

    def begin(self, group):
        self.end()
        self.group, self.before = group, (self.n_points, self.n_bad)

    def end(self):
        if self.group:
            n, bad = self.n_points - self.before[0], self.n_bad - self.before[1]
            print("%s: %d points, %d bad" % (self.group, n, bad), flush=True)
            if n == 0:
                sys.exit("a group without points proves nothing")
        self.group = ""


def launches_of(judge):
    """The first launch, one that goes on behind a torn tail to the end, one that salvages, one that finds all done."""
    path, config = judge.folder.path, judge.config
    torn = dict(judge.versions[1])
    torn["journal"] = judge.whole["journal"][: len(torn["journal"]) + 9]
    damaged = dict(judge.versions[2])
    (_, _, _), (at, _, _) = records(damaged["journal"])[:2]
    damaged["journal"] = damaged["journal"][: at + 25] + b"?" + damaged["journal"][at + 26 :]
    return [
        Launch("first launch", None, ("explore", config, "--out", path, "--max-time", "0"), 75),
        Launch("to the end", torn, ("resume", path), 0),
        Launch("salvage", damaged, ("resume", path, "--max-time", "0", "--salvage"), 75, ("--salvage",)),
        Launch("all done", judge.whole, ("explore", config, "--out", path), 0),
    ]


def main():
    everything = "--all" in sys.argv
    dse, library, config, path = [word for word in sys.argv[1:] if word != "--all"]
    judge = Judge(Program(dse, library), config, os.path.realpath(path))
    judge.learn()
    launches = launches_of(judge)
    for launch in launches:
        judge.trace(launch)
        calls = launch.calls
        if launch.name == "salvage" and not everything:
            # Behind the journal's new inode it is like the first launch.
            renamed = [call.number for call in calls if call.name == "rename" and call.is_on("journal")]
            calls = calls[: renamed[0] + 5]
        judge.begin("%s, killed" % launch.name)
        for call in calls:
            judge.kill(launch, call)
        judge.begin("%s, failing calls" % launch.name)
        for call in calls:
            for i, how in enumerate(ERRORS if call.name == "write" else ERRORS[:2]):
                if everything or call.number % len(ERRORS) == i:
                    judge.fail(launch, call, how)
        if launch.name == "all done":
            continue
        judge.begin("%s, torn writes" % launch.name)
        for call in calls:
            if call.name in ("write", "pwrite") and (everything or "journal" in call.path):
                for n in sorted({1, call.n // 2, call.n - 1}):
                    judge.kill(launch, call, "tear=%d" % n)
        judge.begin("%s, short writes and reads" % launch.name)
        for call in calls:
            if call.name in ("write", "pwrite", "read", "pread") and call.n > 1:
                for how in ("short=1", "short=%d" % (call.n - 1), "EINTR") if everything else ("short=1",):
                    if not (how == "EINTR" and call.is_on("lock")):
                        judge.survive(launch, call, how)
    judge.begin("lost writes")
    start = Launch("whole run", None, ("explore", config, "--out", judge.folder.path), 0)
    n_records = len(records(judge.whole["journal"]))
    for number in range(1, n_records + 1):
        judge.lie(start, number, n_records)
    judge.end()
    print("%d passed, %d failed" % (judge.n_points - judge.n_bad, judge.n_bad))
    sys.exit(1 if judge.n_bad else 0)


if __name__ == "__main__":
    main()
