/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-nms-api-guard.h"

#include "lectern-nms-api-json.h"

#include <string.h>

#define ATTEMPTS 10
#define ATTEMPTS_PER_SECOND (1.0 / 6)
/* Addresses remembered at once. */
#define MAX_ADDRESSES 1024

struct _LecternNmsApiGuard
{
  GObject parent_instance;

  char *user;
  char *password;
  GHashTable *attempts; /* address → LecternRateLimiter, of those that have failed */
};

/* Both are compared in any case, so that the time tells nothing of the name. */
static gboolean
is_right (LecternNmsApiGuard *self, const char *text)
{
  g_auto (LecternCredential) credential = { 0 };
  gboolean user, password;

  if (!lectern_credential_parse (text, &credential, NULL) || credential.password == NULL)
    return FALSE;
  user = lectern_secret_equal (credential.username, self->user);
  password = lectern_secret_equal (credential.password, self->password);
  return user && password;
}

/* One network of IPv6 is one address. */
static char *
get_key (const LecternAddress *peer)
{
  LecternAddress address = *peer;

  if (!lectern_address_is_ipv4 (&address))
    memset (address.ip + 8, 0, 8);
  return lectern_address_to_ip_string (&address);
}

/* Each attempt takes a token; a right one gives it back. */
static LecternRateLimiter *
find_limiter (LecternNmsApiGuard *self, const char *key, gint64 now_us)
{
  LecternRateLimiter *limiter = g_hash_table_lookup (self->attempts, key);

  if (limiter != NULL)
    return limiter;
  if (g_hash_table_size (self->attempts) >= MAX_ADDRESSES)
    g_hash_table_remove_all (self->attempts);
  limiter = g_new0 (LecternRateLimiter, 1);
  lectern_rate_limiter_init (limiter, ATTEMPTS_PER_SECOND, ATTEMPTS, now_us);
  g_hash_table_insert (self->attempts, g_strdup (key), limiter);
  return limiter;
}

static LecternVerdict
check (LecternGuard *guard, LecternAccessRequest *request, LecternIdentity **identity,
       GError **error)
{
  LecternNmsApiGuard *self = LECTERN_NMS_API_GUARD (guard);
  gint64 now_us = lectern_clock_now_us ();
  g_autofree char *key = NULL;

  if (g_strcmp0 (request->thing, LECTERN_NMS_API_THING) != 0 || request->credential == NULL
      || g_ascii_strncasecmp (request->credential, "Basic ", 6) != 0)
    return LECTERN_VERDICT_ABSTAIN;
  key = get_key (&request->peer);
  if (!lectern_rate_limiter_take (find_limiter (self, key, now_us), now_us))
    {
      g_set_error (error, LECTERN_ERROR, LECTERN_ERROR_LIMIT, "too many wrong passwords from %s",
                   key);
      return LECTERN_VERDICT_DENY;
    }
  if (!is_right (self, request->credential))
    {
      g_set_error_literal (error, LECTERN_ERROR, LECTERN_ERROR_DENIED, "wrong name or password");
      return LECTERN_VERDICT_DENY;
    }
  g_hash_table_remove (self->attempts, key);
  *identity = lectern_identity_new (LECTERN_NMS_API_THING, self->user, self->user);
  return LECTERN_VERDICT_ALLOW;
}

static gboolean
check_now (LecternGuard *guard, LecternAccessRequest *request, LecternVerdict *verdict,
           LecternIdentity **identity)
{
  *verdict = LECTERN_VERDICT_ABSTAIN;
  return g_strcmp0 (request->thing, LECTERN_NMS_API_THING) != 0;
}

static const char *
get_challenge (LecternGuard *guard, LecternAccessRequest *request)
{
  return g_strcmp0 (request->thing, LECTERN_NMS_API_THING) == 0
             ? "Basic realm=\"Lectern\", charset=\"UTF-8\""
             : NULL;
}

static void
guard_init (LecternGuardInterface *iface)
{
  iface->check = check;
  iface->check_now = check_now;
  iface->get_challenge = get_challenge;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (LecternNmsApiGuard, lectern_nms_api_guard, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (LECTERN_TYPE_GUARD, guard_init))

LecternNmsApiGuard *
lectern_nms_api_guard_new (void)
{
  return g_object_new (LECTERN_TYPE_NMS_API_GUARD, NULL);
}

void
lectern_nms_api_guard_set (LecternNmsApiGuard *self, const char *user, const char *password)
{
  g_free (self->user);
  g_free (self->password);
  self->user = g_strdup (user);
  self->password = g_strdup (password);
}

static void
lectern_nms_api_guard_finalize (GObject *object)
{
  LecternNmsApiGuard *self = LECTERN_NMS_API_GUARD (object);

  g_free (self->user);
  g_free (self->password);
  g_hash_table_unref (self->attempts);
  G_OBJECT_CLASS (lectern_nms_api_guard_parent_class)->finalize (object);
}

static void
lectern_nms_api_guard_class_init (LecternNmsApiGuardClass *class)
{
  G_OBJECT_CLASS (class)->finalize = lectern_nms_api_guard_finalize;
}

static void
lectern_nms_api_guard_init (LecternNmsApiGuard *self)
{
  self->attempts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
}
