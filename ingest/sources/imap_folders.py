"""Which folders of a mailbox are read: not the rubbish, not the drafts, not what is private."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

# RFC 6154 and RFC 3501; flags come in lower case.
_LEFT_OUT = frozenset({r"\junk", r"\trash", r"\drafts", r"\noselect", r"\nonexistent"})
# Views of messages that are in other folders.
_VIEWS = frozenset({r"\flagged", r"\important"})
_ALL = r"\all"

# For servers that do not tell what a folder is for.
_NAMES = """
junk|spam|junk e-mail|junk email|bulk mail|trash|deleted items|deleted messages|bin|drafts|draft
outbox|sync issues|conflicts|local failures|server failures|rss feeds|rss subscriptions
垃圾邮件|垃圾箱|垃圾邮件箱|广告邮件|病毒邮件
已删除|已删除邮件|已删除的邮件|废件箱|草稿|草稿箱|草稿夹|发件箱
垃圾郵件|刪除的郵件|草稿匣|spamverdacht|junk-e-mail|papierkorb|gelöschte elemente
gelöschte objekte|entwürfe|unerwünscht|corbeille|éléments supprimés|brouillons|courrier indésirable
indésirables|pourriel
papelera|elementos eliminados|borradores|correo no deseado|cestino|posta eliminata|bozze
posta indesiderata|itens excluídos|lixeira|lixo eletrônico
rascunhos|ごみ箱|ゴミ箱|下書き|迷惑メール|削除済みアイテム
""".strip()
_USUAL_NAMES = frozenset(name for line in _NAMES.splitlines() for name in line.split("|"))


@dataclass(frozen=True)
class Folder:
    """A folder: its name, the sign between its levels, and its flags in lower case."""

    name: str
    delimiter: str
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Selection:
    """The folders to read, and the labels whose messages are left out of the view of all mail."""

    names: tuple[str, ...]
    all_mail: str | None = None
    hidden_labels: tuple[str, ...] = ()


def choose_folders(
    folders: Sequence[Folder],
    *,
    wanted: Sequence[str] = (),
    excluded: Sequence[str] = (),
    has_labels: bool = False,
) -> Selection:
    """Return what to read: the folders wanted, else all but rubbish, drafts and those excluded.

    Names may be patterns such as `Private*`; with a folder its subfolders are meant too. Where a
    folder shows all mail, it alone is read if the server can leave labels out (Gmail), and not at
    all if it cannot but something is excluded: its messages would come in by that door.
    """
    open_folders = [one for one in folders if not _LEFT_OUT & set(one.flags)]
    if wanted:
        names = [
            one.name for one in open_folders if _fits(one, wanted) and not _fits(one, excluded)
        ]
        return Selection(tuple(sorted(names, key=_inbox_first)))
    rubbish = [one for one in folders if _is_rubbish(one)]
    hidden = [one for one in folders if _fits(one, excluded)]
    kept = [
        one
        for one in open_folders
        if not _VIEWS & set(one.flags)
        and _ALL not in one.flags
        and one not in hidden
        and not any(one == other or _is_under(one, other) for other in rubbish)
    ]
    everything = next((one.name for one in open_folders if _ALL in one.flags), None)
    if everything and has_labels:
        labels = tuple(one.name for one in hidden)
        return Selection((everything,), everything, labels)
    if everything and not hidden:
        return Selection((everything,))
    return Selection(tuple(sorted((one.name for one in kept), key=_inbox_first)))


def _is_rubbish(folder: Folder) -> bool:
    last = folder.name.rsplit(folder.delimiter, 1)[-1] if folder.delimiter else folder.name
    return bool({r"\junk", r"\trash", r"\drafts"} & set(folder.flags)) or (
        last.casefold() in _USUAL_NAMES
    )


def _is_under(folder: Folder, parent: Folder) -> bool:
    return bool(parent.delimiter) and folder.name.startswith(parent.name + parent.delimiter)


def _fits(folder: Folder, patterns: Sequence[str]) -> bool:
    """Say whether the folder, or one that it lies in, fits a pattern, in whatever case."""
    levels = folder.name.split(folder.delimiter) if folder.delimiter else [folder.name]
    joined = [folder.delimiter.join(levels[: depth + 1]).casefold() for depth in range(len(levels))]
    return any(fnmatchcase(name, pattern.casefold()) for name in joined for pattern in patterns)


def _inbox_first(name: str) -> tuple[bool, str]:
    return (name.upper() != "INBOX", name)
