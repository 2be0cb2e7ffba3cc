# ruff: noqa: E501 (one line a field reads best)
"""What column headings usually mean, in English and Chinese, for the suggestion of a mapping."""

from ingest.crm.names import normal

# Table → words in file names that tell it.
FILE_WORDS: dict[str, tuple[str, ...]] = {
    "users": ("user", "rep", "agent", "team", "employee", "staff", "用户", "员工", "销售团队"),
    "accounts": ("account", "compan", "customer", "client", "organi", "客户", "公司"),
    "contacts": ("contact", "people", "person", "联系人"),
    "leads": ("lead", "线索"),
    "products": ("product", "item", "sku", "产品", "商品"),
    "opportunities": ("opportunit", "deal", "pipeline", "sales_data", "商机", "机会", "订单"),
    "opportunity_lines": ("line", "明细"),
    "activities": ("activit", "task", "event", "engagement", "活动", "任务", "跟进"),
    "cases": ("case", "ticket", "support", "工单", "服务"),
    "quotes": ("quote", "报价"),
    "quotas": ("quota", "target", "指标", "目标"),
    "stage_changes": ("history", "历史"),
}

# Table → field → headings, best first.
_HEADINGS: dict[str, dict[str, str]] = {
    "users": {
        "id": "user id, employee id, 用户编号, 工号, 用户id",
        "name": "sales agent, sales rep, salesperson, full name, user name, user, name, agent, rep, employee, owner, 姓名, 销售, 销售人员, 员工姓名, 用户, 业务员",
        "email": "email, e-mail, email address, 邮箱, 电子邮箱",
        "title": "title, job title, position, 职位, 职务",
        "role": "role, 角色",
        "manager": "manager, manager name, sales manager, reports to, supervisor, 经理, 直属经理, 上级, 主管",
        "team": "team, team name, sales team, group, 团队, 小组, 部门",
        "region": "region, regional office, sales region, office, area, 大区, 区域, 地区",
        "territory": "territory, 销售区域, 片区",
        "is_active": "active, is active, status, 在职, 状态, 是否在职",
    },
    "accounts": {
        "id": "account id, company id, record id, customer id, client id, 客户编号, 客户id, 公司编号",
        "name": "account name, account, company name, company, customer name, customer, client, organization, organisation, name, 客户名称, 客户, 公司名称, 公司, 企业名称, 名称",
        "industry": "industry, sector, vertical, segment, 行业, 所属行业",
        "country": "country, billing country, country/region, office location, location, headquarters, 国家, 国家/地区",
        "city": "city, billing city, 城市, 所在城市",
        "domain": "website, domain, company domain name, web site, url, 网站, 官网, 域名",
        "employees": "employees, number of employees, employee count, headcount, 员工数, 员工人数, 人数",
        "annual_revenue": "annual revenue, revenue, turnover, sales volume, 年收入, 营业额, 年营业额, 年营收",
        "founded_year": "year established, founded, year founded, founded year, 成立年份, 成立时间",
        "owner": "account owner, company owner, owner, sales rep, 负责人, 客户经理, 客户负责人, 所有人",
        "territory": "territory, 销售区域",
        "region": "region, 大区, 区域",
        "parent": "parent account, parent company, subsidiary of, parent, 母公司, 上级客户, 上级公司",
        "created_on": "created date, create date, created on, created at, 创建日期, 创建时间",
    },
    "contacts": {
        "id": "contact id, record id, 联系人编号",
        "name": "contact name, full name, contact, name, 联系人, 联系人姓名, 姓名",
        "email": "email, email address, e-mail, 邮箱, 电子邮箱",
        "phone": "phone, phone number, mobile, telephone, 电话, 手机, 手机号",
        "title": "title, job title, position, 职位, 职务",
        "language": "language, preferred language, 语言",
        "account": "account name, account, company name, company, associated company, customer, 客户, 客户名称, 公司",
    },
    "leads": {
        "id": "lead id, record id, 线索编号",
        "name": "lead name, full name, name, lead, 姓名, 线索名称",
        "company": "company, company name, account, organization, 公司, 公司名称, 客户",
        "email": "email, email address, 邮箱",
        "status": "lead status, status, 线索状态, 状态",
        "lead_source": "lead source, source, channel, original source, 来源, 线索来源, 渠道",
        "owner": "lead owner, owner, sales rep, 负责人, 跟进人",
        "created_on": "created date, create date, created on, created at, 创建日期, 创建时间",
        "converted_on": "converted date, converted on, 转化日期",
    },
    "products": {
        "id": "product id, product code, sku, 产品编号, 产品编码",
        "name": "product name, product, item, name, 产品名称, 产品, 商品名称, 名称",
        "family": "product family, family, series, product line, category, 产品系列, 系列, 产品线, 类别",
        "description": "description, product description, 描述, 说明",
        "is_active": "active, is active, 在售, 是否在售",
        "list_price": "list price, sales price, unit price, price, retail price, msrp, 标价, 单价, 价格, 销售价格",
        "price_book": "price book, 价格表",
        "currency": "currency, currency code, 币种, 货币",
    },
    "opportunities": {
        "id": "opportunity id, deal id, record id, opp id, id, 商机编号, 商机id, 机会编号, 编号",
        "name": "opportunity name, deal name, opportunity, deal, name, 商机名称, 机会名称, 商机, 名称",
        "account": "account name, account, company name, company, associated company, customer name, customer, client, 客户名称, 客户, 公司, 公司名称",
        "owner": "opportunity owner, deal owner, owner, sales agent, sales rep, salesperson, rep, agent, assigned to, 负责人, 销售, 销售人员, 商机负责人, 跟进人, 业务员",
        "stage": "stage, deal stage, sales stage, opportunity stage, status, 阶段, 销售阶段, 商机阶段, 状态",
        "amount": "amount, deal amount, close value, value, deal value, total, deal size, revenue, 金额, 商机金额, 预计金额, 合同金额, 成交金额",
        "currency": "currency, amount currency, currency code, opportunity currency, deal currency, 币种, 货币",
        "lead_source": "lead source, source, deal source, original source, channel, 来源, 商机来源, 渠道",
        "forecast_category": "forecast category, 预测类别, 预测",
        "lost_reason": "lost reason, closed lost reason, loss reason, 输单原因, 丢单原因",
        "competitor": "competitor, main competitor, main competitors, 竞争对手",
        "next_step": "next step, next steps, 下一步, 下一步计划",
        "opened_on": "created date, create date, engage date, open date, created on, created at, created, start date, 创建日期, 创建时间, 开始日期",
        "expected_close_on": "expected close date, expected close, 预计成交日期, 预计成交时间, 预计签单日期, 预计结束日期",
        "closed_on": "actual close date, date closed, closed date, won date, 实际关闭日期, 实际成交日期, 赢单日期",
        "close_date": "close date, closing date, closed date, end date, 成交日期, 结束日期, 关闭日期, 签单日期",
        "territory": "territory, 销售区域",
        "region": "region, 大区, 区域, 地区",
        "product": "product name, product, 产品, 产品名称",
        "quantity": "quantity, qty, 数量",
    },
    "opportunity_lines": {
        "opportunity_id": "opportunity id, deal id, 商机编号",
        "opportunity": "opportunity name, deal name, opportunity, 商机名称, 商机",
        "product": "product name, product, 产品名称, 产品",
        "quantity": "quantity, qty, 数量",
        "amount": "line total, total price, amount, line amount, 小计, 金额, 行金额",
    },
    "activities": {
        "id": "activity id, task id, 活动编号",
        "kind": "type, activity type, kind, task subtype, 类型, 活动类型, 跟进方式",
        "subject": "subject, title, activity, 主题, 标题",
        "body": "description, notes, comments, body, 内容, 备注, 描述, 跟进内容",
        "owner": "assigned, assigned to, owner, activity assigned to, 负责人, 跟进人",
        "account": "account name, account, company, company name, 客户, 客户名称",
        "opportunity": "opportunity, opportunity name, deal, deal name, 商机, 商机名称",
        "contact": "contact, contact name, 联系人",
        "occurred_at": "date, activity date, occurred at, start, 日期, 时间, 跟进时间, 发生时间",
        "due_on": "due date, due, 截止日期, 到期日",
    },
    "cases": {
        "id": "case number, case id, ticket id, 工单编号, 工单号",
        "subject": "subject, ticket name, title, 主题, 标题",
        "status": "status, ticket status, 状态",
        "priority": "priority, 优先级",
        "category": "type, category, reason, 类别, 类型",
        "account": "account name, account, company, customer, 客户, 客户名称",
        "contact": "contact name, contact, 联系人",
        "owner": "case owner, ticket owner, owner, 负责人, 处理人",
        "product": "product, 产品",
        "opened_at": "opened date, date opened, date/time opened, create date, created at, 创建时间, 提交时间",
        "closed_at": "closed date, date closed, date/time closed, close date, closed at, 关闭时间, 完成时间",
        "satisfaction": "satisfaction, csat, rating, score, 满意度, 评分",
    },
    "quotes": {
        "id": "quote id, 报价编号",
        "opportunity_id": "opportunity id, deal id, 商机编号",
        "opportunity": "opportunity name, opportunity, deal, 商机名称, 商机",
        "number": "quote number, number, 报价单号",
        "status": "status, quote status, 状态",
        "total": "grand total, total, total price, amount, 总额, 总金额",
        "discount": "discount, 折扣",
        "created_on": "created date, quote date, date, 报价日期, 创建日期",
        "valid_until": "expiration date, valid until, expires, 有效期, 有效期至",
    },
    "quotas": {
        "user": "user, sales rep, sales agent, name, owner, rep, 销售, 姓名, 负责人",
        "team": "team, 团队",
        "starts_on": "start date, starts on, period start, from, 开始日期",
        "ends_on": "end date, ends on, period end, to, 结束日期",
        "amount": "quota, target, quota amount, amount, 指标, 目标, 业绩目标",
    },
}  # fmt: skip

