"""The engine: DICOM in, de-identified DICOM and a report out. Knows no Beam."""

from .anonymizer import Anonymizer as Anonymizer
from .anonymizer import anonymize_file as anonymize_file
from .deflate import ByteStream as ByteStream
from .engine import AttributeAction as AttributeAction
from .engine import Deidentification as Deidentification
from .engine import Engine as Engine
from .engine import Report as Report
from .engine import Scan as Scan
from .errors import FILTERED as FILTERED
from .errors import DeidentificationError as DeidentificationError
from .errors import Note as Note
from .errors import Reason as Reason
from .errors import SecretError as SecretError
from .files import batches as batches
from .files import write_all as write_all
from .files import write_atomically as write_atomically
from .keys import Key as Key
from .pseudonyms import Pseudonyms as Pseudonyms
from .tags import SERIES as SERIES
from .tags import SOP_CLASS as SOP_CLASS
from .tags import SOP_INSTANCE as SOP_INSTANCE
from .tags import STUDY as STUDY
from .uids import MAX_UID_LENGTH as MAX_UID_LENGTH
from .uids import KeyedUids as KeyedUids
from .uids import UidMapping as UidMapping
from .uids import check_root as check_root
