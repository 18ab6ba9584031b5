/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gi18n-lib.h>

#include "daemon/lectern-options.h"

#include "daemon/lectern-pid-file.h"
#include "plugin/lectern-host-private.h"

#include <errno.h>
#include <signal.h>

LecternExit
lectern_command_reload (int argc, char **argv)
{
  g_auto (LecternOptions) options = { NULL };
  g_auto (LecternSetup) setup = { NULL };
  g_autofree char *state_dir = NULL;
  g_autoptr (GError) error = NULL;
  gint64 pid;

  if (!lectern_options_parse (&options, "",
                              _ ("Checks the settings, then makes the running server read them "
                                 "again. It takes them whole or not at all; its log says which."),
                              NULL, 0, 0, &argc, &argv))
    return LECTERN_EXIT_USAGE;
  if (!lectern_setup_load (&setup, &options, &error))
    return lectern_command_fail (error);
  state_dir = lectern_host_dup_state_dir (setup.config);
  pid = lectern_pid_file_find (state_dir, &error);
  if (pid == 0)
    return lectern_command_fail (error);
  if (kill ((pid_t) pid, SIGHUP) == 0)
    return LECTERN_EXIT_OK;
  lectern_error_set_errno (&error, errno, "cannot signal the server, process %" G_GINT64_FORMAT,
                           pid);
  return lectern_command_fail (error);
}
