"""Object stores on this machine, as real servers in processes of their own: Google's, Amazon's and Azure's in miniature."""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import urllib3

from tests.support.processes import answers_http, need, running

#: for stores that ask for keys but don't check them
AWS_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
#: the account that every Azurite has; Azurite's documentation publishes its key
AZURITE_ACCOUNT = "devstoreaccount1"
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

THREADS = 8


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

    def remove_bucket(self, name: str) -> None:
        """Removes a bucket and all that is in it."""
        _each(lambda found: self._call("DELETE", _gcs_path(name, found)), self.names(name))
        self._call("DELETE", f"/storage/v1/b/{name}")

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

    with running(command, answers_http("/_internal/healthcheck")) as port:
        yield GcsServer(f"http://127.0.0.1:{port}")


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

    def remove_bucket(self, name: str) -> None:
        """Removes a bucket and all that is in it."""
        names = self.names(name)
        # XML can't hold them all
        _each(lambda found: self.client.delete_object(Bucket=name, Key=found), [one for one in names if not one.isprintable()])
        keys = [{"Key": found} for found in names if found.isprintable()]
        for at in range(0, len(keys), 1000):
            self.client.delete_objects(Bucket=name, Delete={"Objects": keys[at : at + 1000]})
        self.client.delete_bucket(Bucket=name)

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
    with running(
        lambda port: [sys.executable, "-m", module, "-H", "127.0.0.1", "-p", str(port)], answers_http("/moto-api/")
    ) as port:
        yield S3Server(f"http://127.0.0.1:{port}")


class AzuriteServer:
    """A running Azurite; ``client`` is a BlobServiceClient for it. Its buckets are containers."""

    def __init__(self, url: str) -> None:
        from azure.storage.blob import BlobServiceClient

        self.url = url
        self.connection_string = azurite_connection(url)
        self.client = BlobServiceClient.from_connection_string(self.connection_string)

    def create_bucket(self, name: str) -> None:
        self.client.create_container(name)

    def remove_bucket(self, name: str) -> None:
        """Removes a container and all that is in it."""
        self.client.delete_container(name)

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

        with running(command, answers_http("/"), folder=scratch) as port:
            yield AzuriteServer(f"http://127.0.0.1:{port}")


def _each(call: Callable[[str], Any], names: Any) -> dict[str, Any]:
    """``call`` of each name, in threads; what they gave, by name."""
    listed = list(names)
    with ThreadPoolExecutor(THREADS) as threads:
        return dict(zip(listed, threads.map(call, listed), strict=True))
