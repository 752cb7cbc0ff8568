import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example.settings")
http = get_asgi_application()

from updates.consumers import GroupConsumer  # noqa: E402  (models need the application)

application = ProtocolTypeRouter({
    "http": http,
    "websocket": URLRouter([path("ws/groups/<str:group>/", GroupConsumer.as_asgi())]),
})
