"""What people do at random: everything the office offers, by whoever, with right and wrong evidence, early and late."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from engine import areas
from engine.commands import children, corrections, custody, postponing, tasks, trips
from engine.commands.noting import acknowledge
from engine.commands.privacy import erase
from engine.core.case import Case, micros
from engine.core.conditions import Fact, Field, holds
from engine.core.guards import FactGuard
from engine.core.org import Actor
from engine.core.workflows import Evidence, Transition
from engine.intake.take import take
from engine.service import Office
from engine.timing.sweep import move_clock, sweep
from tests.simulation.world import World

MOST_PERSONS = 7
STEPS = [10, 45, 120, 300, 60 * 12, 60 * 24, 60 * 50, 60 * 24 * 6, 60 * 24 * 14]
"""Minutes."""
AREA = "province,city,county,area,level,listed_from,listed_until\n"


def somebody(world: World, case: Case, by: tuple[str, ...]) -> Actor:
    """Mostly one of those who may act on a case in one of these roles."""
    organisation = world.book.organisation
    allowed = [
        user
        for user in world.staff
        if (actor := organisation.actor(user)) and organisation.acts_as(actor, by, case.owner, case.involved)
    ]
    return world.actor(world.rng.choice(allowed) if allowed and world.rng.random() < 0.85 else "")


def of_unit(world: World, unit: str) -> Actor:
    """Mostly one of a unit's people."""
    there = [user for user in world.staff if unit in world.actor(user).units()]
    return world.actor(world.rng.choice(there) if there and world.rng.random() < 0.8 else "")


def value(world: World, field: Field, now: datetime) -> Any:
    """A value of a fact, seldom a wrong one."""
    rng = world.rng
    if rng.random() < 0.03 and field.type not in ("text", "person_ref"):
        return rng.choice(
            ["不知道", "2099-01-01", "2001-01-01T00:00+08:00", "-5", world.rng.choice(world.canaries or ["x"])]
        )
    if field.type in ("enum", "unit") and field.values:
        return rng.choice(field.values)
    if field.type == "unit":
        return rng.choice(world.book.organisation.communities)
    if field.type == "time":
        return (now - timedelta(minutes=rng.choice([0, 0, 0, 3, 50, 600]))).isoformat()
    if field.type == "date":
        return str((now - timedelta(days=rng.choice([0, 0, 0, 1, 2, 9]))).date())
    if field.type == "integer":
        return rng.choice([1, 3, 3, 5])
    if field.type == "yes_no":
        return rng.choice(["是", "否"])
    if field.type == "person_ref":
        return rng.choice([*world.cases])
    return canary(world) if field.pii and field.type == "text" else f"{rng.randrange(1000)}"


def canary(world: World) -> str:
    """A personal text that may be found in the vault and nowhere else."""
    text = f"金丝雀{world.seed}之{len(world.canaries)}"
    world.canaries.append(text)
    return text


def evidence(
    world: World, case: Case, asked: tuple[Evidence, ...], now: datetime, meant: Transition | None = None
) -> dict[str, Any]:
    """What is filled in: mostly all that is required, and mostly what the guards want to hear."""
    fields = world.book.kind_of(case.workflow).fields
    rng = world.rng
    told = {
        item.field: value(world, fields[item.field], now)
        for item in asked
        if rng.random() < (0.96 if item.required else 0.3)
    }
    for guards in meant.when if meant is not None else ():
        for guard in guards:
            if isinstance(guard, FactGuard) and guard.field.name in told and rng.random() < 0.8:
                options: tuple[Fact, ...] = (*guard.field.values, 3)
                wanted = [one for one in options if holds(guard.cell, one)]
                told |= {guard.field.name: rng.choice(wanted)} if wanted else {}
    if rng.random() < 0.02:
        told[rng.choice(list(fields))] = "1"
    return told


def at(world: World) -> datetime | None:
    """Now, or some time ago: entered late."""
    ago = world.rng.choice([0, 0, 0, 0, 5, 40, 300, 3000])
    return world.offices[0].now() - timedelta(minutes=ago) if ago else None


def pick(world: World) -> Case | None:
    """A case, mostly an open one."""
    rng = world.rng
    chosen = list(world.cases.values())
    still = [case for case in chosen if not case.final]
    if still and rng.random() < 0.95:
        return rng.choice(still)
    return rng.choice(chosen) if chosen else None


