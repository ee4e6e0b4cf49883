"""What a node takes up: memory, descriptors, database, files of its own; and by how much it grows."""

import os
import shutil
import sqlite3
import tempfile

from .errors import check, check_equal

DATABASE = "fxnode.db"

# Rows that one transfer may leave, until its record goes after 30 days: itself, what it sent, and the
# pieces of its receipt (one, of transfers as small as here).
KEPT = {"transfer": 1, "source": 1, "receipt": 1}

# SQLite keeps what it has seen of the database in memory, a page with its head, up to its cache_size.
PAGE_IN_MEMORY = 4096 + 512
CACHE = 2_048_000

# The log of the database is cut back when it has so many pages; more than that is a reader's fault.
LOG_BYTES = 2000 * 4096


def _memory(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        fields = dict(line.split()[:2] for line in list(file)[1:])
    return {"rss": int(fields["Rss:"]) * 1024, "anonymous": int(fields["Anonymous:"]) * 1024}


def _descriptors(pid):
    """What they are, without the numbers of sockets and the like."""
    links = []
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            links.append(os.readlink(f"/proc/{pid}/fd/{number}").split(":")[0])
        except FileNotFoundError:
            pass
    return sorted(links)


def _rows(state):
    """{table: rows}, of a copy: the database itself belongs to the node alone."""
    with tempfile.TemporaryDirectory() as directory:
        for name in (DATABASE, f"{DATABASE}-wal"):
            if os.path.exists(os.path.join(state, name)):
                shutil.copy(os.path.join(state, name), directory)
        database = sqlite3.connect(os.path.join(directory, DATABASE))
        tables = [row[0] for row in database.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")]
        rows = {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in tables}
        pages = database.execute("PRAGMA page_count").fetchone()[0]
        free = database.execute("PRAGMA freelist_count").fetchone()[0]
        database.close()
    return rows, {"pages": pages, "free": free}


def _own_files(state):
    """Everything in the state directory, the database's own files apart."""
    return sorted(os.path.relpath(os.path.join(directory, name), state)
                  for directory, names, files in os.walk(state) for name in names + files
                  if not name.startswith(DATABASE))


def take(node):
    """One reading of a node on which nothing goes on."""
    pid = node.daemon.popen.pid
    rows, pages = _rows(node.state)
    log = os.path.join(node.state, f"{DATABASE}-wal")
    return {"pid": pid, **_memory(pid), "descriptors": _descriptors(pid),
            "threads": len(os.listdir(f"/proc/{pid}/task")), "rows": rows, **pages,
            "log": os.path.getsize(log) if os.path.exists(log) else 0,
            "files": _own_files(node.state)}


class Growth:
    """Compares the nodes with what they took up when this was made."""

    def __init__(self, nodes):
        self.nodes = nodes
        self.before = [take(node) for node in nodes]

    def check(self, transfers, memory):
        """After so many more transfers. `memory`: bytes by which one that was not restarted may
        have grown, beyond the pages of its database."""
        for node, before in zip(self.nodes, self.before):
            now = take(node)
            self._print(node, before, now)
            same_process = now["pid"] == before["pid"]
            for what in ("descriptors", "threads", "files"):
                check_equal(now[what], before[what], f"{node.name}: {what}")
            for table, rows in now["rows"].items():
                allowed = before["rows"][table] + KEPT.get(table, 0) * transfers
                check(rows <= allowed, f"{node.name}: {rows} rows in {table}, not {allowed}")
            check(now["log"] <= LOG_BYTES, f"{node.name}: the log has {now['log']} bytes")
            grown = now["anonymous"] - before["anonymous"]
            cached = min(CACHE, (now["pages"] - before["pages"]) * PAGE_IN_MEMORY)
            check(not same_process or grown <= memory + cached,
                  f"{node.name}: {grown} bytes of memory more")

    @staticmethod
    def _print(node, before, now):
        figures = [f"{what} {before[what]} -> {now[what]}"
                   for what in ("rss", "anonymous", "threads", "pages", "free", "log")]
        figures.append(f"descriptors {len(before['descriptors'])} -> {len(now['descriptors'])}")
        figures.append("rows " + ", ".join(f"{table} {before['rows'][table]} -> {rows}"
                                           for table, rows in now["rows"].items()))
        print(f"{node.name}: " + "; ".join(figures), flush=True)
