#!/usr/bin/env python3
"""Writes the seed corpora of the fuzz targets to tests/fuzz/corpus/<target>/.

The files are committed. Seeds of mended bugs are added by hand and are not touched.
"""

import base64
import hashlib
import hmac
import pathlib
import struct

FOLDER = pathlib.Path(__file__).resolve().parent / "corpus"
WAL_DATA = FOLDER.parents[1] / "data/wal"


def i16(value):
    return struct.pack(">h", value)


def i32(value):
    return struct.pack(">i", value)


def text(value):
    return value.encode() + b"\0"


def message(tag, *fields):
    body = b"".join(fields)
    return tag.encode() + i32(len(body) + 4) + body


def startup_packet(code, *fields):
    body = i32(code) + b"".join(fields)
    return i32(len(body) + 4) + body


def parameters(version, **values):
    pairs = b"".join(text(name) + text(value) for name, value in values.items())
    return startup_packet(version, pairs, b"\0")


SSL_REQUEST = startup_packet(80877103)
GSS_REQUEST = startup_packet(80877104)
CANCEL = 80877102
V30, V32 = 0x30000, 0x30002


def startup_seeds():
    libpq = parameters(
        V30, user="alice", database="shop", application_name="psql", client_encoding="UTF8"
    )
    yield "libpq", libpq
    yield "minor-2", parameters(V32, user="alice")
    yield "minor-3", parameters(0x30003, user="alice")
    yield "protocol-option", parameters(V32, user="alice", **{"_pq_.feature": "on"})
    yield "options", parameters(V30, user="a", options="-c geqo=off  -c x=a\\ b\\\\c -d")
    yield "replication", parameters(V30, user="r", replication="true", database="x")
    yield "no-user", parameters(V30, database="x")
    yield "no-parameters", startup_packet(V30, b"\0")
    yield "no-terminator", startup_packet(V30, text("user"), text("a"))
    yield "not-utf8", startup_packet(V30, b"user\0\xc3\x28\0\0")
    yield "behind-terminator", startup_packet(V30, text("user"), text("a"), b"\0x")
    yield "repeated", startup_packet(V30, (text("user") + text("a")) * 3, b"\0")
    yield "protocol-2", startup_packet(0x20000, b"\0" * 40)
    yield "unknown-code", startup_packet(80877105)
    yield "ssl", SSL_REQUEST
    yield "gss", GSS_REQUEST
    yield "ssl-startup", SSL_REQUEST + libpq
    yield "gss-ssl-startup", GSS_REQUEST + SSL_REQUEST + libpq
    yield "ssl-twice", SSL_REQUEST + SSL_REQUEST
    yield "gss-twice", GSS_REQUEST + GSS_REQUEST
    yield "ssl-with-body", startup_packet(80877103, b"x")
    yield "client-hello", bytes.fromhex("160301000501000001ff")
    yield "cancel", startup_packet(CANCEL, i32(4711), i32(815))
    yield "cancel-long-key", startup_packet(CANCEL, i32(4711), bytes(range(256)))
    yield "cancel-short-key", startup_packet(CANCEL, i32(4711), b"abc")
    yield "ssl-cancel", SSL_REQUEST + startup_packet(CANCEL, i32(1), i32(2))
    for length in (0, 4, 7, 10000, 10001, 0x7FFFFFFF):
        yield f"length-{length}", i32(length) + i32(V30)


def column(name, oid):
    return text(name) + i32(16384) + i16(1) + i32(oid) + i16(-1) + i32(-1) + i16(0)


def value(content):
    return i32(-1) if content is None else i32(len(content)) + content


def row(*values):
    return message("D", i16(len(values)), *map(value, values))


def fields(**values):
    return b"".join(name.encode() + text(content) for name, content in values.items()) + b"\0"


READY = message("Z", b"I")
LOGIN = (
    message("R", i32(0))
    + message("S", text("server_version"), text("15.4"))
    + message("K", i32(4711), i32(815))
    + READY
)
ERROR = message("E", fields(S="ERROR", V="ERROR", C="42601", M="syntax error", P="8", R="scanner"))


