"""The scheduler only pokes: what is due stands in the database, and any number of these may run."""

from __future__ import annotations

import sys

from apscheduler.schedulers.blocking import BlockingScheduler
from loguru import logger

from engine.core.case import micros
from engine.service import Office
from engine.timing.delivery import deliver
from engine.timing.sweep import sweep


def log_to_stdout() -> None:
    """Log lines to standard output, without the values of variables: a traceback once printed an ID number."""
    logger.remove()
    logger.add(sys.stdout, format="{time:YYYY-MM-DD HH:mm:ss} {level} {message}", diagnose=False, backtrace=False)


def tick(office: Office, name: str = "sweeper") -> int:
    """Sweep, deliver what waits in the outbox, and leave a heartbeat; how many alerts were raised."""
    raised = sweep(office)
    note = "【演练】" if office.rehearsal else ""
    deliver(office, lambda told, text: logger.info("{}告 {}：{}", note, told, text))
    now = micros(office.now())
    with office.store.writing(now) as writer:
        writer.cursor.execute(
            "INSERT INTO heartbeat (name, at) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET at = excluded.at",
            (name, now),
        )
    return raised


def _safely(office: Office) -> None:
    try:
        tick(office)
    except Exception as error:  # noqa: BLE001 - one failed tick must not stop the next
        logger.error("巡检没有完成：{}", str(error) or type(error).__name__)


def run(office: Office, seconds: int) -> None:
    """Tick until stopped; a late or missed tick is made up by the next one, once."""
    log_to_stdout()
    scheduler = BlockingScheduler(timezone="UTC")
    scheduler.add_job(
        _safely, "interval", seconds=seconds, args=[office], coalesce=True, max_instances=1, misfire_grace_time=None
    )
    logger.info("巡检每 {} 秒一次，Ctrl-C 停止", seconds)
    _safely(office)
    try:
        scheduler.start()
    except (KeyboardInterrupt, SystemExit):
        logger.info("巡检已停止")
