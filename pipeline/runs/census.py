"""The restricted census: the target of a run."""

from __future__ import annotations

from transforms import CensusTarget, EngineConfig

from ..options import JobOptions
from .restricted_places import restricted_place


def census_target(options: JobOptions, run_id: str, config: EngineConfig) -> CensusTarget | None:
    """Create the folder of the census, and return the run's target; None if none is requested.

    Raises:
        UsageError: the certificate or the folder can't be used.
    """
    census = options.census
    if census.folder is None:
        return None
    place = restricted_place(options, "--census", census.folder, "--census-certificate", census.certificate)
    return CensusTarget.of(place.folder, run_id, config, place.certificate)
