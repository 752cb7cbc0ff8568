from django.urls import path

from . import views

urlpatterns = [path("me", views.me), path("page", views.page), path("publish", views.publish)]
