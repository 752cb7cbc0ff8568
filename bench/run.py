#!/usr/bin/python3
"""Compares Indaba with its peers and with what the kernel allows, and writes bench/RESULTS.md.

Each server is started, measured and stopped before the next one starts. Within a repeat every workload runs on all its servers, one
after the other; ratios are made within a repeat.
"""

import argparse
import json
import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from suite import machine, measure, plots, processes, report  # noqa: E402
from suite.registry import SERVERS  # noqa: E402
from suite.results import Results, Run, as_json, figures_of, from_json  # noqa: E402
from suite.workloads import WORKLOADS  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="SERVER", choices=SERVERS, help="these servers alone")
    parser.add_argument("--workload", nargs="+", metavar="NAME", choices=[workload.name for workload in WORKLOADS])
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="how often each is run; medians are shown (3)")
    parser.add_argument("--seconds", type=float, metavar="S", help="for each run, instead of its own time")
    parser.add_argument("--quick", action="store_true", help="once and 2 s each: shows that everything works")
    parser.add_argument("--list", action="store_true", help="what there is, and what this machine lacks")
    parser.add_argument("--out", type=pathlib.Path, default=HERE, metavar="FOLDER", help="where the results go (bench/)")
    parser.add_argument("--add", action="store_true", help="keep what results.json has of other workloads and servers")
    parser.add_argument("--report", action="store_true", help="only write RESULTS.md anew from results.json")
    return parser.parse_args()


def describe_servers():
    told = {}
    for name, server in SERVERS.items():
        missing = server.missing()
        told[name] = {"title": server.title, "version": "" if missing else server.version(), "missing": missing or ""}
    return told


def show_list(servers):
    for name, told in servers.items():
        print(f"{name:>15}  {told['title']}" + (f": {told['missing']}" if told["missing"] else f" ({told['version']})"))
    print()
    for workload in WORKLOADS:
        print(f"{workload.name:>18}  {workload.title}")


def run_once(server_class, workload, repeat, seconds):
    """One run; what goes wrong is part of the result."""
    run = Run(workload.name, server_class.name, repeat, {}, {}, load_before=round(os.getloadavg()[0], 2))
    try:
        with server_class() as server:
            server.start(workload)
            run.told = measure.run(server, workload, seconds)
        run.figures = figures_of(workload, run.told)
        if not run.figures:
            run.error = "the client told no figure"
    except (processes.StartError, measure.MeasureError, OSError) as error:
        run.error = str(error)
    return run


def tell(run, workload, began):
    took = f"{time.monotonic() - began:4.0f} s"
    values = ", ".join(f"{figure.title} {report.shown(figure, run.figures[figure.key])} {figure.unit}".strip()
                       for figure in workload.figures if figure.key in run.figures)
    print(f"  {workload.name:>18}  {run.server:<15} {took}  {values}{run.error}", flush=True)


def measure_all(asked, servers, results):
    repeats = 1 if asked.quick else asked.repeat
    for repeat in range(repeats):
        print(f"repeat {repeat + 1} of {repeats}", flush=True)
        for workload in WORKLOADS:
            if asked.workload and workload.name not in asked.workload:
                continue
            for name in workload.servers:
                if servers[name]["missing"] or (asked.only and name not in asked.only):
                    continue
                began = time.monotonic()
                run = run_once(SERVERS[name], workload, repeat, asked.seconds or (2 if asked.quick else workload.seconds))
                results.add(run)
                tell(run, workload, began)
                yield


def keep_others(asked, path):
    """The runs of an earlier programme, but for those that are run again now."""
    if not asked.add or not path.exists():
        return Results()
    earlier = from_json(json.loads(path.read_text()))
    return Results(run for run in earlier.runs if (asked.workload and run.workload not in asked.workload)
                   or (asked.only and run.server not in asked.only))


def write(asked, results, where, servers):
    settings = {"repeats": 1 + max((run.repeat for run in results.runs), default=0), "quick": asked.quick}
    titles = {name: told["title"] for name, told in servers.items()}
    settings["plots"] = plots.write_all(results, titles, asked.out / "plots")
    told = as_json(results, where, servers, settings)
    (asked.out / "results.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    micro = asked.out / "micro.json"
    small = json.loads(micro.read_text()) if micro.exists() else None
    (asked.out / "RESULTS.md").write_text(report.write(results, where, servers, settings, small))


def main():
    asked = options()
    servers = describe_servers()
    if asked.list:
        show_list(servers)
        return 0
    asked.out.mkdir(parents=True, exist_ok=True)
    stored = asked.out / "results.json"
    if asked.report:
        told = json.loads(stored.read_text())
        asked.quick = told["settings"]["quick"]
        write(asked, from_json(told), machine.Machine(**told["machine"]), told["servers"])
        return 0
    where = machine.describe()
    results = keep_others(asked, stored)
    began = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does: servers stopped, folders gone
    try:
        for _ in measure_all(asked, servers, results):
            write(asked, results, where, servers)  # after each run: an interrupted programme keeps what it has
    except KeyboardInterrupt:
        print("interrupted: the results so far are kept", file=sys.stderr)
        return 130
    print(f"{len(results.runs)} runs in {(time.monotonic() - began) / 60:.0f} minutes: {asked.out / 'RESULTS.md'}")
    return 1 if any(run.error for run in results.runs) else 0


if __name__ == "__main__":
    sys.exit(main())
