"""Where do a journal's records lie? What results/journal_format.h says of its frames, read a second time.

Shares no code with the program, which the tests use it to judge. Left out: what is in a payload.
"""

import struct
import zlib

HEADER_BYTES = 64
FRAME_BYTES = 20
MARK = b"\xd5eR\n"
MAX_PAYLOAD_BYTES = 64 << 20


def records(journal):
    """(offset, end, round) of each whole record from the first on, up to what is not the next whole record."""
    found, at = [], HEADER_BYTES
    while at + FRAME_BYTES <= len(journal):
        mark, n_payload, number, crc = struct.unpack_from("<4sIQI", journal, at)
        end = at + (FRAME_BYTES + n_payload + 7) // 8 * 8
        if mark != MARK or n_payload > MAX_PAYLOAD_BYTES or end > len(journal):
            break
        payload = journal[at + FRAME_BYTES : at + FRAME_BYTES + n_payload]
        padding = journal[at + FRAME_BYTES + n_payload : end]
        if zlib.crc32(payload, zlib.crc32(journal[at + 4 : at + 16])) != crc or any(padding) or number != len(found):
            break
        found.append((at, end, number))
        at = end
    return found


def good_bytes(journal):
    """Length of the journal up to the end of its last whole record; 0 without a whole header."""
    found = records(journal)
    return found[-1][1] if found else min(len(journal), HEADER_BYTES) // HEADER_BYTES * HEADER_BYTES
