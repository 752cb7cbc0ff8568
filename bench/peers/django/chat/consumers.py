"""Readers join one group; what a publisher sends is broadcast to it."""

from channels.generic.websocket import AsyncWebsocketConsumer

GROUP = "bench"


class Reader(AsyncWebsocketConsumer):
    async def connect(self):
        await self.channel_layer.group_add(GROUP, self.channel_name)
        await self.accept()

    async def disconnect(self, code):
        await self.channel_layer.group_discard(GROUP, self.channel_name)

    async def broadcast(self, message):
        await self.send(text_data=message["text"])


class Publisher(AsyncWebsocketConsumer):
    async def receive(self, text_data=None, bytes_data=None):
        await self.channel_layer.group_send(GROUP, {"type": "broadcast", "text": text_data})
