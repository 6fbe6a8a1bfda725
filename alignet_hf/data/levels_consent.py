"""Who agreed to take part in Levels, by the `consent_status` of the participants' files.

Nothing that is published says which words the files use, and the paper knows of people who revoked their consent
(Sec. A.3). So a person agreed only if everything that their file says of it says so.
"""

from collections.abc import Collection, Iterable

COLUMN = "consent_status"
# In lower case, with spaces. A number is no word: a button's 0 may be the one that agrees, or the other.
CONSENT = (
    *("true", "yes", "consent", "consented", "consent given", "given", "granted"),
    *("i consent", "agree", "agreed", "i agree", "accept", "accepted"),
)
_NOTHING = ("", "null", "na", "nan", "none")


def consent_status(trials: Iterable[dict]) -> str | None:
    """What a person's trials say of consent: "" where they have the column and nothing in it, None without one.

    Two words, as of somebody who agreed and withdrew later, are both given, "consented, withdrawn".
    """
    values = [trial[COLUMN] for trial in trials if COLUMN in trial]
    if not values:
        return None
    words = (str(value).strip() for value in values if value is not None)
    return ", ".join(dict.fromkeys(word for word in words if word.lower() not in _NOTHING))


def has_consented(status: str, consent: Collection[str] = CONSENT) -> bool:
    """Whether a status is one of the words that mean consent; letter case, "_" and "-" do not matter."""
    return _plain(status) in {_plain(word) for word in consent}


def _plain(word: str) -> str:
    return " ".join(word.lower().replace("_", " ").replace("-", " ").split())
