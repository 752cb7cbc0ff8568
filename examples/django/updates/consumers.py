from channels.generic.websocket import AsyncJsonWebsocketConsumer


class GroupConsumer(AsyncJsonWebsocketConsumer):
    """The endpoint as it was before: who opens it joins a group, and sees what the group is told."""

    async def connect(self):
        self.group = self.scope["url_route"]["kwargs"]["group"]
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()
        await self.send_json({"type": "joined", "group": self.group})

    async def disconnect(self, code):
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive_json(self, content):
        """What one says, all hear."""
        await self.channel_layer.group_send(self.group, {"type": "chat.message", "text": content["text"]})

    # One handler a type. A type without one ends this consumer: that is why Indaba sends those that it is told to send, and no other.

    async def chat_message(self, event):
        await self.send_json(event)

    async def task_status_changed(self, event):
        await self.send_json(event)

    async def deploy_finished(self, event):
        """Comes from Indaba: {"type", "seq", "created_at", …}."""
        await self.send_json(event)
