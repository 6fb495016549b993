"""
Search: the highest rate at which a subject loses nothing.

Bisection, on a logarithmic scale, between the highest rate seen clean and the lowest seen lossy. A later search of the
same subject starts near the last result, so that three rounds cost little more than one.
"""

from __future__ import annotations

from collections.abc import Callable

from bench.trial import Trial

__all__ = ["search"]

_PRECISION = 1.04


def search(run: Callable[[float], Trial], guess: float, steps: int, spread: float) -> list[tuple[float, Trial]]:
    """
    Bisect.

    Args:
        run: Makes one trial at a rate.
        guess: Where to look, messages a second.
        steps: Most trials.
        spread: How far from the guess to look first; 1.2 means 20 % either way.

    Returns:
        All trials with their rates, in the order made. The caller takes the highest clean one.
    """
    trials: list[tuple[float, Trial]] = []
    clean, lossy = 0.0, 0.0
    rate = guess
    for _ in range(steps):
        trial = run(rate)
        trials.append((rate, trial))
        # A pump that could not keep the pace proves nothing about rates it did not reach.
        reached = min(rate, trial.sent_rate)
        if trial.clean:
            clean = max(clean, reached)
            if reached < 0.95 * rate:
                break
        else:
            lossy = min(lossy or rate, rate)
        if clean >= lossy > 0:
            # A shared machine had a bad moment: what was clean stands.
            break
        if clean and lossy:
            if lossy / clean < _PRECISION:
                break
            rate = (clean * lossy) ** 0.5
        elif clean:
            rate = clean * spread
        else:
            rate = lossy / spread
    return trials
