-- Schema 2 of the database of sluice-auth. Times are milliseconds since 1970.

-- One row: a text sealed with the key that seals the passwords below.
CREATE TABLE seal_check (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    sealed TEXT    NOT NULL
) STRICT;

CREATE TABLE user (
    id            INTEGER PRIMARY KEY,
    email         TEXT    NOT NULL UNIQUE,           -- lower case
    password_hash TEXT    NOT NULL,                  -- Argon2id
    admin         INTEGER NOT NULL DEFAULT 0,
    disabled      INTEGER NOT NULL DEFAULT 0,
    created_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE web_session (
    token_hash   TEXT    PRIMARY KEY,                -- SHA-256 of the cookie, hex
    user_id      INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    created_at   INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX web_session_user ON web_session (user_id);

CREATE TABLE target (
    name     TEXT    PRIMARY KEY,
    host     TEXT    NOT NULL,
    port     INTEGER NOT NULL,
    database TEXT    NOT NULL DEFAULT '',
    tls      TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE target_role (
    target   TEXT NOT NULL REFERENCES target (name) ON DELETE CASCADE,
    role     TEXT NOT NULL,
    password TEXT NOT NULL,                          -- sealed
    PRIMARY KEY (target, role)
) STRICT, WITHOUT ROWID;

-- "*" in role, database or target stands for all of them.
CREATE TABLE access_grant (
    id       INTEGER PRIMARY KEY,
    user_id  INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    role     TEXT    NOT NULL,
    database TEXT    NOT NULL,
    target   TEXT    NOT NULL,
    UNIQUE (user_id, role, database, target)
) STRICT;

CREATE TABLE link_session (
    id               TEXT    PRIMARY KEY,
    state            TEXT    NOT NULL,
    phrase           TEXT    NOT NULL,
    instance         TEXT    NOT NULL,
    role             TEXT    NOT NULL,
    database         TEXT    NOT NULL,
    target           TEXT    NOT NULL,
    client_address   TEXT    NOT NULL,
    client_port      INTEGER NOT NULL,
    application_name TEXT    NOT NULL,
    tls              TEXT    NOT NULL,
    created_at       INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    claimed_by       TEXT    NOT NULL DEFAULT '',    -- e-mail
    message          TEXT    NOT NULL DEFAULT '',
    backend_pid      INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX link_session_open ON link_session (expires_at)
    WHERE state IN ('requested', 'opened', 'approving');
CREATE INDEX link_session_user ON link_session (claimed_by, created_at);
CREATE INDEX link_session_time ON link_session (created_at);

CREATE TABLE audit (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    time           INTEGER NOT NULL,
    event          TEXT    NOT NULL,
    session_id     TEXT    NOT NULL,
    user           TEXT    NOT NULL,
    role           TEXT    NOT NULL,
    database       TEXT    NOT NULL,
    target         TEXT    NOT NULL,
    client_address TEXT    NOT NULL,
    detail         TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_event ON audit (event, id);
