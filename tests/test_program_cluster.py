"""The program on a real Dask cluster on loopback: a scheduler and workers as users start them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fxcore.errors import FxrayError
from tests.program import FAULTY_CODEC, fxray, rows, start, summary, tree, wait_for_studies
from tests.test_program_images import draw

ROOT = Path(__file__).parents[1]


class Cluster:
    """A scheduler and its workers, each in a process of its own."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        (folder / "faults").mkdir()
        (folder / "faults" / "sitecustomize.py").write_text(FAULTY_CODEC)
        self.environment = os.environ | {"PYTHONPATH": f"{folder / 'faults'}{os.pathsep}{ROOT}"}
        self._folder, self._processes = folder, list[subprocess.Popen[bytes]]()
        self.scheduler = self._start("scheduler", "--host", self.address, "--no-dashboard")

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", *arguments]
        log = (self._folder / f"{arguments[0]}{len(self._processes)}.log").open("wb")
        # A group of its own, so that all that it starts can be ended with it.
        process = subprocess.Popen(
            command, env=self.environment, stdout=log, stderr=log, cwd=self._folder, start_new_session=True
        )
        log.close()
        self._processes.append(process)
        return process

    def add_workers(self, count: int, *options: str) -> None:
        """Start worker processes under a nanny each."""
        self._start("worker", self.address, "--nworkers", str(count), *(options or ("--nthreads", "1")))

    def worker_processes(self) -> list[int]:
        """Return the processes that hold a worker: nannies call them after themselves."""
        from distributed import Client

        with Client(self.address, timeout=30, set_as_default=False) as client:
            return list(client.run(os.getpid).values())

    def log(self) -> str:
        return "\n".join(path.read_text(errors="replace") for path in self._folder.glob("*.log"))

    def end(self) -> None:
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture(autouse=True, scope="module")
def _compiled_kernels() -> None:
    """No test waits for the compiler, which takes longer than their patience."""
    subprocess.run([sys.executable, "-c", "import fxcore.worker_start"], check=True, cwd=ROOT)


@pytest.fixture
def cluster(tmp_path) -> Iterator[Cluster]:
    folder = tmp_path / "cluster"
    folder.mkdir()
    cluster = Cluster(folder)
    yield cluster
    cluster.end()


def lingering(out: Path) -> list[str]:
    """Return the processes of the machine that have something of `out` open."""
    found = []
    for handle in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            target = str(handle.readlink())
        except OSError:
            continue
        if target.startswith(str(out)):
            found.append(f"{handle.parts[2]}: {target}")
    return found


@pytest.fixture
def slow_archive(tmp_path) -> Path:
    for i in range(24):
        draw(tmp_path / "archive" / f"slow{i}.png", i)
    return tmp_path / "archive"


def test_a_worker_killed_in_mid_run_leaves_the_tree_of_a_local_run(tmp_path, cluster, slow_archive):
    cluster.add_workers(2)
    options = ["--key", tmp_path / "key"]
    run = start(
        "build",
        slow_archive,
        tmp_path / "out",
        *options,
        "--scheduler",
        cluster.address,
        "--json",
        environment={},
    )
    wait_for_studies(tmp_path / "out", 3)
    os.kill(cluster.worker_processes()[0], signal.SIGKILL)
    printed, said = run.communicate(timeout=120)
    assert run.returncode == 0, said + cluster.log()
    figures = json.loads(printed)
    assert figures["quarantined"] == 0
    assert figures["studies_done_now"] == 24
    summary("build", slow_archive, tmp_path / "local", *options)
    assert tree(tmp_path / "out") == tree(tmp_path / "local")


@pytest.mark.slow
def test_a_file_that_kills_or_hangs_its_worker_costs_what_it_costs_locally(tmp_path, cluster):
    cluster.add_workers(2)
    archive = tmp_path / "archive"
    for i in range(6):
        draw(archive / f"study{i}_positive" / "good.png", i)
    for i, name in enumerate(["kill", "abort", "segfault", "hang"]):
        draw(archive / f"study{i}_positive" / f"{name}.png", 10 + i)
    (tmp_path / "quick.toml").write_text("[ingest]\nseconds_per_file = 3\n")
    options = ["--key", tmp_path / "key", "--config", tmp_path / "quick.toml"]
    figures = summary("ingest", archive, tmp_path / "out", *options, "--scheduler", cluster.address, code=3)
    assert figures["quarantined"] == 4
    assert figures["converted"] == 6
    reasons = sorted(row["reason"] for row in rows(tmp_path / "out" / "rejects.csv"))
    assert reasons == ["time_out"] + ["worker_died"] * 3
    environment = {"PYTHONPATH": cluster.environment["PYTHONPATH"]}
    summary("ingest", archive, tmp_path / "local", *options, code=3, environment=environment)
    assert tree(tmp_path / "out") == tree(tmp_path / "local")
    # The cluster itself lost nothing by it, and what names files is not in its logs.
    assert len(cluster.worker_processes()) == 2
    assert "good.png" not in cluster.log()


