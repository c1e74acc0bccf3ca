"""The rule of scripts/check_co_await.py, by examples."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "scripts"))

from check_co_await import check_text  # noqa: E402

ALLOWED = {
    "plain call": "co_await f(a, b);",
    "named and moved": "Agg agg{1}; co_await f(std::move(agg));",
    "constructor with parentheses": 'co_await f(std::string("x"));',
    "block after a condition": "if (auto r = co_await f(x)) { g({1}); }",
    "declaration in a condition": "while (const Row row = co_await f()) { Agg a{1}; }",
    "result in a condition": "const bool ended = co_await f(); if (!ended) { }",
    "init statement of a condition": "if (auto r = co_await f(); !r) { }",
    "in a branch": "if (x) { co_await f(); }",
    "brace in a string": 'co_await f("{", "}");',
    "brace in a character": "co_await f('{');",
    "brace in a comment": "co_await f(a /* {} */);  // {",
    "brace in a raw string": 'co_await f(R"x({")})x");',
    "digit separators": "co_await f(1'000'000); Agg a{1};",
    "the word in a comment": "// co_await f({1});",
    "the word in a string": 'log("co_await f({1})");',
    "the word inside another word": "my_co_await_thing({1});",
    "brace in the next statement": "co_await f();\nauto a = Agg{1};",
    "brace after a comma outside": "g(co_await f(), Agg{1});",
    "lambda without capture": "co_await f([](int x) { return x; });",
    "lambda without capture, with attributes": "co_await f([](int x) noexcept -> int { return x; });",
    "subscript": "co_await f(a[i], b()[0]);",
    "brace before": "auto x = Agg{1}; auto y = co_await g(x);",
    "structured binding": "auto& [a, b] = r; co_await f(a);",
}

FORBIDDEN = {
    "aggregate": "co_await f(Agg{1});",
    "bare braces": "co_await f({1, 2});",
    "deep": "co_await f(g(h(Agg{1})));",
    "result used": "auto r = co_await f(Agg{.a = 1});",
    "in a condition": "if (auto r = co_await f({1})) { }",
    "condition of if": "if (!co_await f()) { }",
    "condition of while": "while (co_await f()) { }",
    "condition of switch": "switch (co_await f()) { case 1: break; }",
    "condition behind an init statement": "if (auto x = g(); co_await f(x)) { }",
    "comparison in a condition": "if (co_await f() == 1) { }",
    "part of a condition": "if (x && co_await f()) { }",
    "over lines": "co_await f(a,\n    b,\n    {1});",
    "second operand": "co_await f() || g({1});",
    "empty braces": "co_await f({});",
    "capture by copy": "co_await run([x] { return x; });",
    "capture by default": "co_await run([=] { return x; });",
    "capture by reference": "co_await run([&] { return x; });",
    "capture of this": "co_await run([this]() -> int { return x_; });",
    "awaited lambda": "co_await [x]() -> awaitable<int> { co_return x; }();",
    "inner co_await": "co_await f(co_await g({1}));",
    "inside a lambda body": "co_await f([](int x) -> A { co_await g({x}); });",
    "returned": "co_return co_await f({1});",
}


@pytest.mark.parametrize("name", ALLOWED)
def test_allowed(name):
    assert check_text(ALLOWED[name]) == []


@pytest.mark.parametrize("name", FORBIDDEN)
def test_forbidden(name):
    assert len(check_text(FORBIDDEN[name])) == 1


def test_names_the_line_of_the_brace():
    text = 'int a;\n/* two\nlines */\nauto s = R"(\n)";\nco_await f(x,\n  {1});\n'
    assert [line for line, _ in check_text(text)] == [7]


def test_reports_every_place_once():
    assert len(check_text("co_await f({1}, {2});\nco_await g(co_await h({3}));")) == 3
