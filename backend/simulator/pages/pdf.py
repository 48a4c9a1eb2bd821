"""A small writer of PDF 1.4 (ISO 32000-1).

The pages are A4. The font is Helvetica, which every PDF viewer has.
"""

from dataclasses import dataclass, field

WIDTH, HEIGHT, MARGIN = 595, 842, 56
# Character widths of Helvetica in thousandths of the font size, for the characters of
# amounts. All other characters are taken to be as wide as O.
NARROW = {**dict.fromkeys("0123456789$€£¥", 556), **dict.fromkeys(".,: ", 278), "-": 333}
OTHER = 722


@dataclass
class Document:
    """A document. Text is written from `y` downwards, and continues on a new page."""

    pages: list[list[str]] = field(default_factory=lambda: [[]])
    y: float = HEIGHT - MARGIN

    def line(
        self, *cells: tuple[float, str], size: int = 10, bold: bool = False, right: str = ""
    ) -> None:
        """Write a line. Each cell begins at its x, and `right` ends at the margin."""
        if self.y < MARGIN + size:
            self.pages.append([])
            self.y = HEIGHT - MARGIN
        self.y -= size
        for x, text in cells:
            self._show(x, text, size, bold=bold)
        if right:
            self._show(WIDTH - MARGIN - width(right, size), right, size, bold=bold)
        self.y -= size * 0.6

    def space(self, points: float) -> None:
        self.y -= points

    def rule(self) -> None:
        """Draw a thin horizontal line between the margins."""
        self.pages[-1].append(f"0.5 w {MARGIN} {self.y:.1f} m {WIDTH - MARGIN} {self.y:.1f} l S")
        self.y -= 8

    def _show(self, x: float, text: str, size: int, *, bold: bool) -> None:
        font = "F2" if bold else "F1"
        self.pages[-1].append(
            f"BT /{font} {size} Tf {x:.1f} {self.y:.1f} Td ({escaped(text)}) Tj ET"
        )

    def bytes(self, title: str) -> bytes:
        """Return the file: catalogue, pages, fonts, title, and the contents of each
        page.
        """
        kids = " ".join(f"{6 + 2 * number} 0 R" for number in range(len(self.pages)))
        font = "<< /Type /Font /Subtype /Type1 /BaseFont /{} /Encoding /WinAnsiEncoding >>"
        objects = [
            "<< /Type /Catalog /Pages 2 0 R /Lang (en) >>",
            f"<< /Type /Pages /Kids [{kids}] /Count {len(self.pages)} >>",
            font.format("Helvetica"),
            font.format("Helvetica-Bold"),
            f"<< /Title ({escaped(title)}) >>",
        ]
        resources = "/Resources << /Font << /F1 3 0 R /F2 4 0 R >> >>"
        for number, page in enumerate(self.pages):
            box, content = f"/MediaBox [0 0 {WIDTH} {HEIGHT}]", "\n".join(page)
            objects.append(
                f"<< /Type /Page /Parent 2 0 R {box} {resources} /Contents {7 + 2 * number} 0 R >>"
            )
            objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
        return _file(objects)


def _file(objects: list[str]) -> bytes:
    """Return the objects, followed by the table of the offsets at which they begin."""
    file, places = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(file))
        file += f"{number} 0 obj\n{body}\nendobj\n".encode("cp1252")
    start, count = len(file), len(objects) + 1
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    trailer = f"trailer\n<< /Size {count} /Root 1 0 R /Info 5 0 R >>\nstartxref\n{start}\n%%EOF\n"
    return bytes(file) + f"xref\n0 {count}\n0000000000 65535 f \n{table}{trailer}".encode("ascii")


def escaped(text: str) -> str:
    """Escape text for a PDF string.

    Characters outside of the Western European code page become question marks.
    """
    known = text.encode("cp1252", "replace").decode("cp1252")
    return "".join(
        f"\\{character}" if character in "()\\" else character
        for character in known
        if character >= " "
    )


def width(text: str, size: int) -> float:
    return sum(NARROW.get(character, OTHER) for character in text) * size / 1000
