"""Own every setting of Django and its apps, from the environment."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from statuspage import environment, logs

BASE_DIR = Path(__file__).resolve().parent.parent
ENV = environment.read()

SECRET_KEY = environment.secret_key(ENV)
DEBUG = ENV.debug
ALLOWED_HOSTS = ENV.hosts
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.forms",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.messages",
    "statuspage.apps.StaticFiles",
    "django_htmx",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "statuspage",
    "incidents",
    "monitors",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "statuspage.middleware.security_headers",
    "statuspage.middleware.refuse_nonsense",
    "statuspage.static_files.StaticFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "statuspage.middleware.ClosedByDefault",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "statuspage.urls"
ASGI_APPLICATION = "statuspage.asgi.application"
AUTH_USER_MODEL = "statuspage.User"
AUTHENTICATION_BACKENDS = ["statuspage.access.RoleBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/console/"
LOGOUT_REDIRECT_URL = ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "statuspage.sign_in.ClosedAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Standpipe"
# Browsers allow passkeys without TLS on localhost only; everywhere else they ask for TLS themselves.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not ENV.is_tls
SESSION_ENGINE = "statuspage.sessions"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = ENV.is_tls
SESSION_COOKIE_AGE = 14 * 24 * 3_600
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
# TLS ends at a proxy: uvicorn believes the X-Forwarded-Proto of STANDPIPE_TRUSTED_PROXIES, Django need not.
SECURE_SSL_REDIRECT = SECURE_HSTS_INCLUDE_SUBDOMAINS = ENV.is_tls
SECURE_REDIRECT_EXEMPT = [r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3_600 if ENV.is_tls else 0
# Preloading binds the whole domain for years: its owner's decision, not a status page's.
SILENCED_SYSTEM_CHECKS = ["security.W021"]
CSRF_TRUSTED_ORIGINS = [ENV.url.geturl()]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Rate limits of sign-in count over all web processes, so they live in the one place that all share.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "standpipe_cache",
        # Beyond this number counters that still count are thrown away: whoever guesses must not get there.
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    },
}
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
DATABASES = {"default": environment.database(ENV)}
STATIC_URL = "static/"
STATIC_ROOT = ENV.data_dir / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "statuspage.static_files.HashedFiles"},
}
# Files are found in the packages too: a page has its looks in a checkout where nothing was collected.
WHITENOISE_USE_FINDERS = True
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
LOGGING = logs.configuration(ENV.log_format, ENV.log_level)
LOCATION = ENV.location
ANCHORS = ENV.anchors
SPOOL_DIR = ENV.data_dir / "spool"
SPOOL_BYTES = ENV.spool_megabytes * 1024 * 1024
KEEP_OBSERVATIONS = timedelta(days=ENV.keep_observations_days)
KEEP_MINUTES = timedelta(days=ENV.keep_minutes_days)
KEEP_HOURS = timedelta(days=ENV.keep_hours_days)
KEEP_EVIDENCE = timedelta(days=ENV.keep_evidence_days)
