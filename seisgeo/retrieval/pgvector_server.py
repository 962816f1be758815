"""A PostgreSQL server with pgvector: connections to it, and what it refuses, in plain words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seisgeo.errors import ParameterError

if TYPE_CHECKING:
    import psycopg

__all__ = ["Server", "require_extension", "teach_vectors"]

#: What libpq takes in a connection string and nobody else may read.
SECRETS = ("password", "sslpassword", "oauth_client_secret")

#: Scans of the index go on until a filter has let enough through since this version.
LEAST_VERSION = (0, 8)

#: Seconds to wait for a server that does not answer, where nobody has said how long.
_PATIENCE = 10


@dataclass(frozen=True)
class Server:
    """Where a database is, and the secrets that open it, which are shown and kept nowhere.

    Parameters
    ----------
    address : str
        Connection string of libpq without secrets.
    secrets : dict
        Passwords that were given with it.
    """

    address: str
    secrets: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def at(cls, location: str) -> Server:
        """Take a connection string or URL apart.

        Parameters
        ----------
        location : str
            As libpq has it: ``"postgresql://user@host/database"``, ``"host=... dbname=..."``,
            ``"service=lab"``, or empty for what the environment says (``PGHOST``, ...).

        Raises
        ------
        ParameterError
            If it is none of these, or psycopg is not installed. What stands in it is not repeated,
            for it may hold a password.
        """
        psycopg = _psycopg()
        from psycopg.conninfo import conninfo_to_dict, make_conninfo

        try:
            parts = conninfo_to_dict(location)
        except psycopg.ProgrammingError:
            raise ParameterError(
                "location must be a connection string of PostgreSQL, "
                "'postgresql://user@host:5432/database' or 'host=... dbname=... user=...'; the one "
                "given is neither"
            ) from None
        secrets = {name: parts.pop(name) for name in SECRETS if name in parts}
        return cls(make_conninfo("", **parts), secrets)

    def __str__(self) -> str:
        return f"PostgreSQL at {self.address or 'the place that PGHOST and PGSERVICE name'!r}"

    @contextmanager
    def connection(self, doing: str) -> Iterator[psycopg.Connection[Any]]:
        """Connect for one transaction: all of it is kept, or after an error nothing.

        Parameters
        ----------
        doing : str
            What for, as the words after "may not" or "could not" in a message.

        Raises
        ------
        ParameterError
            If there is no connection, or the server refuses what is asked.
        """
        psycopg = _psycopg()
        chosen = "connect_timeout" in self.address or "PGCONNECT_TIMEOUT" in os.environ
        patience = {} if chosen else {"connect_timeout": _PATIENCE}
        try:
            connection = psycopg.connect(
                self.address,
                **patience,
                **self.secrets,
                client_encoding="utf8",
                prepare_threshold=None,  # poolers between us and the server know no statements
            )
        except psycopg.OperationalError as error:
            raise ParameterError(
                f"no connection to {self}: {_words(error)}. Is the server running, and are you let "
                "in? A password is read from PGPASSWORD or ~/.pgpass"
            ) from error
        user = connection.info.user
        try:
            with connection:
                yield connection
        except psycopg.errors.InsufficientPrivilege as error:
            raise ParameterError(
                f"{self}: user {user!r} may not {doing} ({_words(error)}); ask its "
                "administrator for the right, or name a schema of yours, table='schema.name'"
            ) from error
        except psycopg.Error as error:
            raise ParameterError(f"{self} could not {doing}: {_words(error)}") from error


def require_extension(
    connection: psycopg.Connection[Any], server: Server, *, create: bool = False
) -> None:
    """See that a database has pgvector.

    Parameters
    ----------
    connection : psycopg.Connection
        To the database.
    server : Server
        Where it is, for messages.
    create : bool, default False
        Take pgvector into the database, where the server has it and the user may.

    Raises
    ------
    ParameterError
        If the server or the database lacks it, or has one before 0.8.
    """
    psycopg = _psycopg()
    database = connection.info.dbname
    version = _version(connection)
    if version is None and create:
        offered = connection.execute(
            "SELECT 1 FROM pg_available_extensions WHERE name = 'vector'"
        ).fetchone()
        if offered is None:
            raise ParameterError(
                f"{server}: the server has no pgvector; install it there (Debian's package "
                "postgresql-VERSION-pgvector, conda-forge's pgvector), or choose another server"
            )
        try:
            connection.execute("CREATE EXTENSION vector")
        except psycopg.errors.InsufficientPrivilege as error:
            raise ParameterError(
                f"{server}: the database {database!r} has not taken in pgvector, and user "
                f"{connection.info.user!r} may not; its administrator can, by CREATE EXTENSION "
                "vector"
            ) from error
        version = _version(connection)
    if version is None:
        raise ParameterError(
            f"{server}: the database {database!r} has no pgvector; its administrator can change "
            "that, by CREATE EXTENSION vector"
        )
    if tuple(int(part) for part in version.split(".")[:2]) < LEAST_VERSION:
        least = ".".join(map(str, LEAST_VERSION))
        raise ParameterError(
            f"{server}: the database {database!r} has pgvector {version}, and {least} is the least "
            "that searches with filters; its administrator can renew it, by ALTER EXTENSION vector "
            "UPDATE"
        )


def teach_vectors(connection: psycopg.Connection[Any]) -> None:
    """Let a connection send rows of arrays as vectors."""
    try:
        from pgvector.psycopg import register_vector
    except ImportError as error:
        raise _missing() from error
    register_vector(connection)


def _version(connection: psycopg.Connection[Any]) -> str | None:
    found = connection.execute(
        "SELECT extversion FROM pg_extension WHERE extname = 'vector'"
    ).fetchone()
    return None if found is None else found[0]


def _words(error: psycopg.Error) -> str:
    """What the server says, in one line."""
    return " ".join((error.diag.message_primary or str(error)).split()).rstrip(".")


def _psycopg() -> Any:
    try:
        import psycopg
    except ImportError as error:
        raise _missing() from error
    return psycopg


def _missing() -> ParameterError:
    return ParameterError(
        "index='pgvector' needs the packages psycopg and pgvector: pip install 'seisgeo[index]' "
        "(or, with conda, psycopg and pgvector-python from conda-forge)"
    )
