#!/usr/bin/env python3
"""Attacks the audit log of an installation on SQLite, and shows that `latchkey audit verify` names each attack.

    python3 end2end/audit-attacks.py DATA_FOLDER --latchkey target/release/latchkey

Every attack is made on a copy of its own in a temporary folder; the data folder is only read. Whoever attacks here can do
all that the owner of the database can: the triggers are taken away, hashes are made anew, and the database's own
checkpoints are deleted. What they do not have is the file of checkpoints as it was kept elsewhere. It needs a chain of five
events or more that a checkpoint vouches for, of which nothing was removed for its age, and nothing besides Python's standard library.
"""

import argparse, datetime, hashlib, json, os, pathlib, shutil, sqlite3, subprocess, sys, tempfile, uuid

INSTALLATION = bytes(16)
EPOCH = datetime.datetime(1970, 1, 1)


class Copy:
    """A copy of the data, of which the triggers are gone."""

    def __init__(self, source, folder, marks):
        # The numbers of the events that the checkpoints kept elsewhere name, by chain.
        self.marks = marks
        self.folder = pathlib.Path(folder)
        if not (source / "latchkey.db").exists():
            sys.exit(f"there is no database in {source}")
        # What a crash has left in the write-ahead log belongs to the database.
        for name in ("latchkey.db", "latchkey.db-wal", "latchkey.key"):
            if (source / name).exists():
                shutil.copy(source / name, self.folder)
        self.db = sqlite3.connect(self.folder / "latchkey.db")
        triggers = self.all("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'audit_%'")
        for (name,) in triggers:
            self.db.execute(f'DROP TRIGGER "{name}"')

    def all(self, statement, *values):
        return self.db.execute(statement, values).fetchall()

    def end(self, chain):
        return self.all("SELECT MAX(seq) FROM audit_events WHERE org_id = ?", chain)[0][0]

    def body(self, chain, seq):
        return self.all("SELECT body FROM audit_events WHERE org_id = ? AND seq = ?", chain, seq)[0][0]

    def set(self, chain, seq, **columns):
        names = ", ".join(f"{name} = ?" for name in columns)
        self.db.execute(
            f"UPDATE audit_events SET {names} WHERE org_id = ? AND seq = ?", (*columns.values(), chain, seq)
        )

    def hash(self, chain, seq):
        """Makes an event fit the one before it."""
        before = self.all("SELECT hash FROM audit_events WHERE org_id = ? AND seq = ?", chain, seq - 1)
        previous = before[0][0] if before else bytes(32)
        hashed = b"latchkey audit v1\0" + chain + seq.to_bytes(8, "big") + previous + self.body(chain, seq).encode()
        self.set(chain, seq, previous=previous, hash=hashlib.sha256(hashed).digest())

    def rebuild(self, chain, first):
        """Makes all events from this one on fit, and the recorded end."""
        for seq in range(first, self.end(chain) + 1):
            self.hash(chain, seq)
        self.fit_end(chain)

    def fit_end(self, chain):
        self.db.execute(
            "UPDATE audit_heads SET (seq, hash, at) = (SELECT seq, hash, at FROM audit_events WHERE org_id = ?1 "
            "ORDER BY seq DESC LIMIT 1) WHERE org_id = ?1",
            (chain,),
        )

    def renumber(self, chain, first, by):
        """Moves the numbers of events from this one on; aside first, so that no two meet."""
        self.db.execute("UPDATE audit_events SET seq = -seq WHERE org_id = ? AND seq >= ?", (chain, first))
        self.db.execute("UPDATE audit_events SET seq = ? - seq WHERE org_id = ? AND seq < 0", (by, chain))

    def forget_checkpoints(self, chain, behind):
        self.db.execute("DELETE FROM audit_checkpoints WHERE org_id = ? AND seq > ?", (chain, behind))


def edited(body):
    """The same event with another word in it, in the form that Latchkey writes."""
    at = body.index('"credential":"') + len('"credential":"')
    return body[:at] + "x" + body[at:]


def edit(copy, chain, other):
    copy.set(chain, 3, body=edited(copy.body(chain, 3)))
    return 3


