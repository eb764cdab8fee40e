"""A roster says who is in the class, or everything that is wrong with it, line by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from chi_helpers.config import ConfigError, load, load_roster
from chi_helpers.model.roster import Person

ID = "0123456789abcdef" * 2


@pytest.fixture
def roster(tmp_path, monkeypatch):
    """Write roster.csv and load it."""
    monkeypatch.chdir(tmp_path)

    def write(content):
        Path("roster.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
        return load_roster("roster.csv")

    return write


@pytest.fixture
def problems(roster):
    def look(content):
        with pytest.raises(ConfigError) as caught:
            roster(content)
        return [str(problem).removeprefix("roster.csv:") for problem in caught.value.problems]

    return look


def test_every_column_arrives_in_any_order(roster):
    """Cells are stripped; a byte order mark and other line ends do not matter."""
    found = roster(
        "\ufeffgroup,Email, netid ,user,user_id,suffix,owner\r\n"
        f'g1,"a@example.edu", ab123,alice,{ID},al,ali\r\n'
    )
    assert found.people == (
        Person("ali", "alice", "ab123", "a@example.edu", suffix="al", user_id=ID, group="g1"),
    )
    assert found.people[0].names == ("ali", "alice", "ab123", "al")


@pytest.mark.parametrize(
    ("content", "owner"),
    [
        ("owner,user\nalice,au\n", "alice"),
        ("owner,user\n,au\n", "au"),
        ("netid,user\nab1,au\n", "au"),
        ("netid\nab1\n", "ab1"),
        ("user,netid\n,ab1\n", "ab1"),
        ("netid\n\nab1\n\n", "ab1"),
    ],
)
def test_the_owner_is_else_the_user_else_the_netid(roster, content, owner):
    """Lines with nothing on them are no rows."""
    assert [person.owner for person in roster(content).people] == [owner]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(
            "",
            [
                " is empty: the first line names the columns, of owner, user, netid, email, suffix, user_id, group"
            ],
            id="empty",
        ),
        pytest.param("owner\n", [" names nobody: add a line for each person"], id="header only"),
        pytest.param(
            "owner,e-mail,zip\nalice,a@b.c,1\n",
            [
                "1: e-mail: unknown column: did you mean email?",
                "1: zip: unknown column: they are owner, user, netid, email, suffix, user_id, group",
            ],
            id="unknown columns",
        ),
        pytest.param(
            "owner,,user\na,b,c\n",
            ["1: a column without a name: name it, or remove it"],
            id="nameless column",
        ),
        pytest.param(
            "owner;user\nalice;au\n", ["1: owner;user: separate the columns with commas"], id="semicolons"
        ),
        pytest.param(
            "owner,owner\na,b\n", ["1: owner: this column is there twice: keep one"], id="column twice"
        ),
        pytest.param(
            "email,group\na@b.c,g\n",
            ["1: no column says who it is: add one of owner, user, netid"],
            id="no name column",
        ),
        pytest.param(
            "owner,email\nalice,a@b.c\n,\nbob,\n", ["3: this row is empty: remove it"], id="empty row"
        ),
        pytest.param(
            "owner,email\n,a@b.c\n", ["2: does not say who it is: fill in owner"], id="nameless row"
        ),
        pytest.param("owner,email\nalice\n", ["2: 1 cells under 2 columns: add commas"], id="short row"),
        pytest.param(
            "owner,email\na,b@c.de,f\n",
            ["2: 3 cells under 2 columns: put a cell that holds a comma in double quotes"],
            id="long row",
        ),
        pytest.param(
            "owner,email\nalice,a.example.edu\nbob,b@localhost\ncarl,c@@d.e\ndora,d@e.f?x=1\n",
            [
                '2: email: "a.example.edu" is not an e-mail address',
                '3: email: "b@localhost" is not an e-mail address',
                '4: email: "c@@d.e" is not an e-mail address',
                '5: email: "d@e.f?x=1" is not an e-mail address',
            ],
            id="bad e-mail",
        ),
        pytest.param(
            "owner\nalice smith\n",
            [
                '2: owner: "alice smith" cannot be part of a resource\'s name: letters, digits and . _ @ + -, at most 63'
            ],
            id="bad owner",
        ),
        pytest.param(
            "owner,user_id\nalice,42\n",
            ['2: user_id: "42" is not an id of Keystone\'s: 32 or 64 of 0-9a-f'],
            id="bad user id",
        ),
        pytest.param(
            "owner,user\nalice,au\nalice,bu\n",
            ['3: owner: "alice" is alice of line 2 already: two people, two names'],
            id="owner twice",
        ),
        pytest.param(
            "owner,netid,suffix\nalice,ab1,\nbob,bb2,ab1\n",
            ['3: suffix: "ab1" is alice of line 2 already: two people, two names'],
            id="one's netID is the other's suffix",
        ),
        pytest.param(
            f"owner,user_id\nalice,{ID}\nbob,{ID}\n",
            [f'3: user_id: "{ID}" is alice of line 2 already: two people, two names'],
            id="user id twice",
        ),
        pytest.param('owner\n"alice\nbob\n', ["2: is not CSV: unexpected end of data"], id="open quote"),
        pytest.param(
            b"owner\nalice\nJos\xe9\n", ["3: byte 0xe9 is not UTF-8: save the file as UTF-8"], id="not UTF-8"
        ),
        pytest.param(
            b"#" * (1 << 20) + b"\n", [" larger than a megabyte: this is not a roster"], id="too large"
        ),
        pytest.param(
            "owner\n" + "".join(f"p{n}\n" for n in range(5001)),
            ["5002: more than 5000 people: this is not a class"],
            id="too many",
        ),
    ],
)
def test_a_wrong_roster_is_told_what_to_do(problems, content, says):
    """Exactly these problems, on these lines, in these words."""
    assert problems(content) == says


def test_all_problems_are_reported_together(problems):
    """A wrong row hides none after it, and a line is where its row begins, also after a cell of two lines."""
    content = 'owner,email,group\nalice,nowhere,g1\n"b\nob",b@c.de,g 2\nalice,a@b.cd,\nali,a@b.cd,\nali,,\n'
    assert problems(content) == [
        '2: email: "nowhere" is not an e-mail address',
        '3: group: "g 2" cannot be part of a resource\'s name: letters, digits and . _ @ + -, at most 63',
        '3: owner: "b\nob" cannot be part of a resource\'s name: letters, digits and . _ @ + -, at most 63',
        '7: owner: "ali" is ali of line 6 already: two people, two names',
    ]


def test_a_missing_roster_says_who_names_it(tmp_path):
    """The path comes from the lab's file."""
    with pytest.raises(ConfigError, match=r"no such file: make it, or correct class\.roster"):
        load_roster(tmp_path / "none.csv")


def test_the_lab_is_read_without_its_roster(tmp_path):
    """Students have no roster; `load` only says where it would be."""
    path = tmp_path / "reservation.yaml"
    path.write_text(
        "version: 1\nlab: hello\nsite: x\nlifetime: {max: 6h}\n"
        "nodes: {node1: {flavor: a, image: b}}\nclass: {roster: people/r.csv}\n",
        encoding="utf-8",
    )
    section = load(path).class_
    assert section is not None
    assert section.roster == tmp_path / "people" / "r.csv"