def keyed(world: World, act: Callable[[Office, str], Any]) -> None:
    """Some requests carry a key, under which they can be sent again."""
    key = f"K{len(world.told)}" if world.rng.random() < 0.15 else ""
    office = world.office

    def again(other: Office) -> Any:
        return act(other, key)

    answer = world.tried(lambda: act(office, key))
    if key and answer is not None:
        world.requests.append((again, answer))


def person(world: World) -> dict[str, Any]:
    """Somebody new or known, of any category."""
    rng, now = world.rng, world.offices[0].now()
    if world.persons and rng.random() < 0.3:
        told: dict[str, Any] = dict(rng.choice(world.persons))
    else:
        number = len(world.persons)
        told = {
            "name": "金" + chr(0x4E10 + world.seed % 2000) + chr(0x5F00 + number),
            "phone": f"139{world.seed % 10000:04d}{number:04d}",
        }
        world.persons.append(dict(told))
        world.canaries += told.values()
        told["address"] = canary(world)
    options: dict[str, list[Any]] = {
        "contact": [None, None, "密切接触者", "次密接"],
        "origin_level": [None, "high", "medium", "low", "county", "none"],
        "pcr_result": [None, None, None, "阴性", "阳性", "可疑"],
        "symptoms": [None, None, None, "发热", "咳嗽"],
        "inbound": [None, None, None, "是"],
        "key_group": [None, None, "康复患者", "无症状感染者"],
        "community": [None, *world.book.organisation.communities],
        "left_on": [None, *(str((now - timedelta(days=n)).date()) for n in (0, 2, 9))],
        "last_exposure": [None, *(str((now - timedelta(days=n)).date()) for n in (0, 1, 4))],
        "discharged_on": [None, str((now - timedelta(days=1)).date())],
        "origin_province": [None, "省"],
    }
    told |= {name: found for name, values in options.items() if (found := rng.choice(values)) is not None}
    if told.get("origin_province"):
        told |= {"origin_city": "市", "origin_county": "县", "origin_area": f"某地{rng.randrange(3)}"}
        told.pop("origin_level", None)
    return told


def open_(world: World) -> None:
    if len(world.persons) >= MOST_PERSONS and world.rng.random() < 0.8:
        return advance(world)
    told, actor = person(world), world.actor(world.rng.choice(["shuju", "shewu", "huaye", ""]))
    world.tell(f"{actor.user} 立案 {told}")
    return keyed(world, lambda office, key: office.open_case("person", told, actor, key))


def take_in(world: World) -> None:
    if world.listed >= 2:
        return advance(world)
    world.listed += 1
    headers = ["姓名", "身份证号", "手机号", "所属社区", "核酸结果"]
    rows = [headers]
    for _ in range(3):
        told = person(world)
        number = world.rng.choice(["340102196502162100", "340103198103054108", "34010", ""])
        rows.append([told["name"], number, told["phone"], told.get("community", "不明"), told.get("pcr_result", "")])
    path = world.folder / f"list{world.listed}.csv"
    path.write_text("\n".join(",".join(row) for row in rows), "utf-8")
    actor, source = world.actor(world.rng.choice(["shuju", ""])), world.rng.choice(list(world.book.sources))
    world.tell(f"{actor.user} 导入 {source} {rows[1:]}")
    world.tried(lambda: take(world.office, path, source, actor))
    return None


def advance(world: World) -> None:
    """Any verb, or one that is possible."""
    case = pick(world)
    if case is None:
        return open_(world)
    rng, flow, now = world.rng, world.book.workflows[case.workflow], world.offices[0].now()
    leaving = [verb for verb in flow.leaving(case.state) if not verb.danger or rng.random() < 0.15]
    verb = rng.choice(leaving) if leaving and rng.random() < 0.9 else rng.choice(list(flow.transitions.values()))
    told, actor, when = evidence(world, case, verb.evidence, now, verb), somebody(world, case, verb.by), at(world)
    name = verb.name if rng.random() < 0.98 else "nonsense"
    world.tell(f"{actor.user} {name} {case.id} {told} {when}")
    return keyed(
        world, lambda office, key: office.advance(case.id, name, actor, told, occurred_at=when, request_key=key)
    )


