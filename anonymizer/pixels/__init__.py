"""Risks of identification by pixel data, and their treatment. The rewriting of elements is outside this package."""

from .cleaner import PixelCleaner as PixelCleaner
from .cleaner import can_clean as can_clean
from .cleaner import is_native as is_native
from .decision import BlankedBy as BlankedBy
from .decision import CleanedPixels as CleanedPixels
from .decision import PixelDecision as PixelDecision
from .decision import PixelEvidence as PixelEvidence
from .decision import decide as decide
from .faces import FaceEvidence as FaceEvidence
from .faces import face_evidence as face_evidence
from .image_format import read_image_format as read_image_format
from .notes import Notes as Notes
from .regions import read_regions as read_regions
from .reviewed import ReviewedObjects as ReviewedObjects
from .reviewed import put_back_lines as put_back_lines
from .reviewed import take_out_lines as take_out_lines
from .triage import PixelTriage as PixelTriage
from .triage import RuleTriage as RuleTriage
from .triage import size_of as size_of
