"""Tables and plots of what :mod:`run` measured: ``python benchmarks/report.py [docs/results/performance.md]``.

Between ``<!-- table NAME.json -->`` and ``<!-- end -->`` the page gets the tables of that file, which lies beside it;
NAME.png is drawn beside it as well.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from parkour.storage import whole_file

PAGE = Path(__file__).resolve().parents[1] / "docs" / "results" / "performance.md"
DISTURBED = 0.1
"""Share of the CPUs in other programs' hands from which on a measurement is marked."""
_BLOCK = re.compile(r"(<!-- table (?P<name>[\w-]+)\.json -->\n).*?(<!-- end -->)", re.DOTALL)

Row = dict[str, Any]


def rows(results: Row, prefix: str) -> list[Row]:
    """Rows of the measurements ``prefix`` or ``prefix@SIZE`` that succeeded, by number of environments."""
    found = [
        item["row"]
        for name, item in results["measurements"].items()
        if item["status"] == "ok" and name.partition("@")[0] == prefix
    ]
    return sorted(found, key=lambda row: row["num_envs"])


def tables(results: Row) -> str:
    """Everything as Markdown."""
    parts = [_machine(results), _steps(results), _cpu(results), _student_step(results), _training(results)]
    parts += [_isaaclab(results), _success(results), _evaluation(results), _missing(results)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    head = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    return "\n".join(head + [f"| {' | '.join(line)} |" for line in lines])


def _count(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _fixed(value: float | None, digits: int = 2) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _machine(results: Row) -> str:
    machine = results["machine"]
    gpus = machine["gpus"]
    device = f"{len(gpus)} × {gpus[0]}, CUDA {machine['cuda']}, " if gpus else ""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    cores = f"{machine['cores']} cores of {machine['cpu'] or machine['architecture']}"
    return f"{device}{cores}, {machine['memory_gib']} GiB; {versions}; {results['started'][:10]}."


def _steps(results: Row) -> str:
    """Environment step, raw physics and the peer."""
    ours, peers = rows(results, "environment"), {row["num_envs"]: row for row in rows(results, "peer")}
    if not ours:
        return ""
    lines = []
    for row in ours:
        other = peers.get(row["num_envs"], {})
        better = (
            row["environment"] * row["decimation"] / (other["environment"] * other["decimation"]) if other else None
        )
        memory = row["memory_gib"] if row["memory_gib"] is not None else row["host_memory_gib"]
        lines.append([
            str(row["num_envs"]), _count(row["environment"]), _count(row["physics"]), _fixed(row["ratio"]),
            _fixed(row["environment_ms"]), _fixed(row["physics_ms"]), _count(other.get("environment")),
            _fixed(other.get("ratio")), _fixed(better), _fixed(memory, 1),
        ])  # fmt: skip
    columns = (
        "environments", "environment step [control steps/s]", "raw physics [control steps/s]", "ratio", "step [ms]",
        "physics [ms]", "mjlab Go1 rough [control steps/s]", "its ratio",
        "ours / mjlab's, per physics step", "memory [GiB]",
    )  # fmt: skip
    return _table(columns, lines)


def _physics_rate(row: Row) -> float:
    """Physics steps/s within full environment steps."""
    return row["environment"] * row["decimation"]


def _cpu(results: Row) -> str:
    """C MuJoCo against MuJoCo Warp on a CPU."""
    warp = {row["num_envs"]: row for row in rows(results, "MuJoCo Warp")}
    pairs = [(row, warp[row["num_envs"]]) for row in rows(results, "environment") if row["num_envs"] in warp]
    if not pairs:
        return ""
    lines = [
        [
            str(a["num_envs"]), _count(a["environment"]), _count(b["environment"]),
            _fixed(a["environment"] / b["environment"], 1), _fixed(a["build_s"], 1), _fixed(b["build_s"], 1),
        ]
        for a, b in pairs
    ]  # fmt: skip
    columns = (
        "environments", "C MuJoCo [control steps/s]", "MuJoCo Warp on the CPU [control steps/s]", "ratio",
        "building it [s]", "with Warp [s]",
    )  # fmt: skip
    return _table(columns, lines)


def _student_step(results: Row) -> str:
    lines = [
        [str(row["num_envs"]), _count(row["environment"]), _count(row["physics"]), _fixed(row["ratio"]),
         _count(row.get("images"))]
        for row in rows(results, "student environment")
    ]  # fmt: skip
    columns = ("environments, with camera", "environment step [control steps/s]", "raw physics", "ratio", "images/s")
    return _table(columns, lines) if lines else ""


def _isaaclab(results: Row) -> str:
    lines = [
        [name, str(row["num_envs"]), _count(row["environment"]), _fixed(row["environment_ms"])]
        for name in ("newton", "ovphysx")
        for row in rows(results, name)
    ]
    columns = ("Isaac Lab's physics", "environments", "environment step [control steps/s]", "step [ms]")
    return _table(columns, lines) if lines else ""


def _success(results: Row) -> str:
    """Minutes of training from scratch until shares of the courses are completed."""
    found = rows(results, "time to success")
    if not found:
        return ""
    lines = [
        [
            str(row["num_envs"]),
            str(row["courses"]),
            *("not reached" if m is None else f"{m:.1f}" for m in row["minutes_to"].values()),
        ]
        for row in found
    ]
    wanted = [f"minutes to {share}" for share in found[0]["minutes_to"]]
    return _table(["environments", "courses", *wanted], lines)


def _training(results: Row) -> str:
    lines = []
    for name, item in results["measurements"].items():
        if item["kind"] != "training" or item["status"] != "ok":
            continue
        row = item["row"]
        lines.append([
            name, str(row["num_envs"]), str(row["gpus"]) if results["machine"]["gpus"] else "",
            _count(row["steps_per_second"]), _fixed(row["collection_s"], 3), _fixed(row["learning_s"], 3),
            f"{row['learning_share']:.0%}",
        ])  # fmt: skip
    columns = (
        "training", "environments per process", "GPUs", "control steps/s in all", "collection [s]", "learning [s]",
        "learning's share",
    )  # fmt: skip
    return _table(columns, lines) if lines else ""


def _evaluation(results: Row) -> str:
    lines = [
        [row["protocol"], str(row["num_envs"]), _count(row["steps"]), *(_fixed(s, 1) for s in row["command_s"][:2])]
        for row in rows(results, "evaluation")
    ]
    columns = ("evaluation", "environments", "control steps of each", "command to table [s]", "second run [s]")
    return _table(columns, lines) if lines else ""


def _missing(results: Row) -> str:
    """What failed, and what was measured beside a busy neighbour."""
    lines = [f"{name}: {item['others']:.0%}" for name, item in results["measurements"].items() if _disturbed(item)]
    said = [f"Measured while other programs used the CPUs too: {', '.join(lines)}."] if lines else []
    bad = [f"{name} ({item['status']})" for name, item in results["measurements"].items() if item["status"] != "ok"]
    return "\n\n".join(said + ([f"Not measured: {', '.join(bad)}."] if bad else []))


def _disturbed(item: Row) -> bool:
    return item["status"] == "ok" and (item.get("others") or 0.0) > DISTURBED


def draw(results: Row, path: Path) -> None:
    """Rates over sizes, and where training's time goes."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (rates, ratios, times) = plt.subplots(1, 3, figsize=(13, 3.8), constrained_layout=True)
    ours, peers, warp = (rows(results, name) for name in ("environment", "peer", "MuJoCo Warp"))
    for label, found, key, style in (
        ("raw physics", ours, "physics", "--"),
        ("environment step", ours, "environment", "-"),
        ("MuJoCo Warp on the CPU", warp, "environment", ":"),
        ("mjlab Go1 rough", peers, "environment", "-"),
    ):
        if found:
            rates.plot([row["num_envs"] for row in found], [row[key] for row in found], style, marker="o", label=label)
    for label, found in (("ours", ours), ("mjlab Go1 rough", peers)):
        if found:
            ratios.plot([row["num_envs"] for row in found], [row["ratio"] for row in found], marker="o", label=label)
    for axis, title in ((rates, "control steps/s"), (ratios, "environment step / raw physics")):
        axis.set(xscale="log", title=title, xlabel="environments")
        sizes = sorted({row["num_envs"] for row in (*ours, *peers, *warp)})
        axis.set_xticks(sizes, [str(size) for size in sizes])
        axis.minorticks_off()
        axis.grid(alpha=0.25)
        if axis.lines:
            axis.legend(fontsize=8, frameon=False)
    rates.set_yscale("log")
    rates.minorticks_off()
    ratios.set_ylim(0, 1)
    _draw_training(times, results)
    with whole_file(path, "--plot") as part:
        figure.savefig(part, dpi=80)
    plt.close(figure)


def _draw_training(axis: Any, results: Row) -> None:
    found = {
        name: item["row"]
        for name, item in results["measurements"].items()
        if item["kind"] == "training" and item["status"] == "ok"
    }
    collection, learning = ([row[key] for row in found.values()] for key in ("collection_s", "learning_s"))
    axis.bar(list(found), collection, label="collection")
    axis.bar(list(found), learning, bottom=collection, label="learning")
    axis.set_title("training: seconds per iteration")
    if found:
        axis.legend(fontsize=8, frameon=False)


def main() -> int:
    """0, or 1 with a line that says what is missing."""
    page = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE

    def block(match: re.Match[str]) -> str:
        source = page.parent / f"{match['name']}.json"
        results = json.loads(source.read_text())
        draw(results, source.with_suffix(".png"))
        return f"{match[1]}{tables(results)}{match[3]}"

    try:
        page.write_text(_BLOCK.sub(block, page.read_text()))
    except OSError as error:
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
