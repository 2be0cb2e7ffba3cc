"""The words by which a customer's statement is known for a pain, a need, a goal or praise."""

import re
from collections.abc import Mapping
from enum import StrEnum


class Voice(StrEnum):
    """What a statement of the customer tells."""

    PAIN = "pain"
    NEED = "need"
    GOAL = "goal"
    PRAISE = "praise"


def _either(english: str, chinese: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{english})\b|{chinese}", re.IGNORECASE)


CUES: Mapping[Voice, re.Pattern[str]] = {
    Voice.PAIN: _either(
        r"los(?:e|es|ing|t|s|ses)|stop(?:s|ped|pages?)?|down ?time|break(?:s|downs?| down)|broke"
        r"|outages?|fail(?:s|ed|ures?)?|scrap\w*|delay\w*|manual\w*|spreadsheets?|wast(?:e|es|ing)"
        r"|struggl\w+|problems?|bottlenecks?|by hand|too (?:late|slow|long)|unplanned"
        r"|offline|unreliable|paper (?:first|forms?|lists?)",
        r"停机|停线|停工|一停|故障|损失|报废|人工|手工|浪费|延误|瓶颈|来不及|抢修|太慢|表格|纸质|纸单|没信号|掉线|不准|对不上",
    ),
    Voice.NEED: _either(
        r"needs?|must(?: not)?|requires?|required|requirements?|ha(?:s|ve) to|polic(?:y|ies)"
        r"|wants?|would like|looking for|important|mandatory|(?:not |is |are )?allowed|only if"
        r"|essential|should",
        r"必须|需要|要求|希望|最好|不能|一定要|看重|符合|支持|得有|得能",
    ),
    Voice.GOAL: _either(
        r"goals?|targets?|aims?|reduc\w+|cut(?:ting)?|improv\w+|increas\w+|so that|in order to"
        r"|objectives?|hop(?:e|es|ing)|go live|roll ?outs?|faster|fewer|sav(?:e|es|ing)"
        r"|straight away|earlier|payback|no surprises",
        r"目标|降低|减少|提高|提升|为了|争取|上线|达到|节省|更快|提前|回本|不要影响|不影响",
    ),
    Voice.PRAISE: _either(
        r"convinc\w+|liked|likes|clear(?:er|ly)?|helpful|impress\w+|trust\w*|works well|good fit"
        r"|made the difference|speaks for",
        r"看重|清楚|满意|认可|喜欢|放心|信任|合适|关键作用|优势",
    ),
}

