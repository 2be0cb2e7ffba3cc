"""The catalogue of what a mapping can fill: every entity, its fields, and how a row is known."""

from dataclasses import replace

from crm import models
from crm.models import ActivityKind, StageStatus
from crm.principal import Role
from ingest.crm.fields import (
    Entity,
    Field,
    Kind,
    choice,
    derived,
    describe,
    link,
    money,
    needed,
    plain,
)

_NAME = Field("name", Kind.TEXT, "Name", "名称", column="name", is_required=True)
_CURRENCY = plain("currency", "Currency code of the row's amounts", "本行金额的币种代码")
_ALIASES = Field("aliases", Kind.NAMES, "Other names, split by ;", "别名,以 ; 分隔")
_REGION = Field("region", Kind.TEXT, "Region of its territory", "所属区域的大区")
_OWNER = link("owner", "users", "Our person responsible (name or email)", "负责人(姓名或邮箱)")
_ACCOUNT = link("account", "accounts", "The customer", "客户")
_CONTACT = link("contact", "contacts", "Contact person (name or email)", "联系人(姓名或邮箱)")
_TERRITORY = link("territory", "territories", "Territory", "销售区域")
_DEAL = link("opportunity", "opportunities", "The opportunity", "商机")
_PRODUCT = link("product", "products", "The product", "产品")
_CHANGED = needed(plain("changed_at", "When it changed", "变更时间", Kind.TIME))

_STAGE = Field("stage", Kind.STAGE, "Stage, as declared under stages", "阶段,见 stages", "stage_id")

# No export makes somebody the owner of the installation, and no user is a customer.
_ROLES = tuple(role for role in Role if role not in (Role.OWNER, Role.CUSTOMER))

_PEOPLE = (
    describe(
        "territories",
        models.Territory,
        (_NAME, plain("region", "What it rolls up to", "上级大区")),
        is_creatable=True,
    ),
    describe(
        "teams",
        models.Team,
        (_NAME, *link("parent", "teams", "Team above it", "上级团队")),
        is_creatable=True,
    ),
    describe(
        "users",
        models.User,
        (
            _NAME,
            plain("email", "Email", "邮箱"),
            choice("role", "Role", "角色", _ROLES),
            plain("title", "Job title", "职位"),
            *link("team", "teams", "Team; else named after the manager", "团队;缺省以经理命名"),
            *link("manager", "users", "Manager, who becomes a user", "直属经理,会建为用户"),
            *_TERRITORY,
            _REGION,
            plain("is_active", "Still works here", "是否在职", Kind.FLAG),
            _ALIASES,
        ),
        is_creatable=True,
    ),
    describe(
        "quotas",
        models.Quota,
        (
            *link("user", "users", "Whose target", "谁的指标"),
            *link("team", "teams", "Which team's target", "哪个团队的指标"),
            needed(plain("starts_on", "First day", "开始日期", Kind.DATE)),
            needed(plain("ends_on", "Last day", "结束日期", Kind.DATE)),
            needed(money("amount", "Target", "指标金额")),
            _CURRENCY,
        ),
        (("user", "team", "starts_on", "ends_on"),),
    ),
)

_COMPANIES = (
    describe(
        "accounts",
        models.Account,
        (
            _NAME,
            plain("industry", "Industry or sector", "行业"),
            plain("country", "Country", "国家"),
            plain("city", "City", "城市"),
            plain("domain", "Web domain", "网站域名"),
            plain("employees", "Number of employees", "员工数", Kind.INTEGER),
            money("annual_revenue", "Revenue of a year", "年营业额"),
            _CURRENCY,
            plain("founded_year", "Year of foundation", "成立年份", Kind.INTEGER),
            *_OWNER,
            *_TERRITORY,
            _REGION,
            *link("parent", "accounts", "Parent company", "母公司"),
            plain("created_on", "Entered on", "创建日期", Kind.DATE),
            _ALIASES,
        ),
        is_creatable=True,
    ),
    describe(
        "contacts",
        models.Contact,
        (
            _NAME,
            plain("email", "Email", "邮箱"),
            plain("phone", "Phone", "电话"),
            plain("title", "Job title", "职位"),
            plain("language", "Language (en, zh, …)", "语言"),
            *_ACCOUNT,
            _ALIASES,
        ),
        (("email",), ("name", "account")),
        is_creatable=True,
    ),
    describe(
        "leads",
        models.Lead,
        (
            _NAME,
            plain("company", "Company", "公司"),
            plain("email", "Email", "邮箱"),
            plain("status", "Status", "状态"),
            plain("lead_source", "Where it came from", "线索来源"),
            *_OWNER,
            plain("created_on", "Entered on", "创建日期", Kind.DATE),
            plain("converted_on", "Converted on", "转化日期", Kind.DATE),
            *_DEAL,
        ),
        (("email",), ("name", "company")),
    ),
)

