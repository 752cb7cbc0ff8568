"""Three views behind Django's own sessions: who am I, a page of 50, and store-then-broadcast."""

import json

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.http import HttpResponse, JsonResponse

from .consumers import GROUP
from .models import Message


def signed_in(view):
    def guarded(request):
        if not request.user.is_authenticated:
            return HttpResponse(status=401)
        return view(request)

    return guarded


def as_json(message):
    return {"id": message.id, "author": message.author_id, "body": message.body, "created_at": message.created_at.isoformat()}


@signed_in
def me(request):
    return JsonResponse({"id": request.user.id, "username": request.user.username})


@signed_in
def page(request):
    return JsonResponse({"messages": [as_json(message) for message in Message.objects.order_by("-id")[:50]]})


@signed_in
def publish(request):
    message = Message.objects.create(author=request.user, body=request.body.decode())
    async_to_sync(get_channel_layer().group_send)(GROUP, {"type": "broadcast", "text": json.dumps(as_json(message))})
    return JsonResponse({"id": message.id}, status=201)