# What nobody wants to read about himself before his board: haggling, rivals, politics, doubts,
# complaints, confidences, insults, and words that were meant for a machine.
UNFIT = re.compile(
    r"\b(?:pric\w+|expensive|cheap\w*|budget\w*|discount\w*|afford\w*|costs?|quot(?:e|es|ed|ation)"
    r"|fees?|invoices?|money|pay(?:s|ing)?|invest\w*|reduced|numbers? (?:has|have) to fit"
    r"|questionnaires?|suppliers?|vendors?|do not need|don['’]t need|against"
    r"|negotiat\w+|purchasing|procurement|percent off"
    r"|competitors?|other (?:vendors?|suppliers?|provider)|another (?:company|vendor|supplier)"
    r"|rivals?|alternatives?"
    r"|sign(?:ed|ing|s|ature|atures)?(?![- ]?on\b)|contracts?|legal|lawyers?|decid\w+"
    r"|approv\w+|boss\w*|ceo|cfo|chief|directors?|managers?|finance|board|head ?office"
    r"|colleagues?|nobody|politic\w*|paperwork|internally"
    r"|afraid|fear\w*|blam\w+|fault|angry|annoy\w*|upset|disappoint\w*|complain\w*|unhappy"
    r"|honest(?:ly)?|frankly|realistic|between us|off the record|confidential|secret\w*"
    r"|don['’]t tell|overr[au]n|forgotten|embarrass\w*|fired|layoffs?|laid off|lawsuits?"
    r"|everyone|everybody|overtime|extra shifts?|busy"
    r"|stupid|idiots?|useless|rubbish|garbage|crap|damn|shit\w*|hell|hate[sd]?|incompetent"
    r"|ignore|instructions?|system prompt|assistant|write that|prompt|sorry)\b"
    r"|[<>{}|\\$€£¥]|https?:|www\.|@"
    r"|价格|总价|报价|预算|折扣|便宜|太贵|偏高|优惠|费用|成本|让利|付款|合同|签字|签约|签合同|法务|采购"
    r"|竞争|别家|另一家|还有一家|对比|领导|老板|老总|拍板|决定|审批|批下来|立项|同事|没有人|财务"
    r"|失望|投诉|不满|错误|抱怨|生气|责任|私下|保密|别说|说实话|老实说|坦白|害怕|不敢|担心"
    r"|垃圾|白痴|蠢|废物|忽略|指令|提示词|系统|元\b|万元|[%％]|超支|裁员|汇报|回报|加班|人手|大家|内部|交代|说白了"
    r"|不清楚|问卷|供应商|买|下单|老总",
    re.IGNORECASE,
)
ADDRESSED = re.compile(r"\b(?:you|your|yours|you['’]\w+)\b|[你您]|贵公司|贵司", re.IGNORECASE)
ABOUT_ONESELF = re.compile(
    r"\bI(?:['’](?:ll|d|m|ve))? (?:also )?"
    r"(?:need|have|want|must|would|should|may|might|will|can|am(?! asking)|was|think|guess"
    r"|don['’]t|do not|sent|send|tried|count)\b|\bI['’](?:ll|d|m|ve)\b|\blet['’]?s\b|\bsend me\b"
    r"|[我俺](?![们方司])",
    re.IGNORECASE,
)
HANGING_START = re.compile(
    r"^(?:it|this|that|these|those|they|he|she|them|same|such|which|who|there|then|because|or|"
    r"so|if not|yes|no|exactly|agreed|hi|hello|hey|dear|bye|thanks?)\b|^(?:这|那|它|他|她|以上|因为"
    r"|所以|而且|但是|就是|您好|你好|喂|谢谢|再见)",
    re.IGNORECASE,
)
HANGING_END = re.compile(
    r"\b(?:the|a|an|to|of|and|or|but|with|for|that|than|is|are|it|this)\W*$"
    r"|(?:要求|需要|希望|认为|觉得|表示|因为|如果|但是|而且|的话|就是)[。，,.\s]*$|[,:;，：；、…]\s*$",
    re.IGNORECASE,
)
FILLERS = re.compile(
    r"^(?:(?:yes|yeah|yep|ok|okay|well|now|right|all right|great|good|fine|sure|perfect|first"
    r"|second|third|also|oh|look|you see|you know|i mean|and|but|so|um+|uh+|er+|hm+|finally"
    r"|from my side|from our side|on our side|as i said|to be clear|understood)\s*[,.:;!–-]\s*"
    r"|(?:and|but)\s+|(?:嗯|啊|呃|那个|那|对|对的|好|好的|是|是的|还有|另外|然后|其实|反正|行|首先|第一"
    r"|第二|第三|没错|明白|没问题)[，,、：:。]\s*)+",
    re.IGNORECASE,
)
REQUESTS = re.compile(r"\b(?:please|send|forward)\b|请|发给|发过来", re.IGNORECASE)
THIRD_PARTY = re.compile(r"\b(?:they|them)\b|他们|她们|它们", re.IGNORECASE)
NOISE = re.compile(
    r"\b(?:um+|uh+|erm?|hmm+)\b,?|(?<=,)\s*you know,|(?:嗯|呃|那个那个)[，,]?"
    r"|\[(?:inaudible|crosstalk|noise|music|laughter)\]|\((?:inaudible|laughs?)\)",
    re.IGNORECASE,
)
REPEATED = re.compile(r"\b(\w{1,12})(?:\s+\1\b)+", re.IGNORECASE)
