"""What a client sees through the proxy is what it sees at the server: the same bytes in, compared.

Each probe runs once at PostgreSQL itself and once at the proxy's plain `forward` listener.
"""

import ssl
import struct
import time

import psycopg
import pytest

from support import wire
from support.postgres import PASSWORD
from support.proxy import default_config
from support.waiting import wait_until
from support.wire import PROTOCOL_3_0, PROTOCOL_3_2, RawClient

pytestmark = pytest.mark.every_version

MEGABYTE = 1 << 20


@pytest.fixture
def both(proxy, postgres):
    """Opens a client at the server and one at the proxy."""
    clients = [RawClient(postgres.port, timeout=60), proxy.client(timeout=60)]
    yield clients
    for client in clients:
        client.close()


def started(client, protocol=PROTOCOL_3_0, **parameters):
    return client.start(protocol, user="probe", database="app", **parameters)


def comparable(messages):
    """Messages without what differs between any two sessions: process id and secret."""
    result = []
    for received in messages:
        body = received.body
        if received.tag == "K":
            body = b"%d bytes" % len(body)
        result.append((received.tag, body))
    return result


def startup_answer(client, packet):
    """Everything up to ReadyForQuery or the error that ends the connection."""
    client.send(packet)
    messages = client.read_until("Z", "E")
    return comparable(messages)


STARTUPS = {
    "3.0": (PROTOCOL_3_0, {}),
    "3.2": (PROTOCOL_3_2, {}),
    "3.9999": (PROTOCOL_3_0 + 9999, {}),
    "3.9999 with an unknown option": (
        PROTOCOL_3_0 + 9999,
        {"_pq_.test_protocol_negotiation": ""},
    ),
    "3.0 with two unknown options": (PROTOCOL_3_0, {"_pq_.a": "1", "_pq_.b": "2"}),
    "3.2 with an unknown option": (PROTOCOL_3_2, {"_pq_.a": "1"}),
    "extra_float_digits": (PROTOCOL_3_0, {"extra_float_digits": "3"}),
    "client_encoding": (PROTOCOL_3_0, {"client_encoding": "euc-jp"}),
    "DateStyle and TimeZone": (PROTOCOL_3_0, {"DateStyle": "German", "TimeZone": "Asia/Tokyo"}),
    "options": (PROTOCOL_3_0, {"options": "-c statement_timeout=12345"}),
    "an unknown setting": (PROTOCOL_3_0, {"no_such_setting": "1"}),
    "a wrong option": (PROTOCOL_3_0, {"options": "-c no_such_setting=1"}),
    "a missing database": (PROTOCOL_3_0, {"database": "missing"}),
    "replication=true": (PROTOCOL_3_0, {"replication": "true"}),
    "replication=database": (PROTOCOL_3_0, {"replication": "database"}),
    "a wrong replication": (PROTOCOL_3_0, {"replication": "perhaps"}),
    "a long application name": (PROTOCOL_3_0, {"application_name": "a" * 200}),
}


@pytest.mark.parametrize("name", STARTUPS)
def test_startup(both, name):
    protocol, parameters = STARTUPS[name]
    packet = wire.startup(protocol, **{"user": "probe", "database": "app", **parameters})
    direct, through = (startup_answer(client, packet) for client in both)
    assert through == direct


def test_protocol_negotiation_says_what_the_server_says(both):
    """NegotiateProtocolVersion names 3.0 or 3.2 and every option the server does not know."""
    for client in both:
        started(client, PROTOCOL_3_0 + 9999, **{"_pq_.test_protocol_negotiation": ""})
    direct, through = (client.negotiated for client in both)
    assert through == direct
    assert through.endswith(struct.pack("!I", 1) + b"_pq_.test_protocol_negotiation\0")


def test_protocol_2_is_refused(both):
    packet = wire.startup(2 << 16, user="probe", database="app")
    for client in both:
        client.send(packet)
        answer = client.read_all()
        assert answer[:1] == b"E" and b"unsupported frontend protocol 2.0" in answer


def test_gssenc_request_then_plain_start(proxy):
    """No GSSAPI here: the answer is N, and the start goes on; also after and before SSLRequest."""
    for requests in (
        [wire.GSSENC_REQUEST],
        [wire.GSSENC_REQUEST, wire.SSL_REQUEST],
        [wire.SSL_REQUEST, wire.GSSENC_REQUEST],
    ):
        with proxy.client() as client:
            for request in requests:
                client.send(request)
                assert client.read_exactly(1) == b"N"
            started(client)
            assert client.query("SELECT 1") == [["1"]]


