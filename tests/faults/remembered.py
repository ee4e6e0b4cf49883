"""What a node that has ended remembers, without what differs from run to run."""

import os
import sqlite3

from lab import check_equal

# Whether the sender has confirmed that it knows of a delivery is not among it: where it died after
# that it does not call once more, and the receiver keeps what it delivered in mind for longer.
TRANSFERS = """SELECT direction, state, failed, reason, has_work, entries, bytes
    FROM transfer ORDER BY number"""
PEERS = "SELECT paired_at <> 0, alias FROM peer"
COUNTED = ("source", "extent", "placing")


def _names(directory):
    """Everything in the state directory. What is in a directory that has a number has none."""
    found = []
    for place, directories, files in os.walk(directory):
        found += [os.path.relpath(os.path.join(place, name), directory)
                  for name in directories + files]
    return sorted("N" if name.isdigit() else name for name in found)


def of(node):
    """{what: value}; fails where the database is damaged."""
    database = sqlite3.connect(os.path.join(node.state, "fxnode.db"))
    try:
        def rows(sql):
            return database.execute(sql).fetchall()
        check_equal(rows("PRAGMA integrity_check"), [("ok",)], f"{node.name}: the database")
        check_equal(rows("PRAGMA foreign_key_check"), [], f"{node.name}: references in the database")
        result = {"transfers": rows(TRANSFERS), "peers": rows(PEERS)}
        for table in COUNTED:
            result[table] = rows(f"SELECT count(*) FROM {table}")[0][0]
    finally:
        database.close()
    result["state"] = _names(node.state)
    return result
