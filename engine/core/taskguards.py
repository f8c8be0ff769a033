"""What the results of a task must say before a transition: its own case's, or those of the case it hangs on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

from engine.core.case import Done
from engine.core.situation import Situation
from engine.core.values import duration_words, local_day


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose results of which task; `clock` counts their days, `index`: those of the case this one hangs on."""

    task: str
    title: str
    clock: str = ""
    index: bool = False

    def results(self, at: Situation) -> list[Done]:
        """The results there are, in the order in which they were taken."""
        every = at.case.index_results if self.index else at.case.results
        return sorted((done for done in every if done.task == self.task), key=lambda done: (done.at, done.event))

    @property
    def words(self) -> str:
        """The task as a sentence calls it."""
        return f"上级案件的{self.title}" if self.index else self.title


@dataclass(frozen=True, slots=True)
class LastGuard:
    """The last result of a task must be this one, taken no earlier than a day of its clock, and not too long ago."""

    asked: Asked
    last: str
    from_day: str = ""
    """A whole number, or the parameter whose last day counts; empty: any day."""
    within: timedelta | None = None
    """How long ago it may have been taken."""

    def unmet(self, at: Situation) -> str:
        """Empty when it holds, else which result is asked for and which is there."""
        results = self.asked.results(at)
        needed, day, missing = self._needed(at)
        if missing:
            return missing
        zero = at.count(self.asked.clock).day_zero if self.asked.clock else None
        if not results:
            return f"缺少{needed}：还没有任何结果"
        done = results[-1]
        taken = local_day(done.at, at.zone)
        told = f"第 {(taken - zero).days} 天" if zero else taken.isoformat()
        if done.result != self.last:
            return f"要求{needed}，最近一次（{told}）为 {done.result}"
        if zero is not None and day is not None and (taken - zero).days < day:
            return f"缺少{needed}：最近一次采样在{told}"
        if self.within is not None and at.now - done.at > self.within:
            return f"缺少{needed}：最近一次采样在 {_at(done.at, at)}，已过 {duration_words(at.now - done.at)}"
        return ""

    def _needed(self, at: Situation) -> tuple[str, int | None, str]:
        recent = f"{duration_words(self.within)}内采样的" if self.within else ""
        if not self.from_day:
            return f"{recent}{self.asked.words}结果为 {self.last}", None, ""
        if self.from_day.isdigit():
            day = int(self.from_day)
        else:
            days = at.days_of(self.from_day)
            if not days:
                return "", None, f"{self.asked.title}没有适用的检测日参数 {self.from_day}"
            day = days[-1]
        return f"第 {day} 天及以后{recent or '采样的'}{self.asked.title}结果为 {self.last}", day, ""


@dataclass(frozen=True, slots=True)
class TimesGuard:
    """The latest results, one after another, must be this one so often, apart from each other, within a time."""

    asked: Asked
    result: str
    times: int
    within: timedelta | None = None
    apart: timedelta | None = None

    def unmet(self, at: Situation) -> str:
        """Empty when it holds, else how many there are and when the next one counts."""
        results = self.asked.results(at)
        chain = self._chain([done.at for done in _trailing(results, self.result)])
        if len(chain) >= self.times:
            return ""
        if not results:
            return f"缺少{self._needed()}：还没有任何结果"
        if not chain:
            return f"缺少{self._needed()}：最近一次（{_at(results[-1].at, at)}）为 {results[-1].result}"
        taken = "、".join(_at(one, at) for one in chain)
        return f"缺少{self._needed()}：现有 {len(chain)} 次（{taken}），{self._next(chain, at)}"

    def _chain(self, taken: list[datetime]) -> list[datetime]:
        """The most of these times that are far enough apart and close enough together, the latest such."""
        best: list[datetime] = []
        for start, first in enumerate(taken):
            chain = [first]
            for one in taken[start + 1 :]:
                near = self.within is None or one - first <= self.within
                if near and (self.apart is None or one - chain[-1] >= self.apart):
                    chain.append(one)
            if len(chain) >= len(best):
                best = chain
        return best

    def _needed(self) -> str:
        limits = [f"间隔不小于 {duration_words(self.apart)}"] if self.apart else []
        limits += [f"在 {duration_words(self.within)}内"] if self.within else []
        return f"连续 {self.times} 次{self.asked.words}结果为 {self.result}" + (
            f"（{'，'.join(limits)}）" if limits else ""
        )

    def _next(self, chain: list[datetime], at: Situation) -> str:
        earliest = chain[-1] + (self.apart or timedelta(0))
        if self.within is not None and max(earliest, at.now) > chain[0] + self.within:
            return f"隔得太久，须重新采样 {self.times} 次"
        return f"还差 {self.times - len(chain)} 次，下一次采样不早于 {_at(earliest, at)}"


