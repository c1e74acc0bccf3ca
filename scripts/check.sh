#!/usr/bin/env bash
# The quick gate, seconds: layers, co_await rule, shell and Python syntax, formatting.
#   scripts/check.sh           checks; every line starts with ok or FAILED
#   scripts/check.sh --fix     formats the tracked sources instead
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root" || exit 1

sources() { git ls-files '*.cpp' '*.hpp'; }

require_clang_format() {
    command -v clang-format >/dev/null && return
    echo "clang-format is missing; run ./scripts/install_packages.sh test"
    return 1
}

if [[ ${1:-} == --fix ]]; then
    require_clang_format >&2 || exit 1
    sources | xargs -r clang-format -i
    exit
elif [[ ${1:-} == -h || ${1:-} == --help ]]; then
    sed -n '2,4s/^# \{0,1\}//p' "$0"
    exit
fi

failures=0
run() {
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        echo "ok      $name"
    else
        echo "FAILED  $name"
        sed 's/^/    /' <<<"$output"
        failures=$((failures + 1))
    fi
}

check_format() {
    require_clang_format || return 1
    local version
    version=$(clang-format --version | sed -n 's/.*version \([0-9]*\).*/\1/p')
    if [[ $version != 14 ]]; then
        echo "clang-format 14 is needed (./scripts/install_packages.sh test), this is $version"
        return 1
    fi
    local file bad=0
    for file in $(sources); do
        clang-format "$file" | cmp -s "$file" - || { echo "$file"; bad=1; }
    done
    [[ $bad == 0 ]] || echo "scripts/check.sh --fix formats them"
    return "$bad"
}

check_shell() {
    local script
    for script in $(git grep -lE '^#!/usr/bin/env bash' -- scripts tests .ci); do
        bash -n "$script" || return 1
    done
}

check_python() {
    git ls-files '*.py' | /usr/bin/python3 -c '
import ast, sys
for path in sys.stdin.read().split():
    ast.parse(open(path, encoding="utf-8").read(), path)'
}

run layers /usr/bin/python3 scripts/check_layers.py
run co_await /usr/bin/python3 scripts/check_co_await.py
run shell check_shell
run python check_python
run format check_format
exit $((failures > 0))
