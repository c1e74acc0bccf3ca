#!/usr/bin/env python3
"""Checks that #include edges between folders are a subset of cmake/layers.txt.

Fails on an include of a layer that the including layer does not depend on, on a cycle, on a source
file that belongs to no layer, and, in layers marked S, on what does I/O or reads a clock.

    scripts/check_layers.py [ROOT]
"""

import os
import re
import sys
from dataclasses import dataclass

LAYER_LINE = re.compile(r"^(\w+)(?:\s+\[(S)\])?\s*:\s*([^:]+):(.*)$")
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
NOW_CALL = re.compile(r"::now\s*\(")
SKIPPED_FOLDERS = {"build", "node_modules", "__pycache__"}
SUFFIXES = (".cpp", ".hpp", ".h", ".cc", ".ipp")

# What a layer without I/O must not include, as prefixes of the name in angle brackets.
FORBIDDEN_INCLUDES = ("boost/asio", "boost/beast", "sys/socket.h", "netinet/", "unistd.h")
FORBIDDEN_HEADERS = {"thread", "mutex", "shared_mutex", "condition_variable", "fstream", "future"}
OPENSSL_ALLOWED_IN = {"crypto"}


class LayerError(Exception):
    """layers.txt itself is wrong."""


@dataclass
class Layer:
    name: str
    folders: list
    allowed: list
    sans_io: bool


def parse_layers(text):
    """Returns the layers by name; raises LayerError with the line that is wrong."""
    layers = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.split("#", 1)[0].strip()
        if not line:
            continue
        match = LAYER_LINE.match(line)
        if not match:
            raise LayerError(f"layers.txt:{number}: expected 'name [S]: folder...: layer...'")
        name, mark, folders, allowed = match.groups()
        if name in layers:
            raise LayerError(f"layers.txt:{number}: layer '{name}' appears twice")
        layers[name] = Layer(name, folders.split(), allowed.split(), mark == "S")
    for layer in layers.values():
        for name in layer.allowed:
            if name not in layers:
                raise LayerError(f"layers.txt: '{layer.name}' depends on unknown layer '{name}'")
    return layers


def closure(layers):
    """Returns for every layer all layers it may include; raises LayerError on a cycle."""
    reachable = {}

    def visit(name, path):
        if name in path:
            raise LayerError("layers.txt: cycle: " + " -> ".join([*path, name]))
        if name not in reachable:
            result = {name}
            for dependency in layers[name].allowed:
                result |= visit(dependency, [*path, name])
            reachable[name] = result
        return reachable[name]

    for name in layers:
        visit(name, [])
    return reachable


def layer_of(layers, path):
    """Returns the layer with the longest folder that `path` lies in, or None."""
    best, best_length = None, -1
    for layer in layers.values():
        for folder in layer.folders:
            if path.startswith(folder + "/") and len(folder) > best_length:
                best, best_length = layer, len(folder)
    return best


def source_files(root):
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(
            f for f in folders if not f.startswith(".") and f not in SKIPPED_FOLDERS
        )
        for name in sorted(files):
            if name.endswith(SUFFIXES):
                yield os.path.relpath(os.path.join(folder, name), root)


def forbidden_reason(layer, header):
    """Why a layer without I/O must not include <header>, or None."""
    if header in FORBIDDEN_HEADERS or header.startswith(FORBIDDEN_INCLUDES):
        return f"layer '{layer.name}' does no I/O and must not include <{header}>"
    if header.startswith("openssl/") and layer.name not in OPENSSL_ALLOWED_IN:
        return f"layer '{layer.name}' must not include <{header}>; use common/crypto"
    return None


def check_file(path, text, layers, reachable, root):
    """Returns the problems of one file, as 'path:line: text'."""
    layer = layer_of(layers, path)
    if layer is None:
        return [f"{path}: belongs to no layer of cmake/layers.txt"]
    problems = []
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        reason = None
        if match and match.group(1):
            target_path = match.group(1)
            target = layer_of(layers, target_path)
            if target is None:
                if not os.path.exists(os.path.join(root, target_path)):
                    reason = f'"{target_path}" is not a path from the root'
            elif target.name not in reachable[layer.name]:
                reason = (
                    f"layer '{layer.name}' must not include \"{target_path}\" of '{target.name}'"
                )
        elif match and layer.sans_io:
            reason = forbidden_reason(layer, match.group(2))
        elif layer.sans_io and NOW_CALL.search(line.split("//", 1)[0]):
            reason = f"layer '{layer.name}' reads no clock; take the time as an argument"
        if reason:
            problems.append(f"{path}:{number}: {reason}")
    return problems


def check_tree(root):
    """Returns all problems below `root`; raises LayerError when layers.txt is wrong."""
    with open(os.path.join(root, "cmake/layers.txt"), encoding="utf-8") as file:
        layers = parse_layers(file.read())
    reachable = closure(layers)
    problems = []
    for path in source_files(root):
        with open(os.path.join(root, path), encoding="utf-8") as file:
            problems += check_file(path, file.read(), layers, reachable, root)
    return problems


def main(arguments):
    if arguments and arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0
    root = arguments[0] if arguments else os.path.join(os.path.dirname(__file__), "..")
    try:
        problems = check_tree(os.path.normpath(root))
    except LayerError as error:
        problems = [str(error)]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
