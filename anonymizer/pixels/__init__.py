"""What an object's pixels may show, and what is done about it. How elements are rewritten stands outside."""

from .faces import FaceEvidence as FaceEvidence
from .faces import face_evidence as face_evidence
from .notes import Notes as Notes
from .triage import PixelTriage as PixelTriage
