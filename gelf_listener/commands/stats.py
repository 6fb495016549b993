"""``gelf-listener stats``: what a listener does at the moment."""

from __future__ import annotations

import json
from typing import Any

import typer

from gelf_listener.client import Client
from gelf_listener.commands.printing import leaving_quietly
from gelf_listener.quantities import counted, format_duration, format_size
from gelf_listener.rendering.sanitise import clean


def show_stats(client: Client, *, as_json: bool) -> None:
    """Print figures: for a person, or as JSON with all of them."""
    found = client.stats()
    with leaving_quietly():
        if as_json or "outputs" not in found:
            typer.echo(json.dumps(found, indent=2))
            return
        for line in _lines(found):
            typer.echo(line)


def _lines(stats: dict[str, Any]) -> list[str]:
    figures = f"{_messages(stats)}, {stats['rejected']:,} rejected, {stats['messages_per_second']:,.1f} a second"
    lines = [f"gelf-listener {stats['version']}, up {format_duration(stats['uptime_seconds'])}: {figures}"]
    store = stats.get("store")
    if store:
        lines.append(f"store: {_messages(store)}, {format_size(store['bytes'])}")
    lines.append("inputs:")
    for each in stats["inputs"]:
        drops = each["counters"].get("kernel_drops_total", 0)
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in each["rejected_by_reason"].items())
        lines.append(
            f"  {_label(each['name'])}: {_messages(each)}, {each['messages_per_second']:,.1f} a second"
            + (f"; rejected: {reasons}" if reasons else "")
            + (f"; dropped by the kernel: {drops:,.0f}" if drops else "")
        )
    if stats["workers"]:
        lines.append("workers:")
        lines += [_worker(each) for each in stats["workers"]]
    lines.append("outputs:")
    for each in stats["outputs"]:
        state = "works" if each["error"] is None else f"fails: {each['error']}"
        text = f"  {_label(each['name'])}: {_messages(each)}, {clean(state)}"
        if each["waiting"]:
            kind = " on disk" if each["buffer"] == "disk" else ""
            text += f"; waiting{kind}: {each['waiting']:,}, the oldest for {format_duration(each['oldest_seconds'])}"
        text += "".join(f"; {word} {each[word]:,}" for word in ("retries", "refused", "dropped") if each[word])
        lines.append(text + (f"; buffer: {clean(each['buffer_problem'])}" if each["buffer_problem"] else ""))
    lines += ["senders:"] if stats["top_senders"] else []
    for each in stats["top_senders"]:
        client = f" ({clean(each['client'])})" if each.get("client") else ""
        rejected = f", {each['rejected']:,} rejected" if each["rejected"] else ""
        lines.append(f"  {_who(each)}{client}: {_messages(each)}{rejected}")
    return lines


def _worker(worker: dict[str, Any]) -> str:
    process = "no process" if worker["pid"] is None else f"process {worker['pid']}"
    state = f"fails: {worker['problem']}" if worker["problem"] else "works"
    restarts = f"; restarted {counted(worker['restarts'], 'time')}" if worker["restarts"] else ""
    return f"  {worker['number']}: {process}, {_messages(worker)}, {clean(state)}{restarts}"


def _messages(figures: dict[str, Any]) -> str:
    return counted(figures["messages"])


def _who(sender: dict[str, Any]) -> str:
    """Name a sender; one of whom nothing could be understood has no host, a file no address."""
    return " at ".join(filter(None, (clean(sender["host"]), sender["address"]))) or "-"


def _label(name: str) -> str:
    """Return a name to put a colon behind; some end with one."""
    return clean(name).removesuffix(":")
