"""Which product of the deal meets which need: by its name, else by shared telling words."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from copilot.writers.proposals.cues import Voice
from copilot.writers.proposals.voices import Statement
from crm.index.terms import is_stop_word, stem_of, terms_of
from crm.models import Product
from tools.language import fold_script

MOST_NEEDS = 6
# Words that stand in many descriptions and in every talk: alone they prove no match.
_COMMON_WORDS = """
data system systems plant site machine line time day days year yearly month monthly licence
license software service services support product solution work team company policy need
project unit user users per up new easy full standard basic pro plus premium platform
数据 系统 工厂 厂区 设备 机器 软件 服务 产品 方案 公司 项目 平台 支持 标准 时间 用户 我们 团队
一年 每年
"""
_COMMON = frozenset(_COMMON_WORDS.split())
_ENOUGH = 2


@dataclass(frozen=True)
class NeedMatch:
    """A need with the product of the deal that meets it, None where none does.

    `hint` is a product of the catalogue outside the deal whose description fits.
    """

    need: Statement
    product: Product | None
    hint: Product | None = None


def match_needs(
    statements: Sequence[Statement], products: Sequence[Product], catalogue: Sequence[Product]
) -> list[NeedMatch]:
    """Return the most telling needs, each with a product of the deal that meets it, if any."""
    needs = [each for each in statements if Voice.NEED in each.voices][:MOST_NEEDS]
    in_deal = {product.id for product in products}
    others = [product for product in catalogue if product.id not in in_deal]
    found = []
    for need in needs:
        product = best_product(need, products)
        hint = best_product(need, others) if product is None else None
        found.append(NeedMatch(need, product, hint))
    return found


def best_product(need: Statement, products: Sequence[Product]) -> Product | None:
    """Return the product that the need or our answer names, else the one that shares most words.

    Two telling words have to be shared, or one that stands in the product's name.
    """
    said = f"{need.words} {need.answer or ''}"
    folded = fold_script(said).casefold()
    named = [each for each in products if fold_script(each.name).casefold() in folded]
    if named:
        return max(named, key=lambda each: len(each.name))
    spoken = _telling(said)
    weights: Counter[int] = Counter()
    for at, product in enumerate(products):
        shared = spoken & _telling(f"{product.name} {product.description or ''}")
        own = shared & _own_words(product, products)
        if own or len(shared) >= _ENOUGH:
            weights[at] = len(shared) + len(own)
    return products[weights.most_common(1)[0][0]] if weights else None


def best_text(need: Statement, texts: Sequence[str]) -> int | None:
    """Return the place of the text that shares most telling words with the need, two at least."""
    wanted = _telling(need.words)
    shared = [len(wanted & _telling(each)) for each in texts]
    best = max(range(len(texts)), key=shared.__getitem__, default=None)
    return best if best is not None and shared[best] >= _ENOUGH else None


def _own_words(product: Product, products: Sequence[Product]) -> set[str]:
    """Return what tells the product's name from those of the others: not its brand."""
    others = [_telling(each.name) for each in products if each.id != product.id]
    return {word for word in _telling(product.name) if not any(word in name for name in others)}


def _telling(text: str) -> set[str]:
    return {
        stem_of(term)
        for term in terms_of(text)
        if len(term) > 1 and not term.isdigit() and not is_stop_word(term) and term not in _COMMON
    }
