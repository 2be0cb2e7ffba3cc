"""`access explain --measure`: why figures are told to somebody or withheld, in both languages."""

from dataclasses import asdict
from typing import Any

from rich.markup import escape

from copilot.cli.console import out
from copilot.wiring import Installation
from crm.metrics.explaining import FigureReason, FiguresExplained, explain_figures
from crm.metrics.query import MetricQuery
from crm.principal import Principal

_WORDS = {
    "en": {
        "everything": "told over everything: the local owner is under no rule",
        "readable": "told over the records that {name} ({role}) may read, and over no others",
        "all": "told over all records that count, also those that {name} ({role}) may not open",
        "no_rule": "no rule counts more: none permits the action aggregate on {kind}",
        "rule": "rule that counts closed records: {rule}",
        "fine": "closed records do not count in this question: {parts}",
        "entity": "its records are of a kind that counts for nobody who may not read them",
        "measure": "it is no plain count, sum or average",
        "dimension": "it groups or filters by what could single out a record",
        "filter": "it compares amounts or days",
        "share": "it is a share without groups",
        "dates": "its dates are no whole quarters or years, or not the measure's own",
        "smallest": "a group of closed records has at least {number} owners and as many customers",
        "too_few": "withheld: all that would be told together is of fewer than {number} owners or "
        "customers",
        "part_of_block": "withheld: taken from another figure it would tell of fewer than {number} "
        "owners or customers",
        "told": "told", "total": "in all",
    },
    "zh": {
        "everything": "统计全部记录：本机所有者不受任何规则限制",
        "readable": "只统计 {name}（{role}）可读的记录，不含其他记录",
        "all": "统计所有可计入的记录，包括 {name}（{role}）不能打开的记录",
        "no_rule": "没有规则允许计入更多：没有一条允许对 {kind} 执行 aggregate",
        "rule": "允许计入不可读记录的规则：{rule}",
        "fine": "这个问题不计入不可读的记录：{parts}",
        "entity": "这类记录只对可读的人计入",
        "measure": "它不是简单的计数、合计或平均",
        "dimension": "它的分组或筛选可能指向单条记录",
        "filter": "它比较金额或日期",
        "share": "它是没有分组的占比",
        "dates": "它的时间不是完整的季度或年度，或不是该指标自身的日期",
        "smallest": "不可读记录的每一组至少有 {number} 位负责人和同样多的客户",
        "too_few": "不显示：一并显示的全部记录涉及的负责人或客户少于 {number} 位",
        "part_of_block": "不显示：与其他数字相减会透露少于 {number} 位负责人或客户的情况",
        "told": "显示", "total": "合计",
    },
}  # fmt: skip


def explain_measure(
    installation: Installation, principal: Principal, measure: str, by: list[str]
) -> tuple[FiguresExplained, dict[str, list[str]]]:
    """Return why the figures of a measure are told or withheld, and the same in words.

    Raises BadInput for what is no measure or dimension.
    """
    query = MetricQuery(measure=measure, by=tuple(by))
    with installation.store.session() as session:
        found = explain_figures(
            session, query, principal=principal, as_of=installation.now(),
            calendar=installation.calendar,
        )  # fmt: skip
    return found, {language: _said(found, principal.name, language) for language in _WORDS}


def figures_document(found: FiguresExplained, said: dict[str, list[str]]) -> dict[str, Any]:
    """Return the explanation in the shape that scripts rely on."""
    values = asdict(found)
    values["figures"] = [
        {**asdict(one), "keys": list(one.keys), "is_told": one.withheld is None}
        for one in found.figures
    ]
    kept = {"rules": list(found.rules), "fine": list(found.fine)}
    return {**values, **kept, "said": said}


def print_figures(said: dict[str, list[str]]) -> None:
    """Print the explanation, in one language after the other."""
    for lines in said.values():
        for place, line in enumerate(lines):
            out.print(escape(line if place == 0 else f"  {line}"), highlight=False)


def _said(found: FiguresExplained, name: str, language: str) -> list[str]:
    words = _WORDS[language]
    kind = found.kind.value if found.kind else "—"
    known = {"name": name, "role": found.role.value, "number": found.smallest_group, "kind": kind}
    lines = [words[found.counted.value].format(**known)]
    lines += [words["rule"].format(rule=rule) for rule in found.rules]
    if not found.rules and found.counted.value == "readable":
        lines.append(words["no_rule"].format(**known))
    if found.fine:
        parts = ("；" if language == "zh" else "; ").join(words[part.value] for part in found.fine)
        lines.append(words["fine"].format(parts=parts))
    if found.counted.value == "all":
        lines.append(words["smallest"].format(**known))
    return lines + [_figure(one, words, known) for one in found.figures]


def _figure(one: FigureReason, words: dict[str, str], known: dict[str, Any]) -> str:
    group = " / ".join(one.keys) or words["total"]
    currency = f" ({one.currency})" if one.currency else ""
    why = words[one.withheld.value].format(**known) if one.withheld else words["told"]
    return f"{group}{currency}: {why}"
