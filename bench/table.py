"""The figures as lines and as a Markdown table."""

from __future__ import annotations

from typing import Any


def line(row: dict[str, Any]) -> str:
    """One row as it is measured."""
    rate = row["rate"] * row["per"]
    cores = " ".join(f"{name} {value:.2f} ({row['cpu_us'][name]} us)" for name, value in row["cores"].items())
    return f"{row['name']:<32} {rate:>8.0f}/s {row['ratio']:>6.1%} of bare ({row['bare']:.0f})  p50 {row['p50']:>6.1f} p99 {row['p99']:>7.1f} ms  {cores} others {row['foreign']:.2f}  {verdict(row)}"


def verdict(row: dict[str, Any]) -> str:
    """Whether the target is met."""
    if row.get("share"):
        return f"{'met' if row['ratio'] >= row['share'] else 'MISSED'} ({row['share']:.0%})"
    if row.get("least"):
        return f"{'met' if row['rate'] * row['per'] >= row['least'] else 'MISSED'} ({row['least']:.0f}/s)"
    return ""


def markdown(result: dict[str, Any]) -> str:
    """The whole result."""
    lines = [
        "| operation | /s | of bare | p50 ms | p99 ms | cores: server / PostgreSQL / load / others | peer /s | times peer | target |",
        "| --- | ---: | ---: | ---: | ---: | --- | ---: | ---: | --- |",
    ]
    for row in result["rows"]:
        cores = " / ".join(f"{row['cores'].get(name, 0):.2f}" for name in ("server", "postgres", "load")) + f" / {row['foreign']:.2f}"
        rate, peer = row["rate"] * row["per"], (row["peer"] or 0) * row["per"]
        lines.append(
            f"| {row['name']}{' (resources)' if row['per'] > 1 else ''} | {rate:,.0f} | {row['ratio']:.0%} | {row['p50']:.1f} | {row['p99']:.1f} | {cores} | "
            f"{f'{peer:,.0f}' if peer else '-'} | {f'{rate / peer:.1f}' if peer else '-'} | {verdict(row) or '-'} |"
        )
    filled = result.get("import", {})
    if filled.get("rate"):
        lines.append(f"| import (resources) | {filled['rate']:,} | - | - | - | load {filled['cores']['load']:.2f}, PostgreSQL {filled['cores']['postgres']:.2f}, others {filled['foreign']:.2f} | 245 | {filled['rate'] / 245:.1f} | {'met' if filled['rate'] >= 3000 else 'MISSED'} (3000/s) |")
    if result.get("memory"):
        lines += ["", f"Memory (PSS): server {result['memory']['server']} MB, bare app {result['memory']['bare']} MB."]
    return "\n".join(lines)
