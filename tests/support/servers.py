"""Object stores on this machine, as real servers in processes of their own: Google's, Amazon's and Azure's in miniature."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

import pytest
import urllib3

#: what to do when a server is missing
HOW = {
    "fake-gcs-server": "go install github.com/fsouza/fake-gcs-server@v1.56.1, or its path in FAKE_GCS_SERVER",
    "moto": "pip install -e '.[dev]'",
    "azurite": "npm install azurite, and the path of its azurite-blob in AZURITE_BLOB",
    "prism": "go install github.com/apache/beam/sdks/v2/go/cmd/prism@v2.77.0, or its path in PRISM",
}
#: for stores that ask for keys but don't check them
AWS_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
#: the account that every Azurite has; Azurite's documentation publishes its key
AZURITE_ACCOUNT = "devstoreaccount1"
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

#: seconds that a server may take to answer its first request; a loaded machine needs some
PATIENCE = 60
THREADS = 8


def need(server: str) -> str:
    """The path of a server's program (of the package, for moto), or the end of the test.

    A test without its server is skipped, but not where CI=true or DEID_REQUIRE_SERVERS=1: there it would never run, unseen.
    """
    found: str | None
    if server == "fake-gcs-server":
        found = os.environ.get("FAKE_GCS_SERVER") or shutil.which(server) or shutil.which(server, path=Path.home() / "go" / "bin")
    elif server == "azurite":
        found = os.environ.get("AZURITE_BLOB") or shutil.which("azurite-blob")
    elif server == "prism":
        found = os.environ.get("PRISM") or shutil.which("prism") or shutil.which("prism", path=Path.home() / "go" / "bin")
    elif server == "moto":
        # moto alone is not enough: its server is an extra that brings Flask
        parts = [importlib.util.find_spec(name) for name in ("moto", "flask", "flask_cors")]
        found = "moto.server" if all(parts) else None
    else:
        raise ValueError(server)
    if found:
        return found
    return _missing(f"{server} is not installed: {HOW[server]}")


def _missing(message: str) -> NoReturn:
    if os.environ.get("CI") == "true" or os.environ.get("DEID_REQUIRE_SERVERS") == "1":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class GcsServer:
    """A running fake-gcs-server, and its JSON API without Google's client in between."""

    def __init__(self, url: str) -> None:
        self.url = url
        # urllib3 by itself: requests takes twice its time for each small object, and reads the machine's proxies
        self._pool = urllib3.PoolManager(maxsize=THREADS, retries=False)

    def _call(self, method: str, path: str, **arguments: Any) -> bytes:
        answer = self._pool.request(method, self.url + path, **arguments)
        if answer.status >= 300:
            raise RuntimeError(f"{answer.status} to {method} {path}: {answer.data[:500].decode(errors='replace')}")
        return answer.data

    def create_bucket(self, name: str) -> None:
        self._call("POST", "/storage/v1/b?project=test", body=json.dumps({"name": name}))

    def put(self, bucket: str, name: str, content: bytes, **metadata: str) -> None:
        """Writes an object, with ``metadata`` as its custom metadata."""
        path = f"/upload/storage/v1/b/{bucket}/o?uploadType="
        if not metadata:
            self._call("POST", f"{path}media&name={quote(name, safe='')}", body=content)
            return
        described = json.dumps({"name": name, "metadata": metadata}).encode()
        boundary = "=====between-the-parts====="
        head = b"--%b\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n%b\r\n" % (boundary.encode(), described)
        media = b"--%b\r\nContent-Type: application/octet-stream\r\n\r\n%b\r\n" % (boundary.encode(), content)
        body = head + media + b"--%b--" % boundary.encode()
        headers = {"Content-Type": f'multipart/related; boundary="{boundary}"'}
        self._call("POST", f"{path}multipart", body=body, headers=headers)

    def put_all(self, bucket: str, contents: dict[str, bytes]) -> None:
        _each(lambda name: self.put(bucket, name, contents[name]), contents)

    def get(self, bucket: str, name: str) -> bytes:
        return self._call("GET", f"{_gcs_path(bucket, name)}?alt=media")

    def metadata(self, bucket: str, name: str) -> dict[str, Any]:
        """The object's resource of the JSON API; the custom metadata is in its "metadata"."""
        resource: dict[str, Any] = json.loads(self._call("GET", _gcs_path(bucket, name)))
        return resource

    def names(self, bucket: str) -> list[str]:
        found: list[str] = []
        token = ""
        while True:
            page = json.loads(self._call("GET", f"/storage/v1/b/{bucket}/o?pageToken={quote(token, safe='')}"))
            found += [item["name"] for item in page.get("items", [])]
            token = page.get("nextPageToken", "")
            if not token:
                return found

    def objects(self, bucket: str) -> dict[str, bytes]:
        """Everything in a bucket."""
        return _each(lambda name: self.get(bucket, name), self.names(bucket))


