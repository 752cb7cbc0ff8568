import os

import django
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chat.settings")
django.setup()

from django.urls import path  # noqa: E402  (needs what setup() made)

from .consumers import Publisher, Reader  # noqa: E402

application = ProtocolTypeRouter({
    "http": get_asgi_application(),
    "websocket": URLRouter([path("ws/sub", Reader.as_asgi()), path("ws/pub", Publisher.as_asgi())]),
})
