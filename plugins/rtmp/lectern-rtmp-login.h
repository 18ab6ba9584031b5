/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* LecternRtmpLogin: a user and password, and how far a server has been told of them:
 * "authmod=adobe" (Adobe's access plugin) and "authmod=llnw" (Limelight). The server refuses
 * connect and says in its description what it wants; the client connects anew with that as the
 * query of its application, at most twice. The password never leaves but within a hash. Plain
 * memory, zero-initialised: nobody. Thread: any, one at a time. */
typedef struct
{
  char *user; /* NULL: nobody */
  char *password;
  gboolean named;    /* the server has been told who we are */
  gboolean answered; /* … and has had the answer to its challenge */
} LecternRtmpLogin;

void lectern_rtmp_login_clear (LecternRtmpLogin *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LecternRtmpLogin, lectern_rtmp_login_clear)

/* Whether @description, of a refused connect, asks for a login. */
gboolean lectern_rtmp_login_is_asked (const char *description);

/* What @description asks for. @app: the application; @nonce: (nullable): our part of the challenge,
 * else a random one. Returns: (transfer full): "authmod=…&user=…", for its query. Errors, which
 * tell no secret: DENIED: nobody, a wrong one, or in vain; NOT_SUPPORTED: another kind of login;
 * INVALID_DATA: a challenge that is none. */
char *lectern_rtmp_login_answer (LecternRtmpLogin *self, const char *description, const char *app,
                                 const char *nonce, GError **error);
