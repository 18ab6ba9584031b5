/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "base/lectern-error.h"

/* The subcommands of `lectern`, one file each. argv[0] is the subcommand's name. */

typedef enum
{
  LECTERN_EXIT_OK = 0,
  LECTERN_EXIT_FAILED = 1,
  LECTERN_EXIT_USAGE = 2,
  LECTERN_EXIT_CONFIG = 3,
  LECTERN_EXIT_ADDRESS_IN_USE = 4,
  LECTERN_EXIT_DATA_DAMAGED = 5,
} LecternExit;

LecternExit lectern_command_serve (int argc, char **argv);
LecternExit lectern_command_demo (int argc, char **argv);
LecternExit lectern_command_check (int argc, char **argv);
LecternExit lectern_command_plugins (int argc, char **argv);
LecternExit lectern_command_settings (int argc, char **argv);
LecternExit lectern_command_reload (int argc, char **argv);
LecternExit lectern_command_status (int argc, char **argv);
LecternExit lectern_command_key (int argc, char **argv);

/* Prints "lectern: " and the message, in the language of the terminal. Returns: the exit code that
 * fits: 3 for INVALID_CONFIG, else 1. */
LecternExit lectern_command_fail (const GError *error);
