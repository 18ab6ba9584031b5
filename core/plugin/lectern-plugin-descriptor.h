/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-macros.h"
#include "config/lectern-setting.h"

#include <glib-object.h>

/* The number grows when a plugin built against older headers would break. */
#define LECTERN_PLUGIN_ABI 1

/* LecternPluginDescriptor: the one symbol a module exports, "lectern_plugin_descriptor": constant
 * data, read before any of the module's code runs. */
typedef struct
{
  guint32 abi;      /* LECTERN_PLUGIN_ABI of the headers it was built with */
  guint32 size;     /* sizeof this struct there */
  const char *name; /* "http-flv": the file's name and the keyfile's group */
  const char *version;
  const char *summary;            /* one sentence, N_() */
  const LecternSetting *settings; /* ends with { NULL }; NULL: none */
  const char *needs; /* plugins that must have started, separated by spaces; NULL: none */
  const char *after; /* plugins to start before it if they are enabled; NULL: none */
  gboolean enabled;  /* on unless [plugins] says otherwise */
  GType (*get_type) (void);
} LecternPluginDescriptor;

/* The ABI number also stands in an ELF note of the module, so that a module of another ABI is
 * refused before the dynamic loader touches it. Section ".note.lectern" (the name makes compiler
 * and assembler give it the type SHT_NOTE), owner "Lectern", type 1, descriptor: one 32-bit number.
 */
#define LECTERN_PLUGIN_NOTE_OWNER "Lectern"
#define LECTERN_PLUGIN_NOTE_TYPE 1
typedef struct
{
  guint32 name_size;
  guint32 descriptor_size;
  guint32 type;
  char name[8];
  guint32 abi;
} LecternPluginNote;

/* LECTERN_PLUGIN_DEFINE (http_flv, .summary = N_("FLV over HTTP"), .settings = settings)
 *
 * @id: the folder's name with underscores; the type is found as lectern_ID_plugin_get_type, and the
 * build defines LECTERN_PLUGIN_NAME ("http-flv") and LECTERN_PLUGIN_VERSION. */
#define LECTERN_PLUGIN_DEFINE(id, ...)                                                             \
  GType lectern_##id##_plugin_get_type (void);                                                     \
  __attribute__ ((section (".note.lectern"), used,                                                 \
                  aligned (4))) static const LecternPluginNote lectern_plugin_note                 \
      = { .name_size = sizeof (LECTERN_PLUGIN_NOTE_OWNER),                                         \
          .descriptor_size = 4,                                                                    \
          .type = LECTERN_PLUGIN_NOTE_TYPE,                                                        \
          .name = LECTERN_PLUGIN_NOTE_OWNER,                                                       \
          .abi = LECTERN_PLUGIN_ABI };                                                             \
  LECTERN_API extern const LecternPluginDescriptor lectern_plugin_descriptor;                      \
  const LecternPluginDescriptor lectern_plugin_descriptor                                          \
      = { .abi = LECTERN_PLUGIN_ABI,                                                               \
          .size = sizeof (LecternPluginDescriptor),                                                \
          .name = LECTERN_PLUGIN_NAME,                                                             \
          .version = LECTERN_PLUGIN_VERSION,                                                       \
          .get_type = lectern_##id##_plugin_get_type,                                              \
          __VA_ARGS__ };
