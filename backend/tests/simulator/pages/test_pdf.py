"""The PDF is valid: each reference leads to its object."""

import re

import pytest

from simulator.pages.pdf import WIDTH, Document, escaped, width


def table(file: bytes) -> dict[int, int]:
    """Return each object's position in the file, according to the file's table, by the
    object's number.
    """
    start = int(re.findall(rb"startxref\n(\d+)\n%%EOF\n$", file)[0])
    head, count = re.findall(rb"^(xref)\n0 (\d+)\n", file[start:])[0]
    assert head == b"xref"
    rows = file[start:].splitlines()[2 : 2 + int(count)]
    assert rows[0] == b"0000000000 65535 f "
    return {number: int(row[:10]) for number, row in enumerate(rows[1:], 1)}


@pytest.fixture
def file() -> bytes:
    document = Document()
    for number in range(100):
        document.line((56, f"Line {number} (half) \\ ü 日"), right=f"€{number}.00")
    return document.bytes("Invoice (1)")


def test_every_object_stands_where_the_table_says(file):
    for number, place in table(file).items():
        assert file[place:].startswith(b"%d 0 obj\n" % number)


def test_every_reference_leads_to_an_object(file):
    assert {int(number) for number in re.findall(rb"(\d+) 0 R", file)} <= table(file).keys()


def test_streams_are_as_long_as_they_say(file):
    streams = re.findall(rb"/Length (\d+) >>\nstream\n(.*?)\nendstream", file, re.DOTALL)
    assert [int(length) for length, _ in streams] == [len(content) for _, content in streams]
    assert b"/Count %d " % len(streams) in file
    assert len(streams) > 1  # a hundred lines do not fit on one page
    assert b"Line 99" in streams[-1][1]


def test_text_cannot_end_its_string(file):
    assert escaped("a (b) \\ ü 日\n") == "a \\(b\\) \\\\ ü ?"
    assert b"/Title (Invoice \\(1\\))" in file
    assert "half\\) \\\\ ü ?) Tj".encode("cp1252") in file


def test_amounts_end_at_the_margin(file):
    x = re.search(rb"Tf ([\d.]+) [\d.]+ Td \(\x800\.00\)", file)
    assert x is not None
    assert float(x[1]) + width("€0.00", 10) == pytest.approx(WIDTH - 56, abs=0.1)
