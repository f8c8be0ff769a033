"""Rules change under the eyes of two: drafted, approved, in force from their moment on, taken back, rolled back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from engine.commands import drafts
from engine.commands.bounding import bound
from engine.core.errors import BadInput, Damaged, Refused
from engine.core.values import parse_time
from engine.proof.audit import verify
from engine.reading import releases
from engine.service import Office
from tests.samples import opened, published

Files = dict[str, bytes]
Make = Callable[..., Office]
Later = Callable[..., int]
TERMS, ORGANISATION = "rules/terms.yaml", "rules/organisation.yaml"


def edited(files: Files, number: int = 2, name: str = TERMS) -> Files:
    """A pack that says the same in another text."""
    return files | {name: files[name] + f"# {number}\n".encode()}


def changed(files: Files, name: str, old: str, new: str) -> Files:
    text = files[name].decode()
    assert old in text
    return files | {name: text.replace(old, new, 1).encode()}


def drafted(office: Office, files: Files, effective_from: str = "") -> int:
    begins = parse_time(effective_from) if effective_from else None
    return drafts.draft(office, files, office.actor("guanli"), "李示例说核查太慢", begins)


def test_a_draft_changes_nothing_until_somebody_else_approves_it(office: Office, pack_files: Files) -> None:
    files = edited(pack_files)
    number = drafted(office, files)
    assert office.book().release == 1
    with pytest.raises(Refused, match=r"没有权限 approve — 有此权限的角色：规则批准人"):
        drafts.approve(office, number, office.actor("guanli"))
    told = drafts.approve(office, number, office.actor("pizhun"))
    assert (told["release"], office.book().release, office.releases.files(2)) == (2, 2, files)
    assert not verify(office).problems


def test_who_drafted_does_not_approve_even_with_both_rights(make_office: Make, pack_files: Files) -> None:
    office = make_office(
        files=changed(pack_files, ORGANISATION, "may: [publish, erase", "may: [publish, approve, erase")
    )
    number = drafted(office, edited(pack_files))
    with pytest.raises(Refused, match=r"DRAFT-003 — 草案 1 是 guanli 自己起草的 — 须由另一人批准"):
        drafts.approve(office, number, office.actor("guanli"))
    assert office.book().release == 1


def test_a_pack_without_a_second_person_says_so_before_anything_is_stored(
    make_office: Make, office: Office, pack_files: Files
) -> None:
    alone = changed(pack_files, ORGANISATION, "may: [approve]", "may: []")
    with pytest.raises(Refused, match=r"DRAFT-004 — 除 guanli 外没有人能批准规则（有权 approve 的：无）"):
        drafted(make_office(files=alone), pack_files)
    with pytest.raises(BadInput, match=r"BOUND-005 rules/organisation.yaml.*以后没有第二个人能批准规则"):
        drafted(office, alone)
    assert releases.drafts(office, office.actor("pizhun"), 9) == []


def test_a_release_comes_into_force_when_the_clock_passes_its_moment(
    office: Office, pack_files: Files, later: Later
) -> None:
    shorter = changed(pack_files, TERMS, "within: 2h, clause", "within: 1h, clause")
    told = published(office, shorter, parse_time("2022-05-27T00:00+08:00"))
    assert (told["release"], told["standing"], office.book().release) == (2, [], 1)
    later(hours=15, minutes=59)
    before = opened(office)
    later(minutes=1)
    after = opened(office, id_number="340103198103054108", name="王示例")
    chief = office.actor("shuju")
    assert [office.case(case, chief)[0].release for case in (before, after)] == [1, 2]
    assert not verify(office).problems


def test_what_always_stands_open_is_opened_on_the_day_the_rules_come_into_force(
    office: Office, pack_files: Files, later: Later
) -> None:
    published(office, edited(pack_files), parse_time("2022-05-28T00:00+08:00"))
    listed = 'SELECT count(*), min(opened_at) FROM "case"'
    later(hours=39)
    with office.store.reading() as driver:
        assert driver.execute(listed).fetchone() == (0, None)
    later(hours=2)
    with office.store.reading() as driver:
        count, at = driver.execute(listed).fetchone()
    assert (count, at) == (len(office.book().standing), parse_time("2022-05-28T00:00+08:00").timestamp() * 1e6)
    assert drafts.begin(office) == []
    assert not verify(office).problems


def test_a_moment_that_has_passed_becomes_that_of_the_approval(office: Office, pack_files: Files) -> None:
    told = published(office, edited(pack_files), parse_time("2022-05-01T00:00+08:00"))
    assert told["effective_from"] == office.now()


def test_a_draft_made_before_somebody_else_published_is_refused(office: Office, pack_files: Files) -> None:
    stale = drafted(office, edited(pack_files, 3))
    published(office, edited(pack_files))
    with pytest.raises(Refused, match=r"DRAFT-005 — 草案是在第 1 版上改的，现在最新的是第 2 版"):
        drafts.approve(office, stale, office.actor("pizhun"))


def test_no_release_comes_before_one_that_is_planned_until_that_is_withdrawn(office: Office, pack_files: Files) -> None:
    published(office, edited(pack_files), parse_time("2022-06-28T00:00+08:00"))
    urgent = edited(pack_files, 3)
    with pytest.raises(Refused, match=r"DRAFT-006 — 第 2 版定于 2022-06-28 00:00 生效.*rules withdraw 1"):
        drafted(office, urgent)
    assert drafts.withdraw(office, 1, office.actor("guanli")) == 2
    assert published(office, urgent)["release"] == 3
    assert [each["state"] for each in releases.releases(office, 9)] == ["现行", "已撤回", "已被替代"]
    assert not verify(office).problems


def test_what_is_in_force_is_not_withdrawn_but_rolled_back(office: Office, pack_files: Files, later: Later) -> None:
    published(office, edited(pack_files))
    with pytest.raises(Refused, match=r"DRAFT-002 — 草案 1 已经批准为第 2 版"):
        drafts.withdraw(office, 1, office.actor("guanli"))
    back = drafts.roll_back(office, 1, office.actor("guanli"), "改错了")
    assert drafts.approve(office, back, office.actor("pizhun"))["release"] == 3
    assert office.releases.files(3) == pack_files
    assert office.book().digest == office.book(1).digest


def test_a_draft_that_was_withdrawn_is_not_approved(office: Office, pack_files: Files) -> None:
    number = drafted(office, edited(pack_files))
    assert drafts.withdraw(office, number, office.actor("pizhun")) == 0
    with pytest.raises(Refused, match="草案 1 已经撤回"):
        drafts.approve(office, number, office.actor("pizhun"))
    with pytest.raises(Refused, match="没有权限 publish"):
        drafts.withdraw(office, number, office.actor("huaye"))


def test_a_draft_whose_text_was_changed_is_refused(office: Office, pack_files: Files) -> None:
    number = drafted(office, edited(pack_files))
    with office.store.writing(0) as writer:
        writer.cursor.execute("UPDATE draft SET text = replace(text, '14', '13')")
    with pytest.raises(Damaged, match="RULE-038 — 草案 1被改动过"):
        drafts.approve(office, number, office.actor("pizhun"))


def test_bounds_hold_for_a_draft_and_for_its_approval(office: Office, pack_files: Files) -> None:
    longer = changed(pack_files, TERMS, "及时.核查: {within: 2h", "及时.核查: {within: 30h")
    number = drafted(office, longer)
    bound(office, b"schema: 1\nlongest: 24h\n")
    with pytest.raises(
        BadInput, match=r"BOUND-001 rules/terms.yaml.*时长 1天6小时 太长 — 界限：不超过 1天（bounds.yaml:2）"
    ):
        drafts.approve(office, number, office.actor("pizhun"))
    with pytest.raises(BadInput, match="BOUND-001"):
        drafted(office, longer)
    assert office.book().release == 1
    bound(office, b"schema: 1\n")
    assert drafts.approve(office, number, office.actor("pizhun"))["release"] == 2


def test_bounds_that_were_changed_in_the_database_are_refused(office: Office, pack_files: Files) -> None:
    bound(office, b"schema: 1\nlongest: 24h\n")
    with office.store.writing(0) as writer:
        writer.cursor.execute("UPDATE bounds SET text = replace(text, '24h', '99d')")
    with pytest.raises(Damaged, match="规则的界限被改动过"):
        drafted(office, edited(pack_files))


def test_the_reason_is_shown_to_those_who_decide_and_lies_nowhere_in_clear(office: Office, pack_files: Files) -> None:
    drafted(office, edited(pack_files))
    (told,) = releases.drafts(office, office.actor("pizhun"), 9)
    assert (told["reason"], told["state"], told["drafted_by"], told["base"]) == (
        "李示例说核查太慢",
        "待批准",
        "guanli",
        1,
    )
    with pytest.raises(Refused, match="AUTH-002"):
        releases.drafts(office, office.actor("huaye"), 9)
    with office.store.reading() as driver:
        kept = [driver.execute(f"SELECT * FROM {table}").fetchall() for table in ("draft", "event", "vault")]
    assert "李示例" not in str(kept)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ("UPDATE release SET effective_from = effective_from + 1 WHERE number = 2", "第 2 版"),
        ("UPDATE release SET withdrawn_at = 1 WHERE number = 2", "第 2 版"),
        ("UPDATE release SET begun_at = NULL WHERE number = 1", "第 1 版"),
        ("UPDATE release SET draft = 2 WHERE number = 2", "第 2 版"),
        ("DELETE FROM release WHERE number = 2", "第 2 版"),
        ("UPDATE draft SET drafted_by = 'pizhun' WHERE number = 1", "草案 1"),
        ("UPDATE draft SET effective_from = 5 WHERE number = 1", "草案 1"),
        ("UPDATE draft SET impact = '{}' WHERE number = 1", "草案 1"),
        ("UPDATE draft SET withdrawn_by = NULL, withdrawn_at = NULL WHERE number = 2", "草案 2"),
        ("UPDATE draft SET text = text || ' ' WHERE number = 2", "草案 2"),
        ("DELETE FROM draft WHERE number = 2", "草案 2"),
        ("UPDATE bounds SET text = 'schema: 1'", "界限 1"),
        ("DELETE FROM bounds", "界限 1"),
    ],
)
def test_audit_finds_what_was_changed_of_rules(rich: Office, change: str, where: str) -> None:
    with rich.store.writing(0) as writer:
        writer.cursor.execute("SAVEPOINT change")
        writer.cursor.execute(change)
        found = [problem.expected for problem in verify(rich).problems]
        writer.cursor.execute("ROLLBACK TO change")
    assert where in found


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory, pack_files: Files) -> Office:
    """An office with a planned release, a draft taken back, and bounds."""
    base = tmp_path_factory.mktemp("rules")
    start = parse_time("2022-05-26T08:00+08:00")
    office = Office.create(base / "db" / "x.db", base / "k" / "key", pack_files, start)
    bound(office, b"schema: 1\nlongest: 90d\n")
    guanli = office.actor("guanli")
    begins = start + timedelta(days=9)
    number = drafts.draft(office, edited(pack_files), guanli, "试", begins)
    drafts.weigh(office, number, guanli)
    drafts.approve(office, number, office.actor("pizhun"))
    drafts.withdraw(office, drafts.draft(office, edited(pack_files, 3), guanli, "试", begins), guanli)
    assert not verify(office).problems
    return office
