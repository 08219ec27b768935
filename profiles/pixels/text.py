"""The settings by which text is looked for in pixels, and which of it may stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import ProfileError

#: objects in which text is looked for
AT_RISK, ALL = "risk", "all"
#: text that may stay
NO_TEXT, MEASUREMENTS = "nothing", "measurements"
#: all of so many frames are looked at; of more every k-th
FEW_FRAMES = 8
_MOST_EVERY, _MOST_SECONDS = 1000, 86_400


@dataclass(frozen=True, slots=True)
class TextSearch:
    """The settings of a search for text.

    Attributes:
        objects: ``risk``: those whose pixels may identify; ``all``: all with pixels.
        keep: ``nothing``: all text is blanked; ``measurements``: lines stay that are made of nothing but words and numbers which
            the description vocabulary knows as harmless.
        every: of loops with more than FEW_FRAMES frames each k-th is looked at, and the last.
        seconds: of CPU that an object may take.
        engine: what finds text: versions of libraries and digests of models, by name; empty: whatever is installed where it is
            looked for.

    Raises:
        ProfileError: a setting that can't be used.
    """

    objects: str = AT_RISK
    keep: str = NO_TEXT
    every: int = 5
    seconds: int = 600
    engine: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if self.objects not in (AT_RISK, ALL):
            raise ProfileError(f"detect_text: {AT_RISK} or {ALL}")
        if self.keep not in (NO_TEXT, MEASUREMENTS):
            raise ProfileError(f"keep_text: {NO_TEXT} or {MEASUREMENTS}")
        for name, number, most in (("text_every", self.every, _MOST_EVERY), ("text_seconds", self.seconds, _MOST_SECONDS)):
            if type(number) is not int or not 1 <= number <= most:
                raise ProfileError(f"{name}: a number from 1 to {most}")

    @property
    def looks_at_all(self) -> bool:
        """Return whether text is looked for in objects at no risk, too."""
        return self.objects == ALL

    @property
    def keeps_measurements(self) -> bool:
        """Return whether harmless lines stay."""
        return self.keep == MEASUREMENTS

    def looks_at(self, number: int, frames: int, *, moves: bool) -> bool:
        """Return whether a frame is looked at, by its number from 0 on.

        Args:
            moves: the frames are those of a loop: others, such as pages, are all looked at.
        """
        return not moves or frames <= FEW_FRAMES or number % self.every == 0 or number == frames - 1

    @property
    def settings(self) -> dict[str, Any]:
        """The settings as ``run.json`` has them."""
        chosen = {"objects": self.objects, "keep": self.keep, "every": self.every, "seconds": self.seconds}
        return {**chosen, "few_frames": FEW_FRAMES, "engine": dict(self.engine)}
