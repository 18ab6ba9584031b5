/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/lectern-error.h"

int
main (int argc, char **argv)
{
  return 0;
}
