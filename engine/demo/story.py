"""The story, line by line: commands carried out, words said, time that passes."""

from __future__ import annotations

from engine.commands.standing import open_standing
from engine.core.errors import BadInput, Problem
from engine.demo.days import Days
from engine.demo.memory import Memory
from engine.demo.models import BeginModel, CommandModel, CountModel, FindModel, HoldModel, Line, StoryFile, UntilModel
from engine.demo.stage import Stage


class Story:
    """What is told of a pack, played on a stage, with the work of the days between the scenes."""

    def __init__(self, stage: Stage, days: Days, memory: Memory) -> None:
        self.stage = stage
        self.days = days
        self.memory = memory

    def play(self, told: StoryFile) -> None:
        """Scene after scene."""
        self.stage.say(told.opening)
        for scene in told.scenes:
            if scene.at is not None:
                self.days.until(scene.at)
            self.stage.scene(scene.title, scene.why, self.memory.now)
            for line in scene.lines:
                self._line(line)

    def _line(self, line: Line) -> None:
        match line:
            case str():
                self.stage.say(self.memory.said(line))
            case CommandModel():
                self._command(line)
            case UntilModel():
                self.days.until(line.until)
            case HoldModel():
                cases = {self.memory[name] for name in line.hold}
                self.days.held = set() if line.task else cases
                self.days.undone = {(case, line.task) for case in cases if line.task}
            case FindModel():
                for name, place in line.find.items():
                    self.memory[name] = self.days.first(place)
            case BeginModel():
                open_standing(self.stage.office)
            case CountModel():
                self.stage.count(line.count, self.memory.chief)

    def _command(self, line: CommandModel) -> None:
        if line.papers and not self.memory.papers:
            return
        words = [self.memory.said(word) for word in line.bihuan]
        new = self.memory.hear(self.stage.bihuan(words, line.show))
        if (line.name or line.rows) and not new:
            raise BadInput(
                Problem("RULE-026", f"bihuan {' '.join(line.bihuan)} 的回答里没有新的编号", "去掉 name、rows")
            )
        if line.name:
            self.memory[line.name] = new[0]
        for name, row in line.rows.items():
            self.memory[name] = self._row(new[0], row)

    def _row(self, file: str, row: int) -> str:
        """The case that a row of a list has opened."""
        with self.stage.office.store.reading() as driver:
            asked = "SELECT case_id FROM intake_row WHERE file = ? AND row = ?"
            found = driver.execute(asked, (file, row)).fetchone()
        if found is None or not found[0]:
            raise BadInput(Problem("RULE-026", f"名单第 {row} 行没有立案", "写立了案的行"))
        return str(found[0])