def edit_and_hash(copy, chain, other):
    copy.set(chain, 3, body=edited(copy.body(chain, 3)))
    copy.hash(chain, 3)
    # The fourth does not follow what stands there now, unless a checkpoint says so first.
    return 3 if 3 in copy.marks[chain] else 4


def edit_beside(copy, chain, other):
    copy.set(chain, 3, actor_id="somebody")
    return 3


def remove(copy, chain, other):
    copy.db.execute("DELETE FROM audit_events WHERE org_id = ? AND seq = 3", (chain,))
    return 3


def remove_and_close_ranks(copy, chain, other):
    copy.db.execute("DELETE FROM audit_events WHERE org_id = ? AND seq = 3", (chain,))
    copy.renumber(chain, 4, -1)
    return 3


COLUMNS = "id, at, action, outcome, actor_kind, actor_id, target_id, request_id, body, previous, hash, credential_id"


def insert(copy, chain, other):
    copy.renumber(chain, 3, 1)
    copy.db.execute(
        f"INSERT INTO audit_events (org_id, seq, {COLUMNS}) SELECT org_id, 3, {COLUMNS} FROM audit_events "
        "WHERE org_id = ? AND seq = 2",
        (chain,),
    )
    return 3


def insert_and_hash(copy, chain, other):
    insert(copy, chain, other)
    copy.hash(chain, 3)
    # The personal values of what was the third stand beside it now. Else the fourth, which was the third, follows the second,
    # unless a checkpoint says so first.
    values = copy.all("SELECT seq FROM audit_personal WHERE org_id = ? AND seq = 3", chain)
    return 3 if values or 3 in copy.marks[chain] else 4


def swap(copy, chain, other):
    for old, new in ((3, -3), (4, 3), (-3, 4)):
        copy.db.execute("UPDATE audit_events SET seq = ? WHERE org_id = ? AND seq = ?", (new, chain, old))
    return 3


def copy_from_another(copy, chain, other):
    copy.db.execute("DELETE FROM audit_events WHERE org_id = ? AND seq = 3", (chain,))
    copy.db.execute(
        f"INSERT INTO audit_events (org_id, seq, {COLUMNS}) SELECT ?, 3, {COLUMNS} FROM audit_events "
        "WHERE org_id = ? AND seq = 1",
        (chain, other),
    )
    return 3


def with_values(copy, chain):
    """The first two events of a chain that have the same personal value at the same place beside them, and that place."""
    rows = copy.all("SELECT place, seq FROM audit_personal WHERE org_id = ? ORDER BY place, seq", chain)
    for (place, seq), (same, next_one) in zip(rows, rows[1:]):
        if place == same:
            return seq, next_one, place
    sys.exit("no two events of the chain have personal values at the same place")


def change_value(copy, chain, other):
    seq, _, place = with_values(copy, chain)
    copy.db.execute(
        "UPDATE audit_personal SET value = ? WHERE org_id = ? AND seq = ? AND place = ?", ('"Eve"', chain, seq, place)
    )
    return seq


def change_salt(copy, chain, other):
    seq, _, place = with_values(copy, chain)
    copy.db.execute(
        "UPDATE audit_personal SET salt = ? WHERE org_id = ? AND seq = ? AND place = ?", (bytes(16), chain, seq, place)
    )
    return seq


def transplant_value(copy, chain, other):
    """A value with its salt, in the place of that of another event."""
    seq, next_one, place = with_values(copy, chain)
    copy.db.execute("DELETE FROM audit_personal WHERE org_id = ? AND seq = ? AND place = ?", (chain, next_one, place))
    copy.db.execute(
        "UPDATE audit_personal SET seq = ? WHERE org_id = ? AND seq = ? AND place = ?", (next_one, chain, seq, place)
    )
    return next_one


def add_value(copy, chain, other):
    """A value where the event has none."""
    seq, _, _ = with_values(copy, chain)
    copy.db.execute(
        "INSERT INTO audit_personal (org_id, seq, place, salt, value) VALUES (?, ?, 1000, ?, ?)",
        (chain, seq, bytes(16), '"Eve"'),
    )
    return seq


