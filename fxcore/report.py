"""The end of a run in figures: the same numbers for the table on the terminal and for ``--json``."""

from __future__ import annotations

from typing import Any

from fxcore.run import Summary


def summary_figures(summary: Summary) -> dict[str, Any]:
    """Return the figures of a run as plain values.

    ``found`` = ``converted`` + ``rejected`` + ``passed_over``: every file of the archive is in exactly
    one of the three; of what was converted, ``radiographs_dropped`` were dropped later, by the steps.
    ``dropped`` counts the rows of ``rejects.csv`` by reason: beside rejected files
    these are radiographs that a step dropped and rows of the labels file.
    """
    if summary.shard:
        return {"out": summary.out, "shard": summary.shard} | _work(summary)
    counts = summary.content["counts"]
    archive = summary.content.get("archive", {})
    decisions = counts["decisions"]
    return {
        "out": summary.out,
        "found": archive.get("files_found", 0),
        "passed_over": archive.get("files_passed_over", 0),
        "converted": counts["files_converted"],
        "rejected": counts["files_rejected"],
        "radiographs_dropped": counts.get("radiographs_dropped", 0),
        "dropped": counts["rejects"],
        "split": decisions.get("split", 0),
        "inverted": decisions.get("inverted", 0),
        "rotated": decisions.get("rotated", 0),
        "no_clear_axis": decisions.get("no_clear_axis", 0),
        "studies": counts["studies"],
        "radiographs": counts["radiographs"],
        "mean": summary.content["mean"],
        "standard_deviation": summary.content["standard_deviation"],
    } | _work(summary)


def _work(summary: Summary) -> dict[str, Any]:
    """Return what this run did itself."""
    return {
        "studies_done_now": summary.studies_done,
        "studies_done_before": summary.studies_kept,
        "studies_removed": summary.studies_removed,
        "radiographs_done_now": summary.radiographs_done,
        "quarantined": summary.quarantined,
        "seconds": round(summary.seconds, 2),
        "radiographs_per_second": round(summary.radiographs_per_second, 2),
    }


def summary_rows(summary: Summary) -> list[tuple[str, str]]:
    """Return the table a run ends with, as pairs of a name and a value."""
    figures = summary_figures(summary)
    if summary.shard:
        return [
            ("shard", summary.shard),
            ("studies done", _number(figures["studies_done_now"])),
            ("studies done by an earlier run", _number(figures["studies_done_before"])),
            ("radiographs done", _number(figures["radiographs_done_now"])),
            ("seconds", f"{figures['seconds']:.1f}"),
            ("radiographs per second", f"{figures['radiographs_per_second']:.1f}"),
            ("when all shards are done", f"fxray merge {summary.out}"),
        ]
    rows = [("files found", _number(figures["found"]))]
    if figures["passed_over"]:
        rows.append(("  passed over (no radiographs)", _number(figures["passed_over"])))
    rows.append(("files converted", _number(figures["converted"])))
    if figures["radiographs_dropped"]:
        rows.append(("  radiographs of these dropped later", _number(figures["radiographs_dropped"])))
    rows.append(("files rejected", _number(figures["rejected"])))
    rows.append(("rows in rejects.csv", _number(sum(figures["dropped"].values()))))
    by_count = sorted(figures["dropped"].items(), key=lambda item: -item[1])
    rows.extend((f"  {reason.replace('_', ' ')}", _number(count)) for reason, count in by_count)
    if "steps" in summary.content.get("config", {}):
        rows.extend((name, _number(figures[name])) for name in ("split", "inverted", "rotated"))
        rows.append(("left alone, no clear axis", _number(figures["no_clear_axis"])))
    for label, studies in figures["studies"].items():
        if studies:
            in_all = _number(figures["radiographs"][label])
            rows.append((label.replace("_", " "), f"{_number(studies)} studies, {in_all} radiographs"))
    if figures["mean"] is not None:
        rows.append(
            ("mean, standard deviation", f"{figures['mean']:.4f}, {figures['standard_deviation']:.4f}")
        )
    if figures["studies_done_before"]:
        rows.append(("studies done by an earlier run", _number(figures["studies_done_before"])))
    if figures["studies_removed"]:
        rows.append(("studies removed, whose file or label is gone", _number(figures["studies_removed"])))
    rows.append(("seconds", f"{figures['seconds']:.1f}"))
    rows.append(("radiographs per second", f"{figures['radiographs_per_second']:.1f}"))
    rows.append(("data set", summary.out))
    return rows


def _number(value: int) -> str:
    return f"{value:,}"
