"""What was used: token counts of one call, or of a bucket of calls, in disjoint classes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Disjoint token counts. Output includes hidden reasoning; `reasoning` only says how much.

    `input` is what was read without a cache hit, `cached_input` what a cache answered,
    `cache_write` what was read and stored. `requests` is the number of calls in the counts.
    """

    input: int = 0
    cached_input: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int | None = None
    requests: int = 1

    def __post_init__(self) -> None:
        counts = (self.input, self.cached_input, self.cache_write, self.output, self.requests)
        for count in (*counts, 0 if self.reasoning is None else self.reasoning):
            if type(count) is not int or count < 0:
                raise ValueError(f"not a token count: {count!r}")
        if self.reasoning is not None and self.reasoning > self.output:
            raise ValueError(f"{self.reasoning} reasoning tokens in {self.output} output tokens")

    @property
    def total(self) -> int:
        return self.input + self.cached_input + self.cache_write + self.output
