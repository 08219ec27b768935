"""Google Cloud credentials, found as Google's libraries find them, but with an immediate error where there are none."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from profiles import UserFacingError

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"

_PRODUCT_NAME = "/sys/class/dmi/id/product_name"
_METADATA_IP = "169.254.169.254"
#: for the connection and for its answer; a metadata server is on the same machine and takes a few milliseconds
_PING_SECONDS = 1.5

_METADATA_VARIABLES = ("GCE_METADATA_HOST", "GCE_METADATA_ROOT", "GCE_METADATA_IP")
#: Cloud Run, Cloud Functions and App Engine set these, and show no firmware
_SERVERLESS_VARIABLES = ("K_SERVICE", "CLOUD_RUN_JOB", "FUNCTION_TARGET", "GAE_ENV")


class CredentialsError(UserFacingError):
    """Google Cloud credentials that are missing or can't be used. The message holds no path, account or project."""


def default_credentials(
    scopes: Sequence[str] = (CLOUD_PLATFORM,), *, hint: str = "use --anonymous for public data"
) -> tuple[Credentials, str | None]:
    """Return the Application Default Credentials of this machine, and the project that goes with them, if any.

    Tells within some 3 seconds that there are none; google.auth alone takes 20 seconds and more outside of Google Cloud.

    Args:
        scopes: OAuth scopes that the credentials are to have.
        hint: what else the user could do, for the error's text.

    Raises:
        CredentialsError: none found, or their file can't be used.
    """
    gcloud = _gcloud_file(os.environ)
    named = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    if named:
        _check_file(Path(named), "the file that GOOGLE_APPLICATION_CREDENTIALS names")
    elif gcloud.is_file():
        _check_file(gcloud, "gcloud's application default credentials file")
    # google.auth's patience with an absent metadata server can be set only by variables of the environment, which it reads
    # when it is imported: too late if Beam has imported it, and a change that others would see. So it isn't asked at all
    # where asking is in vain.
    elif not on_google_machine(os.environ):
        raise _not_found(hint)

    import google.auth
    from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError

    try:
        return google.auth.default(scopes=list(scopes))
    except DefaultCredentialsError:
        if not named and not gcloud.is_file():
            raise _not_found(hint) from None
        raise CredentialsError("Google Cloud credentials can't be used: their file is incomplete or of no known type") from None
    # the file has a value of another type than it should, or what it refers to fails
    except (GoogleAuthError, OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise CredentialsError(f"Google Cloud credentials can't be used ({type(error).__name__})") from None


def on_google_machine(
    environment: Mapping[str, str], product_name: Path = Path(_PRODUCT_NAME), ping: Callable[[], bool] | None = None
) -> bool:
    """Return whether this may be a machine of Google Cloud, with a metadata server that hands out credentials.

    Args:
        environment: the environment variables.
        product_name: the file in which the firmware says whose machine this is.
        ping: asks the metadata server; called only where nothing else tells.
    """
    if any(environment.get(name) for name in _METADATA_VARIABLES):
        return True
    # google.auth's own way to say "never ask"
    if environment.get("NO_GCE_CHECK") == "true":
        return False
    if any(environment.get(name) for name in _SERVERLESS_VARIABLES):
        return True
    try:
        product = product_name.read_text(errors="replace").strip()
    except OSError:
        product = ""
    if product:
        return product.startswith("Google")
    # a sandbox without firmware: in a cluster of Google's the metadata server may take some seconds to come up
    return bool(environment.get("KUBERNETES_SERVICE_HOST")) or (ping or _metadata_server_answers)()


def _metadata_server_answers() -> bool:
    """Make one request, and return whether it was answered. It never goes through a proxy, whose answer would say nothing."""
    # here, for it is asked on few machines, and every command would import it
    import http.client

    connection = http.client.HTTPConnection(_METADATA_IP, timeout=_PING_SECONDS)
    try:
        connection.request("GET", "/", headers={"Metadata-Flavor": "Google"})
        return connection.getresponse().getheader("Metadata-Flavor") == "Google"
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _gcloud_file(environment: Mapping[str, str]) -> Path:
    """Return the path of ``gcloud auth application-default login``'s credentials (google.auth's function for it is private)."""
    folder = environment.get("CLOUDSDK_CONFIG")
    if folder is None:
        parent = environment.get("APPDATA", "") if os.name == "nt" else os.path.join(os.path.expanduser("~"), ".config")
        folder = os.path.join(parent, "gcloud")
    return Path(folder, "application_default_credentials.json")


def _check_file(path: Path, what: str) -> None:
    """Check for errors that google.auth would report with the path, or with an exception of another kind."""
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise CredentialsError(f"{what} can't be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise CredentialsError(f"{what} is not JSON") from None
    if not isinstance(content, dict) or not isinstance(content.get("type"), str):
        raise CredentialsError(f"{what} holds no credentials")


def _not_found(hint: str) -> CredentialsError:
    ways = ["run `gcloud auth application-default login`", "set GOOGLE_APPLICATION_CREDENTIALS", *([hint] if hint else [])]
    return CredentialsError(f"no Google Cloud credentials were found: {', '.join(ways[:-1])} or {ways[-1]}")
