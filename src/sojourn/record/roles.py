"""The three roles in PostgreSQL: who owns the record, who serves from it, who reads for a search."""

import re
from typing import Any

import asyncpg

from sojourn.record.migrate import MigrationRefused

OWNER = "sojourn_owner"  # owns every table and function; nobody signs in as it
APP = "sojourn_app"  # what the server signs in as: may run the gate's functions and nothing else
READ = "sojourn_read"  # taken on within a transaction by dynamic searches (SET LOCAL ROLE)

_WANTED = {OWNER: "NOLOGIN", APP: "LOGIN NOINHERIT", READ: "NOLOGIN"}

BY_HAND = (
    "CREATE ROLE sojourn_owner NOLOGIN; CREATE ROLE sojourn_app LOGIN NOINHERIT PASSWORD '…'; CREATE ROLE sojourn_read NOLOGIN; "
    "GRANT sojourn_read TO sojourn_owner WITH ADMIN OPTION; GRANT sojourn_owner TO (the role that migrates);"
)


async def ensure_roles(connection: "asyncpg.Connection[Any]", *, app_password: str | None = None) -> None:
    """Make the roles that are missing and let the present one act as the owner. May be called by several processes at once."""
    database = await connection.fetchval("SELECT quote_ident(current_database())")
    try:
        for name, attributes in _WANTED.items():
            if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", name):
                await _unless_there(connection, f"CREATE ROLE {name} {attributes} NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE")
        if app_password is not None:
            await _unless_there(connection, f"ALTER ROLE {APP} PASSWORD {_quoted(app_password)}")
        if not await connection.fetchval("SELECT pg_has_role(current_user, $1, 'SET')" if await _major(connection) >= 16 else "SELECT pg_has_role(current_user, $1, 'MEMBER')", OWNER):
            await _unless_there(connection, f"GRANT {OWNER} TO CURRENT_USER")
        if not await connection.fetchval("SELECT pg_has_role($1, $2, 'MEMBER WITH ADMIN OPTION')", OWNER, READ):
            await _unless_there(connection, f"GRANT {READ} TO {OWNER} WITH ADMIN OPTION")
        if not await connection.fetchval("SELECT has_database_privilege($1, current_database(), 'CREATE')", OWNER):
            await _unless_there(connection, f"GRANT CREATE ON DATABASE {database} TO {OWNER}")
        await _unless_there(connection, f"GRANT CONNECT ON DATABASE {database} TO {APP}")
    except asyncpg.InsufficientPrivilegeError:
        raise MigrationRefused(f"This database role may not create roles. Let an administrator run: {BY_HAND}") from None


async def check_app_role(connection: "asyncpg.Connection[Any]", name: str = APP) -> None:
    """Refuse to start when a mistake in the application could reach past the gate: its role is a superuser, bypasses row-level security,
    owns something of the record, or may touch a table of it."""
    row = await connection.fetchrow("SELECT rolsuper, rolbypassrls, rolcreaterole, rolinherit FROM pg_roles WHERE rolname = $1", name)
    if row is None:
        raise MigrationRefused(f"There is no database role {name}.")
    for column, what in (("rolsuper", "is a superuser"), ("rolbypassrls", "bypasses row-level security"), ("rolcreaterole", "may create roles"), ("rolinherit", "inherits rights")):
        if row[column]:
            raise MigrationRefused(f"The application's database role {name} {what}. It must not: ALTER ROLE {name} NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOINHERIT;")
    owned = await connection.fetchval(
        """SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname IN ('record', 'gate', 'house') AND pg_has_role($1, c.relowner, 'MEMBER')""",
        name,
    )
    if owned:
        raise MigrationRefused(f"The application's database role {name} owns tables of the record, or is a member of the role that does. It must not.")
    touched = await connection.fetch(
        """SELECT c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'record' AND c.relkind IN ('r', 'p', 'v', 'm') AND has_table_privilege($1, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')""",
        name,
    )
    if touched:
        raise MigrationRefused(f"The application's database role {name} has rights on {touched[0]['name']}. It must reach the record through the gate's functions only.")


async def _major(connection: "asyncpg.Connection[Any]") -> int:
    return int(await connection.fetchval("SELECT current_setting('server_version_num')::int / 10000"))


async def _unless_there(connection: "asyncpg.Connection[Any]", statement: str) -> None:
    """Run a statement on shared catalogs; that another process just did the same is no error."""
    try:
        await connection.execute(statement)
    except (asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
        pass
    except asyncpg.PostgresError as error:
        if "concurrently updated" not in str(error):
            raise


def _quoted(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.~-]+", text):
        raise MigrationRefused("The password of the application's database role may have letters, digits and . _ ~ - only.")
    return f"'{text}'"