def hand(world: World) -> None:
    """Offer, accept, return, decline, assign."""
    case = pick(world)
    if case is None:
        return open_(world)
    rng = world.rng
    units = list(world.book.organisation.units)
    unit = rng.choice(units if rng.random() < 0.5 else world.book.organisation.communities)
    when = at(world)
    if case.offer is None:
        kind = rng.choice(["offer", "offer", "decline", "assign", "accept"])
    else:
        kind = rng.choice(["accept", "accept", "accept", "return", "offer"])
    giver, taker = of_unit(world, case.owner), of_unit(world, case.offer.to if case.offer else unit)
    if case.offer is not None and not world.book.organisation.staffed(case.offer.to):
        taker = of_unit(world, case.owner)
    if kind == "offer":
        world.tell(f"{giver.user} 交 {case.id} 给 {unit} {when}")
        return keyed(world, lambda o, key: custody.offer(o, case.id, unit, giver, occurred_at=when, request_key=key))
    if kind == "accept":
        told = accepting(world, case)
        world.tell(f"{taker.user} 签收 {case.id} {told} {when}")
        return keyed(world, lambda o, key: custody.accept(o, case.id, taker, told, occurred_at=when, request_key=key))
    reason = canary(world)
    if kind == "return":
        world.tell(f"{taker.user} 退回 {case.id} {when}")
        return keyed(
            world, lambda o, key: custody.give_back(o, case.id, taker, reason, occurred_at=when, request_key=key)
        )
    if kind == "decline":
        world.tell(f"{giver.user} 退单 {case.id} 给 {unit}")
        return keyed(world, lambda o, key: custody.decline(o, case.id, unit, giver, reason, request_key=key))
    arbiter = of_unit(world, world.book.hand_over.arbiter)
    world.tell(f"{arbiter.user} 裁定 {case.id} 归 {unit}")
    return keyed(world, lambda o, key: custody.assign(o, case.id, unit, arbiter, reason, request_key=key))


def accepting(world: World, case: Case) -> dict[str, Any]:
    from engine.core.custody import asked_of_receiver  # noqa: PLC0415 - only here

    return evidence(world, case, asked_of_receiver(world.book, case), world.offices[0].now())


def send(world: World) -> None:
    """A trip of several."""
    rng = world.rng
    still = [case for case in world.cases.values() if not case.final]
    if not still:
        return open_(world)
    first = rng.choice(still)
    same = [case.id for case in still if case.owner == first.owner or rng.random() < 0.05][:3]
    sites = [unit.name for unit in world.book.organisation.units.values() if unit.kind in ("site", "community")]
    to, actor, driver = rng.choice(sites), of_unit(world, first.owner), canary(world)
    world.tell(f"{actor.user} 发车 {same} 到 {to}")
    return keyed(world, lambda o, key: trips.open_trip(o, "皖A", driver, to, same, actor, request_key=key))


def receive(world: World) -> None:
    """Somebody may be missing, somebody too many."""
    rng = world.rng
    under_way = [case for case in world.cases.values() if case.offer is not None and case.offer.trip]
    if not under_way:
        return send(world)
    offer = rng.choice(under_way).offer
    assert offer is not None
    there = [case for case in under_way if case.offer and case.offer.trip == offer.trip and rng.random() < 0.8]
    ticked = {case.id: accepting(world, case) for case in there}
    extra = [rng.choice(list(world.cases))] if rng.random() < 0.2 else []
    actor, when = of_unit(world, offer.to), at(world)
    world.tell(f"{actor.user} 收车 {offer.trip} {ticked} 多 {extra} {when}")
    return keyed(
        world,
        lambda o, key: trips.receive(o, offer.trip, ticked, actor, extra=extra, occurred_at=when, request_key=key),
    )


