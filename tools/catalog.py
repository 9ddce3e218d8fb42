"""What a database holds, as sorted lines: for comparing two databases whatever version of PostgreSQL made them."""

from typing import Any

SCHEMAS = ("record", "gate", "house")

_QUERIES = {
    "relation": """
        SELECT c.oid::regclass::text || ' kind=' || c.relkind::text || ' rls=' || c.relrowsecurity || ' owner=' || pg_get_userbyid(c.relowner)
        FROM pg_class c WHERE c.relnamespace::regnamespace::text = ANY ($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')""",
    "column": """
        SELECT c.oid::regclass::text || '.' || a.attnum || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' not null=' || a.attnotnull
            || ' default=' || coalesce(pg_get_expr(d.adbin, d.adrelid), '') || ' collation=' || coalesce(a.attcollation::regcollation::text, '')
            || ' identity=' || a.attidentity::text || ' generated=' || a.attgenerated::text
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace::regnamespace::text = ANY ($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'c')""",
    "constraint": """
        SELECT o.conrelid::regclass::text || ' ' || o.conname || ' ' || pg_get_constraintdef(o.oid)
        FROM pg_constraint o WHERE o.connamespace::regnamespace::text = ANY ($1) AND o.contype <> 'n'""",
    "index": """
        SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE c.relnamespace::regnamespace::text = ANY ($1)""",
    "policy": """
        SELECT p.polrelid::regclass::text || ' ' || p.polname || ' ' || p.polcmd::text || ' ' || coalesce(pg_get_expr(p.polqual, p.polrelid), '')
            || ' check ' || coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '')
            || ' to ' || ARRAY (SELECT r::regrole::text FROM unnest(p.polroles) r ORDER BY 1)::text
        FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE c.relnamespace::regnamespace::text = ANY ($1)""",
    "right": """
        SELECT c.oid::regclass::text || ' ' || a.grantee::regrole::text || ' ' || a.privilege_type
        FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.relnamespace::regnamespace::text = ANY ($1) AND a.grantee <> c.relowner AND a.privilege_type <> 'MAINTAIN'""",
    "schema": """
        SELECT n.nspname || ' ' || a.grantee::regrole::text || ' ' || a.privilege_type
        FROM pg_namespace n, aclexplode(n.nspacl) a WHERE n.nspname = ANY ($1) AND a.grantee <> n.nspowner""",
    "trigger": """
        SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE c.relnamespace::regnamespace::text = ANY ($1) AND NOT t.tgisinternal""",
}  # fmt: skip


async def catalog(connection: Any) -> list[str]:
    """Every relation, column, constraint, index, policy, right and trigger of our schemas."""
    found = []
    for kind, query in _QUERIES.items():
        found += [f"{kind}: {row[0]}" for row in await connection.fetch(query, list(SCHEMAS))]
    return sorted(found)
