"""Put the pages of a paper in order before it goes into a chart: turn, move, leave out, split."""

from __future__ import annotations

from sojourn.base import errors
from sojourn.gate.papers import Paper

Pages = tuple[tuple[int, int], ...]


def turned(pages: Pages, at: int, degrees: int) -> Pages:
    """One page, or all of them for -1, turned to the right by a quarter, a half or three quarters. Raises Malformed."""
    if degrees not in (90, 180, 270) or not -1 <= at < len(pages):
        raise errors.Malformed("There is no such page.")
    return tuple((n, (turn + degrees) % 360 if at in (-1, k) else turn) for k, (n, turn) in enumerate(pages))


def moved(pages: Pages, at: int, to: int) -> Pages:
    """A page at another place; places are counted from 0. Raises Malformed."""
    if not (0 <= at < len(pages) and 0 <= to < len(pages)):
        raise errors.Malformed(f"Write a place from 1 to {len(pages)}.")
    rest = [p for k, p in enumerate(pages) if k != at]
    rest.insert(to, pages[at])
    return tuple(rest)


def without(paper: Paper, at: int) -> Pages:
    """Without a page, which stays in what was received. Raises Malformed for the last one."""
    if not 0 <= at < len(paper.pages) or len(paper.pages) == 1:
        raise errors.Malformed("A paper has at least one page. Set the whole paper aside instead.")
    return tuple(p for k, p in enumerate(paper.pages) if k != at)


def split(pages: Pages, first: int) -> tuple[Pages, Pages]:
    """Two papers: what is before a page, and what begins with it. Raises Malformed."""
    if not 0 < first < len(pages):
        raise errors.Malformed("Choose the page with which the second paper begins: any but the first.")
    return pages[:first], pages[first:]


def restored(paper: Paper) -> Pages:
    """All pages as they were received; of a paper that was split, those that are its own."""
    return tuple((n, 0) for n in sorted({n for n, _ in paper.pages})) if len(paper.pages) < paper.received else tuple((n, 0) for n in range(paper.received))
