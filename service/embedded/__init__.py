"""A PostgreSQL server of our own, started from binaries that come with the package, for whoever has none.

Several processes of one machine share it: the first one starts it, the last one to leave stops it. What holds it all
together are locks of the kernel on files in the data folder, which vanish with the process that held them, so a killed
process leaves nothing that needs cleaning up:

``lock``
    exclusive while somebody starts or stops the server;
``users``
    shared, held by each user as long as it uses the server;
``alive``
    exclusive, inherited by every process of the server: it is free exactly when none of them lives. No process id is
    ever trusted to tell that.

Why not the manager that comes with the binaries: ``service/decisions/0002-embedded-postgres.md``.
"""

from service.embedded.failures import EmbeddedError
from service.embedded.sharing import Server, database, remove, start

__all__ = ["EmbeddedError", "Server", "database", "remove", "start"]
