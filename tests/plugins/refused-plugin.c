/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module that must be refused, in the way that the build chooses. Its constructor leaves a proof
 * if it ever runs: a file at $LECTERN_TEST_PROOF. */
#include <lectern.h>

#ifndef REFUSED_NOTE_SIZE
#define REFUSED_NOTE_SIZE 4
#endif
#ifndef REFUSED_SIZE
#define REFUSED_SIZE sizeof (LecternPluginDescriptor)
#endif

#ifdef REFUSED_NOTE_ABI
__attribute__ ((section (".note.lectern"), used, aligned (4))) static const LecternPluginNote note
    = { sizeof (LECTERN_PLUGIN_NOTE_OWNER), REFUSED_NOTE_SIZE, LECTERN_PLUGIN_NOTE_TYPE,
        LECTERN_PLUGIN_NOTE_OWNER, REFUSED_NOTE_ABI };
#endif

#ifdef REFUSED_PROOF
__attribute__ ((constructor)) static void
leave_proof (void)
{
  const char *path = g_getenv ("LECTERN_TEST_PROOF");

  if (path != NULL)
    g_file_set_contents (path, "code of a refused module ran\n", -1, NULL);
}
#endif

#ifdef REFUSED_CALL
void lectern_test_no_such_function (void);
LECTERN_API void lectern_test_caller (void);

void
lectern_test_caller (void)
{
  lectern_test_no_such_function ();
}
#endif

#ifdef REFUSED_NAME
#ifdef REFUSED_SETTING
static const LecternSetting rows[] = {
  { "number", LECTERN_SETTING_INTEGER, "10", "1", "9", N_ ("Its default is out of range") },
  { NULL },
};
#else
#define rows NULL
#endif

LECTERN_API extern const LecternPluginDescriptor lectern_plugin_descriptor;
const LecternPluginDescriptor lectern_plugin_descriptor = { .abi = LECTERN_PLUGIN_ABI,
                                                            .size = REFUSED_SIZE,
                                                            .name = REFUSED_NAME,
                                                            .version = "1",
                                                            .settings = rows,
                                                            .get_type = lectern_plugin_get_type };
#endif