def stray_value(copy, chain, other):
    """A value of an event that is not there."""
    end = copy.end(chain)
    copy.db.execute(
        "INSERT INTO audit_personal (org_id, seq, place, salt, value) VALUES (?, ?, 0, ?, ?)",
        (chain, end + 7, bytes(16), '"Eve"'),
    )
    return end + 1


def erase_values(copy, chain):
    """What is erased is no attack."""
    seq, _, _ = with_values(copy, chain)
    copy.db.execute("DELETE FROM audit_personal WHERE org_id = ? AND seq = ?", (chain, seq))


def alter_end(copy, chain, other):
    copy.db.execute("UPDATE audit_heads SET hash = ? WHERE org_id = ?", (bytes(32), chain))
    return copy.end(chain)


def cut(copy, chain, other):
    end = max(copy.marks[chain]) - 2
    copy.db.execute("DELETE FROM audit_events WHERE org_id = ? AND seq > ?", (chain, end))
    copy.fit_end(chain)
    copy.forget_checkpoints(chain, end)
    return end + 1


def sealed(copy, chain):
    """The number and hash of a checkpoint before which there are events, and its end."""
    seq = min(copy.marks[chain])
    found = copy.all("SELECT hash FROM audit_events WHERE org_id = ? AND seq = ?", chain, seq)
    return seq, found[0][0]


def anchor(copy, chain, seq, digest, removed):
    """As if retention had put it there."""
    copy.db.execute("DELETE FROM audit_anchors WHERE org_id = ?", (chain,))
    copy.db.execute("INSERT INTO audit_anchors (org_id, seq, hash, at, removed) VALUES (?, ?, ?, 0, ?)", (chain, seq, digest, removed))


def remove_oldest(copy, chain, other):
    """Up to a checkpoint, as retention does, but without an anchor."""
    seq, _ = sealed(copy, chain)
    for table in ("audit_events", "audit_personal"):
        copy.db.execute(f"DELETE FROM {table} WHERE org_id = ? AND seq <= ?", (chain, seq))
    return 1


def remove_oldest_with_anchor(copy, chain, other):
    seq, digest = sealed(copy, chain)
    for table in ("audit_events", "audit_personal"):
        copy.db.execute(f"DELETE FROM {table} WHERE org_id = ? AND seq <= ?", (chain, seq))
    anchor(copy, chain, seq, digest, seq)
    return 1


def remove_oldest_with_wrong_anchor(copy, chain, other):
    seq, _ = sealed(copy, chain)
    for table in ("audit_events", "audit_personal"):
        copy.db.execute(f"DELETE FROM {table} WHERE org_id = ? AND seq <= ?", (chain, seq))
    anchor(copy, chain, seq, bytes(32), seq)
    return 1


def append(copy, chain, at, action, changes):
    """An event of the program itself behind the last one, with hashes that fit; and the end with it."""
    end = copy.end(chain)
    event = {
        "v": 2,
        "id": str(uuid.uuid4()),
        "at": at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z",
        "action": action,
        "outcome": "done",
        "actor": {"kind": "system", "id": "", "name": "latchkey"},
        "signed_in_by": "system",
        "credential_id": None,
        "credential": "",
        "subject": {"kind": "audit_log", "id": str(uuid.UUID(bytes=chain)), "name": "audit log"},
        "changes": [{"field": field, "was": None, "now": now} for field, now in changes],
        "request_id": "",
        "address": "",
        "user_agent": "",
    }
    milliseconds = (at - EPOCH) // datetime.timedelta(milliseconds=1)
    copy.db.execute(
        f"INSERT INTO audit_events (org_id, seq, {COLUMNS}) SELECT org_id, seq + 1, ?, ?, ?, 'done', 'system', '', "
        "?, '', ?, previous, hash, '' FROM audit_events WHERE org_id = ? AND seq = ?",
        (
            uuid.UUID(event["id"]).bytes,
            milliseconds,
            action,
            event["subject"]["id"],
            json.dumps(event, separators=(",", ":")),
            chain,
            end,
        ),
    )
    copy.rebuild(chain, end + 1)


