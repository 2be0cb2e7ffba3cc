"""Which words of a mail bind us although no fact stands behind them: prices, days, terms."""

import re
from datetime import date

from copilot.grounding.commitments import check_commitments, own_parts
from copilot.grounding.ground import Ground

# The day does not matter where no fact holds one.
_NOTHING_KNOWN = Ground(facts={}, today=date(2001, 1, 1), outside=frozenset(), approved=())
_CURRENCY = (
    r"(?:USD|EUR|GBP|CHF|CNY|RMB|JPY|SEK|NOK|DKK|PLN|CAD|AUD|INR|dollars?|euros?|pounds?|francs?"
    r"|yuan|[元块]|美元|欧元|英镑|人民币)"
)
_NUMBER = r"(?:\d[\d.,]*|[零一二两三四五六七八九十百千万]+)\s*(?:[kKmM万亿千百]+)?"
_BINDS = re.compile(
    # An amount of money that we state.
    rf"(?:[$€£¥￥]\s?\d|\b(?:USD|EUR|GBP|CHF|CNY|RMB)\s?\d|{_NUMBER}\s?{_CURRENCY}(?![a-z]))"
    # What is paid when, and how long it holds.
    r"|\b(?:pay(?:ment|able|ments)?|invoices?|due)\b.{0,40}\b\d+ (?:days|weeks|months)\b"
    r"|\bnet \d+|\d+ days net\b|\bin \d+ (?:monthly |equal )?(?:payments|parts)\b"
    r"|\b(?:valid|binding|holds?|good) (?:until|till|through|up to|for)\b"
    r"|\b(?:old|same|current|present|list|original|unchanged|agreed) (?:price|rate"
    r"|condition|term)s?"
    r"|\b(?:match|beat|hold|keep|freeze|honou?r)\w*\b.{0,30}\b(?:price|offer|rate|quote|condition"
    r"|term)s?\b|\b(?:price|rate|fee|cost)s?\b.{0,20}\b(?:stays?|remains?|unchanged|fixed|capped)\b"
    r"|账期|付款期|分期|付款.{0,8}天|有效期|有效[至到]|原价|同价|价格?不变|不涨价|封顶"
    # What is answered, repaired or taken back.
    r"|\b(?:answer|respon|reply|react|repair|fix|replace|on[- ]site)\w*\b.{0,40}\bwithin\b"
    r"|\bwithin (?:\w+ ){1,2}(?:minutes|hours|days)\b.{0,30}\b(?:answer|respon|repair|fix|replac)"
    r"|[内里](?:响应|回复|答复|到场|到达|解决|处理|修复|更换|上门)|质保|保修|包换|包退|退款|全额退"
    r"|\b(?:money|deposit) back\b|\btake (?:it|them|the \w+) back\b|\breturn (?:it"
    r"|them)\b.{0,30}\bdays"
    r"|\bnotice\b.{0,20}\b(?:days|weeks|months)\b|\b(?:days|weeks|months)['’]? notice\b"
    r"|\bopt(?:ing)?[- ]out\b|解约|退订|退出合同|提前.{0,6}通知"
    # What we take upon us, or add.
    r"|\b(?:we|I)(?:['’]ll| will| can| would)? (?:cover|bear|absorb|take over|pay|sponsor)\b"
    r"|\b(?:at|on) our (?:cost|expense|account)\b|\bincluded? (?:in|at|with|without)\b"
    r"|由我(?:们|方|司)|我(?:们|方|司)(?:来)?(?:出(?!发|席|现|差|具|示)|承担|负担|垫付|包)|包含在内|不另(?:外)?(?:收|计)费"
    r"|\b(?:we|our team)(?:['’]ll| will| are going to) (?:add|build|develop|implement|integrate"
    r"|support|extend|finish|complete|migrate|install)\b"
    r"|(?:会|将|可以).{0,10}(?:增加|新增|开发|定制|对接|集成|实现).{0,14}"
    r"|\b(?:legal|contract) terms? (?:is|are|will)\b|\b(?:we|I) (?:accept|agree to|confirm)\b",
    re.IGNORECASE,
)
# Thanks, requests, apologies; what was sent, said or met; what is in a paper; when people meet.
_HARMLESS = re.compile(
    r"^\W*(?:please|thanks|thank you|many thanks|sorry|apolog\w+|hi\b|hello|dear|best"
    r"|kind|good|great"
    r"|let me|let us|let['’]s|feel free|if you have|do not hesitate|looking forward|welcome|hope"
    r"|congrat\w+|happy|it (?:was|is) (?:good|great|nice|a pleasure)|have a|see you"
    r"|until|all the best"
    r"|as discussed$|regards|cheers)\b"
    r"|^\W*(?:I|we)(?:['’](?:m|re|ve|d)| am| are| was| were| have| had| did)?(?: just"
    r"| also| already"
    r"| still| only| now)? (?:need|miss(?:ed)?|look(?:ing)? forward|hope|wonder|trust"
    r"|enjoy\w*|know|see"
    r"|saw|read|heard|met|had|moved|noted?|learned|received?|got|wrote|visit\w*"
    r"|travel\w*|spoke|called"
    r"|talked|tried|think|believe|found|remember\w*|forgot\w*|back|away|out|in|at|on"
    r"|here|glad|pleased"
    r"|curious|sorry|busy|delighted)\b"
    r"|\b(?:sent|attach\w*|enclos\w*|shared|find below|see below|above|below)\b"
    r"|\b(?:am|are|is) (?:still |also )?free (?:on|at|for|from|next|this|tomorrow|until|all)\b"
    r"|\b(?:quote|quotation|offer|proposal|contract|draft|report|list|form)s? (?:is|are)(?: now"
    r"| nearly| almost)? (?:ready|done|finished|complete|on (?:its|the) way)\b"
    r"|(?:报价|方案|合同|报告|清单)单?(?:已经?)?(?:准备|做|写|整理)好|把.{0,4}(?:报价|方案|资料|合同)[^，。]{0,4}(?:发|寄|传)"
    r"|\b(?:pages?|slides?|chapters?|annex\w*|appendix|documents?|brochures?|agenda"
    r"|recording|webinar"
    r"|workshop|presentation|deck|minutes|article|blog|paper|attachment|file|MB|case stud\w+|photo"
    r"|picture|video|newsletter|survey|questionnaire|questions?|meeting|appointment"
    r"|call|calls|lunch"
    r"|dinner|coffee|visit|trip|train|flight|plane|hotel|hall|stand|booth|office|room|floor|parking"
    r"|holidays?|vacation|travell?ing|dial-?in|passcode|colleagues? of|anniversary"
    r"|years in business"
    r"|typing error|typo|requirements?|points?|topics?|(?:order|invoice|phone|mobile|fax|quote"
    r"|contract|purchase order|customer) (?:number|no\.?)|number of your|my number"
    r"|reference|idea)\b"
    r"|^\W*(?:请|麻烦|感谢|谢谢|多谢|抱歉|对不起|您好|你好|期待|祝|如有|希望|很高兴)|[您你]好|附件|附上|随信|页|章|文件"
    r"|文档|演示|资料|会议|会面|见面|研讨会|纪要|编号|录音|通话|电话|邮件|照片|问卷|问题|展位|展馆|办公室|放假|休假"
    r"|出差|航班|火车|酒店|午餐|晚餐|咖啡|周年|号是|码是|需求|待定|事项|看到|见到|记下|听说|参观|拜访",
    re.IGNORECASE,
)
_STATES = re.compile(
    r"\b(?:is|are|has|have|will|shall|would|can|may|could|must|do|does|get|gets|go"
    r"|goes|come|comes|stay"
    r"|stays|end|ends|start|starts|keep|keeps|take|takes|include|includes|cover"
    r"|covers|costs?|pay|pays"
    r"|hold|holds|leave|leaves|give|gives|let|join|joins|run|runs|apply|applies"
    r"|belongs?|remains?|needs?"
    r"|offers?|accepts?|grants?|delivers?|arrives?|ships?|approved|decided|agreed|covered)\b"
    r"|['’](?:ll|s|re)\b|[会将能可是为有由给按再不到只要须付完开包含换退送提降升免做来留供派享支保收达接交"
    r"半全即始终止撤值]",
    re.IGNORECASE,
)
_FEW = 3
# A day by which they have what was bought; papers and answers are the writer's own time.
_HANDS_OVER = re.compile(
    r"\b(?:you|your \w+|the \w+|all \w+)(?:['’]ll| will| can| shall) (?:have|get|receive|be|go"
    r"|run|arrive|start)\b.{0,60}\b(?:by|on|within|before|until|from|in) (?:the )?(?:end of )?"
    r"(?:\d|mon|tue|wed|thu|fri|sat|sun|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|next|this"
    r"|one|two|three|four|five|six|ten|easter|christmas|summer|spring|autumn|winter|quarter|q\d)"
    r"|(?:月|日|号|周|天|年底|季度)[^，。]{0,8}(?:到位|可用|能用|完成|启用|投产|交到|送到)",
    re.IGNORECASE,
)
_PAPER = re.compile(
    r"\b(?:quote|quotation|offer|proposal|answer|reply|mail|e-?mail|document|slides?|deck|agenda"
    r"|draft|invit\w+|link|minutes|notes|summary|details|call|meeting|webinar|demo|presentation"
    r"|room|office|available|back)\b|报价|方案|答复|邮件|文件|纪要|会议|电话|演示|资料",
    re.IGNORECASE,
)
# "We can talk about the discount" binds nobody; an amount beside it would.
_TALKS = re.compile(
    r"\b(?:talk|speak|chat|discuss|go (?:over|through)|look (?:at|into)|understand|ask|check"
    r"|clarify|find out|think about|wonder|see (?:if|whether))\b|聊|谈谈|讨论|沟通|了解|理解|明白"
    r"|商量|确认|请.{1,6}看|问一?下|核实",
    re.IGNORECASE,
)
_FIGURE = re.compile(rf"\d\s*[%％折]|[$€£¥￥]\s?\d|{_NUMBER}\s?{_CURRENCY}|[一二三四五六七八九]折")
_DENIES = re.compile(
    r"\b(?:cannot|can['’]t|can not|won['’]t|will not|do not|don['’]t|does not|not able|unable"
    r"|never|not yet|unclear|unknown)\b|不能|无法|不会|不可以|没有办法|不提供|不清楚|不知道|还没",
    re.IGNORECASE,
)
_HOLDS_STILL = re.compile(
    r"\b(?:rise|increase|change|charge|raise|go up|leave|cost)\w*\b|涨|变|收|出境|提高|[加提]价",
    re.IGNORECASE,
)
# "Your price" and "your supplier" read like the customer's words, and are ours here.
_OURS_FIRST = re.compile(
    r"^\W*(?:we|our)\b(?! (?:understand|hear|see|know|learned))"
    r"|^\W*(?:yes, )?your (?:price|rate|fee|discount|total|conditions?|terms?)s?\b.{0,40}"
    r"\b(?:is|are|stays?|remains?|will|comes?)\b|^\W*我(?:们|方|司)"
    r"|^\W*your \w+ (?:will|gets?|receives?|stays?|is included|are included|remains?)\b"
    r"|^\W*(?:您|贵[司方]|贵公司)(?:只|仅|总共|一共|每.{1,3})?(?:需要?|要|须)?(?:支付|付)",
    re.IGNORECASE,
)
# The writer's own time is his to give, not what he brings, adds or lets somebody have.
_GIVES = re.compile(
    r"\bI(?:['’]ll| will| can| could| would|['’]d)(?: also| gladly"
    r"| certainly)? (?:bring|give|offer|get"
    r"|include|add|deliver|extend|provide|let|throw|grant|reduce|take|do|keep|hold"
    r"|waive|lower|put)\b"
    r"|\b(?:happy|glad) to (?:confirm|offer|give|include|extend)\b"
    r"|\byou(?:['’]ll)? (?:get|have|pay|save|can|will|receive|owe|keep)\b"
    r"|我(?:会|可以|能)?.{0,6}(?:送|给您|提供|降|减|加|带|包|免|让)",
    re.IGNORECASE,
)
_MINE = re.compile(r"^\W*(?:(?:I|my)\b|我(?!们|方|司|公司|的?价))", re.IGNORECASE)


