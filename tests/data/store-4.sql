PRAGMA application_id = 1128808788;
PRAGMA user_version = 4;
BEGIN TRANSACTION;
CREATE TABLE accounts (
    key TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    hash TEXT NOT NULL,
    made REAL NOT NULL,
    seen REAL NOT NULL,
    seconds REAL NOT NULL DEFAULT 0,
    messages INTEGER NOT NULL DEFAULT 0
, standing INTEGER NOT NULL DEFAULT 1) STRICT, WITHOUT ROWID;
INSERT INTO "accounts" VALUES('ann','Ann','$argon2id$ann',1000.5,2000.0,60.5,3,1);
INSERT INTO "accounts" VALUES('bob','Bob','$argon2id$bob',1001.5,1001.5,0.0,0,1);
CREATE TABLE audit (
    number INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    who TEXT NOT NULL,
    act TEXT NOT NULL,
    object TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
CREATE TABLE blocks (
    key TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE,
    other TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (key, other)
) STRICT, WITHOUT ROWID;
INSERT INTO "blocks" VALUES('ann','mallory','Mallory');
CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "counters" VALUES('last_id',1000000);
CREATE TABLE decisions (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('said', 'acted', 'whispered')),
    room TEXT,
    sender TEXT NOT NULL,
    sender_key TEXT NOT NULL,
    text TEXT NOT NULL,
    recipients TEXT NOT NULL DEFAULT '[]',
    away TEXT NOT NULL DEFAULT '[]'
, lines INTEGER NOT NULL DEFAULT 1) STRICT;
INSERT INTO "messages" VALUES(10,1500.25,'said','lobby','Ann','ann','héllo, 世界 👋','[]','[]',1);
INSERT INTO "messages" VALUES(11,1500.5,'acted','lobby','guest','guest','waves','[]','[]',1);
INSERT INTO "messages" VALUES(12,1501.0,'said','weather','Ann','ann','two
lines','[]','[]',1);
INSERT INTO "messages" VALUES(13,1502.0,'whispered',NULL,'Ann','ann','psst','["Cat"]','["Bob"]',1);
INSERT INTO "messages" VALUES(20,1503.0,'said','den','Ann','ann','line 20
line 21
line 22','[]','[]',3);
CREATE TABLE readers (
    key TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE,
    message INTEGER NOT NULL REFERENCES messages ON DELETE CASCADE,
    kept INTEGER NOT NULL CHECK (kept IN (0, 1)),
    PRIMARY KEY (key, message)
) STRICT, WITHOUT ROWID;
INSERT INTO "readers" VALUES('ann',13,0);
INSERT INTO "readers" VALUES('bob',13,1);
CREATE TABLE rooms (
    name TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    owner TEXT NOT NULL,
    own INTEGER NOT NULL CHECK (own IN (0, 1))
) STRICT, WITHOUT ROWID;
INSERT INTO "rooms" VALUES('weather','Weather','Talk about the weather','ann',1);
CREATE TABLE sanctions (
    kind TEXT NOT NULL CHECK (kind IN ('ban', 'mute')),
    sort TEXT NOT NULL,
    key TEXT NOT NULL,
    shown TEXT NOT NULL,
    until REAL NOT NULL,
    at REAL NOT NULL,
    who TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (kind, sort, key)
) STRICT, WITHOUT ROWID;
CREATE TABLE watches (
    key TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE,
    other TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (key, other)
) STRICT, WITHOUT ROWID;
INSERT INTO "watches" VALUES('bob','ann','Ann');
CREATE INDEX messages_by_room ON messages (room, id) WHERE room IS NOT NULL;
CREATE INDEX readers_by_message ON readers (message);
CREATE INDEX inboxes ON readers (key, message) WHERE kept = 1;
COMMIT;