@pytest.mark.slow
def test_ctrl_c_ends_what_is_in_flight_and_the_next_run_goes_on(tmp_path, cluster, slow_archive):
    cluster.add_workers(2)
    options = ["--key", tmp_path / "key", "--scheduler", cluster.address]
    run = start("ingest", slow_archive, tmp_path / "out", *options, environment={})
    wait_for_studies(tmp_path / "out", 2)
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=30)
    assert run.returncode == 130, said
    assert "run the same command again to go on" in said
    assert "Traceback" not in said
    assert not lingering(tmp_path / "out")
    assert summary("ingest", slow_archive, tmp_path / "out", *options)["studies_done_before"] >= 2
    summary("ingest", slow_archive, tmp_path / "local", "--key", tmp_path / "key")
    assert tree(tmp_path / "out") == tree(tmp_path / "local")


def test_a_lost_scheduler_ends_the_run_with_a_sentence_and_a_local_run_goes_on(
    tmp_path, cluster, slow_archive
):
    cluster.add_workers(1)
    job = ["ingest", slow_archive, tmp_path / "out", "--key", tmp_path / "key"]
    run = start(*job, "--scheduler", cluster.address, environment={})
    wait_for_studies(tmp_path / "out", 2)
    cluster.scheduler.kill()
    _, said = run.communicate(timeout=60)
    assert run.returncode == 1, said
    assert f"the Dask scheduler at {cluster.address} is gone" in said
    assert "Traceback" not in said
    cluster.end()
    assert summary(*job)["studies_done_before"] >= 2


def test_workers_that_come_late_are_waited_for_and_those_with_threads_refused(tmp_path, cluster):
    draw(tmp_path / "archive" / "one.png", 1)
    job = ["ingest", tmp_path / "archive", tmp_path / "out", "--key", tmp_path / "key"]
    run = start(*job, "--scheduler", cluster.address, environment={})
    assert run.stderr is not None
    for line in run.stderr:
        if "has no workers; waiting for the first" in line:
            break
    else:
        pytest.fail("nothing was said")
    cluster.add_workers(1, "--nthreads", "2")
    said = run.communicate(timeout=60)[1]
    assert run.returncode == 1
    assert "has 2 threads; fxray needs workers of one thread each" in said


@pytest.mark.slow
def test_what_a_cluster_cannot_do_is_said(tmp_path, cluster):
    draw(tmp_path / "archive" / "one.png", 1)
    job = ["ingest", tmp_path / "archive", tmp_path / "out", "--key", tmp_path / "key"]
    nobody = "tcp://127.0.0.1:9"
    refused = fxray(*job, "--scheduler", nobody, code=1)
    assert f"no Dask scheduler answers at {nobody}" in refused.stderr
    assert "there is no scheduler file" in fxray(*job, "--scheduler", "none.json", code=1).stderr
    assert "its own" in fxray(*job, "--scheduler", nobody, "--workers", 2, code=2).stderr


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("localhost", "missing port"),
        ("foo://x", "unknown address scheme"),
        ("http://127.0.0.1:80", "unknown address scheme"),
        ("tcp://", "missing port"),
        ("tcp://127.0.0.1:one", "cannot be connected to"),
        ("inproc://a", "cannot be connected to"),
        ("tls://127.0.0.1:8786", "no certificates"),
        ("{}", "holds no address"),
        ("[", "holds no address"),
        ('{"address": "tcp://"}', "missing port"),
    ],
)
def test_no_client_is_made_for_what_is_no_address(tmp_path, monkeypatch, address, said):
    from fxcore import cluster

    monkeypatch.setattr(cluster, "Client", None)
    if address[0] in "{[":
        (tmp_path / "scheduler.json").write_text(address)
        address = str(tmp_path / "scheduler.json")
    with pytest.raises(FxrayError, match=said), cluster.ClusterExecutor(address, 0):
        pass


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import fxcore; fxcore.__version__ = '0.0'", "has fxray 0.0, not"),
        ("import sys; sys.modules['fxcore'] = None", "cannot run the tasks of fxray"),
    ],
)
def test_workers_with_another_fxray_or_none_are_refused(tmp_path, cluster, code, said):
    (tmp_path / "cluster" / "faults" / "sitecustomize.py").write_text(code)
    cluster.add_workers(1)
    draw(tmp_path / "archive" / "one.png", 1)
    job = ["ingest", tmp_path / "archive", tmp_path / "out", "--key", tmp_path / "key"]
    assert said in fxray(*job, "--scheduler", cluster.address, code=1).stderr


def test_without_dask_the_rest_works_and_the_option_says_what_to_install(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['distributed'] = None\n")
    environment = {"PYTHONPATH": str(tmp_path)}
    draw(tmp_path / "archive" / "one.png", 1)
    job = ["ingest", tmp_path / "archive", tmp_path / "out", "--key", tmp_path / "key"]
    refused = fxray(*job, "--scheduler", "tcp://127.0.0.1:9", code=1, environment=environment)
    assert "-m pip install 'distributed>=" in refused.stderr
    assert summary(*job, environment=environment)["converted"] == 1
