"""English singulars and plurals, and spellings of a name in code."""

import re

IRREGULAR = {
    "alumnus": "alumni",
    "api": "apis",
    "brownie": "brownies",
    "calf": "calves",
    "calorie": "calories",
    "child": "children",
    "cookie": "cookies",
    "criterion": "criteria",
    "echo": "echoes",
    "emoji": "emojis",
    "equipment": "equipment",
    "feedback": "feedback",
    "fish": "fish",
    "foot": "feet",
    "goose": "geese",
    "guru": "gurus",
    "half": "halves",
    "hardware": "hardware",
    "hero": "heroes",
    "information": "information",
    "kiwi": "kiwis",
    "knife": "knives",
    "kpi": "kpis",
    "leaf": "leaves",
    "life": "lives",
    "loaf": "loaves",
    "man": "men",
    "matrix": "matrices",
    "medium": "media",
    "menu": "menus",
    "mouse": "mice",
    "movie": "movies",
    "news": "news",
    "ox": "oxen",
    "person": "people",
    "phenomenon": "phenomena",
    "pie": "pies",
    "potato": "potatoes",
    "quiz": "quizzes",
    "rookie": "rookies",
    "scarf": "scarves",
    "selfie": "selfies",
    "series": "series",
    "sheep": "sheep",
    "shelf": "shelves",
    "shoe": "shoes",
    "ski": "skis",
    "software": "software",
    "species": "species",
    "staff": "staff",
    "taxi": "taxis",
    "thief": "thieves",
    "tie": "ties",
    "tomato": "tomatoes",
    "tooth": "teeth",
    "vertex": "vertices",
    "veto": "vetoes",
    "wife": "wives",
    "wolf": "wolves",
    "woman": "women",
    "zombie": "zombies",
}
SINGULAR = {many: one for one, many in IRREGULAR.items()}
GREEK = re.compile(r"(analy|ba|oa|cri|diagno|hypothe|synop|the)s[ie]s")
IN_S = "alias|atlas|bias|bus|canvas|gas|iris|lens"  # these words are singular
TAKES_ES = re.compile(rf".*(?:ss|x|zz|ch|sh|[^aeo]us|is)|{IN_S}")
SILENT_E = re.compile(
    r"(?:.*c|head|heart|tooth|mous?t)aches|(?:re|mis)?uses|(?:ex|ac|re)cuses|(?:re|dif|con)?fuses|axes"
)  # the singular ends in a silent e, as in `cache` or `use`


def plural_of(one: str) -> str:
    """Return the plural of a name. In `order_line`, only the last word changes."""
    head, last = _split(one)
    if last in IRREGULAR:
        many = IRREGULAR[last]
    elif GREEK.fullmatch(last):
        many = f"{last[:-2]}es"
    elif re.fullmatch(r".*[^aeiou]y", last):
        many = f"{last[:-1]}ies"
    elif re.fullmatch(r".*(?:s|x|z|ch|sh)", last):
        many = f"{last}es"
    else:
        many = f"{last}s"
    return head + many


def singular_of(many: str) -> str | None:
    """Return the singular of a name, or `None` if its last word is not a plural."""
    head, last = _split(many)
    if last in SINGULAR:
        return head + SINGULAR[last]
    if (
        last in IRREGULAR
        or not re.fullmatch(r".+s", last)
        or re.fullmatch(rf".*(?:ss|us|is)|{IN_S}", last)
    ):
        return None
    if GREEK.fullmatch(last):
        return f"{head}{last[:-2]}is"
    if re.fullmatch(r".+[^aeiou]ies", last):
        return f"{head}{last[:-3]}y"
    silent = (
        not last.endswith("es") or SILENT_E.fullmatch(last) or not TAKES_ES.fullmatch(last[:-2])
    )
    return head + last[: -1 if silent else -2]


def title(name: str) -> str:
    """Turn `due_at` into `Due at`."""
    return name.replace("_", " ").capitalize()


def camel(name: str) -> str:
    """Turn `order_line` into `OrderLine`."""
    return "".join(part.capitalize() for part in name.split("_"))


def with_article(name: str) -> str:
    words = name.replace("_", " ")
    vowel = re.match(r"[aeio]|u(?!ni|se|s\b|ti)|hour|honest", words)
    return f"{'an' if vowel else 'a'} {words}"


def _split(name: str) -> tuple[str, str]:
    """Return the part of a name before its last word, and its last word."""
    head, underscore, last = name.rpartition("_")
    return head + underscore, last
