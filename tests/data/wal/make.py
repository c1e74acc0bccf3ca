#!/usr/bin/env python3
"""Writes MAJOR.wal and MAJOR.records: a piece of real WAL, and what PostgreSQL says is in it.

    make.py MAJOR DIRECTORY_OF_ITS_PROGRAMS [DIRECTORY_OF_PSQL_AND_PG_WALDUMP_15]

The piece has ordinary records, some over several pages, XLOG_SWITCH and the segment after it, a
record that a crash left unfinished with its replacement, and the zeros behind the last record.
Segments are of 1 MiB. The files are committed; run it as a user other than root.
"""

import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile

FOLDER = pathlib.Path(__file__).resolve().parent
SEGMENT = 1 << 20
PAGE = 8192
MAGIC_15 = 0xD110

SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
wal_level = logical
max_prepared_transactions = 2
autovacuum = off
bgwriter_lru_maxpages = 0
wal_writer_delay = 10s
checkpoint_timeout = 1h
wal_keep_size = 100MB
"""

SCHEMA = """
create table items(id int primary key, name text);
create table others(id int);
create sequence counter;
insert into items select g, 'n' || g from generate_series(1, 50) g;
update items set name = 'm' where id = 3;
begin; insert into items values (100, 'x'); prepare transaction 'first';
commit prepared 'first';
select nextval('counter');
"""

LOAD = """
insert into items select g, 'n' || g from generate_series(200, 230) g;
update items set name = 'other' where id < 4;
delete from items where id = 7;
begin; savepoint a; insert into items values (300, 'a'); rollback to a; commit;
select nextval('counter');
truncate others;
select pg_logical_emit_message(true, 'data', repeat('m', 9000));
select pg_logical_emit_message(false, 'data', '');
"""

PREPARED = """
begin; insert into items values (101, 'x'); prepare transaction 'second';
commit prepared 'second';
begin; insert into items values (102, 'x'); prepare transaction 'third';
rollback prepared 'third';
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def lsn(text):
    high, low = text.split("/")
    return int(high, 16) << 32 | int(low, 16)


def lsn_text(value):
    return f"{value >> 32:X}/{value & 0xFFFFFFFF:X}"


