"""Reading a leaderboard page back, strictly, for tests."""

from html.parser import HTMLParser

from robust_gym.leaderboard import build

VOID = {"meta", "link", "br", "img", "hr", "input"}
TAGS = {
    "html", "head", "meta", "title", "link", "style", "body", "header", "h1", "h2", "h3", "h4", "p", "nav", "ul", "li",
    "a", "main", "section", "div", "table", "caption", "span", "thead", "tbody", "tr", "th", "td", "strong", "small",
    "figure", "figcaption", "svg", "desc", "g", "path", "text", "details", "summary", "dl", "dt", "dd", "code", "pre",
    "cite", "script", "form", "label", "input", "select", "option", "button", "output", "noscript",
}  # fmt: skip
ATTRIBUTES = {
    "lang", "charset", "name", "content", "http-equiv", "rel", "href", "id", "class", "role", "tabindex", "aria-label",
    "aria-labelledby", "aria-hidden", "scope", "title", "data-key", "xmlns", "viewbox", "x", "y", "d", "transform",
    "text-anchor", "stroke-dasharray", "open", "download", "data-name", "data-family", "data-protocol", "data-channel",
    "data-privileges", "type", "value", "placeholder", "autocomplete", "hidden", "aria-live",
}  # fmt: skip


class Reader(HTMLParser):
    """Collects what a page really contains, and checks that every element is closed in order."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.attributes, self.ids, self.links = [], set(), set(), [], []
        self.scripts, self.data, self.comments, self.texts, self.rows = [], [], [], [], 0
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        given = dict(attrs)
        assert len(given) == len(attrs), f"an attribute is given twice in <{tag}>"
        if "id" in given:
            self.ids.append(given["id"])
        self.links += [given[name] for name in ("href", "src") if name in given]
        self.rows += tag == "tr"
        if tag == "script":
            # What is no JavaScript is data, which a browser does not run.
            self.into = self.data if given.get("type") == "application/json" else self.scripts
            self.into.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.into[-1] += data
        elif self.open and self.open[-1] != "style":
            self.texts.append(data)

    def handle_comment(self, data):
        self.comments.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


class Pages:
    """All pages of a leaderboard: the one of all results first, then those of tasks and of algorithms."""

    def __init__(self, index):
        folder = index.parent
        self.files = [index, *sorted(folder.glob("tasks/*.html")), *sorted(folder.glob("algorithms/*.html"))]
        self.sources = [file.read_text(encoding="utf-8") for file in self.files]
        self.readers = [Reader(source) for source in self.sources]

    @property
    def index(self):
        """The reader of the first page."""
        return self.readers[0]

    @property
    def source(self):
        return "\n".join(self.sources)

    @property
    def text(self):
        return " ".join(reader.text for reader in self.readers)

    def together(self, name):
        """Return what all readers have found of something."""
        return [one for reader in self.readers for one in getattr(reader, name)]


def built(records, folder):
    """Build a leaderboard and read all of its pages."""
    return Pages(build(records, folder))
