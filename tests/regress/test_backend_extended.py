"""The part of the extended query protocol that PostgresBackend speaks: one statement, no parameters."""

import psycopg
import pytest

from support import wire
from support.waiting import wait_until


def describe(subject, name=""):
    return wire.message("D", subject.encode() + wire.c_string(name))


def close(subject, name=""):
    return wire.message("C", subject.encode() + wire.c_string(name))


def tags(messages):
    return "".join(received.tag for received in messages)


def test_jdbc(either_backend):
    report = either_backend.jdbc()
    assert report == {
        "simple": ["grüße"],
        "prepared": [["one"], ["two"]],
        "parameterised": "0A000",
        "failing": "42601",
        "many": [str(number) for number in range(1, 301)],
        "after": ["after"],
    }


def test_psycopg_prepares(either_backend):
    with either_backend.connect() as connection:
        for _ in range(3):
            for text in ("one", "two"):
                row = connection.execute(f"echo {text}", prepare=True).fetchone()
                assert row == (text,)


STATEMENTS_MAX = 1024


def test_psycopg_forgets_statements(either_backend):
    """It prepares more texts than a session may keep, and forgets the ones it has not used for long."""
    with either_backend.connect() as connection:
        connection.prepare_threshold = 0
        for number in range(STATEMENTS_MAX + 100):
            assert connection.execute(f"echo {number}").fetchone() == (str(number),)


def test_psycopg_in_a_pipeline_forgets_statements(either_backend):
    with either_backend.connect() as connection:
        connection.prepare_threshold = 0
        count = STATEMENTS_MAX + 100
        with connection.pipeline():
            cursors = [connection.execute(f"echo {number}") for number in range(count)]
        assert [cursor.fetchone() for cursor in cursors] == [(str(n),) for n in range(count)]


def test_discard_all(either_backend):
    """What pools say before the next user has the session: the statements are gone, nothing else."""
    with either_backend.connect() as connection:
        connection.prepare_threshold = None
        for _ in range(2):
            for number in range(STATEMENTS_MAX):
                connection.pgconn.prepare(f"s{number}".encode(), b"echo one")
            assert connection.pgconn.prepare(b"one more", b"echo one").error_message.startswith(
                b"ERROR:  too many prepared statements"
            )
            assert connection.execute("DISCARD ALL").statusmessage == "DISCARD ALL"
            with pytest.raises(psycopg.errors.InvalidSqlStatementName):
                connection.execute("DEALLOCATE s0")


def test_psql_deallocates(either_backend):
    done = either_backend.psql("DEALLOCATE ALL", "deallocate Nobody;", "DISCARD ALL", "echo alive")
    assert done.stdout == "DEALLOCATE ALL\nDISCARD ALL\nalive\n"
    assert done.stderr == 'ERROR:  26000: prepared statement "nobody" does not exist\n'


def test_psycopg_with_parameters(either_backend):
    """Refused in so many words; the session goes on."""
    with either_backend.connect() as connection:
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="query params"):
            connection.execute("echo %s", ["one"])
        assert connection.execute("echo two", prepare=True).fetchone() == ("two",)
        assert connection.execute("echo three").fetchone() == ("three",)


def test_psycopg_wants_binary(either_backend):
    with either_backend.connect() as connection:
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="binary"):
            connection.execute("echo one", binary=True)
        assert connection.execute("echo two").fetchone() == ("two",)


def test_psycopg_in_a_transaction(either_backend):
    """Without autocommit psycopg puts a BEGIN in front, as a statement that it prepared."""
    with either_backend.connect() as connection:
        connection.autocommit = False
        assert connection.execute("echo hello").fetchone() == ("hello",)
        connection.commit()


def test_psycopg_pipelines(either_backend):
    with either_backend.connect() as connection:
        with connection.pipeline():
            cursors = [connection.execute(f"echo {n}", prepare=True) for n in range(200)]
        assert [cursor.fetchone() for cursor in cursors] == [(str(n),) for n in range(200)]


def test_psycopg_and_a_failing_statement(either_backend):
    with either_backend.connect() as connection:
        with pytest.raises(psycopg.errors.SyntaxError):
            connection.execute("typo", prepare=True)
        assert connection.execute("echo alive", prepare=True).fetchone() == ("alive",)


def test_the_messages_of_a_query(backend):
    with backend.session() as client:
        client.send(wire.parse("echo one", "s") + describe("S", "s") + wire.bind(name="s"))
        client.send(describe("P") + wire.execute() + close("S", "s") + wire.sync())
        messages = client.read_until("Z")
        assert tags(messages) == "1tT2TDC3Z"
        assert client.rows(messages) == [["one"]]


def test_everything_is_discarded_up_to_the_sync(backend):
    """A simple query among it too."""
    with backend.session() as client:
        client.send(wire.bind(name="nobody") + wire.execute() + wire.query("echo lost"))
        client.send(wire.parse("echo lost") + wire.sync() + wire.query("echo found"))
        assert client.error()["C"] == "26000"
        assert tags(client.read_until("Z")) == "Z"
        assert client.rows(client.read_until("Z")) == [["found"]]


def test_an_answer_does_not_wait_for_the_next_query(backend):
    """Two simple queries at once, as PostgreSQL answers them: the first answer comes while the second runs."""
    with backend.session() as client:
        client.send(wire.query("echo fast") + wire.query("sleep 2"))
        assert client.rows(client.read_until("Z")) == [["fast"]]
        wait_until(lambda: backend.count("sleeping") == 1, what="the second query runs")
        client.read_until("Z")


def test_flush_brings_what_is_there(backend):
    """Without it a client that waits for ParseComplete would wait for ever."""
    with backend.session() as client:
        client.send(wire.parse("echo one") + wire.flush())
        assert client.read().tag == "1"
        client.send(wire.sync())
        assert client.read().tag == "Z"