def test_ssl_request_without_tls(both):
    for client in both:
        client.send(wire.SSL_REQUEST)
        assert client.read_exactly(1) == b"N"
        started(client)
        assert client.query("SELECT 1") == [["1"]]


def test_gssenc_request_then_tls(proxy):
    with proxy.client("through_tls") as client:
        client.send(wire.GSSENC_REQUEST)
        assert client.read_exactly(1) == b"N"
        client.start_tls()
        started(client)
        assert client.query("SELECT 1") == [["1"]]


def test_options_take_effect(both):
    for client in both:
        started(client, options="-c statement_timeout=12345 -c search_path=a,\\ b")
        assert client.query("SHOW statement_timeout") == [["12345ms"]]
        assert client.query("SHOW search_path") == [["a, b"]]


def test_extra_float_digits_take_effect(both):
    for client in both:
        started(client, extra_float_digits="3")
        assert client.query("SHOW extra_float_digits") == [["3"]]


@pytest.mark.parametrize("mode", ["true", "database"])
def test_replication_commands(both, mode):
    for client in both:
        started(client, replication=mode)
        ((system, timeline, position, database),) = client.query("IDENTIFY_SYSTEM")
        assert system.isdigit() and timeline == "1" and "/" in position
        assert database == ("app" if mode == "database" else None)


def test_replication_streams_both_ways(both, postgres):
    """COPY BOTH: WAL arrives, and the standby's status goes the other way."""
    for client in both:
        started(client, replication="true")
        ((_, _, position, _),) = client.query("IDENTIFY_SYSTEM")
        client.send(wire.query(f"START_REPLICATION PHYSICAL {position} TIMELINE 1"))
        client.read_until("W")
        postgres.query("SELECT pg_switch_wal()")
        while client.read_until("d")[-1].body[:1] != b"w":
            pass
        client.send(wire.message("c"))
        client.read_until("c")
        client.read_until("Z")


def test_a_query_of_64_mib(both):
    text = "SELECT length('" + "x" * (64 * MEGABYTE) + "')"
    for client in both:
        started(client)
        assert client.query(text) == [[str(64 * MEGABYTE)]]


def test_a_row_of_64_mib(both):
    for client in both:
        started(client)
        ((value,),) = client.query(f"SELECT repeat('y', {64 * MEGABYTE})")
        assert len(value) == 64 * MEGABYTE and value.count("y") == len(value)


def test_5000_pipelined_statements_in_one_write(both):
    batch = b"".join(
        wire.parse("SELECT $1::int4 + 1") + wire.bind([b"%d" % n]) + wire.execute() + wire.sync()
        for n in range(5000)
    )
    durations = []
    for client in both:
        started(client)
        begin = time.monotonic()
        client.send(batch)
        for number in range(5000):
            assert client.rows(client.read_until("Z")) == [[str(number + 1)]]
        durations.append(time.monotonic() - begin)
    direct, through = durations
    assert through < direct + 5


def test_an_error_in_a_pipeline(both):
    """After an error the server skips to the next Sync, and so it looks through the proxy."""
    batch = (
        wire.parse("SELECT 1/0") + wire.bind() + wire.execute()
        + wire.parse("SELECT 'skipped'") + wire.bind() + wire.execute() + wire.sync()
        + wire.parse("SELECT 'next'") + wire.bind() + wire.execute() + wire.sync()
    )  # fmt: skip
    answers = []
    for client in both:
        started(client)
        client.send(batch)
        answers.append(comparable(client.read_until("E") + client.read_until("Z", "E")))
        assert client.rows(client.read_until("Z")) == [["next"]]
    assert answers[0] == answers[1]


def test_flush_without_sync(both):
    for client in both:
        started(client)
        client.send(wire.parse("SELECT 7") + wire.bind() + wire.execute() + wire.flush())
        assert client.rows(client.read_until("C")) == [["7"]]
        client.send(wire.sync())
        client.read_until("Z")


def test_one_byte_at_a_time(proxy):
    """Nothing depends on how the bytes are cut into packets."""
    with proxy.client() as client:
        for byte in wire.startup(user="probe", database="app"):
            client.send(bytes([byte]))
        client.read_until("Z")
        for byte in wire.query("SELECT 'slowly'"):
            client.send(bytes([byte]))
        assert client.rows(client.read_until("Z")) == [["slowly"]]


def test_startup_and_queries_in_one_packet(both):
    """A client that knows it needs no password may send everything at once."""
    for client in both:
        client.send(wire.startup(user="probe", database="app") + wire.query("SELECT 'at once'"))
        client.read_until("Z")
        assert client.rows(client.read_until("Z")) == [["at once"]]


