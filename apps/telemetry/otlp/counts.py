"""The token counts of one call, from whichever names its sender uses."""

from dataclasses import dataclass
from typing import Final

from apps.telemetry.connectors.fields import LARGEST_COUNT, UnusableRowError
from apps.telemetry.otlp.agents import CallNames
from apps.telemetry.otlp.attributes import (
    CACHE_READ,
    CACHE_WRITE,
    INPUT,
    OUTPUT,
    REASONING,
    Attributes,
    count,
)

INPUT_EXCLUDES_CACHE: Final = "input_excludes_cache"
THOUGHTS_ADDED: Final = "thoughts_added_to_output"
REASONING_EXCEEDS: Final = "reasoning_exceeds_completion"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """As `PushedUsage` has them: three input parts, and an output that includes the reasoning."""

    input_uncached: int
    input_cache_read: int
    input_cache_write: int
    output: int
    reasoning: int | None
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        whole_input = self.input_uncached + self.input_cache_read + self.input_cache_write
        if max(whole_input, self.output) > LARGEST_COUNT:
            raise UnusableRowError("count_too_large", "tokens", max(whole_input, self.output))


def general(attributes: Attributes) -> Counts | None:
    """By the GenAI conventions, newer names before older ones; None where there are no tokens."""
    tokens, output = count(attributes, *INPUT), count(attributes, *OUTPUT)
    if tokens is None and output is None:
        return None
    return _counts(
        tokens or 0,
        count(attributes, *CACHE_READ) or 0,
        count(attributes, *CACHE_WRITE) or 0,
        output or 0,
        count(attributes, *REASONING),
    )


def own(attributes: Attributes, names: CallNames) -> Counts | None:
    """By the names a tool has given them; None where there are no tokens."""
    tokens, output = count(attributes, names.input), count(attributes, names.output)
    if tokens is None and output is None:
        return None
    reasoning = count(attributes, names.reasoning) if names.reasoning else None
    has_added = names.adds_reasoning and bool(reasoning)
    return _counts(
        tokens or 0,
        count(attributes, names.cache_read) or 0,
        (count(attributes, names.cache_write) or 0) if names.cache_write else 0,
        (output or 0) + ((reasoning or 0) if has_added else 0),
        reasoning,
        input_is_uncached=names.input_is_uncached,
        flags=(THOUGHTS_ADDED,) if has_added else (),
    )


def _counts(
    tokens: int,
    read: int,
    written: int,
    output: int,
    reasoning: int | None,
    *,
    input_is_uncached: bool = False,
    flags: tuple[str, ...] = (),
) -> Counts:
    """The input is the whole, unless its two parts are more: then the sender left them out."""
    if not input_is_uncached and read + written > tokens:
        input_is_uncached = True
        flags = (*flags, INPUT_EXCLUDES_CACHE)
    if reasoning is not None and reasoning > output:
        reasoning = output
        flags = (*flags, REASONING_EXCEEDS)
    return Counts(
        input_uncached=tokens if input_is_uncached else tokens - read - written,
        input_cache_read=read,
        input_cache_write=written,
        output=output,
        reasoning=reasoning,
        flags=flags,
    )
