"""What a program with a given libpq does, through its C interface; prints one JSON report.

    python3 libpq_session.py LIBRARY CONNINFO query TEXT
    python3 libpq_session.py LIBRARY CONNINFO cancel TEXT        # by PQcancel, in clear
    python3 libpq_session.py LIBRARY CONNINFO cancel_safe TEXT   # as the session, libpq 17 and later

A process of its own, because no other libpq may be loaded beside that one.
"""

import ctypes
import json
import sys
import time

CONNECTION_OK = 0
TUPLES_OK = 2
SQLSTATE = ord("C")

# The functions whose result is no int; NULL strings become None.
RESULTS = {
    "PQconnectdb": ctypes.c_void_p,
    "PQerrorMessage": ctypes.c_char_p,
    "PQsslAttribute": ctypes.c_char_p,
    "PQgetResult": ctypes.c_void_p,
    "PQgetvalue": ctypes.c_char_p,
    "PQresultErrorField": ctypes.c_char_p,
    "PQgetCancel": ctypes.c_void_p,
    "PQcancelCreate": ctypes.c_void_p,
    "PQcancelErrorMessage": ctypes.c_char_p,
}


class Library:
    def __init__(self, path):
        self._library = ctypes.CDLL(path)

    def has(self, name):
        return hasattr(self._library, name)

    def __getattr__(self, name):
        function = getattr(self._library, name)
        function.restype = RESULTS.get(name, ctypes.c_int)
        return function


def pointer(value):
    return ctypes.c_void_p(value)


def text_of(value):
    return value.decode() if value is not None else None


def describe(pq, connection):
    """(major, minor) of the protocol, and how it is carried. Older libraries speak 3.0 only."""
    full = pq.PQfullProtocolVersion if pq.has("PQfullProtocolVersion") else None
    version = full(connection) if full else pq.PQprotocolVersion(connection) * 10000
    return {
        "protocol": f"{version // 10000}.{version % 10000}",
        "encrypted": bool(pq.PQsslInUse(connection)),
        "tls": text_of(pq.PQsslAttribute(connection, b"protocol")),
        "alpn": text_of(pq.PQsslAttribute(connection, b"alpn")),
    }


def results(pq, connection):
    """The rows of the query that was sent, and the SQLSTATE of its failure."""
    rows, state = [], None
    while result := pq.PQgetResult(connection):
        result = pointer(result)
        if pq.PQresultStatus(result) == TUPLES_OK:
            for row in range(pq.PQntuples(result)):
                columns = range(pq.PQnfields(result))
                rows.append([text_of(pq.PQgetvalue(result, row, n)) for n in columns])
        state = text_of(pq.PQresultErrorField(result, SQLSTATE)) or state
        pq.PQclear(result)
    return {"rows": rows, "state": state}


def cancel(pq, connection):
    handle = pointer(pq.PQgetCancel(connection))
    error = ctypes.create_string_buffer(256)
    done = pq.PQcancel(handle, error, len(error))
    pq.PQfreeCancel(handle)
    return None if done else text_of(error.value)


def cancel_safe(pq, connection):
    handle = pointer(pq.PQcancelCreate(connection))
    done = pq.PQcancelBlocking(handle)
    error = text_of(pq.PQcancelErrorMessage(handle))
    pq.PQcancelFinish(handle)
    return None if done else error


def query_until_cancelled(pq, connection, text, send_cancel):
    """Cancels until the query has ended: a request that comes before the query does nothing."""
    pq.PQsendQuery(connection, text)
    while True:
        time.sleep(0.05)
        pq.PQconsumeInput(connection)
        if not pq.PQisBusy(connection):
            return results(pq, connection)
        if error := send_cancel(pq, connection):
            return {"error": error}


def run(library, conninfo, command, text):
    pq = Library(library)
    report = {"library": pq.PQlibVersion() // 10000}
    connection = pointer(pq.PQconnectdb(conninfo.encode()))
    if pq.PQstatus(connection) != CONNECTION_OK:
        return {**report, "error": text_of(pq.PQerrorMessage(connection))}
    report |= describe(pq, connection)
    if command == "query":
        pq.PQsendQuery(connection, text.encode())
        report |= results(pq, connection)
    else:
        send_cancel = {"cancel": cancel, "cancel_safe": cancel_safe}[command]
        report |= query_until_cancelled(pq, connection, text.encode(), send_cancel)
    pq.PQsendQuery(connection, b"SELECT 1")
    report["after"] = results(pq, connection)["rows"]
    pq.PQfinish(connection)
    return report


if __name__ == "__main__":
    print(json.dumps(run(*sys.argv[1:])))