def time_of(copy, chain, seq):
    found = copy.all("SELECT at FROM audit_events WHERE org_id = ? AND seq = ?", chain, seq)
    return EPOCH + datetime.timedelta(milliseconds=found[0][0])


def remove_and_tell_at(copy, chain, at):
    """Up to a checkpoint, with an anchor, and an event of this time that tells of it with hashes that fit."""
    seq, digest = sealed(copy, chain)
    changes = [("events", seq), ("up_to", seq), ("hash", digest.hex()), ("before", "2026-01-01T00:00:00.000Z")]
    append(copy, chain, at, "audit.expire", changes)
    for table in ("audit_events", "audit_personal"):
        copy.db.execute(f"DELETE FROM {table} WHERE org_id = ? AND seq <= ?", (chain, seq))
    anchor(copy, chain, seq, digest, seq)


def remove_oldest_and_tell(copy, chain, other):
    """The checkpoint is too young for it."""
    remove_and_tell_at(copy, chain, time_of(copy, chain, copy.end(chain)))
    return 1


def remove_oldest_and_tell_of_the_future(copy, chain, other):
    """The checkpoint is old enough at the time that the event says, which has not come yet."""
    remove_and_tell_at(copy, chain, time_of(copy, chain, copy.end(chain)) + datetime.timedelta(days=91))
    return 1


def remove_oldest_and_go_back(copy, chain, other):
    """The same, and an event of the present behind it, as if nothing had been."""
    now = time_of(copy, chain, copy.end(chain))
    remove_and_tell_at(copy, chain, now + datetime.timedelta(days=91))
    append(copy, chain, now, "audit.rotate_key", [])
    return copy.end(chain)


def anchor_alone(copy, chain, other):
    seq, digest = sealed(copy, chain)
    anchor(copy, chain, seq, digest, 0)
    return 1


def rebuild_all(copy, chain, other):
    """The chain, and the installation's own, which records its ends, as if nothing had been."""
    was = {seq: digest.hex() for seq, digest in copy.all("SELECT seq, hash FROM audit_events WHERE org_id = ?", chain)}
    copy.set(chain, 3, body=edited(copy.body(chain, 3)))
    copy.rebuild(chain, 3)
    now = copy.all("SELECT seq, hash FROM audit_events WHERE org_id = ?", chain)
    fits = {was[seq]: digest.hex() for seq, digest in now}
    for seq, body in copy.all("SELECT seq, body FROM audit_events WHERE org_id = ?", INSTALLATION):
        for old, new in fits.items():
            body = body.replace(old, new)
        copy.set(INSTALLATION, seq, body=body)
    copy.rebuild(INSTALLATION, 1)
    for of in (chain, INSTALLATION):
        copy.forget_checkpoints(of, 0)
    # Of the third event nobody says anything by itself: the next checkpoint does.
    return min(seq for seq in copy.marks[chain] if seq >= 3)


ATTACKS = [
    ("an event edited", edit),
    ("an event edited, with a hash that fits it", edit_and_hash),
    ("a column edited beside an event", edit_beside),
    ("an event removed", remove),
    ("an event removed, and the others renumbered", remove_and_close_ranks),
    ("an event inserted", insert),
    ("an event inserted, with a hash that fits it", insert_and_hash),
    ("two events swapped", swap),
    ("an event copied from another chain", copy_from_another),
    ("a personal value changed", change_value),
    ("the salt of a personal value changed", change_salt),
    ("a personal value put beside another event", transplant_value),
    ("a personal value added to an event", add_value),
    ("a personal value of an event that is not there", stray_value),
    ("the recorded end altered", alter_end),
    ("the end cut off, and its checkpoints with it", cut),
    ("everything written anew, without its checkpoints", rebuild_all),
    ("the oldest removed up to a checkpoint", remove_oldest),
    ("the oldest removed, with an anchor", remove_oldest_with_anchor),
    ("the oldest removed, with an anchor of another hash", remove_oldest_with_wrong_anchor),
    ("the oldest removed, with an anchor and an event that tells of it", remove_oldest_and_tell),
    ("the oldest removed, with an anchor and an event of the future that tells of it", remove_oldest_and_tell_of_the_future),
    ("the oldest removed, told of in the future, and an event of the present behind that", remove_oldest_and_go_back),
    ("an anchor, with nothing removed", anchor_alone),
]


