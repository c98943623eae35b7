"""Brings the database to the form this release needs.

Applies each file of migrations/ once, in the order of their names. MySQL cannot take back a
change of tables, so a file should hold one change, and say IF NOT EXISTS where it can.
"""

from pathlib import Path

import database

LOCK = "guestbook-migrations"


def statements(text):
    """The statements of a file: each ends with a semicolon at the end of a line."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    parts = ("\n".join(lines) + "\n").split(";\n")
    return [part.strip() for part in parts if part.strip()]


def pending(files, applied):
    """The files that were not applied yet, in order."""
    return [file for file in sorted(files) if file.name not in applied]


def main():
    # Changing a large table takes longer than any page may.
    link = database.connect(timeout=3600)
    with link.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK(%s, 60)", (LOCK,))
        if cursor.fetchone()[0] != 1:
            raise SystemExit("another migration has been running for a minute")
        cursor.execute(
            "CREATE TABLE IF NOT EXISTS migrations (name VARCHAR(190) PRIMARY KEY, "
            "applied TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)"
        )
        cursor.execute("SELECT name FROM migrations")
        applied = {row[0] for row in cursor.fetchall()}
        for file in pending(Path(__file__).parent.glob("migrations/*.sql"), applied):
            for statement in statements(file.read_text(encoding="utf-8")):
                try:
                    cursor.execute(statement)
                except database.Error as error:
                    raise SystemExit(f"{file.name}: {error.args[-1]}") from None
            cursor.execute("INSERT INTO migrations (name) VALUES (%s)", (file.name,))
            print(f"applied {file.name}")
    link.close()


if __name__ == "__main__":
    main()
