"""What is compared with what, what is made of it, and what is to be reached."""

import operator
import statistics
from typing import Callable, NamedTuple, Optional

from turns import Turn
from watchers import NOTHING, Watcher

# These never fire: it is the way of the events that is measured, not an alert. 5 s, for one wake-up a second would
# already be more than 1e-4 of 6,000 events.
COUNT_WINDOW = ("{filter: sentinel_tcp_transition, window: {over: 5s, fn: count, by: [pid, comm]}, "
                "alert: {when: '> 1e15'}}")
# No kernel can know the greatest value, so each event has to come.
EACH_EVENT = "{filter: sentinel_tcp_transition, window: {over: 1s, fn: max}, alert: {when: '> 1e15'}}"
STEADY_INTERVAL_S = 5  # as in sentinel.yaml

COUNTS = Watcher("counts", "ebpf_tcpstate", "{times: false}")
TIMES = Watcher("counts and times", "ebpf_tcpstate", "{times: true}")
MISS = Watcher("a filter that misses", "ebpf_tcpstate", "{ports: [1]}")
BPFTRACE = Watcher("bpftrace", bpftrace=True)
BATCHED = Watcher("each event, in batches", "ebpf_tcpstate", "{ring: 256KiB}", EACH_EVENT)
RECEIVE = Watcher("receive histogram", "ebpf_recv", "{addresses: [127.0.0.0/8], requests: false}")
REQUESTS = Watcher("requests too", "ebpf_recv", "{addresses: [127.0.0.0/8]}")
TRANSMIT = Watcher("transmit count", "ebpf_xmit", "{}")
STACKS = Watcher("stacks too", "ebpf_xmit", "{addresses: [127.0.0.0/8]}")


def steady_watchers(interval_s: int) -> tuple:
    """The agent without the collector, with a count window, with each event."""
    return (Watcher("agent alone", every_s=interval_s),
            Watcher("count window", "ebpf_tcpstate", "{}", COUNT_WINDOW, every_s=interval_s),
            Watcher("each event, in batches", "ebpf_tcpstate", "{}", EACH_EVENT, every_s=interval_s))


class Comparison(NamedTuple):
    """Turns in pairs, `second` being what `first` is held against."""
    name: str
    traffic: str  # connections, ping-pong, steady
    first: Watcher
    second: Watcher


class Figure(NamedTuple):
    """One line of the table: a number of each pair, and what is made of those."""
    comparison: str
    title: str
    of_pair: Callable[[Turn, Turn], float]
    of_pairs: Callable[[list], float] = statistics.median
    holds: Optional[Callable[[float, float], bool]] = None  # None: there is no aim
    aim: float = 0.0
    form: str = "{:.2f}"

    def reached(self, value: float) -> bool:
        return self.holds is None or self.holds(value, self.aim)

    def aim_text(self) -> str:
        if self.holds is None:
            return "–"
        sign = {operator.ge: "≥ ", operator.le: "≤ ", operator.eq: ""}[self.holds]
        return f"{sign}{self.aim:g}"


CONTROLS = {"connections": "control-connections", "ping-pong": "control-ping-pong"}
LEAST_CONTROL, MOST_CONTROL = 0.95, 1.05
# Of the events that the steady traffic makes; more are of other traffic, fewer of a machine that has no time for it.
LEAST_STEADY, MOST_STEADY = 0.9, 1.1
STEADY = ["steady-aggregated", "steady-batched"]
ALERT = "alert"


def comparisons(interval_s: int) -> list:
    alone, window, each = steady_watchers(interval_s)
    return [
        Comparison("control-connections", "connections", NOTHING, NOTHING),
        Comparison("counts", "connections", COUNTS, NOTHING),
        Comparison("times", "connections", TIMES, NOTHING),
        Comparison("miss", "connections", MISS, NOTHING),
        Comparison("bpftrace", "connections", COUNTS, BPFTRACE),
        Comparison("batched", "connections", BATCHED, NOTHING),
        Comparison("control-ping-pong", "ping-pong", NOTHING, NOTHING),
        Comparison("receive", "ping-pong", RECEIVE, NOTHING),
        Comparison("requests", "ping-pong", REQUESTS, NOTHING),
        Comparison("transmit", "ping-pong", TRANSMIT, NOTHING),
        Comparison("stacks", "ping-pong", STACKS, NOTHING),
        Comparison("steady-aggregated", "steady", window, alone),
        Comparison("steady-batched", "steady", each, alone),
    ]


def ratio(first: Turn, second: Turn) -> float:
    return first.per_second / second.per_second


def lost(first: Turn, _: Turn) -> float:
    return first.lost


def wake_ups(first: Turn, _: Turn) -> float:
    return first.wake_ups


def cpu(first: Turn, second: Turn) -> float:
    return first.cpu_percent - second.cpu_percent


AT_LEAST, AT_MOST, EXACTLY = operator.ge, operator.le, operator.eq
FIGURES = [
    Figure("control-connections", "control: connections/s, none ÷ none", ratio, form="{:.3f}"),
    Figure("counts", "connections/s, aggregation ÷ none (counts only)", ratio, holds=AT_LEAST, aim=0.92),
    Figure("times", "connections/s, aggregation ÷ none (dwell and lifetime too)", ratio, holds=AT_LEAST, aim=0.82),
    Figure("miss", "connections/s, filter that misses ÷ none", ratio, holds=AT_LEAST, aim=0.92),
    Figure("bpftrace", "connections/s, aggregation ÷ bpftrace printing each event", ratio, holds=AT_LEAST, aim=5),
    Figure("batched", "events lost at full rate, 256 KiB ring, batched, in all turns", lost, of_pairs=sum,
           holds=EXACTLY, aim=0, form="{:.0f}"),
    Figure("batched", "connections/s, batched ÷ none", ratio),
    Figure("batched", "wake-ups an event at full rate, batched", wake_ups, form="{:.2g}"),
    Figure("control-ping-pong", "control: round trips/s, none ÷ none", ratio, form="{:.3f}"),
    Figure("receive", "round trips/s, receive histogram ÷ none", ratio, holds=AT_LEAST, aim=0.82),
    Figure("requests", "round trips/s, the same with requests (the default) ÷ none", ratio),
    Figure("transmit", "round trips/s, transmit count ÷ none", ratio, holds=AT_LEAST, aim=0.90),
    Figure("stacks", "round trips/s, the same with stacks (of packets to an address) ÷ none", ratio),
    Figure("steady-batched", "wake-ups an event at 6,000 events/s, batched", wake_ups, holds=AT_MOST, aim=0.005,
           form="{:.2g}"),
    Figure("steady-aggregated", "wake-ups an event at 6,000 events/s, aggregated", wake_ups, holds=AT_MOST, aim=1e-4,
           form="{:.2g}"),
    Figure("steady-aggregated", "agent CPU at 6,000 events/s less the agent alone, aggregated, % of a core", cpu,
           holds=AT_MOST, aim=0.1, form="{:.3f}"),
    Figure("steady-batched", "agent CPU at 6,000 events/s less the agent alone, batched, % of a core", cpu,
           holds=AT_MOST, aim=0.6, form="{:.3f}"),
    Figure(ALERT, "10,000 matching events → alerts, with stack, comm, ppid and cgroup", lambda first, _: first.events,
           of_pairs=max, holds=EXACTLY, aim=1, form="{:.0f}"),
]
NAMES = [*dict.fromkeys(figure.comparison for figure in FIGURES if figure.comparison not in CONTROLS.values())]
