"""
Plot: the results as an SVG, written by hand.

Two panels of bars: the listener by scenario with its goals, and everybody at UDP to a file. No plotting library: the
picture is forty rectangles, and the bench should run where only the listener is installed.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from xml.sax.saxutils import escape

from bench.report import headline

__all__ = ["svg"]

_WIDTH, _LABEL, _ROW, _TOP = 900, 210, 24, 46
_PLOT = _WIDTH - _LABEL - 130
_OWN, _PEER, _LIMIT, _GOAL = "#2563a8", "#8a94a0", "#c9cfd6", "#c2410c"


class _Bar(NamedTuple):
    label: str
    rate: float
    colour: str
    goal: float | None = None


def _scenario_bars(scenarios: list[dict[str, Any]]) -> list[_Bar]:
    bars = []
    for scenario in scenarios:
        # Chunked messages are a thousand times as large: a rate in messages would say nothing beside the others.
        if "chunked" in scenario["name"]:
            continue
        rate = headline(scenario, scenario["subjects"][0])
        if rate:
            bars.append(_Bar(scenario["name"], rate, _OWN, scenario["goal"]))
    return bars


def _peer_bars(scenarios: list[dict[str, Any]]) -> list[_Bar]:
    bars = []
    for scenario in scenarios:
        if scenario["name"] not in {"udp-plain-file", "udp-plain-null"}:
            continue
        for subject in scenario["subjects"]:
            rate = headline(scenario, subject)
            own = subject["subject"] == "gelf-listener"
            if rate and not (own and scenario["name"].endswith("null")):
                colour = _OWN if own else _LIMIT if "bare" in subject["subject"] else _PEER
                bars.append(_Bar(subject["subject"], rate, colour))
    return sorted(bars, key=lambda bar: -bar.rate)


def _panel(title: str, bars: list[_Bar], top: float) -> list[str]:
    if not bars:
        return []
    scale = _PLOT / max(max(bar.rate, bar.goal or 0) for bar in bars)
    parts = [f'<text x="10" y="{top + 22}" class="title">{escape(title)}</text>']
    for number, bar in enumerate(bars):
        y = top + _TOP + number * _ROW
        parts += [
            f'<text x="{_LABEL - 8}" y="{y + 13}" text-anchor="end">{escape(bar.label)}</text>',
            f'<rect x="{_LABEL}" y="{y}" width="{bar.rate * scale:.1f}" height="{_ROW - 7}" fill="{bar.colour}"/>',
        ]
        end = bar.rate * scale
        if bar.goal:
            x = _LABEL + bar.goal * scale
            end = max(end, bar.goal * scale)
            parts.append(
                f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y - 2}" y2="{y + _ROW - 5}" stroke="{_GOAL}" stroke-width="3"/>'
            )
        parts.append(f'<text x="{_LABEL + end + 7:.1f}" y="{y + 13}">{bar.rate / 1000:,.0f} k/s</text>')
    return parts


def svg(results: dict[str, Any]) -> str:
    """Return the picture."""
    scenarios, peers = _scenario_bars(results["scenarios"]), _peer_bars(results["scenarios"])
    first = _TOP + len(scenarios) * _ROW + 16
    height = first + _TOP + len(peers) * _ROW + 16
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}">',
        "<style>text{fill:#1f2933;font:13px sans-serif}.title{font:bold 16px sans-serif}</style>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        *_panel("gelf-listener, messages/s (UDP: without loss; mark: goal)", scenarios, 0),
        *_panel("UDP, plain, to a file, without loss (bare: counts and drops what it receives)", peers, first),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"
