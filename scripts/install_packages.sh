#!/usr/bin/env bash
# Installs the Debian packages that a group of tasks needs and that are missing.
#   scripts/install_packages.sh GROUP...      groups: build run test fuzz
set -euo pipefail

build_packages=(g++ cmake ninja-build ccache lld pkg-config python3 git ca-certificates
    libssl-dev libsodium-dev libyaml-cpp-dev prometheus-cpp-dev libspdlog-dev libfmt-dev
    libcli11-dev libsqlite3-dev libgtest-dev libbenchmark-dev)
run_packages=(postgresql postgresql-client openssl procps util-linux)
test_packages=(python3-pytest python3-psycopg python3-pytest-timeout pgbouncer haproxy chromium
    libpostgresql-jdbc-java strace openssl curl clang-format fonts-dejavu-core)
# GCC has no libFuzzer.
fuzz_packages=(clang-14 libclang-rt-14-dev)

usage() { sed -n '2,3s/^# \{0,1\}//p' "$0"; }

as_root() {
    if [[ $(id -u) == 0 ]]; then "$@"; return; fi
    command -v sudo >/dev/null || { echo "error: run as root, or install sudo" >&2; exit 1; }
    sudo "$@"
}

installed() {
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# A compiler or runtime that is there in another packaging counts as installed.
wanted=()
for group in "$@"; do
    case $group in
    build) wanted+=("${build_packages[@]}") ;;
    run) wanted+=("${run_packages[@]}") ;;
    test)
        wanted+=("${test_packages[@]}")
        command -v node >/dev/null && command -v npm >/dev/null || wanted+=(nodejs npm)
        command -v javac >/dev/null || wanted+=(default-jdk-headless)
        ;;
    fuzz) wanted+=("${fuzz_packages[@]}") ;;
    -h | --help) usage; exit 0 ;;
    *) echo "error: unknown group '$group' (groups: build run test fuzz)" >&2; exit 2 ;;
    esac
done

missing=()
for package in "${wanted[@]}"; do installed "$package" || missing+=("$package"); done

# The newest Boost that the distribution has: 1.81 on Debian 12, the default one after it.
boost_needed=0
if [[ " $* " == *" build "* ]] && ! compgen -G '/usr/include/boost/url.hpp' >/dev/null; then
    boost_needed=1
fi
[[ ${#missing[@]} == 0 && $boost_needed == 0 ]] && exit 0

echo "installing packages: ${missing[*]} $([[ $boost_needed == 1 ]] && echo libboost-dev)" >&2
apt=(env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -q)
as_root "${apt[@]}" update
if [[ $boost_needed == 1 ]]; then
    if apt-cache show libboost1.81-dev >/dev/null 2>&1; then
        missing+=(libboost1.81-dev)
    else
        missing+=(libboost-dev)
    fi
fi

# No database cluster and no service of the packages' own is wanted: sluicectl makes what it needs.
# Both settings last for this installation only.
cleanup=()
cluster_conf=/etc/postgresql-common/createcluster.d/sluice-install.conf
if ! installed postgresql; then
    as_root mkdir -p "$(dirname "$cluster_conf")"
    echo 'create_main_cluster = false' | as_root tee "$cluster_conf" >/dev/null
    cleanup+=("$cluster_conf")
fi
if [[ ! -e /usr/sbin/policy-rc.d ]]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee /usr/sbin/policy-rc.d >/dev/null
    as_root chmod 755 /usr/sbin/policy-rc.d
    cleanup+=(/usr/sbin/policy-rc.d)
fi
trap '[[ ${#cleanup[@]} == 0 ]] || as_root rm -f "${cleanup[@]}"' EXIT

as_root "${apt[@]}" install -y --no-install-recommends "${missing[@]}" </dev/null >&2