def test_notifications_while_idle_carry_the_real_pid(both, postgres):
    for client in both:
        started(client)
        client.query("LISTEN news")
        with postgres.connect("postgres", "app") as sender:
            sender.execute("NOTIFY news, 'hello'")
            sender_pid = sender.info.backend_pid
        notice = client.read_until("A")[-1].body
        assert notice == struct.pack("!i", sender_pid) + b"news\0hello\0"


def test_the_pid_is_the_servers(both, postgres):
    """BackendKeyData, pg_backend_pid, pg_stat_activity and own notifications all agree."""
    for client in both:
        started(client, application_name="whoami")
        assert client.query("SELECT pg_backend_pid()") == [[str(client.pid)]]
        assert postgres.scalar(
            "SELECT application_name FROM pg_stat_activity WHERE pid = %s", client.pid
        ) == "whoami"  # fmt: skip
        client.query("LISTEN own")
        client.send(wire.query("NOTIFY own"))
        notification = next(m for m in client.read_until("Z") if m.tag == "A")
        assert struct.unpack_from("!i", notification.body) == (client.pid,)


def test_a_session_terminates_itself_by_pid(both):
    for client in both:
        started(client)
        client.send(wire.query(f"SELECT pg_terminate_backend({client.pid})"))
        error = client.error()
        assert (error["S"], error["C"]) == ("FATAL", "57P01")
        assert client.is_closed()


def test_every_field_of_an_error(both):
    """Schema, table, column, constraint, position, detail, hint, where: nothing is lost."""
    answers = []
    for client in both:
        started(client)
        client.query("CREATE TEMP TABLE t (id int PRIMARY KEY)")
        seen = []
        for text in (
            "INSERT INTO t VALUES (1), (1)",
            "SELECT * FROM no_such_table",
            "DO $$ BEGIN RAISE EXCEPTION 'm' USING DETAIL = 'd', HINT = 'h', ERRCODE = 'ABCDE'; END $$",
        ):
            client.send(wire.query(text))
            seen.append(client.error())
            client.read_until("Z")
        for fields in seen:
            fields.pop("s", None)
        answers.append(seen)
    direct, through = answers
    assert len(through[0].keys() & {"t", "n", "D"}) == 3
    for one, other in zip(direct, through, strict=True):
        assert one.keys() == other.keys()
        for letter in "SVCMHPWFLRtn":
            assert one.get(letter) == other.get(letter)


@pytest.mark.parametrize("listener", ["through", "through_tls"])
def test_channel_binding(proxy, listener, postgres_tls, make_proxy):
    """TLS ends at the proxy: a client in clear is not offered to bind its login to the server's TLS,
    and one with TLS of its own logs in when it does not insist on a binding."""
    config = default_config(postgres_tls)
    config["computes"][0].update(host="localhost", tls="require")
    tls_proxy = make_proxy(config)
    with_tls = {"sslmode": "require", "channel_binding": "disable"}
    options = with_tls if listener == "through_tls" else {"sslmode": "disable"}
    with psycopg.connect(
        host="localhost", port=tls_proxy.port(listener), user="app", dbname="app",
        password=PASSWORD, **options,
    ) as connection:  # fmt: skip
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_direct_tls(proxy):
    """A ClientHello as the first bytes, with ALPN (libpq 17: sslnegotiation=direct)."""
    context = ssl.create_default_context(cafile=str(proxy.ca))
    context.set_alpn_protocols(["postgresql"])
    with proxy.client("through_tls") as client:
        client.wrap(context)
        assert client.socket.selected_alpn_protocol() == "postgresql"
        started(client)
        assert client.query("SELECT 1") == [["1"]]


def test_direct_tls_needs_alpn(proxy):
    context = ssl.create_default_context(cafile=str(proxy.ca))
    context.set_alpn_protocols(["http/1.1"])
    with proxy.client("through_tls") as client:
        with pytest.raises((ssl.SSLError, ConnectionError, EOFError)):
            client.wrap(context)
            started(client)


def test_many_sessions_at_once(proxy, postgres):
    clients = [started(proxy.client(), application_name="many") for _ in range(60)]
    assert postgres.sessions(application_name="many") == 60
    for number, client in enumerate(clients):
        client.send(wire.query(f"SELECT {number}"))
    for number, client in enumerate(clients):
        assert client.rows(client.read_until("Z")) == [[str(number)]]
    for client in clients:
        client.close()
    wait_until(lambda: postgres.sessions(application_name="many") == 0, what="all are gone")
