"""The lines of a Word document: its text alone, from a file that may be hostile or cut off."""

import zipfile
import zlib
from io import BytesIO
from typing import NoReturn
from xml.parsers import expat

from crm.errors import BadInput

MAX_XML_BYTES = 60_000_000
MAX_LINES = 400_000
_BODY = "word/document.xml"
_CHUNK = 1_000_000

_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main"
_SKIPPED = frozenset({"del", "instrText", "Fallback", "moveFrom"})
_BREAKS = {"tab": "\t", "br": "\n", "cr": "\n"}


def read_docx_lines(raw: bytes, name: str) -> list[str]:
    """Return the text line by line; BadInput if it is no Word document, or is cut off or a bomb."""
    reader = _Reader(name)
    try:
        with zipfile.ZipFile(BytesIO(raw)) as archive, archive.open(_BODY) as body:
            size = 0
            while chunk := body.read(_CHUNK):
                size += len(chunk)
                if size > MAX_XML_BYTES:
                    raise BadInput(
                        f"{name!r} unpacks to more than {MAX_XML_BYTES:,} bytes: not a transcript"
                    )
                reader.feed(chunk)
        reader.close()
    except KeyError as error:
        raise BadInput(f"{name!r} is a zip archive but no Word document") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise BadInput(f"{name!r} is damaged or cut off: save it again ({error})") from error
    except (NotImplementedError, RuntimeError) as error:
        raise BadInput(f"{name!r} is encrypted or packed in a way not read here") from error
    except expat.ExpatError as error:
        raise BadInput(f"{name!r} is no readable Word document ({error})") from error
    return reader.lines


class _Reader:
    """Collects paragraphs from the XML as it comes; refuses declarations of its own."""

    def __init__(self, name: str) -> None:
        self.lines: list[str] = []
        self._name = name
        self._parts: list[str] = []
        self._is_text = False
        self._skipping = 0
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._data
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.EntityDeclHandler = self._refuse

    def feed(self, chunk: bytes) -> None:
        self._parser.Parse(chunk, False)

    def close(self) -> None:
        self._parser.Parse(b"", True)

    def _refuse(self, *_: object) -> NoReturn:
        raise BadInput(f"{self._name!r} declares entities, which no Word document does")

    def _start(self, tag: str, _: dict[str, str]) -> None:
        local = _local(tag)
        self._skipping += local in _SKIPPED
        self._is_text = local == "t"
        if local in _BREAKS and not self._skipping:
            self._parts.append(_BREAKS[local])

    def _end(self, tag: str) -> None:
        local = _local(tag)
        self._skipping -= local in _SKIPPED
        self._is_text = False
        if local == "p":
            self.lines += "".join(self._parts).split("\n")
            self._parts = []
            if len(self.lines) > MAX_LINES:
                raise BadInput(f"{self._name!r} has more than {MAX_LINES:,} lines")

    def _data(self, data: str) -> None:
        if self._is_text and not self._skipping:
            self._parts.append(data)


def _local(tag: str) -> str:
    namespace, _, local = tag.rpartition(" ")
    return local if namespace in (_WORD, _STRICT) or local == "Fallback" else ""
