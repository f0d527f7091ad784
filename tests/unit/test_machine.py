"""Facts of machines that are not this one, from the texts of their files."""

import errno
import os

import pytest

from twocooks.record import machine
from twocooks.record.machine import Reader, Surroundings, Ticks


def of(texts: dict[str, str]) -> Reader:
    return texts.get


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        ("0-3\n", [0, 1, 2, 3]),
        ("0,2-3,8", [0, 2, 3, 8]),
        ("", []),
        ("x-y", []),
        ("5", [5]),
    ],
)
def test_lists_of_cpus(text: str, cpus: list[int]) -> None:
    assert machine.cpu_list(text) == cpus


def test_the_tightest_quota_on_the_way_to_the_root_counts() -> None:
    read = of(
        {
            "/proc/self/cgroup": "0::/kubepods/pod1/box\n",
            "/sys/fs/cgroup/kubepods/cpu.max": "max 100000\n",
            "/sys/fs/cgroup/kubepods/pod1/cpu.max": "150000 100000\n",
            "/sys/fs/cgroup/kubepods/pod1/box/cpu.max": "400000 100000\n",
        }
    )
    assert machine.cgroup_quota(read) == 1.5


def test_the_quota_of_a_container_that_sees_only_its_own_group() -> None:
    read = of(
        {"/proc/self/cgroup": "0::/../../elsewhere\n", "/sys/fs/cgroup/cpu.max": "50000 100000"}
    )
    assert machine.cgroup_quota(read) == 0.5


def test_the_quota_of_the_older_kind() -> None:
    group = "4:memory:/x\n3:cpu,cpuacct:/docker/abc\n0::/\n"
    folder = "/sys/fs/cgroup/cpu,cpuacct/docker/abc/"
    read = of(
        {
            "/proc/self/cgroup": group,
            folder + "cpu.cfs_quota_us": "200000\n",
            folder + "cpu.cfs_period_us": "100000\n",
        }
    )
    assert machine.cgroup_quota(read) == 2.0
    read = of(
        {
            "/proc/self/cgroup": group,
            folder + "cpu.cfs_quota_us": "-1\n",
            folder + "cpu.cfs_period_us": "100000\n",
        }
    )
    assert machine.cgroup_quota(read) is None


@pytest.mark.parametrize("text", ["", "rubbish", "0::/\n", "3:cpu:/\n"])
def test_no_quota(text: str) -> None:
    assert (
        machine.cgroup_quota(
            of({"/proc/self/cgroup": text, "/sys/fs/cgroup/cpu.max": "max 100000"})
        )
        is None
    )


STAT = """cpu  100 0 100 1000 0 0 0 0 0 0
cpu0 50 5 45 500 10 1 1 7 0 0
cpu1 50 0 50 490 0 0 0 0 0 0
cpu2 1 1 1 1 1 1 1 1 0 0
intr 5
"""


def test_ticks_of_the_usable_cpus_alone() -> None:
    assert machine.ticks(STAT, [0, 1]) == Ticks(idle=1000, busy=202, steal=7)
    assert machine.ticks(STAT, [7]) is None
    assert machine.ticks("", [0]) is None


def test_free_and_stolen_cores() -> None:
    before, after = Ticks(100, 100, 0), Ticks(110, 108, 2)
    assert machine.free_between(before, after, 2) == pytest.approx((1.0, 0.2))
    assert machine.free_between(before, before, 2) is None
    assert machine.free_between(Ticks(100, 0, 0), Ticks(90, 10, 0), 1) == (0.0, 0.0 / 1)


def test_free_cores_of_this_machine() -> None:
    measured = machine.free_cores(over_s=0.05)
    if measured is not None:  # None: not one tick passed
        assert 0 <= measured[0] <= len(machine.usable_cpus())


def test_siblings_that_share_a_core() -> None:
    path = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
    read = of({path.format(0): "0,4\n", path.format(4): "0,4\n", path.format(1): "1\n"})
    assert machine.smt_siblings([0, 1, 4], read) == [[0, 4]]


