from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.http import HttpResponse
from rest_framework.permissions import IsAdminUser
from rest_framework.response import Response
from rest_framework.views import APIView


def alive(request):
    return HttpResponse("ok")


class TaskView(APIView):
    """Changes a task, and tells the organisation's group: this is all that there is to publishing, with Indaba and without."""

    def patch(self, request, org, task):
        status = request.data["status"]
        async_to_sync(get_channel_layer().group_send)(
            f"org-{org}", {"type": "task.status_changed", "task_id": task, "status": status, "by": request.user.username})
        return Response({"task": task, "status": status})


class GroupView(APIView):
    """Tells a group whatever an administrator likes: one message, or `times` of them."""

    permission_classes = [IsAdminUser]

    def post(self, request, group):
        send = async_to_sync(self._send)
        send(group, request.data["message"], int(request.data.get("times", 1)))
        return Response({"sent": int(request.data.get("times", 1))})

    @staticmethod
    async def _send(group, message, times):
        layer = get_channel_layer()
        for number in range(times):
            await layer.group_send(group, {**message, "number": number} if times > 1 else message)
