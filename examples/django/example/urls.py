from django.urls import path
from rest_framework.authtoken.views import obtain_auth_token
from rest_framework_simplejwt.views import TokenObtainPairView
from updates import views

urlpatterns = [
    path("api/token/", TokenObtainPairView.as_view()),
    path("api/token-auth/", obtain_auth_token),
    path("api/orgs/<int:org>/tasks/<int:task>/", views.TaskView.as_view()),
    path("api/groups/<str:group>/", views.GroupView.as_view()),
    path("alive/", views.alive),
]
