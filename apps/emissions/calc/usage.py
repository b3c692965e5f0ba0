"""What was used: token counts of one call, or of a bucket of calls, in disjoint classes."""

from dataclasses import dataclass

MOST_TOKENS = 10**15
"""More of one class is a fault of the caller. Up to here a float holds every count exactly."""


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Disjoint token counts. Output includes hidden reasoning; `reasoning` only says how much.

    `input` is what was read without a cache hit, `cached_input` what a cache answered,
    `cache_write` what was read and stored. `requests` is the number of calls in the counts.
    Each is at most MOST_TOKENS.
    """

    input: int = 0
    cached_input: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int | None = None
    requests: int = 1

    def __post_init__(self) -> None:
        for name in ("input", "cached_input", "cache_write", "output", "reasoning", "requests"):
            count = getattr(self, name)
            if count is None and name == "reasoning":
                continue
            if type(count) is not int or not 0 <= count <= MOST_TOKENS:
                raise ValueError(f"{name}: not a token count: {count!r}")
        if self.reasoning is not None and self.reasoning > self.output:
            raise ValueError(f"{self.reasoning} reasoning tokens in {self.output} output tokens")

    @property
    def total(self) -> int:
        return self.input + self.cached_input + self.cache_write + self.output
