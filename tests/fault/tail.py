"""Is every torn end of a journal repaired, and every damaged byte before its last record refused?

  tail.py DSE FOLDER WHOLE STRIDE

WHOLE is the results folder of a finished run. Its settings and a damaged copy of its journal are laid into FOLDER, as a
crash would leave them, and resumed: cut at every offset (of STRIDE) of the last two records; one bit flipped in every
byte of them; and bits here and there in the records before. Source: reliability §3 (torn tail), §10.1.

Prints a line `GROUP: N journals, M bad` a group and what was wrong, and exits with 1 if anything was. Left out: the
header (tests/cli/journal.sh) and what a payload may hold (tests/unit/results).
"""

import re
import sys

from journal_file import HEADER_BYTES, records
from program import Folder, Program, differences

SALVAGED = 7  # each so-manieth refused journal is salvaged


class Tail:
    def __init__(self, program, path, whole):
        self.program, self.folder = program, Folder(path)
        self.whole = Folder(whole).contents()
        self.journal = self.whole["journal"]
        self.records = records(self.journal)
        if len(self.records) < 4 or self.records[-1][1] != len(self.journal):
            sys.exit("%s: a journal of four records and more was expected" % whole)
        self.n = self.n_bad = 0

    def resume(self, *options):
        return self.program.run("resume", self.folder.path, *options)

    def lay(self, journal):
        self.folder.fill({"run.cfg": self.whole["run.cfg"], "journal": journal})

    def record_at(self, offset):
        return next(record for record in self.records if record[0] <= offset < record[1])

    def is_whole(self, status, journal, cut_at):
        """A torn tail: said with its place, cut, computed again. Answers what is wrong, or None."""
        if status[0] != 0:
            return "exit status %s, not repaired" % status[0]
        wrong = differences(self.folder.contents(), self.whole)
        if wrong:
            return "%s differ" % wrong
        if self.folder.has("journal.damaged"):
            return "a torn tail was kept as damage"
        told = re.search(r"(\d+) bytes at offset (\d+) were torn", status[1])
        torn = len(journal) - cut_at
        if (int(told[1]), int(told[2])) != (torn, cut_at) if told else torn > 0:
            return "the torn tail of %d bytes at offset %d was not told" % (torn, cut_at)
        return None

    def is_refused(self, status, journal, record):
        offset, _, number = record
        told = re.search(r"damaged: .* at offset (\d+) \(round (\d+)\)", status[1])
        if status[0] != 1:
            return "exit status %s, not refused" % status[0]
        if not told or (int(told[1]), int(told[2])) != (offset, number):
            return "refused without its place, offset %d and round %d" % (offset, number)
        if len(status[1].splitlines()) != 1 or "--salvage" not in status[1]:
            return "not refused in one line that says what next"
        if self.folder.journal() != journal:
            return "the damaged journal was changed"
        if set(self.folder.names()) - {"run.cfg", "journal", "lock"}:
            return "results were made of a damaged journal"
        return None

    def is_salvaged(self, journal, record):
        status = self.resume("--salvage")
        if status[0] != 0:
            return "salvage: exit status %s: %s" % status
        wrong = differences(self.folder.contents(), self.whole)
        if wrong:
            return "salvage: %s differ" % wrong
        if self.folder.read("journal.damaged") != journal[record[0] :]:
            return "salvage: journal.damaged is not the rest"
        return None

    def judge(self, name, journal, damaged_at=None):
        """A journal that ends early (None) or is damaged at an offset: both fates of it."""
        self.n += 1
        self.lay(journal)
        status = self.resume()
        if damaged_at is None or self.record_at(damaged_at) == self.records[-1]:
            cut_at = max([r[1] for r in self.records if r[1] <= len(journal)], default=HEADER_BYTES)
            wrong = self.is_whole(status, journal, cut_at if damaged_at is None else self.records[-1][0])
        else:
            record = self.record_at(damaged_at)
            wrong = self.is_refused(status, journal, record)
            if not wrong and self.n % SALVAGED == 0:
                wrong = self.is_salvaged(journal, record)
        if wrong:
            self.n_bad += 1
            if self.n_bad <= 20:
                print("FAILED: %s: %s" % (name, wrong))
                print("    " + "\n    ".join(status[1][:900].splitlines()))

    def flip(self, offset, bit):
        changed = bytearray(self.journal)
        changed[offset] ^= 1 << bit
        self.judge("bit %d of byte %d flipped" % (bit, offset), bytes(changed), offset)

    def group(self, name, judge, what):
        before = self.n, self.n_bad
        for one in what:
            judge(one)
        print("%s: %d journals, %d bad" % (name, self.n - before[0], self.n_bad - before[1]), flush=True)
        if self.n == before[0]:
            sys.exit("a group without journals proves nothing")


def main():
    (dse, path, whole), stride = sys.argv[1:4], int(sys.argv[4])
    tail = Tail(Program(dse), path, whole)
    end, last_two, last = len(tail.journal), tail.records[-2][0], tail.records[-1][0]
    tail.group(
        "cut within the last two records",
        lambda at: tail.judge("cut at %d" % at, tail.journal[:at]),
        range(last_two, end, stride),
    )
    tail.group("a bit of the last record", lambda at: tail.flip(at, at % 8), range(last, end, stride))
    tail.group("a bit of the last but one", lambda at: tail.flip(at, at % 8), range(last_two, last, stride))
    # 13 is odd, so that the places wander through the fields of the records.
    tail.group("a bit before", lambda at: tail.flip(at, at % 8), range(HEADER_BYTES, last_two, 13 * stride))
    print("%d passed, %d failed" % (tail.n - tail.n_bad, tail.n_bad))
    sys.exit(1 if tail.n_bad else 0)


if __name__ == "__main__":
    main()
