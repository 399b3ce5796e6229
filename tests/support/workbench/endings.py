"""Notes every end of a job in the database itself, so that a job that ends twice can't hide it."""

from django.db import connection

TABLE = "CREATE TABLE ending (task_id varchar(255) NOT NULL, state varchar(9) NOT NULL)"
ENDED = "('completed', 'discarded', 'cancelled')"
NOTE = "INSERT INTO ending (task_id, state) VALUES (NEW.task_id, NEW.state);"
TRIGGERS = {
    "sqlite": [
        (
            "CREATE TRIGGER note_ending AFTER UPDATE ON workstate_job"
            f" WHEN NEW.state IN {ENDED} AND NEW.ended_at IS NOT OLD.ended_at BEGIN {NOTE} END"
        )
    ],
    "postgresql": [
        f"CREATE FUNCTION note_ending() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {NOTE} RETURN NEW; END $$",
        (
            "CREATE TRIGGER note_ending AFTER UPDATE ON workstate_job FOR EACH ROW"
            f" WHEN (NEW.state IN {ENDED} AND NEW.ended_at IS DISTINCT FROM OLD.ended_at) EXECUTE FUNCTION note_ending()"
        ),
    ],
}


def watch():
    """Begin to note the ends of jobs."""
    with connection.cursor() as cursor:
        for statement in (TABLE, *TRIGGERS[connection.vendor]):
            cursor.execute(statement)


def noted():
    """(task id, state) of every end since `watch()`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT task_id, state FROM ending")
        return [tuple(row) for row in cursor.fetchall()]
