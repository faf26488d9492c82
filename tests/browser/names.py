"""How do an instance's names become hostile ones? Rewrites a JSON file so that each name that comes first is one of them.

    names.py JSON OUT SHOWN KEY...        those without blanks alone, where keys are words: word:KEY...

Every value of one of the keys, and every other text equal to it, becomes a hostile one of its own; SHOWN receives those
used as pages show them, one a line. The corpus: markup that ends a script or opens one, handlers, entities, formulas of spreadsheets, quotes,
line separators that JSON allows and old JavaScript does not, writing from right to left, emoji, combining marks, and
what is far too long.
"""

import json
import re
import sys

NAMES = [
    "</script><script>window.ran = 1</script>", "<img src=x onerror=window.ran=1>", "=cmd|' /C calc'!A0",
    "\"quoted\" 'twice' `thrice` \\n ${window.ran = 1}", "line\u2028separator\u2029there", "\u202eright to left\u202c שלום",
    "👩🏽‍🔬 emoji ﷽", "a" * 200, "<!-- <script> ]]>", "&lt;b class=hostile&gt; &amp;amp; &#60;", "<b class=hostile>bold</b>",
    "javascript:window.ran=1", "%s%n{{7*7}}", "é e\u0301 ǆ ß", "__proto__", "constructor", "</style><svg onload=window.ran=1>",
]


# Marks that turn the direction of writing are shown as the bytes that they are.
def shown_as(name):
    return re.sub("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]",
                  lambda mark: "".join(f"\\x{byte:02X}" for byte in mark[0].encode()), name)


def main():
    source, target, shown = sys.argv[1:4]
    words = any(key.startswith("word:") for key in sys.argv[4:])
    keys = {key.removeprefix("word:") for key in sys.argv[4:]}
    names = [name for name in NAMES if not words or len(name.split()) == 1]
    with open(source, encoding="utf-8") as file:
        document = json.load(file)
    renamed = {}

    def collect(value):
        if isinstance(value, dict):
            for key, inner in value.items():
                if key in keys and isinstance(inner, str) and inner not in renamed and len(renamed) < len(names):
                    renamed[inner] = names[len(renamed)]
                collect(inner)
        elif isinstance(value, list):
            for inner in value:
                collect(inner)

    def rename(value):
        if isinstance(value, dict):
            return {key: rename(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [rename(inner) for inner in value]
        return renamed.get(value, value) if isinstance(value, str) else value

    collect(document)
    with open(target, "w", encoding="utf-8") as file:
        json.dump(rename(document), file)
    with open(shown, "w", encoding="utf-8", newline="\n") as file:
        file.write("".join(shown_as(name) + "\n" for name in renamed.values()))


if __name__ == "__main__":
    main()
