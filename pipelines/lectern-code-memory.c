/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lectern-code-memory.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <orc/orc.h>
#include <orc/orccode.h>
#include <sys/mman.h>
#include <unistd.h>

/* ORC's unit. The routines of a ladder take a tenth of them all. */
#define REGION (64 * 1024)
#define REGIONS 16

static gboolean
can_map (int protection, int flags, int fd)
{
  void *memory = mmap (NULL, REGION, protection, flags, fd, 0);

  if (memory == MAP_FAILED)
    return FALSE;
  munmap (memory, REGION);
  return TRUE;
}

/* ORC tries these folders too, in this order. */
static gboolean
can_map_a_file (void)
{
  const char *const folders[]
      = { g_getenv ("XDG_RUNTIME_DIR"), g_getenv ("HOME"), g_getenv ("TMPDIR"), "/tmp" };
  gboolean mapped = FALSE;

  for (gsize i = 0; i < G_N_ELEMENTS (folders) && !mapped; i++)
    {
      g_autofree char *path
          = folders[i] != NULL ? g_build_filename (folders[i], "orcexec.XXXXXX", NULL) : NULL;
      int fd = path != NULL ? g_mkstemp (path) : -1;

      if (fd < 0)
        continue;
      (void) g_unlink (path);
      mapped = ftruncate (fd, REGION) == 0 && can_map (PROT_READ | PROT_EXEC, MAP_SHARED, fd);
      close (fd);
    }
  return mapped;
}

static void
take_regions (void)
{
  OrcCode *codes[REGIONS];

  orc_init ();
  for (guint i = 0; i < REGIONS; i++)
    {
      codes[i] = orc_code_new ();
      orc_code_allocate_codemem (codes[i], REGION);
    }
  /* They stay mapped, and are given out again. */
  for (guint i = 0; i < REGIONS; i++)
    orc_code_free (codes[i]);
}

void
lectern_code_memory_reserve (void)
{
  if (can_map (PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1))
    return;
  if (can_map_a_file ())
    take_regions ();
  else
    {
      g_setenv ("ORC_CODE", "backup", TRUE);
      g_message ("no memory may be run here: GStreamer's slow routines are used");
    }
}
