"""Processes in which libraries look at untrusted data: a child for each request, with limits. They know nothing of DICOM."""

from .client import ChildError as ChildError
from .client import Client as Client
from .client import Limits as Limits
from .client import Request as Request
from .messages import Buffer as Buffer
from .operations import Operation as Operation
from .operations import UnsupportedError as UnsupportedError
