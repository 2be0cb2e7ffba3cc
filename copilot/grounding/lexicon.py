"""Everyday words that are written with a capital without being names, and surname characters."""

# Words that open English sentences or are capitalised by habit; a capital proves nothing there.
_COMMON_WORDS = """
a about above absolutely access according accordingly account accounts across actually
additionally adoption after again agenda all also although always amount an analytics and annual
another any anyone anything apart approval apologies are as at attached attachment back based
because before below beside besides best better between beyond both budget business but by call
calls can cannot case cheers close closing clearly company compliance concerning confirming
considering consider contract cost costs could current currently customer customers data date
day days deal deals dear decision delivery demo despite details did discount do does done due
during each earlier early either email engineering enclosed enclosing ensure even every everyone
everything except feel fee fees few finally finance first following for forward from full
further furthermore general given glad go good great had happy has have having he hello her here
hi his hope hoping how however i if implementation important in including indeed information
instead integration into is issue issues it its it's i'd i'll i'm i've just keep kind kindly
last lastly later least legal let lets let's license licenses likewise list looking mail main
make management many marketing may maybe me meanwhile meeting migration might monthly more
moreover most mr mrs ms dr much must my namely near need needs neither never nevertheless new
next no none nor not note notably nothing now number of off offer on once one only onboarding
open operations opportunity option or order other otherwise our out over overall part
particularly payment per performance perhaps phase pilot plan please pleased plus pricing prior
price prices procurement product products project proposal questions question quick quote quotes
quotation re ready regarding region regards remember renewal report reports request review right
rollout sales same schedule second security see send sending several shall share she should
similarly since sincerely single so some somebody someone something sometimes soon sorry
speaking specifically stage start still subject such sure support table take tasks task team
teams technical test thank thanks that that's the their them then there therefore these they
third this those though through throughout thus till timeline to today together tomorrow too
total training two under unfortunately unless until up upon us use users usually very via was we
we'd we'll we're we've week were what what's when where whereas whether which while who whole
why will win with within without won work would year yes yesterday yet you you'd you'll you're
you've your yours lost closed welcome warm three four five six seven eight nine ten eleven
twelve twenty thirty forty fifty hundred additional understanding appreciate appreciated
reviewing reading checking nobody noted output understood agreed
everybody ceo cto cfo coo cio hr pdf faq fyi asap crm roi kpi am pm ok usd eur
gbp cny rmb
"""
COMMON = frozenset(_COMMON_WORDS.split())
# Endings of words that are not names of people or companies when they open a sentence.
COMMON_ENDINGS = ("ing", "tion", "tions", "ment", "ments", "ness", "ly", "ity", "ance", "ence")

# What may follow a name at the head of a sentence.
_VERBS_WORDS = """
and added agreed also always approved asks asked attended believes can closed confirmed could
committed decided did does emailed expects expected explained expressed feels felt found had has
have hopes is joined knows leads led likes mentioned needed needs noted owns planned plans
prefers preferred promised proposed raised recommended replied reported requested requires
reviewed runs said says sent shared should signed still suggested thinks thought told uses used
wanted wants was were will worries would wrote
"""
VERBS = frozenset(_VERBS_WORDS.split())

SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾萧田董袁潘蔡蒋余于杜叶程魏苏吕丁任"
    "卢姚钟姜崔谭陆汪范金石廖贾夏韦傅方邹孟熊秦邱江尹薛阎段雷侯龙陶贺顾毛郝龚邵万钱严武戴莫孔向汤温"
    "康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕"
    "单季裴霍涂成苗谷盛曲翁冉骆蓝路游辛靳管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓古吉缪简车项连"
    "芦麦褚娄窦戚岑景党宫费卜冷晏席卫米柏宗瞿桂全佟应臧闵苟邬边卞姬师和仇栾隋商刁沙荣巫寇桑郎甄丛仲"
    "虞敖巩明佘池查麻苑迟邝沈姚闻欧阳司马诸葛上官"
)
ZH_TITLES = (
    "总监|总经理|总裁|总(?![价额共计数体结部会量和是成包费金有的需])|经理|先生"
    "|女士|小姐|主任|老师|工程师|处长|科长|部长|厂长|"
    "院长|局长|董事长|工(?![会作程具厂期业人资序时艺单地])"
)
ZH_SPEECH = (
    "提到|提出|表示|说过|说|希望|问到|问|认为|确认|要求|担心|建议|负责|询问"
    "|强调|同意|反馈|告诉|指出|回复|"
    "需要|想要|承诺|答应|参加|签署|批准|决定|计划|负责"
)
_ZH_NOT_NAMES_WORDS = """
方案 高层 高管 项目 时间 安全 金额 成本 金融 周期 文件 文档 管理 万一 项中
应该 明确 全部 任何 于是 时候 商务 费用 包括 单位 系统 解决 关于 关键 关心
余下 于此 连接 和您 和我 向您 向我 和贵 应贵 程序 何时 任务 章节 江西 文中
方便 方面 易用 许多 温馨 高度 马上 成功 成员 季度 单价 应用 路线 简单 游客
司方 方已 方将 方也 方还 时也 时还 时您 师们 门店 高级 明天 周四 周三 周五
周一 周二 项上 经理 万元 石油 金蝶 华为 安排 解释 连续 计划 常用 管道 时提
全面 上旬 中旬 下旬 党委 卫生 米面 商家 边界 何种
"""
ZH_NOT_NAMES = frozenset(_ZH_NOT_NAMES_WORDS.split())
ZH_COMPANY = "有限公司|股份公司|公司|集团|科技|银行|大学|学院|医院|证券|保险|实业"
ZH_COMPANY_BEFORE = (
    "贵",
    "我",
    "我们",
    "你们",
    "您",
    "该",
    "本",
    "各",
    "一家",
    "两家",
    "家",
    "的",
    "子",
    "分",
    "总",
    "母",
    "向",
    "对",
    "跟",
    "与",
    "和",
    "是",
    "在",
    "给",
    "由",
    "到",
    "让",
)
