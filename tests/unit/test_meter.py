"""What the meter makes of /proc/stat and cpu.stat: invented files, then this machine's."""

from __future__ import annotations

import os

from twocooks.record.meter import TICK_NS, Meter, quota_files, throttled_ns

V2 = "/sys/fs/cgroup/a/b/cpu.stat"


class Files:
    """Files of an invented machine, which tests change between two samples."""

    def __init__(self, **cpus: str) -> None:
        self.texts = {
            "/proc/self/cgroup": "0::/a/b\n",
            "/sys/devices/system/cpu/online": "0-3\n",
            "/sys/fs/cgroup/a/cpu.max": "150000 100000\n",
        }
        self.cpus(**cpus)

    def cpus(self, **cpus: str) -> None:
        self.texts["/proc/stat"] = "".join(f"{name} {line}\n" for name, line in cpus.items())

    def read(self, path: str) -> str | None:
        return self.texts.get(path)

    def keep(self, path: str) -> Kept:
        return Kept(self, path)


class Kept:
    def __init__(self, files: Files, path: str) -> None:
        self.files, self.path = files, path

    def text(self) -> str:
        return self.files.texts.get(self.path, "")

    def close(self) -> None:
        pass


def meter(files: Files, cpus: tuple[int, ...] = (0, 1)) -> Meter:
    return Meter(cpus, read=files.read, keep=files.keep)  # type: ignore[arg-type]


def test_growth_over_the_usable_cpus() -> None:
    files = Files(
        cpu="900 0 0 0 0 0 0 0",
        cpu0="10 1 2 100 5 3 4 6 0 0",
        cpu1="20 0 0 100 0 0 0 0 0 0",
        cpu2="30 0 0 100 0 0 0 0 0 0",
    )
    sut = meter(files)
    assert sut.sample(0, 1000) == [("CPUS", (2, 4, 1500))]
    files.cpus(
        cpu="990 0 0 0 0 0 0 0",
        cpu0="14 2 3 109 9 4 5 8 3 0",  # user 4, nice 1, system 1, irq 1, softirq 1; steal 2
        cpu1="27 0 0 100 0 0 0 0 0 0",
        cpu2="99 0 0 100 0 0 0 9 0 0",
    )
    assert sut.sample(1, 5000) == [("METER", (15 * TICK_NS, 2 * TICK_NS, 4000, 0))]
    assert sut.sample(2, 5000) == [("METER", (0, 0, 0, 0))]


def test_a_count_that_steps_back_is_no_growth() -> None:
    files = Files(cpu0="100 0 0 0 0 0 0 50")
    sut = meter(files)
    sut.sample(0, 700)
    files.cpus(cpu0="90 0 0 0 0 0 0 40")
    assert sut.sample(1, 600) == [("METER", (0, 0, 0, 0))]
    files.cpus()
    assert sut.sample(2, 600) == [("METER", (0, 0, 0, 0))]


def test_the_group_held_back_most_counts() -> None:
    files = Files(cpu0="1 0 0 0")
    outer = "/sys/fs/cgroup/a/cpu.stat"
    files.texts[V2] = "usage_usec 5\nthrottled_usec 100\n"
    files.texts[outer] = "throttled_usec 1000\n"
    sut = meter(files)
    sut.sample(0, 0)
    files.texts[V2] = "usage_usec 9\nthrottled_usec 130\n"
    files.texts[outer] = "throttled_usec 1050\n"
    assert sut.sample(1, 0)[0][1][3] == 50_000
    del files.texts[outer]
    files.texts[V2] = "throttled_usec 170\n"
    assert sut.sample(2, 0)[0][1][3] == 40_000


def test_both_kinds_of_groups() -> None:
    assert throttled_ns("nr_throttled 3\nthrottled_time 77\n") == 77
    assert throttled_ns("throttled_usec 77\n") == 77_000
    assert throttled_ns("nr_periods 0\n") is None
    assert throttled_ns("throttled_usec x\n") is None
    assert quota_files("0::/a/b\n")[:3] == [
        "/sys/fs/cgroup/cpu.stat", "/sys/fs/cgroup/a/cpu.stat", V2,
    ]  # fmt: skip
    v1 = quota_files("9:name=systemd:/x\n3:cpu,cpuacct:/y/../z\n")
    assert "/sys/fs/cgroup/cpu/y/z/cpu.stat" in v1
    assert not any("/x" in path for path in v1)


def test_this_machine() -> None:
    cpus = sorted(os.sched_getaffinity(0))
    sut = Meter(cpus)
    ((event, (usable, online, quota)),) = sut.sample(0, 0)
    assert (event, usable) == ("CPUS", len(cpus))
    assert online >= usable
    assert quota >= 0
    begin = os.times()
    busy = 0
    while os.times().user - begin.user < 0.3:
        pass
    ((_, (busy, stolen, own, _held)),) = sut.sample(1, 300_000_000)
    # The host may take a tick away while our own account goes on.
    assert busy + stolen >= 250_000_000, "we alone were busy so long, and it is counted in ticks"
    assert own == 300_000_000
    sut.close()
    assert sut.sample(2, 300_000_000) == [("METER", (0, 0, 0, 0))], "no file, no claim"
