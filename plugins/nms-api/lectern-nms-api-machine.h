/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <lectern.h>

/* LecternNmsApiMachine: what the system tells of the machine, and how busy it is. */
typedef struct
{
  char *model;  /* of the first processor, "" unknown */
  gint64 speed; /* MHz, 0 unknown */
  guint64 busy; /* ticks, when last sampled */
  guint64 total;
  gint load; /* atomic: percent between the last two samples */
} LecternNmsApiMachine;

/* Reads what does not change, and samples. Thread: control. */
void lectern_nms_api_machine_init (LecternNmsApiMachine *self);
void lectern_nms_api_machine_clear (LecternNmsApiMachine *self);
/* To be called once a second or so. Thread: control. */
void lectern_nms_api_machine_sample (LecternNmsApiMachine *self);
/* Returns: (transfer full): what "os", "cpu" and "mem" are. Thread: any. */
JsonObject *lectern_nms_api_machine_describe_os (void);
JsonObject *lectern_nms_api_machine_describe_cpu (LecternNmsApiMachine *self);
JsonObject *lectern_nms_api_machine_describe_memory (void);