def work(world: World) -> None:
    """Tasks claimed, given up, done one by one or in bulk, skipped."""
    rng = world.rng
    busy = [case for case in world.cases.values() if case.plans]
    if not busy:
        return advance(world)
    case = rng.choice(busy)
    flow = world.book.workflows[case.workflow]
    task = rng.choice(list(flow.tasks.values()))
    verb = next((verb for verb in flow.transitions.values() if verb.task == task.name), None)
    how = rng.choice(["claim", "give_up", "done", "done", "done", "bulk", "skip"])
    actor = somebody(world, case, task.skip_by if how == "skip" else verb.by if verb else ())
    world.tell(f"{actor.user} {how} {task.name} {case.id}")
    if how == "skip":
        reason = canary(world)
        world.tried(lambda: tasks.skip(world.office, case.id, task.name, actor, reason))
    elif how in ("claim", "give_up"):
        world.tried(lambda: tasks.claim(world.office, case.id, task.name, actor, give_up=how == "give_up"))
    else:
        cases = [case, *rng.sample(busy, min(2, len(busy)))] if how == "bulk" else [case]
        fields, now = world.book.kind_of(case.workflow).fields, world.offices[0].now()
        good = [one for one in fields[task.result].values if one not in task.on_result]
        results = [
            (one.id, rng.choice(good) if rng.random() < 0.85 else value(world, fields[task.result], now))
            for one in cases
        ]
        when = at(world)
        world.told[-1] += f" {results} {when}"
        for told in world.tried(lambda: tasks.done(world.office, task.name, results, actor, at=when)) or ():
            if told.refused:
                world.refused(told.refused)
    return None


def correct(world: World) -> None:
    """Facts put right, near and far back, confirmed and rejected."""
    rng = world.rng
    waiting = [case for case in world.cases.values() if case.proposal is not None and not case.final]
    if waiting and rng.random() < 0.6:
        case, reject = rng.choice(waiting), rng.random() < 0.3
        proposer = case.proposal.by if case.proposal else ""
        actor = world.actor(rng.choice(["shenpi", proposer, ""]))
        world.tell(f"{actor.user} {'驳回' if reject else '确认'} {case.id}")
        world.tried(lambda: corrections.confirm(world.office, case.id, actor, reject=reject))
        return None
    found = pick(world)
    if found is None:
        return open_(world)
    fields, now = world.book.kind_of(found.workflow).fields, world.offices[0].now()
    names = ["community", "contact", "last_exposure", "left_on", "origin_level", "quarantine_started", "symptoms",
             "address", "discharged_on", "days_served", "managed_from"]  # fmt: skip
    chosen = [name for name in rng.sample(names, rng.choice([1, 1, 2])) if name in fields]
    raw = {name: value(world, fields[name], now) for name in chosen}
    if rng.random() < 0.3:
        raw = (
            {"last_exposure": str((now - timedelta(days=rng.choice([8, 12]))).date())}
            if "last_exposure" in fields
            else raw
        )
    actor, dry = somebody(world, found, ("officer", "community_worker", "data")), rng.random() < 0.1
    reason = canary(world)
    world.tell(f"{actor.user} 更正 {found.id} {raw} dry={dry}")
    if dry:
        world.tried(lambda: corrections.correct(world.office, found.id, raw, reason, actor, dry_run=True))
        return None
    return keyed(
        world,
        lambda o, key: corrections.correct(o, found.id, raw, reason, actor, request_key=key),
    )


def child(world: World) -> None:
    """A contact of a case."""
    bearing = [case for case in world.cases.values() if not case.final and world.book.workflows[case.workflow].children]
    if not bearing or len(world.persons) > MOST_PERSONS + 2:
        return advance(world)
    parent = world.rng.choice(bearing)
    kind = world.rng.choice(list(world.book.workflows[parent.workflow].children.values()))
    told, actor = person(world), somebody(world, parent, kind.by)
    told = {name: told[name] for name in told if name in ("name", "phone", "community", "last_exposure")}
    world.tell(f"{actor.user} 下属 {parent.id} {told}")
    return keyed(world, lambda o, key: children.open_child(o, parent.id, kind.name, told, actor, key))


def note(world: World) -> None:
    case = pick(world)
    if case is None:
        return open_(world)
    actor = of_unit(world, case.owner)
    world.tell(f"{actor.user} 知悉 {case.id}")
    world.tried(lambda: acknowledge(world.office, case.id, "", actor))
    return None