class Server:
    def __init__(self, programs, psql, folder, settings):
        self.programs, self.psql_program = pathlib.Path(programs), psql
        self.data, self.port = folder / "data", free_port()
        initdb = [self.programs / "initdb", "-D", self.data, "-U", "postgres", "-A", "trust"]
        subprocess.run([*initdb, "-N", "--wal-segsize=1"], check=True, stdout=subprocess.DEVNULL)
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write(settings + f"port = {self.port}\n")

    def control(self, *arguments):
        command = [self.programs / "pg_ctl", "-D", self.data, "-w", "-l", self.data / "log"]
        subprocess.run([*command, *arguments], check=True, stdout=subprocess.DEVNULL)

    def query(self, text):
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]
        command = [self.psql_program, *where, "-XqAt", "-F", " ", "-v", "ON_ERROR_STOP=1"]
        done = subprocess.run(command, input=text, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def position(self):
        return lsn(self.query("select pg_current_wal_insert_lsn()"))

    def message(self, size):
        self.query(f"select pg_logical_emit_message(false, 'fill', repeat('f', {size}))")
        # Its commit writes all of that to the files.
        self.query("select pg_logical_emit_message(true, 'flush', '')")

    def wal_file(self, position):
        return self.data / "pg_wal" / f"00000001{position >> 32:08X}{position % 2**32 // SEGMENT:08X}"


def lose_the_end_of_a_record(server):
    """Leaves a record of several pages without all but its first two, as a crash can."""
    start = server.position()
    server.message(40000)
    server.control("stop", "-m", "immediate")
    end_of_second_page = (start // PAGE + 2) * PAGE
    with open(server.wal_file(start), "r+b") as file:
        file.seek(end_of_second_page % SEGMENT)
        file.write(bytes(SEGMENT - end_of_second_page % SEGMENT))
    server.control("start")


def write_wal(server, load):
    server.query(SCHEMA)
    room = 48 * 1024
    left = SEGMENT - server.position() % SEGMENT
    server.message(left - room if left > room + PAGE else left + SEGMENT - room)
    start = server.position()
    server.query(load)
    server.query("select pg_switch_wal()")
    server.message(100)
    server.message(12000)
    server.query("select pg_logical_emit_message(false, 'data', 'last before the crash')")
    lose_the_end_of_a_record(server)
    server.message(10)
    return start, server.position()


def records_by_walinspect(server, start, end):
    server.query("create extension pg_walinspect")
    fields = "start_lsn, end_lsn, resource_manager, record_length, xid, prev_lsn"
    call = f"pg_get_wal_records_info('{lsn_text(start)}', '{lsn_text(end)}')"
    return server.query(f"select {fields} from {call} where start_lsn < '{lsn_text(end)}'")


def end_of_record(position, length):
    while length > PAGE - position % PAGE:
        length -= PAGE - position % PAGE
        position = (position // PAGE + 1) * PAGE
        position += 24 if position % SEGMENT else 40
    return (position + length + 7) // 8 * 8


def records_by_waldump(wal_folder, waldump, start, end):
    """pg_waldump of 15 reads WAL of 14 when the pages say that they are of 15."""
    for file in wal_folder.glob("0000*"):
        data = bytearray(file.read_bytes())
        for page in range(0, len(data), PAGE):
            if data[page : page + 2] != b"\0\0":
                struct.pack_into("<H", data, page, MAGIC_15)
        file.write_bytes(data)
    command = [waldump, "-p", wal_folder, "-s", lsn_text(start), "-e", lsn_text(end)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = []
    for line in output.splitlines():
        words = line.replace("/ ", "/").replace(",", "").split()
        field = {name: words[words.index(name) + 1] for name in ("rmgr:", "tx:", "lsn:", "prev")}
        length = line.split("len (rec/tot):")[1].split(",")[0].split("/")[1].strip()
        start = lsn(field["lsn:"])
        next_start = SEGMENT * (start // SEGMENT + 1) if "desc: SWITCH" in line else None
        next_start = next_start or end_of_record(start, int(length))
        words = (lsn_text(start), lsn_text(next_start), field["rmgr:"], length, field["tx:"])
        found.append(" ".join((*words, lsn_text(lsn(field["prev"])))))
    return "\n".join(found)


def copy_of_wal(server, start, end):
    data, position = b"", start // PAGE * PAGE
    stop = (end // PAGE + 2) * PAGE  # the last page, and one of zeros
    while position < stop:
        until = min(stop, (position // SEGMENT + 1) * SEGMENT)
        with open(server.wal_file(position), "rb") as file:
            file.seek(position % SEGMENT)
            data += file.read(until - position)
        position = until
    return data


def main():
    major, programs = int(sys.argv[1]), sys.argv[2]
    tools = pathlib.Path(sys.argv[3] if len(sys.argv) > 3 else programs)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        settings, load = SETTINGS, PREPARED + LOAD
        if major < 15:  # what pg_waldump of 15 would not understand
            settings, load = SETTINGS + "full_page_writes = off\n", LOAD
        server = Server(programs, tools / "psql", folder, settings)
        server.control("start")
        start, end = write_wal(server, load)
        system_id = server.query("select system_identifier from pg_control_system()")
        wal = copy_of_wal(server, start, end)
        shutil.copytree(server.data / "pg_wal", folder / "wal")
        if major >= 15:
            records = records_by_walinspect(server, start, end)
        else:
            records = records_by_waldump(folder / "wal", tools / "pg_waldump", start, end)
        server.control("stop", "-m", "immediate")
    head = f"{major} {system_id} {lsn_text(start // PAGE * PAGE)} {lsn_text(end)}\n"
    (FOLDER / f"{major}.wal").write_bytes(wal)
    (FOLDER / f"{major}.records").write_text(head + records + "\n", encoding="utf-8")
    print(f"{major}: {len(wal)} bytes, {len(records.splitlines())} records")


if __name__ == "__main__":
    main()