@dataclass(frozen=True, slots=True)
class DaysGuard:
    """On each of these days of the task's clock, the last results (so many of them) must be this one."""

    asked: Asked
    result: str
    days: tuple[int, ...] | str
    """The days, or the parameter that lists them."""
    times: int = 1

    def unmet(self, at: Situation) -> str:
        """Empty when it holds, else what each of the days lacks."""
        days = at.days_of(self.days) if isinstance(self.days, str) else self.days
        if not days:
            return f"{self.asked.title}没有适用的检测日参数 {self.days}"
        count = at.count(self.asked.clock)
        if count.day_zero is None:
            return count.cannot
        taken: dict[int, list[Done]] = {}
        for done in self.asked.results(at):
            taken.setdefault((local_day(done.at, at.zone) - count.day_zero).days, []).append(done)
        lacking = [lacks for day in days if (lacks := self._lacks(day, taken.get(day, []), count.day_zero, at))]
        if not lacking:
            return ""
        listed = "、".join(str(day) for day in days)
        often = f"（每天 {self.times} 次）" if self.times > 1 else ""
        return f"要求第 {listed} 天的{self.asked.title}结果均为 {self.result}{often}：{'，'.join(lacking)}"

    def _lacks(self, day: int, taken: list[Done], zero: date, at: Situation) -> str:
        right = len(_trailing(taken, self.result))
        if right >= self.times:
            return ""
        if taken and not right:
            return f"第 {day} 天为 {taken[-1].result}"
        on = zero + timedelta(days=day)
        if on > local_day(at.now, at.zone):
            return f"第 {day} 天（{on.isoformat()}）还没有到"
        return f"第 {day} 天只有 {right} 次" if right else f"第 {day} 天（{on.isoformat()}）没有采样"


@dataclass(frozen=True, slots=True)
class FirstGuard:
    """The first results of a task, so many of them, must all be this one; those of each case this one hangs on."""

    asked: Asked
    result: str
    first: int

    def unmet(self, at: Situation) -> str:
        """Empty when it holds, else which of them is another or still missing."""
        needed = f"要求{self.asked.words}前 {self.first} 次结果均为 {self.result}"
        results = self.asked.results(at)
        told: dict[str, list[Done]] = {case: [] for case in at.case.parents} if self.asked.index else {}
        for done in results:
            told.setdefault(done.of, []).append(done)
        for case, each in (told or {"": results}).items():
            whose = f"{case} 的" if len(told) > 1 else ""
            for number, done in enumerate(each[: self.first], 1):
                if done.result != self.result:
                    return f"{needed}，{whose}第 {number} 次（{_at(done.at, at)}）为 {done.result}"
            if len(each) < self.first:
                return f"{needed}，{whose}现有 {len(each)} 次"
        return ""


@dataclass(frozen=True, slots=True)
class GapGuard:
    """Since the case entered its stage, a task was never longer without a result than this, up to now."""

    asked: Asked
    most: timedelta
    strict: bool
    """Whether exactly so long is already too long."""

    def unmet(self, at: Situation) -> str:
        """Empty when it holds, else the first time without a result that was too long."""
        since = at.in_stage_since
        taken = [done.at for done in self.asked.results(at) if since <= done.at <= at.now]
        for before, after in pairwise([since, *taken, at.now]):
            gap = after - before
            if gap > self.most or (self.strict and gap == self.most):
                limit = f"{'小于' if self.strict else '不超过'} {duration_words(self.most)}"
                between = f"{_at(before, at)} 至 {'现在' if after == at.now else _at(after, at)}"
                return f"要求进入本阶段以来{self.asked.words}的间隔都{limit}：{between} 之间隔了 {duration_words(gap)}"
        return ""


TaskGuard = LastGuard | TimesGuard | DaysGuard | FirstGuard | GapGuard


def _trailing(results: list[Done], result: str) -> list[Done]:
    """The last results, one after another, that are this one."""
    kept: list[Done] = []
    for done in reversed(results):
        if done.result != result:
            break
        kept.insert(0, done)
    return kept


def _at(moment: datetime, at: Situation) -> str:
    return moment.astimezone(at.zone).strftime("%m-%d %H:%M")