def binds_us(sentence: str) -> bool:
    """Say whether a sentence commits us to a price, a discount, a day, a guarantee or terms.

    What the customer is said to want, what is denied or only to be talked about, page counts,
    times of a call and attachments bind nobody. In doubt it binds: a manager is asked once more.
    """
    if sentence.rstrip().endswith(("?", "？")):
        return False
    parts = own_parts(sentence)
    if _OURS_FIRST.search(sentence):
        parts.append(sentence)
    parts = [part for part in parts if not _is_mere_talk(part)]
    return any(_binds(part) for part in parts)


def _is_mere_talk(part: str) -> bool:
    if _FIGURE.search(part):
        return False
    is_denied = _DENIES.search(part) and not _HOLDS_STILL.search(part)
    return bool(_TALKS.search(part) or is_denied)


def _binds(part: str) -> bool:
    if check_commitments(part, _NOTHING_KNOWN):
        return True
    found = _BINDS.search(part)
    if found is not None and not (_MINE.match(part) and re.search(r"within|[内里]", found[0])):
        return True
    if _HANDS_OVER.search(part) and not _PAPER.search(part):
        return True
    return _is_statement(part)


def _is_statement(part: str) -> bool:
    """Say whether a part states what will be or holds, and is none of what people write besides."""
    words = re.findall(r"[A-Za-z0-9'’]+|[\u4e00-\u9fff]", part)
    is_own = _MINE.match(part) and not _GIVES.search(part)
    return (
        len(words) >= _FEW and bool(_STATES.search(part)) and not (is_own or _HARMLESS.search(part))
    )
