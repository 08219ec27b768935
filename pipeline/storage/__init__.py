"""Where objects come from and go to: folders of this machine, Google Cloud Storage, S3, and what Beam's file systems know."""

from .access import check_scheme as check_scheme
from .access import has_connected as has_connected
from .access import store_for as store_for
from .folder import FileReader as FileReader
from .folder import Folder as Folder
from .folder import PrivateFolder as PrivateFolder
from .local import TEMPORARY as TEMPORARY
from .local import LocalStore as LocalStore
from .local import LocalWriter as LocalWriter
from .locations import address as address
from .locations import as_folder as as_folder
from .locations import glob_base as glob_base
from .locations import glob_regex as glob_regex
from .locations import has_magic as has_magic
from .locations import is_inside as is_inside
from .locations import join as join
from .locations import scheme_of as scheme_of
from .prefixes import split as split
from .store import COUNTS as COUNTS
from .store import Entry as Entry
from .store import ObjectStore as ObjectStore
from .store import OpenEntry as OpenEntry
from .store import StorageError as StorageError
from .store import StorageOptions as StorageOptions
from .writer import RunWriter as RunWriter
from .writer import writer_for as writer_for
