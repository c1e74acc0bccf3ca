"""The measured values, and the medians that are reported."""

from collections import defaultdict
from statistics import median


class Samples:
    """Values by section, case, target and metric, one for each round; failures by the same."""

    def __init__(self):
        self.values = defaultdict(dict)
        self.failures = {}
        self.notes = defaultdict(list)

    def add(self, section: str, case: str, target: str, metric: str, number: int,
            value: float | None) -> None:
        if value is not None:
            self.values[section, case, target, metric][number] = value

    def fail(self, section: str, case: str, target: str, reason: str) -> None:
        self.failures[section, case, target] = reason

    def failed(self, section: str, case: str, target: str) -> bool:
        return (section, case, target) in self.failures

    def note(self, section: str, text: str) -> None:
        if text not in self.notes[section]:
            self.notes[section].append(text)

    def median(self, section: str, case: str, target: str, metric: str) -> float | None:
        """Median over the rounds; None when nothing was measured or a round failed."""
        rounds = self.values.get((section, case, target, metric))
        if not rounds or self.failed(section, case, target):
            return None
        return median(rounds.values())

    def ratios(self, section: str, case: str, target: str) -> list[float]:
        """target/direct for each round that has both."""
        own = self.values.get((section, case, target, "rate"), {})
        direct = self.values.get((section, case, "direct", "rate"), {})
        if self.failed(section, case, target) or self.failed(section, case, "direct"):
            return []
        return [own[number] / direct[number] for number in sorted(own) if number in direct]

    def ratio(self, section: str, case: str, target: str) -> float | None:
        """Median over the rounds of target/direct of the same round."""
        ratios = self.ratios(section, case, target)
        return median(ratios) if ratios else None