def read_marks(file):
    marks = {}
    for line in file.read_text().splitlines():
        said = json.loads(json.loads(line)["body"])
        if "organisation" in said:
            marks.setdefault(uuid.UUID(said["organisation"]).bytes, set()).add(said["seq"])
    return marks


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=pathlib.Path, help="the data folder of a stopped Latchkey")
    parser.add_argument("--latchkey", default="latchkey", help="the program")
    parser.add_argument("--checkpoints", type=pathlib.Path, help="the file of checkpoints; else that of the data folder")
    parser.add_argument("--public-key", action="append", default=[], help="a key to trust; else what the program prints")
    arguments = parser.parse_args()
    checkpoints = arguments.checkpoints or arguments.data / "checkpoints.jsonl"
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "LATCHKEY_CONFIG")}

    def run(folder, *command):
        command = [arguments.latchkey, "audit", *command, "--data", str(folder)]
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    def verify(folder, file=checkpoints):
        trusted = [part for key in keys for part in ("--public-key", key)]
        return run(folder, "verify", "--checkpoints", str(file), *trusted)

    marks, failed = read_marks(checkpoints), []

    def expect(what, done, code, line):
        named = next((said for said in done.stdout.splitlines() if said.startswith(line)), None)
        if done.returncode == code and named is not None:
            print(f"ok: {what}\n      {named}")
        else:
            failed.append(what)
            print(f"FAILED: {what}: exit code {done.returncode}, and no line begins with {line!r}:")
            print(done.stdout + done.stderr)

    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(arguments.data, folder, marks)
        long = [chain for chain, numbers in marks.items() if chain != INSTALLATION and max(numbers) >= 5]
        if not long:
            sys.exit("no organisation has five events that a checkpoint vouches for")
        chain = max(long, key=lambda chain: max(marks[chain]))
        other = copy.all("SELECT org_id FROM audit_events WHERE org_id <> ? ORDER BY org_id DESC LIMIT 1", chain)[0][0]
        copy.db.close()
        printed = run(folder, "public-key")
        keys = arguments.public_key or [line.split()[0] for line in printed.stdout.splitlines()]
        if not keys:
            sys.exit(f"there is no public key: {printed.stderr}")
        expect("nothing was done", verify(folder), 0, f"{uuid.UUID(bytes=chain)}: ")
        # One byte of the file of checkpoints, in a signature.
        lines = checkpoints.read_bytes().splitlines(keepends=True)
        digit = lines[-1][-4:-3]
        lines[-1] = lines[-1][:-4] + (b"0" if digit != b"0" else b"1") + lines[-1][-3:]
        changed = pathlib.Path(folder) / "changed.jsonl"
        changed.write_bytes(b"".join(lines))
        expect("a digit of a signature changed", verify(folder, changed), 2, f"checkpoints: BROKEN at line {len(lines)}: ")
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(arguments.data, folder, marks)
        erase_values(copy, chain)
        copy.db.commit()
        copy.db.close()
        done = verify(folder)
        expect("personal values erased", done, 0, f"{uuid.UUID(bytes=chain)}: ")
        if " personal values erased" not in done.stdout:
            failed.append("personal values erased")
            print(f"FAILED: it is not said that values were erased:\n{done.stdout}")
    for what, attack in ATTACKS:
        with tempfile.TemporaryDirectory() as folder:
            copy = Copy(arguments.data, folder, marks)
            seq = attack(copy, chain, other)
            copy.db.commit()
            copy.db.close()
            expect(what, verify(folder), 2, f"{uuid.UUID(bytes=chain)}: BROKEN at event {seq}: ")
    if failed:
        sys.exit(f"{len(failed)} attacks were not named: {', '.join(failed)}")
    print(f"All {len(ATTACKS) + 1} attacks were named.")


main()
