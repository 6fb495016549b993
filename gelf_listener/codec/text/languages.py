"""Languages: levels and months as programs write them that speak the language of their machine."""

from __future__ import annotations

LEVELS = {
    # java.util.logging (JDK's resource bundles) and PostgreSQL (lc_messages)
    **dict.fromkeys(("PANIK", "ПАНИКА", "ВАЖНО"), 2),
    **dict.fromkeys(
        ("SCHWERWIEGEND", "GRAVE", "重大", "严重", "FEHLER", "ERREUR", "ERRORE", "ERRO", "ОШИБКА", "错误"), 3
    ),
    **dict.fromkeys(("WARNUNG", "AVERTISSEMENT", "ADVERTENCIA", "AVVERTENZA", "警告"), 4),
    **dict.fromkeys(("ATTENTION", "ATTENZIONE", "ПРЕДУПРЕЖДЕНИЕ"), 4),
    **dict.fromkeys(("HINWEIS", "ЗАМЕЧАНИЕ"), 5),
    **dict.fromkeys(("INFORMATION", "INFOS", "INFORMACIÓN", "INFORMAZIONI", "情報", "信息", "СООБЩЕНИЕ"), 6),
}
"""Severities by words that are levels with a colon behind them."""

_MONTHS = (
    "jan ene gen янв",
    "feb fev fév fe\u0301v фев",
    "mar mär mrt мар",
    "apr avr abr kwi апр",
    "mai may mag mei maj май мая",
    "jun juin giu cze июн",
    "jul juil lug lip июл",
    "aug aoû ago sie авг",
    "sep set wrz сен",
    "oct okt ott out paź окт",
    "nov lis ноя",
    "dec dez dic déc gru дек",
)
_NUMBERS = {name: number for number, names in enumerate(_MONTHS, start=1) for name in names.split()}
MONTHS = frozenset(_NUMBERS) | {"sept"}
"""Names of months, in small letters."""


def month_number(name: str) -> int | None:
    """Return the number of a month by its name or what is left of it, in the languages of Europe, and 11月."""
    lower = name.lower()
    if lower.endswith("月"):
        return int(lower[:-1]) if lower[:-1].isdecimal() and 1 <= int(lower[:-1]) <= 12 else None
    return _NUMBERS.get(lower[:4]) or _NUMBERS.get(lower[:3])
