"""Report: the results as a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

__all__ = ["markdown"]

_LISTENER = "gelf-listener"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    """Give a table; the first column is text, the others are numbers."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + " --- |" + " ---: |" * (len(head) - 1)
    for row in rows:
        yield "| " + " | ".join("-" if cell is None else str(cell) for cell in row) + " |"
    yield ""


def abuse_table(abuse: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Give the lines of a table of what `bench.abuse` measured."""
    rows: list[Sequence[object]] = []
    for one in abuse:
        if "missing" in one:
            rows.append((one["name"], f"{one['words']}: {one['missing']}", *[None] * 8))
            continue
        rows.append(
            (
                one["name"], one["words"], f"{one['honest_lost']} of {one['honest_sent']}", one["delay_ms_p50"],
                one["delay_ms_p99"], one["delay_ms_max"], one["rss_before_mib"], one["rss_peak_mib"],
                one["cpu_share"], one["rejected"],
            )
        )  # fmt: skip
    head = (
        "flood", "what", "honest lost", "delay p50 ms", "p99", "max", "RSS before MiB", "RSS peak", "CPU", "rejected",
    )  # fmt: skip
    yield from _table(head, rows)


def _thousands(rate: float | None) -> str | None:
    """Write a rate in thousands, small ones exactly."""
    if rate is None:
        return None
    return f"{rate / 1000:,.0f} k" if rate >= 10_000 else f"{rate:,.0f}"


def _spread(rates: Sequence[float]) -> str:
    return f"{_thousands(min(rates))} … {_thousands(max(rates))}" if len(rates) > 1 else ""


def headline(scenario: dict[str, Any], subject: dict[str, Any]) -> float | None:
    """Return the figure that counts: without loss where the protocol can lose, else the most it took."""
    return subject.get("loss_free_rate" if scenario["is_udp"] else "saturated_rate")


def _of(scenario: dict[str, Any], name: str) -> dict[str, Any]:
    return next((subject for subject in scenario["subjects"] if subject["subject"] == name), {"missing": "not run"})


def _verdict(rate: float | None, goal: float | None) -> str | None:
    if goal is None or rate is None:
        return None
    return "met" if rate >= goal else f"{rate / goal:.0%}"


def _listener(scenarios: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "## gelf-listener\n"
    rows = []
    for scenario in scenarios:
        own = _of(scenario, _LISTENER)
        if "missing" in own:
            rows.append((scenario["name"], own["missing"], *[None] * 8))
            continue
        rate = headline(scenario, own)
        rows.append(
            (
                scenario["name"],
                _thousands(own["loss_free_rate"]),
                _thousands(own["saturated_rate"]),
                f"{(rate or 0) * own['bytes_per_message'] / 1e6:,.0f}",
                own["cpu_us_loss_free"],
                own["cpu_us_saturated"],
                own["peak_rss_mib"],
                own["lost_inside"] + own["duplicates"] + own["refused"],
                _thousands(scenario["goal"]),
                _verdict(rate, scenario["goal"]),
            )
        )
    head = (
        "scenario", "without loss /s", "saturated /s", "MB/s", "CPU µs without loss", "CPU µs saturated",
        "peak RSS MiB", "lost inside, doubled, refused", "goal /s", "verdict",
    )  # fmt: skip
    yield from _table(head, rows)


def _peers(scenarios: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "## Beside its peers\n"
    yield "Ratio: gelf-listener's rate over the peer's, both from this run; above 1 the listener is faster.\n"
    for scenario in scenarios:
        if len(scenario["subjects"]) < 2:
            continue
        own = headline(scenario, _of(scenario, _LISTENER))
        yield f"### {scenario['name']}\n"
        rows = []
        for subject in scenario["subjects"]:
            if "missing" in subject:
                rows.append((subject["subject"], f"missing: {subject['missing']}", *[None] * 5))
                continue
            rate = headline(scenario, subject)
            key = "loss_free_rates" if scenario["is_udp"] else "saturated_rates"
            rows.append(
                (
                    subject["subject"],
                    _thousands(rate),
                    _spread(subject[key]),
                    _thousands(subject["saturated_rate"]),
                    subject["cpu_us_loss_free"] or subject["cpu_us_saturated"],
                    subject["peak_rss_mib"],
                    f"{own / rate:.2f}" if own and rate else None,
                )
            )
        what = "without loss /s" if scenario["is_udp"] else "rate /s"
        yield from _table(
            ("subject", what, "rounds", "saturated /s", "CPU µs/message", "peak RSS MiB", "listener / this"), rows
        )


def _rest(results: dict[str, Any]) -> Iterator[str]:
    if startup := results.get("startup"):
        yield "## Start-up and idle\n"
        if "missing" in startup:
            yield startup["missing"] + "\n"
        else:
            yield from _table(
                ("what", "measured", "goal"),
                [
                    ("start to first message accepted, ms", startup["accepted_ms"], "< 500"),
                    ("start to first message in the file, ms", startup["readable_ms"], None),
                    ("idle RSS with UDP, TCP, HTTP, file and web side, MiB", startup["idle_rss_mib"], "< 60"),
                ],
            )
    if flatness := results.get("flatness"):
        yield "## Cost per message over time\n"
        rate = _thousands(results["flatness_rate"])
        yield f"UDP to file at {rate}/s; each line is the messages since the line above.\n"
        rows = [(f"{point['messages']:,}", point["cpu_us"], point["rss_mib"], point["lost"]) for point in flatness]
        yield from _table(("up to message", "CPU µs/message", "RSS MiB", "lost"), rows)
    if abuse := results.get("abuse"):
        yield "## Beside a bad sender\n"
        yield "Delay: from an honest sender's send, over the same UDP input, to the line in the output file.\n"
        yield from abuse_table(abuse)
    if watchers := results.get("watchers"):
        yield "## Beside watchers\n"
        yield "Delay: from an honest POST to its answer, while 10 000 messages a second come by UDP into the store.\n"
        names = ("posts", "delay_ms_p50", "delay_ms_p99", "delay_ms_max", "cpu_share", "rss_peak_mib", "kernel_drops")
        rows = [(one["name"], *(one.get(name, one.get("missing")) for name in names)) for one in watchers]
        yield from _table(
            ("who watches", "posts", "delay p50 ms", "p99", "max", "CPU", "RSS peak MiB", "kernel drops"), rows
        )


def markdown(results: dict[str, Any]) -> str:
    """Return the page."""
    lines = ["# Listener benchmarks\n", "Made by `python -m bench`; read `docs/benchmarks.md` for what is measured.\n"]
    if results["quick"]:
        lines.append("**A quick run: one round of short trials. Good for a look, not for a claim.**\n")
    lines += _table(("machine", ""), [*results["machine"].items(), ("load before, after", results["load"])])
    rounds = f"rounds: {results['rounds']}, medians"
    lines.append(f"Messages of 415 bytes with ten additional fields; {rounds}; the sender shares the cores.\n")
    lines.append("![Rates](listener.svg)\n")
    lines += _listener(results["scenarios"])
    lines += _peers(results["scenarios"])
    lines += _rest(results)
    return "\n".join(lines).rstrip() + "\n"
