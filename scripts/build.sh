#!/usr/bin/env bash
# Configures and builds one preset, with progress; everything is left in build/PRESET.
#   scripts/build.sh [PRESET [TARGET...]]     default: release, all targets
#   scripts/build.sh release programs         only what users run: sluice-proxy, sluice-auth, sluicectl
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
case ${1:-} in -h | --help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
preset=${1:-release}
shift || true
case $preset in
release | debug | asan | tsan | fuzz) ;;
*) echo "error: unknown preset '$preset' (presets: release debug asan tsan fuzz)" >&2; exit 2 ;;
esac
if ! command -v cmake >/dev/null; then
    echo "error: cmake is missing; run ./scripts/install_packages.sh build" >&2
    exit 1
fi

cd "$root"
export NINJA_STATUS='[%f/%t %es] '
log="build/$preset/configure.log"
mkdir -p "build/$preset"
if ! cmake --preset "$preset" -DSLUICE_TESTS=ON >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
targets=()
[[ $# == 0 ]] || targets=(--target "$@")
cmake --build --preset "$preset" --parallel "$(nproc)" "${targets[@]}"
