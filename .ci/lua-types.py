"""Shows what the type checker found in the Lua files, but for what it cannot know.

usage: emmylua_check --output-format json ... | python3 lua-types.py FOLDER
"""

import json
import re
import sys

MESSAGES = (
    r"^expected `(?P<expected>.*?)` but found `(?P<given>.*?)`",
    r"^Cannot assign `(?P<given>.*?)` to `(?P<expected>.*?)`",
    r"has a type of `(?P<expected>.*?)`, returning value of type `(?P<given>.*?)`",
)
# In tests wrong and partial values are passed on purpose.
NOT_IN_TESTS = {"param-type-mismatch", "assign-type-mismatch", "missing-fields", "inject-field"}


# A function that ends in `fail.raise` returns nothing, which the checker does not know.
NOWHERE = {"missing-return"}


def members(text):
    """The types of a union, without the mark that a value may be nil: such a one raises where it is used."""
    text = text.replace("?", "")
    if text.startswith("(") and text.endswith(")"):
        text = text[1:-1]
    return set(text.split("|")) - {"nil"}


def only_nil(message):
    """Whether a value is wrong only in that it may be nil, or in that nobody knows what it is."""
    for pattern in MESSAGES:
        if found := re.search(pattern, message):
            break
    else:
        return False
    expected, given = members(found["expected"]), members(found["given"])
    # Arithmetic on integers gives a number, as far as the checker knows.
    if given == {"number"} and expected & {"integer", "std.readmode"}:
        return True
    return given <= expected or bool(given & {"any", "unknown"})


count = 0
for one in json.load(sys.stdin):
    name = one["file"].split(sys.argv[1].rstrip("/") + "/", 1)[-1]
    for found in one["diagnostics"]:
        code, message = found["code"], found["message"]
        if found["severity"] > 2 or code in NOWHERE or only_nil(message) or (name.startswith("tests/") and code in NOT_IN_TESTS):
            continue
        print(f"{name}:{found['range']['start']['line'] + 1}: {message.strip()} [{code}]")
        count += 1
sys.exit(count > 0)
