"""Every version the ledger's tables ever had, oldest first.

In comes an older ledger, out goes one with today's tables. The list is append-only: a migration that was
released is never changed, because somebody's ledger has it. Each runs in one transaction together with its
record, so a ledger is at one version or the next and never between. `hailuo_nb.ledger.tables` describes the
result to SQLAlchemy.

For those who query the file themselves: money is whole micro-dollars (``_micros``), times are milliseconds
since 1970 in UTC (``_utc_ms``), so ``datetime(created_utc_ms / 1000, 'unixepoch')`` reads well; lists and
mappings are JSON.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Migration:
    """One step, named for people who read the record."""

    name: str
    statements: tuple[str, ...]


APPLICATION_ID = 0x4861696C
"""Written into the file's header ("Hail"), so that another program's database is never taken for a ledger."""

_CLIPS = """
CREATE TABLE clips (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    batch_id TEXT NOT NULL,
    name TEXT,
    take INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    service TEXT NOT NULL,
    status TEXT NOT NULL,
    variant TEXT NOT NULL,
    model_id TEXT NOT NULL,
    prompt TEXT NOT NULL,
    prompt_template TEXT,
    axes TEXT NOT NULL DEFAULT '{}',
    inputs TEXT NOT NULL DEFAULT '{}',
    image TEXT,
    asked_duration_s REAL,
    duration_s REAL,
    width INTEGER,
    height INTEGER,
    fps REAL,
    codec TEXT,
    frames INTEGER,
    has_audio INTEGER,
    quote_micros INTEGER,
    quote_source TEXT,
    quote_as_of TEXT,
    cost_micros INTEGER,
    price_source TEXT,
    created_utc_ms INTEGER NOT NULL,
    submitted_utc_ms INTEGER,
    started_utc_ms INTEGER,
    generated_utc_ms INTEGER,
    finished_utc_ms INTEGER,
    moved_utc_ms INTEGER NOT NULL,
    execution_ms INTEGER,
    path TEXT,
    more_paths TEXT NOT NULL DEFAULT '[]',
    sha256 TEXT,
    bytes INTEGER,
    rating INTEGER,
    note TEXT,
    tags TEXT NOT NULL DEFAULT '[]',
    error TEXT,
    error_kind TEXT,
    prediction_id TEXT,
    url TEXT,
    url_expires_utc_ms INTEGER,
    request_hash TEXT NOT NULL,
    key_fingerprint TEXT,
    was_accepted INTEGER,
    was_taken_over INTEGER NOT NULL DEFAULT 0,
    is_hidden INTEGER NOT NULL DEFAULT 0,
    owner TEXT,
    fence INTEGER NOT NULL DEFAULT 0,
    UNIQUE (service, request_hash, take, attempt)
)"""

FIRST = Migration(
    "first tables",
    (
        f"PRAGMA application_id = {APPLICATION_ID}",
        _CLIPS,
        # What is out, for the whole ledger or one service; covers the audit of what is spent.
        "CREATE INDEX clips_by_status ON clips (status, service, was_accepted, cost_micros, quote_micros)",
        (
            "CREATE UNIQUE INDEX clips_by_prediction ON clips (service, prediction_id)"
            " WHERE prediction_id IS NOT NULL"
        ),
        "CREATE UNIQUE INDEX clips_by_path ON clips (path) WHERE path IS NOT NULL",
        (
            "CREATE INDEX clips_held ON clips (service, owner, quote_micros)"
            " WHERE status = 'planned' AND owner IS NOT NULL"
        ),
        "CREATE INDEX clips_owned ON clips (owner) WHERE owner IS NOT NULL",
        (
            "CREATE INDEX clips_generated ON clips (service, variant, generated_utc_ms)"
            " WHERE generated_utc_ms IS NOT NULL"
        ),
        (
            "CREATE INDEX clips_unsettled ON clips (service, seq)"
            " WHERE prediction_id IS NOT NULL AND price_source IS NOT 'billing'"
            " AND status IN ('completed', 'failed')"
        ),
        "CREATE INDEX clips_by_batch ON clips (batch_id)",
        "CREATE INDEX clips_by_name ON clips (name) WHERE name IS NOT NULL",
        """
        CREATE TABLE batches (
            seq INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            created_utc_ms INTEGER NOT NULL,
            kernel TEXT NOT NULL,
            name TEXT,
            notebook TEXT,
            cell_id TEXT,
            cell_text TEXT,
            cell_hash TEXT,
            options TEXT NOT NULL DEFAULT '{}',
            previous TEXT
        )""",
        "CREATE INDEX batches_by_cell ON batches (notebook, cell_id, seq) WHERE cell_id IS NOT NULL",
        """
        CREATE TABLE batch_clips (
            batch_id TEXT NOT NULL,
            position INTEGER NOT NULL,
            clip_id TEXT NOT NULL,
            shown TEXT NOT NULL,
            axes TEXT NOT NULL DEFAULT '{}',
            prompt_template TEXT,
            saved_micros INTEGER,
            PRIMARY KEY (batch_id, position)
        ) WITHOUT ROWID""",
        "CREATE INDEX batch_clips_by_clip ON batch_clips (clip_id)",
        """
        CREATE TABLE events (
            seq INTEGER PRIMARY KEY,
            clip_id TEXT NOT NULL,
            at_utc_ms INTEGER NOT NULL,
            event TEXT NOT NULL,
            status TEXT NOT NULL,
            detail TEXT NOT NULL DEFAULT '',
            kernel TEXT NOT NULL,
            batch_id TEXT,
            saved_micros INTEGER
        )""",
        "CREATE INDEX events_by_clip ON events (clip_id, seq)",
        "CREATE INDEX events_reused ON events (clip_id, saved_micros) WHERE event = 'reused'",
        # Running sums, so that the budget is checked in the same time whatever the ledger's size.
        "CREATE TABLE spent (service TEXT PRIMARY KEY, micros INTEGER NOT NULL) WITHOUT ROWID",
        # Every submit that was about to leave: the rate limits that all kernels share.
        """
        CREATE TABLE sends (
            seq INTEGER PRIMARY KEY,
            service TEXT NOT NULL,
            key_fingerprint TEXT NOT NULL,
            at_utc_ms INTEGER NOT NULL
        )""",
        "CREATE INDEX sends_by_time ON sends (service, key_fingerprint, at_utc_ms)",
        """
        CREATE TABLE kernels (
            kernel TEXT PRIMARY KEY,
            seen_utc_ms INTEGER NOT NULL,
            has_lock INTEGER NOT NULL
        ) WITHOUT ROWID""",
        "CREATE TABLE memory (key TEXT PRIMARY KEY, value TEXT NOT NULL, fetched_utc_ms INTEGER NOT NULL)",
        "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    ),
)

VOTES = Migration(
    "votes",
    (
        """
        CREATE TABLE ballots (
            seq INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            created_utc_ms INTEGER NOT NULL,
            seed INTEGER NOT NULL,
            compared TEXT NOT NULL DEFAULT '{}'
        )""",
        # Only ever added to: a vote is taken back by a further row that names it.
        """
        CREATE TABLE votes (
            seq INTEGER PRIMARY KEY,
            ballot_id TEXT NOT NULL,
            number INTEGER NOT NULL,
            left_clip TEXT NOT NULL,
            right_clip TEXT NOT NULL,
            answer TEXT NOT NULL CHECK (answer IN ('left', 'right', 'tie', 'both_bad', 'taken_back')),
            voted_utc_ms INTEGER NOT NULL,
            voter TEXT,
            took_ms INTEGER,
            takes_back INTEGER,
            CHECK ((answer = 'taken_back') = (takes_back IS NOT NULL))
        )""",
        "CREATE INDEX votes_by_ballot ON votes (ballot_id, seq)",
        "CREATE INDEX votes_by_left ON votes (left_clip)",
        "CREATE INDEX votes_by_right ON votes (right_clip)",
        "CREATE UNIQUE INDEX votes_taken_back ON votes (takes_back) WHERE takes_back IS NOT NULL",
    ),
)

MEASURES = Migration(
    "measures",
    (
        """
        CREATE TABLE measures (
            clip_id TEXT PRIMARY KEY,
            version INTEGER NOT NULL,
            measured_utc_ms INTEGER NOT NULL,
            motion_px REAL,
            sharpness REAL,
            brightness REAL,
            flicker REAL,
            cuts REAL,
            frozen_share REAL,
            loop_distance REAL,
            image_similarity REAL
        ) WITHOUT ROWID""",
    ),
)

IMPORTS = Migration(
    "imports",
    (
        # When somebody else's clip was taken in from a pack: they paid for it, so it counts in no sum here.
        "ALTER TABLE clips ADD COLUMN imported_utc_ms INTEGER",
        # Covers what the audit of the running sums leaves out.
        (
            "CREATE INDEX clips_imported ON clips (service, status, was_accepted, cost_micros, quote_micros)"
            " WHERE imported_utc_ms IS NOT NULL"
        ),
        # A clip whose recipe a site has stripped is known by its file.
        "CREATE INDEX clips_by_sha256 ON clips (sha256) WHERE sha256 IS NOT NULL",
    ),
)

MIGRATIONS: tuple[Migration, ...] = (FIRST, VOTES, MEASURES, IMPORTS)
