"""`manage.py runserver`: Django's development server, live: it speaks ASGI, so pages have their sockets."""

from __future__ import annotations

from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.commands.runserver import Command as DjangoCommand
from django.utils import autoreload

from workstate.web.serving import COMPRESSED, MESSAGE_LIMIT_BYTES, WEBSOCKETS

GRACE_SECONDS_FOR_REQUESTS = 1


class Command(DjangoCommand):
    """Serves the ASGI application; checks, migrations and reloading are Django's."""

    addr: str
    port: str
    _raw_ipv6: bool

    help = "Starts the development server, with live updates."

    def inner_run(self, *args: Any, **options: Any) -> None:
        """Check the project and serve until interrupted; runs again at each change of the code."""
        autoreload.raise_last_exception()
        if not options["skip_checks"]:
            self.stdout.write("Performing system checks...\n")
            self.check(display_num_errors=True)
        self.check_migrations()
        host = f"[{self.addr}]" if self._raw_ipv6 else self.addr
        self.stdout.write(f"Workstate is at http://{host}:{self.port}/ for development. Ctrl-C stops it.\n")
        server = uvicorn.Server(
            uvicorn.Config(
                settings.ASGI_APPLICATION.replace(".application", ":application"),
                host=self.addr,
                port=int(self.port),
                ws=WEBSOCKETS,
                ws_per_message_deflate=COMPRESSED,
                ws_max_size=MESSAGE_LIMIT_BYTES,
                timeout_graceful_shutdown=GRACE_SECONDS_FOR_REQUESTS,
                log_level="info",
            )
        )
        server.run()
