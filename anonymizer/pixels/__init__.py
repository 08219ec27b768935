"""Risks of identification by pixel data, and their treatment. The rewriting of elements is outside this package."""

from .faces import FaceEvidence as FaceEvidence
from .faces import face_evidence as face_evidence
from .notes import Notes as Notes
from .triage import PixelTriage as PixelTriage
