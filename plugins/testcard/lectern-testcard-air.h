/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* LecternTestcardAir: one spell of the test picture on the air: a worker and the right to publish
 * what it makes. Its worker lives on a reactor of its own choice. */
typedef struct _LecternTestcardAir LecternTestcardAir;

/* It is over. @error: NULL: somebody else publishes; else why it failed or was ended. Thread:
 * control. */
typedef void (*LecternTestcardOverFunc) (const GError *error, gpointer user_data);

/* Begins; the stream is published once there is a picture. @parameters: the job's. Returns:
 * (transfer full). Thread: control. */
LecternTestcardAir *lectern_testcard_air_new (LecternHost *host, const char *stream,
                                              JsonObject *parameters, LecternTestcardOverFunc over,
                                              gpointer user_data);
/* No call follows; what is on the air ends. Thread: control. */
void lectern_testcard_air_free (LecternTestcardAir *self);
