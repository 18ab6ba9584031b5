/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* LecternTestcardAir: one spell of the test picture on the air: a worker and the right to publish
 * what it makes. Its worker lives on a reactor of its own choice. */
typedef struct _LecternTestcardAir LecternTestcardAir;

typedef enum
{
  LECTERN_TESTCARD_TAKEN,  /* somebody else publishes */
  LECTERN_TESTCARD_ENDED,  /* somebody has ended the stream */
  LECTERN_TESTCARD_FAILED, /* the picture cannot be made */
} LecternTestcardEnd;

/* It is over. @error: (nullable): why. Thread: control. */
typedef void (*LecternTestcardOverFunc) (LecternTestcardEnd how, const GError *error,
                                         gpointer user_data);

/* Begins; the stream is published once there is a picture. @parameters: the job's. Returns:
 * (transfer full). Thread: control. */
LecternTestcardAir *lectern_testcard_air_new (LecternHost *host, const char *stream,
                                              JsonObject *parameters, LecternTestcardOverFunc over,
                                              gpointer user_data);
/* No call follows; what is on the air ends. Thread: control. */
void lectern_testcard_air_free (LecternTestcardAir *self);
