"""Which figures does the README show? Those in benchmarks/results, between its markers."""

import csv
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- demo: generated -->", "<!-- demo: end -->"


def demo_table(path=ROOT / "benchmarks" / "results" / "demo.csv"):
    """Return the demo's record as a Markdown table."""
    lines = [
        "| dataset | model | accuracy | published | seconds |",
        "|---|---|---|---|---|",
    ]
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            published = f"{float(row['published']):.4f}" if row["published"] else "-"
            lines.append(
                f"| {row['dataset']} | {row['model']} | {float(row['accuracy']):.4f} | "
                f"{published} | {float(row['seconds']):.0f} |"
            )
    return "\n".join(lines)


def updated(text):
    """Return the README's text with the table put between the markers."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{demo_table()}\n{END}{after}"


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(updated(readme.read_text(encoding="utf-8")), encoding="utf-8")
    sys.exit(0)
