"""The arithmetic of bench/: what is made of the runs, and that the programme asks the load client only for what it knows."""

import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))

from suite import machine, plots, report  # noqa: E402
from suite.indaba_server import BINARY  # noqa: E402
from suite.registry import SERVERS  # noqa: E402
from suite.results import Results, Run, as_json, figures_of, from_json  # noqa: E402
from suite.targets import TARGETS  # noqa: E402
from suite.workloads import BY_NAME, WORKLOADS  # noqa: E402

TITLES = {name: server.title for name, server in SERVERS.items()}
NO_FIGURES = {"http", "django-publish", "sqlite"}  # kinds that are not of `indaba bench`


def fanout(server, *cpu, workload="fanout-1", **told):
    return [Run(workload, server, repeat, {"cpu_us": value}, dict(told)) for repeat, value in enumerate(cpu)]


def described():
    return {name: {"title": server.title, "version": "1", "missing": ""} for name, server in SERVERS.items()}


def test_a_ratio_is_made_within_a_repeat_because_the_machine_drifts():
    results = Results(fanout("indaba", 2.0, 4.0, 6.0) + fanout("limit-coalesce", 1.0, 2.0, 6.0))
    assert results.ratio("fanout-1", "indaba", "limit-coalesce", "cpu_us") == 2.0
    assert results.median("fanout-1", "indaba", "cpu_us") == 4.0
    assert results.spread("fanout-1", "indaba", "cpu_us") == (2.0, 6.0)


def test_a_repeat_that_one_of_the_two_lacks_is_left_out_of_the_ratio():
    results = Results(fanout("indaba", 2.0, 100.0) + fanout("uws", 1.0))
    assert results.ratio("fanout-1", "indaba", "uws", "cpu_us") == 2.0
    assert results.ratio("fanout-1", "indaba", "nchan", "cpu_us") is None


def test_figures_are_found_in_what_the_client_told_and_nothing_is_made_up():
    told = {"server": {"cpu_us_per_delivery": 1.5}, "latency_ms": {"p99": 7}, "missing": 0, "deliveries_per_second": None}
    assert figures_of(BY_NAME["fanout-1"], told) == {"cpu_us": 1.5, "p99_ms": 7, "missing": 0}


def test_results_survive_their_file():
    results = Results(fanout("indaba", 1.0, 2.0, warnings=["slow"]))
    again = from_json(as_json(results, machine.describe(), described(), {}))
    assert again.runs == results.runs


def test_a_target_says_whether_it_is_reached():
    results = Results(fanout("indaba", 1.2) + fanout("limit-coalesce", 1.0) + fanout("django", 30.0))
    by_text = {target.text: (target, target.value(results)) for target in TARGETS}
    target, value = by_text["one in flight: CPU a delivery over the coalescing limit's"]
    assert value == pytest.approx(1.2) and not target.met(value)
    target, value = by_text["one in flight: cheaper than Django Channels"]
    assert value == pytest.approx(25.0) and target.met(value)
    assert by_text["16 in flight: user space a delivery"][1] is None


def test_the_report_shows_ratios_failures_and_faults():
    failed = Run("fanout-1", "nchan", 0, {}, {}, error="not listening after 30 s")
    results = Results(fanout("indaba", 2.0, doubled=3) + fanout("limit-coalesce", 1.0, bottleneck="client") + [failed])
    text = report.write(results, machine.describe(), described(), {"repeats": 1})
    assert "| **Indaba** | 2.00 |" in text
    assert re.search(r"\| limit, coalescing \| 1\.00 .*\| 2\.00 × \|", text)
    assert "nchan (nginx), repeat 1: not listening after 30 s" in text
    assert "3 events came twice" in text
    assert "limit, coalescing: the client was the bottleneck" in text


@pytest.mark.parametrize("values", [(1.0, 2.0), (0.05, 160.0), (1.0, 1.0), (0.0, 3.0)])
def test_a_plot_is_well_formed_and_stays_in_its_frame(values):
    results = Results(fanout("indaba", values[0]) + fanout("limit-send", values[1]))
    svg = ElementTree.fromstring(plots.draw(results, BY_NAME["fanout-1"], TITLES))
    width = float(svg.get("width"))
    for bar in svg.iter("{http://www.w3.org/2000/svg}rect"):
        assert 0 <= float(bar.get("x")) + float(bar.get("width")) <= width


def test_every_workload_names_servers_that_can_do_it():
    for workload in WORKLOADS:
        for name in workload.servers:
            assert workload.kind in SERVERS[name].kinds, f"{name} has no {workload.kind}"


@pytest.mark.parametrize("kind", sorted({workload.kind for workload in WORKLOADS} - NO_FIGURES))
def test_the_load_client_knows_every_option_that_it_is_given(kind):
    told = subprocess.run([BINARY, "bench", kind, "--help"], capture_output=True, text=True, check=True).stdout
    given = {word for workload in WORKLOADS if workload.kind == kind for word in workload.options if word.startswith("--")}
    given |= {"--token", "--server-pid", "--json", "--quiet"}
    if kind not in ("storm", "reconnect"):
        given |= {"--seconds"}
    assert not {option for option in given if not re.search(rf"{option}\b", told)}