def backend_seeds():
    yield "login", LOGIN
    yield "login-3.2", message("v", i32(V30), i32(1), text("_pq_.x")) + LOGIN
    yield "long-cancel-key", message("K", i32(1), bytes(range(256)))
    yield "cleartext", message("R", i32(3))
    yield "md5", message("R", i32(5), b"salt")
    yield "sasl", (
        message("R", i32(10), text("SCRAM-SHA-256-PLUS"), text("SCRAM-SHA-256"), b"\0")
        + message("R", i32(11), b"r=nonce,s=W22Z,i=4096")
        + message("R", i32(12), b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
    )
    yield "query", (
        message("T", i16(2), column("id", 23), column("name", 25))
        + row(b"1", b"one")
        + row(b"2", None)
        + message("C", text("SELECT 2"))
        + READY
    )
    yield "empty-row", message("D", i16(0))
    yield "empty-query", message("I") + READY
    yield "error", ERROR + READY
    yield "notice", message("N", fields(S="HINWEIS", V="NOTICE", C="00000", M="hello", D="d", H="h"))
    yield "error-without-end", message("E", b"SERROR\0")
    yield "extended", (
        message("1")
        + message("t", i16(2), i32(23), i32(25))
        + message("n")
        + message("2")
        + row(b"x")
        + message("s")
        + message("3")
        + READY
    )
    yield "copy-out", message("H", b"\0", i16(2), i16(0), i16(1)) + message("d", b"1\tone\n") + message("c")
    yield "copy-in", message("G", b"\1", i16(0)) + ERROR
    yield "notification", message("A", i32(7), text("channel"), text("payload"))
    yield "function-call", message("V", value(b"\0\0\0\1")) + message("V", value(None)) + READY
    keepalive = b"k" + bytes(16) + b"\1"
    yield "copy-both", (
        message("W", b"\0", i16(0))
        + message("d", keepalive)
        + message("d", b"w" + bytes(24) + b"wal")
        + message("c")
    )
    yield "row-count-lies", message("D", i16(-1), value(b"x"))
    yield "value-length-lies", message("D", i16(1), i32(0x7FFFFFFF), b"x")
    yield "columns-lie", message("T", i16(3), column("a", 25))
    yield "options-lie", message("v", i32(V30), i32(-1), text("a"))
    for length in (0, 3, 4, 0x10004, 0x10005, 0x7FFFFFFF, -1):
        yield f"length-{length}", b"D" + i32(length) + b"\0\0"


SYNC = message("S")


def values(*contents):
    return i16(len(contents)) + b"".join(map(value, contents))


def formats(*codes):
    return i16(len(codes)) + b"".join(map(i16, codes))


def frontend_seeds():
    parse = message("P", text("s1"), text("select $1, $2"), i16(2), i32(23), i32(0))
    bind = message("B", text(""), text("s1"), formats(), values(b"1", None), formats())
    execute = message("E", text(""), i32(0))
    yield "query", message("Q", text("select 1"))
    yield "two-queries", message("Q", text("select 1")) + message("Q", text("")) + message("X")
    yield "extended", parse + bind + message("D", b"P", text("")) + execute + SYNC
    yield "prepare", parse + message("D", b"S", text("s1")) + message("H")
    yield "close", message("C", b"S", text("s1")) + message("C", b"P", text("c1")) + SYNC
    yield "rows", message("E", text("c1"), i32(100))
    yield "binary", message("B", text("c"), text("s"), formats(1), values(b"\0\0\0\1", b""), formats(1))
    yield "format-each", message("B", text(""), text(""), formats(0, 1), values(b"a", b"b"), formats(0, 1))
    yield "formats-lie", message("B", text(""), text(""), formats(0, 1, 0), values(b"a", b"b"), formats())
    yield "values-lie", message("B", text(""), text(""), formats(), i16(-1), value(b"a"), formats())
    yield "length-lies", message("B", text(""), text(""), formats(), i16(1), i32(-2), formats())
    yield "types-lie", message("P", text(""), text("select 1"), i16(-1), i32(23))
    yield "subject", message("D", b"X", text(""))
    yield "no-end", message("P", b"s1")
    yield "password", message("p", text("secret"))
    yield "sasl", (
        message("p", text("SCRAM-SHA-256"), value(b"n,,n=,r=nonce"))
        + message("p", b"c=biws,r=nonceserver,p=AAAA")
    )
    yield "sasl-no-data", message("p", text("SCRAM-SHA-256"), i32(-1))
    yield "sasl-length-lies", message("p", text("SCRAM-SHA-256"), i32(100), b"n,,")
    yield "copy", message("d", b"1\tone\n") + message("d") + message("c") + SYNC
    yield "copy-fail", message("d", b"1") + message("f", text("no more")) + SYNC
    status = b"r" + bytes(32) + b"\1"
    feedback = b"h" + bytes(24)
    yield "copy-both", message("d", status) + message("d", feedback) + message("c")
    yield "neon-feedback", message("d", b"z" + struct.pack(">Q", 3) + b"abc")
    yield "function-call", message("F", i32(1598), formats(1), values(b"\0\0\0\1", None), i16(1))
    yield "sync-with-body", message("S", b"x")
    yield "nul-inside", message("Q", b"select 1\0; drop\0")
    for length in (0, 3, 4, 0x10004, 0x10005, 0x7FFFFFFF, -1):
        yield f"length-{length}", b"Q" + i32(length) + b"\0\0"


CLIENT_BARE = "n=,r=nonce"


def scram_line(salt=b"salt", iterations=1, extra=""):
    """The two lines of a server that knows the password, as the target's client asks for them."""
    first = f"r=nonce-server,s={base64.b64encode(salt).decode()},i={iterations}{extra}"
    signed = f"{CLIENT_BARE},{first},c=biws,r=nonce-server".encode()
    salted = hashlib.pbkdf2_hmac("sha256", b"pencil", salt, iterations)
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    signature = hmac.digest(server_key, signed, "sha256")
    return f"{first}\nv={base64.b64encode(signature).decode()}".encode()


def encode(data):
    return base64.b64encode(data).decode()


def client_lines(header="n,,", binding=b"", bare=CLIENT_BARE):
    """The two lines of a client that knows the password, as the target's server asks for them."""
    server_first = f"r=nonceserver,s={encode(b'salt')},i=1"
    unproved = f"c={encode(header.encode() + binding)},r=nonceserver"
    signed = f"{bare},{server_first},{unproved}".encode()
    salted = hashlib.pbkdf2_hmac("sha256", b"pencil", b"salt", 1)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
    proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
    return f"{header}{bare}\n{unproved},p={encode(proof)}".encode()


def sasl_seeds():
    yield "client", client_lines()
    yield "client-could-bind", client_lines(header="y,,")
    yield "client-binds", client_lines(header="p=tls-server-end-point,,", binding=b"\1\2\3")
    yield "client-binds-elsewhere", client_lines(header="p=tls-server-end-point,,", binding=b"x")
    yield "client-unique", client_lines(header="p=tls-unique,,", binding=b"\1\2\3")
    yield "client-name", client_lines(bare="n=a=3Db=2Cc,r=nonce")
    yield "client-authorization-id", client_lines(header="n,a=root,")
    yield "client-extension", client_lines(bare="m=x,n=,r=nonce")
    yield "client-wrong-proof", client_lines()[:-6] + b"AAAAA="
    keys = f"{encode(b'k' * 32)}:{encode(b's' * 32)}"
    yield "secret", f"SCRAM-SHA-256$4096:{encode(b'salt' * 4)}${keys}".encode()
    yield "secret-zero", f"SCRAM-SHA-256$0:{encode(b'salt')}${keys}".encode()
    yield "secret-short-key", f"SCRAM-SHA-256$1:{encode(b'salt')}$AAAA:AAAA".encode()
    yield "secret-md5", b"md5" + b"0123456789abcdef" * 2
    good = scram_line()
    yield "good", good
    yield "more-iterations", scram_line(iterations=64)
    yield "long-salt", scram_line(salt=bytes(range(200)))
    yield "extension", scram_line(extra=",x=y")
    yield "trailing-attribute", good + b",x=y"
    yield "wrong-signature", good[:-4] + b"AAA="
    yield "short-signature", good.split(b"\n")[0] + b"\nv=6rri"
    yield "error", good.split(b"\n")[0] + b"\ne=invalid-proof"
    yield "our-nonce-only", b"r=nonce,s=W22Z,i=1"
    yield "foreign-nonce", b"r=foreign,s=W22Z,i=1"
    yield "empty-salt", b"r=nonce-server,s=,i=1"
    yield "bad-salt", b"r=nonce-server,s=!!!!,i=1"
    yield "no-iterations", b"r=nonce-server,s=W22Z,i=0"
    yield "million-iterations", b"r=nonce-server,s=W22Z,i=1000001"
    yield "iterations-overflow", b"r=nonce-server,s=W22Z,i=4294967297"
    yield "mandatory-extension", b"m=x,r=nonce-server,s=W22Z,i=1"
    yield "decomposed", "u\u0308\u1100\u1161\u11a8\ufb01\u2168".encode()
    yield "spaces-and-nothing", "a\u00a0b\u00adc\u3000".encode()
    yield "right-to-left", "\u0627\u0031\u0628".encode()
    yield "prohibited", "a\u0007\ue000\ufffd".encode()


HEADER = b'{"alg":"EdDSA","typ":"JWT"}'


def jwt_payload(**changes):
    claims = {
        "iss": '"sluice-auth"',
        "aud": '"sluice-proxy:local"',
        "scope": '"management"',
        "iat": "1700000000",
        "exp": "1700000060",
    }
    claims.update(changes)
    return ("{" + ",".join(f'"{name}":{claim}' for name, claim in claims.items()) + "}").encode()


def storage_seeds():
    tenant = b'"tenant_id":"0123456789abcdef0123456789abcdef"'
    yield "storage-tenant", b'{"scope":"tenant",' + tenant + b"}"
    yield "storage-expiring", b'{"scope":"tenant","exp":1700000060,' + tenant + b"}"
    yield "storage-expired", b'{"scope":"safekeeperdata","exp":1600000000}'
    yield "storage-endpoint", (
        b'{"scope":"tenantendpoint","endpoint_id":"00000000-0000-0000-0000-000000000001",' + tenant + b"}"
    )
    yield "storage-admin", b'{"scope":"admin"}'
    yield "storage-no-tenant", b'{"scope":"tenant"}'
    yield "storage-bad-tenant", b'{"scope":"tenant","tenant_id":"0123"}'
    yield "storage-audience", b'{"scope":"admin","aud":"x"}'


def jwt_seeds():
    yield "good", HEADER + b"\n" + jwt_payload()
    for name, payload in storage_seeds():
        yield name, HEADER + b"\n" + payload
    changes = {
        "audiences": {"aud": '["x","sluice-proxy:local",7]'},
        "scopes": {"scope": '"read management  x"'},
        "fraction": {"iat": "1.7e9", "exp": "1700000059.5"},
        "not-before": {"nbf": "1700000001"},
        "huge-time": {"exp": "1e300"},
        "largest-time": {"exp": "9223372036854775807", "iat": "-9223372036854775808"},
        "beyond-int64": {"exp": "18446744073709551615"},
        "text-time": {"exp": '"1700000060"'},
        "null-issuer": {"iss": "null"},
        "escapes": {"iss": '"sluice\\u002dauth"', "x": '"\\ud83d\\ude00"'},
        "nested": {"x": "[" * 40 + "]" * 40},
        "repeated": {"x": '1,"iss":"other"'},
    }
    for name, change in changes.items():
        yield name, HEADER + b"\n" + jwt_payload(**change)
    yield "no-algorithm", b'{"alg":"none"}\n' + jwt_payload()
    yield "critical", b'{"alg":"EdDSA","crit":["x"]}\n' + jwt_payload()
    yield "other-type", b'{"alg":"EdDSA","typ":"JOSE"}\n' + jwt_payload()
    yield "not-an-object", HEADER + b"\n[]"
    part = base64.urlsafe_b64encode(HEADER).rstrip(b"=")
    yield "unsigned", part + b"." + base64.urlsafe_b64encode(jwt_payload()).rstrip(b"=") + b"."
    yield "bad-signature", part + b".e30." + b"A" * 86
    yield "padded", part + b"=.e30=." + b"A" * 86
    yield "four-parts", b"e30.e30.e30.e30"


CONNINFOS = {
    "pairs": "host=h user=u",
    "pairs-blanks": "  host = h\n\tuser =u  ",
    "pairs-quoted": r"host=h user=u password='it\'s \\' dbname=''",
    "pairs-escaped": r"host=h user=u password=a\ b\\c\'",
    "pairs-unterminated": "host='h user=u",
    "pairs-no-value": "host h",
    "pairs-unknown": "host=h user=u users=x",
    "hosts": "host=a,b,c hostaddr=::1,10.0.0.1, port=1,,3 user=u",
    "hosts-one-port": "host=a,b port=6000 user=u",
    "hosts-mismatch": "host=a,b hostaddr=::1 user=u",
    "port-range": "host=h port=65536 user=u",
    "socket": "host=/run/postgresql user=u",
    "timeout": "host=h user=u connect_timeout=' 10 '",
    "tls": "host=h user=u sslmode=verify-full sslcert=c sslkey=k sslpassword=p sslrootcert=ca sslsni=0",
    "tls-direct": "host=h user=u sslmode=require sslnegotiation=direct",
    "tls-system": "host=h user=u sslrootcert=system",
    "tls-versions": "host=h user=u ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.3",
    "authentication": "host=h user=u require_auth=scram-sha-256,none channel_binding=require",
    "authentication-not": "host=h user=u require_auth=!password,!md5",
    "session": "host=a,b user=u target_session_attrs=prefer-standby load_balance_hosts=random",
    "protocol": "host=h user=u min_protocol_version=3.0 max_protocol_version=latest",
    "parameters": "host=h user=u application_name=a client_encoding=UTF8 options='-c a=b' replication=true",
    "ignored": "host=h user=u keepalives=1 passfile=f gssencmode=prefer krbsrvname=p",
    "service": "service=s",
    "uri": "postgresql://uri-user:secret@host:12345/db",
    "uri-short": "postgres://h?user=u",
    "uri-hosts": "postgresql://u@a:1,b,[::2]:3/d?port=",
    "uri-v6": "postgresql://u@[2001:db8::1234]:6000/",
    "uri-v6-open": "postgresql://u@[::1",
    "uri-v6-more": "postgresql://u@[::1]z",
    "uri-percent": "postgresql://%68ost:%31234%35/d%62?u%73er=uri%2Duser",
    "uri-bad-percent": "postgresql://u@h/%zz",
    "uri-percent-nul": "postgresql://u%00@h",
    "uri-socket": "postgresql://u@%2Fvar%2Frun/db",
    "uri-password": "postgresql://u:p%40ss:w%2F@h?sslmode=prefer&password=a%20b",
    "uri-ssl": "postgresql://u@h?ssl=true&options=-c%20geqo%3Doff",
    "uri-no-value": "postgresql://h?user=u&b",
    "uri-two-values": "postgresql://h?user=u=v",
    "uri-spaces": "postgresql:// host :12345/ db ?user=uri-user",
}


def conninfo_seeds():
    for name, content in CONNINFOS.items():
        yield name, content.encode()


SESSION_COMMANDS = {
    "name": "DEALLOCATE _pg3_0",
    "prepare": " deallocate\n\tPrepare Stmt$1 ; ;",
    "prepare-as-name": "DEALLOCATE prepare",
    "quoted": 'DEALLOCATE "S_1 ""a"""',
    "quoted-open": 'DEALLOCATE "a',
    "quoted-empty": 'DEALLOCATE ""',
    "letters": "DEALLOCATE grüße",
    "all": "DEALLOCATE PREPARE ALL",
    "two": "DEALLOCATE a; DEALLOCATE b",
    "discard": "discard all;",
    "discard-plans": "DISCARD PLANS",
}


def session_command_seeds():
    for name, content in SESSION_COMMANDS.items():
        yield name, content.encode()


def control_file(version, catalog, signedness=False, **changes):
    """The fields of struct ControlFileData up to the CRC, which the target computes."""
    values = {"state": 6, "alignment": 8, "page": 8192, "segment": 1 << 24, **changes}
    checkpoint = struct.pack(
        "<QIIB3xIQIIIIIII4xqIII4x",
        0x1B9B278, 1, 1, 1, 2, 757, 24576, 1, 0, 745, 1, 1, 1, 1795841972, 753, 756, 757,
    )  # fmt: skip
    fields = struct.pack("<QIII4xqQ", 1, version, catalog, values["state"], 1795841972, 0x1B9B2D0)
    fields += checkpoint
    fields += struct.pack("<QQI4xQQB3xi", 1000, 0, 0, 0, 0, 0, 2)
    fields += struct.pack("<B3xiiiiiB3x", 1, 77, 9, 7, 3, 65, 1)
    fields += struct.pack("<Id", values["alignment"], 1234567.0)
    fields += struct.pack("<IIII", 8192, 131072, values["page"], values["segment"])
    fields += struct.pack("<IIIIB3xI", 64, 32, 1996, 2048, 1, 1)
    return fields + (b"\1" if signedness else b"") + bytes(range(32))


def control_data_seeds():
    yield "14", control_file(1300, 202107181)
    yield "15", control_file(1300, 202209061)
    yield "16", control_file(1300, 202307071)
    yield "17", control_file(1700, 202406281)
    yield "18", control_file(1800, 202506291, signedness=True)
    yield "13", control_file(1300, 202007201)
    yield "state", control_file(1300, 202107181, state=7)
    yield "alignment", control_file(1300, 202107181, alignment=4)
    yield "page-size", control_file(1300, 202107181, page=4096)
    yield "segment-size", control_file(1300, 202107181, segment=3 << 20)
    yield "whole", control_file(1800, 202506291, signedness=True).ljust(8192, b"\0")
    yield "too-long", bytes(8193)


def timeline_history_seeds():
    yield "second", b"1\t0/3000098\tno recovery target specified\n"
    yield "third", b"1\t0/3000098\tno recovery target specified\n\n2\t1/5000000\tat restore point \"x\"\n"
    yield "named", b"00000003.history\n1\t0/3000098\tx\n2\t0/3000098\t\n"
    yield "comments", b"# by hand\n \t\r\n  # more\n1 0/1"
    yield "not-increasing", b"2\t0/1\tx\n2\t0/2\tx\n"
    yield "goes-back", b"1\t0/2\tx\n2\t0/1\tx\n"
    yield "no-position", b"1\n"
    yield "overflow", b"99999999999\t0/1\n"
    yield "long", b"1\t0/1\t" + b"x" * 1017
    yield "nul", b"1\t0/1\ta\0b\n"
    yield "time", b"2026-11-28 04:48:08.25+05:30\n"
    yield "time-bc", b"4714-11-24 00:00:00+00 BC\n"
    yield "time-end", b"294276-12-31 23:59:59.999999+00\n"


FROM_ANY_PAGE, NO_CHECKSUMS, NO_BODIES = 0x80, 0x40, 0x20


def wal_input(major, first_page, wal, flags=FROM_ANY_PAGE, piece=100, segment_shift=0):
    return struct.pack("<BBHQ", major - 14 | flags, segment_shift, piece - 1, first_page) + wal


def wal_data(major):
    """A piece of tests/data/wal, the LSN of its first page and that of its second segment."""
    name = WAL_DATA / str(major)
    words = name.with_suffix(".records").read_text(encoding="utf-8").split(maxsplit=3)
    first = int(words[2].split("/")[1], 16)
    return name.with_suffix(".wal").read_bytes(), first, (first // 2**20 + 1) * 2**20


def wal_decoder_seeds():
    for major in range(14, 19):
        wal, first, _ = wal_data(major)
        yield f"{major}-records", wal_input(major, first, wal[: 2 * 8192])
    wal, first, segment = wal_data(15)
    yield "crash", wal_input(15, segment, wal[segment - first :])
    yield "switch", wal_input(15, segment - 16384, wal[segment - 16384 - first :][: 3 * 8192])
    wal, first, _ = wal_data(18)
    page, at = wal[8192:16384], first + 8192
    yield "no-checksums", wal_input(18, at, page, FROM_ANY_PAGE | NO_CHECKSUMS, piece=1)
    yield "no-bodies", wal_input(18, at, page, FROM_ANY_PAGE | NO_BODIES, piece=9000)
    yield "bad-checksum", wal_input(18, at, page[:5000] + b"?" + page[5001:], piece=3)
    yield "at-record", wal_input(18, at, page, flags=0)
    yield "zeros", wal_input(14, at, bytes(64))
    yield "16-mib", wal_input(18, 16 << 20, bytes(40), segment_shift=4)
    yield "other-version", wal_input(17, at, page)
    yield "end-of-all-lsns", wal_input(15, 2**64 - 8192, page)
    yield "no-start", wal_input(15, at + 4, page, flags=0)


CORPORA = {
    "wal_decoder": wal_decoder_seeds,
    "control_data": control_data_seeds,
    "timeline_history": timeline_history_seeds,
    "startup": startup_seeds,
    "frontend_messages": frontend_seeds,
    "backend_messages": backend_seeds,
    "conninfo": conninfo_seeds,
    "sasl": sasl_seeds,
    "session_command": session_command_seeds,
    "jwt": jwt_seeds,
}


def main():
    for target, seeds in CORPORA.items():
        folder = FOLDER / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in seeds():
            (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
