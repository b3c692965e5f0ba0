"""A page as a reader's software takes it: what is open, named, labelled, or from elsewhere."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = frozenset({"meta", "link", "input", "br", "hr", "img", "line", "rect", "path"})
_FETCHED = frozenset({("link", "href"), ("script", "src"), ("img", "src")})


@dataclass
class Page(HTMLParser):
    """`faults` are tags out of balance and ids used twice, or named and not there."""

    faults: list[str] = field(default_factory=list)
    heading_levels: list[int] = field(default_factory=list)
    bare_headers: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    _open: list[str] = field(default_factory=list)
    _ids: list[str] = field(default_factory=list)
    _named: list[str] = field(default_factory=list)
    _controls: list[str] = field(default_factory=list)
    _labels: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    @classmethod
    def read(cls, text: str) -> "Page":
        page = cls()
        page.feed(text)
        page.close()
        page.faults += [f"<{tag}> is never closed" for tag in page._open]
        page.faults += [f"#{name} twice" for name in {*page._ids} if page._ids.count(name) > 1]
        page.faults += [f"#{name} is nowhere" for name in page._named if name not in page._ids]
        return page

    @property
    def unlabelled(self) -> list[str]:
        return [name for name in self._controls if name not in self._labels]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._look_at(tag, {name: value or "" for name, value in attrs})

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._look_at(tag, {name: value or "" for name, value in attrs})
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1] != tag:
            self.faults.append(f"</{tag}> at {self.getpos()} closes {self._open[-1:]}")
        else:
            self._open.pop()

    def _look_at(self, tag: str, attributes: dict[str, str]) -> None:
        if "id" in attributes:
            self._ids.append(attributes["id"])
        for name in ("aria-labelledby", "aria-describedby", "list"):
            self._named += attributes.get(name, "").split()
        if tag in {"h1", "h2", "h3", "h4"}:
            self.heading_levels.append(int(tag[1]))
        if tag == "th" and not attributes.get("scope"):
            self.bare_headers.append(str(self.getpos()))
        if tag in {"input", "select", "textarea"} and attributes.get("type") != "hidden":
            self._controls.append(attributes.get("id", ""))
        if tag == "label":
            self._labels.append(attributes.get("for", ""))
        self.foreign += [
            attributes[name]
            for of, name in _FETCHED
            if of == tag and attributes.get("rel") != "canonical"
            if attributes.get(name, "").partition(":")[0] in {"http", "https"}
        ]
