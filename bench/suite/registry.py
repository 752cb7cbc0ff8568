"""Every server there is, in the order in which tables show them."""

from .django_server import Django
from .indaba_server import Indaba
from .servers import BUILD, Beast, LimitCoalesce, LimitSend, LimitUring, Nchan, Server, SocketIo, UWebSockets, Ws


class Sqlite(Server):
    """No server: the raw rate of the database below Indaba."""

    name, title = "sqlite", "SQLite alone"
    kinds = frozenset({"sqlite"})

    @classmethod
    def missing(cls):
        return None if (BUILD / "bench_sqlite").exists() else "bench_sqlite is not built"

    def launch(self, workload):
        """Nothing to start."""


SERVERS = {server.name: server for server in (Indaba, LimitCoalesce, LimitUring, LimitSend, UWebSockets, Nchan, Beast, Ws, SocketIo,
                                              Django, Sqlite)}
