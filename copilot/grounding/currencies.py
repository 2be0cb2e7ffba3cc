"""Currency signs, codes and words, and the ISO codes that they can mean."""

SYMBOLS = {
    "US$": "USD", "HK$": "HKD", "JP¥": "JPY", "C$": "CAD", "A$": "AUD", "S$": "SGD", "$": "USD",
    "€": "EUR", "£": "GBP", "₹": "INR", "₩": "KRW", "¥": "CNY JPY", "￥": "CNY JPY",
}  # fmt: skip
CURRENCY_CODES = [
    "USD",
    "EUR",
    "GBP",
    "CNY",
    "RMB",
    "JPY",
    "HKD",
    "INR",
    "KRW",
    "SGD",
    "AUD",
    "CAD",
    "NZD",
    "CHF",
    "SEK",
    "NOK",
    "DKK",
    "BRL",
    "MXN",
    "ZAR",
    "AED",
    "SAR",
    "TWD",
    "THB",
    "MYR",
    "IDR",
    "PHP",
    "VND",
    "PLN",
    "CZK",
    "HUF",
    "TRY",
    "ILS",
    "RUB",
]
CURRENCY_WORDS = {
    "us dollars": "USD", "dollars": "USD", "dollar": "USD", "euros": "EUR", "euro": "EUR",
    "pounds": "GBP", "pound": "GBP", "yuan": "CNY", "renminbi": "CNY", "rupees": "INR",
    "yen": "JPY", "forint": "HUF", "forints": "HUF", "zloty": "PLN", "zlotys": "PLN",
    "kronor": "SEK", "krona": "SEK", "kroner": "NOK DKK", "krone": "NOK DKK", "pesos": "MXN",
    "lira": "TRY", "francs": "CHF", "swiss francs": "CHF", "baht": "THB", "ringgit": "MYR",
    "rupiah": "IDR", "dirhams": "AED", "riyals": "SAR", "shekels": "ILS", "rand": "ZAR",
    "reais": "BRL", "roubles": "RUB", "rubles": "RUB", "福林": "HUF", "卢比": "INR", "韩元": "KRW",
    "新元": "SGD",
    "新加坡元": "SGD", "澳元": "AUD", "加元": "CAD", "瑞士法郎": "CHF", "卢布": "RUB",
    "泰铢": "THB", "won": "KRW", "人民币": "CNY", "元人民币": "CNY", "块钱": "CNY", "美元": "USD",
    "美金": "USD", "欧元": "EUR", "港元": "HKD", "港币": "HKD", "日元": "JPY", "英镑": "GBP",
    "元": "CNY", "块": "CNY", "RMB": "CNY",
}  # fmt: skip


def currency_set(code: str) -> frozenset[str]:
    """Return the ISO codes that a currency sign, code or word can mean."""
    found = (
        SYMBOLS.get(code)
        or CURRENCY_WORDS.get(code)
        or CURRENCY_WORDS.get(code.lower())
        or code.upper()
    )
    return frozenset("CNY" if part == "RMB" else part for part in found.split())
