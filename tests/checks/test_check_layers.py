"""scripts/check_layers.py on small trees made for the purpose."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "scripts"))

from check_layers import LayerError, check_tree, closure, parse_layers  # noqa: E402

LAYERS = """
base [S]:   common/base:
crypto [S]: common/crypto: base
net:        common/net:    base crypto
app:        app:           net
app_core:   app/core:      base
"""


def write(root, path, text=""):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.fixture
def tree(tmp_path):
    write(tmp_path, "cmake/layers.txt", LAYERS)
    write(tmp_path, "common/base/a.hpp")
    write(tmp_path, "common/net/n.hpp", '#include "common/base/a.hpp"\n')
    return tmp_path


def test_a_tree_in_order_has_no_problem(tree):
    assert check_tree(tree) == []


def test_layers_below_the_named_ones_may_be_included(tree):
    write(tree, "app/main.cpp", '#include "common/base/a.hpp"\n#include "common/net/n.hpp"\n')
    assert check_tree(tree) == []


def test_an_edge_upwards_is_a_problem(tree):
    write(tree, "common/base/b.hpp", '\n#include "common/net/n.hpp"\n')
    (problem,) = check_tree(tree)
    assert problem.startswith("common/base/b.hpp:2: ") and "'net'" in problem


def test_the_longest_folder_decides(tree):
    write(tree, "app/core/c.cpp", '#include "common/net/n.hpp"\n')
    (problem,) = check_tree(tree)
    assert "layer 'app_core'" in problem


def test_a_file_without_layer_is_a_problem(tree):
    write(tree, "elsewhere/x.cpp")
    assert check_tree(tree) == ["elsewhere/x.cpp: belongs to no layer of cmake/layers.txt"]


def test_a_path_that_is_not_from_the_root_is_a_problem(tree):
    write(tree, "common/net/m.cpp", '#include "n.hpp"\n')
    assert "not a path from the root" in check_tree(tree)[0]


@pytest.mark.parametrize(
    "line",
    [
        "#include <boost/asio.hpp>",
        "#include <boost/asio/ip/tcp.hpp>",
        "#include <thread>",
        "#include <mutex>",
        "#include <fstream>",
        "#include <openssl/evp.h>",
        "auto t = std::chrono::steady_clock::now();",
    ],
)
def test_a_layer_without_io_has_none(tree, line):
    write(tree, "common/base/io.cpp", line + "\n")
    (problem,) = check_tree(tree)
    assert problem.startswith("common/base/io.cpp:1: ")


def test_the_same_is_fine_in_other_layers(tree):
    write(
        tree, "common/net/io.cpp", "#include <boost/asio.hpp>\n#include <thread>\nClock::now();\n"
    )
    write(tree, "common/crypto/hash.cpp", "#include <openssl/evp.h>\n// Clock::now()\n")
    assert check_tree(tree) == []


def test_a_cycle_is_refused():
    with pytest.raises(LayerError, match="cycle: a -> b -> a"):
        closure(parse_layers("a: x: b\nb: y: a\n"))


def test_an_unknown_layer_is_refused():
    with pytest.raises(LayerError, match="unknown layer 'c'"):
        parse_layers("a: x: c\n")