@pytest.mark.parametrize(
    ("texts", "env", "found"),
    [
        ({}, {}, None),
        ({"/.dockerenv": ""}, {}, "docker"),
        ({"/run/.containerenv": ""}, {}, "podman"),
        ({"/proc/1/cgroup": "0::/kubepods/besteffort/x"}, {}, "kubernetes"),
        ({"/.dockerenv": ""}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "kubernetes"),
        ({}, {"container": "lxc"}, "container"),
    ],
)
def test_hints_of_containers(texts: dict[str, str], env: dict[str, str], found: str | None) -> None:
    assert machine.container(of(texts), env) == found


def test_surroundings() -> None:
    read = of(
        {
            "/proc/self/status": "Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t1\n",
            "/proc/sys/kernel/perf_event_paranoid": "4\n",
            "/proc/sys/kernel/yama/ptrace_scope": "1\n",
        }
    )
    assert machine.surroundings(read, {}) == Surroundings(4, True, None, 1)
    assert machine.surroundings(of({}), {}) == Surroundings(None, False, None, None)


@pytest.mark.parametrize(
    ("code", "around", "reason", "remedy"),
    [
        (
            errno.EACCES,
            Surroundings(4, False, None, None),
            "paranoid is 4",
            "sudo sysctl kernel.perf_event_paranoid=2",
        ),
        (
            errno.EACCES,
            Surroundings(3, True, "docker", None),
            "paranoid is 3",
            "on the host: sudo sysctl kernel.perf_event_paranoid=2",
        ),
        (
            errno.EPERM,
            Surroundings(2, True, "docker", None),
            "filter of system calls",
            "docker run --cap-add PERFMON",
        ),
        (
            errno.EPERM,
            Surroundings(2, True, "podman", None),
            "filter",
            "podman run --cap-add PERFMON",
        ),
        (
            errno.EPERM,
            Surroundings(2, True, "kubernetes", None),
            "filter",
            'securityContext: {capabilities: {add: ["PERFMON"]}}',
        ),
        (
            errno.EPERM,
            Surroundings(4, True, "docker", None),
            "filter",
            "kernel.perf_event_paranoid=2",
        ),
        (
            errno.ENOSYS,
            Surroundings(None, False, None, None),
            "no perf events",
            "a virtual machine",
        ),
        (errno.EMFILE, Surroundings(2, False, None, None), "too many files", "ulimit"),
    ],
)
def test_why_the_kernel_refuses_and_what_changes_it(
    code: int, around: Surroundings, reason: str, remedy: str
) -> None:
    why, remedies = machine.why_not(code, around)
    assert reason in why
    assert any(remedy in line for line in remedies)


def test_nothing_to_mend_where_it_works() -> None:
    assert machine.why_not(0, Surroundings(2, False, None, None)) == ("", [])


@pytest.mark.skipif(
    os.uname().sysname != "Linux" or os.uname().machine != "x86_64", reason="Linux x86-64 only"
)
def test_the_kernel_is_asked_for_real() -> None:
    level = machine.surroundings().paranoid
    code = machine.try_kernel()
    assert code in (0, errno.EACCES, errno.EPERM, errno.ENOSYS)
    if code == 0:
        assert level is not None
    elif code == errno.EACCES:
        assert level is not None
        assert level > machine.EXACT_UP_TO


def test_the_gil_of_this_python() -> None:
    free_threaded, on = machine.gil()
    assert on or free_threaded


MEMINFO = "MemTotal:        4194304 kB\nMemFree:          100000 kB\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"/proc/meminfo": MEMINFO}, 4 << 30),
        (
            {
                "/proc/meminfo": MEMINFO,
                "/proc/self/cgroup": "0::/a/b\n",
                "/sys/fs/cgroup/a/memory.max": "536870912\n",
                "/sys/fs/cgroup/a/b/memory.max": "max\n",
            },
            512 << 20,
        ),
        (
            {
                "/proc/meminfo": MEMINFO,
                "/proc/self/cgroup": "4:memory:/x\n",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            },
            4 << 30,
        ),
        ({}, None),
    ],
)
def test_memory_is_the_tightest_limit(files: dict[str, str], expected: int | None) -> None:
    assert machine.memory_bytes(files.get) == expected
