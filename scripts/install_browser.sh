#!/usr/bin/env bash
# Installs the Node.js packages of the tests into .deps/node: playwright-core, which drives Debian's
# chromium, and pg with pg-copy-streams, one of the drivers that connect through the proxy.
#   scripts/install_browser.sh
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
folder="$root/.deps/node"
packages=(playwright-core@1.60.0 pg@8.16.3 pg-copy-streams@6.0.6)

case ${1:-} in -h | --help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;; esac

missing=0
for package in "${packages[@]}"; do
    grep -qs "\"version\": \"${package##*@}\"" "$folder/node_modules/${package%@*}/package.json" ||
        missing=1
done
[[ $missing == 0 ]] && exit 0

echo "installing ${packages[*]} into .deps/node" >&2
mkdir -p "$folder"
npm install --prefix "$folder" --no-save --no-package-lock --no-audit --no-fund --ignore-scripts \
    --loglevel=error "${packages[@]}" >&2