def _gcs_path(bucket: str, name: str) -> str:
    return f"/storage/v1/b/{bucket}/o/{quote(name, safe='')}"


@contextlib.contextmanager
def fake_gcs_server(folder: Path | None = None, external_url: str | None = None) -> Iterator[GcsServer]:
    """fake-gcs-server, in memory or on ``folder``; STORAGE_EMULATOR_HOST leads Google's client to its ``url``.

    Args:
        folder: where objects are kept; must be there.
        external_url: of the proxy in front. The links that the server hands out begin with it, or clients would follow them
            past the proxy.
    """
    program = need("fake-gcs-server")
    storage = ["-backend", "memory"] if folder is None else ["-backend", "filesystem", "-filesystem-root", str(folder)]

    def command(port: int) -> list[str]:
        url = external_url or f"http://127.0.0.1:{port}"
        # the Location of a resumable upload is built from the request's Host, mediaLink from -external-url
        named = ["-public-host", url.removeprefix("http://"), "-external-url", url]
        return [program, "-log-level", "error", "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), *named, *storage]

    with _running(command, "/_internal/healthcheck") as url:
        yield GcsServer(url)


class S3Server:
    """A running moto server; ``client`` is a boto3 client for it.

    ``env`` leads another process's boto3 to it.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.env = {"AWS_ENDPOINT_URL": url, **AWS_KEYS}
        self.client = s3_client(url)

    def create_bucket(self, name: str) -> None:
        self.client.create_bucket(Bucket=name)

    def put(self, bucket: str, name: str, content: bytes, **metadata: str) -> None:
        self.client.put_object(Bucket=bucket, Key=name, Body=content, Metadata=metadata)

    def put_all(self, bucket: str, contents: dict[str, bytes]) -> None:
        _each(lambda name: self.put(bucket, name, contents[name]), contents)

    def get(self, bucket: str, name: str) -> bytes:
        content: bytes = self.client.get_object(Bucket=bucket, Key=name)["Body"].read()
        return content

    def metadata(self, bucket: str, name: str) -> dict[str, Any]:
        """What HeadObject tells; the custom metadata is in its "Metadata"."""
        head: dict[str, Any] = self.client.head_object(Bucket=bucket, Key=name)
        del head["ResponseMetadata"]
        return head

    def names(self, bucket: str) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]

    def objects(self, bucket: str) -> dict[str, bytes]:
        """Everything in a bucket."""
        return _each(lambda name: self.get(bucket, name), self.names(bucket))


def s3_client(url: str) -> Any:
    """A boto3 client with the dummy keys."""
    import boto3
    from botocore.config import Config

    keys = {"aws_access_key_id": AWS_KEYS["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": AWS_KEYS["AWS_SECRET_ACCESS_KEY"]}
    config = Config(max_pool_connections=THREADS, s3={"addressing_style": "path"}, proxies={})
    # a session of its own: boto3's default session is not made for threads, and reads the user's profile
    session = boto3.session.Session(region_name=AWS_KEYS["AWS_DEFAULT_REGION"], **keys)
    return session.client("s3", endpoint_url=url, config=config)


@contextlib.contextmanager
def moto_server() -> Iterator[S3Server]:
    """moto's server; ``env`` of what is yielded leads a client to it."""
    module = need("moto")
    with _running(lambda port: [sys.executable, "-m", module, "-H", "127.0.0.1", "-p", str(port)], "/moto-api/") as url:
        yield S3Server(url)


class AzuriteServer:
    """A running Azurite; ``client`` is a BlobServiceClient for it. Its buckets are containers."""

    def __init__(self, url: str) -> None:
        from azure.storage.blob import BlobServiceClient

        self.url = url
        self.connection_string = azurite_connection(url)
        self.client = BlobServiceClient.from_connection_string(self.connection_string)

    def create_bucket(self, name: str) -> None:
        self.client.create_container(name)

    def put(self, bucket: str, name: str, content: bytes, **metadata: str) -> None:
        self.client.get_blob_client(bucket, name).upload_blob(content, overwrite=True, metadata=metadata or None)

    def put_all(self, bucket: str, contents: dict[str, bytes]) -> None:
        _each(lambda name: self.put(bucket, name, contents[name]), contents)

    def get(self, bucket: str, name: str) -> bytes:
        return self.client.get_blob_client(bucket, name).download_blob().readall()

    def metadata(self, bucket: str, name: str) -> dict[str, Any]:
        """The blob's properties; the custom metadata is in its "metadata"."""
        return dict(self.client.get_blob_client(bucket, name).get_blob_properties())

    def names(self, bucket: str) -> list[str]:
        return list(self.client.get_container_client(bucket).list_blob_names())

    def objects(self, bucket: str) -> dict[str, bytes]:
        """Everything in a container."""
        return _each(lambda name: self.get(bucket, name), self.names(bucket))


def azurite_connection(url: str) -> str:
    """The connection string for an Azurite at ``url``, or behind a proxy there."""
    account = f"AccountName={AZURITE_ACCOUNT};AccountKey={AZURITE_KEY}"
    return f"DefaultEndpointsProtocol=http;{account};BlobEndpoint={url}/{AZURITE_ACCOUNT};"


@contextlib.contextmanager
def azurite() -> Iterator[AzuriteServer]:
    """Azurite's blob service, in memory."""
    program = need("azurite")
    # even in memory it opens a file of settings where it runs
    with tempfile.TemporaryDirectory() as scratch:

        def command(port: int) -> list[str]:
            address = ["--blobHost", "127.0.0.1", "--blobPort", str(port)]
            return [program, *address, "--skipApiVersionCheck", "--disableTelemetry", "--silent", "--inMemoryPersistence"]

        with _running(command, "/", folder=scratch) as url:
            yield AzuriteServer(url)


@contextlib.contextmanager
def _running(command: Callable[[int], list[str]], path: str, folder: str | None = None) -> Iterator[str]:
    """Runs a server until the block ends.

    Args:
        command: for the port that it gets.
        path: that the server answers once it serves, with whatever status.
        folder: where it runs.

    Yields:
        Its URL.
    """
    with tempfile.TemporaryFile() as output:
        for attempt in range(3):
            port = free_port()
            process = subprocess.Popen(
                command(port), stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=folder
            )
            try:
                if _answers(process, f"http://127.0.0.1:{port}{path}"):
                    yield f"http://127.0.0.1:{port}"
                    if process.poll() is not None:
                        raise RuntimeError(f"{_name(process)} ended with {process.returncode} in use:\n{_tail(output)}")
                    return
                # between free_port and the server's bind another process may have taken the port: once more, on another one
                said = _tail(output)
                if attempt == 2 or "in use" not in said:
                    raise RuntimeError(f"{_name(process)} does not answer (ended with {process.poll()}):\n{said}")
            finally:
                process.kill()
                process.wait()


def _answers(process: subprocess.Popen[bytes], url: str) -> bool:
    """Waits until the server answers; False if it ended, or has not answered after PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    pool = urllib3.PoolManager(retries=False, timeout=5)
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            pool.request("GET", url)
            return process.poll() is None
        time.sleep(0.02)
    return False


def _name(process: subprocess.Popen[bytes]) -> str:
    arguments = process.args
    return " ".join(map(str, arguments[:3])) if isinstance(arguments, list) else str(arguments)


def _tail(output: Any, size: int = 4000) -> str:
    end = os.fstat(output.fileno()).st_size
    # pread: the server shares the file's position, and is still writing
    content = os.pread(output.fileno(), size, max(0, end - size))
    return content.decode(errors="replace")


def _each(call: Callable[[str], Any], names: Any) -> dict[str, Any]:
    """``call`` of each name, in threads; what they gave, by name."""
    listed = list(names)
    with ThreadPoolExecutor(THREADS) as threads:
        return dict(zip(listed, threads.map(call, listed), strict=True))
