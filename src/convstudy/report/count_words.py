"""The calculator's verdict on two trained models in words: from counts alone."""

from __future__ import annotations

from convstudy.report.numbers import counted, percent, points, rounded
from convstudy.report.verdict_words import within
from convstudy.stats import CountsVerdict, Interval

_SAYS = {
    "better": "The first model is better on images of this kind{beyond}.",
    "worse": "The second model is better on images of this kind{beyond}.",
    "tie": "A tie: on images of this kind the two models differ by no more than {region} points.",
    "unclear": "The two models cannot be told apart on these images{why}.",
}


def counts_answer(found: CountsVerdict) -> tuple[str, ...]:
    """Return a verdict on counts as lines of plain text: the verdict, its figures, and what they leave open."""
    return (
        _verdict(found),
        *(_model(name, found, index) for index, name in enumerate(("First", "Second"))),
        _difference(found),
        *_pairing(found),
        *(
            [f"About {rounded(found.images)} images would tell, were that the true difference."]
            if found.images
            else []
        ),
        "This is about two trained models, one run each: other seeds would give other models. It says nothing of the "
        "networks or recipes that they came from.",
    )


def _verdict(found: CountsVerdict) -> str:
    region = f"{found.region * 100:g}"
    beyond = f", by more than {region} points" if found.region else ""
    why = ""
    if found.kind == "unclear":
        low, high = found.difference.low, found.difference.high
        if low > 0 or high < 0:
            ahead = "first" if low > 0 else "second"
            why = f" by more than {region} points: the {ahead} is ahead, but perhaps by no more than that"
        else:
            why = ": the difference may be none, and either may be the better one"
    return _SAYS[found.kind].format(region=region, beyond=beyond, why=why)


def _model(name: str, found: CountsVerdict, index: int) -> str:
    accuracy = found.accuracies[index]
    n_right = round(accuracy.estimate * found.n)
    return f"{name}: {n_right:,} of {found.n:,} right, {percent(accuracy.estimate)} ({within(accuracy)}, Wilson)."


def _difference(found: CountsVerdict) -> str:
    pairs = found.pairs
    if pairs is None:
        how = "Newcombe, as if each had seen images of its own"
    else:
        how = (
            f"Bonett and Price; {counted(pairs.first_only, 'image')} only the first gets right, "
            f"{pairs.second_only:,} only the second; McNemar's exact p {pairs.exact_p:.2g}"
        )
    return f"Difference: {points(found.difference.estimate)} points ({_ends(found.difference)}; {how})."


def _pairing(found: CountsVerdict) -> tuple[str, ...]:
    """Return what not knowing the pairing costs."""
    if found.narrowest is None or found.widest is None:
        return ()
    says = {
        "better": "the first is better",
        "worse": "the second is better",
        "tie": "a tie",
        "unclear": "still not to be told apart beyond the region",
    }
    assert found.narrowest_kind is not None  # known wherever the narrowest interval is
    return (
        "If both saw the same images, say how many both got right (--both-right); that may narrow the interval to "
        f"{_range(found.narrowest)} at best ({says[found.narrowest_kind]}), or leave it at {_range(found.widest)}.",
    )


def _ends(interval: Interval) -> str:
    return f"{interval.confidence * 100:g} % interval {_range(interval)}"


def _range(interval: Interval) -> str:
    return f"{points(interval.low)} to {points(interval.high)}"
