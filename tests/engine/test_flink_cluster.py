"""deploy/flink/cluster, run for real on an installed Flink: FLINK_HOME_DIR is the folder of `cluster install`."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import free_port, need

CLUSTER = Path(__file__).parents[2] / "deploy" / "flink" / "cluster"

# a job of Flink's own on both task managers, that ends when it is told to
JOB = """
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.*;

public class Job {
    public static void main(String[] arguments) throws Exception {
        Configuration conf = new Configuration();
        conf.setString("execution.target", "remote");
        conf.setString("rest.address", "127.0.0.1");
        conf.setString("rest.port", arguments[0]);
        conf.setString("parallelism.default", "2");
        TableEnvironment env = TableEnvironment.create(EnvironmentSettings.newInstance().withConfiguration(conf).build());
        env.executeSql("CREATE TABLE s (a BIGINT) WITH ('connector'='datagen','rows-per-second'='10')");
        env.executeSql("CREATE TABLE t (a BIGINT) WITH ('connector'='blackhole')");
        env.executeSql("INSERT INTO t SELECT a FROM s").await();
    }
}
"""

# Beam's own Java client, as a task manager uses it; flink-python.jar has an older copy of it
START_WORKER = """
import org.apache.beam.model.fnexecution.v1.*;
import org.apache.beam.model.pipeline.v1.Endpoints.ApiServiceDescriptor;
import org.apache.beam.sdk.fn.channel.ManagedChannelFactory;

public class StartWorker {
    static ApiServiceDescriptor at(String url) {
        return ApiServiceDescriptor.newBuilder().setUrl(url).build();
    }

    public static void main(String[] arguments) throws Exception {
        var channel = ManagedChannelFactory.createDefault().forDescriptor(at(arguments[0]));
        var request = BeamFnApi.StartWorkerRequest.newBuilder().setWorkerId("1-1").setControlEndpoint(at(arguments[1]));
        String error = BeamFnExternalWorkerPoolGrpc.newBlockingStub(channel).startWorker(request.build()).getError();
        channel.shutdownNow();
        if (!error.isEmpty()) throw new RuntimeException(error);
    }
}
"""


def wait_until(true: Callable[[], Any], seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "not within the time"
        time.sleep(0.2)


def processes_of(folder: Path) -> list[str]:
    """Command lines of all processes that name the folder, or were started with it."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            told = (process / "cmdline").read_bytes() + (process / "environ").read_bytes() if process.name.isdigit() else b""
        except OSError:
            continue
        if os.fsencode(folder) in told and int(process.name) != os.getpid():
            found.append(told[:200].decode(errors="replace"))
    return found


class Cluster:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.pool_port = free_port(), free_port()

    def __call__(self, command: str, *arguments: str, code: int = 0) -> str:
        env = {**os.environ, "PYTHON": sys.executable}
        ran = subprocess.run([CLUSTER, command, self.folder, *arguments], capture_output=True, text=True, env=env, timeout=180)
        assert ran.returncode == code, ran.stdout + ran.stderr
        return ran.stdout + ran.stderr

    def start(self) -> str:
        return self("start", "--port", str(self.port), "--pool-port", str(self.pool_port))

    def rest(self, path: str) -> Any:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://127.0.0.1:{self.port}/{path}", timeout=10) as answer:
            return json.load(answer)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    (tmp_path / "pyflink").symlink_to(Path(need("flink")).absolute() / "pyflink")
    cluster = Cluster(tmp_path)
    try:
        yield cluster
    finally:
        cluster("stop")


def java(cluster: Cluster, source: str, *options: str, arguments: list[str]) -> subprocess.Popen[bytes]:
    program = cluster.folder / f"{source.split('public class ')[1].split()[0]}.java"
    program.write_text(source)
    return subprocess.Popen(["java", *options, program, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def works_everywhere(cluster: Cluster) -> bool:
    """Whether the one job has all its tasks running, and they take the slots of both task managers."""
    tasks = [job["tasks"] for job in cluster.rest("jobs/overview")["jobs"]]
    # how many tasks there are is Flink's choice: it may join a source with its sink
    return (
        len(tasks) == 1
        and tasks[0]["running"] == tasks[0]["total"] >= 2
        and cluster.rest("overview")["slots-available"] == 0
        and cluster.rest("overview")["taskmanagers"] == 2
    )


def test_a_job_outlives_a_task_manager(cluster: Cluster) -> None:
    flags = cluster.start()
    assert f"--flink_version=1.20 --flink_master=127.0.0.1:{cluster.port} " in flags
    assert f"--environment_config=sdk-pool:{cluster.pool_port} --parallelism=2" in flags
    overview = cluster.rest("overview")
    assert (overview["taskmanagers"], overview["slots-total"]) == (2, 2)
    assert "something runs already" in cluster("start", code=1)

    opens = [f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in ("lang", "util")]
    with java(cluster, JOB, *opens, "-cp", f"{cluster.folder}/pyflink/lib/*", arguments=[str(cluster.port)]) as job:
        try:
            wait_until(lambda: works_everywhere(cluster))
            cluster("kill", "taskmanager", "2")
            wait_until(lambda: cluster.rest("overview")["taskmanagers"] == 1)
            assert "taskmanager-2: ended" in cluster("status", code=1)
            assert cluster("start-taskmanager") == "task manager 2\n"
            (found,) = cluster.rest("jobs/overview")["jobs"]
            wait_until(lambda: cluster.rest(f"jobs/{found['jid']}/exceptions")["exceptionHistory"]["entries"])
            wait_until(lambda: works_everywhere(cluster))
            assert job.poll() is None
        finally:
            job.kill()

    assert processes_of(cluster.folder)
    cluster("stop")
    cluster("stop")
    assert processes_of(cluster.folder) == []


def test_each_task_manager_has_workers_of_its_own(cluster: Cluster) -> None:
    cluster.start()
    # accepts connections and says nothing: the workers wait
    with socket.create_server(("127.0.0.1", 0)) as control:
        for worker in (1, 2):
            hosts = f"-Djdk.net.hosts.file={cluster.folder}/run/conf/hosts-{worker}"
            beam = f"{cluster.folder}/pyflink/opt/flink-python-1.20.3.jar"
            arguments = [f"sdk-pool:{cluster.pool_port}", f"127.0.0.1:{control.getsockname()[1]}"]
            with java(cluster, START_WORKER, hosts, "-cp", beam, arguments=arguments) as client:
                assert client.wait(120) == 0
        status = cluster("status")
        assert "pool-1" in status
        assert status.count(", 1 workers") == 2

        cluster("kill", "worker", "1")
        wait_until(lambda: cluster("status").count(", 1 workers") == 1)
        assert ", 1 workers" in next(line for line in cluster("status").splitlines() if line.startswith("pool-2"))
        assert "pool 1 has no workers" in cluster("kill", "worker", "1", code=1)
        cluster("stop")
    assert processes_of(cluster.folder) == []
