"""What a network's schedule does and when, in words: a report marks it beside the figures that it explains."""

from __future__ import annotations

from sfu_shim.core.link.impairment import Impairment
from sfu_shim.core.link.profiles import Network
from sfu_shim.core.link.schedule import Step


def disturbances(network: Network) -> list[tuple[float, str]]:
    """(seconds after the participant entered, what begins then) of each step, in order of time; one that is the same both ways
    is told once."""
    up = [(step.at, _told(step)) for step in network.up.steps]
    down = [(step.at, _told(step)) for step in network.down.steps]
    both = [one for one in up if one in down]
    ways = [(at, f"{words} up") for at, words in up if (at, words) not in both]
    ways += [(at, f"{words} down") for at, words in down if (at, words) not in both]
    return sorted([*both, *ways])


def _told(step: Step) -> str:
    parts = [f"blackout of {1000 * step.blackout:g} ms"] if step.blackout else []
    if step.impairment is not None:
        parts.append(_impaired(step.impairment))
    return ", then ".join(parts)


def _impaired(impairment: Impairment) -> str:
    """The worst of it first."""
    parts = []
    if impairment.loss is not None:
        parts.append(f"{100 * impairment.loss.mean_ratio:.3g} % loss")
    if impairment.rate_bps is not None:
        parts.append(f"{impairment.rate_bps / 1000:g} kbit/s")
    if impairment.delay:
        parts.append(f"{1000 * impairment.delay:g} ms delay")
    if impairment.jitter is not None:
        parts.append(f"{1000 * impairment.jitter.scale:g} ms jitter")
    if impairment.reorder is not None:
        parts.append(f"{100 * impairment.reorder.ratio:g} % overtaken")
    if impairment.duplicate:
        parts.append(f"{100 * impairment.duplicate:g} % twice")
    return ", ".join(parts) or "unimpaired"
