"""Today's tables, as SQLAlchemy knows them.

In comes nothing, out come `Table` objects to write queries with. The tables themselves are made by
`hailuo_nb.ledger.migrations`; a test holds the two equal, column by column.
"""

from __future__ import annotations

from sqlalchemy import Column, Float, Integer, MetaData, Table, Text

metadata = MetaData()

clips = Table(
    "clips",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("batch_id", Text, nullable=False),
    Column("name", Text),
    Column("take", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("service", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("variant", Text, nullable=False),
    Column("model_id", Text, nullable=False),
    Column("prompt", Text, nullable=False),
    Column("prompt_template", Text),
    Column("axes", Text, nullable=False),
    Column("inputs", Text, nullable=False),
    Column("image", Text),
    Column("asked_duration_s", Float),
    Column("duration_s", Float),
    Column("width", Integer),
    Column("height", Integer),
    Column("fps", Float),
    Column("codec", Text),
    Column("frames", Integer),
    Column("has_audio", Integer),
    Column("quote_micros", Integer),
    Column("quote_source", Text),
    Column("quote_as_of", Text),
    Column("cost_micros", Integer),
    Column("price_source", Text),
    Column("created_utc_ms", Integer, nullable=False),
    Column("submitted_utc_ms", Integer),
    Column("started_utc_ms", Integer),
    Column("generated_utc_ms", Integer),
    Column("finished_utc_ms", Integer),
    Column("moved_utc_ms", Integer, nullable=False),
    Column("execution_ms", Integer),
    Column("path", Text),
    Column("more_paths", Text, nullable=False),
    Column("sha256", Text),
    Column("bytes", Integer),
    Column("rating", Integer),
    Column("note", Text),
    Column("tags", Text, nullable=False),
    Column("error", Text),
    Column("error_kind", Text),
    Column("prediction_id", Text),
    Column("url", Text),
    Column("url_expires_utc_ms", Integer),
    Column("request_hash", Text, nullable=False),
    Column("key_fingerprint", Text),
    Column("was_accepted", Integer),
    Column("was_taken_over", Integer, nullable=False),
    Column("is_hidden", Integer, nullable=False),
    Column("owner", Text),
    Column("fence", Integer, nullable=False),
    Column("imported_utc_ms", Integer),
)

batches = Table(
    "batches",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("created_utc_ms", Integer, nullable=False),
    Column("kernel", Text, nullable=False),
    Column("name", Text),
    Column("notebook", Text),
    Column("cell_id", Text),
    Column("cell_text", Text),
    Column("cell_hash", Text),
    Column("options", Text, nullable=False),
    Column("previous", Text),
)

batch_clips = Table(
    "batch_clips",
    metadata,
    Column("batch_id", Text, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("clip_id", Text, nullable=False),
    Column("shown", Text, nullable=False),
    Column("axes", Text, nullable=False),
    Column("prompt_template", Text),
    Column("saved_micros", Integer),
)

events = Table(
    "events",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("clip_id", Text, nullable=False),
    Column("at_utc_ms", Integer, nullable=False),
    Column("event", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("kernel", Text, nullable=False),
    Column("batch_id", Text),
    Column("saved_micros", Integer),
)

spent = Table(
    "spent",
    metadata,
    Column("service", Text, primary_key=True),
    Column("micros", Integer, nullable=False),
)

sends = Table(
    "sends",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("service", Text, nullable=False),
    Column("key_fingerprint", Text, nullable=False),
    Column("at_utc_ms", Integer, nullable=False),
)

ballots = Table(
    "ballots",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("created_utc_ms", Integer, nullable=False),
    Column("seed", Integer, nullable=False),
    Column("compared", Text, nullable=False),
)

votes = Table(
    "votes",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("ballot_id", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("left_clip", Text, nullable=False),
    Column("right_clip", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("voted_utc_ms", Integer, nullable=False),
    Column("voter", Text),
    Column("took_ms", Integer),
    Column("takes_back", Integer),
)

measures = Table(
    "measures",
    metadata,
    Column("clip_id", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("measured_utc_ms", Integer, nullable=False),
    Column("motion_px", Float),
    Column("sharpness", Float),
    Column("brightness", Float),
    Column("flicker", Float),
    Column("cuts", Float),
    Column("frozen_share", Float),
    Column("loop_distance", Float),
    Column("image_similarity", Float),
)

kernels = Table(
    "kernels",
    metadata,
    Column("kernel", Text, primary_key=True),
    Column("seen_utc_ms", Integer, nullable=False),
    Column("has_lock", Integer, nullable=False),
)

memory = Table(
    "memory",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("fetched_utc_ms", Integer, nullable=False),
)

settings = Table(
    "settings",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
