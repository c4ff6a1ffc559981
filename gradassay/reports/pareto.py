"""Which estimators cost more and are worse: ranks and the Pareto front, given intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gradassay.core.records import Interval
from gradassay.reports.formats import count


@dataclass(frozen=True)
class Offer:
    """What an estimator costs, exactly, and how large its error is.

    Parameters
    ----------
    subject : str
        The estimator.
    operations : float
        Of an update.
    error : Interval
        Mean squared error or variance.
    """

    subject: str
    operations: float
    error: Interval

    @property
    def product(self) -> Interval:
        """Error times operations."""
        one, factor = self.error, self.operations
        return Interval(one.value * factor, one.low * factor, one.high * factor, one.level)


def dominates(one: Offer, other: Offer) -> bool:
    """Whether an offer is shown to be no dearer and better, or cheaper and no worse.

    The intervals of the errors do not overlap. Where the errors are in fact the other way round,
    each of two intervals of level 1 - a has to miss on one side: that happens at a rate of at most
    a. Where they overlap nothing is shown.
    """
    cheaper, better = one.operations < other.operations, one.error.high < other.error.low
    no_dearer = one.operations <= other.operations
    no_worse = one.error.high <= other.error.low
    return (no_dearer and better) or (cheaper and no_worse)


def dominators(offers: Sequence[Offer]) -> dict[str, tuple[str, ...]]:
    """Return, for each offer, who is shown to dominate it; nobody does on the Pareto front.

    Examples
    --------
    >>> offers = [
    ...     Offer("a", 1.0, Interval(2.0, 1.9, 2.1, 0.95)),
    ...     Offer("b", 3.0, Interval(2.0, 1.9, 2.1, 0.95)),
    ...     Offer("c", 3.0, Interval(9.0, 8.0, 9.9, 0.95)),
    ... ]
    >>> dominators(offers)
    {'a': (), 'b': (), 'c': ('a', 'b')}
    """
    return {
        offer.subject: tuple(one.subject for one in offers if dominates(one, offer))
        for offer in offers
    }


def rank_ranges(found: Mapping[str, Interval]) -> dict[str, tuple[int, int]]:
    """Return the best and the worst rank of each that the intervals allow; 1 is the smallest.

    Examples
    --------
    >>> one, other = Interval(1.0, 0.9, 1.2, 0.95), Interval(1.1, 1.0, 1.3, 0.95)
    >>> rank_ranges({"a": one, "b": other, "c": Interval(5.0, 4.0, 6.0, 0.95)})
    {'a': (1, 2), 'b': (1, 2), 'c': (3, 3)}
    """
    return {
        name: (
            1 + sum(other.high < own.low for other in found.values()),
            len(found) - sum(own.high < other.low for other in found.values()),
        )
        for name, own in found.items()
    }


def rank_text(ranks: tuple[int, int]) -> str:
    """Return a rank, or the ranks that cannot be told apart.

    Examples
    --------
    >>> rank_text((1, 1)), rank_text((2, 4))
    ('1', '2 to 4')
    """
    best, worst = ranks
    return count(best) if best == worst else f"{best} to {worst}"


def front_sentence(offers: Sequence[Offer], error: str) -> str:
    """Say who is on the Pareto front and who is dominated by whom; empty for fewer than two.

    Parameters
    ----------
    offers : sequence of Offer
    error : str
        What the errors are, in words.
    """
    if len(offers) < 2:
        return ""
    found = dominators(offers)
    front = [name for name, others in found.items() if not others]
    worse = [
        f"{name} by {', '.join(others[:3])}{' and others' if len(others) > 3 else ''}"
        for name, others in found.items()
        if others
    ]
    told = f" Dominated: {'; '.join(worse)}." if worse else " None is shown to be dominated."
    return f"By {error} and operations, on the Pareto front: {', '.join(front)}.{told}"
