"""The wordings by which a text tries to command whoever writes for us, in English and Chinese."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tools.language import HAN

_START = (
    r"(?:^|[.!?;:,\n>*\-–—]\s*|\b(?<!\bi )(?<!\bwe )(?<!\bhe )(?<!\bshe )(?<!\bthey )"
    r"(?:please|must|should|shall|and|then|now|just|to|also)\s+)"
)
_SPEAK = r"(?:write|say|state|mention|confirm|offer|promise|reply|respond|answer|include|add|tell)"
_LETTER = (
    r"(?:e-?mail|mail|reply|response|draft|letter|message|answer|summary|output|customer|discount"
    r"|price|free|refund|%|per ?cent)"
)
_GIVES = (
    r"(?:\bdiscount|\bfree\b|\bfor nothing|%|\bper ?cent|\brefund|\bguarantee|\bunlimited"
    r"|\blifetime|\bat no (?:cost|charge)|\bapproved|\bagreed\b|\baccept(?:s|ed)?\b"
    r"|\bprice (?:is|will be|drops))"
)
_ANY = r"(?:all|any|every|each|your|these|those|its)"
_BEFORE = (
    r"(?:previous|prior|above|earlier|preceding|existing|current|initial|original|system|other"
    r"|former|foregoing|safety|hidden|default)"
)
_WHAT = r"(?:instruction|prompt|directive|guideline|guardrail|programming|training)s?"
_RULES = r"(?:rule|restriction|constraint|limit|context|polic(?:y|ie)|check)s?"
_DROP = (
    r"(?:ignore|ignoring|disregard|disregarding|forget|override|overrule|bypass|discard|abandon"
    r"|pay no attention to|do not (?:follow|obey)|don't (?:follow|obey)|overlook|neglect"
    r"|stop (?:following|obeying)"
    r"|set aside)"
)
_NOT = r"(?<!not )(?<!n't )(?<!never )(?<!cannot )(?<!without )"
_MACHINE = (
    r"(?:a\.?i\.?(?: (?:assistant|model|agent|writer|system|tool|copilot|bot))?|llms?"
    r"|(?:large )?language models?|copilot|chat ?bots?|chatgpt|gpt(?:-\w+)?|bots?"
    r"|(?:writing|e-?mail|automated|sales|virtual|digital) (?:assistant|bot|copilot)s?)"
)
_MACHINE_ZH = (
    r"(?:AI|人工智能|智能助手|写作助手|销售助手|邮件助手|机器人|大模型|语言模型|智能体|助手|小助手)"
)
_SPEAK_ZH = (
    r"(?:写|说(?!明书)|回复|回答|回信|提及|承诺|告诉|注明|声明|输出|答应|忽略|同意|附上|执行)"
)
_BEFORE_ZH = (
    r"(?:之前|以上|上面|前面|先前|此前|所有|一切|全部|任何|你的?|您的?|系统|原有|原来的?|上述|这些"
    r"|其他|其它|既有)"
)
_FROM_HERE_ZH = (
    r"(?:^|[。！？；，,、：:\n]|请|必须|务必|直接|应该?|并且?|然后|你要|你得|接着|就)\s*"
)

_DROPPING = (
    rf"{_NOT}\b{_DROP}\s+(?:(?:{_ANY}|the|of)\s+)*(?:{_BEFORE}\s+)+(?:\w+\s+(?:and|or)\s+)?"
    rf"(?:{_WHAT}|{_RULES}|messages?)\b",
    rf"{_NOT}\b{_DROP}\s+(?:(?:{_ANY}|of|the)\s+)*{_ANY}\s+(?:of\s+)?(?:(?:the|your)\s+)?"
    rf"(?:{_WHAT}|{_RULES})\b(?!\s+(?:for|on) (?:use|the (?:machine|device|delivery)))",
    rf"{_NOT}\b{_DROP}\s+(?:(?:{_ANY}|of|the)\s+)+(?:{_WHAT}|{_RULES}|guidance|directions)"
    r"\s+(?:that |which )?(?:you\b|have been|were given|so far|until now)",
    r"\byou (?:are|'re|have)? ?(?:no longer|not|no) (?:bound|restricted|limited|held back) by "
    r"(?:any|your|the|these) (?:rules|guidelines|instructions|restrictions|filters)",
    rf"{_NOT}\b{_DROP}\s+(?:everything|anything|what(?:ever)?) (?:\w+ ){{0,4}}"
    r"(?:above|before|told (?:you )?(?:before|earlier|so far)|you (?:were|have been) told)\b",
    rf"{_NOT}\b{_DROP}\s+the (?:instructions|prompt|rules) (?:above|before|you were given|so far)",
    r"\b(?:your|the) (?:instructions|guidelines|rules|guardrails) (?:no longer apply|are (?:void"
    r"|suspended|cancell?ed|lifted)|have been (?:replaced|updated|overridden|suspended))",
    r"\bnew (?:system )?(?:instructions?|prompt|directives?)\s*(?::|for (?:the )?(?:ai|assistant"
    r"|model|bot|writer))",
)
_POSING = (
    rf"\byou(?:'re| are)(?: now| no longer| actually| really| henceforth)? "
    rf"(?:(?:an?|the|my|our|in) )?(?:[\w-]+ ){{0,3}}(?:{_MACHINE}|language model|persona|dan\b"
    rf"|(?:jailbreak|jailbroken|god|dan|unrestricted|sudo|developer|debug) mode)",
    r"\bas an? (?:ai|llm|language model|assistant)\b[^.!?\n]{0,20}\byou (?:must|should|will|can|are"
    r"|have)\b",
    r"(?:^|[.!?;:,\n]\s*|\b(?:please|now|must|should)\s+)(?:act|behave|respond|pose|roleplay"
    r"|role-play) as (?:if you (?:were|are|had)|though you|an? (?:unrestricted|uncensored|ai\b"
    r"|different (?:ai|model|assistant)|pirate|hacker|developer mode)|the (?:system|developer"
    r"|administrator|customer's (?:agent|assistant)))",
    r"(?:^|[.!?;:,\n]\s*|\b(?:please|now|must|should)\s+)pretend (?:that )?(?:you|to be|the"
    r"|there|we (?:have )?agreed)\b",
    r"\b(?:switch|change|go|enter)(?: in| to| into| over to)* (?:an? |the )?(?:unrestricted"
    r"|jailbreak"
    r"|god|dan|unfiltered|uncensored|no-?limits?) mode\b",
    r"\bas (?:the|your|a) (?:system )?(?:administrator|developer|operator|owner|creator)\b"
    r"[^.!?\n]{0,16}\b(?:i|we) (?:hereby )?(?:order|command|instruct|authori[sz]e|direct) you\b",
    r"\b(?:do anything now|jailbreak mode|god mode|dan mode)\b",
    r"\bfrom (?:now|here) on(?:wards?)?,? (?:you (?:must |will |should |are to |shall |only )*"
    r"(?:respond|answer|reply|obey|behave|say|output|ignore|speak|act|write that|write only)\b"
    r"|(?:always|only|never) (?:respond|answer|reply|say|write|output)\b)",
    r"\byour (?:new|real|true|actual|only|primary) (?:task|instruction|role|job|mission|directive"
    r"|goal|objective|purpose)s? (?:is|are|will be|:)",
    r"\bthis is your (?:developer|creator|system administrator|operator)\b(?! (?:manual|guide))",
)
_TO_MACHINES = (
    rf"\b(?:notes?|messages?|instructions?|attention|important|hints?|reminders?|memo|info|hey"
    rf"|dear|hello|hi|warning|request|order|command)\b[^.!?\n]{{0,24}}(?:\bto|\bfor|:|,|\b)\s*"
    rf"(?:the |any |all |an |every |whichever |our |your )?{_MACHINE}\b(?! (?:team|project|act\b|"
    r"department|strategy|conference|lab|vendor|report|feature|pilot))[^.!?\n]{0,30}[:,!\n—–-]",
    r"\b(?:instructions?|orders?|commands?) (?:to|for) the (?:assistant|writer|model|summari[sz]er)"
    r"\s*[:,]",
    rf"\b(?:if you(?:'re| are)|whoever is|any) (?:an? )?{_MACHINE}\b[^.!?\n]{{0,60}}"
    rf"\b(?:{_SPEAK}|ignore|must|please|should|do not|don't)\b",
    rf"(?:^|[.!?;,\n]\s*)(?:the |dear |hey |any |this )?(?:{_MACHINE}|assistant|ai writer)(?: "
    rf"(?:reading|writing|processing|drafting)[^.!?\n]{{0,40}})?[,:]? (?:must|shall|should|has to"
    rf"|needs to|is to|will now|please)\b[^.!?\n]{{0,30}}\b{_SPEAK}\b[^.!?\n]{{0,80}}{_LETTER}",
    r"(?:^|[.!?;,\n]\s*|\bthe |\byou,? |\ban? )assistant,? (?:must|shall|has to|is required to"
    rf"|needs to)\b(?: now| always| only)? (?:{_SPEAK}|ignore|grant|give|output|use|apply|obey)\b",
    r"\b(?:notes?|p\.? ?s\.?|messages?|instructions?|attention|hints?|reminders?|info)\b"
    r"[^.!?\n]{0,12}\b(?:for|to) (?:the |any |all |your |every )?(?:drafting|writing|reply|e-?mail"
    r"|automated|automatic|auto-?reply|summary|mail) (?:tool|system|software|engine|generator"
    r"|writer|robot|service|agent)s?\b",
    rf"(?:^|[.!?;,\n]\s*)(?:the |all |any |every |each |dear |hey )?{_MACHINE} (?:that (?:is "
    rf"|are )?)?"
    rf"(?:reads?|reading|writes?|writing|drafts?|drafting|process\w*|summari[sz]\w+)\b"
    rf"[^.!?\n]{{0,30}}\b(?:must|shall|should|has to|have to|please)\b",
    r"\b(?:whoever|whatever|whichever \w+) (?:writes|drafts|composes|generates|words) (?:the|this"
    r"|your"
    r"|our) [^.!?\n]{0,24}\b(?:state|write|say|claim|mention|add|promise)\b that\b",
    rf"(?:^|[.!?;,\n]\s*)(?:to|for|dear|hey|hello|hi) (?:the |any |all )?{_MACHINE} (?:that|which"
    rf"|who)\b",
    r"\btell your (?:user|operator|human)s?\b|\brepeat (?:the|all|every)\w* (?:text|words|lines?"
    r"|sentences?|\w+) above\b",
    r"\byour (?:system|hidden|initial|secret) (?:prompt|instructions|rules|message)\b",
    r"\b(?:change|set|replace|switch) the (?:recipient|addressee|sender|reply-to)(?: of (?:this|the"
    r"|your) (?:e-?mail|mail|reply|draft|message))? (?:to|with|by) \S+@",
    r"\b(?:send|forward|copy|export) [^.!?\n]{0,30}\bto (?:all|every|each) (?:\w+ )?(?:contact"
    r"|customer|recipient|account)s?\b[^.!?\n]{0,20}\b(?:crm|database|address book)\b",
    r"\b(?:reveal|print|show|repeat|output|display|tell me|leak|dump|quote|paste)\b[^.!?\n]{0,16}"
    r"\b(?:your|the) (?:(?:system|hidden|initial|original|full|secret) (?:prompt|instructions"
    r"|message)|prompt\b)",
    r"\b(?:reveal|print|repeat|output|leak|dump) your (?:instructions|rules|guidelines)\b",
    r"\b(?:do not|don't|never) (?:mention|reveal|disclose|show|tell)\b[^.!?\n]{0,30}\b(?:to|the) "
    r"(?:the )?(?:user|human|reviewer|operator|rep|verifier|salesperson)\b",
    r"\b(?:skip|bypass|disable|switch off|turn off|evade|avoid) (?:the |your |all )*(?:verifier"
    r"|verification step|fact[- ]check\w*|guardrails?|content filter|safety (?:rules|checks"
    r"|filters?|measures))",
)
_DICTATING = (
    rf"{_START}(?:write|say|claim|declare|announce|assert|state|promise|pretend|reply|respond"
    rf"|answer|mention)(?: (?:in|to|back|only|clearly|exactly|explicitly)\b"
    rf"[^.!?\n]{{0,30}}?)? that "
    rf"[^.!?\n]{{0,90}}{_GIVES}",
    rf"{_START}(?:write|say|reply|respond|answer|output|print|include|insert|append|add)\b"
    rf"[^.!?\n]{{0,40}}?\s*[:：]?\s*[\"“'‘「][^\"”\n]{{0,120}}{_GIVES}",
    rf"{_START}(?:write|insert|append|add|include|output|print|put) (?:in|into|to|at)?\s*(?:your"
    rf"|the|every|this|each) (?:next )?(?:e-?mail|mail|reply|response|draft|letter|message|answer"
    rf"|output)s?\b[^.!?\n]{{0,60}}{_GIVES}",
    r"(?:^|[.!?;\n]\s*|\bplease )(?:tell|inform|assure|promise) (?:the )?(?:customer|client|user"
    r"|recipient|buyer|prospect|reader)s? (?!service|support|success|care|team|side|base)",
    r"\b(?:begin|start|end|open|close) (?:your|the|every|each) (?:next )?(?:reply|response|answer"
    r"|output|draft|e-?mail|mail|message) with\b",
    r"\byour (?:next )?(?:reply|response|output|answer|draft) (?:must|should|shall|has to|will) "
    r"(?:only |now )?(?:say|state that|begin|start|contain (?:only|the (?:sentence|words?|phrase"
    r"|line))|claim|promise|offer)",
    r"\b(?:follow|obey|execute|apply|use) (?:only )?(?:these|the following|my|this) (?:new )?"
    r"(?:instructions?|orders?|commands?|prompt) (?:instead|only|now|from now|verbatim|exactly)",
    r"\b(?:decode|decrypt|base64)\b[^.!?\n]{0,40}\b(?:and|then) (?:follow|obey|execute|do)\b",
    r"\bcit(?:e|ing) \[?f\d{1,2}\b|\bfacts?\s+\[?f\d{1,2}\]?\s*[:=]",
)

_ZH = (
    rf"(?<!不要)(?<!不能)(?<!不可)(?<!不应)(?<!别)(?<!不得)(?:忽略|无视|忘记|忘掉|抛开|绕过|推翻|覆盖"
    rf"|不要理会|不用理会|不必理会|不要遵守|不要遵循|不再遵守|不必遵守|停止遵守)(?:掉|了)?"
    rf"[^。！？\n]{{0,6}}{_BEFORE_ZH}[^。！？\n]{{0,8}}?(?:指令|提示词|提示语|系统提示|系统消息|设定|护栏)",
    rf"(?<!不要)(?<!不能)(?<!不可)(?<!不应)(?<!别)(?<!不得)(?:忽略|无视|忘记|忘掉|抛开|绕过|推翻"
    rf"|不要理会|不用理会|不要遵守|不要遵循|不再遵守|停止遵守)(?:掉|了)?(?:你)?(?:之?前|以上|上面|前面)?"
    rf"{_BEFORE_ZH}{{1,2}}的?(?:规则|指示|限制|约束|要求|提示|内容|规定)",
    r"(?:你|您)(?:现在|从现在起|已经|其实|实际上)?(?:不再)?(?:是|扮演|充当|变成|成为)(?:一个|一名|一位|一款|我的|我们的)?"
    r"[^。！？，,\n]{0,10}(?:助手|AI|人工智能|机器人|模型|智能体|角色|黑客|DAN|程序)",
    r"从现在(?:开始|起)[，,]?\s*(?:你|您)(?!们)(?:是|不再|扮演|只能|必须|要|将)?[^。！？\n]{0,6}"
    r"(?:是一|扮演|回答|回复说|写|说|输出|服从|听从|遵守|助手|按照)",
    r"(?:请|你要|你来|现在)?(?:扮演|假装你是|假设你是|假装自己是|充当)(?:一个|一名|一位)?[^。！？\n]{0,12}"
    r"(?:助手|AI|模型|机器人|管理员|角色|黑客|客户|总裁|经理|系统)",
    r"(?:忽略|无视|忘记|忘掉|抛开|绕过)[^。！？，,\n]{0,10}(?:一切|所有|全部|任何)的?(?:提示|指令|规则|指示|限制"
    r"|约束|设定)|(?:你|您)(?:必须|要|得|应该|应当|需要|可以)(?:忽略|无视|绕过|违反)[^。！？，,\n]{0,8}(?:规则|规定"
    r"|政策|指令|限制|要求)",
    rf"致[^，。！？\n]{{0,8}}{_MACHINE_ZH}\s*[：:，,]|(?:写|起草|处理|阅读|生成)(?:邮件|回复|回信|信|草稿|这封信?)?"
    rf"[^，。！？\n]{{0,3}}的{_MACHINE_ZH}|(?:模型|AI|人工智能|助手|机器人)的?(?:新)?(?:指令|提示词)\s*[：:]",
    r"假装你是|作为(?:你的)?(?:系统)?(?:管理员|开发者|主人|创造者)[，,]?\s*我?[^。！？\n]{0,4}(?:命令|要求|授权|指示)(?:你|您)",
    r"开发者模式已?(?:经)?(?:开启|启用|打开)|(?:你|您)(?:现在|已)?不(?:再)?受(?:任何|一切)?的?(?:限制|约束|规则)",
    r"以(?:系统|管理员|开发者)的?(?:身份|名义|权限)[^。！？\n]{0,4}(?:回复|回答|写|说|执行)",
    r"(?:回复|回信|回答)(?:时|中|里)?，?(?:你)?(?:只能|仅|只)(?:能)?(?:输出|回答|说|写|回复)",
    r"(?:撰写|起草|写|生成)(?:回信|回复|邮件|草稿|信)的[^，。！？\n]{0,4}(?:模型|助手|AI|程序|系统)"
    r"|(?:把|将)(?:以上|上面|前面|之前|所有|你的)[^。！？\n]{0,4}(?:规则|指令|设定|提示)[^。！？\n]{0,4}(?:忘|忽略|删)"
    r"|(?:输出|打印|复述|显示)(?:你|您)(?:收到|得到|看到)[^。！？\n]{0,8}(?:指令|提示|规则)",
    r"[【\[<《]\s*(?:系统|系统消息|系统提示|指令)\s*[】\]>》]|(?:你|您)只(?:需要?|用|要)(?:回答|输出|说|写)[“「\"]",
    r"系统提示词|把收件人(?:改成|换成|设为|改为|设成)\s*\S*@|直接写[“「\"]",
    rf"(?:给|致|写给|发给|对|请){_MACHINE_ZH}的?(?:新)?(?:指令|提示|说明|备注|留言|要求|命令|注意)"
    rf"|(?:^|[。！？；\n])\s*(?:各位|亲爱的)?(?:AI|人工智能|大模型|语言模型|智能体|写作助手|销售助手)"
    rf"(?:助手|模型)?[，,：:！!]",
    rf"(?<!我的)(?<!他的)(?<!她的)(?<!总的)(?<!理的){_MACHINE_ZH}(?:助手)?[，,：:]?\s*(?:请|必须|务必|应当|应该"
    rf"|需要|要|得)(?:在[^。！？\n]{{0,8}}(?:里|中|内))?[^。！？\n]{{0,4}}{_SPEAK_ZH}",
    r"(?:输出|显示|告诉我|透露|泄露|打印|复述|展示)[^。！？\n]{0,6}(?:你的|系统)(?:系统)?(?:提示词|提示语|设定"
    r"|初始指令|系统提示|指令)",
    r"新的?(?:系统)?(?:指令|提示词)\s*[:：]|执行(?:以下|下面|下列)的?(?:新)?(?:指令|提示)"
    r"|(?:进入|开启|切换到)(?:越狱|上帝|无限制|DAN)模式",
    r"系统(?:提示词?|消息|指令)?\s*[:：]\s*(?:你|您|请|忽略|必须|务必|从现在|所有|以下|助手|现在|折扣|不要|新|给|把|执行)",
    rf"{_FROM_HERE_ZH}(?:在[^。！？\n]{{0,10}}(?:里|中|内|上)(?:直接)?)?(?:写明?|说明?|写上|写道|回复说?|声明"
    rf"|宣布|告诉(?:客户|对方|他们|他|她|买家)|加上|加一句|承诺)[^。！？\n]{{0,16}}?"
    rf"(?:(?:折扣|优惠|降价|折让|让利)[^。！？\n？]{{0,6}}?(?:\d|百分之|[一二三四五六七八九]折|[一二三四五六七八九]成)"
    rf"|打[\d一二三四五六七八九.]+折|免费(?:赠送|提供|升级|使用|给)|全额退款|已(?:经)?(?:获批|批准|同意)|(?<!不)免费。)",
    r"(?:不要|别|切勿)(?:告诉|透露给?|让)(?:用户|销售|审核员|审核人|人工|操作员)[^。！？\n]{0,10}"
    r"(?:指令|提示|这条|本条|知道)",
    r"(?:资料|引文|邮件|数据|上下文|证据|通话记录|正文)(?:内容)?(?:到此)?(?:已)?结束[，。：:\]】\s]{0,4}[^。！？\n]{0,6}"
    r"(?:指令|任务|系统|提示)",
    r"(?:你的|您的)(?:新|真正的?|唯一的?|实际的?)(?:任务|角色|身份|职责|目标|指令)(?:是|为|：|:)",
    r"(?:不再|无需|不用|不必|跳过|绕过)(?:进行|做|经过)?(?:核实|验证|校验|事实核查|核查)(?:步骤|程序|器|模块)?"
    r"[，,]?\s*(?:直接)?(?:写|输出|发送|回复)",
)

_OTHER = (
    r"\bignorier\w* (?:alle |sämtliche )?(?:vorherigen|bisherigen|obigen|deine) "
    r"(?:anweisungen|regeln)",
    r"\bignore[zr]? (?:toutes )?(?:les |vos |tes )?(?:instructions|consignes|règles) (?:précédentes"
    r"|antérieures|ci-dessus)",
    r"\bignor[ae] (?:todas )?(?:las |tus )?(?:instrucciones|reglas) (?:anteriores|previas)",
)

_SHAPES = (
    r"<\|[^|>\n]{1,24}\|>|\[/?INST\]|<</?SYS>>|</s>|<s>\s*\[",
    r"</?\s*(?:system|assistant|instructions?|prompt|data|evidence|facts?|context|outside|user"
    r"|untrusted|tool_call|function_call)\s*(?:/|\b[^>\n]{0,30})?>",
    r"(?m)^\s*#{2,}\s*(?:system|instructions?|response|human|assistant|user|prompt|new task"
    r"|系统|指令|提示词|新任务)\b",
    r"\{\s*[\"']role[\"']\s*:|[\"'](?:tool_calls|function_call|tool_choice)[\"']\s*:",
    r"(?m)^\s*\W{0,4}(?:system|developer)(?: (?:message|prompt|note|override))?\W{0,3}"
    r"\s*[:：>\]]\s*"
    r"(?:you\b|your\b|ignore|the (?:assistant|discount|model|user)|always|never|do not|don't|write"
    r"|from now|new\b|override|reply|respond|disregard|discount|all |set |forget|as an|act|say"
    r"|tell|mention|confirm|offer|grant|approve|please|must|你|请|忽略|折扣)",
    r"(?m)^\s*\W{0,4}(?:assistant|ai|助手|助理AI|模型)\W{0,3}\s*[:：]\s*(?:sure|of course"
    r"|certainly|okay"
    r"|ok\b|yes\b|here|i |i'|the discount|we |your|dear|understood|absolutely"
    r"|好的|当然|没问题|已|折扣|我们|您)",
    r"(?m)^\s*\W{0,4}(?:assistant|助手|助理AI|模型)\W{0,3}\s*[:：]\s*(?:(?-i:[a-z])|change|send|forward"
    r"|write|say|tell|ignore|reply|add|offer|promise|confirm|grant|把|请|将|写|回复|输出|告诉|你|忽略|发|改|在"
    r"|给)",
    r"\b(?:begin|start|end) (?:of )?(?:the )?(?:system|user|hidden|quoted|untrusted)? ?"
    r"(?:prompt|context|instructions|evidence|untrusted \w+|user input|quoted text|data block)\b",
    r"<!--|display\s*:\s*none|font-size\s*:\s*0|visibility\s*:\s*hidden|opacity\s*:\s*0\b"
    r"|color\s*:\s*(?:white|#fff)",
    r"\bsystem prompt\s*[:=]|\bprompt injection\s*[:!]",
)

_COMPACT = (
    r"(?:ignore|disregard|forget|override)(?:all|any|the|your|my|of|these|previous|prior|above"
    r"|earlier"
    r"|system)*(?:instruction|prompt|rule|guideline)s?",
    r"systemprompt|youarenow(?:a|an|the)?|(?:assistant|ai)(?:must|should)(?:write|say|ignore|obey)",
    r"(?:write|say)that(?:the|our)?(?:discount|price)",
)


@dataclass(frozen=True)
class Family:
    """Patterns of one kind; without one of the `signs` in lower case none of them can match."""

    signs: tuple[str, ...]
    patterns: tuple[re.Pattern[str], ...]

    def matches(self, text: str, lowered: str) -> bool:
        """Say whether one of the patterns stands in the text."""
        return any(sign in lowered for sign in self.signs) and any(
            pattern.search(text) for pattern in self.patterns
        )


def _family(signs: str, patterns: Iterable[str]) -> Family:
    compiled = tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)
    return Family(tuple(signs.split("|")), compiled)


FAMILIES = (
    _family(
        "overlook|neglect|no longer|not bound|ignor|disregard|forget|overrid|overrul|bypass|discard"
        "|abandon|attention to|not follow"
        "|not obey|n't follow|n't obey|stop follow|stop obey|set aside|no longer apply| void"
        "|suspend|lifted|replaced|updated|overridden|cancel|instruction|directive|prompt",
        (*_DROPPING, *_OTHER),
    ),
    _family(
        "unrestricted|jailbreak| god|dan |unfilter|uncensor|limit|order you|command you"
        "|instruct you"
        "|authorize you|authorise you|direct you|you are|you're|as an|act as|behave|respond as"
        "|pose as|roleplay|role-play|pretend"
        "|do anything now| mode|from now|from here|your new|your real|your true|your actual"
        "|your only|your primary|this is your",
        _POSING,
    ),
    _family(
        "drafting|writing|reply|mail|automat|summary|whoever|whatever|whichever|your system|hidden"
        "|initial|secret|recipient|addressee|sender|crm|database|address book|ai|a.i.|llm"
        "|language model|copilot|bot|gpt|assistant|writer|model|summari|prompt"
        "|instruction|rules|guideline|mention|reveal|disclose|show|tell|skip|bypass|disable"
        "|switch off|turn off|evade|avoid",
        _TO_MACHINES,
    ),
    _family(
        "discount|free|nothing|%|cent|refund|guarantee|unlimited|lifetime|cost|charge|approved"
        "|agreed|accept|price|the customer|customer |client|user|recipient|buyer|prospect|reader"
        "|begin|start|end |open|close|your |follow|obey|execute|apply|use |decode|decrypt|base64"
        "|cit|fact",
        _DICTATING,
    ),
    _family(
        "致|写|只能|仅|只|收件人|以系统|管理员|开发者|不受|不再受|忽略|无视|忘|抛开|绕过|推翻|覆盖|不要|不用|不必|不再|停止|无需|跳过|你|您|从现在|扮演|假装"
        "|假设|充当"
        "|助手|ai|人工智能|机器人|模型|智能体|输出|显示|告诉|透露|泄露|打印|复述|展示|指令|提示|模式|系统"
        "|折|优惠|降价|让利|免费|退款|批准|同意|获批|结束|别|切勿",
        _ZH,
    ),
    _family(
        "<|[inst|[/inst|##|{|system|developer|assistant|ai|助|模型|begin|start|end |display"
        "|font-size|visibility|opacity|color|prompt",
        _SHAPES,
    ),
)
COMPACT = tuple(re.compile(pattern) for pattern in _COMPACT)
HAN_GAP = re.compile(rf"(?<=[{HAN}])[^\S\n]*[\s·.\-_*|/]+(?=[{HAN}])")