def put_off(world: World) -> None:
    case = pick(world)
    if case is None:
        return open_(world)
    rng = world.rng
    kind, name = rng.choice(["extended", "shelved"]), rng.choice([*case.deadlines, "x"])
    length, actor = timedelta(hours=rng.choice([1, 10, 30])), world.actor(rng.choice(["shenpi", "shenpi", ""]))
    reason = canary(world)
    world.tell(f"{actor.user} {kind} {case.id} {name} {length}")
    return keyed(
        world, lambda o, key: postponing.put_off(o, case.id, kind, name, length, actor, reason, request_key=key)
    )


def load(world: World) -> None:
    """A small list of areas, that changes what is known of stays."""
    rng, now = world.rng, world.offices[0].now()
    day = (now - timedelta(days=rng.choice([1, 5, 20]))).date()
    until = str(now.date()) + "T00:00:00+08:00" if rng.random() < 0.5 else ""
    rows = [
        f"省,市,县,某地{n},{rng.choice(['high', 'medium', 'low'])},{day}T00:00:00+08:00,{until}\n"
        for n in range(3)
        if rng.random() < 0.7
    ]
    path = world.folder / f"areas{len(world.told)}.csv"
    path.write_text(AREA + "".join(rows), "utf-8")
    actor, dry = world.actor(rng.choice(["shuju", "shuju", ""])), rng.random() < 0.2
    world.tell(f"{actor.user} 地区 {rows} dry={dry}")
    world.tried(lambda: areas.load(world.office, path, actor, dry_run=dry))


def later(world: World) -> None:
    """Time passes; sometimes nobody sweeps."""
    rng = world.rng
    minutes = rng.choices(STEPS, [8, 8, 8, 6, 5, 5, 3, 1, 0.5])[0]
    how = rng.random()
    office = world.office
    step = timedelta(minutes=minutes)
    world.tell(f"过 {step} {how:.2f}")
    if how < 0.25 and minutes <= 300:
        move_clock(office, step)
        return
    office.set_clock(micros(office.now() + step))
    if how < 0.8:
        sweep(office)


def erase_(world: World) -> None:
    ended = [case for case in world.cases.values() if case.final]
    if not ended:
        return advance(world)
    case, actor = world.rng.choice(ended), world.actor(world.rng.choice(["guanli", "guanli", ""]))
    world.tell(f"{actor.user} 清除 {case.subject}")
    world.tried(lambda: erase(world.office, case.subject, actor))
    return None


def again(world: World) -> None:
    """A request that was answered is sent once more: the same answer, and nothing happens."""
    if not world.requests:
        return advance(world)
    act, answer = world.rng.choice(world.requests[-8:])
    world.tell("同一请求再来一次")
    given = world.tried(lambda: act(world.office))
    assert given == answer, f"同一请求两个答复：{answer} {given}"
    return None


def crash(world: World) -> None:
    """The process ends in the middle of an act, and another one takes its place."""
    office, other = world.offices
    where, act = (
        world.rng.choice(["commit", "append", "begin"]),
        world.rng.choice([advance, hand, correct, open_, send]),
    )
    world.tell(f"崩溃（{where}）：")
    world.offices = [office, office]
    with world.crash(office, where):
        act(world)
    world.offices = [world.open(), other]


def race(world: World) -> None:
    """Two offices act at once: one decides, the other writes first."""
    mine, other = world.offices
    first, second = world.rng.choice([advance, hand, work, correct]), world.rng.choice([advance, hand, work])
    case = pick(world)
    if case is None:
        return open_(world)

    def rival() -> None:
        world.offices = [other, other]
        only = world.cases
        world.cases = {case.id: case}
        second(world)
        world.cases = only

    world.tell("同时：")
    world.offices = [mine, mine]
    only = world.cases
    with world.overtaken(mine, rival):
        world.cases = {case.id: case}
        first(world)
    world.cases = only
    world.offices = [mine, other]
    return None


COMMANDS: dict[Callable[[World], None], float] = {
    open_: 10, take_in: 1, advance: 90, hand: 45, send: 8, receive: 10, work: 30, correct: 14, child: 6, note: 4,
    put_off: 3, load: 2, later: 32, erase_: 2, again: 6, crash: 6, race: 8,
}  # fmt: skip
"""Each with how often it is done beside the others."""


def step(world: World) -> None:
    """One command at random."""
    command = world.rng.choices(list(COMMANDS), list(COMMANDS.values()))[0]
    command(world)
