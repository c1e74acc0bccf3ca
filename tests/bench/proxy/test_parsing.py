"""The parsers against what the real tools print. Run: python3 -m unittest -v test_parsing"""

import os
import struct
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import bars
import load
import processes
import report
import wire
from samples import Samples
from sections import Plan

PGBENCH = """\
pgbench (15.20 (Debian 15.20-0+deb12u1))
transaction type: <builtin: select only>
scaling factor: 10
query mode: prepared
number of clients: 8
number of threads: 2
maximum number of tries: 1
duration: 1 s
number of transactions actually processed: 33366
number of failed transactions: 0 (0.000%)
latency average = 0.239 ms
initial connection time = 4.218 ms
tps = 33446.470143 (without initial connection time)
"""

PGBENCH_RECONNECT = """\
number of transactions actually processed: 361
number of failed transactions: 0 (0.000%)
latency average = 2.772 ms
average connection time = 2.707 ms
tps = 360.739421 (including reconnection times)
"""

STRACE = """\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 52.98    0.110938           8     13432           sendto
 31.82    0.066624           4     13480        25 recvfrom
 15.17    0.031762          14      2221           epoll_wait
  0.00    0.000001           0        16           close
------ ----------- ----------- --------- --------- ----------------
100.00    0.209325           7     29149        25 total
"""

SMAPS_ROLLUP = """\
55d7c3a5e000-7ffd6a9f6000 ---p 00000000 00:00 0                          [rollup]
Rss:                8960 kB
Pss_Anon:           2304 kB
Anonymous:          2308 kB
AnonHugePages:         0 kB
"""


class ToolOutput(unittest.TestCase):
    def test_pgbench(self):
        result = load.parse_pgbench(PGBENCH)
        self.assertEqual((result.tps, result.transactions), (33446.470143, 33366))

    def test_pgbench_with_a_connection_a_query(self):
        result = load.parse_pgbench(PGBENCH_RECONNECT)
        self.assertEqual((result.tps, result.transactions), (360.739421, 361))

    def test_pgbench_without_result(self):
        with self.assertRaises(processes.BenchError):
            load.parse_pgbench("pgbench: error: connection failed")

    def test_strace_with_and_without_errors(self):
        self.assertEqual(load.parse_strace_summary(STRACE),
                         {"sendto": 13432, "recvfrom": 13480, "epoll_wait": 2221, "close": 16})

    def test_strace_that_saw_nothing(self):
        with self.assertRaises(processes.BenchError):
            load.parse_strace_summary("")

    def test_stat_of_a_name_with_spaces_and_parentheses(self):
        text = "7 (a) b (c)) S 1 7 7 0 -1 4194304 9 8 7 6 120 34 5 6 20 0 3 0 99"
        self.assertEqual(processes.parse_stat_ticks(text), 154)

    def test_smaps_rollup(self):
        self.assertEqual(processes.parse_anonymous_kib(SMAPS_ROLLUP), 2308)

    def test_proc_of_this_process(self):
        self.assertGreater(processes.anonymous_kib(os.getpid()), 0)
        self.assertGreaterEqual(processes.cpu_seconds(os.getpid()), 0)


class Wire(unittest.TestCase):
    def test_startup_message_holds_its_length(self):
        message = wire.startup_message("postgres", "bench")
        self.assertEqual(struct.unpack("!ii", message[:8]), (len(message), 196608))
        self.assertTrue(message.endswith(b"database\0bench\0\0"))

    def test_first_value_skips_the_row_description(self):
        description = b"T" + struct.pack("!ih", 6, 0)
        row = b"D" + struct.pack("!ihi", 12, 1, 2) + b"42"
        self.assertEqual(wire.first_value(description + row + wire.READY_IDLE), "42")


def measured(**rates) -> Samples:
    """Three rounds of `prepared 8`: each target at a fixed rate and 10 us."""
    samples = Samples()
    for target, rate in rates.items():
        for number in range(3):
            samples.add("queries", "prepared 8", target, "rate", number, rate)
            samples.add("queries", "prepared 8", target, "cpu", number, 10e-6)
    return samples


class Judging(unittest.TestCase):
    def test_ratio_pairs_values_of_the_same_round(self):
        samples = Samples()
        for number, (own, direct) in enumerate([(50, 100), (90, 100), (10, 10)]):
            samples.add("copy", "case", "sluice", "rate", number, own)
            samples.add("copy", "case", "direct", "rate", number, direct)
        self.assertEqual(samples.ratio("copy", "case", "sluice"), 0.9)

    def test_throughput_is_held_against_the_better_peer(self):
        for rate, met in ((65, True), (64, False)):
            samples = measured(direct=100, sluice=rate, pgbouncer=40, haproxy=50)
            self.assertIs(bars.throughput_bar(samples, "prepared", 8).met, met)

    def test_without_a_peer_nothing_is_judged(self):
        samples = measured(direct=100, sluice=99, haproxy=50)
        self.assertIsNone(bars.throughput_bar(samples, "prepared", 8).met)
        self.assertIsNone(bars.cpu_bar(samples, "prepared", 8).met)

    def test_a_failed_round_voids_the_case(self):
        samples = measured(direct=100, sluice=99, pgbouncer=40, haproxy=50)
        samples.fail("queries", "prepared 8", "sluice", "pgbench: exit code 2")
        self.assertIsNone(bars.throughput_bar(samples, "prepared", 8).met)

    def test_only_the_bars_of_chosen_sections(self):
        plan = Plan(["direct", "sluice"], ["memory"], 1, 1, 50, 200)
        self.assertEqual([bar.verdict for bar in bars.judge(Samples(), plan)],
                         ["not measured"] * 2)


class Markdown(unittest.TestCase):
    def test_only_the_marked_part_is_replaced(self):
        first = report.merged("# Benchmarks\n\nIntroduction.\n", "old\n")
        second = report.merged(first + "\nThe rest.\n", "new\n")
        self.assertIn("Introduction.", second)
        self.assertIn("The rest.", second)
        self.assertIn("new\n", second)
        self.assertNotIn("old\n", second)


if __name__ == "__main__":
    unittest.main()
