"""Recognise numbers that were read as texts, and name the options that read them."""

import re
from collections.abc import Collection

CURRENCIES = "USD|EUR|GBP|CHF|JPY|CNY|INR|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|BRL|MXN|ZAR|kr|zł|Kč|Ft|Rs|Fr|R\\$|US\\$"
"""Currencies that stand before or after an amount, as a regular expression of Python and of polars."""

_SIGNS = "$€£¥₹₽₩₪₺₴₦฿₫₱₡₲₵₸₼₾"
_CURRENCY = rf"(?:(?:{CURRENCIES})\.?|[{_SIGNS}])"
_AMOUNT = r"[-+]?[\d.,' \u00a0\u202f]*\d"
_MONEY = re.compile(rf"^\(?[-+]?\s?{_CURRENCY}\s?{_AMOUNT}\)?$|^\(?{_AMOUNT}\)?\s?{_CURRENCY}\)?$")
_PERCENT = re.compile(r"^[-+]?\d[\d.,]*\s?%$")
_POINT_THOUSANDS = re.compile(r"^[-+]?\d{1,3}(\.\d{3})+(,\d+)?$")
_COMMA_DECIMAL = re.compile(r"^[-+]?\d+,\d+$")
_COMMA_THOUSANDS = re.compile(r"^[-+]?\d{1,3}(,\d{3})+(\.\d+)?$")
_SPACE_THOUSANDS = re.compile(r"^[-+]?\d{1,3}([ '\u00a0\u202f]\d{3})+([.,]\d+)?$")
_PLAIN = re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$")
_OTHERS = re.compile(rf"(?:{CURRENCIES})\.?|[{_SIGNS}%\s]")
_MARKS = {
    "numbers with a thousands point": "--decimal , --thousands .",
    "numbers with a thousands comma": "--thousands ,",
    "numbers with a decimal comma": "--decimal ,",
    "numbers with a thousands space": "--thousands ' '",
}
_MOST = 0.95


def numbers_in(texts: Collection[str]) -> tuple[str, str] | None:
    """Return how texts write numbers and the options that read them, if they are numbers."""
    values = [text.strip() for text in texts]
    if len(values) < 3:
        return None
    kinds = {
        "percentages": _PERCENT,
        "amounts with a currency": _MONEY,
        "numbers with a thousands point": _POINT_THOUSANDS,
        "numbers with a thousands comma": _COMMA_THOUSANDS,
        "numbers with a decimal comma": _COMMA_DECIMAL,
        "numbers with a thousands space": _SPACE_THOUSANDS,
    }
    counts = {what: sum(bool(each.match(text)) for text in values) for what, each in kinds.items()}
    plain = sum(bool(_PLAIN.match(text)) for text in values)
    marked = sum(any(each.match(text) for each in kinds.values()) for text in values)
    if marked and marked + plain >= _MOST * len(values):
        what = max(counts, key=lambda name: counts[name])
        options = _MARKS.get(what) or f"--numbers {{}} {marks_of(values)}".strip()
        return f"holds {what}, and is read as text", f"read them as numbers: {options}"
    if 5 <= plain < len(values) and plain >= 0.8 * len(values):
        odd = [text for text in values if not _PLAIN.match(text)][:3]
        words = ",".join(odd)
        quoted = words if re.fullmatch(r"[\w.,-]+", words) else f"'{words}'"
        what = f"holds numbers and {', '.join(map(repr, odd))}, and is read as text"
        return what, f"take these words as missing: --missing {quoted}"
    return None


def marks_of(texts: Collection[str]) -> str:
    """Return the options for the decimal and the thousands mark of numbers; empty for a point."""
    bare = [_OTHERS.sub("", text).strip("()+-") for text in texts]
    both = next((text for text in bare if "," in text and "." in text), "")
    commas = [text for text in bare if "," in text]
    if both and both.rindex(",") > both.rindex("."):
        return "--decimal , --thousands ."
    if both or (commas and all(map(_COMMA_THOUSANDS.match, commas))):
        return "--thousands ,"
    if commas:
        return "--decimal ,"
    if any(text.count(".") > 1 for text in bare):
        return "--decimal , --thousands ."
    return '--thousands "\'"' if any("'" in text for text in bare) else ""


def as_number(text: str, decimal: str, thousands: str, *, strip: bool) -> float:
    """Return the number that a text writes with these marks.

    Parameters
    ----------
    strip
        Whether it may have a currency, a percent sign, or the brackets of a negative amount.

    Raises
    ------
    ValueError
        It is not a number.
    """
    if strip:
        text = re.sub(r"^\((.*)\)$", r"-\1", _OTHERS.sub("", text))
    text = text.replace(thousands, "") if thousands else text
    return float(text if decimal == "." else text.replace(decimal, "."))
