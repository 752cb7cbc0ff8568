"""Makes the tables, a user with a session, and 200 messages; prints the session's cookie."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chat.settings")
django.setup()

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.contrib.sessions.backends.signed_cookies import SessionStore  # noqa: E402
from django.core.management import call_command  # noqa: E402

from chat.models import Message  # noqa: E402


def main():
    call_command("migrate", verbosity=0)
    user = User.objects.create_user("anna")
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    Message.objects.bulk_create(Message(author=user, body="x" * 200) for _ in range(200))
    print(f"sessionid={session.session_key}")


if __name__ == "__main__":
    main()
