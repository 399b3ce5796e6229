"""Plain Channels with channels_redis: a group, a consumer, a session, as its tutorial has them."""

from __future__ import annotations

import json

from asgiref.sync import async_to_sync
from channels.auth import AuthMiddlewareStack
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

GROUP = "news"


class NewsConsumer(AsyncWebsocketConsumer):
    """Sends everybody who is signed in what is sent to the group."""

    async def connect(self) -> None:
        if self.scope["user"].is_authenticated:
            await self.channel_layer.group_add(GROUP, self.channel_name)
            await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(GROUP, self.channel_name)

    async def news_told(self, message: dict[str, object]) -> None:
        await self.send(text_data=json.dumps(message["event"]))


def tell(event: dict[str, object]) -> None:
    """Send an event to the group."""
    async_to_sync(get_channel_layer().group_send)(GROUP, {"type": "news.told", "event": event})


application = ProtocolTypeRouter(
    {"http": get_asgi_application(), "websocket": AuthMiddlewareStack(NewsConsumer.as_asgi())}
)
