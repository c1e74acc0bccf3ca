#!/usr/bin/env python3
"""Finds co_await expressions that GCC 12 compiles into a use after free.

Inside a co_await expression there must be no brace and no capturing lambda: name the object first,
then move it in. A lambda that captures nothing is fine. The condition of an if, while or switch
must not await: it makes the coroutine's reference parameters refer to something else. Name the
result first; 'if (auto x = co_await f())' is fine.

    scripts/check_co_await.py [FILE...]      default: all sources of the tree
"""

import os
import re
import sys

CO_AWAIT = re.compile(r"\bco_await\b")
CONDITION = re.compile(r"\b(?:if|while|switch)\s*(?=\()")
DECLARATION = re.compile(r"\s*(?:const\s+)?(?:auto\b|[\w:<>]+\s+\w+\s*=[^=])")
RAW_STRING = re.compile(r'(?:u8|u|U|L)?R"([^()\\\s]{0,16})\(')
SKIPPED_FOLDERS = {"build", "node_modules", "__pycache__"}
SUFFIXES = (".cpp", ".hpp", ".h", ".cc", ".ipp")
OPENING = {"(": ")", "[": "]", "{": "}"}
CLOSING = {")", "]", "}"}


def blank(text):
    """Replaces a piece by spaces, keeping its line breaks, so positions and lines stay."""
    return "".join("\n" if character == "\n" else " " for character in text)


def quoted_end(text, start):
    """Index after the string or character literal whose quote is at `start`."""
    index = start + 1
    while index < len(text) and text[index] != text[start] and text[index] != "\n":
        index += 2 if text[index] == "\\" else 1
    return min(index + 1, len(text))


def without_comments_and_strings(text):
    """Returns the text with comments and the inside of literals blanked."""
    result = []
    index = 0
    while index < len(text):
        raw = RAW_STRING.match(text, index)
        previous = text[index - 1] if index else " "
        if raw and not (previous.isalnum() or previous == "_"):
            end = text.find(f'){raw.group(1)}"', raw.end())
            end = len(text) if end < 0 else end + len(raw.group(1)) + 2
        elif text.startswith("//", index):
            end = index
            while end < len(text) and (text[end] != "\n" or text[end - 1] == "\\"):
                end += 1
        elif text.startswith("/*", index):
            end = text.find("*/", index + 2)
            end = len(text) if end < 0 else end + 2
        elif text[index] == '"' or (text[index] == "'" and not previous.isalnum()):
            end = quoted_end(text, index)
        else:
            result.append(text[index])
            index += 1
            continue
        result.append(blank(text[index:end]))
        index = end
    return "".join(result)


def matching_end(text, start):
    """Index after the bracket that closes the one at `start`."""
    stack = []
    for index in range(start, len(text)):
        if text[index] in OPENING:
            stack.append(OPENING[text[index]])
        elif stack and text[index] == stack[-1]:
            stack.pop()
            if not stack:
                return index + 1
    return len(text)


def starts_lambda(text, index):
    """True when the '[' at `index` introduces a lambda, not a subscript or an attribute."""
    before = text[:index].rstrip()
    if text.startswith("[[", index) or before.endswith("["):
        return False
    word = re.search(r"\w+$", before)
    if word:
        return word.group() in ("return", "co_await", "co_return", "co_yield")
    return not before.endswith((")", "]", '"'))


def skip_lambda(text, index):
    """Index after the body of the lambda whose '[' is at `index`."""
    index = matching_end(text, index)
    while index < len(text) and text[index] != "{":
        if text[index] in ";,)":
            return index
        index = matching_end(text, index) if text[index] in OPENING else index + 1
    return matching_end(text, index)


def check_expression(text, start):
    """Yields (position, reason) for what is wrong in the co_await expression that starts here."""
    depth = 0
    index = start
    while index < len(text):
        character = text[index]
        if character == "[" and starts_lambda(text, index):
            if text[index + 1 : matching_end(text, index) - 1].strip():
                yield index, "capturing lambda inside a co_await expression; name it first"
            index = skip_lambda(text, index)
            continue
        if character == "{":
            yield index, "brace inside a co_await expression; name the object first, then move it"
            index = matching_end(text, index)
            continue
        if character in OPENING:
            depth += 1
        elif character in CLOSING:
            depth -= 1
            if depth < 0:
                return
        elif depth == 0 and character in ";,":
            return
        index += 1


def check_condition(text, start):
    """Yields (position, reason) when the condition whose '(' is at `start` awaits."""
    end = matching_end(text, start) - 1
    begin = text.rfind(";", start, end) + 1 or start + 1
    awaits = CO_AWAIT.search(text, begin, end)
    if awaits and not DECLARATION.match(text, begin, end):
        yield awaits.start(), "co_await in a condition; name its result first"


def check_text(text):
    """Returns a list of (line number, reason), in the order of the text."""
    clean = without_comments_and_strings(text)
    found = {}
    for match in CONDITION.finditer(clean):
        for position, reason in check_condition(clean, match.end()):
            found[position] = reason
    for match in CO_AWAIT.finditer(clean):
        for position, reason in check_expression(clean, match.end()):
            found[position] = reason
    return [(clean.count("\n", 0, position) + 1, found[position]) for position in sorted(found)]


def source_files(root):
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(
            f for f in folders if not f.startswith(".") and f not in SKIPPED_FOLDERS
        )
        for name in sorted(files):
            if name.endswith(SUFFIXES):
                yield os.path.normpath(os.path.join(folder, name))


def main(arguments):
    if arguments and arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0
    root = os.path.join(os.path.dirname(__file__), "..")
    problems = 0
    for path in arguments or source_files(root):
        with open(path, encoding="utf-8") as file:
            for line, reason in check_text(file.read()):
                print(f"{path}:{line}: {reason}")
                problems += 1
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
