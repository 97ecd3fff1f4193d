"""Gives the administrator the password deployer keeps, then becomes the MLflow server.

MLflow itself reads MLFLOW_AUTH_ADMIN_PASSWORD only when it makes the user; a secret made anew would lock everybody out.
"""

# ruff: noqa: INP001 - a script, run by path in another Python environment

from __future__ import annotations

import os
import sqlite3
import sys
from configparser import RawConfigParser
from contextlib import closing

from werkzeug.security import check_password_hash, generate_password_hash

PATIENCE = 30  # seconds SQLite waits for a lock
FIND = "SELECT password_hash FROM users WHERE username = ?"
CHANGE = "UPDATE users SET password_hash = ?, is_admin = 1 WHERE username = ?"


def give_password(database: str, admin: str, password: str) -> bool:
    """Whether it had to be changed. A user who does not exist yet is left to MLflow."""
    with closing(sqlite3.connect(database, timeout=PATIENCE)) as connection, connection:
        found = connection.execute(FIND, (admin,)).fetchone()
        if found is None or check_password_hash(found[0], password):
            return False
        connection.execute(CHANGE, (generate_password_hash(password), admin))
    return True


def main(arguments: list[str]) -> None:
    parser = RawConfigParser()
    parser.read(os.environ["MLFLOW_AUTH_CONFIG_PATH"], encoding="utf-8")
    said = parser["mlflow"]
    if give_password(said["database_uri"].removeprefix("sqlite:///"), said["admin_username"], os.environ["MLFLOW_AUTH_ADMIN_PASSWORD"]):
        sys.stderr.write(f"the password of {said['admin_username']} is the one deployer keeps again\n")
    os.execv(sys.executable, [sys.executable, "-m", "mlflow", "server", *arguments])  # noqa: S606 - no shell is the point


if __name__ == "__main__":
    main(sys.argv[1:])
