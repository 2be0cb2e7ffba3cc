"""Words around names, as data: nicknames, honorifics, family names, and words that are no names."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _nicknames(table: str) -> dict[str, frozenset[str]]:
    rows = (line.split() for line in table.strip().splitlines())
    return {full: frozenset(short) for full, *short in rows}


NICKNAMES = _nicknames("""
alexander alex sasha al
alexandra alex sandra sasha lexi
andrew andy drew
anthony tony
benjamin ben benny
barbara barb
catherine cathy kate katie cat
katherine kate katie kathy kat
kathleen kathy kate
charles charlie chuck
charlotte charlie lottie
christopher chris
christina chris tina
christine chris tina
daniel dan danny
david dave davey
deborah deb debbie
donald don donny
dorothy dot dottie
edward ed eddie ted ned
elizabeth liz beth eliza lisa betty lizzie
eugene gene
francis frank fran
frances fran francie
frederick fred freddie
gabriel gabe
gabrielle gabby
gerald gerry jerry
gregory greg
harold harry hal
henry harry hank
isabella izzy bella
jacob jake
jacqueline jackie
james jim jimmy jamie
jeffrey jeff
jennifer jen jenny
jessica jess jessie
john jack johnny jon
jonathan jon
joseph joe joey
joshua josh
judith judy
kenneth ken kenny
lawrence larry
leonard leo len
louis lou
margaret maggie meg peggy marge
matthew matt
maximilian max
michael mike mick mikey
nathaniel nate nathan
nicholas nick nicky
nicole nicky
oliver ollie
pamela pam
patricia pat patty trish
patrick pat paddy
peter pete
philip phil
priyanka priya
raymond ray
rebecca becky becca
richard rick dick rich richie
robert bob rob bobby robbie bert
ronald ron ronnie
samantha sam
samuel sam sammy
stephanie steph
stephen steve
steven steve
susan sue susie
theodore ted theo
theresa terry tess
thomas tom tommy
timothy tim
valerie val
victoria vicky tori
vincent vince vinny
walter walt
william will bill billy willy liam
zachary zach zack
""")

HONORIFICS = _words("mr mrs ms miss mx dr prof professor sir madam herr frau")

# Words that a recogniser may write with a capital, or that follow "I'm" and "this is".
ORDINARY_WORDS = _words("""
a about above absolutely acting actually afraid after again against all almost alone already also
always american an and any anything april aren't as asking at august aware away back bad based
because been before being better between both british busy but by calling can cannot certainly
chinese christmas clear coming confident confused correct could curious currently customer dear
december definitely delighted different doing done down due early easter eager easy eight either
else english even ever every everybody everyone everything exactly excellent excited exciting
family fantastic february fine first five folks for four french friday friends from full fully
gentlemen german getting glad going gonna good goodbye got gotta great guys had half happy hardly
has have having he hello her here hey hi him his hold honest honestly hoping hospital how however
hundred i i'd i'll i'm i've if important impressed in inclined indeed interested interesting into
is isn't it it'd it'll it's its january joining july june just kind ladies last late later leaving
like literally listening little looking lots lovely made making man many march may maybe me mean
meeting might mine monday more morning most much must my myself near nearly never new next nice
nine no nobody none nope not nothing november now number obviously october of off often oh okay ok
old on one only open or other our out over part particularly perfect perhaps personally pleased
please possible possibly pretty probably proud question quite rather ready really reasonable
relatively right running safe same saturday saying september set seven several she should sir six
so some somebody somehow someone something somewhat soon sorry sounds speaking spot still stuck
such sunday super supposed sure surprised talking team ten terrible thank thanks that that's the
their them then there there's these they thing things thinking this those though thousand three
thrilled through thursday time tired to today together tomorrow tonight too totally tough tried
truly trying tuesday two typically uh um under unable unfortunately until up us used usually very
wait waiting was wasn't way we we'll we're we've wednesday week welcome well were what whatever
when where whether which while who why will willing with without wondering wonderful won't working
worried worse would wow wrong yeah yes yesterday yet you you'll you're you've your yours yup
""")

SURNAMES = frozenset(
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛"
    "叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔"
    "贺赖龚文庞樊兰殷施陶洪翟安颜倪严牛温芦季俞章鲁葛伍韦申尤毕聂丛焦向柳邢路岳齐沿梅莫庄辛管祝左涂谷"
    "祁时舒耿牟卜路詹关苗凌费纪靳盛童欧甄项曲成游阳裴席卫查屈鲍位覃霍翁隋植甘景薄单包司柏宁柯阮桂闵"
)
COMPOUND_SURNAMES = _words("欧阳 司马 上官 诸葛 东方 皇甫 尉迟 公孙 慕容 司徒 令狐 夏侯")
# Longest first, so that the whole title is taken off.
TITLES = tuple(
    sorted(
        _words(
            "总 总监 总裁 总经理 副总 经理 主任 老师 先生 女士 小姐 姐 哥 部长 处长 科长 院长 校长 "
            "董事长 董 博士 医生 工程师 工 主管 顾问 律师 会计 教授 局长 所长 厂长 店长 队长 秘书 "
            "同学 老板"
        ),
        key=lambda title: (-len(title), title),
    )
)
