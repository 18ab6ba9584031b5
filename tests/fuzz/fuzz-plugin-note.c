/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The reader of a module's ELF note, which sees files before anything else has judged them. */
#include "plugin/lectern-plugin-module.h"

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (GError) error = NULL;
  guint32 abi = 0;
  gboolean found = lectern_plugin_module_read_abi (data, size, &abi, &error);

  g_assert_true (found == (error == NULL));
  return 0;
}