_GOODS = (
    describe(
        "products",
        models.Product,
        (
            _NAME,
            plain("family", "Series or line", "系列"),
            plain("description", "Description", "描述"),
            plain("is_active", "Still sold", "是否在售", Kind.FLAG),
            derived(money("list_price", "List price", "标价")),
            Field("price_book", Kind.TEXT, "Price book of the price", "价格表"),
            derived(_CURRENCY),
            _ALIASES,
        ),
        is_creatable=True,
    ),
    describe(
        "price_books",
        models.PriceBook,
        (_NAME, needed(_CURRENCY)),
    ),
    describe(
        "price_book_entries",
        models.PriceBookEntry,
        (
            *map(needed, link("price_book", "price_books", "Price book", "价格表")),
            *map(needed, _PRODUCT),
            needed(money("list_price", "List price", "标价")),
        ),
        (("price_book", "product"),),
        money_from=("price_book_id", "price_books"),
    ),
)

_DEALS = (
    describe(
        "stages",
        models.Stage,
        (
            _NAME,
            needed(plain("position", "Order, from 1", "顺序,从 1 起", Kind.INTEGER)),
            needed(choice("status", "What it means", "含义", StageStatus)),
            plain("probability", "Chance to win", "赢率", Kind.RATIO),
        ),
    ),
    describe(
        "opportunities",
        models.Opportunity,
        (
            _NAME,
            *_ACCOUNT,
            *_OWNER,
            *_TERRITORY,
            _REGION,
            needed(_STAGE),
            money("amount", "Amount", "金额"),
            _CURRENCY,
            plain("lead_source", "Where it came from", "来源"),
            plain("forecast_category", "Forecast category", "预测类别"),
            plain("lost_reason", "Why it was lost", "输单原因"),
            plain("competitor", "Competitor", "竞争对手"),
            plain("next_step", "Next step", "下一步"),
            plain("opened_on", "Opened on", "创建日期", Kind.DATE),
            Field(
                "close_date",
                Kind.DATE,
                "One column for both: closed_on of a won or lost deal, else expected_close_on",
                "一列两用:赢单或输单为 closed_on,否则为 expected_close_on",
            ),
            plain("expected_close_on", "Planned close", "预计成交日期", Kind.DATE),
            plain("closed_on", "Won or lost on", "赢单或输单日期", Kind.DATE),
            *map(derived, _PRODUCT),
            Field("quantity", Kind.NUMBER, "Quantity of the product", "产品数量"),
            _ALIASES,
        ),
        (("name", "account"),),
    ),
    describe(
        "opportunity_lines",
        models.OpportunityLine,
        (
            *map(needed, _DEAL),
            *map(needed, _PRODUCT),
            plain("quantity", "Quantity", "数量", Kind.NUMBER),
            money("amount", "Total of the line", "行金额"),
        ),
        (("opportunity", "product"),),
        money_from=("opportunity_id", "opportunities"),
    ),
    describe(
        "opportunity_contacts",
        models.OpportunityContact,
        (
            *map(needed, _DEAL),
            *map(needed, _CONTACT),
            plain("role", "Role in the deal", "在商机中的角色"),
        ),
        (("opportunity", "contact"),),
    ),
    describe(
        "quotes",
        models.Quote,
        (
            *map(needed, _DEAL),
            needed(plain("number", "Number", "报价单号")),
            needed(plain("status", "Status", "状态")),
            needed(money("total", "Total", "总额")),
            _CURRENCY,
            plain("discount", "Discount off list", "折扣比例", Kind.RATIO),
            plain("created_on", "Made on", "创建日期", Kind.DATE),
            plain("valid_until", "Valid until", "有效期至", Kind.DATE),
        ),
        (("number",),),
    ),
)

