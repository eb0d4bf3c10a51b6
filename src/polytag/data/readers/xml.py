"""XML without document types."""

from pathlib import Path
from xml.etree import ElementTree

from polytag.errors import DataError


def parse_xml(file: Path) -> ElementTree.Element:
    """The root of an XML file.

    Raises:
        DataError: if it is not valid, or declares a document type, whose entities could swell to gigabytes.
    """
    parser = ElementTree.XMLParser(target=_NoDocumentType())
    try:
        parser.feed(file.read_bytes())
        root: ElementTree.Element = parser.close()
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # the latter of an encoding it cannot read
        raise DataError(f"{file} is not valid XML ({error}); correct it or remove it") from error
    except _DocumentTypeError as error:
        raise DataError(
            f"{file} declares a document type, which labels have no need of; remove the declaration"
        ) from error
    return root


class _DocumentTypeError(Exception):
    pass


class _NoDocumentType(ElementTree.TreeBuilder):
    """Stops at a document type, before its entities can swell to gigabytes."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise _DocumentTypeError
