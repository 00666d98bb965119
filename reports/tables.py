"""The five systems in one table, from the rows and figures that stand beside this file: `python reports/tables.py`.

It fills the block of README.md between its markers; a test compares the two.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
START, END = "<!-- table: reports/tables.py -->\n", "<!-- end of the systems -->"
SYSTEMS = {
    "LRPE": "lrpe[core=unitary,p=dft]",
    "SPE": "spe-sine",
    "FLT": "flt-gaussian-mixture",
    "FastRPB": "fastrpb",
    "DAPE": "dape",
}
EQUAL = ("fast-equals-dense", "attention-matches")  # the checks that hold a fast form against the sum it stands for
HEADER = "| system | claims decided | NumPy | PyTorch | fast form = dense form | time, memory grow as N to the |"


def table() -> str:
    """The table as Markdown."""
    growth = json.loads((HERE / "cpu/growth.json").read_text(encoding="utf-8"))
    lines = [HEADER, "|---|---|---|---|---|---|"]
    for system, entry in SYSTEMS.items():
        rows = found(system)
        backends = [dtypes(rows, backend) for backend in ("numpy", "torch")]
        cells = [system, claims(entry), *backends, equal(rows), grown(growth[system])]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def found(system: str) -> list[dict[str, Any]]:
    """The findings of one system's run."""
    path = HERE / "cpu/systems" / system.lower() / "report.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if row["kind"] == "finding"]


def claims(entry: str) -> str:
    """How many claims are confirmed, and where the certificates are."""
    from lagwise.spec.catalogue import get
    from lagwise.spec.exact.verdicts import judge

    outcomes = list(judge(get(entry)).claims.values())
    return f"`{entry}`: {outcomes.count(True)} of {len(outcomes)}"


def dtypes(rows: Iterable[dict[str, Any]], backend: str) -> str:
    """The dtypes in which everything measured on a backend passed, and how much that was."""
    own = [row for row in rows if row["subject"].startswith(f"{backend}:") and row["basis"] == "promise"]
    named = [d for d in ("float64", "float32", "float16", "bfloat16") if any(row["dtype"] == d for row in own)]
    clean = [d for d in named if all(row["outcome"] in ("passed", "skipped") for row in own if row["dtype"] == d)]
    count = sum(row["outcome"] == "passed" for row in own)
    return f"{'✓' if clean == named and named else '✗'} {', '.join(clean)} ({count} findings)"


def equal(rows: Iterable[dict[str, Any]]) -> str:
    """The outcome of the checks that compare a fast form with the dense one."""
    held = [row for row in rows if row["check"] in EQUAL and row["outcome"] != "skipped"]
    names = sorted({row["check"] for row in held})
    return f"{'✓' if held and all(row['outcome'] == 'passed' for row in held) else '✗'} {', '.join(names)}"


def grown(figures: dict[str, Any]) -> str:
    """Measured slopes, and the lengths they were read off."""
    sizes = figures["sizes"]
    slopes = f"{figures['time grows as N to the']}, {figures['memory grows as N to the']}"
    return f"{slopes} (N = {sizes[0]} … {sizes[-1]})"


def main() -> None:
    """Writes the table into the README."""
    before, start, rest = README.read_text(encoding="utf-8").partition(START)
    _, end, after = rest.partition(END)
    README.write_text(before + start + table() + "\n" + end + after, encoding="utf-8")


if __name__ == "__main__":
    main()
