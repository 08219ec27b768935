"""What the tests of S3 share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from storage.stores.s3 import S3Store
from tests.support.servers import S3Server


def unfinished(server: S3Server, bucket: str) -> list[Any]:
    return server.client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])


def before_send(store: S3Store, operation: str, answer: Callable[[Any], Any]) -> None:
    """Have ``answer`` look at each attempt of an operation before it is sent; what it gives takes the answer's place."""
    store._client.meta.events.register(f"before-send.s3.{operation}", lambda request, **_: answer(request))


def refusal(status: int, code: str) -> Any:
    from botocore.awsrequest import AWSResponse

    class Body:
        def stream(self, **_: Any) -> Iterator[bytes]:
            yield f"<Error><Code>{code}</Code><Message>in-the-message</Message></Error>".encode()

    return AWSResponse("http://s3", status, {"content-type": "application/xml"}, Body())
