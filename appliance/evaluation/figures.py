"""The figures of one detector on one set, as the commands and the bench print them."""

from dataclasses import dataclass

from appliance.evaluation.measure import PER_CHARACTERS, Timing
from appliance.evaluation.score import Score, interval, ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one detector did on one set."""

    score: Score
    timing: Timing

    def false_alarms(self) -> float | None:
        """Return places said where nothing is labelled, for 1,000 characters; None for sets labelled in part."""
        if self.score.labels_partial:
            return None
        return ratio(PER_CHARACTERS * sum(self.score.wrong.values()), self.timing.characters)

    def to_json(self) -> dict[str, object]:
        """Return every figure, for programs."""
        score, labelled = self.score, self.score.total("labelled")
        return {
            "texts": score.texts,
            "labelled": labelled,
            "labels_partial": score.labels_partial,
            "recall": {name: score.recall(name) for name in ("any", "full", "strict", "typed")},
            "recall_full_95": interval(score.total("full"), labelled),
            "precision": score.precision(),
            "leak_share": score.leak_share(),
            "clean_share": score.clean_share(),
            "clean_of": score.without_labels,
            "false_alarms_per_1000_characters": self.false_alarms(),
            "false_alarms": dict(score.wrong.most_common()),
            "characters": self.timing.characters,
            "characters_per_second": round(self.timing.per_second()),
            "p50_ms_per_1000_characters": round(self.timing.p50_ms, 3),
            "p99_ms_per_1000_characters": round(self.timing.p99_ms, 3),
            "kinds": {kind: self.to_kind(kind) for kind in self.kinds()},
        }

    def kinds(self) -> list[str]:
        """Return every type that is labelled or said, the commonest label first."""
        return sorted(self.score.types, key=lambda kind: (-self.score.types[kind].labelled, kind))

    def to_kind(self, kind: str) -> dict[str, float | None]:
        """Return the figures of one type."""
        count = self.score.types[kind]
        is_partial = self.score.labels_partial
        return {
            "labelled": count.labelled,
            "recall_any": ratio(count.any, count.labelled),
            "recall_full": ratio(count.full, count.labelled),
            "recall_typed": ratio(count.typed, count.labelled),
            "precision_typed": None if is_partial else ratio(count.predicted_right, count.predicted),
        }
