"""The ASGI application: pages over HTTP, live events over WebSocket and as server-sent events."""

from __future__ import annotations

import os

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workstate.project.settings")

pages = get_asgi_application()  # sets Django up, which the imports below need

from workstate.core.live import event_streams, lifespan, sockets  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": event_streams.beside(pages),
        "websocket": sockets.application,
        "lifespan": lifespan.application,
    }
)
