"""What the tokens of a line are beside each other: names behind titles, addresses, ages, initials (PS3.15 E.3.5)."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from .descriptor_tokens import DUAL, IMAGED, PAIRED, Kind, Token, has_kind, in_vocabulary, is_kept, is_phrase, is_technique


class Placed(NamedTuple):
    """A token where it stands: ``text`` begins at ``start`` of the line."""

    token: Token
    text: str
    start: int


class Expected(Enum):
    """What may follow a word."""

    NOTHING = 0
    PERSON = 1
    SURNAME = 2
    IDENTIFIER = 3
    ROAD = 4
    CLINIC = 5
    TOWN = 6


#: punctuation that parts names from what stands beside them, and what ends an address
_PARTS = frozenset(':;|"')
_MODALITIES = frozenset(
    ["ct", "cta", "mr", "mri", "mra", "mrcp", "mrt", "irm", "rm", "rmn", "tc", "tac", "tdm", "pet", "spect", "us", "cxr", "xr", "rx", "nm", "mammo", "mammography", "mammographie", "ultrasound", "xray", "röntgen"]
)
_NUMERIC = (Kind.DIGIT, Kind.NUMBER)
_WORDS = (Kind.PLAIN, Kind.NAME, Kind.UNKNOWN, Kind.PHRASE, Kind.LETTER, Kind.TRAIT)
#: most words of a street's or an institution's name that are looked for
_REACH = 3


class Line:
    """The tokens of a line, and what has become of each."""

    def __init__(self, placed: list[Placed], kinds: list[Kind]) -> None:
        """
        Args:
            placed: the tokens in order.
            kinds: what each is by itself; a word that identifies somebody is UNKNOWN.
        """
        self.placed = placed
        self.kinds = kinds

    def settle(self, expected: Expected) -> Expected:
        """Look at each token's neighbours; afterwards PLAIN, NAME and MARK are all that may stay.

        Args:
            expected: what the line before lets expect.

        Returns:
            What the next line may begin with.
        """
        self._phrases()
        self._times()
        expected = self._behind_triggers(expected)
        self._before_triggers()
        self._initials()
        self._odd_cases()
        self._beside_unknown()
        self._letters_and_digits()
        return expected

    def _word(self, index: int) -> str:
        return self.placed[index].token.word if 0 <= index < len(self.placed) else ""

    def _kind(self, index: int) -> Kind | None:
        return self.kinds[index] if 0 <= index < len(self.kinds) else None

    def _beyond_marks(self, index: int, step: int) -> int:
        """The next token in a direction that isn't punctuation; its index may lie outside the line."""
        index += step
        while self._kind(index) is Kind.MARK:
            index += step
        return index

    def _phrases(self) -> None:
        kinds = self.kinds
        for index, kind in enumerate(kinds[:-1]):
            pair = (kind, kinds[index + 1])
            if Kind.UNKNOWN not in pair and is_phrase(self._word(index), self._word(index + 1)):
                kinds[index] = kinds[index + 1] = Kind.PLAIN
        for index, kind in enumerate(kinds):
            if kind is Kind.PHRASE:
                kinds[index] = Kind.UNKNOWN

    def _times(self) -> None:
        """Ages and dates: a unit of time takes the number before it along, a month those on both sides."""
        kinds = self.kinds
        was = list(kinds)
        for index, kind in enumerate(was):
            word = self._word(index)
            before, after = self._beyond_marks(index, -1), self._beyond_marks(index, 1)
            if kind is Kind.MONTH and has_kind(self._word(before), "particle") and self._is_number(before - 1):
                kinds[before] = Kind.GONE
                before -= 1
            numbers = [other for other in (before, after) if self._is_number(other)]
            if kind is Kind.TIME:
                counted = before >= 0 and (was[before] is Kind.TIME or has_kind(self._word(before), "count"))
                if counted or numbers:
                    kinds[index] = Kind.GONE
                    for other in [*numbers, before] if counted else numbers:
                        kinds[other] = Kind.GONE
                else:
                    kinds[index] = Kind.PLAIN if in_vocabulary(word) else Kind.GONE
            elif kind is Kind.MONTH:
                kinds[index] = Kind.GONE if numbers else Kind.PLAIN if in_vocabulary(word) else Kind.UNKNOWN
                for other in numbers:
                    kinds[other] = Kind.GONE
            elif has_kind(word, "maybe_month") and any(was[other] is Kind.NUMBER for other in numbers):
                kinds[index] = Kind.GONE

    def _behind_triggers(self, expected: Expected) -> Expected:
        kinds, count = self.kinds, 0
        for index, placed in enumerate(self.placed):
            kind, word = kinds[index], placed.token.word
            if kind is Kind.MARK:
                if placed.text in _PARTS - {":"} or (placed.text == "," and expected in (Expected.ROAD, Expected.CLINIC)):
                    expected = Expected.NOTHING
                continue
            new = self._opened(index)
            if new is not None:
                expected, count = (max(expected, new, key=lambda e: e.value) if new is Expected.PERSON else new), 0
                continue
            if expected is not Expected.NOTHING:
                count += 1
                expected = self._judge(index, expected, count)
            if has_kind(word, "place") and expected is Expected.NOTHING and is_kept(kind):
                expected = Expected.TOWN
            if placed.token.ends_sentence:
                expected = Expected.NOTHING
        return expected

    def _opened(self, index: int) -> Expected | None:
        """What a trigger lets expect; None if there is none. The trigger itself goes."""
        kind, placed = self.kinds[index], self.placed[index]
        opened = {
            Kind.TITLE: Expected.SURNAME,
            Kind.PERSON: Expected.PERSON,
            Kind.LABEL: Expected.IDENTIFIER,
            Kind.ROAD: Expected.ROAD,
            Kind.CLINIC: Expected.CLINIC,
        }.get(kind)
        if kind is Kind.TITLE and self._is_modality(index):
            self.kinds[index] = Kind.PLAIN
            return Expected.NOTHING
        if kind is Kind.TITLE and placed.text == "ms" and self._kind(index - 1) in _NUMERIC:
            opened = Expected.NOTHING
        followed = self._kind(self._beyond_marks(index, 1)) in _NUMERIC or "." in placed.text
        if kind is Kind.LABEL and in_vocabulary(placed.token.word) and not followed:
            self.kinds[index] = Kind.PLAIN
            return None
        if opened is not None:
            self.kinds[index] = Kind.GONE
        return opened

    def _is_modality(self, index: int) -> bool:
        """MR, DR, MS, ST as a modality, an illness, a wave: no full stop, cased as if no title, and nothing like a name behind."""
        text = self.placed[index].text
        mixed = any(placed.text.islower() for placed in self.placed)
        if (
            self._word(index) not in DUAL
            or not text.strip("?()").isalpha()
            or (text[-1:].islower()
            and (mixed or text[:1].isupper()))
        ):
            return False
        after = self._kind(index + 1)
        if after is None or after is Kind.PLAIN or (after is Kind.MARK and self.placed[index + 1].text in "),;"):
            return True
        others = any(placed.token.word in _MODALITIES for placed in self.placed[index + 1 :])
        following = [kind for kind in self.kinds[index + 1 :] if kind is not Kind.MARK]
        body = self._word(index) == "mr" and self._word(index + 1) in IMAGED
        return index == 0 and after is Kind.NAME and body and not others and Kind.UNKNOWN not in following[:3]

    def _judge(self, index: int, expected: Expected, count: int) -> Expected:
        """Drop the token if it may be what was expected, the ``count``-th since; returns what is still expected."""
        kinds, placed = self.kinds, self.placed[index]
        kind = kinds[index]
        if expected is Expected.SURNAME:
            if kind in _NUMERIC or kind is Kind.GONE:
                return expected
            kinds[index] = Kind.UNKNOWN
            return Expected.PERSON
        if expected is Expected.TOWN:
            if kind is Kind.NAME and placed.text.istitle() and any(other.text.islower() for other in self.placed):
                kinds[index] = Kind.UNKNOWN
            return Expected.NOTHING
        if expected is Expected.PERSON:
            if has_kind(placed.token.word, "particle"):
                return expected if count < _REACH else Expected.NOTHING
            if kind is Kind.LETTER or (kind is Kind.NAME and not self._obvious(index)):
                kinds[index] = Kind.UNKNOWN
            return expected if kinds[index] not in (Kind.PLAIN, Kind.NAME) else Expected.NOTHING
        if expected is Expected.IDENTIFIER:
            if any(character.isdigit() for character in placed.text) or kind is Kind.LETTER:
                kinds[index] = Kind.GONE
            elif kind is Kind.NAME:
                kinds[index] = Kind.UNKNOWN
            return expected if kinds[index] is not Kind.PLAIN and count < _REACH else Expected.NOTHING
        if expected is Expected.CLINIC and placed.token.word in _MODALITIES:
            return Expected.NOTHING
        numeric = kind in _NUMERIC
        kinds[index] = Kind.UNKNOWN
        return Expected.NOTHING if numeric or count > _REACH - (expected is Expected.CLINIC) else expected

    def _obvious(self, index: int) -> bool:
        """Whether a word that may be a name is obviously none: in small letters where capitals are used, a clinical word behind it."""
        if self._kind(index + 1) is not Kind.PLAIN or has_kind(self._word(index + 1), "stop"):
            return False
        return self.placed[index].text.islower() and any(not placed.text.islower() for placed in self.placed if placed.text.isalpha())

    def _before_triggers(self) -> None:
        for index, kind in enumerate(self.kinds):
            if kind is Kind.INSTITUTION:
                self._institution(index)
            elif kind is Kind.STREET:
                self._street(index)

    def _institution(self, index: int) -> None:
        """Mercy Medical Center, Brain and Spine Institute, Hospital of the City."""
        kinds = self.kinds
        kinds[index] = Kind.UNKNOWN
        at, seen, clinical = index - 1, 0, True
        while at >= 0 and seen <= _REACH:
            word = self._word(at)
            if kinds[at] is Kind.MARK and self.placed[at].text in ("&", "-", "/"):
                clinical = True
            elif word in ("and", "und", "et", "y", "e", "en") and kinds[at - 1] in _WORDS and seen:
                clinical = True
                kinds[at] = Kind.UNKNOWN
            elif has_kind(word, "stop") or kinds[at] not in _WORDS or (kinds[at] is Kind.PLAIN and not clinical):
                break
            else:
                clinical = False
                kinds[at] = Kind.UNKNOWN
                seen += 1
            at -= 1
        after = []
        for at in range(index + 1, min(index + 2 + _REACH, len(kinds))):
            title = self.placed[at].token.kind in (Kind.TITLE, Kind.PERSON)
            if (kinds[at] not in _WORDS and not title) or self._word(at) in _MODALITIES:
                break
            after.append(at)
        named = has_kind(self._word(index + 1), "stop") or has_kind(self._word(index + 1), "particle")
        while after and not named and kinds[after[-1]] not in (Kind.UNKNOWN, Kind.NAME):
            after.pop()
        for at in after:
            kinds[at] = Kind.UNKNOWN

    def _street(self, index: int) -> None:
        """12 High Street, Long Lane; the number takes all words behind it along."""
        kinds = self.kinds
        kinds[index] = Kind.UNKNOWN
        first = index - 1
        for at in range(index - 1, max(index - 2 - _REACH, -1), -1):
            if kinds[at] is Kind.MARK or has_kind(self._word(at), "stop"):
                break
            if any(character.isdigit() for character in self.placed[at].text):
                first = at
                break
        for at in range(max(first, 0), index):
            if kinds[at] is not Kind.MARK:
                kinds[at] = Kind.UNKNOWN
        for at in range(index + 1, min(index + 2, len(kinds))):
            if kinds[at] in _NUMERIC:
                kinds[at] = Kind.GONE

    def _initials(self) -> None:
        """Two letters that may be initials stay between words that stay, or beside a token of technique."""
        for index, kind in enumerate(self.kinds):
            if kind is Kind.NAME and len(self._word(index)) == 2:
                before, after = self._kind(index - 1), self._kind(index + 1)
                technical = self._word(index) in _MODALITIES or (
                    is_technique(self._word(index))
                    and any(self._kind(at) is Kind.PLAIN and is_technique(self._word(at)) for at in (index - 1, index + 1))
                )
                if not technical and not (before is not None and after is not None and is_kept(before) and is_kept(after)):
                    self.kinds[index] = Kind.UNKNOWN

    def _odd_cases(self) -> None:
        """A word that may be a name and is cased unlike all others is one: CHEST PAIN Stone, chest pain STONE."""
        texts = [placed.text for placed in self.placed if len(placed.text) > 3 and placed.text.isalpha()]
        upper, title = sum(map(str.isupper, texts)), sum(map(str.istitle, texts))
        for index, kind in enumerate(self.kinds):
            text = self.placed[index].text
            if kind is not Kind.NAME or len(text) < 4 or not index:
                continue
            alone = (text.isupper() and upper == 1) or (text.istitle() and title == 1 and not self.placed[0].text.istitle())
            if alone and len(texts) > 1:
                self.kinds[index] = Kind.UNKNOWN

    def _beside_unknown(self) -> None:
        """Words that may be names go where a word that isn't understood stands beside them, and so on along them."""
        for order in (range(len(self.kinds)), range(len(self.kinds) - 1, -1, -1)):
            unknown = False
            for index in order:
                kind = self.kinds[index]
                token = self.placed[index].token
                if kind is Kind.MARK:
                    unknown = unknown and self.placed[index].text not in _PARTS
                    continue
                ends = token.ends_sentence
                if order.step < 0 and ends:
                    unknown = False
                if kind is Kind.NAME and unknown:
                    self.kinds[index] = Kind.UNKNOWN
                else:
                    unknown = kind is Kind.UNKNOWN
                if order.step > 0 and ends:
                    unknown = False

    def _letters_and_digits(self) -> None:
        """A letter for a side, and a small number, stay beside a word that stays."""
        was = list(self.kinds)
        for index, kind in enumerate(was):
            if kind is not Kind.LETTER and kind is not Kind.DIGIT:
                continue
            beside = [other for other in (index - 1, index + 1) if 0 <= other < len(was)]
            beyond = [other for step in (-1, 1) if 0 <= (other := self._beyond_marks(index, step)) < len(was)]
            stays = not any(was[other] is Kind.UNKNOWN for other in beyond)
            if kind is Kind.LETTER:
                stays = stays and any(
                    was[at] is Kind.PLAIN or (was[at] is Kind.NAME and self._word(at) in PAIRED) for at in beside
                )
            else:
                stays = stays and any(is_kept(was[at]) for at in beside) and not any(self._was_number(at) for at in beyond)
            self.kinds[index] = Kind.PLAIN if stays else Kind.GONE

    def _is_number(self, index: int) -> bool:
        """Whether the token may be the number of a day or a year, or an age: 3, 3rd, 1962."""
        placed = self.placed[index] if 0 <= index < len(self.placed) else None
        return placed is not None and (placed.token.kind in _NUMERIC or placed.token.word.endswith(("1st", "2nd", "3rd", "th")))

    def _was_number(self, index: int) -> bool:
        return self.placed[index].token.kind in (*_NUMERIC, Kind.TIME, Kind.MONTH)
