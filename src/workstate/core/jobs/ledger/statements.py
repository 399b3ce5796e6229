"""The statements that both databases share, word for word."""

TOKEN_HOLDS = "id = %s AND attempt = %s AND process_id = %s AND state = 'executing'"  # noqa: S105  not that kind of token
"""Names one attempt; whoever holds an older one changes nothing."""
NOT_PAUSED = "NOT EXISTS (SELECT 1 FROM workstate_queue_pause WHERE queue = %s)"
"""Asked once for a queue, not once for a job: its parameter is the queue that is claimed from."""
NONE_PAUSED = "queue NOT IN (SELECT queue FROM workstate_queue_pause)"
"""The same for jobs of many queues."""
CLAIMED_COLUMNS = (
    "id, task_id, queue, attempt, lost_attempts, priority, started_at, headers, properties, body, limit_key"
)
INSERTED_COLUMNS = (
    "task_id, task, queue, lane, state, priority, headers, properties, body, chord_id, batch_id, unique_key,"
    " unique_until, limit_key, handed_over_at, enqueued_at, available_at, attempt, lost_attempts"
)
ON_CONFLICT = (
    # A task id names one job for ever, so a second message of that id is dropped, unless
    # the first one gave its place away: Task.replace() ends in Ignore, which leaves a custom state.
    " ON CONFLICT (task_id) DO UPDATE SET"
    " task = excluded.task, queue = excluded.queue, state = excluded.state, priority = excluded.priority,"
    " headers = excluded.headers, properties = excluded.properties, body = excluded.body,"
    " chord_id = excluded.chord_id, batch_id = excluded.batch_id, lane = excluded.lane, limit_key = excluded.limit_key,"
    " handed_over_at = excluded.handed_over_at,"
    " available_at = excluded.available_at, custom_state = NULL, ended_at = NULL,"
    " result = NULL, meta = NULL, children = NULL, error_type = NULL, error_message = NULL, traceback = NULL,"
    " reason = NULL, started_at = NULL, acknowledged_at = NULL, successor = NULL, process_id = NULL"
    " WHERE workstate_job.state = 'completed' AND workstate_job.custom_state IS NOT NULL"
)
INSERT_ROW = (
    f"INSERT INTO workstate_job ({INSERTED_COLUMNS})"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 0, 0)"
)
INSERT = INSERT_ROW + ON_CONFLICT
KEY_AFTER_CLAIM = "is_key_free = CASE WHEN unique_until <= enqueued_at THEN TRUE ELSE is_key_free END"
"""A job that runs holds its unique key, unless that was over from the first: then it was for as long as it waited."""
CLOSE = (
    "UPDATE workstate_job SET state = %s, result = %s, children = %s, error_type = %s, error_message = %s,"
    " traceback = %s, reason = %s, fingerprint = %s,"
    " custom_state = CASE WHEN %s THEN coalesce(custom_state, 'IGNORED') END, started_at = %s, ended_at = %s,"
    " is_key_free = CASE WHEN %s <> 'cancelled' AND unique_until > %s THEN is_key_free ELSE TRUE END"
    f" WHERE {TOKEN_HOLDS} RETURNING batch_id, is_followed"
)
LIMIT_AFTER = "CASE WHEN task = %s THEN coalesce(%s, limit_key) ELSE %s END"
"""A retry keeps within the limit that it was called with; another task that takes the place has its own, or none."""
SUCCEED = (
    "UPDATE workstate_job SET state = %s, task = %s, queue = %s, priority = %s, headers = %s, properties = %s,"
    " body = %s, chord_id = %s, available_at = %s, error_type = %s, error_message = %s, traceback = %s,"
    " started_at = NULL, acknowledged_at = NULL, custom_state = NULL, meta = NULL, successor = NULL,"
    f" process_id = NULL, limit_key = {LIMIT_AFTER},"
    f" lane = CASE WHEN {LIMIT_AFTER} IS NULL THEN lane ELSE 'limited' END"
    f" WHERE {TOKEN_HOLDS} AND cancel_requested_at IS NULL"
)