_HISTORY = (
    describe(
        "stage_changes",
        models.StageChange,
        (
            *map(needed, _DEAL),
            replace(_STAGE, name="from_stage", column="from_stage_id"),
            needed(replace(_STAGE, name="to_stage", column="to_stage_id")),
            _CHANGED,
        ),
        (("opportunity", "changed_at", "to_stage"),),
    ),
    describe(
        "close_date_changes",
        models.CloseDateChange,
        (
            *map(needed, _DEAL),
            plain("from_on", "Date before", "原日期", Kind.DATE),
            needed(plain("to_on", "Date after", "新日期", Kind.DATE)),
            _CHANGED,
        ),
        (("opportunity", "changed_at", "to_on"),),
    ),
    describe(
        "amount_changes",
        models.AmountChange,
        (
            *map(needed, _DEAL),
            replace(money("from", "Amount before", "原金额"), name="from_amount"),
            needed(replace(money("to", "Amount after", "新金额"), name="to_amount")),
            _CHANGED,
        ),
        (("opportunity", "changed_at", "to_amount"),),
        money_from=("opportunity_id", "opportunities"),
    ),
)

_SERVICE = (
    describe(
        "activities",
        models.Activity,
        (
            needed(choice("kind", "Kind", "类型", ActivityKind)),
            needed(plain("subject", "Subject", "主题")),
            plain("body", "Text", "内容"),
            *_OWNER,
            *_ACCOUNT,
            *_DEAL,
            *_CONTACT,
            plain("occurred_at", "When it was done", "发生时间", Kind.TIME),
            plain("due_on", "Due on", "截止日期", Kind.DATE),
            plain("done_at", "Completed at", "完成时间", Kind.TIME),
        ),
        (
            (
                "kind",
                "subject",
                "owner",
                "account",
                "opportunity",
                "contact",
                "occurred_at",
                "due_on",
            ),
        ),
    ),
    describe(
        "cases",
        models.Case,
        (
            needed(plain("subject", "Subject", "主题")),
            needed(plain("status", "Status", "状态")),
            plain("priority", "Priority", "优先级"),
            plain("category", "Category", "类别"),
            *_ACCOUNT,
            *_CONTACT,
            *_OWNER,
            *_PRODUCT,
            plain("opened_at", "Opened at", "创建时间", Kind.TIME),
            plain("closed_at", "Closed at", "关闭时间", Kind.TIME),
            plain("satisfaction", "Score of the customer, 1 to 5", "满意度,1–5", Kind.NUMBER),
        ),
        (("subject", "account", "opened_at"),),
    ),
    describe(
        "aliases",
        models.Alias,
        (
            needed(
                Field(
                    "entity",
                    Kind.CHOICE,
                    "Table of the named",
                    "所指的表",
                    choices=("accounts", "contacts", "opportunities", "products", "users"),
                )
            ),
            needed(Field("target", Kind.TEXT, "Its name, or its id in the source", "名称或编号")),
            needed(Field("name", Kind.TEXT, "The other name", "别名", column="name")),
        ),
        (("entity", "target", "name"),),
    ),
)

_BY_TABLE = {
    item.name: item for item in (*_PEOPLE, *_COMPANIES, *_GOODS, *_DEALS, *_HISTORY, *_SERVICE)
}
# References are filled before what refers to them.
_ORDER = (
    "stages", "territories", "teams", "users", "accounts", "contacts", "products", "price_books",
    "price_book_entries", "opportunities", "leads", "opportunity_lines", "opportunity_contacts",
    "stage_changes", "close_date_changes", "amount_changes", "quotes", "activities", "cases",
    "quotas", "aliases",
)  # fmt: skip
ENTITIES: dict[str, Entity] = {name: _BY_TABLE[name] for name in _ORDER}