HEADINGS: dict[str, dict[str, tuple[str, ...]]] = {
    table: {
        # A column named like the field itself, or like its key, needs no synonym.
        field: (*map(normal, headings.split(", ")), normal(field), normal(f"{field} id"))
        for field, headings in fields.items()
    }
    for table, fields in _HEADINGS.items()
}

# Words of stages that are over, and of the usual open ones in their order.
WON = (
    "closed won",
    "won",
    "closedwon",
    "success",
    "赢单",
    "成交",
    "已成交",
    "签约",
    "已签约",
    "赢",
)
LOST = (
    "closed lost", "lost", "closedlost", "lose", "dead", "abandoned", "disqualified", "cancelled",
    "canceled", "输单", "丢单", "流失", "失败", "已流失", "无效", "输",
)  # fmt: skip
OPEN = (
    "new", "lead", "prospect", "初步", "线索", "qualif", "discover", "interest", "engag", "接触",
    "appointment", "needs", "需求", "analysis", "demo", "present", "方案", "value", "id decision",
    "evaluat", "proposal", "quote", "报价", "negotiat", "谈判", "商务", "contract", "合同", "commit",
)  # fmt: skip
ACTIVITY_KINDS = {
    "call": ("call", "phone", "电话", "通话", "来电"),
    "email": ("mail", "邮件"),
    "meeting": ("meet", "demo", "visit", "event", "会议", "拜访", "演示"),
    "task": ("task", "to do", "todo", "任务", "待办"),
    "note": ("note", "comment", "备注", "笔记", "记录"),
}
