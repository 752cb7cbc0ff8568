"""A small Django site with Channels, as many are. Nothing in it knows of Indaba; the names of the environment are those that Indaba
reads too, so that one file serves both."""

import os
import pathlib
import urllib.parse

BASE_DIR = pathlib.Path(__file__).resolve().parent.parent
SECRET_KEY = os.environ["DJANGO_SECRET_KEY"]
DEBUG = False
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
ROOT_URLCONF = "example.urls"
ASGI_APPLICATION = "example.asgi.application"
INSTALLED_APPS = [
    "daphne",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "rest_framework",
    "rest_framework.authtoken",
    "channels",
    "updates",
]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


def database(url):
    if not url:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("EXAMPLE_SQLITE", BASE_DIR / "db.sqlite3")}
    parts = urllib.parse.urlsplit(url)
    query = urllib.parse.parse_qs(parts.query)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": parts.username or "",
        "PASSWORD": urllib.parse.unquote(parts.password or ""),
        "HOST": query.get("host", [parts.hostname or ""])[0],
        "PORT": query.get("port", [parts.port or ""])[0],
    }


DATABASES = {"default": database(os.environ.get("EXAMPLE_DATABASE_URL", ""))}

# Indaba's setting bridge.layer says "pubsub" or "core", after the class that stands here.
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": {
            "pubsub": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "core": "channels_redis.core.RedisChannelLayer",
        }[os.environ.get("EXAMPLE_LAYER", "pubsub")],
        "CONFIG": {
            "hosts": [os.environ.get("PUBSUB_REDIS_URL", "redis://localhost:6379/0")],
            # Of the core layer alone: how many messages may wait for one reader, Indaba among them.
            **({"capacity": 10_000} if os.environ.get("EXAMPLE_LAYER") == "core" else {}),
        },
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework_simplejwt.authentication.JWTAuthentication",
        "rest_framework.authentication.TokenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}
