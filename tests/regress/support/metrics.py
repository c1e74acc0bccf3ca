"""Prometheus text, read back."""

import re
import urllib.error
import urllib.request

SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Metrics:
    """One scrape: `metrics.value("name", label="x")`, `metrics.sum("name")`."""

    def __init__(self, text):
        self.samples = []
        for line in text.splitlines():
            match = SAMPLE.match(line)
            if match and not line.startswith("#"):
                labels = dict(LABEL.findall(match.group(2) or ""))
                self.samples.append((match.group(1), labels, float(match.group(3))))

    def find(self, name, **labels):
        return [
            value
            for sample, its_labels, value in self.samples
            if sample == name and labels.items() <= its_labels.items()
        ]

    def names(self):
        return {name for name, _, _ in self.samples}

    def sum(self, name, **labels):
        """The sum over all label values; 0 when there is no such sample."""
        return sum(self.find(name, **labels))

    def value(self, name, **labels):
        """The single sample with these labels; its absence is a failure."""
        found = self.find(name, **labels)
        assert len(found) == 1, f"{name}{labels}: {len(found)} samples"
        return found[0]


def http_get(url, timeout=10):
    """Returns (status, text) of a GET, whatever the status."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class Admin:
    """The admin HTTP port of a service: metrics, liveness and readiness."""

    def __init__(self, port):
        self.base = f"http://127.0.0.1:{port}"

    def metrics(self):
        status, text = http_get(self.base + "/metrics")
        assert status == 200, f"/metrics answered {status}"
        return Metrics(text)

    def is_live(self):
        return http_get(self.base + "/livez")[0] == 200

    def is_ready(self):
        return http_get(self.base + "/readyz")[0] == 200
