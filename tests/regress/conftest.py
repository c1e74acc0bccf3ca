"""Fixtures of the regress tests. Every server is real; nothing has a fixed port."""

import os
import pathlib
import tempfile

import pytest

from support.backend import Backend
from support.certificates import Authority
from support.cluster import Cluster
from support.postgres import PostgresServer
from support.proxy import Proxy, default_config


@pytest.fixture(scope="session")
def pg_version():
    """The major version that all servers of this run have."""
    return os.environ.get("DEFAULT_PG_VERSION") or "15"


@pytest.fixture(scope="session")
def postgres(pg_version):
    """A PostgreSQL without TLS, shared by all tests."""
    server = PostgresServer(pg_version).create()
    yield server
    server.destroy()


@pytest.fixture(scope="session")
def postgres_tls(pg_version, tmp_path_factory):
    """A PostgreSQL with TLS; `postgres_tls.ca` signs its certificate for localhost."""
    authority = Authority(tmp_path_factory.mktemp("postgres-tls"))
    server = PostgresServer(pg_version, tls=authority.issue("server")).create()
    server.ca = authority.certificate
    yield server
    server.destroy()


@pytest.fixture
def own_postgres(pg_version):
    """A PostgreSQL of the test's own, to be stopped and restarted."""
    server = PostgresServer(pg_version).create()
    yield server
    server.destroy()


@pytest.fixture
def make_proxy(tmp_path):
    """Starts proxies: make_proxy(config, start=True). At the end none may have logged an error
    other than those that the test put into make_proxy.expected_errors."""
    proxies = []

    def make(config, start=True):
        proxy = Proxy(tmp_path / f"proxy{len(proxies)}", config)
        proxies.append(proxy)
        return proxy.start() if start else proxy

    make.expected_errors = []
    yield make
    for proxy in proxies:
        proxy.stop()
    for proxy in proxies:
        proxy.log.assert_no_errors(make.expected_errors)


@pytest.fixture(scope="module")
def proxy(postgres, tmp_path_factory):
    """A proxy in front of `postgres`, shared by the tests of a module."""
    instance = Proxy(tmp_path_factory.mktemp("proxy"), default_config(postgres)).start()
    yield instance
    instance.wait_quiet()
    assert instance.stop() == 0
    instance.log.assert_no_errors()


@pytest.fixture
def make_backend(tmp_path):
    """Starts test backends: make_backend(**options). At the end none may have logged an error
    other than those that the test put into make_backend.expected_errors."""
    backends = []

    def make(**options):
        backends.append(Backend(tmp_path / f"backend{len(backends)}", **options))
        return backends[-1].start()

    make.expected_errors = []
    yield make
    for backend in backends:
        backend.stop()
    for backend in backends:
        backend.log.assert_no_errors(make.expected_errors)


@pytest.fixture(scope="module")
def backend(tmp_path_factory):
    """A test backend without TLS, shared by the tests of a module that provoke no error of it."""
    instance = Backend(tmp_path_factory.mktemp("backend")).start()
    yield instance
    assert instance.stop() == 0
    instance.log.assert_no_errors()


@pytest.fixture(scope="module")
def tls_backend(tmp_path_factory):
    """The same with a certificate, which it offers and does not demand."""
    instance = Backend(tmp_path_factory.mktemp("tls-backend"), tls=True).start()
    yield instance
    assert instance.stop() == 0
    instance.log.assert_no_errors()


@pytest.fixture(params=["plain", "tls"])
def either_backend(request):
    """`backend`, and once more as `tls_backend`."""
    return request.getfixturevalue("backend" if request.param == "plain" else "tls_backend")


@pytest.fixture(scope="module")
def cluster(pg_version):
    """A cluster from `sluicectl up`, shared by the tests of a module."""
    instance = Cluster(pg_version)
    try:
        instance.up()
        yield instance
        instance.log("proxy").assert_no_errors()
        instance.log("auth").assert_no_errors()
    finally:
        instance.destroy()


@pytest.fixture
def make_cluster(pg_version):
    """Makes clusters of the test's own, not yet up."""
    clusters = []

    def make():
        clusters.append(Cluster(pg_version))
        return clusters[-1]

    yield make
    for instance in clusters:
        instance.destroy()


@pytest.fixture
def public_tmp():
    """A folder that every user can get at, unlike tmp_path."""
    with tempfile.TemporaryDirectory(prefix="sluice-test-") as name:
        path = pathlib.Path(name)
        path.chmod(0o755)
        yield path
