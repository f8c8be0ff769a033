"""`rules`: the stored rules looked at."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.common import DEFAULT_DB, Db, Json, PackDir, console, office, print_json, table
from engine.cli.typed import Commands
from engine.core.errors import BadInput, Problem, listing, nearest

if TYPE_CHECKING:
    from engine.core.rulebook import Rulebook
    from engine.reading.graph import Picture

rules = Commands(help="规则：改动、流程图 (the rules: what an edit changes, pictures)", no_args_is_help=True)


@rules.command("copy")
def copy(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="新的文件夹 (a new folder)")],
    release: Annotated[int, typer.Option("--release", min=0, help="数据库里的第几版；0 是现行的")] = 0,
    db: Db = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """把数据库里的规则写成文件，在上面改 (write the stored rules to a folder, to edit them there)."""
    from engine.packs.scaffold import write_folder

    with office(db, quiet=as_json) as found:
        number = release or found.book().release
        written = write_folder(folder, found.releases.files(number))
    if as_json:
        print_json({"folder": str(folder), "release": number, "files": written})
        return
    console().print(f"第 {number} 版的 {len(written)} 个文件写在 {folder}；改好后 bihuan check {folder}")


@rules.command("diff")
def diff(
    new: Annotated[Path | None, typer.Argument(metavar="NEW", help="改过的规则包文件夹 (the edited pack)")] = None,
    old: Annotated[Path | None, typer.Option("--old", help="与哪个文件夹比；默认自带的规则包")] = None,
    release: Annotated[int | None, typer.Option("--release", min=0, help="与数据库里的第几版比；0 是现行的")] = None,
    draft: Annotated[int | None, typer.Option("--draft", min=1, help="看数据库里的哪份草案；默认与现行的比")] = None,
    db: Db = DEFAULT_DB,
    as_json: Json = False,
) -> None:
    """改了什么：用规则的话逐条列出，不是逐行比文字 (what an edit changes, in the words of the rules)."""
    from engine.packs.differences import differences
    from engine.packs.pack import read_folder, shipped

    if (new is None) == (draft is None):
        raise BadInput(Problem("ARG-004", "比什么没有写明", "写改过的文件夹，或 --draft 草案编号，两样写一样"))
    after = read_folder(new) if new is not None else {}
    if release is None and draft is None:
        before = read_folder(old or shipped())
    else:
        with office(db, quiet=True) as found:
            before = found.releases.files(release or found.book().release)
            after = found.releases.drafted(draft) if draft is not None else after
    changed = differences(before, after)
    if as_json:
        print_json({"changed": [each._asdict() for each in changed]})
        return
    if changed:
        console().print(table(f"改动 {len(changed)} 处", ("哪里", "原来", "现在"), changed))
    else:
        console().print("没有不同")


@rules.command("graph")
def graph(
    workflow: Annotated[str, typer.Argument(metavar="[WORKFLOW]", help="流程；不写则每个流程一张")] = "",
    out: Annotated[Path, typer.Option("--out", help="写到哪个文件夹 (folder)")] = Path("graphs"),
    db: Annotated[Path | None, typer.Option("--db", help="标上这个数据库里每个环节在办、超期的件数")] = None,
    pack: PackDir = None,
    as_json: Json = False,
) -> None:
    """流程图：每个环节的责任单位、时限和能办的动作，SVG 与 Mermaid (workflows as pictures)."""
    from engine.packs.pack import compile_pack, read_folder, shipped
    from engine.reading import graph as pictures

    if db is not None:
        with office(db, quiet=True) as found:
            book, standing = found.book(), pictures.standings(found)
            names = _chosen(book, workflow, standing)
            drawn = [
                pictures.picture(book, name, found.now(), standing.get(name, {}), found.releases.book) for name in names
            ]
    else:
        book = compile_pack(read_folder(pack or shipped()))
        drawn = [pictures.picture(book, name, datetime.now(UTC)) for name in _chosen(book, workflow, ())]
    _write(out, drawn)
    if as_json:
        print_json({"out": str(out), "workflows": [each.name for each in drawn]})
        return
    console().print(f"{len(drawn)} 张流程图（SVG 与 Mermaid）写在 {out}")


def _chosen(book: Rulebook, workflow: str, also: Iterable[str]) -> list[str]:
    """The workflows that are asked for, by name or title: all, and those that open cases are still in, unless said."""
    titles = {flow.title: name for name, flow in book.workflows.items()}
    known = list(dict.fromkeys([*book.workflows, *also]))
    chosen = titles.get(workflow, workflow)
    if chosen and chosen not in known:
        what = f"没有流程 {workflow}"
        hint = nearest(workflow, [*known, *titles])
        raise BadInput(Problem("ARG-005", what, f"可用：{listing(list(titles), 30)}", hint))
    return [chosen] if chosen else known


def _write(out: Path, drawn: Iterable[Picture]) -> None:
    from engine.reading.drawing import svg
    from engine.reading.graph import mermaid

    try:
        out.mkdir(parents=True, exist_ok=True)
        for each in drawn:
            (out / f"{each.name}.svg").write_text(svg(each), "utf-8")
            (out / f"{each.name}.mmd").write_text(mermaid(each), "utf-8")
    except OSError:
        raise BadInput(Problem("STORE-007", f"这里写不了文件：{out}", "换一个可以写的文件夹")) from None
