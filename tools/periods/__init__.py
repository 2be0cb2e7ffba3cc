from tools.periods.find import find_periods
from tools.periods.mention import Kind, PeriodMention

__all__ = ["Kind", "PeriodMention", "find_periods"]
