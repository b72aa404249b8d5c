"""Names that are difficult to distinguish, compare or store, in a deterministic sequence."""

import random
import unicodedata
from collections.abc import Iterator

# ruff: noqa: RUF001 - the names are confusable on purpose

BASES = (
    *(
        "ann",
        "ben.smith",
        "zoé",
        "müller",
        "straße",
        "ıŞık",
        "ΣΊΣΥΦΟΣ",
        "Ωmega",
        "ﬁona",
        "Ǆana",
        "ǅana",
        "İpek",
        "ångström",
    ),
    *(
        "иван",
        "ёлка",
        "їжак",
        "李小龍",
        "ｆｕｌｌ",
        "ﾊﾝｶｸ",
        "한국",
        "עברית",
        "عربي",
        "हिन्दी",
        "ไทย",
        "ạ̈x",
        "e\u0301a",
        "K\u212a",
    ),
    *("a" * 64, "a" * 65, "a" * 255, "a" * 256, "é" * 128, "😀" * 8, "1234", "null", "0", "-", "_x", "x_", "a.b-c_d"),
)
HOSTILE = (
    *(
        "",
        " ",
        "\t",
        "\n",
        "\0",
        "\x7f",
        "\x1b[31m",
        "\u00a0",
        "\u00ad",
        "\u200b",
        "\u200d",
        "\u202e",
        "\u2066",
        "\ufeff",
    ),
    *(
        "\u0301",
        "\u0345",
        "\u0307",
        "\u00b7",
        "\u3000",
        "\ud800",
        "\U0001f600",
        "\U000e0041",
        "'",
        '"',
        "`",
        "\\",
        "%",
        "_",
    ),
    *(
        ";--",
        "/*",
        "$$",
        "{}",
        "\u0130",
        "\u0131",
        "\u017f",
        "\u1e9e",
        "\u03c2",
        "\uff41",
        "\u0430",
        "é",
        "é",
        "@",
        "\r\n",
    ),
)


def corpus(size: int) -> Iterator[str]:
    """Yield *size* names: a base with up to two hostile parts, in some case and Unicode normal form."""
    chance = random.Random(4711)
    for _ in range(size):
        name = chance.choice(BASES)
        for _ in range(chance.choice((0, 0, 0, 1, 1, 2))):
            at = chance.choice((0, len(name), chance.randrange(len(name) + 1)))
            name = name[:at] + chance.choice(HOSTILE) + name[at:]
        name = chance.choice((str, str.upper, str.lower, str.title, str.swapcase))(name)
        if chance.random() < 0.5:
            name = unicodedata.normalize(chance.choice(("NFC", "NFD", "NFKC", "NFKD")), name)
        yield name
