"""Risks of identification by pixel data, and the decision on what is blanked. The blanking itself is outside this package."""

from .decision import BlankedBy as BlankedBy
from .decision import CleanedPixels as CleanedPixels
from .decision import FoundText as FoundText
from .decision import PixelDecision as PixelDecision
from .decision import PixelEvidence as PixelEvidence
from .decision import TextFindings as TextFindings
from .decision import decide as decide
from .decision import needs_search as needs_search
from .decision import sources_of as sources_of
from .faces import FaceEvidence as FaceEvidence
from .faces import face_evidence as face_evidence
from .notes import Notes as Notes
from .regions import read_regions as read_regions
from .reviewed import ReviewedObjects as ReviewedObjects
from .triage import PixelTriage as PixelTriage
from .triage import RuleTriage as RuleTriage
from .triage import size_of as size_of
