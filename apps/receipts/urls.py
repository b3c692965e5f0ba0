"""Where receipts live: public pages, the log, the dashboard's page, and the API's paths."""

from django.urls import path

from apps.receipts import api, log_views, views

pages = [
    path("verify/", views.verify_upload, name="verify-upload"),
    path("verify/<str:receipt_id>", views.verify_page, name="verify"),
    path("verify/<str:receipt_id>/receipt.json", views.receipt_json, name="verify-json"),
    path("verify/<str:receipt_id>/receipt.pdf", views.receipt_pdf, name="verify-pdf"),
    path("dashboard/receipts/", views.ReceiptsPage.as_view(), name="receipts"),
]
log = [
    path("log/", log_views.home, name="log-home"),
    path("log/checkpoint", log_views.checkpoint, name="log-checkpoint"),
    path("log/tile/entries/<path:place>", log_views.entries, name="log-entries"),
    path("log/tile/<str:level>/<path:place>", log_views.tile, name="log-tile"),
]
endpoints = [
    path("receipts", api.ReceiptsApi.as_view()),
    path("receipts/<str:receipt_id>", api.ReceiptApi.as_view()),
    path("receipts/<str:receipt_id>/pdf", api.ReceiptPdfApi.as_view()),
    path("public/receipts/verify", api.VerifyReceiptApi.as_view()),
    path("public/receipts/<str:receipt_id>", api.PublicReceiptApi.as_view()),
    path("public/keys", api.PublicKeysApi.as_view()),
]
